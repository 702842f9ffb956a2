"""Shapes: what everybody, the site and staff may see of a comment, and that none of them sees more."""

import msgspec
import pytest

from moderation.api import shapes
from moderation.records import (
    Case,
    Decision,
    DecisionKind,
    DecisionReason,
    Outcome,
    Reason,
    Signal,
    Status,
    Stored,
    Thread,
    Verdict,
    Word,
)

DECISION = Decision(
    decision=DecisionKind.REJECT, by="m1", at="2026-01-01T00:00:00Z", reason=DecisionReason.TOXIC, note="a private note",
    name="Mo Derator",
)  # fmt: skip
VERDICT = Verdict(
    outcome=Outcome.HOLD,
    reasons=(Reason.LINKS, Reason.SPAM),
    score=0.71239,
    signals=(
        Signal("honeypot", 0.0),
        Signal("links", 0.60004, Reason.LINKS, (5, 2)),
        Signal("spam", 0.71239, Reason.SPAM, (71,), (Word(0, 3, 1.23456), Word(0, 0, 0.5, "links"))),
    ),
    scores={"spam": 0.712391, "toxicity": 0.99999},
    models=("v1", "v2"),
    policy=4,
    shadow={"spam": 0.3},
)


def a_stored(**facts: object) -> Stored:
    given = {
        "id": "news-1", "site": "news", "text": "Buy", "name": "Ann", "author": "who", "address": "from-where",
        "sealed": "contact", "url": "https://ann.example", "thread": Thread("https://news.example/a", "A", "t1"),
        "user_agent": "Browser", "received_at": "2026-01-01T00:00:00Z", "verdict": VERDICT, "status": Status.PENDING,
        "fingerprint": "print",
    }  # fmt: skip
    return Stored(**{**given, **facts})


def shown(value: object) -> str:
    return msgspec.json.encode(value).decode()


def test_a_receipt_tells_every_signal_with_a_sentence_and_scores_with_four_digits() -> None:
    told = msgspec.json.decode(shown(shapes.receipt("news-1", Status.PENDING, VERDICT)))
    assert [one["name"] for one in told["signals"]] == ["honeypot", "links", "spam"]
    assert all(one["detail"] for one in told["signals"])
    assert [one["score"] for one in told["signals"]] == [0.0, 0.6, 0.7124]
    assert told["scores"] == {"spam": 0.7124, "toxicity": 1.0}
    assert (told["verdict"], told["reasons"], told["would"]) == ("hold", ["links", "spam"], None)
    assert "shadow" not in told


def test_a_site_that_only_watches_is_told_what_it_had_been() -> None:
    watched = msgspec.structs.replace(VERDICT, outcome=Outcome.APPROVE, watched=True, would=Outcome.REJECT)
    assert shapes.receipt("news-1", Status.APPROVED, watched).would == "reject"
    assert shapes.score(watched).would == "reject"


def test_words_say_where_they_stand_and_features_of_the_whole_what_they_are() -> None:
    assert shapes.score(VERDICT).words == [
        shapes.WordShape("spam", 0, 3, 1.235),
        shapes.WordShape("spam", 0, 0, 0.5, "links"),
    ]


@pytest.mark.parametrize(
    "show",
    [
        shapes.for_site,
        shapes.for_staff,
        shapes.thread_comment,
        lambda one: shapes.case(Case(comment=one, state="waiting")),
    ],
)
def test_nobody_sees_the_address_the_sealed_contact_or_the_shadow(show) -> None:
    said = shown(show(a_stored()))
    assert not [secret for secret in ("from-where", "contact", "shadow", "print") if f'"{secret}"' in said]


def test_the_site_hears_of_a_decision_its_reason_but_not_the_person_or_the_note() -> None:
    told = shapes.for_site(a_stored(status=Status.REJECTED, decision=DECISION))
    assert told["decision"] == {"decision": "reject", "reason": "toxic", "at": "2026-01-01T00:00:00Z"}
    assert not {"by", "note", "user_agent", "words"} & set(told)
    staff = shapes.for_staff(a_stored(status=Status.REJECTED, decision=DECISION))
    assert (staff["decision"]["name"], staff["decision"]["note"]) == ("Mo Derator", "a private note")


def test_until_its_embargo_ends_a_decision_is_seen_by_staff_alone() -> None:
    decided = a_stored(
        status=Status.REJECTED, decision=DECISION, embargo=9, previous=Status.PENDING, previous_version=1, version=2
    )
    site, staff = shapes.for_site(decided), shapes.for_staff(decided)
    assert (site["status"], site["version"], site["decision"]) == ("pending", 1, None)
    assert (staff["status"], staff["version"], staff["told_from"]) == ("rejected", 2, 9)


def test_a_comment_without_a_verdict_is_shown_all_the_same() -> None:
    bare = a_stored(verdict=None, thread=Thread())
    for show in (shapes.for_site, shapes.for_staff):
        told = show(bare)
        assert (told["verdict"], told["scores"], told["signals"], told["thread"]) == (None, {}, [], None)
    assert shapes.case(Case(comment=bare, state="waiting"))["why"] == ""


def test_why_a_case_waits_names_what_it_waits_for_and_readers_first() -> None:
    assert shapes.why(VERDICT, ["links"]) == "5 links, 2 allowed"
    assert shapes.why(VERDICT, ["reported", "links"]).startswith("reported by readers, ")
    assert shapes.why(VERDICT, ["edited"]) == "edited since a person looked"
    assert shapes.why(VERDICT, []) == ""
    held = shapes.case(Case(comment=a_stored(reports=1, waits_for="reported"), state="claimed", holder="m1"))
    assert (held["held_for"], held["why"], held["holder"]) == (["reported"], "reported by readers", "m1")


def test_readers_see_a_name_a_text_and_a_time() -> None:
    told = msgspec.to_builtins(shapes.thread_comment(a_stored(url="", submitted_at="")))
    assert told == {
        "id": "news-1", "name": "Ann", "url": None, "text": "Buy", "parent_id": None,
        "submitted_at": "2026-01-01T00:00:00Z",
    }  # fmt: skip
