"""Leases on work that one worker does for all: who holds one does the work, and a dead holder frees it by its silence."""

from __future__ import annotations

import secrets

from moderation.store import keys
from moderation.store.connection import Connection
from moderation.store.scripts import script


class Leases:
    """The leases that this worker holds."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._me = secrets.token_hex(8)
        self._take = script("take_lease")

    async def take(self, work: str, seconds: int) -> bool:
        """Take the lease on a piece of work, or prolong it; False while another worker holds it."""
        return bool(await self._connection.run(self._take, [keys.lease(work)], [self._me, seconds * 1000]))

    async def give_back(self, work: str) -> None:
        """Let another worker have a piece of work at once; does nothing where another one holds it."""
        await self._connection.run(self._take, [keys.lease(work)], [self._me, 1])
