"""The champion beside a candidate on the same rows: what changes, for whom, and the comments on which it changes worst."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from classifiers.bars import HELD_FROM, held_from
from classifiers.dataset import Dataset
from classifiers.evaluation import Estimate, Evaluation, Floats, Truth, report, slices_of
from classifiers.manifest import ATTRIBUTES, Manifest

HELD = tuple(name for name in HELD_FROM if name != "profanity")
"""What the profile `balanced` holds a comment for; a comment is bad by its labels where one of these says yes."""
WORST = 20
EXCERPT = 300
DRAWS = 400


class Flip(msgspec.Struct, frozen=True):
    """A comment that the champion judged rightly and the candidate does not, or the other way round."""

    attribute: str
    text: str
    lang: str
    label_id: str
    truth: float
    champion: float
    candidate: float


class AttributeChange(msgspec.Struct, frozen=True):
    """One attribute: how the ranking changes, and what the service would hold by each version."""

    n: int
    auc_gain: Estimate | None
    """Of the area under the ROC curve, with a 95% interval over resampled rows."""
    approved: int
    """Rows without this fault and without any that the service holds for."""
    champion_rejects_approved: int
    candidate_rejects_approved: int
    champion_misses: int
    """Rows with this fault that would not be held for it; for another they may be."""
    candidate_misses: int
    worse: int
    """Rows the champion had right and the candidate has wrong."""
    better: int


class CommentChange(msgspec.Struct, frozen=True):
    """What the service would hold by each version, comment by comment, whatever for."""

    approved: int
    """Comments that no label finds a fault in that the service holds for."""
    champion_holds_approved: int
    candidate_holds_approved: int
    bad: int
    champion_misses: int
    candidate_misses: int
    lost: int
    """Bad ones that the champion holds and the candidate lets through."""
    won: int
    """Bad ones that only the candidate holds."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two versions on the same rows."""

    champion: Evaluation
    candidate: Evaluation
    changes: dict[str, AttributeChange]
    comments: CommentChange
    worst_flips: tuple[Flip, ...]
    best_flips: tuple[Flip, ...]
    agreement: float
    """Share of rows that would be held for the same attributes by both versions."""

    def sentence(self) -> str:
        """Say in one line what promoting the candidate would have meant."""
        seen, champion = self.comments, self.champion.version
        return (
            f"{self.candidate.version} would have held {seen.candidate_holds_approved} of {seen.approved} approved comments "
            f"({champion}: {seen.champion_holds_approved}) and let {seen.candidate_misses} of {seen.bad} bad ones through "
            f"({champion}: {seen.champion_misses})"
        )


def compare(
    champion: Manifest, candidate: Manifest, champion_scores: Floats, candidate_scores: Floats, dataset: Dataset
) -> Comparison:
    """Set the scores of two versions on the same rows side by side."""
    data, slices = tuple(sorted(set(dataset.source))), slices_of(dataset)
    sides = [
        Evaluation(
            version=manifest.version,
            rows=len(dataset),
            data=data,
            attributes=report(manifest, scores, dataset, slices),
            microseconds=0.0,
        )
        for manifest, scores in ((champion, champion_scores), (candidate, candidate_scores))
    ]
    changes, worse, better = {}, [], []
    judged, bad = _judged(dataset)
    same, held, held_now = np.ones(len(dataset), bool), np.zeros(len(dataset), bool), np.zeros(len(dataset), bool)
    for column, attribute in enumerate(ATTRIBUTES):
        if attribute not in champion.attributes or attribute not in candidate.attributes:
            continue
        before, after = champion_scores[:, column], candidate_scores[:, column]
        flags = before >= held_from(champion.thresholds, attribute)
        flags_now = after >= held_from(candidate.thresholds, attribute)
        same &= flags == flags_now
        if attribute in HELD:
            held, held_now = held | flags, held_now | flags_now
        if attribute not in sides[0].attributes:
            continue  # too few labels to be measured, so also to be compared
        there = ~np.isnan(dataset.values[:, column])
        truth = dataset.values[:, column] >= 0.5
        approved = there & ~truth & ~bad
        lost = np.flatnonzero(there & (flags == truth) & (flags_now != truth))
        won = np.flatnonzero(there & (flags != truth) & (flags_now == truth))
        worse += _flips(dataset, attribute, lost, before, after)
        better += _flips(dataset, attribute, won, before, after)
        changes[attribute] = AttributeChange(
            n=int(there.sum()),
            auc_gain=auc_gain(truth[there], before[there], after[there]),
            approved=int(approved.sum()),
            champion_rejects_approved=int((approved & flags).sum()),
            candidate_rejects_approved=int((approved & flags_now).sum()),
            champion_misses=int((there & truth & ~flags).sum()),
            candidate_misses=int((there & truth & ~flags_now).sum()),
            worse=len(lost),
            better=len(won),
        )
    return Comparison(
        champion=sides[0],
        candidate=sides[1],
        changes=changes,
        comments=_comments(judged, bad, held, held_now),
        worst_flips=_largest(worse),
        best_flips=_largest(better),
        agreement=float(same.mean()) if len(same) else 1.0,
    )


def _judged(dataset: Dataset) -> tuple[Truth, Truth]:
    """Say which comments have a label of what the service holds for, and which are bad by one."""
    values = dataset.values[:, [ATTRIBUTES.index(name) for name in HELD]]
    return np.asarray(~np.isnan(values).all(axis=1), bool), np.asarray((values >= 0.5).any(axis=1), bool)


def _comments(judged: Truth, bad: Truth, held: Truth, held_now: Truth) -> CommentChange:
    approved = judged & ~bad
    return CommentChange(
        approved=int(approved.sum()),
        champion_holds_approved=int((approved & held).sum()),
        candidate_holds_approved=int((approved & held_now).sum()),
        bad=int(bad.sum()),
        champion_misses=int((bad & ~held).sum()),
        candidate_misses=int((bad & ~held_now).sum()),
        lost=int((bad & held & ~held_now).sum()),
        won=int((bad & ~held & held_now).sum()),
    )


def auc_gain(truth: Truth, before: Floats, after: Floats) -> Estimate | None:
    """Estimate by how much the area under the ROC curve grows, resampling rows of both classes apart."""
    positives, negatives = np.flatnonzero(truth), np.flatnonzero(~truth)
    if not len(positives) or not len(negatives):
        return None
    gain = area(after[positives], after[negatives]) - area(before[positives], before[negatives])
    dice = np.random.default_rng(0)
    draws = []
    for _ in range(DRAWS):
        p, n = dice.choice(positives, len(positives)), dice.choice(negatives, len(negatives))
        draws.append(area(after[p], after[n]) - area(before[p], before[n]))
    low, high = np.quantile(draws, [0.025, 0.975])
    return Estimate(float(gain), float(low), float(high))


def area(positives: Floats, negatives: Floats) -> float:
    """Measure the area under the ROC curve: the share of pairs in which the positive one has the higher score."""
    ordered = np.sort(negatives)
    below = np.searchsorted(ordered, positives, "left") + np.searchsorted(ordered, positives, "right")
    return float(below.mean() / (2 * len(ordered)))


def _flips(dataset: Dataset, attribute: str, rows: NDArray[np.int64], before: Floats, after: Floats) -> list[Flip]:
    moved = rows[np.argsort(-np.abs(after[rows] - before[rows]), kind="stable")][:WORST]
    return [
        Flip(
            attribute,
            dataset.text[at][:EXCERPT],
            dataset.lang[at],
            dataset.label_id[at] or dataset.id[at],
            float(dataset.column(attribute)[at]),
            float(before[at]),
            float(after[at]),
        )
        for at in moved.tolist()
    ]


def _largest(flips: list[Flip]) -> tuple[Flip, ...]:
    return tuple(sorted(flips, key=lambda flip: -abs(flip.candidate - flip.champion))[:WORST])
