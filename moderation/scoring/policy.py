"""The one place of opinion: signals, scores and a site's policy become a verdict.

Hard stops decide alone; everything else is a score against a threshold. A worse signal never gives a milder verdict.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from classifiers.bars import HELD_FROM, Bar
from moderation.records import ATTRIBUTES, Outcome, Policy, Reason, Signal, Threshold, Verdict

SIGNALS = "signals"
"""The name under which a policy keeps the threshold of the hand-written checks."""

NEVER = 1.01


_OFF = Bar("", NEVER, NEVER, NEVER)

# profile -> attribute -> (hold from, reject from). `watch` decides as `balanced` would, and lets everything pass.
# From where `balanced` holds is written beside the models, whose gate judges them by what would be held.
_BALANCED = {
    "spam": (HELD_FROM["spam"], Bar("precision_0.98", 0.98, 0.995, 0.985)),
    "toxicity": (HELD_FROM["toxicity"], _OFF),
    "severe_toxicity": (HELD_FROM["severe_toxicity"], _OFF),
    "profanity": (_OFF, _OFF),
    "threat": (HELD_FROM["threat"], _OFF),
    "insult": (HELD_FROM["insult"], _OFF),
    "identity_attack": (HELD_FROM["identity_attack"], _OFF),
    SIGNALS: (Bar("", 0.5, 0.5, 0.5), _OFF),
}
_STRICT = {
    "spam": (Bar("precision_0.90", 0.3, 0.6, 0.5), Bar("precision_0.95", 0.85, 0.98, 0.9)),
    "toxicity": (Bar("precision_0.90", 0.25, 0.3, 0.3), Bar("precision_0.98", 0.95, 0.995, 0.97)),
    "severe_toxicity": (Bar("precision_0.90", 0.3, 0.6, 0.4), Bar("precision_0.98", 0.9, 0.99, 0.95)),
    "profanity": (HELD_FROM["profanity"], _OFF),
    "threat": (Bar("precision_0.90", 0.15, 0.2, 0.2), Bar("precision_0.98", 0.95, 0.995, 0.97)),
    "insult": (Bar("precision_0.90", 0.5, 0.8, 0.65), _OFF),
    "identity_attack": (Bar("precision_0.90", 0.3, 0.7, 0.5), _OFF),
    SIGNALS: (Bar("", 0.3, 0.3, 0.3), Bar("", 0.9, 0.9, 0.9)),
}
PROFILES = {"watch": _BALANCED, "balanced": _BALANCED, "strict": _STRICT}

PART = "part"
"""The signal that a part of a long comment passes a threshold that the whole does not."""
HELD_FOR_A_PART = 0.6
"""What it counts for among the signals: it holds the comment of anybody but an author who is known to be harmless."""
_MODEL_SIGNALS = frozenset(("spam", "toxicity"))
_BLATANT_SPAM = 0.98
_EASE = {"known": 0.3, "marked": 0.6}
"""How far trust moves a threshold to hold towards 1. That some comments of an author were let through says that he does not
sell, and nothing of his tone today: towards abuse a moderator's mark alone moves it."""


class Thresholds(msgspec.Struct, frozen=True):
    """The thresholds that apply to one site under one model version, nothing left open."""

    attributes: tuple[tuple[str, Reason, float, float], ...]
    """Attribute, the reason it gives, hold from, reject from."""
    signals: tuple[float, float]
    """Hold from, reject from."""

    def reason(self, family: Reason, scores: Mapping[str, float]) -> tuple[str, float, Reason]:
        """Find what stands out of a family of scores: attribute, score, and the reason where it passes its threshold."""
        name, score, passed = str(family), scores.get(family, 0.0), False
        for attribute, reason, hold_at, _ in self.attributes:
            if reason is family and scores.get(attribute, 0.0) >= hold_at:
                found = scores[attribute]
                if not passed or found > score:
                    name, score, passed = attribute, found, True
        return name, score, family if passed else Reason.CLEAR

    def shown(self, scores: Mapping[str, float]) -> tuple[str, str]:
        """Name the attributes that stand out of each family: those whose words are told."""
        return self.reason(Reason.SPAM, scores)[0], self.reason(Reason.TOXICITY, scores)[0]

    def waits(self, scores: Mapping[str, float]) -> bool:
        """Say whether a comment is held for what it scores as a whole, so that what a part of it scores changes nothing.

        That of an author whom a moderator marked may not be, but a part of it holds it no more.
        """
        return _eased(self.signals[0], _EASE["marked"]) > HELD_FOR_A_PART and any(
            scores.get(attribute, 0.0) >= (_eased(hold_at, _EASE["known"]) if reason is Reason.SPAM else hold_at)
            for attribute, reason, hold_at, _ in self.attributes
        )


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """All that was seen of one comment; with the policy it is all that the verdict rests on."""

    signals: tuple[Signal, ...]
    scores: dict[str, float] = {}
    thresholds: Thresholds
    models: tuple[str, ...] = ()
    lang: str = ""
    supported: bool = True
    degraded: bool = False
    shadow: dict[str, float] = {}


def thresholds(policy: Policy, known: Mapping[str, Mapping[str, float]] | None = None) -> Thresholds:
    """Work out a site's thresholds: its own, else the profile's as the active model's precision puts them.

    Where the site says from when on to hold or to reject and not both, the profile's other side gives way to it.
    """
    profile = PROFILES.get(policy.profile, _BALANCED)
    precise = known or {}
    found = {}
    for name, (hold, reject) in profile.items():
        own = policy.thresholds.get(name, Threshold())
        hold_at = hold.value(precise.get(name, {})) if own.hold_at is None else own.hold_at
        if own.reject_at is None:
            found[name] = hold_at, max(hold_at, reject.value(precise.get(name, {})))
        else:
            found[name] = min(hold_at, own.reject_at), own.reject_at
    return Thresholds(
        tuple(
            (name, Reason.SPAM if name == "spam" else Reason.TOXICITY, *found[name])
            for name in ATTRIBUTES
            if min(found[name]) <= 1.0
        ),
        found[SIGNALS],
    )


def judge(examined: Examined, policy: Policy) -> Verdict:
    """Turn what was seen into a verdict: hard stops first, then the strongest signal against its threshold."""
    weights: dict[Reason, float] = {}
    severity = _APPROVE
    urgency = ease = 0.0
    pardoned = marked = False
    soft = []
    for signal in examined.signals:
        reason = signal.reason
        if reason is Reason.CLEAR:
            continue
        if signal.hard:
            stop = _HARD.get(reason, _HOLD)
            if stop == _APPROVE:
                pardoned = True
                continue
            severity = max(severity, stop)
            if stop == _REJECT:
                urgency = 1.0
                _weigh(weights, reason, 3.0 + signal.score)
            else:
                # It holds at least; its score may still say more.
                _weigh(weights, reason, signal.score)
                soft.append((reason, signal.score, True))
        elif reason is Reason.TRUSTED:
            ease = _EASE.get(str(signal.facts[0]) if signal.facts else "", 0.0)
            marked = ease == _EASE["marked"]
        elif signal.name not in _MODEL_SIGNALS:
            soft.append((reason, signal.score, signal.name != PART))

    hold_from, reject_from = examined.thresholds.signals
    for reason, score, may_reject in soft:
        urgency = max(urgency, score)
        if score >= reject_from and may_reject and not marked:
            severity = _REJECT
            _weigh(weights, reason, 2.0 + score)
        elif score >= reject_from or score >= _eased(hold_from, ease):
            severity = max(severity, _HOLD)
            _weigh(weights, reason, 1.0 + score)

    scores = examined.scores
    if scores:
        spared = marked or not examined.supported
        for attribute, reason, hold_at, reject_at in examined.thresholds.attributes:
            score = scores[attribute]
            if score > urgency:
                urgency = score
            if score >= reject_at and not spared:
                severity = _REJECT
                _weigh(weights, reason, 2.0 + score)
            elif score >= reject_at or score >= _eased(hold_at, ease if marked or reason is Reason.SPAM else 0.0):
                severity = max(severity, _HOLD)
                _weigh(weights, reason, 1.0 + score)

    if pardoned:
        severity = _APPROVE
    outcome = _OUTCOMES[severity]
    reasons = tuple(sorted(weights, key=weights.__getitem__, reverse=True)) if severity else ()
    watched = policy.profile == "watch"
    return Verdict(
        outcome=Outcome.APPROVE if watched else outcome,
        reasons=reasons,
        score=urgency,
        signals=examined.signals,
        scores=scores,
        models=examined.models,
        policy=policy.version,
        lang=examined.lang,
        degraded=examined.degraded,
        watched=watched,
        would=outcome if watched else None,
        shadow=examined.shadow,
        blatant=severity == _REJECT and not watched and _is_blatant(weights),
    )


_APPROVE, _HOLD, _REJECT = 0, 1, 2
_OUTCOMES = (Outcome.APPROVE, Outcome.HOLD, Outcome.REJECT)

_HARD = {
    Reason.TRUSTED: _APPROVE,
    Reason.HONEYPOT: _REJECT,
    Reason.BLOCKED_WORD: _REJECT,
    Reason.BLOCKED_AUTHOR: _REJECT,
}
"""Which way a hard stop decides, by its reason; every other one holds."""


def _weigh(weights: dict[Reason, float], reason: Reason, weight: float) -> None:
    weights[reason] = max(weights.get(reason, 0.0), weight)


def _eased(hold_at: float, ease: float) -> float:
    return hold_at + (1.0 - hold_at) * ease if hold_at < 1.0 else hold_at


def _is_blatant(weights: dict[Reason, float]) -> bool:
    """Say whether nobody needs to look: a robot in the honeypot, or spam beyond doubt."""
    return Reason.HONEYPOT in weights or weights.get(Reason.SPAM, 0.0) >= 2.0 + _BLATANT_SPAM
