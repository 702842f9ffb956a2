"""The hot route: `POST /v1/comments`, answered by the connection itself, without a task and a frame for each comment.

It is for the plain request: a key that was checked before, a site that is remembered, a JSON body whose length was
announced, on a connection with nothing else under way. It calls the same functions as the handler in comments.py.
Whatever is not plain goes to the application as ever, so that every error is answered in one place.
"""

import asyncio
import re
import secrets
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from http import HTTPStatus
from itertools import count
from typing import Any, Protocol

import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from moderation.access import written
from moderation.api import shapes
from moderation.api.comments import checked, idempotency_key
from moderation.api.problems import PROBLEM, encoded, fault, headers_of, problem_of, status_of
from moderation.errors import ModerationError, Overloaded
from moderation.intake import Intake, Receipt
from moderation.records import Key, Role, Site
from moderation.settings import Settings
from moderation.telemetry import Telemetry


class House(Protocol):
    """The rooms that a comment passes through."""

    sites: Any
    intake: Intake
    settings: Settings
    telemetry: Telemetry
    now: Callable[[], datetime]


PATHS = (b"/v1/comments", b"/v1/comments/")
REFUSED_AFTER = 0.5
"""Seconds until one too many is told so: callers that ask again at once would take the core from those that wait."""
LARGEST_HEAD = 65_536
"""Bytes, of what comes before a body and of what may come after one in chunks."""
_JSON = (b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_CREATED = STATUS_LINE[201] + b"content-type: application/json\r\ncontent-length: "
_BUSY = encoded(problem_of(Overloaded()))
"""Written once: a service with too much to do must not spend its time on saying so."""
_encode = msgspec.json.Encoder().encode
_worker, _numbers = secrets.token_hex(5), count(1)


def request_id(named: bytes) -> bytes:
    """Give the id that a request is answered with: the caller's own where it is a plain word, else a new one."""
    return named if named and _REQUEST_ID.fullmatch(named) else f"{_worker}{next(_numbers):06x}".encode()


class _Taking:
    """A plain request under way; what uvicorn asks of any request under way is there under its names."""

    __slots__ = (
        "accept", "began", "body", "disconnected", "idempotency", "keep_alive", "request_id", "response_complete",
        "rooms", "site",
    )  # fmt: skip
    message_event = asyncio.Event()
    """Set by uvicorn when the connection is lost; nobody waits for it here."""

    def __init__(self, rooms: House, site: Site, headers: dict[bytes, bytes]) -> None:
        self.rooms = rooms
        self.site = site
        self.accept = headers.get(b"accept-language", b"").decode("latin-1")
        self.idempotency = headers.get(b"idempotency-key", b"").decode("latin-1")
        self.request_id = request_id(headers.get(b"x-request-id", b""))
        self.body = b""
        self.began = time.perf_counter()
        self.disconnected = self.response_complete = False
        self.keep_alive = True


class HotRoute(HttpToolsProtocol):
    """One connection. `app` is a Front; `wrapped` in it is the application, whose state holds the rooms."""

    _taking: _Taking | None = None
    _in_head = False
    _after_chunk = False
    """Between the size of a chunk and its bytes; the last chunk has none, and trailers follow instead."""
    _head = 0
    """Bytes of the head or the trailers of a request that have come; the parser would gather them without end."""

    def data_received(self, data: bytes) -> None:
        """Read what has come, but no head and no trailers that are larger than any honest ones."""
        self._head += len(data)
        super().data_received(data)
        if not (self._in_head or self._after_chunk):
            self._head = 0
        elif self._head > LARGEST_HEAD and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        """Wait with all that only the application needs until it is known to be needed."""
        self._in_head, self._after_chunk = True, False
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._taking = None

    def on_headers_complete(self) -> None:
        """Choose the way of a request."""
        self._in_head = False
        if self._head > LARGEST_HEAD and sum(len(name) + len(value) for name, value in self.headers) > LARGEST_HEAD:
            raise ValueError("the head of the request is too large")  # the parser ends at this, and 400 is answered
        if self.url in PATHS and (self.cycle is None or self.cycle.response_complete):
            self._taking = self._plain()
        if self._taking is not None:
            self.cycle = self._taking  # type: ignore[assignment]
            return
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers  # the scope holds this very list
        super().on_headers_complete()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a line of the head; a trailer is none, whatever it calls itself."""
        if not self._in_head:
            return
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_chunk_header(self) -> None:
        """Notice that bytes of a body are to follow, or its trailers."""
        self._after_chunk = True

    def on_body(self, body: bytes) -> None:
        """Gather the body."""
        self._after_chunk = False
        if self._taking is None:
            super().on_body(body)
        else:
            self._taking.body += body

    def on_message_complete(self) -> None:
        """Take the comment in, once it is there as a whole."""
        self._after_chunk = False
        taking, self._taking = self._taking, None
        if taking is None:
            super().on_message_complete()
            return
        try:
            key, intake = idempotency_key(taking.idempotency), taking.rooms.intake
            intake.admit()
            submission = checked(taking.body, taking.site, taking.accept)
            comment = submission.to_comment(intake.new_id(taking.site), taking.site.id)
            receipt = intake.begin(taking.site, comment, idempotency_key=key, body=taking.body)
            receipt.add_done_callback(partial(self._answer, taking))
        except Exception as error:
            self._refuse(taking, error)

    def _plain(self) -> _Taking | None:
        """Say whether this is a plain request, by what is remembered; it is not asked whether it will be well."""
        parser, rooms = self.parser, self.app.rooms
        headers = dict(self.headers)
        length = headers.get(b"content-length", b"")
        if (
            rooms is None
            or parser.get_method() != b"POST"
            or headers.get(b"content-type", b"").lower() not in _JSON
            or not length.isdigit()
            or int(length) > rooms.settings.intake.max_body_bytes
            or len(headers) != len(self.headers)
            or parser.get_http_version() != "1.1"
            or not parser.should_keep_alive()
            or parser.should_upgrade()
            or self.expect_100_continue
            or self.flow.write_paused
        ):
            return None
        bearer = headers.get(b"authorization", b"")
        known: Key | None = None
        if bearer[:7].lower() == b"bearer ":
            known = rooms.sites.key_remembered(bearer[7:].strip().decode("latin-1"))
        if known is None or known.role is not Role.SITE or known.revoked:
            return None
        if known.not_after and known.not_after <= written(rooms.now()):
            return None
        site: Site | None = rooms.sites.remembered(known.site)
        return None if site is None else _Taking(rooms, site, headers)

    def _answer(self, taking: _Taking, receipt: "asyncio.Future[Receipt]") -> None:
        """Answer what became of a comment."""
        try:
            taken = receipt.result()
            body = _encode(shapes.receipt(taken.id, taken.status, taken.verdict))
        except (Exception, asyncio.CancelledError) as error:
            self._refuse(taking, error)
            return
        self._send(taking, 201, b"%b%d\r\nx-request-id: %b\r\n" % (_CREATED, len(body), taking.request_id), body)

    def _refuse(self, taking: _Taking, error: BaseException) -> None:
        """Answer an error as problems.py has it, and one too many a little later."""
        taking.body = b""
        if isinstance(error, ModerationError):
            taking.rooms.telemetry.comment_refused(error.code)
            status, more = status_of(error), headers_of(error)
            body = _BUSY if type(error) is Overloaded else encoded(problem_of(error))
        else:
            status, more = HTTPStatus.INTERNAL_SERVER_ERROR, {}
            body = encoded(fault("/v1/comments", error))
        headers = {"content-type": PROBLEM, "content-length": str(len(body))}
        headers |= {name.lower(): value for name, value in more.items()}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = b"%b%bx-request-id: %b\r\n" % (STATUS_LINE[status], lines.encode("latin-1"), taking.request_id)
        if type(error) is Overloaded:
            self.loop.call_later(REFUSED_AFTER, self._send, taking, status, head, body)
        else:
            self._send(taking, status, head, body)

    def _send(self, taking: _Taking, status: int, head: bytes, body: bytes) -> None:
        taking.response_complete = True
        took = time.perf_counter() - taking.began
        taking.rooms.telemetry.request_answered("POST", "/v1/comments", status, took)
        if taking.disconnected or self.transport.is_closing():
            return
        if taking.keep_alive:
            self.transport.write(b"%b\r\n%b" % (head, body))
        else:
            self.transport.write(b"%bconnection: close\r\n\r\n%b" % (head, body))
            self.transport.close()
        self.on_response_complete()
