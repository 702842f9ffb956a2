"""The stretch of a long comment that looks worst, found in what its chunks contribute: much that is harmless hides from the whole what stands among it.

A stretch is two blocks of chunks that follow each other, of 60 characters each, so whatever is no longer than a block
stands whole in one. At a glance it is weighed as a comment of its own would be, but for the filters; what looks bad then is
weighed with what the filters saw in it. By this whoever wants to know picks what to score: it comes close, but what stands
beside a stretch has its share in it.
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
HIDES_NOTHING = 0.9
"""A comment that scores as much as a whole is not looked through."""
BLOCK = 60
SUSPECT = -0.5
"""The logit from which a stretch looks bad at a glance: of the long public comments with a part that scores 0.75, 97 in 100 have one."""
BAD = 0.8
"""The logit from which it looks bad with what the filters saw: of 374 such parts that score 0.75 alone, 373 do, and of all others an
eighth."""
_CHARS = PLACE["chars"]


def is_worth_a_look(text: str, most: float) -> bool:
    """Say whether a comment may hide something, of which an attribute scores `most` as a whole."""
    if len(text) <= LONGER_THAN or most >= HIDES_NOTHING:
        return False
    return most >= SHOWS or "://" in text or "www." in text


Stretch = tuple[int, int, int]
"""A comment, by its place, and where a stretch of it begins and ends among its chunks."""


def worst_stretches(
    rows: Matrix,
    counts: Counts,
    spans: Sequence[tuple[int, int]],
    weigh: Callable[[Matrix, Matrix], Matrix],
    seen_in: Callable[[Sequence[Stretch]], Matrix],
) -> dict[int, tuple[int, int]]:
    """Name the first and the last chunk of the stretch that looks worst, for each comment in which one looks bad, by its place.

    `rows` and `counts` are those of the chunks of a batch, `spans` where the texts to look at begin and end among them.
    `weigh` gives the logits of summed rows and counts, `seen_in` what the filters add to them. Costs some microseconds a comment.
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
    begun = np.ones(len(owners), np.bool_)
    begun[1:] = (blocks[1:] != blocks[:-1]) | (owners[1:] != owners[:-1])
    begins = begun.nonzero()[0]
    of = owners[begins]
    logits = weigh(*_pairs(rows.take(chosen, axis=0), counts, begins, of))
    suspects = logits.max(axis=1) >= SUSPECT
    # the last block alone is part of the stretch before, unless it is all there is
    followed = np.zeros(len(of), np.bool_)
    followed[:-1] = of[1:] == of[:-1]
    suspects &= followed | (begins == firsts[of])
    places = suspects.nonzero()[0]
    if not len(places):
        return {}
    ends = np.append(begins[1:], len(owners))
    pasts = ends[np.minimum(places + (ends[places] < (firsts + lengths)[of[places]]), len(ends) - 1)]
    own = firsts[of[places]]
    stretches = [*zip(of[places].tolist(), (begins[places] - own).tolist(), (pasts - own).tolist(), strict=True)]
    worst = (logits[places] + seen_in(stretches)).max(axis=1)
    return {
        stretches[at][0]: (stretches[at][1], stretches[at][2] - 1)
        for at in worst.argsort(kind="stable").tolist()
        if worst[at] >= BAD
    }


def _pairs(rows: Matrix, counts: Counts, begins: NDArray[np.int64], owners: NDArray[np.int64]) -> tuple[Matrix, Matrix]:
    """Sum rows and counts over each block and the one that follows it in the same comment."""
    sums, counted = np.add.reduceat(rows, begins, axis=0), add_up(counts, begins.tolist())
    followed = (owners[1:] == owners[:-1])[:, None]
    for some in (sums, counted):
        some[:-1] += some[1:] * followed
    return sums, counted
