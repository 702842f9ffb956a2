"""Every Lua script says what it is given and what it answers, and is one that a server takes."""

import re
from pathlib import Path

import pytest

from moderation.store import scripts
from moderation.store.connection import Connection

FOLDER = Path(scripts.__file__).parent / "lua"
NAMES = sorted(path.stem for path in FOLDER.glob("*.lua") if not path.stem.startswith("_"))


@pytest.mark.parametrize("name", NAMES)
def test_a_script_has_a_header(name: str) -> None:
    header = re.match(r"(?:--.*\n)+", (FOLDER / f"{name}.lua").read_text())
    assert header, "the file opens with comment lines"
    first = header.group().splitlines()[0]
    assert re.fullmatch(r"-- [A-Z].*[.:,]?.*", first)
    assert "KEYS[1]" in header.group()
    assert "returns" in header.group()


@pytest.mark.parametrize("name", NAMES)
async def test_a_server_takes_the_script(connection: Connection, name: str) -> None:
    for one in (scripts.script(name), scripts.draining(name)):
        assert await connection.execute("SCRIPT LOAD", one.text) == one.sha


@pytest.mark.parametrize("path", sorted(FOLDER.glob("_*.lua")), ids=lambda path: path.stem)
def test_a_part_says_that_it_is_one_and_is_included_somewhere(path: Path) -> None:
    assert path.read_text().startswith("-- (part)")
    included = f"--#include {path.stem}\n"
    assert any(included in (FOLDER / f"{name}.lua").read_text() for name in NAMES)


def test_a_part_is_put_in_where_it_is_named_and_only_there() -> None:
    assert "local function stamp()" in scripts.script("record_comments").text
    assert "#include" not in "".join(scripts.script(name).text for name in NAMES)
    assert scripts.draining("move_comment").text.startswith("#!lua flags=allow-oom\n")
    assert scripts.script("move_comment") is scripts.script("move_comment")
