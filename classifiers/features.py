"""Features of comments: hashed words, word pairs and character n-grams, and hand-made traits, each tied to a chunk.

Because every hashed feature belongs to one chunk or to two neighbours, and the length that a comment is divided by is
a sum over its chunks too, the contribution of a chunk can be kept between comments. The compiled scorer lives on that;
`CommentFeaturizer` is the same arithmetic as a scikit-learn transformer. scikit-learn is imported only where the
transformer is.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from classifiers.hashing import Hashes, chopped_features, hash_word, pair_features, triple_features
from classifiers.lexicon import Lexicon
from classifiers.text import clip, cut, spell, unfold
from classifiers.traits import COUNTS, Matrix, count


class Shape(msgspec.Struct, frozen=True):
    """How texts are chopped and hashed; part of a version's manifest."""

    bits: int = 19
    shortest: int = 2
    longest: int = 5
    triples: bool = False

    @property
    def buckets(self) -> int:
        """The width of the hashed space."""
        return 1 << self.bits


class Analysed(NamedTuple):
    """What many chunks hold: their counts, the hashes of their first and last words, and their features in order."""

    counts: Matrix
    first: Hashes
    last: Hashes
    owner: NDArray[np.int64]
    buckets: NDArray[np.int64]
    spoken: NDArray[np.bool_]
    """Which of the buckets tell languages apart."""


def chunks_of(text: str) -> list[str]:
    """Cut a comment into chunks, letters that stand alone joined."""
    chunks = cut(clip(text))
    return spell(chunks) if any(len(chunk) == 1 for chunk in chunks) else chunks


def analyse(chunks: Sequence[str], lexicon: Lexicon, shape: Shape) -> Analysed:
    """Unfold, count and hash many chunks in one go."""
    words: list[str] = []
    sizes: list[int] = []
    places: list[int] = []
    columns: list[tuple[int, float]] = []
    for place, chunk in enumerate(chunks):
        unfolded = unfold(chunk, lexicon)
        counted = count(chunk, unfolded, lexicon)
        columns += counted
        places += [place] * len(counted)
        words += unfolded.words
        sizes.append(len(unfolded.words))
    counts = np.zeros((len(chunks), len(COUNTS)), np.float32)
    if columns:
        at, values = zip(*columns, strict=True)
        np.add.at(counts, (places, at), np.array(values, np.float32))
    hashes = np.fromiter(map(hash_word, words), np.uint32, len(words))
    lengths = np.array(sizes, np.int64)
    owners = np.repeat(np.arange(len(chunks)), lengths)
    ends = np.cumsum(lengths)
    filled = lengths > 0
    first, last = np.zeros(len(chunks), np.uint32), np.zeros(len(chunks), np.uint32)
    first[filled], last[filled] = hashes[(ends - lengths)[filled]], hashes[ends[filled] - 1]
    found = chopped_features(words, hashes, shape.shortest, shape.longest)
    owner, features, spoken = owners[found.owner], found.hashes, found.spoken
    inner = np.flatnonzero(owners[1:] == owners[:-1])
    if len(inner):
        owner = np.concatenate([owner, owners[inner]])
        features = np.concatenate([features, pair_features(hashes[inner], hashes[inner + 1])])
        order = np.argsort(owner, kind="stable")
        owner, features = owner[order], features[order]
        spoken = np.concatenate([spoken, np.zeros(len(inner), bool)])[order]
    return Analysed(counts, first, last, owner, (features & np.uint32(shape.buckets - 1)).astype(np.int64), spoken)


def neighbours(first: Hashes, last: Hashes, shape: Shape) -> NDArray[np.int64]:
    """Hash each chunk with the one that follows it, given the hashes of all chunks of a text in order."""
    return (pair_features(last[:-1], first[1:]) & np.uint32(shape.buckets - 1)).astype(np.int64)


def triplets(first: Hashes, last: Hashes, shape: Shape) -> NDArray[np.int64]:
    """Hash each chunk with the two that follow it."""
    return (triple_features(last[:-2], first[1:-1], first[2:]) & np.uint32(shape.buckets - 1)).astype(np.int64)


class Corpus(NamedTuple):
    """Texts as rows of numbers of distinct chunks."""

    chunks: list[str]
    ids: NDArray[np.int64]
    starts: NDArray[np.int64]


def gather(texts: Iterable[str]) -> Corpus:
    """Number the distinct chunks of texts. Number 0 is the empty chunk, which leads every text and parts it from the last."""
    numbers = {"": 0}
    ids: list[list[int]] = []
    for text in texts:
        ids.append([0, *(numbers.setdefault(chunk, len(numbers)) for chunk in chunks_of(text))])
    lengths = np.fromiter(map(len, ids), np.int64, len(ids))
    flat = np.fromiter(chain.from_iterable(ids), np.int64, int(lengths.sum()))
    return Corpus(list(numbers), flat, np.cumsum(lengths) - lengths)
