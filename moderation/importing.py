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
from moderation.records import Comment, DecisionKind, DecisionReason, Label, Outcome, Site, Thread, Verdict
from moderation.review import lesson
from moderation.scoring.fingerprint import fingerprint
from moderation.store.comments import Comments, Known, Recorded, label_id
from moderation.store.labels import Labels
from moderation.store.ledger import Ledger

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
    unscored: int = 0
    """Of which no model said anything: they are not compared."""
    worst: list[Disagreement] = []


class Importer:
    """Takes archives over for one site."""

    def __init__(
        self,
        comments: Comments,
        labels: Labels,
        intake: Intake,
        digests: Digests,
        ledger: Ledger,
        now: Callable[[], datetime],
    ) -> None:
        self._comments = comments
        self._labels = labels
        self._intake = intake
        self._digests = digests
        self._ledger = ledger
        self._now = now
        self._unlearned: set[object] | None = None

    async def take_over(self, site: Site, archive: Iterable[Past], *, dry_run: bool = False) -> Tally:
        """Read an archive to its end; gives what was done. With `dry_run` nothing is written, only compared."""
        tally = Tally()
        for batch in _batches(archive, tally):
            verdicts = await self._intake.score(site, [_comment(site, "", past) for past in batch])
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
        known = []
        for past, answer, (arrival, verdict) in zip(batch, recorded, judged, strict=True):
            if isinstance(answer, Recorded):
                tally.taken += 1
                label = self._label(site, past, arrival, verdict, arrival.comment.id)
                if label:
                    await self._labels.put(label, answer.stamp, version=1)
                continue
            tally.known += 1
            if isinstance(answer, Known):
                known.append(self._label(site, past, arrival, verdict, answer.id))
        await self._complete(site, [label for label in known if label])

    async def _complete(self, site: Site, labels: list[Label]) -> None:
        """Leave the labels that an import which was broken off had not come to; not those that were taken back since."""
        given = await self._labels.given_at(site.id, [label.id for label in labels]) if labels else []
        missing = [label for label, stamp in zip(labels, given, strict=True) if stamp is None]
        if not missing:
            return
        if self._unlearned is None:
            walk = self._ledger.walk(site.id)
            self._unlearned = {entry.line.get("label") async for entry in walk if entry.line["e"] == "label.unlearned"}
        stored = await self._comments.get_many(site.id, [label.comment_id for label in missing])
        for label, comment in zip(missing, stored, strict=True):
            if comment is None or comment.text != label.text or label.id in self._unlearned:
                continue
            if comment.decision is None:
                stamp = int(self._now().timestamp() * 1_000_000)
                await self._labels.put(label, stamp, version=comment.version)

    def _label(self, site: Site, past: Past, arrival: Arrival, verdict: Verdict, comment_id: str) -> Label | None:
        values = lesson(past.decision, past.reason, learn=True) if past.decision else {}
        if not values:
            return None
        return Label(
            id=label_id(comment_id),
            site=site.id,
            text=past.text,
            values=values,
            source="import",
            at=past.submitted_at or self._now().isoformat(),
            reason=past.reason.value if past.reason else "",
            lang=verdict.lang,
            comment_id=comment_id,
            author=arrival.author,
            scores=verdict.scores,
            model=verdict.models[0] if verdict.models else "",
            about=verdict.about(values, past.url),
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
    if verdict.degraded:
        tally.unscored += 1
        return
    approved = past.decision is DecisionKind.APPROVE
    (tally.approved if approved else tally.rejected)[verdict.outcome.value] += 1
    strength = max(verdict.scores.get("spam", 0.0), verdict.scores.get("toxicity", 0.0))
    disagrees = verdict.outcome is not Outcome.APPROVE if approved else verdict.outcome is Outcome.APPROVE
    if not disagrees:
        return
    # what people threw away for other reasons than spam or abuse no model here can know: it comes after all else
    blind = not approved and past.reason not in (DecisionReason.SPAM, DecisionReason.TOXIC)
    entry = Disagreement(
        (strength if approved else 1 - strength) - (1 if blind else 0),
        past.external_id,
        past.text[:600],
        "approved" if approved else "rejected" if blind else f"rejected: {past.reason}",
        _WOULD[verdict.outcome],
        ", ".join(verdict.reasons),
    )
    if len(tally.worst) < WORST:
        heapq.heappush(tally.worst, entry)
    else:
        heapq.heappushpop(tally.worst, entry)


_WOULD = {Outcome.APPROVE: "approves", Outcome.HOLD: "holds", Outcome.REJECT: "rejects"}


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
            f"{one.confidence % 1 or 1:.2f}",
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
:root{{color-scheme:light dark}}table{{border-collapse:collapse;width:100%}}td,th{{border:1px solid #999;padding:.4rem;
text-align:left;vertical-align:top}}td:last-child{{overflow-wrap:anywhere}}.list td:nth-child(-n+5){{white-space:nowrap}}
.list td:nth-child(3){{white-space:normal;min-width:7rem}}</style>
<h1>Your past decisions against the model</h1>
<p>Site <b>{html.escape(site.id)}</b>, profile {html.escape(site.policy.profile)}, model {html.escape(model)}.
{total:,} past decisions were compared; it would have held {share} of them for a person.</p>
<table><tr><th></th><th>model approves</th><th>holds</th><th>rejects</th><th>in all</th></tr>{counts}</table>
<p>Of what people approved it would have stopped {wrong:,}; of what people rejected it would have let {missed:,} pass.
Left out: {html.escape(skipped)}.</p>
<h2>The {len(tally.worst)} strongest disagreements</h2>
<p>What people threw away for another reason than spam or abuse comes last: no model here can know of it.</p>
<table class="list"><tr><th>people</th><th>model</th><th>why</th><th>how sure</th><th>id</th><th>text</th></tr>{worst}</table></html>
"""
