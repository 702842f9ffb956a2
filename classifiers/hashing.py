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
_TWELVE, _FIFTEEN = np.uint32(12), np.uint32(15)
_FIRST = np.uint32(0x9E3779B1)
_SECOND = np.uint32(0x85EBCA77)
_WORD, _PAIR = np.uint32(0x51ED270B), np.uint32(0xB5297A4D)
_SEED = 0x811C9DC5
PAIR_SLOTS = 1 << 20


class Features(NamedTuple):
    """Hashes of the features of words, in the order of the words, each with the place of its word."""

    owner: NDArray[np.int64]
    hashes: Hashes
    spoken: NDArray[np.bool_]
    """Which of them tell languages apart: whole words and n-grams of three."""


def mix(hashes: Hashes) -> Hashes:
    """Spread the bits, so that the low ones can serve as the bucket."""
    mixed = hashes ^ (hashes >> _FIFTEEN)
    mixed *= _MIX
    mixed ^= mixed >> _TWELVE
    mixed *= _MIX_AGAIN
    mixed ^= mixed >> _FIFTEEN
    return mixed


def hash_word(word: str) -> int:
    """Hash one word as a whole."""
    return zlib.crc32(word.encode("utf-8", "surrogatepass"))


def pair_features(first: Hashes, second: Hashes) -> Hashes:
    """Hash the feature `these two words follow each other`."""
    return mix((first * _FIRST) ^ (second * _SECOND) ^ _PAIR)


def pair_slots(first: Hashes, second: Hashes) -> NDArray[np.int64]:
    """Number pairs of words below `PAIR_SLOTS`, for a first look at whether a pair can be a listed one."""
    return (((first * _FIRST) ^ (second * _SECOND)) >> np.uint32(12)).astype(np.int64)


def chopped_features(words: Sequence[str], wholes: Hashes, shortest: int, longest: int) -> Features:
    """Hash each word as a whole and all its character n-grams, edges marked, many words at once.

    Placeholders such as `<link>` have no n-grams.
    """
    marked = ["\x02" if word[0] == "<" else f"\x02{word}\x03" for word in words]
    lengths = np.fromiter(map(len, marked), np.int64, len(marked))
    codes = np.frombuffer("".join(marked).encode("utf-32-le", "surrogatepass"), np.uint32)
    ends = lengths.cumsum()
    begins = ends - lengths
    sizes = np.arange(shortest, longest + 1)
    there = np.zeros((len(codes), len(sizes) + 1), np.bool_)
    hashes = np.zeros(there.shape, np.uint32)
    there[begins, 0] = True
    hashes[begins, 0] = wholes ^ _WORD
    left = ends.repeat(lengths) - np.arange(len(codes))
    np.greater_equal(left[:, None], sizes, out=there[:, 1:])
    running = np.full(len(codes), _SEED, np.uint32)
    for n in range(1, min(longest, len(codes)) + 1):
        places = len(codes) - n + 1
        running = (running[:places] ^ codes[n - 1 :]) * _PRIME
        if n >= shortest:
            hashes[:places, n - shortest + 1] = running
    hashes[:, 1:] ^= sizes.astype(np.uint32)
    place, kinds = there.nonzero()
    owner = np.arange(len(marked)).repeat(lengths)[place]
    return Features(owner, mix(hashes[there]), (kinds == 0) | (kinds == 4 - shortest))
