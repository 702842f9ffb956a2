"""The archived ledger: old entries as compressed files, so that memory does not grow for ever and the chain goes on.

    DIR/ledger/<site>/<first entry>.jsonl.gz          one entry a line: id, line, hash as they stood in the store
    DIR/ledger/<site>/<first entry>.jsonl.gz.sha256   the SHA-256 of that file

The staff's own ledger lies under `_staff`, that of a site that was deleted under `<site>.<time>`. A file is on disk before the store forgets what is in it; a crash between
the two leaves entries in both places, and the next turn writes the same file again.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from moderation.store.deliveries import Deliveries
from moderation.store.ledger import Archived, Ledger, chained, order
from moderation.store.snapshot import sync_folder

ENTRIES_A_FILE = 10_000
LEAST_A_FILE = 100
"""Fewer are left where they are until more have come of age."""
_STAFF = "_staff"


class LedgerFiles:
    """The archives of all sites, in the data folder of the worker that wrote them."""

    def __init__(
        self, folder: Path, ledger: Ledger, deliveries: Deliveries, now: Callable[[], datetime], keep_days: int
    ) -> None:
        self._folder = folder
        self._ledger = ledger
        self._deliveries = deliveries
        self._now = now
        self._keep = timedelta(days=keep_days)

    async def archive(self, site_id: str) -> int:
        """Archive up to ten thousand entries that are old enough and that every webhook has passed; gives how many."""
        last = f"{int((self._now() - self._keep).timestamp() * 1000)}-0"
        read = await self._deliveries.read_by_all(site_id) if site_id else None
        if read is not None and order(read) < order(last):
            last = read
        entries = await self._ledger.oldest(site_id, last, ENTRIES_A_FILE)
        if len(entries) < LEAST_A_FILE:
            return 0
        await asyncio.to_thread(self._write, site_id, entries)
        return await self._ledger.forget(site_id, entries[0].id, entries[-1])

    async def close(self, site_id: str, at: datetime) -> None:
        """Archive all that is left of the ledger of a site that is gone, and put its files aside under the day."""
        while entries := await self._ledger.oldest(site_id, "+", ENTRIES_A_FILE):
            await asyncio.to_thread(self._write, site_id, entries)
            if not await self._ledger.forget(site_id, entries[0].id, entries[-1]):
                break
        folder = self._folder / site_id
        if folder.is_dir():
            # a dot is in no site's id: a new site of this id begins a folder and a chain of its own
            folder.rename(self._folder / f"{site_id}.{at.strftime('%Y%m%dT%H%M%SZ')}")

    def _write(self, site_id: str, entries: list[Archived]) -> None:
        folder = self._folder / (site_id or _STAFF)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{entries[0].id}.jsonl.gz"
        lines = b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
        packed = gzip.compress(lines, mtime=0)
        _keep(path.with_name(path.name + ".sha256"), hashlib.sha256(packed).hexdigest().encode() + b"\n")
        _keep(path, packed)
        sync_folder(folder)

    async def broken_at(self, site_id: str) -> str | None:
        """Check the archive of a site and that the ledger goes on from it: the first entry or file that does not fit."""
        begins = await self._ledger.begins_with(site_id)
        return await asyncio.to_thread(self._check, site_id, begins)

    def _check(self, site_id: str, begins: str) -> str | None:
        chain = ""
        for path in self._paths(site_id):
            packed = path.read_bytes()
            told = path.with_name(path.name + ".sha256")
            if not told.exists() or told.read_text().strip() != hashlib.sha256(packed).hexdigest():
                return path.name
            for entry in msgspec.json.Decoder(Archived).decode_lines(gzip.decompress(packed)):
                if chained(chain, entry.id, entry.line) != entry.hash:
                    return entry.id
                chain = entry.hash
        return None if chain == begins else "the end of the archive"

    def _paths(self, site_id: str) -> Iterator[Path]:
        folder = self._folder / (site_id or _STAFF)
        names = [path for path in folder.glob("*.jsonl.gz") if path.is_file()]
        yield from sorted(names, key=lambda path: order(path.name.partition(".")[0]))


def _keep(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}")
    with open(draft, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)
