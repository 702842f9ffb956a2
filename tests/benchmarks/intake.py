"""Comments a second, end to end: HTTP in, allowance, history, real models, policy, durable, verdict out.

Beside it, in the same run, in turns and on the same core, the bare handler of `bare.py`: the ratio is what counts. A
ratio of processor times stands beside that of rates: where something else wants the machine, it still says what is true.
"""

import asyncio
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Self

import httpx
import msgspec
import psutil

from moderation.records import Limits
from moderation.settings import StoreSettings
from moderation.store.connection import connect
from moderation.store.sites import Sites
from tests.benchmarks import load
from tests.benchmarks.figure import Figure
from tests.service import Service, a_comment, serving

ROUNDS = 4
TURN_SECONDS = max(3.0, load.SECONDS / 2)


@contextmanager
def bare() -> Iterator[tuple[str, int]]:
    """Run the bare handler on the service's core; give where it is, and its process."""
    process = subprocess.Popen(load.python("-m", "tests.benchmarks.bare"), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = f"http://127.0.0.1:{process.stdout.readline().strip()}"
        for _ in range(100):
            try:
                httpx.post(f"{url}/v1/comments", json={}, trust_env=False)
                break
            except httpx.HTTPError:
                time.sleep(0.05)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(10)


def prepared(service: Service, *, pin: bool = True) -> None:
    """Lift the limits of the demo site, and put the service and its store each on its core."""
    if pin:
        ours, other = load.cores()
        for process in psutil.Process(service.process.pid).children(recursive=True):
            load.pin(process.pid, other if "valkey" in process.name() or "redis" in process.name() else ours)
        load.pin(service.process.pid, ours)
    asyncio.run(_lift_limits(service.data))
    time.sleep(1.5)


async def _lift_limits(data: Path) -> None:
    connection = await connect(StoreSettings(data=data))
    sites = Sites(connection)
    site = await sites.site("demo")
    limits = Limits(site=10**8, text=3, address=10**6, email=10**6)
    await sites.save_policy("demo", msgspec.structs.replace(site.policy, limits=limits))
    await connection.aclose()


class _Watch:
    """The processor time of one process while the block runs."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self.spent = 0.0

    def __enter__(self) -> Self:
        self.spent -= sum(self._process.cpu_times()[:2])
        return self

    def __exit__(self, *problem: object) -> None:
        self.spent += sum(self._process.cpu_times()[:2])


def measure() -> list[Figure]:
    """Measure single comments at 64, 16 and 1 connection, and batches, in turn with the bare handler."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as place, load.vocabulary() as words:
        began = time.perf_counter()
        with serving(Path(place) / "data") as service:
            assert service.site.post("/v1/comments", json=a_comment()).status_code == 201
            took = time.perf_counter() - began
            begun = _resident(service)
            figures += [
                Figure("start.first_verdict", took, "s", "from start to the first verdict; the goal is 2"),
                Figure(
                    "worker.begun", begun, "MB", "resident with the models, after the first verdict; the goal is 120"
                ),
            ]
            prepared(service)
            key = service.first["site_key"]
            load.wrk(service.url, words, connections=64, seconds=3, key=key, seed=90)
            figures += _beside_the_bare_handler(service, words, key)
            few = load.wrk(service.url, words, connections=16, key=key, seed=30)
            one = load.wrk(service.url, words, connections=1, seconds=TURN_SECONDS, key=key, seed=31)
            many = [
                load.wrk(
                    service.url, words, connections=4, seconds=TURN_SECONDS, key=key, seed=32 + turn,
                    target="/v1/comments/batch", per_request=100,
                )
                for turn in range(2)
            ]  # fmt: skip
            figures += [
                Figure("intake.16.p50", few.p50, "ms", "16 connections; the goal is 4"),
                Figure("intake.16.p99", few.p99, "ms", "16 connections; the goal is 20"),
                Figure("intake.1.p50", one.p50, "ms", "one connection, nothing else to do; the goal is 1.5"),
                Figure(
                    "intake.batch",
                    max(one.rate for one in many),
                    "1/s",
                    "comments in batches of 100; the goal is 8,000",
                ),
                Figure("worker.resident", _resident(service), "MB", "the same after all this, its tables full"),
            ]
    return figures


def _resident(service: Service) -> float:
    """Give the memory of the worker in megabytes (10^6 bytes)."""
    return float(psutil.Process(service.process.pid).memory_info().rss / 1e6)


def _beside_the_bare_handler(service: Service, words: Path, key: str) -> list[Figure]:
    ours, theirs = [], []
    worker, keeper = _Watch(service.process.pid), _Watch(_store_of(service))
    with bare() as (peer, pid):
        handler = _Watch(pid)
        for turn in range(ROUNDS):
            with handler:
                theirs.append(load.wrk(peer, words, connections=64, seconds=TURN_SECONDS, seed=turn))
            with worker, keeper:
                ours.append(load.wrk(service.url, words, connections=64, seconds=TURN_SECONDS, key=key, seed=10 + turn))
    best, bare_best = max(one.rate for one in ours), max(one.rate for one in theirs)
    taken, answered = (sum(one.rate for one in some) * TURN_SECONDS for some in (ours, theirs))
    own, store, frame = worker.spent / taken * 1e6, keeper.spent / taken * 1e6, handler.spent / answered * 1e6
    pairs = median(mine.rate / their.rate for mine, their in zip(ours, theirs, strict=True))
    failed = sum(one.failed for one in ours)
    return [
        Figure("bare_litestar.64", bare_best, "1/s", f"bare handler, best of {ROUNDS}"),
        Figure("intake.64", best, "1/s", f"comments, best of {ROUNDS}; {failed} failed"),
        Figure("intake.64.ratio", best / bare_best, "", "best by best, of the bare handler; the goal is 0.9"),
        Figure("intake.64.paired", pairs, "", f"median of {ROUNDS} turns beside each other"),
        Figure("intake.64.p99", min(one.p99 for one in ours), "ms", "64 connections"),
        Figure("intake.worker", own, "us", "processor time of the worker for a comment"),
        Figure("intake.store", store, "us", "processor time of the store for a comment"),
        Figure("bare_litestar.worker", frame, "us", "processor time of the bare handler for a request"),
        Figure("intake.worker.ratio", frame / own, "", "processor time of the bare handler, of the worker's"),
    ]


def _store_of(service: Service) -> int:
    """Give the process of the embedded server."""
    children = psutil.Process(service.process.pid).children(recursive=True)
    return next(one.pid for one in children if "valkey" in one.name() or "redis" in one.name())
