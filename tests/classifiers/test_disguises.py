"""Hidden words are read: of what is caught in the clear, hardly anything gets away in disguise."""

from random import Random

import numpy as np
import pytest

from classifiers import features
from classifiers.dataset import load_seeds
from classifiers.disguises import WAYS, disguise
from classifiers.guesses import Words
from classifiers.scorer import Item, Scorer, bundled
from classifiers.unfolding import Unfolded, unfold

FEWEST = 20
MOST_LOST = 5.0
"""Points of recall, on average over the ways."""


def recall_lost(scorer: Scorer, attribute: str, texts: list[str], threshold: float) -> dict[str, float]:
    """Measure for each way how many points of recall are lost against the texts in the clear."""
    clear = caught(scorer, attribute, texts, threshold)
    return {
        way: 100
        * (
            clear
            - caught(
                scorer, attribute, [disguise(text, way, Random(place)) for place, text in enumerate(texts)], threshold
            )
        )
        for way in WAYS
    }


def caught(scorer: Scorer, attribute: str, texts: list[str], threshold: float) -> float:
    scores = [
        found
        for begin in range(0, len(texts), 64)
        for found in scorer.score([Item(text) for text in texts[begin : begin + 64]])
    ]
    return float(np.mean([found.values[attribute] >= threshold for found in scores]))


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return bundled()


def english(attribute: str, most: int) -> list[str]:
    seeds = load_seeds("heldout")
    values = seeds.column(attribute)
    return [
        text for text, lang, value in zip(seeds.text, seeds.lang, values, strict=True) if lang == "en" and value >= 0.5
    ][:most]


@pytest.mark.parametrize("attribute", ["spam", "toxicity"])
def test_disguises_cost_at_most_five_points_of_recall(scorer, attribute):
    texts = english(attribute, 120)
    assert len(texts) >= FEWEST
    threshold = scorer.manifest.thresholds[attribute]["precision_0.90"]
    lost = recall_lost(scorer, attribute, texts, threshold)
    assert len(lost) >= 20
    assert float(np.mean(list(lost.values()))) <= MOST_LOST, lost


def test_words_that_nobody_unfolds_get_away(monkeypatch):
    """The mutation: a word is what stands there, whatever hides it."""

    def literally(chunk: str, words: Words) -> Unfolded:
        found = unfold(chunk, words)
        return found if found.bare else Unfolded((chunk.lower(),))

    monkeypatch.setattr(features, "unfold", literally)
    blind = bundled.__wrapped__()
    threshold = blind.manifest.thresholds["spam"]["precision_0.90"]
    lost = recall_lost(blind, "spam", english("spam", 40), threshold)
    assert float(np.mean(list(lost.values()))) > 2 * MOST_LOST, lost


def test_a_disguise_leaves_words_that_can_be_told_apart():
    for way in WAYS:
        assert disguise("you awful person", way, Random(1)) != disguise("you lovely person", way, Random(1))
