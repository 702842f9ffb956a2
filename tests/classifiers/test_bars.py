"""Where the service holds, as those who judge a version see it."""

import pytest

from classifiers.bars import HELD_FROM, held_from
from classifiers.manifest import ATTRIBUTES
from classifiers.scorer import Item, bundled


def test_every_attribute_has_a_bar() -> None:
    assert tuple(HELD_FROM) == ATTRIBUTES


@pytest.mark.parametrize(("own", "held"), [(0.1, 0.4), (0.42, 0.42), (0.693, 0.45), (1.0, 0.45)])
def test_a_versions_own_threshold_counts_within_bounds_alone(own: float, held: float) -> None:
    assert held_from({"toxicity": {"precision_0.90": own}}, "toxicity") == held


def test_a_version_that_knows_no_threshold_is_held_where_the_profile_says() -> None:
    assert held_from({}, "insult") == held_from({"insult": {"precision_0.98": 0.9}}, "insult") == 0.85


@pytest.mark.parametrize(
    "text", ["Te voy a matar", "Ich bring dich um", "Ti ammazzo", "Vou te matar", "Somebody should shoot him"]
)
def test_a_plain_threat_is_held(text: str) -> None:
    scorer = bundled()
    (found,) = scorer.score([Item(text)])
    assert any(found.values[name] >= held_from(scorer.manifest.thresholds, name) for name in ATTRIBUTES)
