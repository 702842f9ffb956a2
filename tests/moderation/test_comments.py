"""Comments in the store: recorded once however often the call is sent, moved from the version that was seen, found again."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from moderation.app import House
from moderation.errors import CaseDecided, CaseTaken, IdempotencyConflict, RateExceeded, UnknownComment
from moderation.records import (
    Caller,
    Comment,
    DecisionKind,
    DecisionReason,
    Outcome,
    Reason,
    Role,
    Site,
    Status,
    Thread,
    Verdict,
)
from moderation.review import Ruling
from moderation.store import keys
from moderation.store.comments import Known, Move, Recorded
from moderation.store.connection import Connection

HOLD = Verdict(outcome=Outcome.HOLD, reasons=(Reason.SPAM, Reason.LINKS), score=0.7, lang="en", policy=1)
ADMIN = Caller(role=Role.ADMIN, id="m1", name="Bea")
DAY = "2026-01-01"
Make = Callable[..., Comment]


@pytest.fixture
def twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send every script twice and keep the second answer, as a driver does whose first answer was lost."""
    run = Connection.run

    async def again(self: Connection, *args: Any, **options: Any) -> Any:
        await run(self, *args, **options)
        return await run(self, *args, **options)

    monkeypatch.setattr(Connection, "run", again)


@pytest.mark.usefixtures("twice")
async def test_what_the_driver_sends_twice_is_recorded_once(rooms: House, site: Site, comment: Make) -> None:
    plain = await rooms.intake.submit(site, comment())
    assert not plain.known
    keyed = await rooms.intake.submit(site, comment(), idempotency_key="k", body=b"body")
    named = await rooms.intake.submit(site, comment(external_id="wp-1"))
    assert not keyed.known
    assert not named.known
    assert len(await rooms.ledger.read(site.id)) == 3
    stored = await rooms.intake.stored(site, plain.id)
    _, facts = await rooms.review.author(site, stored.author)
    assert facts["ap"] == "1"


@pytest.mark.usefixtures("twice")
async def test_a_decision_that_the_driver_sends_twice_does_not_refuse_itself(
    rooms: House, site: Site, comment: Make
) -> None:
    held = await rooms.intake.submit(site, comment("You are a stupid idiot, shut up you moron"))
    decided = await rooms.review.decide(site, ADMIN, held.id, Ruling(decision=DecisionKind.APPROVE))
    assert decided.version == 2
    assert (await rooms.review.undo(site, ADMIN, held.id)).version == 3
    await rooms.intake.erase(site, held.id)
    assert [entry.line["e"] for entry in await rooms.ledger.read(site.id)] == [
        "comment.erased", "case.undone", "case.decided", "comment.judged",
    ]  # fmt: skip
    assert await rooms.ledger.broken_at(site.id) is None


async def recorded(rooms: House, site: Site, made: Comment, verdict: Verdict = HOLD, **fields: Any) -> str:
    arrival = msgspec.structs.replace(rooms.intake._arrival(site, made), **fields)
    [answer] = await rooms.comments.record(site, [(arrival, verdict)], day=DAY)
    assert isinstance(answer, Recorded)
    return answer.id


async def test_a_move_is_carried_out_only_from_the_version_that_was_seen(
    rooms: House, site: Site, comment: Make
) -> None:
    name = await recorded(rooms, site, comment())
    seen = await rooms.comments.get(site.id, name)
    moves = [Move(event="case.decided", status=Status.APPROVED, queue="leave") for _ in range(8)]
    answers = await asyncio.gather(
        *(rooms.comments.move(seen, move, day=DAY) for move in moves), return_exceptions=True
    )
    assert sorted(str(type(one).__name__) for one in answers) == ["CaseDecided"] * 7 + ["int"]


async def test_another_moderators_lease_refuses_a_move_until_it_ends(rooms: House, site: Site, comment: Make) -> None:
    name = await recorded(rooms, site, comment())
    seen = await rooms.comments.get(site.id, name)
    await rooms.queue.lease(site.id, name, "m2", 60)
    move = Move(event="case.decided", status=Status.APPROVED, queue="leave", leased_to="m1")
    with pytest.raises(CaseTaken):
        await rooms.comments.move(seen, move, day=DAY)
    await rooms.queue.lease(site.id, name, "m2", 0)
    assert await rooms.comments.move(seen, move, day=DAY) == 2


async def test_in_one_batch_the_same_key_and_the_same_name_are_recorded_once(
    rooms: House, site: Site, comment: Make
) -> None:
    first, second, third = comment(external_id="x"), comment(external_id="x"), comment()
    arrivals = [rooms.intake._arrival(site, one) for one in (first, second)]
    arrivals += [rooms.intake._arrival(site, third, "key", body) for body in (b"a", b"b")]
    arrivals[3] = msgspec.structs.replace(arrivals[3], comment=comment())
    answers = await rooms.comments.record(site, [(one, HOLD) for one in arrivals], day=DAY)
    assert isinstance(answers[0], Recorded)
    assert answers[1] == Known(first.id, by_name=True)
    assert isinstance(answers[2], Recorded)
    assert isinstance(answers[3], IdempotencyConflict)
    recalled = await rooms.comments.recall(site, [arrivals[1], arrivals[3]])
    assert recalled[0] == Known(first.id, by_name=True)
    assert isinstance(recalled[1], IdempotencyConflict)


async def test_what_changes_while_a_page_is_read_carries_nobody_past_others(
    rooms: House, site: Site, comment: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [await recorded(rooms, site, comment()) for _ in range(4)]
    get_many = rooms.comments.get_many

    async def with_a_change_between(site_id: str, ids: list[str]) -> Any:
        monkeypatch.setattr(rooms.comments, "get_many", get_many)
        await rooms.review.decide(site, ADMIN, names[1], Ruling(decision=DecisionKind.APPROVE))
        await rooms.intake.erase(site, names[0])
        return await get_many(site_id, ids)

    monkeypatch.setattr(rooms.comments, "get_many", with_a_change_between)
    page = await rooms.comments.changed_since(site.id, 0, 2)
    assert ([one.id for one in page.comments], page.more) == ([names[1]], True)
    rest = await rooms.comments.changed_since(site.id, page.cursor, 10)
    assert [one.id for one in rest.comments] == [names[2], names[3], names[1]]


async def test_of_whom_nothing_is_kept_nobody_is_remembered(rooms: House, site: Site, comment: Make) -> None:
    name = await recorded(rooms, site, comment(external_id="gone", thread=Thread("https://a.example")))
    stored = await rooms.comments.get(site.id, name)
    await rooms.intake.erase(site, name)
    with pytest.raises(UnknownComment):
        await rooms.comments.get(site.id, name)
    names = keys.of_site(site.id)
    assert await rooms.connection.execute("EXISTS", names.author(stored.author), names.queue, names.externals) == 0
    with pytest.raises(UnknownComment):
        await rooms.intake.erase(site, name)


async def test_a_report_cannot_undo_what_the_site_has_not_been_told(rooms: House, site: Site, comment: Make) -> None:
    patient = msgspec.structs.replace(site, policy=msgspec.structs.replace(site.policy, undo_seconds=60))
    name = await recorded(rooms, site, comment(), Verdict(outcome=Outcome.APPROVE))
    seen = await rooms.comments.get(site.id, name)
    ruling = Ruling(decision=DecisionKind.REJECT, reason=DecisionReason.SPAM, version=1)
    await rooms.review.decide(patient, ADMIN, name, ruling)
    await rooms.intake.report(patient, name, "192.0.2.1", "rude")
    now = await rooms.comments.get(site.id, name)
    assert (now.status, now.previous, now.reports) == (Status.REJECTED, Status.APPROVED, 0)
    assert seen.version == now.previous_version == 1


async def test_a_reader_has_an_allowance_of_reports(rooms: House, site: Site, comment: Make) -> None:
    names = [await recorded(rooms, site, comment(), Verdict(outcome=Outcome.APPROVE)) for _ in range(6)]
    for name in names[:5]:
        await rooms.intake.report(site, name, "192.0.2.9", "")
    with pytest.raises(RateExceeded):
        await rooms.intake.report(site, names[5], "192.0.2.9", "")
    assert (await rooms.comments.get(site.id, names[5])).reports == 0


async def test_a_decision_on_an_older_version_hears_who_was_faster(rooms: House, site: Site, comment: Make) -> None:
    name = await recorded(rooms, site, comment())
    seen = await rooms.comments.get(site.id, name)
    await rooms.review.decide(site, ADMIN, name, Ruling(decision=DecisionKind.APPROVE))
    with pytest.raises(CaseDecided) as told:
        await rooms.comments.move(seen, Move(event="case.decided", status=Status.REJECTED), day=DAY)
    assert (told.value.moderator, told.value.version, told.value.decision) == ("Bea", 2, "approve")
    assert told.value.decided_at
