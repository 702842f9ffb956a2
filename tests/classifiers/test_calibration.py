"""Calibrated probabilities mean what they say, and a threshold keeps the precision it was asked for."""

import numpy as np
import pytest

from classifiers.calibration import FEWEST_USUAL, calibration_error, fit_line, fit_on_usual, threshold

CHANCE = np.random.default_rng(0)


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    logits = CHANCE.normal(size=20_000) * 2
    return logits, (CHANCE.uniform(size=20_000) < 1 / (1 + np.exp(-logits))).astype(float)


def test_logits_that_are_too_bold_are_brought_back(drawn):
    logits, labels = drawn
    line = fit_line(logits * 3 + 1, labels)
    assert line.slope == pytest.approx(1 / 3, rel=0.05)
    assert line.offset == pytest.approx(-1 / 3, abs=0.1)


def test_calibration_lowers_the_calibration_error(drawn):
    logits, labels = drawn
    bold = logits * 3 + 1
    line = fit_line(bold, labels)
    before = calibration_error(1 / (1 + np.exp(-bold)), labels)
    after = calibration_error(1 / (1 + np.exp(-(line.slope * bold + line.offset))), labels)
    assert after < 0.02 < before


def test_weights_count_as_repetition(drawn):
    logits, labels = (column[:500] for column in drawn)
    twice = fit_line(np.concatenate([logits, logits[:100]]), np.concatenate([labels, labels[:100]]))
    weighed = fit_line(logits, labels, np.where(np.arange(500) < 100, 2.0, 1.0))
    assert weighed == pytest.approx(twice, abs=1e-3)


def test_where_enough_is_usual_the_other_rows_do_not_move_the_line(drawn):
    logits, labels = drawn
    usual = np.arange(len(logits)) < 5_000
    line, chosen = fit_on_usual(logits, np.where(usual, labels, 1 - labels), usual)
    assert line == fit_line(logits[usual], labels[usual])
    assert (chosen == usual).all()


def test_few_positives_of_usual_prevalence_do_not_flatten_what_others_tell(drawn):
    """Sixteen positives among 3,000, and one row of pasted words that is none and has thirty times the usual logit."""
    logits, labels = drawn
    quiet = np.flatnonzero(labels == 0)[:3_000]
    rare = np.concatenate([[60.0], logits[quiet], logits[labels == 1][: FEWEST_USUAL // 3]])
    truth = np.concatenate([np.zeros(3_001), np.ones(FEWEST_USUAL // 3)])
    found = np.concatenate([rare, logits[10_000:]])
    usual = np.arange(len(found)) < len(rare)
    alone = fit_line(rare, truth)
    line, chosen = fit_on_usual(found, np.concatenate([truth, labels[10_000:]]), usual)
    assert chosen.all()
    assert alone.slope < 0.5 < line.slope
    said = 1 / (1 + np.exp(-(line.slope * rare + line.offset)))
    assert calibration_error(said, truth) < 0.6 * calibration_error(1 / (1 + np.exp(-rare)), truth)


@pytest.mark.parametrize("precision", [0.9, 0.95, 0.98])
def test_a_threshold_keeps_its_precision(drawn, precision):
    logits, labels = drawn
    probabilities = 1 / (1 + np.exp(-logits))
    flagged = probabilities >= threshold(probabilities, labels == 1, precision)
    assert flagged.sum() > 100
    assert labels[flagged].mean() >= precision


def test_a_precision_nobody_reaches_flags_nothing():
    probabilities = np.linspace(0, 0.99, 200)
    assert threshold(probabilities, np.arange(200) % 2 == 0, 0.98) == 1.0


def test_one_class_alone_is_survived():
    assert np.isfinite(fit_line(np.linspace(-1, 1, 50), np.zeros(50))).all()
