"""Sentences that differ only in the group of people they speak of, civil, hostile and insulting, in many languages.

A model that scores the civil ones of one group higher than those of another has learned the name of the group. The
sentences are our own. Half of the templates may be learned from, fairness is measured on the other half alone.
"""

import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import msgspec

from classifiers.dataset import Dataset, Row, from_rows

FOLDER = Path(__file__).parent / "seeds" / "identities"
Half = Literal["train", "heldout"]
KINDS = ("civil", "hostile", "insulting")
LEARNED_FROM = 4
"""So many groups of a template are learned from: their names are read as one word, so more would say the same again."""

EVENED_ON = 13
"""One in so many civil templates evens out thresholds: some thirty in a language, half as many as the gap is measured on."""


class Sentence(msgspec.Struct, frozen=True):
    """One template with one group put in."""

    text: str
    lang: str
    identity: str
    kind: str
    """What sort of group it is: religion, origin, gender, ability, age or status."""
    tone: str
    """civil, hostile or insulting."""
    template: str


class _Templates(msgspec.Struct, frozen=True):
    civil: list[str]
    hostile: list[str]
    insulting: list[str]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    identities: list[tuple[str, str, str]]
    train: _Templates
    heldout: _Templates


def languages() -> tuple[str, ...]:
    """Name the languages there are sentences in."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def identity_terms(lang: str) -> dict[str, tuple[str, ...]]:
    """Give the names of groups in one language by kind, small letters, for slices of an evaluation."""
    terms: dict[str, list[str]] = {}
    for plural, adjective, kind in _read(lang).identities:
        terms.setdefault(kind, []).extend(term.casefold() for term in (plural, adjective) if term)
    return {kind: tuple(dict.fromkeys(found)) for kind, found in terms.items()}


@cache
def names_of_groups() -> tuple[str, ...]:
    """Give the single words by which the groups of the sentences are told apart, in all languages.

    Of two words the one that several groups of the language share (people, los) tells none apart.
    """
    found: list[str] = []
    for lang in languages():
        terms = [term.split() for pair in _read(lang).identities for term in dict.fromkeys(pair[:2]) if term]
        shared = {word for word, times in Counter(chain.from_iterable(terms)).items() if times > 1}
        found += [words[0] for words in terms if len(words) == 1]
        for words in terms:
            telling = [word for word in words if word not in shared]
            found += telling if len(words) == 2 and len(telling) == 1 else []
    return tuple(dict.fromkeys(word for word in found if len(word) > 1))


def sentences(half: Half, langs: tuple[str, ...] | None = None) -> tuple[Sentence, ...]:
    """Put every group into every template of one half."""
    found = []
    for lang in langs if langs is not None else languages():
        file = _read(lang)
        for plural, adjective, kind in file.identities:
            for tone in KINDS:
                for template in getattr(getattr(file, half), tone):
                    if "{a}" in template and not adjective:
                        continue
                    text = template.replace("{n}", plural).replace("{a}", adjective)
                    found.append(Sentence(_capital(_article(text)), lang, plural, kind, tone, template))
    return tuple(found)


def civil_in_turn(langs: tuple[str, ...] | None = None) -> tuple[Sentence, ...]:
    """Give civil sentences to even out thresholds on: one in `EVENED_ON` of the templates that may be learned from, with all groups."""
    civil = [sentence for sentence in sentences("train", langs) if sentence.tone == "civil"]
    places: dict[tuple[str, str], int] = {}
    return tuple(
        sentence
        for sentence in civil
        if places.setdefault((sentence.lang, sentence.template), len(places)) % EVENED_ON == 0
    )


def as_dataset(half: Half, langs: tuple[str, ...] | None = None) -> Dataset:
    """Give the sentences as labelled rows: hostile ones attack an identity, insulting ones a person beside it.

    Those that are learned from take a few groups a template, each template others than the one before.
    """
    found = sentences(half, langs)
    rows = []
    for sentence in _in_turn(found) if half == "train" else found:
        civil, hostile = sentence.tone == "civil", sentence.tone == "hostile"
        rows.append(
            Row(
                text=sentence.text,
                lang=sentence.lang,
                source="identities",
                split=half,
                toxicity=0.0 if civil else 1.0,
                identity_attack=1.0 if hostile else 0.0,
                insult=0.0 if civil else 1.0 if sentence.tone == "insulting" else None,
                phenomenon=f"identity_{sentence.tone}",
                pair=sentence.template,
            )
        )
    return from_rows(rows)


def _in_turn(found: tuple[Sentence, ...]) -> Iterator[Sentence]:
    groups: dict[tuple[str, str, str], list[Sentence]] = {}
    for sentence in found:
        groups.setdefault((sentence.lang, sentence.tone, sentence.template), []).append(sentence)
    for turn, alike in enumerate(groups.values()):
        apart = max(1, len(alike) // LEARNED_FROM)
        yield from (alike[(turn + step * apart) % len(alike)] for step in range(min(LEARNED_FROM, len(alike))))


@cache
def _read(lang: str) -> _File:
    data: Any = tomllib.loads((FOLDER / f"{lang}.toml").read_text("utf-8"))
    return msgspec.convert(data, _File)


def _article(text: str) -> str:
    """Write "an" before a vowel in English, where an adjective was put in after "a"."""
    words = text.split(" ")
    for at, word in enumerate(words[:-1]):
        if word in {"a", "A"} and words[at + 1][:1] in "aeioAEIO" and words[at + 1][:1]:
            words[at] = word + "n"
    return " ".join(words)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
