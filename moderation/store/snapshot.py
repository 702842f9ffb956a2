"""Snapshots of the embedded server: one moment of the whole store as a file, and a store grown from such a file again."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import redis.exceptions as driver

from moderation.errors import SetupRefused, StoreUnavailable
from moderation.store.connection import Connection
from moderation.store.folder import DataFolder

LONGEST_SECONDS = 1800.0
HEADS = (b"REDIS", b"VALKE")
"""How a snapshot begins."""
_BASE, _INCREMENT = "appendonly.aof.1.base.rdb", "appendonly.aof.1.incr.aof"
_PLAN = f"file {_BASE} seq 1 type b\nfile {_INCREMENT} seq 1 type i\n"
"""How the server writes down of which files its append-only log consists."""


class SnapshotFailed(SetupRefused):
    """The server could not write a snapshot, or a file is none."""


class NotPermitted(SnapshotFailed):
    """The server has no such work for us: whoever runs it has forbidden or taken away the command."""


class _Work(NamedTuple):
    """Background work of the server: its command, where it tells how often it has begun and how it ended, and what failed."""

    command: str
    begun: str
    ended: str
    failed: str


_REWRITE = _Work(
    "BGREWRITEAOF",
    "aof_rewrites",
    "aof_last_bgrewrite_status",
    "the store could not write its files anew; look at its disk",
)
_SAVE = _Work("BGSAVE", "rdb_saves", "rdb_last_bgsave_status", "the store could not write a snapshot; look at its disk")
_AT_WORK = ("rdb_bgsave_in_progress", "aof_rewrite_in_progress", "aof_rewrite_scheduled")
_BUSY = ("in progress", "right now")
"""What the server says where other work has begun since it was seen at rest."""


async def take(connection: Connection, made: Path | None = None) -> BinaryIO:
    """Let the embedded server write a snapshot; gives the open file, which later snapshots leave alone.

    Another server's snapshot is `made` by its operator.
    """
    if connection.kind == "cluster":
        raise SnapshotFailed(
            "a cluster has no snapshot of its whole; keep one of each primary by its own means (redis-cli --cluster backup), "
            "and with them the pepper and the data folder"
        )
    if connection.kind != "embedded":
        if made is None:
            raise SnapshotFailed(
                "the service writes no snapshot of a store that is not its own; make one (redis-cli --rdb FILE) and name it "
                "with --snapshot FILE"
            )
        return _looked_at(made)
    if made is not None:
        raise SnapshotFailed("--snapshot is for a store of your own; the embedded one makes its snapshot itself")
    await _carry_out(connection, _SAVE)
    return _opened(DataFolder(connection.settings.data).store / "dump.rdb")


def _looked_at(made: Path) -> BinaryIO:
    try:
        file = _opened(made)
    except OSError as error:
        raise SnapshotFailed(f"{made} cannot be read: {error.strerror}") from None
    head = file.read(5)
    file.seek(0)
    if head not in HEADS:
        file.close()
        raise SnapshotFailed(f"{made} is no snapshot of a store")
    return file


def _opened(path: Path) -> BinaryIO:
    return open(path, "rb")


async def rewrite(connection: Connection) -> None:
    """Write the server's files anew, so that nothing that was erased is left in them; raises SnapshotFailed, NotPermitted."""
    await _carry_out(connection, _REWRITE)
    if connection.kind == "embedded":  # another server's snapshots are its operator's
        await _carry_out(connection, _SAVE)


async def _carry_out(connection: Connection, work: _Work) -> None:
    """Have work done after what runs already, which may have begun before what we want in it.

    How earlier work ended is not looked at: a disk that was full may have room again.
    """
    ends = time.monotonic() + LONGEST_SECONDS
    while True:
        before = await _at_rest(connection, ends)
        if await _begun(connection, work):
            break
        await asyncio.sleep(0.05)
    after = await _at_rest(connection, ends)
    # a server that has died meanwhile counts from nothing, and tells of no failure
    if after[work.ended] != "ok" or int(after[work.begun]) <= int(before[work.begun]):
        raise SnapshotFailed(work.failed)


async def _begun(connection: Connection, work: _Work) -> bool:
    """Send the command; False where the server is at other work."""
    try:
        await connection.execute(work.command)
    except StoreUnavailable as error:
        if isinstance(error.__cause__, driver.NoPermissionError):
            raise NotPermitted(f"the store does not permit {work.command}") from error
        raise
    except driver.ResponseError as error:
        if any(words in str(error) for words in _BUSY):
            return False
        if "unknown command" in str(error):
            raise NotPermitted(f"the store does not know {work.command}") from error
        raise SnapshotFailed(work.failed) from error
    return True


async def _at_rest(connection: Connection, ends: float) -> dict[str, Any]:
    """Wait until the server is at no background work; gives what it tells then."""
    while True:
        told = await _persistence(connection)
        if not any(int(told[name]) for name in _AT_WORK):
            return told
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
        if file.read(5) not in HEADS:
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
