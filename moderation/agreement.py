"""How two versions differ on live traffic: what the shadow said of recorded comments, beside the active one's scores.

Nothing is scored here; both were stored when the comment was judged. A comment counts as judged differently where the
two scores lie on different sides of a threshold of its site's policy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from moderation.records import ATTRIBUTES, Site, Stored, Verdict
from moderation.scoring.policy import Thresholds, thresholds
from moderation.store.comments import Comments

AT_MOST = 5000
PAGE = 500
FLIPS = 20


class Difference(msgspec.Struct, frozen=True):
    """How the two differ in one attribute."""

    n: int
    mean: float
    """What the shadow's score is higher by, on average."""
    mean_absolute: float
    held_differently: float
    """The share of comments that one of them would hold and the other would not."""
    rejected_differently: float


class Flip(msgspec.Struct, frozen=True):
    """One comment that the two judge differently."""

    comment: str
    site: str
    attribute: str
    active: float
    shadow: float
    text: str


class Agreement(msgspec.Struct, frozen=True):
    """How a version in shadow and the active one differ."""

    version: str
    active: tuple[str, ...]
    """The versions that were active while it was in shadow."""
    looked_at: int
    n: int
    """How many of them both had scored."""
    attributes: dict[str, Difference]
    flips: list[Flip]
    """The comments whose scores lie furthest apart, those on different sides of a threshold first."""


class _Pair(NamedTuple):
    stored: Stored
    verdict: Verdict


async def agreement(
    comments: Comments,
    sites: Sequence[Site],
    version: str,
    looked_at: int,
    known: Mapping[str, Mapping[str, float]] | None = None,
) -> Agreement:
    """Compare on the latest comments of these sites, at most AT_MOST in all, shared evenly among the sites.

    `known` are the active version's thresholds by precision, from which a policy that names none takes its own.
    """
    each = max(1, min(looked_at, AT_MOST) // max(1, len(sites)))
    pairs: list[_Pair] = []
    seen = 0
    bars: dict[str, Thresholds] = {}
    for site in sites:
        bars[site.id] = thresholds(site.policy, known)
        before, left = None, each
        while left > 0:
            page = await comments.latest(site.id, before, min(left, PAGE))
            pairs += [
                _Pair(one, one.verdict)
                for one in page
                if one.verdict and one.verdict.shadow and one.verdict.models[1:] == (version,)
            ]
            seen += len(page)
            left -= len(page)
            if len(page) < PAGE:
                break
            before = page[-1].changed
    return _compared(version, pairs, bars, seen)


def _compared(version: str, pairs: Sequence[_Pair], bars: Mapping[str, Thresholds], seen: int) -> Agreement:
    attributes: dict[str, Difference] = {}
    flips: list[tuple[bool, float, Flip]] = []
    for name in ATTRIBUTES:
        gaps, held, rejected = [], 0, 0
        for stored, verdict in pairs:
            active, shadow = verdict.scores.get(name), verdict.shadow.get(name)
            if active is None or shadow is None:
                continue
            gaps.append(shadow - active)
            hold_at, reject_at = _bars(bars[stored.site], name)
            crossed_hold = (active >= hold_at) != (shadow >= hold_at)
            crossed_reject = (active >= reject_at) != (shadow >= reject_at)
            held += crossed_hold
            rejected += crossed_reject
            if crossed_hold or crossed_reject or abs(shadow - active) >= 0.1:
                flip = Flip(stored.id, stored.site, name, round(active, 4), round(shadow, 4), stored.text[:500])
                flips.append((crossed_hold or crossed_reject, abs(shadow - active), flip))
        if gaps:
            n = len(gaps)
            mean, absolute = sum(gaps) / n, sum(abs(gap) for gap in gaps) / n
            attributes[name] = Difference(n, round(mean, 5), round(absolute, 5), held / n, rejected / n)
    flips.sort(key=lambda found: found[:2], reverse=True)
    actives = tuple(sorted({pair.verdict.models[0] for pair in pairs}))
    return Agreement(version, actives, seen, len(pairs), attributes, [flip for _, _, flip in flips[:FLIPS]])


def _bars(found: Thresholds, name: str) -> tuple[float, float]:
    return next(((hold, reject) for attribute, _, hold, reject in found.attributes if attribute == name), (1.01, 1.01))
