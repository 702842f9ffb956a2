"""The figures agree with what can be worked out by hand, and with scikit-learn."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from classifiers.dataset import Dataset, Row, from_rows
from classifiers.evaluation import (
    FALSE_ALARM,
    Evaluation,
    Score,
    at_threshold,
    auc,
    average_precision,
    calibration_error,
    curve,
    evaluate,
    figures,
    share,
)
from classifiers.fairness import WIDEST_GAP, even_out, measure
from classifiers.identities import Sentence
from classifiers.manifest import ATTRIBUTES, Manifest

DICE = np.random.default_rng(7)


def drawn(rows: int, shift: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    truth = DICE.random(rows) < 0.3
    return truth, (1 / (1 + np.exp(-(DICE.normal(size=rows) + shift * truth)))).round(2)


def a_manifest(**thresholds: float) -> Manifest:
    return Manifest(
        version="v1",
        made_at="2026-01-01T00:00:00+00:00",
        kind="scratch",
        attributes=ATTRIBUTES,
        files={},
        thresholds={name: {"precision_0.90": at} for name, at in thresholds.items()},
    )


def rows(*given: dict[str, object]) -> Dataset:
    return from_rows([msgspec.convert(row, Row) for row in given])


@pytest.mark.parametrize("count", [10, 500, 3000])
def test_ranking_figures_agree_with_scikit_learn(count: int) -> None:
    truth, said = drawn(count)
    found = auc(truth, said)
    assert found is not None
    assert found.value == pytest.approx(roc_auc_score(truth, said))
    assert average_precision(truth, said) == pytest.approx(average_precision_score(truth, said))
    assert 0 <= found.low < found.value < found.high <= 1


def test_the_interval_of_the_area_holds_the_truth_about_as_often_as_it_says() -> None:
    true_area = 0.7602
    held = 0
    for _ in range(300):
        truth = np.repeat([True, False], [60, 140])
        found = auc(truth, DICE.normal(size=200) + 1.0 * truth)
        assert found is not None
        held += found.low <= true_area <= found.high
    assert 0.90 <= held / 300 <= 0.99


def test_errors_of_probabilities_are_measured_against_shares_and_ranking_by_the_half() -> None:
    shares = np.repeat(np.float32([0.3, 0.6]), 50)
    found = figures(shares, np.repeat([0.3, 0.6], 50))
    assert found.calibration_error == pytest.approx(0, abs=1e-6)
    assert found.brier == pytest.approx(0, abs=1e-6)
    assert found.positives == 50
    assert found.auc is not None
    assert found.auc.value == 1.0


def test_a_perfect_ranking_still_has_an_interval_and_one_class_has_none() -> None:
    perfect = auc(np.array([False, True]), np.array([0.1, 0.9]))
    assert perfect is not None
    assert perfect.value == 1.0
    assert perfect.low < 0.9
    assert auc(np.array([True, True]), np.array([0.1, 0.9])) is None
    assert average_precision(np.array([False]), np.array([0.5])) is None


def test_probabilities_that_mean_what_they_say_have_no_error() -> None:
    truth = np.array([True] * 3 + [False] * 7)
    assert calibration_error(truth, np.full(10, 0.3)) == pytest.approx(0)
    assert calibration_error(truth, np.full(10, 0.8)) == pytest.approx(0.5)


def test_a_threshold_costs_what_it_misses_and_what_it_flags_wrongly() -> None:
    truth = np.array([True, True, True, False, False])
    found = at_threshold(truth, np.array([0.9, 0.8, 0.1, 0.95, 0.2]), 0.5)
    assert found.flagged == 3
    assert found.precision is not None
    assert (found.precision.value, found.recall.value) == pytest.approx((2 / 3, 2 / 3))
    assert found.false_positive_rate.value == 0.5
    assert found.cost == pytest.approx((1 + FALSE_ALARM) / 5)
    assert at_threshold(truth, np.zeros(5), 0.5).precision is None


def test_wilson_bounds_match_the_book() -> None:
    found = share(8, 10)
    assert (found.low, found.high) == pytest.approx((0.4902, 0.9433), abs=1e-3)
    assert share(0, 0) == type(found)(0.0, 0.0, 1.0)


def test_curves_are_thinned_out_and_end_with_everything_flagged() -> None:
    truth, said = DICE.random(5000) < 0.3, DICE.random(5000)
    found = curve(truth, said)
    assert len(found.recall) <= 121
    assert found.recall[-1] == 1.0
    assert found.false_positive_rate[-1] == 1.0
    assert list(found.threshold) == sorted(found.threshold, reverse=True)


def test_an_evaluation_slices_and_travels_as_json() -> None:
    dataset = rows(
        *(
            {
                "text": ("women wrote this " if at % 2 else "a comment on nothing ") * (1 + at % 30),
                "lang": "en" if at % 3 else "de",
                "source": "s",
                "site": "blog",
                "toxicity": at % 2,
            }
            for at in range(200)
        )
    )

    def score(texts: object, langs: object) -> np.ndarray:
        scores = np.full((200, len(ATTRIBUTES)), 0.2)
        scores[::2, ATTRIBUTES.index("toxicity")] = 0.6
        return scores

    found = evaluate(a_manifest(toxicity=0.5), score, dataset)
    toxicity = found.attributes["toxicity"]
    assert set(found.attributes) == {"toxicity"}
    assert toxicity.overall.n == 200
    assert toxicity.overall.auc is not None
    assert toxicity.overall.auc.value == 0.0
    assert toxicity.slices["identity"]["gender"].n == toxicity.slices["identity"]["gender"].positives
    assert set(toxicity.slices["language"]) == {"de", "en"}
    assert "site" in toxicity.slices
    assert toxicity.at["precision_0.90"].flagged == 100
    assert msgspec.json.decode(msgspec.json.encode(found), type=Evaluation) == found


def test_a_model_that_hates_one_name_has_a_gap_and_a_blind_one_has_none() -> None:
    def hates_muslims(texts: object, langs: object) -> np.ndarray:
        return np.array([[0.9 if "Muslim" in text else 0.1] * len(ATTRIBUTES) for text in texts])  # type: ignore[attr-defined]

    def blind(texts: object, langs: object) -> np.ndarray:
        return np.full((len(texts), len(ATTRIBUTES)), 0.1)  # type: ignore[arg-type]

    unfair = measure(a_manifest(toxicity=0.5), hates_muslims, ("en",))
    assert unfair.gap == 1.0
    assert unfair.worst[0].identity == "Muslims"
    assert unfair.languages["en"].identities >= 50
    fair = measure(a_manifest(toxicity=0.5), blind, ("en",))
    assert fair.gap == 0.0
    assert fair.auc is not None
    assert fair.auc.value == 0.5


def test_the_gap_is_that_of_what_the_service_would_hold() -> None:
    def says(score: float) -> Score:
        def score_all(texts: Sequence[str], langs: Sequence[str]) -> np.ndarray:
            found = np.array([[score if "Muslim" in text else 0.1] * len(ATTRIBUTES) for text in texts])
            found[:, ATTRIBUTES.index("threat")] = 0.1  # its bar lies lower than those looked at
            return found

        return score_all

    never = {"toxicity": 1.0, "threat": 1.0, "severe_toxicity": 1.0, "insult": 1.0, "identity_attack": 1.0}
    assert measure(a_manifest(**never), says(0.44), ("en",)).gap == 0.0
    assert measure(a_manifest(**never), says(0.46), ("en",)).gap == 1.0
    assert measure(a_manifest(toxicity=0.1), says(0.39), ("en",)).gap == 0.0
    assert measure(a_manifest(**never), says(0.46), ("en",)).thresholds["identity_attack"] == 0.85


def test_a_threshold_is_raised_until_the_civil_sentences_of_all_groups_are_flagged_alike() -> None:
    found = [
        Sentence("", "en", group, "origin", "civil", str(turn)) for group in ("foos", "bars") for turn in range(20)
    ]
    scores = np.zeros((40, len(ATTRIBUTES)))
    scores[:2, ATTRIBUTES.index("insult")] = 0.8, 0.9
    scores[:1, ATTRIBUTES.index("identity_attack")] = 0.8
    asked = {name: {"precision_0.90": 0.7} for name in ("spam", "toxicity", "insult", "identity_attack")}
    evened = even_out(asked, found, scores)
    assert 0.8 < evened["insult"]["precision_0.90"] < 0.9
    assert 1 / 20 <= WIDEST_GAP < 2 / 20
    assert {name for name in asked if evened[name] != asked[name]} == {"insult"}


@pytest.mark.parametrize(
    ("said", "at", "evened"),
    [
        ((0.42, 0.43), 0.41, pytest.approx(0.42, abs=1e-5)),  # between the bounds: raised as far as is needed
        ((0.3, 0.3), 0.2, 0.2),  # below them nothing is held
        ((0.42, 0.43), 0.2, pytest.approx(0.42, abs=1e-5)),
        ((0.8, 0.9), 0.6, 0.6),  # above them no threshold is heeded
        ((0.8, 0.9), 0.41, 0.41),
    ],
)
def test_a_threshold_is_raised_only_where_the_service_would_use_it(
    said: tuple[float, float], at: float, evened: float
) -> None:
    found = [
        Sentence("", "en", group, "origin", "civil", str(turn)) for group in ("foos", "bars") for turn in range(20)
    ]
    scores = np.zeros((40, len(ATTRIBUTES)))
    scores[:2, ATTRIBUTES.index("toxicity")] = said
    assert even_out({"toxicity": {"precision_0.90": at}}, found, scores)["toxicity"]["precision_0.90"] == evened
