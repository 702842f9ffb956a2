"""The moderators' verbs: claim, release, decide, undo, escalate, mark. One decision wins; each can be taken back.

A decision names the version it was made on. The first one on a version is carried out, a second one is told who was
faster. What a decision teaches is decided by its reason, here and nowhere else (`lesson`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import wraps
from typing import Concatenate, ParamSpec

import msgspec

from moderation.errors import (
    CaseDecided,
    CaseTaken,
    FieldError,
    FieldsInvalid,
    UndoTooLate,
    UnknownCase,
    UnknownComment,
)
from moderation.moves import counted_back, decision_counts, notes, seconds_waited, standing, taken_back, undone
from moderation.records import (
    Caller,
    Case,
    Decision,
    DecisionKind,
    DecisionReason,
    Label,
    Mark,
    Page,
    Query,
    Reason,
    Role,
    Site,
    Stored,
)
from moderation.store import codec
from moderation.store.comments import Comments, Move, document_of, label_id
from moderation.store.labels import encode_label
from moderation.store.ledger import Ledger
from moderation.store.queue import Queue
from moderation.telemetry import Telemetry

UNDO_WITHIN_SECONDS = 86_400
"""How long a decision may be undone at all; later it is decided anew."""
CLAIM_AT_MOST = 50
NOTES_KEPT = 20_000
"""How many characters of notes a case keeps that is passed on again and again; the oldest go first."""
LOOKED_AT_FOR_FILTERS = 200


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """What a moderator says of one case."""

    decision: DecisionKind
    reason: DecisionReason | None = None
    note: str = ""
    learn: bool = True
    version: int | None = None
    """The version the moderator saw; without it the case must still be waiting."""
    undo_seconds: int = 0
    """How long the site is not told, so that the decision can be taken back; the policy's time where that is longer."""


class Waiting(msgspec.Struct, frozen=True):
    """How many cases wait, in all and under each filter."""

    total: int
    reasons: dict[str, int]
    langs: dict[str, int]
    threads: list[tuple[str, str, int]]
    """url, title, count."""


def lesson(decision: DecisionKind, reason: DecisionReason | None, learn: bool) -> dict[str, float]:
    """Say what a decision teaches: attribute to truth; empty where it teaches nothing.

    An approved comment is neither spam nor toxic. A rejected one teaches what its reason names, and only that.
    """
    if not learn:
        return {}
    if decision is DecisionKind.APPROVE:
        return {"spam": 0.0, "toxicity": 0.0}
    if reason is DecisionReason.SPAM:
        return {"spam": 1.0}
    if reason is DecisionReason.TOXIC:
        return {"toxicity": 1.0}
    return {}


_Given = ParamSpec("_Given")


def _counted(
    verb: Callable[Concatenate[Review, _Given], Awaitable[Stored]],
) -> Callable[Concatenate[Review, _Given], Awaitable[Stored]]:
    """Count what this verb refuses since it comes second or too late."""

    @wraps(verb)
    async def counting(self: Review, /, *given: _Given.args, **named: _Given.kwargs) -> Stored:
        try:
            return await verb(self, *given, **named)
        except (CaseDecided, CaseTaken, UndoTooLate) as error:
            self._telemetry.decision_refused(error.code)
            raise

    return counting


class Review:
    """What moderators do with the cases of their sites."""

    def __init__(
        self,
        comments: Comments,
        queue: Queue,
        ledger: Ledger,
        telemetry: Telemetry,
        pseudonym: Callable[[str], str],
        now: Callable[[], datetime],
    ) -> None:
        self._comments = comments
        self._queue = queue
        self._ledger = ledger
        self._telemetry = telemetry
        self._pseudonym = pseudonym
        self._now = now

    # seeing ---------------------------------------------------------------------------------------

    async def page(self, site: Site, query: Query) -> Page:
        """Give one page of what waits."""
        return await self._queue.page(site.id, query)

    async def filters(self, site: Site) -> Waiting:
        """Count what waits by reason, language and thread; the latter two as far as the most urgent cases name them."""
        first = await self._queue.page(site.id, Query(limit=LOOKED_AT_FOR_FILTERS))
        comments = [case.comment for case in first.cases]
        langs = Counter(item.verdict.lang for item in comments if item.verdict and item.verdict.lang)
        threads = Counter((item.thread.id, item.thread.url, item.thread.title) for item in comments if item.thread.id)
        named_langs = [lang for lang, _ in langs.most_common(12)]
        named_threads = [thread for thread, _ in threads.most_common(12)]
        names = (
            *("r:" + reason.value for reason in Reason),
            *("l:" + lang for lang in named_langs),
            *("t:" + thread for thread, _, _ in named_threads),
        )
        counts = await self._queue.counts(site.id, names)
        return Waiting(
            total=counts["total"],
            reasons={reason.value: counts["r:" + reason.value] for reason in Reason if counts["r:" + reason.value]},
            langs={lang: counts["l:" + lang] for lang in named_langs},
            threads=[(url, title, counts["t:" + thread]) for thread, url, title in named_threads],
        )

    async def case(self, site: Site, comment_id: str) -> Case:
        """Give one case, waiting or decided; raises UnknownCase."""
        found = await self._queue.case(await self._stored(site, comment_id))
        if found.state != "decided":
            return found
        # read again: it may have been decided between the two looks
        return msgspec.structs.replace(found, comment=await self._stored(site, comment_id))

    async def _stored(self, site: Site, comment_id: str) -> Stored:
        try:
            return await self._comments.get(site.id, comment_id)
        except UnknownComment as error:
            raise UnknownCase(comment_id) from error

    async def _decided_meanwhile(self, site: Site, comment_id: str) -> CaseDecided:
        """Name who was faster, by the comment as it is now: what a verb has read may be older than that decision."""
        return _decided(await self._stored(site, comment_id))

    # claiming -------------------------------------------------------------------------------------

    async def claim(self, site: Site, caller: Caller, count: int, lease_seconds: int, query: Query) -> list[Case]:
        """Lease the next cases to the caller; those the caller holds already come again, their lease renewed."""
        ids = await self._queue.claim(site.id, caller.id, min(max(count, 1), CLAIM_AT_MOST), lease_seconds, query)
        self._telemetry.case_claimed(len(ids))
        found = await self._comments.get_many(site.id, ids)
        return [await self._queue.case(item) for item in found if item]

    async def keep(self, site: Site, caller: Caller, comment_id: str, lease_seconds: int) -> str:
        """Lease one case, or prolong its lease; gives the time when it ends."""
        return await self._queue.lease(site.id, comment_id, caller.id, lease_seconds)

    async def release(self, site: Site, caller: Caller, comment_id: str) -> None:
        """Give a case back, so that a colleague may have it."""
        await self._queue.lease(site.id, comment_id, caller.id, 0)

    # deciding -------------------------------------------------------------------------------------

    @_counted
    async def decide(self, site: Site, caller: Caller, comment_id: str, ruling: Ruling) -> Stored:
        """Decide a case, also one that was decided before; gives the comment as it stands then.

        Raises CaseDecided where the version is no longer the one the moderator saw, CaseTaken where a colleague
        leases it. Durable when it returns, also on a store that is out of memory.
        """
        if ruling.decision is DecisionKind.REJECT and ruling.reason is None:
            message = "Say why: spam, toxic, off_topic, personal_data, illegal or other."
            raise FieldsInvalid([FieldError("reason", "reason_missing", message)])
        stored = await self._stored(site, comment_id)
        since = (await self._queue.case(stored)).since
        waits = since > 0
        if (ruling.version is not None and ruling.version != stored.version) or (ruling.version is None and not waits):
            raise await self._decided_meanwhile(site, comment_id)
        now = self._now()
        decision = Decision(
            decision=ruling.decision,
            by=caller.id,
            name=caller.name,
            at=_written(now),
            reason=ruling.reason if ruling.decision is DecisionKind.REJECT else None,
            note=ruling.note,
            learn=ruling.learn,
            version=stored.version + 1,
        )
        label = self._label(site, stored, decision)
        # an undo makes the label of an earlier decision anew, and cannot make a client's
        clients = b"" if stored.decision else await self._comments.label_of(stored)
        facts: dict[str, object] = {"d": decision.decision.value, "learn": decision.learn}
        if decision.reason:
            facts["reason"] = decision.reason.value
        kept_back = max(site.policy.undo_seconds, ruling.undo_seconds)
        if kept_back:
            facts["wait"] = kept_back
        seconds = seconds_waited(stored, decision, since)
        move = Move(
            event="case.decided",
            status=decision.decision.status,
            by=caller.id,
            leased_to="" if caller.role is Role.ADMIN else caller.id,
            queue="leave",
            decision=decision,
            embargo_seconds=kept_back,
            label=encode_label(label) if label else b"",
            forget_label=label is None,
            scored=True,
            # a person has looked at the text as it is now: edits are counted anew
            document=document_of(stored, edits=0) if stored.edits else None,
            counts=decision_counts(stored, decision, seconds),
            facts=facts,
            fields={"was": codec.encode_before(standing(stored, since, clients)), "esc": "", "rep": "", "rr": ""},
            drains=True,
        )
        version = await self._comments.move(stored, move, day=now.strftime("%Y-%m-%d"))
        self._telemetry.case_decided(decision.decision.value, decision.reason.value if decision.reason else "", seconds)
        return msgspec.structs.replace(
            stored, status=decision.decision.status, version=version, decision=decision, escalated="", reports=0,
            report_reason="", edits=0,
        )  # fmt: skip

    @_counted
    async def undo(self, site: Site, caller: Caller, comment_id: str, version: int | None = None) -> Stored:
        """Take the last decision back: all stands as before it but for what came since, and what it taught is unlearned.

        A decision that it replaced counts again, with its lesson; what waited waits again where it stood, and what a
        report has hidden since stays hidden. Only who decided, or an admin, may; within a day. While the policy's
        `undo_seconds` last the site never hears of it, later it is told of the change back. Raises UndoTooLate, CaseDecided.
        """
        stored = await self._stored(site, comment_id)
        before = stored.before
        if stored.decision is None or before is None:
            raise UndoTooLate(comment_id)
        mine = stored.decision.by == caller.id or caller.role is Role.ADMIN
        if not mine or (version is not None and version != stored.version):
            raise _decided(stored)
        now = self._now()
        age = now - datetime.fromisoformat(stored.decision.at)
        if age.total_seconds() > UNDO_WITHIN_SECONDS:
            raise UndoTooLate(comment_id)
        stamp = int(now.timestamp() * 1e6)
        back = taken_back(stored, before, stamp)
        earlier = self._label(site, stored, back.decision) if back.decision else None
        label = encode_label(earlier) if earlier else before.label
        waited = seconds_waited(stored, stored.decision, before.since)
        move = undone(
            stored, back, before, stamp,
            by=caller.id,
            label=label,
            forget_label=not label,
            counts=counted_back(decision_counts(stored, stored.decision, waited)),
        )  # fmt: skip
        # the day of the decision counts it no more, also where that was yesterday
        new = await self._comments.move(stored, move, day=stored.decision.at[:10])
        self._telemetry.decision_undone()
        return msgspec.structs.replace(back, version=new)

    async def escalate(self, site: Site, caller: Caller, comment_id: str, note: str) -> Stored:
        """Pass a case on with a note, added to earlier ones: it stays in the queue, most urgent of all, free for anybody."""
        stored = await self._stored(site, comment_id)
        if (await self._queue.case(stored)).state == "decided":
            raise await self._decided_meanwhile(site, comment_id)
        said = notes(f"{caller.name or caller.id}: {note}", stored.escalated)[:NOTES_KEPT]
        move = Move(
            event="case.escalated",
            status=stored.status,
            by=caller.id,
            leased_to=caller.id,
            queue="enter",
            reasons=stored.waiting_for,
            urgency=1.0,
            silent=True,
            fields={"esc": said},
        )
        version = await self._comments.move(stored, move, day=self._now().strftime("%Y-%m-%d"))
        return msgspec.structs.replace(stored, version=version, escalated=said)

    # authors --------------------------------------------------------------------------------------

    async def author(self, site: Site, author: str) -> tuple[list[Stored], dict[str, str]]:
        """Give an author's latest comments and what is known: counts ap, rj, pd, and the mark mk with its end mu."""
        return await self._comments.of_author(site.id, author)

    async def mark(self, site: Site, caller: Caller, author: str, mark: Mark, days: int) -> None:
        """Trust, watch or block an author for some days (0: for ever), or take the mark away."""
        until = int((self._now().timestamp() + days * 86_400) * 1000) if days else 0
        await self._comments.mark_author(site.id, author, mark, until, caller.id)
        await self._ledger.append(site.id, "author.marked", caller.id, author=author, mark=mark.value, days=days)

    async def similar(self, stored: Stored) -> list[Stored]:
        """List other waiting comments with almost the same text."""
        return await self._comments.copies_of(stored)

    async def parent(self, site: Site, stored: Stored) -> Stored | None:
        """Give the comment that this one answers, where it is known by our id or by the site's."""
        if not stored.parent_id:
            return None
        known = await self._comments.by_external_id(site.id, stored.parent_id)
        found = await self._comments.get_many(site.id, [known or stored.parent_id])
        return found[0]

    # what a decision teaches ----------------------------------------------------------------------

    def _label(self, site: Site, stored: Stored, decision: Decision) -> Label | None:
        values = lesson(decision.decision, decision.reason, decision.learn)
        if not values:
            return None
        verdict = stored.verdict
        return Label(
            id=label_id(stored.id),
            site=site.id,
            text=stored.text,
            values=values,
            source="moderator",
            at=decision.at,
            by=self._pseudonym(decision.by),
            reason=decision.reason.value if decision.reason else "",
            lang=verdict.lang if verdict else stored.lang,
            comment_id=stored.id,
            author=stored.author,
            scores=verdict.scores if verdict else {},
            model=verdict.models[0] if verdict and verdict.models else "",
            about=verdict.about(values, stored.url) if verdict else "",
            name=stored.name,
            url=stored.url,
        )


def _decided(stored: Stored) -> CaseDecided:
    decision = stored.decision
    if decision is None:
        return CaseDecided(stored.id, stored.version, "", "", "")
    return CaseDecided(stored.id, stored.version, decision.name or decision.by, decision.decision.value, decision.at)


def _written(now: datetime) -> str:
    return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
