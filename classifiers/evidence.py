"""Which labels are evidence: to learn from, those about the text alone that the version at hand has not learned yet; to judge
by, those no version judged has learned.

The text is all that is learned from. A label that rests on the author's name or link would teach that a harmless text is
spam, and one that was learned shows how well a version remembers. A label that was learned is known by its identifier or
by its text (fingerprints.py), whichever way it comes back.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from classifiers.counting import refusal
from classifiers.dataset import Dataset
from classifiers.errors import LabelsOneSided, TooFewLabels
from classifiers.evaluation import Truth
from classifiers.fingerprints import has_fingerprints, learned_texts
from classifiers.manifest import learned_labels, read_manifest
from classifiers.splitting import near_duplicates, once_each

OUTSIDE = frozenset(("akismet", "perspective"))
"""Sources of labels that are no word of the site's own moderators."""


class Evidence(NamedTuple):
    """The labels that count, and how many do not, by why."""

    rows: Dataset
    left_out: dict[str, int]

    @property
    def words(self) -> str:
        """Say in a line what was left out; empty where nothing was."""
        return told(self.left_out) if self.left_out else ""


def told(left_out: dict[str, int]) -> str:
    """Write down what was left out, by why."""
    return "labels left out: " + ", ".join(f"{count} {why}" for why, count in left_out.items())


def to_learn(rows: Dataset, base: Path | None = None) -> Evidence:
    """Keep what a version may learn from, standing on another: what that one has learned would teach it twice, and choose
    how much to correct by what is remembered.
    """
    return _without(rows, [_beside(rows), *(_learned(rows, [base]) if base else [])])


def enough(
    rows: Dataset, attributes: Sequence[str], least: int, max_imbalance: float
) -> tuple[list[str], dict[str, TooFewLabels | LabelsOneSided]]:
    """Name the attributes that these labels can teach, and say for the others that have labels why not."""
    usable: list[str] = []
    refused: dict[str, TooFewLabels | LabelsOneSided] = {}
    for attribute in attributes:
        values = rows.column(attribute)
        there = np.flatnonzero(~np.isnan(values) & (rows.weight > 0))
        if not len(there):
            continue
        counted = once_each([rows.text[at] for at in there], values[there])
        yes = float(counted[values[there] >= 0.5].sum())
        no = float(counted[values[there] < 0.5].sum())
        if why := refusal(attribute, yes, no, least, max_imbalance):
            refused[attribute] = why
        else:
            usable.append(attribute)
    return usable, refused if usable or refused else {"": TooFewLabels(0, least)}


def to_judge(rows: Dataset, *versions: Path, own: bool = False) -> Evidence:
    """Keep what these versions may be judged by; with `own` the word of moderators alone.

    What is nearly the same as a label that was learned is known too, where that label is among the rows.
    """
    unfit = [_beside(rows), *_learned(rows, versions)]
    if own:
        unfit.append(("of outside services", np.array([source in OUTSIDE for source in rows.source], bool)))
    return _without(rows, unfit)


def _learned(rows: Dataset, versions: Sequence[Path]) -> list[tuple[str, Truth]]:
    """Say which rows were learned by these versions, and which are nearly the same as one of those."""
    learned = frozenset[str]().union(*map(learned_labels, versions))
    known = np.array([name in learned for name in rows.label_id], bool) | learned_texts(rows.text, versions)
    if not known.any():
        return []
    groups = near_duplicates(rows.text)
    return [
        (f"learned by {' or '.join(_names(versions))}", known),
        ("nearly the same as a learned one", np.isin(groups, groups[known])),
    ]


def _beside(rows: Dataset) -> tuple[str, Truth]:
    return "about the author's name or link", np.array([about == "author" for about in rows.about], bool)


def _without(rows: Dataset, unfit: Sequence[tuple[str, Truth]]) -> Evidence:
    """Leave rows out, each counted under the first of the reasons."""
    gone, left_out = np.zeros(len(rows), bool), {}
    for why, mask in unfit:
        if count := int((mask & ~gone).sum()):
            left_out[why] = count
        gone |= mask
    return Evidence(rows.take(~gone) if gone.any() else rows, left_out)


def _names(versions: Sequence[Path]) -> list[str]:
    return list(
        dict.fromkeys(
            read_manifest(folder).version for folder in versions if learned_labels(folder) or has_fingerprints(folder)
        )
    )
