"""What somebody brings along to train from is counted before it counts."""

from dataclasses import replace

import numpy as np
import pytest

from classifiers.counting import brought_along, check_balance, counts_once
from classifiers.dataset import load_seeds
from classifiers.errors import LabelsOneSided


def test_rows_nearly_all_of_one_kind_are_refused_unless_the_recipe_allows_them():
    seeds = load_seeds("train").take(np.arange(0, 11_000, 12))
    rows = replace(seeds, source=["ours"] * len(seeds))
    spam = np.flatnonzero(rows.column("spam") == 1)
    ham = np.flatnonzero(rows.column("spam") == 0)
    unbalanced = rows.take(np.concatenate([spam[:12], ham]))
    shares = unbalanced.values.astype(np.float64)
    once = counts_once(unbalanced, shares)
    with pytest.raises(LabelsOneSided, match=r"rows of spam are 12 yes to \d+ no.*max_imbalance"):
        check_balance(unbalanced, shares, once, 20.0)
    assert check_balance(unbalanced, shares, once, 1000.0)["spam"]["ours"] == pytest.approx(once[:, 0].sum(), abs=0.1)


@pytest.mark.parametrize(
    ("own_spam", "own_ham", "corpus_ham", "refused"),
    [(60, 60, 6_000, False), (60, 0, 900, False), (60, 0, 6_000, True), (2, 60, 0, True)],
    ids=["balanced in itself", "lacks what the corpus has", "lacks it beside too much of it", "lacks it"],
)
def test_the_corpus_makes_up_for_what_rows_lack_and_takes_nothing_from_balanced_ones(
    own_spam, own_ham, corpus_ham, refused
):
    seeds = load_seeds("train")
    spam, ham = (np.flatnonzero(seeds.column("spam") == kind) for kind in (1, 0))
    rows = seeds.take(np.concatenate([spam[:own_spam], ham[: own_ham + corpus_ham]]))
    own = own_spam + own_ham
    rows = replace(rows, source=["ours"] * own + rows.source[own:])
    shares, once = rows.values.astype(np.float64), np.ones((len(rows), 2))
    if refused:
        with pytest.raises(LabelsOneSided):
            check_balance(rows, shares, once, 20.0)
    else:
        assert check_balance(rows, shares, once, 20.0)["spam"] == {"ours": own}


def test_a_text_sent_a_hundred_times_counts_once():
    seeds = load_seeds("train")
    rows = replace(seeds.take(np.array([0] * 100 + [*range(1, 200)])), source=["ours"] * 299)
    once = counts_once(rows, rows.values.astype(np.float64))
    assert once[:100].sum(axis=0) == pytest.approx([1.0, 1.0], abs=0.01)
    assert once[100:].mean() > 0.9


def test_public_sets_and_the_corpus_of_the_package_count_as_they_are():
    seeds = load_seeds("train").take(np.zeros(50, np.int64))
    assert (counts_once(seeds, seeds.values.astype(np.float64)) == 1).all()
    public = replace(seeds, source=["jigsaw-toxic-2018/train"] * 50)
    assert not len(brought_along(public))
    assert check_balance(public, public.values.astype(np.float64), np.ones((50, 2)), 20.0) == {}
