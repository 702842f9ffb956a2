"""The gate: every route says who may pass, and everybody else is refused before the handler runs.

A route declares `opt=allow(...)`. One that declares nothing stops the start (`undeclared`). A caller comes with a
Bearer key or with a session cookie, never with both; a cookie is only looked at where the route is made for browsers
of staff, and then a request that changes something must come from our own pages (Sec-Fetch-Site, Origin, CSRF token).
"""

import hmac
import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

from litestar import Litestar, Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler

from moderation.access import Access
from moderation.errors import (
    FieldError,
    FieldsInvalid,
    KeyRefused,
    MediaTypeRefused,
    RoleRefused,
    UnknownCase,
    UnknownSite,
)
from moderation.records import Caller, Role, Site

COOKIE = "__Host-cm"
CSRF_HEADER = "x-csrf-token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

PUBLIC = "public"
STAFF = (Role.MODERATOR, Role.ADMIN)
EVERYBODY = (Role.SITE, Role.MODERATOR, Role.ADMIN)


def allow(
    *who: Role | str,
    cookies: bool = False,
    media: str = "application/json",
    body: Any = None,
    answers: Any = None,
    status: int = 200,
    enrolling: bool = False,
    refusals: dict[int, Any] | None = None,
    body_media: str = "application/json",
    also: dict[int, Any] | None = None,
) -> dict[str, Any]:
    """Declare a route: who may use it, whether a session counts, which body it reads and what it answers.

    `media` empty: the route looks at the Content-Type itself. `enrolling`: also for a person whose second factor is
    still to be set up. `body`, `body_media`, `answers`, `status`, `also` (what else a good answer may be, status to
    shape) and `refusals` (the same, where a route speaks another dialect than our problems) are for the reference.
    """
    return {
        "allow": frozenset(who),
        "cookies": cookies,
        "media": media,
        "body": body,
        "answers": answers,
        "status": status,
        "enrolling": enrolling,
        "refusals": refusals,
        "body_media": body_media,
        "also": also or {},
    }


def undeclared(app: Litestar) -> list[str]:
    """List the routes that say nothing of who may use them."""
    missing = []
    for route in app.routes:
        for handler in _handlers(route):
            if "allow" not in handler.opt:
                missing.append(f"{route.path} ({handler.handler_name})")
    return missing


def _handlers(route: Any) -> Iterable[BaseRouteHandler]:
    handlers: list[BaseRouteHandler] = list(getattr(route, "route_handlers", [])) or [route.route_handler]
    # Litestar answers OPTIONS itself for every route; that answer holds nothing but the methods
    return [item for item in handlers if not (isinstance(item, HTTPRouteHandler) and item.http_methods == {"OPTIONS"})]


async def gate(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Let a caller pass, or raise KeyRefused or RoleRefused; the caller is kept in the request's state."""
    allowed = handler.opt.get("allow")
    if allowed is None:
        raise RoleRefused
    if PUBLIC not in allowed:
        connection.state.caller = await _caller(connection, handler, allowed)
    method = connection.scope.get("method", "GET")
    if method not in SAFE and handler.opt["media"]:
        check_media(connection.headers.get("content-type", ""), handler.opt["media"], _has_body(connection))


def _has_body(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    headers = connection.headers
    return headers.get("content-length", "0") not in ("", "0") or "transfer-encoding" in headers


def check_media(content_type: str, wanted: str, has_body: bool) -> None:
    """Refuse a body of another or of no declared type: what a plain form can send must not pass for JSON."""
    kind = content_type.partition(";")[0].strip().lower()
    if (has_body or kind) and kind != wanted:
        raise MediaTypeRefused(f"send the body as Content-Type: {wanted}")


async def _caller(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler, allowed: frozenset[Role | str]
) -> Caller:
    access: Access = connection.app.state.access
    header = connection.headers.get("authorization", "")
    token = cookie_of(connection, COOKIE) if handler.opt["cookies"] else ""
    if header:
        if token:
            raise KeyRefused("send a key or a session, not both")
        scheme, _, secret = header.partition(" ")
        if scheme.lower() != "bearer" or not secret:
            raise KeyRefused
        caller = await access.by_key(secret.strip())
    elif token:
        caller, session = await access.by_session(token)
        if connection.scope.get("method", "GET") not in SAFE:
            check_same_origin(connection)
            if not hmac.compare_digest(connection.headers.get(CSRF_HEADER, "").encode(), session.csrf.encode()):
                raise RoleRefused("this request does not come from a page of the console; load the page again")
        connection.state.session = session
        if caller.must_enrol and not handler.opt["enrolling"]:
            raise RoleRefused("your role needs a second factor: set it up on your account's page first")
    else:
        raise KeyRefused
    if caller.role not in allowed:
        raise RoleRefused
    return caller


def cookie_of(connection: ASGIConnection[Any, Any, Any, Any], name: str) -> str:
    """Give one of our cookies, or nothing. The others, of which a request can bring thousands, are not read."""
    sent = ";" + connection.headers.get("cookie", "").replace("; ", ";")
    _, found, rest = sent.rpartition(f";{name}=")
    return rest.partition(";")[0].strip() if found else ""


def check_same_origin(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Refuse a request that another website made a browser send."""
    fetch_site = connection.headers.get("sec-fetch-site")
    if fetch_site is not None:
        if fetch_site != "same-origin":
            raise RoleRefused("this request comes from another website")
        return
    origin = connection.headers.get("origin")
    if origin is None or origin != own_origin(connection):
        raise RoleRefused("this request does not say that it comes from our own pages (no Sec-Fetch-Site, no Origin)")


def own_origin(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """Give the origin under which the browser knows us."""
    public: str | None = connection.app.state.settings.server.public_url
    if public:
        parts = urlsplit(public)
        return f"{parts.scheme}://{parts.netloc}"
    return f"{scheme_of(connection)}://{connection.headers.get('host', '')}"


def scheme_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """Give http or https as the client sees it; X-Forwarded-Proto counts only from a trusted proxy."""
    forwarded = connection.headers.get("x-forwarded-proto", "")
    if forwarded in ("http", "https") and is_trusted(_peer(connection), connection.app.state.proxies):
        return forwarded
    return str(connection.scope.get("scheme", "http"))


# where the request comes from -----------------------------------------------------------------------

Networks = Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]


def networks(names: Sequence[str]) -> Networks:
    """Read addresses and networks; a host name is none."""
    return [ipaddress.ip_network(name, strict=False) for name in names]


def is_trusted(peer: str, proxies: Networks) -> bool:
    """Say whether what this peer forwards is believed."""
    if not proxies:
        return False
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        # a socket for both kinds of addresses writes 10.0.0.1 as ::ffff:10.0.0.1
        address = address.ipv4_mapped
    return any(address in network for network in proxies if network.version == address.version)


def client_address(peer: str, forwarded: str, proxies: Networks) -> str:
    """Give the address of the client: the peer's, or behind trusted proxies the last one that no proxy vouches for.

    X-Forwarded-For is walked from the right, since a client can write anything on its left.
    """
    if not is_trusted(peer, proxies):
        return peer
    for hop in reversed(forwarded.split(",")):
        hop = hop.strip()
        try:
            ipaddress.ip_address(hop)
        except ValueError:
            return peer
        if not is_trusted(hop, proxies):
            return hop
        peer = hop
    return peer


def _peer(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    client = connection.scope.get("client")
    return str(client[0]) if client else ""


def address_of(request: Request[Any, Any, Any]) -> str:
    """Give the client's address of a request."""
    # some proxies add a line of their own instead of going on in the one that the client sent
    forwarded = ",".join(request.headers.getall("x-forwarded-for", []))
    state = request.app.state
    if forwarded and "house" in state and not is_trusted(_peer(request), state.proxies):
        state.house.readiness.somebody_forwards()
    return client_address(_peer(request), forwarded, state.proxies)


# what a handler asks for ------------------------------------------------------------------------------


def provide_caller(request: Request[Any, Any, Any]) -> Caller:
    """Give who asks."""
    caller: Caller = request.state.caller
    return caller


async def site_for(request: Request[Any, Any, Any], caller: Caller, site_id: str | None) -> Site:
    """Give the site a request is about: the caller's own, the one named, or the only one there is.

    A site the caller may not see is answered as one that is not there.
    """
    sites = request.app.state.sites
    wanted = site_id or caller.site or (caller.sites[0] if len(caller.sites) == 1 else "")
    if not wanted:
        found: list[Site] = [site for site in await sites.sites() if caller.reaches(site.id)]
        if len(found) != 1:
            names = ", ".join(site.id for site in found[:20]) or "none yet"
            raise FieldsInvalid([FieldError("site", "site_missing", f"Say which site: ?site=... ({names}).")])
        return found[0]
    if not caller.reaches(wanted):
        raise UnknownSite(wanted)
    site: Site = await sites.site(wanted)
    return site


async def site_of_comment(request: Request[Any, Any, Any], caller: Caller, comment_id: str) -> Site:
    """Give the site of a comment by its id; raises UnknownCase where the caller may not see it."""
    site_id = comment_id.rpartition("-")[0]
    if not site_id or not caller.reaches(site_id):
        raise UnknownCase(comment_id)
    try:
        site: Site = await request.app.state.sites.site(site_id)
    except UnknownSite as error:
        raise UnknownCase(comment_id) from error
    return site
