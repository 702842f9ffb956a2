"""Filters: short patterns of words that a small convolution has learned, as features beside the hashed and the hand-made ones.

Every chunk is a short vector: the mean of the vectors of its hashed words and n-grams, and of the kinds of word it is. A filter
looks at one, two or three chunks that follow each other, and answers for a comment with the most that it sees anywhere.
What it says can therefore be told of those chunks alone, and the vector of a chunk can be kept between comments.
Imports NumPy only; `filter_learning` is where they are learned.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers.errors import VersionBroken
from classifiers.features import Analysed
from classifiers.lexicon import MARKS
from classifiers.traits import FIRST_MARK, PLACE, Matrix

WIDTHS = (1, 2, 3)
"""How many chunks a filter looks at; there are as many filters of each width."""
STEPS = tuple((width, step) for width in WIDTHS for step in range(width))
"""The blocks of columns of `patterns`: width of the filters, and which chunk of the window they weigh."""
FILES = ("embeddings.npy", "marks.npy", "patterns.npy")
_CHUNKS = PLACE["chunks"]
_AT_ONCE = 512
"""So many chunks are looked at together, which keeps what is computed close to the processor."""


class Filters:
    """What was learned: `each` filters of every width, over vectors of some numbers.

    Parameters
    ----------
    embeddings : ndarray of int8, shape (a power of two, numbers)
        The vectors of the hashed features, in steps of 1/128.
    marks : ndarray of float32, shape (kinds of word + 2, numbers)
        The vectors of these kinds, of a chunk that is of none, and of every chunk.
    patterns : ndarray of float32, shape (numbers + 1, 6 x each)
        What the filters look for, a block of columns for each of `STEPS`; the last row holds the biases, in the first block of each width.
    """

    def __init__(self, embeddings: NDArray[np.int8], marks: Matrix, patterns: Matrix) -> None:
        self.arrays: tuple[NDArray[Any], ...] = (embeddings, marks, patterns)
        self.each, self.numbers = patterns.shape[1] // len(STEPS), embeddings.shape[1]
        self._embeddings, self._marks = embeddings, np.asarray(marks, np.float32)
        self._patterns = np.ascontiguousarray(patterns[:-1], np.float32)
        blocks = np.asarray(patterns[-1], np.float32).reshape(len(STEPS), self.each)
        self._biases = np.concatenate([blocks[at] for at, (_, step) in enumerate(STEPS) if step == 0])
        self.floor: Matrix = np.maximum(self._biases, 0)
        """What the filters answer where there is no word."""

    def embed(self, found: Analysed) -> Matrix:
        """Give the vectors of analysed chunks; that of the empty chunk is zero."""
        vectors: Matrix = kinds_of(found.counts) @ self._marks
        if len(found.owner):
            starts = np.flatnonzero(np.diff(found.owner, prepend=-1))
            rows = self._embeddings.take(found.buckets & (len(self._embeddings) - 1), axis=0)
            sums = np.add.reduceat(rows, starts, axis=0, dtype=np.int32)
            many = np.diff(starts, append=len(found.owner))
            vectors[found.owner[starts]] += sums * (UNIT / np.sqrt(many, dtype=np.float32))[:, None]
        return vectors

    def answers(self, vectors: Matrix, ids: NDArray[np.int64], starts: list[int]) -> Matrix:
        """Say the most that each filter sees in each comment, of shape (comments, filters), never less than zero.

        The comments are the numbers of their chunks, rows of `vectors`, laid end to end. Each begins, at `starts`, with number 0,
        the empty chunk.
        """
        found = np.empty((len(starts), len(self.floor)), np.float32)
        for begin, end, first, last in _blocks(starts, len(ids)):
            chosen = ids[begin:end]
            seen = self.seen(vectors.take(chosen, axis=0), chosen == 0)
            np.maximum.reduceat(seen, [start - begin for start in starts[first:last]], axis=0, out=found[first:last])
        return np.maximum(found, 0, out=found)

    def seen(self, vectors: Matrix, empty: NDArray[np.bool_]) -> Matrix:
        """Say what each filter sees at each chunk and those that follow it; a window ends where a comment does."""
        n = self.each
        parts = vectors @ self._patterns
        found = np.empty((len(vectors), len(WIDTHS) * n), np.float32)
        found[:] = self._biases
        for block, (width, step) in enumerate(STEPS):
            part = parts[step:, block * n : (block + 1) * n]
            if step == 2:
                part = part * ~empty[1:-1, None]
            found[: len(part), (width - 1) * n : width * n] += part
        return found

    def shares(self, vectors: Matrix, empty: NDArray[np.bool_], weights: Matrix) -> Matrix:
        """Share out what the weighted answers of one comment are beyond those of an empty one, among the chunks they saw."""
        seen = self.seen(vectors, empty)
        places = seen.argmax(axis=0)
        values = weights * (np.maximum(seen[places, np.arange(len(places))], 0) - self.floor)
        widths = np.repeat(WIDTHS, self.each)
        words = ~empty
        spans = places[:, None] + np.arange(max(WIDTHS))
        inside = (np.arange(max(WIDTHS)) < widths[:, None]) & (spans < len(vectors))
        spans = np.minimum(spans, len(vectors) - 1)
        inside[:, 2] &= words[spans[:, 1]] & (spans[:, 2] != spans[:, 1])
        inside &= words[spans]
        each = values / np.maximum(inside.sum(axis=1), 1)
        found: Matrix = np.bincount(
            spans[inside], np.broadcast_to(each[:, None], inside.shape)[inside], minlength=len(vectors)
        ).astype(np.float32)
        return found


UNIT = np.float32(1 / 128)
"""The step of the embeddings."""


def kinds_of(counts: Matrix) -> Matrix:
    """Say of which kinds of word chunks are, with a column for those of none and one for all but the empty chunk."""
    kinds = np.minimum(counts[:, FIRST_MARK:], 1)
    there = np.minimum(counts[:, _CHUNKS : _CHUNKS + 1], 1)
    return np.concatenate([kinds, there * (kinds.max(axis=1, keepdims=True) == 0), there], axis=1)


def _blocks(starts: list[int], chunks: int) -> Iterator[tuple[int, int, int, int]]:
    """Part comments that lie end to end into runs of some hundred chunks: places of the chunks, and of the comments."""
    ends = [*starts[1:], chunks]
    begin = first = 0
    for at, end in enumerate(ends, 1):
        if end - begin >= _AT_ONCE or at == len(ends):
            yield begin, end, first, at
            begin, first = end, at


def save_filters(folder: Path, filters: Filters) -> None:
    """Write the arrays into a version's folder."""
    for name, array in zip(FILES, filters.arrays, strict=True):
        np.save(folder / name, array, allow_pickle=False)


def load_filters(folder: Path) -> Filters | None:
    """Read the filters of a version; None if it was trained without."""
    if not (folder / FILES[0]).exists():
        return None
    embeddings, marks, patterns = (np.load(folder / name, allow_pickle=False) for name in FILES)
    rows, (numbers, columns) = len(embeddings), (embeddings.shape[-1], patterns.shape[-1])
    shapes = {"embeddings": (rows, numbers), "marks": (len(MARKS) + 2, numbers), "patterns": (numbers + 1, columns)}
    for name, found in zip(shapes, (embeddings, marks, patterns), strict=True):
        if found.shape != shapes[name] or rows & (rows - 1) or not rows or columns % len(STEPS) or not columns:
            raise VersionBroken(f"{folder / name}.npy has shape {found.shape}, which is none of filters")
    return Filters(embeddings, marks, patterns)
