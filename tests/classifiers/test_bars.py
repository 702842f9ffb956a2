"""Where the service holds, as those who judge a version see it."""

import pytest

from classifiers.bars import HELD_FROM, held_from
from classifiers.manifest import ATTRIBUTES


def test_every_attribute_has_a_bar() -> None:
    assert tuple(HELD_FROM) == ATTRIBUTES


@pytest.mark.parametrize(("own", "held"), [(0.1, 0.4), (0.42, 0.42), (0.693, 0.45), (1.0, 0.45)])
def test_a_versions_own_threshold_counts_within_bounds_alone(own: float, held: float) -> None:
    assert held_from({"toxicity": {"precision_0.90": own}}, "toxicity") == held


def test_a_version_that_knows_no_threshold_is_held_where_the_profile_says() -> None:
    assert held_from({}, "threat") == held_from({"threat": {"precision_0.98": 0.9}}, "threat") == 0.7
