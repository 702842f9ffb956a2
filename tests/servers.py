"""Real servers: plain, with a replica, under Sentinel, as a cluster, all on loopback; and an embedded one that may be broken."""

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import ClassVar, NamedTuple

import redis

from moderation.settings import StoreSettings
from moderation.store.connection import Connection
from moderation.store.embedded import CONF, EmbeddedServer, find_server
from moderation.store.folder import DataFolder


def free_port() -> int:
    """Return a port nobody listens on, low enough that a cluster's bus fits above it."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port < 50_000:
            return port


class Running(NamedTuple):
    """A server that runs: where, and its process, for those who kill it."""

    port: int
    process: subprocess.Popen[bytes]


class Store(NamedTuple):
    """A store that runs: its URL, the ports of its primaries, and what a service must be told to use it."""

    url: str
    primaries: tuple[int, ...]
    environ: dict[str, str]


@contextmanager
def plain_server(folder: Path, *options: str, port: int | None = None, sentinel: bool = False) -> Iterator[int]:
    """Run a server with these options; give its port. Durable unless an option says otherwise."""
    with running_server(folder, *options, port=port, sentinel=sentinel) as server:
        yield server.port


@contextmanager
def running_server(
    folder: Path, *options: str, port: int | None = None, sentinel: bool = False, binary: Path | None = None
) -> Iterator[Running]:
    """Run a server with these options. Durable unless an option says otherwise."""
    port = port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    conf = folder / "server.conf"
    durable = () if sentinel else ("appendonly yes", "appendfsync always", "maxmemory-policy noeviction", 'save ""')
    conf.write_text("\n".join((f"port {port}", "bind 127.0.0.1", f'dir "{folder}"', *durable, *options)) + "\n")
    command = [str(binary or find_server()), str(conf), *(("--sentinel",) if sentinel else ())]
    with open(folder / "server.log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                redis.Redis(port=port, socket_timeout=1, retry=None).ping()
                break
            except redis.AuthenticationError:
                break
            except redis.RedisError:
                assert process.poll() is None, (folder / "server.log").read_text()
                assert time.monotonic() < deadline, "the server did not answer"
                time.sleep(0.02)
        yield Running(port, process)
    finally:
        process.kill()
        process.wait()


@contextmanager
def replicated_servers(folder: Path, *options: str) -> Iterator[tuple[int, int]]:
    """Run a primary and a replica of it; give both ports."""
    with (
        plain_server(folder / "primary", "repl-diskless-sync-delay 0", *options) as primary,
        plain_server(folder / "replica", f"replicaof 127.0.0.1 {primary}") as replica,
    ):
        client = redis.Redis(port=primary)
        deadline = time.monotonic() + 20
        while "state=online" not in str(client.info("replication").get("slave0", "")).replace("': '", "="):
            assert time.monotonic() < deadline, "the replica did not come up"
            time.sleep(0.05)
        client.set("first", "", px=1)
        assert client.wait(1, 20_000) == 1, "the replica does not confirm what is written"
        yield primary, replica


@contextmanager
def cluster(folder: Path, *more: str, nodes: int = 1) -> Iterator[list[int]]:
    """Run a cluster of primaries that cover every slot; give their ports."""
    with ExitStack() as stack:
        options = ("cluster-enabled yes", "cluster-node-timeout 2000", "cluster-allow-replica-migration no", *more)
        ports = [stack.enter_context(plain_server(folder / str(node), *options)) for node in range(nodes)]
        share = 16384 // nodes
        for number, port in enumerate(ports):
            client = redis.Redis(port=port)
            last = 16383 if number == nodes - 1 else (number + 1) * share - 1
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", number * share, last)
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            client.execute_command("CLUSTER", "MEET", "127.0.0.1", ports[0])
        deadline = time.monotonic() + 20
        while not all(_complete(port, nodes) for port in ports):
            assert time.monotonic() < deadline, "the cluster did not come together"
            time.sleep(0.05)
        yield ports


def _complete(port: int, nodes: int) -> bool:
    told = redis.Redis(port=port).execute_command("CLUSTER", "INFO").decode()
    return "cluster_state:ok" in told and f"cluster_known_nodes:{nodes}\r" in told


@contextmanager
def single(folder: Path, *options: str) -> Iterator[Store]:
    """Run one plain server."""
    with plain_server(folder, *options) as port:
        yield _store(f"redis://127.0.0.1:{port}/0", [port])


@contextmanager
def under_sentinel(folder: Path, *options: str) -> Iterator[Store]:
    """Run a primary with a replica, and a Sentinel that watches them; what is written there is confirmed by the replica."""
    with replicated_servers(folder, "min-replicas-to-write 1", *options) as (primary, _):
        watch = (f"sentinel monitor mymaster 127.0.0.1 {primary} 1", "sentinel down-after-milliseconds mymaster 2000")
        with plain_server(folder / "sentinel", *watch, sentinel=True) as port:
            yield _store(f"sentinel://127.0.0.1:{port}/mymaster", [primary], MODERATION_STORE__PROFILE="ha")


@contextmanager
def clustered(folder: Path, *options: str) -> Iterator[Store]:
    """Run a cluster of three primaries."""
    with cluster(folder, *options, nodes=3) as ports:
        yield _store("cluster://" + ",".join(f"127.0.0.1:{port}" for port in ports), ports)


def _store(url: str, primaries: list[int], **environ: str) -> Store:
    return Store(url, tuple(primaries), {"MODERATION_STORE__URL": url} | environ)


STORES = {"single": single, "sentinel": under_sentinel, "cluster": clustered}
"""The kinds of store beside the embedded one."""


@contextmanager
def embedded(folder: Path) -> Iterator[tuple[StoreSettings, int]]:
    """Run an embedded server that permits every command, unlike ours; give what connects to it, and its process."""
    conf = folder / "test.conf"
    conf.write_text("".join(line for line in CONF.open() if not line.startswith("user ")))
    settings = StoreSettings(data=folder / "data", max_memory_mb=64)
    place = DataFolder(settings.data)
    with place.owned(wait=0.0), EmbeddedServer(place, settings, conf=conf) as server:
        assert server.pid
        yield settings, server.pid


class BackgroundWork:
    """The background work of an embedded server, which may be slowed and killed."""

    STATUS: ClassVar = {"BGREWRITEAOF": "aof_last_bgrewrite_status", "BGSAVE": "rdb_last_bgsave_status"}

    def __init__(self, connection: Connection, pid: int) -> None:
        self.connection = connection
        self._children = Path(f"/proc/{pid}/task/{pid}/children")

    async def slow(self, microseconds: int) -> None:
        """Let it rest at every key."""
        await self.connection.execute("CONFIG", "SET", "rdb-key-save-delay", microseconds)

    async def kill(self) -> None:
        """Kill the process that does it, as soon as there is one."""
        async with asyncio.timeout(10):
            while not (found := self._children.read_text().split()):
                await asyncio.sleep(0.01)
        os.kill(int(found[0]), signal.SIGKILL)

    async def fail(self, command: str) -> None:
        """Let it fail once, and wait until the server says that it has."""
        await self.slow(1_000_000)
        await self.connection.execute(command)
        await self.kill()
        async with asyncio.timeout(10):
            while await self.status(command) != "err":
                await asyncio.sleep(0.01)
        await self.slow(0)

    async def status(self, command: str) -> str:
        """Say how it last ended, in the word of the server."""
        told: dict[str, str] = await self.connection.execute("INFO", "persistence")
        return told[self.STATUS[command]]
