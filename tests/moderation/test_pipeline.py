"""The pipeline asks every check and, once for a whole batch, the models; what fails leaves a comment for a person."""

import math
import time
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from classifiers.scorer import bundled
from moderation.records import ATTRIBUTES, Comment, History, Outcome, Policy, Reason, Site, Threshold, Word
from moderation.scoring import pipeline as pipelines
from moderation.scoring.details import detail
from moderation.scoring.models import Models, Scored
from moderation.scoring.pipeline import Pipeline, _built_by, checks_of
from moderation.scoring.policy import judge, thresholds

CLEAN = dict.fromkeys(ATTRIBUTES, 0.1)
SITE = Site(id="blog", lang="en")


REMARK = "Thank you for the article."
"""What a model that took long is asked to see whether the model is slow, or what was written."""


class Clock:
    """The one thing that is not real here, so that a slow model takes no time."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class ScriptedModel:
    """Scores by what stands in the text, and misbehaves when told to: a model is a collaborator from another package."""

    def __init__(self, clock: Clock, version: str = "v1", thresholds: dict[str, Any] | None = None) -> None:
        self.clock = clock
        self.version = version
        self.manifest = SimpleNamespace(thresholds=thresholds or {})
        self.calls: list[list[str]] = []
        self.hints: list[str] = []
        self.bars: list[Any] = []
        self.drag = 0
        """The seconds that it takes for anything, once it was told to be slow; what is heavy takes long by itself."""

    def score(self, items: Any, **how: Any) -> list[Any]:
        self.calls.append([item.text for item in items])
        self.hints = [item.lang for item in items]
        self.bars = [item.bars for item in items]
        return [self.one(item.text) for item in items]

    def one(self, text: str) -> Any:
        if "raise" in text:
            raise RuntimeError("the weights are gone")
        if text == REMARK:
            self.clock.now += self.drag
        else:
            self.drag = text.count("slow")
            self.clock.now += self.drag + text.count("heavy")
        values = dict(CLEAN)
        if "spam" in text:
            values["spam"] = 0.99
        if "idiot" in text:
            values |= {"toxicity": 0.85, "insult": 0.95}
        if "nan" in text:
            values["spam"] = math.nan
        if "lacking" in text:
            del values["threat"]
        words = [
            SimpleNamespace(attribute=name, begin=0, end=4, weight=2.0, feature="") for name in ("spam", "toxicity")
        ]
        return SimpleNamespace(values=values, lang="en", supported="klingon" not in text, words=words, part=None)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def model(clock: Clock) -> ScriptedModel:
    return ScriptedModel(clock)


@pytest.fixture
def faults() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def pipeline(clock: Clock, model: ScriptedModel, faults: list[tuple[str, str]]) -> Pipeline:
    models = Models(clock, model, on_fault=lambda which, what, error: faults.append((which, what)))
    return Pipeline(models, lambda check, comment, error: faults.append((check, type(error).__name__)))


def a_comment(text: str, **fields: Any) -> Comment:
    return Comment(id="c", site="blog", text=text, name="Ann", email="ann@example.com", **fields)


def examined(pipeline: Pipeline, *texts: str, site: Site = SITE) -> list[Any]:
    return pipeline.examine([(site, a_comment(text), History()) for text in texts])


def named(seen: Any, name: str) -> Any:
    (signal,) = [signal for signal in seen.signals if signal.name == name]
    return signal


def test_the_models_are_asked_once_for_a_whole_batch(pipeline, model):
    examined(pipeline, "one", "two", "three")
    assert model.calls == [["one", "two", "three"]]
    assert model.hints == ["en", "en", "en"]


def test_the_model_is_told_what_each_site_makes_of_the_scores(pipeline, model):
    strict = msgspec.structs.replace(SITE, id="strict", policy=Policy(profile="strict"))
    pipeline.examine([(SITE, a_comment("one"), History()), (strict, a_comment("two"), History())])
    assert model.bars == [thresholds(SITE.policy), thresholds(strict.policy)]
    assert model.bars[0] != model.bars[1]


def test_an_empty_batch_asks_nobody(pipeline, model):
    assert pipeline.examine([]) == []
    assert model.calls == []


def test_every_comment_has_a_signal_of_every_check_and_of_both_models(pipeline):
    (seen,) = examined(pipeline, "hello")
    assert len(seen.signals) == 18
    assert seen.scores == CLEAN
    assert all(detail(signal) for signal in seen.signals)


def test_scores_come_with_the_words_that_moved_them(pipeline):
    (seen,) = examined(pipeline, "spam here")
    assert named(seen, "spam").reason is Reason.SPAM
    assert named(seen, "spam").words[0].end == 4
    assert judge(seen, SITE.policy).outcome is Outcome.REJECT


def test_toxicity_names_the_attribute_that_stands_out(pipeline):
    (seen,) = examined(pipeline, "you idiot")
    assert named(seen, "toxicity").facts == (95, "insult")
    assert detail(named(seen, "toxicity")) == "95 % insulting, above this site's threshold"
    assert judge(seen, SITE.policy).reasons == (Reason.TOXICITY,)


def test_a_language_that_no_model_reads_well_waits_unless_the_site_says_otherwise(pipeline):
    (seen,) = examined(pipeline, "klingon")
    assert judge(seen, SITE.policy).reasons == (Reason.UNSUPPORTED_LANGUAGE,)
    open_site = Site(id="open", policy=Policy(profile="strict", hold_unsupported=False))
    (seen,) = examined(pipeline, "klingon", site=open_site)
    assert judge(seen, open_site.policy).outcome is Outcome.APPROVE


def waits_unscored(seen: Any) -> bool:
    verdict = judge(seen, SITE.policy)
    return verdict.degraded and verdict.outcome is Outcome.HOLD and verdict.reasons == (Reason.UNSCORED,)


def test_without_a_model_comments_wait(clock):
    (seen,) = examined(Pipeline(Models(clock)), "hello")
    assert waits_unscored(seen)
    assert detail(named(seen, "models")) == "no model is loaded; scored later"


def test_a_comment_on_which_the_model_fails_takes_nobody_along(pipeline, faults):
    good, bad, other = examined(pipeline, "good", "raise", "spam")
    assert waits_unscored(bad)
    assert not good.degraded
    assert other.scores["spam"] == 0.99
    assert faults == [("active", "failed_on_some")]
    assert not pipeline.models.resting


def test_a_comment_on_which_the_model_fails_in_a_way_of_its_own_is_told_beside_the_batch(pipeline, model, faults):
    works = model.score

    def score(items, *, explain=False):
        if len(items) > 1:
            raise MemoryError
        return works(items, explain=explain)

    model.score = score
    good, bad = examined(pipeline, "good", "raise")
    assert waits_unscored(bad)
    assert not good.degraded
    assert faults == [("active", "failed_on_one"), ("active", "failed_on_some")]


def test_a_model_that_always_fails_rests_for_some_seconds(pipeline, model, clock, faults):
    works, model.one = model.one, None
    assert all(waits_unscored(seen) for seen in examined(pipeline, "hello", "hello"))
    assert faults == [("active", "failed")]
    model.one = works
    calls = len(model.calls)
    assert waits_unscored(examined(pipeline, "hello")[0])
    assert len(model.calls) == calls
    assert pipeline.models.resting
    clock.now += 6
    assert not examined(pipeline, "hello")[0].degraded


def test_a_comment_that_comes_alone_and_makes_the_model_fail_does_not_silence_it(pipeline, faults):
    for _ in range(2):
        assert waits_unscored(examined(pipeline, "raise")[0])
    assert faults == [("active", "failed_on_some")] * 2
    assert not examined(pipeline, "hello")[0].degraded


def test_a_slow_model_leaves_its_batch_unscored_and_rests(pipeline, clock, faults):
    assert waits_unscored(examined(pipeline, "slow")[0])
    assert faults == [("active", "slow")]
    clock.now += 4
    assert waits_unscored(examined(pipeline, "hello")[0])
    clock.now += 2
    assert not examined(pipeline, "hello")[0].degraded


def test_a_comment_that_takes_long_by_itself_silences_the_model_for_nobody(pipeline, faults):
    seen, other = examined(pipeline, "heavy spam", "hello")
    assert not seen.degraded
    assert seen.scores["spam"] == 0.99
    assert not other.degraded
    assert not examined(pipeline, "hello")[0].degraded
    assert faults == []


def test_a_busy_machine_makes_no_model_slow_but_a_stalled_one_is(clock):
    busy = Pipeline(Models(clock, ScriptedModel(clock), effort=lambda: 0.0))
    assert not examined(busy, "slow")[0].degraded
    assert not examined(busy, "hello")[0].degraded
    assert waits_unscored(examined(busy, "slow slow slow")[0])


def test_a_batch_of_long_texts_may_take_longer(pipeline, faults):
    seen = examined(pipeline, "slow spam" + "x" * 19_000, *["x" * 20_000] * 30)
    assert not any(one.degraded for one in seen)
    assert faults == []


@pytest.mark.parametrize("text", ["nan", "lacking"])
def test_scores_that_are_none_leave_that_comment_unscored(pipeline, text):
    good, bad = examined(pipeline, "good", text)
    assert not good.degraded
    assert waits_unscored(bad)
    assert bad.scores == {}


def test_too_few_answers_are_no_answers(clock):
    class Mute(ScriptedModel):
        def score(self, items: Any, **how: Any) -> list[Any]:
            return []

    assert waits_unscored(examined(Pipeline(Models(clock, Mute(clock))), "hello")[0])


@pytest.mark.parametrize("mutation", ["passed on", "waited for"])
def test_a_model_that_is_missing_or_slow_and_stops_nothing_is_found_out(clock, monkeypatch, mutation):
    """The mutations: what no model saw is clear; a model may take as long as it likes."""
    pipeline = Pipeline(Models(clock, ScriptedModel(clock), timeout=0.25 if mutation == "passed on" else 3600.0))
    if mutation == "passed on":
        signals = pipelines.model_signals
        monkeypatch.setattr(
            pipelines, "model_signals", lambda scored, *more: () if scored.degraded else signals(scored, *more)
        )
        assert judge(examined(Pipeline(Models(clock)), "hello")[0], SITE.policy).outcome is Outcome.APPROVE
    assert not waits_unscored(examined(pipeline, "slow")[0])


def test_a_swap_takes_effect_with_the_next_batch_and_wakes_a_resting_model(pipeline, clock):
    examined(pipeline, "slow")
    pipeline.models.swap(ScriptedModel(clock, "v2"), ScriptedModel(clock, "v3"))
    (seen,) = examined(pipeline, "spam")
    assert seen.models == ("v2", "v3") == pipeline.models.versions
    assert seen.shadow["spam"] == 0.99


def test_a_failing_shadow_model_changes_nothing(pipeline, model, clock, faults):
    pipeline.models.swap(model, ScriptedModel(clock, "v2"))
    pipeline.models._seats[1].scorer.one = None
    (seen,) = examined(pipeline, "hello")
    assert not seen.degraded
    assert (seen.shadow, seen.models) == ({}, ("v1",))
    assert faults == [("shadow", "failed")]


def test_a_new_policy_and_a_new_model_are_seen_at_once(pipeline, clock):
    loose = Site(id="blog", policy=Policy(thresholds={"spam": Threshold(1.01, 1.01)}))
    assert judge(examined(pipeline, "spam")[0], SITE.policy).outcome is Outcome.REJECT
    assert judge(examined(pipeline, "spam", site=loose)[0], loose.policy).outcome is Outcome.APPROVE
    worded = Site(id="blog", policy=Policy(version=2, blocked_words=("hello",)))
    assert judge(examined(pipeline, "hello", site=worded)[0], worded.policy).outcome is Outcome.REJECT
    pipeline.models.swap(ScriptedModel(clock, "v2", {"spam": {"precision_0.98": 0.994}}))
    assert judge(examined(pipeline, "spam")[0], SITE.policy).outcome is Outcome.HOLD


def test_compiled_checks_are_kept_for_a_bounded_number_of_sites(pipeline):
    for number in range(300):
        examined(pipeline, "hello", site=Site(id=f"s{number}"))
    assert len(pipeline._compiled) == 256


def test_a_check_that_fails_leaves_the_comment_to_a_person_and_is_told(pipeline, faults):
    broken = a_broken_comment()
    good, bad = pipeline.examine([(SITE, a_comment("hello"), History()), (SITE, broken, History())])
    assert judge(good, SITE.policy).outcome is Outcome.APPROVE
    assert judge(bad, SITE.policy).outcome is Outcome.HOLD
    assert faults == [("form_speed", "TypeError")]


@pytest.mark.parametrize("place", range(len(checks_of(SITE.policy))))
def test_every_check_is_told_under_the_name_of_its_signal(place):
    check = checks_of(SITE.policy)[place]
    assert _built_by(check) == check(a_comment("hello"), History()).name


def test_what_a_model_scored_and_did_not_is_told(clock, model):
    told = []
    models = Models(clock, model, on_scored=lambda *what: told.append(what))
    models.score([a_comment("one"), a_comment("raise")])
    assert told == [("active", "failed", 1, 0.0), ("active", "scored", 1, 0.0)]
    told.clear()
    models.score([a_comment("slow")])
    models.score([a_comment("hello")])
    assert told == [("active", "slow", 1, 1.0), ("active", "resting", 1, 0.0)]
    models.swap(None)
    models.score([a_comment("hello")])
    assert told[-1] == ("active", "missing", 1, 0.0)


def a_broken_comment() -> Comment:
    """Build a comment whose form time is no number, as only a fault of ours could."""
    return a_comment("hello", form_seconds="soon")


def test_the_models_that_ship_with_the_package_tell_spam_and_insults_from_a_remark():
    pipeline = Pipeline(Models(time.monotonic, bundled(), timeout=30.0))
    spam, insult, remark = examined(
        pipeline,
        "Buy cheap viagra at http://pills.ru now!!! best casino bonus http://x.com http://y.com",
        "You are a fucking idiot, shut up",
        "I disagree with the author, but this is well argued.",
    )
    assert Reason.SPAM in judge(spam, SITE.policy).reasons
    assert named(spam, "spam").words
    assert judge(insult, SITE.policy).reasons == (Reason.TOXICITY,)
    assert judge(remark, SITE.policy).outcome is Outcome.APPROVE
    assert spam.models == (bundled().version,)


def test_the_words_shown_are_those_of_the_attribute_that_stands_out():
    scores = dict.fromkeys(ATTRIBUTES, 0.1) | {"threat": 0.95}
    words = {name: (Word(at, at + 1, 1.0),) for at, name in enumerate(ATTRIBUTES)}
    signals = pipelines.model_signals(Scored(scores, "en", words=words), thresholds(Policy()), True)
    toxicity = next(signal for signal in signals if signal.name == "toxicity")
    assert toxicity.facts == (95, "threat")
    assert toxicity.words == words["threat"]
