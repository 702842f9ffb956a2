"""Keeps the seats filled: the models of this process follow this host's registry, the registries follow each other.

A pointer is moved in the registry of one host. The worker that notices it first writes the version's files and then the
pointers into the store; every other host fetches the files, checks each byte against the manifest, moves its own
pointers, and every worker opens the version beside the one that serves and swaps between two batches. A version that
cannot be fetched or opened, or of which this host has another of that name, leaves the old one serving, is told as a
warning, and is not tried again for a while.

The worker that notices a move also writes it into the ledger of the staff, whether the service or a command made it.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import structlog

from classifiers.card import CARD
from classifiers.errors import ClassifierError, UnknownVersion, VersionBroken, VersionTooLarge
from classifiers.manifest import FILE_NAME, MANIFEST, MAX_FILES, MAX_MANIFEST_BYTES, Manifest, read_manifest
from classifiers.registry import Move, Pointer, Pointers, Registry
from classifiers.scorer import Scorer, tried
from moderation.scoring.models import Models
from moderation.store.ledger import STAFF, Ledger
from moderation.store.models import MAX_SHARED_BYTES, Shared, SharedModels
from moderation.telemetry import Telemetry

REST_SECONDS = 30.0
"""How long a version that could not be had is left alone."""
LONGEST_NAME = 100
_VERSION = "version "
_STORE = "the models in the store"
SCORED_BY = ("attributes", "features", "thresholds", "calibration", "languages", "language_bar")
"""What of a manifest decides on scores beside the files."""
FOLLOWED = "store.json"
"""In the registry's folder: where its pointers stood when they last agreed with the store."""


EVENTS = {"promote": "model.promoted", "rollback": "model.rolled_back", "shadow": "model.shadow"}
"""What the ledger calls the moves of a history."""


class _Followed(msgspec.Struct, frozen=True):
    generation: int = 0
    pointers: Pointers = Pointers()
    told: int | None = None
    """How many moves of the history the ledger has; None where that was not counted yet."""

    def is_what(self, shared: Shared) -> bool:
        """Say whether the store still has what was agreed on."""
        agreed = Shared(self.generation, _encoded(self.pointers.active), _encoded(self.pointers.shadow))
        return agreed == shared


class Versions:
    """The models of one process. `registry` is this host's; whoever moves its pointers calls `follow` afterwards."""

    def __init__(
        self,
        registry: Registry,
        shared: SharedModels,
        models: Models,
        telemetry: Telemetry,
        ledger: Ledger,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.registry = registry
        self._shared = shared
        self._models = models
        self._telemetry = telemetry
        self._ledger = ledger
        self._clock = clock
        self._open: dict[str, Scorer] = {}
        self._faults: dict[str, tuple[float, str]] = {}
        self._bundled = ""

    @property
    def seated(self) -> tuple[str, ...]:
        """The versions that score in this process: the active one, and the one in shadow."""
        return self._models.versions

    @property
    def warnings(self) -> tuple[str, ...]:
        """Say which versions could not be had, and why."""
        return tuple(f"{what}: {why}" for what, (_, why) in sorted(self._faults.items()))

    async def start(self) -> None:
        """Seat what the registry names; where that cannot be opened, what ships with the package."""
        await self._seat()
        if not self._models.versions:
            with self._noting("the bundled version"):
                scorer = await asyncio.to_thread(_tried, self.registry, await self._bundled_name())
                self._models.swap(scorer)

    async def follow(self) -> None:
        """Do once what there is to do: agree with the store on the pointers, then seat what they name."""
        await self._agree()
        await self._seat()

    # this process follows the registry ------------------------------------------------------------

    async def _seat(self) -> None:
        try:
            pointers = self.registry.pointers()
        except ClassifierError as error:
            self._fault("the registry", error)
            return
        active = pointers.active.version if pointers.active else await self._bundled_name()
        shadow = pointers.shadow.version if pointers.shadow and pointers.shadow.version != active else ""
        before = self._models.versions
        wanted = (active, shadow) if shadow else (active,)
        self._forget(lambda fault: fault.startswith(_VERSION) and fault.removeprefix(_VERSION) not in wanted)
        if not active or before == wanted:
            return
        first = await self._opened(active)
        second = await self._opened(shadow) if shadow else None
        if first is None:
            return
        seated = (first.version,) if second is None else (first.version, second.version)
        if seated == before:
            return
        self._models.swap(first, second)
        self._open = {scorer.version: scorer for scorer in (first, second) if scorer is not None}
        self._faults.pop("the registry", None)
        if before[:1] != seated[:1]:
            self._telemetry.model_changed("active")
            structlog.get_logger("moderation").info("model_swapped", model=first.version)
        if before[1:] != seated[1:]:
            self._telemetry.model_changed("shadow")

    async def _bundled_name(self) -> str:
        if not self._bundled:
            with contextlib.suppress(ClassifierError):
                self._bundled = await asyncio.to_thread(self.registry.bundled)
        return self._bundled

    async def _opened(self, version: str) -> Scorer | None:
        if version in self._open:
            return self._open[version]
        what = _VERSION + version
        if self._rests(what):
            return None
        found = []
        with self._noting(what):
            found.append(await asyncio.to_thread(_tried, self.registry, version))
        return found[0] if found else None

    # the registry and the store agree -------------------------------------------------------------

    async def _agree(self) -> None:
        """Whichever moved since both last agreed is followed by the other; where both did, the store is right."""
        shared = await self._shared.pointers()
        what = f"{_STORE}, generation {shared.generation}"
        self._forget(lambda fault: fault.startswith(_STORE) and fault != what)
        if self._agreed(shared):
            self._faults.pop(what, None)
            return
        if self._rests(what):
            return
        with self._noting(what), self._alone() as alone:
            shared = await self._shared.pointers()  # another worker may have moved them since
            if alone and not self._agreed(shared):
                if self._speaks_first(shared):
                    await self._publish()
                else:
                    await self._fetch(shared)

    def _speaks_first(self, shared: Shared) -> bool:
        """Say whether this host tells the store: it knows nothing, nothing new, or nothing that can be read."""
        followed = self._followed()
        if shared.generation == 0 or followed is None:
            return shared.generation == 0
        try:
            _decoded(shared.active), _decoded(shared.shadow)
        except VersionBroken:
            return followed.pointers != self.registry.pointers()
        return followed.is_what(shared)

    def _agreed(self, shared: Shared) -> bool:
        try:
            here = self.registry.pointers()
        except ClassifierError:
            return True  # `_seat` says what is wrong with it
        followed = self._followed()
        if followed is None:
            return shared.generation == 0 and here == Pointers()
        return followed.is_what(shared) and followed.pointers == here

    def _followed(self) -> _Followed | None:
        try:
            return msgspec.json.decode((self.registry.root / FOLLOWED).read_bytes(), type=_Followed)
        except (OSError, msgspec.DecodeError):
            return None

    def _remember(self, generation: int, pointers: Pointers, told: int) -> None:
        fresh = self.registry.root / f"{FOLLOWED}.new"
        fresh.write_bytes(msgspec.json.encode(_Followed(generation, pointers, told)))
        fresh.replace(self.registry.root / FOLLOWED)

    async def _tell(self) -> int:
        """Write the moves that nobody has told yet into the ledger; gives how many it has then.

        Each is counted once it is written, so one that the store refuses is told at the next try. A process that dies
        in between tells one move twice, which is better than never.
        """
        moves = await asyncio.to_thread(self.registry.history)
        followed = self._followed() or _Followed(told=0)
        told = min(followed.told if followed.told is not None else len(moves) - 1, len(moves))
        for move in moves[told:]:
            if not move.evidence.get("followed"):  # it was told by the host that made it
                await self._ledger.append(STAFF, EVENTS[move.verb], move.by[:LONGEST_NAME] or "cli", **_facts(move))
            told += 1
            self._remember(followed.generation, followed.pointers, told)
        return told

    async def _publish(self) -> None:
        pointers = self.registry.pointers()
        told = await self._tell()
        named = [pointer for pointer in (pointers.active, pointers.shadow) if pointer]
        for pointer in named:
            if not await self._is_stored(pointer.version):
                await self._upload(pointer.version)
        generation = await self._shared.point(_encoded(pointers.active), _encoded(pointers.shadow))
        self._remember(generation, pointers, told)
        await self._shared.keep_only([*(pointer.version for pointer in named), *_before(pointers)])

    async def _is_stored(self, version: str) -> bool:
        """Say whether the store has this version; one whose manifest was damaged there is written anew."""
        if not await self._shared.has(version):
            return False
        with self.registry.staging() as staged:
            try:
                shared = await self._manifest(version, staged)
            except VersionBroken:
                return False
        return self._is_here(shared)

    async def _upload(self, version: str) -> None:
        folder = self.registry.path(version)
        manifest = await asyncio.to_thread(read_manifest, folder)
        if sum(entry.size for entry in manifest.files.values()) > MAX_SHARED_BYTES:
            raise VersionTooLarge(
                f"version {version} has more than {MAX_SHARED_BYTES} bytes; other hosts need its folder by hand"
            )
        names = [MANIFEST, *manifest.files]
        for name in names:
            await self._shared.put_file(version, name, await asyncio.to_thread((folder / name).read_bytes))
        await self._shared.seal(version, names)

    async def _fetch(self, shared: Shared) -> None:
        pointers = Pointers(_decoded(shared.active), _decoded(shared.shadow))
        for pointer in (pointers.active, pointers.shadow):
            if pointer is not None:
                await self._download(pointer.version)
        await asyncio.to_thread(self.registry.follow, pointers, by="store")
        await self._download_before(pointers)
        self._remember(shared.generation, pointers, await self._tell())

    async def _download_before(self, pointers: Pointers) -> None:
        """Fetch what a rollback on this host would else pass over. Nobody asks for it yet, so a failure is no warning."""
        for version in _before(pointers):
            if await self._shared.has(version):
                with contextlib.suppress(ClassifierError, OSError, MemoryError):
                    await self._download(version)

    async def _download(self, version: str) -> None:
        with self.registry.staging() as staged:
            manifest = await self._manifest(version, staged)
            if self._is_here(manifest):
                return
            total = sum(entry.size for entry in manifest.files.values())
            if len(manifest.files) > MAX_FILES or total > MAX_SHARED_BYTES:
                raise VersionTooLarge(f"version {version} in the store has more than {MAX_SHARED_BYTES} bytes")
            for name, entry in manifest.files.items():
                if not FILE_NAME.fullmatch(name):
                    raise VersionBroken(f"version {version} in the store lists {name[:80]!r}, which is no file name")
                content = await self._shared.get_file(version, name, entry.size)
                await asyncio.to_thread((staged / name).write_bytes, content)
            await asyncio.to_thread(self.registry.add, staged)

    async def _manifest(self, version: str, folder: Path) -> Manifest:
        """Read what the store says of a version, into a folder."""
        content = await self._shared.get_file(version, MANIFEST, MAX_MANIFEST_BYTES)
        await asyncio.to_thread((folder / MANIFEST).write_bytes, content)
        manifest = read_manifest(folder)
        if manifest.version != version:
            raise VersionBroken(f"the store keeps {manifest.version} under the name {version}")
        return manifest

    def _is_here(self, shared: Manifest) -> bool:
        """Say whether this host has a version of the store; raises VersionBroken where only the name is the same."""
        try:
            here = read_manifest(self.registry.path(shared.version))
        except UnknownVersion:
            return False
        if _essence(here) != _essence(shared):
            raise VersionBroken(
                f"this host and the store each have a version named {shared.version}, and they differ: "
                "rename the one here, or remove it"
            )
        return True

    @contextlib.contextmanager
    def _alone(self) -> Iterator[bool]:
        """Hold this host's turn to agree with the store, or say that another worker has it."""
        self.registry.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.registry.root / "store.lock").open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    # what goes wrong ------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _noting(self, what: str) -> Iterator[None]:
        try:
            yield
        except (ClassifierError, OSError, MemoryError) as error:
            self._fault(what, error)
        else:
            self._faults.pop(what, None)

    def _fault(self, what: str, error: Exception) -> None:
        code = error.code if isinstance(error, ClassifierError) else type(error).__name__
        known = self._faults.get(what)
        self._faults[what] = (self._clock() + REST_SECONDS, str(error))
        if known is None or known[1] != str(error):
            self._telemetry.model_changed("failed")
            structlog.get_logger("moderation").error("model_not_loaded", kind=what, code=code)

    def _forget(self, which: Callable[[str], bool]) -> None:
        """Drop warnings about what nobody wants any longer."""
        for what in [what for what in self._faults if which(what)]:
            del self._faults[what]

    def _rests(self, what: str) -> bool:
        return what in self._faults and self._clock() < self._faults[what][0]


def _tried(registry: Registry, version: str) -> Scorer:
    return tried(registry.path(version))


def _facts(move: Move) -> dict[str, object]:
    """Say of a move what the ledger keeps: of a promotion also whether it was against the gate, and what that had said."""
    facts: dict[str, object] = {"version": move.version or ""}
    if move.verb != "shadow":
        facts["was"] = move.was or ""
    if move.verb == "promote":
        gate = move.evidence.get("gate")
        checks = gate.get("checks", []) if isinstance(gate, dict) else []
        facts["forced"] = bool(move.evidence.get("forced"))
        facts["against"] = [str(check.get("words", "")) for check in checks if not check.get("passed", True)]
    return facts


def _essence(manifest: Manifest) -> tuple[object, ...]:
    """Give what makes a version the one it is: two that agree in it are one, whenever they were made and however described."""
    files = {name: entry for name, entry in manifest.files.items() if name != CARD}
    return (files, *(getattr(manifest, field) for field in SCORED_BY))


def _before(pointers: Pointers) -> tuple[str, ...]:
    """Name the version that was active before, if any."""
    return pointers.active.previous[-1:] if pointers.active else ()


def _encoded(pointer: Pointer | None) -> bytes:
    return msgspec.json.encode(pointer) if pointer else b""


def _decoded(pointer: bytes) -> Pointer | None:
    try:
        return msgspec.json.decode(pointer, type=Pointer) if pointer else None
    except msgspec.DecodeError as error:
        raise VersionBroken(f"the store holds a pointer that is none: {error}") from None
