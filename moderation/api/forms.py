"""The browser's side: a form that posts straight to the service, and the approved comments of a page.

A form key is no secret. It is bound to the origins that its site lists, may only submit, report and read what is
public, has an allowance of its own, and hears no scores.
"""

import html
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, quote

import msgspec
from litestar import Controller, Request, Response, get, post, route
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from moderation.access import Access
from moderation.api import shapes
from moderation.api.bodies import answer, raw_body
from moderation.api.comments import checked, counting, spoken_with, stamp
from moderation.api.fields import Submission, check, of_form
from moderation.api.gate import PUBLIC, address_of, allow
from moderation.api.origins import cors, may_post, origin_of, require_origin
from moderation.api.problems import headers_of, problem_of, status_of
from moderation.errors import BodyInvalid, FieldsInvalid, KeyRefused, MediaTypeRefused, ModerationError, RateExceeded
from moderation.intake import Intake
from moderation.messages import choose_language, message
from moderation.records import Role, Site
from moderation.settings import Settings
from moderation.telemetry import Telemetry

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


class FormAnswer(msgspec.Struct):
    """What a commenter hears: whether it is shown now, or waits, or is refused. No scores."""

    id: str
    status: str
    message: str


class ThreadPage(msgspec.Struct):
    """The approved comments of a page."""

    url: str
    count: int
    comments: list[shapes.ThreadComment]
    cursor: str | None


class Forms(Controller):
    """Comments posted by a browser."""

    path = "/v1/forms/{form_key:str}/comments"
    tags = ["forms"]

    @post("/", opt=allow(PUBLIC, media="", body=Submission, answers=FormAnswer, status=201))
    async def submit(
        self,
        request: Request[Any, Any, Any],
        access: NamedDependency[Access],
        intake: NamedDependency[Intake],
        settings: NamedDependency[Settings],
        telemetry: NamedDependency[Telemetry],
        form_key: FromPath[str],
    ) -> Response[Any]:
        """Take a comment from a form: JSON by a script, or the form's own post when no script runs."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        site = await access.by_form_key(form_key)
        origin = request.headers.get("origin", "")
        require_origin(request, site, origin)
        accept = request.headers.get("accept-language", "")
        back, lang = "", choose_language(accept=accept, site=site.lang)
        try:
            with counting(telemetry):
                if kind not in (JSON, FORM):
                    raise MediaTypeRefused(f"send a form as {FORM} or as {JSON}")
                body = await raw_body(request, settings.intake.max_body_bytes)
                if kind == FORM:
                    submission, back = read_form(body)
                    lang = spoken_with(submission, accept, site)
                    check(submission, lang)
                else:
                    submission = checked(body, site, accept)
                # what a browser says of its own address, agent or id is no fact
                comment = msgspec.structs.replace(
                    submission.to_comment(intake.new_id(site), site.id, "form"),
                    ip=address_of(request),
                    user_agent=request.headers.get("user-agent", "")[:500],
                    external_id="",
                )
                taken = await intake.submit(site, comment)
        except ModerationError as error:
            if kind == FORM:
                headers = headers_of(error)
                return _page(status_of(error).value, _lines(error, lang, headers), lang, headers)
            return _refused(error, origin)
        # what was refused as spam is told no more than what waits: a robot learns nothing from the answer
        shown = "approved" if taken.status == "approved" else "pending"
        lang = spoken_with(submission, accept, site)
        text = message(f"comment.{shown}", lang)
        if kind == FORM:
            return _back(request, site, back, shown) or _page(201, [text], lang)
        return answer({"id": taken.id, "status": shown, "message": text}, 201, cors(origin))

    @route("/", http_method=["OPTIONS"], status_code=204, opt=allow(PUBLIC, media="", status=204))
    async def preflight(
        self, request: Request[Any, Any, Any], access: NamedDependency[Access], form_key: FromPath[str]
    ) -> Response[None]:
        """Answer a browser that asks whether it may post."""
        site = await access.by_form_key(form_key)
        origin = request.headers.get("origin", "")
        require_origin(request, site, origin)
        return Response(None, status_code=204, headers=cors(origin))


class Threads(Controller):
    """What is published under a page."""

    path = "/v1/threads"
    tags = ["forms"]

    @get("/", opt=allow(PUBLIC, answers=ThreadPage))
    async def read(
        self,
        request: Request[Any, Any, Any],
        access: NamedDependency[Access],
        intake: NamedDependency[Intake],
        url: FromQuery[str],
        form_key: FromQuery[str | None] = None,
        cursor: FromQuery[str | None] = None,
        limit: FromQuery[int] = 100,
    ) -> Response[bytes]:
        """List the approved comments of a page, oldest first. Takes a form key (as `form_key`) or a site key as Bearer."""
        site = await _site_of_reader(request, access, form_key)
        limit = max(1, min(limit, 500))
        found, count = await intake.approved_under(site, url, stamp(cursor or "0"), limit)
        page = ThreadPage(
            url=url,
            count=count,
            comments=[shapes.thread_comment(item) for item in found.comments],
            cursor=str(found.cursor) if found.more else None,
        )
        origin = request.headers.get("origin", "")
        headers = cors(origin) if may_post(request, site, origin) else {}
        return answer(page, 200, headers | {"Cache-Control": "no-cache"})


async def _site_of_reader(request: Request[Any, Any, Any], access: Access, form_key: str | None) -> Site:
    if form_key:
        return await access.by_form_key(form_key)
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret:
        raise KeyRefused("send the form key as ?form_key=..., or a site key as Authorization: Bearer <key>")
    caller = await access.by_key(secret.strip())
    if caller.role not in (Role.SITE, Role.FORM):
        raise KeyRefused
    site: Site = await request.app.state.sites.site(caller.site)
    return site


def read_form(body: bytes) -> tuple[Submission, str]:
    """Read a form's own post: our fields, and where to go back to; fields we do not know are left alone."""
    try:
        text = body.decode("utf-8")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=200, errors="strict")
    except ValueError:
        raise BodyInvalid("the form is not UTF-8, or has more than 200 fields") from None
    fields = dict(pairs)
    fields.setdefault("text", fields.get("comment", ""))
    submission = of_form(fields)
    return submission, fields.get("back", "") or submission.thread.url


def _back(request: Request[Any, Any, Any], site: Site, back: str, status: str) -> Response[Any] | None:
    """Send the browser back to the page it came from; None where that is not one of the site's."""
    if not may_post(request, site, origin_of(back)):
        return None
    page = back.partition("#")[0]
    mark = "&" if "?" in page else "?"
    # as in an address bar: nothing in it may end the header, or is none of its characters
    target = quote(page, safe="%/:?#[]@!$&'()*+,;=~") + f"{mark}comment={status}#comments"
    return Response("", status_code=303, headers={"Location": target}, media_type="text/plain")


def _refused(error: ModerationError, origin: str) -> Response[Any]:
    return Response(
        msgspec.json.encode(problem_of(error)),
        status_code=status_of(error).value,
        headers=headers_of(error) | cors(origin),
        media_type="application/problem+json",
    )


def _lines(error: ModerationError, lang: str, headers: dict[str, str]) -> list[str]:
    """Say what keeps a comment out: to its writer in their language, and as it is what only the owner of the site can mend."""
    if isinstance(error, FieldsInvalid):
        return [one.message for one in error.errors]
    if isinstance(error, RateExceeded):
        return [message("comment.too_many", lang, seconds=headers["Retry-After"])]
    if status_of(error) == HTTPStatus.SERVICE_UNAVAILABLE:
        return [message("comment.unavailable", lang)]
    return [str(error)]


def _page(status: int, lines: list[str], lang: str, headers: dict[str, str] | None = None) -> Response[Any]:
    """Show a small page to a browser that runs no script; what was typed is there again when it goes back."""
    said = "".join(f"<p>{html.escape(line)}</p>" for line in lines)
    page = (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>{html.escape(lines[0])}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"></head><body>{said}</body></html>'
    )
    policy = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}
    return Response(page, status_code=status, headers=(headers or {}) | policy, media_type="text/html")
