"""Taking comments in: spend, recall, examine, judge, record.

Concurrent comments share that work: each of the five steps is done once for a whole batch. A comment that fails (a
spent allowance, a reused Idempotency-Key) fails alone; a store that does not answer fails all of them, and nothing was
acknowledged.
"""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import msgspec

from moderation.digests import Arrival, Digests
from moderation.errors import CaseDecided, ModerationError, RateExceeded, UnknownComment
from moderation.records import Comment, History, Outcome, Reason, Site, Status, Stored, Thread, Verdict
from moderation.scoring.fingerprint import fingerprint
from moderation.scoring.pipeline import Pipeline
from moderation.scoring.policy import judge
from moderation.store.batches import Batches
from moderation.store.comments import Comments, Known, Move, Recorded, document_of
from moderation.telemetry import Telemetry

EDITS_BEFORE_A_LOOK = 3
"""After so many edits that no person has seen, a comment waits whatever its score."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a comment: the answer to whoever brought it."""

    id: str
    status: Status
    verdict: Verdict
    known: bool = False
    """True where it came before and was not recorded again."""


class _Submission(msgspec.Struct, frozen=True):
    site: Site
    arrival: Arrival


class Intake:
    """The way in for comments of all sites."""

    def __init__(
        self,
        comments: Comments,
        pipeline: Pipeline,
        digests: Digests,
        telemetry: Telemetry,
        now: Callable[[], datetime],
        *,
        batch_size: int = 64,
        max_waiting: int = 2048,
    ) -> None:
        self._comments = comments
        self._pipeline = pipeline
        self._digests = digests
        self._telemetry = telemetry
        self._now = now
        self._ids = _Ids()
        self._batches: Batches[_Submission, Receipt] = Batches(self._take_in, largest=batch_size, waiting=max_waiting)

    def new_id(self, site: Site) -> str:
        """Give an id for a new comment: the site's, and 16 characters that sort by time."""
        return f"{site.id}-{self._ids.next()}"

    async def submit(self, site: Site, comment: Comment, *, idempotency_key: str = "", body: bytes = b"") -> Receipt:
        """Take a comment in; when this returns, it is on disk.

        Raises RateExceeded, IdempotencyConflict, Overloaded, StoreUnavailable; then nothing was recorded, or (only
        with StoreUnavailable) it is not known whether it was: the same Idempotency-Key finds out.
        """
        return await self._batches.submit(_Submission(site, self._arrival(site, comment, idempotency_key, body)))

    def begin(self, site: Site, comment: Comment) -> Awaitable[Receipt]:
        """Begin to take a comment in and do not wait: what is begun together shares a batch."""
        return self._batches.submit(_Submission(site, self._arrival(site, comment)))

    def _arrival(self, site: Site, comment: Comment, idempotency_key: str = "", body: bytes = b"") -> Arrival:
        return Arrival(
            comment=comment,
            author=self._digests.author_of(comment),
            address=self._digests.address(comment.ip),
            fingerprint=fingerprint(comment.text),
            idempotency=self._digests.of("idempotency", idempotency_key) if idempotency_key else "",
            body=self._digests.of("body", body.hex()) if idempotency_key else "",
            sealed=self._digests.seal(site.id, comment) if site.policy.keep_contact else "",
            spends_form=comment.channel == "form",
        )

    async def _take_in(self, batch: Sequence[_Submission]) -> list[Receipt | Exception]:
        by_site: dict[str, list[int]] = {}
        for place, item in enumerate(batch):
            by_site.setdefault(item.site.id, []).append(place)
        out: list[Receipt | Exception] = [UnknownComment("")] * len(batch)
        for places in by_site.values():
            site = batch[places[-1]].site
            try:
                answers: Sequence[Receipt | Exception] = await self._take_in_of(
                    site, [batch[i].arrival for i in places]
                )
            except ModerationError as error:
                answers = [error] * len(places)
            for place, answer in zip(places, answers, strict=True):
                out[place] = answer
        return out

    async def _take_in_of(self, site: Site, arrivals: Sequence[Arrival]) -> list[Receipt | Exception]:
        began = time.perf_counter()
        recalled = await self._comments.recall(site, arrivals)
        fresh = [(place, item) for place, item in enumerate(recalled) if isinstance(item, History)]
        verdicts = self._judge(site, [(arrivals[place].comment, history) for place, history in fresh])
        judged = [(arrivals[place], verdict) for (place, _), verdict in zip(fresh, verdicts, strict=True)]
        day = self._now().strftime("%Y-%m-%d")
        recorded = await self._comments.record(site, judged, day=day) if judged else []
        self._telemetry.batch_recorded(len(judged), time.perf_counter() - began)

        out: list[Receipt | Exception] = []
        written = iter(zip(recorded, judged, strict=True))
        for item in recalled:
            if isinstance(item, ModerationError):
                if isinstance(item, RateExceeded):
                    self._telemetry.allowance_spent(item.scope, allowed=False)
                out.append(item)
            elif isinstance(item, Known):
                out.append(await self._receipt_of(site, item.id))
            else:
                answer, (arrival, verdict) = next(written)
                if isinstance(answer, Recorded):
                    self._judged(verdict, began)
                    out.append(Receipt(id=arrival.comment.id, status=verdict.outcome.status, verdict=verdict))
                elif isinstance(answer, Known):
                    out.append(await self._receipt_of(site, answer.id))
                else:
                    out.append(answer)
        return out

    def _judged(self, verdict: Verdict, began: float) -> None:
        reasons = [reason.value for reason in verdict.reasons]
        self._telemetry.comment_judged(verdict.outcome.value, reasons, verdict.degraded, time.perf_counter() - began)

    def _judge(self, site: Site, facts: Sequence[tuple[Comment, History]]) -> list[Verdict]:
        examined = self._pipeline.examine([(site, comment, history) for comment, history in facts])
        return [judge(one, site.policy) for one in examined]

    async def _receipt_of(self, site: Site, comment_id: str) -> Receipt | Exception:
        try:
            stored = await self._comments.get(site.id, comment_id)
        except UnknownComment as error:
            return error
        verdict = stored.verdict or Verdict(outcome=Outcome.HOLD)
        return Receipt(id=stored.id, status=verdict.outcome.status, verdict=verdict, known=True)

    # judging without recording --------------------------------------------------------------------

    async def appraise(self, site: Site, comment: Comment) -> Verdict:
        """Judge a comment as `submit` would, and record nothing: no allowance is spent, no history grows."""
        recalled = (await self._comments.recall(site, [self._arrival(site, comment)], spend=False))[0]
        history = recalled if isinstance(recalled, History) else History()
        return self._judge(site, [(comment, history)])[0]

    def score(self, site: Site, comments: Sequence[Comment]) -> list[Verdict]:
        """Judge texts alone, as if nobody had written before; asks nobody. For clients that only want scores."""
        return self._judge(site, [(comment, History()) for comment in comments])

    # reading ----------------------------------------------------------------------------------------

    async def stored(self, site: Site, comment_id: str) -> Stored:
        """Give a comment of this site; raises UnknownComment."""
        return await self._comments.get(site.id, comment_id)

    async def changed_since(self, site: Site, stamp: int, limit: int) -> list[Stored]:
        """List comments by their last change, oldest change first."""
        return await self._comments.changed_since(site.id, stamp, limit)

    async def approved_under(self, site: Site, url: str, after: int, limit: int) -> tuple[list[Stored], int]:
        """List the approved comments of a page, oldest first, and how many there are."""
        return await self._comments.approved_under(site.id, url, after, limit)

    # changes of a recorded comment ----------------------------------------------------------------

    async def edit(self, site: Site, comment_id: str, text: str) -> Receipt:
        """Judge a changed text and record it. The version grows, and an older decision no longer stands.

        An edit never publishes what a person rejected, and after a few edits that nobody has seen the comment waits.
        """
        began = time.perf_counter()
        stored = await self._comments.get(site.id, comment_id)
        edits = stored.edits + 1
        comment = as_comment(stored, text=text, edits=edits)
        arrival = self._arrival(site, comment)
        arrival = msgspec.structs.replace(arrival, author=stored.author, address=stored.address)
        recalled = (await self._comments.recall(site, [arrival], spend=False))[0]
        history = _without_itself(recalled if isinstance(recalled, History) else History(), stored, arrival)
        verdict = self._judge(site, [(comment, history)])[0]
        rejected_before = stored.status is Status.REJECTED
        if (rejected_before or edits > EDITS_BEFORE_A_LOOK) and verdict.outcome is Outcome.APPROVE:
            verdict = msgspec.structs.replace(
                verdict, outcome=Outcome.HOLD, reasons=(Reason.EDITED,), score=max(verdict.score, 0.5)
            )
        document = document_of(stored, text=text, edits=edits, fingerprint=arrival.fingerprint)
        move = _judged_again("comment.edited", stored, verdict, document=document)
        await self._comments.move(stored, move, day=self._now().strftime("%Y-%m-%d"))
        self._judged(verdict, began)
        return Receipt(id=stored.id, status=verdict.outcome.status, verdict=verdict)

    async def rescore(self, site: Site, stored: Stored) -> Verdict | None:
        """Judge a comment that came while no model could score it; None where it still cannot be scored.

        The new verdict counts: what would have been published is published now, unless a person decided meanwhile.
        """
        verdict = self._judge(site, [(as_comment(stored), History(approved=0))])[0]
        if verdict.degraded:
            return None
        try:
            await self._comments.move(
                stored,
                _judged_again("comment.rescored", stored, verdict),
                day=self._now().strftime("%Y-%m-%d"),
            )
        except (CaseDecided, UnknownComment):
            return None
        return verdict

    async def report(self, site: Site, comment_id: str, ip: str, reason: str) -> int:
        """Take a reader's report of a published comment; gives how many readers reported it.

        The comment waits in the queue; whether it stays visible until it is decided is the policy's choice.
        """
        stored = await self._comments.get(site.id, comment_id)
        shown = stored.previous if stored.embargo and stored.previous else stored.status
        if shown is not Status.APPROVED:
            raise UnknownComment(comment_id)
        count = await self._comments.add_report(stored, self._digests.address(ip) or "nobody")
        if count <= stored.reports:
            return count
        visible = site.policy.reported_visible
        move = Move(
            event="comment.reported",
            status=Status.APPROVED if visible else Status.PENDING,
            queue="enter",
            reasons=(Reason.REPORTED.value,),
            urgency=min(1.0, 0.7 + 0.05 * count),
            silent=visible,
            facts={"reason": reason, "n": count},
            fields={"rep": str(count)},
        )
        try:
            await self._comments.move(stored, move, day=self._now().strftime("%Y-%m-%d"))
        except CaseDecided:
            # somebody decided or edited it in this very moment: the next report finds the new version
            return count
        return count

    async def erase(self, site: Site, comment_id: str, *, by: str = "", event: str = "comment.erased") -> None:
        """Delete a comment with its label, its place in the queue and its explanation; the ledger keeps its id."""
        for _ in range(3):
            stored = await self._comments.get(site.id, comment_id)
            move = Move(event=event, status=None, by=by, queue="leave", forget_label=True, drains=True)
            try:
                await self._comments.move(stored, move, day=self._now().strftime("%Y-%m-%d"))
            except CaseDecided:
                continue
            return

    async def close(self) -> None:
        """Finish what was taken in."""
        await self._batches.close()


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


def _judged_again(event: str, stored: Stored, verdict: Verdict, **changes: object) -> Move:
    status = verdict.outcome.status
    return Move(
        event=event,
        status=status,
        queue="enter" if status is Status.PENDING else "leave",
        reasons=tuple(verdict.reasons),
        urgency=verdict.score,
        verdict=verdict,
        forget_decision=stored.decision is not None,
        forget_label=stored.decision is not None,
        scored=not verdict.degraded,
        facts={"p": verdict.policy},
        fields={"was": ""},
        **changes,  # type: ignore[arg-type]
    )


def _without_itself(history: History, stored: Stored, arrival: Arrival) -> History:
    """Take the comment out of its own history: an edit is not a repetition of itself."""
    count = {Status.APPROVED: "approved", Status.REJECTED: "rejected", Status.PENDING: "pending"}[stored.status]
    changes: dict[str, object] = {count: max(0, getattr(history, count) - 1)}
    if arrival.fingerprint == stored.fingerprint:
        changes["same_text"] = max(0, history.same_text - 1)
        changes["same_text_own"] = max(0, history.same_text_own - 1)
        changes["same_text_authors"] = history.same_text_authors - (history.same_text_own == 1)
    return msgspec.structs.replace(history, **changes)


class _Ids:
    """Ids of 16 characters: 42 bits of milliseconds and 38 random bits; they never go back within a process."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> str:
        """Give the next id."""
        ms = time.time_ns() // 1_000_000
        fresh = (ms << 38) | (int.from_bytes(os.urandom(5), "big") >> 2)
        self._last = fresh if fresh > self._last else self._last + 1 + (fresh & 0xFFFF)
        return base64.b32hexencode(self._last.to_bytes(10, "big")).decode().lower()
