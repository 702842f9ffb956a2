"""The stretch of a long comment that looks worst, found in what its chunks contribute: much that is harmless hides from the whole what stands among it.

A stretch is two blocks of chunks that follow each other, of 60 characters each, so whatever is no longer than a block
stands whole in one. At a glance it is weighed as a comment of its own would be, but for the filters; what looks bad then is
weighed with what the filters saw in it. By this whoever wants to know picks what to score: it comes close, but what stands
beside a stretch has its share in it.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

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
LEAST_OF_A_PART = 0.75
"""What the worst stretch must score by itself: stretches are many, so that one of them passes a low threshold sooner than a whole does."""
_CHARS = PLACE["chars"]


def is_worth_a_look(text: str, most: float) -> bool:
    """Say whether a comment may hide something, of which an attribute scores `most` as a whole."""
    if len(text) <= LONGER_THAN or most >= HIDES_NOTHING:
        return False
    return most >= SHOWS or "://" in text or "www." in text


Stretch = tuple[int, int, int]
"""A comment, by its place, and where a stretch of it begins and ends among its chunks."""


class Blocks(NamedTuple):
    """Comments laid end to end, in blocks, with the sums over each; a block begins with each comment and where its text ends."""

    begins: NDArray[np.int64]
    """Where each begins among the chunks."""
    ends: NDArray[np.int64]
    rows: Matrix
    counts: Matrix
    firsts: NDArray[np.int64]
    """The first block of each comment."""
    lasts: NDArray[np.int64]
    """The last one of the text of each."""


def in_blocks(rows: Matrix, counts: Counts, starts: list[int], pasts: list[int]) -> Blocks:
    """Sum the rows and counts of chunks over blocks of comments that begin at `starts`, and whose texts end at `pasts`."""
    at, past = np.array(starts), np.array(pasts)
    chars = counts[:, _CHARS].astype(np.int32)
    before = chars.cumsum() - chars
    lengths = np.array([end - start for start, end in zip(starts, [*starts[1:], len(rows)], strict=True)])
    before -= before.take(at).repeat(lengths)
    before //= BLOCK
    begun = np.empty(len(rows) + 1, np.bool_)
    np.not_equal(before[1:], before[:-1], out=begun[1:-1])
    begun[at] = begun[past] = True
    begins = begun[:-1].nonzero()[0]
    ends = np.empty_like(begins)
    ends[:-1], ends[-1] = begins[1:], len(rows)
    first, last = begins.searchsorted(at), begins.searchsorted(past) - 1
    return Blocks(begins, ends, np.add.reduceat(rows, begins, axis=0), add_up(counts, begins), first, last)


def worst_stretches(
    blocks: Blocks,
    places: Sequence[int],
    weigh: Callable[[Matrix, Matrix], Matrix],
    seen_in: Callable[[Sequence[Stretch]], Matrix],
) -> list[Stretch]:
    """Name the stretch that looks worst of each of some comments in which one looks bad.

    `weigh` gives the logits of summed rows and counts, `seen_in` what the filters add to them. Costs some microseconds a comment.
    """
    firsts = blocks.firsts[places]
    lengths = blocks.lasts[places] - firsts + 1
    owners = np.arange(len(places)).repeat(lengths)
    at = np.arange(len(owners)) + (firsts - lengths.cumsum() + lengths)[owners]
    follows = np.zeros(len(at), np.bool_)
    follows[:-1] = owners[1:] == owners[:-1]
    rows, counts = blocks.rows.take(at, axis=0), blocks.counts.take(at, axis=0)
    for sums in (rows, counts):
        sums[:-1] += sums[1:] * follows[:-1, None]
    logits = weigh(rows, counts)
    # the last block alone is part of the stretch before, unless it is all there is
    suspects = ((logits.max(axis=1) >= SUSPECT) & (follows | (at == firsts[owners]))).nonzero()[0]
    if not len(suspects):
        return []
    starts = blocks.begins[firsts][owners[suspects]]
    begins = np.maximum(blocks.begins[at[suspects]] - starts, 1)
    pasts = blocks.ends[at[suspects] + follows[suspects]] - starts
    some = [places[owner] for owner in owners[suspects].tolist()]
    stretches = [*zip(some, begins.tolist(), pasts.tolist(), strict=True)]
    worst = (logits[suspects] + seen_in(stretches)).max(axis=1)
    found = {stretches[one][0]: stretches[one] for one in worst.argsort(kind="stable").tolist() if worst[one] >= BAD}
    return [*found.values()]
