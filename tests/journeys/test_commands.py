"""Stories of the command line: the same commands with the service running and stopped."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service import command, run, serving


@pytest.fixture(scope="module", params=["running", "stopped"])
def data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give a data folder whose service runs, and one whose service was stopped."""
    folder = tmp_path_factory.mktemp("commands") / "data"
    with serving(folder):
        if request.param == "running":
            yield folder
            return
    yield folder


def test_an_operator_adds_a_site(data: Path) -> None:
    assert "key create --role site --site news" in command("site", "add", "news", "--name", "News", data=data)
    assert command("site", "add", "news", data=data, status=2) == (
        "moderation: a site called 'news' is already there\n"
    )
    command("site", "add", "Bad Name", data=data, status=2)
    assert {one["id"] for one in json.loads(command("site", "list", "--json", data=data))} == {"demo", "news"}
    assert json.loads(command("site", "show", "news", data=data))["policy"]["profile"] == "balanced"
    assert "no site is called 'nowhere'" in command("site", "show", "nowhere", data=data, status=2)


def test_an_operator_invites_people_and_disables_them(data: Path) -> None:
    link = command("moderator", "add", "bea@example.org", "--name", "Bea", "--site", "demo", data=data)
    assert f"{(data / 'address').read_text().strip()}/console#invitation=m" in link, "wherever the service runs"
    command("moderator", "add", "bea@example.org", data=data, status=2)
    command("moderator", "disable", "bea@example.org", data=data)
    listed = command("moderator", "list", "--json", data=data)
    people = [one for one in json.loads(listed) if one["email"] == "bea@example.org"]
    assert [(one["name"], one["disabled"]) for one in people] == [("Bea", True)]
    assert "argon2" not in listed


def test_an_operator_makes_keys_and_revokes_them(data: Path) -> None:
    made = json.loads(command("key", "create", "--role", "site", "--site", "demo", "--json", data=data))
    assert made["key"].startswith("cm1_")
    command("key", "create", "--role", "site", data=data, status=2)
    command("key", "create", "--role", "site", "--site", "nowhere", data=data, status=2)
    command("key", "revoke", made["id"], data=data)
    command("key", "revoke", "nothing", data=data, status=2)
    listed = command("key", "list", "--site", "demo", "--json", data=data)
    assert [one["revoked"] for one in json.loads(listed) if one["id"] == made["id"]] == [True]
    assert made["key"] not in listed


def test_the_doctor_says_that_all_is_well(data: Path) -> None:
    assert "All is well." in command("doctor", data=data)


def test_a_command_of_its_own_process_ends_with_a_line_and_a_status(data: Path) -> None:
    answer = run("site", "show", "nowhere", data=data, check=False)
    assert (answer.returncode, answer.stdout, answer.stderr) == (2, "", "moderation: no site is called 'nowhere'\n")


def test_help_names_every_command() -> None:
    said = command("--help")
    assert all(name in said for name in ("serve", "site", "moderator", "key", "doctor"))
    assert "--data" in command("serve", "--help")
