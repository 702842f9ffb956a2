"""Arrays of a version are read in any thread, and nothing else is."""

import gc
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from classifiers.arrays import read_array


def test_an_array_is_read_whole_or_stays_on_disk(tmp_path):
    numbers = np.arange(12, dtype=np.int16).reshape(3, 4)
    np.save(tmp_path / "numbers.npy", numbers)
    assert (read_array(tmp_path / "numbers.npy") == numbers).all()
    mapped = read_array(tmp_path / "numbers.npy", mapped=True)
    assert isinstance(mapped, np.memmap)
    assert (mapped == numbers).all()


def test_objects_several_arrays_and_long_headers_are_refused(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    np.savez(tmp_path / "several.npy", one=np.zeros(1), two=np.zeros(2))
    np.save(tmp_path / "fields.npy", np.zeros(1, [(f"field{number}", "f4") for number in range(600)]))
    for name, why in (("objects.npy", "Object arrays"), ("several.npy.npz", "several"), ("fields.npy", "large")):
        with pytest.raises(ValueError, match=why):
            read_array(tmp_path / name)


def test_threads_that_read_at_once_do_not_disturb_each_other(tmp_path):
    """CPython 3.11 keeps the state of its parser once for all threads; without turns this fails within a second."""
    np.save(tmp_path / "numbers.npy", np.zeros((8, 16), np.int8))

    def read_from_depth(depth):
        return read_from_depth(depth - 1) if depth else read_array(tmp_path / "numbers.npy").shape

    def give_way(phase, info):
        time.sleep(1e-6)

    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    gc.callbacks.append(give_way)
    gc.set_threshold(20)
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            shapes = list(threads.map(read_from_depth, [1, 3, 5, 7] * 250))
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*threshold)
        gc.callbacks.remove(give_way)
    assert set(shapes) == {(8, 16)}
