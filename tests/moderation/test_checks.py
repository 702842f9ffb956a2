"""Each hand-written check, one at a time: what it says when it sees something, and what it says when it does not."""

import re

import pytest

from moderation.records import Comment, History, Mark, Policy, Reason, Usage
from moderation.scoring import checks
from moderation.scoring.pipeline import checks_of


def a_comment(text: str = "A quiet remark about the article.", **fields: object) -> Comment:
    given = {"name": "Ann Smith", "email": "ann@example.com", **fields}
    return Comment(id="c1", site="blog", text=text, **given)


NOBODY = History()


def test_every_check_answers_with_its_own_name_also_when_it_sees_nothing():
    signals = [check(a_comment(), NOBODY) for check in checks_of(Policy())]
    assert len({signal.name for signal in signals}) == len(signals) == 15
    assert {signal.reason for signal in signals} == {Reason.CLEAR}


def test_no_fact_ever_holds_an_address():
    comment = a_comment(
        "Write to bob@mailinator.com or 192.0.2.9, BUY-NOW http://x.com",
        name="ann@mailinator.com",
        email="ann@mailinator.com",
        ip="192.0.2.7",
        honeypot="ann@mailinator.com",
    )
    policy = Policy(blocked_words=("*@mailinator.com", "192.0.2.*", "ann*", "buy*"), suspect_words=("ann@*", "192*"))
    for check in checks_of(policy):
        told = " ".join(map(str, check(comment, NOBODY).facts))
        assert "@" not in told
        assert not re.search(r"\d+\.\d+\.\d+", told)
        assert "ann" not in told


def test_a_filled_honeypot_is_a_hard_stop():
    check = checks.honeypot()
    assert check(a_comment(honeypot="http://x"), NOBODY).hard
    assert check(a_comment(honeypot="  "), NOBODY).reason is Reason.CLEAR


def test_a_form_sent_faster_than_it_can_be_read_is_told():
    check = checks.form_speed(2.0)
    assert check(a_comment(form_seconds=1.0), NOBODY).reason is Reason.TOO_FAST
    assert check(a_comment(form_seconds=0.1), NOBODY).score > check(a_comment(form_seconds=1.0), NOBODY).score
    assert check(a_comment(form_seconds=2.0), NOBODY).reason is Reason.CLEAR
    assert check(a_comment(), NOBODY).facts == ("unknown",)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("no link at all, e.g. none. Really none.The end.In short: 3.5", 0),
        ("http://a.com b.com c.de", 3),
        ("write to ann@foo.com", 0),
        ("see example [dot] com and foo.co.uk/x", 2),
        ("hxxp://evil.ru/1 www.foo.org", 2),
        ("<a href='https://a.example/x'>a</a> [url=https://b.example]b[/url]", 2),
        ("https://a.example/?to=https://b.com", 1),
        ("one.com,two.com;three.com", 3),
        ("http://a.com " * 200, 50),
        ("\ud800 a.com", 1),
    ],
)
def test_links_are_counted_in_all_their_spellings(text, count):
    assert checks.count_links(text) == count


def test_more_links_than_allowed_weigh_more_the_more_they_are():
    check = checks.links(2)
    scores = [check(a_comment("http://a.com " * n), NOBODY).score for n in range(8)]
    assert scores[:3] == [0, 0, 0]
    assert scores[3] >= 0.5
    assert scores == sorted(scores)
    assert check(a_comment("http://a.com"), NOBODY).facts == (1, 2)


def test_the_same_text_again_and_again_weighs_more_each_time_and_an_edit_may_repeat_itself():
    check = checks.repeated_text()
    scores = [check(a_comment(), History(same_text_own=n)).score for n in range(9)]
    assert scores == sorted(scores)
    assert scores[0] == 0
    assert scores[1] < 0.5 <= scores[2]
    assert check(a_comment(edits=1), History(same_text_own=1)).reason is Reason.CLEAR


def test_one_text_by_several_authors_is_a_campaign_but_a_short_thank_you_is_not():
    check = checks.campaign()
    long, short = "The very same long text that somebody hands out to others. " * 2, "Thank you so much!"
    assert check(a_comment(long), History(same_text=3, same_text_authors=3)).score >= 0.5
    assert check(a_comment(short), History(same_text=3, same_text_authors=3)).reason is Reason.CLEAR
    assert check(a_comment(short), History(same_text=30, same_text_authors=30)).reason is Reason.CAMPAIGN
    assert check(a_comment(long), History(same_text=3, same_text_own=3, same_text_authors=1)).reason is Reason.CLEAR


def test_spent_allowances_are_told_by_the_one_that_is_spent_most():
    check = checks.velocity()
    assert check(a_comment(), History(usage=Usage(0.5, 0.2, 0.1, 0.4))).reason is Reason.CLEAR
    signal = check(a_comment(), History(usage=Usage(0.5, 1.2, 3.0, 0.4)))
    assert (signal.reason, signal.facts) == (Reason.VELOCITY, (300, "email"))
    assert signal.score >= 0.5
    assert check(a_comment(), History(usage=Usage(site=2.0))).facts == (200, "site")


def test_an_author_is_what_moderators_the_site_and_the_record_say():
    check = checks.author(3)

    def reason(history: History, **fields: object) -> tuple[Reason, bool]:
        signal = check(a_comment(**fields), history)
        return signal.reason, signal.hard

    assert reason(History()) == (Reason.CLEAR, False)
    assert reason(History(approved=3)) == (Reason.TRUSTED, False)
    assert reason(History(approved=9, rejected=1)) == (Reason.CLEAR, False)
    assert reason(History(mark=Mark.TRUSTED)) == (Reason.TRUSTED, False)
    assert reason(History(mark=Mark.WATCHED, approved=9)) == (Reason.WATCHED_AUTHOR, True)
    assert reason(History(mark=Mark.BLOCKED, approved=9)) == (Reason.BLOCKED_AUTHOR, True)
    assert reason(History(), role="administrator") == (Reason.TRUSTED, True)


def test_of_a_name_alone_only_what_is_bad_counts():
    check, first = checks.author(3), checks.first_comment("hold")

    def seen(**known: object) -> tuple[Reason, object]:
        signal = check(a_comment(email=""), History(**known, by_name=True))
        return signal.reason, signal.facts[0]

    assert seen(approved=9) == (Reason.CLEAR, "name")
    assert seen(mark=Mark.TRUSTED, approved=9) == (Reason.CLEAR, "marked_name")
    assert seen(mark=Mark.WATCHED, approved=9) == (Reason.WATCHED_AUTHOR, "watched")
    assert seen(mark=Mark.BLOCKED) == (Reason.BLOCKED_AUTHOR, "blocked")
    assert seen() == (Reason.CLEAR, "new")
    assert first(a_comment(), History(approved=9, mark=Mark.TRUSTED, by_name=True)).hard


def test_a_first_comment_is_held_only_where_the_site_wants_that():
    assert checks.first_comment("score")(a_comment(), NOBODY).reason is Reason.CLEAR
    hold = checks.first_comment("hold")
    assert hold(a_comment(), NOBODY).hard
    assert hold(a_comment(), History(pending=2)).hard
    assert hold(a_comment(), History(approved=1)).reason is Reason.CLEAR


@pytest.mark.parametrize("address", ["a@mailinator.com", "a@MAILINATOR.com", "a@x.y.yopmail.com", "a@trashmail.de"])
def test_disposable_addresses_are_known_with_their_subdomains(address):
    assert checks.disposable_email()(a_comment(email=address), NOBODY).reason is Reason.DISPOSABLE_EMAIL


@pytest.mark.parametrize("address", ["a@gmail.com", "a@notmailinator.example", "", "no address", "a@com"])
def test_other_addresses_are_not_disposable(address):
    assert checks.disposable_email()(a_comment(email=address), NOBODY).reason is Reason.CLEAR


def test_a_domain_that_imitates_another_is_told_and_stops_nobody():
    signal = checks.lookalike_email()(a_comment(email="ann@gm\u0430il.com"), NOBODY)
    assert (signal.reason, signal.hard) == (Reason.LOOKALIKE_EMAIL, False)
    assert signal.facts == ("gm\u0430il.com", "gmail.com")
    assert checks.lookalike_email()(a_comment(email="ann@gmail.com"), NOBODY).reason is Reason.CLEAR


def test_the_list_of_disposable_domains_holds_at_least_three_hundred_plausible_names():
    assert len(checks._DISPOSABLE) >= 300
    assert all(re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", domain) for domain in checks._DISPOSABLE)
    assert not checks._DISPOSABLE & {
        "gmail.com",
        "outlook.com",
        "yahoo.com",
        "gmx.de",
        "web.de",
        "example.com",
        "ukr.net",
    }


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("Best Casino Online", "advertising"),
        ("C4s1no", "advertising"),
        ("www.cheap-pills.com", "link"),
        ("ann@example.com", "address"),
        ("Call 0176 123 45678", "number"),
        ("F\u200buckYou", "insult"),
        ("a " * 40, "long"),
    ],
)
def test_names_that_advertise_or_insult_are_told(name, what):
    assert checks.name()(a_comment(name=name), NOBODY).facts == (what,)


@pytest.mark.parametrize(
    "name", ["Ann Smith", "Dr. A. Müller-Lüdenscheidt", "Олена", "李小龍", "O'Neil", "Dick Cox", "x", ""]
)
def test_names_that_people_bear_are_left_alone(name):
    assert checks.name()(a_comment(name=name), NOBODY).reason is Reason.CLEAR


def test_a_missing_name_or_address_is_told():
    check = checks.missing_field()
    assert check(a_comment(name="", email=""), NOBODY).facts == ("name", "email")
    assert check(a_comment(email=""), NOBODY).reason is Reason.MISSING_FIELD


def test_many_edits_since_a_person_looked_stop_a_comment():
    check = checks.edited()
    assert check(a_comment(edits=3), NOBODY).reason is Reason.CLEAR
    assert check(a_comment(edits=4), NOBODY).hard
