"""What a person may ask for, and what time takes by itself: an export, an erasure, the retention of a site.

A person is an e-mail address; the store knows its keyed digest alone. An erasure reaches comments, queue, labels,
counts and reports on every site; the ledger and the deliveries hold ids and digests only, and stay. Versions of the
models that learned from an erased label are told as such by `moderation.learning`: only training anew takes it out.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from moderation.digests import Digests
from moderation.errors import CaseDecided, StoreUnavailable, UnknownComment, UnknownLabel
from moderation.records import Label, Site, Status, Stored
from moderation.store.comments import Comments, Move
from moderation.store.deliveries import Deliveries
from moderation.store.labels import Labels
from moderation.store.ledger import STAFF, Ledger
from moderation.store.sites import Sites
from moderation.store.snapshot import SnapshotFailed
from moderation.store.traces import Traces

PURGED_AT_ONCE = 100
ATTEMPTS = 3


class Export(msgspec.Struct, frozen=True):
    """Everything that is kept of one person."""

    author: str
    """The digest by which the store knows the person."""
    sites: list[dict[str, Any]]


class Erasure(msgspec.Struct, frozen=True):
    """What an erasure took away."""

    author: str
    comments: int
    labels: list[str]
    """The labels that no training sees again; a version that learned from one is told as such."""
    files_rewritten: bool
    """Whether nothing of it is left in the store's files; erasing once more tries again. Backups from before still hold it."""


class Privacy:
    """The rights of the people who write, and the patience of the sites."""

    def __init__(
        self,
        sites: Sites,
        comments: Comments,
        labels: Labels,
        ledger: Ledger,
        deliveries: Deliveries,
        traces: Traces,
        digests: Digests,
        now: Callable[[], datetime],
    ) -> None:
        self._sites = sites
        self._comments = comments
        self._labels = labels
        self._ledger = ledger
        self._deliveries = deliveries
        self._traces = traces
        self._digests = digests
        self._now = now
        self._reached: dict[str, int] = {}

    # what a person may ask for ----------------------------------------------------------------------

    async def export(self, email: str, reaches: Callable[[str], bool] = lambda site: True) -> Export:
        """Give everything that is kept of a person, by site; of the sites that are within reach."""
        author = self._digests.author(email, "", "")
        found = []
        for site in [one for one in await self._sites.sites() if reaches(one.id)]:
            comments = await self._comments_of(site, author)
            ids = {one.id for one in comments} | set(await self._traces.ids_of(site.id, author))
            labels = [one async for one in self._labels.walk(site.id) if _about(one, author, ids)]
            _, facts = await self._comments.of_author(site.id, author, 1)
            if comments or labels or facts:
                found.append(
                    {
                        "site": site.id,
                        "known": facts,
                        "comments": [self._shown(site, one) for one in comments],
                        "labels": [msgspec.to_builtins(one) for one in labels],
                        "ledger": await self._entries(site, author, ids),
                        "deliveries": await self._on_their_way(site, ids),
                    }
                )
        return Export(author, found)

    async def erase(self, email: str, by: str, reaches: Callable[[str], bool] = lambda site: True) -> Erasure:
        """Erase a person on every site within reach; doing it again finds nothing more. The ledger says that it was done."""
        author = self._digests.author(email, "", "")
        comments, labels = 0, []
        for site in [one for one in await self._sites.sites() if reaches(one.id)]:
            ids = set(await self._traces.ids_of(site.id, author))
            for label in [one async for one in self._labels.walk(site.id) if _about(one, author, ids)]:
                if await self._take_back(label):
                    labels.append(label.id)
            for stored in await self._comments_of(site, author):
                comments += await self._delete(stored, "comment.erased", by)
            await self._traces.forget_reports(site.id, sorted(ids))
            await self._traces.forget_author(site.id, author)
        await self._ledger.append(STAFF, "person.erased", by, author=author, comments=comments, labels=len(labels))
        return Erasure(author, comments, labels, await self._rewritten())

    async def _rewritten(self) -> bool:
        try:
            return await self._traces.rewrite_files()
        except (SnapshotFailed, StoreUnavailable):
            return False  # all the rest is done, and whoever asked is told of this

    async def _comments_of(self, site: Site, author: str) -> list[Stored]:
        ids = await self._traces.ids_of(site.id, author)
        found: list[Stored] = []
        for begin in range(0, len(ids), 200):
            some = await self._comments.get_many(site.id, ids[begin : begin + 200])
            found += [one for one in some if one is not None]
        return found

    async def _take_back(self, label: Label) -> bool:
        try:
            await self._labels.remove(label.site, label.id)
        except UnknownLabel:
            return False
        return True

    def _shown(self, site: Site, stored: Stored) -> dict[str, Any]:
        shown: dict[str, Any] = msgspec.to_builtins(stored)
        if stored.sealed:
            shown["contact"] = self._digests.unseal(site.id, stored.sealed)
        return shown

    async def _entries(self, site: Site, author: str, ids: set[str]) -> list[dict[str, Any]]:
        return [
            {"id": entry.id, "at": entry.at, **entry.line}
            async for entry in self._ledger.walk(site.id)
            if entry.line.get("c") in ids or entry.line.get("author") == author
        ]

    async def _on_their_way(self, site: Site, ids: set[str]) -> list[dict[str, Any]]:
        found = []
        for webhook in await self._deliveries.webhooks(site.id):
            for some in (
                await self._deliveries.open(site.id, webhook.id, 1000),
                await self._deliveries.ended(site.id, webhook.id, 1000),
            ):
                found += [msgspec.to_builtins(one) for one in some if one.event.comment in ids]
        return found

    # what time takes --------------------------------------------------------------------------------

    async def purge(self, site: Site) -> int:
        """Erase up to a hundred comments whose time on this site is over; gives how many.

        The time runs from the last change that the site could see: the decision. What waits for a moderator never
        goes, and neither does what a reader has reported or a moderator passed on. The ledger tells of each.
        """
        if not site.policy.retention_days:
            return 0
        over = int((self._now() - timedelta(days=site.policy.retention_days)).timestamp() * 1e6)
        some = await self._comments.changed_since(site.id, self._reached.get(site.id, 0), PURGED_AT_ONCE)
        gone = 0
        for stored in some.comments:
            waits = stored.status is Status.PENDING or stored.reports or stored.escalated or stored.embargo
            if stored.changed < over and not waits:
                gone += await self._delete(stored, "comment.purged", "")
        # those that wait are passed over until the next round, so that they never stand before the others
        self._reached[site.id] = some.cursor if some.more and some.cursor < over else 0
        return gone

    async def _delete(self, stored: Stored, event: str, by: str) -> int:
        for _ in range(ATTEMPTS):
            move = Move(event=event, status=None, by=by, queue="leave", forget_label=True, drains=True)
            try:
                await self._comments.move(stored, move, day=self._now().strftime("%Y-%m-%d"))
            except UnknownComment:
                return 0
            except CaseDecided:
                if not by:
                    return 0  # it has just changed: its time begins anew
                found = (await self._comments.get_many(stored.site, [stored.id]))[0]
                if found is None:
                    return 0
                stored = found
            else:
                return 1
        return 0


def _about(label: Label, author: str, comment_ids: set[str]) -> bool:
    return label.author == author or label.comment_id in comment_ids
