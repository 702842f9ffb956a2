"""What is known of chunks, kept between comments: a bounded table with a row for each.

A row holds all that is known of a chunk in one piece of memory, since what is read from several places far apart is waited
for several times. Of a full table those are kept that were asked for again, and the newest: what is frequent outlives what
is not.
"""

from itertools import repeat
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from classifiers.features import MEANT, Shape, analyse, runs
from classifiers.filters import Filters
from classifiers.hashing import Hashes
from classifiers.lexicon import GRADED, GRADES, Lexicon
from classifiers.traits import COUNTS, FIRST_MARK, PLACE, Matrix, dress
from classifiers.unfolding import core

ROWS = 24_576
"""Chunks a table holds. In comments of sixteen languages by turns a third more analyses one in twelve fewer anew, a third less one in
eight more; on English ones the table hardly fills. A thousand take a third of a megabyte."""
LONGEST_KEY = 60
"""Longer chunks are analysed each time, so that the table's keys stay small."""

SINGLE, TELLS_IN_NAME, TELLS_IN_LINK = 1, 2, 4
"""Flags: a letter that stands alone; what makes an author's name, or link, say more than who wrote."""
_MARKED = [FIRST_MARK + place for place in range(GRADED) if place % len(GRADES)]
_BOUGHT = [PLACE[name] for name in ("short_links", "odd_domains", "messengers", "money", "call")]
_PACKED = 4
"""So many counts of 16 bits are added up at once, as one number of 64."""
_FLAGS = np.zeros(len(COUNTS), np.uint8)
"""Which flags a count raises."""
_FLAGS[PLACE["single"]] = SINGLE
_FLAGS[[PLACE["links"], PLACE["mails"]]] = TELLS_IN_NAME
_FLAGS[[*_MARKED, *_BOUGHT]] = TELLS_IN_NAME | TELLS_IN_LINK


Counts = NDArray[np.uint16]


def add_up(counts: Counts, starts: list[int] | NDArray[np.int64]) -> Matrix:
    """Add up the counts of the chunks of each comment, several in one addition: no sum has more than 16 bits.

    Of a comment some 10,000 characters are read, none of them as more than a few words.
    """
    sums = np.add.reduceat(counts.view(np.uint64), starts, axis=0)
    return sums.view(np.uint16)[:, : len(COUNTS)].astype(np.float32)


class Known(NamedTuple):
    """What is known of chunks, one below the other."""

    counts: Counts
    ends: Hashes
    """The hashes of the first and the last word."""
    rows: Matrix
    """What a chunk contributes to every attribute and to the length of the comment, and what it says for each language."""
    vectors: Matrix
    """What filters look at."""


class ChunkTable:
    """Numbers chunks and keeps a row for each. Number 0 is the empty chunk, whose row is zero.

    Numbers, and `flags` (what is asked of a chunk before it is added up), are good until the next call of `number`.
    """

    def __init__(
        self,
        weights: NDArray[np.int16],
        scales: NDArray[np.float32],
        language_weights: NDArray[np.int8],
        lexicon: Lexicon,
        shape: Shape,
        filters: Filters | None = None,
    ) -> None:
        if len(language_weights) & (len(language_weights) - 1):
            raise ValueError("languages.npy must have a power of two rows")
        self._weights, self._scales, self._language_weights = weights, scales, language_weights
        self._lexicon, self._shape, self._filters = lexicon, shape, filters
        width = len(scales)
        self.evidence = slice(width, width + language_weights.shape[1])
        counts = -(-len(COUNTS) // _PACKED) * _PACKED
        numbers = filters.numbers if filters else 0
        self._fields = np.cumsum([2 * counts, 4 * 2, 4 * self.evidence.stop, 4 * numbers]).tolist()
        """Where each field of `Known` ends in a row, in bytes."""
        self._places: dict[str, int] = {}
        self._begin(ROWS)

    def number(self, chunks: list[str]) -> NDArray[np.int64]:
        """Find the rows of chunks, analysing those not seen before."""
        numbers = self._find(chunks)
        missing = (numbers < 0).nonzero()[0]
        if not len(missing):
            self._again[numbers] = True
            return numbers
        unknown = [chunks[place] for place in missing.tolist()]
        fresh = list(dict.fromkeys(unknown))
        if self._next + 2 * len(fresh) > len(self.flags):
            self._clear(2 * len(set(chunks)) + 1)
            return self.number(chunks)
        self._again[numbers] = True  # of those that are missing the last row, which is never in use
        self._learn(fresh)
        numbers[missing] = self._find(unknown)
        for chunk in fresh:
            if len(chunk) > LONGEST_KEY:
                del self._places[chunk]
                if len(word := core(chunk)) > LONGEST_KEY:
                    self._places.pop(word, None)
        return numbers

    def of(self, numbers: NDArray[np.int64]) -> Known:
        """Give what is known of chunks, to work with: it is a copy."""
        return self._read(self._memory.take(numbers, axis=0))

    def _read(self, memory: NDArray[np.uint8]) -> Known:
        counts, ends, rows, vectors = self._fields
        return Known(
            memory[:, :counts].view(np.uint16),
            memory[:, counts:ends].view(np.uint32),
            memory[:, ends:rows].view(np.float32),
            memory[:, rows:vectors].view(np.float32),
        )

    def _find(self, chunks: list[str]) -> NDArray[np.int64]:
        """Number what is known; -1 stands for what is not."""
        return np.fromiter(map(self._places.get, chunks, repeat(-1)), np.int64, len(chunks))

    def _begin(self, size: int) -> None:
        self._memory = np.zeros((size, -(-self._fields[-1] // 8) * 8), np.uint8)
        self.flags = np.zeros(size, np.uint8)
        self._again = np.zeros(size + 1, np.bool_)
        self._places = {"": 0}
        self._next = 1

    def _clear(self, needed: int) -> None:
        """Make room for so many rows; those that stay move to the front, in the order they came."""
        kept = self._staying()
        if len(kept) + needed > len(self.flags) or len(self.flags) > ROWS:
            self._begin(max(ROWS, needed))
            return
        for array in (self._memory, self.flags):
            array[: len(kept)] = array.take(kept, axis=0)
        moved = np.full(self._next, -1)
        moved[kept] = np.arange(len(kept))
        to = moved.tolist()
        self._places = {chunk: to[place] for chunk, place in self._places.items() if to[place] >= 0}
        self._again[:] = False
        self._next = len(kept)

    def _staying(self) -> NDArray[np.int64]:
        """Name the rows that outlive a full table: up to three quarters that were asked for again, and the newest quarter."""
        most, newest = ROWS * 3 // 4, ROWS // 4
        again = self._again[: self._next]
        again[0] = True
        asked = again.nonzero()[0][:most]
        return np.union1d(asked, np.arange(max(1, self._next - min(newest, most - len(asked))), self._next))

    def _copy(self, numbers: list[int]) -> int:
        """Append rows that are there already once more, with all that lies beside them; give the place of the first."""
        begin, end = self._next, self._next + len(numbers)
        chosen = np.array(numbers)
        for array in (self._memory, self.flags):
            array.take(chosen, axis=0, out=array[begin:end], mode="clip")
        self._next = end
        return begin

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
        if not dressed:
            return
        begin = self._copy([self._places[word] for _, word in dressed])
        where, columns, values = [], [], []
        for place, (chunk, word) in enumerate(dressed, begin):
            for column, value in dress(chunk, word):
                where.append(place)
                columns.append(column)
                values.append(value)
        self._read(self._memory).counts[where, np.array(columns, np.int64)] += np.array(values, np.uint16)
        self._places.update(zip((chunk for chunk, _ in dressed), range(begin, self._next), strict=True))

    def _analyse(self, chunks: list[str]) -> None:
        if not chunks:
            return
        found = analyse(chunks, self._lexicon, self._shape)
        begin = self._next
        end = begin + len(chunks)
        counts, ends, rows, vectors = self._read(self._memory[begin:end])
        rows[:] = 0
        if len(found.owner):
            starts = found.starts
            sums = np.add.reduceat(self._weights.take(found.buckets, axis=0), starts, axis=0, dtype=np.int32)
            rows[found.owner[starts], : sums.shape[1]] = sums * self._scales
            owner = found.owner[found.spoken]
            starts = runs(owner)
            places = found.buckets[found.spoken] & (len(self._language_weights) - 1)
            rows[owner[starts], self.evidence] = np.add.reduceat(
                self._language_weights.take(places, axis=0), starts, axis=0, dtype=np.int32
            )
        if len(found.meaning):
            meant = self._weights.take(found.concepts, axis=0) * (MEANT * self._scales)
            np.add.at(rows[:, : meant.shape[1]], found.meaning, meant)
        counts[:, : len(COUNTS)] = found.counts
        ends[:, 0], ends[:, 1] = found.first, found.last
        if self._filters:
            vectors[:] = self._filters.embed(found)
        self.flags[begin:end] = np.bitwise_or.reduce((found.counts > 0) * _FLAGS, axis=1)
        self._places.update(zip(chunks, range(begin, end), strict=True))
        self._next = end
