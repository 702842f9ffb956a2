"""Building a lexicon from the lists in `seeds/`: terms with grades, names of groups, categories and concepts."""

from collections.abc import Iterable
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

from classifiers.categories import category_words
from classifiers.concepts import MOST_MEANINGS, concept_words
from classifiers.errors import DatasetInvalid
from classifiers.hashing import Hashes, hash_word
from classifiers.lexicon import GRADED, GRADES, GROUP_ALONE, KINDS, PLACE, Lexicon, stems
from classifiers.phrases import LONGEST_PHRASE
from classifiers.text import HanWords, cut, is_han
from classifiers.unfolding import unfold

SEEDS = Path(__file__).parent / "seeds"
GROUP_KINDS = ("religion", "origin", "gender", "ability", "age", "status")


class Term(msgspec.Struct, frozen=True):
    """One line of a lexicon file."""

    term: str
    kind: str
    grade: int
    forms: tuple[str, ...] = ()


class Group(msgspec.Struct, frozen=True):
    """One line of a file of neutral names of groups of people."""

    term: str
    kind: str
    """religion, origin, gender, ability, age, status; or politics, profession, which are no groups one is born into."""
    forms: tuple[str, ...] = ()
    ambiguous: bool = False
    """Whether it mostly speaks of something else than people: black, old."""


Line = TypeVar("Line", Term, Group)


def read_terms(folder: Path = SEEDS / "lexicons") -> list[Term]:
    """Read all lexicons of a folder, in the order of their file names."""
    return _read(folder, Term)


def read_groups(folder: Path = SEEDS / "groups") -> list[Group]:
    """Read the names of groups in all languages, in the order of their file names."""
    return _read(folder, Group)


def _read(folder: Path, kind: type[Line]) -> list[Line]:
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            try:
                found.append(msgspec.json.decode(line, type=kind))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise DatasetInvalid(f"{path}, line {number}: {error}") from None
    return found


def build_lexicon(terms: Iterable[Term], groups: Iterable[Group] = (), named: Iterable[str] = ()) -> Lexicon:
    """Gather terms, names of groups and categories. What lexicons grade differently keeps the mildest grade of each kind.

    A word that is a term, in whatever language, names no group, unless it is `named` as one; the name of a group belongs to
    no category. A single letter or syllable may be an ordinary word, but neither a term nor a name.
    """
    people = [group for group in groups if group.kind in GROUP_KINDS and not group.ambiguous]
    names = [form for group in people for form in (group.term, *group.forms)]
    terms, categories, concepts = list(terms), category_words(), concept_words()
    graded = chain.from_iterable((term.term, *term.forms) for term in terms)
    ordinary = chain(chain.from_iterable(categories.values()), (form for form, _ in concepts))
    han = _han_words([*named, *names], [*graded], ordinary)
    marks: dict[str, tuple[int, ...]] = {}
    for term in terms:
        if term.kind not in KINDS or term.grade not in GRADES:
            continue
        place = PLACE[f"{term.kind}_{term.grade}"]
        for form in dict.fromkeys((term.term, *term.forms)):
            phrase = _phrase(form, han)
            if not phrase:
                continue
            before = marks.get(phrase, ())
            same = [other for other in before if other < GRADED and other // len(GRADES) == place // len(GRADES)]
            others = [other for other in before if other not in same]
            marks[phrase] = tuple(sorted([*others, min([place, *same])]))
    marks |= {phrase: GROUP_ALONE for word in named if (phrase := _phrase(word, han)) and " " not in phrase}
    phrases = [_phrase(name, han) for name in names if name not in marks]
    marks |= {
        word: GROUP_ALONE for word in phrases if word and " " not in word and word[0] != "<" and word not in marks
    }
    for phrase in phrases:
        if " " in phrase and not any(marks.get(word) == GROUP_ALONE for word in phrase.split(" ")):
            marks.setdefault(phrase, GROUP_ALONE)
    for kind, listed in categories.items():
        for word in listed:
            phrase = _phrase(word, han, shortest=1)
            if phrase and marks.get(phrase) != GROUP_ALONE:
                marks[phrase] = tuple(sorted({*marks.get(phrase, ()), PLACE[kind]}))
    return Lexicon(marks, han=han.words, concepts=_concepts(concepts, marks, han))


def _han_words(names: Iterable[str], graded: Iterable[str], ordinary: Iterable[str]) -> HanWords:
    """Gather what is one chunk in Chinese and Japanese. A graded term that holds the name of a group is a phrase, which is found
    with any other name too, unless it is too long for one.
    """
    names = {name for name in names if len(name) > 1 and is_han(name)}
    terms = {word for word in graded if len(word) > 1 and is_han(word) and word not in names}
    longest = max(map(len, names), default=0)
    holding = {
        term
        for term in terms
        if any(term[begin : begin + size] in names for begin in range(len(term)) for size in range(2, longest + 1))
    }
    apart = HanWords(
        {*names, *(terms - holding), *(word for word in ordinary if len(word) > 1 and is_han(word))} - holding
    )
    return HanWords(
        {*apart.words, *(term for term in holding if not names.intersection(_phrase(term, apart).split(" ")))}
    )


def _concepts(concepts: Iterable[tuple[str, str]], marks: dict[str, tuple[int, ...]], han: HanWords) -> Hashes:
    """Gather the words of concepts, but for names of groups and words that mean many things."""
    meanings: dict[str, set[str]] = {}
    for form, concept in concepts:
        word = _phrase(form, han)
        if word and " " not in word and marks.get(word) != GROUP_ALONE:
            meanings.setdefault(word, set()).add(concept)
    kept: dict[str, list[str]] = {}
    for word in sorted(meanings, key=len):
        found = sorted(meanings[word])
        stem = next((kept[stem] for stem in stems(word) if stem in kept), None)
        if len(found) <= MOST_MEANINGS and found != stem:
            kept[word] = found
    pairs = [(hash_word(word), hash_word(f"={concept}")) for word, found in kept.items() for concept in found]
    return np.array(sorted(set(pairs)), np.uint32).reshape(-1, 2)


@lru_cache(maxsize=1 << 19)
def _words_of(chunk: str) -> tuple[str, ...]:
    """Read a chunk of a listed form; kept, since lexicons are built again and again of the same lists."""
    return unfold(chunk, _BARE).words


_BARE = Lexicon({})


def _phrase(text: str, han: HanWords, shortest: int = 2) -> str:
    """Bring a listed form to the words that a comment with it is cut into; nothing if it is too short or too long."""
    words = [word for chunk in cut(text, han) for word in _words_of(chunk)]
    short = len(words) == 1 and len(words[0]) < shortest
    return "" if short or not 1 <= len(words) <= LONGEST_PHRASE else " ".join(words)
