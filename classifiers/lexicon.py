"""What is known of single words: the graded lexicons, the categories, and which words are frequent enough to be words.

A model version carries its lexicon along (`lexicon.bin`, `known.npy`), so that what it learned of a word stays true
when the lists in `seeds/` grow.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import chain

import msgspec
import numpy as np
from numpy.typing import NDArray

from classifiers.categories import CATEGORIES
from classifiers.hashing import Hashes, hash_word
from classifiers.marked import MarkedWords, Places
from classifiers.phrases import Phrases
from classifiers.text import HanWords
from classifiers.vocabulary import UNKNOWN, Vocabulary

KINDS = ("insult", "profanity", "slur", "threat")
GRADES = (1, 2, 3)
MARKS = (*(f"{kind}_{grade}" for kind in KINDS for grade in GRADES), *CATEGORIES, "group")
"""The kinds of word that are counted, in the order of their columns."""
GRADED = len(KINDS) * len(GRADES)
"""So many of them, the first, come from the graded lexicons."""
_CATEGORISED = range(GRADED, GRADED + len(CATEGORIES))
LONGEST_FORM = 40
_ARABIC_LEADS = ("وال", "بال", "فال", "كال", "لل", "ال", "يا", "و")
_KOREAN_ENDS = (
    "들에게", "들한테", "들은", "들이", "들을", "들도", "들의", "들과", "들만", "들아", "들", "에게", "한테", "이랑", "이나", "처럼", "보다",
    "은", "는", "이", "가", "을", "를", "의", "도", "만", "과", "와", "랑", "아", "야",
)  # fmt: skip
"""What stands before and behind a name without being part of it: articles and prepositions, particles."""
PLACE = {mark: place for place, mark in enumerate(MARKS)}
"""Mark -> its column."""
GROUP = "<group>"
"""What stands for the name of any group of people."""
_MASKED = frozenset(place for mark, place in PLACE.items() if mark.startswith(("profanity", "slur")))
"""What people hide letters of because it is vulgar, not because it is looked for."""
_SOLD = frozenset((PLACE["call"], PLACE["money"]))
"""What is hidden because it is looked for in advertising."""
LISTED = 30_000
"""The rank of a word that is known from a lexicon alone."""
VULGAR, SOLD = 5.0, 2.0
"""How much likelier than other words these are hidden, as a logarithm."""
GROUP_ALONE = (PLACE["group"],)
"""The marks of what names a group of people, and is nothing else."""


class _Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A lexicon as a version carries it: mark -> words, mark -> keys of phrases, and where the first two words of those may be.

    Each list is unpacked by itself, and what is made of one is kept before the next: all at once leave gaps in memory that are
    as large as all that is kept.
    """

    words: dict[str, msgspec.Raw]
    phrases: dict[str, msgspec.Raw]
    begun: msgspec.Raw
    han: msgspec.Raw = msgspec.Raw(b"[]")
    """Words of several characters in Chinese and Japanese that are one chunk."""


def _pack(listed: Sequence[str] | Sequence[int]) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(listed))


_words = msgspec.json.Decoder(list[str]).decode
_numbers = msgspec.json.Decoder(list[int]).decode


NO_CONCEPTS: Hashes = np.zeros((0, 2), np.uint32)
"""Hashes of words, in order, each beside that of its concept; here of none."""


class Lexicon:
    """Words and phrases with their marks; answers what `text.unfold` asks when it guesses at a disguise.

    Parameters are the marks of words (a phrase is words parted by blanks), the hashes of frequent words, the most
    frequent first, the phrases where they are hashed already, the words of several characters that are one chunk, the
    hashes of words in order, each beside that of its concept, and what gives the words that are masked, where the marks cannot be listed.
    """

    def __init__(
        self,
        marks: dict[str, Places] | MarkedWords,
        known: Iterable[int] = (),
        phrases: Phrases | None = None,
        han: Iterable[str] = (),
        concepts: Hashes = NO_CONCEPTS,
        vulgar: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        listed = [phrase for phrase in marks if " " in phrase] if isinstance(marks, dict) else []
        self.marks: dict[str, Places] | MarkedWords = marks
        self._vulgar = vulgar
        if isinstance(marks, dict):
            self.marks = {word: places for word, places in marks.items() if " " not in word} if listed else marks
        self._known = Vocabulary(known)
        self._meant, self._meanings = (np.ascontiguousarray(column, np.uint32) for column in np.asarray(concepts).T)
        self.han = HanWords(han)
        if phrases is None and isinstance(marks, dict):
            hashed = ([hash_word(self.general(word)) for word in phrase.split(" ")] for phrase in listed)
            phrases = Phrases.of([(words, marks[phrase][0]) for words, phrase in zip(hashed, listed, strict=True)])
        self.phrases = phrases or Phrases({}, ())
        self._fitted: tuple[str, list[tuple[float, str]]] = "", []
        """The last pattern and what fits it: of one chunk the same is asked several times."""

    @property
    def concepts(self) -> Hashes:
        """The hashes of words, in order, each beside that of its concept."""
        return np.stack([self._meant, self._meanings], axis=1)

    @cached_property
    def _by_shape(self) -> dict[tuple[int, str], dict[str, list[str]]]:
        """Vulgar words and slurs by length and first letter, then by their last; built when the first masked word is met."""
        shaped: dict[tuple[int, str], dict[str, list[str]]] = {}
        listed = self.marks.items() if isinstance(self.marks, dict) else ()
        vulgar = (word for word, places in listed if not _MASKED.isdisjoint(places))
        for word in dict.fromkeys(chain(vulgar, self._vulgar())):
            if len(word) >= 3:
                by_last = shaped.setdefault((len(word), word[0]), {})
                by_last.setdefault(word[-1], []).append(word)
                by_last.setdefault("*", []).append(word)
        return shaped

    def marks_of(self, word: str) -> tuple[int, ...]:
        """Give the marks of a word, or of the term that it is an unlisted form of."""
        found = self.marks.get(word)
        if found is not None or len(word) < 3:
            return found or ()
        if self._names_group(word):
            return GROUP_ALONE
        for stem in stems(word):
            found = self.marks.get(stem)
            if found is not None and (found[0] in _CATEGORISED or (found[0] < GRADED and found[0] % len(GRADES))):
                return found
        return ()

    def meanings(self, words: Sequence[str], hashes: Hashes) -> tuple[NDArray[np.int64], Hashes]:
        """Give the concepts of many words, or of the words that they are unlisted forms of: their places, and hashes of the concepts."""
        if not len(self._meant):
            return np.zeros(0, np.int64), np.zeros(0, np.uint32)
        rows, listed = self._look_up(hashes)
        unlisted = [(place, stem) for place in (~listed).nonzero()[0].tolist() for stem in stems(words[place])]
        of_stems, known = self._look_up(
            np.fromiter((hash_word(stem) for _, stem in unlisted), np.uint32, len(unlisted))
        )
        for at in known.nonzero()[0].tolist():
            place = unlisted[at][0]
            if not listed[place]:
                rows[place], listed[place] = of_stems[at], True
        places = listed.nonzero()[0]
        rows = rows[places]
        second = self._meant.take(rows + 1, mode="clip") == self._meant[rows]
        second &= rows + 1 < len(self._meant)
        if second.any():
            places, rows = np.append(places, places[second]), np.append(rows, rows[second] + 1)
        return places, self._meanings[rows]

    def _look_up(self, hashes: Hashes) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Give the first rows of words, and which of the words are there at all."""
        rows = self._meant.searchsorted(hashes)
        return rows, self._meant.take(rows, mode="clip") == hashes

    def general(self, word: str) -> str:
        """Give the word that features are made of: the name of a group counts the same, whichever group it is."""
        return generalised(word, self.marks_of(word))

    def _names_group(self, word: str) -> bool:
        """Say whether a word is a group's name with an Arabic article or preposition before it, or a Korean particle behind."""
        if "\u0621" <= word[0] <= "\u064a":
            names = [word[len(lead) :] for lead in _ARABIC_LEADS if word.startswith(lead)]
        elif "\uac00" <= word[0] <= "\ud7a3":
            names = [word[: -len(end)] for end in _KOREAN_ENDS if word.endswith(end) and len(word) > len(end) + 1]
        else:
            return False
        return next(filter(None, map(self.marks.get, names)), None) == GROUP_ALONE

    def known(self, word: str) -> bool:
        """Say whether the word is in a lexicon or was frequent in training."""
        return self._known.rank(word) < UNKNOWN or word in self.marks

    def rank(self, word: str) -> int:
        """Say how many words are more frequent; a longer word of a lexicon that is not among them counts as a rare one."""
        return self._listed(word, self._known.rank(word))

    def _listed(self, word: str, rank: int) -> int:
        return LISTED if rank == UNKNOWN and len(word) > 3 and word in self.marks else rank

    def cost(self, word: str) -> float:
        """Say how far-fetched it is that something hides this word: the logarithm of its rank, less for what is hidden often."""
        return self._cost(word, self.rank(word))

    def ranks(self, words: list[str]) -> list[int]:
        """Say it of many words at once."""
        return [self._listed(word, rank) for word, rank in zip(words, self._known.ranks(words), strict=True)]

    def costs(self, words: list[str]) -> list[float]:
        """Say it of many words at once."""
        return [self._cost(word, rank) for word, rank in zip(words, self.ranks(words), strict=True)]

    def _cost(self, word: str, rank: int) -> float:
        if rank == UNKNOWN:
            return math.inf
        places = self.marks.get(word) or ()
        often = VULGAR if not _MASKED.isdisjoint(places) else SOLD if not _SOLD.isdisjoint(places) else 0.0
        return math.log(rank + 8.0) - often

    def derived(self, word: str) -> bool:
        """Say whether the word is an unlisted form of a listed one."""
        if self.marks_of(word):
            return True
        found = stems(word) if len(self._meant) else []
        return bool(found) and bool(self._look_up(np.fromiter(map(hash_word, found), np.uint32, len(found)))[1].any())

    def near(self, word: str, *, parted: bool) -> tuple[list[tuple[int, int, int]], list[tuple[int, str]]]:
        """Find the known words near a word, with their ranks, and where asked those within it, by their ends."""
        return self._known.near(word, parted=parted)

    def unmask(self, pattern: str) -> str | None:
        """Find the vulgar word that a pattern with `*` for hidden letters stands for; the first in the lexicon wins.

        One hidden letter of three or fewer is no pattern: it fits too many words.
        """
        if len(pattern) < 4 and pattern.count("*") < 2:
            return None
        for word in self._by_shape.get((len(pattern), pattern[0]), {}).get(pattern[-1], ()):
            if all(sign in ("*", letter) for sign, letter in zip(pattern, word, strict=True)):
                return word
        return None

    def fitting(self, pattern: str) -> list[tuple[float, str]]:
        """Give the known words that fit a pattern with `*` for hidden letters, the likeliest first, with their costs."""
        asked, fitted = self._fitted
        if pattern == asked:
            return fitted
        found = {word: self._cost(word, rank) for word, rank in self._known.fitting(pattern)}
        vulgar = self.unmask(pattern)
        if vulgar is not None:
            found[vulgar] = min(self.cost(vulgar), math.log(LISTED + 8.0) - VULGAR)
        self._fitted = pattern, sorted((cost, word) for word, cost in found.items())
        return self._fitted[1]

    def encode(self) -> bytes:
        """Write a lexicon that was built as JSON, phrases as their hashes; one that was read cannot list its words."""
        if not isinstance(self.marks, dict):
            raise TypeError("this lexicon was read from a version, which holds it as it was written")
        words: dict[str, list[str]] = {mark: [] for mark in MARKS}
        for word, places in sorted(self.marks.items()):
            for place in places:
                words[MARKS[place]].append(word)
        phrases: dict[str, list[int]] = {}
        for key, place in sorted(self.phrases.marks.items()):
            phrases.setdefault(MARKS[place], []).append(key)
        return msgspec.json.encode(
            _Stored(
                {mark: _pack(listed) for mark, listed in words.items()},
                {mark: _pack(keys) for mark, keys in phrases.items()},
                _pack(self.phrases.begun),
                _pack(sorted(self.han.words)),
            )
        )

    @classmethod
    def decode(cls, content: bytes, known: Iterable[int] = (), concepts: Hashes = NO_CONCEPTS) -> "Lexicon":
        """Read what `encode` wrote; marks this release does not know are left out."""
        stored = msgspec.json.decode(content, type=_Stored)
        known_marks = {PLACE[mark]: words for mark, words in stored.words.items() if mark in PLACE}
        marks = MarkedWords.of((place, _words(words)) for place, words in known_marks.items())
        keys = {key: PLACE[mark] for mark, keys in stored.phrases.items() if mark in PLACE for key in _numbers(keys)}
        phrases = Phrases(keys, _numbers(stored.begun))
        del keys
        masked = [bytes(words) for place, words in known_marks.items() if place in _MASKED]
        return cls(
            marks, known, phrases, _words(stored.han), concepts, lambda: chain.from_iterable(map(_words, masked))
        )


def generalised(word: str, marks: Places) -> str:
    """Give the word that features are made of, where its marks are at hand."""
    return GROUP if marks == GROUP_ALONE else word


def stems(word: str) -> list[str]:
    """Shorten a word to what it may be a form of, the longest first; what is too long for a word, or too short, is a form of none."""
    if not 2 < len(word) <= LONGEST_FORM:
        return []
    if "\uac00" <= word[0] <= "\ud7a3":
        return [word[:size] for size in range(len(word) - 1, 1, -1)]
    if "\u0621" <= word[0] <= "\u064a":
        return [word[len(lead) :] for lead in _ARABIC_LEADS if word.startswith(lead)]
    return [word[:size] for size in range(len(word) - 1, max(5, len(word) - 4), -1)]
