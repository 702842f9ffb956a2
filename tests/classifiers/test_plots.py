"""Plots: drawings as SVG text, the same for the same figures, that run nothing and fetch nothing."""

import re
from xml.etree import ElementTree

import numpy as np

from classifiers import plots
from classifiers.evaluation import Figures, auc


def a_slice(n: int, ranked: bool = True) -> Figures:
    truth = np.arange(n) % 2 == 0
    found = auc(truth, truth + np.linspace(0, 1, n)) if ranked else None
    return Figures(n=n, positives=n // 2, auc=found, average_precision=0.5, brier=0.1, calibration_error=0.1)


def test_a_drawing_is_one_svg_that_is_the_same_each_time_and_self_contained() -> None:
    slices = {"en <b>": a_slice(20), "de": a_slice(30), "xx": a_slice(4, ranked=False)}
    drawn = plots.areas(slices)
    assert drawn == plots.areas(slices)
    ElementTree.fromstring(drawn)
    assert not re.search(r"<script|<metadata|href=\"http|url\(http|<b>", drawn)
    assert "de (n=30)" in drawn, "text stays text"
    assert "xx" not in drawn, "what has no area is not drawn"


def test_nothing_to_draw_is_an_empty_drawing() -> None:
    assert "<svg" in plots.areas({"xx": a_slice(4, ranked=False)})
