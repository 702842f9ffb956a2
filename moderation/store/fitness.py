"""Fitness: what must hold of a store before a comment that it acknowledges is safe.

A weakness of durability may be waived by the operator (`accept_weaker_durability`); everything else may not.
"""

import secrets
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import redis.exceptions as driver

from moderation.errors import StoreUnavailable
from moderation.store import keys
from moderation.store.connection import Connection
from moderation.store.folder import DataFolder
from moderation.store.refusals import border

OLDEST = (7, 0)
LARGEST_SKEW_SECONDS = 2.0


class Problem(msgspec.Struct, frozen=True):
    """One thing that speaks against serving from this store."""

    code: str
    detail: str
    waived: bool = False
    """The operator has accepted it: it is told, and the service is ready all the same."""


async def problems_of(connection: Connection) -> list[Problem]:
    """Look at everything that must hold before a comment is taken in; an empty list is a store to rely on."""
    try:
        with border(connection.failed):
            return [*await _check_servers(connection), *await _check_use(connection), *_check_disk(connection)]
    except StoreUnavailable as error:
        return [Problem("unreachable", str(error)), *_check_disk(connection)]


async def _check_servers(connection: Connection) -> list[Problem]:
    problems = []
    waived = connection.settings.accept_weaker_durability
    for name, info in (await _of_each(connection, "INFO")).items():
        version = str(info.get("valkey_version") or info.get("redis_version") or "0")
        if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
            problems.append(Problem("version", f"{name} runs version {version}; 7.0 or newer is needed"))
        if info.get("aof_last_write_status", "ok") != "ok":
            problems.append(Problem("aof_failing", f"{name} cannot write its append-only file; look at its disk"))
        config = await _config_of(connection, name)
        for code, detail in _weaknesses(config, info, connection.confirms):
            problems.append(Problem(code, f"{name}: {detail}", waived))
    return problems


async def _check_use(connection: Connection) -> list[Problem]:
    """Write, read, and compare the clock and the schema."""
    probe, value = f"cm:{{probe}}:{secrets.token_hex(8)}", secrets.token_hex(8)
    await connection.client.execute_command("SET", probe, value, "PX", 10_000)
    read = await connection.client.execute_command("GET", probe)
    if _text(read) != value:
        return [Problem("probe", "the store does not give back what was written to it")]
    problems = []
    before = time.time()
    for name, (seconds, microseconds) in (await _of_each(connection, "TIME")).items():
        now = time.time()
        told = int(seconds) + int(microseconds) / 1e6
        skew = max(before - told, told - now, 0.0)
        if skew > LARGEST_SKEW_SECONDS:
            problems.append(Problem("clock", f"the clock of {name} differs from ours by {skew:.1f} seconds"))
    await connection.client.execute_command("SET", keys.SCHEMA, keys.SCHEMA_VERSION, "NX")
    schema = _text(await connection.client.execute_command("GET", keys.SCHEMA))
    if schema != keys.SCHEMA_VERSION:
        problems.append(
            Problem("schema", f"the store has schema {schema}, this version of the service {keys.SCHEMA_VERSION}")
        )
    return problems


def _check_disk(connection: Connection) -> list[Problem]:
    """Look at the disk of the embedded server; another server's disk is its operator's."""
    if connection.kind != "embedded":
        return []
    folder = DataFolder(connection.settings.data)
    free, least = folder.free_mb(), connection.settings.min_free_disk_mb
    if free >= least:
        return []
    return [
        Problem(
            "disk",
            f"the disk of {folder.path} has {free} MB left and at least {least} are wanted "
            "(MODERATION_STORE__MIN_FREE_DISK_MB); free some space",
        )
    ]


async def _of_each(connection: Connection, *command: Any) -> dict[str, Any]:
    """Ask every primary the same; the answers by the name of the server."""
    if not connection.is_cluster:
        return {"the store": await connection.client.execute_command(*command)}
    await connection.client.initialize()
    nodes = connection.client.get_primaries()
    return {node.name: await connection.client.execute_command(*command, target_nodes=node) for node in nodes}


async def _config_of(connection: Connection, name: str) -> dict[str, str] | None:
    """Return what a server tells of its configuration; None when it does not."""
    target = {"target_nodes": connection.client.get_node(node_name=name)} if connection.is_cluster else {}
    config: dict[str, str] = {}
    try:
        for setting in ("appendonly", "appendfsync", "maxmemory-policy", "min-replicas-to-write"):
            told = await connection.client.execute_command("CONFIG GET", setting, **target)
            config.update({_text(key): _text(value) for key, value in told.items()})
    except driver.ResponseError:
        return None
    return config


def _weaknesses(config: dict[str, str] | None, info: dict[str, Any], confirms: bool) -> Iterator[tuple[str, str]]:
    """Name what makes a server lose comments that were acknowledged."""
    if config is None:
        yield "config_hidden", "does not tell its configuration (CONFIG GET); durability cannot be checked"
        return
    if config.get("maxmemory-policy", "noeviction") != "noeviction":
        yield "eviction", f"maxmemory-policy is {config['maxmemory-policy']}, must be noeviction"
    if config.get("appendonly") != "yes":
        yield "aof_off", "appendonly is no, must be yes"
    elif config.get("appendfsync") != "always" and not confirms:
        yield "aof_not_always", f"appendfsync is {config.get('appendfsync')}, must be always"
    if confirms and int(config.get("min-replicas-to-write", "0")) < 1:
        yield "replicas_not_required", "min-replicas-to-write is 0, must be 1 in the profile `ha`"
    if confirms and int(info.get("connected_slaves", 0)) < 1:
        yield "no_replica", "has no replica connected"


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
