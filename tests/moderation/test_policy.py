"""One pure function gives the verdict. It is monotone: a worse signal never gives a milder one."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.bars import WORKING, held_from
from classifiers.scorer import Item, bundled
from moderation.records import ATTRIBUTES, Outcome, Policy, Reason, Signal, Threshold, Verdict
from moderation.scoring.policy import HELD_FOR_A_PART, PART, PROFILES, Examined, judge, thresholds

SEVERITY = {Outcome.APPROVE: 0, Outcome.HOLD: 1, Outcome.REJECT: 2}
CLEAN = dict.fromkeys(ATTRIBUTES, 0.0)


def judged(*signals: Signal, policy: Policy | None = None, supported: bool = True, **scores: float) -> Verdict:
    policy = policy or Policy()
    examined = Examined(
        signals=signals, scores=CLEAN | scores, thresholds=thresholds(policy), models=("v1",), supported=supported
    )
    return judge(examined, policy)


def soft(score: float, reason: Reason = Reason.LINKS) -> Signal:
    return Signal(str(reason), score, reason)


def hard(reason: Reason, score: float = 0.5) -> Signal:
    return Signal(str(reason), score, reason, hard=True)


TRUSTED = Signal("author", 0.0, Reason.TRUSTED, ("marked",))
KNOWN = Signal("author", 0.0, Reason.TRUSTED, ("known", 9, 0))


def test_nothing_against_a_comment_approves_it_without_reasons():
    verdict = judged(Signal("links", 0.0))
    assert (verdict.outcome, verdict.reasons, verdict.score) == (Outcome.APPROVE, (), 0.0)
    assert (verdict.models, verdict.policy) == (("v1",), 1)


def test_balanced_rejects_only_blatant_spam():
    assert judged(spam=0.75).outcome is Outcome.HOLD
    assert judged(spam=0.99).outcome is Outcome.REJECT
    assert judged(toxicity=1.0, threat=1.0, severe_toxicity=1.0).outcome is Outcome.HOLD
    assert judged(profanity=1.0).outcome is Outcome.APPROVE
    assert judged(soft(1.0)).outcome is Outcome.HOLD


@pytest.mark.parametrize("known", [{}, bundled().manifest.thresholds], ids=["no model", "bundled"])
def test_strict_holds_no_attribute_later_than_balanced(known):
    strict, balanced = (
        {name: (hold, reject) for name, _, hold, reject in thresholds(Policy(profile=profile), known).attributes}
        for profile in ("strict", "balanced")
    )
    assert balanced.keys() <= strict.keys()
    for name, (hold, reject) in balanced.items():
        assert strict[name][0] <= hold
        assert strict[name][1] <= reject


@pytest.mark.parametrize(
    "known",
    [
        {},
        bundled().manifest.thresholds,
        *({name: {WORKING: at} for name in ATTRIBUTES} for at in (0.0, 0.44, 0.8, 1.0)),
    ],
)
def test_a_model_is_judged_where_the_default_profile_holds(known):
    held = {name: hold for name, _, hold, _ in thresholds(Policy(), known).attributes}
    strict = {name: hold for name, _, hold, _ in thresholds(Policy(profile="strict"), known).attributes}
    assert held | {"profanity": strict["profanity"]} == {name: held_from(known, name) for name in ATTRIBUTES}


@pytest.mark.parametrize(
    "text", ["Those people should be deported, they are vermin and ruin our town.", "Trans people are mentally ill"]
)
def test_what_is_said_against_groups_in_plain_words_is_held(text):
    scores = bundled().score([Item(text)])[0].values
    bars = thresholds(Policy(), bundled().manifest.thresholds)
    assert bars.reason(Reason.TOXICITY, scores)[2] is Reason.TOXICITY


def test_strict_holds_and_rejects_earlier():
    strict = Policy(profile="strict")
    assert judged(spam=0.55, policy=strict).outcome is Outcome.HOLD
    assert judged(soft(0.4), policy=strict).outcome is Outcome.HOLD
    assert judged(soft(0.4)).outcome is Outcome.APPROVE
    assert judged(profanity=0.9, policy=strict).reasons == (Reason.TOXICITY,)


def test_watch_approves_and_says_what_it_would_have_done():
    verdict = judged(hard(Reason.HONEYPOT), policy=Policy(profile="watch"), spam=0.8)
    assert (verdict.outcome, verdict.would, verdict.watched) == (Outcome.APPROVE, Outcome.REJECT, True)
    assert verdict.reasons == (Reason.HONEYPOT, Reason.SPAM)
    assert judged(policy=Policy(profile="watch")).would is Outcome.APPROVE


@pytest.mark.parametrize("reason", [Reason.HONEYPOT, Reason.BLOCKED_WORD, Reason.BLOCKED_AUTHOR])
def test_some_hard_stops_reject(reason):
    assert judged(hard(reason)).outcome is Outcome.REJECT
    assert judged(hard(reason), TRUSTED).outcome is Outcome.REJECT


@pytest.mark.parametrize(
    "reason",
    [
        Reason.SUSPECT_WORD,
        Reason.WATCHED_AUTHOR,
        Reason.FIRST_COMMENT,
        Reason.EDITED,
        Reason.UNSUPPORTED_LANGUAGE,
        Reason.UNSCORED,
    ],
)
def test_the_other_hard_stops_hold(reason):
    assert judged(hard(reason, 0.0)).outcome is Outcome.HOLD
    assert judged(hard(reason, 0.0), spam=0.99).outcome is Outcome.REJECT


def test_a_stop_that_holds_never_softens_one_that_rejects():
    assert judged(hard(Reason.HONEYPOT), hard(Reason.EDITED)).outcome is Outcome.REJECT
    assert judged(hard(Reason.EDITED), hard(Reason.HONEYPOT), soft(0.6)).outcome is Outcome.REJECT


def test_what_would_be_rejected_is_at_least_held_however_far_trust_moves_the_threshold():
    policy = Policy(thresholds={"spam": Threshold(0.9, 0.92), "signals": Threshold(0.9, 0.92)})
    assert judged(TRUSTED, policy=policy, spam=0.93).outcome is Outcome.HOLD
    assert judged(TRUSTED, soft(0.93), policy=policy).outcome is Outcome.HOLD
    assert judged(KNOWN, policy=policy, spam=0.925).outcome is Outcome.REJECT


def test_without_scores_a_comment_waits_even_of_a_trusted_author():
    examined = Examined(signals=(TRUSTED, hard(Reason.UNSCORED, 0.0)), thresholds=thresholds(Policy()), degraded=True)
    verdict = judge(examined, Policy())
    assert (verdict.outcome, verdict.degraded, verdict.reasons) == (Outcome.HOLD, True, (Reason.UNSCORED,))


def test_what_the_site_calls_an_administrator_passes():
    administrator = Signal("author", 0.0, Reason.TRUSTED, ("administrator",), hard=True)
    assert judged(administrator, hard(Reason.BLOCKED_WORD), spam=1.0).outcome is Outcome.APPROVE


def test_trust_eases_the_thresholds_but_not_without_end():
    assert judged(soft(0.6)).outcome is Outcome.HOLD
    assert judged(soft(0.6), KNOWN).outcome is Outcome.APPROVE
    assert judged(spam=0.99, policy=None).outcome is Outcome.REJECT
    assert judged(KNOWN, spam=0.99).outcome is Outcome.REJECT
    assert judged(TRUSTED, spam=0.99).outcome is Outcome.HOLD
    assert judged(TRUSTED, threat=0.95).outcome is Outcome.HOLD


def test_that_comments_of_an_author_were_let_through_eases_nothing_towards_abuse():
    assert judged(KNOWN, toxicity=0.5).outcome is judged(toxicity=0.5).outcome is Outcome.HOLD
    assert judged(KNOWN, threat=0.3).outcome is Outcome.HOLD
    assert judged(TRUSTED, toxicity=0.5).outcome is Outcome.APPROVE
    assert judged(spam=0.75).outcome is Outcome.HOLD
    assert judged(KNOWN, spam=0.75).outcome is Outcome.APPROVE


def test_what_the_model_reads_poorly_it_may_hold_but_not_reject():
    assert judged(spam=0.99, supported=False).outcome is Outcome.HOLD


def test_reasons_stand_in_the_order_of_their_weight():
    verdict = judged(soft(0.9), soft(0.6, Reason.VELOCITY), hard(Reason.FIRST_COMMENT, 0.3), spam=0.99, toxicity=0.85)
    assert verdict.reasons == (
        Reason.SPAM, Reason.LINKS, Reason.TOXICITY, Reason.VELOCITY, Reason.FIRST_COMMENT,
    )  # fmt: skip
    assert verdict.score == 0.99


def test_blatant_is_what_nobody_needs_to_look_at():
    assert judged(hard(Reason.HONEYPOT)).blatant
    assert judged(spam=0.99).blatant
    assert not judged(hard(Reason.BLOCKED_WORD)).blatant
    assert not judged(spam=0.971).blatant
    assert not judged(spam=0.99, policy=Policy(profile="watch")).blatant


def test_a_sites_own_threshold_comes_before_the_profiles():
    policy = Policy(thresholds={"spam": Threshold(0.2, 0.4), "signals": Threshold(0.1)})
    assert judged(spam=0.3, policy=policy).outcome is Outcome.HOLD
    assert judged(spam=0.4, policy=policy).outcome is Outcome.REJECT
    assert judged(soft(0.1), policy=policy).outcome is Outcome.HOLD


def test_of_a_threshold_the_side_that_is_left_out_comes_from_the_profile():
    own = {"toxicity": Threshold(hold_at=0.2), "spam": Threshold(reject_at=0.9), "signals": Threshold(hold_at=0.2)}

    def bars(profile: str, **thresholds_: Threshold) -> dict[str, tuple[float, float]]:
        found = thresholds(Policy(profile=profile, thresholds=own | thresholds_))
        return {name: (hold, reject) for name, _, hold, reject in found.attributes} | {"signals": found.signals}

    balanced, strict = bars("balanced"), bars("strict")
    assert (balanced["toxicity"], balanced["spam"], balanced["signals"]) == ((0.2, 1.01), (0.7, 0.9), (0.2, 1.01))
    assert (strict["toxicity"], strict["spam"], strict["signals"]) == ((0.2, 0.97), (0.5, 0.9), (0.2, 0.9))
    # it gives way to the side that is the site's own
    assert bars("strict", toxicity=Threshold(hold_at=0.99))["toxicity"] == (0.99, 0.99)
    assert bars("balanced", spam=Threshold(reject_at=0.4))["spam"] == (0.4, 0.4)
    assert bars("strict", toxicity=Threshold(0.4, 1.01))["toxicity"] == (0.4, 1.01)
    assert bars("balanced", spam=Threshold()) == bars("balanced") | {"spam": (0.7, 0.985)}


def test_a_models_precision_moves_the_default_thresholds_within_bounds():
    def spam(known: dict[str, float]) -> tuple[float, float]:
        bars = {name: (hold, reject) for name, _, hold, reject in thresholds(Policy(), {"spam": known}).attributes}
        return bars["spam"]

    assert spam({"precision_0.90": 0.62, "precision_0.98": 0.99}) == (0.62, 0.99)
    assert spam({"precision_0.90": 0.01, "precision_0.98": 0.02}) == (0.5, 0.98)
    assert spam({}) == (0.7, 0.985)


reasons = st.sampled_from([reason for reason in Reason if reason not in (Reason.CLEAR, Reason.TRUSTED)])
probability = st.floats(0, 1)
some_signals = st.lists(
    st.builds(
        lambda reason, score, stop: Signal(str(reason), score, reason, hard=stop), reasons, probability, st.booleans()
    ),
    max_size=5,
)
some_scores = st.dictionaries(st.sampled_from(ATTRIBUTES), probability)
some_thresholds = st.one_of(
    st.tuples(probability, probability).map(lambda pair: Threshold(min(pair), max(pair))),
    st.builds(Threshold, hold_at=st.none() | probability),
    st.builds(Threshold, reject_at=probability),
)
some_policies = st.builds(
    Policy,
    profile=st.sampled_from(sorted(PROFILES)),
    thresholds=st.dictionaries(st.sampled_from([*ATTRIBUTES, "signals"]), some_thresholds, max_size=3),
)
some_trust = st.sampled_from([(), (KNOWN,), (TRUSTED,)])


def severity(verdict: Verdict) -> int:
    return SEVERITY[verdict.would if verdict.would is not None else verdict.outcome]


@settings(max_examples=400)
@given(some_signals, some_scores, some_policies, some_trust, some_signals, some_scores, st.booleans())
def test_a_worse_signal_never_gives_a_milder_verdict(signals, scores, policy, trust, more, higher, supported):
    before = judged(*signals, *trust, policy=policy, supported=supported, **scores)
    raised = {name: max(scores.get(name, 0.0), higher.get(name, 0.0)) for name in ATTRIBUTES}
    worse = [
        msgspec.structs.replace(signal, score=max(signal.score, other.score), hard=signal.hard or other.hard)
        for signal, other in zip(signals, [*more, *signals], strict=False)
    ]
    after = judged(*worse, *more, *trust, policy=policy, supported=supported, **raised)
    assert severity(after) >= severity(before)
    assert after.score >= before.score
    assert after.blatant >= before.blatant or trust


@settings(max_examples=400)
@given(
    some_signals, some_scores, some_policies, some_trust, st.sampled_from([Reason.SPAM, Reason.TOXICITY]), st.booleans()
)
def test_of_a_comment_that_waits_no_part_changes_the_verdict(signals, scores, policy, trust, reason, supported):
    part = Signal(PART, HELD_FOR_A_PART, reason)
    without, beside = (
        judged(*signals, *more, *trust, policy=policy, supported=supported, **scores) for more in ((), (part,))
    )
    assert severity(without) <= severity(beside) <= max(severity(without), SEVERITY[Outcome.HOLD]), "it never rejects"
    if thresholds(policy).waits(CLEAN | scores):
        assert severity(without) == severity(beside)


@pytest.mark.parametrize("profile", ["balanced", "strict"])
@pytest.mark.parametrize("attribute", ["spam", "toxicity", "threat"])
def test_what_is_held_as_a_whole_waits(profile, attribute):
    bars = thresholds(Policy(profile=profile))
    hold_at = next(one[2] for one in bars.attributes if one[0] == attribute)
    assert not bars.waits(CLEAN | {attribute: hold_at - 0.01})
    assert bars.waits(CLEAN | {attribute: 0.99})
    # an author whose comments were let through sells nothing, so that spam may be approved that others wait for
    assert bars.waits(CLEAN | {attribute: hold_at + 0.01}) == (attribute != "spam")


def test_where_a_part_would_hold_anybody_nothing_is_said_to_wait():
    policy = Policy(thresholds={"signals": Threshold(hold_at=0.0)})
    assert not thresholds(policy).waits(CLEAN | {"toxicity": 0.7})
    assert judged(TRUSTED, policy=policy, toxicity=0.7).outcome is Outcome.APPROVE
    part = Signal(PART, HELD_FOR_A_PART, Reason.SPAM)
    assert judged(TRUSTED, part, policy=policy, toxicity=0.7).outcome is Outcome.HOLD


def test_shown_is_spam_and_what_stands_out_of_the_others():
    bars = thresholds(Policy())
    assert bars.shown(CLEAN) == ("spam", "toxicity")
    assert bars.shown(CLEAN | {"toxicity": 0.3, "threat": 0.5}) == ("spam", "threat")


@given(some_signals, some_scores, some_policies)
def test_more_trust_never_gives_a_harder_verdict(signals, scores, policy):
    verdicts = [severity(judged(*signals, *trust, policy=policy, **scores)) for trust in ((), (KNOWN,), (TRUSTED,))]
    assert verdicts == sorted(verdicts, reverse=True)


@given(some_signals, some_scores, some_policies)
def test_only_held_and_rejected_comments_have_reasons_and_the_same_facts_give_the_same_verdict(signals, scores, policy):
    verdict = judged(*signals, policy=policy, **scores)
    assert bool(verdict.reasons) == (severity(verdict) > 0)
    assert verdict == judged(*signals, policy=policy, **scores)
