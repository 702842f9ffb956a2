"""What a full queue costs: a comment more, a page of the queue, memory and a restart, from 1,000 waiting comments up.

Comments are recorded through the store itself, in batches of 64, each with an explanation as long as a real one. The
largest size is BENCH_WAITING (100,000 without it; 1,000,000 takes some minutes and two gigabytes).
"""

import os
import tempfile
import time
from pathlib import Path

import uvloop

from moderation.digests import Arrival
from moderation.records import Comment, Limits, Outcome, Policy, Query, Reason, Signal, Site, Thread, Verdict, Word
from moderation.settings import StoreSettings
from moderation.store.comments import Comments
from moderation.store.connection import Connection, connect
from moderation.store.embedded import EmbeddedServer
from moderation.store.folder import DataFolder
from moderation.store.queue import Queue
from tests.benchmarks.figure import Figure

LARGEST = int(os.environ.get("BENCH_WAITING", "100000"))
BATCH = 64
PROBES = 40
TEXT = (
    "The council should have thought about that before the vote, and the figures do not say what the mayor says. " * 3
)
CLEAR = (
    "honeypot", "form_speed", "blocked_words", "suspect_words", "links", "repeated_text", "campaign", "edited", "author",
    "first_comment", "velocity", "name", "disposable_email", "missing_field",
)  # fmt: skip
VERDICT = Verdict(
    outcome=Outcome.HOLD,
    reasons=(Reason.TOXICITY,),
    score=0.91,
    signals=(
        *(Signal(name, 0.0, facts=(0, 2)) for name in CLEAR),
        Signal("spam", 0.02, facts=(2,)),
        Signal(
            "toxicity", 0.91, Reason.TOXICITY, (91, "insult"), tuple(Word(i * 9, i * 9 + 6, 1.25) for i in range(5))
        ),
        Signal("language", 0.0, facts=("en",)),
    ),
    scores=dict.fromkeys(
        ("spam", "toxicity", "severe_toxicity", "profanity", "threat", "insult", "identity_attack"), 0.4
    ),
    models=("bundled-1",),
    policy=1,
    lang="en",
)
SITE = Site(id="growth", policy=Policy(limits=Limits(site=10**9, address=10**9, email=10**9)))


def measure() -> list[Figure]:
    """Fill a queue step by step, and measure at each size."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as place:
        settings = StoreSettings(data=Path(place) / "data")
        sizes = [size for size in (1_000, 10_000, 100_000, 1_000_000) if size <= LARGEST]
        with EmbeddedServer(DataFolder(settings.data), settings):
            figures += uvloop.run(_fill(settings, sizes))
        began = time.perf_counter()
        with EmbeddedServer(DataFolder(settings.data), settings):
            figures.append(
                Figure(
                    "growth.restart",
                    time.perf_counter() - began,
                    "s",
                    f"restart with {sizes[-1]:,} waiting; the goal is 10",
                )
            )
    return figures


async def _fill(settings: StoreSettings, sizes: list[int]) -> list[Figure]:
    connection = await connect(settings)
    comments = Comments(connection)
    queue = Queue(connection, comments)
    figures: list[Figure] = []
    count, first = 0, 0.0
    empty = await _used(connection)
    for size in sizes:
        while count < size:
            await _record(comments, count)
            count += BATCH
        cost = await _ingest_cost(connection, comments, count)
        count += PROBES * BATCH
        first = first or cost
        page = await _page_cost(connection, queue)
        held = (await _used(connection) - empty) / count
        figures += [
            Figure(
                f"growth.{size}.ingest", cost, "us", f"of the store for a comment more; {cost / first:.2f} of the first"
            ),
            Figure(
                f"growth.{size}.page",
                page,
                "ms",
                "for a page of 50 cases, read and decoded; the goal is 2 at the store",
            ),
            Figure(
                f"growth.{size}.memory", held - len(TEXT), "bytes", "for a waiting comment beyond its text; goal 2,000"
            ),
        ]
    await connection.aclose()
    return figures


async def _record(comments: Comments, start: int) -> None:
    arrivals = [_arrival(number) for number in range(start, start + BATCH)]
    await comments.recall(SITE, arrivals)
    await comments.record(SITE, [(arrival, VERDICT) for arrival in arrivals], day="2026-01-01")


def _arrival(number: int) -> Arrival:
    comment = Comment(
        id=f"growth-{number:016d}",
        site=SITE.id,
        text=f"{TEXT}{number}",
        name="Ann B",
        email=f"reader{number}@example.org",
        thread=Thread(f"https://news.example/articles/{number % 500}", "An article"),
        user_agent="Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
    )
    return Arrival(
        comment=comment, author=f"author{number // 3:010d}", address=f"address{number % 5000}", fingerprint=f"{number:018x}",
        idempotency=f"key{number:013d}", body=f"{number:016d}",
    )  # fmt: skip


async def _ingest_cost(connection: Connection, comments: Comments, start: int) -> float:
    before = await _busy(connection)
    for probe in range(PROBES):
        await _record(comments, start + probe * BATCH)
    return (await _busy(connection) - before) / (PROBES * BATCH)


async def _page_cost(connection: Connection, queue: Queue) -> float:
    cursor, began = "", time.perf_counter()
    for _ in range(PROBES):
        page = await queue.page(SITE.id, Query(limit=50, cursor=cursor))
        cursor = page.cursor
    return (time.perf_counter() - began) / PROBES * 1000


async def _busy(connection: Connection) -> float:
    """Give the microseconds that the server has spent so far on scripts, with all they call."""
    told = await connection.execute("INFO", "commandstats")
    return float(told["cmdstat_evalsha"]["usec"])


async def _used(connection: Connection) -> float:
    told = await connection.execute("INFO", "memory")
    return float(told["used_memory"])
