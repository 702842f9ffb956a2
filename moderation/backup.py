"""Backup and restore: the store at one moment, the pepper, the models and the archived ledger, in one file.

The file is a gzipped tar; its last member says what is in it and the SHA-256 of each part. It holds everything that
the service knows, the pepper too: keep it as closed as the data folder. A restore writes into an empty folder only,
and nothing is in its place before every digest was checked.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec

from moderation.errors import SetupRefused
from moderation.secrets import pepper_of
from moderation.settings import Settings
from moderation.store import keys
from moderation.store.connection import Connection
from moderation.store.folder import DataFolder
from moderation.store.snapshot import plant, sync_folder, take

FORMAT = 1
CHUNK = 1024 * 1024
LAST = "contents.json"
SNAPSHOT = "store.rdb"
FOLDERS = ("models", "ledger")
LARGEST_CONTENTS = 16 * 1024 * 1024

Say = Callable[[int, int], None]
"""Hears how many bytes of how many are done."""


class BackupRefused(SetupRefused):
    """A backup that cannot be written, or one that cannot be restored here."""


class Part(msgspec.Struct, frozen=True):
    """One file of a backup."""

    name: str
    size: int
    sha256: str


class Contents(msgspec.Struct, frozen=True):
    """What a backup holds."""

    format: int
    schema: str
    taken_at: str
    parts: list[Part]


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class _Hashing:
    """Reads through, and knows the digest of what was read."""

    def __init__(self, source: _Readable, tell: Callable[[int], None]) -> None:
        self._source = source
        self._tell = tell
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Give the next bytes."""
        data = self._source.read(size)
        self.sha256.update(data)
        self._tell(len(data))
        return data


# taking -----------------------------------------------------------------------------------------


async def back_up(
    connection: Connection, settings: Settings, target: Path, now: datetime, say: Say, made: Path | None = None
) -> Contents:
    """Write a backup; the service may run meanwhile. Raises BackupRefused where the file is there already.

    Of a store that is not ours the snapshot was `made` beforehand, so that the files are no older than it.
    """
    _refuse_to_replace(target)
    snapshot = await take(connection, made)
    return await asyncio.to_thread(_keep, snapshot, settings, target, now, say)


def _refuse_to_replace(target: Path) -> None:
    if target.exists():
        raise BackupRefused(f"{target} is there already; name a file that is not")


def _keep(snapshot: BinaryIO, settings: Settings, target: Path, now: datetime, say: Say) -> Contents:
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with snapshot, open(draft, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            contents = _write(file, snapshot, settings, now, say)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, target)  # fails where somebody made the file meanwhile; a rename would replace it
    except FileExistsError:
        raise BackupRefused(f"{target} is there already; name a file that is not") from None
    except OSError as error:
        raise BackupRefused(f"{target} cannot be written: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(target.parent)
    return contents


def _write(file: BinaryIO, snapshot: BinaryIO, settings: Settings, now: datetime, say: Say) -> Contents:
    files = list(_files(settings))
    done, total = 0, os.fstat(snapshot.fileno()).st_size + sum(path.stat().st_size for _, path in files)

    def tell(count: int) -> None:
        nonlocal done
        done += count
        say(done, total)

    parts = []
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1, format=tarfile.PAX_FORMAT) as tar:
        parts.append(_add(tar, SNAPSHOT, snapshot, os.fstat(snapshot.fileno()).st_size, tell))
        pepper = (settings.store.pepper or _pepper_file(settings).read_text(encoding="utf-8")).strip().encode()
        parts.append(_add(tar, "pepper", _Bytes(pepper), len(pepper), tell))
        for name, path in files:
            with open(path, "rb") as source:
                parts.append(_add(tar, name, source, os.fstat(source.fileno()).st_size, tell))
        contents = Contents(FORMAT, keys.SCHEMA_VERSION, now.isoformat(timespec="seconds"), parts)
        told = msgspec.json.encode(contents)
        _add(tar, LAST, _Bytes(told), len(told), tell)
    return contents


class _Bytes:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int = -1) -> bytes:
        """Give the next bytes."""
        size = len(self._data) if size < 0 else size
        head, self._data = self._data[:size], self._data[size:]
        return head


def _add(tar: tarfile.TarFile, name: str, source: _Readable, size: int, tell: Callable[[int], None]) -> Part:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    reading = _Hashing(source, tell)
    tar.addfile(entry, reading)
    return Part(name, size, reading.sha256.hexdigest())


def _pepper_file(settings: Settings) -> Path:
    pepper_of(settings)
    return settings.store.data / "pepper"


def models_of(settings: Settings) -> Path:
    """Say where the versions of the models lie."""
    return settings.scoring.models or settings.store.data / "models"


def _files(settings: Settings) -> Iterator[tuple[str, Path]]:
    for name, folder in (("models", models_of(settings)), ("ledger", settings.store.data / "ledger")):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and not path.name.startswith("."):
                yield f"{name}/{path.relative_to(folder).as_posix()}", path


# restoring --------------------------------------------------------------------------------------


def restore(settings: Settings, source: Path, say: Say) -> Contents:
    """Put a backup into a data folder that has no store yet; raises BackupRefused, and then nothing was changed.

    Only for the owner of the folder's server; the server is started by whoever comes next.
    """
    folder = DataFolder(settings.store.data)
    folder.prepare()
    _refuse_to_overwrite(folder, settings)
    draft = folder.path / f".restore-{os.getpid()}"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    try:
        contents = _read(source, draft, folder, say)
        if contents.format != FORMAT or contents.schema != keys.SCHEMA_VERSION:
            raise BackupRefused(
                f"{source} was made by another version of the service (schema {contents.schema}, this one has "
                f"{keys.SCHEMA_VERSION}); restore it with that version, then upgrade"
            )
        _put(draft, folder, settings)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return contents


def _refuse_to_overwrite(folder: DataFolder, settings: Settings) -> None:
    there = [folder.path / "pepper", folder.path / "ledger", models_of(settings)]
    found = [path for path in there if path.is_file() or (path.is_dir() and any(path.iterdir()))]
    if folder.has_store() or (folder.store / "dump.rdb").exists():
        found.insert(0, folder.store)
    if found:
        raise BackupRefused(
            f"{found[0]} is there already; a backup is restored into an empty folder: name one with --data"
        )


def _read(source: Path, draft: Path, folder: DataFolder, say: Say) -> Contents:
    seen: dict[str, str] = {}
    contents: Contents | None = None
    try:
        total = source.stat().st_size
        with open(source, "rb") as file, tarfile.open(fileobj=file, mode="r|gz") as tar:
            for entry in tar:
                reading = _open(tar, entry)
                if entry.name == LAST:
                    if entry.size > LARGEST_CONTENTS:
                        raise BackupRefused(f"{source} is damaged: its list of contents is too long")
                    contents = msgspec.json.decode(reading.read(), type=Contents)
                    continue
                if folder.free_mb() * CHUNK < entry.size:
                    raise BackupRefused(f"the disk of {folder.path} has no room for {entry.name}; free some space")
                path = draft / _safe(entry.name)
                path.parent.mkdir(parents=True, exist_ok=True)
                with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as target:
                    while data := reading.read(CHUNK):
                        target.write(data)
                        say(min(file.tell(), total), total)
                    target.flush()
                    os.fsync(target.fileno())
                seen[entry.name] = reading.sha256.hexdigest()
    except (tarfile.TarError, EOFError, OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BackupRefused(f"{source} is no backup, or is damaged ({type(error).__name__})") from None
    if contents is None or seen != {part.name: part.sha256 for part in contents.parts}:
        raise BackupRefused(f"{source} is damaged: a part is missing or is not what it was when it was written")
    return contents


def _open(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> _Hashing:
    content = tar.extractfile(entry) if entry.isreg() else None
    if content is None:
        raise BackupRefused(f"the backup holds {entry.name}, which is no plain file")
    return _Hashing(content, lambda count: None)


def _safe(name: str) -> str:
    """Give the name of a part if it is one that a backup has, and leads nowhere else."""
    parts = name.split("/")
    known = name in (SNAPSHOT, "pepper") or (parts[0] in FOLDERS and len(parts) > 1)
    if not known or any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts):
        raise BackupRefused(f"the backup holds {name!r}, which is no part of one")
    return name


def _put(draft: Path, folder: DataFolder, settings: Settings) -> None:
    """Put the parts in their places, the store last: a folder without a store is one that can be restored again."""
    pepper = (draft / "pepper").read_text(encoding="utf-8")
    if settings.store.pepper and settings.store.pepper.strip() != pepper:
        raise BackupRefused("the backup was made with another pepper than MODERATION_STORE__PEPPER; unset that one")
    for name, target in (("models", models_of(settings)), ("ledger", folder.path / "ledger")):
        if (draft / name).exists():
            if target.exists():
                target.rmdir()
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(draft / name, target)
    os.replace(draft / "pepper", folder.path / "pepper")
    plant(draft / SNAPSHOT, folder.store)
    sync_folder(folder.path)
