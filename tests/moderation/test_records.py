"""Records: where a verdict and a decision put a comment, what is urgent, and whom a caller reaches."""

import pytest

from moderation.records import (
    MOST_URGENT,
    Caller,
    DecisionKind,
    History,
    Outcome,
    Reason,
    Role,
    Signal,
    Status,
    Stored,
    Verdict,
    Word,
)


def a_stored(**facts: object) -> Stored:
    return Stored(id="1", site="news", text="t", name="n", author="a", **facts)


def a_verdict(score: float) -> Verdict:
    return Verdict(outcome=Outcome.HOLD, score=score, reasons=(Reason.SPAM, Reason.LINKS))


def test_every_verdict_and_every_decision_puts_a_comment_somewhere() -> None:
    assert [outcome.status for outcome in Outcome] == [Status.APPROVED, Status.PENDING, Status.REJECTED]
    assert [kind.status for kind in DecisionKind] == [Status.APPROVED, Status.REJECTED]


def test_what_was_passed_on_stands_before_what_is_reported_and_that_before_most() -> None:
    passed_on = a_stored(escalated="look", verdict=a_verdict(0.1)).urgency
    reports = [a_stored(reports=count, verdict=a_verdict(0.1)).urgency for count in (1, 2, 6, 7, 500)]
    assert passed_on == 1.0
    assert reports == sorted(reports)
    assert max(reports) == MOST_URGENT < passed_on
    assert a_stored(verdict=a_verdict(0.6)).urgency < reports[0]
    assert a_stored(reports=1, verdict=a_verdict(0.9)).urgency == 0.9
    assert a_stored(verdict=a_verdict(1.0)).urgency == MOST_URGENT
    assert a_stored().urgency == 0.0


def test_a_comment_waits_for_the_reasons_it_was_put_there_for_else_for_its_verdicts() -> None:
    assert a_stored(verdict=a_verdict(0.5)).waiting_for == ("spam", "links")
    assert a_stored(verdict=a_verdict(0.5), waits_for="reported edited").waiting_for == ("reported", "edited")
    assert a_stored().waiting_for == ()


@pytest.mark.parametrize(
    ("facts", "reached"),
    [
        ({}, {"news", "sport"}),
        ({"sites": ("news",)}, {"news"}),
        ({"site": "news"}, {"news"}),
        ({"site": "news", "sites": ("sport",)}, {"news"}),
        ({"sites": ("other",)}, set()),
    ],
)
def test_a_key_of_a_site_reaches_that_site_alone(facts: dict, reached: set[str]) -> None:
    caller = Caller(role=Role.MODERATOR, id="m1", **facts)
    assert {site for site in ("news", "sport") if caller.reaches(site)} == reached


def test_an_author_was_seen_in_whatever_way_the_comments_ended() -> None:
    assert History(approved=1, rejected=2, pending=4).seen == 7
    assert History(same_text=5).seen == 0


def test_records_do_not_change_and_equal_ones_are_one() -> None:
    signal = Signal("links", 0.5, Reason.LINKS, (3, 2))
    with pytest.raises(AttributeError):
        signal.score = 0.0
    assert len({signal, Signal("links", 0.5, Reason.LINKS, (3, 2))}) == 1


def seen(attribute: str, score: float, *features: str) -> Verdict:
    words = tuple(Word(0, 0, 1.0, feature) for feature in features)
    return Verdict(outcome=Outcome.HOLD, scores={attribute: score}, signals=(Signal(attribute, score, words=words),))


LINK = "https://casino.example"


@pytest.mark.parametrize(
    ("verdict", "values", "url", "about"),
    [
        (seen("spam", 0.9, "author link", "length"), {"spam": 1.0}, LINK, "author"),
        (seen("spam", 0.9, "author name"), {"spam": 1.0}, "", "author"),
        (seen("toxicity", 0.9, "author name"), {"toxicity": 1.0}, "", "author"),
        (seen("spam", 0.9, "a link"), {"spam": 1.0}, LINK, "author"),
        (seen("spam", 0.1), {"spam": 1.0}, LINK, "author"),
        (seen("spam", 0.9, "money words"), {"spam": 1.0}, LINK, ""),
        (seen("spam", 0.9, "a link"), {"spam": 1.0}, "", ""),
        (seen("spam", 0.1), {"spam": 1.0}, "", ""),
        (seen("spam", 0.9, "author link"), {"spam": 0.0, "toxicity": 0.0}, LINK, ""),
        (seen("spam", 0.9, "author link"), {"toxicity": 1.0}, LINK, ""),
    ],
)
def test_a_lesson_is_about_the_author_where_name_or_link_may_be_all_it_rests_on(
    verdict: Verdict, values: dict[str, float], url: str, about: str
) -> None:
    assert verdict.about(values, url) == about
