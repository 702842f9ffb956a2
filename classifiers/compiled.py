"""The arrays of a version that hold its hashed weights: 16 bits each, with one scale for every attribute.

`weights.npy` has a row per bucket: the weight for each attribute, times how rare the bucket is, and the square of how
rare it is. What is written is what the fitted pipeline has from then on, so scoring and training agree. The lexicon lies
beside them, deflated.
"""

import zlib
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers.arrays import read_array
from classifiers.errors import LibraryMismatch, VersionBroken
from classifiers.lexicon import MARKS, NO_CONCEPTS, Lexicon
from classifiers.manifest import MANIFEST, Manifest, verify
from classifiers.traits import NAMES

LEXICON = "lexicon.bin"
CONCEPTS = "concepts.npy"
_PLAIN_LEXICON = "lexicon.json"
"""What versions of earlier releases have instead."""
_MOST_LEXICON_BYTES = 64 * 2**20
SQUARES = 128
"""Squares of rarity are multiples of 1/128, so 16 bits hold them without loss."""
_LARGEST = 255
"""Weights are whole multiples of one part in so many of the largest: finer steps would move a logit by less than 0.01 on average,
and deflate to half as much again."""


def save_weights(folder: Path, weights: NDArray[np.floating], squares: NDArray[np.floating]) -> NDArray[np.float64]:
    """Round and write the weights, of shape (buckets, attributes); give them as they were written."""
    scales = np.maximum(np.abs(weights).max(axis=0).astype(np.float64), 1e-9) / _LARGEST
    rounded = np.empty((len(weights), len(scales) + 1), np.int16)
    rounded[:, :-1] = np.round(weights / scales)
    rounded[:, -1] = np.round(squares * SQUARES)
    np.save(folder / "weights.npy", rounded, allow_pickle=False)
    np.save(folder / "scales.npy", np.append(scales, 1 / SQUARES), allow_pickle=False)
    return rounded[:, :-1] * scales


def change_weights(source: Path, target: Path, columns: Mapping[int, NDArray[np.floating]]) -> None:
    """Copy the weights of a version with the columns of some attributes changed; all others stay bit for bit."""
    rounded = read_array(source / "weights.npy")
    scales = read_array(source / "scales.npy")
    for column, weights in columns.items():
        scales[column] = max(float(np.abs(weights).max()), 1e-9) / _LARGEST
        rounded[:, column] = np.round(weights / scales[column])
    np.save(target / "weights.npy", rounded, allow_pickle=False)
    np.save(target / "scales.npy", scales, allow_pickle=False)


def load_weights(folder: Path) -> NDArray[np.float32]:
    """Read the weights, and in the last column the squares of rarity, as numbers."""
    rounded = read_array(folder / "weights.npy", mapped=True)
    scales = read_array(folder / "scales.npy")
    weights: NDArray[np.float32] = (rounded * scales).astype(np.float32)
    return weights


def save_lexicon(folder: Path, lexicon: str) -> None:
    """Write the lexicon, deflated: it is four times as large as JSON."""
    (folder / LEXICON).write_bytes(zlib.compress(lexicon.encode("utf-8"), 9))


def lexicon_file(names: Container[str]) -> str:
    """Say which of a version's files holds its lexicon."""
    return LEXICON if LEXICON in names else _PLAIN_LEXICON


def load_lexicon(folder: Path) -> bytes:
    """Read the lexicon of a version as JSON; one that unpacks to more than any lexicon has is refused."""
    path = folder / LEXICON
    if not path.exists():
        return (folder / _PLAIN_LEXICON).read_bytes()
    unpacking = zlib.decompressobj()
    try:
        found = unpacking.decompress(path.read_bytes(), _MOST_LEXICON_BYTES)
    except zlib.error as error:
        raise VersionBroken(f"{path} is no lexicon: {error}") from None
    if not unpacking.eof:
        raise VersionBroken(f"{path} unpacks to more than {_MOST_LEXICON_BYTES} bytes, or is cut off")
    return found


def load_concepts(folder: Path) -> NDArray[np.uint32]:
    """Read which words mean the same; none in a version that was trained without."""
    path = folder / CONCEPTS
    if not path.exists():
        return NO_CONCEPTS
    concepts: NDArray[np.uint32] = read_array(path)
    if concepts.ndim != 2 or concepts.shape[1] != 2 or concepts.dtype != np.uint32:
        raise VersionBroken(f"{path} has shape {concepts.shape} of {concepts.dtype}, which is none of concepts")
    if (concepts[1:, 0] < concepts[:-1, 0]).any():
        raise VersionBroken(f"{path} lists its words out of order, so none would be found")
    return concepts


_lexicons: dict[tuple[str, ...], Lexicon] = {}
"""The lexicons opened last, by what is in them: an adapted version has that of its base, and need not read it again."""


def open_lexicon(folder: Path, manifest: Manifest, known: NDArray[Any]) -> Lexicon:
    """Open the lexicon of a version with the words that it knows."""
    names = (lexicon_file(manifest.files), "known.npy", CONCEPTS)
    key = tuple(manifest.files[name].digest for name in names if name in manifest.files)
    found = _lexicons.get(key)
    if found is None:
        found = Lexicon.decode(load_lexicon(folder), known, load_concepts(folder))
        while len(_lexicons) > 1:
            _lexicons.pop(next(iter(_lexicons)), None)
        _lexicons[key] = found
    return found


def verify_features(folder: Path) -> Manifest:
    """Verify a version folder and refuse one whose hand-made features this release does not make, before more of it is read."""
    manifest = verify(folder)
    if "traits" not in manifest.features:
        raise VersionBroken(f"{folder} does not name its hand-made features")
    if tuple(manifest.features["traits"]) != NAMES or tuple(manifest.features.get("marks", MARKS)) != MARKS:
        raise LibraryMismatch(
            f"{folder} was made by another release, with other hand-made features: adapt a version of this one "
            "(classifiers adapt --base) to the site's labels anew"
        )
    lacking = [f"features.{name}" for name in ("shape", "languages") if name not in manifest.features]
    for name in manifest.attributes:
        given = manifest.calibration.get(name)
        if not isinstance(given, dict) or not {"slope", "offset"} <= given.keys():
            lacking.append(f"calibration.{name}")
    if lacking:
        raise VersionBroken(f"{folder / MANIFEST} lacks {', '.join(lacking)}: nothing can be scored with it")
    return manifest
