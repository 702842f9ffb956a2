"""The documents: a reader who copies a command gets what the text says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from moderation.cli import main as moderation
from tests.service import REPOSITORY, environment, serving

DOCUMENTS = sorted(
    path
    for path in [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("deploy/*.md"), *REPOSITORY.glob("classifiers/*.md")]
    if path.is_file()
)


def commands_of(path: Path) -> list[str]:
    """Give the indented or fenced lines of a document that are commands, with continued lines joined."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    return [line.strip() for line in re.findall(r"^(?: {4}|\t)(\S.*)$", text, re.M)]


def known(group: click.Command, words: list[str]) -> bool:
    """Say whether these words name a command of a group, with options that it has."""
    for place, word in enumerate(words):
        if word.startswith("-"):
            names = {name for parameter in group.params for name in (*parameter.opts, *parameter.secondary_opts)}
            options = {word.partition("=")[0] for word in words[place:] if word.startswith("-")}
            return options <= names | {"-h", "--help", "--version"}
        if not isinstance(group, click.Group):
            continue
        if word not in group.commands:
            return False
        group = group.commands[word]
    return True


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_every_moderation_command_exists_with_its_options(path):
    wrong = []
    for line in commands_of(path):
        found = re.search(r"(?:^|[ (/])moderation ((?:[a-z][a-z-]*|--?[a-z-]+)(?: .*)?)$", line)
        if found and not re.match(r"(?:sudo )?(?:docker|kubectl|systemctl|useradd|make|git|cd|pip)", line):
            words = [word for word in re.sub(r"\s+#.*| [|>].*", "", found[1]).split() if word]
            if not known(moderation, words):
                wrong.append(line)
    assert not wrong


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_every_make_target_and_every_linked_file_exists(path):
    text = path.read_text(encoding="utf-8")
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    named = {found for line in commands_of(path) for found in re.findall(r"^make ([a-z-]+)", line)}
    assert named <= targets
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", text):
        assert (path.parent / target).exists(), target


def test_the_first_comment_of_the_readme_is_answered(tmp_path):
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    block = readme.split("A first comment, from another terminal", 1)[1].split("\n\n", 1)[1].split("\n\n", 1)[0]
    script = "\n".join(line.removeprefix("    ") for line in block.splitlines())
    assert "curl" in script
    home = tmp_path / "home"
    home.mkdir()
    with serving(tmp_path / "moderation-data") as service:
        script = script.replace("http://127.0.0.1:8000", service.url)
        said = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "HOME": str(home)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert said.returncode == 0, said.stderr
    assert '"status":"approved"' in said.stdout


def test_the_commands_for_a_site_of_ones_own_work_as_written(tmp_path):
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    block = readme.split("Your own site, from the same folder", 1)[1].split("\n\n", 1)[1].split("\n\n", 1)[0]
    lines = [line.strip() for line in block.splitlines()]
    assert all(line.startswith(".venv/bin/moderation ") for line in lines)
    for line in lines:
        words = line.removeprefix(".venv/bin/moderation ").split()
        done = subprocess.run(
            [sys.executable, "-m", "moderation", *words],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert "#invitation=" in done.stdout
