"""A site's slot moves to another primary while comments come in: what was acknowledged is there afterwards, once.

Key by key (any server) the scripts of the site are refused while its keys lie on two primaries, and whoever sends again
with the same Idempotency-Key loses nothing. As a whole (Valkey from 9.0) hardly anybody notices.
"""

import threading
import time
from itertools import count

import httpx
import pytest
import redis
from redis.crc import key_slot

from tests import servers
from tests.service import Service, a_comment, fresh_text, serving

CALLERS = 3
SLOT = key_slot(b"cm:{demo}:q")


def test_comments_that_come_while_their_slot_moves_key_by_key_are_kept_once(tmp_path):
    with servers.cluster(tmp_path / "store", nodes=3) as ports, serving(tmp_path / "data", *to(ports)) as service:
        kept = told_while(service, lambda: moved_key_by_key(ports))
        check(service, kept, ports)


def test_comments_that_come_while_their_slot_moves_as_a_whole_are_kept_once(tmp_path):
    with servers.cluster(tmp_path / "store", nodes=3) as ports, serving(tmp_path / "data", *to(ports)) as service:
        if not knows_whole_slots(ports[0]):
            pytest.skip("the server moves slots key by key only")
        kept = told_while(service, lambda: moved_as_a_whole(ports))
        check(service, kept, ports)


def to(ports: list[int]) -> tuple[str, str]:
    return "--redis", "cluster://" + ",".join(f"127.0.0.1:{port}" for port in ports)


class Kept:
    """What callers were told: the key each comment was sent with, and the id it got; and every other status."""

    def __init__(self) -> None:
        self.ids: dict[str, str] = {}
        self.bodies: dict[str, dict[str, object]] = {}
        self.others: list[int] = []


def told_while(service: Service, move) -> Kept:
    """Let callers send comments, each until it is taken, before, during and after a move."""
    kept, stop, numbers = Kept(), threading.Event(), count()

    def call() -> None:
        with service.http(service.first["site_key"]) as client:
            while not stop.is_set():
                number = next(numbers)
                key, body = f"move-{number}", a_comment(fresh_text(), email=f"mover{number}@posteo.net")
                for _ in range(200):
                    try:
                        answer = client.post("/v1/comments", json=body, headers={"Idempotency-Key": key})
                    except httpx.HTTPError:
                        continue
                    if answer.status_code == 201:
                        kept.bodies[key] = body
                        kept.ids[key] = answer.json()["id"]
                        break
                    kept.others.append(answer.status_code)
                    time.sleep(0.05)

    callers = [threading.Thread(target=call) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    try:
        reached(kept, 30)
        move()
        reached(kept, len(kept.ids) + 30)
    finally:
        stop.set()
        for caller in callers:
            caller.join(60)
    return kept


def reached(kept: Kept, comments: int) -> None:
    deadline = time.monotonic() + 60
    while len(kept.ids) < comments:
        assert time.monotonic() < deadline, f"{len(kept.ids)} of {comments}; else {kept.others[-5:]}"
        time.sleep(0.02)


def check(service: Service, kept: Kept, ports: list[int]) -> None:
    assert set(kept.others) <= {503}, (service.data / "service.log").read_text()[-3000:]
    assert len(set(kept.ids.values())) == len(kept.ids)
    there: set[str] = set()
    since = "0"
    while True:
        page = service.site.get("/v1/comments", params={"since": since, "limit": 200}).json()
        there |= {comment["id"] for comment in page["comments"]}
        since = page["cursor"]
        if not page["more"]:
            break
    assert set(kept.ids.values()) <= there
    key, comment_id = next(iter(kept.ids.items()))
    again = service.site.post("/v1/comments", json=kept.bodies[key], headers={"Idempotency-Key": key})
    assert again.json()["id"] == comment_id
    owners = [owner for owner in ports if int(redis.Redis(port=owner).cluster("COUNTKEYSINSLOT", SLOT))]
    assert owners == [taker(ports)]


def holder(ports: list[int]) -> int:
    return ports[min(SLOT // (16384 // len(ports)), len(ports) - 1)]


def taker(ports: list[int]) -> int:
    """Give the port of the primary that the slot moves to: the next one."""
    return ports[(ports.index(holder(ports)) + 1) % len(ports)]


def name(port: int) -> str:
    return str(redis.Redis(port=port, decode_responses=True).execute_command("CLUSTER", "MYID"))


def moved_key_by_key(ports: list[int]) -> None:
    source, target = redis.Redis(port=holder(ports)), redis.Redis(port=taker(ports))
    target.execute_command("CLUSTER", "SETSLOT", SLOT, "IMPORTING", name(holder(ports)))
    source.execute_command("CLUSTER", "SETSLOT", SLOT, "MIGRATING", name(taker(ports)))
    while keys := source.execute_command("CLUSTER", "GETKEYSINSLOT", SLOT, 10):
        source.execute_command("MIGRATE", "127.0.0.1", taker(ports), "", 0, 5000, "KEYS", *keys)
    for port in (taker(ports), holder(ports), *ports):
        redis.Redis(port=port).execute_command("CLUSTER", "SETSLOT", SLOT, "NODE", name(taker(ports)))


def knows_whole_slots(port: int) -> bool:
    told = redis.Redis(port=port, decode_responses=True).execute_command("CLUSTER", "HELP")
    return any("MIGRATESLOTS" in line for line in told)


def moved_as_a_whole(ports: list[int]) -> None:
    source = redis.Redis(port=holder(ports))
    source.execute_command("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", SLOT, SLOT, "NODE", name(taker(ports)))
    deadline = time.monotonic() + 30
    while int(source.execute_command("CLUSTER", "COUNTKEYSINSLOT", SLOT)):
        assert time.monotonic() < deadline, source.execute_command("CLUSTER", "GETSLOTMIGRATIONS")
        time.sleep(0.02)
