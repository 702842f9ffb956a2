"""A site leaves: at once nobody can post to it or read it, and some seconds later nothing of it is in the store.

Comments, queue, labels, authors, counts, webhooks, policies and keys go. What stays: its ledger, as files in the data
folder (ids and digests, no texts), and one entry in the staff's ledger that says who deleted it and how much it held.
People who worked for it alone keep their accounts. What was begun is brought to its end after any crash, and after any
time in which the store could not write its files anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import msgspec
import structlog

from moderation.errors import FieldError, FieldsInvalid, ModerationError
from moderation.ledgerfiles import LedgerFiles
from moderation.store.comments import Comments
from moderation.store.departures import Departures, Leaving
from moderation.store.labels import Labels
from moderation.store.leases import Leases
from moderation.store.ledger import STAFF, Ledger
from moderation.store.queue import Queue
from moderation.store.sites import Sites
from moderation.store.snapshot import SnapshotFailed
from moderation.store.traces import Traces

GRACE_SECONDS = 5.0
"""Every worker has noticed by then that the site is gone, and has ended what it was doing for it."""
LEASE_SECONDS = 120
STEP_SECONDS = 2.0
AGAIN_SECONDS = 60.0
"""When files that could not be written anew are tried again: on a disk that is full, each attempt fills it further."""

_log = structlog.get_logger("moderation")


class Gone(msgspec.Struct, frozen=True):
    """What a deleted site held."""

    site: str
    comments: int
    waiting: int
    labels: int


class SiteDepartures:
    """Deletes sites."""

    def __init__(
        self,
        departures: Departures,
        sites: Sites,
        comments: Comments,
        queue: Queue,
        labels: Labels,
        ledger: Ledger,
        files: LedgerFiles,
        traces: Traces,
        leases: Leases,
        now: Callable[[], datetime],
    ) -> None:
        self._departures = departures
        self._sites = sites
        self._comments = comments
        self._queue = queue
        self._labels = labels
        self._ledger = ledger
        self._files = files
        self._traces = traces
        self._leases = leases
        self._now = now

    async def run(self) -> None:
        """Go on for ever; cancel it to stop. Not part of the upkeep, since files written anew may take minutes."""
        while True:
            pause = STEP_SECONDS
            try:
                await self.finish()
            except SnapshotFailed as error:
                _log.warning("departure_failed", cause=str(error))
                pause = AGAIN_SECONDS
            except ModerationError as error:
                _log.warning("departure_failed", code=error.code)
            except Exception as error:  # a fault of ours must not end it for good
                _log.error("departure_failed", exc_info=error)
            await asyncio.sleep(pause)

    async def held(self, site_id: str) -> Gone:
        """Say what would go with a site; raises UnknownSite."""
        await self._sites.site(site_id)
        waiting = (await self._queue.counts(site_id, ()))["total"]
        return Gone(site_id, await self._comments.count(site_id), waiting, await self._labels.count(site_id))

    async def delete(self, site_id: str, confirm: str, by: str) -> Gone:
        """Delete a site whose id was typed again. Raises UnknownSite, and FieldsInvalid where something else was typed."""
        held = await self.held(site_id)
        if confirm != site_id:
            message = f"To delete the site for good, type its id: {site_id}."
            raise FieldsInvalid([FieldError("confirm", "not_confirmed", message)])
        await self._departures.mark(Leaving(site_id, self._now().timestamp(), by))
        facts = {"site": site_id, "comments": held.comments, "waiting": held.waiting, "labels": held.labels}
        await self._ledger.append(STAFF, "site.deleted", by, **facts)
        await self._sites.remove(site_id)
        return held

    async def open(self) -> list[Leaving]:
        """List the sites of which something may still be there."""
        return await self._departures.open()

    async def finish(self) -> int:
        """Take away what sites left behind that were deleted some seconds ago; gives how many are done now.

        Raises SnapshotFailed where the store could not write its files anew: they stay open, since they are still in them.
        """
        swept: list[str] = []
        for leaving in await self._departures.open():
            old = self._now().timestamp() - leaving.at >= GRACE_SECONDS
            if old and await self._leases.take("departures", LEASE_SECONDS):
                await self._sites.remove(leaving.site)
                await self._files.close(leaving.site, self._now())
                await self._departures.sweep(leaving.site)
                swept.append(leaving.site)
        if not swept:
            return 0
        rewritten = await self._traces.rewrite_files()
        for site_id in swept:
            if not rewritten:  # not ours to do on this store: its operator is told
                _log.warning("files_kept", site=site_id)
            await self._departures.close(site_id)
        return len(swept)
