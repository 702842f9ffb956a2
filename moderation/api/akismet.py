"""The dialect of Akismet (1.1 and 1.2): checks of comments, corrections, and what its clients ask about an account.

A check goes the way of every comment. Answers are bare words without a newline, since clients compare them whole. A
failure of ours is never such a word: it is a 503 that says why in `X-akismet-debug-help`, which no good answer carries.
"""

import re
import secrets
from typing import Any, NamedTuple

from litestar import Controller, Request, Response, post, route
from litestar.di import NamedDependency, Provide
from litestar.exceptions import HTTPException

from moderation.access import Access
from moderation.api.akismet_forms import Fields, is_set, key_of, read_fields, to_comment
from moderation.api.akismet_shapes import CheckForm, KeyForm
from moderation.api.bodies import raw_body
from moderation.api.dialects import FAILED, in_words, said, site_of_key
from moderation.api.gate import PUBLIC, allow
from moderation.api.problems import headers_of, on_anything_else
from moderation.errors import FieldError, FieldsInvalid, KeyRefused, ModerationError, ScorerUnavailable, UnknownSite
from moderation.feedback import Feedback, plain
from moderation.intake import Intake
from moderation.moves import shown_status
from moderation.records import Comment, Outcome, Site, Status, Stored, Verdict
from moderation.settings import Settings

THANKS = "Thanks for making the web a better place."
CERTAIN_AUTHORS = frozenset(("viagra-test-123", "akismet-guaranteed-spam"))
CERTAIN_EMAIL = "akismet-guaranteed-spam@example.com"
"""Values that are always spam, so that a client can be tried out. They are never recorded."""

CLASS_OF = {"true": "spam", "false": "ham"}
"""What is said with `classify=1`. The words of the original beyond these are not known."""

_HEADER = re.compile(r"[^ -~]+")
FORM = "application/x-www-form-urlencoded"
REFUSALS: dict[int, Any] = dict.fromkeys((400, 413, 429, 503), str)
WORD: dict[int, Any] = {200: str}
"""A wrong key is answered by a word where a good one is answered by JSON, and the status is the same."""


def bare(text: str, headers: dict[str, str] | None = None, status: int = 200) -> Response[str]:
    """Answer a bare word."""
    return Response(text, status_code=status, headers=headers, media_type="text/plain")


def on_error(request: Request[Any, Any, Any], error: Exception) -> Response[str]:
    """Say an error so that no client takes it for a verdict."""
    status, why = said(error).akismet, _HEADER.sub(" ", str(error))[:300]
    headers = headers_of(error) if isinstance(error, ModerationError) else {}
    word = "unavailable" if status >= 500 else "refused"
    if isinstance(error, HTTPException):
        status, why = error.status_code, error.detail
    elif isinstance(error, KeyRefused | UnknownSite):
        word, why = (
            "invalid",
            'the key is missing, wrong or revoked (field "api_key" or "key", or the name of the host)',
        )
    elif isinstance(error, FieldsInvalid):
        word, why = str(error), f'Empty "{error.errors[0].field}" value'
    elif said(error) is FAILED:
        on_anything_else(request, error)
        why = "the service failed at this request; the fault is ours"
    kept = {name: value for name, value in headers.items() if name == "Retry-After"}
    return bare(word, {"X-akismet-debug-help": why, **kept}, status)


class Asked(NamedTuple):
    """What a request asks: for which site, and with which fields."""

    site: Site
    fields: Fields
    key: str


def asked(*order: str) -> Provide:
    """Build what gives a request's site and fields; its key is looked for in the fields of this order, then in the host.

    WordPress sends a long comment twice, so the limit of a body is far above that of a comment.
    """

    async def provide(
        request: Request[Any, Any, Any], access: NamedDependency[Access], settings: NamedDependency[Settings]
    ) -> Asked:
        body = await raw_body(request, 8 * settings.intake.max_body_bytes)
        query: bytes = request.scope.get("query_string", b"")
        fields = read_fields(query, body, request.headers.get("content-type", ""))
        key = key_of(fields, request.headers.get("host", ""), order)
        return Asked(await site_of_key(request, access, key), fields, key)

    return Provide(provide)


def require(fields: Fields, *names: str, empty: tuple[str, ...] = ()) -> None:
    """Refuse a request in which a field is missing; those in `empty` may be there with nothing in them."""
    for name in names:
        if not (name in fields if name in empty else fields.get(name, "").strip()):
            raise FieldsInvalid([FieldError(name, "missing", f"Missing required field: {name}.")])


class Akismet(Controller):
    """Akismet's routes. The key is looked for in the body, in the query and in the name of the host."""

    tags = ["akismet"]
    exception_handlers = in_words(on_error)
    dependencies = {"asked": asked("api_key", "key")}

    @route(
        "/1.1/verify-key",
        http_method=["GET", "POST"],
        status_code=200,
        dependencies={"asked": asked("key", "api_key")},
        opt=allow(PUBLIC, media="", body=KeyForm, body_media=FORM, answers=str, refusals=REFUSALS),
    )
    async def verify_key(self, asked: NamedDependency[Asked]) -> Response[str]:
        """Say whether a key is good: `valid` or `invalid`. A new key in `key` is looked at before an old `api_key`."""
        if not asked.fields.get("blog", "").strip():
            return bare("invalid", {"X-akismet-debug-help": 'Empty "blog" value'})
        return bare("valid")

    @post(
        "/1.1/comment-check",
        status_code=200,
        opt=allow(PUBLIC, media="", body=CheckForm, body_media=FORM, answers=str, refusals=REFUSALS),
    )
    async def comment_check(
        self, asked: NamedDependency[Asked], intake: NamedDependency[Intake], feedback: NamedDependency[Feedback]
    ) -> Response[str]:
        """Judge and record a comment: `true` where it is rejected, `false` where not; what is held, as the site wants."""
        site, fields, _ = asked
        require(fields, "blog", "user_ip", empty=("user_ip",))
        answer = await checked(site, fields, intake, feedback)
        if is_set(fields, "classify") and answer.content in CLASS_OF:
            answer.headers["X-akismet-classification"] = CLASS_OF[answer.content]
        return answer

    @post(
        "/1.1/submit-spam",
        status_code=200,
        opt=allow(PUBLIC, media="", body=CheckForm, body_media=FORM, answers=str, refusals=REFUSALS),
    )
    async def submit_spam(
        self, asked: NamedDependency[Asked], intake: NamedDependency[Intake], feedback: NamedDependency[Feedback]
    ) -> Response[str]:
        """Take that a comment is spam as a label. Send what was checked; a `guid` finds it surely."""
        return await correct(asked, intake, feedback, spam=True)

    @post(
        "/1.1/submit-ham",
        status_code=200,
        opt=allow(PUBLIC, media="", body=CheckForm, body_media=FORM, answers=str, refusals=REFUSALS),
    )
    async def submit_ham(
        self, asked: NamedDependency[Asked], intake: NamedDependency[Intake], feedback: NamedDependency[Feedback]
    ) -> Response[str]:
        """Take that a comment is no spam as a label."""
        return await correct(asked, intake, feedback, spam=False)


# checks -------------------------------------------------------------------------------------------------


def is_certain(comment: Comment) -> bool:
    """Say whether this is one of the values that are spam for certain."""
    return comment.name in CERTAIN_AUTHORS or comment.email.lower() == CERTAIN_EMAIL


def told(*, spam: bool, guid: str, discard: bool = False) -> Response[str]:
    """Tell a verdict."""
    headers = {"X-akismet-guid": guid}
    if spam and discard:
        headers["X-akismet-pro-tip"] = "discard"
    return bare("true" if spam else "false", headers)


def verdict_told(site: Site, verdict: Verdict, guid: str) -> Response[str]:
    """Tell our verdict as Akismet's. What waits because no model could look is no verdict."""
    held = verdict.outcome is Outcome.HOLD
    if held and verdict.degraded:
        return unavailable(guid)
    spam = verdict.outcome is Outcome.REJECT or (held and site.policy.hold_is_spam)
    return told(spam=spam, guid=guid, discard=verdict.blatant)


def unavailable(guid: str) -> Response[str]:
    """Say that nobody could judge; the comment waits for a moderator here, and the client may ask again."""
    why = "no model can judge at the moment; the comment waits for a moderator"
    headers = {"X-akismet-debug-help": why, "X-akismet-guid": guid, **headers_of(ScorerUnavailable(why))}
    return bare("unavailable", headers, 503)


async def checked(site: Site, fields: Fields, intake: Intake, feedback: Feedback) -> Response[str]:
    """Judge and record a comment, or say how one stands that was checked before.

    What the site's own administrator wrote is never spam to it: the original promises so, and a comment that was checked
    before without that word, or that is edited, is no exception. Where it stands here is said beside it.
    """
    comment = to_comment(fields, intake.new_id(site), site.id)
    vouched = comment.role == "administrator"
    if not vouched and is_certain(comment):
        return told(spam=True, guid=secrets.token_hex(16))
    if is_set(fields, "is_test"):
        return verdict_told(site, await intake.appraise(site, comment), secrets.token_hex(16))
    guid = fields.get("guid", "")
    found = await feedback.find(site, comment, guid) if guid or fields.get("recheck_reason") else None
    known = found.comment if found else None
    if found and known and (not comment.text.strip() or plain(comment.text) == plain(known.text)):
        # a guid proves to us that its holder has had the comment: who knows text and name only is given none of it
        named = feedback.guid_of(known.id) if found.surely else secrets.token_hex(16)
        corrected = await feedback.corrected(site, known)
        answer = told(spam=False, guid=named) if vouched else known_told(site, known, corrected, named)
        return standing(answer, known.id, shown_status(known))
    taken = await (intake.edit(site, known.id, comment.text, comment.role) if known else intake.submit(site, comment))
    named = feedback.guid_of(taken.id)
    answer = told(spam=False, guid=named) if vouched else verdict_told(site, taken.verdict, named)
    return standing(answer, taken.id, taken.status)


def known_told(site: Site, known: Stored, corrected: bool | None, guid: str) -> Response[str]:
    """Tell how the site may see a comment stand by now; what it said of it itself counts before what the models said."""
    if corrected is not None:
        return told(spam=corrected, guid=guid)
    status = shown_status(known)
    if status is Status.PENDING:
        if known.verdict is not None and known.verdict.degraded:
            return unavailable(guid)
        return told(spam=site.policy.hold_is_spam, guid=guid)
    decided = known.decision is not None and not known.embargo
    blatant = not decided and known.verdict is not None and known.verdict.blatant
    return told(spam=status is Status.REJECTED, guid=guid, discard=blatant)


def standing(answer: Response[str], comment_id: str, status: Status) -> Response[str]:
    """Say beside the word where the comment stands here, for those who can hold one until a moderator has decided it."""
    answer.headers["X-moderation-id"] = comment_id
    answer.headers["X-moderation-status"] = status.value
    return answer


async def correct(asked: Asked, intake: Intake, feedback: Feedback, *, spam: bool) -> Response[str]:
    """Take a correction; a test teaches nothing."""
    site, fields, key = asked
    if not is_set(fields, "is_test"):
        await feedback.spend(site, key)
        comment = to_comment(fields, "", site.id)
        (verdict,) = await intake.score(site, [comment])
        await feedback.correct(site, comment, verdict, spam=spam, guid=fields.get("guid", ""))
    return bare(THANKS)
