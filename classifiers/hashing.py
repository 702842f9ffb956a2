"""Hash words, pairs of words and character n-grams into numbered buckets, many words per NumPy call.

The transformer of the training pipeline and the compiled scorer both call these functions, so they agree bit for bit.
"""

import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint32]

_PRIME = np.uint32(0x01000193)
_MIX = np.uint32(0x2C1B3C6D)
_MIX_AGAIN = np.uint32(0x297A2D39)
_FIRST = np.uint32(0x9E3779B1)
_SECOND = np.uint32(0x85EBCA77)
_WORD, _PAIR, _TRIPLE = np.uint32(0x51ED270B), np.uint32(0xB5297A4D), np.uint32(0x68E31DA4)
_SEED = 0x811C9DC5


class Grams(NamedTuple):
    """Hashes of n-grams, each with the place of the word it was cut from."""

    owner: NDArray[np.int64]
    hashes: Hashes


def mix(hashes: Hashes) -> Hashes:
    """Spread the bits, so that the low ones can serve as the bucket."""
    hashes = (hashes ^ (hashes >> np.uint32(15))) * _MIX
    hashes = (hashes ^ (hashes >> np.uint32(12))) * _MIX_AGAIN
    return hashes ^ (hashes >> np.uint32(15))


def hash_word(word: str) -> int:
    """Hash one word as a whole."""
    return zlib.crc32(word.encode("utf-8", "surrogatepass"))


def word_features(words: Hashes) -> Hashes:
    """Hash the feature `this word occurs`."""
    return mix(words ^ _WORD)


def pair_features(first: Hashes, second: Hashes) -> Hashes:
    """Hash the feature `these two words follow each other`."""
    return mix((first * _FIRST) ^ (second * _SECOND) ^ _PAIR)


def triple_features(first: Hashes, second: Hashes, third: Hashes) -> Hashes:
    """Hash the feature `these three words follow each other`."""
    return mix(mix((first * _FIRST) ^ (second * _SECOND) ^ _TRIPLE) ^ (third * _PRIME))


def gram_features(words: Sequence[str], shortest: int, longest: int) -> Grams:
    """Hash the character n-grams of many words at once, their edges marked, in the order of the words.

    Placeholders such as `<link>` have none.
    """
    marked = ["" if word[0] == "<" else f"\x02{word}\x03" for word in words]
    lengths = np.fromiter(map(len, marked), np.int64, len(marked))
    codes = np.frombuffer("".join(marked).encode("utf-32-le", "surrogatepass"), np.uint32)
    owners = np.repeat(np.arange(len(marked)), lengths)
    ends = np.repeat(np.cumsum(lengths), lengths)
    found_owners, found_hashes = [], []
    running = np.full(len(codes), _SEED, np.uint32)
    for n in range(1, longest + 1):
        places = len(codes) - n + 1
        if places <= 0:
            break
        running = (running[:places] ^ codes[n - 1 :]) * _PRIME
        if n >= shortest:
            whole = np.flatnonzero(np.arange(n, n + places) <= ends[:places])
            found_owners.append(owners[whole])
            found_hashes.append(mix(running[whole] ^ np.uint32(n)))
    if not found_owners:
        return Grams(np.zeros(0, np.int64), np.zeros(0, np.uint32))
    owner = np.concatenate(found_owners)
    order = np.argsort(owner, kind="stable")
    return Grams(owner[order], np.concatenate(found_hashes)[order])
