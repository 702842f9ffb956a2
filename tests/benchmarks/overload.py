"""Too much: five times what the service takes, for a while; and what two workers bring on two cores."""

import subprocess
import tempfile
import threading
import time
from pathlib import Path

import httpx

from tests.benchmarks import load
from tests.benchmarks.figure import Figure
from tests.benchmarks.intake import prepared
from tests.service import Service, a_comment, serving

SECONDS = 20
CONNECTIONS = 512


def measure() -> list[Figure]:
    """Press on one worker, then compare one with two."""
    figures = []
    with tempfile.TemporaryDirectory() as place, load.vocabulary() as words:
        with serving(Path(place) / "one") as service:
            figures += _pressed(service, words)
        rates = {}
        for workers in (1, 2):
            with serving(Path(place) / f"w{workers}", "--workers", str(workers)) as service:
                service.site.post("/v1/comments", json=a_comment())
                prepared(service, pin=False)
                rates[workers] = load.wrk(
                    service.url, words, connections=64, key=service.first["site_key"], seed=50
                ).rate
        figures.append(
            Figure("workers.2", rates[2] / rates[1], "", "throughput of two workers, of one worker's, unpinned")
        )
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
        if (
            service.site.post(
                "/v1/comments", json=a_comment(f"Is it calm again, after {time.perf_counter()}?")
            ).status_code
            == 201
        ):
            break
        time.sleep(0.1)
    return [
        Figure("overload.rate", under.rate / alone.rate, "", f"of the calm rate, with {CONNECTIONS} connections"),
        Figure("overload.p99", under.p99, "ms", "of what was accepted; the goal is 500"),
        Figure("overload.refused", under.failed, "", "answers that were no 2xx, or broke"),
        Figure("overload.health", max(health) * 1000, "ms", "slowest answer of /health/live meanwhile"),
        Figure(
            "overload.recovered", time.perf_counter() - began, "s", "until a comment is taken again; the goal is 10"
        ),
    ]
