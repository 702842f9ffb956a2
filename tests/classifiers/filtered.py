"""Filters that nobody learned, and versions that have them: every answer counts for every attribute."""

from pathlib import Path

import msgspec
import numpy as np

from classifiers.filters import WIDEST, WIDTHS, Filters, save_filters
from classifiers.lexicon import MARKS
from classifiers.manifest import entries_of, read_manifest, write_manifest
from classifiers.pipeline import PIPELINE
from classifiers.traits import NAMES


def some_filters(seed: int = 0, *, rows: int = 64, numbers: int = 4, each: int = 5) -> Filters:
    """Give filters of each width with biases of either sign; narrow ones see nothing of what lies beyond their width."""
    dice = np.random.default_rng(seed)
    patterns = dice.normal(size=(WIDEST * numbers + 1, len(WIDTHS) * each)).astype(np.float32)
    beyond = np.arange(WIDEST).repeat(numbers)[:, None] >= np.repeat(WIDTHS, each)
    patterns[:-1][beyond] = 0
    return Filters(
        dice.integers(-127, 128, (rows, numbers)).astype(np.int8),
        dice.normal(size=(len(MARKS) + 2, numbers)).astype(np.float32),
        patterns,
    )


def give_filters(folder: Path) -> None:
    """Give a version filters in place of those that it has, if any."""
    filters = some_filters()
    manifest = read_manifest(folder)
    head = np.load(folder / "head.npy")
    counts = np.random.default_rng(1).normal(0, 0.2, (len(head), len(filters.floor)))
    np.save(folder / "head.npy", np.concatenate([head[:, : len(NAMES)], counts, head[:, -1:]], axis=1))
    save_filters(folder, filters)
    (folder / PIPELINE).unlink(missing_ok=True)
    features = {**manifest.features, "marks": list(MARKS)}
    write_manifest(folder, msgspec.structs.replace(manifest, features=features, files=entries_of(folder)))
