"""The clock of the machine jumps, by an hour, a day, or the step that a time server makes: nothing is lost, stuck or out of order.

Service and store see the same clock jump (clock.c), as on a machine; their monotonic clock goes on, as there.
A jump ahead by more than a session may lie idle ends it: the store knows no other clock. That is no fault of the jump back.
"""

import asyncio
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import standardwebhooks

from moderation.api.gate import COOKIE
from tests.faults.storm import compiled
from tests.figures import tell
from tests.receivers import Received, Receiver, status
from tests.service import ABUSE, Service, a_comment, serving, someone

HOUR, DAY = 3600, 86_400
OFFSETS = (0, 2, 0, HOUR, 0, DAY, 0, -HOUR, 0, -DAY, 0)
"""Where the clock stands, one after the other, in seconds from the right time: each step is a jump."""


@contextmanager
def shifted_service(
    folder: Path, program: str = "moderation", **environ: str
) -> Iterator[tuple[Service, Callable[[int], None]]]:
    """Run a service whose clock can be set: gives it, and what sets the clock."""
    folder.mkdir(parents=True)
    offset = folder / "offset"
    offset.write_bytes(bytes(8))

    def jump(seconds: int) -> None:
        with offset.open("r+b") as file:
            file.write(struct.pack("=q", seconds))

    shim = compiled(folder, "clock.c")
    with serving(folder / "data", module=program, LD_PRELOAD=str(shim), CLOCK_OFFSET=str(offset), **environ) as service:
        yield service, jump


def is_ready(service: Service) -> bool:
    return service.http().get("/health/ready").status_code == 200


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    ends = time.monotonic() + seconds
    while not await asyncio.to_thread(condition):
        if time.monotonic() > ends:
            return False
        await asyncio.sleep(0.1)
    return True


def spend(service: Service, email: str) -> httpx.Response:
    """Post in one name until that is refused; gives the refusal."""
    for _ in range(40):
        said = service.site.post("/v1/comments", json=a_comment(f"Again, at {time.monotonic_ns()}.", email=email))
        if said.status_code == 429:
            return said
        assert said.status_code == 201, said.text
    raise AssertionError("no allowance was spent")


def sign_in(service: Service) -> str | int:
    """Sign in; gives the token, or how long to wait where too many attempts seem to have been made."""
    given = {"email": service.first["admin_email"], "password": service.first["admin_password"]}
    said = service.http().post("/v1/session", json=given, headers={"Sec-Fetch-Site": "same-origin"})
    if said.status_code == 429:
        return int(said.headers["retry-after"])
    assert said.status_code == 201, said.text
    return said.headers["set-cookie"].partition("=")[2].partition(";")[0]


def signed_in(service: Service, token: str) -> bool:
    return service.http().get("/v1/session", headers={"Cookie": f"{COOKIE}={token}"}).status_code == 200


def wrong_signature(one: Received, secret: str, offset: int) -> str:
    """Say what is wrong with a signature: made by the clock of now, within five minutes, or not by the secret."""
    stamp = int(one.headers["webhook-timestamp"])
    if abs(stamp - (time.time() + offset)) > 300:
        return f"stamped {stamp - time.time() - offset:+.0f} s from the clock it was made by"
    made = standardwebhooks.Webhook(secret).sign(one.id, datetime.fromtimestamp(stamp, UTC), one.body.decode())
    return "" if made in one.headers["webhook-signature"].split() else "the signature is another"


async def jumps(
    folder: Path, offsets: Sequence[int], program: str = "moderation", patience: float = 20.0, **environ: str
) -> tuple[list[str], int]:
    """Let the clock jump to each of these; gives what went wrong, and how many sessions lived through a jump back."""
    wrong: list[str] = []
    ids: list[str] = []
    sessions = 0
    async with Receiver(status(200)) as receiver:
        environ |= {"MODERATION_WEBHOOKS__ALLOW": "127.0.0.0/8"}
        with shifted_service(folder / "here", program, **environ) as (service, jump):
            made = await asyncio.to_thread(
                service.staff.post, "/v1/sites/demo/webhooks", json={"url": receiver.url, "events": ["comment.judged"]}
            )
            assert made.status_code == 201, made.text
            secret, before = made.json()["secret"], 0
            for offset in offsets:
                token = await asyncio.to_thread(sign_in, service) if offset < before else 0
                email = someone()
                if offset < before:
                    await asyncio.to_thread(spend, service, email)
                jump(offset)
                name, before = f"to {offset:+d} s", offset
                if not await until(lambda: is_ready(service)):
                    wrong.append(f"{name}: not ready")
                if isinstance(token, str):
                    sessions += 1
                    if not await asyncio.to_thread(signed_in, service, token):
                        wrong.append(f"{name}: a session has ended early")
                    token = await asyncio.to_thread(sign_in, service)
                if isinstance(token, int) and token > 200:
                    wrong.append(f"{name}: nobody may sign in for {token} s")
                said = await asyncio.to_thread(
                    service.site.post, "/v1/comments", json=a_comment(f"{ABUSE} {offset}", email=email)
                )
                if said.status_code == 429 and int(said.headers["retry-after"]) > 130:
                    wrong.append(f"{name}: an allowance is spent for {said.headers['retry-after']} s")
                said = await asyncio.to_thread(
                    service.site.post, "/v1/comments", json=a_comment(f"{ABUSE} {time.monotonic_ns()}", email=someone())
                )
                if said.status_code != 201:
                    wrong.append(f"{name}: {said.status_code} {said.text[:200]}")
                    continue
                ids.append(said.json()["id"])
                if not await until(lambda: any(one.event["data"]["id"] == ids[-1] for one in receiver.got), patience):
                    wrong.append(f"{name}: the webhook was not told")
                    continue
                (told,) = [one for one in receiver.got if one.event["data"]["id"] == ids[-1]]
                if fault := wrong_signature(told, secret, offset):
                    wrong.append(f"{name}: {fault}")
            queue = await asyncio.to_thread(service.staff.get, "/v1/queue", params={"sort": "oldest", "limit": 200})
            stamps = await asyncio.to_thread(ledger_ids, service)
    waiting = [case["id"] for case in queue.json()["cases"] if case["id"] in ids]
    if ids != sorted(ids):
        wrong.append("ids do not sort as they were given")
    if waiting != ids:
        wrong.append("the queue does not stand in the order in which they came")
    if stamps != sorted(set(stamps)):
        wrong.append("the ledger does not go on")
    return wrong, sessions


async def test_a_clock_that_jumps_loses_nothing_and_stops_nothing(tmp_path):
    wrong, sessions = await jumps(tmp_path, OFFSETS)
    tell("B5 clock jumps", len(OFFSETS) - 1, "0 early, stuck or out of order", f"{len(wrong)} wrong")
    assert not wrong, "\n".join(wrong)
    assert sessions >= 3


TRUSTING = {
    "stamps": ": 500 ",
    "allowances": "an allowance is spent for",
    "attempts": "nobody may sign in for",
    "ids": "ids do not sort",
    "webhooks": "the webhook was not told",
    "signatures": "from the clock it was made by",
    "sessions": "a session has ended early",
}
"""What trusts the clock -> what is seen of it when the clock goes an hour back (no stream takes an id that goes back)."""


@pytest.mark.parametrize(
    "part", ["ids", *(pytest.param(one, marks=pytest.mark.long) for one in TRUSTING if one != "ids")]
)
async def test_a_part_that_trusts_the_clock_is_found_out(tmp_path, part):
    """The mutations: one part of the service expects no clock to go back."""
    wrong, _ = await jumps(tmp_path, (HOUR, 0), "tests.faults.mutants.trusting_clock", patience=4.0, TRUSTS=part)
    tell(f"B5 mutation trusting {part}", 2, ">= 1 wrong", f"{len(wrong)} wrong")
    assert any(TRUSTING[part] in one for one in wrong), wrong


def ledger_ids(service: Service) -> list[tuple[int, int]]:
    entries = service.staff.get("/v1/ledger", params={"after": "0-0", "limit": 1000}).json()["entries"]
    return [tuple(int(part) for part in entry["id"].split("-")) for entry in entries]
