"""The dialect of OpenAI's moderations: which of thirteen categories a text falls into, as far as our models know.

Harassment, hate and threats are answered. Of the other categories nothing is known here: they are null where the contract
lets them be, else false with a score of 0 and no input type applied. Nothing is recorded.
"""

import secrets
from typing import Any

import msgspec
from litestar import Controller, Request, Response, post
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException

from moderation.access import Access
from moderation.administration import Administration
from moderation.api.bodies import raw_body
from moderation.api.dialects import FAILED, bearer, in_words, probability, read_json, said, site_of_key
from moderation.api.gate import PUBLIC, allow
from moderation.api.problems import headers_of, on_anything_else
from moderation.errors import BodyInvalid, KeyRefused, ModerationError, ScorerUnavailable
from moderation.intake import Intake
from moderation.records import Comment, Verdict
from moderation.settings import Settings

MOST_TEXTS = 128
ANSWERED = {
    "harassment": ("toxicity", "insult"),
    "harassment/threatening": ("threat",),
    "hate": ("identity_attack",),
}
"""Category -> the scores of which the highest counts. `hate/threatening` is where hate and a threat come together."""
OPTIONAL = ("illicit", "illicit/violent")
UNANSWERED = (
    "self-harm", "self-harm/intent", "self-harm/instructions", "sexual", "sexual/minors", "violence", "violence/graphic",
)  # fmt: skip


class ModerationRequest(msgspec.Struct):
    """One text, several texts, or one thing of several typed parts."""

    input: str | list[Any]
    model: str = "omni-moderation-latest"


class Result(msgspec.Struct):
    """What one text falls into."""

    flagged: bool
    categories: dict[str, bool | None]
    category_scores: dict[str, float]
    category_applied_input_types: dict[str, list[str]]


class ModerationAnswer(msgspec.Struct):
    """One result for each text."""

    id: str
    model: str
    results: list[Result]


class OpenAIError(msgspec.Struct):
    """An error as OpenAI tells it: `error` holds message, type, param and code."""

    error: dict[str, Any]


_REFUSALS: dict[int, Any] = dict.fromkeys((400, 401, 413, 429, 500, 503), OpenAIError)


class Unsupported(Exception):
    """An input that is not the text we can judge."""


def on_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Say an error as OpenAI does."""
    status, kind, code = said(error).openai
    message, param, headers = str(error), None, {}
    if isinstance(error, Unsupported):
        status, kind, code, param = 400, "invalid_request_error", None, "input"
    elif isinstance(error, HTTPException):
        status, kind, message = error.status_code, "invalid_request_error", error.detail
    elif isinstance(error, ModerationError):
        headers = {name: value for name, value in headers_of(error).items() if name == "Retry-After"}
        if isinstance(error, KeyRefused):
            message = "Incorrect API key provided: send the key of a site as Authorization: Bearer <key>."
    elif said(error) is FAILED:
        on_anything_else(request, error)
        message = "The server had an error while processing your request."
    body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    return Response(msgspec.json.encode(body), status_code=status, headers=headers, media_type="application/json")


def texts_of(body: bytes) -> list[str]:
    """Read what is to be judged: a text each, or the parts of one thing as one text. Raises BodyInvalid, Unsupported."""
    try:
        asked = read_json(body)
    except (ValueError, RecursionError):
        raise BodyInvalid("We could not parse the JSON body of your request.") from None
    given = asked.get("input") if isinstance(asked, dict) else None
    if isinstance(given, str):
        return [_clean(given)]
    if not isinstance(given, list) or not given or len(given) > MOST_TEXTS:
        raise Unsupported(f"'input' must be a text, or a list of 1 to {MOST_TEXTS} texts or typed parts.")
    if all(isinstance(one, str) for one in given):
        return [_clean(one) for one in given]
    return ["\n".join(_part(one) for one in given)]


def _part(part: Any) -> str:
    if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
        return _clean(part["text"])
    if isinstance(part, dict) and part.get("type") == "image_url":
        raise Unsupported("This service judges text only; an image in 'input' cannot be moderated here.")
    raise Unsupported("Each part of 'input' must be of the type 'text', with a 'text'.")


def _clean(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def result(verdict: Verdict, bars: dict[str, float]) -> Result:
    """Say a text's scores as categories; a category is true where the site's policy would hold the text for it."""
    scores = verdict.scores
    passed = {name: scores[name] >= bars.get(name, 1.01) for name in scores}
    found: dict[str, bool | None] = {}
    shown: dict[str, float] = {}
    for category, names in ANSWERED.items():
        found[category] = any(passed[name] for name in names)
        shown[category] = probability(max(scores[name] for name in names))
    found["hate/threatening"] = passed["identity_attack"] and passed["threat"]
    shown["hate/threatening"] = probability(min(scores["identity_attack"], scores["threat"]))
    applied = {category: ["text"] for category in found}
    for category in (*OPTIONAL, *UNANSWERED):
        found[category] = None if category in OPTIONAL else False
        shown[category] = 0.0
        applied[category] = []
    return Result(any(found.values()), found, shown, applied)


class Moderations(Controller):
    """OpenAI's one route."""

    tags = ["openai"]
    exception_handlers = in_words(on_error)

    @post(
        "/v1/moderations",
        status_code=200,
        opt=allow(PUBLIC, media="", body=ModerationRequest, answers=ModerationAnswer, refusals=_REFUSALS),
    )
    async def create(
        self,
        request: Request[Any, Any, Any],
        access: NamedDependency[Access],
        administration: NamedDependency[Administration],
        intake: NamedDependency[Intake],
        settings: NamedDependency[Settings],
    ) -> Response[bytes]:
        """Say into which categories texts fall. The key of a site goes into `Authorization: Bearer`."""
        site = await site_of_key(request, access, bearer(request.headers.get("authorization", "")), scores=True)
        texts = texts_of(await raw_body(request, 4 * settings.intake.max_body_bytes))
        verdicts = await intake.score(site, [Comment(id="", site=site.id, text=text) for text in texts])
        if any(not verdict.scores for verdict in verdicts):
            raise ScorerUnavailable("no model can score at the moment; try again")
        bars = {name: hold_at for name, _, hold_at, _ in administration.effective(site.policy).attributes}
        answer = ModerationAnswer(
            f"modr-{secrets.token_hex(12)}", verdicts[0].models[0], [result(verdict, bars) for verdict in verdicts]
        )
        return Response(msgspec.json.encode(answer), status_code=200, media_type="application/json")
