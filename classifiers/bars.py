"""From which score on a comment waits for a person, where a site says nothing else.

The service takes these bounds into its profiles (moderation/scoring/policy.py), and whoever judges a version judges it at
them: by what moderators would see, not by a threshold of the version that the service may never use.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol

WORKING = "precision_0.90"
"""The threshold of a version that the service holds from, within bounds."""


class Bar(NamedTuple):
    """A threshold of a profile: a precision to ask of the model, bounds for its answer, and what holds without one."""

    precision: str
    least: float
    most: float
    otherwise: float

    def value(self, known: Mapping[str, float]) -> float:
        """Give the score from which on the model is right as often as this bar asks."""
        return self.within(known.get(self.precision, self.otherwise))

    def within(self, found: float) -> float:
        """Bring a threshold into the bounds."""
        return min(max(found, self.least), self.most)


HELD_FROM = {
    "spam": Bar(WORKING, 0.5, 0.9, 0.7),
    # Well below a precision of 0.90: of what is held between 0.45 and there three of four are rightly so, on raw comments
    # of two sources, and it is as fair to groups of people (0.033 between the shares of their civil sentences).
    "toxicity": Bar(WORKING, 0.4, 0.45, 0.45),
    "severe_toxicity": Bar(WORKING, 0.5, 0.85, 0.6),
    "profanity": Bar(WORKING, 0.6, 0.9, 0.8),
    # Threats are rare, so their probabilities are low: of 68 comments that nothing else holds from 0.25 on, among 21,000 of the
    # frozen seeds and held-back public rows, 53 are bad, and of the harmless ones 0.1 to 0.2 of a hundred more are held.
    "threat": Bar(WORKING, 0.2, 0.25, 0.25),
    "insult": Bar(WORKING, 0.7, 0.95, 0.85),
    "identity_attack": Bar(WORKING, 0.5, 0.85, 0.7),
}
"""Attribute -> where the profile `balanced` holds; for profanity `strict`, which alone holds for it."""


def held_from(thresholds: Mapping[str, Mapping[str, float]], attribute: str) -> float:
    """Give the score from which on the service holds, by a version's thresholds.

    Examples
    --------
    >>> held_from({"toxicity": {"precision_0.90": 0.693}}, "toxicity")
    0.45
    """
    return HELD_FROM[attribute].value(thresholds.get(attribute, {}))


class Bars(Protocol):
    """What whoever asks makes of the scores of a comment."""

    def shown(self, scores: Mapping[str, float]) -> Collection[str]:
        """Name the attributes of which to say what moved them."""
        ...

    def waits(self, scores: Mapping[str, float]) -> bool:
        """Say whether the comment waits for a person anyway: then no part of it needs to be found that it would wait for."""
        ...


class _Everything:
    """Everything is shown, and nothing waits."""

    def shown(self, scores: Mapping[str, float]) -> Collection[str]:
        return scores

    def waits(self, scores: Mapping[str, float]) -> bool:
        return False


EVERYTHING: Bars = _Everything()
"""Of a comment of nobody's site everything is shown."""
