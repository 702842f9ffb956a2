"""Which words are frequent, and how frequent: their hashes in two arrays, four bytes each, and no words.

The hash of a word is a CRC, which is linear: to exchange one letter changes it by what depends on the letters and their
distance from the end alone. So all words that fit a pattern with hidden letters are found by one look-up of an array.
"""

import zlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifiers.arrays import read_array
from classifiers.hashing import Hashes, hash_word

SEEDS = Path(__file__).parent / "seeds"
UNKNOWN = 1 << 20
"""The rank of a word that is not known."""
MOST_HIDDEN = 2
"""Patterns with more hidden letters fit too many words."""
SHORTEST_PIECE, LONGEST_PIECE = 3, 14
"""Words of other lengths are not looked for within another, but for short ones of the first `SHORT_RANK`."""
SHORT_RANK = 236
_SLOT_SHIFT, _BUCKET_SHIFT = 9, 16
_BITS = np.array([1 << bit for bit in range(8)], np.uint8)
_FEW = 12
"""So many words are looked up sooner one by one."""
_ALPHABETS = ("abcdefghijklmnopqrstuvwxyz", "абвгдежзиклмнопрстуфхцчшщъыьэюяієґ")
_LETTERS = {alphabet: frozenset(alphabet) for alphabet in _ALPHABETS}


class Vocabulary:
    """Frequent words by their hashes, the most frequent first."""

    def __init__(self, ranked: Iterable[int] = ()) -> None:
        hashes = np.fromiter(ranked, np.uint32) if not isinstance(ranked, np.ndarray) else ranked.astype(np.uint32)
        order = hashes.argsort(kind="stable")
        self._sorted: Hashes = hashes[order]
        self._ranks: NDArray[np.int32] = order.astype(np.int32)
        self._hashes = self._sorted.data
        buckets = np.arange(1, 1 << (32 - _BUCKET_SHIFT), dtype=np.uint32) << np.uint32(_BUCKET_SHIFT)
        inner = self._sorted.searchsorted(buckets)
        self._begins = np.concatenate([[0], inner, [len(hashes)]]).astype(np.uint32).data
        """Where the hashes begin that begin with the same bits: to look for one is to look at a few."""
        there = np.zeros(1 << (32 - _SLOT_SHIFT), np.bool_)
        there[self._sorted >> _SLOT_SHIFT] = True
        self._there = np.packbits(there, bitorder="little")
        """Whether some word's hash begins with these bits: most that are looked for are none, and are told at once."""

    def __len__(self) -> int:
        return len(self._sorted)

    def rank(self, word: str) -> int:
        """Say how many words were seen more often; `UNKNOWN` for one that is not known."""
        hashed = hash_word(word)
        begin = hashed >> _BUCKET_SHIFT
        end = self._begins[begin + 1]
        place = bisect_left(self._hashes, hashed, self._begins[begin], end)
        return int(self._ranks[place]) if place < end and self._hashes[place] == hashed else UNKNOWN

    def ranks(self, words: list[str]) -> list[int]:
        """Say it of many words at once."""
        if len(words) < _FEW:
            return [*map(self.rank, words)]
        if not len(self):
            return [UNKNOWN] * len(words)
        hashes = np.fromiter(map(hash_word, words), np.uint32, len(words))
        places = np.minimum(self._sorted.searchsorted(hashes), len(self) - 1)
        ranks: list[int] = np.where(self._sorted[places] == hashes, self._ranks[places], UNKNOWN).tolist()
        return ranks

    def fitting(self, pattern: str) -> list[tuple[str, int]]:
        """Find the words that fit a pattern, where each `*` hides one letter, with their ranks."""
        hidden = [place for place, sign in enumerate(pattern) if sign == "*"]
        if not 0 < len(hidden) <= MOST_HIDDEN or not len(self):
            return []
        alphabet = next((one for one in _ALPHABETS if any(sign in one for sign in pattern)), None)
        if alphabet is None:
            return []
        first = pattern.replace("*", alphabet[0])
        hashes = np.array([hash_word(first)], np.uint32)
        for place in hidden:
            hashes = (hashes[:, None] ^ _changes(alphabet, _bytes_of(first[place + 1 :]))).ravel()
        found = []
        for at, rank in self._find(hashes):
            letters, left = list(pattern), at
            for place in reversed(hidden):
                left, letter = divmod(left, len(alphabet))
                letters[place] = alphabet[letter]
            found.append(("".join(letters), rank))
        return found

    def near(self, word: str, *, parted: bool) -> tuple[list[tuple[int, int, int]], list[tuple[int, str]]]:
        """Find what a word without signs may have been meant as, in one look: words near it, and where asked words within it.

        The latter are where they end and begin, in that order, with their ranks; the former have two neighbouring letters
        exchanged or one letter more, not the first, and stand behind their ranks. One hash in thousands is that of another word too.
        """
        alphabet = next((one for one, letters in _LETTERS.items() if letters.issuperset(word)), None)
        if alphabet is None or not len(self):
            return [], []
        size, content = _bytes_of(alphabet[0]), word.encode()
        spans = _spans(len(word)) if parted else []
        first, crc = alphabet[0].encode(), zlib.crc32
        listed = [crc(content[begin * size : end * size]) for end, begin in spans]
        for at in range(0, len(content) - size, size):
            listed.append(
                crc(
                    content[:at]
                    + content[at + size : at + 2 * size]
                    + content[at : at + size]
                    + content[at + 2 * size :]
                )
            )
        filled = [crc(content[:at] + first + content[at:]) for at in range(size, len(content) + 1, size)]
        more = np.array(filled, np.uint32)[:, None] ^ _changes_up_to(alphabet, len(word))
        within, near = self._short_within(word) if parted else [], []
        for at, rank in self._find(np.concatenate([np.array(listed, np.uint32), more.ravel()])):
            if at < len(spans):
                within.append((*spans[at], rank))
            elif at < len(listed):
                place = at - len(spans)
                near.append((rank, word[:place] + word[place + 1] + word[place] + word[place + 2 :]))
            else:
                place, letter = divmod(at - len(listed), len(alphabet))
                near.append((rank, word[: place + 1] + alphabet[letter] + word[place + 1 :]))
        within.sort()
        return within, near

    def _short_within(self, word: str) -> list[tuple[int, int, int]]:
        return [
            (begin + size, begin, self._short[piece])
            for size in range(1, SHORTEST_PIECE)
            for begin in range(len(word) - size + 1)
            if (piece := word[begin : begin + size]) in self._short
        ]

    @cached_property
    def _short(self) -> dict[str, int]:
        """The most frequent words of so few letters that everything is full of them, with their ranks."""
        pieces = [
            "".join(letters)
            for alphabet in _ALPHABETS
            for size in range(1, SHORTEST_PIECE)
            for letters in product(alphabet, repeat=size)
        ]
        return {piece: rank for piece, rank in zip(pieces, self.ranks(pieces), strict=True) if rank < SHORT_RANK}

    def _find(self, hashes: Hashes) -> Iterator[tuple[int, int]]:
        """Give the places of the hashes that are known, with their ranks."""
        slots = hashes >> _SLOT_SHIFT
        at = (self._there.take(slots >> 3) & _BITS.take(slots & 7)).nonzero()[0]
        some = hashes.take(at)
        places = self._sorted.searchsorted(some)
        found = (self._sorted.take(places, mode="clip") == some).nonzero()[0]
        return zip(at.take(found).tolist(), self._ranks.take(places.take(found)).tolist(), strict=True)


def _bytes_of(letters: str) -> int:
    return len(letters.encode("utf-8", "surrogatepass"))


def frequent_words() -> Hashes:
    """Give the list that ships with the package: the most frequent words of thirteen languages (seeds/README.md)."""
    words: Hashes = read_array(SEEDS / "words.npy")
    return words


def merged(*lists: Hashes) -> Hashes:
    """Make one list of several, the most frequent first in all: a word stands where it stands best."""
    hashes = np.concatenate(lists)
    ranks = np.concatenate([np.arange(len(one)) for one in lists])
    ordered = hashes[ranks.argsort(kind="stable")]
    _, first = np.unique(ordered, return_index=True)
    kept: Hashes = ordered[np.sort(first)]
    return kept


@lru_cache(maxsize=128)
def _changes(alphabet: str, distance: int) -> Hashes:
    """Tell how a hash changes when the first letter of an alphabet is exchanged for each, so many bytes from the end."""
    tail = bytes(distance)
    hashes = [zlib.crc32(letter.encode() + tail) for letter in alphabet]
    return np.array([hashed ^ hashes[0] for hashed in hashes], np.uint32)


@lru_cache(maxsize=128)
def _changes_up_to(alphabet: str, letters: int) -> Hashes:
    """Tell it for each distance of fewer letters of that alphabet, a row each, the farthest first."""
    each = _bytes_of(alphabet[0])
    return np.stack([_changes(alphabet, distance * each) for distance in reversed(range(letters))])


@lru_cache(maxsize=64)
def _spans(letters: int) -> list[tuple[int, int]]:
    """List where pieces of a word of so many letters may end and begin."""
    return [
        (end, begin)
        for end in range(SHORTEST_PIECE, letters + 1)
        for begin in range(max(0, end - LONGEST_PIECE), end - SHORTEST_PIECE + 1)
    ]
