"""The ledger is the truth: the state can be rebuilt from it, and nobody changes it unseen."""

import contextlib
from collections.abc import Awaitable, Callable

import msgspec
import pytest
import redis

from moderation.app import House, house
from moderation.errors import ModerationError
from moderation.records import Caller, Comment, DecisionKind, DecisionReason, Query, Role, Site
from moderation.review import Ruling
from moderation.settings import Settings, StoreSettings
from moderation.store import keys
from tests.faults.storm import BEA, SITE, TEXTS, fresh_comment, standing
from tests.figures import tell
from tests.replay import differences
from tests.service import command

NAMES = keys.of_site(SITE)


def moves(rooms: House, site: Site, n: int) -> tuple[Callable[[str], Awaitable[object]], ...]:
    """Give what can be done to comment number `n`, by its id."""
    kind, reason = (DecisionKind.APPROVE, None) if n % 2 else (DecisionKind.REJECT, DecisionReason.SPAM)
    ruling = Ruling(decision=kind, reason=reason)
    return (
        lambda id_: rooms.intake.report(site, id_, f"192.0.{n % 200}.1", "rude"),
        lambda id_: rooms.review.escalate(site, BEA, id_, "please look"),
        lambda id_: rooms.review.decide(site, BEA, id_, ruling),
        lambda id_: rooms.review.undo(site, BEA, id_),
        lambda id_: rooms.intake.report(site, id_, f"192.1.{n % 200}.1", "rude"),
        lambda id_: rooms.intake.edit(site, id_, TEXTS[n % 3].format(n=n)),
        lambda id_: rooms.review.decide(site, BEA, id_, ruling),
        lambda id_: rooms.intake.erase(site, id_),
    )


async def live(rooms: House, comments: int) -> None:
    """Do everything that can be done to comments, in turns that differ."""
    site = await rooms.sites.add(Site(id=SITE))
    for n in range(comments):
        taken = await rooms.intake.submit(site, fresh_comment(rooms, site))
        for turn, move in enumerate(moves(rooms, site, n)):
            if n >> (turn % 5) & 1 or turn == n % 8:
                # what does not fit the state is refused, and is no move
                with contextlib.suppress(ModerationError):
                    await move(taken.id)
    await rooms.review.claim(site, Caller(role=Role.MODERATOR, id="m2"), 3, 60, Query())


def disagreements(client: redis.Redis) -> list[str]:
    """Compare what the ledger of the site says with what is stored."""
    tag = f"cm:{{{SITE}}}:"
    ids = [key.removeprefix(tag + "c:") for key in client.scan_iter(match=tag + "c:*", count=5000)]
    lines = [msgspec.json.decode(fields["e"]) for _, fields in client.xrange(NAMES.ledger)]
    return differences(lines, standing(client, tag, ids), set(client.zrange(NAMES.queue, 0, -1)))


async def check(store_url: str, comments: int) -> None:
    client = redis.Redis.from_url(store_url, decode_responses=True)
    async with house(Settings(store=StoreSettings(url=store_url, pepper="A" * 43))) as rooms:
        await live(rooms, comments)
        entries = int(client.xlen(NAMES.ledger))
        wrong = disagreements(client)
        broken = await rooms.ledger.broken_at(SITE)
    tell(
        "F3 state rebuilt from the ledger",
        entries,
        "0 differences",
        f"{len(wrong)} differences, chain {broken or 'whole'}",
    )
    assert entries > 2 * comments
    assert not wrong, "\n".join(wrong[:10])
    assert broken is None


async def test_the_state_rebuilt_from_the_ledger_is_the_state(store_url):
    await check(store_url, 64)


@pytest.mark.long
async def test_the_state_of_five_thousand_comments_rebuilt_from_the_ledger_is_the_state(store_url):
    await check(store_url, 5000)


async def test_a_state_that_no_entry_tells_of_is_found(store_url):
    """The mutation: somebody writes past the scripts."""
    client = redis.Redis.from_url(store_url, decode_responses=True)
    async with house(Settings(store=StoreSettings(url=store_url, pepper="A" * 43))) as rooms:
        site = await rooms.sites.add(Site(id=SITE))
        ids = [(await rooms.intake.submit(site, rude(rooms, site))).id for _ in range(3)]
    assert disagreements(client) == []
    client.hset(NAMES.comment(ids[0]), "st", "approved")
    client.zrem(NAMES.queue, ids[1])
    client.delete(NAMES.comment(ids[2]))
    assert len(disagreements(client)) == 3


def rude(rooms: House, site: Site) -> Comment:
    return msgspec.structs.replace(fresh_comment(rooms, site), text=TEXTS[2].format(n=1))


TAMPERED = {
    "a line is altered": lambda rows: rows[7][1].update(e=rows[7][1]["e"].replace("pending", "approved") + " "),
    "an entry is taken out": lambda rows: rows.pop(7),
    "two lines are exchanged": lambda rows: rows[7][1].update(e=rows[9][1]["e"]),
    "the last entry is taken out": lambda rows: rows.pop(),
    "the first entry is taken out": lambda rows: rows.pop(0),
    "an entry is put in": lambda rows: rows.append(("9999999999999-0", {"e": '{"e":"policy.set"}', "h": "0" * 40})),
    "a hash is altered": lambda rows: rows[7][1].update(h="0" * 40),
}


@pytest.mark.parametrize("how", TAMPERED)
async def test_it_is_seen_when(store_url, how):
    client = redis.Redis.from_url(store_url, decode_responses=True)
    async with house(Settings(store=StoreSettings(url=store_url, pepper="A" * 43))) as rooms:
        site = await rooms.sites.add(Site(id=SITE))
        for _ in range(12):
            await rooms.intake.submit(site, fresh_comment(rooms, site))
        assert await rooms.ledger.broken_at(SITE) is None
        rows = client.xrange(NAMES.ledger)
        TAMPERED[how](rows)
        client.delete(NAMES.ledger)
        for id_, fields in rows:
            client.xadd(NAMES.ledger, fields, id=id_)
        broken = await rooms.ledger.broken_at(SITE)
    tell(f"F3 {how}", 1, "found", "found" if broken else "NOT FOUND")
    assert broken is not None


async def test_the_doctor_names_the_ledger_that_was_changed(store_url, tmp_path):
    client = redis.Redis.from_url(store_url, decode_responses=True)
    store = ("--redis", store_url)
    async with house(Settings(store=StoreSettings(url=store_url, data=tmp_path))) as rooms:
        site = await rooms.sites.add(Site(id=SITE))
        await rooms.intake.submit(site, fresh_comment(rooms, site))
    (first, fields), *_ = client.xrange(NAMES.ledger)
    client.delete(NAMES.ledger)
    client.xadd(NAMES.ledger, fields | {"e": fields["e"] + " "}, id=first)
    assert f"the ledger of {SITE} was changed at entry {first}" in command("doctor", *store, data=tmp_path, status=1)
