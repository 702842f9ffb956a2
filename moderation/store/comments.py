"""Comments: what is known before one is judged, the record of it afterwards, and every move from one version to the next.

`recall` and `record` take many comments of one site in one script call. Every other change of a comment is a `Move`,
which one script carries out, and only from the version that the mover has seen.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from moderation.digests import Arrival
from moderation.errors import CaseDecided, CaseTaken, IdempotencyConflict, ModerationError, RateExceeded, UnknownComment
from moderation.records import (
    MOST_URGENT,
    Decision,
    History,
    Mark,
    Reason,
    Site,
    Status,
    Stored,
    Thread,
    Usage,
    Verdict,
)
from moderation.store import codec, keys
from moderation.store.connection import Connection
from moderation.store.scripts import draining, script

FILTER_REASONS = 3
"""Under how many of its reasons a waiting comment can be found."""


class Known(msgspec.Struct, frozen=True):
    """This comment came before: the same Idempotency-Key and body, or the same external id."""

    id: str
    by_name: bool = False
    """True where the site's own name for it (the external id) told."""


class Recorded(msgspec.Struct, frozen=True):
    """The comment is on disk."""

    id: str
    stamp: int


class Stretch(msgspec.Struct, frozen=True):
    """Some comments in an order that lasts, and where the next ones begin."""

    comments: list[Stored]
    cursor: int
    more: bool


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """One step of one comment from the version that was read to the next."""

    event: str
    """The ledger's word for it: case.decided, case.undone, comment.edited, comment.reported, ..."""
    status: Status | None
    """The new status; None erases the comment."""
    by: str = ""
    leased_to: str = ""
    """The moderator whose move it is: another one's lease refuses it. Empty for the machine and for admins."""
    queue: str = "keep"
    """enter, leave or keep."""
    reasons: tuple[str, ...] = ()
    """Under which reasons it waits, when it enters."""
    urgency: float = 0.0
    document: codec.Document | None = None
    verdict: Verdict | None = None
    decision: Decision | None = None
    forget_decision: bool = False
    embargo_seconds: float = 0.0
    silent: bool = False
    """Nothing changed that the site could see."""
    untold: bool = False
    """What the site was not told yet, it never is: an undo in time."""
    embargo_goes_on: bool = False
    """... and there is an earlier decision that it is yet to be told."""
    label: bytes = b""
    forget_label: bool = False
    scored: bool | None = None
    counts: str = ""
    facts: dict[str, object] = {}
    """What else the ledger says."""
    fields: dict[str, str | bytes] = {}
    """Other fields of the hash (rep, rr, esc, was); an empty value removes one."""
    since: int = 0
    """The stamp since when it waits, when it enters; 0 for as long as it waits already, or from now on."""
    drains: bool = False
    """Whether it also runs on a store that is out of memory."""


class Comments:
    """The comments of all sites."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._recall = script("recall_comments")
        self._record = script("record_comments")
        self._threads: dict[tuple[str, str], Thread] = {}

    # the hot path ---------------------------------------------------------------------------------

    async def recall(
        self, site: Site, arrivals: Sequence[Arrival], *, spend: bool = True
    ) -> list[History | Known | ModerationError]:
        """Spend the allowance and tell what is known, for each arrival; one call for all of them.

        Without spending, it tells what is known of the author and the text also where the comment itself is known.
        A refusal (a hard limit, a reused Idempotency-Key) is given back as the error it is, so that one comment
        never fails the others. Nothing is spent for a refused one.
        """
        names = keys.of_site(site.id)
        limits = site.policy.limits
        wanted = [names.allowance("site"), names.externals]
        args: list[object] = [
            len(arrivals), int(spend), limits.site, limits.text, limits.address, limits.email, limits.form_address,
        ]  # fmt: skip
        nothing = names.nothing
        for arrival in arrivals:
            comment = arrival.comment
            print_, address, author = arrival.fingerprint, arrival.address, arrival.author
            form = arrival.spends_form and address
            wanted += (
                names.idempotency(arrival.idempotency) if arrival.idempotency else nothing,
                names.author(author),
                names.copies(print_) if print_ else nothing,
                names.allowance("t:" + print_) if print_ else nothing,
                names.allowance("a:" + address) if address else nothing,
                names.allowance("e:" + author) if comment.email else nothing,
                names.allowance("f:" + address) if form else nothing,
            )
            flags = f"{1 if print_ else 0}{1 if address else 0}{1 if comment.email else 0}{1 if form else 0}"
            name = comment.external_id if spend else ""
            args += (arrival.body if arrival.idempotency else "", name, author, flags)
        replies = await self._connection.run(self._recall, wanted, args)
        return [self._remembered(reply, site, one.by_name) for reply, one in zip(replies, arrivals, strict=True)]

    @staticmethod
    def _remembered(reply: list[object], site: Site, by_name: bool) -> History | Known | ModerationError:
        kind = reply[0]
        if kind == 0:
            _, approved, rejected, pending, mark, same, own, authors, at_site, text, address, email = reply
            return History(
                approved, rejected, pending, Mark(mark.decode()) if mark else Mark.NONE, same, own, authors,  # type: ignore
                Usage(at_site / 1000, address / 1000, email / 1000, text / 1000),  # type: ignore[operator]
                by_name,
            )  # fmt: skip
        if kind in (1, 4):
            return Known(reply[1].decode(), kind == 4)  # type: ignore[attr-defined]
        if kind == 2:
            return IdempotencyConflict()
        scope = reply[1].decode()  # type: ignore[attr-defined]
        limits = site.policy.limits
        limit = {"address": limits.address, "email": limits.email, "form": limits.form_address}[scope]
        return RateExceeded(_SCOPE_WORD[scope], int(reply[2]) / 1000, limit)  # type: ignore[call-overload]

    async def record(
        self, site: Site, judged: Sequence[tuple[Arrival, Verdict]], *, day: str, event: str = "comment.judged"
    ) -> list[Recorded | Known | ModerationError]:
        """Write judged comments down: comment, queue, author, ledger and changes at once, durable when this returns.

        One that came before (by Idempotency-Key or external id) is answered as `Known` and not written again.
        """
        names = keys.of_site(site.id)
        wanted = [
            names.ledger, names.head, names.queue, names.queue_urgency, names.changes, names.externals, names.threads,
            names.day(day), names.unscored,
        ]  # fmt: skip
        args: list[object] = [len(judged)]
        nothing = names.nothing
        for arrival, verdict in judged:
            comment = arrival.comment
            thread = keys.thread_digest(comment.thread.url)
            status = verdict.outcome.status.value
            print_ = arrival.fingerprint
            found_by: list[str] = []
            if status == "pending":
                found_by = names.filters(verdict.reasons[:FILTER_REASONS], verdict.lang, thread)
            wanted += (
                names.comment(comment.id),
                names.author(arrival.author),
                names.author_comments(arrival.author),
                names.copies(print_) if print_ else nothing,
                names.idempotency(arrival.idempotency) if arrival.idempotency else nothing,
                names.approved(thread) if thread else nothing,
                *found_by,
            )
            args += (
                comment.id,
                codec.encode_document(_document(arrival, thread)),
                codec.encode_verdict(verdict),
                status,
                round(min(verdict.score, MOST_URGENT) * 1000),
                f'{{"e":"{event}","c":"{comment.id}","s":"{status}","v":1,"p":{verdict.policy}}}',
                arrival.author,
                print_,
                arrival.body if arrival.idempotency else "",
                comment.external_id,
                thread,
                msgspec.json.encode([comment.thread.url, comment.thread.title]) if thread else "",
                1 if verdict.degraded else 0,
                len(found_by),
                _counts(verdict),
            )
        replies = await self._connection.run(self._record, wanted, args, durable=True)
        out: list[Recorded | Known | ModerationError] = []
        for reply, (arrival, _) in zip(replies, judged, strict=True):
            if reply[0] == 0:
                out.append(Recorded(arrival.comment.id, int(reply[1])))
            elif reply[0] in (1, 4):
                out.append(Known(reply[1].decode(), reply[0] == 4))
            else:
                out.append(IdempotencyConflict())
        return out

    async def confirm(self, site: Site) -> None:
        """Wait until what was found on this site is as safe as what is acknowledged."""
        await self._connection.confirm(keys.of_site(site.id).ledger)

    # reading --------------------------------------------------------------------------------------

    async def get(self, site_id: str, comment_id: str) -> Stored:
        """Read one comment; raises UnknownComment."""
        found = await self.get_many(site_id, [comment_id])
        if found[0] is None:
            raise UnknownComment(comment_id)
        return found[0]

    async def get_many(self, site_id: str, ids: Sequence[str]) -> list[Stored | None]:
        """Read comments in the order of their ids; None for one that is gone."""
        if not ids:
            return []
        names = keys.of_site(site_id)
        rows = await self._connection.many([("HGETALL", names.comment(id_)) for id_ in ids])
        stored = [codec.decode_stored(site_id, id_, row) if row else None for id_, row in zip(ids, rows, strict=True)]
        await self._learn_threads(site_id, {item.thread.id for item in stored if item and item.thread.id})
        return [
            msgspec.structs.replace(item, thread=self._threads.get((site_id, item.thread.id), item.thread))
            if item and item.thread.id
            else item
            for item in stored
        ]

    async def _learn_threads(self, site_id: str, digests: Iterable[str]) -> None:
        missing = [digest for digest in digests if (site_id, digest) not in self._threads]
        if not missing:
            return
        if len(self._threads) > 10_000:
            self._threads.clear()
        rows = await self._connection.execute("HMGET", keys.of_site(site_id).threads, *missing)
        for digest, row in zip(missing, rows, strict=True):
            if row:
                url, title = msgspec.json.decode(row)
                self._threads[site_id, digest] = Thread(url, title, digest)

    async def count(self, site_id: str) -> int:
        """Count the comments of a site."""
        return int(await self._connection.execute("ZCARD", keys.of_site(site_id).changes))

    async def by_external_id(self, site_id: str, external_id: str) -> str | None:
        """Give the id of the comment that the site knows under this name, or None."""
        found = await self._connection.execute("HGET", keys.of_site(site_id).externals, external_id)
        return found.decode() if found else None

    async def changed_since(self, site_id: str, stamp: int, limit: int) -> Stretch:
        """List comments by their last visible change, oldest change first, those after `stamp` only."""
        return await self._stretch(site_id, keys.of_site(site_id).changes, stamp, limit)

    async def _stretch(self, site_id: str, name: str, after: int, limit: int) -> Stretch:
        """Read comments from a sorted set of stamps.

        The cursor is what the set said, not what the comment says a moment later: a comment that changed in between
        would carry the reader past others.
        """
        rows = scored_members(
            await self._connection.execute(
                "ZRANGE", name, f"({after}", "+inf", "BYSCORE", "LIMIT", 0, limit, "WITHSCORES"
            )
        )
        found = await self.get_many(site_id, [id_ for id_, _ in rows])
        last = int(rows[-1][1]) if rows else after
        return Stretch([item for item in found if item], last, len(rows) == limit)

    async def latest(self, site_id: str, before: int | None, limit: int) -> list[Stored]:
        """List comments of any status by their last visible change, newest first."""
        names = keys.of_site(site_id)
        top = f"({before}" if before else "+inf"
        ids = await self._connection.execute("ZRANGE", names.changes, top, "-inf", "BYSCORE", "REV", "LIMIT", 0, limit)
        return [item for item in await self.get_many(site_id, [id_.decode() for id_ in ids]) if item]

    async def approved_under(self, site_id: str, url: str, after: int, limit: int) -> tuple[Stretch, int]:
        """List the approved comments of a page, oldest first, those after the stamp; and how many there are in all."""
        name = keys.of_site(site_id).approved(keys.thread_digest(url))
        count = await self._connection.execute("ZCARD", name)
        return await self._stretch(site_id, name, after, limit), int(count)

    async def of_author(self, site_id: str, author: str, limit: int = 50) -> tuple[list[Stored], dict[str, str]]:
        """List an author's comments, newest first, and what is known of the author (counts ap, rj, pd; mark mk, mu)."""
        names = keys.of_site(site_id)
        ids, facts = await self._connection.many(
            [("ZRANGE", names.author_comments(author), 0, limit - 1, "REV"), ("HGETALL", names.author(author))]
        )
        found = await self.get_many(site_id, [id_.decode() for id_ in ids])
        return [item for item in found if item], {key.decode(): value.decode() for key, value in facts.items()}

    async def copies_of(self, stored: Stored) -> list[Stored]:
        """List other waiting comments with the same text but for small changes; at most 100 are remembered."""
        if not stored.fingerprint:
            return []
        names = keys.of_site(stored.site)
        ids = await self._connection.execute("HKEYS", names.copies(stored.fingerprint))
        others = [id_.decode() for id_ in ids if id_ not in (b"n", stored.id.encode())][:100]
        if not others:
            return []
        waiting = await self._connection.execute("ZMSCORE", names.queue, *others)
        still = [id_ for id_, score in zip(others, waiting, strict=True) if score is not None]
        return [item for item in await self.get_many(stored.site, still) if item]

    async def with_text(self, site_id: str, fingerprint: str) -> list[Stored]:
        """List the comments of the last days with this text but for small changes; at most 100 are remembered."""
        if not fingerprint:
            return []
        ids = await self._connection.execute("HKEYS", keys.of_site(site_id).copies(fingerprint))
        found = await self.get_many(site_id, [id_.decode() for id_ in ids if id_ != b"n"])
        return [item for item in found if item]

    async def label_of(self, stored: Stored) -> bytes:
        """Read the label that a comment has, as it is kept; empty where it has none."""
        return await self._connection.execute("HGET", keys.of_site(stored.site).labels, label_id(stored.id)) or b""

    async def unscored(self, site_id: str, limit: int) -> list[Stored]:
        """List comments that wait for a model, oldest first, but for those that are put off."""
        name, now = keys.of_site(site_id).unscored, int(time.time() * 1e6)
        ids = await self._connection.execute("ZRANGE", name, "-inf", now, "BYSCORE", "LIMIT", 0, limit)
        return [item for item in await self.get_many(site_id, [id_.decode() for id_ in ids]) if item]

    async def score_later(self, stored: Stored, seconds: float) -> None:
        """Put off a comment that waits for a model; one that was scored or decided meanwhile waits no more."""
        then = int((time.time() + seconds) * 1e6)
        await self._connection.execute("ZADD", keys.of_site(stored.site).unscored, "XX", then, stored.id)

    async def embargo_ended(self, site_id: str, now_stamp: int, limit: int = 100) -> list[Stored]:
        """List decided comments whose embargo is over and which the site has not been told of."""
        names = keys.of_site(site_id)
        ids = await self._connection.execute("ZRANGE", names.embargo, "-inf", now_stamp, "BYSCORE", "LIMIT", 0, limit)
        return [item for item in await self.get_many(site_id, [id_.decode() for id_ in ids]) if item]

    # moving ---------------------------------------------------------------------------------------

    async def move(self, stored: Stored, move: Move, *, day: str) -> int:
        """Carry out a move from the version that was read; gives the new version.

        Sent again by the driver after a lost answer it knows itself and answers as the first time. Raises CaseDecided where the comment is no longer at that version, CaseTaken where another moderator leases
        it, UnknownComment where it is gone. Atomic; the same version is never left twice.
        """
        names = keys.of_site(stored.site)
        thread = stored.thread.id
        leaves: list[str] = []
        enters: list[str] = []
        lang = (move.verdict or stored.verdict or _NO_VERDICT).lang
        if move.queue != "keep":
            leaves = names.filters(stored.waiting_for[:FILTER_REASONS], (stored.verdict or _NO_VERDICT).lang, thread)
        if move.queue == "enter":
            enters = names.filters(move.reasons[:FILTER_REASONS], lang, thread)
        wanted = [
            names.comment(stored.id), names.queue, names.queue_urgency, names.leases, names.holders, names.changes,
            names.embargo, names.author(stored.author), names.author_comments(stored.author),
            names.approved(thread) if thread else names.queue, names.ledger, names.head, names.day(day), names.labels,
            names.labels_at, names.unscored, names.externals,
            names.copies(stored.fingerprint) if stored.fingerprint else names.nothing, names.labels_outside,
            *leaves, *enters,
        ]  # fmt: skip
        line: dict[str, object] = {
            "e": move.event,
            "c": stored.id,
            "s": move.status or "erased",
            "v": stored.version + 1,
        }
        if move.by:
            line["by"] = move.by
        line.update(move.facts)
        label: bytes | str = move.label or ("-" if move.forget_label else "")
        fields: list[object] = []
        if move.document is not None:
            fields += ("doc", codec.encode_document(move.document))
        if move.verdict is not None:
            fields += ("exp", codec.encode_verdict(move.verdict))
        if move.decision is not None:
            fields += ("dec", codec.encode_decision(move.decision))
        elif move.forget_decision:
            fields += ("dec", "")
        if move.queue == "enter":
            # the reasons it waits for may differ from its verdict's (a report, an undo)
            fields += ("qr", " ".join(move.reasons))
        for field, value in move.fields.items():
            fields += (field, value)
        args = [
            stored.id, stored.version, move.status or "", move.queue, round(move.urgency * 1000),
            msgspec.json.encode(line), move.leased_to, _embargo(move),
            len(leaves), label, label_id(stored.id), {None: "", True: "1", False: "0"}[move.scored],
            stored.external_id, move.counts, os.urandom(8), move.since or "", *fields,
        ]  # fmt: skip
        mover = draining("move_comment") if move.drains else script("move_comment")
        reply = await self._connection.run(mover, wanted, args, durable=True)
        if reply[0] == 0:
            return int(reply[1])
        if reply[0] == 1:
            raise UnknownComment(stored.id)
        if reply[0] == 3:
            raise CaseTaken(stored.id, reply[1].decode())
        decision = codec.decode_decision(reply[2]) if reply[2] else None
        raise CaseDecided(
            stored.id, int(reply[1]), decision.name or decision.by if decision else "",
            decision.decision.value if decision else "", decision.at if decision else "",
        )  # fmt: skip

    async def tell(self, stored: Stored) -> None:
        """Let the site see a decision whose embargo is over. Doing it twice does nothing."""
        names = keys.of_site(stored.site)
        approved = names.approved(stored.thread.id) if stored.thread.id else names.changes
        wanted = [names.comment(stored.id), names.changes, names.embargo, approved, names.head]
        await self._connection.run(script("tell_site"), wanted, [stored.id], durable=True)

    async def has_reported(self, stored: Stored, reporter: str) -> bool:
        """Say whether this reader reported the comment in the last days."""
        return bool(
            await self._connection.execute("SISMEMBER", keys.of_site(stored.site).reporters(stored.id), reporter)
        )

    async def remember_reporter(self, stored: Stored, reporter: str) -> None:
        """Remember who reported it, so that the same reader counts once."""
        name = keys.of_site(stored.site).reporters(stored.id)
        await self._connection.many([("SADD", name, reporter), ("EXPIRE", name, 2_592_000)])

    async def spend_report(self, site: Site, address: str) -> None:
        """Spend a reader's allowance of reports; raises RateExceeded where it is spent."""
        limit = site.policy.limits.reports_address
        if not limit:
            return
        name = keys.of_site(site.id).allowance("r:" + address)
        waits = int(await self._connection.run(script("spend_allowance"), [name], [limit, 60]))
        if waits:
            raise RateExceeded("address", waits / 1000, limit)

    async def mark_author(self, site_id: str, author: str, mark: Mark, until_ms: int, by: str) -> None:
        """Trust, watch or block an author; `until_ms` 0 is for ever. An empty mark takes it away."""
        names = keys.of_site(site_id)
        if mark is Mark.NONE:
            await self._connection.many(
                [("HDEL", names.author(author), "mk", "mu", "mb"), ("ZREM", names.marked, author)]
            )
            return
        fields = ["mk", mark.value, "mb", by]
        commands: list[tuple[object, ...]] = [("HSET", names.author(author), *fields)]
        commands.append(
            ("HSET", names.author(author), "mu", until_ms) if until_ms else ("HDEL", names.author(author), "mu")
        )
        commands.append(("ZADD", names.marked, until_ms, author))
        await self._connection.many(commands)


_SCOPE_WORD = {"address": "address", "email": "e-mail address", "form": "address by this form"}
_NO_VERDICT = Verdict(outcome="hold")  # type: ignore[arg-type]


def label_id(comment_id: str) -> str:
    """Name the one label that a comment's decision leaves."""
    return "c-" + comment_id


def _embargo(move: Move) -> int:
    if move.untold:
        return -3 if move.embargo_goes_on else -2
    return -1 if move.silent else round(move.embargo_seconds * 1_000_000)


def scored_members(rows: list[Any]) -> list[tuple[str, float]]:
    """Read members with their scores, as either version of the protocol gives them."""
    if rows and not isinstance(rows[0], list | tuple):
        rows = list(zip(rows[::2], rows[1::2], strict=True))
    return [(member.decode(), float(score)) for member, score in rows]


def _document(arrival: Arrival, thread: str) -> codec.Document:
    comment = arrival.comment
    return codec.Document(
        comment.text, comment.name, arrival.author, arrival.address, comment.url, thread, comment.parent_id,
        comment.user_agent, comment.referrer, comment.lang, comment.external_id, comment.submitted_at, comment.channel,
        arrival.sealed, comment.edits, arrival.fingerprint,
    )  # fmt: skip


def document_of(stored: Stored, **changes: object) -> codec.Document:
    """Give the document of a stored comment, with some fields changed."""
    document = codec.Document(
        stored.text, stored.name, stored.author, stored.address, stored.url, stored.thread.id, stored.parent_id,
        stored.user_agent, stored.referrer, stored.lang, stored.external_id, stored.submitted_at, stored.channel,
        stored.sealed, stored.edits, stored.fingerprint, stored.first_text, stored.first_published,
    )  # fmt: skip
    return msgspec.structs.replace(document, **changes)


def _counts(verdict: Verdict) -> str:
    """Say what a judged comment adds to the counts of its day."""
    fields = ["in", "v:" + verdict.outcome.value]
    fields += ["r:" + reason for reason in verdict.reasons if reason is not Reason.CLEAR]
    if verdict.degraded:
        fields.append("degraded")
    if verdict.scores:
        fields.append(f"hs:{int(verdict.scores.get('spam', 0) * 19.999)}")
        fields.append(f"ht:{int(verdict.scores.get('toxicity', 0) * 19.999)}")
    return " ".join(fields) + " "
