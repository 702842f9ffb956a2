"""Letters that changed places, a letter that is missing and blanks that are missing hide no word."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.hashing import hash_word
from classifiers.lexicon import Lexicon
from classifiers.slips import LONGEST, as_meant
from classifiers.vocabulary import SHORT_RANK, UNKNOWN, Vocabulary, frequent_words

WORDS = Lexicon({"schwurbler": (1,)}, frequent_words())


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("woemn", "women"),
        ("hmoe", "home"),
        ("stpuid", "stupid"),
        ("governemnt", "government"),
        ("immigrnts", "immigrants"),
        ("beautful", "beautiful"),
        ("disgustin", "disgusting"),
        ("прваительство", "правительство"),
        ("правителство", "правительство"),
        ("regierugn", "regierung"),
    ],
)
def test_two_letters_that_changed_places_and_one_that_is_missing_are_put_right(written, meant):
    assert as_meant(written, WORDS) == (meant,)


@pytest.mark.parametrize(
    "words",
    [
        "i hate women",
        "you are an idiot",
        "go back to your country",
        "shut the fuck up",
        "everything that",
        "white power",
    ],
)
def test_words_without_blanks_between_them_are_parted(words):
    assert " ".join(as_meant(words.replace(" ", ""), WORDS)) == words


@pytest.mark.parametrize(
    "word",
    [
        "house",  # known
        "schwurblers",  # a form of a listed word
        "celibates",  # a known word and an ending
        "hte",  # too short to say
        "abcd",  # nothing is near
        "zxcvbnmasdf",
        "tataral",  # near a rare word alone
        "wether2",  # no word
        "x" * (LONGEST + 1),
        "",
    ],
)
def test_what_is_known_or_too_far_from_any_word_stays_as_it_is(word):
    assert as_meant(word, WORDS) == (word,)


def test_the_shorter_the_word_the_more_frequent_must_be_what_it_is_read_as():
    """A word of four letters has some hundred words near it, so that only one of the most frequent is believed."""
    ranked = [*(f"filler{number}" for number in range(2_000)), "lamp", "lampshade"]
    few = Lexicon({}, map(hash_word, ["lamp", "lampshade"]))
    many = Lexicon({}, map(hash_word, ranked))
    assert as_meant("lmap", few) == ("lamp",)
    assert as_meant("lmap", many) == ("lmap",)
    assert as_meant("lampshaed", many) == ("lampshade",)


def test_nothing_is_read_into_words_where_none_is_known():
    assert as_meant("woemn", Lexicon({})) == ("woemn",)
    assert Vocabulary().near("ihatewomen", parted=True) == ([], [])


def test_the_words_near_a_word_are_all_found_and_no_other():
    words = Vocabulary(map(hash_word, ["home", "come", "house", "horse", "дом", "дым", "chat", "cat", "ohme"]))
    assert sorted(words.near("hoe", parted=False)[1]) == [(0, "home")]
    assert sorted(words.near("hose", parted=False)[1]) == [(2, "house"), (3, "horse")]
    assert sorted(words.near("hmoe", parted=False)[1]) == [(0, "home")]
    assert sorted(words.near("дм", parted=False)[1]) == [(4, "дом"), (5, "дым")]
    assert words.near("at", parted=False)[1] == [], "the first letter is there"
    assert words.near("дm", parted=False)[1] == [], "of no alphabet"


def test_the_words_within_a_word_are_found_by_their_ends():
    words = Vocabulary(map(hash_word, ["a", "car", "cart", "art", "pet", "carpet", "вода", "дом"]))
    within, _ = words.near("carpet", parted=True)
    assert [("carpet"[begin:end], rank) for end, begin, rank in within] == [
        ("a", 0),
        ("car", 1),
        ("carpet", 5),
        ("pet", 4),
    ]
    assert words.near("водадом", parted=True)[0] == [(4, 0, 6), (7, 4, 7)]
    assert words.near("carpet", parted=False)[0] == [], "nobody asked"


def test_of_words_of_one_and_two_letters_only_the_most_frequent_are_found_within_a_word():
    words = Vocabulary(map(hash_word, [*(f"filler{number}" for number in range(SHORT_RANK - 1)), "in", "to", "table"]))
    assert words.near("tableinto", parted=True)[0] == [(5, 0, SHORT_RANK + 1), (7, 5, SHORT_RANK - 1)]


@given(st.text(st.characters(categories=["L", "M", "Nd"]), max_size=60))
@settings(max_examples=300, deadline=None)
def test_a_reading_never_raises_and_keeps_the_letters(word):
    read = as_meant(word, WORDS)
    if len(read) > 1:
        assert "".join(read) == word
        assert all(WORDS.rank(one) < UNKNOWN for one in read)
    elif read != (word,):
        (one,) = read
        assert sorted(one) == sorted(word) or len(one) == len(word) + 1


def test_a_long_unknown_word_costs_no_more_than_a_millisecond():
    rng = np.random.default_rng(3)
    strange = ["".join(rng.choice([*"etaoinshrdlu"], LONGEST)) for _ in range(200)]
    began = time.process_time()
    for word in strange:
        as_meant(word, WORDS)
    assert (time.process_time() - began) / len(strange) < 0.003
