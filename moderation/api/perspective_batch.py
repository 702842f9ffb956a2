"""Several calls of the Perspective dialect in one request, as Google's client libraries send them to `/batch`.

The body is `multipart/mixed`: each part is a whole HTTP request (`application/http`), and each is answered in a part of
its own, in the same order, with `response-` before its Content-ID. One that fails fails alone; without the store all do.
"""

import asyncio
import re
import secrets
from email import message_from_bytes
from email.message import Message
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qs, urlsplit

import msgspec
from litestar import Controller, Request, Response, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromQuery

from moderation.api.bodies import raw_body
from moderation.api.dialects import bearer, cors, in_words
from moderation.api.gate import PUBLIC, allow
from moderation.api.google_errors import REFUSALS, Malformed, Refused, on_error
from moderation.api.perspective import KEY_HEADER, Analyzer, Call, analyzer, key_of
from moderation.errors import StoreUnavailable
from moderation.settings import Settings

MOST_CALLS = 1000
"""As many as Google's Python client puts into one batch."""
BODIES = 16
"""How many bodies of a comment a batch may be long."""

_REASON = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 429: "Too Many Requests"}
_LINE = re.compile(r"([A-Z]+) (\S+)(?: HTTP/\d(?:\.\d)?)?\s*")
_ID = re.compile(r"[ -;=?-~]{1,200}")


class Part(NamedTuple):
    """One part of a batch: its Content-ID without angle brackets, or nothing, and the call in it."""

    name: str
    call: Call


class BatchOfCalls(msgspec.Struct):
    """`multipart/mixed`; each part is `application/http` and holds one request."""


class Batch(Controller):
    """The route to which Google's client libraries send several calls at once."""

    tags = ["perspective"]
    exception_handlers = in_words(on_error)
    dependencies = {"analyzer": Provide(analyzer)}

    @post(
        "/batch",
        status_code=200,
        opt=allow(
            PUBLIC, media="", body=BatchOfCalls, body_media="multipart/mixed", answers=BatchOfCalls, refusals=REFUSALS
        ),
    )
    async def batch(
        self,
        request: Request[Any, Any, Any],
        analyzer: NamedDependency[Analyzer],
        settings: NamedDependency[Settings],
        key: FromQuery[str] = "",
    ) -> Response[bytes]:
        """Answer each of up to 1000 calls; a key in the call counts before one of the batch."""
        body = await raw_body(request, BODIES * settings.intake.max_body_bytes)
        shared = key_of(request)
        answers = []
        for name, call in parts_of(request.headers.get("content-type", ""), body):
            try:
                found = await analyzer.answer(call._replace(key=call.key or shared))
                status, said = 200, msgspec.json.encode(found)
            except StoreUnavailable:
                raise  # no call can be answered now, and a thousand would each wait for a store that is away
            except Exception as error:
                refused = on_error(request, error)
                status, said = refused.status_code or 500, refused.content
            answers.append((name, status, said))
            await asyncio.sleep(0)  # a long batch lets others in between
        boundary = f"batch_{secrets.token_hex(16)}"
        headers = {**cors(request), "Content-Type": f"multipart/mixed; boundary={boundary}"}
        return Response(written(boundary, answers), status_code=200, headers=headers)


def parts_of(content_type: str, body: bytes) -> list[Part]:
    """Take a batch apart; raises Malformed where it is none, and Refused where it holds too many calls."""
    head = Message()
    head["Content-Type"] = content_type.encode("ascii", "replace").decode()
    boundary = head.get_boundary() or ""
    if head.get_content_type() != "multipart/mixed" or not boundary or len(boundary) > 200:
        raise Malformed("A batch is multipart/mixed with a boundary.")
    # counted before anything is taken apart: a boundary costs its sender a few bytes only
    if body.count(b"--" + boundary.encode()) > MOST_CALLS + 1:
        raise Refused(f"The number of calls in the batch request exceeds the limit ({MOST_CALLS}).")
    whole = message_from_bytes(b"Content-Type: " + head["Content-Type"].encode() + b"\r\n\r\n" + body)
    parts = whole.get_payload()
    if not isinstance(parts, list) or not parts:
        raise Malformed("The batch holds no call.")
    return [_part(part) for part in parts if isinstance(part, Message)]


def _part(part: Message) -> Part:
    content = part.get_payload(decode=True)
    first, _, rest = (content if isinstance(content, bytes) else b"").lstrip().partition(b"\n")
    inner = message_from_bytes(rest)
    body = inner.get_payload(decode=True)
    line = _LINE.fullmatch(first.decode("latin-1"))
    method, target = line.groups() if line else ("", "")
    where = _address(target)
    key = parse_qs(where.query).get("key", [""])[0] or str(inner.get(KEY_HEADER, ""))
    key = key or bearer(str(inner.get("Authorization", "")))
    name = str(part.get("Content-ID", "")).strip().removeprefix("<").removesuffix(">")
    call = Call(method, where.path, key, body if isinstance(body, bytes) else b"")
    return Part(name if _ID.fullmatch(name) else "", call)


def _address(target: str) -> SplitResult:
    """Take an address apart; one that cannot be read leads nowhere, and fails alone."""
    try:
        return urlsplit(target if target.isprintable() else "")
    except ValueError:
        return urlsplit("")


def written(boundary: str, answers: list[tuple[str, int, bytes]]) -> bytes:
    """Write the answers as one body."""
    parts = []
    for name, status, body in answers:
        head = "Content-Type: application/http\r\n" + (f"Content-ID: <response-{name}>\r\n" if name else "")
        inner = (
            f"HTTP/1.1 {status} {_REASON.get(status, 'Error')}\r\n"
            f"Content-Type: application/json; charset=UTF-8\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        parts.append(f"--{boundary}\r\n{head}\r\n{inner}".encode() + body + b"\r\n")
    return b"".join([*parts, f"--{boundary}--\r\n".encode()])
