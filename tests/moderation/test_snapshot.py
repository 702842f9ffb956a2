"""Snapshots: of the embedded store alone, planted whole into a store that has none, or refused and left alone."""

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from moderation.store.connection import Connection, connect
from moderation.store.snapshot import NotPermitted, SnapshotFailed, plant, rewrite, take
from tests.servers import BackgroundWork, embedded


@pytest.fixture
async def work(tmp_path: Path) -> AsyncIterator[BackgroundWork]:
    with embedded(tmp_path) as (settings, pid):
        connection = await connect(settings)
        await connection.many([("SET", f"key{number}", "value") for number in range(5)])
        yield BackgroundWork(connection, pid)
        await connection.aclose()


@pytest.mark.parametrize("command", BackgroundWork.STATUS)
async def test_work_that_failed_once_hinders_neither_a_later_rewrite_nor_a_backup(
    work: BackgroundWork, command: str
) -> None:
    await work.fail(command)
    (await take(work.connection)).close()
    await rewrite(work.connection)
    assert [await work.status(one) for one in BackgroundWork.STATUS] == ["ok", "ok"]


async def test_a_rewrite_that_fails_says_so(work: BackgroundWork) -> None:
    await work.slow(1_000_000)
    rewriting = asyncio.ensure_future(rewrite(work.connection))
    await work.kill()
    with pytest.raises(SnapshotFailed, match="could not write its files anew"):
        await rewriting


async def test_a_backup_whose_snapshot_fails_says_so(work: BackgroundWork) -> None:
    await work.slow(1_000_000)
    taking = asyncio.ensure_future(take(work.connection))
    await work.kill()
    with pytest.raises(SnapshotFailed, match="could not write a snapshot"):
        await taking


async def test_rewrites_and_backups_at_once_wait_for_each_other(work: BackgroundWork) -> None:
    await work.slow(10_000)
    at_once = [one(work.connection) for one in (rewrite, take) * 5]
    for file in await asyncio.gather(*at_once):
        if file:
            file.close()


async def test_a_rewrite_that_the_server_does_not_permit_is_told_as_such(work: BackgroundWork) -> None:
    await work.connection.execute("ACL", "SETUSER", "default", "-bgrewriteaof")
    with pytest.raises(NotPermitted):
        await rewrite(work.connection)


async def test_of_another_ones_store_a_snapshot_is_wanted_and_looked_at(connection: Connection, tmp_path) -> None:
    with pytest.raises(SnapshotFailed, match=r"--snapshot FILE|redis-cli --cluster backup"):
        await take(connection)
    if connection.kind == "cluster":
        return
    (tmp_path / "store.rdb").write_bytes(b"this is none")
    with pytest.raises(SnapshotFailed, match="is no snapshot"):
        await take(connection, tmp_path / "store.rdb")
    with pytest.raises(SnapshotFailed, match="cannot be read"):
        await take(connection, tmp_path / "nowhere.rdb")


async def test_the_embedded_store_makes_its_own_snapshot(work: BackgroundWork, tmp_path) -> None:
    with pytest.raises(SnapshotFailed, match="makes its snapshot itself"):
        await take(work.connection, tmp_path / "store.rdb")


@pytest.mark.parametrize("magic", [b"REDIS0011", b"VALKEY080"])
def test_a_snapshot_becomes_the_base_of_the_log(tmp_path, magic: bytes) -> None:
    snapshot, store = tmp_path / "dump.rdb", tmp_path / "store"
    snapshot.write_bytes(magic + b" and all that follows")
    store.mkdir()
    plant(snapshot, store)
    (folder,) = store.iterdir()
    assert folder.name == "appendonlydir"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    plan = (folder / "appendonly.aof.manifest").read_text().split()
    base, increment = plan[1], plan[7]
    assert (folder / base).read_bytes() == magic + b" and all that follows"
    assert (folder / increment).read_bytes() == b""
    assert not snapshot.exists()


@pytest.mark.parametrize("content", [b"", b"REDI", b"PK\x03\x04 a zip"])
def test_what_is_no_snapshot_is_refused_and_nothing_is_planted(tmp_path, content: bytes) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "dump.rdb").write_bytes(content)
    with pytest.raises(SnapshotFailed, match=r"dump\.rdb is no snapshot of a store"):
        plant(tmp_path / "dump.rdb", tmp_path / "store")
    assert (tmp_path / "dump.rdb").read_bytes() == content
    assert not list((tmp_path / "store").iterdir())


def test_a_store_that_has_a_past_is_never_planted_over(tmp_path) -> None:
    (tmp_path / "store" / "appendonlydir").mkdir(parents=True)
    (tmp_path / "store" / "appendonlydir" / "appendonly.aof.1.incr.aof").write_bytes(b"what was acknowledged")
    (tmp_path / "dump.rdb").write_bytes(b"REDIS0011")
    with pytest.raises(OSError, match="not empty"):
        plant(tmp_path / "dump.rdb", tmp_path / "store")
    assert (tmp_path / "store" / "appendonlydir" / "appendonly.aof.1.incr.aof").read_bytes() == b"what was acknowledged"
