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

from classifiers.hashing import Hashes, chopped_features, hash_word, mix, pair_features
from classifiers.lexicon import Lexicon, generalised
from classifiers.phrases import Phrases
from classifiers.text import clip, cut, is_single, spell
from classifiers.traits import COUNTS, FIRST_MARK, Matrix, count
from classifiers.unfolding import unfold

MEANT = 4
"""So many times the concept of a word is counted: it stands beside a dozen and more features of how the word is spelled."""


class Shape(msgspec.Struct, frozen=True):
    """How texts are chopped and hashed; part of a version's manifest."""

    bits: int = 19
    shortest: int = 2
    longest: int = 5

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
    starts: NDArray[np.int64]
    """Where the features of each chunk that has any begin."""
    buckets: NDArray[np.int64]
    spoken: NDArray[np.bool_]
    """Which of the buckets tell languages apart."""
    meaning: NDArray[np.int64]
    """Which chunks have a word that means something listed; one with several stands here as often."""
    concepts: NDArray[np.int64]
    """The buckets of what it is, each of which counts `MEANT` times."""


def chunks_of(text: str, lexicon: Lexicon) -> list[str]:
    """Cut a comment into chunks, letters that stand alone joined."""
    text = clip(text)
    chunks = cut(text, lexicon.han)
    single = [*map(is_single, chunks)]
    return spell(text, lexicon.han) if any(map(all, zip(single, single[1:], single[2:], strict=False))) else chunks


def analyse(chunks: Sequence[str], lexicon: Lexicon, shape: Shape) -> Analysed:
    """Unfold, count and hash many chunks in one go."""
    words: list[str] = []
    sizes: list[int] = []
    cells: list[int] = []
    values: list[float] = []
    for place, chunk in enumerate(chunks):
        unfolded = unfold(chunk, lexicon)
        marks = [*map(lexicon.marks_of, unfolded.words)]
        for column, value in count(chunk, unfolded, marks):
            cells.append(place * len(COUNTS) + column)
            values.append(value)
        words += map(generalised, unfolded.words, marks)
        sizes.append(len(unfolded.words))
    filled = np.array(cells, np.int64), np.array(values, np.float64)
    counts = np.bincount(*filled, minlength=len(chunks) * len(COUNTS)).astype(np.float32)
    hashes = np.fromiter(map(hash_word, words), np.uint32, len(words))
    lengths = np.array(sizes, np.int64)
    owners = np.arange(len(chunks)).repeat(lengths)
    # before and behind the words stands a zero: the first and the last word of a chunk without any
    edged = np.concatenate([_ZERO, hashes, _ZERO])
    ends = lengths.cumsum()
    some = lengths > 0
    found = chopped_features(words, hashes, shape.shortest, shape.longest)
    owner, features, spoken = owners[found.owner], found.hashes, found.spoken
    if len(words) > np.count_nonzero(some):
        for place, mark in _phrases_within(hashes, owners, lexicon.phrases):
            counts[place * len(COUNTS) + FIRST_MARK + mark] += 1
        inner = (owners[1:] == owners[:-1]).nonzero()[0]
        owner = np.concatenate([owner, owners[inner]])
        order = owner.argsort(kind="stable")
        features = np.concatenate([features, pair_features(hashes[inner], hashes[inner + 1])])[order]
        owner, spoken = owner[order], np.concatenate([spoken, np.zeros(len(inner), np.bool_)])[order]
    places, concepts = lexicon.meanings(words, hashes)
    return Analysed(
        counts.reshape(len(chunks), len(COUNTS)),
        edged[(ends - lengths + 1) * some],
        edged[ends * some],
        owner,
        runs(owner),
        _bucket(features, shape),
        spoken,
        owners[places],
        _bucket(mix(concepts), shape),
    )


_ZERO = np.zeros(1, np.uint32)


def _phrases_within(hashes: Hashes, owners: NDArray[np.int64], phrases: Phrases) -> list[tuple[int, int]]:
    """Find the phrases that lie within chunks, of words without blanks between them: the place of the chunk, and the mark."""
    apart = np.zeros(len(hashes) + int(owners[-1]) + 1, np.uint32)
    places = owners + np.arange(1, len(owners) + 1)
    apart[places] = hashes
    return [(int(owners[places.searchsorted(at)]), mark) for at, mark in phrases.find(apart)]


def runs(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Tell where each run of one value begins."""
    if not len(values):
        return _NONE
    return np.concatenate([_FIRST, (values[1:] != values[:-1]).nonzero()[0] + 1])


_FIRST, _NONE = np.zeros(1, np.int64), np.zeros(0, np.int64)


def pair_buckets(first: Hashes, last: Hashes, shape: Shape) -> NDArray[np.int64]:
    """Hash each chunk with the one that follows it: the last word of the one, the first of the other."""
    return _bucket(pair_features(last[:-1], first[1:]), shape)


def _bucket(features: Hashes, shape: Shape) -> NDArray[np.int64]:
    return (features & np.uint32(shape.buckets - 1)).astype(np.int64)


class Corpus(NamedTuple):
    """Texts as rows of numbers of distinct chunks."""

    chunks: list[str]
    ids: NDArray[np.int64]
    starts: NDArray[np.int64]


def gather(texts: Iterable[str], lexicon: Lexicon) -> Corpus:
    """Number the distinct chunks of texts. Number 0 is the empty chunk, which leads every text and parts it from the last."""
    numbers = {"": 0}
    ids: list[list[int]] = []
    for text in texts:
        ids.append([0, *(numbers.setdefault(chunk, len(numbers)) for chunk in chunks_of(text, lexicon))])
    lengths = np.fromiter(map(len, ids), np.int64, len(ids))
    flat = np.fromiter(chain.from_iterable(ids), np.int64, int(lengths.sum()))
    return Corpus(list(numbers), flat, np.cumsum(lengths) - lengths)
