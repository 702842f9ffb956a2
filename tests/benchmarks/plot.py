"""One picture of a run: comments a second beside the others, and what a comment costs as the queue fills."""

import re
from pathlib import Path

from tests.benchmarks.figure import Figure


def draw(figures: list[Figure], path: Path) -> None:
    """Draw what there is; without matplotlib there is no picture, and that is said."""
    try:
        from matplotlib.figure import Figure as Sheet
    except ImportError:
        print("matplotlib is not installed, so there is no picture")
        return
    sheet = Sheet(figsize=(11, 4.5), layout="constrained")
    left, right = sheet.subplots(1, 2)
    rates = {one.name: one.value for one in figures if one.unit == "1/s" and one.value > 0}
    left.barh(list(rates), list(rates.values()), color="#3b6ea5")
    left.set_xscale("log")
    left.set_xlabel("a second (logarithmic)")
    left.invert_yaxis()
    for what, unit, colour in (
        ("ingest", "us of the store for one more", "#3b6ea5"),
        ("page", "ms for a page", "#b5541c"),
    ):
        found = [
            (int(size[1]), one.value) for one in figures if (size := re.fullmatch(rf"growth\.(\d+)\.{what}", one.name))
        ]
        if found:
            right.plot(*zip(*found, strict=True), "o-", label=unit, color=colour)
    right.set_xscale("log")
    right.set_ylim(bottom=0)
    right.set_xlabel("waiting comments")
    if right.lines:
        right.legend()
    sheet.savefig(path)
