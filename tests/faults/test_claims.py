"""Moderators who claim at once, and some who go away: no case is held by two, and none is left with who is gone."""

import asyncio
import random
import time

import msgspec
import pytest

from moderation.app import House, house
from moderation.errors import CaseDecided, CaseTaken
from moderation.records import Caller, DecisionKind, DecisionReason, Query, Role, Site
from moderation.review import Ruling
from moderation.settings import Settings, StoreSettings
from moderation.store import scripts
from tests.faults.storm import SITE, TEXTS, fresh_comment
from tests.figures import tell

MODERATORS = 8
LEASE = 1
"""Seconds."""


class Held(msgspec.Struct):
    """That somebody has a case: surely from `since` until `until`, if it is not decided before that."""

    who: str
    since: float
    until: float


class Room:
    """What the moderators have claimed and decided, as they saw it."""

    def __init__(self) -> None:
        self.held: dict[str, list[Held]] = {}
        self.decided: dict[str, list[str]] = {}
        self.claims = 0
        self.gone = 0

    def twice(self) -> list[str]:
        """List the cases that two had at one time."""
        found = []
        for case, spans in self.held.items():
            spans.sort(key=lambda one: one.since)
            for number, one in enumerate(spans):
                for other in spans[number + 1 :]:
                    if other.who != one.who and other.since < one.until:
                        found.append(case)
        return found


async def moderate(rooms: House, site: Site, who: Caller, room: Room, over: asyncio.Event) -> None:
    """Claim some, decide most of them, and now and then go away with what is claimed."""
    while not over.is_set():
        asked = time.monotonic()
        cases = await rooms.review.claim(site, who, random.randint(1, 5), LEASE, Query())
        told = time.monotonic()
        mine = [Held(who.id, told, asked + LEASE) for _ in cases]
        for case, span in zip(cases, mine, strict=True):
            room.held.setdefault(case.comment.id, []).append(span)
        room.claims += bool(cases)
        if cases and room.claims % 5 == 0:
            room.gone += 1
            who = msgspec.structs.replace(who, id=f"{who.id}'")  # somebody else sits down
            continue
        for case, span in zip(cases, mine, strict=True):
            await asyncio.sleep(random.random() / 200)
            if time.monotonic() > span.until - 0.3:
                continue
            ruling = Ruling(decision=DecisionKind.REJECT, reason=DecisionReason.TOXIC, version=case.comment.version)
            span.until = min(span.until, time.monotonic())  # from now on it may be free at any moment
            try:
                await rooms.review.decide(site, who, case.comment.id, ruling)
            except (CaseDecided, CaseTaken):
                continue
            room.decided.setdefault(case.comment.id, []).append(who.id)
        if not cases:
            await asyncio.sleep(0.05)


async def moderate_all(store_url: str, cases: int, seconds: float = 60.0) -> tuple[Room, set[str], int]:
    """Let moderators on two workers go through so many cases; gives what they saw, the cases, and how many are left."""
    settings = Settings(store=StoreSettings(url=store_url, pepper="A" * 43))
    room, over = Room(), asyncio.Event()
    async with house(settings) as one, house(settings) as two:
        site = await one.sites.add(Site(id=SITE))
        ids = set()
        for n in range(cases):
            comment = msgspec.structs.replace(fresh_comment(one, site), text=TEXTS[2].format(n=n))
            ids.add((await one.intake.submit(site, comment)).id)
        people = [Caller(role=Role.MODERATOR, id=f"m{n}", name=f"M {n}", site=SITE) for n in range(MODERATORS)]
        tasks = [
            asyncio.create_task(moderate(two if n % 2 else one, site, who, room, over)) for n, who in enumerate(people)
        ]
        ends = time.monotonic() + seconds
        while len(room.decided) < cases and time.monotonic() < ends:
            await asyncio.sleep(0.05)
        over.set()
        await asyncio.gather(*tasks)
        left = (await one.queue.counts(SITE, ()))["total"]
    return room, ids, left


async def check(store_url: str, cases: int) -> None:
    room, ids, left = await moderate_all(store_url, cases)
    twice, again = room.twice(), [case for case, by in room.decided.items() if len(by) > 1]
    tell(
        "F2 claims and leases", cases, "none held by two, none left behind",
        f"{len(twice)} held by two, {len(ids - room.decided.keys())} left behind, {room.gone} went away",
    )  # fmt: skip
    assert room.gone, "nobody went away: the figure would say nothing"
    assert not twice
    assert not again
    assert set(room.decided) == ids
    assert left == 0


async def test_of_sixty_cases_none_is_held_by_two_and_none_left_with_who_is_gone(store_url):
    await check(store_url, 60)


@pytest.mark.long
async def test_of_five_hundred_cases_none_is_held_by_two_and_none_left_with_who_is_gone(store_url):
    await check(store_url, 500)


FREE = "ends <= now or ends > now + LONGEST_LEASE or redis.call('HGET', KEYS[3], id) == ARGV[1]"


@pytest.mark.parametrize(
    ("instead", "seen"),
    [("true", "two"), ("ends == 0 or redis.call('HGET', KEYS[3], id) == ARGV[1]", "left")],
    ids=["no lease is heeded", "no lease ends"],
)
async def test_claims_that_are_given_otherwise_are_found_out(store_url, monkeypatch, instead, seen):
    """The mutations: a case that somebody has is given to the next; a case whose holder is gone is given to nobody."""
    text = scripts.draining("claim_cases").text
    assert FREE in text
    mutated = scripts.Script("claim_cases", flags="allow-oom")
    mutated.text = text.replace(FREE, instead)
    mutated.sha = "0" * 40
    monkeypatch.setattr(
        "moderation.store.queue.draining", lambda name: mutated if name == "claim_cases" else DRAINING(name)
    )
    room, ids, _ = await moderate_all(store_url, 30, 4 * LEASE)
    assert room.twice() if seen == "two" else ids - room.decided.keys()


DRAINING = scripts.draining
