"""What a correction must not undo: features that much of what the version knows stands on are held more firmly than
others, a correction after which it would know less is taken back as far as is needed, and the level falls until no more
harmless sentences are held than before.

All is measured on sentences of the package's own corpus, never on the frozen part that the promotion gate judges by.
The firmness of a feature is its share of the Fisher information of the base's own answers (elastic weight
consolidation, Kirkpatrick et al. 2017): the words of a site that nothing else speaks of move freely, those of everybody
hardly at all.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from classifiers.calibration import Line, calibration_error, fit_line
from classifiers.comparing import area
from classifiers.correcting import Correction, Floats, expit
from classifiers.footing import Anchors, Base

LEAST_CURVE = 0.02
"""What even a certain answer counts for, so that a sentence the base is sure of is held too."""
MOST_FORGOTTEN = 0.005
"""By how much the ranking of the package's own sentences may fall: half of what the gate allows."""
AS_NEW = 0.95
"""How well swap sentences are told apart at most when it is measured by how much that falls."""
MOST_MISCALIBRATED = 0.01
"""By how much probabilities may mean less on them: half of what the gate allows."""
SHARES = (1.0, 0.8, 0.6, 0.45, 0.3, 0.2, 0.1)


def scales(base: Base, anchors: Anchors, attribute: str, hold: float) -> Floats:
    """Give for each feature how freely it may move: 1 where nothing known stands on it, near 0 where much does.

    `hold` counts sentences: what is known weighs as if so many of its kind were among the labels.
    """
    information = np.zeros(anchors.held.shape[1])
    for X in (anchors.corpus.X, anchors.swaps.X):
        said = expit(base.calibrated(X, attribute))
        curve = np.maximum(said * (1 - said), LEAST_CURVE) / max(1, len(said))
        information += np.asarray(X.multiply(X).T @ curve, np.float64).reshape(-1)
    freely: Floats = 1 / np.sqrt(1 + hold * information)
    return freely


def times(X: Any, by: Floats) -> Any:
    """Multiply the columns of a sparse matrix."""
    return sparse.csr_matrix(X @ sparse.diags(by.astype(np.float32)))


def damped(base: Base, anchors: Anchors, attribute: str, found: Correction) -> tuple[Correction, float]:
    """Take as much of a correction of words as leaves the ranking of what is known where it was, and say how much."""
    probes = []
    for probe, hard in ((anchors.corpus, False), (anchors.swaps, True)):
        X, truth = probe.of(attribute)
        if truth.any() and not truth.all():
            logits = base.calibrated(X, attribute)
            probes.append((_as_new(logits, truth) if hard else logits, X @ found.weights, truth))
    for share in SHARES:
        fallen = [_area(z, truth) - _area(found.slope * z + share * moved, truth) for z, moved, truth in probes]
        if max(fallen, default=0.0) <= MOST_FORGOTTEN:
            return found._replace(weights=share * found.weights), share
    return found._replace(weights=0.0 * found.weights), 0.0


def levelled(base: Base, anchors: Anchors, attribute: str, found: Correction) -> Line:
    """Find the line that brings level and steepness back as far as is needed for probabilities to mean what they meant.

    It comes after the correction, so the order of scores stays, on the corpus and on the site.
    """
    X, truth = anchors.corpus.of(attribute)
    line = Line(1.0, 0.0)
    if not len(truth):
        return line
    shares = truth.astype(np.float64)
    before = base.calibrated(X, attribute)
    after = found.apply(before, X)
    bearable = calibration_error(expit(before), shares) + MOST_MISCALIBRATED
    home = fit_line(after, expit(before))
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        line = Line(1 + share * (home.slope - 1), share * home.offset)
        if calibration_error(expit(line.slope * after + line.offset), shares) <= bearable:
            break
    return line


def risen(base: Base, anchors: Anchors, attribute: str, found: Correction, held_from: float) -> float:
    """Say by how much the level must fall so that no more harmless sentences of the package's own are held than before.

    The labels of a site where abuse is frequent raise the level of all comments, and a threshold that rises with it does
    not help, since the service heeds none beyond its bounds.
    """
    bar = float(np.log(held_from / (1 - held_from)))
    over = [0.0]
    for X, truth in (anchors.corpus.of(attribute), anchors.swaps.of(attribute)):
        before = base.calibrated(X[~truth], attribute)
        after = np.sort(found.apply(before, X[~truth]))[::-1]
        over += (after[(before >= bar).sum() :][:1] - bar + 1e-6).tolist()
    return max(over)


def _as_new(logits: Floats, truth: NDArray[np.bool_]) -> Floats:
    """Bring the two kinds so near to each other that they are told apart no better than sentences never learned from.

    The templates learned from are told apart with ease, so that a correction that spoils others would not be noticed.
    """
    near, far = 0.0, 30.0
    if _area(logits, truth) <= AS_NEW:
        return logits
    for _ in range(20):
        middle = (near + far) / 2
        near, far = (middle, far) if _area(logits - middle * truth, truth) > AS_NEW else (near, middle)
    return logits - near * truth


def _area(logits: Floats, truth: NDArray[np.bool_]) -> float:
    return area(logits[truth], logits[~truth])
