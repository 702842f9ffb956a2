"""The models as all hosts share them: where the pointers stand, the files of the versions they name, jobs and reports.

    cm:{models}:pointers               hash    active, shadow -> pointer as JSON; generation
    cm:{models}:files                  hash    version -> names of its files, as JSON
    cm:{models}:file:<version>:<name>  string  one file; in pieces on the way, so that comments pass between them
    cm:{models}:job:<id>               string  what became of a job; a day
    cm:{models}:report:<version>       string  the page that compares a version; a week

Files never change: a version is written whole before a pointer names it. Only versions that a pointer names, and the
one that was active before, are kept.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from moderation.store import keys
from moderation.store.connection import Connection
from moderation.store.scripts import script

PIECE = 2**20
MAX_SHARED_BYTES = 32 * 2**20
"""A version larger than this is not shared by the store; carry its folder to the other hosts by hand."""
JOB_SECONDS = 86_400
REPORT_SECONDS = 7 * 86_400
MAX_REPORT_BYTES = 8 * 2**20


class Shared(msgspec.Struct, frozen=True):
    """The pointers as the store has them. Generation 0: nobody has set any."""

    generation: int = 0
    active: bytes = b""
    shadow: bytes = b""


class SharedModels:
    """What the store keeps of the models, as bytes; the registry of each host knows what they mean."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._point = script("point_models")

    async def pointers(self) -> Shared:
        """Read where the pointers stand."""
        found = await self._connection.execute("HMGET", keys.MODELS, "generation", "active", "shadow")
        return Shared(int(found[0] or 0), found[1] or b"", found[2] or b"")

    async def point(self, active: bytes, shadow: bytes) -> int:
        """Move the pointers; gives the new generation. Durable when it returns."""
        return int(await self._connection.run(self._point, [keys.MODELS], [active, shadow], durable=True))

    # files ----------------------------------------------------------------------------------------

    async def has(self, version: str) -> bool:
        """Say whether a version's files are here."""
        return bool(await self._connection.execute("HEXISTS", keys.MODEL_FILES, version))

    async def put_file(self, version: str, name: str, content: bytes) -> None:
        """Write one file, a piece at a time, in place of what another host left there before its version was whole."""
        key = keys.model_file(version, name)
        await self._connection.execute("SET", key, content[:PIECE])
        for begin in range(PIECE, len(content), PIECE):
            await self._connection.execute("SETRANGE", key, begin, content[begin : begin + PIECE])

    async def seal(self, version: str, names: Iterable[str]) -> None:
        """Say that a version's files are all here."""
        await self._connection.execute("HSET", keys.MODEL_FILES, version, msgspec.json.encode(sorted(names)))

    async def get_file(self, version: str, name: str, size: int) -> bytes:
        """Read one file, and never more than `size` bytes of it; fewer where it is cut short or gone."""
        key, parts = keys.model_file(version, name), []
        for begin in range(0, size, PIECE):
            end = min(begin + PIECE, size) - 1
            parts.append(await self._connection.execute("GETRANGE", key, begin, end))
        return b"".join(parts)

    async def keep_only(self, versions: Iterable[str]) -> None:
        """Delete the files of all other versions."""
        kept = {version.encode() for version in versions}
        found = await self._connection.execute("HGETALL", keys.MODEL_FILES)
        for version, names in found.items():
            if version not in kept:
                named = [keys.model_file(version.decode(), name) for name in msgspec.json.decode(names)]
                await self._connection.many(
                    [("HDEL", keys.MODEL_FILES, version), *[("UNLINK", name) for name in named]]
                )

    # jobs and reports -----------------------------------------------------------------------------

    async def put_job(self, job_id: str, record: bytes) -> None:
        """Write how a job stands."""
        await self._connection.execute("SET", keys.model_job(job_id), record, "EX", JOB_SECONDS)

    async def get_job(self, job_id: str) -> bytes | None:
        """Read how a job stands, or None where it is not known or long over."""
        found: bytes | None = await self._connection.execute("GET", keys.model_job(job_id))
        return found

    async def put_report(self, version: str, page: bytes) -> None:
        """Keep the page that compares a version, for a week."""
        await self._connection.execute("SET", keys.model_report(version), page, "EX", REPORT_SECONDS)

    async def get_report(self, version: str) -> bytes | None:
        """Read the page that compares a version, or None where there is none."""
        found: bytes | None = await self._connection.execute("GET", keys.model_report(version))
        return found
