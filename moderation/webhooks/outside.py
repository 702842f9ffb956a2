"""Posting to other people's servers: to which addresses, for how long, and how much of the answer is read.

A name is resolved once, and if any of its addresses is not a public one nothing is sent; the connection goes to an
address that was looked at, with the name kept for TLS and `Host`, so that a name which changes its mind in between
changes nothing. No redirect, no proxy of the environment, no connection is kept.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime

import httpx
import msgspec

from moderation.errors import WebhookRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str], Awaitable[Sequence[str]]]

CONNECT_SECONDS = 5.0
BODY_SECONDS = 2.0
"""How long the body of an answer is waited for: its status has said all by then."""
READ_AT_MOST = 64 * 1024
PORTS = frozenset((443, 8443))
TRIED_ADDRESSES = 3
LONGEST_URL = 2_048
ALLOW = "MODERATION_WEBHOOKS__ALLOW"
"""The setting that a refusal names: what it refuses an operator may want."""

# `is_global` of the standard library lets these pass: multicast, ways to smuggle an IPv4 address into an IPv6 one, and
# addresses on which clouds answer their guests.
_DENIED = tuple(
    ipaddress.ip_network(name)
    for name in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
        "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
    )
)  # fmt: skip
_PUBLIC_IPV6 = ipaddress.ip_network("2000::/3")
_LINK_LOCAL = (ipaddress.ip_network("169.254.0.0/16"), ipaddress.ip_network("fe80::/10"))


class Answer(msgspec.Struct, frozen=True):
    """What another server said, or why it said nothing."""

    seconds: float
    status: int = 0
    error: str = ""
    retry_after: float | None = None

    @property
    def delivered(self) -> bool:
        """Say whether it took what was sent. A redirect is a refusal."""
        return 200 <= self.status < 300


class Target(msgspec.Struct, frozen=True):
    """A URL taken apart."""

    scheme: str
    host: str
    port: int
    path: str
    netloc: str


def is_public(address: Address) -> bool:
    """Say whether an address is one that the whole internet knows by the same name, and no back door to this one."""
    if isinstance(address, ipaddress.IPv6Address) and (address not in _PUBLIC_IPV6 or address.scope_id):
        return False
    return address.is_global and not any(address in net for net in _DENIED if net.version == address.version)


def target_of(url: str) -> Target:
    """Take a URL apart; raises WebhookRefused for one that cannot be posted to."""
    if len(url) > LONGEST_URL:
        raise WebhookRefused(f"a webhook's url has at most {LONGEST_URL} characters")
    try:
        parsed = httpx.URL(url)
        host = parsed.raw_host.decode("ascii").rstrip(".").lower()
    except (httpx.InvalidURL, UnicodeError):
        raise WebhookRefused("the url cannot be read; write it as https://host/path") from None
    if parsed.scheme not in ("https", "http") or not host:
        raise WebhookRefused("a webhook's url begins with https:// and names a host")
    if parsed.userinfo:
        raise WebhookRefused("leave name and password out of the url: deliveries are signed instead")
    if "%" in host:
        raise WebhookRefused("the host of the url cannot be read")
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    return Target(parsed.scheme, host, port, parsed.raw_path.decode("ascii"), parsed.netloc.decode("ascii"))


class Outside:
    """The way out. `allow` names hosts and networks on private addresses that may be reached all the same."""

    def __init__(
        self,
        allow: Sequence[str] = (),
        *,
        timeout: float = 15.0,
        resolve: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._hosts, self._networks = _allowed(allow)
        self.timeout = timeout
        self._threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="resolve")
        self._resolve = resolve or self._look_up
        self._tls = tls

    @functools.cached_property
    def _client(self) -> httpx.AsyncClient:
        # not before it is needed: reading all authorities takes a while, and most commands post nothing
        return httpx.AsyncClient(
            verify=self._tls or _tls(),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(self.timeout, connect=min(CONNECT_SECONDS, self.timeout)),
            limits=httpx.Limits(max_keepalive_connections=0, max_connections=None),
        )

    async def aclose(self) -> None:
        """Give sockets and threads back."""
        if "_client" in self.__dict__:
            await self._client.aclose()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def check(self, url: str) -> None:
        """Raise WebhookRefused where nothing would ever be posted to this url. A name without an address may get one."""
        target = target_of(url)
        try:
            addresses = await self._addresses(target.host)
        except (OSError, UnicodeError, TimeoutError):
            addresses = []
        self._permit(target, addresses)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post a body; never raises, the answer says what went wrong. Takes `timeout` seconds at most."""
        if "_client" not in self.__dict__:
            await asyncio.to_thread(getattr, self, "_client")
        began = time.monotonic()
        answer = Answer(0.0, error="no answer in time")
        try:
            async with asyncio.timeout(self.timeout):
                answer = await self._post(url, body, headers)
        except WebhookRefused as refused:
            answer = Answer(0.0, error=f"refused: {refused}")
        except (TimeoutError, httpx.TimeoutException):
            pass
        except (httpx.HTTPError, OSError, UnicodeError) as error:
            answer = Answer(0.0, error=_said(error))
        return msgspec.structs.replace(answer, seconds=round(time.monotonic() - began, 3))

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        target = target_of(url)
        try:
            addresses = await self._addresses(target.host)
        except (OSError, UnicodeError, TimeoutError):
            return Answer(0.0, error="the name has no address")
        self._permit(target, addresses)
        for number, address in enumerate(addresses[:TRIED_ADDRESSES], 1):
            try:
                return await self._post_to(address, target, body, headers)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if number == min(len(addresses), TRIED_ADDRESSES):
                    raise
        return Answer(0.0, error="the name has no address")

    async def _post_to(self, address: Address, target: Target, body: bytes, headers: Mapping[str, str]) -> Answer:
        host = f"[{address}]" if address.version == 6 else str(address)
        sent = {**headers, "Host": target.netloc, "Accept-Encoding": "identity", "Connection": "close"}
        request = self._client.build_request(
            "POST",
            f"{target.scheme}://{host}:{target.port}{target.path}",
            content=body,
            headers=sent,
            extensions={"sni_hostname": target.host},
        )
        response = await self._client.send(request, stream=True)
        try:
            await _read_a_little(response)
        finally:
            await response.aclose()
        return Answer(0.0, response.status_code, retry_after=_seconds(response.headers.get("retry-after", "")))

    # which addresses ------------------------------------------------------------------------------

    def _permit(self, target: Target, addresses: Sequence[Address]) -> None:
        """Raise WebhookRefused unless every address of the target may be reached, by this scheme and port."""
        named = target.host in self._hosts
        listed = named or (bool(addresses) and all(self._in_networks(one) for one in addresses))
        if not listed and target.scheme != "https":
            raise WebhookRefused(
                f"a webhook's url begins with https://; plain http is for hosts that an operator names in {ALLOW}"
            )
        if not listed and target.port not in PORTS:
            ports = " or ".join(str(port) for port in sorted(PORTS))
            raise WebhookRefused(f"a webhook's port is {ports}; others are for hosts that an operator names in {ALLOW}")
        for address in addresses:
            if is_public(address) or self._in_networks(address):
                continue
            near = any(address in net for net in _LINK_LOCAL if net.version == address.version)
            if not named or near:
                raise WebhookRefused(
                    f"the url leads to an address that is not public; an operator can name it in {ALLOW}"
                )

    def _in_networks(self, address: Address) -> bool:
        return any(address in net for net in self._networks if net.version == address.version)

    async def _addresses(self, host: str) -> list[Address]:
        """Give every address of a host, each as what it is: an IPv4 address in IPv6 clothes is an IPv4 address."""
        try:
            return [_plain(ipaddress.ip_address(host))]
        except ValueError:
            async with asyncio.timeout(CONNECT_SECONDS):
                return [_plain(ipaddress.ip_address(found)) for found in await self._resolve(host)]

    async def _look_up(self, host: str) -> Sequence[str]:
        rows = await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        )
        return list(dict.fromkeys(str(row[4][0]) for row in rows))


def _plain(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def _allowed(allow: Sequence[str]) -> tuple[frozenset[str], tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]]:
    hosts, networks = set(), []
    for name in allow:
        try:
            networks.append(ipaddress.ip_network(name, strict=False))
        except ValueError:
            hosts.add(name.rstrip(".").lower())
    return frozenset(hosts), tuple(networks)


def _tls() -> ssl.SSLContext:
    """Trust what the machine trusts, and the public authorities also where the machine brings none."""
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    return context


async def _read_a_little(response: httpx.Response) -> None:
    """Let the other server finish a short answer; what it says is not looked at."""
    read = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in response.aiter_raw(chunk_size=8_192):
                read += len(chunk)
                if read >= READ_AT_MOST:
                    return
    except (TimeoutError, httpx.HTTPError):
        return


def _seconds(retry_after: str) -> float | None:
    """Read Retry-After: seconds, or a date."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _said(error: Exception) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return "TLS failed: the certificate is not valid for this name, or the server speaks no TLS"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.ConnectError):
        return "no connection"
    return "the connection broke, or the answer is not HTTP"
