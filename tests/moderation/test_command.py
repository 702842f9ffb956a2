"""The `classifiers` command of its own process: what it says comes back, what it must not know is kept from it, and it ends."""

import os
import time
from pathlib import Path

import pytest

from moderation import command
from moderation.command import first_lines, last_line, refuse_unless_done, run
from moderation.errors import ModelRefused


def test_nothing_of_the_services_secrets_reaches_the_command(monkeypatch) -> None:
    monkeypatch.setenv("MODERATION_PEPPER", "secret")
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "/somewhere")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["/a", "", str(Path(command.__file__).parents[1]), "/a"]))
    told = command._environment()
    assert not [name for name in told if name.startswith(("MODERATION_", "PROMETHEUS_"))]
    assert told["OMP_NUM_THREADS"] == told["OPENBLAS_NUM_THREADS"] == "1"
    assert told["PYTHONPATH"].split(os.pathsep) == [str(Path(command.__file__).parents[1]), "/a"]
    assert told["PATH"] == os.environ["PATH"]


async def test_a_command_that_takes_too_long_is_ended_and_said_to_be(tmp_path) -> None:
    began = time.monotonic()
    with pytest.raises(ModelRefused, match="`classifiers list` took longer than 0 s and was ended"):
        await run(tmp_path, "list", seconds=0.01)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("a trace\n\nclassifiers: no version 'v9'\n \n", "no version 'v9'"),
        ("only this", "only this"),
        ("", "the command failed without a word"),
        (" \n\n", "the command failed without a word"),
        ("x" * 5000, "x" * 2000),
    ],
)
def test_of_what_it_says_the_last_line_is_told(said: str, line: str) -> None:
    assert last_line(said) == line
    with pytest.raises(ModelRefused) as refused:
        refuse_unless_done(command.Said(2, "", said))
    assert str(refused.value) == line
    refuse_unless_done(command.Said(0, "", said))


@pytest.mark.parametrize(("count", "kept"), [(0, b""), (2, b"1\n2\n"), (3, b"1\n2\n3"), (9, b"1\n2\n3")])
def test_of_a_file_the_first_lines_are_copied_and_counted(tmp_path, count: int, kept: bytes) -> None:
    (tmp_path / "rows").write_bytes(b"1\n2\n3")
    assert first_lines(tmp_path / "rows", tmp_path / "some", count) == min(count, 3)
    assert (tmp_path / "some").read_bytes() == kept
