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
from classifiers.hashing import hash_word
from classifiers.text import unfold

SEEDS = Path(__file__).parent / "seeds"
KINDS = ("insult", "profanity", "slur", "threat")
GRADES = (1, 2, 3)
MARKS = (*(f"{kind}_{grade}" for kind in KINDS for grade in GRADES), *CUES)
"""The kinds of word that are counted, in the order of their columns."""
_PLACE = {mark: place for place, mark in enumerate(MARKS)}


class Term(msgspec.Struct, frozen=True):
    """One line of a lexicon file."""

    term: str
    kind: str
    grade: int
    forms: tuple[str, ...] = ()


class Lexicon:
    """Words with their marks, phrases left out; answers what `text.unfold` asks when it guesses at a disguise."""

    def __init__(self, marks: Mapping[str, tuple[int, ...]], known: Iterable[int] = ()) -> None:
        self.marks = dict(marks)
        self._known = set(known)
        self._by_shape: dict[tuple[int, str], list[str]] = {}
        for word, places in self.marks.items():
            if len(word) >= 3 and min(places) < len(KINDS) * len(GRADES):
                self._by_shape.setdefault((len(word), word[0]), []).append(word)

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


def build_lexicon(terms: Iterable[Term]) -> Lexicon:
    """Gather cues and terms. A word that lexicons grade differently keeps the mildest grade of each kind."""
    marks = {word: tuple(_PLACE[kind] for kind in kinds) for word, kinds in cue_words().items()}
    bare = Lexicon({})
    for term in terms:
        if term.kind not in KINDS or term.grade not in GRADES:
            continue
        place = _PLACE[f"{term.kind}_{term.grade}"]
        for form in dict.fromkeys((term.term, *term.forms)):
            words = [word for chunk in form.split() for word in unfold(chunk, bare).words]
            if len(words) != 1 or len(words[0]) < 2:
                continue
            before = marks.get(words[0], ())
            others = tuple(
                other
                for other in before
                if other // len(GRADES) != place // len(GRADES) or other >= len(KINDS) * len(GRADES)
            )
            same = [other for other in before if other not in others]
            marks[words[0]] = tuple(sorted({*others, min([place, *same])}))
    return Lexicon(marks)
