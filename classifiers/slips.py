"""Read words as they were meant where letters changed places, one is missing, or no blank stands between words.

It happens to whoever types in haste, and hides a word from whoever knows only its spelling. Only words that are not known are
read so, and only as frequent ones: the shorter the word, the more frequent, since more words lie near a short one by chance.
"""

import math

from classifiers.guesses import Words

SHORTEST, LONGEST = 4, 40
_SHORTEST_JOINED = 7
_FARTHEST = {4: 6.6, 5: 8.0, 6: 9.0}
"""The logarithm of the rank that the word meant has at most, by the letters that are there; of longer ones `_FARTHEST_LONG`."""
_FARTHEST_LONG = 10.0
_FARTHEST_PIECE = {1: 5.0, 2: 5.5}
"""The same of the pieces of words without blanks between them; of longer ones `_FARTHEST_LONG`."""
_A_LETTER = 1.75
"""What pieces may cost for each letter of the whole, so that a name is not read as a row of short words."""
_MEAN_PIECE = 3
"""Shorter pieces than this on average are syllables."""


def as_meant(word: str, words: Words) -> tuple[str, ...]:
    """Give the words that an unknown word was meant as, or itself."""
    if not SHORTEST <= len(word) <= LONGEST or not word.isalpha() or words.known(word):
        return (word,)
    within, near = words.near(word, parted=len(word) >= _SHORTEST_JOINED)
    found = _parted(word, within)
    if not found and near:
        rank, nearest = min(near)
        if math.log(rank + 8.0) < _FARTHEST.get(len(word), _FARTHEST_LONG):
            found = (nearest,)
    return found if found and not words.derived(word) else (word,)


def _parted(word: str, within: list[tuple[int, int, int]]) -> tuple[str, ...]:
    """Part words written without blanks; nothing where they are none. One word and one or two letters are a form of that word."""
    if not within or within[-1][0] < len(word):
        return ()
    best: list[tuple[float, int]] = [(0.0, 0), *[(math.inf, 0)] * len(word)]
    for end, begin, rank in within:
        cost = math.log(rank + 8.0)
        if cost < _FARTHEST_PIECE.get(end - begin, _FARTHEST_LONG):
            best[end] = min(best[end], (best[begin][0] + cost, begin))
    if best[-1][0] >= _A_LETTER * len(word):
        return ()
    found: list[str] = []
    end = len(word)
    while end:
        begin = best[end][1]
        found.append(word[begin:end])
        end = begin
    ending = len(found) == 2 and len(found[0]) < 3
    return () if ending or len(word) <= _MEAN_PIECE * len(found) else tuple(reversed(found))
