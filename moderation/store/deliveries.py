"""Deliveries: the webhooks of a site, and the events that are on their way to them.

The ledger is the outbox. Each webhook has a place in it, and `plan` makes the deliveries of the entries behind that
place and moves it in one script: nothing that was acknowledged is lost between a decision and its webhook, and nothing
is planned twice. A delivery is open until it ends (delivered, buried, disabled, dropped) and is kept for a week then.

    cm:{site}:wh              hash   webhook id -> webhook
    cm:{site}:courier         hash   webhook id -> the last ledger entry whose deliveries are made; w:<id> -> warned since
    cm:{site}:dl:<id>         hash   ev: event, st: state, n: attempts, due: ms, the first, log: a line for each attempt, end: ms
    cm:{site}:due:<webhook>   zset   open delivery -> ms when it is tried next (a lease counts as a next try)
    cm:{site}:lane:<w>:<c>    list   open deliveries of one comment to one webhook: only the first of them is sent
    cm:{site}:ended:<webhook> zset   delivery -> ms of its end
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from moderation.errors import UnknownDelivery, UnknownWebhook
from moderation.records import Webhook
from moderation.store import keys
from moderation.store.connection import Connection
from moderation.store.ledger import Ledger
from moderation.store.scripts import draining, script

KEPT_SECONDS = 7 * 86_400
LISTED_AT_MOST = 1_000
OPEN_AT_MOST = 1_000
"""With so many open deliveries a webhook gets no new ones; what happens meanwhile waits in the ledger."""
_NEVER = 9_000_000_000_000_000
_OLDER = {"failed": "buried"}
"""What the state of an ended delivery was called by the release before."""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something a site hears of: what happened, as the ledger tells it."""

    type: str
    at: str
    comment: str = ""
    version: int = 0
    status: str = ""
    decision: dict[str, str | None] | None = None
    embargoed: bool = False
    """The decision could be taken back before the site heard of it: then it never does."""
    facts: dict[str, str | int] = {}
    """What an event that is about no comment says."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One try to deliver."""

    at: str
    seconds: float
    status: int = 0
    """What the receiver answered; 0 where it did not."""
    error: str = ""
    """Why it counts as failed; empty for a success."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """An event on its way to one webhook."""

    id: str
    site: str
    webhook: str
    event: Event
    state: str
    """waiting; or how it ended: delivered, buried (the last attempt failed), disabled or dropped (another event replaced it)."""
    tries: int
    first_due: int
    due: int
    """When it is tried next, or has ended; ms. 0 while an earlier one of the same comment is on its way."""
    attempts: tuple[Attempt, ...] = ()


class Planned(msgspec.Struct, frozen=True):
    """A delivery to be made."""

    id: str
    event: Event
    due: int


_encode = msgspec.json.encode
_webhook = msgspec.json.Decoder(Webhook)
_event = msgspec.json.Decoder(Event)
_attempt = msgspec.json.Decoder(Attempt)


class Deliveries:
    """The webhooks and deliveries of all sites. Times are the store's own; `clock` (ms) replaces them in tests."""

    def __init__(self, connection: Connection, *, clock: Callable[[], int] | None = None) -> None:
        self._connection = connection
        self._ledger = Ledger(connection)
        self._clock = clock
        self._plan = script("plan_deliveries")
        self._lease = draining("lease_deliveries")
        self._settle = draining("settle_delivery")
        self._replay = script("replay_delivery")
        self._swap = draining("swap_record")

    async def now(self) -> int:
        """Give the time in ms by the store's clock."""
        if self._clock is not None:
            return self._clock()
        seconds, micros = await self._connection.execute("TIME")
        return int(seconds) * 1000 + int(micros) // 1000

    # webhooks -------------------------------------------------------------------------------------

    async def add(self, webhook: Webhook) -> Webhook:
        """Add a webhook: it hears of everything from now on, and of nothing before."""
        names = keys.of_site(webhook.site)
        await self._connection.execute("SADD", keys.WEBHOOK_SITES, webhook.site)
        await self.start_now(webhook)
        await self._connection.execute("HSET", names.webhooks, webhook.id, _encode(webhook))
        return webhook

    async def start_now(self, webhook: Webhook) -> None:
        """Let a webhook begin at the end of the ledger: a new one, or one that was off."""
        last = await self._ledger.last(webhook.site)
        await self._connection.execute("HSET", keys.of_site(webhook.site).courier, webhook.id, last)

    async def webhooks(self, site_id: str) -> list[Webhook]:
        """List the webhooks of a site, oldest first."""
        rows = await self._connection.execute("HVALS", keys.of_site(site_id).webhooks)
        return sorted((_webhook.decode(row) for row in rows), key=lambda one: (one.created_at, one.id))

    async def webhook(self, site_id: str, webhook_id: str) -> Webhook:
        """Give one webhook; raises UnknownWebhook."""
        row = await self._connection.execute("HGET", keys.of_site(site_id).webhooks, webhook_id)
        if row is None:
            raise UnknownWebhook(webhook_id)
        return _webhook.decode(row)

    async def change(self, site_id: str, webhook_id: str, change: Callable[[Webhook], Webhook]) -> Webhook:
        """Change a webhook, also while somebody else changes it; raises UnknownWebhook."""
        name = keys.of_site(site_id).webhooks
        while True:
            row = await self._connection.execute("HGET", name, webhook_id)
            if row is None:
                raise UnknownWebhook(webhook_id)
            changed = change(_webhook.decode(row))
            if await self._connection.run(self._swap, [name], [webhook_id, row, _encode(changed)], durable=True):
                return changed

    async def remove(self, site_id: str, webhook_id: str) -> None:
        """Remove a webhook and what is on its way to it; raises UnknownWebhook."""
        names = keys.of_site(site_id)
        gone, _ = await self._connection.many(
            [("HDEL", names.webhooks, webhook_id), ("HDEL", names.courier, webhook_id, _warned(webhook_id))]
        )
        if not gone:
            raise UnknownWebhook(webhook_id)
        await self.end_all(site_id, webhook_id, "disabled")
        await self._connection.execute("DEL", names.due(webhook_id), names.ended(webhook_id))

    async def sites(self) -> list[str]:
        """List the ids of the sites that have, or had, a webhook."""
        return sorted(row.decode() for row in await self._connection.execute("SMEMBERS", keys.WEBHOOK_SITES))

    # planning -------------------------------------------------------------------------------------

    async def places(self, site_id: str, webhooks: Sequence[Webhook]) -> list[tuple[str, str, int]]:
        """Say for each webhook how far its deliveries are made (an entry id), since when its site is warned that the
        queue waits ('' when it is not), and how many deliveries are open."""
        if not webhooks:
            return []
        names = keys.of_site(site_id)
        fields = [field for one in webhooks for field in (one.id, _warned(one.id))]
        marks, *open_ = await self._connection.many(
            [("HMGET", names.courier, *fields), *[("ZCARD", names.due(one.id)) for one in webhooks]]
        )
        read = [(mark or b"").decode() for mark in marks]
        return [(read[2 * i], read[2 * i + 1], int(count)) for i, count in enumerate(open_)]

    async def plan(self, webhook: Webhook, seen: str, place: str, planned: Sequence[Planned]) -> bool:
        """Make deliveries and move the webhook's place in the ledger from `seen` to `place`, both or nothing.

        False where the place is no longer `seen`: somebody else made them.
        """
        return await self._make(webhook, webhook.id, seen, place, planned)

    async def warn(self, webhook: Webhook, seen: str, since: str, planned: Sequence[Planned]) -> bool:
        """Make the delivery that warns of a waiting queue, once for each spell; `since` empty ends the spell."""
        return await self._make(webhook, _warned(webhook.id), seen, since, planned)

    async def _make(self, webhook: Webhook, mark: str, seen: str, value: str, planned: Sequence[Planned]) -> bool:
        names = keys.of_site(webhook.site)
        due = names.due(webhook.id)
        wanted = [names.courier, due]
        args: list[object] = [mark, seen, value]
        for one in planned:
            wanted += (names.delivery(one.id), self._lane(webhook.site, webhook.id, one.event))
            args += (one.id, _encode(one.event), one.due)
        return bool(await self._connection.run(self._plan, wanted, args, durable=True))

    @staticmethod
    def _lane(site_id: str, webhook_id: str, event: Event) -> str:
        names = keys.of_site(site_id)
        return names.lane(f"{webhook_id}:{event.comment}") if event.comment else names.due(webhook_id)

    async def read_by_all(self, site_id: str) -> str | None:
        """Give the last ledger entry that every webhook in use has passed; None where there is none to wait for.

        What is archived of the ledger must not lie behind it, or its events are never sent.
        """
        webhooks = [one for one in await self.webhooks(site_id) if not one.disabled]
        places = [place for place, _, _ in await self.places(site_id, webhooks)]
        return min(places, key=_order, default=None)

    # sending --------------------------------------------------------------------------------------

    async def lease(self, site_id: str, webhook_id: str, now: int, seconds: float, count: int) -> list[str]:
        """Lease deliveries that are due, so that nobody else sends them for some seconds; gives their ids."""
        args = [now, now + round(seconds * 1000), count]
        ids = await self._connection.run(self._lease, [keys.of_site(site_id).due(webhook_id)], args)
        return [id_.decode() for id_ in ids]

    async def get(self, site_id: str, webhook_id: str, delivery_id: str) -> Delivery:
        """Give one delivery; raises UnknownDelivery."""
        found = (await self._read(site_id, webhook_id, [delivery_id]))[0]
        if found is None or not delivery_id.startswith(webhook_id + "-"):
            raise UnknownDelivery(delivery_id)
        return found

    async def settle(
        self,
        delivery: Delivery,
        attempt: Attempt | None,
        *,
        state: str = "",
        at: int,
        releases: bool = False,
    ) -> bool:
        """Write down what became of an attempt: how the delivery ended, or (`state` empty) when it is tried next.

        With `releases` later events of the same comment no longer wait for it. False where it is not open any more,
        or somebody else counted an attempt meanwhile.
        """
        names = keys.of_site(delivery.site)
        wanted = [
            names.delivery(delivery.id),
            names.due(delivery.webhook),
            self._lane(delivery.site, delivery.webhook, delivery.event),
            names.ended(delivery.webhook),
        ]
        line = _encode(attempt) if attempt else b""
        place = f"{delivery.first_due}:{delivery.id}"
        args = [delivery.id, delivery.tries, line, state, at, place, int(releases), KEPT_SECONDS, LISTED_AT_MOST]
        return bool(await self._connection.run(self._settle, wanted, args, durable=True))

    async def end_all(self, site_id: str, webhook_id: str, state: str) -> int:
        """End everything that is on its way to a webhook; gives how many."""
        name, ended = keys.of_site(site_id).due(webhook_id), 0
        while ids := await self._connection.execute("ZRANGE", name, 0, 99):
            found = await self._read(site_id, webhook_id, [id_.decode() for id_ in ids])
            now = await self.now()
            for id_, delivery in zip(ids, found, strict=True):
                if delivery is None or not await self.settle(delivery, None, state=state, at=now):
                    await self.forget(site_id, webhook_id, id_.decode())
                ended += 1
        return ended

    async def forget(self, site_id: str, webhook_id: str, delivery_id: str) -> None:
        """Take a delivery that is no more off the list of what is due."""
        await self._connection.execute("ZREM", keys.of_site(site_id).due(webhook_id), delivery_id)

    async def replay(self, site_id: str, webhook_id: str, delivery_id: str) -> Delivery:
        """Send a delivery again with the same id, from the first attempt on; raises UnknownDelivery.

        One that is open is only tried at once, or goes on waiting for an earlier one of its comment. None leaves before
        it was first due.
        """
        delivery = await self.get(site_id, webhook_id, delivery_id)
        names = keys.of_site(site_id)
        wanted = [names.delivery(delivery_id), names.due(webhook_id), names.ended(webhook_id)]
        await self._connection.run(self._replay, wanted, [delivery_id, await self.now()], durable=True)
        return await self.get(site_id, webhook_id, delivery.id)

    # looking --------------------------------------------------------------------------------------

    async def open(self, site_id: str, webhook_id: str, limit: int) -> list[Delivery]:
        """List what is on its way, next try first."""
        ids = await self._connection.execute("ZRANGE", keys.of_site(site_id).due(webhook_id), 0, limit - 1)
        found = await self._read(site_id, webhook_id, [id_.decode() for id_ in ids])
        return [one for one in found if one]

    async def ended(self, site_id: str, webhook_id: str, limit: int) -> list[Delivery]:
        """List what has ended in the last week, newest end first; at most a thousand are remembered."""
        name = keys.of_site(site_id).ended(webhook_id)
        ids = await self._connection.execute("ZRANGE", name, 0, limit - 1, "REV")
        found = await self._read(site_id, webhook_id, [id_.decode() for id_ in ids])
        return [one for one in found if one]

    async def _read(self, site_id: str, webhook_id: str, ids: Sequence[str]) -> list[Delivery | None]:
        if not ids:
            return []
        names = keys.of_site(site_id)
        *rows, dues = await self._connection.many(
            [*[("HGETALL", names.delivery(id_)) for id_ in ids], ("ZMSCORE", names.due(webhook_id), *ids)]
        )
        return [
            _delivery(site_id, webhook_id, id_, row, due) if row else None
            for id_, row, due in zip(ids, rows, dues, strict=True)
        ]


def _delivery(site_id: str, webhook_id: str, id_: str, row: dict[bytes, bytes], due: float | bytes | None) -> Delivery:
    state = row[b"st"].decode()
    next_ = int(float(due)) if due is not None else int(row.get(b"end", b"0"))
    return Delivery(
        id=id_,
        site=site_id,
        webhook=webhook_id,
        event=_event.decode(row[b"ev"]),
        state=_OLDER.get(state, state),
        tries=int(row[b"n"]),
        first_due=int(row[b"due"]),
        due=0 if next_ == _NEVER else next_,
        attempts=tuple(_attempt.decode(line) for line in row.get(b"log", b"").splitlines()),
    )


def _warned(webhook_id: str) -> str:
    return "w:" + webhook_id


def _order(entry_id: str) -> tuple[int, int]:
    ms, _, number = entry_id.partition("-")
    return int(ms or 0), int(number or 0)
