"""Features: the same for the same text, alone or in company, and each trait is seen where it is."""

import numpy as np
import pytest

from classifiers.featurizer import CommentFeaturizer
from classifiers.filters import Filters
from classifiers.hashing import chopped_features, hash_word
from classifiers.lexicon import Lexicon
from classifiers.lexicon_building import Term, build_lexicon
from classifiers.training import sequences_of
from classifiers.traits import NAMES
from tests.classifiers.filtered import some_filters

TEXTS = [
    "Hello there, friend",
    "buy cheap pills at http://pills.example.xyz",
    "you IDIOT!!!",
    "",
    "你好吗",
    "y o u f o o l",
]


def trait(text: str, name: str) -> float:
    featurizer = CommentFeaturizer(bits=8).fit(TEXTS)
    return float(featurizer.transform([text])[0, 2**8 + NAMES.index(name)])


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("see www.example.com", "a link"),
        ("see bit.ly/abc", "shortened link"),
        ("see casino-win.xyz", "unusual domain"),
        ("mail me at ann@example.org", "e-mail address"),
        ("call +15551234567", "telephone number"),
        ("only $99", "currency"),
        ("send to 0x52908400098527886E0F7030069857D2E4169EE7", "wallet address"),
        ("10x your money", "multiples and percentages"),
        ("𝐟𝐫𝐞𝐞", "styled letters"),
        ("frеe", "mixed alphabets"),
        ("f\u200bree", "invisible characters"),
        ("STOP THAT", "words in capitals"),
        ("sooooo good", "stretched word"),
        ("😀😀", "emoji"),
        ("click here for money", "call and money"),
        ("<b>bold</b>", "markup"),
        ("@ann hello", "mentions"),
        ("#win today", "hashtags"),
        ("what?!", "question marks"),
        ("they should be shot", "they and violence"),
    ],
)
def test_a_trait_is_seen_where_it_is(text, name):
    assert trait(text, name) > 0
    assert trait("a fine day by the lake", name) == 0


def test_what_parts_spelled_out_letters_is_no_sign():
    assert trait("f.o.o.l, you are late", "signs") == pytest.approx(trait("fool, you are late", "signs"))
    assert trait("f.o.o.l, you are late", "length") == pytest.approx(trait("fool, you are late", "length"))
    assert trait("fool,,, you are late", "signs") > trait("fool, you are late", "signs")


def test_a_text_has_the_same_features_alone_and_in_company():
    featurizer = CommentFeaturizer(bits=12).fit(TEXTS)
    together = featurizer.transform(TEXTS)
    alone = [featurizer.transform([text]) for text in TEXTS]
    assert all(abs(one - row).max() < 1e-6 for one, row in zip(alone, together, strict=True))


def test_fit_transform_is_fit_and_transform():
    featurizer = CommentFeaturizer(bits=12)
    assert abs(featurizer.fit_transform(TEXTS) - featurizer.transform(TEXTS)).max() < 1e-6


def test_names_of_columns_fit_their_number():
    featurizer = CommentFeaturizer(bits=8).fit(TEXTS)
    assert len(featurizer.get_feature_names_out()) == featurizer.transform(TEXTS).shape[1]


def test_what_filters_answer_stands_behind_the_traits_and_has_names_too():
    featurizer = CommentFeaturizer(bits=8).fit(TEXTS)
    bare, filters = featurizer.transform(TEXTS), some_filters()
    featurizer.filters_ = filters.arrays
    X, names = featurizer.transform(TEXTS), featurizer.get_feature_names_out().tolist()
    assert len(names) == len(set(names)) == X.shape[1] == bare.shape[1] + len(filters.floor)
    assert names[-len(filters.floor) :] == [f"filter{place}" for place in range(len(filters.floor))]
    assert names[2**8 : -len(filters.floor)] == [*NAMES]
    assert abs(X[:, : bare.shape[1]] - bare).max() == 0
    answers = X[:, bare.shape[1] :].toarray()
    np.testing.assert_allclose(answers, sequences_of(featurizer, TEXTS).answers(Filters(*filters.arrays)), atol=1e-6)
    np.testing.assert_array_equal(answers[TEXTS.index("")], filters.floor)


def test_fitting_anew_forgets_the_filters():
    featurizer = CommentFeaturizer(bits=8).fit(TEXTS)
    featurizer.filters_ = some_filters().arrays
    assert featurizer.fit_transform(TEXTS).shape[1] == len(featurizer.get_feature_names_out()) == 2**8 + len(NAMES)


@pytest.mark.parametrize("wrong", ["one string", [1, 2], [None]])
def test_what_is_no_text_is_refused(wrong):
    with pytest.raises(ValueError, match="expected"):
        CommentFeaturizer(bits=8).fit(wrong)


def test_hashes_do_not_depend_on_company():
    words = ["alpha", "<link>", "b", "gamma"]
    wholes = np.array([hash_word(word) for word in words], np.uint32)
    together = chopped_features(words, wholes, 2, 5)
    for place, word in enumerate(words):
        alone = chopped_features([word], wholes[place : place + 1], 2, 5)
        assert together.hashes[together.owner == place].tolist() == alone.hashes.tolist()


def test_a_placeholder_has_no_n_grams():
    assert len(chopped_features(["<link>"], np.array([1], np.uint32), 2, 5).hashes) == 1


@pytest.fixture
def lexicon() -> Lexicon:
    return build_lexicon(
        [
            Term("moron", "insult", 2, ("morons",)),
            Term("son of a bitch", "insult", 3),
            Term("dumpfbacke", "insult", 2),
            Term("병신", "insult", 3),
            Term("غبي", "insult", 2),
            Term("moron", "insult", 3),
        ]
    )


def test_a_term_graded_twice_keeps_the_milder_grade(lexicon):
    assert lexicon.marks_of("moron") == lexicon.marks_of("morons") == (1,)


@pytest.mark.parametrize("word", ["dumpfbacken", "병신아", "الغبي"])
def test_an_unlisted_form_of_a_term_is_recognised(lexicon, word):
    assert lexicon.marks_of(word)


@pytest.mark.parametrize("word", ["more", "mor", "kind", "dumpf"])
def test_another_word_is_not(lexicon, word):
    assert not lexicon.marks_of(word)


def test_a_lexicon_survives_being_written_and_read(lexicon):
    again = Lexicon.decode(lexicon.encode())
    assert {word: again.marks.get(word) for word in lexicon.marks} == lexicon.marks


def test_a_phrase_is_counted():
    terms = (Term("total waste of space", "insult", 2),)
    featurizer = CommentFeaturizer(bits=8, terms=terms).fit(TEXTS)
    column = 2**8 + NAMES.index("insult")
    found = featurizer.transform(["you total waste of space", "a total waste of time"])
    assert found[0, column] > 0
    assert found[1, column] == 0


@pytest.mark.parametrize("hidden", ["totalwasteofspace", "total-waste-of-space", "t o t a l w a s t e o f s p a c e"])
def test_a_phrase_without_blanks_is_counted_once(hidden):
    terms = (Term("total waste of space", "insult", 2),)
    featurizer = CommentFeaturizer(bits=8, terms=terms).fit([*TEXTS, "total waste of space"])
    column = 2**8 + NAMES.index("insult")
    plain, found, other = featurizer.transform(["total waste of space", hidden, "total-waste-of-time"])[:, column]
    assert found.toarray() == plain.toarray() > 0
    assert other.toarray() == 0
