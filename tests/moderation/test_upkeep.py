"""Upkeep: what waits for a model is scored once one is there, and what has something wrong keeps nobody else waiting."""

import asyncio
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from moderation.app import House
from moderation.records import (
    ATTRIBUTES,
    Caller,
    Comment,
    DecisionKind,
    DecisionReason,
    History,
    Mark,
    Policy,
    Role,
    Signal,
    Site,
    Status,
)
from moderation.review import Ruling
from moderation.scoring.pipeline import checks_of
from moderation.store import keys

ADMIN = Caller(role=Role.ADMIN, id="ada", name="Ada")
Make = Callable[..., Comment]


class Moody:
    """Scores every text as harmless, and cannot read those that name a word; a model is another package's."""

    version = "moody"
    manifest = SimpleNamespace(thresholds={}, languages={})

    def __init__(self, cannot: str = "nothing that is written here") -> None:
        self.cannot = cannot

    def score(self, items: Any, **how: Any) -> list[Any]:
        if any(self.cannot in item.text for item in items):
            raise RuntimeError("a text that it cannot read")
        values = dict.fromkeys(ATTRIBUTES, 0.01)
        return [SimpleNamespace(values=values, lang="en", supported=True, words=(), part=None) for _ in items]


async def waiting(rooms: House, site: Site, *comments: Comment) -> list[str]:
    """Take comments in while there is no model."""
    rooms.models.swap(None)
    receipts = [await rooms.intake.submit(site, one) for one in comments]
    assert all(one.verdict.degraded for one in receipts)
    return [one.id for one in receipts]


async def status(rooms: House, site: Site, *ids: str) -> list[Status]:
    return [(await rooms.intake.stored(site, name)).status for name in ids]


@pytest.fixture
def keeping(rooms: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """Give the rooms with an upkeep that leaves the models where the test put them."""

    async def stay() -> None: ...

    monkeypatch.setattr(rooms.upkeep, "_follow_models", stay)
    return rooms


async def test_what_waited_for_a_model_is_published_when_one_is_back(keeping: House, site: Site, comment: Make) -> None:
    ids = await waiting(keeping, site, comment(), comment())
    await keeping.upkeep.step()
    assert await status(keeping, site, *ids) == ["pending"] * 2, "there is still none"
    keeping.models.swap(Moody())
    await keeping.upkeep.step()
    assert await status(keeping, site, *ids) == ["approved"] * 2
    assert await keeping.comments.unscored(site.id, 10) == []


async def test_a_comment_that_no_model_can_read_keeps_no_other_waiting(
    keeping: House, site: Site, comment: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moderation.upkeep.RESCORE_AT_ONCE", 1)
    odd, plain = await waiting(keeping, site, comment("A riddle that no model reads."), comment())
    keeping.models.swap(Moody("riddle"))
    for _ in range(2):
        await keeping.upkeep.step()
    assert await status(keeping, site, odd, plain) == ["pending", "approved"]
    assert not keeping.models.resting
    assert await keeping.comments.unscored(site.id, 10) == [], "it is put off"
    monkeypatch.setattr("moderation.upkeep.RESCORE_AGAIN_SECONDS", 0.0)
    await keeping.comments.score_later(await keeping.intake.stored(site, odd), 0.0)
    keeping.models.swap(Moody())
    await keeping.upkeep.step()
    assert await status(keeping, site, odd) == ["approved"], "and it is tried again"


async def test_a_comment_that_was_decided_or_erased_meanwhile_waits_for_no_model(
    keeping: House, site: Site, comment: Make
) -> None:
    ids = await waiting(keeping, site, comment(), comment())
    stored = [await keeping.intake.stored(site, one) for one in ids]
    await keeping.review.decide(site, ADMIN, ids[0], Ruling(decision=DecisionKind.APPROVE))
    await keeping.intake.erase(site, ids[1])
    for one in stored:
        await keeping.comments.score_later(one, 0.0)
    assert await keeping.connection.execute("ZCARD", keys.of_site(site.id).unscored) == 0


async def test_a_model_that_is_back_publishes_nothing_that_was_rejected_and_edited_without_it(
    keeping: House, site: Site, comment: Make
) -> None:
    [one] = await waiting(keeping, site, comment())
    await keeping.review.decide(site, ADMIN, one, Ruling(decision=DecisionKind.REJECT, reason=DecisionReason.TOXIC))
    edited = await keeping.intake.edit(site, one, "Another text, while no model is there.")
    assert (edited.status, edited.verdict.degraded) == ("pending", True)
    keeping.models.swap(Moody())
    await keeping.upkeep.step()
    assert await status(keeping, site, one) == ["pending"]
    assert await keeping.comments.unscored(site.id, 10) == [], "it was scored"


async def test_what_marks_and_policy_say_by_now_counts_when_a_model_is_back(
    keeping: House, site: Site, comment: Make
) -> None:
    texts = [
        "The ferry leaves at nine.",
        "A zorgle by the harbour.",
        "See https://a.example for more.",
        "Good morning.",
    ]
    blocked, word, link, plain = await waiting(keeping, site, *map(comment, texts))
    author = (await keeping.intake.stored(site, blocked)).author
    await keeping.review.mark(site, ADMIN, author, Mark.BLOCKED, 0)
    await keeping.sites.save_policy(site.id, Policy(blocked_words=("zorgle",), links_allowed=0))
    keeping.models.swap(Moody())
    await keeping.upkeep.step()
    assert await status(keeping, site, blocked, word, link, plain) == ["rejected", "rejected", "pending", "approved"]
    reasons = [(await keeping.intake.stored(site, one)).waiting_for for one in (blocked, word, link)]
    assert reasons == [("blocked_author",), ("blocked_word",), ("links",)]


async def test_what_only_the_arrival_showed_counts_when_a_model_is_back(
    keeping: House, site: Site, comment: Make
) -> None:
    listing = await keeping.sites.save_policy(site.id, Policy(suspect_words=("@dubious.example",)))
    fast = comment(form_seconds=0.1)
    again = [comment("Read this, all of you, it is the truth.", email="ann@posteo.net") for _ in range(4)]
    private = comment(email="ann@dubious.example")
    ids = await waiting(keeping, listing, fast, private, *again)
    keeping.models.swap(Moody())
    await keeping.upkeep.step()
    found = [await keeping.intake.stored(site, one) for one in ids]
    assert [one.status for one in found] == ["pending", "pending", "approved", "approved", "pending", "pending"]
    assert [one.waiting_for[0] for one in (*found[:2], found[-1])] == ["too_fast", "suspect_word", "repeated_text"]


async def test_a_check_that_failed_leaves_a_comment_to_a_person_also_when_a_model_is_back(
    keeping: House, site: Site, comment: Make
) -> None:
    def clumsy(one: Comment, history: History) -> Signal:
        raise ValueError("this check has a fault")

    keeping.intake._pipeline.adopt(site, (clumsy,))
    with structlog.testing.capture_logs():
        [one] = await waiting(keeping, site, comment(honeypot="filled by a robot"))
    keeping.intake._pipeline.adopt(site, checks_of(site.policy))
    keeping.models.swap(Moody())
    await keeping.upkeep.step()
    assert await status(keeping, site, one) == ["pending"], "nobody knows what the check would have seen"


async def test_a_site_that_has_something_wrong_stops_no_other(keeping: House, site: Site, comment: Make) -> None:
    other = await keeping.sites.add(Site(id="aaa"))
    done: list[str] = []

    async def work(where: Site) -> int:
        done.append(where.id)
        if where.id == other.id:
            raise RuntimeError("only this site")
        return 0

    keeping.upkeep.by_and_by = (work,)
    [one] = await waiting(keeping, site, comment())
    keeping.models.swap(Moody())
    await keeping.upkeep.step()
    assert done == ["aaa", "news"]
    assert await status(keeping, site, one) == ["approved"]


async def test_slow_work_is_done_again_at_once_only_while_it_finds_some(keeping: House, site: Site) -> None:
    found = [3, 1, 0, 0]
    done: list[int] = []

    async def work(where: Site) -> int:
        done.append(found[len(done)])
        return done[-1]

    keeping.upkeep.by_and_by = (work,)
    for _ in range(5):
        await keeping.upkeep.step()
    assert done == [3, 1, 0]


async def test_only_the_worker_that_holds_the_lease_works_for_all(keeping: House, site: Site, comment: Make) -> None:
    [one] = await waiting(keeping, site, comment())
    keeping.models.swap(Moody())
    await keeping.connection.execute("SET", "cm:{work}:upkeep", "another worker", "PX", 5000)
    await keeping.upkeep.step()
    assert await status(keeping, site, one) == ["pending"]
    await keeping.connection.execute("DEL", "cm:{work}:upkeep")
    await keeping.upkeep.step()
    assert await status(keeping, site, one) == ["approved"]


async def test_the_queue_is_measured(
    keeping: House, site: Site, comment: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    await waiting(keeping, site, comment(), comment())
    now = time.time
    monkeypatch.setattr("moderation.upkeep.time.time", lambda: now() + 600)
    await keeping.upkeep.step()
    text = keeping.telemetry.exposition()[0].decode()
    assert "moderation_queue_waiting 2.0" in text
    oldest = next(line for line in text.splitlines() if line.startswith("moderation_queue_oldest_seconds "))
    assert 600 <= float(oldest.split()[1]) < 660


async def test_it_ends_when_it_is_told_to_whatever_it_is_doing(keeping: House) -> None:
    for turn in range(12):
        task = asyncio.create_task(keeping.upkeep.run())
        await asyncio.sleep(0.0007 * turn)  # in the midst of one of its questions to the store
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=5.0)
        assert done, "it went on as if nobody had said anything"
