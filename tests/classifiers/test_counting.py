"""What somebody brings along to train from is counted before it counts."""

from dataclasses import replace

import numpy as np
import pytest

from classifiers.counting import brought_along, counted_once
from classifiers.dataset import Dataset, concatenate, load_seeds
from classifiers.errors import LabelsOneSided, TooFewLabels
from classifiers.recipe import Recipe
from tests.classifiers.labels import labels

SEEDS = load_seeds("train")


def spam(yes: int, no: int) -> Dataset:
    """Give so many rows of either kind that somebody brings along."""
    rows = concatenate([labels(yes, attribute="spam", share=1.0), labels(no, seed=1, attribute="spam", share=0.0)])
    return replace(rows, text=[f"{text} {place * 7919} {place * 104729}" for place, text in enumerate(rows.text)])


def test_rows_nearly_all_of_one_kind_are_refused_unless_the_recipe_allows_them():
    rows = spam(12, 300)
    with pytest.raises(LabelsOneSided, match=r"labels of spam are 12 yes to \d+ no.*max_imbalance"):
        counted_once(rows, Recipe())
    once, counted = counted_once(rows, Recipe(max_imbalance=1000.0))
    assert counted == {"spam": {"moderators": pytest.approx(once[:, 0].sum(), abs=0.1)}}


@pytest.mark.parametrize(
    ("yes", "no", "refusal"),
    [(150, 150, None), (300, 0, LabelsOneSided), (0, 300, LabelsOneSided), (60, 60, TooFewLabels)],
    ids=["of both kinds", "all yes", "all no", "too few"],
)
def test_the_corpus_of_the_package_stands_in_for_nothing_that_rows_lack(yes, no, refusal):
    rows = concatenate([spam(yes, no), SEEDS.take(np.arange(2000))])
    rows.source[yes + no :] = ["seeds/ar"] * 2000
    if refusal:
        with pytest.raises(refusal, match="of spam"):
            counted_once(rows, Recipe())
    else:
        once, counted = counted_once(rows, Recipe())
        assert (once[300:] == 1).all()
        assert counted["spam"] == {"moderators": pytest.approx(300, rel=0.1)}


def test_every_attribute_that_is_annotated_must_have_enough_labels_of_both_kinds():
    rows = concatenate([spam(150, 150), labels(40)])
    with pytest.raises(TooFewLabels, match=r"\d+ labels of toxicity, at least 200"):
        counted_once(rows, Recipe())
    assert set(counted_once(rows, Recipe(min_labels=20))[1]) == {"spam", "toxicity"}


def test_copies_of_two_texts_are_two_labels():
    rows = labels(300)
    jeers, others = rows.column("toxicity") == 1, rows.column("toxicity") == 0
    rows = rows.take(np.repeat([np.flatnonzero(jeers)[0], np.flatnonzero(others)[0]], 150))
    with pytest.raises(TooFewLabels) as refused:
        counted_once(rows, Recipe())
    assert refused.value.found == 2


def test_rows_of_which_none_counts_are_refused():
    with pytest.raises(TooFewLabels, match=r"^0 labels"):
        counted_once(labels(300, weight=0.0), Recipe())


def test_a_text_sent_a_hundred_times_counts_once():
    rows = spam(150, 150)
    rows = rows.take(np.array([0] * 100 + [*range(1, 300)]))
    once, _ = counted_once(rows, Recipe())
    assert once[:100].sum(axis=0) == pytest.approx([1.0, 1.0], abs=0.01)
    assert once[100:].mean() > 0.9


@pytest.mark.parametrize("source", ["seeds/ar", "jigsaw-toxic-2018/train"])
def test_public_sets_and_the_corpus_of_the_package_count_as_they_are(source):
    rows = replace(SEEDS.take(np.zeros(50, np.int64)), source=[source] * 50)
    assert not len(brought_along(rows))
    once, counted = counted_once(rows, Recipe())
    assert (once == 1).all()
    assert counted == {}
