"""The soak: the whole service under a steady load for hours, to see that nothing grows which should not.

`make soak` runs eight hours, `make soak ARGS="--minutes 1"` shows that it runs at all. Comments come in, some are decided,
lists are read, and what is old is deleted again, so that keys, descriptors and the memory of the service should stay as
they are. The ledger grows by design until it is archived; the memory of the store is told and not judged.
"""

import asyncio
import itertools
import random
import statistics
import sys
import tempfile
import time
from collections import Counter, deque
from pathlib import Path

import click
import httpx
import msgspec
import psutil
import redis

from tests.service import ABUSE, Service, a_comment, serving

RATE = 50.0
"""Requests a second."""
KEPT = 500
"""Comments that are left standing."""
WARM = 0.1
"""The share of the time in which caches may still fill."""
SLOPE_AT_MOST = 0.01
"""How much the memory of the service may grow in an hour, as a share of what it is."""
DESCRIPTORS_MORE = 20
KEYS_MORE = 0.05


class Sample(msgspec.Struct):
    """What was measured at one moment."""

    at: float
    rss: int
    descriptors: int
    keys: int
    store: int
    rewrites: int


class Load:
    """What clients and moderators do, one request at a time."""

    def __init__(self, service: Service, client: httpx.AsyncClient) -> None:
        self.site = {"Authorization": f"Bearer {service.first['site_key']}"}
        self.staff = {"Authorization": f"Bearer {service.first['admin_key']}"}
        self.form_key = service.first["form_key"]
        self.client = client
        self.standing: deque[str] = deque()
        self.answers: Counter[int] = Counter()
        self.slowest = 0.0
        self._numbers = itertools.count()
        self._dice = random.Random(7)

    async def one(self) -> None:
        """Make the next request, whatever it is."""
        began = time.perf_counter()
        try:
            status = await self._next()
        except httpx.HTTPError:
            status = 0
        self.answers[status] += 1
        self.slowest = max(self.slowest, time.perf_counter() - began)

    async def _next(self) -> int:
        turn = self._dice.random()
        if len(self.standing) > KEPT:
            gone = self.standing.popleft()
            return (await self.client.delete(f"/v1/comments/{gone}", headers=self.site)).status_code
        if turn < 0.6 or not self.standing:
            n = next(self._numbers)
            text = (
                f"{ABUSE} {n}" if n % 3 == 0 else f"The ferry was late again, for the {n}th time, and nobody said why."
            )
            body = a_comment(
                text, email=f"soak{n % 5000}@posteo.net", ip=f"{11 + (n >> 16 & 63)}.{n >> 8 & 255}.{n & 255}.7",
                thread={"url": f"https://news.example/{n % 50}"},
            )  # fmt: skip
            said = await self.client.post("/v1/comments", json=body, headers=self.site)
            if said.status_code == 201:
                self.standing.append(said.json()["id"])
            return said.status_code
        if turn < 0.75:
            body = {"decision": "reject", "reason": "toxic"} if turn < 0.7 else {"decision": "approve"}
            path = f"/v1/queue/{self._dice.choice(self.standing)}/decision"
            return (await self.client.post(path, json=body, headers=self.staff)).status_code
        if turn < 0.85:
            return (await self.client.get("/v1/queue", params={"site": "demo"}, headers=self.staff)).status_code
        if turn < 0.95:
            page = {"url": f"https://news.example/{self._dice.randrange(50)}", "form_key": self.form_key}
            return (await self.client.get("/v1/threads", params=page)).status_code
        return (await self.client.get("/v1/stats", params={"site": "demo"}, headers=self.staff)).status_code


def sample(service: Service) -> Sample:
    """Measure the service and its store."""
    process = psutil.Process(service.process.pid)
    socket = next(Path(service.data).rglob("*.sock"), None)
    store = redis.Redis(unix_socket_path=str(socket)) if socket else None
    info = store.info() if store else {}
    return Sample(
        time.monotonic(), process.memory_info().rss, process.num_fds(), store.dbsize() if store else 0,
        int(info.get("used_memory", 0)), int(info.get("aof_rewrites", 0)),
    )  # fmt: skip


async def drive(service: Service, seconds: float) -> tuple[Load, list[Sample]]:
    """Keep the rate for so long, and measure a hundred times meanwhile."""
    samples, tasks = [], set()
    async with httpx.AsyncClient(base_url=service.url, timeout=20, trust_env=False, verify=False) as client:
        load = Load(service, client)
        began = time.monotonic()
        while (now := time.monotonic() - began) < seconds:
            if now >= len(samples) * seconds / 100:
                samples.append(await asyncio.to_thread(sample, service))
            if len(tasks) < 200:
                task = asyncio.create_task(load.one())
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            await asyncio.sleep(1 / RATE)
        await asyncio.gather(*tasks)
    return load, samples


def judge(load: Load, samples: list[Sample], hours: float) -> list[str]:
    """Say what has grown that should not, or failed."""
    settled = samples[round(len(samples) * WARM) :] or samples
    slope, base = _slope([(one.at / 3600, one.rss) for one in settled]), settled[0].rss
    wrong = []
    if bad := {status: count for status, count in load.answers.items() if status not in (200, 201, 204, 404, 409, 429)}:
        wrong.append(f"requests failed: {bad}")
    if hours >= 1 and slope > SLOPE_AT_MOST * base:
        wrong.append(f"the memory of the service grows by {slope / base:.1%} an hour")
    if settled[-1].descriptors > settled[0].descriptors + DESCRIPTORS_MORE:
        wrong.append(f"descriptors went from {settled[0].descriptors} to {settled[-1].descriptors}")
    if hours >= 1 and settled[-1].keys > settled[0].keys * (1 + KEYS_MORE):
        wrong.append(f"keys went from {settled[0].keys} to {settled[-1].keys}")
    if hours >= 8 and samples[-1].rewrites - samples[0].rewrites < 3:
        wrong.append("the append-only file was rewritten less than three times: the soak was too short to see it")
    return wrong


def _slope(points: list[tuple[float, int]]) -> float:
    if len(points) < 3:
        return 0.0
    return statistics.linear_regression([x for x, _ in points], [y for _, y in points]).slope


@click.command()
@click.option("--minutes", default=480.0, show_default=True, help="How long.")
def main(minutes: float) -> None:
    """Run the soak, print what was measured, and end with 1 where something grows or fails."""
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder) / "data") as service:
        load, samples = asyncio.run(drive(service, minutes * 60))
    first, last = samples[0], samples[-1]
    click.echo(f"requests {sum(load.answers.values()):,}, answers {dict(load.answers)}, slowest {load.slowest:.2f} s")
    for name in ("rss", "descriptors", "keys", "store", "rewrites"):
        click.echo(f"  {name:<12} {getattr(first, name):>14,} -> {getattr(last, name):>14,}")
    wrong = judge(load, samples, minutes / 60)
    for line in wrong:
        click.echo(f"  wrong: {line}", err=True)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
