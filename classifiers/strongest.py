"""What moved a score most: picked from all that its logit is the sum of, and found again in the original text."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from classifiers.layout import text_of
from classifiers.text import locate
from classifiers.traits import NAMES, Matrix

TOP = 5
"""So many words are picked, and as many features of the whole, so that there is always something to show in the text."""
FAINT = 0.1
"""Contributions to the logit below this are not worth showing."""

WIDE = 2**19
"""So many places for chunks are looked at together when what moved scores is picked; a batch of ordinary comments needs fewer."""

Moved = tuple[int, float]
"""The place of a chunk, or of a hand-made feature, which counts from -1 downwards; and what it contributes to the logit."""


class Word(msgspec.Struct, frozen=True, array_like=True):
    """What moved a score: a span of the original text in code points, or a named feature with an empty span."""

    attribute: str
    begin: int
    end: int
    weight: float
    feature: str = ""


def in_groups(pairs: Sequence[tuple[int, int]], lengths: Sequence[int]) -> Iterator[Sequence[tuple[int, int]]]:
    """Part pairs that begin with a comment into runs of which each, laid out as wide as its longest, has no more than `WIDE`."""
    begin = longest = 0
    for at, (place, _) in enumerate(pairs):
        longest = max(longest, lengths[place])
        if at > begin and (at + 1 - begin) * longest > WIDE:
            yield pairs[begin:at]
            begin, longest = at, lengths[place]
    if pairs:
        yield pairs[begin:]


def strongest(moved: Matrix, features: Matrix) -> Iterator[list[Moved]]:
    """Pick what moved each of some logits most, the strongest first.

    Each has a row of what its chunks contribute, with zeros behind them, and one of what the hand-made features do. All are
    looked at in a handful of NumPy calls: each costs a microsecond, whatever it does.
    """
    longest = moved.shape[1]
    weights = np.concatenate([moved, features], axis=1)
    most = np.concatenate([_largest(weights[:, :longest]), longest + _largest(weights[:, longest:])], axis=1)
    most.sort(axis=1)
    found = _along(weights, most)
    order = np.abs(found).argsort(axis=1, kind="stable")[:, ::-1]
    most, found = _along(most, order), _along(found, order)
    kept = (np.abs(found) >= FAINT).sum(axis=1)
    most = np.where(most < longest, most, longest - 1 - most)
    for number, places, sizes in zip(kept.tolist(), most.tolist(), found.tolist(), strict=True):
        yield [*zip(places[:number], sizes[:number], strict=True)]


def _along(values: NDArray[Any], places: NDArray[np.int64]) -> NDArray[Any]:
    """Take from each row the values at its places; NumPy's own function for it costs ten microseconds, whatever it takes."""
    rows, columns = values.shape
    return values.ravel().take(places + np.arange(0, rows * columns, columns)[:, None])


def _largest(weights: Matrix) -> NDArray[np.int64]:
    """Give for each row the places of its `TOP` largest weights, of either sign."""
    if weights.shape[1] <= TOP:
        return np.tile(np.arange(weights.shape[1]), (len(weights), 1))
    return np.abs(weights).argpartition(-TOP, axis=1)[:, -TOP:]


def words_of(text: str, chunks: list[str], chosen: Sequence[tuple[str, int, float]]) -> tuple[Word, ...]:
    """Name what moved the scores of a comment that is laid out: attribute, place (a chunk's counts from the empty one) and weight."""
    if not chosen:
        return ()
    own = text_of(chunks)
    named = len(own) + 1
    places = sorted({at - 1 for _, at, _ in chosen if 0 < at < named})
    spans = dict(zip(places, locate(text, own, places), strict=True))
    found = []
    for attribute, at, weight in chosen:
        if at < 0:
            found.append(Word(attribute, 0, 0, weight, NAMES[-1 - at]))
        elif at - 1 in spans:
            found.append(Word(attribute, *spans[at - 1], weight))
        else:
            found.append(
                Word(attribute, 0, 0, weight, "author link" if "" in chunks[named + 1 : at] else "author name")
            )
    return tuple(found)
