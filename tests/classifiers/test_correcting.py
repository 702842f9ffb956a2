"""A correction is the same whichever way it is found, and stays within its bounds."""

import numpy as np
import pytest
from scipy import sparse

from classifiers import correcting
from classifiers.correcting import FLATTEST, Priors, Rows, expit, fit

PRIORS = Priors(2.0, 5.0)


def drawn(count: int, *, turned: bool = False, free: bool = True) -> tuple[sparse.csr_matrix, Rows]:
    dice = np.random.default_rng(3)
    X = sparse.random(count, 60, density=0.2, random_state=3, format="csr")
    logits = dice.normal(size=count) * 2
    truth = (-3.0 if turned else 1.0) * logits + X @ dice.normal(size=60) * 2 + 0.7
    shares = (dice.random(count) < expit(truth)).astype(float)
    return X, Rows(logits, shares, np.ones(count), np.full(count, float(free)))


@pytest.mark.parametrize("strength", [0.0, 0.5, 5.0])
def test_both_ways_of_fitting_find_the_same_correction(strength: float, monkeypatch: pytest.MonkeyPatch) -> None:
    X, rows = drawn(300)
    exact = fit(X, rows, strength, PRIORS)
    monkeypatch.setattr(correcting, "MOST_DENSE", 0)
    iterative = fit(X, rows, strength, PRIORS)
    np.testing.assert_allclose(exact.apply(rows.logits, X), iterative.apply(rows.logits, X), atol=0.02)


def test_without_strength_no_word_moves() -> None:
    X, rows = drawn(200)
    found = fit(X, rows, 0.0, PRIORS)
    assert not found.weights.any()
    assert found.bias != 0


@pytest.mark.parametrize("most_dense", [0, 1200])
def test_scores_are_never_turned_round(most_dense: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correcting, "MOST_DENSE", most_dense)
    X, rows = drawn(800, turned=True)
    assert fit(X, rows, 1.0, PRIORS).slope == pytest.approx(FLATTEST)


def test_held_rows_take_no_part_in_level_and_steepness() -> None:
    X, rows = drawn(200, free=False)
    found = fit(X, rows, 1.0, PRIORS)
    assert (found.slope, found.bias) == (1.0, 0.0)


def test_more_strength_moves_words_further() -> None:
    X, rows = drawn(200)
    sizes = [float(np.abs(fit(X, rows, strength, PRIORS).weights).sum()) for strength in (0.1, 1.0, 10.0)]
    assert sizes == sorted(sizes)
