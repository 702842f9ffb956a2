"""Snapshots of the embedded server: one moment of the whole store as a file, and a store grown from such a file again."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any, BinaryIO

import redis.exceptions as driver

from moderation.errors import SetupRefused
from moderation.store.connection import Connection
from moderation.store.folder import DataFolder

LONGEST_SECONDS = 1800.0
_BASE, _INCREMENT = "appendonly.aof.1.base.rdb", "appendonly.aof.1.incr.aof"
_PLAN = f"file {_BASE} seq 1 type b\nfile {_INCREMENT} seq 1 type i\n"
"""How the server writes down of which files its append-only log consists."""


class SnapshotFailed(SetupRefused):
    """The server could not write a snapshot, or a file is none."""


async def take(connection: Connection) -> BinaryIO:
    """Let the embedded server write a snapshot; gives the open file, which later snapshots leave alone."""
    if connection.kind != "embedded":
        raise SnapshotFailed(
            "only the embedded store is backed up here; back up an external one by its own means, and with it the "
            "pepper and the models of the data folder"
        )
    before = await _start(connection, "BGSAVE")
    await _wait(connection, int(before["rdb_saves"]))
    return _opened(DataFolder(connection.settings.data).store / "dump.rdb")


def _opened(path: Path) -> BinaryIO:
    return open(path, "rb")


async def rewrite(connection: Connection) -> None:
    """Write the server's files anew, so that nothing that was erased is left in them."""
    await _start(connection, "BGREWRITEAOF")
    await _wait(connection, -1)
    if connection.kind == "embedded":  # another server's snapshots are its operator's
        before = await _start(connection, "BGSAVE")
        await _wait(connection, int(before["rdb_saves"]))


async def _start(connection: Connection, command: str) -> dict[str, Any]:
    """Start a piece of background work, after one that runs already: that one may have begun before what we want in it."""
    while True:
        await _wait(connection, -1)
        before = await _persistence(connection)
        try:
            await connection.execute(command)
        except driver.ResponseError as error:
            if "in progress" not in str(error):
                raise
        else:
            return before


async def _wait(connection: Connection, saves: int) -> None:
    ends = time.monotonic() + LONGEST_SECONDS
    while True:
        told = await _persistence(connection)
        at_work = any(
            int(told[name]) for name in ("rdb_bgsave_in_progress", "aof_rewrite_in_progress", "aof_rewrite_scheduled")
        )
        if not at_work and saves >= 0 and told["rdb_last_bgsave_status"] != "ok":
            raise SnapshotFailed("the store could not write a snapshot; look at its disk")
        if not at_work and told["aof_last_bgrewrite_status"] != "ok":
            raise SnapshotFailed("the store could not write its files anew; look at its disk")
        if not at_work and (saves < 0 or int(told["rdb_saves"]) > saves):
            return
        if time.monotonic() > ends:
            raise SnapshotFailed("the store has been writing a snapshot for half an hour; look at its disk")
        await asyncio.sleep(0.05)


async def _persistence(connection: Connection) -> dict[str, Any]:
    found: dict[str, Any] = await connection.execute("INFO", "persistence")
    return found


def plant(snapshot: Path, store: Path) -> None:
    """Make a snapshot the whole past of a store that has none: the server goes on from it.

    A server with an append-only log never reads a bare snapshot: it becomes the base of the log.
    """
    with open(snapshot, "rb") as file:
        if file.read(5) not in (b"REDIS", b"VALKE"):
            raise SnapshotFailed(f"{snapshot.name} is no snapshot of a store")
    draft = store / f".planting-{os.getpid()}"
    draft.mkdir(mode=0o700)
    os.replace(snapshot, draft / _BASE)
    _write(draft / _INCREMENT, b"")
    _write(draft / "appendonly.aof.manifest", _PLAN.encode())
    os.replace(draft, store / "appendonlydir")
    sync_folder(store)


def _write(path: Path, content: bytes) -> None:
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
