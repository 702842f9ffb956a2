"""What the way to the store costs: a script call for each comment against one call for a batch of them.

The server is the embedded one with `appendfsync always`, so every call is one fsync.
"""

import hashlib
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import uvloop

from moderation.settings import StoreSettings
from moderation.store.connection import Connection, connect
from moderation.store.embedded import EmbeddedServer
from moderation.store.folder import DataFolder
from tests.benchmarks.figure import Figure

RECORD = """
for i = 1, #ARGV, 2 do
  redis.call('HSET', KEYS[1] .. ARGV[i], 'text', ARGV[i + 1], 'status', 'pending')
  redis.call('ZADD', KEYS[2], i, ARGV[i])
end
return #ARGV
"""
TEXT = "x" * 272
CALLS = 1000
BATCHES = (1, 8, 64)


def measure() -> list[Figure]:
    """Measure the processor time and the time by the clock of one comment, by size of the batch."""
    with tempfile.TemporaryDirectory() as place:
        settings = StoreSettings(data=Path(place) / "data", max_memory_mb=512)
        with EmbeddedServer(DataFolder(settings.data), settings):
            return uvloop.run(_measure(settings))


async def _measure(settings: StoreSettings) -> list[Figure]:
    connection = await connect(settings)
    script = SimpleNamespace(text=RECORD, sha=hashlib.sha1(RECORD.encode(), usedforsecurity=False).hexdigest())
    figures = []
    for size in BATCHES:
        await _calls(connection, script, size, 20)
        wall, processor = await _timed(lambda size=size: _calls(connection, script, size, CALLS))  # type: ignore[misc]
        comments = CALLS * size
        figures += [
            Figure(f"store.batch_{size}.client", processor / comments * 1e6, "us", "processor time of a comment, ours"),
            Figure(f"store.batch_{size}.wall", wall / comments * 1e6, "us", "a comment, by the clock, one caller"),
        ]
    await connection.aclose()
    return figures


async def _calls(connection: Connection, script: SimpleNamespace, size: int, calls: int) -> None:
    for call in range(calls):
        args = [part for number in range(size) for part in (f"{call % 50}:{number}", TEXT)]
        await connection.run(script, ["cm:{bench}:c:", "cm:{bench}:q"], args, durable=True)


async def _timed(work: Callable[[], Coroutine[Any, Any, None]]) -> tuple[float, float]:
    wall, processor = time.perf_counter(), time.process_time()
    await work()
    return time.perf_counter() - wall, time.process_time() - processor
