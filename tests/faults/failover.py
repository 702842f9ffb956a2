"""A primary with two replicas under three Sentinels, and a cable to the replicas that can be cut unseen.

Whoever speaks to the primary does so through one proxy, so that all agree on its address. What a replica has asked to
be sent (PSYNC) can be stopped there: nothing is closed, the primary does not know yet that nobody follows it.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import redis

from tests.servers import Running, free_port, running_server

SERVICE = "mymaster"
REPLICAS = 2
SENTINELS = 3
DOWN_AFTER_MS = 1500


class Cable:
    """The proxy before the primary, in a thread of its own: the load that the test makes must not slow it down."""

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self.port = 0
        self.cut = False
        """Whether replicas get nothing more."""
        self.reaches = REPLICAS
        """How many of the replicas still get everything while it is cut; the first that have come."""
        self._followers: list[asyncio.StreamWriter] = []
        self._listens = threading.Event()
        self._over = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._listen(),), daemon=True)

    def open(self) -> None:
        """Listen."""
        self._thread.start()
        assert self._listens.wait(10)

    def close(self) -> None:
        """End it, and every connection through it."""
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._listens.set()
        await self._over.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def cut_off(self, spare: int = 0) -> None:
        """Stop what flows to the replicas, but for so many of them."""
        self.reaches, self.cut = spare, True

    def mend(self) -> None:
        """Let all through again; who was cut off must come anew, since it has missed something."""
        self.cut = False
        for writer in self._followers:
            self._loop.call_soon_threadsafe(writer.close)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        place: list[int] = []
        there: asyncio.StreamWriter | None = None
        back: asyncio.Task[None] | None = None
        try:
            upstream, there = await asyncio.open_connection("127.0.0.1", self.upstream)
            back = asyncio.create_task(self._back(upstream, writer, place))
            while data := await reader.read(65536):
                if not place and b"PSYNC" in data:
                    place.append(len(self._followers))
                    self._followers.append(writer)
                if not self._stopped(place):
                    there.write(data)
                    await there.drain()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            if back is not None:
                back.cancel()
            if there is not None:
                there.close()
            writer.close()

    async def _back(self, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter, place: list[int]) -> None:
        with contextlib.suppress(OSError):
            while data := await upstream.read(65536):
                if not self._stopped(place):
                    writer.write(data)
                    await writer.drain()
        writer.close()

    def _stopped(self, place: list[int]) -> bool:
        return self.cut and bool(place) and place[0] >= self.reaches


class Flock:
    """Primary, replicas and Sentinels."""

    def __init__(self, cable: Cable, primary: Running, replicas: list[Running], sentinels: list[Running]) -> None:
        self.cable = cable
        self.primary = primary
        self.replicas = replicas
        self.sentinels = sentinels

    @property
    def url(self) -> str:
        return "sentinel://" + ",".join(f"127.0.0.1:{one.port}" for one in self.sentinels) + "/" + SERVICE

    def leader(self) -> int:
        """Ask the Sentinels for the port of the primary."""
        client = redis.Redis(port=self.sentinels[0].port, decode_responses=True)
        _, port = client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return int(port)


@contextmanager
def flock(folder: Path, binary: Path, *options: str) -> Iterator[Flock]:
    """Run it all, and wait until everybody knows everybody."""
    cable = Cable(free_port())
    cable.open()
    try:
        with ExitStack() as stack:
            yield _start(stack, folder, binary, cable, options)
    finally:
        cable.close()


def _start(stack: ExitStack, folder: Path, binary: Path, cable: Cable, options: tuple[str, ...]) -> Flock:
    soon = ("repl-diskless-sync-delay 0", "repl-ping-replica-period 1", *options)
    announced = ("replica-announce-ip 127.0.0.1",)
    primary = stack.enter_context(running_server(folder / "primary", *soon, port=cable.upstream, binary=binary))
    replicas = [
        stack.enter_context(
            running_server(
                folder / f"replica{n}", f"replicaof 127.0.0.1 {cable.port}", *soon, *announced, binary=binary
            )
        )
        for n in range(REPLICAS)
    ]
    watch = (
        f"sentinel monitor {SERVICE} 127.0.0.1 {cable.port} 2",
        f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER_MS}",
        f"sentinel failover-timeout {SERVICE} 6000",
        f"sentinel parallel-syncs {SERVICE} {REPLICAS}",
    )
    client = redis.Redis(port=cable.upstream, decode_responses=True)
    _until(lambda: len(_online(client)) == REPLICAS)
    sentinels = [
        stack.enter_context(running_server(folder / f"sentinel{n}", *watch, sentinel=True, binary=binary))
        for n in range(SENTINELS)
    ]
    for one in sentinels:
        asked = redis.Redis(port=one.port, decode_responses=True)
        _until(lambda asked=asked: _knows_all(asked))
    _until(lambda: _confirmed(client))
    return Flock(cable, primary, replicas, sentinels)


def _online(client: redis.Redis) -> list[str]:
    told = client.info("replication")
    return [name for name, one in told.items() if name.startswith("slave") and one["state"] == "online"]


def _confirmed(client: redis.Redis) -> bool:
    client.set("cm:{probe}:flock", 1, px=1000)
    return bool(client.wait(REPLICAS, 200) == REPLICAS)


def _knows_all(sentinel: redis.Redis) -> bool:
    told = sentinel.execute_command("SENTINEL", "MASTER", SERVICE)
    facts = told if isinstance(told, dict) else dict(zip(told[::2], told[1::2], strict=True))
    return (int(facts["num-slaves"]), int(facts["num-other-sentinels"])) == (REPLICAS, SENTINELS - 1)


def _until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "primary, replicas and Sentinels did not come together"
        time.sleep(0.05)
