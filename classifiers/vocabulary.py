"""Which words are frequent, and how frequent: their hashes in two arrays, four bytes each, and no words.

The hash of a word is a CRC, which is linear: to exchange one letter changes it by what depends on the letters and their
distance from the end alone. So all words that fit a pattern with hidden letters are found by one look-up of an array.
"""

import zlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import lru_cache
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
LONGEST_PIECE = 14
"""Longer words are not looked for within another."""
_SHIFT = np.uint32(12)
_FEW = 12
"""So many words are looked up sooner one by one."""
_ALPHABETS = ("abcdefghijklmnopqrstuvwxyz", "абвгдежзиклмнопрстуфхцчшщъыьэюяієґ")


class Vocabulary:
    """Frequent words by their hashes, the most frequent first."""

    def __init__(self, ranked: Iterable[int] = ()) -> None:
        hashes = np.fromiter(ranked, np.uint32) if not isinstance(ranked, np.ndarray) else ranked.astype(np.uint32)
        order = hashes.argsort(kind="stable")
        self._sorted: Hashes = hashes[order]
        self._ranks: NDArray[np.int32] = order.astype(np.int32)
        self._hashes = self._sorted.data
        self._there = np.zeros(1 << (32 - int(_SHIFT)), np.bool_)
        """Whether some word's hash begins with these bits: most that are looked for are none, and are told at once."""
        self._there[self._sorted >> _SHIFT] = True

    def __len__(self) -> int:
        return len(self._sorted)

    def rank(self, word: str) -> int:
        """Say how many words were seen more often; `UNKNOWN` for one that is not known."""
        hashed = hash_word(word)
        place = bisect_left(self._hashes, hashed)
        if place < len(self._hashes) and self._hashes[place] == hashed:
            return int(self._ranks[place])
        return UNKNOWN

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

    def near(self, word: str) -> tuple[list[tuple[int, int, int]], list[tuple[int, str]]]:
        """Find what a word without signs may have been meant as, in one look: known words within it, and known words near it.

        The former are where they begin and end, by their ends, with their ranks; the latter have two neighbouring letters
        exchanged or one letter more, not the first, and stand behind their ranks. One hash in thousands is that of another word too.
        """
        alphabet = next((one for one in _ALPHABETS if all(sign in one for sign in word)), None)
        if alphabet is None or not len(self):
            return [], []
        size, content = _bytes_of(alphabet[0]), word.encode()
        spans = _spans(len(word))
        exchanged = [word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1)]
        first = alphabet[0].encode()
        filled = [zlib.crc32(content[:at] + first + content[at:]) for at in range(size, len(content) + 1, size)]
        listed = [zlib.crc32(content[begin * size : end * size]) for begin, end in spans] + [*map(hash_word, exchanged)]
        more = np.array(filled, np.uint32)[:, None] ^ _changes_up_to(alphabet, len(word))[::-1]
        within, near = [], []
        for at, rank in self._find(np.concatenate([np.array(listed, np.uint32), more.ravel()])):
            if at < len(spans):
                within.append((*spans[at], rank))
            elif at < len(listed):
                near.append((rank, exchanged[at - len(spans)]))
            else:
                place, letter = divmod(at - len(listed), len(alphabet))
                near.append((rank, word[: place + 1] + alphabet[letter] + word[place + 1 :]))
        return within, near

    def _find(self, hashes: Hashes) -> Iterator[tuple[int, int]]:
        """Give the places of the hashes that are known, with their ranks."""
        at = self._there.take(hashes >> _SHIFT).nonzero()[0]
        some = hashes[at]
        places = np.minimum(self._sorted.searchsorted(some), len(self) - 1)
        found = (self._sorted[places] == some).nonzero()[0]
        return zip(at[found].tolist(), self._ranks[places[found]].tolist(), strict=True)


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
    """Tell it for each distance of fewer letters of that alphabet, a row each."""
    each = _bytes_of(alphabet[0])
    return np.stack([_changes(alphabet, distance * each) for distance in range(letters)])


@lru_cache(maxsize=64)
def _spans(letters: int) -> list[tuple[int, int]]:
    """List where pieces of a word of so many letters may begin and end, by their ends."""
    return [(begin, end) for end in range(1, letters + 1) for begin in range(max(0, end - LONGEST_PIECE), end)]
