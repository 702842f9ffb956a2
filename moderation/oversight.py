"""What happened, for those who answer for it: the ledger, the counts of the days, and news while it happens."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

import msgspec

from moderation.errors import Overloaded
from moderation.records import Site, Stored
from moderation.store.comments import Comments
from moderation.store.connection import Connection
from moderation.store.counts import Counts
from moderation.store.labels import Labels
from moderation.store.ledger import Entry, Ledger
from moderation.store.queue import Queue

DAYS_AT_MOST = 400
POLL_SECONDS = 0.5
LOOK_AT_MOST = 5_000
STREAM_SECONDS = 300
"""How long news are told before whoever follows must ask again, and with that show that the session still is good."""
STREAMS_EACH = 20


class Day(msgspec.Struct, frozen=True):
    """The counts of one day. A field is `in`, `v:<verdict>`, `r:<reason>`, `d:<decision>`, `dr:<reason of a decision>`,
    `tt:<bucket of the time to decide>`, `by:<moderator>:<decision>`, `hs:`/`ht:<twentieth of spam/toxicity>`, ...
    A decision that was taken back is counted in `undone` alone.
    """

    day: str
    counts: dict[str, int]


class Found(msgspec.Struct, frozen=True):
    """Comments that were searched for, and where the search goes on (a stamp; None at the end)."""

    comments: list[Stored]
    cursor: int | None
    complete: bool


class Oversight:
    """Reads; changes nothing."""

    def __init__(
        self,
        connection: Connection,
        queue: Queue,
        ledger: Ledger,
        comments: Comments,
        now: Callable[[], datetime],
        *,
        streams: int = 200,
    ) -> None:
        self._comments = comments
        self._streams = streams
        self._open: Counter[str] = Counter()
        self._counts = Counts(connection)
        self._labels = Labels(connection)
        self._queue = queue
        self._ledger = ledger
        self._now = now

    async def entries(self, site_id: str, *, after: str = "", before: str = "", limit: int = 100) -> list[Entry]:
        """Read the ledger of a site (or, with an empty id, of the staff), newest first or onwards from `after`."""
        return await self._ledger.read(site_id, after=after, before=before, limit=limit)

    async def days(self, site: Site, count: int) -> list[Day]:
        """Give the counts of the last days, today last."""
        today = self._now()
        names = [
            (today - timedelta(days=back)).strftime("%Y-%m-%d") for back in range(min(count, DAYS_AT_MOST) - 1, -1, -1)
        ]
        return [
            Day(name, counts) for name, counts in zip(names, await self._counts.of_days(site.id, names), strict=True)
        ]

    async def month(self, site: Site, month: str = "") -> tuple[str, dict[str, int]]:
        """Add up the counts of a month (YYYY-MM), this one where it is not named or is none; gives its name too."""
        today = self._now()
        try:
            first = datetime.strptime(month, "%Y-%m").replace(tzinfo=today.tzinfo)
        except ValueError:
            first = today.replace(day=1)
        name = first.strftime("%Y-%m")
        counts: dict[str, int] = {}
        for day in await self.days(site, max(1, (today - first).days + 1)):
            if day.day.startswith(name):
                for field, count in day.counts.items():
                    counts[field] = counts.get(field, 0) + count
        return name, counts

    async def waiting(self, site: Site, names: tuple[str, ...]) -> tuple[dict[str, int], float]:
        """Count what waits, in all and under named filters; and how many seconds the oldest has waited."""
        counts = await self._queue.counts(site.id, names)
        oldest = await self._queue.oldest(site.id)
        return counts, max(0.0, self._now().timestamp() - oldest / 1e6) if oldest else 0.0

    async def labels(self, site: Site) -> int:
        """Count the labels of a site."""
        return await self._labels.count(site.id)

    async def search(self, site: Site, text: str, status: str, before: int | None, limit: int) -> Found:
        """Find comments of any status by their text, their author's name or their whole id, the last changed first.

        At most 5,000 are looked at; `complete` is False where the look stopped before the page was full.
        """
        wanted = text.casefold()
        found: list[Stored] = []
        looked, position = 0, before
        while looked < LOOK_AT_MOST:
            some = await self._comments.latest(site.id, position, 200)
            for at, item in enumerate(some):
                if status and item.status != status:
                    continue
                if (
                    wanted not in item.text.casefold()
                    and wanted not in item.name.casefold()
                    and wanted != item.id.casefold()
                ):
                    continue
                found.append(item)
                if len(found) == limit:
                    last = at + 1 == len(some) < 200
                    return Found(found, None if last else item.changed, True)
            looked += len(some)
            following = some[-1].changed if some else None
            if len(some) < 200 or following is None or (position is not None and following >= position):
                return Found(found, None, True)
            position = following
        return Found(found, position, False)

    def require_stream(self, caller: str) -> None:
        """Raise Overloaded where as many pages as are allowed follow the news already, or this person has too many."""
        if self._open.total() >= self._streams or self._open[caller] >= STREAMS_EACH:
            raise Overloaded(30)

    async def news(self, site: Site, after: str, caller: str = "") -> AsyncIterator[Entry | None]:
        """Give entries of the ledger as they are written, from `after` on; None now and then while nothing happens.

        It ends after some minutes: whoever follows asks again, and is then looked at again.
        """
        self._open[caller] += 1
        try:
            async for entry in self._follow(site, after):
                yield entry
        finally:
            self._open[caller] -= 1
            if not self._open[caller]:
                del self._open[caller]

    async def _follow(self, site: Site, after: str) -> AsyncIterator[Entry | None]:
        after = after or await self._ledger.last(site.id)
        quiet = 0.0
        ends = time.monotonic() + STREAM_SECONDS
        yield None
        while time.monotonic() < ends:
            entries = await self._ledger.read(site.id, after=after, limit=200)
            for entry in entries:
                after = entry.id
                yield entry
            if entries:
                quiet = 0.0
                continue
            quiet += POLL_SECONDS
            if quiet >= 10:
                quiet = 0.0
                yield None
            await asyncio.sleep(POLL_SECONDS)
