"""What the dialects of other services share: the site of a key, and one table that says our errors in each one's words.

Their routes are open to everybody at the gate and ask for the key themselves, since each service has its own place for
it. Cookies are never looked at.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from moderation import errors
from moderation.access import Access
from moderation.api.gate import address_of, own_origin
from moderation.errors import KeyRefused, ModerationError, UnknownSite
from moderation.records import Site

LONGEST_KEY = 200
FLOAT_DIGITS = 7
"""Digits of a score that are shown, as many as a float32 of the original service has."""


class Said(NamedTuple):
    """One of our errors in the words of each dialect."""

    google: tuple[int, str]
    """Perspective: HTTP status and the name of the status."""
    akismet: int
    """HTTP status; whatever it is, the debug header says why."""
    openai: tuple[int, str, str | None]
    """HTTP status, type and code."""


_REFUSED_KEY = Said((400, "INVALID_ARGUMENT"), 200, (401, "invalid_request_error", "invalid_api_key"))
_INVALID = Said((400, "INVALID_ARGUMENT"), 400, (400, "invalid_request_error", None))
_MISSING = Said((404, "NOT_FOUND"), 404, (404, "invalid_request_error", None))
_CONFLICT = Said((409, "ABORTED"), 409, (409, "invalid_request_error", None))
_AWAY = Said((503, "UNAVAILABLE"), 503, (503, "server_error", None))

SAID: dict[type[ModerationError], Said] = {
    errors.KeyRefused: _REFUSED_KEY,
    # a key whose site is gone is a key that opens nothing
    errors.UnknownSite: _REFUSED_KEY,
    errors.RoleRefused: Said((403, "PERMISSION_DENIED"), 200, (403, "invalid_request_error", "permission_denied")),
    errors.RateExceeded: Said((429, "RESOURCE_EXHAUSTED"), 429, (429, "requests", "rate_limit_exceeded")),
    errors.BodyInvalid: _INVALID,
    errors.BodyTooLarge: Said((400, "INVALID_ARGUMENT"), 413, (413, "invalid_request_error", "request_too_large")),
    # Akismet says what is missing with 200
    errors.FieldsInvalid: Said((400, "INVALID_ARGUMENT"), 200, (400, "invalid_request_error", None)),
    errors.UnknownComment: _MISSING,
    errors.CaseDecided: _CONFLICT,
    errors.IdempotencyConflict: _CONFLICT,
    errors.ExternalIdTaken: _CONFLICT,
    errors.CommentChanged: _CONFLICT,
    errors.StoreUnavailable: _AWAY,
    errors.Overloaded: _AWAY,
    errors.ScorerUnavailable: _AWAY,
}
"""What the routes of the dialects can meet."""

FAILED = Said((500, "INTERNAL"), 503, (500, "server_error", None))
"""A fault of ours. To Akismet clients it is never an answer that could be read as ham or spam."""


def said(error: Exception) -> Said:
    """Say an error in every dialect, by the nearest class in the table."""
    for kind in type(error).__mro__:
        if kind in SAID:
            return SAID[kind]
    return FAILED


def in_words(handler: Callable[[Request[Any, Any, Any], Any], Response[Any]]) -> dict[Any, Any]:
    """Let a controller answer every error itself, those included for which the application has an answer of its own."""
    kinds = (ModerationError, HTTPException, UnicodeDecodeError, RecursionError, Exception)
    return dict.fromkeys(kinds, handler)


MOST_PARTS = 20_000
"""Lists and objects in a body; a body can hold a million, and each costs more to make than a page of text."""
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_ESCAPES = re.compile(
    rb"((?:[^\\]++|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\(?!u[dD][89a-fA-F]).)++)"
    rb"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}",
    re.DOTALL,
)


def read_json(body: bytes, shape: Any = Any) -> Any:
    """Read JSON, also with half of a surrogate pair in it (a question mark then): what a client cuts off within an emoji.

    Raises ValueError or RecursionError. Takes no longer than the body is long, whatever is in it.
    """
    if _parts(body) > MOST_PARTS and _parts(_STRING.sub(b"", body)) > MOST_PARTS:
        raise ValueError(f"more than {MOST_PARTS} lists and objects")
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError):
        whole = _ESCAPES.sub(lambda found: found[1] or b"?", body)
        if whole == body:
            raise
        return msgspec.json.decode(whole, type=shape)


def _parts(body: bytes) -> int:
    return body.count(b"[") + body.count(b"{")


async def site_of_key(request: Request[Any, Any, Any], access: Access, secret: str, *, scores: bool = False) -> Site:
    """Give the site of a compat key (or site key); raises KeyRefused, or RateExceeded for an address that guesses.

    `scores` is for what gives the scores of a text and leaves nothing behind; for the rest RoleRefused is raised where the
    key may do no more than that.
    """
    if not secret or len(secret) > LONGEST_KEY:
        raise KeyRefused
    caller = await access.by_compat_key(secret, address_of(request), scores=scores)
    try:
        site: Site = await request.app.state.sites.site(caller.site)
    except UnknownSite:
        raise KeyRefused from None
    return site


def bearer(authorization: str) -> str:
    """Give the key of an Authorization header, or nothing."""
    scheme, _, secret = authorization.strip().partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def root_url(request: Request[Any, Any, Any]) -> str:
    """Give the address under which the client reaches us, with a slash at its end."""
    public: str | None = request.app.state.settings.server.public_url
    return (public or own_origin(request)).rstrip("/") + "/"


def probability(score: float) -> float:
    """Round a score to what a float32 holds, and keep it between 0 and 1."""
    return min(1.0, max(0.0, float(f"{score:.{FLOAT_DIGITS}g}")))


_TOKENS = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~, -]{1,1000}")


def cors(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Let pages of any origin read the answer: these keys travel in the request, and cookies count for nothing."""
    wanted = request.headers.get("access-control-request-headers", "")
    return {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
        "Access-Control-Allow-Headers": wanted if _TOKENS.fullmatch(wanted) else "Content-Type, X-Goog-Api-Key",
        "Access-Control-Max-Age": "3600",
    }
