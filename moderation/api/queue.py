"""The queue on the wire: moderators list it, claim, decide, take back, pass on, and look an author up."""

from typing import Any

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from moderation.api import shapes
from moderation.api.bodies import answer, read
from moderation.api.gate import STAFF, allow, site_for, site_of_comment
from moderation.api.problems import problem_of
from moderation.errors import FieldError, FieldsInvalid, ModerationError, StoreUnavailable
from moderation.records import Caller, DecisionKind, DecisionReason, Mark, Query
from moderation.review import Review, Ruling, lesson
from moderation.scoring.folding import fold

SORTS = ("priority", "oldest", "newest")
UNDO_AT_MOST = 60
BULK_AT_MOST = 100


class Claim(msgspec.Struct, forbid_unknown_fields=True):
    """How many cases, for how long, and of which kind."""

    count: int = 1
    lease_seconds: int = 300
    site: str | None = None
    reason: str = ""
    lang: str = ""
    thread: str = ""


class Lease(msgspec.Struct, forbid_unknown_fields=True):
    """How long a lease lasts from now on."""

    lease_seconds: int = 300


class RulingShape(msgspec.Struct, forbid_unknown_fields=True):
    """What a moderator says of a case. `version` is the one that was seen."""

    decision: DecisionKind
    reason: DecisionReason | None = None
    note: str = ""
    learn: bool = True
    version: int | None = None
    undo_seconds: int = 0
    """How long it can be taken back before the site hears of it; the policy's time where that is longer."""

    def ruling(self) -> Ruling:
        """Give it as the house knows it; raises FieldsInvalid for a note that is too long."""
        if len(self.note) > 2000:
            raise FieldsInvalid([FieldError("note", "too_long", "Keep the note under 2,000 characters.")])
        if not 0 <= self.undo_seconds <= UNDO_AT_MOST:
            message = f"A decision is kept back for 0 to {UNDO_AT_MOST} seconds."
            raise FieldsInvalid([FieldError("undo_seconds", "out_of_range", message)])
        return Ruling(
            decision=self.decision, reason=self.reason, note=self.note, learn=self.learn, version=self.version,
            undo_seconds=self.undo_seconds,
        )  # fmt: skip


class OneOfMany(RulingShape, forbid_unknown_fields=True, kw_only=True):
    """A ruling that names its case."""

    id: str


class Bulk(msgspec.Struct, forbid_unknown_fields=True):
    """Several rulings; each is carried out on its own."""

    decisions: list[OneOfMany]


class Undo(msgspec.Struct, forbid_unknown_fields=True):
    """The version whose decision is taken back."""

    version: int | None = None


class Note(msgspec.Struct, forbid_unknown_fields=True):
    """Why a case is passed on."""

    note: str = ""


class MarkShape(msgspec.Struct, forbid_unknown_fields=True):
    """What is said of an author, and for how many days (0: until it is taken away)."""

    mark: Mark
    days: int = 0


class QueuePage(msgspec.Struct):
    """One page of the queue."""

    cases: list[dict[str, Any]]
    cursor: str | None
    count: int
    exact: bool
    complete: bool


class Filters(msgspec.Struct):
    """How many wait in all and under each filter; a thread is its url, its title and its count."""

    total: int
    reasons: dict[str, int]
    langs: dict[str, int]
    threads: list[list[Any]]


class Queue(Controller):
    """The cases of a site."""

    path = "/v1/queue"
    tags = ["queue"]

    @get("/", opt=allow(*STAFF, cookies=True, answers=QueuePage))
    async def page(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        review: NamedDependency[Review],
        site: FromQuery[str | None] = None,
        sort: FromQuery[str] = "priority",
        reason: FromQuery[str] = "",
        lang: FromQuery[str] = "",
        thread: FromQuery[str] = "",
        author: FromQuery[str] = "",
        q: FromQuery[str] = "",
        min_score: FromQuery[float] = 0.0,
        escalated: FromQuery[bool] = False,
        limit: FromQuery[int] = 50,
        cursor: FromQuery[str] = "",
    ) -> Response[bytes]:
        """List what waits. `count` is exact for a site with at most one of reason, lang, thread and author.

        With `q`, `min_score` or several filters at most 5,000 cases are looked at for a page; `complete: false` then
        says that the look goes on at `cursor`.
        """
        where = await site_for(request, caller, site)
        if sort not in SORTS:
            raise FieldsInvalid([FieldError("sort", "unknown_sort", f"Sort by one of {', '.join(SORTS)}.")])
        query = Query(
            sort=sort, reason=reason, lang=lang, thread=thread, author=author, text=q[:200], minimum=min_score,
            escalated=escalated, limit=max(1, min(limit, 200)), cursor=cursor,
        )  # fmt: skip
        page = await review.page(where, query)
        shown = QueuePage(
            [shapes.case(one) for one in page.cases], page.cursor or None, page.count, page.exact, page.complete
        )
        return answer(shown)

    @post("/claim", opt=allow(*STAFF, cookies=True, body=Claim, answers=dict[str, Any]))
    async def claim(
        self, request: Request[Any, Any, Any], caller: NamedDependency[Caller], review: NamedDependency[Review]
    ) -> Response[bytes]:
        """Lease the next cases, most urgent first; nobody else is given them until the lease ends."""
        wanted = await read(request, Claim)
        where = await site_for(request, caller, wanted.site)
        query = Query(reason=wanted.reason, lang=wanted.lang, thread=wanted.thread)
        cases = await review.claim(where, caller, wanted.count, _lease(wanted.lease_seconds), query)
        return answer({"cases": [shapes.case(one) for one in cases]})

    @get("/filters", opt=allow(*STAFF, cookies=True, answers=Filters))
    async def filters(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        review: NamedDependency[Review],
        site: FromQuery[str | None] = None,
    ) -> Response[bytes]:
        """Count what waits by reason, by language and by thread: what a page of the queue can be narrowed to.

        Counts are exact; languages and threads are those of the 200 most urgent cases.
        """
        found = await review.filters(await site_for(request, caller, site))
        return answer(Filters(found.total, found.reasons, found.langs, [list(one) for one in found.threads]))

    @get("/{comment_id:str}", opt=allow(*STAFF, cookies=True, answers=dict[str, Any]))
    async def case(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        review: NamedDependency[Review],
        comment_id: FromPath[str],
    ) -> Response[bytes]:
        """Give one case with the author's history and the waiting comments that say almost the same."""
        where = await site_of_comment(request, caller, comment_id)
        one = await review.case(where, comment_id)
        similar = await review.similar(one.comment)
        others, facts = await review.author(where, one.comment.author)
        parent = await review.parent(where, one.comment)
        shown = shapes.case(one) | {
            "similar": [_brief(item) | {"version": item.version} for item in similar],
            "author_history": _history(facts) | {
                "latest": [_brief(item) for item in others if item.id != one.comment.id][:10]
            },
            "parent": _brief(parent) if parent else None,
            "normalised": fold(one.comment.text),
        }  # fmt: skip
        return answer(shown)

    @post("/{comment_id:str}/claim", opt=allow(*STAFF, cookies=True, body=Lease, answers=dict[str, Any]))
    async def keep(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        review: NamedDependency[Review],
        comment_id: FromPath[str],
    ) -> Response[bytes]:
        """Lease one case, or prolong its lease (the heartbeat of an open page)."""
        where = await site_of_comment(request, caller, comment_id)
        lease = await read(request, Lease)
        return answer(
            {"id": comment_id, "lease_ends": await review.keep(where, caller, comment_id, _lease(lease.lease_seconds))}
        )

    @post("/{comment_id:str}/release", status_code=204, opt=allow(*STAFF, cookies=True, status=204))
    async def release(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        review: NamedDependency[Review],
        comment_id: FromPath[str],
    ) -> None:
        """Give a case back."""
        await review.release(await site_of_comment(request, caller, comment_id), caller, comment_id)

    @post("/{comment_id:str}/decision", opt=allow(*STAFF, cookies=True, body=RulingShape, answers=dict[str, Any]))
    async def decide(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        review: NamedDependency[Review],
        comment_id: FromPath[str],
    ) -> Response[bytes]:
        """Decide a case. The second decision on the same version is answered 409, with who was faster."""
        where = await site_of_comment(request, caller, comment_id)
        ruling = (await read(request, RulingShape)).ruling()
        stored = await review.decide(where, caller, comment_id, ruling)
        shown = shapes.for_staff(stored) | {"teaches": lesson(ruling.decision, ruling.reason, ruling.learn)}
        return answer(shown | {"undo_seconds": max(where.policy.undo_seconds, ruling.undo_seconds)})

    @post("/decisions", opt=allow(*STAFF, cookies=True, body=Bulk, answers=dict[str, Any]))
    async def decide_many(
        self, request: Request[Any, Any, Any], caller: NamedDependency[Caller], review: NamedDependency[Review]
    ) -> Response[bytes]:
        """Decide up to 100 cases; each is answered on its own.

        One that was changed or decided since its `version` was seen stays as it is: its result is the problem that a
        single decision would be answered, `case_decided`. Send `version` with each, or what is decided may be unread.
        """
        bulk = await read(request, Bulk, 512 * 1024)
        if not 1 <= len(bulk.decisions) <= BULK_AT_MOST:
            raise FieldsInvalid([FieldError("decisions", "batch_size", f"Send 1 to {BULK_AT_MOST} decisions at once.")])
        results: list[dict[str, Any]] = []
        for one in bulk.decisions:
            try:
                where = await site_of_comment(request, caller, one.id)
                results.append(shapes.for_staff(await review.decide(where, caller, one.id, one.ruling())))
            except StoreUnavailable as error:
                if not results:
                    raise
                # it does not come back within this request: the rest is not tried, and says so
                rest = bulk.decisions[len(results) :]
                results += [problem_of(error) | {"id": other.id} for other in rest]
                break
            except ModerationError as error:
                results.append(problem_of(error) | {"id": one.id})
        return answer({"results": results})

    @post("/{comment_id:str}/undo", opt=allow(*STAFF, cookies=True, body=Undo, answers=dict[str, Any]))
    async def undo(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        review: NamedDependency[Review],
        comment_id: FromPath[str],
    ) -> Response[bytes]:
        """Take a decision back: what it taught is unlearned, and all stands as before it.

        What readers reported since stays reported, and hidden where the policy hides it.
        """
        where = await site_of_comment(request, caller, comment_id)
        undo = await read(request, Undo)
        return answer(shapes.for_staff(await review.undo(where, caller, comment_id, undo.version)))

    @post("/{comment_id:str}/escalate", opt=allow(*STAFF, cookies=True, body=Note, answers=dict[str, Any]))
    async def escalate(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        review: NamedDependency[Review],
        comment_id: FromPath[str],
    ) -> Response[bytes]:
        """Pass a case on with a note; it stands first in the queue and is free for anybody. Earlier notes stay below it."""
        where = await site_of_comment(request, caller, comment_id)
        note = await read(request, Note)
        if not note.note.strip() or len(note.note) > 2000:
            raise FieldsInvalid(
                [FieldError("note", "note_missing", "Say in a few words why somebody else should look.")]
            )
        return answer(shapes.for_staff(await review.escalate(where, caller, comment_id, note.note)))


class Authors(Controller):
    """What is known of an author of a site."""

    path = "/v1/authors"
    tags = ["queue"]

    @get("/{author_id:str}", opt=allow(*STAFF, cookies=True, answers=dict[str, Any]))
    async def read(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        review: NamedDependency[Review],
        author_id: FromPath[str],
        site: FromQuery[str | None] = None,
    ) -> Response[bytes]:
        """Give an author's counts, mark and latest comments."""
        where = await site_for(request, caller, site)
        found, facts = await review.author(where, author_id)
        return answer(
            {"id": author_id, "site": where.id} | _history(facts) | {"comments": [_brief(item) for item in found]}
        )

    @post("/{author_id:str}/mark", opt=allow(*STAFF, cookies=True, body=MarkShape, answers=dict[str, Any]))
    async def mark(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        review: NamedDependency[Review],
        author_id: FromPath[str],
        site: FromQuery[str | None] = None,
    ) -> Response[bytes]:
        """Trust, watch or block an author, for some days or until it is taken away (an empty mark).

        Trust in one who is known by a name alone, without an e-mail or a network address, eases nothing.
        """
        where = await site_for(request, caller, site)
        wanted = await read(request, MarkShape)
        if not 0 <= wanted.days <= 3650:
            raise FieldsInvalid([FieldError("days", "out_of_range", "Give 0 to 3650 days; 0 has no end.")])
        await review.mark(where, caller, author_id, wanted.mark, wanted.days)
        _, facts = await review.author(where, author_id)
        return answer({"id": author_id, "site": where.id} | _history(facts))


def _history(facts: dict[str, str]) -> dict[str, Any]:
    return {
        "approved": int(facts.get("ap", 0)),
        "rejected": int(facts.get("rj", 0)),
        "pending": int(facts.get("pd", 0)),
        "mark": facts.get("mk", ""),
        "mark_until": int(facts["mu"]) if "mu" in facts else None,
    }


def _brief(item: Any) -> dict[str, Any]:
    return {
        "id": item.id,
        "name": item.name,
        "text": item.text[:300],
        "status": item.status.value,
        "received_at": item.received_at,
        "thread": {"url": item.thread.url, "title": item.thread.title} if item.thread.url else None,
        "reasons": [reason.value for reason in item.verdict.reasons] if item.verdict else [],
        "scores": shapes.scores(item.verdict) if item.verdict else {},
        "decision": shapes.decision(item.decision) if item.decision else None,
    }


def _lease(seconds: int) -> int:
    if not 5 <= seconds <= 3600:
        raise FieldsInvalid([FieldError("lease_seconds", "out_of_range", "A lease lasts 5 to 3600 seconds.")])
    return seconds
