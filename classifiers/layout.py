"""How a comment lies before the scorer: the chunks of its text, its author's name and its author's link in one row."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from classifiers.table import SINGLE, TELLS_IN_LINK, TELLS_IN_NAME
from classifiers.text import HanWords, cut

LONGEST_NAME = 200
"""So much of an author's name and link is read."""
_THREE = bytes([SINGLE]) * 3
_EMPTY = np.zeros(1, np.int64)
"""The number of the empty chunk."""


class Laid(NamedTuple):
    """Comments laid end to end, as the numbers of their chunks."""

    ids: NDArray[np.int64]
    starts: list[int]
    """Where each begins, with the empty chunk."""
    pasts: list[int]
    """Where the text of each ends, and its author's name and link begin if they are read."""

    @property
    def lengths(self) -> list[int]:
        """How many chunks each has."""
        return [past - start for start, past in zip(self.starts, [*self.starts[1:], len(self.ids)], strict=True)]

    def cut_out(self, stretches: Sequence[tuple[int, int, int]]) -> "Laid":
        """Lay out some stretches of these as comments of their own: a comment by its place, and where one begins and ends in it."""
        numbers, ends = [], [0]
        for place, begin, past in stretches:
            numbers += [_EMPTY, self.ids[self.starts[place] + begin : self.starts[place] + past]]
            ends.append(ends[-1] + 1 + past - begin)
        return Laid(np.concatenate(numbers), ends[:-1], ends[1:])


def cut_beside(name: str, url: str, han: HanWords) -> list[list[str]]:
    """Cut the author's name and link, which are read like the text when they say more than who wrote."""
    if not name and not url:
        return []
    return [cut(name[:LONGEST_NAME], han), cut(url[:LONGEST_NAME], han)]


def lay_out(texts: list[list[str]], beside: list[list[list[str]]]) -> list[list[str]]:
    """Lay the chunks of each comment out: its text, name and link, each led by the empty chunk that parts them."""
    return [
        ["", *text, *chain.from_iterable(("", *part) for part in parts)]
        for text, parts in zip(texts, beside, strict=True)
    ]


def text_of(chunks: list[str]) -> list[str]:
    """Give the chunks of the text of a comment that is laid out, without those of its author's name and link."""
    text = chunks[1:]
    if "" in text:
        del text[text.index("") :]
    return text


def spelled_out(flags: NDArray[np.uint8], chunked: list[list[str]]) -> set[int]:
    """Tell the comments in which three letters that stand alone follow each other."""
    single = flags & SINGLE
    if _THREE not in single.tobytes():
        return set()
    ends = list(accumulate(map(len, chunked)))
    return {bisect_right(ends, run) for run in (single[:-2] & single[1:-1] & single[2:]).nonzero()[0].tolist()}


def pass_over(
    ids: NDArray[np.int64], flags: NDArray[np.uint8], starts: list[int], beside: list[list[list[str]]]
) -> None:
    """Take an author's name or link out of account, in place, where it says nothing but who wrote."""
    raised = flags.tolist()
    for end, parts in zip(starts[1:], beside, strict=True):
        for part, flag in zip(reversed(parts), (TELLS_IN_LINK, TELLS_IN_NAME), strict=False):
            begin = end - len(part)
            if part and not any(found & flag for found in raised[begin:end]):
                ids[begin:end] = 0
            end = begin - 1
