"""Settings: what an operator writes is understood, or refused in one line that names it."""

from pathlib import Path

import pytest

from moderation.settings import Settings, SettingsInvalid, load, shown


def test_without_anything_the_defaults_hold():
    settings = load({})
    assert settings == Settings()
    assert (settings.server.host, settings.server.port, settings.server.workers) == ("127.0.0.1", 8000, 1)
    assert settings.store.url is None
    assert settings.scoring.timeout_ms == 250


def test_a_variable_names_a_section_and_a_setting():
    settings = load({"MODERATION_SERVER__PORT": "9000", "MODERATION_STORE__ACCEPT_WEAKER_DURABILITY": "true"})
    assert settings.server.port == 9000
    assert settings.store.accept_weaker_durability is True


def test_the_data_folder_has_a_short_name():
    assert load({"MODERATION_DATA": "/srv/moderation"}).store.data == Path("/srv/moderation")


def test_a_list_is_written_with_commas():
    settings = load({"MODERATION_SERVER__TRUSTED_PROXIES": "10.0.0.1, 10.1.0.0/16,"})
    assert settings.server.trusted_proxies == ("10.0.0.1", "10.1.0.0/16")


def test_an_empty_variable_is_not_set():
    assert load({"MODERATION_STORE__URL": "", "MODERATION_DATA": ""}) == Settings()


def test_what_a_container_platform_invents_is_left_alone():
    assert load({"MODERATION_PORT": "tcp://10.0.0.7:8000", "MODERATION_SERVICE_HOST": "10.0.0.7"}) == Settings()


def test_the_environment_wins_over_the_file(tmp_path):
    file = tmp_path / "moderation.toml"
    file.write_text('[server]\nport = 9000\nhost = "0.0.0.0"\n[webhooks]\nallow = ["hooks.internal"]\n')
    settings = load({"MODERATION_SERVER__PORT": "9001"}, file)
    assert (settings.server.host, settings.server.port) == ("0.0.0.0", 9001)
    assert settings.webhooks.allow == ("hooks.internal",)
    assert load({"MODERATION_CONFIG": str(file)}).server.port == 9000


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({"MODERATION_STORE__URI": "redis://x"}, "MODERATION_STORE__URI: there is no such setting"),
        ({"MODERATION_STROE__URL": "redis://x"}, "MODERATION_STROE__URL: there is no such setting"),
        ({"MODERATION_SERVER__PORT": "http"}, "MODERATION_SERVER__PORT: expected `int`, got `str`"),
        ({"MODERATION_SERVER__PORT": "70000"}, "MODERATION_SERVER__PORT: expected `int` <= 65535"),
        ({"MODERATION_SERVER__WORKERS": "0"}, "MODERATION_SERVER__WORKERS: expected `int` >= 1"),
        ({"MODERATION_STORE__PROFILE": "cheap"}, "MODERATION_STORE__PROFILE: invalid enum value 'cheap'"),
        ({"MODERATION_CONFIG": "/nowhere/x.toml"}, "/nowhere/x.toml: cannot be read: No such file or directory"),
    ],
)
def test_a_wrong_variable_is_named_in_one_line(environ, line):
    with pytest.raises(SettingsInvalid) as refused:
        load(environ)
    assert str(refused.value) == line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[server]\nport = 'x'\n", "server.port in {file}: expected `int`, got `str`"),
        ("[server]\nports = 1\n", "server.ports in {file}: there is no such setting"),
        ("[serve]\nport = 1\n", "serve in {file}: there is no such setting"),
        ("server = 3\n", "server in {file}: expected `object`, got `int`"),
        ("[webhooks]\nallow = [1]\n", "webhooks.allow in {file}: expected `str`, got `int`"),
    ],
)
def test_a_wrong_line_of_the_file_is_named(tmp_path, text, line):
    file = tmp_path / "moderation.toml"
    file.write_text(text)
    with pytest.raises(SettingsInvalid) as refused:
        load({}, file)
    assert str(refused.value) == line.format(file=file)


def test_a_broken_file_says_the_line(tmp_path):
    file = tmp_path / "moderation.toml"
    file.write_text("[server\n")
    with pytest.raises(SettingsInvalid, match="line 1") as refused:
        load({}, file)
    assert "\n" not in str(refused.value)


def test_the_shown_settings_hold_no_password():
    lines = shown(load({"MODERATION_STORE__URL": "rediss://ann:s3cret@redis.internal:6380/0"}))
    assert lines["store.url"] == "rediss://ann:***@redis.internal:6380/0"
    assert "s3cret" not in "".join(lines.values())
