"""What rows count for when a version is trained from scratch: a cluster of near-duplicates once, and not too much of one kind.

Judged are the rows that somebody brings along. The public sets that the package knows by name, and its own corpus, count as
they are: what they hold is known, and the recipe weighs them.
"""

import numpy as np
from numpy.typing import NDArray

from classifiers.dataset import Dataset
from classifiers.errors import LabelsOneSided, TooFewLabels
from classifiers.manifest import ATTRIBUTES
from classifiers.recipe import Recipe
from classifiers.sources import known_sources
from classifiers.splitting import near_duplicates, once_of


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


def counted_once(rows: Dataset, recipe: Recipe) -> tuple[NDArray[np.float64], dict[str, dict[str, float]]]:
    """Say what each row counts for, of shape (rows, 2), for spam and for the others; and how many rows were counted, by attribute and source.

    Refused are rows brought along of which an attribute has too few labels, labels of one kind, or nearly so: the corpus of
    the package does not stand in for them, since what is learned of its texts says nothing about those.
    """
    factors = np.ones((len(rows), 2))
    found: dict[str, dict[str, float]] = {}
    own = brought_along(rows)
    if not len(own):
        return factors, {}
    clusters, sources = near_duplicates([rows.text[place] for place in own]), [rows.source[place] for place in own]
    for column in (0, 1):
        factors[own, column] = once_of(clusters, rows.values[own, column])
    for attribute in ATTRIBUTES:
        values = rows.column(attribute)[own]
        there = np.flatnonzero(~np.isnan(values) & (rows.weight[own] > 0))
        if not len(there):
            continue
        counted = once_of(clusters[there], values[there]).astype(np.float64)
        says_yes = values[there] >= 0.5
        yes, no = float(counted[says_yes].sum()), float(counted[~says_yes].sum())
        if refused := refusal(attribute, yes, no, recipe.min_labels, recipe.max_imbalance):
            raise refused
        found[attribute] = {
            source: round(float(counted[[sources[place] == source for place in there]].sum()), 1)
            for source in sorted({sources[place] for place in there})
        }
    if not found:
        raise TooFewLabels(0, recipe.min_labels)
    return factors, found


def refusal(
    attribute: str, yes: float, no: float, least: int, max_imbalance: float
) -> TooFewLabels | LabelsOneSided | None:
    """Say why so many labels of each kind teach nothing of an attribute; None where they do. Near-duplicates are counted once."""
    if round(yes + no) < least:
        return TooFewLabels(round(yes + no), least, attribute)
    if not yes or not no:
        return LabelsOneSided(
            f"all labels of {attribute} say {'yes' if yes else 'no'}; both are needed: add rows, or leave its values out"
        )
    if max(yes, no) > max_imbalance * min(yes, no):
        return LabelsOneSided(
            f"labels of {attribute} are {yes:.0f} yes to {no:.0f} no, near-duplicates counted once: more than "
            f"{max_imbalance:g} to 1. Add rows of the rarer kind, or raise `max_imbalance` in the recipe"
        )
    return None
