"""Telling which rows belong together, so that nothing of what is judged on is known from what was learned from.

Two rows belong together when they are nearly the same text, a minimal pair, or come from one author of one site; no cut
may part them. Texts are compared by MinHash over character shingles, in banded buckets, so the cost grows with the
number of rows and not with that of pairs.
"""

import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from classifiers.dataset import Dataset

SHINGLE = 5
PERMUTATIONS = 32
BAND = 4
SAME = 0.6
"""Share of equal minima from which two texts count as nearly the same."""
MAX_COMPARED = 2000
CHUNK = 4096


def near_duplicates(texts: Sequence[str]) -> NDArray[np.int64]:
    """Number the clusters of nearly equal texts: equal numbers belong together. Letters and digits alone count."""
    signatures = np.concatenate(
        [_signatures([letters_of(text) for text in texts[at : at + CHUNK]]) for at in range(0, len(texts), CHUNK)]
        or [np.zeros((0, PERMUTATIONS), np.uint32)]
    )
    links: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    for band in range(0, PERMUTATIONS, BAND):
        _, first, bucket = np.unique(signatures[:, band : band + BAND], axis=0, return_index=True, return_inverse=True)
        leader = first[bucket.reshape(-1)]
        alike = (signatures == signatures[leader]).mean(axis=1) >= SAME
        links.append((np.flatnonzero(alike), leader[alike]))
    return _components(len(texts), links)


def together(dataset: Dataset) -> NDArray[np.int64]:
    """Number the groups of rows that must not be parted: near-duplicates, minimal pairs, one author's comments."""
    links = [_chained(near_duplicates(dataset.text))]
    for owner, scope in ((dataset.author, dataset.site), (dataset.pair, dataset.source)):
        known = np.flatnonzero(np.array([bool(value) for value in owner], bool))
        if len(known):
            names = np.array([f"{scope[at]}\0{owner[at]}" for at in known])
            _, codes = np.unique(names, return_inverse=True)
            left, right = _chained(codes.reshape(-1).astype(np.int64))
            links.append((known[left], known[right]))
    return _components(len(dataset), links)


def by_time(dataset: Dataset, later_share: float = 0.25) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Part rows into earlier and later ones: two masks.

    Later rows whose text or author is known from before the cut are in neither. Rows without a time are cut by a hash
    of their group, which is the best that can be done for them.
    """
    groups = together(dataset)
    timed = ~np.isnan(dataset.at)
    earlier = np.zeros(len(dataset), bool)
    later = np.zeros(len(dataset), bool)
    if timed.any():
        order = np.argsort(np.where(timed, dataset.at, np.inf), kind="stable")[: int(timed.sum())]
        cut = len(order) - max(1, round(len(order) * later_share))
        earlier[order[:cut]] = True
        later[order[cut:]] = True
        later &= ~np.isin(groups, groups[earlier])
    held = _hash(groups) < later_share
    known = np.isin(groups, groups[timed])
    later |= ~timed & held & ~known
    earlier |= ~timed & ~held & ~np.isin(groups, groups[later])
    return earlier, later


def once_each(texts: Sequence[str], values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weigh rows so that a cluster of near-duplicates with one value counts as one row, however often it was sent."""
    return once_of(near_duplicates(texts), values)


def once_of(clusters: NDArray[np.int64], values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Do what `once_each` does for texts whose clusters are known."""
    keys = np.stack([clusters, (np.nan_to_num(values, nan=-1.0) >= 0.5).astype(np.int64)], axis=1)
    _, inverse, counts = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    weights: NDArray[np.float32] = (1.0 / counts[inverse.reshape(-1)]).astype(np.float32)
    return weights


def letters_of(text: str) -> str:
    """Give what of a text tells it from others: its letters and digits in small, or the text itself where it has none."""
    folded = unicodedata.normalize("NFKC", text[:MAX_COMPARED]).casefold()
    return "".join(filter(str.isalnum, folded))[:MAX_COMPARED] or text[:MAX_COMPARED]


def _signatures(texts: Sequence[str]) -> NDArray[np.uint32]:
    """Compute for each text the minima of its shingles' hashes under fixed permutations."""
    padded = [text.ljust(SHINGLE, "\0") for text in texts]
    codes = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    lengths = np.array([len(text) for text in padded])
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    hashes = np.zeros(len(codes) - SHINGLE + 1, np.uint64)
    for at in range(SHINGLE):
        hashes = hashes * np.uint64(0x9E3779B1) + codes[at : at + len(hashes)]
    hashes ^= hashes >> np.uint64(29)
    # A shingle that reaches over the end of its text is replaced by the text's first one.
    within = np.arange(len(hashes)) - np.repeat(starts, lengths)[: len(hashes)]
    room = np.repeat(lengths, lengths)[: len(hashes)] - SHINGLE
    hashes = np.where(within <= room, hashes, hashes[np.repeat(starts, lengths)[: len(hashes)]])
    dice = np.random.default_rng(20_240_601)
    factors = dice.integers(1, 2**62, PERMUTATIONS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    signatures = np.empty((len(texts), PERMUTATIONS), np.uint32)
    for at, factor in enumerate(factors):
        signatures[:, at] = np.minimum.reduceat((hashes * factor) >> np.uint64(32), starts)
    return signatures


def _chained(codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Link each row to the next of the same code."""
    order = np.argsort(codes, kind="stable")
    same = codes[order[1:]] == codes[order[:-1]]
    return order[1:][same], order[:-1][same]


def _components(rows: int, links: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> NDArray[np.int64]:
    """Number the connected groups, each by its smallest row, with path halving."""
    up = list(range(rows))

    def root(at: int) -> int:
        while up[at] != at:
            up[at] = up[up[at]]
            at = up[at]
        return at

    for left, right in links:
        for one, other in zip(left.tolist(), right.tolist(), strict=True):
            a, b = root(one), root(other)
            up[max(a, b)] = min(a, b)
    return np.array([root(at) for at in range(rows)], np.int64)


def _hash(groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """Spread group numbers evenly over 0..1, the same way on every machine."""
    mixed = (groups.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(32)
    mixed *= np.uint64(0xD6E8FEB86659FD93)
    return (mixed >> np.uint64(11)).astype(np.float64) / 2.0**53
