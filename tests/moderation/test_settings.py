"""Settings: what an operator writes is understood, or refused in one line that names it."""

from pathlib import Path

import pytest

from moderation.settings import Settings, SettingsInvalid, load, shown, unknown_names


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
        ({"MODERATION_STORE__PROFILE": "cheap"}, "MODERATION_STORE__PROFILE: 'cheap' is none of single, ha"),
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


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("SERVER__TRUSTED_PROXIES", "nginx", "'nginx' is no address and no network such as 10.0.0.0/8"),
        ("SERVER__TRUSTED_PROXIES", "10.0.0.1,10.0.0.0/33", "'10.0.0.0/33' is no address and no network such as 10.0.0.0/8"),
        ("SERVER__HOST", "foo..bar", "'foo..bar' is no address and no name of a host"),
        ("SERVER__HOST", "10.0.0.256", "'10.0.0.256' is no address and no name of a host"),
        ("WEBHOOKS__ALLOW", "10.1.0.0/33", "'10.1.0.0/33' is no host and no network such as 10.1.0.0/16"),
        ("WEBHOOKS__ALLOW", "https://hooks.internal", "'https://hooks.internal' is no host and no network such as 10.1.0.0/16"),
        ("CONSOLE__SECOND_FACTOR_FOR", "admin,Moderator", "'Moderator' is none of moderator, ml, admin"),
        ("CONSOLE__SECOND_FACTOR_FOR", "admins", "'admins' is none of moderator, ml, admin"),
        ("WEBHOOKS__TIMEOUT_SECONDS", "inf", "expected `float` <= 3600.0"),
        ("SCORING__MODELS", "/etc/passwd", "'/etc/passwd' is no folder"),
        ("STORE__MAX_MEMORY_MB", "99999999999", "expected `int` <= 16777216"),
        ("STORE__LEDGER_DAYS", "1000000", "expected `int` <= 36500"),
        ("INTAKE__MAX_BODY_BYTES", "20000000", "is more than intake.max_batch_body_bytes, which is 10485760"),
    ],
)  # fmt: skip
def test_what_can_be_read_but_not_be_meant_is_refused(name, value, complaint):
    with pytest.raises(SettingsInvalid) as refused:
        load({f"MODERATION_{name}": value})
    assert str(refused.value) == f"MODERATION_{name}: {complaint}"


@pytest.mark.parametrize(
    "url",
    ["x", "moderation.example.org", "https://", "ftp://a.example", "https://a.example/moderation", "https://ann@a.example", "https://a.example:x"],
)  # fmt: skip
def test_a_public_address_that_no_browser_can_go_to_is_refused(url):
    with pytest.raises(
        SettingsInvalid, match=r"^MODERATION_SERVER__PUBLIC_URL: .* such as https://moderation\.example\.org$"
    ):
        load({"MODERATION_SERVER__PUBLIC_URL": url})


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("https://moderation.example.org", "https://moderation.example.org"),
        ("https://Moderation.example.org:443/", "https://moderation.example.org"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_the_public_address_is_written_as_browsers_write_where_they_come_from(written, said):
    assert load({"MODERATION_SERVER__PUBLIC_URL": written}).server.public_url == said


def test_what_may_be_meant_is_taken():
    settings = load(
        {
            "MODERATION_SERVER__TRUSTED_PROXIES": "fd00::/8,172.16.0.0/12",
            "MODERATION_SERVER__HOST": "::",
            "MODERATION_WEBHOOKS__ALLOW": "hooks.internal,10.1.0.0/16,intranet",
            "MODERATION_CONSOLE__SECOND_FACTOR_FOR": "admin, moderator",
        }
    )
    assert settings.server.host == "::"
    assert settings.console.second_factor_for == ("admin", "moderator")


def test_what_is_empty_in_the_file_is_not_set_either(tmp_path):
    file = tmp_path / "moderation.toml"
    file.write_text('[server]\nhost = ""\n[store]\nurl = ""\n')
    assert load({}, file) == Settings()


def test_a_wrong_address_in_the_file_is_named_with_the_file(tmp_path):
    file = tmp_path / "moderation.toml"
    file.write_text('[server]\ntrusted_proxies = ["nginx"]\n')
    with pytest.raises(SettingsInvalid, match=f"^server.trusted_proxies in {file}: 'nginx' is no address"):
        load({}, file)


def test_a_name_that_begins_like_a_setting_and_is_none_is_told_and_not_refused():
    environ = {
        "MODERATION_SERVER_WORKERS": "3",
        "MODERATION_STOREDATA": "/x",
        "MODERATION_BADGE": "of another program",
        "MODERATION_PORT": "9000",
        "MODERATION_SERVER__PORT": "9001",
        "MODERATION_DATA": "/y",
        "MODERATION_CONFIG": "",
        "PATH": "/bin",
    }
    assert unknown_names(environ) == [
        "MODERATION_BADGE is no setting and does nothing",
        "MODERATION_PORT is no setting and does nothing (MODERATION_SERVER__PORT is one)",
        "MODERATION_SERVER_WORKERS is no setting and does nothing (MODERATION_SERVER__WORKERS is one)",
        "MODERATION_STOREDATA is no setting and does nothing (MODERATION_STORE__DATA is one)",
    ]
    assert load(environ).server.port == 9001


def test_the_names_that_a_container_platform_invents_are_not_told():
    invented = {
        "MODERATION_PORT": "tcp://10.0.0.7:80",
        "MODERATION_PORT_80_TCP_ADDR": "10.0.0.7",
        "MODERATION_SERVICE_HOST": "10.0.0.7",
        "MODERATION_SERVICE_PORT_HTTP": "80",
    }
    assert unknown_names(invented) == []
