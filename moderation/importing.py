"""Taking an archive over: past comments with their decisions, and what the bundled model would have said of them.

Each becomes a recorded comment and a label. It is known by the archive's own id, so a second run takes over only what
is missing: an import that was broken off is started again and goes on.
"""

from __future__ import annotations

import heapq
import html
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

import msgspec

from moderation.archives import Past
from moderation.digests import Arrival, Digests
from moderation.intake import Intake
from moderation.records import Comment, DecisionKind, Label, Outcome, Site, Thread, Verdict
from moderation.review import lesson
from moderation.scoring.fingerprint import fingerprint
from moderation.store.comments import Comments, Recorded, label_id
from moderation.store.labels import Labels

AT_ONCE = 100
WORST = 20


class Disagreement(msgspec.Struct, frozen=True, order=True):
    """A past decision that the machine would not have made."""

    confidence: float
    external_id: str
    text: str
    decided: str
    would: str
    reasons: str


class Tally(msgspec.Struct):
    """What an import did, and how the model compares with what people decided."""

    read: int = 0
    taken: int = 0
    known: int = 0
    skipped: Counter[str] = msgspec.field(default_factory=Counter)
    approved: Counter[str] = msgspec.field(default_factory=Counter)
    """What the model says of comments that people approved: verdict -> count."""
    rejected: Counter[str] = msgspec.field(default_factory=Counter)
    worst: list[Disagreement] = []


class Importer:
    """Takes archives over for one site."""

    def __init__(
        self,
        comments: Comments,
        labels: Labels,
        intake: Intake,
        digests: Digests,
        now: Callable[[], datetime],
    ) -> None:
        self._comments = comments
        self._labels = labels
        self._intake = intake
        self._digests = digests
        self._now = now

    async def take_over(self, site: Site, archive: Iterable[Past], *, dry_run: bool = False) -> Tally:
        """Read an archive to its end; gives what was done. With `dry_run` nothing is written, only compared."""
        tally = Tally()
        for batch in _batches(archive, tally):
            verdicts = self._intake.score(site, [_comment(site, "", past) for past in batch])
            if not dry_run:
                await self._record(site, batch, verdicts, tally)
            for past, verdict in zip(batch, verdicts, strict=True):
                _compare(past, verdict, tally)
        tally.worst.sort(reverse=True)
        return tally

    async def _record(self, site: Site, batch: list[Past], verdicts: list[Verdict], tally: Tally) -> None:
        judged = []
        for past, verdict in zip(batch, verdicts, strict=True):
            comment = _comment(site, self._intake.new_id(site), past)
            arrival = Arrival(
                comment=comment,
                author=self._digests.author_of(comment),
                address=self._digests.address(comment.ip),
                fingerprint=fingerprint(comment.text),
            )
            outcome = Outcome.APPROVE if past.decision is DecisionKind.APPROVE else Outcome.REJECT
            # people decided; what the machine says of it is kept beside
            judged.append((arrival, msgspec.structs.replace(verdict, outcome=outcome, would=verdict.outcome)))
        day = self._now().strftime("%Y-%m-%d")
        recorded = await self._comments.record(site, judged, day=day, event="comment.imported")
        for past, answer, (arrival, verdict) in zip(batch, recorded, judged, strict=True):
            if not isinstance(answer, Recorded):
                tally.known += 1
                continue
            tally.taken += 1
            label = self._label(site, past, arrival, verdict)
            if label:
                await self._labels.put(label, answer.stamp)

    def _label(self, site: Site, past: Past, arrival: Arrival, verdict: Verdict) -> Label | None:
        values = lesson(past.decision, past.reason, learn=True) if past.decision else {}
        if not values:
            return None
        return Label(
            id=label_id(arrival.comment.id),
            site=site.id,
            text=past.text,
            values=values,
            source="import",
            at=past.submitted_at or self._now().isoformat(),
            reason=past.reason.value if past.reason else "",
            lang=verdict.lang,
            comment_id=arrival.comment.id,
            author=arrival.author,
            scores=verdict.scores,
            model=verdict.models[0] if verdict.models else "",
            name=past.name,
            url=past.url,
        )


def _batches(archive: Iterable[Past], tally: Tally) -> Iterator[list[Past]]:
    batch: list[Past] = []
    for past in archive:
        tally.read += 1
        if past.skip or past.decision is None:
            tally.skipped[past.skip or "undecided"] += 1
            continue
        batch.append(past)
        if len(batch) == AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _comment(site: Site, comment_id: str, past: Past) -> Comment:
    return Comment(
        id=comment_id,
        site=site.id,
        text=past.text,
        name=past.name[:200],
        email=past.email[:254],
        url=past.url[:2000],
        ip=past.ip[:64],
        user_agent=past.user_agent[:500],
        thread=Thread(past.thread_url[:2000], past.thread_title[:500]),
        parent_id=past.parent_id,
        external_id=past.external_id[:255],
        submitted_at=past.submitted_at,
        channel="import",
    )


def _compare(past: Past, verdict: Verdict, tally: Tally) -> None:
    approved = past.decision is DecisionKind.APPROVE
    (tally.approved if approved else tally.rejected)[verdict.outcome.value] += 1
    strength = max(verdict.scores.get("spam", 0.0), verdict.scores.get("toxicity", 0.0))
    disagrees = verdict.outcome is not Outcome.APPROVE if approved else verdict.outcome is Outcome.APPROVE
    if not disagrees:
        return
    entry = Disagreement(
        strength if approved else 1 - strength,
        past.external_id,
        past.text[:600],
        past.decision.value if past.decision else "",
        verdict.outcome.value,
        ", ".join(verdict.reasons),
    )
    if len(tally.worst) < WORST:
        heapq.heappush(tally.worst, entry)
    else:
        heapq.heappushpop(tally.worst, entry)


def page(site: Site, tally: Tally, model: str) -> str:
    """Write what was found as one page that needs nothing from elsewhere; every text of the archive is escaped."""

    def row(*cells: object) -> str:
        return "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells) + "</tr>"

    approved, rejected = tally.approved, tally.rejected
    held = approved["hold"] + rejected["hold"]
    total = sum(approved.values()) + sum(rejected.values())
    wrong = approved["hold"] + approved["reject"]
    missed = rejected["approve"]
    counts = "".join(
        row(name, found["approve"], found["hold"], found["reject"], sum(found.values()))
        for name, found in (("people approved", approved), ("people rejected", rejected))
    )
    worst = "".join(
        row(
            one.decided,
            one.would,
            one.reasons or "nothing speaks against it",
            f"{one.confidence:.2f}",
            one.external_id,
            one.text,
        )
        for one in tally.worst
    )
    skipped = ", ".join(f"{count} {why}" for why, count in sorted(tally.skipped.items())) or "none"
    share = f"{100 * held / total:.1f} %" if total else "none"
    return f"""<!doctype html><html lang="en"><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Your past decisions against the model</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}}
table{{border-collapse:collapse;width:100%}}td,th{{border:1px solid #999;padding:.4rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}}</style>
<h1>Your past decisions against the model</h1>
<p>Site <b>{html.escape(site.id)}</b>, profile {html.escape(site.policy.profile)}, model {html.escape(model)}.
{total:,} past decisions were compared; it would have held {share} of them for a person.</p>
<table><tr><th></th><th>model approves</th><th>holds</th><th>rejects</th><th>in all</th></tr>{counts}</table>
<p>Of what people approved it would have stopped {wrong:,}; of what people rejected it would have let {missed:,} pass.
Left out: {html.escape(skipped)}.</p>
<h2>The {len(tally.worst)} strongest disagreements</h2>
<table><tr><th>people</th><th>model</th><th>why</th><th>how sure</th><th>id</th><th>text</th></tr>{worst}</table></html>
"""
