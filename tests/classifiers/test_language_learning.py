"""What speaks for a language is learned from texts, and so is how much of it a text of that language has."""

import numpy as np

from classifiers.dataset import Row, from_rows
from classifiers.featurizer import CommentFeaturizer
from classifiers.language_learning import FEWEST_TEXTS, ROWS, learn_languages

WORDS = {
    "en": ["the", "house", "of", "the", "people", "which", "they", "have", "shown", "with", "thanks"],
    "de": ["das", "haus", "der", "leute", "welches", "sie", "gezeigt", "haben", "mit", "dank"],
}


def learned(counts: dict[str, int]):
    dice = np.random.default_rng(0)
    rows = [
        Row(text=" ".join(dice.permutation(WORDS[lang])), lang=lang)
        for lang, count in counts.items()
        for _ in range(count)
    ]
    featurizer = CommentFeaturizer(bits=15, terms=()).fit([row.text for row in rows])
    return learn_languages(from_rows(rows), [row.text for row in rows], featurizer)


def test_each_feature_speaks_for_the_language_that_it_is_frequent_in_and_a_floor_lies_below_nearly_all_texts():
    languages, evidence, floors = learned({"en": 150, "de": 150})
    assert languages == ("de", "en")
    assert evidence.shape == (ROWS, 2)
    assert evidence.dtype == np.int8
    assert evidence.min() < 0 < evidence.max()
    assert set(floors) == {"de", "en"}
    assert min(floors.values()) > 0


def test_a_language_of_few_texts_is_not_told_and_without_any_there_is_none():
    assert learned({"en": FEWEST_TEXTS, "de": FEWEST_TEXTS - 1})[0] == ("en",)
    languages, evidence, floors = learned({"de": 10})
    assert languages == ()
    assert evidence.shape == (ROWS, 0)
    assert floors == {}
