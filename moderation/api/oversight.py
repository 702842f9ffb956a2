"""The ledger, the statistics and the live events of a site, on the wire."""

import re
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import ServerSentEvent, ServerSentEventMessage

from moderation.api import shapes
from moderation.api.bodies import answer
from moderation.api.comments import stamp
from moderation.api.gate import STAFF, allow, site_for
from moderation.errors import CursorInvalid, FieldError, FieldsInvalid, RoleRefused
from moderation.oversight import Oversight
from moderation.records import Caller, Reason, Role, Status

STAFF_LEDGER = ".staff"
"""No site's id; it names the ledger of what concerns no site."""

_ENTRY = re.compile(r"[0-9]{1,16}-[0-9]{1,6}")


class LedgerPage(msgspec.Struct):
    """Entries of the ledger: the id, when, what, and the hash that chains it to the entry before it."""

    entries: list[dict[str, Any]]
    cursor: str | None


class Stats(msgspec.Struct):
    """How a site does: what waits now, and the counts of the last days."""

    site: str
    waiting: dict[str, int]
    oldest_seconds: float
    labels: int
    days: list[dict[str, Any]]


class FoundShape(msgspec.Struct):
    """Comments that were searched for."""

    comments: list[dict[str, Any]]
    cursor: str | None
    complete: bool


class Overview(Controller):
    """What staff see of a site as a whole."""

    path = "/v1"
    tags = ["oversight"]

    @get("/comments/search", opt=allow(*STAFF, cookies=True, answers=FoundShape))
    async def search(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        oversight: NamedDependency[Oversight],
        site: FromQuery[str | None] = None,
        q: FromQuery[str] = "",
        status: FromQuery[str] = "",
        before: FromQuery[str] = "",
        limit: FromQuery[int] = 50,
    ) -> Response[bytes]:
        """Find comments of any status, waiting or decided, by text, name or whole id; the last changed first.

        At most 5,000 are looked at for a page; `complete: false` then says that the search goes on at `cursor`.
        """
        where = await site_for(request, caller, site)
        if status and status not in {one.value for one in Status}:
            message = "A status is approved, pending or rejected."
            raise FieldsInvalid([FieldError("status", "unknown_status", message)])
        start = stamp(before) if before else None
        found = await oversight.search(where, q.strip()[:200], status, start, max(1, min(limit, 200)))
        cursor = str(found.cursor) if found.cursor else None
        return answer(FoundShape([shapes.for_staff(one) for one in found.comments], cursor, found.complete))

    @get("/ledger", opt=allow(*STAFF, cookies=True, answers=LedgerPage))
    async def ledger(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        oversight: NamedDependency[Oversight],
        site: FromQuery[str | None] = None,
        before: FromQuery[str] = "",
        after: FromQuery[str] = "",
        limit: FromQuery[int] = 100,
    ) -> Response[bytes]:
        """Read the audit log of a site: newest first and on with `before`, or onwards with `after`.

        `site=.staff` gives an admin the ledger of keys, people and models.
        """
        if site == STAFF_LEDGER:
            if caller.role is not Role.ADMIN or caller.sites or caller.site:
                raise RoleRefused
            ledger = ""
        else:
            ledger = (await site_for(request, caller, site)).id
        limit = max(1, min(limit, 1000))
        entries = await oversight.entries(ledger, after=place(after), before=place(before), limit=limit)
        page = LedgerPage(
            [{"id": one.id, "at": one.at, "hash": one.hash} | one.line for one in entries],
            entries[-1].id if len(entries) == limit else None,
        )
        return answer(page)

    @get("/stats", opt=allow(*STAFF, Role.ML, cookies=True, answers=Stats))
    async def stats(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        oversight: NamedDependency[Oversight],
        site: FromQuery[str | None] = None,
        days: FromQuery[int] = 14,
    ) -> Response[bytes]:
        """Give what waits now, by reason, and the counts of the last days."""
        where = await site_for(request, caller, site)
        waiting, oldest = await oversight.waiting(where, tuple("r:" + reason.value for reason in Reason))
        shown = Stats(
            site=where.id,
            waiting={name: count for name, count in waiting.items() if count or name == "total"},
            oldest_seconds=round(oldest, 1),
            labels=await oversight.labels(where),
            days=[msgspec.structs.asdict(day) for day in await oversight.days(where, max(1, min(days, 400)))],
        )
        return answer(shown)

    @get("/events", opt=allow(*STAFF, cookies=True))
    async def events(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        oversight: NamedDependency[Oversight],
        site: FromQuery[str | None] = None,
        after: FromQuery[str] = "",
    ) -> ServerSentEvent:
        """Stream what happens on a site (server-sent events); Last-Event-ID or `after` goes on where it stopped."""
        where = await site_for(request, caller, site)
        start = place(request.headers.get("last-event-id", "") or after)
        oversight.require_stream(caller.id)

        async def messages() -> AsyncIterator[ServerSentEventMessage]:
            async for entry in oversight.news(where, start, caller.id):
                if entry is None:
                    yield ServerSentEventMessage(comment="still here")
                else:
                    line = msgspec.json.encode({"at": entry.at, **entry.line}).decode()
                    yield ServerSentEventMessage(data=line, id=entry.id, event=str(entry.line.get("e", "")))

        return ServerSentEvent(messages())


def place(cursor: str) -> str:
    """Read a cursor that is an entry of the ledger; raises CursorInvalid."""
    if cursor and not _ENTRY.fullmatch(cursor):
        raise CursorInvalid
    return cursor
