"""A backup is worth what its restore gives back: the same comments, at the same place, under the same digests."""

import asyncio
import hashlib
import io
import json
import os
import shutil
import tarfile
import time
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import ANY

import pytest
import redis

from moderation import backup
from moderation.app import House, house
from moderation.backup import BackupRefused, restore
from moderation.records import Site
from moderation.settings import Settings, StoreSettings
from moderation.store import snapshot
from moderation.store.connection import Connection
from moderation.store.embedded import find_server, running_for_command
from moderation.store.folder import DataFolder
from tests.faults.storm import SITE, fresh_comment
from tests.figures import tell
from tests.servers import running_server
from tests.service import a_comment, command, run, serving, submitted


async def fill(rooms: House, comments: int) -> None:
    """Take in so many comments, as many clients at once would."""
    there = {site.id for site in await rooms.sites.sites()}
    site = Site(id=SITE) if SITE in there else await rooms.sites.add(Site(id=SITE))
    for begin in range(0, comments, 500):
        todo = [fresh_comment(rooms, site) for _ in range(min(500, comments - begin))]
        await asyncio.gather(*[rooms.intake.submit(site, comment) for comment in todo])


async def digest_of(rooms: House) -> tuple[int, str]:
    """Give the count of the comments, and one digest of their ids, states, texts and places in the queue."""
    sha = hashlib.sha256()
    count, after = 0, 0
    while True:
        found = await rooms.comments.changed_since(SITE, after, 500)
        for item in found.comments:
            sha.update(
                f"{item.id} {item.status} {item.version} {item.text} {item.author} {item.waiting_since}".encode()
            )
        count, after = count + len(found.comments), found.cursor
        if not found.more:
            break
    entries = [entry.hash async for entry in rooms.ledger.walk(SITE)]
    sha.update("".join(entries).encode())
    return count, sha.hexdigest()


def within(folder, work):
    """Do some work on the store of a folder that nobody serves."""
    settings = Settings(store=StoreSettings(data=folder, max_memory_mb=2048))

    async def go():
        async with house(settings) as rooms:
            return await work(rooms)

    with running_for_command(DataFolder(folder), settings.store):
        return asyncio.run(go())


def round_trip(tmp_path, comments: int, told=lambda *words, data: run(*words, data=data).stdout) -> None:
    """Fill a store up to so many comments, back it up, restore it elsewhere, and compare; `told` runs a command."""
    data, file, other = tmp_path / "data", tmp_path / "moderation.backup", tmp_path / "other"
    there = within(data, digest_of)[0] if data.exists() else 0
    within(data, lambda rooms: fill(rooms, comments - there))
    archived = data / "ledger" / SITE / "2026-01.jsonl.gz"
    archived.parent.mkdir(parents=True)
    archived.write_bytes(b"what is older than a month")
    (data / "models" / "versions" / "v1").mkdir(parents=True)
    (data / "models" / "versions" / "v1" / "weights.npy").write_bytes(bytes(range(256)) * 64)
    before = within(data, digest_of)
    assert before[0] == comments

    began = time.monotonic()
    said = told("backup", str(file), data=data)
    backed_up = time.monotonic() - began
    began = time.monotonic()
    restored = told("restore", str(file), data=other)
    took = time.monotonic() - began

    after = within(other, digest_of)
    tell(
        "A7 backup and restore",
        comments,
        "digest equal",
        f"{'equal' if after == before else 'DIFFERENT'}, backup {backed_up:.1f} s, restore {took:.1f} s, {file.stat().st_size / 1e6:.1f} MB",
    )
    assert after == before
    assert f"{comments:,} comments" in restored
    assert "SHA-256" in said
    assert (other / "pepper").read_text() == (data / "pepper").read_text(), "the pepper is another"
    assert (other / "pepper").stat().st_mode & 0o077 == 0
    assert (other / "models" / "versions" / "v1" / "weights.npy").read_bytes() == bytes(range(256)) * 64
    assert (other / archived.relative_to(data)).read_bytes() == archived.read_bytes()
    assert file.stat().st_mode & 0o077 == 0, "a backup holds the pepper"


def test_what_a_backup_of_two_thousand_comments_gives_back_is_the_same(tmp_path):
    round_trip(tmp_path, 2000)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_what_a_backup_of_a_hundred_thousand_comments_gives_back_is_the_same(tmp_path):
    round_trip(tmp_path, 100_000)


def test_a_backup_that_takes_the_snapshot_which_is_there_already_is_found_out(tmp_path, monkeypatch):
    """The mutation: what came in since the last snapshot is left out."""
    kept: list[bytes] = []

    async def stale(connection: Connection, made: Path | None = None) -> io.BufferedReader:
        if not kept:
            with await snapshot.take(connection) as file:
                kept.append(file.read())
        (tmp_path / "stale.rdb").write_bytes(kept[0])
        return open(tmp_path / "stale.rdb", "rb")

    monkeypatch.setattr(backup, "take", stale)
    within(tmp_path / "data", lambda rooms: fill(rooms, 30))
    command("backup", str(tmp_path / "earlier"), data=tmp_path / "data")
    with pytest.raises(AssertionError):
        round_trip(tmp_path, 60, command)


@pytest.mark.parametrize("place", [*backup.FOLDERS, "pepper"])
def test_a_restore_that_drops_a_part_is_found_out(tmp_path, monkeypatch, place):
    """The mutations: the archived ledger, the models, or the pepper stay in the backup."""
    put = backup._put

    def forgetful(draft: Path, *given: object) -> None:
        if place == "pepper":
            (draft / place).write_text("A" * 43)
        else:
            shutil.rmtree(draft / place)
        put(draft, *given)

    monkeypatch.setattr(backup, "_put", forgetful)
    with pytest.raises((FileNotFoundError, AssertionError), match=place):
        round_trip(tmp_path, 20, command)


def test_a_backup_is_taken_while_the_service_runs_and_nothing_is_overwritten(tmp_path):
    file = tmp_path / "moderation.backup"
    with serving(tmp_path / "data") as service:
        assert service.site.post("/v1/comments", json=a_comment()).status_code == 201
        assert f"{file}: 1 comments, " in run("backup", str(file), data=service.data).stdout
        onto = run("restore", str(file), data=service.data, check=False)
    assert (onto.returncode, "empty folder" in onto.stderr) == (2, True), onto.stderr
    leave_what_is_there(file, tmp_path / "data")
    refuse_what_is_damaged(file, tmp_path)


def leave_what_is_there(file: Path, data: Path) -> None:
    """Back up onto a file, and restore into a folder, that are there already."""
    there = [file, data / "pepper", *(data / "store" / "appendonlydir").glob("*.base.*")]
    before = [path.read_bytes() for path in there]
    for word in ("backup", "restore"):
        assert "is there already" in command(word, str(file), data=data, status=2)
    assert [path.read_bytes() for path in there] == before


def altered(file: Path) -> bytes:
    """Write a backup anew with another pepper in it, under the list of contents that it had."""
    written = io.BytesIO()
    with tarfile.open(file) as old, tarfile.open(fileobj=written, mode="w:gz") as new:
        for entry in old:
            content = old.extractfile(entry).read()
            new.addfile(entry, io.BytesIO(content[::-1] if entry.name == "pepper" else content))
    return written.getvalue()


def refuse_what_is_damaged(file: Path, folder: Path) -> None:
    """Restore backups that are no longer what they were."""
    whole = file.read_bytes()
    damages = {
        "bit": whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 1]) + whole[len(whole) // 2 + 1 :],
        "short": whole[: len(whole) * 2 // 3],
        "empty": b"",
        "text": b"this is no backup at all",
        "altered": altered(file),
    }
    for name, damage in damages.items():
        broken, target = folder / name, folder / f"into-{name}"
        broken.write_bytes(damage)
        with pytest.raises(BackupRefused, match="damaged"):
            restore(Settings(store=StoreSettings(data=target)), broken, lambda done, total: None)
        assert not (target / "pepper").exists()
        assert not DataFolder(target).has_store()
    tell("A7 damaged backups", len(damages), "all refused", "all refused")


def test_a_store_of_ones_own_is_backed_up_by_its_snapshot_and_moves_to_another_host(tmp_path):
    """What deploy/backup.md says of a server of one's own, on the oldest one that may be used where it is here."""
    binary = Path(shutil.which("redis-server") or find_server())
    folder, file, rdb, other = (tmp_path / name for name in ("data", "own.cmb", "store.rdb", "other"))
    with running_server(tmp_path / "one", binary=binary) as one:
        url = f"redis://127.0.0.1:{one.port}/0"
        with serving(folder, MODERATION_STORE__URL=url) as service:
            known = [submitted(service)["id"] for _ in range(5)]
            first = service.first
            said = service.command("backup", str(file), status=2)
            assert "name it with --snapshot FILE" in said
            assert not file.exists()
            redis.Redis(port=one.port).save()
            shutil.copy(tmp_path / "one" / "dump.rdb", rdb)
            assert "5 comments" in service.command("backup", str(file), "--snapshot", str(rdb))
    restored = command("restore", str(file), data=other)
    assert "5 comments" in restored
    assert "every digest fits" in restored
    assert (other / "pepper").read_text() == (folder / "pepper").read_text()
    shutil.copytree(other / "store" / "appendonlydir", tmp_path / "two" / "appendonlydir")
    shutil.rmtree(other / "store")
    with running_server(tmp_path / "two", binary=binary) as two:
        (other / "first-run.json").write_text(json.dumps(first))  # it is no part of a backup
        with serving(other, MODERATION_STORE__URL=f"redis://127.0.0.1:{two.port}/0") as service:
            assert all(service.site.get(f"/v1/comments/{one}").status_code == 200 for one in known)
            assert "All is well." in service.command("doctor")


@pytest.mark.parametrize("name", ["../outside", "models/../../outside", "/etc/outside", "serve.lock", "store/x"])
def test_a_backup_cannot_write_outside_its_places(tmp_path, name):
    refuse_to_climb(tmp_path, name)


def refuse_to_climb(folder: Path, name: str) -> None:
    """Restore a backup that holds a file of such a name."""
    file = folder / "evil"
    (folder / "evidence").write_text("outside")
    with tarfile.open(file, "w:gz") as tar:
        tar.add(folder / "evidence", arcname=name)
    with pytest.raises(BackupRefused, match="no part of one"):
        restore(Settings(store=StoreSettings(data=folder / "data")), file, lambda done, total: None)
    assert not list(folder.rglob("outside"))


@pytest.mark.parametrize("looks_away", ["from the digests", "from the file", "from the folder", "from the names"])
def test_a_backup_or_restore_that_looks_away_is_found_out(tmp_path, monkeypatch, looks_away):
    """The mutations: one of the looks before anything is written is not taken."""
    file = tmp_path / "moderation.backup"
    within(tmp_path / "data", lambda rooms: fill(rooms, 5))
    command("backup", str(file), data=tmp_path / "data")
    if looks_away == "from the digests":
        monkeypatch.setattr(
            backup.hashlib, "sha256", lambda: SimpleNamespace(update=lambda data: None, hexdigest=lambda: ANY)
        )
        with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
            refuse_what_is_damaged(file, tmp_path)
    elif looks_away == "from the names":
        monkeypatch.setattr(backup, "_safe", lambda name: name)
        with pytest.raises(AssertionError):
            refuse_to_climb(tmp_path / "data", "models/../../outside")
    else:
        monkeypatch.setattr(backup, "_refuse_to_replace", lambda target: None)
        monkeypatch.setattr(backup.os, "link", os.replace if looks_away == "from the file" else os.link)
        if looks_away == "from the folder":
            monkeypatch.setattr(backup, "_refuse_to_overwrite", lambda folder, settings: None)
        with pytest.raises(AssertionError):
            leave_what_is_there(file, tmp_path / "data")
