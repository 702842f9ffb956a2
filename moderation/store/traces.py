"""What the store keeps of a person beside the comments themselves: counts, marks, reports, the list of the comments."""

from __future__ import annotations

from collections.abc import Sequence

from moderation.store import keys
from moderation.store.connection import Connection
from moderation.store.snapshot import NotPermitted, rewrite


class Traces:
    """The traces of all authors."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def ids_of(self, site_id: str, author: str) -> list[str]:
        """List the ids of everything that an author has written on a site, oldest first."""
        name = keys.of_site(site_id).author_comments(author)
        return [id_.decode() for id_ in await self._connection.execute("ZRANGE", name, 0, -1)]

    async def forget_author(self, site_id: str, author: str) -> None:
        """Delete what is known of an author: counts, marks, allowances, and the list of the comments."""
        names = keys.of_site(site_id)
        await self._connection.many(
            [
                ("DEL", names.author(author)),
                ("DEL", names.author_comments(author)),
                ("DEL", names.allowance("e:" + author)),
                ("ZREM", names.marked, author),
            ]
        )

    async def forget_reports(self, site_id: str, comment_ids: Sequence[str]) -> None:
        """Delete who reported these comments."""
        names = keys.of_site(site_id)
        for begin in range(0, len(comment_ids), 100):
            some = comment_ids[begin : begin + 100]
            await self._connection.many([("DEL", names.reporters(id_)) for id_ in some])

    async def rewrite_files(self) -> bool:
        """Let the store write its files anew, so that what was erased is in none of them; False where it may not.

        Raises SnapshotFailed or StoreUnavailable where it may and could not: then it is worth trying again.
        """
        if self._connection.kind not in ("embedded", "single"):
            return False  # every server has files of its own
        try:
            await rewrite(self._connection)
        except NotPermitted:
            return False
        return True
