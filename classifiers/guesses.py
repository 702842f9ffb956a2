"""Guess at the words behind hidden letters: masked, digits and signs for letters, stretched, doubled, spelled out.

Every guess is checked against known words and the likeliest is taken; what is no disguise stays as it is.
"""

import math
import re
from itertools import product
from typing import Protocol

from classifiers.letters import VOWEL_SIGNS
from classifiers.vocabulary import UNKNOWN

MAX_SPELLED = 400
"""So many letters spelled out one by one are put together to words."""

_ANY_WORD = 2.0
"""What each word costs when letters are parted, beside the logarithm of its rank."""
_NEW_WORD, _ITS_LETTERS = 14.0, 2.3
"""What a word that is not known costs, and each letter of it."""
_LONGEST_PIECE = 16
_RAW_RARER = 3.0
"""By so much a guess must be likelier than the chunk as it stands; where letters are on both sides, it may be less likely."""
_LIKELY = 8.0
"""The cost up to which a guess is believed that much else may be: a mention, a name with a number."""
_VULGAR = 2.0
"""The cost that only a vulgar word stays below, but for a handful that say nothing."""
_FREQUENT = 9.5
"""The cost up to which letters are taken for doubled."""

_STRETCHED = re.compile(r"(.)\1\1")
_RUNS_OF_THREE = re.compile(r"(.)\1{2,}")
RUNS_OF_TWO = re.compile(r"(.)\1+")
_ALL_DOUBLED = re.compile(r"(?:(.)\1)+")
_SPELLED = re.compile(rf"(?:[^\W\d_](?:(?![{VOWEL_SIGNS}])[\W_])+){{2,}}[^\W\d_]")
_SHORTENED = re.compile(r"['’][^\W\d_]{1,2}$")
_MASK = re.compile(r"[*#@$%!?.\-_~^•·°×x]")
_MASKING = re.compile(r"[*#@$%!?.\-_~^•·°×]")

_READINGS = {
    "0": "o", "1": "il", "3": "e", "4": "a", "5": "s", "6": "bg", "7": "t", "8": "b", "9": "g",
    "@": "a", "$": "s", "!": "il", "|": "li", "+": "t", "€": "e", "£": "l", "(": "c",
}  # fmt: skip
"""What letters a digit or sign is written for, the usual one first."""
LEET_SIGNS = re.compile(r"[0-9@$!|+€£(]")
_QUANTITY = re.compile(
    r"\d*(?:1st|2nd|3rd)|[^\W\d_]\d|\d+(?:th|[a-z]|[kmgt]b|[kcmn]m|[kmg]hz|k?g|m[gl]|[ap]m|ft|in|hz|er|de|ks|bn|mn|tn|yo|yr|"
    r"hr|mp|cc|hp|[kmg]w|tl|zl|mi|oz|lb|lt|os|as|го|й|я|е|х|ти|ми)",
)
"""Numbers with what they count, or in their place in a row."""
_AT_ITS_END = re.compile(r"[^\W\d_]+[$€£]{2,}|[$€£]{2,}[^\W\d_]+")
"""Words between signs of money."""
_INSIDE = re.compile(r"(?<=[^\W\d_])[0134579@$!€£]+(?=[^\W\d_])")
_LONG_NUMBER = re.compile(r"\d{3}")


class Words(Protocol):
    """What is known of words, so that a guess at a disguise can be checked."""

    def known(self, word: str) -> bool:
        """Say whether the word was seen often enough to be a word."""

    def rank(self, word: str) -> int:
        """Say how many words were seen more often; a large number for one that is not known."""

    def ranks(self, words: list[str]) -> list[int]:
        """Say it of many words at once."""

    def costs(self, words: list[str]) -> list[float]:
        """Say of each word how far-fetched it is; infinite for one that is not known."""

    def cost(self, word: str) -> float:
        """Say how far-fetched it is that something hides this word; infinite for one that is not known."""

    def derived(self, word: str) -> bool:
        """Say whether the word is an unlisted form of a listed one."""

    def near(self, word: str, *, parted: bool) -> tuple[list[tuple[int, int, int]], list[tuple[int, str]]]:
        """Find the known words near a word, with their ranks, and where asked those within it, by their ends."""

    def unmask(self, pattern: str) -> str | None:
        """Find the word of the lexicons that fits a pattern, where `*` stands for one hidden letter."""

    def fitting(self, pattern: str) -> list[tuple[float, str]]:
        """Give the known words that fit a pattern, the likeliest first, with what they cost."""


def is_spelled(core: str) -> bool:
    """Say whether a chunk is letters that stand alone, with signs between them; `d.o.n't` has its end at once."""
    return bool(_SPELLED.fullmatch(_SHORTENED.sub("", core)))


def is_stretched(word: str) -> bool:
    """Say whether a letter stands three times in a row."""
    return bool(_STRETCHED.search(word))


def part(letters: str, words: Words) -> tuple[str, ...]:
    """Part letters that were spelled out one by one into words, few and frequent ones preferred."""
    letters = letters[:MAX_SPELLED]
    if words.known(letters):
        return (letters,)
    spans = [(begin, end) for end in range(1, len(letters) + 1) for begin in range(max(0, end - _LONGEST_PIECE), end)]
    ranks = words.ranks([letters[begin:end] for begin, end in spans])
    best: list[tuple[float, int]] = [(0.0, 0)] + [(math.inf, 0)] * len(letters)
    for (begin, end), rank in zip(spans, ranks, strict=True):
        length = end - begin
        if rank < UNKNOWN:
            cost = _ANY_WORD + math.log(rank + 8.0)
        elif length == 1 or length > 3:
            cost = _NEW_WORD + _ITS_LETTERS * length
        else:
            continue
        best[end] = min(best[end], (best[begin][0] + cost, begin))
    found: list[str] = []
    end = len(letters)
    while end:
        begin = best[end][1]
        found.append(letters[begin:end])
        end = begin
    return tuple(reversed(found))


def unstretch(word: str, words: Words) -> str:
    """Shorten repeated letters to the form that is a word; where every letter is doubled, to half of them."""
    if _ALL_DOUBLED.fullmatch(word):
        halved = word[::2]
        if words.known(halved) or len(word) > 4:
            return halved
    if _STRETCHED.search(word):
        forms = (_RUNS_OF_THREE.sub(r"\1\1", word), _RUNS_OF_THREE.sub(r"\1", word), RUNS_OF_TWO.sub(r"\1", word))
        known = [form for form in forms if words.known(form)]
        return min(known, key=words.rank) if known else forms[1]
    single = RUNS_OF_TWO.sub(r"\1", word)
    doubled = len(word) - len(single)
    return single if doubled >= 2 and words.cost(single) < _FREQUENT else word


def leet(word: str, words: Words) -> str | None:
    """Read digits and signs as letters where that makes a known word, or where letters stand on both sides of several."""
    lettered = any(map(str.isalpha, word))
    if not lettered and (not word.isascii() or any(map(str.isdigit, word))):
        return None
    if _QUANTITY.fullmatch(word):
        return None
    found = _likeliest_reading(word, words)
    if found is not None:
        cost, read = found
        inside = _INSIDE.search(word)
        if not lettered or len(word) < 3 or _AT_ITS_END.fullmatch(word):
            believed = -math.inf if any(map(str.isdigit, word)) else _VULGAR
        elif inside:
            believed = words.cost(word) + _RAW_RARER if word.isalnum() else math.inf
        elif word[0] in "@!" or word[-1].isdigit():
            believed = min(_LIKELY, words.cost(word) - _RAW_RARER)
        else:
            believed = words.cost(word) - _RAW_RARER
        return read if cost < believed else None
    signs = "".join(_INSIDE.findall(word)).replace("!", "")
    apart = sum(map(str.isalpha, word)) * 2 >= len(word) > 3 and not _LONG_NUMBER.search(word)
    if (
        apart
        and "|" not in word
        and ((len(_INSIDE.findall(word)) > 1 and signs) or (signs.strip("@") and not signs.isdigit()))
    ):
        read = _translated(word, "l" if "!" in word else "i")
        return read if read.isalpha() else None
    return None


def _likeliest_reading(word: str, words: Words) -> tuple[float, str] | None:
    unsure = [sign for sign in "16!|" if sign in word]
    candidates = [
        _translated(word, *letters, unsure=unsure) for letters in product(*(_READINGS[sign] for sign in unsure))
    ]
    candidates = [read for read in candidates if read.isalpha()]
    shorter = [RUNS_OF_TWO.sub(r"\1", read) for read in candidates] if len(word) > 3 and word[0] != "@" else []
    for forms in (candidates, shorter):
        known = [(cost, form) for cost, form in zip(words.costs(forms), forms, strict=True) if cost < math.inf]
        if known:
            return min(known)
    return None


def _translated(word: str, *letters: str, unsure: list[str] | None = None) -> str:
    chosen = dict(zip(["1"] if unsure is None else unsure, letters, strict=True))
    return "".join(chosen.get(sign) or _READINGS.get(sign, sign)[0] for sign in word)


def masked(lowered: str, core: str, words: Words) -> str | None:
    """Read a word with hidden letters (`f**k`, `sh#t`, `m*ney`)."""
    if "*" not in lowered and (core.isalnum() or _is_compound(core, words)):
        return None
    for form in dict.fromkeys(one.replace("'", "").replace("’", "") for one in (lowered.strip(" .,;:?\"'()"), core)):
        signs = _MASK.findall(form)
        if (
            not signs
            or len(form) < 3
            or not form[0].isalpha()
            or 2 * len(signs) > len(form) + 1
            or _SPELLED.fullmatch(form)
        ):
            continue
        pattern = _MASKING.sub("*", form)
        word = fitting(form.rstrip("!"), words) or words.unmask(pattern)
        if word:
            return word
    return None


def _is_compound(core: str, words: Words) -> bool:
    """Say whether a chunk is known words with hyphens between them, which hide nothing (`three-part`)."""
    pieces = core.split("-")
    return len(pieces) > 1 and all(len(piece) > 2 and words.known(piece) for piece in pieces)


def fitting(pattern: str, words: Words) -> str | None:
    """Give the word that a pattern with `*` for hidden letters inside most likely stands for."""
    if pattern.strip("*") != pattern or not pattern.replace("*", "").isalpha() or "*" not in pattern:
        return None
    found = words.fitting(pattern)
    return found[0][1] if found else None
