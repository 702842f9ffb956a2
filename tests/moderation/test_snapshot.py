"""Snapshots: of the embedded store alone, planted whole into a store that has none, or refused and left alone."""

import stat

import pytest

from moderation.store.connection import Connection
from moderation.store.snapshot import SnapshotFailed, plant, take


async def test_another_ones_store_is_not_backed_up_here(connection: Connection) -> None:
    with pytest.raises(SnapshotFailed, match="back up an external one by its own means"):
        await take(connection)


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
