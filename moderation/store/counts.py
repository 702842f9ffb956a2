"""The counts of a site's days: one hash a day, mostly written by the scripts that record and move comments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from moderation.store import keys
from moderation.store.connection import Connection


class Counts:
    """What the scripts counted, and the little that is counted beside them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, site_id: str, day: str, counted: Mapping[str, int]) -> None:
        """Count what no script counts: field -> how many more."""
        name = keys.of_site(site_id).day(day)
        more = [("HINCRBY", name, field, count) for field, count in counted.items()]
        await self._connection.many([*more, ("EXPIRE", name, 34_560_000)])

    async def of_days(self, site_id: str, days: Sequence[str]) -> list[dict[str, int]]:
        """Give the counts of each day (YYYY-MM-DD), in their order."""
        names = keys.of_site(site_id)
        rows = await self._connection.many([("HGETALL", names.day(day)) for day in days])
        return [{field.decode(): int(value) for field, value in row.items()} for row in rows]
