"""A study on simulated sites: what do the first 50, 200 and 1,000 labels of a site bring its later comments?

A site is a corpus that the version it starts from has not seen: versions are trained with a third of the sources left
out each, and each left-out source is a site of its own, with its own topics, manners and idea of what is toxic. Its
comments come in an order drawn by a seed. Of the first ones, which are labelled, the newest fifth is held back for the
promotion gate, as the service does it, and the others are adapted to with nothing turned; all later ones judge.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from classifiers.adapting import AdaptRecipe, adapt
from classifiers.bars import WORKING, held_from
from classifiers.comparing import auc_gain
from classifiers.dataset import Dataset, concatenate, read, read_file, write_jsonl
from classifiers.errors import DatasetInvalid, LabelsOneSided
from classifiers.evaluation import AtThreshold, Estimate, at_threshold, auc, score_with
from classifiers.footing import anchors_of, open_base
from classifiers.gate import judge
from classifiers.manifest import ATTRIBUTES
from classifiers.recipe import Recipe
from classifiers.scorer import Scorer
from classifiers.sources import family, tidy
from classifiers.splitting import together
from classifiers.training import train_from_scratch

LABELS = (50, 200, 1000)
THIRDS = 3
MOST_ROWS = 2500
MOST_KNOWN = 6000
"""Of each source that a version may know, so many rows are learned from."""
FEWEST_LATER = 300
HELD_BACK = 0.2
ATTRIBUTES_OF_SITES = ("spam", "toxicity")

Progress = Callable[[str, int, int], None]


class Outcome(msgspec.Struct, frozen=True):
    """One site after so many labels, on its later comments."""

    site: str
    attribute: str
    labels: int
    later: int
    learned: int
    strength: float | None
    """How freely words were corrected; None where the version was left as it was."""
    refused: bool
    """Whether the labels were, so that there was no new version to judge."""
    passed: bool
    """Whether the promotion gate let the new version pass."""
    reasons: tuple[str, ...]
    """Why it did not."""
    before: Estimate
    after: Estimate
    gain: Estimate
    threshold_before: AtThreshold
    threshold_after: AtThreshold
    held_before: tuple[float, float]
    """What the service would hold of the bad comments and of the others, from the bar of the profile `balanced`: shares."""
    held_after: tuple[float, float]


class Study(msgspec.Struct, frozen=True):
    """All sites at all numbers of labels."""

    outcomes: tuple[Outcome, ...]

    def mean_gain(self, labels: int) -> Estimate:
        """Average the gain over sites, with an interval from resampling the sites."""
        gains = np.array([one.gain.value for one in self.outcomes if one.labels == labels])
        draws = np.random.default_rng(0).choice(gains, (2000, len(gains))).mean(axis=1)
        return Estimate(float(gains.mean()), *(float(bound) for bound in np.quantile(draws, [0.025, 0.975])))

    def table(self) -> str:
        """Write the study as a Markdown table."""
        lines = [
            "| site | attribute | labels | later | AUC before | AUC after | gain | precision before | after | recall before | after | held of bad before | after | of others before | after | gate |",
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        ]
        lines += [
            f"| {one.site} | {one.attribute} | {one.labels} | {one.later} | {_bounds(one.before)} | {_bounds(one.after)} "
            f"| {one.gain.value:+.3f} ({one.gain.low:+.3f} to {one.gain.high:+.3f}) "
            f"| {_bounds(one.threshold_before.precision)} | {_bounds(one.threshold_after.precision)} "
            f"| {one.threshold_before.recall.value:.3f} | {one.threshold_after.recall.value:.3f} "
            f"| {one.held_before[0]:.3f} | {one.held_after[0]:.3f} | {one.held_before[1]:.3f} | {one.held_after[1]:.3f} "
            f"| {_gate(one)} |"
            for one in self.outcomes
        ]
        for labels in sorted({one.labels for one in self.outcomes}):
            found = self.mean_gain(labels)
            sites = [one for one in self.outcomes if one.labels == labels]
            better = sum(one.gain.low > 0 for one in sites)
            worse = sum(one.gain.high < 0 for one in sites)
            lines.append(
                f"\n{labels} labels, {len(sites)} sites: mean gain {found.value:+.3f} ({found.low:+.3f} to {found.high:+.3f}); "
                f"surely better on {better}, surely worse on {worse}; held in the mean {_held_in_the_mean(sites)}; "
                f"the gate passed {sum(one.passed for one in sites)}, refused "
                f"{sum(not one.passed and not one.refused for one in sites)}; no version where labels were refused: "
                f"{sum(one.refused for one in sites)}"
            )
        return "\n".join(lines)


def simulate(
    data: Path, *, bits: int = 18, seed: int = 0, counts: Sequence[int] = LABELS, progress: Progress | None = None
) -> Study:
    """Train with a third of the sources left out each time, and let every left-out source adapt what it gets."""
    tell = progress or (lambda _what, _done, _of: None)
    files = sorted(path for path in data.iterdir() if path.suffix in {".parquet", ".jsonl"})
    sources: dict[str, list[Path]] = {}
    for path in files:
        sources.setdefault(family(read_file(path).source[0] or path.stem), []).append(path)
    names = sorted(sources)
    if len(names) < THIRDS:
        raise DatasetInvalid(f"{data} holds {len(names)} sources, at least {THIRDS} are needed")
    outcomes: list[Outcome] = []
    for third in range(THIRDS):
        left_out = names[third::THIRDS]
        tell(f"training without {', '.join(left_out)}"[:60], third, THIRDS)
        known = [_sample(sources[name], seed) for name in names if name not in left_out]
        with tempfile.TemporaryDirectory() as folder:
            rows, version = Path(folder) / "known.jsonl", Path(folder) / "version"
            write_jsonl(concatenate(known), rows)
            train_from_scratch([rows], Recipe(bits=bits), seed, version, version=f"without-third-{third}")
            for name in left_out:
                tell(f"adapting to {name}", third, THIRDS)
                outcomes += live(version, read(sources[name]), name, counts, seed)
    tell("done", THIRDS, THIRDS)
    return Study(tuple(outcomes))


def _sample(paths: Sequence[Path], seed: int) -> Dataset:
    """Read a source, and of a large one a part: the study needs good versions, not the best."""
    rows = read(paths)
    return rows.take(np.random.default_rng(seed).permutation(len(rows))[:MOST_KNOWN])


def live(version: Path, rows: Dataset, name: str, counts: Sequence[int], seed: int) -> list[Outcome]:
    """Let one site's labels come in, adapt to them, and judge on what comes after them."""
    outcomes = []
    scorer = Scorer.open(version)
    for attribute in ATTRIBUTES_OF_SITES:
        annotated = rows.take(~np.isnan(rows.column(attribute)))
        if len(annotated) < min(counts) + FEWEST_LATER or not _mixed(annotated.column(attribute)):
            continue
        site = _in_order(annotated, attribute, name, seed)
        groups, truth = together(site), site.column(attribute) >= 0.5
        column = ATTRIBUTES.index(attribute)
        said = score_with(scorer)(site.text, site.lang)[:, column]
        anchors = anchors_of(open_base(version), site.lang, AdaptRecipe().anchors, AdaptRecipe().seed)
        for count in counts:
            if len(site) < count + FEWEST_LATER:
                continue
            later = np.arange(count, len(site))
            later = later[~np.isin(groups[later], groups[:count])]
            learned = count - round(HELD_BACK * count)
            held = site.take(np.arange(learned, count))
            with tempfile.TemporaryDirectory() as folder:
                made, verdict = version, None
                try:
                    known = site.take(np.arange(learned))
                    few = AdaptRecipe(min_labels=2)
                    made = adapt(version, known, Path(folder) / "adapted", few, site=name, anchors=anchors)
                    verdict = judge(version, made, held)
                except LabelsOneSided:
                    pass
                fresh = Scorer.open(made)
                now = score_with(fresh)([site.text[at] for at in later], [site.lang[at] for at in later])[:, column]
            before, after = auc(truth[later], said[later]), auc(truth[later], now)
            gain = auc_gain(truth[later], said[later], now)
            if before is None or after is None or gain is None:
                continue
            at, at_now = (one.manifest.thresholds[attribute][WORKING] for one in (scorer, fresh))
            figures = fresh.manifest.figures.get("adapted", {}).get(attribute, {}) if verdict else {}
            outcomes.append(
                Outcome(
                    site=name,
                    attribute=attribute,
                    labels=count,
                    learned=learned,
                    later=len(later),
                    strength=figures.get("strength"),
                    refused=verdict is None,
                    passed=verdict is not None and verdict.passed,
                    reasons=verdict.reasons() if verdict else (),
                    before=before,
                    after=after,
                    gain=gain,
                    threshold_before=at_threshold(truth[later], said[later], at),
                    threshold_after=at_threshold(truth[later], now, at_now),
                    held_before=_held(truth[later], said[later], held_from(scorer.manifest.thresholds, attribute)),
                    held_after=_held(truth[later], now, held_from(fresh.manifest.thresholds, attribute)),
                )
            )
    return outcomes


def _held_in_the_mean(sites: Sequence[Outcome]) -> str:
    shares = np.array([(*one.held_before, *one.held_after) for one in sites]).mean(axis=0)
    bad, others, bad_after, others_after = map(float, shares)
    return f"{bad:.3f} -> {bad_after:.3f} of the bad and {others:.3f} -> {others_after:.3f} of the others"


def _held(truth: NDArray[np.bool_], said: NDArray[np.float64], bar: float) -> tuple[float, float]:
    """Give the shares of the bad comments and of the others that a bar holds."""
    return float((said[truth] >= bar).mean()), float((said[~truth] >= bar).mean())


def _in_order(rows: Dataset, attribute: str, name: str, seed: int) -> Dataset:
    """Let rows come in an order drawn by the seed, as comments of one site that speak of one attribute."""
    order = np.random.default_rng(seed).permutation(len(rows))[:MOST_ROWS]
    site = rows.take(order)
    values = np.full_like(site.values, np.nan)
    values[:, ATTRIBUTES.index(attribute)] = site.column(attribute)
    texts = [tidy(text, source) for text, source in zip(site.text, site.source, strict=True)]
    count = len(site)
    at = np.arange(count, dtype=np.float64)
    names = [f"{name}-{number}" for number in range(count)]
    return replace(site, text=texts, values=values, at=at, site=[name] * count, label_id=names)


def _gate(one: Outcome) -> str:
    if one.refused:
        return "labels refused"
    return "passes" if one.passed else "; ".join(one.reasons)


def _mixed(values: NDArray[np.float32]) -> bool:
    share = float((values >= 0.5).mean())
    return 0.02 <= share <= 0.98


def _bounds(found: Estimate | None) -> str:
    return "nothing flagged" if found is None else f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"
