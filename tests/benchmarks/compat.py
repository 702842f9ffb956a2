"""The dialects at a steady rate: 200 requests a second, each sent at its time whether the one before is answered or not.

Latency counts from the moment a request should have left, so a stall shows in every request that it delays. Coral gives
up after 800 ms.
"""

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from classifiers.dataset import load_seeds
from tests.benchmarks.figure import Figure
from tests.benchmarks.intake import prepared
from tests.benchmarks.load import SECONDS
from tests.service import run, serving

RATE = 200
KEY = "0123456789ab"
CONNECTIONS = 32

Request = Callable[[str, int], dict[str, Any]]


def analyze(text: str, number: int) -> dict[str, Any]:
    """Ask as Coral does."""
    body = {"comment": {"text": text}, "doNotStore": True, "requestedAttributes": {"TOXICITY": {}}, "languages": ["en"]}
    return {"url": f"/v1alpha1/comments:analyze?key={KEY}", "content": json.dumps(body)}


def check(text: str, number: int) -> dict[str, Any]:
    """Ask as WordPress does, every time for another address."""
    fields = {
        "api_key": KEY, "blog": "https://blog.example", "user_ip": f"10.{number >> 8 & 255}.{number & 255}.7",
        "user_agent": "Mozilla/5.0", "permalink": f"https://blog.example/{number % 20}", "comment_type": "comment",
        "comment_author": f"Author {number}", "comment_author_email": f"a{number}@posteo.net", "comment_content": text,
    }  # fmt: skip
    return {"url": "/1.1/comment-check", "data": fields}


def phase(text: str, number: int) -> dict[str, Any]:
    """Ask as Coral's external moderation phase does."""
    body = {"action": "NEW", "comment": {"body": text}, "author": {"id": f"u{number % 500}", "role": "COMMENTER"}}
    return {"url": f"/v1/coral/phase?key={KEY}", "content": json.dumps(body)}


def measure() -> list[Figure]:
    """Measure each dialect at its steady rate."""
    seeds = load_seeds("train")
    texts = [text for text, lang in zip(seeds.text, seeds.lang, strict=True) if lang == "en"][:2_000]
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as place, serving(Path(place) / "data") as service:
        run("key", "create", "--compat", "--site", "demo", "--value", KEY, data=service.data)
        prepared(service)
        for name, request in (("perspective", analyze), ("akismet", check), ("coral", phase)):
            asyncio.run(_steady(service.url, texts, request, 1.0))
            waits, failed = asyncio.run(_steady(service.url, texts, request, SECONDS))
            cuts = statistics.quantiles(waits, n=100)
            note = f"{RATE} requests a second for {SECONDS} s, one worker, {failed} failed"
            figures += [
                Figure(f"compat.{name}.p50", cuts[49], "ms", note),
                Figure(f"compat.{name}.p99", cuts[98], "ms", note),
            ]
    return figures


async def _steady(url: str, texts: list[str], request: Request, seconds: float) -> tuple[list[float], int]:
    waits: list[float] = []
    failed = 0
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=10, trust_env=False) as client:
        began = time.perf_counter() + 0.1

        async def one(number: int) -> None:
            nonlocal failed
            due = began + number / RATE
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            try:
                answer = await client.post(**request(texts[number % len(texts)], number))
                failed += answer.status_code >= 300
            except httpx.HTTPError:
                failed += 1
            waits.append((time.perf_counter() - due) * 1000)

        await asyncio.gather(*[one(number) for number in range(round(RATE * seconds))])
    return waits, failed
