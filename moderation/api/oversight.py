"""The ledger, the statistics and the live events of a site, on the wire."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import ServerSentEvent, ServerSentEventMessage

from moderation.api.bodies import answer
from moderation.api.gate import STAFF, allow, site_for
from moderation.errors import CursorInvalid
from moderation.oversight import Oversight
from moderation.records import Caller, Reason, Role


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


class Overview(Controller):
    """What staff see of a site as a whole."""

    path = "/v1"
    tags = ["oversight"]

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
        """Read the audit log of a site: newest first and on with `before`, or onwards with `after`."""
        where = await site_for(request, caller, site)
        for cursor in (before, after):
            if cursor and not all(part.isdigit() and len(part) < 20 for part in cursor.split("-", 1)):
                raise CursorInvalid
        limit = max(1, min(limit, 1000))
        entries = await oversight.entries(where.id, after=after, before=before, limit=limit)
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
        start = request.headers.get("last-event-id", "") or after

        async def messages() -> AsyncIterator[ServerSentEventMessage]:
            async for entry in oversight.news(where, start):
                if entry is None:
                    yield ServerSentEventMessage(comment="still here")
                else:
                    line = msgspec.json.encode({"at": entry.at, **entry.line}).decode()
                    yield ServerSentEventMessage(data=line, id=entry.id, event=str(entry.line.get("e", "")))

        return ServerSentEvent(messages())
