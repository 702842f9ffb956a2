"""Learning filters: the same seed gives the same ones, what counts is learned and nothing else, and order tells."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from classifiers import filter_learning
from classifiers.features import Shape, analyse, gather
from classifiers.filter_learning import LONGEST, Network, Sequences, _features, _Net
from classifiers.lexicon import Lexicon
from classifiers.traits import Matrix

ROWS = 256
WORDS = ("ferry", "mayor", "bridge", "cousin", "recipe", "choir", "museum", "harbour", "lantern", "parcel", "orchard")
LEXICON = Lexicon({"idiot": (0,), "shoot": (4, 9)})


def texts_of(count: int, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Make texts of which half say `you fool` and half `fool you`, somewhere among ordinary words."""
    dice = np.random.default_rng(seed)
    texts, rude = [], np.arange(count) % 2
    for one in rude:
        before, after = (dice.choice(WORDS, dice.integers(0, 4)).tolist() for _ in range(2))
        texts.append(" ".join([*before, *(("you", "fool") if one else ("fool", "you")), *after]))
    return texts, rude[:, None].astype(float)


def sequences(texts: Sequence[str]) -> Sequences:
    corpus = gather(texts, Lexicon({}))
    return Sequences(corpus, [analyse(corpus.chunks, LEXICON, Shape(10))], ROWS)


def learned(
    texts: Sequence[str], shares: np.ndarray, *, weights: np.ndarray | None = None, epochs: int = 2, **more: Any
) -> Network:
    wanted = {"attribute_weights": [1.0] * shares.shape[1], "each": 3, "numbers": 4, "seed": 1, **more}
    heard = np.ones(len(texts)) if weights is None else weights
    return sequences(texts).fit(np.arange(len(texts)), shares, heard, epochs=epochs, **wanted)


def same(one: Network, other: Network) -> bool:
    ours, theirs = ((*network.filters.arrays, network.coef, network.bias) for network in (one, other))
    return all(np.array_equal(mine, yours) for mine, yours in zip(ours, theirs, strict=True))


def test_the_same_seed_gives_the_same_filters_and_another_seed_others():
    texts, shares = texts_of(60)
    assert same(learned(texts, shares), learned(texts, shares))
    assert not same(learned(texts, shares), learned(texts, shares, seed=2))


def test_filters_tell_by_order_what_single_words_cannot(monkeypatch):
    monkeypatch.setattr(filter_learning, "BATCH", 32)
    texts, shares = texts_of(320)
    fresh, truth = texts_of(100, seed=9)
    network = learned(texts, shares, epochs=25, numbers=8, each=8)
    said = sequences(fresh).answers(network.filters) @ network.coef.T + network.bias
    assert np.mean((said > 0) == truth) > 0.95


def test_filters_have_as_many_of_each_width_and_narrow_ones_look_no_further():
    texts, shares = texts_of(60)
    embeddings, _, patterns = learned(texts, shares).filters.arrays
    assert (embeddings.shape, patterns.shape) == ((ROWS, 4), (13, 9))
    by_chunk = patterns[:-1].reshape(3, 4, 3, 3).any(axis=(1, 3))
    assert by_chunk.tolist() == [[True, True, True], [False, True, True], [False, False, True]]


def test_only_the_texts_of_the_places_that_are_given_are_learned_from():
    texts, shares = texts_of(60)
    others = [*texts[:30], *["shoot the idiot"] * 30]
    wanted = {"attribute_weights": [1.0], "each": 3, "numbers": 4, "epochs": 2, "seed": 1}
    few, fewer, all_of_them = (
        sequences(some).fit(np.arange(many), shares[:many], np.ones(many), **wanted)
        for some, many in ((texts, 30), (others, 30), (others, 60))
    )
    assert same(few, fewer)
    assert not same(few, all_of_them)


def test_rows_without_a_share_teach_nothing_about_that_attribute():
    texts, shares = texts_of(60)
    both = np.concatenate([shares, 1 - shares], axis=1)
    missing = both.copy()
    missing[:, 1] = np.nan
    assert same(learned(texts, missing), learned(texts, both, attribute_weights=[1.0, 0.0]))
    assert not same(learned(texts, missing), learned(texts, both))


def test_a_row_without_any_share_is_as_one_that_counts_for_nothing():
    texts, shares = texts_of(60)
    some = shares.copy()
    some[:20] = np.nan
    without = learned(texts, some)
    assert same(without, learned(texts, shares, weights=(np.arange(60) >= 20).astype(float)))
    assert not same(without, learned(texts, shares))


def test_chunks_beyond_the_longest_are_not_learned_from():
    texts, shares = texts_of(20)
    long = [[*text.split(), *["ferry"] * LONGEST] for text in texts]
    plain, beyond, inside = (
        learned([" ".join([*words[:within], *more]) for words in long], shares)
        for within, more in (
            (LONGEST - 1, ["mayor"]),
            (LONGEST - 1, ["idiot", "shoot", "mayor"]),
            (LONGEST - 2, ["idiot", "shoot", "mayor"]),
        )
    )
    assert same(plain, beyond)
    assert not same(plain, inside)


def test_what_is_learned_with_is_what_the_filters_see_of_a_chunk():
    texts, shares = texts_of(60)
    part = analyse(["", "you", "fool-you", "idiot", "shoot!", "..."], LEXICON, Shape(10))
    filters = learned(texts, shares).filters
    embeddings, marks, _ = filters.arrays
    table = np.concatenate([embeddings / 128, marks])
    np.testing.assert_allclose(_features(part, ROWS) @ table, filters.embed(part), atol=1e-6)
    assert not filters.embed(part)[0].any()


def cost(
    weights: dict[str, np.ndarray], features: Any, texts: list[np.ndarray], shares: Matrix, wanted: Matrix
) -> float:
    """Say in full precision, text by text, what a batch costs."""
    total = 0.0
    for ids, share, counted in zip(texts, shares, wanted, strict=True):
        first = features[ids] @ weights["vectors"]
        second = np.concatenate([first[1:], first[:1] * 0])
        third = np.concatenate([second[1:], first[:1] * 0]) * second.any(axis=1, keepdims=True)
        looked_at = np.concatenate([first, second, third, np.ones((len(ids), 1))], axis=1)
        answers = np.maximum((looked_at @ weights["patterns"]).max(axis=0), 0)
        logits = answers @ weights["coef"] + weights["bias"]
        total += float((counted * (np.logaddexp(0, logits) - share * logits)).sum())
    return total / len(texts)


def test_a_step_goes_where_finite_differences_point(monkeypatch):
    for name in ("WORDS_DROPPED", "ANSWERS_DROPPED", "DECAY"):
        monkeypatch.setattr(filter_learning, name, 0.0)
    dice = np.random.default_rng(4)
    corpus = gather(["you fool you", "shoot that idiot now", "", "harbour", "fool you fool you fool"], Lexicon({}))
    features = _features(analyse(corpus.chunks, LEXICON, Shape(10)), 16).astype(np.float64)
    texts = [*np.split(corpus.ids, corpus.starts[1:]), np.array([0, 1, 2, 0, 3, 0, 4, 5])]
    shares, wanted = dice.random((6, 2)).astype(np.float32), dice.uniform(0.2, 2, (6, 2)).astype(np.float32)
    net = _Net(features.shape[1], 16, 3, 2, 2, dice)
    net._weights["patterns"][-1] = dice.normal(
        0, 0.2, 6
    )  # where all are zero, as at first, the slope is not one number
    net._weights["bias"][:] = [0.3, -0.4]
    before = {name: found.astype(np.float64) for name, found in net._weights.items()}
    net.step(features, texts, shares, wanted, 0.0, dice)
    slopes = {name: mean * 10 for name, (mean, _) in net._moments.items()}  # a tenth of the first slope is remembered
    for name, found in before.items():
        open_weights = net._open if name == "patterns" else np.ones_like(found)
        for place in np.argwhere(open_weights).tolist():
            at, sides = tuple(place), []
            for side in (1e-4, -1e-4):
                moved = found.copy()
                moved[at] += side
                sides.append(cost({**before, name: moved}, features, texts, shares, wanted))
            assert slopes[name][at] == pytest.approx((sides[0] - sides[1]) / 2e-4, abs=2e-5, rel=1e-3), (name, at)
    assert not slopes["patterns"][net._open == 0].any()
