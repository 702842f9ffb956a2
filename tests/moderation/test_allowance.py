"""The allowance against a model: GCRA on the store's own clock admits what the model admits, and tells how long to wait."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moderation.settings import StoreSettings
from moderation.store.connection import Connection, connect
from moderation.store.scripts import script
from tests.figures import tell

WINDOW = 1
"""Seconds; short, so that what is spent frees while the test looks on."""
STEPS = st.lists(
    st.tuples(st.sampled_from(["ann", "bea"]), st.sampled_from([0.0, 0.0, 0.0, 0.002, 0.02, 0.1])), max_size=40
)


class Model:
    """The time at which each allowance is free again: between `low` and `high`, since each spending took a while."""

    def __init__(self, limit: int) -> None:
        self.step = WINDOW * 1_000_000 / limit
        self.low: dict[str, float] = {}
        self.high: dict[str, float] = {}

    def agrees(self, who: str, begin: int, end: int, waits_ms: int) -> str:
        """Say what is wrong with the answer to a spending that was made between two moments (us)."""
        low = max(self.low.get(who, 0.0), begin) + self.step
        high = max(self.high.get(who, 0.0), end) + self.step
        window = WINDOW * 1_000_000
        if waits_ms == 0:
            if low - end > window:
                return f"admitted, {(low - end - window) / 1000:.1f} ms too early"
            self.low[who], self.high[who] = low, min(high, end + window)
            return ""
        if high - begin <= window:
            return "refused, though there was room"
        least, most = (low - end - window) / 1000, (high - begin - window) / 1000 + 1
        return "" if least <= waits_ms <= most else f"told to wait {waits_ms} ms, not {least:.0f} to {most:.0f}"


async def clock(connection: Connection) -> int:
    seconds, micros = await connection.execute("TIME")
    return int(seconds) * 1_000_000 + int(micros)


async def play(connection: Connection, run: str, limit: int, steps: list[tuple[str, float]], spend: Any) -> list[str]:
    """Spend in this order; gives every answer that the model does not agree with."""
    model, wrong = Model(limit), []
    for who, pause in steps:
        if pause:
            await asyncio.sleep(pause)
        begin = await clock(connection)
        waits = int(await connection.run(spend, [f"cm:{{staff}}:al:{run}:{who}"], [limit, WINDOW]))
        fault = model.agrees(who, begin, await clock(connection), waits)
        if fault:
            wrong.append(f"limit {limit}, {who}: {fault}")
    return wrong


def try_allowances(store_url: str, examples: int) -> int:
    loop = asyncio.new_event_loop()
    connection = loop.run_until_complete(connect(StoreSettings(url=store_url)))
    spend, count = script("spend_allowance"), 0

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(limit=st.integers(1, 60), steps=STEPS)
    def agree(limit: int, steps: list[tuple[str, float]]) -> None:
        nonlocal count
        count += len(steps)
        wrong = loop.run_until_complete(play(connection, f"{time.monotonic_ns()}", limit, steps, spend))
        assert not wrong, "\n".join(wrong)

    agree()
    loop.run_until_complete(connection.aclose())
    loop.close()
    return count


def test_the_allowance_admits_and_refuses_what_the_model_does(store_url: str) -> None:
    count = try_allowances(store_url, 12)
    tell("C3 allowance against a model, short", count, "0 differences", "0 differences")


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_the_allowance_admits_and_refuses_what_the_model_does_ten_thousand_times(store_url: str) -> None:
    count = try_allowances(store_url, 1600)
    assert count >= 10_000
    tell("C3 allowance against a model", count, "0 differences", "0 differences")


async def test_a_limiter_that_counts_by_the_window_is_found_out(store_url: str, tmp_path: Path) -> None:
    """The mutation: a counter that starts anew with each window admits twice the limit around its edge."""

    class Counter:
        text = """local n = redis.call('INCR', KEYS[1])
            if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2] * 1000) end
            return n > tonumber(ARGV[1]) and 1 or 0"""
        sha = "0" * 40

    connection = await connect(StoreSettings(url=store_url))
    steps = [("ann", 0.0), ("ann", WINDOW * 0.9), *[("ann", 0.0)] * 9, ("ann", WINDOW * 0.15), *[("ann", 0.0)] * 9]
    assert await play(connection, "counted", 10, steps, Counter())
    await connection.aclose()
