"""The thresholds of an adapted version: raised where labels or civil sentences ask for it, and in the order of their precisions.

None is lowered. What a threshold that rose makes the service miss is for the gate to see, on labels that nothing learned.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from classifiers.calibration import threshold
from classifiers.correcting import Floats
from classifiers.evaluation import at_threshold


def raised(
    before: Mapping[str, float], said: Floats, truth: NDArray[np.bool_], civil_before: Floats, civil_after: Floats
) -> dict[str, float]:
    """Raise thresholds whose precision the later labels disprove, or that would flag more civil sentences about groups
    of people than they did; never lower one, but find one where the version knew none and the labels show it.

    Where no threshold shows the precision on enough labels, the probability itself is taken at its word.
    """
    result = {}
    for name, at in before.items():
        wanted = precision_of(name)
        seen = at_threshold(truth, said, at).precision
        disproved = seen is not None and seen.high < wanted
        shown = threshold(said, truth, wanted)
        proved = max(at, min(wanted, shown)) if disproved else max(wanted, shown) if at >= 1.0 else at
        flagged = int((civil_before >= at).sum())
        highest = np.sort(civil_after)[::-1]
        innocent = float(np.nextafter(highest[flagged], 2.0)) if flagged < len(highest) else 0.0
        result[name] = max(proved, innocent)
    return result


def in_order(thresholds: Mapping[str, float]) -> dict[str, float]:
    """Let no threshold lie below that of a lower precision.

    Examples
    --------
    >>> in_order({"precision_0.90": 0.9, "precision_0.95": 0.898, "precision_0.98": 0.95})
    {'precision_0.90': 0.9, 'precision_0.95': 0.9, 'precision_0.98': 0.95}
    """
    result, highest = dict(thresholds), 0.0
    for name in sorted(thresholds, key=precision_of):
        highest = result[name] = max(highest, thresholds[name])
    return result


def precision_of(name: str) -> float:
    """Read the precision that a threshold is named for."""
    return float(name.partition("_")[2])
