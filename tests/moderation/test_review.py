"""Review: what a decision teaches and to whom it is told, who may take it back and until when, each thing counted."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from moderation.app import House
from moderation.errors import CaseDecided, FieldsInvalid, ModerationError, UndoTooLate, UnknownCase
from moderation.records import Caller, Case, Comment, DecisionKind, DecisionReason, Mark, Query, Role, Site, Stored
from moderation.review import CLAIM_AT_MOST, Ruling, lesson

BEA = Caller(role=Role.MODERATOR, id="bea", name="Bea")
CEM = Caller(role=Role.MODERATOR, id="cem", name="Cem")
ADMIN = Caller(role=Role.ADMIN, id="ada", name="Ada")
APPROVE = Ruling(decision=DecisionKind.APPROVE)
SPAM = Ruling(decision=DecisionKind.REJECT, reason=DecisionReason.SPAM)
RUDE = "You are a stupid idiot number {n} and everybody hates you, shut up you moron"
Make = Callable[..., Comment]


async def held(rooms: House, site: Site, comment: Make, count: int = 1) -> list[str]:
    receipts = [await rooms.intake.submit(site, comment(RUDE.format(n=n))) for n in range(count)]
    assert {one.status for one in receipts} == {"pending"}
    return [one.id for one in receipts]


def counted(rooms: House, sample: str) -> float:
    lines = rooms.telemetry.exposition()[0].decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(sample))


@pytest.mark.parametrize(
    ("decision", "reason", "learn", "taught"),
    [
        ("approve", None, True, {"spam": 0.0, "toxicity": 0.0}),
        ("reject", "spam", True, {"spam": 1.0}),
        ("reject", "toxic", True, {"toxicity": 1.0}),
        ("reject", "off_topic", True, {}),
        ("reject", "personal_data", True, {}),
        ("reject", "illegal", True, {}),
        ("reject", "other", True, {}),
        ("reject", "spam", False, {}),
        ("approve", None, False, {}),
    ],
)
def test_the_reason_and_nothing_else_says_what_is_learned(
    decision: str, reason: str | None, learn: bool, taught: dict[str, float]
) -> None:
    assert lesson(DecisionKind(decision), DecisionReason(reason) if reason else None, learn) == taught


async def test_a_second_decision_replaces_the_lesson_and_an_undo_brings_the_first_one_back(
    rooms: House, site: Site, comment: Make
) -> None:
    [one] = await held(rooms, site, comment)
    await rooms.review.decide(site, BEA, one, SPAM)
    label = [found async for found in rooms.labels.walk(site.id)]
    assert [found.values for found in label] == [{"spam": 1.0}]
    assert label[0].by != "bea", "who labelled is a pseudonym"
    toxic = Ruling(decision=DecisionKind.REJECT, reason=DecisionReason.TOXIC, version=2)
    await rooms.review.decide(site, CEM, one, toxic)
    assert [found.values async for found in rooms.labels.walk(site.id)] == [{"toxicity": 1.0}]
    await rooms.review.undo(site, CEM, one)
    assert [found.values async for found in rooms.labels.walk(site.id)] == [{"spam": 1.0}]


async def test_a_decision_without_a_lesson_takes_an_earlier_one_away(rooms: House, site: Site, comment: Make) -> None:
    [one] = await held(rooms, site, comment)
    await rooms.review.decide(site, BEA, one, SPAM)
    silent = Ruling(decision=DecisionKind.REJECT, reason=DecisionReason.ILLEGAL, version=2)
    await rooms.review.decide(site, BEA, one, silent)
    assert await rooms.labels.count(site.id) == 0


async def test_of_two_decisions_one_wins_and_each_is_counted_as_what_it_is(
    rooms: House, site: Site, comment: Make
) -> None:
    [one] = await held(rooms, site, comment)
    answers = await asyncio.gather(
        rooms.review.decide(site, BEA, one, APPROVE), rooms.review.decide(site, CEM, one, SPAM), return_exceptions=True
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["CaseDecided", "Stored"]
    assert counted(rooms, "moderation_cases_decided_total") == 1
    assert counted(rooms, 'moderation_decisions_refused_total{code="case_decided"}') == 1


@pytest.fixture
def a_colleague_is_faster(rooms: House, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Bea approve whatever a verb has just read, before the verb looks whether it waits."""
    look = rooms.queue.case

    async def later(stored: Stored) -> Case:
        monkeypatch.setattr(rooms.queue, "case", look)
        await rooms.review.decide(site, BEA, stored.id, APPROVE)
        return await look(stored)

    monkeypatch.setattr(rooms.queue, "case", later)


@pytest.mark.parametrize("version", [None, 1])
async def test_who_decides_while_a_colleague_does_is_told_who_was_faster(
    rooms: House, site: Site, comment: Make, a_colleague_is_faster: None, version: int | None
) -> None:
    [one] = await held(rooms, site, comment)
    with pytest.raises(CaseDecided) as caught:
        await rooms.review.decide(site, CEM, one, msgspec.structs.replace(SPAM, version=version))
    assert (caught.value.version, caught.value.moderator, caught.value.decision) == (2, "Bea", "approve")


async def test_who_passes_a_case_on_while_a_colleague_decides_is_told_who_was_faster(
    rooms: House, site: Site, comment: Make, a_colleague_is_faster: None
) -> None:
    [one] = await held(rooms, site, comment)
    with pytest.raises(CaseDecided) as caught:
        await rooms.review.escalate(site, CEM, one, "Please look.")
    assert (caught.value.version, caught.value.moderator) == (2, "Bea")


async def test_who_opens_a_case_while_a_colleague_decides_sees_the_decision(
    rooms: House, site: Site, comment: Make, a_colleague_is_faster: None
) -> None:
    [one] = await held(rooms, site, comment)
    case = await rooms.review.case(site, one)
    assert (case.state, case.comment.status, case.comment.version) == ("decided", "approved", 2)


async def test_a_case_that_does_not_wait_is_decided_again_only_from_the_version_that_was_seen(
    rooms: House, site: Site, comment: Make
) -> None:
    receipt = await rooms.intake.submit(site, comment())
    assert receipt.status == "approved"
    with pytest.raises(CaseDecided) as caught:
        await rooms.review.decide(site, BEA, receipt.id, SPAM)
    assert (caught.value.version, caught.value.moderator) == (1, "")
    again = Ruling(decision=DecisionKind.REJECT, reason=DecisionReason.SPAM, version=1)
    assert (await rooms.review.decide(site, BEA, receipt.id, again)).status == "rejected"


async def test_only_who_decided_or_an_admin_takes_a_decision_back(rooms: House, site: Site, comment: Make) -> None:
    first, second = await held(rooms, site, comment, 2)
    for one in (first, second):
        await rooms.review.decide(site, BEA, one, APPROVE)
        with pytest.raises(CaseDecided):
            await rooms.review.undo(site, CEM, one)
    assert (await rooms.review.undo(site, BEA, first)).status == "pending"
    assert (await rooms.review.undo(site, ADMIN, second)).status == "pending"
    assert counted(rooms, "moderation_decisions_undone_total") == 2


async def test_a_decision_of_yesterday_or_none_cannot_be_taken_back(rooms: House, site: Site, comment: Make) -> None:
    first, second = await held(rooms, site, comment, 2)
    with pytest.raises(UndoTooLate):
        await rooms.review.undo(site, BEA, first)
    await rooms.review.decide(site, BEA, second, APPROVE)
    rooms.review._now = lambda: datetime.now(UTC) + timedelta(hours=25)
    with pytest.raises(UndoTooLate):
        await rooms.review.undo(site, BEA, second)
    assert (await rooms.intake.stored(site, second)).status == "approved"


async def test_a_decision_that_was_taken_back_is_counted_no_more_on_the_day_it_was_made(
    rooms: House, site: Site, comment: Make
) -> None:
    first, second, third = await held(rooms, site, comment, 3)
    late = datetime.now(UTC).replace(hour=23, minute=59, second=59)
    rooms.review._now = rooms.oversight._now = lambda: late
    for one in (first, second):
        await rooms.review.decide(site, BEA, one, SPAM)
    await rooms.review.decide(site, CEM, third, APPROVE)
    made = dict((await rooms.oversight.days(site, 1))[0].counts)
    assert (made["d:reject"], made["by:bea:reject"], made["dr:spam"]) == (2, 2, 2)
    rooms.review._now = rooms.oversight._now = lambda: late + timedelta(seconds=2)
    await rooms.review.undo(site, BEA, first)
    await rooms.review.undo(site, CEM, third)
    today, tomorrow = [one.counts for one in await rooms.oversight.days(site, 2)]
    assert (today["d:reject"], today["by:bea:reject"], today["dr:spam"], today["undone"]) == (1, 1, 1, 2)
    assert (today["d:approve"], today["by:cem:approve"]) == (0, 0)
    assert sum(count for name, count in today.items() if name.startswith("tt:")) == 1
    assert not any(name.startswith(("d:", "by:", "dr:", "tt:", "undone")) for name in tomorrow)


async def test_an_undo_names_the_version_it_means(rooms: House, site: Site, comment: Make) -> None:
    [one] = await held(rooms, site, comment)
    await rooms.review.decide(site, BEA, one, APPROVE)
    with pytest.raises(CaseDecided):
        await rooms.review.undo(site, BEA, one, version=1)
    assert (await rooms.review.undo(site, BEA, one, version=2)).version == 3


async def test_a_rejection_says_why(rooms: House, site: Site, comment: Make) -> None:
    [one] = await held(rooms, site, comment)
    with pytest.raises(FieldsInvalid):
        await rooms.review.decide(site, BEA, one, Ruling(decision=DecisionKind.REJECT))
    assert (await rooms.intake.stored(site, one)).version == 1


async def test_nobody_claims_more_than_is_allowed_and_each_claim_is_counted(
    rooms: House, site: Site, comment: Make
) -> None:
    await held(rooms, site, comment, 3)
    assert len(await rooms.review.claim(site, BEA, 2, 60, Query())) == 2
    assert len(await rooms.review.claim(site, CEM, 10 * CLAIM_AT_MOST, 60, Query())) == 1
    assert counted(rooms, "moderation_cases_claimed_total") == 3


async def test_another_sites_case_is_none(rooms: House, site: Site, comment: Make) -> None:
    [one] = await held(rooms, site, comment)
    blog = await rooms.sites.add(Site(id="blog"))
    for verb in (
        rooms.review.case(blog, one),
        rooms.review.decide(blog, ADMIN, one, APPROVE),
        rooms.review.undo(blog, ADMIN, one),
        rooms.review.escalate(blog, ADMIN, one, "look"),
    ):
        with pytest.raises(UnknownCase):
            await verb


async def test_a_blocked_author_waits_until_the_mark_ends(rooms: House, site: Site, comment: Make) -> None:
    receipt = await rooms.intake.submit(site, comment(email="dan@posteo.net"))
    author = (await rooms.intake.stored(site, receipt.id)).author
    await rooms.review.mark(site, BEA, author, Mark.BLOCKED, 7)
    blocked = await rooms.intake.submit(site, comment(email="dan@posteo.net"))
    assert blocked.status != "approved"
    rooms.review._now = lambda: datetime.now(UTC) - timedelta(days=8)
    await rooms.review.mark(site, BEA, author, Mark.BLOCKED, 7)
    after = await rooms.intake.submit(site, comment("The harbour looks fine today.", email="dan@posteo.net"))
    assert (after.status, after.verdict.reasons) == ("approved", ())
    entry = (await rooms.ledger.read(site.id, limit=10))[1].line
    assert (entry["e"], entry["by"], entry["mark"]) == ("author.marked", "bea", "blocked")


async def test_a_lease_of_a_colleague_refuses_a_moderator_and_not_an_admin(
    rooms: House, site: Site, comment: Make
) -> None:
    [one] = await held(rooms, site, comment)
    await rooms.review.claim(site, BEA, 1, 60, Query())
    with pytest.raises(ModerationError) as caught:
        await rooms.review.decide(site, CEM, one, APPROVE)
    assert caught.value.code == "case_taken"
    assert (await rooms.review.decide(site, ADMIN, one, APPROVE)).status == "approved"
