"""What is known of single words: the graded lexicons, the cues, and which words are frequent enough to be words.

A model version carries its lexicon along (`lexicon.json`, `known.npy`), so that what it learned of a word stays true
when the lists in `seeds/` grow.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from classifiers.cues import CUES, cue_words
from classifiers.errors import DatasetInvalid
from classifiers.hashing import Hashes, hash_word, pair_slots
from classifiers.text import cut
from classifiers.unfolding import unfold

SEEDS = Path(__file__).parent / "seeds"
KINDS = ("insult", "profanity", "slur", "threat")
GRADES = (1, 2, 3)
MARKS = (*(f"{kind}_{grade}" for kind in KINDS for grade in GRADES), *CUES)
"""The kinds of word that are counted, in the order of their columns."""
GRADED = len(KINDS) * len(GRADES)
"""So many of them, the first, come from the graded lexicons."""
LONGEST_PHRASE = 4
_ARABIC_LEADS = ("وال", "بال", "فال", "كال", "لل", "ال", "يا", "و")
_PLACE = {mark: place for place, mark in enumerate(MARKS)}


class Term(msgspec.Struct, frozen=True):
    """One line of a lexicon file."""

    term: str
    kind: str
    grade: int
    forms: tuple[str, ...] = ()


class Lexicon:
    """Words and phrases with their marks; answers what `text.unfold` asks when it guesses at a disguise."""

    def __init__(self, marks: Mapping[str, tuple[int, ...]], known: Iterable[int] = ()) -> None:
        self.marks = dict(marks)
        self._known = set(known)
        self._by_shape: dict[tuple[int, str], list[str]] = {}
        self.phrases: dict[tuple[int, ...], int] = {}
        """The hashes of a phrase's words -> its mark."""
        for word, places in self.marks.items():
            if " " in word:
                self.phrases[tuple(map(hash_word, word.split(" ")))] = places[0]
            elif len(word) >= 3 and places[0] < GRADED:
                self._by_shape.setdefault((len(word), word[0]), []).append(word)
        begun = np.array([phrase[:2] for phrase in self.phrases] or np.zeros((0, 2)), np.uint32)
        self._begun = np.zeros(1 << 16, np.bool_)
        self._begun[pair_slots(begun[:, 0], begun[:, 1])] = True

    def may_begin(self, words: Hashes) -> NDArray[np.int64]:
        """Tell by one look where the first two words of some phrase may stand; at one place of twenty they do not."""
        return np.flatnonzero(self._begun.take(pair_slots(words[:-1], words[1:])))

    def marks_of(self, word: str) -> tuple[int, ...]:
        """Give the marks of a word, or of the term that it is an unlisted form of."""
        found = self.marks.get(word)
        if found is not None or len(word) < 3:
            return found or ()
        if "\uac00" <= word[0] <= "\ud7a3":
            stems = [word[:size] for size in range(len(word) - 1, 1, -1)]
        elif "\u0621" <= word[0] <= "\u064a":
            stems = [word[len(lead) :] for lead in _ARABIC_LEADS if word.startswith(lead)]
        else:
            stems = [word[:size] for size in range(len(word) - 1, max(4, len(word) - 5), -1)]
        for stem in stems:
            found = self.marks.get(stem)
            if found is not None and found[0] < GRADED and found[0] % len(GRADES):
                return found
        return ()

    @property
    def hashes(self) -> NDArray[np.uint32]:
        """The hashes of frequent words, sorted."""
        return np.array(sorted(self._known), np.uint32)

    def known(self, word: str) -> bool:
        """Say whether the word is in a lexicon or was frequent in training."""
        return word in self.marks or hash_word(word) in self._known

    def unmask(self, pattern: str) -> str | None:
        """Find the word that a pattern with `*` for hidden letters stands for; the first in the lexicon wins."""
        for word in self._by_shape.get((len(pattern), pattern[0]), ()):
            if all(sign in ("*", letter) for sign, letter in zip(pattern, word, strict=True)):
                return word
        return None

    def encode(self) -> bytes:
        """Write the marked words as JSON: mark -> words."""
        listed: dict[str, list[str]] = {mark: [] for mark in MARKS}
        for word, places in sorted(self.marks.items()):
            for place in places:
                listed[MARKS[place]].append(word)
        return msgspec.json.encode(listed)

    @classmethod
    def decode(cls, content: bytes, known: Iterable[int] = ()) -> "Lexicon":
        """Read what `encode` wrote; kinds this release does not know are left out."""
        marks: dict[str, tuple[int, ...]] = {}
        for mark, words in msgspec.json.decode(content, type=dict[str, list[str]]).items():
            if mark in _PLACE:
                for word in words:
                    marks[word] = (*marks.get(word, ()), _PLACE[mark])
        return cls(marks, known)


def read_terms(folder: Path = SEEDS / "lexicons") -> list[Term]:
    """Read all lexicons of a folder, in the order of their file names."""
    terms = []
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            try:
                terms.append(msgspec.json.decode(line, type=Term))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise DatasetInvalid(f"{path}, line {number}: {error}") from None
    return terms


def build_lexicon(terms: Iterable[Term], groups: Iterable[str] = ()) -> Lexicon:
    """Gather cues, names of groups and terms. What lexicons grade differently keeps the mildest grade of each kind."""
    marks = {word: tuple(_PLACE[kind] for kind in kinds) for word, kinds in cue_words().items()}
    bare = Lexicon({})
    for group in groups:
        phrase = _phrase(group, bare)
        if phrase and phrase not in marks:
            marks[phrase] = (_PLACE["group"],)
    for term in terms:
        if term.kind not in KINDS or term.grade not in GRADES:
            continue
        place = _PLACE[f"{term.kind}_{term.grade}"]
        for form in dict.fromkeys((term.term, *term.forms)):
            phrase = _phrase(form, bare)
            if not phrase:
                continue
            before = marks.get(phrase, ())
            same = [other for other in before if other < GRADED and other // len(GRADES) == place // len(GRADES)]
            others = [other for other in before if other not in same]
            marks[phrase] = tuple(sorted([*others, min([place, *same])]))
    return Lexicon(marks)


def _phrase(text: str, bare: Lexicon) -> str:
    """Bring a listed form to the words that a comment with it is cut into; nothing if it is too short or too long."""
    words = [word for chunk in cut(text) for word in unfold(chunk, bare).words]
    short = len(words) == 1 and len(words[0]) < 2
    return "" if short or not 1 <= len(words) <= LONGEST_PHRASE else " ".join(words)
