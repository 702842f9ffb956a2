"""A policy that cannot work is refused with all that is wrong with it, and where."""

import math

import pytest

from moderation.errors import PolicyInvalid
from moderation.records import Limits, Policy, Threshold
from moderation.scoring.validation import validate_policy
from moderation.scoring.words import MAX_WORDS


@pytest.mark.parametrize(
    "policy",
    [
        Policy(),
        Policy(profile="watch", first_comment="hold", retention_days=0, links_allowed=0),
        Policy(thresholds={"spam": Threshold(0.5, 0.9), "signals": Threshold(1.01, 1.01)}),
        Policy(
            thresholds={"spam": Threshold(hold_at=0.5), "toxicity": Threshold(reject_at=0.2), "threat": Threshold()}
        ),
        Policy(blocked_words=("赌场", "pill*"), suspect_words=("word",) * MAX_WORDS),
    ],
)
def test_a_policy_that_works_is_taken(policy):
    validate_policy(policy)


@pytest.mark.parametrize(
    ("policy", "where"),
    [
        (Policy(profile="lax"), "profile: 'lax'"),
        (Policy(first_comment="maybe"), "first_comment: 'maybe'"),
        (Policy(trust_after=0), "trust_after: 0"),
        (Policy(min_form_seconds=math.nan), "min_form_seconds: nan"),
        (Policy(min_form_seconds=math.inf), "min_form_seconds: inf"),
        (Policy(links_allowed=-1), "links_allowed: -1"),
        (Policy(limits=Limits(email=0)), "limits.email: 0"),
        (Policy(thresholds={"mood": Threshold()}), "thresholds.mood: no such score"),
        (Policy(thresholds={"spam": Threshold(0.9, 0.5)}), "thresholds.spam: reject_at 0.5 is below"),
        (Policy(thresholds={"spam": Threshold(0.0, 0.5)}), "thresholds.spam.hold_at: 0.0"),
        (Policy(thresholds={"spam": Threshold(math.nan, 1.0)}), "thresholds.spam.hold_at: nan"),
        (Policy(thresholds={"spam": Threshold(reject_at=1.5)}), "thresholds.spam.reject_at: 1.5"),
        (Policy(blocked_words=("fine", "*")), "blocked_words, word 2"),
        (Policy(blocked_words=("x" * 101,)), "blocked_words, word 1: longer"),
        (Policy(suspect_words=("a\0b",)), "suspect_words, word 1: holds a character"),
        (Policy(blocked_words=("word",) * (MAX_WORDS + 1)), "blocked_words: 5001 words"),
    ],
)
def test_a_policy_that_cannot_work_is_refused_with_the_place(policy, where):
    with pytest.raises(PolicyInvalid) as refused:
        validate_policy(policy)
    assert where in str(refused.value)


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(PolicyInvalid) as refused:
        validate_policy(Policy(profile="lax", trust_after=0, limits=Limits(site=0, text=0)))
    assert str(refused.value).count(";") == 3
