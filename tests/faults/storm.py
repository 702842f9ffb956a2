"""A storm of comments on a store that is killed meanwhile, and the count of what was acknowledged and is gone.

The comments go the product's own way (intake, batches, scripts); only the death of the server is ours: a plain
`kill -9`, or one after which every append-only file is cut to the last size that a returned fsync has covered. Some
of what waits is decided meanwhile, and some of that undone: an acknowledged decision counts like a comment.
"""

import asyncio
import itertools
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import redis

from moderation.app import House, house
from moderation.errors import StoreUnavailable
from moderation.records import Caller, Comment, DecisionKind, DecisionReason, Role, Site
from moderation.review import Ruling
from moderation.settings import Settings, StoreSettings
from moderation.store import embedded
from moderation.store.embedded import CONF, EmbeddedServer
from moderation.store.folder import DataFolder
from tests.replay import differences

SITE = "storm"
CLIENTS = 32
BEA = Caller(role=Role.ADMIN, id="m1", name="Bea")
TEXTS = (
    "I read this with pleasure, thank you. Number {n}.",
    "Win big at https://casino{n}.example and https://slots.example now!!! Free bonus, contact me on telegram @winbig{n}",
    "You are a stupid idiot {n} and everybody hates you, shut up you moron",
)


class Toll(msgspec.Struct):
    """What a series of deaths cost."""

    deaths: int = 0
    acknowledged: int = 0
    """Comments, decisions and undoings."""
    lost: int = 0
    half_written: int = 0
    """How often ledger, comments, queue and changes did not say the same."""
    broken_ledgers: int = 0

    def __add__(self, other: "Toll") -> "Toll":
        return Toll(*(one + more for one, more in zip(self._counts(), other._counts(), strict=True)))

    def _counts(self) -> tuple[int, ...]:
        return msgspec.structs.astuple(self)


class Acked(msgspec.Struct):
    """What was acknowledged of each comment last: its version, and its status then."""

    last: dict[str, tuple[int, str]] = {}
    count: int = 0

    def note(self, id_: str, version: int, status: str) -> None:
        self.last[id_] = (version, status)
        self.count += 1


def servers() -> list[object]:
    """List the servers to try: the one that came with the package and the machine's own."""
    found = [pytest.param(embedded.find_server(), id="bundled")]
    system = shutil.which("redis-server")
    missing = pytest.mark.skipif(system is None, reason="redis-server is not installed")
    return [*found, pytest.param(Path(system or "redis-server"), id="redis-server", marks=missing)]


def compiled(folder: Path, name: str) -> Path:
    """Compile what is preloaded into a server; skips, visibly, where there is no compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("what is preloaded into the server needs a C compiler (gcc)")
    source = Path(__file__).with_name(name)
    target = folder / source.with_suffix(".so").name
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", str(target), str(source), "-ldl"], check=True)
    return target


def compiled_shim(folder: Path) -> Path:
    """Compile the model of a power cut."""
    return compiled(folder, "power_loss.c")


class Victim:
    """A store whose server is started and killed at will."""

    def __init__(self, folder: Path, binary: Path, fsync: str, shim: Path | None, delay_ms: int) -> None:
        self.folder = DataFolder(folder / "data")
        self.settings = StoreSettings(data=folder / "data", max_memory_mb=512)
        self._binary = binary
        self._conf = folder / "victim.conf"
        text = CONF.read_text().replace("appendfsync always", f"appendfsync {fsync}")
        self._conf.write_text("".join(line for line in text.splitlines(keepends=True) if not line.startswith("user ")))
        self._synced = folder / "synced.log"
        self._shim = shim
        self._delay_ms = delay_ms
        self._server: EmbeddedServer | None = None

    def start(self) -> None:
        """Start the server, on whatever its last death has left."""
        before = dict(os.environ)
        if self._shim is not None:
            self._synced.write_text("")
            os.environ |= {
                "LD_PRELOAD": str(self._shim),
                "SYNCED_LOG": str(self._synced),
                "FSYNC_DELAY_MS": str(self._delay_ms),
            }
        found, embedded.find_server = embedded.find_server, lambda: self._binary
        try:
            self._server = EmbeddedServer(self.folder, self.settings, conf=self._conf)
            self._server.start()
        finally:
            embedded.find_server = found
            os.environ.clear()
            os.environ.update(before)

    def kill(self) -> None:
        """Kill the server as nothing can be prepared for."""
        assert self._server is not None
        process = self._server._process
        assert process is not None
        process.send_signal(signal.SIGKILL)
        process.wait()

    def cut_the_power(self) -> int:
        """Kill the server and take away what no fsync has covered; gives how many bytes that were."""
        self.kill()
        safe: dict[str, int] = {}
        for line in self._synced.read_text().splitlines():
            size, _, path = line.partition(" ")
            safe[path] = int(size)
        gone = 0
        for file in (self.folder.store / "appendonlydir").glob("*.incr.aof"):
            size = safe.get(str(file))
            if size is None:  # nothing was synced since the start: what the start found is what stays
                size = self._found.get(str(file), 0)
            gone += max(0, file.stat().st_size - size)
            os.truncate(file, min(size, file.stat().st_size))
        return gone

    def note_files(self) -> None:
        """Remember how large the files are at the start: that much an earlier life has left on the disk."""
        files = (self.folder.store / "appendonlydir").glob("*.incr.aof")
        self._found = {str(file): file.stat().st_size for file in files}

    def stop(self) -> None:
        """Stop it in order."""
        if self._server is not None:
            self._server.stop()

    def client(self) -> redis.Redis:
        """Give a plain client, to look with."""
        return redis.Redis(unix_socket_path=str(self.folder.socket()), decode_responses=True)


@contextmanager
def victim(
    folder: Path, binary: Path, *, fsync: str = "always", shim: Path | None = None, delay_ms: int = 0
) -> Iterator[Victim]:
    """Give a store that can be killed."""
    one = Victim(folder, binary, fsync, shim, delay_ms)
    one.folder.prepare()
    with one.folder.owned(wait=0.0):
        one.start()
        try:
            yield one
        finally:
            one.stop()


_numbers = itertools.count()
_turns = itertools.count()


def fresh_comment(rooms: House, site: Site) -> Comment:
    """Give a comment of an author who never wrote before."""
    n = next(_numbers)
    return Comment(
        id=rooms.intake.new_id(site),
        site=site.id,
        text=TEXTS[n % len(TEXTS)].format(n=n),
        name=f"Writer {n}",
        email=f"writer{n}@posteo.net",
        ip=f"{11 + (n >> 16)}.{n >> 8 & 255}.{n & 255}.7",  # each in a network of its own
    )


async def rage(
    rooms: House, site: Site, acked: Acked, seconds: float, end: Callable[[], object], *, clients: int, least: int
) -> None:
    """Post from many clients at once, so long and until so much is acknowledged; then the server dies in the midst of it."""
    over = asyncio.Event()
    wanted, began = acked.count + least, time.monotonic()

    async def client() -> None:
        while not over.is_set():
            try:
                receipt = await rooms.intake.submit(site, fresh_comment(rooms, site))
                acked.note(receipt.id, 1, receipt.status.value)
                if receipt.status.value == "pending":
                    await review(rooms, site, acked, receipt.id)
            except StoreUnavailable:
                await asyncio.sleep(0.01)

    tasks = [asyncio.create_task(client()) for _ in range(clients)]
    await asyncio.sleep(seconds)
    while acked.count < wanted:
        assert time.monotonic() - began < 60, "the storm was a breeze: the figure would say nothing"
        await asyncio.sleep(0.01)
    await asyncio.to_thread(end)
    await asyncio.sleep(0.05)
    over.set()
    await asyncio.gather(*tasks)


async def review(rooms: House, site: Site, acked: Acked, id_: str) -> None:
    """Decide every third case, and take every second of those decisions back."""
    turn = next(_turns)
    if turn % 3:
        return
    kind, reason = (DecisionKind.REJECT, DecisionReason.TOXIC) if turn % 2 else (DecisionKind.APPROVE, None)
    decided = await rooms.review.decide(site, BEA, id_, Ruling(decision=kind, reason=reason, version=1))
    acked.note(id_, decided.version, decided.status.value)
    if turn % 6 == 0:
        undone = await rooms.review.undo(site, BEA, id_)
        acked.note(id_, undone.version, undone.status.value)


async def series(
    one: Victim, deaths: int, *, power: bool, seconds: float = 0.7, clients: int = CLIENTS, least: int = 0
) -> Toll:
    """Let a store die again and again under load, and count after each death."""
    toll = Toll()
    acked = Acked()
    site = Site(id=SITE)
    for death in range(deaths):
        if death:
            one.start()
        one.note_files()
        before = acked.count
        async with house(Settings(store=one.settings)) as rooms:
            if not death:
                await rooms.sites.add(site)
            # at another point of the disk's rhythm each time
            end = one.cut_the_power if power else one.kill
            await rage(rooms, site, acked, seconds + 0.13 * (death % 5), end, clients=clients, least=least)
        one.start()
        gone, half = count(one.client(), acked)
        async with house(Settings(store=one.settings)) as rooms:
            toll.broken_ledgers += await broken(rooms) is not None
        toll.deaths += 1
        toll.acknowledged += acked.count - before
        toll.lost += len(gone)
        toll.half_written += half
        for id_ in gone:
            del acked.last[id_]
        one.stop()
    return toll


async def broken(rooms: House) -> str | None:
    """Check the chain; on a busy machine the store may take longer for an answer than a visitor would wait."""
    for _ in range(20):
        try:
            return await rooms.ledger.broken_at(SITE)
        except StoreUnavailable:
            await asyncio.sleep(0.5)
    return "not to be read"


def count(client: redis.Redis, acked: Acked) -> tuple[set[str], int]:
    """Count what was acknowledged and is gone, and what is there by half: ledger, comments and queue say other things."""
    tag = f"cm:{{{SITE}}}:"
    there = {key.removeprefix(tag + "c:") for key in client.scan_iter(match=tag + "c:*", count=5000)}
    stored = standing(client, tag, sorted(there))
    waiting = set(client.zrange(tag + "q", 0, -1))
    ranked = set(client.zrange(tag + "qp", 0, -1))
    changed = set(client.zrange(tag + "changes", 0, -1))
    labels = set(client.hkeys(tag + "lb")) ^ set(client.zrange(tag + "lbat", 0, -1))
    lines = [msgspec.json.decode(fields["e"]) for _, fields in client.xrange(tag + "ledger")]
    gone = set()
    for id_, (version, status) in acked.last.items():
        now, later = stored.get(id_, ("", 0)), stored.get(id_, ("", 0))[1] > version
        if not later and (now != (status, version) or (status == "pending" and id_ not in waiting)):
            gone.add(id_)
    half = differences(lines, stored, waiting)
    return gone, len(half) + len(there ^ changed) + len(waiting ^ ranked) + len(labels)


def standing(client: redis.Redis, tag: str, ids: list[str]) -> dict[str, tuple[str, int]]:
    """Read status and version of each comment."""
    found: dict[str, tuple[str, int]] = {}
    for begin in range(0, len(ids), 5000):
        some = ids[begin : begin + 5000]
        pipeline = client.pipeline(transaction=False)
        for id_ in some:
            pipeline.hmget(f"{tag}c:{id_}", "st", "ver")
        found |= {id_: (status, int(version)) for id_, (status, version) in zip(some, pipeline.execute(), strict=True)}
    return found
