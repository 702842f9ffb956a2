"""Moves: what becomes of a comment that is judged again or reported, and never past a person who has yet to look."""

import msgspec
import pytest

from moderation.digests import Arrival
from moderation.moves import (
    answers_for_first,
    as_comment,
    decision_counts,
    first_text,
    judged_again,
    reported,
    shown_status,
    withheld,
    without_itself,
)
from moderation.records import (
    Decision,
    DecisionKind,
    DecisionReason,
    History,
    Outcome,
    Policy,
    Reason,
    Site,
    Status,
    Stored,
    Thread,
    Verdict,
)
from moderation.store.comments import document_of

SITE = Site(id="news")


def a_stored(status: Status = Status.APPROVED, **facts: object) -> Stored:
    given = {
        "id": "news-1", "site": "news", "text": "As it was written", "name": "Ann", "author": "digest", "address": "prefix",
        "url": "https://ann.example", "thread": Thread("https://news.example/a", "A", "t1"), "parent_id": "news-0",
        "user_agent": "Browser", "referrer": "https://news.example/", "lang": "en", "external_id": "wp-1",
        "submitted_at": "2026-01-01T00:00:00Z", "channel": "form", "sealed": "secret", "edits": 2, "fingerprint": "f",
    }  # fmt: skip
    return Stored(**{**given, **facts}, status=status)


def a_verdict(outcome: Outcome, score: float = 0.6, **facts: object) -> Verdict:
    reasons = () if outcome is Outcome.APPROVE else (Reason.SPAM,)
    return Verdict(outcome=outcome, reasons=reasons, score=score, policy=7, **facts)


def test_a_stored_comment_is_the_comment_it_was_but_for_what_says_who_wrote_it() -> None:
    comment = as_comment(a_stored(), text="Changed", edits=3)
    assert (comment.text, comment.edits) == ("Changed", 3)
    assert (comment.email, comment.ip, comment.honeypot, comment.thread.id) == ("", "", "", "")
    for field in set(comment.__struct_fields__) & set(Stored.__struct_fields__) - {"text", "edits", "thread"}:
        assert getattr(comment, field) == getattr(a_stored(), field) != "", field


@pytest.mark.parametrize(
    ("status", "facts", "published"),
    [
        (Status.APPROVED, {}, True),
        (Status.PENDING, {}, False),
        (Status.APPROVED, {"embargo": 5, "previous": Status.PENDING}, False),
        (Status.APPROVED, {"reports": 1}, False),
        (Status.APPROVED, {"escalated": "look at this"}, False),
    ],
)
def test_only_what_stood_published_undisputed_is_told_of_a_later_approval(
    status: Status, facts: dict, published: bool
) -> None:
    remembered = first_text(a_stored(status, **facts), "d1")
    assert remembered == {"first_text": "d1", "first_published": published}
    for now in Status:
        changed = a_stored(now, **remembered)
        assert first_text(changed, "d2") == {}, "what it came with, not what it was in between"
        assert answers_for_first(changed, "d1") is (published or now is not Status.APPROVED)
        assert not answers_for_first(changed, "d2")


def test_the_site_sees_a_decision_only_after_its_embargo() -> None:
    decided = a_stored(Status.REJECTED, previous=Status.APPROVED)
    assert shown_status(decided) is Status.REJECTED
    assert shown_status(msgspec.structs.replace(decided, embargo=5)) is Status.APPROVED
    assert shown_status(a_stored(Status.REJECTED, embargo=5)) is Status.REJECTED


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("was", Status)
def test_a_new_verdict_decides_where_a_comment_stands_that_nobody_waits_to_look_at(
    was: Status, outcome: Outcome
) -> None:
    move = judged_again("comment.edited", a_stored(was), a_verdict(outcome))
    assert move.status is outcome.status
    assert move.queue == ("enter" if outcome is Outcome.HOLD else "leave")
    assert (move.event, move.facts, move.scored) == ("comment.edited", {"p": 7}, True)
    assert not move.forget_decision


def test_a_label_of_a_text_goes_with_it_and_stays_with_another_verdict_on_it() -> None:
    stored, verdict = a_stored(), a_verdict(Outcome.APPROVE)
    assert judged_again("comment.edited", stored, verdict, document_of(stored, text="Changed")).forget_label
    assert not judged_again("comment.edited", stored, verdict, document_of(stored, edits=3)).forget_label
    assert not judged_again("comment.rescored", stored, verdict).forget_label


@pytest.mark.parametrize("facts", [{"reports": 1}, {"escalated": "please look"}])
@pytest.mark.parametrize("was", Status)
def test_a_milder_verdict_never_publishes_what_a_person_has_yet_to_look_at(was: Status, facts: dict) -> None:
    move = judged_again("comment.rescored", a_stored(was, **facts), a_verdict(Outcome.APPROVE))
    assert move.status is (Status.APPROVED if was is Status.APPROVED else Status.PENDING)
    assert move.queue == "enter"
    assert not {"rep", "esc"} & set(move.fields), "what it waits for is kept"
    if "reports" in facts:
        assert move.reasons == (Reason.REPORTED.value,)


@pytest.mark.parametrize("facts", [{"reports": 2}, {"escalated": "please look"}])
@pytest.mark.parametrize("was", [Status.APPROVED, Status.PENDING])
def test_a_worse_verdict_hides_what_a_person_has_yet_to_look_at_and_takes_the_case_from_nobody(
    was: Status, facts: dict
) -> None:
    move = judged_again("comment.edited", a_stored(was, **facts), a_verdict(Outcome.REJECT))
    assert (move.status, move.queue) == (Status.PENDING, "enter")
    assert move.reasons == ((Reason.REPORTED.value,) if "reports" in facts else ()) + (Reason.SPAM.value,)
    assert move.fields == {"was": ""}, "note and reports are kept"
    assert move.urgency == (1.0 if "escalated" in facts else pytest.approx(0.8))


def test_an_edit_after_a_decision_takes_the_decision_and_its_lesson_back() -> None:
    decision = Decision(decision=DecisionKind.APPROVE, by="m1", at="2026-01-01T00:00:00Z")
    move = judged_again("comment.edited", a_stored(decision=decision), a_verdict(Outcome.HOLD, degraded=True))
    assert move.forget_decision
    assert move.forget_label
    assert not move.scored, "it is scored once a model is back"


@pytest.mark.parametrize("outcome", Outcome)
def test_what_was_rejected_waits_at_least_and_goes_on_waiting_until_a_person_looks(outcome: Outcome) -> None:
    first = withheld(a_stored(Status.REJECTED), a_verdict(outcome))
    assert first.outcome is (Outcome.REJECT if outcome is Outcome.REJECT else Outcome.HOLD)
    if outcome is not Outcome.REJECT:
        assert first.reasons[0] is Reason.EDITED
        waiting = a_stored(Status.PENDING, verdict=first, waits_for=" ".join(first.reasons))
        assert withheld(waiting, a_verdict(Outcome.APPROVE)).outcome is Outcome.HOLD
    assert withheld(a_stored(Status.PENDING), a_verdict(outcome)) == a_verdict(outcome), "nobody had rejected it"
    unheard = [a_stored(status, embargo=5, previous=Status.APPROVED) for status in (Status.APPROVED, Status.REJECTED)]
    assert [withheld(one, a_verdict(outcome)) for one in unheard] == [first] * 2, "which decision it was is not told"
    assert withheld(a_stored(Status.APPROVED, waits_for="edited"), a_verdict(outcome)) == a_verdict(outcome)


@pytest.mark.parametrize(("visible", "status"), [(True, Status.APPROVED), (False, Status.PENDING)])
def test_a_report_lets_a_comment_wait_and_the_policy_says_whether_it_is_seen_meanwhile(visible, status) -> None:
    site = msgspec.structs.replace(SITE, policy=Policy(reported_visible=visible))
    move = reported(site, a_stored(reports=1), "abuse", now=7)
    assert (move.status, move.queue, move.silent) == (status, "enter", visible)
    assert (move.fields, move.facts) == ({"rep": "2", "rr": "abuse"}, {"n": 2})
    assert move.urgency > reported(site, a_stored(), "abuse", now=7).urgency


def test_a_comment_is_no_part_of_its_own_history() -> None:
    history = History(approved=3, rejected=1, same_text=4, same_text_own=1, same_text_authors=3)
    stored = a_stored(Status.APPROVED)
    same = Arrival(comment=as_comment(stored), author="digest", fingerprint="f")
    assert without_itself(history, stored, same) == History(
        approved=2, rejected=1, same_text=3, same_text_own=0, same_text_authors=2
    )
    twice = msgspec.structs.replace(history, same_text_own=2)
    assert without_itself(twice, stored, same).same_text_authors == 3, "another of the author's has the text still"
    other = msgspec.structs.replace(same, fingerprint="g")
    assert without_itself(history, stored, other) == msgspec.structs.replace(history, approved=2)
    assert without_itself(History(), a_stored(Status.PENDING), same).pending == 0


@pytest.mark.parametrize(
    ("seconds", "bucket"), [(0, 0), (60, 0), (61, 1), (301, 2), (3600, 3), (86_400, 5), (86_401, 6), (1e9, 6)]
)
def test_a_decision_is_counted_by_kind_person_reason_and_time(seconds: float, bucket: int) -> None:
    decision = Decision(decision=DecisionKind.REJECT, by="m1", at="", reason=DecisionReason.TOXIC)
    passed = a_stored(verdict=a_verdict(Outcome.APPROVE))
    assert decision_counts(passed, decision, seconds) == f"d:reject by:m1:reject tt:{bucket} dr:toxic override "
    plain = Decision(decision=DecisionKind.APPROVE, by="m1", at="")
    assert decision_counts(passed, plain, seconds) == f"d:approve by:m1:approve tt:{bucket} "
    held = a_stored(verdict=a_verdict(Outcome.HOLD))
    assert decision_counts(held, plain, seconds) == decision_counts(a_stored(), plain, seconds), (
        "held is nobody's mistake"
    )
