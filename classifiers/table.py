"""What is known of chunks, kept between comments: a bounded table with a row for each.

A row holds what a chunk contributes to every attribute (and to the length of the comment), its counts, and what it says
for each language. A full table becomes the old one, and what is still asked for is copied from there: what is frequent
outlives what is not.
"""

import numpy as np
from numpy.typing import NDArray

from classifiers.features import Shape, analyse
from classifiers.lexicon import Lexicon
from classifiers.traits import COUNTS, Matrix, dress
from classifiers.unfolding import core

ROWS = 24_576
"""Chunks a table holds."""
LONGEST_KEY = 60
"""Longer chunks are analysed each time, so that the table's keys stay small."""


class ChunkTable:
    """Numbers chunks and keeps a row for each. Number 0 is the empty chunk, whose row is zero.

    `rows` and `keys` (hashes of first and last word) are good until the next call of `number`.
    """

    def __init__(
        self,
        weights: NDArray[np.int16],
        scales: NDArray[np.float32],
        language_weights: NDArray[np.int8],
        lexicon: Lexicon,
        shape: Shape,
    ) -> None:
        if len(language_weights) & (len(language_weights) - 1):
            raise ValueError("languages.npy must have a power of two rows")
        self._weights, self._scales, self._language_weights = weights, scales, language_weights
        self._lexicon, self._shape = lexicon, shape
        width = len(scales)
        self.counts = slice(width, width + len(COUNTS))
        self.evidence = slice(self.counts.stop, self.counts.stop + language_weights.shape[1])
        self._places: dict[str, int] = {}
        self.rows: Matrix = np.zeros((0, self.evidence.stop), np.float32)
        self.keys: NDArray[np.uint32] = np.zeros((0, 2), np.uint32)
        self._turn(ROWS)

    def number(self, chunks: list[str]) -> NDArray[np.int64]:
        """Find the rows of chunks, analysing those not seen before."""
        numbers = list(map(self._places.get, chunks))
        if None in numbers:
            fresh = list(dict.fromkeys(chunk for chunk, number in zip(chunks, numbers, strict=True) if number is None))
            if self._next + 2 * len(fresh) > len(self.rows):
                self._turn(2 * len(set(chunks)) + 1)
                fresh = list(dict.fromkeys(chunks))[1:]
            self._learn(self._recall(fresh))
            numbers = list(map(self._places.get, chunks))
            for chunk in fresh:
                if len(chunk) > LONGEST_KEY:
                    del self._places[chunk]
        return np.array(numbers, np.int64)

    def _turn(self, needed: int) -> None:
        """Begin a new table; what is still asked for is copied over from the old one, the rest falls away with it."""
        self._old, self._old_places = (self.rows, self.keys), self._places
        size = max(ROWS, needed)
        self.rows = np.zeros((size, self.evidence.stop), np.float32)
        self.keys = np.zeros((size, 2), np.uint32)
        self._places = {"": 0}
        self._next = 1

    def _recall(self, chunks: list[str]) -> list[str]:
        """Copy the rows that the old table has; give the chunks it has not."""
        found = [chunk for chunk in chunks if chunk in self._old_places]
        if not found:
            return chunks
        begin, end = self._next, self._next + len(found)
        numbers = [self._old_places[chunk] for chunk in found]
        old_rows, old_keys = self._old
        self.rows[begin:end], self.keys[begin:end] = old_rows[numbers], old_keys[numbers]
        self._places.update(zip(found, range(begin, end), strict=True))
        self._next = end
        return [chunk for chunk in chunks if chunk not in self._old_places]

    def _learn(self, chunks: list[str]) -> None:
        """Fill the rows of chunks. `Idiot!` is the row of `idiot` and its dress, so most chunks need no hashing."""
        dressed: list[tuple[str, str]] = []
        bare: dict[str, None] = {}
        for chunk in chunks:
            word = core(chunk)
            if word and word != chunk:
                dressed.append((chunk, word))
                if word not in self._places:
                    bare[word] = None
            else:
                bare[chunk] = None
        self._analyse(list(bare))
        begin = self._next
        self._next = end = begin + len(dressed)
        if not dressed:
            return
        rows = self.rows[begin:end]
        numbers = [self._places[word] for _, word in dressed]
        rows[:] = self.rows[numbers]
        first = self.counts.start
        for row, (chunk, word) in zip(rows, dressed, strict=True):
            for column, value in dress(chunk, word):
                row[first + column] += value
        self.keys[begin:end] = self.keys[numbers]
        self._places.update(zip((chunk for chunk, _ in dressed), range(begin, end), strict=True))

    def _analyse(self, chunks: list[str]) -> None:
        if not chunks:
            return
        found = analyse(chunks, self._lexicon, self._shape)
        begin = self._next
        end = begin + len(chunks)
        rows = self.rows[begin:end]
        rows[:] = 0
        if len(found.owner):
            starts = np.flatnonzero(np.diff(found.owner, prepend=-1))
            sums = np.add.reduceat(self._weights[found.buckets].astype(np.int32), starts, axis=0)
            rows[found.owner[starts], : sums.shape[1]] = sums * self._scales
            owner = found.owner[found.spoken]
            starts = np.flatnonzero(np.diff(owner, prepend=-1))
            places = found.buckets[found.spoken] & (len(self._language_weights) - 1)
            rows[owner[starts], self.evidence] = np.add.reduceat(
                self._language_weights[places].astype(np.int32), starts, axis=0
            )
        rows[:, self.counts] = found.counts
        self.keys[begin:end] = np.stack([found.first, found.last], axis=1)
        self._places.update(zip(chunks, range(begin, end), strict=True))
        self._next = end
