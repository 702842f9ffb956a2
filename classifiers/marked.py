"""Words with their marks, known by their hashes alone: eighteen bytes a word, where a dictionary of them takes a hundred and twenty.

The hashes are Python's own, which a string keeps; they differ from process to process, so they are made when a version is
opened, and kept nowhere.
"""

from collections.abc import Iterable, Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

Places = tuple[int, ...]
_BUCKETS = 1 << 17
"""About as many as there are words: to look for one is to look at one or two."""


class MarkedWords:
    """Words that can be asked for, and not listed. Two of a hundred thousand have the same hash once in a billion processes."""

    def __init__(self, hashes: NDArray[np.int64], which: NDArray[np.uint16], places: list[Places]) -> None:
        buckets = hashes & (_BUCKETS - 1)
        order = buckets.argsort(kind="stable")
        begins = np.searchsorted(buckets[order], np.arange(_BUCKETS + 1)).astype(np.uint32)
        self._hashes, self._which, self._begins = hashes[order].data, which[order].data, begins.data
        self._places = places

    @classmethod
    def of(cls, listed: Iterable[tuple[int, Sequence[str]]]) -> Self:
        """Gather words from lists, each with its mark; a word of several lists has their marks in the order of the lists."""
        hashes, marks = [np.zeros(0, np.int64)], [np.zeros(0, np.uint16)]
        for mark, words in listed:
            hashes.append(np.fromiter(map(_key, words), np.int64, len(words)))
            marks.append(np.full(len(words), mark, np.uint16))
        found, mark_of = np.concatenate(hashes), np.concatenate(marks)
        order = found.argsort(kind="stable")
        found, mark_of = found[order], mark_of[order]
        begins = np.append(True, found[1:] != found[:-1])[: len(found)].nonzero()[0]
        numbers: dict[Places, int] = {}
        ends = [*begins[1:].tolist(), len(found)][: len(begins)]
        sets = [tuple(mark_of[begin:end].tolist()) for begin, end in zip(begins.tolist(), ends, strict=True)]
        which = np.fromiter((numbers.setdefault(one, len(numbers)) for one in sets), np.uint16, len(sets))
        return cls(found[begins], which, list(numbers))

    def __len__(self) -> int:
        return len(self._hashes)

    def __contains__(self, word: str) -> bool:
        return self.get(word) is not None

    def get(self, word: str) -> Places | None:
        """Give the marks of a word; None for one that has none."""
        hashed = hash(word) ^ len(word) << 20  # as `_key` does; to call it would cost a fifth of all
        bucket = hashed & (_BUCKETS - 1)
        begin, end = self._begins[bucket], self._begins[bucket + 1]
        while begin < end:
            if self._hashes[begin] == hashed:
                return self._places[self._which[begin]]
            begin += 1
        return None

    def __reduce__(self) -> str:
        raise TypeError("what is known by hashes of this process cannot be taken to another: open the version there")


def _key(word: str) -> int:
    """Hash a word; Python hashes the bytes that letters are kept in, by which the one sign U+6B69 is the two letters `ik`."""
    return hash(word) ^ len(word) << 20
