"""What the service does by itself, between requests: notice changes, tell what an embargo held back, score what waits.

Work that must be done once, not once for each worker, is done under a lease.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from moderation.errors import ModerationError, StoreUnavailable
from moderation.records import Site, Stored, Verdict
from moderation.scoring.models import Models
from moderation.store.comments import Comments
from moderation.store.leases import Leases
from moderation.store.queue import Queue
from moderation.store.sites import Sites
from moderation.telemetry import Telemetry

STEP_SECONDS = 0.5
LEASE_SECONDS = 5
RESCORE_AT_ONCE = 50
RESCORE_AGAIN_SECONDS = 60.0
"""When a comment is tried again that the model fails on, while it scores others."""
BY_AND_BY_SECONDS = 60.0


class Upkeep:
    """One loop for each worker; a step that fails is tried again with the next."""

    def __init__(
        self,
        comments: Comments,
        sites: Sites,
        queue: Queue,
        models: Models,
        telemetry: Telemetry,
        leases: Leases,
        rescore: Callable[[Site, Stored], Awaitable[Verdict | None]],
        follow_models: Callable[[], Awaitable[None]],
    ) -> None:
        self._comments = comments
        self._sites = sites
        self._queue = queue
        self._models = models
        self._telemetry = telemetry
        self._leases = leases
        self._rescore = rescore
        self._follow_models = follow_models

        self.by_and_by: tuple[Callable[[Site], Awaitable[int]], ...] = ()
        """Slow work on each site, a piece at a time: it is done once a minute, and at once again while it finds some."""
        self._next: dict[tuple[str, int], float] = {}

    async def run(self) -> None:
        """Go on for ever; cancel it to stop."""
        log = structlog.get_logger("moderation")
        me = asyncio.current_task()
        # the driver of the store may swallow the cancellation when a reply comes in the same moment
        while me is None or not me.cancelling():
            try:
                await self.step()
            except ModerationError as error:
                log.warning("upkeep_failed", code=error.code)
            except Exception as error:  # a fault of ours must not end it for good
                log.error("upkeep_failed", exc_info=error)
            if me is None or not me.cancelling():
                await asyncio.sleep(STEP_SECONDS)

    async def step(self) -> None:
        """Do once what there is to do."""
        await self._sites.refresh()
        await self._follow_models()
        if await self._leases.take("upkeep", LEASE_SECONDS):
            await self._for_all()

    async def _for_all(self) -> None:
        waiting, oldest = 0, 0
        sites = await self._sites.sites()
        for site, work in zip(sites, await self._queue.overview([site.id for site in sites]), strict=True):
            try:
                if work.embargoed:
                    await self._tell(site)
                if work.unscored:
                    await self._score_what_waits(site)
                await self._by_and_by(site)
            except StoreUnavailable:
                raise
            except Exception as error:  # what one site has wrong stops no other
                structlog.get_logger("moderation").error("upkeep_failed", site=site.id, exc_info=error)
            waiting += work.waiting
            oldest = min(oldest or work.oldest, work.oldest) if work.oldest else oldest
        self._telemetry.queue_measured(waiting, max(0.0, time.time() - oldest / 1e6) if oldest else 0.0)

    async def _by_and_by(self, site: Site) -> None:
        for number, work in enumerate(self.by_and_by):
            if self._next.get((site.id, number), 0.0) <= time.monotonic():
                found = await work(site)
                self._next[site.id, number] = time.monotonic() + (0.0 if found else BY_AND_BY_SECONDS)

    async def _tell(self, site: Site) -> None:
        now = int(time.time() * 1e6)
        for stored in await self._comments.embargo_ended(site.id, now):
            await self._comments.tell(stored)

    async def _score_what_waits(self, site: Site) -> None:
        if self._cannot_score():
            return
        for stored in await self._comments.unscored(site.id, RESCORE_AT_ONCE):
            if await self._rescore(site, stored) is None:
                if self._cannot_score():
                    return
                # one that the model cannot score keeps no other waiting, now or the next time
                await self._comments.score_later(stored, RESCORE_AGAIN_SECONDS)

    def _cannot_score(self) -> bool:
        return not self._models.versions or self._models.resting
