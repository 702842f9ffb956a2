"""Hashing: the same word is the same features, alone or among many, whatever letters it has."""

import numpy as np
import pytest

from classifiers.hashing import PAIR_SLOTS, chopped_features, hash_word, mix, pair_features, pair_slots

WORDS = ["kind", "a", "<link>", "\u043f\u0440\u0438\u0432\u0435\u0442", "\U0001f600", "\ud83d", "kindness"]


def wholes(words: list[str]) -> np.ndarray:
    return np.array([hash_word(word) for word in words], np.uint32)


def features_of(word: str, shortest: int = 2, longest: int = 5) -> list[int]:
    return chopped_features([word], wholes([word]), shortest, longest).hashes.tolist()


@pytest.mark.parametrize(("shortest", "longest"), [(2, 5), (3, 3), (1, 8)])
def test_a_word_among_others_has_the_features_it_has_alone(shortest: int, longest: int) -> None:
    found = chopped_features(WORDS, wholes(WORDS), shortest, longest)
    assert (np.diff(found.owner) >= 0).all()
    for place, word in enumerate(WORDS):
        assert found.hashes[found.owner == place].tolist() == features_of(word, shortest, longest), word


def test_a_word_is_itself_and_its_n_grams_with_marked_edges_and_a_placeholder_only_itself() -> None:
    assert len(features_of("kind")) == 1 + 5 + 4 + 3 + 2
    assert len(features_of("a")) == 1 + 2 + 1
    assert len(features_of("<link>")) == 1
    assert not set(features_of("kind")[1:]) & set(features_of("<link>"))


def test_an_n_gram_at_an_edge_is_another_than_within_and_those_within_are_shared() -> None:
    assert len(set(features_of("kind")) & set(features_of("kindness"))) >= 6
    assert not set(features_of("ab", 2, 2)) & set(features_of("ba", 2, 2))


def test_whole_words_and_n_grams_of_three_tell_languages_apart() -> None:
    found = chopped_features(["kind"], wholes(["kind"]), 2, 5)
    assert int(found.spoken.sum()) == 1 + 4


def test_a_pair_knows_its_order_and_has_a_slot_within_bounds() -> None:
    first, second = wholes(["you", "are"]), wholes(["are", "you"])
    pairs = pair_features(first, second)
    assert pairs[0] != pairs[1]
    slots = pair_slots(np.arange(100_000, dtype=np.uint32), np.arange(100_000, dtype=np.uint32)[::-1])
    assert 0 <= slots.min() <= slots.max() < PAIR_SLOTS
    assert len(set(slots.tolist())) > 50_000


def test_mixing_spreads_low_bits_and_maps_no_two_to_one() -> None:
    numbers = np.arange(1 << 16, dtype=np.uint32) << np.uint32(16)
    mixed = mix(numbers)
    assert len(np.unique(mixed)) == len(numbers)
    buckets = np.bincount(mixed & np.uint32(255), minlength=256)
    assert buckets.max() < 2 * buckets.mean()
