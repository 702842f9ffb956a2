"""The courier is killed in the middle of deliveries: every event arrives, in order, a repeated one with the same id."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from moderation.store.connection import Connection
from tests.figures import tell
from tests.post_office import PostOffice, post_office
from tests.receivers import Received, Receiver, status
from tests.service import REPOSITORY, environment

NURSERY = """
import asyncio, os, random, signal, sys, time
from datetime import UTC, datetime
from moderation.settings import StoreSettings
from moderation.store.comments import Comments
from moderation.store.connection import connect
from moderation.store.deliveries import Deliveries
from moderation.store.leases import Leases
from moderation.store.ledger import Ledger
from moderation.store.queue import Queue
from moderation.store.sites import Sites
from moderation.telemetry import Telemetry
from moderation.webhooks.courier import Courier
from moderation.webhooks.outside import Outside


class Forgetful(Courier):
    '''Takes an event for delivered before it is sent: what the test must notice.'''

    async def _carry(self, webhook, delivery_id):
        delivery = await self._deliveries.get(webhook.site, webhook.id, delivery_id)
        await self._deliveries.settle(delivery, None, state="delivered", at=await self._deliveries.now())
        await asyncio.sleep(random.random() / 5)
        await super()._carry(webhook, delivery_id)


async def live(url, kind, ahead):
    clock = (lambda: int(time.time() * 1000) + ahead) if ahead else None
    connection = await connect(StoreSettings(url=url))
    comments, outside = Comments(connection), Outside(["127.0.0.0/8"], timeout=0.6)
    await kind(
        Deliveries(connection, clock=clock), comments, Queue(connection, comments), Ledger(connection), Sites(connection),
        Leases(connection), outside, Telemetry(), lambda: datetime.now(UTC), concurrency=4, lease_seconds=1,
        margin_seconds=0.2,
    ).run()

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        kind, ahead = line.split()
        asyncio.run(live(sys.argv[1], {"courier": Courier, "forgetful": Forgetful}[kind], int(ahead) * 1000))
    print(pid, flush=True)
"""


HOURS_LATER = (0, 1, 24)


class Nursery:
    """A process that gives birth to couriers, each in a process of its own, faster than an interpreter starts."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.alive = 0

    async def bear(self, kind: str, ahead: int = 0) -> None:
        """Bear a courier whose clock is so many seconds ahead."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{kind} {ahead}\n".encode())
        self._process.stdin.flush()
        self.alive = int(await asyncio.to_thread(self._process.stdout.readline))

    def kill(self) -> None:
        # 0 would be this process and all of its group
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.alive, signal.SIGKILL)
        self.alive = 0


@contextmanager
def nursery(store_url: str) -> Iterator[Nursery]:
    process = subprocess.Popen(
        [sys.executable, "-c", NURSERY, store_url],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment(), cwd=REPOSITORY,
    )  # fmt: skip
    here = Nursery(process)
    try:
        yield here
    finally:
        here.kill()
        process.kill()
        process.wait()


async def kill_again_and_again(connection: Connection, store_url: str, kind: str, kills: int, patience: float):
    """Make ten events for each kill, kill between a request and its settlement; gives what was due and what came."""
    dice = random.Random(7)
    due: set[tuple[str, int]] = set()
    left = 0
    done = 0

    async with post_office(connection, by_hand=False) as office:
        with nursery(store_url) as couriers:

            async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
                nonlocal left, done
                left -= 1
                before = dice.random() < 0.5
                if left == 0 and before:
                    couriers.kill()
                await status(200)(received, writer)
                await writer.drain()
                if left == 0:
                    couriers.kill()
                    done += 1

            async with Receiver(answer) as receiver:
                await office.webhook(receiver.url, "comment.judged", "comment.approved")
                for number in range(kills):
                    left = dice.randint(1, 8)
                    await make_ten_events(office, due)
                    await couriers.bear(kind)
                    await until(lambda number=number: done > number, patience)
                    couriers.kill()
                left = -1
                # what a busy receiver has answered too late, some time ago, is due again in hours
                for ahead in HOURS_LATER:
                    await couriers.bear(kind, ahead * 3600)
                    await quiet(receiver, due, min(patience, 10))
                    couriers.kill()
                return due, receiver.got, done


async def make_ten_events(office: PostOffice, due: set[tuple[str, int]]) -> None:
    for _ in range(5):
        stored = await office.comment()
        await office.decide(stored)
        due |= {(stored.id, 1), (stored.id, 2)}


async def until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        await asyncio.sleep(0.01)


async def quiet(receiver: Receiver, due: set[tuple[str, int]], seconds: float) -> None:
    """Wait until all has come, or nothing more comes for so long."""
    count, deadline = 0, time.monotonic() + seconds
    while not due <= {told(one) for one in receiver.got} and time.monotonic() < deadline:
        if len(receiver.got) > count:
            count, deadline = len(receiver.got), time.monotonic() + seconds
        await asyncio.sleep(0.05)


def told(one: Received) -> tuple[str, int]:
    data = one.event["data"]
    return data["id"], data["version"]


async def check(connection: Connection, store_url: str, kills: int) -> None:
    due, got, done = await kill_again_and_again(connection, store_url, "courier", kills, 30)
    lost = due - {told(one) for one in got}
    tell(
        "A6 kills of the courier", kills, "0 missing",
        f"{len(lost)} missing of {len(due):,} events, {len(got) - len(due)} repeated",
    )  # fmt: skip
    assert done == kills
    assert lost == set()
    ids: dict[tuple[str, int], set[str]] = defaultdict(set)
    order: dict[str, list[int]] = defaultdict(list)
    for one in got:
        ids[told(one)].add(one.id)
        order[told(one)[0]].append(told(one)[1])
    assert all(len(found) == 1 for found in ids.values()), "a repeated event has the id it had"
    assert len({next(iter(found)) for found in ids.values()}) == len(due), "no two events share an id"
    assert all(versions == sorted(versions) for versions in order.values()), "versions of a comment arrive in order"
    assert len(got) > len(due), "no kill hit a delivery that was under way"


async def test_five_kills_of_the_courier_lose_no_event(connection: Connection, store_url: str):
    await check(connection, store_url, 5)


@pytest.mark.long
@pytest.mark.timeout(1200)
async def test_two_hundred_kills_of_the_courier_lose_none_of_two_thousand_events(
    connection: Connection, store_url: str
):
    await check(connection, store_url, 200)


async def test_a_courier_that_settles_before_it_sends_is_found_out(connection: Connection, store_url: str):
    due, got, _ = await kill_again_and_again(connection, store_url, "forgetful", 4, 1)
    assert due - {told(one) for one in got}
