"""Compiled weights: what is written is what is read, changing one attribute leaves the others bit for bit."""

import numpy as np
import pytest

from classifiers.compiled import SQUARES, change_weights, load_weights, save_weights

DICE = np.random.default_rng(1)
WEIGHTS = DICE.normal(size=(64, 3)) * np.array([1.0, 1e-4, 300.0])
RARE = np.round(DICE.uniform(1, 100, 64) * SQUARES) / SQUARES


def test_what_is_given_back_is_what_is_read_and_every_attribute_keeps_its_own_scale(tmp_path) -> None:
    written = save_weights(tmp_path, WEIGHTS, RARE)
    read = load_weights(tmp_path)
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read[:, :-1], written.astype(np.float32))
    largest = np.abs(WEIGHTS).max(axis=0)
    assert (np.abs(written - WEIGHTS).max(axis=0) <= largest / 500).all()
    np.testing.assert_array_equal(read[:, -1], RARE.astype(np.float32), "squares are kept without loss")


def test_weights_that_are_all_nothing_stay_nothing(tmp_path) -> None:
    save_weights(tmp_path, np.zeros((4, 2)), np.ones(4))
    assert (load_weights(tmp_path)[:, :-1] == 0).all()


def test_changing_one_attribute_leaves_the_others_bit_for_bit(tmp_path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    save_weights(source, WEIGHTS, RARE)
    before, bytes_before = load_weights(source), (source / "weights.npy").read_bytes()
    new = DICE.normal(size=64) * 1000
    change_weights(source, target, {1: new})
    after = load_weights(target)
    np.testing.assert_array_equal(after[:, [0, 2, 3]], before[:, [0, 2, 3]])
    assert after[:, 1] == pytest.approx(new, abs=np.abs(new).max() / 500)
    assert (source / "weights.npy").read_bytes() == bytes_before


def test_nothing_is_read_that_would_have_to_be_unpickled(tmp_path) -> None:
    save_weights(tmp_path, WEIGHTS, RARE)
    np.save(tmp_path / "scales.npy", np.array([object()]), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        load_weights(tmp_path)
