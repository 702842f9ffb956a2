"""The recipe from scratch: rows in, a complete version folder out, the same for the same rows, recipe and seed."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from classifiers.calibration import PRECISIONS, Line, calibration_error, fit_on_usual, threshold
from classifiers.card import write_card
from classifiers.compiled import CONCEPTS, save_lexicon, save_weights
from classifiers.counting import brought_along, counted_once
from classifiers.dataset import Dataset, concatenate, load_seeds, read
from classifiers.disguises import WAYS, disguise
from classifiers.errors import DatasetInvalid, LabelsOneSided, TooFewLabels
from classifiers.estimators import SpamClassifier, ToxicityClassifier, sigmoid
from classifiers.evidence import to_learn
from classifiers.fairness import even_out
from classifiers.featurizer import CommentFeaturizer
from classifiers.filter_learning import Network, Sequences
from classifiers.filters import Filters, save_filters
from classifiers.fingerprints import write_fingerprints
from classifiers.identities import as_dataset, civil_in_turn
from classifiers.language_learning import learn_languages
from classifiers.lexicon import MARKS
from classifiers.manifest import (
    ATTRIBUTES,
    DataEntry,
    LanguageFigures,
    Manifest,
    check_name,
    entries_of,
    write_learned,
    write_manifest,
)
from classifiers.pipeline import libraries, write_pipeline
from classifiers.recipe import Recipe
from classifiers.sources import family, known_sources, tidy
from classifiers.splitting import by_time
from classifiers.traits import NAMES

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many steps are done, and of how many."""

STEPS = 9
HELD_BACK = 0.1
"""So large a share of the rows brought along is not learned from, but calibrated on."""
FILTER_ROWS = 1 << 15
"""So many vectors of hashed features the filters have."""
_GRADES = (0.0, 0.3, 0.5, 0.7, 1.0), (0.0, 0.15, 0.65, 0.95, 1.0)
"""Grades, and the shares of annotators they stand for."""
_HEEDED = {"toxicity": 1.0, "insult": 0.5, "identity_attack": 0.5}
"""What an attribute counts for while filters are learned, which all attributes share; a quarter for the others."""


def train_from_scratch(
    data: Sequence[Path], recipe: Recipe, seed: int, out: Path, *, version: str = "", progress: Progress | None = None
) -> Path:
    """Train on files or folders of rows and on the package's own corpus; write the version into the empty folder `out`."""
    tell = progress or (lambda _step, _done, _total: None)
    check_name(version)
    tell("reading", 0, STEPS)
    rows = gather_rows(data, recipe)
    once, counted = counted_once(rows, recipe)
    shares, weights = targets(rows, recipe)
    weights *= once
    train, held = parts(rows, seed)
    _check_labels(shares[train], shares[held])
    tell("features", 1, STEPS)
    featurizer = CommentFeaturizer(
        bits=recipe.bits,
        shortest=recipe.shortest,
        longest=recipe.longest,
        trait_scale=recipe.trait_scale,
        min_texts=recipe.min_texts,
    )
    texts = [tidy(text, source) for text, source in zip(rows.text, rows.source, strict=True)]
    X = featurizer.fit_transform([texts[place] for place in train])
    hidden, disguised = disguise_some(texts, rows, train, recipe, seed)
    if disguised:
        X = sparse.vstack([X, featurizer.transform(disguised)], format="csr")
    learned = np.concatenate([train, hidden])
    tell("spam", 2, STEPS)
    there = np.flatnonzero(~np.isnan(shares[learned, 0]))
    spam = SpamClassifier(recipe.spam_strength, recipe.rounds)
    spam.fit(X[there], shares[learned[there], 0], weights[learned[there], 0])
    tell("toxicity", 3, STEPS)
    toxicity = toxicity_classifier(recipe, ATTRIBUTES[1:])
    toxicity.fit(X, shares[learned, 1:], weights[learned, 1], groups=voices_of(rows)[learned])
    coef = np.concatenate([spam.coef_, toxicity.coef_])
    bias = np.concatenate([spam.intercept_, toxicity.intercept_])
    if recipe.filters:
        tell("filters", 4, STEPS)
        sequences = sequences_of(featurizer, [*(texts[place] for place in train), *disguised])
        every = np.arange(len(learned))
        network = learn_filters(
            sequences, every, shares[learned, 1:], weights[learned, 1], ATTRIBUTES[1:], recipe, seed
        )
        answers = sequences.answers(network.filters)
        more, offset = joined(toxicity.decision_function(X), answers, network, recipe.filter_share)
        featurizer.filters_ = network.filters.arrays
        coef = np.concatenate([coef, np.concatenate([np.zeros((1, answers.shape[1])), more])], axis=1)
        bias[1:] += offset
    tell("languages", 5, STEPS)
    languages, evidence, floors = learn_languages(rows.take(train), [texts[place] for place in train], featurizer)
    tell("compiling", 6, STEPS)
    out.mkdir(parents=True, exist_ok=True)
    coef = compile_weights(out, featurizer, coef, bias, evidence)
    tell("calibrating", 7, STEPS)
    logits = featurizer.transform([texts[place] for place in held]) @ coef.T + bias
    lines, thresholds, figures = calibrate(logits, rows.take(held), recipe)
    if recipe.seeds:
        civil = civil_in_turn()
        swapped = featurizer.transform([sentence.text for sentence in civil]) @ coef.T + bias
        slopes, offsets = np.array([lines[name] for name in ATTRIBUTES]).T
        thresholds = even_out(thresholds, civil, sigmoid(swapped * slopes + offsets))
    frozen = load_seeds("heldout")
    judged = (
        np.concatenate([logits, featurizer.transform(frozen.text) @ coef.T + bias]),
        concatenate([rows.take(held), frozen]),
    )
    tell("writing", 8, STEPS)
    write_pipeline(out, featurizer.shape, lines)
    known = rows.take(np.concatenate([train, held]))
    write_learned(out, known.label_id)
    write_fingerprints(out, [text for text, source in zip(known.text, known.source, strict=True) if not _ours(source)])
    made = datetime.now(UTC)
    manifest = Manifest(
        version=version or f"scratch-{made:%Y%m%d-%H%M%S}",
        made_at=made.isoformat(timespec="seconds"),
        kind="scratch",
        attributes=ATTRIBUTES,
        files=entries_of(out),
        recipe={**msgspec.to_builtins(recipe), "seed": seed, **({"counted": counted} if counted else {})},
        data=_entries(rows),
        libraries=libraries(),
        features={
            "shape": msgspec.to_builtins(featurizer.shape),
            "traits": list(NAMES),
            "languages": list(languages),
            "floors": floors,
            **({"marks": list(MARKS)} if recipe.filters else {}),
        },
        thresholds=thresholds,
        calibration={name: {"slope": line.slope, "offset": line.offset} for name, line in lines.items()},
        languages=language_figures(*judged, recipe.language_bar),
        language_bar=recipe.language_bar,
        figures=figures,
    )
    write_manifest(out, manifest)
    write_card(out)
    tell("done", STEPS, STEPS)
    return out


def gather_rows(data: Sequence[Path], recipe: Recipe) -> Dataset:
    """Read the rows given that are about a text alone and, if the recipe says so, the training part of the package's own corpus."""
    found = [to_learn(read(data)).rows] if data else []
    if recipe.seeds:
        found += [load_seeds("train"), as_dataset("train")]
    if not found:
        raise TooFewLabels(0, recipe.min_labels)
    return concatenate(found)


def parts(rows: Dataset, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Part the rows into those to learn from and those to calibrate on: by their `split` where they have one.

    Of the rows brought along without one, the latest tenth is held back, or a tenth of those that have no time; what is nearly
    the same as a row that is learned from, or of its author, is in neither part or on the same side. Others are held back by lot.
    """
    split = np.array(rows.split)
    held, left_out = split == "valid", np.zeros(len(rows), bool)
    unsplit = np.flatnonzero(split == "")
    own = np.intersect1d(unsplit, brought_along(rows))
    if len(own):
        earlier, later = by_time(rows.take(own), HELD_BACK)
        held[own[later]] = True
        left_out[own[~earlier & ~later]] = True
        unsplit = np.setdiff1d(unsplit, own)
    held[np.random.default_rng(seed).permutation(unsplit)[: len(unsplit) // 10]] = True
    seeds = np.flatnonzero(np.array([source.startswith("seeds/") for source in rows.source]))
    tenth = np.array([hash_of(rows.pair[place] or rows.id[place]) % 10 == 0 for place in seeds], bool)
    held[seeds[tenth]] = True
    return np.flatnonzero(~held & ~left_out), np.flatnonzero(held)


def disguise_some(
    texts: list[str], rows: Dataset, train: NDArray[np.int64], recipe: Recipe, seed: int
) -> tuple[NDArray[np.int64], list[str]]:
    """Write a share of the training texts again as people hide words, so that hiding is no sign of innocence.

    Gives the places of the rows and their disguised texts. Spam is rare among the rows, so more of it is written again.
    """
    chance = Random(seed)
    ways = sorted(WAYS)
    spam = rows.column("spam")
    own = [source.startswith("seeds/") for source in rows.source]
    places, found = [], []
    for place in train.tolist():
        share = recipe.disguised * (4 if own[place] or not np.isnan(spam[place]) else 1)
        if chance.random() < share:
            text = disguise(texts[place], chance.choice(ways), chance, chance.choice((0.5, 1.0)))
            if text != texts[place]:
                places.append(place)
                found.append(text)
    return np.array(places, np.int64), found


def _check_labels(shares: NDArray[np.float64], held: NDArray[np.float64]) -> None:
    for column, attribute in enumerate(ATTRIBUTES):
        found = shares[~np.isnan(shares[:, column]), column]
        if not (found > 0).any() or not (found < 1).any():
            raise LabelsOneSided(f"no row says yes, or none says no, to {attribute}: learn with the seeds, or add rows")
        if np.isnan(held[:, column]).all():
            raise DatasetInvalid(
                f"no row of {attribute} is left to calibrate on: all late ones are like earlier ones, or of their authors; "
                "add rows, or say `valid` in their column `split`"
            )


def hash_of(name: str) -> int:
    """Hash a name the same way in every process."""
    from classifiers.hashing import hash_word

    return hash_word(name)


def shares_of(rows: Dataset) -> NDArray[np.float64]:
    """Give the share of annotators that would say yes, for each row and attribute.

    The package's own corpus has grades instead: what is clearly an insult, 0.7, is one to nearly everybody.
    """
    shares = rows.values.astype(np.float64)
    seeds = np.array([source.startswith("seeds/") for source in rows.source])
    shares[seeds] = np.interp(shares[seeds], *_GRADES)
    return shares


def targets(rows: Dataset, recipe: Recipe) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give shares of shape (rows, attributes) and weights of shape (rows, 2) for spam and for the others."""
    shares = shares_of(rows)
    weights = np.repeat(rows.weight.astype(np.float64)[:, None], 2, axis=1)
    seeds = np.array([source.startswith("seeds/") for source in rows.source])
    english = np.array(rows.lang) == "en"
    weights[seeds, 0] *= recipe.seed_weight
    weights[seeds, 1] *= np.where(english[seeds], recipe.english_seed_weight, recipe.toxicity_seed_weight)
    weights[np.array([source == "identities" for source in rows.source])] *= recipe.identity_weight
    unseen = np.isnan(shares[:, 0]) & np.array([source in recipe.natural for source in rows.source])
    if recipe.assumed_ham:
        shares[unseen, 0] = 0.0
        weights[unseen, 0] *= recipe.assumed_ham
    return shares, weights


def toxicity_classifier(recipe: Recipe, attributes: Sequence[str]) -> ToxicityClassifier:
    """Make the estimator of some attributes, toxicity first, as the recipe has it."""
    lean = [recipe.leaning.get(name, 0.0) for name in attributes]
    return ToxicityClassifier(recipe.toxicity_strength, recipe.rounds, voices=recipe.voices, lean=lean)


def sequences_of(featurizer: CommentFeaturizer, texts: Sequence[str]) -> Sequences:
    """Make texts ready for learning filters from them."""
    return Sequences(*featurizer.analysed(texts), FILTER_ROWS)


def learn_filters(
    sequences: Sequences,
    chosen: NDArray[np.int64],
    shares: NDArray[np.float64],
    weights: NDArray[np.float64],
    attributes: Sequence[str],
    recipe: Recipe,
    seed: int,
) -> Network:
    """Learn the filters of some attributes from the texts of some places, as the recipe has it."""
    return sequences.fit(
        chosen,
        shares,
        weights,
        attribute_weights=[_HEEDED.get(name, 0.25) for name in attributes],
        each=recipe.filters,
        numbers=recipe.filter_numbers,
        epochs=recipe.filter_epochs,
        seed=seed,
    )


def joined(
    logits: NDArray[np.float64], answers: NDArray[np.float32], network: Network, share: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the weights of the filters' answers, and the offsets, that join them to the logits of all other features.

    `logits` and `answers` are those of the rows that were learned from: what the filters say is brought to the spread of the
    former and counts `share` of them.
    """
    said = answers @ network.coef.T + network.bias
    scale = share * logits.std(axis=0) / np.maximum(said.std(axis=0), 1e-9)
    return network.coef * scale[:, None], network.bias * scale


def voices_of(rows: Dataset) -> NDArray[np.str_]:
    """Name the corpus that each row is a voice of; the swap sentences are many and alike, and have none."""
    return np.array(["" if source == "identities" else family(source) for source in rows.source])


def compile_weights(
    out: Path,
    featurizer: CommentFeaturizer,
    coef: NDArray[np.float64],
    bias: NDArray[np.float64],
    evidence: NDArray[np.int8],
) -> NDArray[np.float64]:
    """Write the arrays that the scorer maps, in 16 bits; give the coefficients that they stand for."""
    buckets, idf = featurizer.shape.buckets, featurizer.idf_
    weights = save_weights(out, (coef[:, :buckets] * idf).T, idf * idf)
    head = np.concatenate([coef[:, buckets:], bias[:, None]], axis=1)
    head[:, : len(NAMES)] *= featurizer.trait_scale
    np.save(out / "head.npy", head, allow_pickle=False)
    np.save(out / "languages.npy", evidence, allow_pickle=False)
    np.save(out / "known.npy", featurizer.known_, allow_pickle=False)
    np.save(out / CONCEPTS, featurizer.concepts_, allow_pickle=False)
    save_lexicon(out, featurizer.lexicon_)
    if featurizer.filters_:
        save_filters(out, Filters(*featurizer.filters_))
    rounded = coef.copy()
    rounded[:, :buckets] = weights.T / idf
    return rounded


def calibrate(
    logits: NDArray[np.float64], held: Dataset, recipe: Recipe
) -> tuple[dict[str, Line], dict[str, dict[str, float]], dict[str, Any]]:
    """Fit each attribute's line and thresholds, on sources of natural prevalence where they have enough of the attribute.

    The calibration error is that of the rows of natural prevalence, where there are any.
    """
    natural = np.array([source in recipe.natural for source in held.source], bool)
    every = shares_of(held)
    lines: dict[str, Line] = {}
    thresholds: dict[str, dict[str, float]] = {}
    figures: dict[str, Any] = {}
    for column, attribute in enumerate(ATTRIBUTES):
        there = np.flatnonzero(~np.isnan(every[:, column]))
        shares, found = every[there, column], logits[there, column]
        lines[attribute], chosen = fit_on_usual(found, shares, natural[there])
        probabilities, labels = sigmoid(lines[attribute].slope * found + lines[attribute].offset), shares >= 0.5
        usual = natural[there] if natural[there].any() else chosen
        thresholds[attribute] = {
            f"precision_{precision:.2f}": threshold(probabilities[chosen], labels[chosen], precision)
            for precision in PRECISIONS
        }
        figures[attribute] = {
            "n": len(there),
            "positives": int(labels.sum()),
            "auc": auc(found, labels),
            "calibration_error": calibration_error(probabilities[usual], shares[usual]),
            "calibrated_on": {"rows": int(chosen.sum()), "positives": int(labels[chosen].sum())},
            "judged_on": {"rows": int(usual.sum()), "positives": int(labels[usual].sum())},
        }
    return lines, thresholds, figures


def language_figures(logits: NDArray[np.float64], held: Dataset, bar: float) -> dict[str, LanguageFigures]:
    """Measure how well toxicity is ranked within each language."""
    column = ATTRIBUTES.index("toxicity")
    labels, langs = held.values[:, column], np.array(held.lang)
    result = {}
    for lang in sorted(set(held.lang) - {""}):
        chosen = (langs == lang) & ~np.isnan(labels)
        found = auc(logits[chosen, column], labels[chosen] >= 0.5)
        result[lang] = LanguageFigures(found is not None and found >= bar, found, int(chosen.sum()))
    return result


def auc(scores: NDArray[np.float64], labels: NDArray[np.bool_]) -> float | None:
    """Measure the area under the ROC curve; None where a class is missing."""
    from sklearn.metrics import roc_auc_score

    if labels.all() or not labels.any():
        return None
    return round(float(roc_auc_score(labels, scores)), 4)


def _ours(source: str) -> bool:
    return source.startswith("seeds/") or source == "identities"


def _entries(rows: Dataset) -> tuple[DataEntry, ...]:
    table = {entry.digest: entry for entry in known_sources().values()}
    return tuple(
        DataEntry(entry.source, entry.rows, table[entry.digest].licence if entry.digest in table else "", entry.digest)
        for entry in rows.files
    )
