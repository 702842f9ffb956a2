"""The arithmetic of a correction: given the logits of a version, what is to be added so that labels become likelier?

Three things may move, each held towards nothing by a prior of its own: the weights of features, the overall level and
the steepness of the scores. Rows that are not `free` take no part in level and steepness: they hold the weights alone.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

Floats = NDArray[np.float64]

MOST_DENSE = 1200
"""Up to so many labels are learned from exactly, over a matrix of rows by rows; more than that iteratively."""
FLATTEST = 0.2
"""The slope of the scores is never corrected below this share of what it was, and never turned round."""


class Priors(msgspec.Struct, frozen=True):
    """How firmly level and steepness are held; larger is firmer."""

    bias: float
    slope: float


class Rows(NamedTuple):
    """What a correction is learned from: logits as they are, shares as they should be."""

    logits: Floats
    shares: Floats
    weights: Floats
    free: Floats
    """1 where level and steepness apply, 0 where they do not."""

    def take(self, which: Any) -> "Rows":
        """Keep some rows."""
        return Rows(*(column[which] for column in self))

    @classmethod
    def joined(cls, parts: Sequence["Rows"]) -> "Rows":
        """Put rows one after the other."""
        return cls(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


class Correction(NamedTuple):
    """What is added to a calibrated logit z: slope * z + bias + weights @ features."""

    weights: Floats
    slope: float
    bias: float

    def apply(self, logits: Floats, X: Any) -> Floats:
        """Give the corrected logits."""
        corrected: Floats = self.slope * logits + self.bias + X @ self.weights
        return corrected

    def then(self, slope: float, offset: float) -> "Correction":
        """Chain a line after this correction: a correction again."""
        return Correction(slope * self.weights, slope * self.slope, slope * self.bias + offset)


class Dense(NamedTuple):
    """A correction as one number for each row it was learned from: what is left over of it, weighted."""

    residues: Floats
    slope: float
    bias: float


def fit(X: Any, rows: Rows, strength: float, priors: Priors) -> Correction:
    """Find the correction that makes shares likeliest, for one strength; only features that occur can move."""
    if len(rows.shares) <= MOST_DENSE:
        dense = fit_dense(gram(X), rows, strength, priors)
        return Correction(strength * np.asarray(X.T @ dense.residues, np.float64), dense.slope, dense.bias)
    columns = np.unique(X.indices)
    small = X[:, columns] if strength else X[:, :0]
    width = small.shape[1]
    steep = rows.free * rows.logits

    def loss(at: Floats) -> tuple[float, Floats]:
        step, bias, slope = at[:width], at[-2], at[-1]
        found = rows.logits + slope * steep + bias * rows.free + (small @ step if width else 0.0)
        error = rows.weights * (expit(found) - rows.shares)
        penalty = (step @ step / strength if width else 0.0) + priors.bias * bias**2 + priors.slope * slope**2
        value = float(rows.weights @ losses(found, rows.shares)) + 0.5 * penalty
        gradient = np.empty_like(at)
        if width:
            gradient[:width] = small.T @ error + step / strength
        gradient[-2] = error @ rows.free + priors.bias * bias
        gradient[-1] = error @ steep + priors.slope * slope
        return value, gradient

    bounds: Any = [(None, None)] * (width + 1) + [(FLATTEST - 1, None)]
    options: Any = {"maxiter": 100, "ftol": 1e-6}
    best = minimize(loss, np.zeros(width + 2), jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
    full = np.zeros(X.shape[1])
    full[columns[:width]] = best[:width]
    return Correction(full, 1 + float(best[-1]), float(best[-2]))


def fit_dense(products: Floats, rows: Rows, strength: float, priors: Priors) -> Dense:
    """Do what `fit` does by Newton's method over the rows instead of the features, which are far more.

    The three priors are one over the corrected logits, whose covariance is the matrix made here (Rasmussen and
    Williams, Gaussian Processes for Machine Learning, algorithm 3.1).
    """
    steep = rows.free * rows.logits
    level = strength * products + np.outer(rows.free, rows.free) / priors.bias
    residues = _newton(level + np.outer(steep, steep) / priors.slope, rows.logits, rows)
    slope = 1 + float(steep @ residues) / priors.slope
    if slope < FLATTEST:
        # The labels would turn the scores round; they may flatten them no further than this.
        slope = FLATTEST
        residues = _newton(level, rows.logits - (1 - FLATTEST) * steep, rows)
    return Dense(residues, slope, float(rows.free @ residues / priors.bias))


def gram(X: Any) -> Floats:
    """Multiply every row with every other."""
    products: Floats = (X @ X.T).toarray().astype(np.float64)
    return products


def losses(logits: Floats, shares: Floats) -> Floats:
    """Give the negative log-likelihood of each share."""
    found: Floats = np.logaddexp(0, logits) - shares * logits
    return found


def expit(logits: Floats) -> Floats:
    """Turn logits into probabilities without overflow."""
    said: Floats = 0.5 * (1 + np.tanh(0.5 * logits))
    return said


def _newton(prior: Floats, fixed: Floats, rows: Rows) -> Floats:
    moved, residues = np.zeros(len(fixed)), np.zeros(len(fixed))
    value = float(rows.weights @ losses(fixed, rows.shares))
    for _ in range(30):
        said = expit(fixed + moved)
        curve = rows.weights * np.maximum(said * (1 - said), 1e-10)
        root = np.sqrt(curve)
        aim = curve * moved + rows.weights * (rows.shares - said)
        factor = cho_factor(np.eye(len(fixed)) + root[:, None] * prior * root[None, :], lower=True)
        target = aim - root * cho_solve(factor, root * (prior @ aim))
        step = 1.0
        while step > 1e-3:
            tried = residues + step * (target - residues)
            found = prior @ tried
            loss = float(rows.weights @ losses(fixed + found, rows.shares)) + 0.5 * float(tried @ found)
            if loss <= value:
                break
            step /= 2
        else:
            break
        done = value - loss < 1e-7 * max(1.0, value)
        residues, moved, value = tried, found, loss
        if done:
            break
    return residues
