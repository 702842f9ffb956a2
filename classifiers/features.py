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

from classifiers.hashing import Hashes, gram_features, hash_word, pair_features, triple_features, word_features
from classifiers.lexicon import Lexicon
from classifiers.text import clip, cut, spell, unfold
from classifiers.traits import COUNTS, PLACE, Matrix, count

_SINGLE = PLACE["single"]


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
    """What many chunks hold: their counts, the hashes of their first and last words, and their features in order of chunk."""

    counts: Matrix
    first: Hashes
    last: Hashes
    whole: Hashes
    owner: NDArray[np.int64]
    buckets: NDArray[np.int64]


def chunks_of(text: str) -> list[str]:
    """Cut a comment into chunks, letters that stand alone joined."""
    chunks = cut(clip(text))
    return spell(chunks) if any(len(chunk) == 1 for chunk in chunks) else chunks


def analyse(chunks: Sequence[str], lexicon: Lexicon, shape: Shape) -> Analysed:
    """Unfold, count and hash many chunks in one go."""
    counts = np.zeros((len(chunks), len(COUNTS)), np.float32)
    words: list[str] = []
    sizes = np.zeros(len(chunks), np.int64)
    for place, chunk in enumerate(chunks):
        unfolded = unfold(chunk, lexicon)
        for column, value in count(chunk, unfolded, lexicon):
            counts[place, column] += value
        words.extend(unfolded.words)
        sizes[place] = len(unfolded.words)
    hashes = np.fromiter(map(hash_word, words), np.uint32, len(words))
    owners = np.repeat(np.arange(len(chunks)), sizes)
    ends = np.cumsum(sizes)
    filled = sizes > 0
    first, last = np.zeros(len(chunks), np.uint32), np.zeros(len(chunks), np.uint32)
    first[filled], last[filled] = hashes[(ends - sizes)[filled]], hashes[ends[filled] - 1]
    found_owners, found = [owners], [word_features(hashes)]
    if len(words) > 1:
        inner = np.flatnonzero(owners[1:] == owners[:-1])
        found_owners.append(owners[inner])
        found.append(pair_features(hashes[inner], hashes[inner + 1]))
    grams = gram_features(words, shape.shortest, shape.longest)
    found_owners.append(owners[grams.owner])
    found.append(grams.hashes)
    owner = np.concatenate(found_owners)
    order = np.argsort(owner, kind="stable")
    buckets = (np.concatenate(found) & np.uint32(shape.buckets - 1)).astype(np.int64)
    return Analysed(counts, first, last, first ^ last, owner[order], buckets[order])


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
