"""The connection: embedded, single, Sentinel or Cluster; nothing outside this file knows which.

Without a URL it attaches to the embedded server of the data folder, which somebody else keeps running. What the
driver reports leaves this file as `StoreUnavailable`; a failed command may or may not have been carried out, so every
script is idempotent. In the `ha` profile a write is answered only after a replica has confirmed it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Literal, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import hiredis
import redis.exceptions as driver
from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import Connection as TcpConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import ExponentialBackoff
from redis.maint_notifications import MaintNotificationsConfig

from moderation.errors import SetupRefused, StoreUnavailable
from moderation.settings import StoreSettings, without_password
from moderation.store import keys
from moderation.store.folder import DataFolder
from moderation.store.refusals import border, unknown_outcome
from moderation.store.scripts import draining

Kind = Literal["embedded", "single", "sentinel", "cluster"]

REPLICA_TIMEOUT_MS = 500

# What the driver does by itself takes up to a minute when a server hangs; a visitor waits for a second.
PATIENCE: dict[str, Any] = {
    "socket_timeout": 1.0,
    "socket_connect_timeout": 0.5,
    "maint_notifications_config": MaintNotificationsConfig(enabled=False),
}
POOL_TIMEOUT = 0.5

# Everything else is taken for a write: in the `ha` profile it waits for a replica.
READS = frozenset((
    "DBSIZE", "EXISTS", "GET", "HEXISTS", "HGET", "HGETALL", "HKEYS", "HLEN", "HMGET", "HSCAN", "INFO", "LLEN",
    "LRANGE", "MGET", "PING", "PTTL", "SCAN", "SCARD", "SISMEMBER", "SMEMBERS", "SMISMEMBER", "SSCAN", "STRLEN",
    "TIME", "TTL", "TYPE", "XLEN", "XRANGE", "XREAD", "XREVRANGE", "ZCARD", "ZCOUNT", "ZMSCORE", "ZRANGE",
    "ZRANGEBYSCORE", "ZRANK", "ZREVRANGE", "ZREVRANGEBYSCORE", "ZREVRANK", "ZSCAN", "ZSCORE",
))  # fmt: skip


class StoreUrlInvalid(SetupRefused):
    """This URL names no store."""


class Script(Protocol):
    """A Lua script: its text and the SHA-1 by which a server knows it."""

    @property
    def text(self) -> str: ...
    @property
    def sha(self) -> str: ...


class Connection:
    """The way to the store. Replies are those of Redis; turning them into records is the caller's part."""

    def __init__(self, client: Any, kind: Kind, settings: StoreSettings) -> None:
        self.failed: Callable[[str], None] = lambda cause: None
        """Told the cause of every call that the store did not carry out, for the metrics."""
        self.client = client
        self.kind = kind
        self.is_cluster = kind == "cluster"
        self.settings = settings
        self.confirms = settings.profile == "ha"
        self._turns = asyncio.Semaphore(settings.connections)

    async def execute(self, *command: Any) -> Any:
        """Carry out one command."""
        if self.confirms and str(command[0]).upper() not in READS:
            return (await self._confirmed([command]))[0]
        with border(self.failed):
            return await self._sent(command)

    async def many(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Carry out several commands in one round trip, not as one transaction; raise the first error among them."""
        if not commands:
            return []
        if self.confirms and any(str(command[0]).upper() not in READS for command in commands):
            return await self._confirmed(commands)
        with border(self.failed):
            return await self._pipelined(commands)

    async def run(self, script: Script, names: Sequence[Any], args: Sequence[Any], *, durable: bool = False) -> Any:
        """Run a script; `durable` when it writes what is acknowledged to somebody."""
        for call in (("EVALSHA", script.sha), ("EVAL", script.text)):
            command = (*call, len(names), *names, *args)
            try:
                if durable and self.confirms:
                    return (await self._confirmed([command]))[0]
                with border(self.failed):
                    return await self._sent(command)
            except driver.NoScriptError:
                continue
        raise StoreUnavailable("the store forgets scripts as soon as it has learned them")

    async def confirm(self, name: str) -> None:
        """Wait until what was read where this key lies is as safe as what is acknowledged: it may be another's write."""
        if self.confirms:
            await self._confirmed([], name)

    async def aclose(self) -> None:
        """Give the sockets back."""
        await self.client.aclose()

    async def _sent(self, command: Sequence[Any]) -> Any:
        if not self.is_cluster:
            return await self.client.execute_command(*command)
        async with self._turn():
            return await self.client.execute_command(*command)

    async def _pipelined(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        pipeline = self.client.pipeline(transaction=False) if not self.is_cluster else self.client.pipeline()
        for command in commands:
            pipeline.execute_command(*command)
        return await self._replies(pipeline)

    async def _replies(self, pipeline: Any) -> list[Any]:
        """Carry a pipeline out; raises the first error among its replies."""
        async with self._turn() if self.is_cluster else contextlib.nullcontext():
            replies: list[Any] = await pipeline.execute(raise_on_error=False)
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return replies

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait for a free connection, as the pools of one server do; the driver's cluster refuses at once instead."""
        try:
            async with asyncio.timeout(POOL_TIMEOUT):
                await self._turns.acquire()
        except TimeoutError:
            raise driver.MaxConnectionsError from None
        try:
            yield
        finally:
            self._turns.release()

    async def _confirmed(self, commands: Sequence[tuple[Any, ...]], name: str = "") -> list[Any]:
        """Carry out writes and wait, on the same connections, until a replica has all that was written up to then.

        Also what others wrote: a call that finds its work done by an earlier sending of itself writes nothing.
        """
        with border(self.failed):
            names = [_text(_first_key(command)) for command in commands] or [name]
            if self.is_cluster:
                return await self._confirmed_in_cluster(commands, names)
            *replies, _, copies = await self._pipelined([*commands, _mark(names[0]), ("WAIT", 1, REPLICA_TIMEOUT_MS)])
            if copies < 1:
                raise unknown_outcome()
            return replies

    async def _confirmed_in_cluster(self, commands: Sequence[tuple[Any, ...]], names: Sequence[str]) -> list[Any]:
        await self.client.initialize()
        nodes = {self.client.get_node_from_key(name).name: name for name in names}
        pipeline = self.client.pipeline()
        for command in commands:
            pipeline.execute_command(*command)
        for name in nodes.values():
            pipeline.execute_command(*_mark(name))
            pipeline.execute_command("WAIT", 1, REPLICA_TIMEOUT_MS, target_nodes=self.client.get_node_from_key(name))
        replies = await self._replies(pipeline)
        # A slot that moved meanwhile had its command sent again to another node, where nobody waited for a replica.
        moved = any(self.client.get_node_from_key(name).name not in nodes for name in names)
        if moved or any(copies < 1 for copies in replies[len(commands) + 1 :: 2]):
            raise unknown_outcome()
        return replies[: len(commands)]


async def connect(settings: StoreSettings) -> Connection:
    """Open the way to the store. That it does not answer yet is no error here: `check` says so."""
    if settings.url is None:
        connection = Connection(_unix(str(DataFolder(settings.data).socket()), settings, {}), "embedded", settings)
    else:
        connection = _of_url(settings.url, settings)
    with contextlib.suppress(StoreUnavailable):
        await connection.execute("PING")
    return connection


def _of_url(url: str, settings: StoreSettings) -> Connection:
    parts = urlsplit(url)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    login: dict[str, Any] = {}
    if "@" in parts.netloc:
        name, _, password = parts.netloc.rpartition("@")[0].partition(":")
        login = {"username": unquote(name) or None, "password": unquote(password) or None}
    secure: dict[str, Any] = {"ssl": True, **({"ssl_ca_certs": options["ca"]} if "ca" in options else {})}
    tls = parts.scheme == "rediss" or options.get("tls") == "true"
    if parts.scheme == "unix":
        if parts.netloc.rpartition("@")[2] or len(parts.path) < 2:
            raise _wrong(url, "a unix socket is written unix:///run/redis/redis.sock")
        return Connection(_unix(unquote(parts.path), settings, login), "single", settings)
    servers = _servers(url, parts.netloc.rpartition("@")[2], 26379 if parts.scheme == "sentinel" else 6379)
    if parts.scheme in ("redis", "rediss"):
        if len(servers) != 1:
            raise _wrong(url, "name one server; several are sentinel://h1,h2/service or cluster://h1,h2")
        try:
            db = int(parts.path.strip("/") or 0)
        except ValueError:
            raise _wrong(url, "the path is the number of a database, such as redis://host/0") from None
        [(host, port)] = servers
        pool = BlockingConnectionPool(
            **_pooled(settings), **PATIENCE, **_tls_connection(tls, options), **login, host=host, port=port, db=db
        )
        return Connection(Redis.from_pool(pool), "single", settings)
    if not tls:
        secure = {}
    if parts.scheme == "sentinel":
        service = unquote(parts.path.strip("/"))
        if not service:
            raise _wrong(url, "the path is the name of the service, such as sentinel://h1,h2/mymaster")
        guards = {"username": options.get("sentinel_username"), "password": options.get("sentinel_password")}
        sentinel = Sentinel(  # type: ignore[no-untyped-call]
            servers, sentinel_kwargs={**PATIENCE, "retry": _retry(), **guards, **secure}
        )
        client = sentinel.master_for(
            service,
            connection_pool_class=_BlockingSentinelPool,
            **_pooled(settings),
            **PATIENCE,
            **login,
            **secure,
        )
        return Connection(client, "sentinel", settings)
    if parts.scheme == "cluster":
        cluster = RedisCluster(
            startup_nodes=[ClusterNode(host, port) for host, port in servers],
            max_connections=settings.connections,
            retry=_retry(),
            **PATIENCE,
            **login,
            **secure,
        )
        return Connection(cluster, "cluster", settings)
    raise _wrong(url, "use redis://, rediss://, unix://, sentinel://h1,h2/service or cluster://h1,h2")


class _CompiledPacking:
    """Packs commands by hiredis: the driver's own packing, in Python, costs more than all else on the way to the store."""

    async def _send_packed_command(self, command: Any) -> None:
        try:
            await super()._send_packed_command(command)  # type: ignore[misc]
        except RuntimeError as error:
            # uvloop's word for a connection that the server has reset meanwhile; the driver waits for an OSError
            raise ConnectionResetError(str(error)) from error

    def pack_command(self, *args: Any) -> list[bytes]:
        """Write a command as the server reads it."""
        name = args[0]
        if isinstance(name, str) and " " in name:
            args = (*name.split(), *args[1:])
        return [hiredis.pack_command(args)]


class _UnixConnection(_CompiledPacking, UnixDomainSocketConnection):
    """A unix socket."""


class _TcpConnection(_CompiledPacking, TcpConnection):
    """A TCP connection."""


class _TlsConnection(_CompiledPacking, SSLConnection):
    """A TLS connection."""


class _BlockingSentinelPool(SentinelConnectionPool, BlockingConnectionPool):
    """A Sentinel pool in which a caller waits for a free connection instead of failing at once."""


def _unix(path: str, settings: StoreSettings, login: dict[str, Any]) -> Redis:
    pool = BlockingConnectionPool(connection_class=_UnixConnection, path=path, **_pooled(settings), **PATIENCE, **login)
    return Redis.from_pool(pool)


def _tls_connection(tls: bool, options: dict[str, str]) -> dict[str, Any]:
    if not tls:
        return {"connection_class": _TcpConnection}
    return {"connection_class": _TlsConnection, **({"ssl_ca_certs": options["ca"]} if "ca" in options else {})}


def _pooled(settings: StoreSettings) -> dict[str, Any]:
    return {"max_connections": settings.connections, "timeout": POOL_TIMEOUT, "retry": _retry()}


def _retry() -> Retry:
    # A connection that was dropped is tried anew; a server that hangs would only hang twice as long.
    return Retry(ExponentialBackoff(cap=0.1, base=0.02), 1, supported_errors=(driver.ConnectionError,))


def _servers(url: str, hosts: str, port: int) -> list[tuple[str, int]]:
    servers = []
    for host in hosts.split(","):
        try:
            one = urlsplit(f"//{host}")
            name, number = one.hostname, one.port or port
        except ValueError:
            raise _wrong(url, f"`{host}` is not a host and a port") from None
        if not name:
            raise _wrong(url, "it names no host")
        servers.append((name, number))
    return servers


def _first_key(command: Sequence[Any]) -> Any:
    return command[3] if str(command[0]).upper() in ("EVAL", "EVALSHA") else command[1]


def _mark(name: str) -> tuple[Any, ...]:
    return ("EVAL", draining("mark_offset").text, 1, keys.mark_beside(name))


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def _wrong(url: str, remedy: str) -> StoreUrlInvalid:
    return StoreUrlInvalid(f"store.url {without_password(url)}: {remedy}")
