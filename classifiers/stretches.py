"""The stretch of a long comment that looks worst, found in what its chunks contribute: much that is harmless hides from the whole what stands among it.

A stretch is two blocks of chunks that follow each other, of 60 characters each, so whatever is no longer than a block
stands whole in one. It is weighed as a comment of its own would be, but for the filters: a glance, by which whoever wants
to know picks what to score. To name two of a comment finds one in a hundred more.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from classifiers.table import Counts, add_up
from classifiers.traits import PLACE, Matrix

LONGER_THAN = 170
"""Shorter comments are one stretch."""
SHOWS = 0.05
"""What something in a comment must score as a whole. Where a link stands nothing must: among harmless words it weighs nothing."""
BLOCK = 60
SUSPECT = -0.5
"""The logit from which a stretch looks bad: of the long public comments with a part that scores 0.75, 97 in 100 have one."""
_CHARS = PLACE["chars"]


def is_worth_a_look(text: str, most: float) -> bool:
    """Say whether a comment may hide something, of which an attribute scores `most` as a whole."""
    return len(text) > LONGER_THAN and (most >= SHOWS or "://" in text or "www." in text)


def worst_stretches(
    rows: Matrix, counts: Counts, spans: Sequence[tuple[int, int]], weigh: Callable[[Matrix, Matrix], Matrix]
) -> dict[int, tuple[int, int]]:
    """Name the first and the last chunk of the stretch that looks worst, for each comment in which one looks bad, by its place.

    `rows` and `counts` are those of the chunks of a batch, `spans` where the texts to look at begin and end among them, and
    `weigh` gives the logits of summed rows and counts. Costs some microseconds a comment.
    """
    if not spans:
        return {}
    lengths = np.array([end - begin for begin, end in spans])
    firsts = lengths.cumsum() - lengths
    owners = np.arange(len(spans)).repeat(lengths)
    chosen = np.arange(len(owners)) - (firsts - [begin for begin, _ in spans])[owners]
    counts = counts.take(chosen, axis=0)
    reached = counts[:, _CHARS].cumsum(dtype=np.int64) - counts[:, _CHARS]
    blocks = (reached - reached[firsts][owners]) // BLOCK
    begins = (np.diff(blocks, prepend=-1) | np.diff(owners, prepend=-1)).nonzero()[0]
    of = owners[begins]
    worst = weigh(*_pairs(rows.take(chosen, axis=0), counts, begins, of)).max(axis=1)
    # the last block alone is part of the stretch before, unless it is all there is
    worst[np.append(of[1:] != of[:-1], True) & (begins > firsts[of])] = -np.inf
    suspect = (worst >= SUSPECT).nonzero()[0]
    ends = [*begins[1:].tolist(), len(owners)]
    found = {}
    for place in suspect[worst[suspect].argsort()].tolist():
        comment, begin = int(of[place]), int(begins[place])
        first, past = int(firsts[comment]), int(firsts[comment] + lengths[comment])
        end = past if ends[place] == past else ends[place + 1]
        found[comment] = (begin - first, end - first - 1)
    return found


def _pairs(rows: Matrix, counts: Counts, begins: NDArray[np.int64], owners: NDArray[np.int64]) -> tuple[Matrix, Matrix]:
    """Sum rows and counts over each block and the one that follows it in the same comment."""
    sums, counted = np.add.reduceat(rows, begins, axis=0), add_up(counts, begins.tolist())
    followed = (owners[1:] == owners[:-1])[:, None]
    for some in (sums, counted):
        some[:-1] += some[1:] * followed
    return sums, counted
