"""Probabilities that mean what they say, and thresholds asked for as "precision at least 0.98".

Calibration is a straight line on the logit (Platt): it keeps the order of scores, and a contribution to the logit
stays a contribution after it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float64]
PRECISIONS = (0.90, 0.95, 0.98)
FEWEST_FLAGGED = 20
"""A precision seen on fewer comments than this is no ground for a threshold."""
FEWEST_USUAL = 50
"""A line through fewer positives of usual prevalence is nearly flat: it says "hardly ever" of everything."""
SUREST = 6.0
"""Logits beyond it count as that much where few positives are: a word pasted a hundred times reaches several times of it."""


class Line(NamedTuple):
    """calibrated logit = slope x logit + offset."""

    slope: float
    offset: float


def fit_line(logits: Floats, shares: Floats, weights: Floats | None = None) -> Line:
    """Fit the line that makes probabilities of logits agree with shares.

    Examples
    --------
    >>> import numpy as np
    >>> logits = np.repeat([-2.0, 2.0], 100)
    >>> shares = np.repeat([0.0, 1.0, 0.0, 1.0], [90, 10, 10, 90])
    >>> line = fit_line(logits, shares)
    >>> round(line.slope, 1), round(line.offset, 1)
    (1.1, 0.0)
    """
    weights = np.ones(len(logits)) if weights is None else weights
    weights = weights / weights.sum()

    def loss(line: Floats) -> tuple[float, Floats]:
        found = line[0] * logits + line[1]
        error = 0.5 * (1 + np.tanh(0.5 * found)) - shares
        prior = 1e-4 * ((line[0] - 1) ** 2 + line[1] ** 2)
        value = float(weights @ (np.logaddexp(0, found) - shares * found)) + prior
        return value, np.array([weights @ (error * logits) + 2e-4 * (line[0] - 1), weights @ error + 2e-4 * line[1]])

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0.05, 20), (-30, 30)]).x
    return Line(float(found[0]), float(found[1]))


def fit_on_usual(logits: Floats, shares: Floats, usual: NDArray[np.bool_]) -> tuple[Line, NDArray[np.bool_]]:
    """Fit the line on the rows where an attribute is as frequent as in life; where these hold too few positives, on all rows.

    Of all rows those of usual prevalence then are half, however many they are, so that what is rare stays rare. Gives the line
    and which rows it was fitted on.

    Examples
    --------
    >>> import numpy as np
    >>> logits = np.repeat([-2.0, 2.0, -2.0, 2.0], [990, 10, 100, 100])
    >>> shares = np.concatenate([np.zeros(995), np.ones(5), np.zeros(90), np.ones(10), np.zeros(10), np.ones(90)])
    >>> line, chosen = fit_on_usual(logits, shares, np.arange(1200) < 1000)
    >>> round(line.slope, 1), round(line.offset, 1), int(chosen.sum())
    (1.4, -0.6, 1200)
    """
    every = np.ones(len(logits), bool)
    if (shares[usual] >= 0.5).sum() >= FEWEST_USUAL:
        return fit_line(logits[usual], shares[usual]), usual
    if not usual.any() or usual.all():
        return fit_line(logits, shares), every
    halves = np.where(usual, 0.5 / usual.sum(), 0.5 / (~usual).sum())
    return fit_line(np.minimum(logits, SUREST), shares, halves), every


def calibration_error(probabilities: Floats, shares: Floats, bins: int = 15) -> float:
    """Measure the expected calibration error over bins of equal width.

    Examples
    --------
    >>> import numpy as np
    >>> round(calibration_error(np.full(10, 0.3), np.repeat([1.0, 0.0], [3, 7])), 6)
    0.0
    """
    place = np.minimum((probabilities * bins).astype(int), bins - 1)
    gaps = np.bincount(place, probabilities - shares, minlength=bins)
    return float(np.abs(gaps).sum() / len(probabilities))


def threshold(probabilities: Floats, labels: NDArray[np.bool_], precision: float) -> float:
    """Find the lowest threshold from which on at least this share of what is flagged is rightly so.

    Where no threshold reaches the precision on enough comments, the answer is 1: nothing is flagged.

    Examples
    --------
    >>> import numpy as np
    >>> probabilities = np.linspace(0.01, 1, 100)
    >>> float(round(threshold(probabilities, probabilities > 0.5, 0.9), 2))
    0.46
    """
    order = np.argsort(-probabilities, kind="stable")
    right = np.cumsum(labels[order])
    flagged = np.arange(1, len(order) + 1)
    ends = np.append(np.diff(probabilities[order]) != 0, True)
    good = np.flatnonzero(ends & (right >= precision * flagged) & (flagged >= FEWEST_FLAGGED))
    return float(probabilities[order[good[-1]]]) if len(good) else 1.0
