"""The command: what it prints, what it refuses in one line, and that an interrupted one has changed nothing."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from classifiers.cli import main
from classifiers.dataset import read_file
from classifiers.manifest import ATTRIBUTES, read_manifest
from classifiers.registry import BUNDLED, Registry
from tests.classifiers.labels import lines, written
from tests.versions import added

REPOSITORY = Path(__file__).parents[2]
FIRST = read_manifest(BUNDLED).version


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "registry"


@pytest.fixture(scope="module")
def harbour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a registry that holds a version adapted to an invented site."""
    folder = tmp_path_factory.mktemp("harbour")
    learned = written(folder / "labels.jsonl", lines(260))
    result = run(folder / "registry", "adapt", "--data", learned, "--version", "harbour-1")
    assert result.exit_code == 0, result.output
    assert "toxicity: learned from 260 labels" in result.stdout
    return folder / "registry"


@pytest.fixture
def adapted(harbour: Path, root: Path) -> Path:
    return Path(shutil.copytree(harbour, root))


def run(root: Path, *words: object, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["--registry", str(root), *map(str, words)], input=stdin)


def json_of(result: Result) -> object:
    assert result.exit_code == 0, result.output
    return msgspec.json.decode(result.stdout)


def test_the_bundled_version_is_listed_as_active(root: Path) -> None:
    assert json_of(run(root, "list", "--json")) == [
        {"version": FIRST, "state": "active", "kind": "scratch", "made_at": read_manifest(BUNDLED).made_at}
    ]
    assert not root.exists()


def test_comments_are_scored_line_by_line(root: Path) -> None:
    asked = b'{"id":"a","text":"you are an idiot"}\n\n{"id":2,"text":""}\n{"text":"Nice photo","lang":"en"}\n'
    result = run(root, "score", "--input", "-", stdin=asked)
    answers = [msgspec.json.decode(line) for line in result.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == ["a", 2, None]
    assert all(answer["model"] == FIRST and len(answer["scores"]) == 7 for answer in answers)
    assert answers[0]["scores"]["toxicity"] > 0.5 > answers[2]["scores"]["toxicity"]


def test_an_adapted_version_is_compared_promoted_and_rolled_back(adapted: Path, root: Path, tmp_path: Path) -> None:
    later = written(tmp_path / "later.jsonl", lines(200, seed=9))
    compared = json_of(run(root, "compare", "harbour-1", "--data", later, "--json"))
    assert compared["changes"]["toxicity"]["auc_gain"]["value"] > 0  # type: ignore[index]
    assert "would have held" in run(root, "compare", "harbour-1", "--data", later).stdout
    assert run(root, "shadow", "harbour-1").exit_code == 0
    promoted = run(root, "promote", "harbour-1", "--decisions", later, "--by", "ann", "--force")
    assert promoted.exit_code == 0, promoted.output
    assert "harbour-1 is active" in promoted.stdout
    scored = run(root, "score", "--input", "-", stdin=b'{"id":1,"text":"you grumblewick"}')
    assert msgspec.json.decode(scored.stdout)["model"] == "harbour-1"
    assert f"{FIRST} is active again" in run(root, "rollback").stdout
    assert run(root, "rollback").exit_code == 2
    assert not (root / "active.json").exists()
    assert "ann" in run(root, "history").stdout


def test_a_reader_who_leaves_after_the_first_line_takes_no_version_away(root: Path, tmp_path: Path) -> None:
    labels = written(tmp_path / "labels.jsonl", lines(80))
    asked = ("adapt", "--data", str(labels), "--version", "harbour-9", "--min-labels", "40")
    words = [sys.executable, "-m", "classifiers", "--registry", str(root), *asked]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=REPOSITORY) as running:
        assert running.stdout is not None
        running.stdout.close()
    assert "harbour-9" in [one.manifest.version for one in Registry(root).list()]


def test_where_no_word_was_learned_it_is_said(root: Path, tmp_path: Path) -> None:
    labels = written(tmp_path / "labels.jsonl", lines(260))
    recipe = tmp_path / "level.toml"
    recipe.write_text("strengths = [0.0]\nbias_prior = 1.0\n")
    result = run(root, "adapt", "--data", labels, "--version", "level-1", "--recipe", recipe)
    assert result.exit_code == 0, result.output
    assert (
        "toxicity: no word learned from 260 labels, only level and steepness of its scores; judged on" in result.stdout
    )


def test_what_a_version_learned_does_not_speak_for_it(adapted: Path, root: Path, tmp_path: Path) -> None:
    learned, later = (
        written(tmp_path / "learned.jsonl", lines(260)),
        written(tmp_path / "later.jsonl", lines(60, seed=9)),
    )
    refused = run(root, "compare", "harbour-1", "--data", learned)
    assert refused.exit_code == 2
    told = f"classifiers: no label is left to judge by; labels left out: 260 learned by harbour-1 or {FIRST}\n"
    assert refused.stderr == told
    measured = run(root, "evaluate", "harbour-1", "--data", learned, "--data", later)
    assert re.search(r"harbour-1 on (5\d|60) rows", measured.stdout)
    assert re.fullmatch(r"labels left out: 260 learned by harbour-1.*\n", measured.stderr)
    compared = json_of(
        run(root, "compare", FIRST, "--against", "harbour-1", "--data", learned, "--data", later, "--json")
    )
    assert 50 <= compared["changes"]["toxicity"]["n"] <= 60  # type: ignore[index]


def test_a_single_label_of_an_attribute_has_no_line_in_a_comparison(adapted: Path, tmp_path: Path) -> None:
    first, *others = lines(60, seed=9)
    rows = written(tmp_path / "rows.jsonl", [{**first, "threat": 1}, *others])
    compared = run(adapted, "compare", "harbour-1", "--data", rows)
    assert compared.exit_code == 0, compared.output
    assert "toxicity" in compared.stdout
    assert "threat" not in compared.stdout


def test_a_dry_run_of_the_gate_changes_nothing(adapted: Path) -> None:
    asked = run(adapted, "promote", "harbour-1", "--dry-run")
    assert asked.exit_code == 0, asked.output
    assert "us a comment" in asked.stdout
    assert "the gate lets harbour-1 pass" in asked.stdout
    assert Registry(adapted).active() == FIRST


def test_a_dry_run_that_the_gate_refuses_says_so_and_ends_with_1(adapted: Path) -> None:
    folder = added(Registry(adapted), "off-1", shift=6.0)
    asked = run(adapted, "promote", folder.name, "--dry-run", "--force")
    assert asked.exit_code == 1, asked.output
    assert "NO  " in asked.stdout
    assert "the gate does not let off-1 pass; nothing was changed" in asked.stdout
    assert Registry(adapted).active() == FIRST


@pytest.mark.parametrize(
    ("lacks", "words"),
    [
        ({"calibration": {}}, "lacks calibration.spam, "),
        (
            {"features": {"traits": read_manifest(BUNDLED).features["traits"]}},
            "lacks features.shape, features.languages",
        ),
    ],
    ids=["calibration", "shape"],
)
def test_a_version_that_cannot_be_opened_does_not_become_the_shadow(root: Path, lacks: dict, words: str) -> None:
    folder = added(Registry(root), "hollow-1")
    manifest = msgspec.structs.replace(read_manifest(folder), **lacks)
    (folder / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    for asked in (("shadow", "hollow-1"), ("score", "--input", "-", "--version", "hollow-1")):
        refused = run(root, *asked, stdin=b'{"text":"x"}')
        assert refused.exit_code == 2, refused.output
        assert words in refused.stderr
        assert refused.stderr.count("\n") == 1
    assert Registry(root).shadow() is None


def test_figures_are_printed_and_as_json(root: Path, tmp_path: Path) -> None:
    rows = written(tmp_path / "rows.jsonl", lines(60))
    assert "toxicity" in run(root, "evaluate", "--data", rows).stdout
    found = json_of(run(root, "evaluate", "--data", rows, "--json"))
    assert found["attributes"]["toxicity"]["overall"]["n"] == 60  # type: ignore[index]


def test_thresholds_are_named_for_a_precision_and_a_calibrated_version_is_saved(root: Path, tmp_path: Path) -> None:
    rows = written(tmp_path / "rows.jsonl", lines(240))
    result = run(root, "calibrate", "--data", rows, "--precision", "0.9", "--save", "level-1")
    assert result.exit_code == 0, result.output
    assert "0.9" in result.stdout
    manifest = read_manifest(Registry(root).path("level-1"))
    assert manifest.figures["adapted"]["toxicity"]["strength"] in (0.0, None)


class Addresses(HTMLParser):
    """Notes every address a page would fetch, and every script."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.fetched += [
            value or "" for name, value in attrs if name in {"src", "href", "xlink:href", "action", "data"}
        ]


@pytest.mark.parametrize("against", [(), ("--against", FIRST)])
def test_a_report_is_one_page_that_fetches_nothing(root: Path, tmp_path: Path, against: tuple[str, ...]) -> None:
    told = [{**line, "text": f"<script>alert(1)</script> {line['text']}"} for line in lines(80)]
    rows, page = written(tmp_path / "rows.jsonl", told), tmp_path / "report.html"
    result = run(root, "report", FIRST, "--data", rows, "--out", page, *against)
    assert result.exit_code == 0, result.output
    text = page.read_text("utf-8")
    found = Addresses()
    found.feed(text)
    assert not [address for address in found.fetched if not address.startswith("#")]
    assert not found.tags & {"script", "link", "iframe", "img", "object"}
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)
    assert "svg" in found.tags


def test_a_version_is_exported_and_imported(adapted: Path, root: Path, tmp_path: Path) -> None:
    archive = tmp_path / "version.zip"
    assert run(root, "export", "harbour-1", archive).exit_code == 0
    assert run(tmp_path / "elsewhere", "import", archive).exit_code == 0
    assert Registry(tmp_path / "elsewhere").path("harbour-1").is_dir()
    assert run(tmp_path / "elsewhere", "import", archive).exit_code == 2


def test_training_from_rows_of_ones_own_gives_a_version(root: Path, tmp_path: Path) -> None:
    own = [line for at, name in enumerate(ATTRIBUTES) for line in lines(300, seed=at, attribute=name)]
    rows = written(tmp_path / "rows.jsonl", own)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("bits = 14\nrounds = 5\nfilters = 0\nseeds = false\n")
    out = tmp_path / "version"
    result = run(root, "train", "--data", rows, "--recipe", recipe, "--seed", 3, "--version", "own-1", "--out", out)
    assert result.exit_code == 0, result.output
    assert read_manifest(out).recipe["seed"] == 3
    assert run(root, "train", "--data", rows, "--recipe", recipe, "--out", out).exit_code == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["recipe.toml", "rows.jsonl", "version"]


@pytest.mark.parametrize(
    ("name", "says"), [("Bad Name", "is no name for a version"), (FIRST, "already in the registry")]
)
@pytest.mark.parametrize(
    ("command", "option"), [("train", "--version"), ("adapt", "--version"), ("calibrate", "--save")]
)
def test_a_name_that_cannot_be_had_is_refused_before_a_row_is_read(
    root: Path, command: str, option: str, name: str, says: str
) -> None:
    result = run(root, command, "--data", "/nosuch.jsonl", option, name)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert says in result.stderr
    assert not root.exists()


@pytest.mark.parametrize("command", ["train", "adapt"])
def test_the_recipe_of_a_command_is_shown_and_nothing_is_made(root: Path, command: str) -> None:
    shown = run(root, command, "--show-recipe")
    assert shown.exit_code == 0, shown.output
    assert ("bits = 19" in shown.stdout) is (command == "train")
    assert "min_labels = 200" in shown.stdout
    assert not root.exists()


def jsonl(rows: list[dict[str, object]]) -> bytes:
    return b"\n".join(map(msgspec.json.encode, rows))


GOOD = lines(3)


@pytest.mark.parametrize(
    ("words", "content"),
    [
        (("adapt", "--data", "FILE"), b"PAR1 no rows"),
        (("adapt", "--data", "FILE"), b'{"body":"x"}'),
        (("adapt", "--data", "FILE"), b'{"text":"","toxicity":1}'),
        (("adapt", "--data", "FILE"), b'{"text":"x","toxicity":3}'),
        (("adapt", "--data", "FILE"), msgspec.json.encode(GOOD[0])),
        (("adapt", "--data", "FILE", "--recipe", "/nosuch.toml"), msgspec.json.encode(GOOD[0])),
        (("adapt", "--data", "FILE", "--base", "nosuch"), msgspec.json.encode(GOOD[0])),
        (("adapt", "--data", "/nosuch.jsonl"), b""),
        (("adapt", "--data", "FILE"), jsonl(lines(300, share=1.0))),
        (("adapt", "--data", "FILE"), jsonl(lines(150))),
        (("adapt", "--data", "FILE"), jsonl(lines(900, share=0.01))),
        (("adapt", "--data", "FILE"), jsonl([dict(lines(1)[0], toxicity=at % 2) for at in range(400)])),
        (("adapt", "--data", "FILE", "--site", "elsewhere"), jsonl(lines(300))),
        (("adapt", "--data", "FILE", "--min-labels", "1"), jsonl(lines(300))),
        (("train", "--data", "FILE"), b"\xff\xfe"),
        (("train", "--data", "FILE", "--min-labels", "1"), jsonl(lines(300))),
        (("evaluate", "--data", "FILE"), b""),
        (("evaluate", "--data", "FILE"), b'{"text":"x","toxcity":1}'),
        (("evaluate", "nosuch", "--data", "FILE"), msgspec.json.encode(GOOD[0])),
        (("compare", "nosuch", "--data", "FILE"), msgspec.json.encode(GOOD[0])),
        (("calibrate", "--data", "FILE"), b"[]"),
        (("report", "--data", "FILE", "--out", "/nosuch/dir/x.html"), msgspec.json.encode(GOOD[0])),
        (("score", "--input", "FILE"), b'{"id":1}'),
        (("score", "--input", "FILE"), b'{"id":1,"text":"\xff"}'),
        (("score", "--input", "/nosuch"), b""),
        (("score", "--input", "FILE", "--version", "../etc"), b""),
        (("promote", "nosuch"), b""),
        (("promote", FIRST, "--decisions", "FILE"), b"{}"),
        (("rollback",), b""),
        (("shadow",), b""),
        (("shadow", "nosuch"), b""),
        (("shadow", FIRST), b""),
        (("import", "FILE"), b"PK no zip"),
        (("export", "nosuch", "FILE"), b""),
        (("nosuch",), b""),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_and_nothing_changes(
    root: Path, tmp_path: Path, words: tuple[str, ...], content: bytes
) -> None:
    path = tmp_path / "given.jsonl"
    path.write_bytes(content)
    result = run(root, *(str(path) if word == "FILE" else word for word in words))
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("classifiers: ")
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.output
    assert [entry.manifest.version for entry in Registry(root).list()] == [FIRST]
    assert not list(root.glob("*.json"))
    assert not list(root.glob("versions/*"))
    assert path.read_bytes() == content


def interrupted(root: Path, after: float, *words: object, by: signal.Signals = signal.SIGINT, at: bytes = b"") -> None:
    """Send a real Ctrl-C to the real command, or another signal, so many seconds after it began its work, or this step."""
    running = subprocess.Popen(
        [sys.executable, "-m", "classifiers", "--registry", str(root), *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
        | ({"FORCE_COLOR": "1"} if at else {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a run in the background ignores Ctrl-C
    )
    patience = time.monotonic() + 60
    while words[0] == "adapt" and not list(root.glob("versions/.staging-*")) and time.monotonic() < patience:
        time.sleep(0.02)
    shown = b""
    while at not in shown:
        shown += (piece := os.read(running.stderr.fileno(), 4096))
        assert piece, "it ended before"
    time.sleep(after)
    running.send_signal(by)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 128 + by
    told = b"classifiers: stopped before its end\n" if by is signal.SIGINT else b""
    assert said.endswith(told) if at else said == told


@pytest.mark.parametrize(
    ("by", "after"),
    [(signal.SIGINT, 0.0), (signal.SIGINT, 1.0), (signal.SIGINT, 2.0), (signal.SIGTERM, 0.0), (signal.SIGTERM, 1.0)],
)
def test_an_interrupted_command_leaves_the_registry_as_it_was(
    root: Path, tmp_path: Path, by: signal.Signals, after: float
) -> None:
    learned = written(tmp_path / "labels.jsonl", lines(3000))
    interrupted(root, after, "adapt", "--data", learned, by=by)
    assert list((root / "versions").iterdir()) == []
    assert [entry.manifest.version for entry in Registry(root).list()] == [FIRST]


def test_a_promotion_interrupted_at_the_gate_moves_nothing(adapted: Path, tmp_path: Path) -> None:
    before = sorted(path.relative_to(adapted) for path in adapted.rglob("*"))
    interrupted(adapted, 0.2, "promote", "harbour-1", "--force", at=b"held-out seeds")
    assert Registry(adapted).active() == FIRST
    assert sorted(path.relative_to(adapted) for path in adapted.rglob("*")) == before


def test_a_broken_folder_is_told_of_in_one_line(adapted: Path, tmp_path: Path) -> None:
    rows, broken = written(tmp_path / "rows.jsonl", lines(30)), tmp_path / "broken"
    shutil.copytree(Registry(adapted).path("harbour-1"), broken)
    (broken / "head.npy").write_bytes(b"no array")
    for words in (("evaluate", broken), ("calibrate", broken), ("compare", broken), ("adapt", "--base", broken)):
        result = run(adapted, *words, "--data", rows)
        assert result.exit_code == 2, result.output
        assert result.stderr.count("\n") == 1
        assert "head.npy" in result.stderr


def test_a_broken_version_is_not_listed_but_told_of(adapted: Path, root: Path) -> None:
    (Registry(root).path("harbour-1") / "manifest.json").write_text("{")
    result = run(root, "list")
    assert result.exit_code == 0
    assert "harbour-1" not in result.stdout
    assert "not listed" in result.stderr


def test_an_active_version_that_is_gone_is_told_of(adapted: Path, root: Path) -> None:
    (root / "active.json").write_text('{"version": "gone-1"}')
    for words in (("list",), ("list", "--json")):
        result = run(root, *words)
        assert result.exit_code == 0
        assert result.stderr == "not here: gone-1, the active version; roll back, or promote another\n"


def test_where_only_the_shadow_is_gone_its_end_is_advised_and_no_rollback(root: Path) -> None:
    root.mkdir()
    (root / "shadow.json").write_text('{"version": "gone-1"}')
    advised = run(root, "list").stderr
    assert advised == (
        "not here: gone-1, the version in shadow; end the shadow by `classifiers shadow --off`, or set another\n"
    )
    assert run(root, "shadow", "--off").exit_code == 0
    assert run(root, "list").stderr == ""


def test_what_is_active_is_not_promoted_again_and_the_gate_is_not_asked(root: Path) -> None:
    for words in (("promote", FIRST), ("promote", FIRST, "--dry-run"), ("promote", FIRST, "--force")):
        refused = run(root, *words)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert refused.stderr == f"classifiers: version {FIRST} is the active one already\n"


def test_where_the_active_version_is_gone_the_bundled_one_scores_and_is_adapted(adapted: Path, tmp_path: Path) -> None:
    (adapted / "active.json").write_text('{"version": "gone-1"}')
    told = f"not here: gone-1, the active version; {FIRST} of the package takes its place\n"
    scored = run(adapted, "score", "--input", "-", stdin=b'{"text":"you are an idiot"}\n')
    assert (scored.exit_code, scored.stderr) == (0, told)
    assert msgspec.json.decode(scored.stdout)["model"] == FIRST
    rows = written(tmp_path / "rows.jsonl", lines(260))
    made = run(adapted, "adapt", "--data", rows, "--version", "harbour-2")
    assert (made.exit_code, made.stderr) == (0, told)
    assert read_manifest(Registry(adapted).path("harbour-2")).base == FIRST
    named = run(adapted, "score", "--version", "gone-1", "--input", "-", stdin=b"")
    assert (named.exit_code, named.stdout) == (2, "")


def test_where_the_active_version_is_gone_a_rollback_and_a_promotion_lead_on(adapted: Path, tmp_path: Path) -> None:
    later = written(tmp_path / "later.jsonl", lines(60, seed=9))
    (adapted / "active.json").write_text('{"version": "gone-1"}')
    assert "would have held" in run(adapted, "compare", "harbour-1", "--data", later).stdout
    promoted = run(adapted, "promote", "harbour-1", "--force")
    assert promoted.exit_code == 0, promoted.output
    assert "harbour-1 is active, gone-1 retired" in promoted.stdout
    assert f"{FIRST} of the package takes its place" in promoted.stderr
    assert f"{FIRST} is active again" in run(adapted, "rollback").stdout


def test_a_row_of_a_table_is_one_line_for_another_program(root: Path) -> None:
    added(Registry(root), "a-version-whose-name-takes-most-of-the-letters-that-a-name-may")
    rows = run(root, "list").stdout.splitlines()
    assert len(rows) == 3
    assert rows[0].split() == ["version", "state", "kind", "made", "stands", "on", "site"]


def test_labels_of_the_tests_are_what_the_reader_takes(tmp_path: Path) -> None:
    assert len(read_file(written(tmp_path / "rows.jsonl", lines(5)))) == 5
