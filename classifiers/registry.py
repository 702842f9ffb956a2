"""The registry: folders of versions, and the two pointers that say which one is active and which one is in shadow.

    <root>/versions/<version>/manifest.json ...   never changed once there
    <root>/active.json, shadow.json               small files, replaced by rename
    <root>/history.jsonl                          every move of a pointer, append only

The version that ships with the package counts as one of the versions and is active while no other was promoted. A
writer that dies leaves at most a folder named `.staging-*`, which the next writer clears away.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from classifiers.errors import (
    AlreadyActive,
    ClassifierError,
    DatasetInvalid,
    DigestMismatch,
    GateRefused,
    LabelsOneSided,
    LibraryMismatch,
    LibraryMissing,
    NothingToRollBack,
    RecipeInvalid,
    TooFewLabels,
    UnknownVersion,
    UntrustedType,
    VersionBroken,
    VersionExists,
    VersionInUse,
    VersionTooLarge,
)
from classifiers.manifest import (
    ATTRIBUTES,
    MANIFEST,
    DataEntry,
    FileEntry,
    LanguageFigures,
    Manifest,
    read_manifest,
    verify,
)

__all__ = [
    "ATTRIBUTES",
    "BUNDLED",
    "AlreadyActive",
    "ClassifierError",
    "DataEntry",
    "DatasetInvalid",
    "DigestMismatch",
    "FileEntry",
    "GateRefused",
    "LabelsOneSided",
    "LanguageFigures",
    "LibraryMismatch",
    "LibraryMissing",
    "Manifest",
    "Move",
    "NothingToRollBack",
    "Pointer",
    "Pointers",
    "RecipeInvalid",
    "Registry",
    "TooFewLabels",
    "UnknownVersion",
    "UntrustedType",
    "Version",
    "VersionBroken",
    "VersionExists",
    "VersionInUse",
    "VersionTooLarge",
    "read_manifest",
    "verify",
]

BUNDLED = Path(__file__).parent / "bundled"
MAX_STEPS_BACK = 50
STALE_STAGING_SECONDS = 86_400


class Pointer(msgspec.Struct, frozen=True):
    """Which version a pointer names, and those it named before, newest last."""

    version: str
    previous: tuple[str, ...] = ()


class Pointers(msgspec.Struct, frozen=True):
    """Both pointers as they stand; without an active one the bundled version is active."""

    active: Pointer | None = None
    shadow: Pointer | None = None


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """One move of a pointer, as the history keeps it."""

    at: str
    verb: Literal["promote", "rollback", "shadow"]
    version: str | None
    """What the pointer names since; None when the shadow was switched off."""
    was: str | None
    by: str = ""
    evidence: dict[str, Any] = {}
    """What the promotion gate saw, and whether it was overruled."""


class Version(msgspec.Struct, frozen=True):
    """A version as a list shows it."""

    manifest: Manifest
    state: Literal["active", "shadow", "retired", "candidate"]
    bundled: bool = False


class Registry:
    """A folder of versions. Safe to open from many processes; writers take turns by a lock on the folder."""

    def __init__(self, root: Path, bundled: Path = BUNDLED) -> None:
        self.root = Path(root)
        self._bundled = bundled

    def list(self) -> tuple[Version, ...]:
        """List all versions, the bundled one first, then by the time they were made; broken ones are left out."""
        found = [(manifest, False) for _, manifest in self._read() if isinstance(manifest, Manifest)]
        found.sort(key=lambda pair: (pair[0].made_at, pair[0].version))
        if (self._bundled / MANIFEST).is_file():
            found.insert(0, (read_manifest(self._bundled), True))
        active, shadow = self.active(), self.shadow()
        retired = {move.was for move in self.history() if move.verb != "shadow"}
        return tuple(
            Version(
                manifest,
                "active"
                if manifest.version == active
                else "shadow"
                if manifest.version == shadow
                else "retired"
                if manifest.version in retired
                else "candidate",
                bundled,
            )
            for manifest, bundled in found
        )

    def broken(self) -> tuple[str, ...]:
        """Say of each version whose manifest cannot be read what is wrong with it."""
        return tuple(str(error) for _, error in self._read() if isinstance(error, ClassifierError))

    def missing(self) -> dict[str, str]:
        """Name the versions that are not here though a pointer names them: active or shadow -> version."""
        there = {version.manifest.version for version in self.list()}
        seats = (("active", self.active()), ("shadow", self.shadow()))
        return {state: name for state, name in seats if name is not None and name not in there}

    def path(self, version: str) -> Path:
        """Find the folder of a version."""
        folder = self.root / "versions" / version
        if Path(version).name == version and not version.startswith(".") and (folder / MANIFEST).is_file():
            return folder
        if (self._bundled / MANIFEST).is_file() and read_manifest(self._bundled).version == version:
            return self._bundled
        raise UnknownVersion(version)

    def active(self) -> str:
        """Name the active version: the one promoted last, or else the bundled one."""
        pointer = self._pointer("active")
        return pointer.version if pointer else self.bundled()

    def bundled(self) -> str:
        """Name the version that ships with the package."""
        return read_manifest(self._bundled).version

    def champion(self) -> str:
        """Name the version that a candidate is held against: the active one, or the bundled one where that is gone."""
        active = self.active()
        return active if self._holds(active) else self.bundled()

    def shadow(self) -> str | None:
        """Name the version that scores beside the active one, if any."""
        pointer = self._pointer("shadow")
        return pointer.version if pointer else None

    def history(self) -> tuple[Move, ...]:
        """Read every move of a pointer, oldest first. A line that a crash cut short is left out."""
        path = self.root / "history.jsonl"
        moves = []
        for line in path.read_bytes().splitlines() if path.is_file() else ():
            with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
                moves.append(msgspec.json.decode(line, type=Move))
        return tuple(moves)

    def promote(self, version: str, *, by: str = "", evidence: dict[str, Any] | None = None) -> Move:
        """Make a version the active one, after checking every byte of it. The gate is asked by the caller."""
        self._verify(version)
        with self._writing():
            was = self.active()
            if version == was:
                raise AlreadyActive(version)
            before = self._pointer("active")
            previous = (*(before.previous if before else ()), was)[-MAX_STEPS_BACK:]
            self._activate(Pointer(version, previous))
            return self._note("promote", version, was, by, evidence)

    def rollback(self, *, by: str = "", evidence: dict[str, Any] | None = None) -> Move:
        """Make the version active again that was so before; one that is gone is passed over, at last for the bundled one."""
        with self._writing():
            pointer = self._pointer("active") or Pointer(self.bundled())
            target = self._before(pointer)
            self._verify(target.version)
            self._activate(target)
            return self._note("rollback", target.version, pointer.version, by, evidence)

    def set_shadow(self, version: str | None, *, by: str = "") -> Move:
        """Let a version score beside the active one without any effect on verdicts; None switches that off."""
        if version is not None:
            self._verify(version)
        with self._writing():
            if version == self.active():
                raise AlreadyActive(version)
            was = self.shadow()
            self._write("shadow", Pointer(version) if version is not None else None)
            return self._note("shadow", version, was, by, None)

    def pointers(self) -> Pointers:
        """Read both pointers, with the versions they named before."""
        return Pointers(self._pointer("active"), self._pointer("shadow"))

    def follow(self, pointers: Pointers, *, by: str = "") -> None:
        """Take over the pointers of another registry; the versions they name must be here already, and whole."""
        for pointer in (pointers.active, pointers.shadow):
            if pointer is not None:
                self._verify(pointer.version)
        with self._writing():
            active, shadow = self.active(), self.shadow()
            self._write("active", pointers.active)
            self._write("shadow", pointers.shadow)
            if self.active() != active:
                self._note("promote", self.active(), active, by, {"followed": True})
            if self.shadow() != shadow:
                self._note("shadow", self.shadow(), shadow, by, {"followed": True})

    @contextlib.contextmanager
    def staging(self) -> Iterator[Path]:
        """Give an empty folder beside the versions to build one in; whatever is left there in the end is removed."""
        self._clear_stale()
        folder = Path(tempfile.mkdtemp(prefix=".staging-", dir=self._made("versions")))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def add(self, staged: Path) -> Manifest:
        """Take a complete, verified folder from `staging` in as a version."""
        manifest = verify(staged)
        with self._writing():
            with contextlib.suppress(UnknownVersion):
                self.path(manifest.version)
                raise VersionExists(manifest.version)
            for path in (*staged.iterdir(), staged):
                _sync(path)
            staged.chmod(0o755)
            staged.rename(self.root / "versions" / manifest.version)
            _sync(self.root / "versions")
        return manifest

    def remove(self, version: str) -> None:
        """Delete a version that is neither active nor in shadow."""
        folder = self.path(version)
        if folder == self._bundled:
            raise VersionInUse(version, "bundled with the package")
        with self._writing():
            for state, named in (("active", self.active()), ("shadow", self.shadow())):
                if named == version:
                    raise VersionInUse(version, state)
            doomed = folder.with_name(f".staging-removed-{version}-{os.getpid()}")
            folder.rename(doomed)
            shutil.rmtree(doomed, ignore_errors=True)

    def _folders(self) -> Iterator[Path]:
        return (path.parent for path in self.root.glob(f"versions/[!.]*/{MANIFEST}"))

    def _read(self) -> Iterator[tuple[Path, Manifest | ClassifierError]]:
        for folder in self._folders():
            try:
                yield folder, _named(folder, read_manifest(folder))
            except ClassifierError as error:
                yield folder, error

    def _verify(self, version: str) -> None:
        """Check every byte of a version before a pointer names it, and that it is the one it is called."""
        folder = self.path(version)
        manifest = verify(folder)
        if folder != self._bundled:
            _named(folder, manifest)

    def _holds(self, version: str) -> bool:
        with contextlib.suppress(UnknownVersion):
            return self.path(version).is_dir()
        return False

    def _before(self, pointer: Pointer) -> Pointer:
        for at, version in reversed(list(enumerate(pointer.previous))):
            if version != pointer.version and self._holds(version):
                return Pointer(version, pointer.previous[:at])
        if pointer.version == self.bundled():
            raise NothingToRollBack
        return Pointer(self.bundled())

    def _activate(self, pointer: Pointer) -> None:
        """Move the pointer; the bundled version needs none, so that the next release serves its own."""
        bundled = not pointer.previous and self.path(pointer.version) == self._bundled
        self._write("active", None if bundled else pointer)
        if self.shadow() == pointer.version:
            self._write("shadow", None)

    def _pointer(self, name: str) -> Pointer | None:
        path = self.root / f"{name}.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=Pointer)
        except FileNotFoundError:
            return None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise VersionBroken(f"{path} is no pointer: {error}") from None

    def _write(self, name: str, pointer: Pointer | None) -> None:
        path = self.root / f"{name}.json"
        if pointer is None:
            path.unlink(missing_ok=True)
        else:
            fresh = path.with_suffix(".new")
            fresh.write_bytes(msgspec.json.encode(pointer))
            _sync(fresh)
            fresh.replace(path)
        _sync(self.root)

    def _note(
        self,
        verb: Literal["promote", "rollback", "shadow"],
        version: str | None,
        was: str | None,
        by: str,
        evidence: dict[str, Any] | None,
    ) -> Move:
        move = Move(
            at=datetime.now(UTC).isoformat(), verb=verb, version=version, was=was, by=by, evidence=evidence or {}
        )
        path = self.root / "history.jsonl"
        with path.open("ab") as file:
            file.write(
                b"\n" + msgspec.json.encode(move) + b"\n"
            )  # led by a line break: the line before may be cut short
        _sync(path)
        return move

    def _made(self, name: str) -> Path:
        folder = self.root / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _clear_stale(self) -> None:
        for path in self._made("versions").glob(".staging-*"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > STALE_STAGING_SECONDS:
                    shutil.rmtree(path, ignore_errors=True)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the one writer's lock; it frees itself when the process ends, however it ends."""
        with (self._made(".") / "lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _named(folder: Path, manifest: Manifest) -> Manifest:
    """Refuse a version under another name than its own: a list would show it twice."""
    if manifest.version != folder.name:
        raise VersionBroken(f"{folder} holds version {manifest.version!r}: rename the folder to that, or remove it")
    return manifest


def _sync(path: Path) -> None:
    """Bring a file or a folder's list of names to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
