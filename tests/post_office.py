"""A site with comments, a courier and a clock that is turned by hand: what tests of webhooks stand on."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec

from moderation.digests import Arrival
from moderation.records import (
    Caller,
    Comment,
    DecisionKind,
    DecisionReason,
    Outcome,
    Policy,
    Reason,
    Role,
    Site,
    Stored,
    Thread,
    Verdict,
    Webhook,
)
from moderation.review import Review, Ruling
from moderation.store.comments import Comments
from moderation.store.connection import Connection
from moderation.store.deliveries import Deliveries
from moderation.store.leases import Leases
from moderation.store.ledger import Ledger
from moderation.store.queue import Queue
from moderation.store.sites import Sites
from moderation.telemetry import Telemetry
from moderation.webhooks.addressbook import AddressBook
from moderation.webhooks.courier import Courier
from moderation.webhooks.outside import Outside

ANN = Caller(role=Role.MODERATOR, id="m1", name="Ann Example")
LOOPBACK = ("127.0.0.0/8",)


class PostOffice:
    """The rooms around the courier, on a real store."""

    def __init__(
        self, connection: Connection, site: Site, outside: Outside, *, by_hand: bool, concurrency: int
    ) -> None:
        self.ms = int(time.time() * 1000) + 50
        self.site = site
        self.comments = Comments(connection)
        self.queue = Queue(connection, self.comments)
        self.ledger = Ledger(connection)
        self.deliveries = Deliveries(connection, clock=(lambda: self.ms) if by_hand else None)
        self.outside = outside
        telemetry = Telemetry()
        self.telemetry = telemetry
        self.review = Review(self.comments, self.queue, self.ledger, telemetry, lambda who: "p-" + who, _now)
        self.book = AddressBook(self.deliveries, self.ledger, outside, _now)
        self.sites = Sites(connection)
        self.courier = Courier(
            self.deliveries, self.comments, self.queue, self.ledger, self.sites, Leases(connection), outside,
            telemetry, _now, concurrency=concurrency,
        )  # fmt: skip
        self._made = 0

    def pass_(self, seconds: float) -> None:
        """Turn the clock."""
        self.ms += round(seconds * 1000)

    async def step(self) -> int:
        """Let the courier do what is due at this time; gives how many attempts it made."""
        self.ms = max(self.ms, int(time.time() * 1000) + 50)
        return await self.courier.step()

    async def webhook(self, url: str, *wanted: str) -> Webhook:
        return await self.book.add(self.site, "admin", url, wanted)

    async def comment(self, outcome: Outcome = Outcome.HOLD, **facts: Any) -> Stored:
        """Record a comment of an author; gives it as it is kept."""
        self._made += 1
        id_ = f"{self.site.id}-c{self._made:06d}"
        comment = Comment(
            id=id_, site=self.site.id, text="Buy cheap watches", name="Bea Writer", email="bea@example.org",
            thread=Thread("https://news.example/a", "An article"), **facts,
        )  # fmt: skip
        arrival = Arrival(comment=comment, author="author-1", address="address-1")
        reasons = () if outcome is Outcome.APPROVE else (Reason.SPAM,)
        await self.comments.record(
            self.site, [(arrival, Verdict(outcome=outcome, reasons=reasons, score=0.7))], day="2026-01-01"
        )
        return await self.comments.get(self.site.id, id_)

    async def decide(self, stored: Stored, kind: DecisionKind = DecisionKind.APPROVE) -> Stored:
        reason = DecisionReason.SPAM if kind is DecisionKind.REJECT else None
        ruling = Ruling(decision=kind, reason=reason, note="a private note", version=stored.version)
        return await self.review.decide(self.site, ANN, stored.id, ruling)

    async def undo(self, stored: Stored) -> Stored:
        return await self.review.undo(self.site, ANN, stored.id)


def _now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def post_office(
    connection: Connection,
    *,
    allow: tuple[str, ...] = LOOPBACK,
    timeout: float = 5.0,
    by_hand: bool = True,
    concurrency: int = 8,
    outside: Outside | None = None,
    **policy: Any,
) -> AsyncIterator[PostOffice]:
    """Open a post office for the site `news`."""
    site = Site(id="news", name="News", policy=msgspec.structs.replace(Policy(), **policy))
    site = await Sites(connection).add(site)
    outside = outside or Outside(allow, timeout=timeout)
    try:
        yield PostOffice(connection, site, outside, by_hand=by_hand, concurrency=concurrency)
    finally:
        await outside.aclose()
