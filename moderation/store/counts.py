"""The counts of a site's days: one hash a day, written by the scripts that record and move comments."""

from __future__ import annotations

from collections.abc import Sequence

from moderation.store import keys
from moderation.store.connection import Connection


class Counts:
    """Reads what the scripts counted."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def of_days(self, site_id: str, days: Sequence[str]) -> list[dict[str, int]]:
        """Give the counts of each day (YYYY-MM-DD), in their order."""
        names = keys.of_site(site_id)
        rows = await self._connection.many([("HGETALL", names.day(day)) for day in days])
        return [{field.decode(): int(value) for field, value in row.items()} for row in rows]
