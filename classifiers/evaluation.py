"""Measuring a version on labelled rows: how it ranks, how well its probabilities mean what they say, what a threshold
costs, and for whom it is worse. The result is a plain record that a report, a gate or a person can read.

Only NumPy: the service measures agreement and gates promotions in the process that serves.
"""

import math
import re
import time
from collections.abc import Callable, Iterable, Sequence
from functools import cache

import msgspec
import numpy as np
from numpy.typing import NDArray

from classifiers.dataset import Dataset
from classifiers.identities import identity_terms, languages
from classifiers.letters import VOWEL_SIGNS
from classifiers.manifest import ATTRIBUTES, Manifest
from classifiers.scorer import Item, Scorer

Floats = NDArray[np.float64]
Truth = NDArray[np.bool_]
Slices = dict[str, list[tuple[str, Truth]]]
"""Kind of slice -> names of slices, each with the rows that are in it."""

MISS, FALSE_ALARM = 1.0, 5.0
"""What a missed comment and a wrongly flagged one cost, in the currency of the first."""
FEWEST = 20
"""Slices with fewer rows than this say too little to be listed."""
LENGTHS = ((0, 40, "up to 40"), (41, 160, "41 to 160"), (161, 600, "161 to 600"), (601, 10**9, "over 600"))
KINDS_OF_GROUP = ("religion", "origin", "gender", "ability", "age", "status")
CURVE_POINTS = 120
BINS = 15
BATCH = 64


class Estimate(msgspec.Struct, frozen=True):
    """A number and the bounds of its 95% interval."""

    value: float
    low: float
    high: float


class AtThreshold(msgspec.Struct, frozen=True):
    """What one threshold does."""

    threshold: float
    flagged: int
    precision: Estimate | None
    recall: Estimate
    false_positive_rate: Estimate
    cost: float
    """Per comment, a miss counting MISS and a false alarm FALSE_ALARM."""


class Figures(msgspec.Struct, frozen=True):
    """How well one attribute is told on some rows. No AUC where only one class is there.

    Ranking asks whether half of the annotators said yes; the errors of probabilities are measured against their shares,
    from which probabilities are learned.
    """

    n: int
    positives: int
    auc: Estimate | None
    average_precision: float | None
    calibration_error: float
    brier: float


class Curve(msgspec.Struct, frozen=True):
    """Points of the precision-recall and ROC curves, thresholds falling."""

    threshold: tuple[float, ...]
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    false_positive_rate: tuple[float, ...]


class Bin(msgspec.Struct, frozen=True):
    """One bar of the calibration diagram."""

    said: float
    seen: float
    n: int


class AttributeReport(msgspec.Struct, frozen=True):
    """One attribute: overall, at each threshold of the version, and in slices (kind -> name -> figures)."""

    overall: Figures
    at: dict[str, AtThreshold]
    curve: Curve
    calibration: tuple[Bin, ...]
    slices: dict[str, dict[str, Figures]]


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """A version measured on a set of rows."""

    version: str
    rows: int
    data: tuple[str, ...]
    attributes: dict[str, AttributeReport]
    microseconds: float
    """What one comment took, in batches of 64."""


Score = Callable[[Sequence[str], Sequence[str]], NDArray[np.float64]]
"""Texts and their languages -> probabilities, one column for each of ATTRIBUTES."""


def score_with(scorer: Scorer, progress: Callable[[int, int], None] | None = None) -> Score:
    """Let an opened version score texts in batches, as the service would."""

    def score(texts: Sequence[str], langs: Sequence[str]) -> Floats:
        scores = np.full((len(texts), len(ATTRIBUTES)), np.nan)
        columns = [ATTRIBUTES.index(name) for name in scorer.attributes]
        for at in range(0, len(texts), BATCH):
            part = zip(texts[at : at + BATCH], langs[at : at + BATCH], strict=True)
            found = scorer.score([Item(text, lang=lang) for text, lang in part])
            scores[at : at + len(found), columns] = [[one.values[name] for name in scorer.attributes] for one in found]
            if progress:
                progress(at + len(found), len(texts))
        return scores

    return score


def evaluate(manifest: Manifest, score: Score, dataset: Dataset) -> Evaluation:
    """Measure a version on every attribute that the rows are annotated for."""
    began = time.perf_counter()
    scores = score(dataset.text, dataset.lang)
    took = time.perf_counter() - began
    return Evaluation(
        version=manifest.version,
        rows=len(dataset),
        data=tuple(sorted(set(dataset.source))),
        attributes=report(manifest, scores, dataset),
        microseconds=1e6 * took / max(1, len(dataset)),
    )


def report(
    manifest: Manifest, scores: Floats, dataset: Dataset, slices: Slices | None = None
) -> dict[str, AttributeReport]:
    """Measure given scores, attribute by attribute; the slices of the rows may be given where they are cut already."""
    slices = slices_of(dataset) if slices is None else slices
    found = {}
    for column, attribute in enumerate(ATTRIBUTES):
        values = dataset.values[:, column]
        there = ~np.isnan(values)
        if attribute not in manifest.attributes or there.sum() < 2:
            continue
        shares, said = values[there], scores[there, column]
        truth = shares >= 0.5
        found[attribute] = AttributeReport(
            overall=figures(shares, said),
            at={name: at_threshold(truth, said, at) for name, at in manifest.thresholds.get(attribute, {}).items()},
            curve=curve(truth, said),
            calibration=calibration_bins(shares, said),
            slices={
                kind: {
                    name: figures(values[mask & there], scores[mask & there, column])
                    for name, mask in masks
                    if (mask & there).sum() >= FEWEST
                }
                for kind, masks in slices.items()
            },
        )
    return found


def slices_of(dataset: Dataset) -> Slices:
    """Cut rows by language, source, site, length, phenomenon and the kind of group they name."""
    cut: Slices = {}
    for kind, column in (
        ("language", dataset.lang),
        ("source", dataset.source),
        ("site", dataset.site),
        ("phenomenon", dataset.phenomenon),
    ):
        values = np.array(column, dtype=object)
        cut[kind] = [(str(value), values == value) for value in sorted(set(column)) if value]
    lengths = np.array([len(text) for text in dataset.text])
    cut["length"] = [(name, (lengths >= low) & (lengths <= high)) for low, high, name in LENGTHS]
    cut["identity"] = list(_naming(dataset))
    return cut


def figures(shares: NDArray[np.floating], said: Floats) -> Figures:
    """Measure probabilities against the shares of annotators who said yes."""
    truth = shares >= 0.5
    return Figures(
        n=len(truth),
        positives=int(truth.sum()),
        auc=auc(truth, said),
        average_precision=average_precision(truth, said),
        calibration_error=calibration_error(shares, said),
        brier=float(np.mean((said - shares) ** 2)) if len(truth) else 0.0,
    )


def auc(truth: Truth, said: Floats) -> Estimate | None:
    """Estimate the area under the ROC curve with DeLong's interval, made on the logit so that it stays within 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> auc(np.array([False, False, True, True]), np.array([0.1, 0.4, 0.35, 0.8])).value
    0.75
    """
    positive, negative = np.sort(said[truth]), np.sort(said[~truth])
    m, n = len(positive), len(negative)
    if not m or not n:
        return None
    below = _beaten(negative, positive) / n
    above = 1 - _beaten(positive, negative) / m
    value = float(below.mean())
    variance = (below.var(ddof=1) / m if m > 1 else 0.25) + (above.var(ddof=1) / n if n > 1 else 0.25)
    # Perfect ranking has no variance of its own; half an error keeps its interval honest.
    inner = min(max(value, 0.5 / (m * n + 1)), 1 - 0.5 / (m * n + 1))
    spread = 1.96 * max(math.sqrt(variance), 0.5 / (m * n + 1)) / (inner * (1 - inner))
    middle = math.log(inner / (1 - inner))
    return Estimate(value, _expit(middle - spread), _expit(middle + spread))


def average_precision(truth: Truth, said: Floats) -> float | None:
    """Sum precision over the steps of recall."""
    if not truth.any():
        return None
    _, right, flagged = _ranked(truth, said)
    steps = np.diff(np.concatenate([[0], right]))
    return float((steps * right / flagged).sum() / truth.sum())


def calibration_error(shares: NDArray[np.floating] | Truth, said: Floats) -> float:
    """Compute the expected calibration error over bins of equal width."""
    found = calibration_bins(shares, said)
    total = sum(one.n for one in found)
    return sum(one.n * abs(one.said - one.seen) for one in found) / total if total else 0.0


def calibration_bins(shares: NDArray[np.floating] | Truth, said: Floats) -> tuple[Bin, ...]:
    """Set what was said beside what was seen."""
    place = np.minimum((said * BINS).astype(np.int64), BINS - 1)
    return tuple(
        Bin(float(said[inside].mean()), float(shares[inside].mean()), int(inside.sum()))
        for inside in (place == number for number in range(BINS))
        if inside.any()
    )


def at_threshold(truth: Truth, said: Floats, threshold: float) -> AtThreshold:
    """Say what flagging from this threshold on would do."""
    flags = said >= threshold
    hits, flagged, positives = int((flags & truth).sum()), int(flags.sum()), int(truth.sum())
    alarms, negatives = flagged - hits, len(truth) - positives
    return AtThreshold(
        threshold=threshold,
        flagged=flagged,
        precision=share(hits, flagged) if flagged else None,
        recall=share(hits, positives),
        false_positive_rate=share(alarms, negatives),
        cost=(MISS * (positives - hits) + FALSE_ALARM * alarms) / max(1, len(truth)),
    )


def share(part: int, whole: int) -> Estimate:
    """Estimate a share with Wilson's interval."""
    if not whole:
        return Estimate(0.0, 0.0, 1.0)
    p, z = part / whole, 1.96
    middle = (p + z * z / (2 * whole)) / (1 + z * z / whole)
    half = z * math.sqrt(p * (1 - p) / whole + z * z / (4 * whole * whole)) / (1 + z * z / whole)
    return Estimate(p, max(0.0, middle - half), min(1.0, middle + half))


def curve(truth: Truth, said: Floats) -> Curve:
    """Give the points of both curves, thinned out to what a plot can show."""
    thresholds, right, flagged = _ranked(truth, said)
    if len(thresholds) > CURVE_POINTS:
        keep = np.unique(np.linspace(0, len(thresholds) - 1, CURVE_POINTS).round().astype(np.int64))
        thresholds, right, flagged = thresholds[keep], right[keep], flagged[keep]
    positives, negatives = max(1, int(truth.sum())), max(1, int((~truth).sum()))
    return Curve(
        tuple(thresholds.round(6).tolist()),
        tuple((right / flagged).round(6).tolist()),
        tuple((right / positives).round(6).tolist()),
        tuple(((flagged - right) / negatives).round(6).tolist()),
    )


def _ranked(truth: Truth, said: Floats) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """Count hits and flagged from the highest score down, one entry for each distinct score."""
    order = np.argsort(-said, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(said[order])), len(order) - 1) if len(order) else np.zeros(0, np.int64)
    right = np.cumsum(truth[order])[ends] if len(order) else np.zeros(0, np.int64)
    return said[order][ends], right.astype(np.int64), (ends + 1).astype(np.int64)


def _beaten(sorted_others: Floats, values: Floats) -> Floats:
    """Count for each value how many of the others lie below it, ties counting half."""
    left = np.searchsorted(sorted_others, values, "left")
    right = np.searchsorted(sorted_others, values, "right")
    counted: Floats = (left + right) / 2.0
    return counted


def _naming(dataset: Dataset) -> Iterable[tuple[str, Truth]]:
    """Find the rows that name a group, by the kind of group, in the row's own language."""
    patterns = {lang: _patterns(lang) for lang in set(dataset.lang) & set(languages())}
    for kind in KINDS_OF_GROUP:
        found = [
            lang in patterns and patterns[lang][kind].search(text[:2000].casefold()) is not None
            for text, lang in zip(dataset.text, dataset.lang, strict=True)
        ]
        yield kind, np.array(found, bool)


_IN_WORD = rf"[\w{VOWEL_SIGNS}]"


@cache
def _patterns(lang: str) -> dict[str, re.Pattern[str]]:
    """Build one pattern for each kind of group; whole words, where the language parts words by spaces."""
    before, behind = ("", "") if lang in {"zh", "ja", "ko", "ar"} else (f"(?<!{_IN_WORD})", f"(?!{_IN_WORD})")
    terms = identity_terms(lang)
    return {
        kind: re.compile(before + "(?:" + "|".join(map(re.escape, terms.get(kind, ("\0",)))) + ")" + behind)
        for kind in KINDS_OF_GROUP
    }


def _expit(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0
