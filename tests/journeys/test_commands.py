"""Stories of the command line: the same commands with the service running and stopped."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service import command, environment, run, serving


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
    command("site", "add", "plain", "--url", "https://plain.example", data=data)
    command("site", "add", "named", "--name", "With a name", "--url", "https://named.example", data=data)
    rows = command("site", "list", data=data).splitlines()
    assert len({row.index("https://") for row in rows if "example" in row}) == 1, "columns stand under each other"


def test_an_operator_invites_people_and_disables_them(data: Path) -> None:
    link = command("moderator", "add", "bea@example.org", "--name", "Bea", "--site", "demo", data=data)
    assert f"{(data / 'address').read_text().strip()}/console#invitation=m" in link, "wherever the service runs"
    command("moderator", "add", "bea@example.org", data=data, status=2)
    command("moderator", "disable", "bea@example.org", data=data)
    listed = command("moderator", "list", "--json", data=data)
    people = [one for one in json.loads(listed) if one["email"] == "bea@example.org"]
    assert [(one["name"], one["disabled"]) for one in people] == [("Bea", True)]
    assert "argon2" not in listed


def test_a_disabled_person_gets_no_link_until_the_account_is_enabled(data: Path) -> None:
    command("moderator", "add", "cid@example.org", data=data)
    listed = json.loads(command("moderator", "list", "--json", data=data))
    known = [one["id"] for one in listed if one["email"] == "cid@example.org"]
    command("moderator", "disable", *known, data=data)
    for who in ("cid@example.org", *known):
        assert command("moderator", "reinvite", who, data=data, status=2) == (
            "moderation: cid@example.org is disabled and could not use a link; enable the account first\n"
        )
    assert command("moderator", "enable", "cid@example.org", data=data) == "cid@example.org can sign in again.\n"
    assert "#invitation=" in command("moderator", "reinvite", "cid@example.org", data=data)
    assert "no moderator is known as" in command("moderator", "enable", "dot@example.org", data=data, status=2)


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
    assert command("key", "list", "--site", "nowhere", data=data, status=2) == (
        "moderation: no site is called 'nowhere'\n"
    )


def test_the_doctor_says_that_all_is_well(data: Path) -> None:
    assert "All is well." in command("doctor", data=data)


def test_the_doctor_names_a_variable_that_is_no_setting_and_finds_nothing_wrong_with_it(
    data: Path, monkeypatch
) -> None:
    monkeypatch.setenv("MODERATION_SERVER_WORKERS", "3")
    said = command("doctor", data=data)
    assert (
        "not known: MODERATION_SERVER_WORKERS is no setting and does nothing (MODERATION_SERVER__WORKERS is one)"
        in said
    )
    assert "All is well." in said


def test_a_command_of_its_own_process_ends_with_a_line_and_a_status(data: Path) -> None:
    answer = run("site", "show", "nowhere", data=data, check=False)
    assert (answer.returncode, answer.stdout, answer.stderr) == (2, "", "moderation: no site is called 'nowhere'\n")


@pytest.mark.parametrize(
    "words",
    [
        ("backup", "backup.cmb"),
        ("doctor",),
        ("privacy", "erase", "--email", "ann@posteo.net"),
        ("site", "list"),
        ("models", "list"),
        ("doctor", "--redis", "redis://127.0.0.1:1"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_command_in_the_wrong_folder_says_where_it_looked_and_makes_nothing(words, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    lacking = "pepper" if "--redis" in words else "store"
    assert command(*words, status=2) == (
        f"moderation: there is no {lacking} in {tmp_path / 'moderation-data'}: "
        "name the service's data folder with --data DIR or MODERATION_DATA\n"
    )
    assert not list(tmp_path.iterdir())


def test_a_site_is_set_up_before_the_first_start(tmp_path: Path) -> None:
    command("site", "add", "news", data=tmp_path / "data")
    assert "news" in command("site", "list", data=tmp_path / "data")


def test_wrong_words_are_one_line() -> None:
    assert command("labels", "unlearn", status=2) == "moderation: Missing argument 'ID'.\n"
    assert "Commands:" in command("site", status=2)


def test_help_and_version_load_none_of_the_rooms() -> None:
    asked = "import sys, moderation.cli; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", asked], env=environment(), capture_output=True, text=True, timeout=60, check=True
    ).stdout.split()
    assert not {"moderation.app", "litestar", "numpy", "redis", "rich"} & set(loaded)


def test_help_names_every_command() -> None:
    said = command("--help")
    assert all(name in said for name in ("serve", "site", "moderator", "key", "doctor"))
    assert "--data" in command("serve", "--help")
