"""What happened, for those who answer for it: the ledger, the counts of the days, and news while it happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

import msgspec

from moderation.records import Site
from moderation.store.connection import Connection
from moderation.store.counts import Counts
from moderation.store.labels import Labels
from moderation.store.ledger import Entry, Ledger
from moderation.store.queue import Queue

DAYS_AT_MOST = 400
POLL_SECONDS = 0.5


class Day(msgspec.Struct, frozen=True):
    """The counts of one day. A field is `in`, `v:<verdict>`, `r:<reason>`, `d:<decision>`, `dr:<reason of a decision>`,
    `tt:<bucket of the time to decide>`, `by:<moderator>:<decision>`, `hs:`/`ht:<twentieth of spam/toxicity>`, ...
    """

    day: str
    counts: dict[str, int]


class Oversight:
    """Reads; changes nothing."""

    def __init__(self, connection: Connection, queue: Queue, ledger: Ledger, now: Callable[[], datetime]) -> None:
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

    async def waiting(self, site: Site, names: tuple[str, ...]) -> tuple[dict[str, int], float]:
        """Count what waits, in all and under named filters; and how many seconds the oldest has waited."""
        counts = await self._queue.counts(site.id, names)
        oldest = await self._queue.oldest(site.id)
        return counts, max(0.0, self._now().timestamp() - oldest / 1e6) if oldest else 0.0

    async def labels(self, site: Site) -> int:
        """Count the labels of a site."""
        return await self._labels.count(site.id)

    async def news(self, site: Site, after: str) -> AsyncIterator[Entry | None]:
        """Give entries of the ledger as they are written, from `after` on; None now and then while nothing happens."""
        after = after or await self._ledger.last(site.id)
        quiet = 0.0
        while True:
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
