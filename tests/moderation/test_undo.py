"""An undo takes the decision back, and nothing that readers or colleagues said before it or since."""

from collections.abc import Callable

import msgspec
import pytest

from moderation.app import House
from moderation.moves import shown_status
from moderation.records import (
    Caller,
    Comment,
    DecisionKind,
    DecisionReason,
    Outcome,
    Query,
    Reason,
    Role,
    Site,
    Status,
    Thread,
    Verdict,
)
from moderation.review import NOTES_KEPT, Ruling
from moderation.webhooks.events import event_of

BEA = Caller(role=Role.MODERATOR, id="bea", name="Bea")
CEM = Caller(role=Role.MODERATOR, id="cem", name="Cem")
APPROVE = Ruling(decision=DecisionKind.APPROVE)
SPAM = Ruling(decision=DecisionKind.REJECT, reason=DecisionReason.SPAM)
PAGE = Thread("https://news.example/a")
Make = Callable[..., Comment]


async def published(rooms: House, site: Site, made: Comment) -> str:
    receipt = await rooms.intake.submit(site, made)
    assert receipt.status is Status.APPROVED
    return receipt.id


async def decided(rooms: House, site: Site, name: str, ruling: Ruling, seconds: int = 0) -> None:
    version = (await rooms.comments.get(site.id, name)).version
    await rooms.review.decide(site, BEA, name, msgspec.structs.replace(ruling, version=version, undo_seconds=seconds))


def hiding(site: Site) -> Site:
    return msgspec.structs.replace(site, policy=msgspec.structs.replace(site.policy, reported_visible=False))


async def under(rooms: House, site: Site) -> list[str]:
    return [one.id for one in (await rooms.intake.approved_under(site, PAGE.url, 0, 10))[0].comments]


async def test_an_undo_publishes_nothing_that_a_report_has_hidden_since(
    rooms: House, site: Site, comment: Make
) -> None:
    site = hiding(site)
    name = await published(rooms, site, comment(thread=PAGE))
    await decided(rooms, site, name, APPROVE)
    await rooms.intake.report(site, name, "192.0.2.1", "this is libel")
    back = await rooms.review.undo(site, BEA, name)
    case = await rooms.review.case(site, name)
    assert (case.state, case.comment.status, case.comment.reports) == ("waiting", Status.PENDING, 1)
    assert (back.status, await under(rooms, site)) == (Status.PENDING, [])


async def test_an_undo_keeps_the_note_with_which_a_colleague_passed_the_case_on_since(
    rooms: House, site: Site, comment: Make
) -> None:
    name = await published(rooms, site, comment())
    await rooms.intake.report(site, name, "192.0.2.1", "rude")
    await decided(rooms, site, name, APPROVE)
    await rooms.intake.report(site, name, "198.51.100.1", "he names my street")
    await rooms.review.escalate(site, CEM, name, "lawyer must see")
    await rooms.review.undo(site, BEA, name)
    other = await published(rooms, site, comment())
    await rooms.intake.report(site, other, "203.0.113.1", "rude")
    first = (await rooms.review.page(site, Query())).cases[0].comment
    assert (first.id, first.escalated, first.urgency, first.reports) == (name, "Cem: lawyer must see", 1.0, 2)


async def test_of_two_notes_one_before_the_decision_and_one_since_an_undo_keeps_both(
    rooms: House, site: Site, comment: Make
) -> None:
    name = await published(rooms, site, comment())
    await rooms.intake.report(site, name, "192.0.2.1", "rude")
    await rooms.review.escalate(site, CEM, name, "lawyer must see")
    await decided(rooms, site, name, APPROVE)
    await rooms.intake.report(site, name, "198.51.100.1", "rude")
    await rooms.review.escalate(site, BEA, name, "and the editor")
    await rooms.review.undo(site, BEA, name)
    assert (await rooms.comments.get(site.id, name)).escalated == "Bea: and the editor\nCem: lawyer must see"


async def test_a_second_note_takes_no_earlier_one_away_and_the_same_one_comes_once(
    rooms: House, site: Site, comment: Make
) -> None:
    name = await published(rooms, site, comment())
    await rooms.intake.report(site, name, "192.0.2.1", "rude")
    await rooms.review.escalate(site, CEM, name, "lawyer must see")
    for _ in range(2):
        said = await rooms.review.escalate(site, BEA, name, "still open")
    stored = await rooms.comments.get(site.id, name)
    assert stored.escalated == said.escalated == "Bea: still open\nCem: lawyer must see"
    for number in range(12):
        await rooms.review.escalate(site, BEA, name, f"{number}{2000 * '.'}")
    assert len((await rooms.comments.get(site.id, name)).escalated) == NOTES_KEPT


async def test_an_undo_brings_back_what_the_reader_said_and_how_often_the_text_was_changed(
    rooms: House, site: Site, comment: Make
) -> None:
    name = await published(rooms, site, comment())
    for number in range(3):
        await rooms.intake.edit(site, name, f"The new bus line helps us, says reader {number} of this very paper.")
    await rooms.intake.report(site, name, "192.0.2.1", "insults my mother")
    before = await rooms.comments.get(site.id, name)
    assert (before.edits, before.report_reason) == (3, "insults my mother")
    await decided(rooms, site, name, APPROVE)
    between = await rooms.comments.get(site.id, name)
    assert (between.edits, between.report_reason) == (0, "")
    back = await rooms.review.undo(site, BEA, name)
    after = await rooms.comments.get(site.id, name)
    assert (back.edits, back.report_reason) == (after.edits, after.report_reason) == (3, "insults my mother")


async def test_what_the_last_reader_said_comes_before_what_one_said_before_the_decision(
    rooms: House, site: Site, comment: Make
) -> None:
    name = await published(rooms, site, comment())
    await rooms.intake.report(site, name, "192.0.2.1", "insults my mother")
    await decided(rooms, site, name, APPROVE)
    await rooms.intake.report(site, name, "198.51.100.1", "he names my street")
    await rooms.review.undo(site, BEA, name)
    assert (await rooms.comments.get(site.id, name)).report_reason == "he names my street"


async def test_a_report_of_what_was_approved_a_moment_ago_counts_though_the_site_does_not_know_yet(
    rooms: House, site: Site, comment: Make
) -> None:
    name = await published(rooms, site, comment(thread=PAGE))
    await rooms.intake.report(site, name, "192.0.2.1", "rude")
    await decided(rooms, site, name, APPROVE, seconds=30)
    await rooms.intake.report(site, name, "198.51.100.1", "bomb threat")
    case = await rooms.review.case(site, name)
    assert (case.state, case.comment.reports, case.comment.report_reason) == ("waiting", 1, "bomb threat")
    await rooms.review.undo(site, BEA, name)
    case = await rooms.review.case(site, name)
    assert (case.state, case.comment.reports, case.comment.report_reason) == ("waiting", 2, "bomb threat")
    assert (case.comment.embargo, case.comment.previous, await under(rooms, site)) == (0, None, [name])


async def test_a_report_of_what_was_rejected_a_moment_ago_comes_back_with_the_comment(
    rooms: House, site: Site, comment: Make
) -> None:
    name = await published(rooms, site, comment(thread=PAGE))
    await decided(rooms, site, name, SPAM, seconds=30)
    for ip in ("192.0.2.1", "192.0.2.1", "198.51.100.1"):
        await rooms.intake.report(site, name, ip, f"rude, says {ip}")
    case = await rooms.review.case(site, name)
    assert (case.state, case.comment.status, case.comment.reports) == ("decided", Status.REJECTED, 0)
    assert case.comment.previous is Status.APPROVED, "the site has yet to hear of the rejection"
    await rooms.review.undo(site, BEA, name)
    case = await rooms.review.case(site, name)
    assert (case.state, case.comment.status, case.comment.reports) == ("waiting", Status.APPROVED, 2)
    assert (case.comment.report_reason, case.comment.waiting_for) == ("rude, says 198.51.100.1", ("reported",))
    assert case.comment.embargo == 0
    told = [event_of(entry) for entry in await rooms.ledger.read(site.id)]
    assert [event.type for event in told if event] == ["comment.rejected", "comment.judged"]


async def test_what_a_report_of_a_rejected_comment_would_have_hidden_is_hidden_as_it_comes_back(
    rooms: House, site: Site, comment: Make
) -> None:
    site = hiding(site)
    name = await published(rooms, site, comment(thread=PAGE))
    await decided(rooms, site, name, SPAM, seconds=30)
    await rooms.intake.report(site, name, "192.0.2.1", "this is libel")
    assert await under(rooms, site) == [name]
    await rooms.review.undo(site, BEA, name)
    case = await rooms.review.case(site, name)
    assert (case.state, shown_status(case.comment), case.comment.reports) == ("waiting", Status.PENDING, 1)
    assert await under(rooms, site) == []
    [undone] = await rooms.ledger.read(site.id, limit=1)
    assert event_of(undone).type == "comment.pending"


async def test_an_undone_second_decision_leaves_the_first_one_still_to_be_told(
    rooms: House, site: Site, comment: Make
) -> None:
    name = await published(rooms, site, comment())
    await decided(rooms, site, name, APPROVE, seconds=30)
    await rooms.intake.report(site, name, "192.0.2.1", "rude")
    await decided(rooms, site, name, SPAM, seconds=30)
    back = await rooms.review.undo(site, BEA, name)
    stored = await rooms.comments.get(site.id, name)
    assert (stored.status, stored.previous, back.embargo) == (Status.APPROVED, Status.APPROVED, stored.embargo)
    assert stored.embargo > 0


async def test_a_report_without_an_address_counts_once_after_each_look_of_a_person(
    rooms: House, site: Site, comment: Make
) -> None:
    name = await published(rooms, site, comment())

    async def reports(reason: str, ip: str = "") -> int:
        await rooms.intake.report(site, name, ip, reason)
        return (await rooms.comments.get(site.id, name)).reports

    assert [await reports("rude"), await reports("rude")] == [1, 1]
    await decided(rooms, site, name, APPROVE)
    assert [await reports("bomb threat", "192.0.2.1"), await reports("bomb threat"), await reports("rude")] == [1, 2, 2]
    await decided(rooms, site, name, APPROVE)
    assert await reports("still there") == 1
    case = await rooms.review.case(site, name)
    assert (case.state, case.comment.report_reason) == ("waiting", "still there")
    await decided(rooms, site, name, APPROVE)
    assert (await rooms.intake.edit(site, name, "The new bus line helps us all, says this paper.")).status == "approved"
    assert await reports("not what was approved") == 1


async def test_an_undo_makes_room_for_no_more_reports_without_an_address_than_one_for_each_decision(
    rooms: House, site: Site, comment: Make
) -> None:
    name = await published(rooms, site, comment())
    for seconds in (0, 30):
        await decided(rooms, site, name, SPAM, seconds=seconds)
        for _ in range(3):
            if seconds:
                await rooms.intake.report(site, name, "", "rude")
        await rooms.review.undo(site, BEA, name)
    for _ in range(3):
        await rooms.intake.report(site, name, "", "rude")
    assert (await rooms.comments.get(site.id, name)).reports == 2


async def test_reports_without_an_address_are_told_apart_by_the_keys_they_come_with(
    rooms: House, site: Site, comment: Make
) -> None:
    name = await published(rooms, site, comment())
    for key in ("r-1", "r-1", "r-2"):
        await rooms.intake.report(site, name, "", "rude", key=key)
    assert (await rooms.comments.get(site.id, name)).reports == 2


async def test_an_edit_that_the_machine_would_reject_hushes_neither_readers_nor_colleagues(
    rooms: House, site: Site, comment: Make
) -> None:
    site = msgspec.structs.replace(site, policy=msgspec.structs.replace(site.policy, blocked_words=("grawlix",)))
    await rooms.intake.prepare(site)
    name = await published(rooms, site, comment())
    await rooms.intake.report(site, name, "192.0.2.1", "rude")
    await rooms.review.escalate(site, CEM, name, "lawyer must see")
    assert (await rooms.intake.edit(site, name, "Grawlix, says this reader.")).status is Status.PENDING
    [case] = (await rooms.review.page(site, Query(reason="reported"))).cases
    assert (case.comment.reports, case.comment.report_reason) == (1, "rude")
    assert (case.comment.escalated, case.comment.urgency) == ("Cem: lawyer must see", 1.0)
    await decided(rooms, site, name, APPROVE)
    stored = await rooms.comments.get(site.id, name)
    assert (stored.status, stored.reports, stored.escalated) == (Status.APPROVED, 0, "")


@pytest.mark.parametrize("ruling", [APPROVE, SPAM])
async def test_what_waited_for_a_model_waits_for_it_again_after_an_undo(
    rooms: House, site: Site, comment: Make, ruling: Ruling
) -> None:
    models = rooms.intake._pipeline.models
    seats = models._seats
    models.swap(None)
    name = (await rooms.intake.submit(site, comment())).id
    models._seats = seats
    await decided(rooms, site, name, ruling)
    assert await rooms.comments.unscored(site.id, 10) == []
    await rooms.review.undo(site, BEA, name)
    [waits] = await rooms.comments.unscored(site.id, 10)
    assert waits.id == name
    await rooms.intake.rescore(site, waits)
    assert (await rooms.comments.get(site.id, name)).status is Status.APPROVED


async def test_what_a_person_approved_before_waits_for_no_model_after_an_undo(
    rooms: House, site: Site, comment: Make
) -> None:
    models = rooms.intake._pipeline.models
    models.swap(None)
    name = (await rooms.intake.submit(site, comment())).id
    await decided(rooms, site, name, APPROVE)
    await rooms.intake.report(hiding(site), name, "192.0.2.1", "rude")
    await decided(rooms, site, name, SPAM)
    assert (await rooms.review.undo(site, BEA, name)).status is Status.PENDING
    assert await rooms.comments.unscored(site.id, 10) == []


async def test_what_waited_before_and_was_reported_since_is_found_under_both(
    rooms: House, site: Site, comment: Make
) -> None:
    name = (await rooms.intake.submit(site, comment("You are a stupid idiot, shut up you moron"))).id
    reasons = (await rooms.comments.get(site.id, name)).waiting_for
    await decided(rooms, site, name, APPROVE)
    await rooms.intake.report(site, name, "192.0.2.1", "rude")
    await rooms.review.undo(site, BEA, name)
    for reason in ("reported", *reasons):
        [case] = (await rooms.review.page(site, Query(reason=reason))).cases
        assert case.comment.waiting_for == ("reported", *reasons)


async def test_a_case_held_for_many_reasons_has_all_of_them_after_an_undo(
    rooms: House, site: Site, comment: Make
) -> None:
    many = (Reason.TOXICITY, Reason.SPAM, Reason.LINKS, Reason.VELOCITY, Reason.SUSPECT_WORD)
    arrival = rooms.intake._arrival(site, comment())
    verdict = Verdict(outcome=Outcome.HOLD, reasons=many)
    await rooms.comments.record(site, [(arrival, verdict)], day="2026-01-01")
    name = arrival.comment.id
    await decided(rooms, site, name, APPROVE)
    await rooms.review.undo(site, BEA, name)
    assert (await rooms.comments.get(site.id, name)).waiting_for == many
    await decided(rooms, site, name, APPROVE)
    for reason in many:
        assert (await rooms.review.page(site, Query(reason=reason.value))).cases == []


async def test_a_report_without_a_word_leaves_what_another_reader_said(rooms: House, site: Site, comment: Make) -> None:
    name = await published(rooms, site, comment())
    await rooms.intake.report(site, name, "192.0.2.1", "insults my mother")
    await rooms.intake.report(site, name, "198.51.100.1", "")
    stored = await rooms.comments.get(site.id, name)
    assert (stored.reports, stored.report_reason) == (2, "insults my mother")


@pytest.mark.parametrize("ruling", [APPROVE, SPAM, msgspec.structs.replace(SPAM, learn=False)])
async def test_what_a_client_said_of_a_comment_is_a_lesson_again_after_an_undo(
    rooms: House, site: Site, comment: Make, ruling: Ruling
) -> None:
    made = comment()
    name = await published(rooms, site, made)
    stored = await rooms.comments.get(site.id, name)
    await rooms.feedback.correct(site, made, stored.verdict, spam=True)
    said = [label async for label in rooms.labels.walk(site.id)]
    assert [label.source for label in said] == ["akismet"]
    await decided(rooms, site, name, ruling)
    await rooms.review.undo(site, BEA, name)
    assert [label async for label in rooms.labels.walk(site.id)] == said
    await decided(rooms, site, name, ruling)
    await decided(rooms, site, name, APPROVE)
    await rooms.review.undo(site, BEA, name)
    assert [label.source async for label in rooms.labels.walk(site.id)] == ["moderator"] * ruling.learn
