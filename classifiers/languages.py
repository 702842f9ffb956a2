"""Which language a comment is in: what its words and n-grams say, its letters, and, where they say too little, its site.

Evidence is in sixteenths of nats, for each language that was learned against the mean of all. A comment of a language that
was not learned speaks for one of them too, but less for each letter than nearly all of that one's own comments do.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from classifiers.alphabets import has_foreign_letters, language_of_letters, written_in
from classifiers.traits import Matrix

UNKNOWN = "und"
"""ISO 639-2 for a language that is none of those that can be told."""
SURE = 12.0 * 16
"""By so much the likeliest language must lead before it overrules the site's."""
FEWEST_LETTERS, FEWEST_WORDS = 25, 5
"""A comment with fewer says too little to be held against a floor."""
SITES_OWN = 0.6
"""So much of its floor the site's own language must reach, which is the likeliest before a word is read."""


class Evidence(NamedTuple):
    """What many comments say of their languages."""

    languages: Matrix
    """Of shape (comments, languages)."""
    letters: Matrix
    words: Matrix


class Languages:
    """The languages that a version has learned, with the evidence for each letter below which a comment is hardly in one.

    Where a version knows no floors, every comment is in a language that was learned, or its letters give it away.
    """

    def __init__(self, names: Sequence[str], floors: Mapping[str, float]) -> None:
        self.names = tuple(names)
        self._floors = np.array([floors.get(name, -np.inf) for name in names], np.float32)
        self._places = {name: place for place, name in enumerate(self.names)}

    def judge(self, evidence: Evidence, texts: Sequence[str], sites: Sequence[str]) -> list[str]:
        """Name the language of each comment; `sites` are the languages of their sites, empty where there is none.

        A short or undecided comment is in its site's language, if its letters can be; `UNKNOWN` stands for one that is in no
        language that was learned.
        """
        if len(self.names) < 2:
            found = [site or (self.names[0] if self.names else "") for site in sites]
        else:
            found = self._likeliest(evidence, sites)
        for place, text in enumerate(texts):
            if text.isascii():
                continue
            if told := self._told_by_letters(text, sites[place]):
                found[place] = told
            elif found[place] in self._places and (able := written_in(text)) and found[place] not in able:
                found[place] = self._likeliest_of(able, place, evidence) or found[place]
        return found

    def _likeliest_of(self, langs: Sequence[str], place: int, evidence: Evidence) -> str:
        """Name the one of some languages that a comment speaks for most; nothing where none of them was learned."""
        known = [lang for lang in langs if lang in self._places]
        return max(known, key=lambda lang: float(evidence.languages[place, self._places[lang]]), default="")

    def _likeliest(self, evidence: Evidence, sites: Sequence[str]) -> list[str]:
        best = evidence.languages.argmax(axis=1)
        ordered = evidence.languages.copy()
        ordered.partition(-2, axis=1)
        sure = ordered[:, -1] - ordered[:, -2] >= SURE
        telling = (evidence.letters >= FEWEST_LETTERS) & (evidence.words >= FEWEST_WORDS)
        credible = ~telling | (ordered[:, -1] >= self._floors[best] * evidence.letters)
        found = [self.names[place] for place in best.tolist()]
        for place in (~(sure & credible)).nonzero()[0].tolist():
            site, likely = sites[place], found[place] if credible[place] else UNKNOWN
            if not site or site not in self._places:
                found[place] = site or likely
            elif not telling[place] or self._may_be(self._places[site], place, evidence):
                found[place] = site
            else:
                found[place] = likely
        return found

    def _may_be(self, language: int, place: int, evidence: Evidence) -> bool:
        own = evidence.languages[place, language]
        enough = SITES_OWN * self._floors[language] * evidence.letters[place]
        return bool(own >= enough and evidence.languages[place].max() - own < SURE)

    def _told_by_letters(self, text: str, site: str) -> str:
        written = language_of_letters(text)
        if written or not self._places:
            return "" if written in self._places else written
        if not has_foreign_letters(text):
            return ""
        return site if site and site not in self._places else UNKNOWN
