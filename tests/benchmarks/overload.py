"""Too much: more callers than the service lets wait, for a minute; and what two workers bring on two cores."""

import re
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

import httpx

from tests.benchmarks import load
from tests.benchmarks.figure import Figure
from tests.benchmarks.intake import prepared
from tests.service import Service, a_comment, serving

SECONDS = 60 if load.SECONDS >= 8 else 3 * load.SECONDS
CONNECTIONS = 2_500
"""All of them ask again at once, so some hundreds more than may wait are always refused."""
TURNS = 3


def measure() -> list[Figure]:
    """Press on one worker, then compare one with two."""
    figures = []
    with tempfile.TemporaryDirectory() as place, load.vocabulary() as words:
        with serving(Path(place) / "one") as service:
            figures += _pressed(service, words)
        with (
            serving(Path(place) / "w1") as one,
            serving(Path(place) / "w2", "--workers", "2") as two,
        ):
            rates: dict[int, list[float]] = {1: [], 2: []}
            for service in (one, two):
                service.site.post("/v1/comments", json=a_comment())
                prepared(service, pin=False)
                load.wrk(service.url, words, connections=64, seconds=2, key=service.first["site_key"], seed=49)
            for turn in range(TURNS):
                for workers, service in ((1, one), (2, two)):
                    key = service.first["site_key"]
                    found = load.wrk(service.url, words, connections=64, seconds=4, key=key, seed=50 + turn)
                    rates[workers].append(found.rate)
        ratio = median(both / alone for alone, both in zip(rates[1], rates[2], strict=True))
        figures += [
            Figure("workers.1", max(rates[1]), "1/s", "one worker, unpinned"),
            Figure("workers.2", max(rates[2]), "1/s", "two workers, unpinned; the store and wrk share their cores"),
            Figure("workers.ratio", ratio, "", f"two workers, of one; median of {TURNS} turns"),
        ]
    return figures


def _pressed(service: Service, words: Path) -> list[Figure]:
    service.site.post("/v1/comments", json=a_comment())
    prepared(service)
    key = service.first["site_key"]
    alone = load.wrk(service.url, words, connections=64, seconds=4, key=key, seed=60)
    health: list[float] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            began = time.perf_counter()
            try:
                httpx.get(f"{service.url}/health/live", timeout=5, trust_env=False)
                health.append(time.perf_counter() - began)
            except httpx.HTTPError:
                health.append(5.0)
            time.sleep(0.2)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        under = load.wrk(service.url, words, connections=CONNECTIONS, seconds=SECONDS, key=key, seed=61)
    except subprocess.CalledProcessError as error:
        raise AssertionError(f"wrk ended with {error.returncode}") from error
    finally:
        stop.set()
        asking.join()
    began = time.perf_counter()
    while True:
        text = f"Is it calm again, after {time.perf_counter()}?"
        if service.site.post("/v1/comments", json=a_comment(text)).status_code == 201:
            break
        time.sleep(0.1)
    calm_again = time.perf_counter() - began
    told = service.http().get("/metrics").text
    statuses = sorted({int(status) for status in re.findall(r'route="/v1/comments",status="(\d+)"', told)})
    return [
        Figure("overload.rate", under.rate / alone.rate, "", f"of the calm rate, with {CONNECTIONS} connections"),
        Figure("overload.p99", _accepted_within(told, 0.99), "ms", "of what was accepted, at most; the goal is 500"),
        Figure("overload.refused", under.failed, "", f"answers that were no 2xx, or broke; statuses {statuses}"),
        Figure("overload.health", max(health) * 1000, "ms", "slowest answer of /health/live meanwhile"),
        Figure("overload.recovered", calm_again, "s", "until a comment is taken again; the goal is 10"),
    ]


def _accepted_within(told: str, share: float) -> float:
    """Read from the service's own counts within how many milliseconds this share of the accepted was answered."""
    line = r'moderation_request_seconds_bucket{le="([^"]+)",method="POST",route="/v1/comments",status="201"} (\S+)'
    buckets = [(float(bound), float(count)) for bound, count in re.findall(line, told)]
    total = max(count for _, count in buckets)
    return next(bound for bound, count in buckets if count >= share * total) * 1000 if total else 0.0
