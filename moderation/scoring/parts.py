"""The parts of a long comment, which are looked at alone: what stands among much that is harmless weighs little in the whole."""

from bisect import bisect_right

LONGER_THAN = 170
"""Shorter comments are one part."""
SIZE, STEP = 120, 60
"""Characters of a part, and from the begin of one to that of the next: whatever is no longer than their difference stands whole in one."""
MOST = 40
"""Of a longer comment the parts that lie evenly over it."""


def parts_of(text: str) -> list[tuple[int, str]]:
    """Part a comment at blanks where it has any: where each part begins, in code points, and the part.

    Parts overlap and leave nothing out, unless there would be more than `MOST`.
    """
    if len(text) <= LONGER_THAN:
        return []
    blanks = [0, *(place + 1 for place, letter in enumerate(text) if letter.isspace()), len(text)]
    spans = ((_before(blanks, at), _after(blanks, at + SIZE)) for at in range(0, len(text) - SIZE + STEP, STEP))
    parts = [(begin, text[begin:end]) for begin, end in dict(spans).items()]
    if len(parts) <= MOST:
        return parts
    return [parts[round(place * (len(parts) - 1) / (MOST - 1))] for place in range(MOST)]


def _before(blanks: list[int], at: int) -> int:
    """Go back to the begin of a word, unless it is a very long one."""
    found = blanks[bisect_right(blanks, at) - 1]
    return found if at - found < STEP else at


def _after(blanks: list[int], at: int) -> int:
    """Go on to the end of a word, unless it is a very long one."""
    place = bisect_right(blanks, at)
    found = blanks[place] if place < len(blanks) else blanks[-1]
    return found if found - at < STEP else at
