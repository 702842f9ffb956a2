"""Comments on the wire: a site posts them, asks for them, changes and deletes them, and learns what became of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from litestar import Controller, Request, Response, delete, get, patch, post, route
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from moderation.api import shapes
from moderation.api.bodies import answer, raw_body, read
from moderation.api.fields import Submission, check, decode, faultless, field_errors, is_network_address, is_text
from moderation.api.gate import EVERYBODY, PUBLIC, address_of, allow, site_for, site_of_comment
from moderation.api.origins import cors, require_origin
from moderation.api.problems import problem_of
from moderation.errors import (
    BodyInvalid,
    CursorInvalid,
    FieldError,
    FieldsInvalid,
    ModerationError,
    RoleRefused,
    StoreUnavailable,
    UnknownComment,
)
from moderation.intake import Intake
from moderation.messages import choose_language
from moderation.records import Caller, Role, Site
from moderation.settings import Settings
from moderation.telemetry import Telemetry

BATCH_AT_MOST = 100
PAGE_AT_MOST = 200


class Batch(msgspec.Struct, forbid_unknown_fields=True):
    """Several comments at once; each is answered on its own."""

    comments: list[msgspec.Raw]


class BatchAnswer(msgspec.Struct):
    """One answer for each comment, in their order: a receipt, or a problem."""

    results: list[dict[str, Any]]


class Edit(msgspec.Struct, forbid_unknown_fields=True):
    """A changed text."""

    text: str


class Report(msgspec.Struct, forbid_unknown_fields=True):
    """A reader's report of a published comment."""

    reason: str = ""
    ip: str = ""
    """The reader's address, where a site passes the report on."""


class Changes(msgspec.Struct):
    """Comments by their last change; the next page begins at `cursor`."""

    comments: list[dict[str, Any]]
    cursor: str
    more: bool


def spoken_with(submission: Submission, accept_language: str, site: Site) -> str:
    """Choose the language in which a commenter is answered."""
    return choose_language(submission.lang, accept=accept_language, site=site.lang)


def checked(body: bytes, site: Site, accept_language: str) -> Submission:
    """Decode a submission and name every wrong field at once; raises BodyInvalid or FieldsInvalid."""
    submission = faultless(body)
    if submission is None:
        submission = decode(body, choose_language(accept=accept_language, site=site.lang))
        check(submission, spoken_with(submission, accept_language, site))
    return submission


@contextmanager
def counting(telemetry: Telemetry) -> Iterator[None]:
    """Count a comment that is refused within, whatever the reason."""
    try:
        yield
    except ModerationError as error:
        telemetry.comment_refused(error.code)
        raise


class Comments(Controller):
    """What a site does with its comments."""

    path = "/v1/comments"
    tags = ["comments"]

    @post("/", opt=allow(Role.SITE, body=Submission, answers=shapes.Receipt, status=201))
    async def submit(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        intake: NamedDependency[Intake],
        settings: NamedDependency[Settings],
        telemetry: NamedDependency[Telemetry],
    ) -> Response[bytes]:
        """Take one comment in, and answer what becomes of it.

        A request sent again with its Idempotency-Key within a day, or an `external_id` that is known, is answered with the
        comment that came before, as it stands now, if the text is the one it has or came with. 409 is for another text, for
        the first one where the comment was approved only after an edit, and for a key whose comment was deleted.
        """
        site = await site_for(request, caller, None)
        with counting(telemetry):
            body = await raw_body(request, settings.intake.max_body_bytes)
            key = idempotency_key(request.headers.get("idempotency-key", ""))
            submission = checked(body, site, request.headers.get("accept-language", ""))
            comment = submission.to_comment(intake.new_id(site), site.id)
            taken = await intake.submit(site, comment, idempotency_key=key, body=body)
        return answer(shapes.receipt(taken.id, taken.status, taken.verdict), 201)

    @post("/batch", opt=allow(Role.SITE, body=Batch, answers=BatchAnswer))
    async def submit_batch(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        intake: NamedDependency[Intake],
        settings: NamedDependency[Settings],
        telemetry: NamedDependency[Telemetry],
    ) -> Response[bytes]:
        """Take up to 100 comments in; one that is wrong or refused fails alone.

        With an Idempotency-Key the batch may be sent again: each comment is recorded once.
        """
        site = await site_for(request, caller, None)
        batch = await read(request, Batch, settings.intake.max_batch_body_bytes)
        if not 1 <= len(batch.comments) <= BATCH_AT_MOST:
            message = f"Send 1 to {BATCH_AT_MOST} comments at once."
            raise FieldsInvalid([FieldError("comments", "batch_size", message)])
        accept = request.headers.get("accept-language", "")
        results: list[Any] = []
        key = idempotency_key(request.headers.get("idempotency-key", ""))
        for place, raw in enumerate(batch.comments):
            try:
                submission = checked(bytes(raw), site, accept)
                comment = submission.to_comment(intake.new_id(site), site.id, "batch")
                own = f"{key} {place}" if key else ""
                results.append(intake.begin(site, comment, idempotency_key=own, body=bytes(raw)))
            except ModerationError as error:
                results.append(error)
        out: list[Any] = []
        away: StoreUnavailable | None = None
        taken_in = 0
        for item in results:
            try:
                with counting(telemetry):
                    if isinstance(item, ModerationError):
                        raise item
                    taken = await item
                out.append(shapes.receipt(taken.id, taken.status, taken.verdict))
                taken_in += 1
            except ModerationError as error:
                away = error if isinstance(error, StoreUnavailable) else away
                out.append(problem_of(error))
        if away is not None and not taken_in:
            raise away  # nothing of the batch is kept: the whole is sent again, not each of its comments
        return answer({"results": out})

    @get("/", opt=allow(*EVERYBODY, cookies=True, answers=Changes))
    async def changes(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        intake: NamedDependency[Intake],
        since: FromQuery[str] = "0",
        site: FromQuery[str | None] = None,
        limit: FromQuery[int] = 100,
    ) -> Response[bytes]:
        """List comments in the order of their last change, those after the cursor `since` only.

        Keep the cursor you get and ask again with it: each comment comes once for each change you have not seen.
        """
        where = await site_for(request, caller, site)
        found = await intake.changed_since(where, stamp(since), max(1, min(limit, PAGE_AT_MOST)))
        show = shapes.for_site if caller.role is Role.SITE else shapes.for_staff
        return answer(Changes([show(item) for item in found.comments], str(found.cursor), found.more))

    @get("/{comment_id:str}", opt=allow(*EVERYBODY, cookies=True, answers=dict[str, Any]))
    async def read(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        intake: NamedDependency[Intake],
        comment_id: FromPath[str],
    ) -> Response[bytes]:
        """Give one comment: its status, its verdict with every signal, its decision, its version."""
        site = await _site_of(request, caller, comment_id)
        stored = await intake.stored(site, comment_id)
        return answer(shapes.for_site(stored) if caller.role is Role.SITE else shapes.for_staff(stored))

    @patch("/{comment_id:str}", opt=allow(Role.SITE, Role.ADMIN, body=Edit, answers=shapes.Receipt))
    async def edit(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        intake: NamedDependency[Intake],
        settings: NamedDependency[Settings],
        comment_id: FromPath[str],
    ) -> Response[bytes]:
        """Change a comment's text. It is judged again; the answer says what becomes of it now.

        A text that it has already changes nothing, so that the same edit may be sent again.
        """
        site = await _site_of(request, caller, comment_id)
        edit = await read(request, Edit, settings.intake.max_body_bytes)
        probe = Submission(name="x", email="x@example.com", text=edit.text)
        wrong = [error for error in field_errors(probe, site.lang) if error.field == "text"]
        if wrong:
            raise FieldsInvalid(wrong)
        taken = await intake.edit(site, comment_id, edit.text)
        return answer(shapes.receipt(taken.id, taken.status, taken.verdict))

    @delete("/{comment_id:str}", status_code=204, opt=allow(Role.SITE, Role.ADMIN, status=204))
    async def erase(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        intake: NamedDependency[Intake],
        comment_id: FromPath[str],
    ) -> None:
        """Delete a comment, its explanation and what models could learn from it; the ledger keeps its id."""
        await intake.erase(await _site_of(request, caller, comment_id), comment_id, by=caller.id)

    @post(
        "/{comment_id:str}/reports",
        status_code=202,
        opt=allow(Role.SITE, Role.FORM, body=Report, answers=dict[str, Any], status=202),
    )
    async def report(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        intake: NamedDependency[Intake],
        comment_id: FromPath[str],
    ) -> Response[bytes]:
        """Report a published comment as a reader. It waits in the queue; a reader counts once.

        With a form key the reader is whoever sends this; a site that passes a report on names the reader's `ip`, or tells
        readers apart by an Idempotency-Key. With neither its reports are those of one reader, who counts again after
        each decision.
        """
        site = await _site_of(request, caller, comment_id)
        origin = request.headers.get("origin", "")
        if caller.role is Role.FORM:
            require_origin(request, site, origin)
        report = await read(request, Report)
        if len(report.reason) > 500 or not is_text(report.reason):
            raise FieldsInvalid([FieldError("reason", "too_long", "Say it in at most 500 characters of text.")])
        if report.ip and not is_network_address(report.ip):
            raise FieldsInvalid([FieldError("ip", "invalid", "ip must be an IPv4 or IPv6 address, or be left out.")])
        ours = caller.role is Role.SITE
        key = idempotency_key(request.headers.get("idempotency-key", "")) if ours else ""
        await intake.report(site, comment_id, report.ip if ours else address_of(request), report.reason, key=key)
        return answer({"id": comment_id, "reported": True}, 202, cors(origin) if caller.role is Role.FORM else {})

    @route(
        "/{comment_id:str}/reports", http_method=["OPTIONS"], status_code=204, opt=allow(PUBLIC, media="", status=204)
    )
    async def preflight(self, request: Request[Any, Any, Any], comment_id: FromPath[str]) -> Response[None]:
        """Answer a browser that asks whether it may report: it may ask; the report itself needs a key and an origin."""
        return Response(None, status_code=204, headers=cors(request.headers.get("origin", "")))


class Scores(Controller):
    """Scores for a text, without recording it."""

    path = "/v1/score"
    tags = ["comments"]

    @post(
        "/",
        opt=allow(Role.SITE, Role.MODERATOR, Role.ML, Role.ADMIN, cookies=True, body=Submission, answers=shapes.Score),
    )
    async def score(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        intake: NamedDependency[Intake],
        settings: NamedDependency[Settings],
        site: FromQuery[str | None] = None,
    ) -> Response[bytes]:
        """Say what a comment would get. Only `text` is needed; nothing is stored and no allowance is spent."""
        where = await site_for(request, caller, site)
        submission = decode(await raw_body(request, settings.intake.max_body_bytes))
        wrong = field_errors(submission, spoken_with(submission, request.headers.get("accept-language", ""), where))
        wrong = [error for error in wrong if error.field not in ("name", "email") or error.code != "missing"]
        if wrong:
            raise FieldsInvalid(wrong)
        comment = submission.to_comment(intake.new_id(where), where.id)
        return answer(shapes.score(await intake.appraise(where, comment)))


def idempotency_key(header: str) -> str:
    """Read an Idempotency-Key: at most 255 printable ASCII characters; raises BodyInvalid for any other."""
    if len(header) > 255 or not header.isascii() or (header and not header.isprintable()):
        raise BodyInvalid("an Idempotency-Key has at most 255 printable ASCII characters")
    return header


def stamp(cursor: str) -> int:
    """Read a cursor that is a stamp; raises CursorInvalid."""
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 17):
        raise CursorInvalid
    return int(cursor)


async def _site_of(request: Request[Any, Any, Any], caller: Caller, comment_id: str) -> Site:
    try:
        return await site_of_comment(request, caller, comment_id)
    except RoleRefused:
        raise
    except ModerationError as error:
        raise UnknownComment(comment_id) from error
