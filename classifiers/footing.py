"""What an adapted version stands on: the version before it, opened for learning, and sentences that must stay as they are."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from classifiers.arrays import read_array
from classifiers.compiled import load_weights, verify_features
from classifiers.correcting import Floats
from classifiers.dataset import Dataset, load_seeds
from classifiers.features import Shape
from classifiers.featurizer import CommentFeaturizer
from classifiers.identities import as_dataset, languages, sentences
from classifiers.manifest import Manifest
from classifiers.pipeline import featurizer_of

SWAPS, CORPUS = 1200, 4000
"""So many sentences about groups, and of the corpus, say what a correction may not undo."""


class Base(NamedTuple):
    """A version opened for learning: its transformer and the parts of its logits."""

    manifest: Manifest
    featurizer: CommentFeaturizer
    weights: NDArray[np.float32]
    head: Floats

    def calibrated(self, X: Any, attribute: str) -> Floats:
        """Give the calibrated logits of one attribute for featurized texts."""
        column = self.manifest.attributes.index(attribute)
        line = self.manifest.calibration[attribute]
        idf = self.featurizer.idf_.astype(np.float64)
        coef = np.concatenate([self.weights[:, column].astype(np.float64) / idf, self.head[column, :-1]])
        logits: Floats = line["slope"] * (X @ coef + self.head[column, -1]) + line["offset"]
        return logits


class Probe(NamedTuple):
    """Sentences of the package's own whose labels are known: by them it is measured what a correction undoes."""

    X: Any
    rows: Dataset

    def of(self, attribute: str) -> tuple[Any, NDArray[np.bool_]]:
        """Give the features and the truth of those that say something of an attribute."""
        values = self.rows.column(attribute)
        there = np.flatnonzero(~np.isnan(values))
        return self.X[there], values[there] >= 0.5


class Anchors(NamedTuple):
    """Sentences of the package's own, featurized: what a correction may neither move much nor get flagged."""

    held: Any
    """Civil and hostile ones about groups of people in the languages of the labels, held where they are while learning."""
    swaps: Probe
    """Such sentences in all languages: no more of the civil ones may be flagged than before."""
    corpus: Probe
    """The part of the corpus that is learned from, in all languages."""


def open_base(folder: Path) -> Base:
    """Open a version for learning; its transformer is rebuilt from its arrays, no stored object is loaded."""
    manifest = verify_features(folder)
    shape = msgspec.convert(manifest.features["shape"], Shape)
    weights = load_weights(folder)
    featurizer = featurizer_of(folder, shape, weights[:, -1])
    head = read_array(folder / "head.npy").astype(np.float64)
    return Base(manifest, featurizer, weights, head)


def anchors_of(base: Base, langs: Iterable[str], count: int, seed: int) -> Anchors:
    """Choose and featurize the anchors; the part of the corpus that the gate judges by is not among them.

    A site where abuse often names a group would otherwise teach that the name is the abuse.
    """
    dice = np.random.default_rng(seed)
    near = sentences("train", tuple(sorted(set(langs) & set(languages()))) or ("en",))
    held = [near[at].text for at in dice.permutation(len(near))[:count].tolist()]
    far = as_dataset("train")
    calm = far.column("toxicity") < 0.5
    chosen = [dice.permutation(np.flatnonzero(mask))[: SWAPS // 2] for mask in (calm, ~calm)]
    corpus = load_seeds("train")
    swaps, corpus = far.take(np.concatenate(chosen)), corpus.take(dice.permutation(len(corpus))[:CORPUS])
    X = base.featurizer.transform([*held, *swaps.text, *corpus.text, ""])
    between = len(held) + len(swaps)
    return Anchors(X[: len(held)], Probe(X[len(held) : between], swaps), Probe(X[between:-1], corpus))
