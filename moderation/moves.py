"""What becomes of a recorded comment, as moves: judged again, or reported by a reader; and what a decision counts."""

from __future__ import annotations

from datetime import datetime

import msgspec

from moderation.digests import Arrival
from moderation.records import (
    Before,
    Comment,
    Decision,
    DecisionKind,
    History,
    Outcome,
    Reason,
    Site,
    Status,
    Stored,
    Thread,
    Verdict,
)
from moderation.store import codec
from moderation.store.codec import Document
from moderation.store.comments import Move, document_of


def as_comment(stored: Stored, **changes: object) -> Comment:
    """Give a stored comment as the comment it was, as far as it is kept: without e-mail and address."""
    comment = Comment(
        id=stored.id,
        site=stored.site,
        text=stored.text,
        name=stored.name,
        url=stored.url,
        thread=Thread(stored.thread.url, stored.thread.title),
        parent_id=stored.parent_id,
        user_agent=stored.user_agent,
        referrer=stored.referrer,
        lang=stored.lang,
        external_id=stored.external_id,
        submitted_at=stored.submitted_at,
        channel=stored.channel,
        edits=stored.edits,
    )
    return msgspec.structs.replace(comment, **changes)


def shown_status(stored: Stored) -> Status:
    """Say where the site sees a comment stand: a decision that may still be undone is not told yet."""
    return stored.previous if stored.embargo and stored.previous else stored.status


def first_text(stored: Stored, digest: str) -> dict[str, object]:
    """Give what is remembered of the text that a comment came with, as it is changed for the first time."""
    if stored.first_text:
        return {}
    objected = stored.embargo or stored.reports or stored.escalated
    return {"first_text": digest, "first_published": stored.status is Status.APPROVED and not objected}


def answers_for_first(stored: Stored, digest: str) -> bool:
    """Say whether whoever sends the first text of a changed comment again may hear where the comment stands now.

    That it is approved says so of the text it has now, and would publish another that never was.
    """
    return digest == stored.first_text and (stored.first_published or shown_status(stored) is not Status.APPROVED)


def withheld(stored: Stored, verdict: Verdict) -> Verdict:
    """Let wait what was rejected and has changed since, however mild the new verdict: only a person publishes it.

    A change while a decision may still be undone waits whichever decision that is, so that it tells nobody.
    That it waits for this reason is kept with the comment, so that the next edit, or the next score, publishes it no sooner.
    """
    waits = stored.status is Status.PENDING and Reason.EDITED in stored.waiting_for
    if verdict.outcome is Outcome.REJECT or not (waits or stored.embargo or stored.status is Status.REJECTED):
        return verdict
    reasons = (Reason.EDITED, *(reason for reason in verdict.reasons if reason is not Reason.EDITED))
    return msgspec.structs.replace(verdict, outcome=Outcome.HOLD, reasons=reasons, score=max(verdict.score, 0.5))


def judged_again(event: str, stored: Stored, verdict: Verdict, document: Document | None = None) -> Move:
    """Give the move of a comment that got another verdict: after an edit, or once a model could score it.

    What anybody said of a text that it has no longer is no label of it.
    """
    changed = document is not None and document.text != stored.text
    status = verdict.outcome.status
    reasons: tuple[str, ...] = tuple(verdict.reasons)
    objected = bool(stored.reports or stored.escalated)
    if objected:
        # a person has yet to look: what is visible until then stays so at most, and no verdict ends the wait
        visible = status is Status.APPROVED and stored.status is Status.APPROVED
        status = Status.APPROVED if visible else Status.PENDING
    if stored.reports:
        reasons = (Reason.REPORTED.value, *reasons)
    elif objected and verdict.outcome is Outcome.APPROVE:
        reasons = stored.waiting_for
    waits = objected or status is Status.PENDING
    return Move(
        event=event,
        status=status,
        queue="enter" if waits else "leave",
        reasons=reasons,
        urgency=msgspec.structs.replace(stored, verdict=verdict).urgency,
        verdict=verdict,
        forget_decision=stored.decision is not None,
        forget_label=changed or stored.decision is not None,
        document=document,
        scored=not verdict.degraded,
        facts={"p": verdict.policy},
        fields={"was": ""},
    )


def reported(site: Site, stored: Stored, reason: str, now: int) -> Move | None:
    """Give the move of a published comment that a reader reported; None where it is rejected for good.

    What the site still shows may be rejected already. Then the report is of how the comment stood before that, and
    comes back with it if the decision is taken back; where it stands, it has answered the report. `now` is a stamp.
    """
    if stored.status is Status.REJECTED:
        return _reported_before(site, stored, reason, now)
    visible = site.policy.reported_visible
    count = stored.reports + 1
    return Move(
        event="comment.reported",
        status=stored.status if visible else Status.PENDING,
        queue="enter",
        reasons=(Reason.REPORTED.value,),
        urgency=msgspec.structs.replace(stored, reports=count).urgency,
        silent=visible,
        facts={"n": count},
        fields={"rep": str(count), "rr": reason or stored.report_reason},
    )


def _reported_before(site: Site, stored: Stored, reason: str, now: int) -> Move | None:
    before = stored.before
    if before is None or before.status is Status.REJECTED:
        return None
    before = msgspec.structs.replace(
        before,
        status=before.status if site.policy.reported_visible else Status.PENDING,
        since=before.since or now,
        reasons=(Reason.REPORTED.value,),
        reports=before.reports + 1,
        report_reason=reason or before.report_reason,
    )
    return Move(
        event="comment.reported",
        status=stored.status,
        silent=True,
        facts={"n": before.reports},
        fields={"was": codec.encode_before(before)},
    )


def standing(stored: Stored, since: int, label: bytes) -> Before:
    """Give how a case stands before a decision, and since when it waits (0 where it does not), for an undo to bring back."""
    return Before(
        stored.status, since, stored.waiting_for, stored.reports, stored.escalated, stored.decision,
        stored.report_reason, stored.edits, label,
    )  # fmt: skip


def taken_back(stored: Stored, before: Before, now: int) -> Stored:
    """Give a comment as it stands once its last decision is taken back: as before it, with what came since.

    The decision alone is taken back, and no report: what one has hidden since stays so until somebody has looked. An
    embargo (`now` is a stamp) goes on only where the decision before is yet to be told as well.
    """
    earlier = before.decision
    reasons = before.reasons
    if stored.reports and Reason.REPORTED not in reasons:
        reasons = (Reason.REPORTED.value, *reasons)
    to_be_told = stored.embargo > now and earlier is not None and not 0 < earlier.version <= stored.previous_version
    hidden = before.status is Status.APPROVED and stored.status is Status.PENDING
    return msgspec.structs.replace(
        stored,
        status=Status.PENDING if hidden else before.status,
        decision=earlier,
        reports=before.reports + stored.reports,
        report_reason=stored.report_reason or before.report_reason,
        edits=before.edits,
        escalated=notes(stored.escalated, before.escalated),
        waits_for=" ".join(reasons) if before.since else stored.waits_for,
        embargo=stored.embargo if to_be_told else 0,
        before=None,
    )


def undone(stored: Stored, back: Stored, before: Before, now: int, **changes: object) -> Move:
    """Give the move that takes the last decision back; an embargo that is not over (`now` is a stamp) keeps it untold.

    One that is over counts as told, also where nobody has lifted it yet: a webhook may have gone out. What a report
    would have hidden meanwhile is hidden at once.
    """
    hides = back.status is Status.PENDING and shown_status(stored) is Status.APPROVED
    untold = stored.embargo > now and not hides
    degraded = stored.verdict is not None and stored.verdict.degraded
    waited_for_model = degraded and before.status is Status.PENDING and before.decision is None
    return Move(
        event="case.undone",
        status=back.status,
        # readers may have reported it since it was decided: then it waits anyway
        queue="enter" if before.since else "keep",
        since=before.since,
        reasons=back.waiting_for,
        urgency=back.urgency,
        decision=back.decision,
        forget_decision=back.decision is None,
        scored=False if waited_for_model else None,
        untold=untold,
        embargo_goes_on=back.embargo > 0,
        document=document_of(stored, edits=back.edits) if back.edits != stored.edits else None,
        facts={"untold": True} if untold else {},
        fields={
            "was": "",
            "esc": back.escalated,
            "rep": str(back.reports) if back.reports else "",
            "rr": back.report_reason,
        },
        **changes,  # type: ignore[arg-type]
    )


def notes(later: str, earlier: str) -> str:
    """Give the notes with which a case was passed on, the latest first; one that is sent again comes once."""
    if not later or earlier.startswith(later):
        return earlier
    return f"{later}\n{earlier}" if earlier else later


def without_itself(history: History, stored: Stored, arrival: Arrival) -> History:
    """Take the comment out of its own history: an edit is not a repetition of itself."""
    count = {Status.APPROVED: "approved", Status.REJECTED: "rejected", Status.PENDING: "pending"}[stored.status]
    changes: dict[str, object] = {count: max(0, getattr(history, count) - 1)}
    if arrival.fingerprint == stored.fingerprint:
        changes["same_text"] = max(0, history.same_text - 1)
        changes["same_text_own"] = max(0, history.same_text_own - 1)
        changes["same_text_authors"] = history.same_text_authors - (history.same_text_own == 1)
    return msgspec.structs.replace(history, **changes)


_TIMES = (60, 300, 900, 3600, 14_400, 86_400)
_OPPOSITE = {DecisionKind.APPROVE: "reject", DecisionKind.REJECT: "approve"}
"""What the machine must have said for a decision to override it; a held comment is nobody's mistake."""


def seconds_waited(stored: Stored, decision: Decision, since: float) -> float:
    """Say how long a case waited for its decision: since a stamp, or since it came in where that is none."""
    return max(0.0, datetime.fromisoformat(decision.at).timestamp() - (since or stored.waiting_since) / 1e6)


def decision_counts(stored: Stored, decision: Decision, seconds: float) -> str:
    """Say what a decision adds to the counts of its day; the time to decide in buckets of `_TIMES` seconds."""
    bucket = sum(seconds > edge for edge in _TIMES)
    fields = [f"d:{decision.decision.value}", f"by:{decision.by}:{decision.decision.value}", f"tt:{bucket}"]
    if decision.reason:
        fields.append(f"dr:{decision.reason.value}")
    if stored.verdict is not None and stored.verdict.outcome.value == _OPPOSITE[decision.decision]:
        fields.append("override")
    return " ".join(fields) + " "


def counted_back(counts: str) -> str:
    """Say that what was counted is counted no more, and that it was taken back."""
    return "".join(f"-{field} " for field in counts.split()) + "undone "
