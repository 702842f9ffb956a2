"""What a signal saw, as one plain sentence."""

import pytest

from moderation.records import Comment, History, Mark, Policy, Reason, Signal, Usage
from moderation.scoring.details import detail
from moderation.scoring.pipeline import checks_of


@pytest.mark.parametrize(
    ("signal", "sentence"),
    [
        (Signal("links", 0.0, facts=(2, 2)), "2 links, 2 allowed"),
        (Signal("links", 0.0, facts=(1, 2)), "1 link, 2 allowed"),
        (Signal("links", 0.8, Reason.LINKS, (5, 2)), "5 links, 2 allowed"),
        (Signal("form_speed", 0.0, facts=("unknown",)), "it is not known how long the form was open"),
        (
            Signal("form_speed", 0.7, Reason.TOO_FAST, (0.4, 2.0)),
            "sent after 0.4 s, faster than the 2.0 s it takes to read the form",
        ),
        (Signal("blocked_words", 1.0, Reason.BLOCKED_WORD, ("casino", "{x}"), hard=True), "blocked: casino, {x}"),
        (
            Signal("velocity", 0.8, Reason.VELOCITY, (300, "email")),
            "300 % of what one e-mail address may send is spent",
        ),
        (Signal("velocity", 0.0, facts=(0,)), "no allowance nearly spent"),
        (Signal("language", 0.0, facts=("",)), "the language is not known"),
        (
            Signal("language", 0.3, Reason.UNSUPPORTED_LANGUAGE, ("xx", "unsupported")),
            "the model judges this language poorly: xx",
        ),
        (Signal("models", 0.0, Reason.UNSCORED, ("slow",)), "the model took too long; scored later"),
        (Signal("spam", 0.9, Reason.SPAM, (90,)), "90 % like spam, above this site's threshold"),
        (Signal("of_tomorrow", 0.9, Reason.SPAM, (1, "x")), "1, x"),
        (Signal("of_tomorrow", 0.9, Reason.SPAM), "spam"),
    ],
)
def test_a_signal_is_one_sentence(signal, sentence):
    assert detail(signal) == sentence


def test_every_check_has_a_sentence_for_whatever_it_sees():
    policy = Policy(first_comment="hold", blocked_words=("one",), suspect_words=("two",))
    histories = [History(), *(History(mark=mark, approved=4) for mark in Mark), History(approved=2, rejected=1)]
    histories += [History(same_text_own=n, same_text_authors=n, usage=Usage(n, n, n, n)) for n in (1, 5, 12)]
    histories.append(History(usage=Usage(site=3.0)))
    comments = [
        Comment(id="c", site="s", text=text, name=name, email=email, honeypot=trap, form_seconds=seconds, edits=edits)
        for text, name, email, trap, seconds, edits in [
            ("one two http://a.com", "Ann", "a@b.com", "", None, 0),
            ("plain", "casino", "a@mailinator.com", "x", 0.1, 1),
            ("http://a.com " * 9, "", "", "", 9.0, 9),
        ]
    ]
    for check in checks_of(policy):
        for comment in comments:
            for history in histories:
                sentence = detail(check(comment, history))
                assert sentence
                assert "{" not in sentence
                assert not sentence.startswith("detail.")
