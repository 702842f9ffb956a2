"""The ledger: the audit log of a site, append only, each entry chained to the one before it by its hash.

Every move of a comment writes its entry in the same script that makes it, so the state can be rebuilt from the ledger.
`h` of an entry is SHA-1 of (`h` before it + entry id + line): Redis has no other hash inside a script. It shows that an
entry was altered or taken out; the archived files carry SHA-256 beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

import msgspec

from moderation.store import keys
from moderation.store.codec import moment
from moderation.store.connection import Connection
from moderation.store.scripts import draining


class Entry(msgspec.Struct, frozen=True):
    """One line of the ledger."""

    id: str
    at: str
    line: dict[str, object]
    hash: str


class Archived(msgspec.Struct, frozen=True, array_like=True):
    """An entry as it stands in the store, letter by letter, so that its hash can be checked."""

    id: str
    line: str
    hash: str


class Ledger:
    """The ledgers of all sites, and the one of the staff (key and moderator changes, promotions)."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._append = draining("append_ledger")
        self._trim = draining("trim_ledger")

    async def append(self, site_id: str, event: str, by: str = "", **facts: object) -> str:
        """Write an entry that no move of a comment writes; gives its stamp. Durable when this returns."""
        ledger, head = _names(site_id)
        line = {"e": event, "by": by, **facts} if by else {"e": event, **facts}
        stamp = await self._connection.run(self._append, [ledger, head], [msgspec.json.encode(line)], durable=True)
        return str(stamp.decode())

    async def read(self, site_id: str, *, after: str = "", before: str = "", limit: int = 100) -> list[Entry]:
        """Read entries: the newest first, or with `after` (an entry id) the next ones in the order they were written."""
        ledger, _ = _names(site_id)
        if before and order(before) == (0, 0):
            return []  # nothing comes before the first id there can be, and the server refuses to be asked
        if after:
            rows = await self._connection.execute("XRANGE", ledger, f"({after}", "+", "COUNT", limit)
        else:
            rows = await self._connection.execute(
                "XREVRANGE", ledger, f"({before}" if before else "+", "-", "COUNT", limit
            )
        return [_entry(row) for row in rows]

    async def last(self, site_id: str) -> str:
        """Give the id of the newest entry, or '0-0'."""
        entries = await self.read(site_id, limit=1)
        return entries[0].id if entries else "0-0"

    async def walk(self, site_id: str, after: str = "0-0") -> AsyncIterator[Entry]:
        """Read all entries in order, a thousand at a time."""
        while True:
            entries = await self.read(site_id, after=after, limit=1000)
            for entry in entries:
                yield entry
            if len(entries) < 1000:
                return
            after = entries[-1].id

    async def oldest(self, site_id: str, last: str, count: int) -> list[Archived]:
        """Read the oldest entries, up to and with `last`, letter by letter."""
        ledger, _ = _names(site_id)
        rows = await self._connection.execute("XRANGE", ledger, "-", last, "COUNT", count)
        found = [(id_.decode(), *_fields(fields)) for id_, fields in rows]
        return [Archived(id_, line.decode(), written) for id_, line, written in found]

    async def forget(self, site_id: str, first: str, last: Archived) -> int:
        """Take entries away that were archived, from `first` (the oldest) to `last`; the chain goes on from there."""
        ledger, head = _names(site_id)
        ms, number = order(last.id)
        args = [first, f"{ms}-{number + 1}", last.hash]
        return int(await self._connection.run(self._trim, [ledger, head], args, durable=True))

    async def begins_with(self, site_id: str) -> str:
        """Give the hash that the oldest entry is chained to: that of the last archived one, or nothing."""
        found = await self._connection.execute("HGET", _names(site_id)[1], "archived")
        return str(found.decode()) if found else ""

    async def broken_at(self, site_id: str) -> str | None:
        """Check the chain: gives the id of the first entry that does not fit, or None where all is whole.

        The first entry is taken as it is where older ones were archived; the last must be the head's.
        """
        ledger, head = _names(site_id)
        chain, after = "", "0-0"
        anchored = await self._connection.execute("HGET", head, "archived")
        if anchored:
            chain = anchored.decode()
        while True:
            rows = await self._connection.execute("XRANGE", ledger, f"({after}", "+", "COUNT", 1000)
            for id_, fields in rows:
                line, written = _fields(fields)
                chain = chained(chain, id_.decode(), line.decode())
                if chain != written:
                    return str(id_.decode())
            if len(rows) < 1000:
                break
            after = rows[-1][0].decode()
        newest = await self._connection.execute("HGET", head, "h")
        return None if (newest or b"").decode() == chain else "head"


STAFF = ""
"""The site id under which the staff's own ledger is kept."""


def chained(before: str, entry_id: str, line: str) -> str:
    """Give the hash of an entry that stands behind the one with the hash `before`."""
    return hashlib.sha1((before + entry_id + line).encode(), usedforsecurity=False).hexdigest()


def order(entry_id: str) -> tuple[int, int]:
    """Read an entry's id as what it is ordered by."""
    ms, _, number = entry_id.partition("-")
    return int(ms or 0), int(number or 0)


def _names(site_id: str) -> tuple[str, str]:
    if site_id == STAFF:
        return "cm:{staff}:ledger", "cm:{staff}:head"
    names = keys.of_site(site_id)
    return names.ledger, names.head


def _fields(fields: object) -> tuple[bytes, str]:
    if isinstance(fields, dict):
        return fields[b"e"], fields[b"h"].decode()
    pairs = dict(zip(fields[::2], fields[1::2], strict=True))  # type: ignore[index]
    return pairs[b"e"], pairs[b"h"].decode()


def _entry(row: tuple[bytes, object]) -> Entry:
    id_, fields = row
    line, written = _fields(fields)
    ms, _, sub = id_.decode().partition("-")
    return Entry(id_.decode(), moment(int(ms) * 1000 + int(sub)), msgspec.json.decode(line), written)
