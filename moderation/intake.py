"""Taking comments in: spend, recall, examine, judge, record.

Concurrent comments share that work: each of the five steps is done once for a whole batch. A comment that fails (a
spent allowance, a reused Idempotency-Key) fails alone; a store that does not answer fails all of them, and nothing was
acknowledged.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import accumulate, groupby
from operator import itemgetter

import msgspec

from moderation.digests import Arrival, Digests
from moderation.errors import (
    CaseDecided,
    CommentChanged,
    ExternalIdTaken,
    ModerationError,
    Overloaded,
    RateExceeded,
    StoreUnavailable,
    UnknownComment,
)
from moderation.moves import (
    answers_for_first,
    as_comment,
    first_text,
    judged_again,
    reported,
    shown_status,
    withheld,
    without_itself,
)
from moderation.records import Comment, History, Outcome, Site, Status, Stored, Verdict
from moderation.scoring.fingerprint import fingerprint
from moderation.scoring.pipeline import Pipeline, checks_of
from moderation.scoring.policy import judge
from moderation.scoring.replay import seen_again
from moderation.store.batches import Batches
from moderation.store.comments import Comments, Known, Move, Recorded, Stretch, document_of
from moderation.store.counts import Counts
from moderation.telemetry import Telemetry

ATTEMPTS = 5
"""How often a change that others were faster with is tried on the version they left."""
REFUSED = {"address": "429:address", "e-mail address": "429:email", "address by this form": "429:form"}
"""Whose allowance was spent -> what is counted for the day."""
ARRIVAL_SIGNALS = frozenset(("honeypot", "form_speed", "missing_field", "disposable_email", "lookalike_email"))
"""What only the arrival of a comment shows: an edit keeps what was seen then."""
FIRST_TEXT_SIGNALS = ARRIVAL_SIGNALS | {"velocity", "repeated_text", "campaign", "checks"}
"""What only the moment shows in which its text came, or that a check failed at it then: a later score keeps that too."""
_CHARACTERS_A_TURN = 20_000
"""So many are scored before others are let in, which takes some twenty milliseconds."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a comment: the answer to whoever brought it."""

    id: str
    status: Status
    verdict: Verdict
    known: bool = False
    """True where it came before and was not recorded again."""

    @classmethod
    def of(cls, stored: Stored) -> Receipt:
        """Say where a comment stands that is here already, as far as its site knows."""
        verdict = stored.verdict or Verdict(outcome=Outcome.HOLD)
        return cls(id=stored.id, status=shown_status(stored), verdict=verdict, known=True)


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
        counts: Counts,
        *,
        batch_size: int = 100,
        max_waiting: int = 1024,
    ) -> None:
        self._comments = comments
        self._pipeline = pipeline
        self._digests = digests
        self._telemetry = telemetry
        self._now = now
        self._counts = counts
        self._ids = _Ids()
        self._batches: Batches[_Submission, Receipt] = Batches(self._take_in, largest=batch_size, waiting=max_waiting)

    def new_id(self, site: Site) -> str:
        """Give an id for a new comment: the site's, and 16 characters that sort by time."""
        return f"{site.id}-{self._ids.next()}"

    async def submit(self, site: Site, comment: Comment, *, idempotency_key: str = "", body: bytes = b"") -> Receipt:
        """Take a comment in; when this returns, it is on disk.

        Raises RateExceeded, IdempotencyConflict, ExternalIdTaken, CommentChanged, Overloaded, StoreUnavailable; then nothing
        was recorded, or (only with StoreUnavailable) it is not known whether it was: the same Idempotency-Key finds out.
        """
        return await self.begin(site, comment, idempotency_key=idempotency_key, body=body)

    def begin(
        self, site: Site, comment: Comment, *, idempotency_key: str = "", body: bytes = b""
    ) -> asyncio.Future[Receipt]:
        """Begin to take a comment in and do not wait: what is begun together shares a batch."""
        self.admit()
        return self._batches.submit(_Submission(site, self._arrival(site, comment, idempotency_key, body)))

    def admit(self) -> None:
        """Raise Overloaded where too many wait: before any work for one more, since that work is what is lacking."""
        if self._batches.full:
            self._telemetry.request_turned_away()
            raise Overloaded

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
            by_name=not comment.email and not comment.ip,
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
            except Exception as error:  # what fails for one site fails for no other
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
        day = self._today()
        recorded = await self._comments.record(site, judged, day=day) if judged else []
        if not judged and any(isinstance(item, Known) for item in recalled):
            # whoever sends again does so because the first answer did not say that it is safe
            await self._comments.confirm(site)
        self._telemetry.batch_recorded(len(judged), time.perf_counter() - began)

        refused = Counter(REFUSED[item.scope] for item in recalled if isinstance(item, RateExceeded))
        if refused:
            with suppress(StoreUnavailable):  # what is answered does not hang on how often it was
                await self._counts.add(site.id, day, refused)

        out: list[Receipt | Exception] = []
        written = iter(zip(recorded, judged, strict=True))
        for place, item in enumerate(recalled):
            if isinstance(item, ModerationError):
                if isinstance(item, RateExceeded):
                    self._telemetry.allowance_spent(item.scope, allowed=False)
                out.append(item)
            elif isinstance(item, Known):
                out.append(await self._receipt_of(site, item, arrivals[place].comment.text))
            else:
                answer, (arrival, verdict) = next(written)
                if isinstance(answer, Recorded):
                    self._judged(verdict, began)
                    out.append(Receipt(id=arrival.comment.id, status=verdict.outcome.status, verdict=verdict))
                elif isinstance(answer, Known):
                    out.append(await self._receipt_of(site, answer, arrival.comment.text))
                else:
                    out.append(answer)
        return out

    def _judged(self, verdict: Verdict, began: float) -> None:
        reasons = [reason.value for reason in verdict.reasons]
        self._telemetry.comment_judged(verdict.outcome.value, reasons, verdict.degraded, time.perf_counter() - began)

    def _judge(self, site: Site, facts: Sequence[tuple[Comment, History]]) -> list[Verdict]:
        examined = self._pipeline.examine([(site, comment, history) for comment, history in facts])
        return [judge(one, site.policy) for one in examined]

    async def _receipt_of(self, site: Site, known: Known, text: str) -> Receipt | Exception:
        """Answer what came before as it stands now, whether its key or the site's name for it told.

        Whoever sends the text again that it came with repeats the first request, also after an edit. A text that nobody
        has judged is not answered with the verdict on another, nor is one that was never published with its approval.
        """
        try:
            stored = await self._comments.get(site.id, known.id)
        except UnknownComment:
            return CommentChanged(known.id)
        if text != stored.text and not answers_for_first(stored, self._digests.of("text", text)):
            return ExternalIdTaken(stored.id) if known.by_name else CommentChanged(stored.id)
        return Receipt.of(stored)

    # judging without recording --------------------------------------------------------------------

    async def appraise(self, site: Site, comment: Comment) -> Verdict:
        """Judge a comment as `submit` would, and record nothing: no allowance is spent, no history grows."""
        recalled = (await self._comments.recall(site, [self._arrival(site, comment)], spend=False))[0]
        history = recalled if isinstance(recalled, History) else History()
        return self._judge(site, [(comment, history)])[0]

    async def score(self, site: Site, comments: Sequence[Comment]) -> list[Verdict]:
        """Judge texts alone, as if nobody had written before; asks nobody. For clients that only want scores.

        Many long ones take seconds, so others are let in between some thousand characters.
        """
        verdicts: list[Verdict] = []
        ends = accumulate(len(comment.text) for comment in comments)
        turns = (end // _CHARACTERS_A_TURN for end in ends)
        for _, some in groupby(zip(turns, comments, strict=True), key=itemgetter(0)):
            verdicts += self._judge(site, [(comment, History()) for _, comment in some])
            await asyncio.sleep(0)
        return verdicts

    @property
    def languages(self) -> frozenset[str]:
        """The languages that the active model judges well enough to be believed."""
        return self._pipeline.models.languages

    # reading ----------------------------------------------------------------------------------------

    async def stored(self, site: Site, comment_id: str) -> Stored:
        """Give a comment of this site; raises UnknownComment."""
        return await self._comments.get(site.id, comment_id)

    async def changed_since(self, site: Site, stamp: int, limit: int) -> Stretch:
        """List comments by their last change, oldest change first."""
        return await self._comments.changed_since(site.id, stamp, limit)

    async def approved_under(self, site: Site, url: str, after: int, limit: int) -> tuple[Stretch, int]:
        """List the approved comments of a page, oldest first, and how many there are."""
        return await self._comments.approved_under(site.id, url, after, limit)

    # changes of a recorded comment ----------------------------------------------------------------

    async def edit(self, site: Site, comment_id: str, text: str, role: str = "") -> Receipt:
        """Judge a changed text and record it. The version grows, and an older decision no longer stands.

        A text that is there already changes nothing: an edit sent again after a lost answer overrules nobody.
        An edit never publishes what a person rejected, or decided in a way that may still be undone unheard: the new text
        waits for a decision of its own. After a few edits that nobody has seen the comment waits as well. What readers
        reported or a moderator passed on goes on waiting, unseen where the text would be rejected.
        """
        began = time.perf_counter()
        stored = await self._comments.get(site.id, comment_id)
        if text == stored.text:
            await self._comments.confirm(site)
            return Receipt.of(stored)
        edits, print_ = stored.edits + 1, fingerprint(text)
        comment = as_comment(stored, text=text, edits=edits, role=role)
        verdict = await self._judge_again(site, stored, comment, print_, ARRIVAL_SIGNALS)
        first = first_text(stored, self._digests.of("text", stored.text))
        document = document_of(stored, text=text, edits=edits, fingerprint=print_, **first)
        move = judged_again("comment.edited", stored, verdict, document=document)
        await self._comments.move(stored, move, day=self._today())
        self._judged(verdict, began)
        return Receipt(id=stored.id, status=move.status or Status.PENDING, verdict=verdict)

    async def rescore(self, site: Site, stored: Stored) -> Verdict | None:
        """Judge a comment that came while no model could score it; None where it still cannot be scored.

        What would have been published is published now, unless a person decided meanwhile, or the policy or a mark on
        the author says otherwise by now. What only the arrival showed is kept as it was seen.
        """
        verdict = await self._judge_again(site, stored, as_comment(stored), stored.fingerprint, FIRST_TEXT_SIGNALS)
        if verdict.degraded:
            return None
        with suppress(CaseDecided, UnknownComment):
            await self._comments.move(stored, judged_again("comment.rescored", stored, verdict), day=self._today())
            return verdict
        return None

    async def _judge_again(
        self, site: Site, stored: Stored, comment: Comment, print_: str, keep: frozenset[str]
    ) -> Verdict:
        """Judge a stored comment by what is known now, the named signals as they were seen; what was rejected waits at least."""
        who, address, by_name = stored.author, stored.address, self._digests.is_by_name(stored.author, stored.name)
        arrival = Arrival(comment=comment, author=who, address=address, fingerprint=print_, by_name=by_name)
        recalled = (await self._comments.recall(site, [arrival], spend=False))[0]
        history = without_itself(recalled if isinstance(recalled, History) else History(), stored, arrival)
        examined = self._pipeline.examine([(site, comment, history)])[0]
        signals = seen_again(stored.verdict, examined.signals, keep, site.policy)
        return withheld(stored, judge(msgspec.structs.replace(examined, signals=signals), site.policy))

    async def report(self, site: Site, comment_id: str, ip: str, reason: str, *, key: str = "") -> None:
        """Take a reader's report of a published comment. Raises UnknownComment, RateExceeded.

        The comment waits in the queue; whether it stays visible until it is decided is the policy's choice. A reader
        counts once, also after a moderator has looked; all without an address or a key are one, who counts anew then.
        """
        if ip:
            await self._comments.spend_report(site, self._digests.address(ip))
        for attempt in range(ATTEMPTS):
            stored = await self._comments.get(site.id, comment_id)
            if shown_status(stored) is not Status.APPROVED:
                raise UnknownComment(comment_id)
            move = reported(site, stored, reason, int(self._now().timestamp() * 1e6))
            reporter = self._digests.reader(ip, key) or f"nobody {stored.decision.version if stored.decision else 0}"
            # an edit forgets the decision: where no report stands, nobody has been counted since somebody looked
            repeats = move and (ip or key or move.facts["n"] != 1)
            if move is None or (repeats and await self._comments.has_reported(stored, reporter)):
                return
            try:
                await self._comments.move(stored, move, day=self._today())
            except CaseDecided:
                if attempt == ATTEMPTS - 1:
                    raise
                continue
            await self._comments.remember_reporter(stored, reporter)
            return

    async def erase(self, site: Site, comment_id: str, *, by: str = "", event: str = "comment.erased") -> None:
        """Delete a comment with its label, its place in the queue and its explanation; the ledger keeps its id.

        Raises UnknownComment where there is none, CaseDecided where others change it faster than it can be deleted.
        """
        stored = await self._comments.get(site.id, comment_id)
        for attempt in range(ATTEMPTS):
            move = Move(event=event, status=None, by=by, queue="leave", forget_label=True, drains=True)
            try:
                await self._comments.move(stored, move, day=self._today())
                return
            except CaseDecided:
                if attempt == ATTEMPTS - 1:
                    raise
            except UnknownComment:
                return  # it was there a moment ago: somebody else, or this very call, has deleted it
            found = await self._comments.get_many(site.id, [comment_id])
            if found[0] is None:
                return
            stored = found[0]

    async def prepare(self, site: Site) -> None:
        """Compile a site's checks beside the requests, before its next comment needs them."""
        self._pipeline.adopt(site, await asyncio.to_thread(checks_of, site.policy))

    def _today(self) -> str:
        return self._now().date().isoformat()

    async def close(self) -> None:
        """Finish what was taken in."""
        await self._batches.close()


class _Ids:
    """Ids of 16 characters: 42 bits of milliseconds and 38 random bits; they never go back within a process.

    No secret hangs on an id: whoever may not read a comment may not read it by its id either.
    """

    def __init__(self) -> None:
        self._last = 0
        self._high, self._head = -1, ""
        self._random = random.Random(os.urandom(16)).getrandbits

    def next(self) -> str:
        """Give the next id."""
        fresh = (time.time_ns() // 1_000_000 << 38) | self._random(38)
        self._last = last = fresh if fresh > self._last else self._last + 1 + (fresh & 0xFFFF)
        if last >> 40 != self._high:
            self._high = last >> 40
            self._head = "".join([_PAIRS[last >> shift & 1023] for shift in (70, 60, 50, 40)])
        pairs = _PAIRS
        return f"{self._head}{pairs[last >> 30 & 1023]}{pairs[last >> 20 & 1023]}{pairs[last >> 10 & 1023]}{pairs[last & 1023]}"


_LETTERS = "0123456789abcdefghijklmnopqrstuv"
_PAIRS = [one + other for one in _LETTERS for other in _LETTERS]
