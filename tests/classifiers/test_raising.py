"""Raising: thresholds of an adapted version go up where labels ask for it, and never past each other."""

import numpy as np

from classifiers.raising import in_order, raised

NONE = np.zeros(0)


def said_and_true(*groups: tuple[float, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Make `n` comments of a score each, of which so many are bad: (score, bad, n)."""
    said = np.concatenate([np.full(n, score) for score, _, n in groups])
    return said, np.concatenate([np.arange(n) < bad for _, bad, n in groups])


def test_a_threshold_that_labels_do_not_disprove_stays() -> None:
    said, truth = said_and_true((0.8, 18, 20), (0.5, 16, 20), (0.1, 0, 50))
    assert raised({"precision_0.90": 0.45}, said, truth, NONE, NONE) == {"precision_0.90": 0.45}


def test_a_threshold_that_labels_disprove_rises_to_where_they_show_the_precision_or_to_its_word() -> None:
    said, truth = said_and_true((0.8, 39, 40), (0.6, 30, 60), (0.1, 0, 90))
    assert raised({"precision_0.90": 0.4}, said, truth, NONE, NONE) == {"precision_0.90": 0.8}
    said, truth = said_and_true((0.95, 60, 100), (0.6, 50, 100))
    assert raised({"precision_0.90": 0.4}, said, truth, NONE, NONE) == {"precision_0.90": 0.9}


def test_a_threshold_that_was_not_known_is_found() -> None:
    said, truth = said_and_true((0.95, 30, 30), (0.5, 0, 30))
    assert raised({"precision_0.90": 1.0}, said, truth, NONE, NONE) == {"precision_0.90": 0.95}


def test_civil_sentences_are_flagged_no_oftener_than_before() -> None:
    said, truth = said_and_true((0.8, 20, 20))
    civil_before, civil_after = np.array([0.2, 0.5]), np.array([0.6, 0.75])
    found = raised({"precision_0.90": 0.45}, said, truth, civil_before, civil_after)
    assert 0.6 < found["precision_0.90"] < 0.61


def test_no_threshold_lies_below_that_of_a_lower_precision() -> None:
    found = in_order({"precision_0.95": 0.898, "precision_0.90": 0.9, "precision_0.98": 0.99})
    assert found == {"precision_0.95": 0.9, "precision_0.90": 0.9, "precision_0.98": 0.99}
