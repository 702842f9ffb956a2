"""The scikit-learn form of a version, `model.skops`: a pipeline of transformer and classifier that any notebook can use.

It is made from the version's own arrays, so it gives the scores that are served. Weights stay in their 16 bits and are
numbers only while they are used: written as fitted floats, the file would be four times the size of the version.
"""

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from classifiers.arrays import read_array
from classifiers.compiled import SQUARES, load_concepts, load_lexicon
from classifiers.features import Shape
from classifiers.featurizer import CommentFeaturizer
from classifiers.filters import load_filters
from classifiers.manifest import MANIFEST, Manifest, entries_of, verify, write_manifest

PIPELINE = "model.skops"
SCHEMA = "schema.json"
LARGE = 1 << 22
"""Arrays of so many bytes take seconds to pack with LZMA."""
_PLACE = re.compile(rb'"__id__": (\d+)')
_NAMED = re.compile(rb'("__id__": |"file": ")(\d+)')
Floats = NDArray[np.float64]


class CompiledClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Give the calibrated probabilities of a version, one column for each attribute.

    It learns nothing by itself: `of` makes it from the arrays that `classifiers train` or `classifiers adapt` wrote.

    Attributes
    ----------
    attributes_ : list of str
        What the columns are.
    weights_ : ndarray of int16, shape (attributes, buckets)
    scales_ : ndarray, shape (attributes,)
    squares_ : ndarray of int16, shape (buckets,)
        The squares of rarity, in 128ths.
    head_ : ndarray, shape (attributes, traits + filters + 1)
        Weights of the hand-made features and of what the filters answer, and the bias.
    lines_ : ndarray, shape (attributes, 2)
        Slope and offset of the calibration.
    """

    @classmethod
    def of(cls, folder: Path, attributes: Sequence[str], lines: Floats) -> Self:
        """Take the arrays of a version's folder."""
        made = cls()
        rounded = read_array(folder / "weights.npy")
        made.attributes_ = list(attributes)
        made.weights_ = np.ascontiguousarray(rounded[:, :-1].T)
        made.squares_ = np.ascontiguousarray(rounded[:, -1])
        made.scales_ = read_array(folder / "scales.npy")[:-1]
        made.head_ = read_array(folder / "head.npy").astype(np.float64)
        made.lines_ = lines
        return made

    def fit(self, X: Any, y: Any = None) -> Self:
        """Refuse: the arrays are what was learned."""
        raise NotImplementedError(
            "a compiled version is not fitted again; use `classifiers train` or `classifiers adapt`"
        )

    def decision_function(self, X: Any) -> Floats:
        """Give the calibrated logits of featurized texts."""
        check_is_fitted(self, "weights_")
        X = sparse.csr_matrix(X)
        buckets = len(self.squares_)
        hashed, traits = X[:, :buckets], X[:, buckets:]
        used = np.unique(hashed.indices)
        rarity = np.sqrt(self.squares_[used] / SQUARES)
        coef = self.weights_[:, used] * self.scales_[:, None] / rarity
        logits: Floats = hashed[:, used] @ coef.T + traits @ self.head_[:, :-1].T + self.head_[:, -1]
        return logits * self.lines_[:, 0] + self.lines_[:, 1]

    def predict_proba(self, X: Any) -> Floats:
        """Give the probability of each attribute."""
        said: Floats = 0.5 * (1 + np.tanh(0.5 * self.decision_function(X)))
        return said

    def predict(self, X: Any) -> NDArray[np.int64]:
        """Say of each attribute whether it is likelier than not."""
        return (self.predict_proba(X) >= 0.5).astype(np.int64)


def featurizer_of(folder: Path, shape: Shape, squares: NDArray[np.floating]) -> CommentFeaturizer:
    """Rebuild the fitted transformer of a version from its arrays; no stored object is loaded."""
    featurizer = CommentFeaturizer(bits=shape.bits, shortest=shape.shortest, longest=shape.longest)
    featurizer.squares_ = np.round(squares * SQUARES).astype(np.int16)
    featurizer.known_ = read_array(folder / "known.npy")
    featurizer.lexicon_ = load_lexicon(folder).decode()
    featurizer.concepts_ = load_concepts(folder)
    filters = load_filters(folder)
    featurizer.filters_ = filters.arrays if filters else ()
    return featurizer


def write_pipeline(folder: Path, shape: Shape, lines: Mapping[str, tuple[float, float]]) -> Path:
    """Write the pipeline of a folder whose arrays are in place; `lines` are slope and offset of each attribute, in order."""
    from skops.io import dumps

    classifier = CompiledClassifier.of(folder, list(lines), np.array(list(lines.values()), np.float64))
    featurizer = featurizer_of(folder, shape, classifier.squares_ / SQUARES)
    featurizer.squares_ = classifier.squares_  # one array is written once
    pipeline = Pipeline([("features", featurizer), ("classifier", classifier)])
    _write_steadily(dumps(pipeline), folder / PIPELINE)
    return folder / PIPELINE


def _write_steadily(dumped: bytes, path: Path) -> None:
    """Write a pipeline so that the same arrays give the same bytes.

    skops names each object by its place in memory; here it is named by its turn, and no file has a time. Packed with bzip2,
    which takes a tenth less than deflate and reads in a second, and smaller arrays with LZMA, which takes a tenth less again
    and ten times as long: what ships with the package has a bound.
    """
    with zipfile.ZipFile(io.BytesIO(dumped)) as given, zipfile.ZipFile(path, "w") as written:
        schema = given.read(SCHEMA)
        turns = {place: b"%d" % turn for turn, place in enumerate(dict.fromkeys(_PLACE.findall(schema)))}
        for name in given.namelist():
            if name != SCHEMA:
                place, dot, kind = name.encode().partition(b".")
                named = zipfile.ZipInfo((turns.get(place, place) + dot + kind).decode())
                content = given.read(name)
                written.writestr(named, content, zipfile.ZIP_LZMA if len(content) < LARGE else zipfile.ZIP_BZIP2)
        schema = _NAMED.sub(lambda found: found[1] + turns.get(found[2], found[2]), schema)
        written.writestr(zipfile.ZipInfo(SCHEMA), schema, zipfile.ZIP_BZIP2)


def libraries() -> dict[str, str]:
    """Name the releases that a pipeline written here is of: what reads it asks for the same."""
    return {name: version(name) for name in ("numpy", "scipy", "scikit-learn")}


def add_pipeline(folder: Path) -> Manifest:
    """Write the pipeline of a version that has none, and a manifest that knows it."""
    manifest = verify(folder)
    lines = {name: manifest.calibration[name] for name in manifest.attributes}
    shape = msgspec.convert(manifest.features["shape"], Shape)
    write_pipeline(folder, shape, {name: (line["slope"], line["offset"]) for name, line in lines.items()})
    (folder / MANIFEST).unlink()
    manifest = msgspec.structs.replace(manifest, libraries=libraries(), files=entries_of(folder))
    write_manifest(folder, manifest)
    return manifest
