"""Several calls of the Perspective dialect in one request, as Google's client libraries send them to `/batch`.

The body is `multipart/mixed`: each part is a whole HTTP request (`application/http`), and each is answered in a part of
its own, in the same order, with `response-` before its Content-ID. One that fails fails alone; without the store all do.
"""

import asyncio
import re
import secrets
from typing import Any, NamedTuple
from urllib.parse import SplitResult, unquote_plus, urlsplit

import msgspec
from litestar import Controller, Request, Response, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromQuery

from moderation.api.bodies import raw_body
from moderation.api.dialects import LONGEST_KEY, bearer, cors, in_words
from moderation.api.gate import PUBLIC, allow
from moderation.api.google_errors import REFUSALS, Malformed, Refused, on_error
from moderation.api.perspective import KEY_HEADER, Analyzer, Call, analyzer, key_of
from moderation.errors import StoreUnavailable
from moderation.settings import Settings

MOST_CALLS = 1000
"""As many as Google's Python client puts into one batch."""
BODIES = 16
"""How many bodies of a comment a batch may be long."""
LONGEST_HEAD = 8_192
"""Bytes of what comes before a body: of the batch's own Content-Type, of a part's head, of a call's line and head."""
MOST_PAIRS = 20
"""In the query of a call."""

_REASON = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 429: "Too Many Requests"}
_LINE = re.compile(r"([A-Z]+) (\S+)(?: HTTP/\d(?:\.\d)?)?\s*")
_BLANK = re.compile(rb"\n\r?\n")
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
    """Take a batch apart; raises Malformed where it is none, and Refused where it holds too many calls.

    Whatever is in it, this takes no longer than the batch is long: nothing is looked for in a part but a few words.
    """
    boundary = _boundary(content_type)
    mark = b"\n--" + boundary.encode("ascii", "replace")
    # a line before the first, so that every boundary has one before it
    body = b"\n" + body
    # counted before anything is taken apart: a boundary costs its sender a few bytes only
    if body.count(mark) > MOST_CALLS + 1:
        raise Refused(f"The number of calls in the batch request exceeds the limit ({MOST_CALLS}).")
    parts: list[list[bytes]] = []
    for piece in body.split(mark)[1:]:
        rest, line, content = piece.partition(b"\n")
        if rest.startswith(b"--"):
            break
        if rest.strip() and parts:
            parts[-1] += [mark, piece]  # a longer line that only begins like a boundary
        elif line:
            parts.append([content])
    if not parts:
        raise Malformed("The batch holds no call.")
    return [_part(b"".join(pieces).removesuffix(b"\r")) for pieces in parts]


def _boundary(content_type: str) -> str:
    kind, *parameters = content_type[:LONGEST_HEAD].split(";")
    if kind.strip().lower() == "multipart/mixed":
        for name, _, value in (parameter.partition("=") for parameter in parameters):
            boundary = value.strip().strip('"')
            if name.strip().lower() == "boundary" and 0 < len(boundary) <= 200:
                return boundary
    raise Malformed("A batch is multipart/mixed with a boundary.")


def _part(part: bytes) -> Part:
    head, content = _divided(part)
    first, _, rest = content.lstrip(b"\r\n").partition(b"\n")
    inner, body = _divided(rest)
    line = _LINE.fullmatch(first.decode("latin-1")) if len(first) <= LONGEST_HEAD else None
    method, target = line.groups() if line else ("", "")
    where = _address(target)
    key = _key_in(where.query) or _header(inner, KEY_HEADER) or bearer(_header(inner, "Authorization"))
    name = _header(head, "Content-ID").removeprefix("<").removesuffix(">")
    return Part(name if _ID.fullmatch(name) else "", Call(method, where.path, key, body))


def _divided(raw: bytes) -> tuple[bytes, bytes]:
    """Divide what has a head from its body: the head's lines, each on one line and after a line's end, and the rest."""
    end = _BLANK.search(b"\n" + raw[:LONGEST_HEAD])
    if end is None and len(raw) > LONGEST_HEAD:
        return b"", b""
    head, rest = (raw, b"") if end is None else (raw[: max(0, end.start() - 1)], raw[end.end() - 1 :])
    head = b"\n" + head
    return head.replace(b"\r\n", b"\n").replace(b"\n ", b" ").replace(b"\n\t", b" "), rest


def _header(head: bytes, name: str) -> str:
    _, found, value = head.lower().partition(f"\n{name.lower()}:".encode())
    return head[len(head) - len(value) :].partition(b"\n")[0].strip().decode("latin-1") if found else ""


def _key_in(query: str) -> str:
    for pair in query.split("&", MOST_PAIRS)[:MOST_PAIRS]:
        name, _, value = pair.partition("=")
        if name == "key" and value:
            return unquote_plus(value[: 3 * LONGEST_KEY])
    return ""


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
