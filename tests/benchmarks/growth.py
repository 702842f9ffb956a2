"""What a full queue costs: a comment more, a page of the queue, memory and a restart, from 1,000 waiting comments up.

Comments are recorded through the store itself, in batches of 64, each with an explanation as long as a real one. It
goes on to BENCH_WAITING (a million without it, which takes two minutes and three gigabytes) or until the time is up.
"""

import math
import os
import tempfile
import time
from pathlib import Path

import psutil
import uvloop

from moderation.digests import Arrival
from moderation.errors import SetupRefused
from moderation.records import Comment, Limits, Outcome, Policy, Query, Reason, Signal, Site, Thread, Verdict, Word
from moderation.settings import StoreSettings
from moderation.store import keys
from moderation.store.comments import Comments
from moderation.store.connection import Connection, connect
from moderation.store.embedded import EmbeddedServer, ask
from moderation.store.folder import DataFolder
from moderation.store.queue import Queue
from tests.benchmarks.figure import Figure

LARGEST = int(os.environ.get("BENCH_WAITING", "1000000"))
GIGABYTES = 4
"""What must be free for more than 100,000."""
until = math.inf
"""When to stop growing, of the monotonic clock."""
BATCH = 64
PROBES = 40
SAMPLE = 300
TEXT = (
    "The council should have thought about that before the vote, and the figures do not say what the mayor says. " * 3
)
CLEAR = (
    "honeypot", "form_speed", "blocked_words", "suspect_words", "links", "repeated_text", "campaign", "edited", "author",
    "first_comment", "velocity", "name", "disposable_email", "lookalike_email", "missing_field",
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
        room = psutil.virtual_memory().available > GIGABYTES * 2**30
        largest = LARGEST if room else min(LARGEST, 100_000)
        if largest < LARGEST:
            print(f"growth ends at {largest:,}: less than {GIGABYTES} GB of memory are free")
        sizes = [size for size in (1_000, 10_000, 100_000, 1_000_000) if size <= largest]
        with EmbeddedServer(DataFolder(settings.data), settings):
            figures += uvloop.run(_fill(settings, sizes))
        reached = max(int(one.name.split(".")[1]) for one in figures if one.name.endswith(".ingest"))
        try:
            for name, when in (("restart", "right after they came"), ("restart.quiet", "once the log is rewritten")):
                began = time.perf_counter()
                with EmbeddedServer(DataFolder(settings.data), settings):
                    took = time.perf_counter() - began
                    figures.append(
                        Figure(f"growth.{name}", took, "s", f"restart with {reached:,} waiting, {when}; the goal is 10")
                    )
                    _rewrite(DataFolder(settings.data).socket())
        except SetupRefused as error:
            print(f"growth.restart: {error}")
    return figures


def _rewrite(server: Path) -> None:
    """Have the log rewritten, as the service does while it is quiet, and wait until that is done."""
    ask(server, b"BGREWRITEAOF")
    while b"aof_rewrite_in_progress:1" in (told := ask(server, b"INFO persistence")) or not told:
        time.sleep(0.2)


async def _fill(settings: StoreSettings, sizes: list[int]) -> list[Figure]:
    connection = await connect(settings)
    comments = Comments(connection)
    queue = Queue(connection, comments)
    figures: list[Figure] = []
    count, first, held = 0, 0.0, 0.0
    empty = await _used(connection)
    for size in sizes:
        while count < size and (time.monotonic() < until or size <= 10_000):
            await _record(comments, count)
            count += BATCH
        if count < size:
            print(f"growth ends at {count:,}: the time is up")
            break
        cost = await _ingest_cost(connection, comments, count)
        count += PROBES * BATCH
        first = first or cost
        page, clock = await _page_cost(connection, queue)
        held = (await _used(connection) - empty) / count
        figures += [
            Figure(
                f"growth.{size}.ingest",
                cost,
                "us",
                f"of the store's processor for a comment more; {cost / first:.2f} of the first",
            ),
            Figure(
                f"growth.{size}.page",
                page,
                "ms",
                f"of the store for a page of 50 cases; the goal is 2; {clock:.1f} until it is decoded",
            ),
            Figure(
                f"growth.{size}.memory", held - len(TEXT), "bytes", "for a waiting comment beyond its text; goal 2,000"
            ),
        ]
    figures += await _parts(connection, count, held)
    await connection.aclose()
    return figures


async def _parts(connection: Connection, count: int, held: float) -> list[Figure]:
    """Say of what the memory of a waiting comment is made: its own keys, and its share of those of the site."""
    names = keys.of_site(SITE.id)
    numbers = [number * count // SAMPLE for number in range(SAMPLE)]
    digest = keys.thread_digest("https://news.example/articles/1")
    own = {
        "comment and explanation": (1, [names.comment(f"growth-{number:016d}") for number in numbers]),
        "idempotency": (1, [names.idempotency(f"key{number:013d}") for number in numbers]),
        "copies of the text": (1, [names.copies(f"{number:018x}") for number in numbers]),
        "author, a third": (1 / 3, [names.author(f"author{number // 3:010d}") for number in numbers]),
        "author's comments, a third": (
            1 / 3,
            [names.author_comments(f"author{number // 3:010d}") for number in numbers],
        ),
    }
    shared = {
        "queue": [names.queue, names.queue_urgency],
        "queue by reason and language": names.filters(("toxicity",), "en", ""),
        "changes": [names.changes],
        "ledger": [names.ledger],
    }
    found = {what: share * await _usage(connection, some) / SAMPLE for what, (share, some) in own.items()}
    found["comment and explanation"] -= len(TEXT)
    found |= {what: await _usage(connection, some) / count for what, some in shared.items()}
    found["queue by page"] = await _usage(connection, names.filters((), "", digest)) / (count / 500)
    found["names of keys, allowances, slack"] = held - len(TEXT) - sum(found.values())
    return [
        Figure(f"memory.{what}", size, "bytes", "of a waiting comment, beyond its text") for what, size in found.items()
    ]


async def _usage(connection: Connection, some: list[str]) -> float:
    sizes = await connection.many([("MEMORY", "USAGE", name, "SAMPLES", 50) for name in some])
    return float(sum(size or 0 for size in sizes))


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
    before = await _processor(connection)
    for probe in range(PROBES):
        await _record(comments, start + probe * BATCH)
    return (await _processor(connection) - before) / (PROBES * BATCH) * 1e6


async def _processor(connection: Connection) -> float:
    """Give the seconds of processor time that the server has used so far, but for its copies that rewrite files."""
    told = await connection.execute("INFO", "cpu")
    return float(told["used_cpu_user_main_thread"]) + float(told["used_cpu_sys_main_thread"])


async def _page_cost(connection: Connection, queue: Queue) -> tuple[float, float]:
    """Give the milliseconds of the store for a page, and those by the clock until it is decoded."""
    cursor, before, began = "", await _spent(connection), time.perf_counter()
    for _ in range(PROBES):
        page = await queue.page(SITE.id, Query(limit=50, cursor=cursor))
        cursor = page.cursor
    took = time.perf_counter() - began
    return (await _spent(connection) - before) / PROBES / 1000, took / PROBES * 1000


READS = ("zrange", "zcard", "zmscore", "hgetall", "hmget", "time")


async def _spent(connection: Connection) -> float:
    """Give the microseconds that the server has spent on reading so far."""
    told = await connection.execute("INFO", "commandstats")
    return sum(float(told[f"cmdstat_{name}"]["usec"]) for name in READS if f"cmdstat_{name}" in told)


async def _used(connection: Connection) -> float:
    told = await connection.execute("INFO", "memory")
    return float(told["used_memory"])
