"""Says of a policy what cannot work, and where; all of it at once."""

from __future__ import annotations

import math
from collections.abc import Iterator

from moderation.errors import PolicyInvalid
from moderation.records import ATTRIBUTES, Policy
from moderation.scoring.policy import NEVER, PROFILES, SIGNALS
from moderation.scoring.words import MAX_WORD_LENGTH, MAX_WORDS

_RANGES: dict[str, tuple[float, float]] = {
    "trust_after": (1, 1_000),
    "links_allowed": (0, 1_000),
    "min_form_seconds": (0, 3_600),
    "undo_seconds": (0, 86_400),
    "wait_warning_minutes": (1, 525_600),
    "retention_days": (0, 36_500),
}
_MOST_A_MINUTE = 1_000_000


def validate_policy(policy: Policy) -> None:
    """Raise PolicyInvalid that names every wrong field, what is wrong with it and what it may be."""
    _refuse([*_choices(policy), *_numbers(policy), *_thresholds(policy), *_words(policy)])


def validate_words(words: tuple[str, ...]) -> None:
    """Raise PolicyInvalid that names what is wrong with a list of words, whichever of the two it is to become."""
    _refuse([*_list("words", words)])


def _refuse(faults: list[str]) -> None:
    if faults:
        raise PolicyInvalid("; ".join(faults))


def _choices(policy: Policy) -> Iterator[str]:
    if policy.profile not in PROFILES:
        yield f"profile: '{policy.profile[:40]}' is not one of {', '.join(PROFILES)}"
    if policy.first_comment not in ("score", "hold"):
        yield f"first_comment: '{policy.first_comment[:40]}' is not one of score, hold"


def _numbers(policy: Policy) -> Iterator[str]:
    for field, (least, most) in _RANGES.items():
        value = getattr(policy, field)
        if not least <= value <= most:
            yield f"{field}: {value} does not lie between {least} and {most}"
    if policy.version < 1:
        yield f"version: {policy.version} is less than 1"
    for field in policy.limits.__struct_fields__:
        value = getattr(policy.limits, field)
        if not 1 <= value <= _MOST_A_MINUTE:
            yield f"limits.{field}: {value} does not lie between 1 and {_MOST_A_MINUTE} a minute"


def _thresholds(policy: Policy) -> Iterator[str]:
    for name, threshold in policy.thresholds.items():
        where = f"thresholds.{name[:40]}"
        if name not in ATTRIBUTES and name != SIGNALS:
            yield f"{where}: no such score; there are {', '.join(ATTRIBUTES)} and {SIGNALS}"
            continue
        for field in ("hold_at", "reject_at"):
            value = getattr(threshold, field)
            if value is not None and not (math.isfinite(value) and 0 < value <= NEVER):
                yield f"{where}.{field}: {value} does not lie above 0 and up to 1, or {NEVER} for never"
        hold_at, reject_at = threshold.hold_at, threshold.reject_at
        if hold_at is not None and reject_at is not None and reject_at < hold_at:
            yield f"{where}: reject_at {reject_at} is below hold_at {hold_at}"


def _words(policy: Policy) -> Iterator[str]:
    for field in ("blocked_words", "suspect_words"):
        yield from _list(field, getattr(policy, field))


def _list(field: str, words: tuple[str, ...]) -> Iterator[str]:
    if len(words) > MAX_WORDS:
        yield f"{field}: {len(words)} words, at most {MAX_WORDS} are allowed"
    for number, word in enumerate(words[:MAX_WORDS], 1):
        if len(word) > MAX_WORD_LENGTH:
            yield f"{field}, word {number}: longer than {MAX_WORD_LENGTH} characters"
        elif sum(character not in " *\t\r\n" for character in word) < 2:
            yield f"{field}, word {number}: '{word}' needs at least two characters besides *"
        elif not word.isprintable():
            yield f"{field}, word {number}: holds a character that nobody sees"
        else:
            continue
        break
