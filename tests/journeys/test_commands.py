"""Stories of the command line: the same commands with the service running and stopped."""

import json
from pathlib import Path

import pytest

from tests.service import run, serving


@pytest.fixture(scope="module", params=["running", "stopped"])
def data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """Give a data folder whose service runs, and one whose service was stopped."""
    folder = tmp_path_factory.mktemp("commands") / "data"
    with serving(folder):
        if request.param == "running":
            yield folder
            return
    yield folder


def test_an_operator_adds_a_site(data: Path) -> None:
    assert "key create --role site --site news" in run("site", "add", "news", "--name", "News", data=data).stdout
    again = run("site", "add", "news", data=data, check=False)
    assert (again.returncode, again.stderr) == (2, "moderation: a site called 'news' is already there\n")
    assert run("site", "add", "Bad Name", data=data, check=False).returncode == 2
    assert {one["id"] for one in json.loads(run("site", "list", "--json", data=data).stdout)} == {"demo", "news"}
    assert json.loads(run("site", "show", "news", data=data).stdout)["policy"]["profile"] == "balanced"
    assert run("site", "show", "nowhere", data=data, check=False).returncode == 2


def test_an_operator_invites_people_and_disables_them(data: Path) -> None:
    link = run("moderator", "add", "bea@example.org", "--name", "Bea", "--site", "demo", data=data).stdout
    assert "/console#invitation=m" in link
    assert run("moderator", "add", "bea@example.org", data=data, check=False).returncode == 2
    assert run("moderator", "disable", "bea@example.org", data=data).returncode == 0
    people = json.loads(run("moderator", "list", "--json", data=data).stdout)
    assert [(one["name"], one["disabled"]) for one in people if one["email"] == "bea@example.org"] == [("Bea", True)]
    assert "password" not in str(people)


def test_an_operator_makes_keys_and_revokes_them(data: Path) -> None:
    made = json.loads(run("key", "create", "--role", "site", "--site", "demo", "--json", data=data).stdout)
    assert made["key"].startswith("cm1_")
    assert run("key", "create", "--role", "site", data=data, check=False).returncode == 2
    assert run("key", "create", "--role", "site", "--site", "nowhere", data=data, check=False).returncode == 2
    assert run("key", "revoke", made["id"], data=data).returncode == 0
    assert run("key", "revoke", "nothing", data=data, check=False).returncode == 2
    listed = run("key", "list", "--site", "demo", "--json", data=data).stdout
    assert [one["revoked"] for one in json.loads(listed) if one["id"] == made["id"]] == [True]
    assert made["key"] not in listed
    assert "All is well." in run("doctor", data=data).stdout


def test_help_names_every_command() -> None:
    said = run("--help").stdout
    assert all(command in said for command in ("serve", "site", "moderator", "key", "doctor"))
    for command in (["serve"], ["key", "create"]):
        assert "--data" in run(*command, "--help").stdout
