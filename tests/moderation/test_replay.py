"""Replay: a stored comment under another policy gets the verdict it would have got, and under its own the one it has."""

import msgspec
import pytest

from classifiers.scorer import bundled
from moderation.records import Comment, History, Mark, Outcome, Policy, Reason, Site, Stored, Threshold
from moderation.scoring.models import Models
from moderation.scoring.pipeline import Pipeline
from moderation.scoring.policy import judge
from moderation.scoring.replay import find_words, replayed

MODELS = Models(lambda: 0.0, bundled())
POLICY = Policy(blocked_words=("casino*", "bad@posteo.net"), suspect_words=("lottery",))
COMMENTS = [
    (Comment(id="1", site="s", text="Thank you for the article.", name="Ann", email="ann@posteo.net"), History()),
    (Comment(id="2", site="s", text="Best casinos: https://a.example https://b.example https://c.example", name="x"), History()),
    (Comment(id="3", site="s", text="You are an idiot.", name="Bob", email="bob@posteo.net"), History(approved=5)),
    (Comment(id="4", site="s", text="I won the lottery", name="Bob", email="bob@posteo.net"), History(rejected=1)),
    (Comment(id="5", site="s", text="Nice words", name="Cy", email="bad@posteo.net"), History()),
    (Comment(id="6", site="s", text="Nice words", name="Cy", email="c@posteo.net", form_seconds=0.5), History(pending=2)),
    (Comment(id="7", site="s", text="Nice words", name="Cy", email="c@posteo.net"), History(mark=Mark.BLOCKED)),
    (Comment(id="8", site="s", text="Click here", name="Cy", email="c@posteo.net"), History(approved=1, mark=Mark.TRUSTED)),
    (Comment(id="9", site="s", text="From the editors", name="Ed", role="administrator"), History()),
    (Comment(id="10", site="s", text="Nice words", name="Cy", honeypot="filled"), History()),
    (Comment(id="12", site="s", text="You are an idiot.", name="Bob"), History(approved=5, by_name=True)),
    (Comment(id="13", site="s", text="Click here", name="Cy"), History(mark=Mark.TRUSTED, by_name=True)),
    (Comment(id="11", site="s", text="Nice words", name="Cy"), History(same_text=9, same_text_authors=4)),
]  # fmt: skip


def recorded(policy: Policy, models: Models = MODELS) -> list[Stored]:
    """Judge all comments under a policy, and give them as they are stored."""
    site = Site(id="s", policy=policy)
    examined = Pipeline(models).examine([(site, comment, history) for comment, history in COMMENTS])
    return [
        Stored(id=one.id, site="s", text=one.text, name=one.name, author="a", url=one.url, verdict=judge(seen, policy))
        for (one, _), seen in zip(COMMENTS, examined, strict=True)
    ]


POLICIES = {
    "its own": POLICY,
    "strict": Policy(profile="strict"),
    "watch": Policy(profile="watch", blocked_words=("nice",)),
    "other words": Policy(version=8, blocked_words=("article", "bad@posteo.net"), suspect_words=("casino",)),
    "other bounds": Policy(links_allowed=5, trust_after=1, min_form_seconds=0, first_comment="hold"),
    "own thresholds": Policy(thresholds={"toxicity": Threshold(0.01, 0.02), "signals": Threshold(0.1, 0.2)}),
}


@pytest.mark.parametrize("name", POLICIES)
def test_what_was_judged_under_one_policy_is_replayed_as_the_other_would_have_judged_it(name: str) -> None:
    policy = POLICIES[name]
    replay = replayed(policy, MODELS.precisions)
    for stored, expected in zip(recorded(POLICY), recorded(policy), strict=True):
        got = replay(stored)
        assert got is not None
        assert expected.verdict is not None
        same = ("outcome", "reasons", "would", "policy", "scores", "models", "lang", "degraded")
        assert {field: getattr(got, field) for field in same} == {
            field: getattr(expected.verdict, field) for field in same
        }, stored.text
        assert got.score == pytest.approx(expected.verdict.score)


def test_a_hit_in_the_email_address_is_kept_while_the_list_still_names_addresses_and_goes_with_them() -> None:
    stored = recorded(POLICY)[4]
    assert stored.verdict.outcome is Outcome.REJECT
    assert replayed(POLICY, {})(stored).outcome is Outcome.REJECT
    assert Reason.BLOCKED_WORD not in replayed(Policy(blocked_words=("casino",)), {})(stored).reasons


def test_what_no_model_scored_waits_under_every_policy() -> None:
    unscored = recorded(POLICY, Models(lambda: 0.0))[0]
    assert unscored.verdict.degraded
    for policy in (POLICY, Policy(profile="strict"), Policy(thresholds={"signals": Threshold(1.01, 1.01)})):
        got = replayed(policy, {})(unscored)
        assert (got.outcome, got.degraded) == (Outcome.HOLD, True)


def test_a_comment_without_a_verdict_has_none_to_replay() -> None:
    assert replayed(POLICY, {})(Stored(id="1", site="s", text="t", name="n", author="a")) is None


def test_a_replay_changes_nothing_of_what_is_stored() -> None:
    stored = recorded(POLICY)
    before = msgspec.json.encode(stored)
    for one in stored:
        replayed(Policy(profile="strict"), {})(one)
    assert msgspec.json.encode(stored) == before


def test_words_are_looked_for_as_the_check_would() -> None:
    terms, words = find_words(("casino*",), "Best c@sinos, best Casinos", "Ann")
    assert terms == ("casinos",)
    assert [(word.begin, word.end) for word in words] == [(19, 26)], (
        "a disguise is found, and stands nowhere in the text as written"
    )
    assert find_words((), "anything") == ((), ())
    assert find_words(("ann",), "text", "Ann")[0] == ("ann",)
