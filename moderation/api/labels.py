"""Labels on the wire: rows for training, page by page or as one stream, and a lesson taken back."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from litestar import Controller, Request, Response, delete, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from classifiers.errors import LibraryMissing
from moderation.api.bodies import answer
from moderation.api.comments import stamp
from moderation.api.gate import allow, site_for
from moderation.errors import FieldError, FieldsInvalid
from moderation.learning import COLUMNS, NUMBERS, Learning
from moderation.records import Caller, Role, Site
from moderation.tables import PARQUET, ParquetRows

FORMATS = ("json", "jsonl", "parquet")


class LabelPage(msgspec.Struct):
    """Rows for training: text, the attributes that are annotated, source, reason, weight, what the model said then.

    Where `about` is "author", the author's name or link may be all that was judged: the text alone teaches nothing.
    """

    labels: list[dict[str, Any]]
    cursor: str
    """Where the next page begins, also for labels that are yet to come."""


class Unlearned(msgspec.Struct):
    """A label that was taken back, and the versions that had learned from it."""

    id: str
    versions: list[str]


class Labels(Controller):
    """The labels of a site. No row holds a name, an e-mail address or a network address."""

    path = "/v1/labels"
    tags = ["models"]

    @get("/", opt=allow(Role.ML, Role.ADMIN, cookies=True, answers=LabelPage))
    async def page(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        learning: NamedDependency[Learning],
        site: FromQuery[str | None] = None,
        cursor: FromQuery[str] = "",
        limit: FromQuery[int] = 200,
        format: FromQuery[str] = "json",
    ) -> Response[bytes] | Stream:
        """List labels in the order they were given; `format=jsonl` and `format=parquet` stream all of them from the cursor on.

        `Accept: application/vnd.apache.parquet` asks for Parquet too.
        """
        where = await site_for(request, caller, site)
        after = stamp(cursor or "0")
        if format not in FORMATS:
            raise FieldsInvalid([FieldError("format", "unknown_format", f"Ask for one of {', '.join(FORMATS)}.")])
        if format == "parquet" or (format == "json" and PARQUET in request.headers.get("accept", "")):
            return Stream(_parquet(learning, where, after), media_type=PARQUET)
        if format == "json":
            rows, last = await learning.page(where, after, max(1, min(limit, 1000)))
            return answer(LabelPage(rows, str(last)))

        async def lines() -> AsyncIterator[bytes]:
            async for rows in _pages(learning, where, after):
                yield b"".join(msgspec.json.encode(row) + b"\n" for row in rows)

        return Stream(lines, media_type="application/jsonl")

    @delete("/{label_id:str}", status_code=200, opt=allow(Role.ML, Role.ADMIN, cookies=True, answers=Unlearned))
    async def unlearn(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        learning: NamedDependency[Learning],
        label_id: FromPath[str],
        site: FromQuery[str | None] = None,
    ) -> Response[bytes]:
        """Take a label back: nothing learns from it any more, and the versions that had are marked."""
        where = await site_for(request, caller, site)
        return answer(Unlearned(label_id, await learning.unlearn(where, label_id, caller.id)))


async def _pages(learning: Learning, site: Site, after: int) -> AsyncIterator[list[dict[str, Any]]]:
    while True:
        rows, after = await learning.page(site, after, 500)
        if not rows:
            return
        yield rows


def _parquet(learning: Learning, site: Site, after: int) -> AsyncIterator[bytes]:
    """Begin a Parquet file before the answer begins, so that a missing library is told as what it is."""
    try:
        table = ParquetRows(COLUMNS, NUMBERS)
    except LibraryMissing as error:
        raise FieldsInvalid([FieldError("format", "unknown_format", f"{error}; or ask for jsonl.")]) from None

    async def parts() -> AsyncIterator[bytes]:
        async for rows in _pages(learning, site, after):
            yield table.add(rows)
        yield table.end()

    return parts()
