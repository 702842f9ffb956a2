"""The front door: every request gets an id and is counted, and the one hot route takes a short way.

The short way is `POST /v1/comments` with a key that was checked before, for a site that is remembered. It calls the
same functions as the handler in comments.py and spares only the frame. Whatever is not plain (a new key, another
Content-Type, a large body) goes the long way with the body it came with, so that errors are answered in one place.
"""

import re
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import datetime
from typing import Any, Protocol

import msgspec

from moderation.access import written
from moderation.api import shapes
from moderation.api.comments import checked, counting, idempotency_key
from moderation.api.problems import PROBLEM, encoded, headers_of, problem_of, status_of
from moderation.errors import ModerationError
from moderation.intake import Intake
from moderation.records import Key, Role, Site
from moderation.settings import Settings
from moderation.telemetry import Telemetry

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]


class House(Protocol):
    """The rooms that the short way passes through."""

    sites: Any
    intake: Intake
    settings: Settings
    telemetry: Telemetry
    now: Callable[[], datetime]


Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_JSON = (b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_encode = msgspec.json.Encoder().encode


class Front:
    """Wraps the application. `wrapped` is the Litestar application; its state holds the rooms."""

    def __init__(self, wrapped: Any) -> None:
        self.wrapped = wrapped

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] != "http":
            await self.wrapped(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500
        named = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        request_id = named if _REQUEST_ID.fullmatch(named) else secrets.token_hex(8).encode()

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
            await send(message)

        try:
            if scope["method"] == "POST" and scope["path"] in ("/v1/comments", "/v1/comments/"):
                await self._short_way(scope, receive, answer)
            else:
                await self.wrapped(scope, receive, answer)
        finally:
            rooms = self.wrapped.state.get("house")
            if rooms is not None:
                route = scope.get("path_template") or ("/v1/comments" if status < 404 else "other")
                rooms.telemetry.request_answered(scope["method"], route, status, time.perf_counter() - began)

    async def _short_way(self, scope: Scope, receive: Receive, send: Send) -> None:
        rooms: House | None = self.wrapped.state.get("house")
        secret, media, length, key, accept = "", b"", b"", "", ""
        for name, value in scope["headers"]:
            if name == b"authorization" and value[:7].lower() == b"bearer ":
                secret = value[7:].strip().decode("latin-1")
            elif name == b"content-type":
                media = value.lower()
            elif name == b"content-length":
                length = value
            elif name == b"idempotency-key":
                key = value.decode("latin-1")
            elif name == b"accept-language":
                accept = value.decode("latin-1")
        known: Key | None = rooms.sites.key_remembered(secret) if rooms and secret else None
        site: Site | None = rooms.sites.remembered(known.site) if rooms and known and known.role is Role.SITE else None
        if rooms is None or known is None or site is None or media not in _JSON or not length.isdigit():
            await self.wrapped(scope, receive, send)
            return
        ended = known.revoked or (known.not_after and known.not_after <= written(rooms.now()))
        if ended or int(length) > rooms.settings.intake.max_body_bytes:
            await self.wrapped(scope, receive, send)
            return
        message = await receive()
        body = message.get("body", b"")
        if message["type"] == "http.request" and message.get("more_body"):
            parts = [body]
            while message.get("more_body"):
                message = await receive()
                if message["type"] != "http.request":
                    return
                parts.append(message.get("body", b""))
            body = b"".join(parts)
        elif message["type"] != "http.request":
            return
        extra: dict[str, str] = {}
        try:
            with counting(rooms.telemetry):
                submission = checked(body, site, accept)
                comment = submission.to_comment(rooms.intake.new_id(site), site.id)
                taken = await rooms.intake.submit(site, comment, idempotency_key=idempotency_key(key), body=body)
            status, answer, kind = (
                201,
                _encode(shapes.receipt(taken.id, taken.status, taken.verdict)),
                "application/json",
            )
        except ModerationError as error:
            status, answer, kind = status_of(error).value, encoded(problem_of(error)), PROBLEM
            extra = headers_of(error)
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(answer)).encode())]
        headers += [(name.lower().encode(), value.encode()) for name, value in extra.items()]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})
