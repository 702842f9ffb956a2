"""Filters: short patterns of words that a small convolution has learned, as features beside the hashed and the hand-made ones.

Every chunk is a short vector: the mean of the vectors of its hashed words and n-grams, and those of what it means and of the kinds of word it is. A filter
looks at one, two or three chunks that follow each other, and answers for a comment with the most that it sees anywhere.
What it says can therefore be told of those chunks alone, and the vector of a chunk can be kept between comments.
Imports NumPy only; `filter_learning` is where they are learned.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from classifiers.arrays import read_array
from classifiers.errors import VersionBroken
from classifiers.features import Analysed
from classifiers.lexicon import MARKS
from classifiers.traits import FIRST_MARK, PLACE, Matrix

WIDTHS = (1, 2, 3)
"""How many chunks a filter looks at; there are as many filters of each width, the narrow ones first."""
WIDEST = max(WIDTHS)
_NEXT = np.arange(WIDEST)[:, None, None]
UNIT = np.float32(1 / 128)
"""The step of the embeddings."""
FILES = ("embeddings.npy", "marks.npy", "patterns.npy")
_KINDS = (np.int8, np.float32, np.float32)
_CHUNKS = PLACE["chunks"]
_MOST_PRODUCTS = 200_000
"""OpenBLAS takes threads from 2^18 on."""
_MANY = 128
"""Fewer windows are looked at by filters of all widths together: three products cost more than the numbers they spare."""
_AT_ONCE = 512
"""So many chunks are looked at together, which keeps what is computed close to the processor."""


class Looked(NamedTuple):
    """What filters saw in comments."""

    answers: Matrix
    """The most of each comment, of shape (comments, filters), never less than zero."""
    seen: list[Matrix]
    """Of each comment what was seen in each window but for the biases, of shape (windows, filters)."""


class Filters:
    """What was learned: filters over windows of three vectors, of which narrow ones see the first alone, or the first two.

    Parameters
    ----------
    embeddings : ndarray of int8, shape (a power of two, numbers)
        The vectors of the hashed features, in steps of 1/128.
    marks : ndarray of float32, shape (kinds of word + 2, numbers)
        The vectors of these kinds, of a chunk that is of none, and of every chunk.
    patterns : ndarray of float32, shape (3 x numbers + 1, filters)
        What the filters look for in a window, and in the last row their biases.
    """

    def __init__(self, embeddings: NDArray[np.int8], marks: Matrix, patterns: Matrix) -> None:
        self.arrays: tuple[NDArray[Any], ...] = (embeddings, marks, patterns)
        self.numbers = embeddings.shape[1]
        self._embeddings, self._marks = embeddings, np.asarray(marks, np.float32)
        each = patterns.shape[1] // len(WIDTHS)
        columns = [slice(place * each, (place + 1) * each) for place in range(len(WIDTHS))]
        self._patterns = [
            (width * self.numbers, some, np.ascontiguousarray(patterns[: width * self.numbers, some], np.float32))
            for width, some in zip(WIDTHS, columns, strict=True)
        ]
        """For each width how many numbers of a window its filters look at, which filters they are, and what they look for."""
        self._biases = np.asarray(patterns[-1], np.float32)
        self._inside = (np.repeat(WIDTHS, each) > np.arange(WIDEST)[:, None])[:, None, :]
        within = np.asarray(patterns[:-1] * self._inside[:, 0].repeat(self.numbers, axis=0), np.float32)
        self._together = [(WIDEST * self.numbers, slice(None), within)]
        """The same for all of them, of which narrow ones see nothing beyond their width."""
        self.floor: Matrix = np.maximum(self._biases, 0)
        """What the filters answer where there is no word."""

    def embed(self, found: Analysed) -> Matrix:
        """Give the vectors of analysed chunks; that of the empty chunk is zero."""
        kinds = kinds_of(found.counts)
        vectors = _product(kinds, self._marks, np.empty((len(kinds), self.numbers), np.float32))
        if len(found.owner):
            starts = found.starts
            rows = self._embeddings.take(found.buckets & (len(self._embeddings) - 1), axis=0)
            sums = np.add.reduceat(rows, starts, axis=0, dtype=np.float32)
            owners = found.owner[starts]
            sums *= (UNIT / np.sqrt(np.bincount(found.owner)[owners])).astype(np.float32)[:, None]
            vectors[owners] += sums
        if len(found.meaning):
            concepts = self._embeddings.take(found.concepts & (len(self._embeddings) - 1), axis=0)
            np.add.at(vectors, found.meaning, concepts * UNIT)
        return vectors

    def answers(self, vectors: Matrix, ids: NDArray[np.int64], starts: list[int]) -> Matrix:
        """Say the most that each filter sees in each of many comments, of shape (comments, filters), never less than zero.

        They are the numbers of their chunks, rows of `vectors`, laid end to end.
        """
        return np.concatenate(
            [
                self._look(
                    vectors.take(ids[begin:end], axis=0), ids[begin:end], [start - begin for start in some]
                ).answers
                for begin, end, some in _blocks(starts, len(ids))
            ]
        )

    def look(self, vectors: Matrix, ids: NDArray[np.int64], starts: list[int]) -> Looked:
        """Look at comments, laid end to end with a vector for each chunk, and keep all that was seen."""
        parts = [
            self._look(vectors[begin:end], ids[begin:end], [start - begin for start in some])
            for begin, end, some in _blocks(starts, len(ids))
        ]
        if len(parts) == 1:
            return parts[0]
        return Looked(
            np.concatenate([looked.answers for looked in parts]), [seen for looked in parts for seen in looked.seen]
        )

    def _look(self, vectors: Matrix, ids: NDArray[np.int64], starts: list[int]) -> Looked:
        """Look at some comments together. Each begins with number 0, the empty chunk.

        A window that begins at any other of these is none: it parts the text from a name or a link, or stands where one says
        nothing.
        """
        empty = ids == 0
        before = windows(vectors, empty)
        found = np.empty((len(ids), len(self.floor)), np.float32)
        for numbers, columns, patterns in self._patterns if len(ids) >= _MANY else self._together:
            _product(before[:, :numbers], patterns, found[:, columns])
        if np.count_nonzero(empty) > len(starts):
            empty[starts] = False
            found[empty] = -np.inf
        seen = [found[begin:end] for begin, end in zip(starts, [*starts[1:], len(ids)], strict=True)]
        return Looked(self.most(seen), seen)

    def most(self, seen: Sequence[Matrix]) -> Matrix:
        """Say the most that each filter answers to each of several rows of windows, never less than zero."""
        return np.maximum(np.array([np.maximum.reduce(one, axis=0) for one in seen]) + self._biases, 0)

    def share_out(
        self, moved: Matrix, looked: Looked, places: NDArray[np.int64], ids: NDArray[np.int64], begins: NDArray[np.int64], weights: Matrix,
    ) -> None:  # fmt: skip
        """Add what weighted answers are beyond those of an empty comment to the chunks in which the filters saw most, in place.

        `moved` has a row for each of some comments, named by `places`, with a column for each chunk; they begin at `begins`
        among the chunks `ids`. What is added to a row sums to what its comment has beyond `floor`.
        """
        where = {place: looked.seen[place].argmax(axis=0) for place in {*places.tolist()}}
        lengths = np.array([len(looked.seen[place]) for place in places.tolist()])
        spans = np.array([where[place] for place in places.tolist()]) + _NEXT
        inside = (spans < lengths[:, None]) & self._inside
        spans *= inside
        inside &= ids.take(spans + begins[:, None]) != 0
        inside[2] &= inside[1]
        each = weights * (looked.answers[places] - self.floor) / np.maximum(inside.sum(axis=0), 1)
        _, rows, filters = there = inside.nonzero()
        at = rows * moved.shape[1] + spans[there]
        moved += np.bincount(at, each[rows, filters], moved.size).reshape(moved.shape)


def _product(left: Matrix, right: Matrix, found: Matrix) -> Matrix:
    """Multiply so few rows at once that no library parts the work among threads.

    Threads that wait for each other cost more than a product of this size, many times more where the processor has other work.
    """
    step = max(1, _MOST_PRODUCTS // right.size)
    if len(left) <= step:
        return np.matmul(left, right, out=found)
    whole = len(left) - len(left) % step
    np.matmul(_in_steps(left[:whole], step), right, out=_in_steps(found[:whole], step))
    np.matmul(left[whole:], right, out=found[whole:])
    return found


def _in_steps(rows: Matrix, step: int) -> Matrix:
    """Stack some rows after others, without copying them."""
    return rows.reshape(-1, step, rows.shape[1], copy=False)


def windows(vectors: Matrix, empty: NDArray[np.bool_]) -> Matrix:
    """Lay each chunk beside the two that follow it, and a one, which learning multiplies with the biases.

    A window that has begun before an empty chunk ends there.
    """
    chunks, numbers = vectors.shape
    found = np.zeros((chunks, WIDEST * numbers + 1), np.float32)
    found[:, :numbers] = vectors
    found[:-1, numbers : 2 * numbers] = vectors[1:]
    np.multiply(vectors[2:], ~empty[1:-1, None], out=found[:-2, 2 * numbers : -1])
    found[:, -1] = 1
    return found


def kinds_of(counts: Matrix) -> Matrix:
    """Say of which kinds of word chunks are, with a column for those of none and one for all but the empty chunk."""
    marks = counts.shape[1] - FIRST_MARK
    kinds = np.ones((len(counts), marks + 2), np.float32)
    np.minimum(counts[:, FIRST_MARK:], 1, out=kinds[:, :marks])
    kinds[:, marks] = ~kinds[:, :marks].any(axis=1)
    kinds[counts[:, _CHUNKS] == 0] = 0
    return kinds


def _blocks(starts: list[int], chunks: int) -> Iterator[tuple[int, int, list[int]]]:
    """Part comments that lie end to end into runs of some hundred chunks: where one begins and ends, and where its comments begin."""
    ends = [*starts[1:], chunks]
    begin = first = 0
    for at, end in enumerate(ends, 1):
        if end - begin >= _AT_ONCE or at == len(ends):
            yield begin, end, starts[first:at]
            begin, first = end, at


def save_filters(folder: Path, filters: Filters) -> None:
    """Write the arrays into a version's folder."""
    for name, array in zip(FILES, filters.arrays, strict=True):
        np.save(folder / name, array, allow_pickle=False)


def load_filters(folder: Path) -> Filters | None:
    """Read the filters of a version; None if it was trained without."""
    if not (folder / FILES[0]).exists():
        return None
    embeddings, marks, patterns = arrays = [read_array(folder / name) for name in FILES]
    (rows, numbers), (_, filters) = (array.shape if array.ndim == 2 else (0, 0) for array in (embeddings, patterns))
    shapes = ((rows, numbers), (len(MARKS) + 2, numbers), (WIDEST * numbers + 1, filters))
    fitting = rows and not rows & (rows - 1) and filters and not filters % len(WIDTHS)
    for name, found, shape, kind in zip(FILES, arrays, shapes, _KINDS, strict=True):
        if found.shape != shape or found.dtype != kind or not fitting:
            raise VersionBroken(f"{folder / name} has shape {found.shape} of {found.dtype}, which is none of filters")
    return Filters(embeddings, marks, patterns)
