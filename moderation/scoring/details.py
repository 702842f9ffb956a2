"""Renders what a signal saw as one plain sentence; the words stand in the message catalogue, the signal keeps only facts."""

from __future__ import annotations

from functools import lru_cache

from moderation.messages import has_message, message
from moderation.records import Reason, Signal

# signal -> the names of its facts in the catalogue, in their order
_FACTS = {
    "form_speed": ("seconds", "least"),
    "links": ("count", "allowed"),
    "repeated_text": ("count",),
    "campaign": ("count",),
    "edited": ("count", "allowed"),
    "author": ("what", "approved", "rejected"),
    "velocity": ("percent", "what"),
    "name": ("what",),
    "disposable_email": ("domain",),
    "lookalike_email": ("domain", "other"),
    "spam": ("percent",),
    "toxicity": ("percent", "attribute"),
    "part": ("percent", "attribute"),
    "language": ("lang", "what"),
    "models": ("what",),
    "checks": ("what",),
}
_LISTS = {"blocked_words": "terms", "suspect_words": "terms", "missing_field": "fields"}


def detail(signal: Signal, lang: str = "en") -> str:
    """Say in one sentence what this signal saw; a signal of an unknown name lists its facts."""
    return _detail(signal.name, signal.reason, signal.facts, lang)


@lru_cache(maxsize=4_096)
def _detail(name: str, reason: Reason, known: tuple[int | float | str, ...], lang: str) -> str:
    # most comments see the same: what one signal says is kept, by what it says
    signal = Signal(name, 0.0, reason, known)
    facts: dict[str, object]
    if signal.name in _LISTS:
        facts = {_LISTS[signal.name]: ", ".join(map(str, signal.facts))}
    else:
        facts = dict(zip(_FACTS.get(signal.name, ()), signal.facts, strict=False))
    code = _code(signal, facts)
    if not code:
        return ", ".join(map(str, signal.facts)) or str(signal.reason)
    if "attribute" in facts:
        facts["attribute"] = message(f"detail.attribute.{facts['attribute']}", lang)
    return message(code, lang, **facts)


def _code(signal: Signal, facts: dict[str, object]) -> str:
    """Choose among the sentences of a signal: what its facts name first, then hit or clear, by number where that matters."""
    stem = f"detail.{signal.name}."
    variant = str(facts.get("what") or (signal.facts[0] if signal.facts == ("unknown",) else ""))
    if not variant or not has_message(stem + variant):
        variant = "clear" if signal.reason in (Reason.CLEAR, Reason.TRUSTED) else "hit"
    amount = facts.get("count", facts.get("lang"))
    number = (
        {0: "_none", 1: "_one", "": "_none", "und": "_none"}.get(amount, "") if isinstance(amount, int | str) else ""
    )
    for code in (stem + variant + number, stem + variant):
        if has_message(code):
            return code
    return ""
