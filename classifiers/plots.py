"""Drawings of an evaluation as SVG text, to stand inside a page. matplotlib is asked for only here."""

import io
import re
from collections.abc import Mapping
from typing import Any

from classifiers.errors import LibraryMissing
from classifiers.evaluation import Bin, Curve, Figures

INK, QUIET = "#1b1f24", "#8a929c"
COLOURS = ("#2b6cb0", "#c05621", "#2f855a", "#6b46c1", "#b83280", "#b7791f", "#4a5568")


def precision_recall(curves: Mapping[str, Curve]) -> str:
    """Draw precision over recall, one line for each name."""
    figure, axes = _canvas("Recall", "Precision")
    for (name, found), colour in zip(curves.items(), COLOURS * 9, strict=False):
        axes.plot(found.recall, found.precision, color=colour, label=name, linewidth=1.6)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    return _svg(figure, axes)


def roc(curves: Mapping[str, Curve]) -> str:
    """Draw the share of hits over the share of false alarms."""
    figure, axes = _canvas("False positive rate", "Recall")
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.8, linestyle=":")
    for (name, found), colour in zip(curves.items(), COLOURS * 9, strict=False):
        axes.plot((0, *found.false_positive_rate), (0, *found.recall), color=colour, label=name, linewidth=1.6)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    return _svg(figure, axes)


def calibration(bins: Mapping[str, tuple[Bin, ...]]) -> str:
    """Draw what was seen over what was said; on the dotted line both agree."""
    figure, axes = _canvas("Probability said", "Share seen")
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.8, linestyle=":")
    for (name, found), colour in zip(bins.items(), COLOURS * 9, strict=False):
        sizes = [6 + 60 * one.n / max(other.n for other in found) for one in found]
        axes.plot([one.said for one in found], [one.seen for one in found], color=colour, linewidth=1.2, label=name)
        axes.scatter([one.said for one in found], [one.seen for one in found], s=sizes, color=colour, alpha=0.6)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    return _svg(figure, axes)


def areas(slices: Mapping[str, Figures]) -> str:
    """Draw the area under the ROC curve of each slice with its interval."""
    rows = [(name, found) for name, found in slices.items() if found.auc]
    figure, axes = _canvas("AUC", "", height=0.7 + 0.24 * len(rows))
    for at, (name, found) in enumerate(reversed(rows)):
        if found.auc:
            axes.plot([found.auc.low, found.auc.high], [at, at], color=COLOURS[0], linewidth=1.6)
            axes.plot([found.auc.value], [at], "o", color=COLOURS[0], markersize=4, label=f"_{name}")
    axes.set_yticks(range(len(rows)), [f"{name} (n={found.n})" for name, found in reversed(rows)])
    axes.set_xlim(min([0.5, *(found.auc.low for _, found in rows if found.auc)]), 1)
    return _svg(figure, axes)


def _canvas(across: str, up: str, height: float = 3.4) -> tuple[Any, Any]:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise LibraryMissing("matplotlib", "drawing a report") from None
    figure = Figure(figsize=(4.6, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(across, color=INK, fontsize=9)
    axes.set_ylabel(up, color=INK, fontsize=9)
    axes.tick_params(colors=INK, labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e6e8eb", linewidth=0.6)
    return figure, axes


def _svg(figure: Any, axes: Any) -> str:
    from matplotlib import rc_context

    if axes.get_legend_handles_labels()[1]:
        axes.legend(fontsize=8, frameon=False, loc="best")
    written = io.StringIO()
    # A fixed salt gives the same page for the same figures; text stays text, so that it can be read and searched.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "classifiers", "font.family": "sans-serif"}):
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    drawn = written.getvalue()
    return re.sub(r"<metadata>.*?</metadata>", "", drawn[drawn.index("<svg") :], flags=re.DOTALL)
