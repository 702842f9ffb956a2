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
