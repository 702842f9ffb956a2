"""What rows count for when a version is trained from scratch: a cluster of near-duplicates once, and not too much of one kind.

Judged are the rows that somebody brings along. The public sets that the package knows by name, and its own corpus, count as
they are: what they hold is known, and the recipe weighs them.
"""

import numpy as np
from numpy.typing import NDArray

from classifiers.dataset import Dataset
from classifiers.errors import LabelsOneSided
from classifiers.manifest import ATTRIBUTES
from classifiers.sources import known_sources
from classifiers.splitting import once_each


def brought_along(rows: Dataset) -> NDArray[np.int64]:
    """Name the rows that belong neither to the package nor to a public set that it knows."""
    known = {entry.source for entry in known_sources().values()}
    ours = {
        source: source.startswith("seeds/")
        or source == "identities"
        or any(source == name or source.startswith(f"{name}/") for name in known)
        for source in set(rows.source)
    }
    return np.flatnonzero([not ours[source] for source in rows.source])


def counts_once(rows: Dataset, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Say what each row counts for, of shape (rows, 2), for spam and for the others: of a near-duplicate cluster all count as one."""
    factors = np.ones((len(rows), 2))
    own = brought_along(rows)
    if len(own):
        texts = [rows.text[place] for place in own]
        for column, attribute in enumerate((0, 1)):
            factors[own, column] = once_each(texts, shares[own, attribute].astype(np.float32))
    return factors


def check_balance(
    rows: Dataset, shares: NDArray[np.float64], factors: NDArray[np.float64], most: float
) -> dict[str, dict[str, float]]:
    """Refuse rows of which too many are of one kind; say for each attribute and source how many rows were counted.

    The package's own corpus, where it is learned from too, may make up for a kind that these rows lack; it takes nothing from rows that
    are balanced without it.
    """
    own = brought_along(rows)
    if not len(own):
        return {}
    seeds = np.flatnonzero([source.startswith("seeds/") for source in rows.source])
    found: dict[str, dict[str, float]] = {}
    for column, attribute in enumerate(ATTRIBUTES):
        counted = np.where(np.isnan(shares[:, column]), 0.0, factors[:, min(column, 1)])
        if not counted[own].any():
            continue
        says_yes = np.nan_to_num(shares[:, column]) >= 0.5
        alone, together = (
            (float(counted[judged][says_yes[judged]].sum()), float(counted[judged][~says_yes[judged]].sum()))
            for judged in (own, np.concatenate([own, seeds]))
        )
        yes, no = min(alone, together, key=lambda kinds: max(kinds) / max(min(kinds), 1e-9))
        if max(yes, no) > most * min(yes, no):
            raise LabelsOneSided(
                f"rows of {attribute} are {yes:.0f} yes to {no:.0f} no, near-duplicates counted once: more than {most:g} to 1. "
                "Add rows of the rarer kind, or raise `max_imbalance` in the recipe"
            )
        found[attribute] = {}
        for place in own.tolist():
            source = rows.source[place]
            found[attribute][source] = found[attribute].get(source, 0.0) + float(counted[place])
    return {name: {source: round(rows, 1) for source, rows in sorted(each.items())} for name, each in found.items()}
