"""Listed phrases of two words and more, known by hashes alone and found in many comments at once.

A first look asks of each two words that follow each other whether a phrase may begin with them; few do. Only there is a key
made of what follows, and looked for among the sorted keys: nine bytes a phrase, where a dictionary takes ninety.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from classifiers.hashing import PAIR_SLOTS, Hashes, pair_slots

Word = TypeVar("Word", int, NDArray[np.uint64])

LONGEST_PHRASE = 4
_FOLD, _WHOLE = 0x9E3779B97F4B, (1 << 48) - 1
_SLOT_BITS = 19
_REST = 48 - _SLOT_BITS
_BUCKET_BITS = 14
_FEW = 20
"""So many are looked up sooner one by one."""
_BEYOND = np.zeros(LONGEST_PHRASE - 1, np.uint32)
_FOLLOWING = np.arange(LONGEST_PHRASE)[:, None]


class Phrases:
    """Phrases by their keys, each with its mark, and the slots of the pairs of words that they begin with."""

    def __init__(self, marks: Mapping[int, int], begun: Iterable[int]) -> None:
        keys, places = np.fromiter(marks, np.uint64, len(marks)), np.fromiter(marks.values(), np.uint8, len(marks))
        order = keys.argsort()
        self._keys, self._marks = keys[order], places[order]
        self._sorted = self._keys.data
        buckets = np.arange(1, 1 << _BUCKET_BITS, dtype=np.uint64) << np.uint64(48 - _BUCKET_BITS)
        self._begins = np.concatenate([[0], self._keys.searchsorted(buckets), [len(keys)]]).astype(np.uint32).data
        """Where the keys begin that begin with the same bits: to look for one is to look at a few."""
        self._there = np.zeros(1 << _SLOT_BITS, np.bool_)
        """Whether some key begins with these bits: most that are looked for are none, and are told at once."""
        self._there[self._keys >> _REST] = True
        self._begun = np.zeros(PAIR_SLOTS, np.bool_)
        self._begun[np.fromiter(begun, np.int64)] = True

    @classmethod
    def of(cls, listed: Sequence[tuple[Sequence[int], int]]) -> Self:
        """Gather phrases, given as the hashes of their words and a mark."""
        begun = np.array([words[:2] for words, _ in listed], np.uint32).reshape(-1, 2)
        return cls({phrase_keys(words)[-1]: mark for words, mark in listed}, pair_slots(*begun.T).tolist())

    @property
    def marks(self) -> dict[int, int]:
        """The mark of each key, as a version stores them."""
        return dict(zip(self._keys.tolist(), self._marks.tolist(), strict=True))

    @property
    def begun(self) -> list[int]:
        """The slots of pairs that a phrase begins with."""
        slots: list[int] = self._begun.nonzero()[0].tolist()
        return slots

    def find(self, words: Hashes) -> list[tuple[int, int]]:
        """Find phrases among the hashes of words laid end to end: where each begins, and its mark.

        Zero stands for no word; no phrase goes on beyond it.
        """
        hits = self._begun.take(pair_slots(words[:-1], words[1:])).nonzero()[0]
        if len(hits) < _FEW:
            return self._find_few(hits.tolist(), words.tolist())
        following = np.concatenate([words, _BEYOND]).take(hits + _FOLLOWING).astype(np.uint64)
        keys = np.concatenate(phrase_keys([*following])[1:])
        likely = self._there.take(keys >> _REST).nonzero()[0]
        keys = keys.take(likely)
        rows = self._keys.searchsorted(keys)
        found = (self._keys.take(rows, mode="clip") == keys).nonzero()[0]
        places = hits[likely[found] % len(hits)].tolist()
        return sorted(zip(places, self._marks[rows[found]].tolist(), strict=True), key=itemgetter(0))

    def _find_few(self, hits: list[int], words: list[int]) -> list[tuple[int, int]]:
        found, there = [], self._there.data
        for at in hits:
            key = words[at] + 1  # folded as `phrase_keys` does; to list all keys before looking costs twice as much
            for word in words[at + 1 : at + LONGEST_PHRASE]:
                key = (key * _FOLD + word + 1) & _WHOLE
                if there[key >> _REST] and (mark := self._mark(key)) is not None:
                    found.append((at, mark))
        return found

    def _mark(self, key: int) -> int | None:
        bucket = key >> 48 - _BUCKET_BITS
        end = self._begins[bucket + 1]
        row = bisect_left(self._sorted, key, self._begins[bucket], end)
        return int(self._marks[row]) if row < end and self._sorted[row] == key else None


def phrase_keys(words: Sequence[Word]) -> list[Word]:
    """Fold the hashes of words into a number of 48 bits: one for the first word, one for the first two, and so on.

    Given arrays, it does so for many phrases at once.
    """
    key: Any = 0
    keys = []
    for word in words:
        key = (key * _FOLD + word + 1) & _WHOLE
        keys.append(key)
    return keys
