"""Frequent words are known by their hashes, and found by a pattern."""

import numpy as np

from classifiers.hashing import hash_word
from classifiers.vocabulary import UNKNOWN, Vocabulary, frequent_words, merged


def of(*words: str) -> Vocabulary:
    return Vocabulary(map(hash_word, words))


def test_a_word_has_the_rank_it_was_given():
    words = of("the", "house", "дом")
    assert [words.rank(word) for word in ("the", "house", "дом", "cat")] == [0, 1, 2, UNKNOWN]
    assert words.ranks(["дом", "cat", "the"]) == [2, UNKNOWN, 0]


def test_nothing_is_known_of_an_empty_list():
    assert Vocabulary().rank("the") == UNKNOWN
    assert Vocabulary().ranks(["the"]) == [UNKNOWN]
    assert Vocabulary().fitting("t*e") == []


def test_a_pattern_finds_every_word_that_fits_and_no_other():
    words = of("house", "horse", "hours", "mouse", "house1", "дом", "дым")
    assert sorted(words.fitting("ho*se")) == [("horse", 1), ("house", 0)]
    assert sorted(words.fitting("*o*se")) == [
        ("horse", 1),
        ("house", 0),
        ("mouse", 3),
    ]
    assert sorted(words.fitting("д*м")) == [("дом", 5), ("дым", 6)]
    assert words.fitting("***se") == []
    assert words.fitting("house") == []


def test_lists_become_one_in_which_a_word_stands_where_it_stands_best():
    one, two = np.array([5, 6, 7], np.uint32), np.array([7, 8], np.uint32)
    assert merged(one, two).tolist() == [5, 7, 6, 8]


def test_the_list_of_the_package_knows_ordinary_words_of_its_languages():
    words = Vocabulary(frequent_words())
    for word in ("the", "withdrawal", "retrieval", "korting", "gratuito", "бесплатно", "безкоштовно", "ucretsiz"):
        assert words.rank(word) < UNKNOWN
    assert words.rank("the") < 10
