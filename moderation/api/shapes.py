"""How records look on the wire, for everybody or for the site or for staff: what each of them may see, and no more."""

from functools import lru_cache
from typing import Any, cast

import msgspec

from moderation.moves import shown_status
from moderation.records import Case, Decision, Reason, Signal, Status, Stored, Verdict
from moderation.scoring.details import detail


class SignalShape(msgspec.Struct, frozen=True, omit_defaults=False):
    """What one check saw."""

    name: str
    score: float
    reason: str
    detail: str


class WordShape(msgspec.Struct, frozen=True):
    """A stretch of the text that moved a score, in code points of the text as it was sent."""

    attribute: str
    begin: int
    end: int
    weight: float
    feature: str = ""


class Receipt(msgspec.Struct, frozen=True):
    """What becomes of a comment."""

    id: str
    status: Status
    verdict: str
    reasons: list[str]
    scores: dict[str, float]
    signals: list[SignalShape]
    model: list[str]
    policy: int
    degraded: bool
    would: str | None = None
    """Where the site only watches: what the verdict had been."""


class Score(msgspec.Struct, frozen=True):
    """What a comment would get; nothing is stored."""

    verdict: str
    reasons: list[str]
    scores: dict[str, float]
    signals: list[SignalShape]
    words: list[WordShape]
    model: list[str]
    lang: str
    degraded: bool
    would: str | None = None


def signals(verdict: Verdict) -> list[SignalShape]:
    """Show every signal with a sentence."""
    return [_signal(one) if one.score else _quiet(one) for one in verdict.signals]


def _signal(one: Signal) -> SignalShape:
    return SignalShape(one.name, round(one.score, 4), one.reason.value, detail(one))


@lru_cache(maxsize=4_096)
def _quiet(one: Signal) -> SignalShape:
    """Show a signal that saw nothing, as JSON that is written once: most of those of most comments are the same."""
    return cast(SignalShape, msgspec.Raw(msgspec.json.encode(_signal(one))))


def words(verdict: Verdict) -> list[WordShape]:
    """Show the words that moved the scores."""
    return [
        WordShape(one.name, word.begin, word.end, round(word.weight, 3), word.feature)
        for one in verdict.signals
        for word in one.words
    ]


def receipt(comment_id: str, status: Status, verdict: Verdict) -> Receipt:
    """Show a receipt."""
    return Receipt(
        comment_id,
        status,
        verdict.outcome.value,
        [reason.value for reason in verdict.reasons],
        scores(verdict),
        signals(verdict),
        list(verdict.models),
        verdict.policy,
        verdict.degraded,
        verdict.would.value if verdict.would else None,
    )


def score(verdict: Verdict) -> Score:
    """Show a verdict that was given without recording anything."""
    return Score(
        verdict.outcome.value,
        [reason.value for reason in verdict.reasons],
        scores(verdict),
        signals(verdict),
        words(verdict),
        list(verdict.models),
        verdict.lang,
        verdict.degraded,
        verdict.would.value if verdict.would else None,
    )


def scores(verdict: Verdict) -> dict[str, float]:
    """Show the models' scores with four digits."""
    return {name: int(value * 10_000 + 0.5) / 10_000 for name, value in verdict.scores.items()}


def decision(one: Decision) -> dict[str, Any]:
    """Show a decision."""
    return {
        "decision": one.decision.value,
        "reason": one.reason.value if one.reason else None,
        "note": one.note,
        "learn": one.learn,
        "by": one.by,
        "name": one.name,
        "at": one.at,
    }


def for_site(stored: Stored) -> dict[str, Any]:
    """Show a comment to its site: a decision that may still be undone is not there yet, and no moderator has a name."""
    hidden = stored.embargo > 0
    verdict = stored.verdict
    made = None if hidden or not stored.decision else stored.decision
    return {
        "id": stored.id,
        "external_id": stored.external_id or None,
        "status": shown_status(stored).value,
        "version": stored.previous_version if hidden and stored.previous_version else stored.version,
        "text": stored.text,
        "name": stored.name,
        "url": stored.url or None,
        "thread": {"url": stored.thread.url, "title": stored.thread.title} if stored.thread.url else None,
        "parent_id": stored.parent_id or None,
        "lang": stored.lang or None,
        "submitted_at": stored.submitted_at or stored.received_at,
        "received_at": stored.received_at,
        "author": stored.author,
        "edits": stored.edits,
        "reports": stored.reports,
        "verdict": verdict.outcome.value if verdict else None,
        "reasons": [reason.value for reason in verdict.reasons] if verdict else [],
        "scores": scores(verdict) if verdict else {},
        "signals": signals(verdict) if verdict else [],
        "model": list(verdict.models) if verdict else [],
        "degraded": verdict.degraded if verdict else False,
        "decision": {
            "decision": made.decision.value,
            "reason": made.reason.value if made.reason else None,
            "at": made.at,
        }
        if made
        else None,
    }


def for_staff(stored: Stored) -> dict[str, Any]:
    """Show a comment to moderators: everything but what says who the author is outside of this site."""
    shown = for_site(stored)
    verdict = stored.verdict
    shown |= {
        "site": stored.site,
        "status": stored.status.value,
        "version": stored.version,
        "channel": stored.channel,
        "user_agent": stored.user_agent or None,
        "referrer": stored.referrer or None,
        "words": [msgspec.to_builtins(one) for one in words(verdict)] if verdict else [],
        "score": verdict.score if verdict else 0.0,
        "policy": verdict.policy if verdict else None,
        "would": verdict.would.value if verdict and verdict.would else None,
        "judged_lang": verdict.lang if verdict else "",
        "decision": decision(stored.decision) if stored.decision else None,
        "told_from": stored.embargo or None,
        "escalated": stored.escalated or None,
        "report_reason": stored.report_reason or None,
        "changed": stored.changed,
    }
    return shown


def case(one: Case) -> dict[str, Any]:
    """Show a case of the queue."""
    comment = one.comment
    shown = for_staff(comment)
    verdict = comment.verdict
    reasons = list(comment.waiting_for)
    return shown | {
        "state": one.state,
        "holder": one.holder or None,
        "lease_ends": one.lease_ends or None,
        "waiting_since": one.since or None,
        "held_for": reasons,
        "why": why(verdict, reasons),
    }


def why(verdict: Verdict | None, reasons: list[str]) -> str:
    """Say in one plain line why a comment is held."""
    if verdict is None:
        return ""
    told = [detail(one) for one in verdict.signals if one.reason.value in reasons and one.reason is not Reason.CLEAR]
    if "reported" in reasons:
        told.insert(0, "reported by readers")
    if "edited" in reasons and not any("edit" in part for part in told):
        told.insert(0, "edited since a person looked")
    return ", ".join(told)


class ThreadComment(msgspec.Struct, frozen=True):
    """An approved comment as the page shows it: no e-mail, no address."""

    id: str
    name: str
    url: str | None
    text: str
    parent_id: str | None
    submitted_at: str


def thread_comment(stored: Stored) -> ThreadComment:
    """Show an approved comment to everybody."""
    return ThreadComment(
        stored.id,
        stored.name,
        stored.url or None,
        stored.text,
        stored.parent_id or None,
        stored.submitted_at or stored.received_at,
    )
