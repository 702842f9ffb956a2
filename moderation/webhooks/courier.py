"""The courier: carries events to the sites' webhooks, tries again by the schedule of Standard Webhooks, and buries.

One worker of a deployment does it; when that one dies another takes over, and what was under way is sent again with
the same `webhook-id`. Events of one comment arrive in the order of its versions; a receiver that refuses one of them
for some minutes hears the later ones before it. A receiver that fails or is slow gets one connection at a time, from
other places than those that answer, so that a dead one keeps nobody else waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime

import msgspec
import structlog

from moderation.errors import StoreUnavailable, UnknownDelivery, UnknownSite, UnknownWebhook
from moderation.records import Site, Webhook
from moderation.store.codec import moment
from moderation.store.comments import Comments
from moderation.store.deliveries import OPEN_AT_MOST, Attempt, Deliveries, Delivery, Planned
from moderation.store.leases import Leases
from moderation.store.ledger import Ledger
from moderation.store.queue import Queue
from moderation.store.sites import Sites
from moderation.telemetry import Telemetry
from moderation.webhooks import events
from moderation.webhooks.outside import Answer, Outside

SCHEDULE = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds before each attempt, counted from the one before: ten attempts in 75 h 35 min 5 s."""
RELEASED_AFTER = 3
"""After so many failed attempts the later events of the same comment no longer wait."""
LONGEST_WAIT = 86_400.0
"""What a receiver may ask for by Retry-After, at most."""
SLOW_SECONDS = 5.0

_READ_AT_ONCE = 200
_PLAN_EVERY = 0.25
_WATCH_EVERY = 30.0
_IDLE = 0.5
_WORK = "courier"
_log = structlog.get_logger("moderation.courier")


class Courier:
    """Carries the events of all sites. `run` for ever, or `step` by step."""

    def __init__(
        self,
        deliveries: Deliveries,
        comments: Comments,
        queue: Queue,
        ledger: Ledger,
        sites: Sites,
        leases: Leases,
        outside: Outside,
        telemetry: Telemetry,
        now: Callable[[], datetime],
        *,
        concurrency: int = 8,
        lease_seconds: int = 5,
        margin_seconds: float = 5.0,
    ) -> None:
        self._deliveries = deliveries
        self._comments = comments
        self._queue = queue
        self._ledger = ledger
        self._sites = sites
        self._leases = leases
        self._outside = outside
        self._telemetry = telemetry
        self._now = now
        self._concurrency = concurrency
        self._lease_seconds = lease_seconds
        self._delivery_seconds = outside.timeout + margin_seconds
        """How long a delivery is one courier's; when it is not settled by then, somebody sends it again."""
        self._under_way: set[asyncio.Task[None]] = set()
        self._sending: Counter[str] = Counter()
        self._failing: set[str] = set()
        self._done = asyncio.Event()
        self._turn = 0
        self._planned_at = self._watched_at = float("-inf")

    async def run(self) -> None:
        """Carry events until cancelled; a store that does not answer is waited for."""
        me = asyncio.current_task()
        try:
            # the driver of the store may swallow the cancellation when a reply comes in the same moment
            while me is None or not me.cancelling():
                pause = _IDLE
                self._done.clear()
                try:
                    if await self._leases.take(_WORK, self._lease_seconds):
                        await self._go_round()
                    else:
                        pause = min(2.0, self._lease_seconds / 2)
                except StoreUnavailable as error:
                    pause = min(error.retry_after, 5.0)
                except Exception as error:  # a courier that ends tells nobody anything any more
                    pause = 5.0
                    _log.error("courier_failed", exc_info=error)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._done.wait()
        finally:
            await self.aclose()

    async def step(self) -> int:
        """Plan and send everything that is due now, each once; gives how many attempts were made."""
        self._planned_at = self._watched_at = float("-inf")
        made = 0
        while True:
            started = await self._go_round()
            if not started and not self._under_way:
                return made
            made += started
            if self._under_way:
                await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)

    async def aclose(self) -> None:
        """Stop: what is under way is broken off, and sent again by whoever comes next."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _go_round(self) -> int:
        began = time.monotonic()
        plans = began - self._planned_at >= _PLAN_EVERY
        watches = began - self._watched_at >= _WATCH_EVERY
        due = []
        for site_id in await self._deliveries.sites():
            try:
                due += await self._prepare(await self._sites.site(site_id), plans=plans, watches=watches)
            except StoreUnavailable:
                raise
            except UnknownSite:
                continue
            except Exception as error:  # whatever is wrong with one site, the events of the others must not stop
                _log.error("courier_failed", site=site_id, exc_info=error)
        if plans:
            self._planned_at = began
        if watches:
            self._watched_at = began
        return await self._send_due(due)

    # planning -------------------------------------------------------------------------------------

    async def _prepare(self, site: Site, *, plans: bool, watches: bool) -> list[Webhook]:
        """Make a site's deliveries; gives its webhooks that are on."""
        webhooks = await self._deliveries.webhooks(site.id)
        used = [one for one in webhooks if not one.disabled]
        if plans:
            await self._plan(site, webhooks)
        if watches:
            await self._watch(site, used)
        return used

    async def _plan(self, site: Site, webhooks: list[Webhook]) -> None:
        places = await self._deliveries.places(site.id, webhooks)
        for webhook, (place, _, open_) in zip(webhooks, places, strict=True):
            if webhook.disabled:
                if open_:
                    await self._deliveries.end_all(site.id, webhook.id, "disabled")
                continue
            while open_ < OPEN_AT_MOST:
                entries = await self._ledger.read(site.id, after=place or "0-0", limit=_READ_AT_ONCE)
                if not entries:
                    break
                made = events.planned(webhook, entries, await self._deliveries.now())
                if not await self._deliveries.plan(webhook, place, entries[-1].id, made):
                    break
                place, open_ = entries[-1].id, open_ + len(made)
                if len(entries) < _READ_AT_ONCE:
                    break

    async def _watch(self, site: Site, webhooks: list[Webhook]) -> None:
        """Warn once when the oldest case has waited too long; the next warning comes after the queue was caught up."""
        webhooks = [one for one in webhooks if events.wants(one, events.QUEUE_WAITING)]
        if not webhooks or not site.policy.wait_warning_minutes:
            return
        now = await self._deliveries.now()
        oldest = await self._queue.oldest(site.id)
        late = bool(oldest) and now - oldest // 1000 > site.policy.wait_warning_minutes * 60_000
        places = await self._deliveries.places(site.id, webhooks)
        for webhook, (_, warned, _) in zip(webhooks, places, strict=True):
            if late and not warned:
                count = (await self._queue.counts(site.id, ()))["total"]
                event = events.waiting(site, moment(now * 1000), count, moment(oldest))
                id_ = f"{webhook.id}-w{now}"
                await self._deliveries.warn(webhook, warned, str(now), [Planned(id_, event, now)])
            elif warned and not late:
                await self._deliveries.warn(webhook, warned, "", [])

    # sending --------------------------------------------------------------------------------------

    async def _send_due(self, webhooks: list[Webhook]) -> int:
        """Start as many attempts as there is room for; each round begins with another webhook."""
        if not webhooks:
            return 0
        self._turn = (self._turn + 1) % len(webhooks)
        started = 0
        now = await self._deliveries.now()
        for webhook in webhooks[self._turn :] + webhooks[: self._turn]:
            room = self._room(webhook)
            if room < 1:
                continue
            ids = await self._deliveries.lease(webhook.site, webhook.id, now, self._delivery_seconds, room)
            for id_ in ids:
                self._start(webhook, id_)
            started += len(ids)
        return started

    def _room(self, webhook: Webhook) -> int:
        """Say how many more attempts a webhook may have under way."""
        key = f"{webhook.site}:{webhook.id}"
        failing = sum(count for name, count in self._sending.items() if name in self._failing)
        healthy = sum(self._sending.values()) - failing
        if key in self._failing:
            return min(1 - self._sending[key], self._concurrency - failing)
        share = max(1, self._concurrency // 2)
        return min(share - self._sending[key], self._concurrency - healthy)

    def _start(self, webhook: Webhook, delivery_id: str) -> None:
        key = f"{webhook.site}:{webhook.id}"
        self._sending[key] += 1
        task = asyncio.create_task(self._carry(webhook, delivery_id))
        self._under_way.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._under_way.discard(task)
            self._sending[key] -= 1
            if not self._sending[key]:
                del self._sending[key]
            self._done.set()
            # its lease ends by itself, and the delivery is tried again
            if not task.cancelled() and task.exception():
                _log.error("delivery_broken", site=webhook.site, delivery=delivery_id, exc_info=task.exception())

        task.add_done_callback(ended)

    async def _carry(self, webhook: Webhook, delivery_id: str) -> None:
        try:
            delivery = await self._deliveries.get(webhook.site, webhook.id, delivery_id)
            stored = None
            if delivery.event.comment:
                stored = (await self._comments.get_many(webhook.site, [delivery.event.comment]))[0]
            if events.overtaken(delivery, stored):
                now, until = await self._deliveries.now(), events.undoable_until(stored)
                # what replaced it may be undone until then, and it stands again
                state, at = ("", until) if until > now else ("dropped", now)
                await self._deliveries.settle(delivery, None, state=state, at=at)
                return
            body = events.body_of(webhook.site, delivery.event, stored)
            headers = events.headers_of(webhook, delivery.id, body, self._now())
            answer = await self._outside.post(webhook.url, body, headers)
            self._remember(webhook, answer)
            await self._settle(webhook, delivery, answer)
        except UnknownDelivery:
            await self._deliveries.forget(webhook.site, webhook.id, delivery_id)
        except StoreUnavailable as error:
            # the lease ends by itself, and the delivery is tried again with the same id
            _log.warning("delivery_not_settled", site=webhook.site, delivery=delivery_id, cause=str(error))

    def _remember(self, webhook: Webhook, answer: Answer) -> None:
        key = f"{webhook.site}:{webhook.id}"
        if answer.delivered and answer.seconds < SLOW_SECONDS:
            self._failing.discard(key)
        else:
            self._failing.add(key)

    async def _settle(self, webhook: Webhook, delivery: Delivery, answer: Answer) -> None:
        now = await self._deliveries.now()
        tries = delivery.tries + 1
        error = answer.error or ("" if answer.delivered else f"answered {answer.status}")
        attempt = Attempt(at=moment(now * 1000), seconds=answer.seconds, status=answer.status, error=error)
        releases = tries >= RELEASED_AFTER
        ends = ""
        if answer.delivered:
            ends = "delivered"
        elif answer.status == 410:
            ends = "disabled"
        elif tries >= len(SCHEDULE):
            ends = "buried"
        if ends:
            await self._deliveries.settle(delivery, attempt, state=ends, at=now)
        else:
            wait = max(SCHEDULE[tries], min(answer.retry_after or 0.0, LONGEST_WAIT))
            await self._deliveries.settle(delivery, attempt, at=now + round(wait * 1000), releases=releases)
        if ends == "disabled":
            await self._disable(webhook, "the receiver answered 410 Gone")
        outcome = ends or ("refused" if error.startswith("refused") else "failed")
        self._telemetry.webhook_delivered(outcome, answer.seconds)
        if outcome != "delivered":
            _log.warning(
                "webhook_not_delivered", site=webhook.site, webhook=webhook.id, delivery=delivery.id,
                status=answer.status, attempts=tries, problem=error,
            )  # fmt: skip

    async def _disable(self, webhook: Webhook, why: str) -> None:
        with contextlib.suppress(UnknownWebhook):
            await self._deliveries.change(webhook.site, webhook.id, lambda one: _off(one, why))
            await self._deliveries.end_all(webhook.site, webhook.id, "disabled")
        await self._ledger.append(webhook.site, "webhook.disabled", webhook=webhook.id, why=why)


def _off(webhook: Webhook, why: str) -> Webhook:
    return msgspec.structs.replace(webhook, disabled=why)
