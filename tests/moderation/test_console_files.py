"""The console's files: small, complete, and nothing in them that would parse what a commenter wrote."""

import re
from pathlib import Path

STATIC = Path(__file__).parents[2] / "moderation" / "console" / "static"
OTHER_PAGES = {"comments.js", "demo.js", "docs.js"}
MODULES = sorted(path for path in STATIC.glob("*.js") if path.name not in OTHER_PAGES)


def test_the_whole_console_has_at_most_150_kilobytes():
    files = [*MODULES, STATIC / "console.css", STATIC / "console.html", STATIC / "mark.svg"]
    assert sum(path.stat().st_size for path in files) <= 150 * 1024


def test_every_module_that_is_imported_is_there():
    for path in MODULES:
        for name in re.findall(r"""(?:from|import\()\s*"\./([^"]+)\"""", path.read_text(encoding="utf-8")):
            assert (STATIC / name).is_file(), f"{path.name} imports {name}"


def test_every_sentence_is_in_the_catalogue():
    catalogue = set(re.findall(r'"?([a-z_]+(?:\.[a-z_]+)*)"?:\s?"', (STATIC / "en.js").read_text(encoding="utf-8")))
    assert len(catalogue) > 300
    missing = [
        f"{path.name}: {name}"
        for path in MODULES
        if path.name != "en.js"
        for name in re.findall(r'\bt\("([a-z_.]+)"', path.read_text(encoding="utf-8"))
        if name not in catalogue
    ]
    assert not missing


def test_nothing_writes_markup_or_runs_text():
    for path in [*MODULES, *(STATIC / name for name in OTHER_PAGES)]:
        text = path.read_text(encoding="utf-8")
        for word in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "DOMParser",
            "eval(",
            "new Function",
        ):
            assert word not in text, f"{path.name}: {word}"


def test_the_console_names_no_other_host():
    for path in [*MODULES, STATIC / "console.css", STATIC / "console.html"]:
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        hosts = set(re.findall(r"https?://([a-z0-9.-]+)", text)) - {"news.example.", "localhost."}
        assert not hosts, f"{path.name}: {hosts}"
