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

from classifiers.hashing import Hashes, chopped_features, follow, hash_word, pair_features
from classifiers.lexicon import Lexicon
from classifiers.text import clip, cut, is_single, spell
from classifiers.traits import COUNTS, FIRST_MARK, Matrix, count
from classifiers.unfolding import unfold


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
    buckets: NDArray[np.int64]
    spoken: NDArray[np.bool_]
    """Which of the buckets tell languages apart."""


def chunks_of(text: str) -> list[str]:
    """Cut a comment into chunks, letters that stand alone joined."""
    chunks = cut(clip(text))
    return spell(chunks) if any(map(is_single, chunks)) else chunks


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


class Context(NamedTuple):
    """What neighbouring chunks are to each other, in texts laid end to end."""

    pairs: NDArray[np.int64]
    """The first place of each pair of neighbours."""
    buckets: NDArray[np.int64]
    phrase_at: NDArray[np.int64]
    phrase_columns: NDArray[np.int64]
    """Columns of the counts that grow by one for each phrase of a lexicon."""


def context(inside: NDArray[np.bool_], first: Hashes, last: Hashes, lexicon: Lexicon, shape: Shape) -> Context:
    """Relate neighbouring chunks: pairs of words, and listed phrases.

    All arrays have one entry per chunk; `inside` is False for the empty chunk that parts one text from the next.
    """
    pairs = np.flatnonzero(inside[:-1] & inside[1:])
    buckets = pair_features(last[pairs], first[pairs + 1]) & np.uint32(shape.buckets - 1)
    places, columns = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    running, within = first, inside
    for phrases in lexicon.phrases:
        running, within = follow(running[:-1], first[phrases.length - 1 :]), within[:-1] & inside[phrases.length - 1 :]
        nearest = np.minimum(np.searchsorted(phrases.hashes, running), len(phrases.hashes) - 1)
        hits = np.flatnonzero((phrases.hashes[nearest] == running) & within)
        places.append(hits)
        columns.append(FIRST_MARK + phrases.places[nearest[hits]])
    return Context(pairs, buckets.astype(np.int64), np.concatenate(places), np.concatenate(columns))


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
