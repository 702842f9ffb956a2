"""The queue: a view of the comments of a site that wait for a moderator.

It holds ids only; the comment is read from `comments`. A case is with one moderator at a time: a claim is a lease, so a
closed laptop blocks nobody. Counts are exact for a site with at most one of reason, language, thread and author; what
is filtered further is looked at case by case, at most 5,000 a page, and the page then says that it is not complete.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NamedTuple

import msgspec

from moderation.errors import CaseTaken, CursorInvalid, UnknownCase
from moderation.records import Case, Page, Query, Stored
from moderation.store import keys
from moderation.store.codec import moment
from moderation.store.comments import Comments, scored_members
from moderation.store.connection import Connection
from moderation.store.scripts import draining

LOOK_AT_MOST = 5_000
LONGEST_LEASE_MS = 3_600_000
"""What ends later than any lease was taken before the clock went back, and holds nobody up."""


class Work(NamedTuple):
    """What there is to do for one site: decisions to tell, comments to score, cases that wait and since when."""

    embargoed: int
    unscored: int
    waiting: int
    oldest: int


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    score: float
    seen: Annotated[list[str], msgspec.Meta(max_length=1000)]
    """Ids already given at this very score."""


class Queue:
    """The queues of all sites."""

    def __init__(self, connection: Connection, comments: Comments) -> None:
        self._connection = connection
        self._comments = comments
        self._claim = draining("claim_cases")
        self._lease = draining("lease_case")

    async def page(self, site_id: str, query: Query) -> Page:
        """Give one page of waiting cases.

        Cost: one range per 200 cases looked at; without further filters that is one for the page.
        """
        names = keys.of_site(site_id)
        filters = self._filters(site_id, query)
        by_urgency = query.sort == "priority"
        test = self._test(query)
        if query.author:
            # an author's comments are few beside the queue, and most of them do not wait
            main, others = names.author_comments(query.author), [names.queue, *filters]
            count = await self._connection.execute("ZINTERCARD", 2, main, names.queue)
        else:
            main = filters[0] if filters and not by_urgency else (names.queue_urgency if by_urgency else names.queue)
            others = filters if by_urgency else filters[1:]
            count = await self._connection.execute("ZCARD", filters[0] if filters else names.queue)
        looks_inside = bool(others) or test is not None

        position = self._position(query.cursor)
        limit = max(1, min(query.limit, 200))
        chunk = limit + 1 if not looks_inside else 200
        found: list[Stored] = []
        ended, looked = False, 0
        last: float | None = position.score if position else None
        at_last: list[str] = list(position.seen) if position else []
        while len(found) < limit and not ended and looked < LOOK_AT_MOST:
            rows = await self._range(main, query.sort, last, chunk + len(at_last))
            fresh = [(id_, score) for id_, score in rows if not (score == last and id_ in at_last)]
            ended = len(rows) < chunk + len(at_last)
            looked += len(fresh)
            passed = await self._standing_in_all(others, [id_ for id_, _ in fresh])
            stored = {
                item.id: item
                for item in await self._comments.get_many(site_id, [id_ for id_, _ in fresh if id_ in passed])
                if item
            }
            for id_, score in fresh:
                if len(found) == limit:
                    ended = False
                    break
                at_last = [*at_last, id_] if score == last else [id_]
                last = score
                item = stored.get(id_)
                if item and (test is None or test(item)):
                    found.append(item)
        more = not ended and last is not None
        cursor = _written(_Cursor(last, at_last)) if more and last is not None else ""
        exact = len(filters) + bool(query.author) <= 1 and test is None
        return Page(
            cases=await self._as_cases(site_id, found),
            cursor=cursor,
            count=count,
            exact=exact,
            complete=len(found) == limit or ended,
        )

    def _filters(self, site_id: str, query: Query) -> list[str]:
        names = keys.of_site(site_id)
        found = []
        if query.thread:
            found.append(names.queue_filter("t:" + keys.thread_digest(query.thread)))
        if query.reason:
            found.append(names.queue_filter("r:" + query.reason))
        if query.lang:
            found.append(names.queue_filter("l:" + query.lang))
        return found

    @staticmethod
    def _test(query: Query) -> Callable[[Stored], bool] | None:
        if not (query.minimum or query.text or query.escalated):
            return None
        wanted = query.text.casefold()

        def test(item: Stored) -> bool:
            if item.verdict and item.verdict.score < query.minimum:
                return False
            if query.escalated and not item.escalated:
                return False
            return not wanted or wanted in item.text.casefold() or wanted in item.name.casefold()

        return test

    @staticmethod
    def _position(cursor: str) -> _Cursor | None:
        if not cursor:
            return None
        try:
            return msgspec.json.decode(base64.urlsafe_b64decode(cursor.encode()), type=_Cursor)
        except (ValueError, msgspec.MsgspecError) as error:
            raise CursorInvalid from error

    async def _range(self, name: str, sort: str, last: float | None, size: int) -> list[tuple[str, float]]:
        if sort == "oldest":
            start = "-inf" if last is None else f"{last:.0f}"
            command: tuple[object, ...] = (
                "ZRANGE", name, start, "+inf", "BYSCORE", "LIMIT", 0, size, "WITHSCORES",
            )  # fmt: skip
        else:
            start = "+inf" if last is None else f"{last:.0f}"
            command = ("ZRANGE", name, start, "-inf", "BYSCORE", "REV", "LIMIT", 0, size, "WITHSCORES")
        return scored_members(await self._connection.execute(*command))

    async def _standing_in_all(self, names: list[str], ids: list[str]) -> set[str]:
        standing = set(ids)
        if not ids:
            return standing
        for name in names:
            scores = await self._connection.execute("ZMSCORE", name, *ids)
            standing &= {id_ for id_, score in zip(ids, scores, strict=True) if score is not None}
        return standing

    async def _as_cases(self, site_id: str, found: list[Stored]) -> list[Case]:
        if not found:
            return []
        names = keys.of_site(site_id)
        ids = [item.id for item in found]
        waiting, leases, holders, (seconds, micros) = await self._connection.many(
            [
                ("ZMSCORE", names.queue, *ids),
                ("ZMSCORE", names.leases, *ids),
                ("HMGET", names.holders, *ids),
                ("TIME",),
            ]
        )
        now = int(seconds) * 1000 + int(micros) // 1000
        cases = []
        for item, since, lease, holder in zip(found, waiting, leases, holders, strict=True):
            ends = int(float(lease)) if lease is not None else 0
            claimed = since is not None and holder is not None and now < ends <= now + LONGEST_LEASE_MS
            cases.append(
                Case(
                    comment=item,
                    state="claimed" if claimed else ("waiting" if since is not None else "decided"),
                    since=int(float(since)) if since is not None else 0,
                    holder=holder.decode() if claimed else "",
                    lease_ends=moment(ends * 1000) if claimed else "",
                )
            )
        return cases

    async def case(self, stored: Stored) -> Case:
        """Give a comment as the case it is."""
        return (await self._as_cases(stored.site, [stored]))[0]

    async def claim(self, site_id: str, moderator: str, count: int, lease_seconds: int, query: Query) -> list[str]:
        """Lease the most urgent free cases, most urgent first; those the moderator holds already are given again."""
        names = keys.of_site(site_id)
        wanted = [names.queue_urgency, names.leases, names.holders, *self._filters(site_id, query)]
        args = [moderator, count, lease_seconds * 1000, LOOK_AT_MOST]
        return [id_.decode() for id_ in await self._connection.run(self._claim, wanted, args)]

    async def lease(self, site_id: str, comment_id: str, moderator: str, lease_seconds: int) -> str:
        """Lease one case, or keep its lease; 0 seconds gives it back. Gives the time when the lease ends.

        Raises UnknownCase where it does not wait, CaseTaken where another moderator holds it.
        """
        names = keys.of_site(site_id)
        reply = await self._connection.run(
            self._lease,
            [names.queue, names.leases, names.holders],
            [comment_id, moderator, lease_seconds * 1000],
        )
        if reply[0] == 1:
            raise UnknownCase(comment_id)
        if reply[0] == 2:
            raise CaseTaken(comment_id, reply[1].decode())
        return moment(int(reply[1]) * 1000) if reply[1] else ""

    async def counts(self, site_id: str, names: tuple[str, ...]) -> dict[str, int]:
        """Count what waits: in all as `total`, and under each named filter (`r:links`, `l:de`)."""
        of = keys.of_site(site_id)
        rows = await self._connection.many([("ZCARD", of.queue), *[("ZCARD", of.queue_filter(name)) for name in names]])
        return dict(zip(("total", *names), [int(row) for row in rows], strict=True))

    async def overview(self, site_ids: Sequence[str]) -> list[Work]:
        """Say of each site what there is to do; one round trip for a hundred sites."""
        found: list[Work] = []
        for start in range(0, len(site_ids), 100):
            commands: list[tuple[object, ...]] = []
            for site_id in site_ids[start : start + 100]:
                of = keys.of_site(site_id)
                commands += [
                    ("ZCARD", of.embargo), ("ZCARD", of.unscored), ("ZCARD", of.queue),
                    ("ZRANGE", of.queue, 0, 0, "WITHSCORES"),
                ]  # fmt: skip
            replies = await self._connection.many(commands)
            for embargoed, unscored, waiting, first in zip(*[iter(replies)] * 4, strict=True):
                found.append(Work(int(embargoed), int(unscored), int(waiting), _first_score(first)))
        return found

    async def oldest(self, site_id: str) -> int:
        """Give the stamp since when the oldest case waits; 0 where nothing waits."""
        rows = await self._connection.execute("ZRANGE", keys.of_site(site_id).queue, 0, 0, "WITHSCORES")
        return _first_score(rows)


def _first_score(rows: list[Any]) -> int:
    if not rows:
        return 0
    return int(float(rows[0][1] if isinstance(rows[0], list | tuple) else rows[1]))


def _written(cursor: _Cursor) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode()
