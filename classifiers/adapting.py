"""The recipe that adapts a version to new labels alone, without the data it once learned from.

The score of the version at hand is taken as given; what is learned is a small correction on top of it, held towards
nothing by strong regularisation, the more firmly the more of what the version knows stands on a word (forgetting.py).
How much may be corrected is chosen on the labels themselves: those of earlier times
are learned from, those that came later judge, and where no correction does better than none there is none. So many
labels help, and few do no harm. The correction is folded into the weights, so the result opens like any other version.
"""

import shutil
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits

from classifiers.bars import held_from
from classifiers.calibration import Line, calibration_error
from classifiers.card import CARD, write_card
from classifiers.compiled import change_weights
from classifiers.correcting import MOST_DENSE, Correction, Floats, Priors, Rows, expit, fit, fit_dense, gram, losses
from classifiers.dataset import Dataset
from classifiers.errors import NothingToLearn
from classifiers.evaluation import at_threshold, auc
from classifiers.evidence import enough, to_learn
from classifiers.fairness import FLAGGING, even_out
from classifiers.fingerprints import FINGERPRINTS, write_fingerprints
from classifiers.footing import Anchors, Base, anchors_of, open_base
from classifiers.forgetting import damped, levelled, risen, scales, times
from classifiers.identities import civil_in_turn, languages
from classifiers.manifest import (
    ATTRIBUTES,
    LEARNED,
    MANIFEST,
    DataEntry,
    Manifest,
    check_name,
    entries_of,
    learned_labels,
    write_learned,
    write_manifest,
)
from classifiers.pipeline import PIPELINE, libraries, write_pipeline
from classifiers.raising import in_order, raised
from classifiers.recipe import means, within
from classifiers.splitting import once_each, together

Progress = Callable[[str, int, int], None]


class AdaptRecipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be turned when adapting."""

    strengths: Annotated[
        tuple[Annotated[float, within(0, 1000, "")], ...],
        msgspec.Meta(
            min_length=1,
            max_length=20,
            description="how freely words may be corrected, from not at all; later labels choose (one to 20 of 0 to 1,000)",
        ),
    ] = (0.0, 0.3, 1.0, 3.0, 10.0)
    min_labels: Annotated[int, within(2, 1_000_000, "fewer labels are refused; near-duplicates count once")] = 200
    max_imbalance: Annotated[float, within(1, 1_000_000, "more of one kind for one of the other are refused")] = 20.0
    # Raising the level flags civil sentences that no label speaks of, so words should do the work.
    bias_prior: Annotated[float, within(0.1, 1_000_000, "the level is held as if so many undecided rows said so")] = (
        50.0
    )
    slope_prior: Annotated[float, within(0.1, 1_000_000, "the same of the steepness of the scores")] = 20.0
    blocks: Annotated[int, within(2, 50, "stretches of time that labels are cut into for the choice")] = 5
    anchors: Annotated[
        int, within(0, 20_000, "sentences about groups held where they are, so that no name becomes an offence")
    ] = 200
    anchor_weight: Annotated[float, within(0, 1000, "what each of them counts for")] = 1.0
    hold: Annotated[
        float,
        within(
            0, 1_000_000_000, "what is known weighs as so many sentences of the package's own; 0 lets it be forgotten"
        ),
    ] = 70_000.0
    levelled: Annotated[
        bool, means("whether probabilities keep their meaning on the package's own sentences; not for one site alone")
    ] = True
    seed: Annotated[int, within(0, 2**32 - 1, "which sentences of the package are drawn")] = 0
    margin: Annotated[
        float, within(-100, 100, "standard errors by which the first correction of words must beat none")
    ] = 1.0

    def priors(self) -> Priors:
        """Give what holds level and steepness."""
        return Priors(self.bias_prior, self.slope_prior)


def adapt(
    base: Path,
    labels: Dataset,
    out: Path,
    recipe: AdaptRecipe | None = None,
    *,
    site: str = "",
    version: str = "",
    anchors: Anchors | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write into the empty folder `out` a version that knows the base version and these labels.

    Attributes with labels too few or too one-sided stay as they are, and the manifest says why; when that holds for all,
    nothing is written. `anchors` are those of the base, where the caller has made them already.
    """
    recipe = recipe or AdaptRecipe()
    tell = progress or (lambda _step, _done, _total: None)
    check_name(version)
    tell("reading", 0, 4)
    opened = open_base(base)
    if site:
        labels = labels.take(np.array([found == site for found in labels.site], bool))
    evidence = to_learn(labels, base)
    labels = evidence.rows
    usable, refused = enough(labels, opened.manifest.attributes, recipe.min_labels, recipe.max_imbalance)
    if not usable:
        told = [*map(str, refused.values()), *filter(None, [evidence.words])]
        raise NothingToLearn("; ".join(told)) if len(told) > 1 else next(iter(refused.values()))
    tell("features", 1, 4)
    X = opened.featurizer.transform(labels.text)
    groups = together(labels)
    anchors = anchors or anchors_of(opened, labels.lang, recipe.anchors, recipe.seed)
    corrections, figures = {}, {}
    with threadpool_limits(1):  # small matrices: more threads wait for each other, and round differently
        for step, attribute in enumerate(usable):
            tell(attribute, 2 + step, 3 + len(usable))
            corrections[attribute], figures[attribute] = learn(
                opened, labels, X, groups, attribute, recipe, anchors, site
            )
    tell("writing", 2 + len(usable), 3 + len(usable))
    made, not_learned = datetime.now(UTC), {name: str(why) for name, why in refused.items()}
    _write_version(base, opened, out, corrections, labels)
    calibration = {**opened.manifest.calibration, **_lines(opened.manifest, corrections)}
    write_pipeline(
        out,
        opened.featurizer.shape,
        {name: (calibration[name]["slope"], calibration[name]["offset"]) for name in opened.manifest.attributes},
    )
    thresholds = {**opened.manifest.thresholds, **{name: found["thresholds"] for name, found in figures.items()}}
    manifest = msgspec.structs.replace(
        opened.manifest,
        version=version or f"adapted-{made:%Y%m%d-%H%M%S}",
        made_at=made.isoformat(timespec="seconds"),
        kind="adapted",
        base=opened.manifest.version,
        site=site,
        recipe=msgspec.to_builtins(recipe),
        data=(*opened.manifest.data, *_entries(labels)),
        libraries=libraries(),
        calibration=calibration,
        thresholds=thresholds,
        figures={
            **opened.manifest.figures,
            "adapted": figures,
            "not_learned": not_learned,
            "left_out": evidence.left_out,
        },
        files=entries_of(out),
    )
    write_manifest(out, manifest)
    write_card(out, _story(opened.manifest, figures, not_learned))
    tell("done", 3 + len(usable), 3 + len(usable))
    return out


def learn(
    base: Base,
    labels: Dataset,
    X: Any,
    groups: NDArray[np.int64],
    attribute: str,
    recipe: AdaptRecipe,
    anchors: Anchors,
    site: str = "",
) -> tuple[Correction, dict[str, Any]]:
    """Choose how much to correct by what later labels say, then learn the correction from all of them.

    A version for one site takes the level of its scores from that site; one for all sites keeps what probabilities mean.
    """
    values = labels.column(attribute).astype(np.float64)
    there = np.flatnonzero(~np.isnan(values) & (labels.weight > 0))
    shares, features = values[there], X[there]
    counted = once_each([labels.text[at] for at in there], values[there].astype(np.float32))
    weights = labels.weight[there].astype(np.float64) * counted
    rows = Rows(base.calibrated(features, attribute), shares, weights, np.ones(len(there)))
    freely = scales(base, anchors, attribute, recipe.hold)
    held = _held(base, anchors.held, attribute, recipe)._replace(X=times(anchors.held, freely))
    free = times(features, freely)
    judged, tried = _try(free, rows, held, labels.at[there], groups[there], recipe)
    strength = _choose(rows.take(judged), tried, recipe)
    found, kept, later = Correction(np.zeros(X.shape[1]), 1.0, 0.0), 1.0, rows.logits[judged]
    if strength is not None:
        everything = sparse.vstack([free, held.X], format="csr")
        found = fit(everything, Rows.joined([rows, held.rows]), strength, recipe.priors())
        found, kept = damped(base, anchors, attribute, found._replace(weights=freely * found.weights))
        line = Line(1.0, 0.0) if site or not recipe.levelled else levelled(base, anchors, attribute, found)
        found = found.then(*line)
        down = risen(base, anchors, attribute, found, held_from(base.manifest.thresholds, attribute))
        found = found.then(1.0, -down)
        level, moved = tried[strength]
        later = line.slope * (level + kept * moved) + line.offset - down
    before, seen = rows.logits[judged], shares[judged]
    calm = anchors.swaps.X[np.flatnonzero(anchors.swaps.rows.column("toxicity") < 0.5)]
    civil = base.calibrated(calm, attribute)
    thresholds = raised(
        base.manifest.thresholds.get(attribute, {}),
        expit(later),
        seen >= 0.5,
        expit(civil),
        expit(found.apply(civil, calm)),
    )
    thresholds = in_order(_evened(base, labels.lang, attribute, found, thresholds))
    return found, {
        "labels": len(there),
        "counted_once": round(float(counted.sum())),
        "positives": int((shares >= 0.5).sum()),
        "strength": strength,
        "kept": kept,
        "judged_on_later": len(judged),
        "before": _summary(before, seen, base.manifest.thresholds.get(attribute, {})),
        "after": _summary(later, seen, thresholds),
        "thresholds": thresholds,
    }


class Held(NamedTuple):
    """The held sentences as rows to learn from: their shares are what the version says of them already."""

    X: Any
    rows: Rows


def _held(base: Base, X: Any, attribute: str, recipe: AdaptRecipe) -> Held:
    logits = base.calibrated(X, attribute)
    weights = np.full(len(logits), recipe.anchor_weight)
    return Held(X, Rows(logits, expit(logits), weights, np.zeros(len(logits))))


def _try(
    X: Any, rows: Rows, held: Held, at: Floats, groups: NDArray[np.int64], recipe: AdaptRecipe
) -> tuple[NDArray[np.int64], dict[float, Floats]]:
    """Judge each strength on labels that came after those it learned from; of very many, the newest will do.

    Gives the rows judged, and for each strength two lines of logits to be added: the level, and what words moved.
    Rows without a time count as older than all others, in the order given.
    """
    order = np.argsort(np.where(np.isnan(at), -np.inf, at), kind="stable")[-MOST_DENSE:]
    products = gram(sparse.vstack([X[order], held.X], format="csr"))
    everything = Rows.joined([rows.take(order), held.rows])
    anchors = np.arange(len(order), len(products))
    cuts = np.array_split(np.arange(len(order)), recipe.blocks)
    judged: list[NDArray[np.int64]] = []
    found: dict[float, list[Floats]] = {strength: [] for strength in recipe.strengths}
    for block in range(1, len(cuts)):
        earlier = np.concatenate(cuts[:block])
        later = cuts[block][~np.isin(groups[order[cuts[block]]], groups[order[earlier]])]
        if not len(later) or not len(earlier):
            continue
        judged.append(order[later])
        known = np.concatenate([earlier, anchors])
        inner, across = products[np.ix_(known, known)], products[np.ix_(later, known)]
        for strength in recipe.strengths:
            dense = fit_dense(inner, everything.take(known), strength, recipe.priors())
            moved = strength * (across @ dense.residues)
            found[strength].append(np.stack([dense.slope * everything.logits[later] + dense.bias, moved]))
    if not judged:
        return np.zeros(0, np.int64), {}
    return np.concatenate(judged), {strength: np.concatenate(parts, axis=1) for strength, parts in found.items()}


def _choose(rows: Rows, tried: dict[float, Floats], recipe: AdaptRecipe) -> float | None:
    """Pick the strength with the least loss on later labels; None where nothing beats the version as it is."""
    best, least = None, losses(rows.logits, rows.shares)
    for strength, corrected in sorted(tried.items()):
        found = losses(corrected.sum(axis=0), rows.shares)
        gain = rows.weights * (least - found)
        doubt = recipe.margin * float(gain.std() * np.sqrt(len(gain))) if strength and not best else 0.0
        if float(gain.sum()) > doubt:
            best, least = strength, found
    return best


def _evened(
    base: Base, langs: Iterable[str], attribute: str, found: Correction, thresholds: dict[str, float]
) -> dict[str, float]:
    """Raise thresholds that would flag the civil sentences of one group more often than those of another.

    The sentences are none of those that the gate judges by.
    """
    if attribute not in FLAGGING:
        return thresholds
    spoken = tuple(sorted(set(langs) & set(languages()))) or ("en",)
    civil = civil_in_turn(spoken)
    X = base.featurizer.transform([sentence.text for sentence in civil])
    scores = np.zeros((len(civil), len(ATTRIBUTES)))
    scores[:, ATTRIBUTES.index(attribute)] = expit(found.apply(base.calibrated(X, attribute), X))
    return even_out({attribute: thresholds}, civil, scores)[attribute]


def _summary(logits: Floats, shares: Floats, thresholds: dict[str, float]) -> dict[str, Any]:
    said, truth = expit(logits), shares >= 0.5
    ranked = auc(truth, said) if len(truth) else None
    return {
        "auc": msgspec.to_builtins(ranked),
        "loss": float(losses(logits, shares).mean()) if len(truth) else None,
        "calibration_error": calibration_error(said, shares) if len(truth) else None,
        "at": {name: msgspec.to_builtins(at_threshold(truth, said, at)) for name, at in thresholds.items()},
    }


def _write_version(base: Path, opened: Base, out: Path, corrections: dict[str, Correction], labels: Dataset) -> None:
    """Copy what stays, fold the corrections into the weights, and list the labels learned from."""
    out.mkdir(parents=True, exist_ok=True)
    changed = {"weights.npy", "scales.npy", "head.npy", LEARNED, FINGERPRINTS, PIPELINE, CARD, MANIFEST}
    for path in base.iterdir():
        if path.name not in changed:
            shutil.copyfile(path, out / path.name)
    head, columns = opened.head.copy(), {}
    buckets = len(opened.weights)
    for attribute, correction in corrections.items():
        column = opened.manifest.attributes.index(attribute)
        slope = opened.manifest.calibration[attribute]["slope"] * correction.slope
        moved = correction.weights[:buckets] * opened.featurizer.idf_ / slope
        columns[column] = opened.weights[:, column] + moved
        head[column, :-1] += correction.weights[buckets:] / slope
    change_weights(base, out, columns)
    np.save(out / "head.npy", head, allow_pickle=False)
    write_learned(out, learned_labels(base).union(labels.label_id))
    write_fingerprints(out, labels.text, base)


def _lines(manifest: Manifest, corrections: dict[str, Correction]) -> dict[str, Any]:
    """Chain the correction's line after the calibration's: a line again."""
    lines = {}
    for attribute, correction in corrections.items():
        line = manifest.calibration[attribute]
        lines[attribute] = {
            "slope": line["slope"] * correction.slope,
            "offset": line["offset"] * correction.slope + correction.bias,
        }
    return lines


def _story(base: Manifest, figures: dict[str, Any], not_learned: dict[str, str]) -> str:
    """Say on the card what the correction was learned from, and what later labels said before and after it."""
    lines = [f"## Adapted from {base.version}\n", "The figures above are those of that version.\n"]
    for attribute, found in figures.items():
        before, after = found["before"]["auc"], found["after"]["auc"]
        ranked = f", AUC {before['value']:.3f} before and {after['value']:.3f} after" if before and after else ""
        lines.append(
            f"- {attribute}: {found['labels']} labels, judged on {found['judged_on_later']} later ones{ranked}"
        )
    lines += [f"- not learned: {why}" for why in not_learned.values()]
    kept = f"The identifiers of the labels stand in `{LEARNED}`, short hashes of their texts in `{FINGERPRINTS}`."
    return "\n".join(lines) + f"\n\n{kept}\n\n"


def _entries(labels: Dataset) -> tuple[DataEntry, ...]:
    counted: dict[str, int] = {}
    for source in labels.source:
        counted[source or "labels"] = counted.get(source or "labels", 0) + 1
    return tuple(DataEntry(source, rows, "the site's own labels") for source, rows in sorted(counted.items()))
