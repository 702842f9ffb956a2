"""Sites that leave: which ones, and the keys that they leave behind.

A site that leaves stands in one hash until the last of its keys is gone, so that a crash leaves nothing behind for good.
"""

from __future__ import annotations

import msgspec

from moderation.errors import SiteExists
from moderation.records import Site
from moderation.store import keys
from moderation.store.connection import Connection
from moderation.store.refusals import border

AT_ONCE = 500


class Leaving(msgspec.Struct, frozen=True):
    """A site that leaves: since when (seconds), and by whom it was told to."""

    site: str
    at: float
    by: str


_leaving = msgspec.json.Decoder(Leaving)


class Departures:
    """The sites that leave."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def mark(self, leaving: Leaving) -> None:
        """Write down that a site leaves, before anything of it is taken away."""
        await self._connection.execute("HSET", keys.LEAVING, leaving.site, msgspec.json.encode(leaving))

    async def open(self) -> list[Leaving]:
        """List the sites of which something may still be there, the first to leave first."""
        rows = await self._connection.execute("HVALS", keys.LEAVING)
        return sorted((_leaving.decode(row) for row in rows), key=lambda one: one.at)

    async def close(self, site_id: str) -> None:
        """Write down that nothing of a site is left: from now on its id may be used again."""
        await self._connection.execute("HDEL", keys.LEAVING, site_id)

    async def sweep(self, site_id: str) -> int:
        """Delete every key of a site; gives how many there were. Asks for all names, a few hundred at a time."""
        gone = 0
        some: list[bytes] = []
        with border(self._connection.failed):
            async for name in self._connection.client.scan_iter(match=keys.everything(site_id), count=AT_ONCE):
                some.append(name)
                if len(some) == AT_ONCE:
                    gone += await self._connection.execute("UNLINK", *some)
                    some = []
        if some:
            gone += await self._connection.execute("UNLINK", *some)
        return gone


async def require_free(connection: Connection, site: Site) -> None:
    """Take a new site back whose id is that of one which leaves, or its comments would go with the old ones."""
    if await connection.execute("HEXISTS", keys.LEAVING, site.id):
        await connection.execute("HDEL", keys.SITES, site.id)
        raise SiteExists(site.id)
