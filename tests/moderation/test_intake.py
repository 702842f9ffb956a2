"""Intake: what fails fails alone, a fault of ours leaves a comment to a person, and nothing of a person gets into the log."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import structlog

from moderation.app import House
from moderation.errors import (
    CommentChanged,
    ExternalIdTaken,
    IdempotencyConflict,
    Overloaded,
    RateExceeded,
    StoreUnavailable,
    UnknownComment,
)
from moderation.intake import _Ids
from moderation.moves import shown_status
from moderation.records import (
    Caller,
    Comment,
    DecisionKind,
    DecisionReason,
    History,
    Limits,
    Mark,
    Policy,
    Role,
    Signal,
    Site,
    Threshold,
)
from moderation.review import Ruling
from moderation.scoring.details import detail
from moderation.store.connection import Connection

Make = Callable[..., Comment]
ADMIN = Caller(role=Role.ADMIN, id="ada", name="Ada")


def counted(rooms: House, sample: str) -> float:
    lines = rooms.telemetry.exposition()[0].decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(sample))


async def test_a_check_that_raises_leaves_the_comment_to_a_person_and_is_logged_without_a_word_of_it(
    rooms: House, site: Site, comment: Make
) -> None:
    def clumsy(one: Comment, history: History) -> Signal:
        raise ValueError(f"cannot take {one.text} of {one.email}")

    rooms.intake._pipeline.adopt(site, (clumsy,))
    with structlog.testing.capture_logs() as lines:
        receipt = await rooms.intake.submit(site, comment("a secret remark"))
    assert (receipt.status, receipt.verdict.reasons) == ("pending", ("unscored",))
    [line] = [line for line in lines if line["event"] == "check_failed"]
    assert line["comment"] == receipt.id
    assert line["check"].startswith("test_a_check_that_raises")
    assert isinstance(line["exc_info"], ValueError), "of which telemetry keeps type and place only"
    assert "secret" not in str({key: value for key, value in line.items() if key != "exc_info"})
    assert counted(rooms, "moderation_checks_failed_total") == 1


async def test_a_refused_comment_fails_alone_in_its_batch(rooms: House, site: Site, comment: Make) -> None:
    tight = await rooms.sites.save_policy(site.id, Policy(limits=Limits(email=2)))
    texts = [comment(email="one@posteo.net") for _ in range(3)] + [comment()]
    answers = await asyncio.gather(*(rooms.intake.submit(tight, one) for one in texts), return_exceptions=True)
    assert [type(answer).__name__ for answer in answers] == ["Receipt", "Receipt", "RateExceeded", "Receipt"]
    assert await rooms.comments.count(site.id) == 3
    refused = answers[2]
    assert isinstance(refused, RateExceeded)
    assert 0 < refused.retry_after <= 60
    assert counted(rooms, 'moderation_allowance_spent_total{allowed="no"') == 1


async def test_the_same_key_at_the_same_time_is_one_comment(rooms: House, site: Site, comment: Make) -> None:
    made = comment()
    given = [msgspec.structs.replace(made, id=rooms.intake.new_id(site)) for _ in range(8)]
    receipts = await asyncio.gather(*(rooms.intake.submit(site, one, idempotency_key="k", body=b"b") for one in given))
    assert len({receipt.id for receipt in receipts}) == 1
    assert sum(not receipt.known for receipt in receipts) == 1
    with pytest.raises(IdempotencyConflict):
        await rooms.intake.submit(site, comment(), idempotency_key="k", body=b"other")
    assert await rooms.comments.count(site.id) == 1


async def test_what_fails_for_one_site_fails_for_no_other(
    rooms: House, site: Site, comment: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    blog = await rooms.sites.add(Site(id="blog"))
    recall = rooms.comments.recall

    async def away(where: Site, *given: Any, **more: Any) -> Any:
        if where.id == "blog":
            raise StoreUnavailable("the store cannot be reached")
        return await recall(where, *given, **more)

    monkeypatch.setattr(rooms.comments, "recall", away)
    there = msgspec.structs.replace(comment(), id=rooms.intake.new_id(blog), site="blog")
    answers = await asyncio.gather(
        rooms.intake.submit(site, comment()), rooms.intake.submit(blog, there), return_exceptions=True
    )
    assert [type(answer).__name__ for answer in answers] == ["Receipt", "StoreUnavailable"]


async def test_when_too_many_wait_a_comment_is_refused_and_counted(rooms: House, site: Site, comment: Make) -> None:
    rooms.intake._batches._waiting = 0
    with pytest.raises(Overloaded):
        await rooms.intake.submit(site, comment())
    assert counted(rooms, "moderation_requests_turned_away_total") == 1
    assert await rooms.comments.count(site.id) == 0


async def test_scoring_many_long_texts_lets_others_in_between_and_keeps_their_order(
    rooms: House, site: Site, comment: Make
) -> None:
    texts = [f"{'You stupid idiot.' if place % 2 else 'Thank you very much.'} {'word ' * 380}" for place in range(40)]
    let_in = 0

    async def others() -> None:
        nonlocal let_in
        while True:
            let_in += 1
            await asyncio.sleep(0)

    waiting = asyncio.create_task(others())
    verdicts = await rooms.intake.score(site, [comment(text=text) for text in texts])
    waiting.cancel()
    assert let_in >= 3
    rude = [verdict.scores["toxicity"] for verdict in verdicts]
    assert len(rude) == 40
    assert min(rude[1::2]) > max(rude[::2])


async def test_appraising_and_scoring_leave_nothing_behind(
    rooms: House, site: Site, comment: Make, connection: Connection
) -> None:
    made = comment(email="ann@posteo.net", ip="203.0.113.7")
    before = set(await connection.execute("KEYS", "*"))
    for _ in range(30):
        verdict = await rooms.intake.appraise(site, made)
    assert verdict.outcome == "approve"
    assert (await rooms.intake.score(site, [made]))[0].scores == verdict.scores
    assert set(await connection.execute("KEYS", "*")) - before <= {b"cm:{sites}:generation"}


@pytest.mark.parametrize(
    ("known", "eased"), [({}, False), ({"ip": "192.0.2.7"}, True), ({"email": "ann@posteo.net"}, True)]
)
async def test_a_name_that_anybody_may_write_eases_nothing(
    rooms: House, site: Site, comment: Make, known: dict[str, str], eased: bool
) -> None:
    who = {"name": "Regular Reader", "email": "", **known}
    site = msgspec.structs.replace(site, policy=Policy(links_allowed=0, thresholds={"spam": Threshold()}))
    for text in ("The new bus line is a great help.", "I liked the photos of the lake.", "When does the library open?"):
        assert (await rooms.intake.submit(site, comment(text, **who))).status == "approved"
    linked = await rooms.intake.submit(site, comment("The timetable is at https://bus.example", **who))
    assert linked.status == ("approved" if eased else "pending")
    mild = await rooms.intake.submit(site, comment("Thank you for these figures.", **who))
    edited = await rooms.intake.edit(site, mild.id, "They are from https://lake.example")
    assert edited.status == linked.status, "an edit proves no more than the comment did"
    author = (await rooms.intake.stored(site, linked.id)).author
    assert len((await rooms.review.author(site, author))[0]) == 5, "they are found together all the same"
    await rooms.review.mark(site, ADMIN, author, Mark.TRUSTED, 0)
    trusted = await rooms.intake.submit(site, comment("Look at https://library.example", **who))
    assert trusted.status == linked.status
    said = {signal.name: detail(signal) for signal in trusted.verdict.signals}["author"]
    assert ("which anybody may write" in said) is not eased


async def test_an_edit_is_no_repetition_of_itself(rooms: House, site: Site, comment: Make) -> None:
    text = "The library should open on Sundays too, many of us work all week."
    receipt = await rooms.intake.submit(site, comment(text))
    edited = await rooms.intake.edit(site, receipt.id, text + " Thank you.")
    assert edited.status == "approved"
    again = {signal.name: signal for signal in edited.verdict.signals}
    assert again["repeated_text"].score == 0.0
    assert (await rooms.intake.stored(site, receipt.id)).version == 2


async def test_an_edit_that_changes_nothing_overrules_nobody(rooms: House, site: Site, comment: Make) -> None:
    spam = "Cheap casino pills at http://pills.example/win, buy now!!!"
    receipt = await rooms.intake.submit(site, comment(spam))
    await rooms.review.decide(site, ADMIN, receipt.id, Ruling(decision=DecisionKind.APPROVE, version=1))
    before = await rooms.intake.stored(site, receipt.id)
    again = await rooms.intake.edit(site, receipt.id, spam)
    assert (again.status, again.known) == ("approved", True)
    assert await rooms.intake.stored(site, receipt.id) == before
    assert (await rooms.labels.get(site.id, f"c-{receipt.id}")).source == "moderator"
    unheard = Ruling(decision=DecisionKind.REJECT, reason=DecisionReason.SPAM, version=2, undo_seconds=60)
    await rooms.review.decide(site, ADMIN, receipt.id, unheard)
    assert (await rooms.intake.edit(site, receipt.id, spam)).status == "approved", "the site is not told yet"
    assert (await rooms.intake.edit(site, receipt.id, spam + "!")).status == "rejected"


async def test_no_edit_takes_a_case_away_that_a_moderator_passed_on(rooms: House, site: Site, comment: Make) -> None:
    receipt = await rooms.intake.submit(site, comment())
    await rooms.intake.report(site, receipt.id, "192.0.2.1", "a threat")
    await rooms.review.escalate(site, ADMIN, receipt.id, "the police asked us to keep this")
    spam = "Cheap casino pills at http://pills.example/win, buy now!!!"
    for text in (spam, "The council meets on Monday.", spam):
        assert (await rooms.intake.edit(site, receipt.id, text)).status == "pending"
        case = await rooms.review.case(site, receipt.id)
        assert (case.state, case.comment.reports) == ("waiting", 1)
        assert case.comment.escalated == "Ada: the police asked us to keep this"


async def test_what_is_known_of_an_author_counts_in_an_edit_whatever_the_site_calls_the_comment(
    rooms: House, site: Site, comment: Make
) -> None:
    listing = await rooms.sites.save_policy(site.id, Policy(suspect_words=("@dubious.example",)))
    receipt = await rooms.intake.submit(site, comment("The ferry leaves at nine.", external_id="wp-1"))
    private = await rooms.intake.submit(listing, comment(email="ann@dubious.example"))
    author = (await rooms.intake.stored(site, receipt.id)).author
    await rooms.review.mark(site, ADMIN, author, Mark.BLOCKED, 0)
    assert (await rooms.intake.edit(site, receipt.id, "The ferry leaves at ten.")).status == "rejected"
    edited = await rooms.intake.edit(listing, private.id, "The ferry leaves at ten.")
    assert (edited.status, edited.verdict.reasons) == ("pending", ("suspect_word",)), "the address is no longer known"


async def test_however_often_it_is_edited_only_a_person_publishes_what_a_person_rejected(
    rooms: House, site: Site, comment: Make
) -> None:
    receipt = await rooms.intake.submit(site, comment("An opinion about the harbour that breaks a rule of this house."))
    stored = await rooms.intake.stored(site, receipt.id)
    ruling = Ruling(decision=DecisionKind.REJECT, reason=DecisionReason.OFF_TOPIC, version=stored.version)
    await rooms.review.decide(site, ADMIN, receipt.id, ruling)
    for turn in range(3):
        edited = await rooms.intake.edit(site, receipt.id, f"The library should open on Sundays, says draft {turn}.")
        assert edited.status == "pending", turn
        assert (await rooms.intake.stored(site, receipt.id)).waiting_for[0] == "edited"
    await rooms.review.decide(site, ADMIN, receipt.id, Ruling(decision=DecisionKind.APPROVE))
    assert (await rooms.intake.edit(site, receipt.id, "The library should open on Sundays.")).status == "approved"


@pytest.mark.parametrize("shown", ["approved", "pending"])
async def test_an_edit_while_a_decision_may_be_undone_waits_and_does_not_tell_which_it_was(
    rooms: House, site: Site, comment: Make, shown: str
) -> None:
    told = []
    if shown == "pending":
        site = await rooms.sites.save_policy(site.id, Policy(first_comment="hold"))
    for kind in DecisionKind:
        receipt = await rooms.intake.submit(site, comment())
        assert receipt.status == shown
        reason = DecisionReason.TOXIC if kind is DecisionKind.REJECT else None
        ruling = Ruling(decision=kind, reason=reason, version=1, undo_seconds=60)
        await rooms.review.decide(site, ADMIN, receipt.id, ruling)
        assert shown_status(await rooms.intake.stored(site, receipt.id)) == shown
        edited = await rooms.intake.edit(site, receipt.id, "The ferry leaves at nine on weekdays.")
        told.append((edited.status, edited.verdict.reasons, edited.verdict.outcome))
        assert (await rooms.review.case(site, receipt.id)).state == "waiting", "a person looks at the new text"
        assert (await rooms.intake.edit(site, receipt.id, "The ferry leaves at ten.")).status == "pending"
    assert told[0] == told[1]
    assert told[0][0] == "pending"


async def test_what_was_rejected_and_edited_to_something_else_that_waits_stays_withheld(
    rooms: House, site: Site, comment: Make
) -> None:
    receipt = await rooms.intake.submit(site, comment("Cheap casino pills at http://pills.example/win, buy now!!!"))
    assert receipt.status == "rejected"
    links = "See https://a.example and https://b.example and https://c.example and https://d.example on the council."
    assert (await rooms.intake.edit(site, receipt.id, links)).status == "pending"
    assert (await rooms.intake.edit(site, receipt.id, "The council meets on Monday.")).status == "pending"


async def test_the_first_request_sent_again_after_an_edit_is_answered_with_the_comment_as_it_stands(
    rooms: House, site: Site, comment: Make
) -> None:
    texts = ["The ferry leaves at nine.", "The ferry leaves at ten.", "The ferry leaves at noon."]
    receipt = await rooms.intake.submit(site, comment(texts[0], external_id="wp-1"))
    for text in texts[1:]:
        await rooms.intake.edit(site, receipt.id, text)
    ruling = Ruling(decision=DecisionKind.REJECT, reason=DecisionReason.OFF_TOPIC, version=3)
    await rooms.review.decide(site, ADMIN, receipt.id, ruling)
    for text in (texts[0], texts[2]):
        again = await rooms.intake.submit(site, comment(text, external_id="wp-1"))
        assert (again.id, again.status, again.known) == (receipt.id, "rejected", True)
    assert (await rooms.intake.stored(site, receipt.id)).text == texts[2]
    for text in (texts[1], "Something else entirely."):
        with pytest.raises(ExternalIdTaken):
            await rooms.intake.submit(site, comment(text, external_id="wp-1"))


async def test_a_first_text_that_was_never_published_is_not_by_the_approval_of_an_edit(
    rooms: House, site: Site, comment: Make
) -> None:
    spam = "Cheap casino pills at http://pills.example/win, buy now!!!"
    receipt = await rooms.intake.submit(site, comment(spam, external_id="wp-1"))
    assert (await rooms.intake.edit(site, receipt.id, "The council meets on Monday.")).status == "pending"
    assert (await rooms.intake.submit(site, comment(spam, external_id="wp-1"))).status == "pending"
    await rooms.review.decide(site, ADMIN, receipt.id, Ruling(decision=DecisionKind.APPROVE))
    with pytest.raises(ExternalIdTaken):
        await rooms.intake.submit(site, comment(spam, external_id="wp-1"))


async def test_a_request_repeated_with_its_key_hears_where_the_comment_stands_and_of_no_other_text_that_it_is_approved(
    rooms: House, site: Site, comment: Make
) -> None:
    first = comment("Cheap casino pills at http://pills.example/win, buy now!!!", external_id="wp-1")
    again = msgspec.structs.replace(first, id=rooms.intake.new_id(site))
    receipt = await rooms.intake.submit(site, first, idempotency_key="k", body=b"b")
    await rooms.intake.edit(site, receipt.id, "The council meets on Monday.")
    assert (await rooms.intake.submit(site, again, idempotency_key="k", body=b"b")).status == "pending"
    await rooms.review.decide(site, ADMIN, receipt.id, Ruling(decision=DecisionKind.APPROVE))
    with pytest.raises(CommentChanged) as caught:
        await rooms.intake.submit(site, again, idempotency_key="k", body=b"b")
    assert receipt.id in str(caught.value)
    await rooms.intake.edit(site, receipt.id, first.text)
    assert (await rooms.intake.submit(site, again, idempotency_key="k", body=b"b")).status == "rejected"


async def test_a_request_repeated_with_its_key_hears_of_a_decision_once_the_site_may(
    rooms: House, site: Site, comment: Make
) -> None:
    first = comment()
    again = msgspec.structs.replace(first, id=rooms.intake.new_id(site))
    receipt = await rooms.intake.submit(site, first, idempotency_key="k", body=b"b")
    for undo_seconds, told in ((60, "approved"), (0, "rejected")):
        version = (await rooms.intake.stored(site, receipt.id)).version
        reject = Ruling(
            decision=DecisionKind.REJECT, reason=DecisionReason.TOXIC, version=version, undo_seconds=undo_seconds
        )
        await rooms.review.decide(site, ADMIN, receipt.id, reject)
        repeated = await rooms.intake.submit(site, again, idempotency_key="k", body=b"b")
        assert (repeated.id, repeated.status, repeated.known) == (receipt.id, told, True)


async def test_a_request_repeated_with_its_key_brings_nothing_back_that_was_deleted(
    rooms: House, site: Site, comment: Make
) -> None:
    first = comment()
    receipt = await rooms.intake.submit(site, first, idempotency_key="k", body=b"b")
    await rooms.intake.erase(site, receipt.id)
    again = msgspec.structs.replace(first, id=rooms.intake.new_id(site))
    with pytest.raises(CommentChanged):
        await rooms.intake.submit(site, again, idempotency_key="k", body=b"b")
    assert await rooms.comments.count(site.id) == 0


async def test_a_reported_first_text_is_published_by_no_later_approval(rooms: House, site: Site, comment: Make) -> None:
    text = "The ferry leaves at nine."
    receipt = await rooms.intake.submit(site, comment(text, external_id="wp-1"))
    await rooms.intake.report(site, receipt.id, "192.0.2.1", "rude")
    await rooms.intake.edit(site, receipt.id, "The ferry leaves at ten.")
    await rooms.review.decide(site, ADMIN, receipt.id, Ruling(decision=DecisionKind.APPROVE))
    with pytest.raises(ExternalIdTaken):
        await rooms.intake.submit(site, comment(text, external_id="wp-1"))


async def test_an_unknown_comment_is_named_in_every_verb(rooms: House, site: Site) -> None:
    name = "news-0000000000000000"
    for verb in (
        rooms.intake.stored(site, name),
        rooms.intake.edit(site, name, "text"),
        rooms.intake.erase(site, name),
        rooms.intake.report(site, name, "192.0.2.1", ""),
    ):
        with pytest.raises(UnknownComment) as caught:
            await verb
        assert name in str(caught.value)


async def test_deleting_at_once_is_deleting_once(rooms: House, site: Site, comment: Make) -> None:
    receipt = await rooms.intake.submit(site, comment())
    answers = await asyncio.gather(*(rooms.intake.erase(site, receipt.id) for _ in range(6)), return_exceptions=True)
    assert {type(answer) for answer in answers} <= {type(None), UnknownComment}
    events = [entry.line["e"] for entry in await rooms.ledger.read(site.id)]
    assert events.count("comment.erased") == 1


def test_ids_never_go_back_also_where_the_clock_does(monkeypatch: pytest.MonkeyPatch) -> None:
    ids, clock = _Ids(), iter([5_000, 5_000, 4_000, 4_000, 6_000])
    monkeypatch.setattr("moderation.intake.time.time_ns", lambda: next(clock) * 1_000_000)
    made = [ids.next() for _ in range(5)]
    assert made == sorted(set(made))
    assert {len(one) for one in made} == {16}
