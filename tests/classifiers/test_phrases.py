"""Phrases are found by their hashes: few and many, none that is not there, and as they were written."""

import numpy as np
import pytest

from classifiers.hashing import hash_word
from classifiers.phrases import Phrases, phrase_keys

LISTED = {"total waste": 1, "total waste of space": 2, "go home": 3}


@pytest.fixture
def phrases() -> Phrases:
    return Phrases.of([(hashed(text).tolist(), mark) for text, mark in LISTED.items()])


def hashed(text: str) -> np.ndarray:
    return np.array([hash_word(word) if word != "|" else 0 for word in text.split()], np.uint32)


def test_a_phrase_that_ends_with_the_last_word_counts_once_though_a_longer_one_begins_so(phrases):
    assert phrases.find(hashed("you total waste of space | a total waste")) == [(1, 1), (1, 2), (7, 1)]


def test_no_phrase_goes_on_beyond_the_end_of_a_text(phrases):
    assert phrases.find(hashed("they go | home")) == []


def test_many_are_found_as_each_alone(phrases):
    text = "go home total waste of space go home | "
    alone = phrases.find(hashed(text))
    assert len(alone) == 4
    assert phrases.find(hashed(text * 40)) == [(at + 9 * turn, mark) for turn in range(40) for at, mark in alone]


def test_what_is_stored_is_read_back(phrases):
    again = Phrases(phrases.marks, phrases.begun)
    assert (
        again.marks == phrases.marks == {phrase_keys(hashed(text).tolist())[-1]: mark for text, mark in LISTED.items()}
    )
    assert again.find(hashed("go home")) == [(0, 3)]


def test_where_none_is_listed_none_is_found():
    assert Phrases({}, []).find(hashed("go home " * 40)) == []
