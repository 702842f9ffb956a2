"""The settings: one frozen tree, read once from the environment and an optional TOML file.

`MODERATION_STORE__URL` is `store.url`; a list is written with commas; an empty variable is one that is not set.
`MODERATION_DATA` is the short name of `store.data`, `MODERATION_CONFIG` names the TOML file. The environment wins
over the file. Names without the double underscore are left alone, since other programs use some, and are told
(`unknown_names`). What can be read but not be meant is refused as well: nobody looks at a setting again once it is taken.
"""

import difflib
import ipaddress
import os
import re
import tomllib
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit, urlunsplit

import msgspec
from msgspec import Meta

from moderation.errors import SetupRefused

PREFIX = "MODERATION_"
CONFIG = "MODERATION_CONFIG"
SHORT_NAMES = {"MODERATION_DATA": ("store", "data")}

Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0, le=3600)]
StaffRole = Literal["moderator", "ml", "admin"]

_HOST = re.compile(r"[a-z0-9_][a-z0-9_-]{0,62}(\.[a-z0-9_][a-z0-9_-]{0,62})*\.?", re.I)
_INVENTED = re.compile(r".*_SERVICE_(HOST|PORT\w*)|.*_PORT_\d+_(TCP|UDP|SCTP)(_\w+)?")
"""Names that a container platform gives to its pods for each of its services."""


class SettingsInvalid(SetupRefused):
    """A setting that cannot be used: the message is one line and names the variable or the place in the file."""


class ServerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the service listens, and whom it believes."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Annotated[int, Meta(ge=0, le=65535)] = 8000
    """Port to listen on; 0 takes a free one."""
    workers: Annotated[int, Meta(ge=1, le=64)] = 1
    """Processes that answer requests. With 1 there is one process beside the store."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks whose `X-Forwarded-For` is believed. Nobody else's is."""
    public_url: str | None = None
    """Address under which browsers reach the service, when a proxy stands before it: https://name, without a path."""


class StoreSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the comments are kept."""

    data: Path = Path("moderation-data")
    """Folder of the embedded server's files, the models and the first secrets."""
    url: str | None = None
    """redis://, rediss://, unix://, sentinel://h1,h2/service or cluster://h1,h2. Without one the embedded server runs."""
    profile: Literal["single", "ha"] = "single"
    """`single` asks for a server that syncs every write to disk, `ha` for a replica that has confirmed it."""
    accept_weaker_durability: bool = False
    """Serve although the server may lose comments it has acknowledged."""
    pepper: str | None = None
    """Key of the digests of e-mail and network addresses: 32 random bytes in base64url, the same on every machine.
    Without it the file `pepper` of the data folder."""
    connections: Annotated[int, Meta(ge=2, le=1000)] = 32
    """Connections to the store that one process may hold."""
    max_memory_mb: Annotated[int, Meta(ge=16, le=2**24)] | None = None
    """Memory of the embedded server; without it 60 % of what the machine or the container has."""
    ledger_days: Annotated[int, Meta(ge=1, le=36_500)] = 30
    """How long entries of the ledger stay in the store; older ones go to compressed files in the data folder."""
    min_free_disk_mb: Annotated[int, Meta(ge=1)] = 64
    """With less free disk than this the service is not ready, and a server that died is not started again."""


class ScoringSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a model may think, and where the models lie."""

    timeout_ms: Annotated[int, Meta(ge=1, le=60_000)] = 250
    """A model that needs more processor time than this is left out: the comment waits for a moderator."""
    models: Path | None = None
    """Folder of the model versions; without it `models` in the data folder."""


class IntakeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much may come in at once."""

    max_body_bytes: Annotated[int, Meta(ge=1024)] = 256 * 1024
    """Largest body of a request with one comment."""
    max_batch_body_bytes: Annotated[int, Meta(ge=1024)] = 10 * 1024 * 1024
    """Largest body of a request with many comments."""
    batch_size: Annotated[int, Meta(ge=1, le=100)] = 100
    """Comments that share one script call. It bounds how long the server is busy for one call."""
    max_waiting: Count = 1024
    """Comments that may wait for the next batch; more are answered 503, half a second later."""


class WebhookSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How events are carried to the sites."""

    allow: tuple[str, ...] = ()
    """Hosts and networks on private addresses that a webhook may call all the same."""
    timeout_seconds: Seconds = 15.0
    """How long another server may take to answer a delivery."""
    concurrency: Annotated[int, Meta(ge=1, le=256)] = 8
    """Deliveries under way at once."""


class ConsoleSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a moderator stays signed in."""

    idle_minutes: Annotated[int, Meta(ge=1, le=24 * 60)] = 30
    """A session that is not used ends after this time."""
    session_hours: Annotated[int, Meta(ge=1, le=24 * 30)] = 12
    """A session ends after this time, used or not."""
    second_factor_for: tuple[StaffRole, ...] = ()
    """Roles (moderator, ml, admin) that must set up a code before they can do anything else."""
    streams: Annotated[int, Meta(ge=1, le=10_000)] = 200
    """Pages that may follow live events at once, for each worker; more fall back to asking now and then."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything an operator may choose. What belongs to one site is its policy, and not here."""

    server: ServerSettings = msgspec.field(default_factory=ServerSettings)
    store: StoreSettings = msgspec.field(default_factory=StoreSettings)
    scoring: ScoringSettings = msgspec.field(default_factory=ScoringSettings)
    intake: IntakeSettings = msgspec.field(default_factory=IntakeSettings)
    webhooks: WebhookSettings = msgspec.field(default_factory=WebhookSettings)
    console: ConsoleSettings = msgspec.field(default_factory=ConsoleSettings)


def load(environ: Mapping[str, str], toml_path: Path | None = None) -> Settings:
    """Read the settings, or raise `SettingsInvalid` with one line that names what is wrong and where."""
    if toml_path is None and environ.get(CONFIG):
        toml_path = Path(environ[CONFIG])
    tree: dict[str, Any] = {}
    origins: dict[str, str] = {}
    if toml_path is not None:
        tree = {section: _given(values) for section, values in _read_toml(toml_path).items()}
        for section, values in tree.items():
            for name in values if isinstance(values, dict) else ():
                origins[f"{section}.{name}"] = f"{section}.{name} in {toml_path}"
            origins[section] = f"{section} in {toml_path}"
    for variable, value in sorted(environ.items()):
        path = _path_of(variable)
        if path is None or value == "":
            continue
        section, name = path
        values = tree.setdefault(section, {})
        if not isinstance(values, dict):
            raise SettingsInvalid(f"{origins[section]}: is a section, not a value")
        values[name] = _split(section, name, value)
        origins[f"{section}.{name}"] = variable
    try:
        settings = msgspec.convert(tree, Settings, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise SettingsInvalid(_one_line(str(error), origins)) from None
    for place, complaint in _not_meant(settings):
        raise SettingsInvalid(f"{origins.get(place, place)}: {complaint}")
    public = _as_browsers_say_it(settings.server.public_url)
    return msgspec.structs.replace(settings, server=msgspec.structs.replace(settings.server, public_url=public))


def unknown_names(environ: Mapping[str, str]) -> list[str]:
    """Name the variables that begin like ours and are none, each with the one that may be meant."""
    known = sorted({place.replace(".", "__").upper() for place in shown(Settings())} | {"DATA", "CONFIG"})
    told = []
    for name, value in sorted(environ.items()):
        invented = _INVENTED.fullmatch(name) or (name.endswith("_PORT") and "://" in value)
        if name.startswith(PREFIX) and _path_of(name) is None and name != CONFIG and not invented:
            said = name.removeprefix(PREFIX)
            near = [one for one in known if one.endswith(f"__{said}")] or difflib.get_close_matches(said, known, 1, 0.8)
            told.append(f"{name} is no setting and does nothing" + (f" ({PREFIX}{near[0]} is one)" if near else ""))
    return told


def shown(settings: Settings) -> dict[str, str]:
    """Return every setting as `section.name` and a text fit for a screen: no password."""
    lines = {}
    for section in settings.__struct_fields__:
        part = getattr(settings, section)
        for name in part.__struct_fields__:
            value = getattr(part, name)
            if isinstance(value, tuple):
                value = ",".join(value)
            text = "" if value is None else str(value)
            if name == "pepper" and text:
                text = "***"
            lines[f"{section}.{name}"] = without_password(text) if name == "url" else text
    return lines


def without_password(url: str) -> str:
    """Return the URL with its password replaced, for logs and screens."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    credentials, _, host = parts.netloc.rpartition("@")
    name = credentials.partition(":")[0]
    return urlunsplit(parts._replace(netloc=f"{name}:***@{host}"))


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsInvalid(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsInvalid(f"{path}: is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsInvalid(f"{path}: {error}") from None


def _given(values: Any) -> Any:
    """Leave out what is empty: in the file as in the environment it is not set."""
    return {name: value for name, value in values.items() if value != ""} if isinstance(values, dict) else values


def _not_meant(settings: Settings) -> Iterator[tuple[str, str]]:
    """Say of values that can be read but not be meant what they should be."""
    server, intake = settings.server, settings.intake
    if not _is_host(server.host):
        yield "server.host", f"{server.host!r} is no address and no name of a host"
    for name in server.trusted_proxies:
        if not _is_network(name):
            yield "server.trusted_proxies", f"{name!r} is no address and no network such as 10.0.0.0/8"
    if server.public_url is not None and not _is_origin(server.public_url):
        wanted = "the scheme and the host alone, such as https://moderation.example.org"
        yield "server.public_url", f"{server.public_url!r} is not an address of browsers: write {wanted}"
    models = settings.scoring.models
    if models is not None and os.path.exists(models) and not os.path.isdir(models):
        yield "scoring.models", f"{str(models)!r} is no folder"
    for name in settings.webhooks.allow:
        if not _is_network(name) and not _is_host(name):
            yield "webhooks.allow", f"{name!r} is no host and no network such as 10.1.0.0/16"
    if intake.max_batch_body_bytes < intake.max_body_bytes:
        yield (
            "intake.max_body_bytes",
            f"is more than intake.max_batch_body_bytes, which is {intake.max_batch_body_bytes}",
        )


def _is_network(name: str) -> bool:
    try:
        ipaddress.ip_network(name, strict=False)
    except ValueError:
        return False
    return True


def _is_host(name: str) -> bool:
    if re.fullmatch(r"[\d.]+|.*:.*", name):
        return "/" not in name and _is_network(name)
    return len(name) <= 253 and _HOST.fullmatch(name) is not None


def _is_origin(url: str) -> bool:
    try:
        parts = urlsplit(url)
        there = parts.scheme in ("http", "https") and parts.port != 0 and _is_host(parts.hostname or "")
    except ValueError:
        return False
    return (
        there and "@" not in parts.netloc and (parts.path, parts.query, parts.fragment) in (("", "", ""), ("/", "", ""))
    )


def _as_browsers_say_it(url: str | None) -> str | None:
    """Write an address as browsers write where a page comes from: small letters, and a port only where it is another."""
    if url is None:
        return None
    parts = urlsplit(url.lower())
    usual = {"http": ":80", "https": ":443"}[parts.scheme]
    return f"{parts.scheme}://{parts.netloc.removesuffix(usual).removesuffix(':')}"


def _path_of(variable: str) -> tuple[str, str] | None:
    """Return (section, name) of a variable, or None when it is not one of ours."""
    if variable in SHORT_NAMES:
        return SHORT_NAMES[variable]
    if not variable.startswith(PREFIX) or "__" not in variable:
        return None
    section, _, name = variable.removeprefix(PREFIX).lower().partition("__")
    return section, name


def _split(section: str, name: str, value: str) -> Any:
    """Split a list of the environment at its commas; leave every other value as it is."""
    part = typing.get_type_hints(Settings).get(section)
    hint = typing.get_type_hints(part).get(name) if part is not None else None
    if typing.get_origin(hint) is tuple:
        return [item.strip() for item in value.split(",") if item.strip()]
    return value


def _decode(kind: type, value: Any) -> Any:
    """Read what msgspec does not know by itself: a path."""
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError(kind)


def _one_line(message: str, origins: Mapping[str, str]) -> str:
    """Say msgspec's complaint with the name the operator has written."""
    complaint, _, where = message.partition(" - at `$")
    path = where.rstrip("`").lstrip(".").split("[")[0]
    if complaint.startswith("Object contains unknown field"):
        path = f"{path}.{complaint.split('`')[1]}".lstrip(".")
        complaint = "there is no such setting"
    if complaint.startswith("Invalid enum value"):
        section, _, name = path.partition(".")
        kind = typing.get_type_hints(typing.get_type_hints(Settings)[section])[name]
        choices = typing.get_args(typing.get_args(kind)[0] if typing.get_origin(kind) is tuple else kind)
        complaint = f"{complaint.removeprefix('Invalid enum value ')} is none of {', '.join(choices)}"
    origin = origins.get(path)
    if origin is None:
        origin = next((name for key, name in origins.items() if key.startswith(f"{path}.")), path)
    return f"{origin}: {complaint[0].lower()}{complaint[1:]}"
