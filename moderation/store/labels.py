"""Labels: the truth that decisions and clients leave for training, one record each, by id and by time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import msgspec

from moderation.errors import UnknownLabel
from moderation.records import Label
from moderation.store import keys
from moderation.store.connection import Connection
from moderation.store.scripts import script

OUTSIDE = ("akismet", "perspective")
"""Sources of feedback from outside: what clients say of comments and texts."""
OUTSIDE_KEPT = 10_000
"""How many labels of feedback from outside a site keeps: the newest. Whoever has a key could fill the store otherwise."""

_label = msgspec.msgpack.Decoder(Label)
encode_label = msgspec.msgpack.Encoder().encode


class Labels:
    """The labels of all sites. A label of a decision is written by the move that decides."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def put(self, label: Label, stamp: int, *, version: int | None = None) -> bool:
        """Write a label that no decision leaves (feedback of a client, an import); one of its own kind is replaced.

        A label of a comment is given for the version that was read, undecided. False where the comment is gone,
        decided or changed since, or a label of another kind (or, for hearsay, a better one) is there: then nothing is
        written. Of feedback from outside the oldest makes room; what people decided never does. Atomic.
        """
        names = keys.of_site(label.site)
        outside = label.source in OUTSIDE
        replaces = OUTSIDE if outside else (label.source,)
        of_comment = names.nothing if version is None else names.comment(label.comment_id)
        wanted = [names.labels, names.labels_at, of_comment, names.labels_outside]
        args = [
            label.id, encode_label(label), stamp, "" if version is None else version, f" {' '.join(replaces)} ",
            int(label.hearsay), OUTSIDE_KEPT if outside else "",
        ]  # fmt: skip
        return bool(await self._connection.run(script("leave_label"), wanted, args))

    async def spend(self, site_id: str, who: str, limit: int, seconds: int) -> float:
        """Spend one of a key's allowance of feedback; gives the seconds to wait where it is spent, else 0."""
        name = keys.of_site(site_id).allowance("l:" + who)
        return int(await self._connection.run(script("spend_allowance"), [name], [limit, seconds])) / 1000

    async def get(self, site_id: str, label_id: str) -> Label:
        """Read one label; raises UnknownLabel."""
        row = await self._connection.execute("HGET", keys.of_site(site_id).labels, label_id)
        if row is None:
            raise UnknownLabel(label_id)
        return _label.decode(row)

    async def remove(self, site_id: str, label_id: str) -> None:
        """Take a label back, so that no later training learns from it; raises UnknownLabel."""
        names = keys.of_site(site_id)
        gone = await self._connection.many(
            [
                ("HDEL", names.labels, label_id),
                ("ZREM", names.labels_at, label_id),
                ("ZREM", names.labels_outside, label_id),
            ]
        )
        if not gone[0]:
            raise UnknownLabel(label_id)

    async def page(self, site_id: str, after: int, limit: int) -> list[tuple[int, Label]]:
        """List labels by the stamp they were given at, those after `after` only.

        Labels of one stamp are never parted, so a page may be longer than `limit` and the next one begins after it.
        """
        names = keys.of_site(site_id)
        found = await self._connection.execute(
            "ZRANGE", names.labels_at, f"({after}", "+inf", "BYSCORE", "LIMIT", 0, limit, "WITHSCORES"
        )
        if not found:
            return []
        pairs = found if isinstance(found[0], list | tuple) else list(zip(found[::2], found[1::2], strict=True))
        ids = [pair[0] for pair in pairs]
        if len(ids) >= limit:
            last = repr(float(pairs[-1][1]))
            twins = await self._connection.execute("ZRANGE", names.labels_at, last, last, "BYSCORE")
            ids += [id_ for id_ in twins if id_ not in set(ids)]
        rows, stamps = await self._connection.many([("HMGET", names.labels, *ids), ("ZMSCORE", names.labels_at, *ids)])
        return [(int(stamp), _label.decode(row)) for row, stamp in zip(rows, stamps, strict=True) if row and stamp]

    async def walk(self, site_id: str, after: int = 0) -> AsyncIterator[Label]:
        """Read all labels of a site in the order they were given, five hundred at a time."""
        while True:
            page = await self.page(site_id, after, 500)
            for stamp, label in page:
                after = stamp
                yield label
            if not page:
                return

    async def given_at(self, site_id: str, label_ids: Sequence[str]) -> list[int | None]:
        """Give the stamps at which labels were given, None for each that is not there (any longer)."""
        names, out = keys.of_site(site_id), []
        for begin in range(0, len(label_ids), 1000):
            found = await self._connection.execute("ZMSCORE", names.labels_at, *label_ids[begin : begin + 1000])
            out += [None if stamp is None else int(stamp) for stamp in found]
        return out

    async def count(self, site_id: str) -> int:
        """Count the labels of a site."""
        return int(await self._connection.execute("HLEN", keys.of_site(site_id).labels))
