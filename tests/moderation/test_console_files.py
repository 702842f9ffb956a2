"""The console's files: small, complete, and nothing in them that would parse what a commenter wrote."""

import re
from pathlib import Path

STATIC = Path(__file__).parents[2] / "moderation" / "console" / "static"
OTHER_PAGES = {"comments.js", "demo.js", "docs.js"}
MODULES = sorted(path for path in STATIC.glob("*.js") if path.name not in OTHER_PAGES)


def catalogue():
    """Read the names of all sentences: a group and the name within it, or the group's own."""
    text = (STATIC / "en.js").read_text(encoding="utf-8").partition("export default {")[2]
    found, group, name = set(), "", ""
    for token in re.finditer(r'"((?:[^"\\]|\\.)*)"|([\w]+)|([{}:,])', text):
        string, bare, mark = token.groups()
        if mark == "}":
            group = ""
        elif mark == "{":
            group = name
            found.discard(name)  # a group is a sentence only where it has one of its own
        elif mark == ":":
            found.add(".".join(part for part in (group, name) if part))
        elif mark is None:
            name = string if string is not None else bare
    return found


def test_the_whole_console_has_at_most_150_kilobytes():
    files = [*MODULES, STATIC / "console.css", STATIC / "console.html", STATIC / "mark.svg"]
    assert sum(path.stat().st_size for path in files) <= 150_000


def test_every_module_is_read_in_one_sitting():
    long = {path.name for path in MODULES if len(path.read_text(encoding="utf-8").splitlines()) > 400}
    assert not long


def test_every_module_that_is_imported_is_there():
    for path in MODULES:
        for name in re.findall(r"""(?:from|import\()\s*"\./([^"]+)\"""", path.read_text(encoding="utf-8")):
            assert (STATIC / name).is_file(), f"{path.name} imports {name}"


def test_every_sentence_is_in_the_catalogue():
    known = catalogue()
    assert len(known) > 300
    missing = [
        f"{path.name}: {name}"
        for path in MODULES
        if path.name != "en.js"
        for name in re.findall(r'\bt\("([a-z_.]+)"', path.read_text(encoding="utf-8"))
        if name not in known
    ]
    assert not missing


def test_no_sentence_is_left_that_nobody_says():
    said = "".join(path.read_text(encoding="utf-8") for path in MODULES if path.name != "en.js")
    made = {
        *re.findall(r"\bt\(`([a-z0-9_.]+)\$\{", said),
        *(f"{one}." for one in re.findall(r'\b[Ww]ord\("([a-z_]+)"', said)),
    }
    ends = set(re.findall(r"\bt\(`\$\{\w+\}([a-z_]+)`", said))
    idle = [
        name
        for name in catalogue()
        if f'"{name.removesuffix(".one")}"' not in said
        and not any(name.startswith(start) for start in made)
        and not any(name.endswith(end) for end in ends)
    ]
    assert not idle


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
