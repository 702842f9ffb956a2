"""Reads the arrays of a version: no objects, bounded headers, one thread at a time."""

from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_HEADER_BYTES = 10_000
"""A header says one type and one shape: some hundred bytes."""

# NumPy parses headers with `ast`, whose state all threads of CPython 3.11 share: of two that parse at once one may fail
# with "AST constructor recursion depth mismatch".
_parsing = Lock()


def read_array(path: Path, *, mapped: bool = False) -> NDArray[Any]:
    """Read one array; a mapped one stays on disk until it is used. ValueError or OSError for what is none."""
    with _parsing:
        found = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False, max_header_size=MAX_HEADER_BYTES)
    if not isinstance(found, np.ndarray):
        found.close()
        raise ValueError("several arrays in one file")
    return found
