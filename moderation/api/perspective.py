"""The dialect of Google's Perspective API (v1alpha1): scores for a text, suggested scores, and its discovery document.

What comes in here is no comment: it is scored as a text alone and never recorded, whatever `doNotStore` says. Only
suggested scores are kept, as labels.
"""

import re
from importlib.resources import files
from typing import Any, NamedTuple

import msgspec
from litestar import Controller, Request, Response, get, post, route
from litestar.di import NamedDependency, Provide
from litestar.exceptions import NotFoundException
from litestar.params import FromQuery

from moderation.access import Access
from moderation.api.bodies import raw_body
from moderation.api.dialects import bearer, cors, in_words, probability, root_url, site_of_key
from moderation.api.gate import PUBLIC, allow
from moderation.api.google_errors import REFUSALS, Refused, Unregistered, on_error
from moderation.api.perspective_requests import (
    ATTRIBUTES,
    SERVED,
    Analysis,
    Suggestion,
    read_analysis,
    read_suggestion,
    sentences,
)
from moderation.errors import ScorerUnavailable
from moderation.feedback import Feedback
from moderation.intake import Intake
from moderation.records import Comment, Site, Verdict
from moderation.settings import Settings

KEY_HEADER = "x-goog-api-key"
_LETTER = re.compile(r"[^\W\d_]")


class TextEntry(msgspec.Struct):
    """A text; only PLAIN_TEXT is supported."""

    text: str
    type: str = "PLAIN_TEXT"


class AttributeParameters(msgspec.Struct, rename="camel"):
    """How an attribute is asked for; below its threshold it is left out of the answer."""

    score_type: str = "PROBABILITY"
    score_threshold: float = 0.0


class AnalyzeCommentRequest(msgspec.Struct, rename="camel"):
    """What is asked of a text. Other fields of the original are taken and make no difference."""

    comment: TextEntry
    requested_attributes: dict[str, AttributeParameters]
    languages: list[str] = []
    span_annotations: bool = False
    client_token: str = ""


class ScoreValue(msgspec.Struct):
    """A probability."""

    value: float
    type: str = "PROBABILITY"


class SpanScore(msgspec.Struct):
    """The score of a stretch of the text, in code points."""

    begin: int
    end: int
    score: ScoreValue


class AttributeScores(msgspec.Struct, rename="camel"):
    """The scores of one attribute: of the parts and of the whole."""

    span_scores: list[SpanScore]
    summary_score: ScoreValue


class AnalyzeCommentResponse(msgspec.Struct, rename="camel", omit_defaults=True):
    """What a text is scored."""

    attribute_scores: dict[str, AttributeScores] = {}
    languages: list[str] = []
    detected_languages: list[str] = []
    client_token: str = ""


class SuggestedScores(msgspec.Struct, rename="camel"):
    """What a client suggests for one attribute."""

    summary_score: ScoreValue


class SuggestCommentScoreRequest(msgspec.Struct, rename="camel"):
    """Scores that a client suggests for a text."""

    comment: TextEntry
    attribute_scores: dict[str, SuggestedScores]
    languages: list[str] = []
    community_id: str = ""
    client_token: str = ""


class SuggestCommentScoreResponse(msgspec.Struct, rename="camel", omit_defaults=True):
    """The client's token, where one was sent."""

    client_token: str = ""


async def analyse(intake: Intake, site: Site, asked: Analysis) -> AnalyzeCommentResponse:
    """Score a text and, where asked for, its sentences; raises Refused or ScorerUnavailable."""
    refuse_languages(asked.languages, intake.languages, next(iter(asked.attributes)), "requestedLanguages")
    if not asked.languages and not _LETTER.search(asked.text):
        raise Refused("Unable to detect language", "LANGUAGE_DETECTION_FAILED")
    parts = sentences(asked.text) if asked.spans else []
    texts = [asked.text, *(asked.text[begin:end] for begin, end in parts)]
    whole, *spans = await scored(intake, site, texts, asked.languages)
    if not parts:
        parts, spans = [(0, len(asked.text))], [whole]
    detected = whole.lang or site.lang
    if not asked.languages:
        refuse_languages((detected,), intake.languages, next(iter(asked.attributes)), "detectedLanguages")
    found = {}
    for name, threshold in asked.attributes.items():
        attribute = ATTRIBUTES[name]
        if whole.scores[attribute] >= threshold:
            found[name] = AttributeScores(
                [
                    SpanScore(begin, end, ScoreValue(probability(part.scores[attribute])))
                    for (begin, end), part in zip(parts, spans, strict=True)
                ],
                ScoreValue(probability(whole.scores[attribute])),
            )
    return AnalyzeCommentResponse(found, list(asked.languages) or [detected], [detected], asked.client_token)


def refuse_languages(named: tuple[str, ...], ours: frozenset[str], attribute: str, field: str) -> None:
    """Refuse languages that Perspective never served and that we cannot judge either; raises Refused."""
    missing = [one for one in named if re.split("[-_]", one.lower(), maxsplit=1)[0] not in SERVED | ours]
    if missing:
        raise Refused(
            f"Attribute {attribute} does not support request languages: {', '.join(missing)[:200]}",
            "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE",
            languageNotSupportedByAttributeError={field: missing, "attribute": attribute},
        )


async def scored(intake: Intake, site: Site, texts: list[str], languages: tuple[str, ...]) -> list[Verdict]:
    """Score texts of which nothing else is known; raises ScorerUnavailable where no model answers."""
    lang = languages[0] if languages else ""
    verdicts = await intake.score(site, [Comment(id="", site=site.id, text=text, lang=lang) for text in texts])
    if any(not verdict.scores for verdict in verdicts):
        raise ScorerUnavailable("no model can score at the moment; try again")
    return verdicts


async def suggest(intake: Intake, feedback: Feedback, site: Site, told: Suggestion) -> SuggestCommentScoreResponse:
    """Keep suggested scores as a label; without a model it is kept all the same."""
    lang = told.languages[0] if told.languages else ""
    (verdict,) = await intake.score(site, [Comment(id="", site=site.id, text=told.text, lang=lang)])
    await feedback.suggest(
        site, told.text, told.values, verdict, community=told.community, client_token=told.client_token, lang=lang
    )
    return SuggestCommentScoreResponse(told.client_token)


class Call(NamedTuple):
    """One call of this dialect, whether it came alone or in a batch of several."""

    method: str
    path: str
    key: str
    body: bytes


class Analyzer(NamedTuple):
    """Answers calls: the one frame around what this dialect can do."""

    request: Request[Any, Any, Any]
    access: Access
    intake: Intake
    feedback: Feedback

    async def site_of(self, key: str, *, scores: bool = True) -> Site:
        """Give the site of a key; raises Unregistered where there is none, KeyRefused, and RoleRefused."""
        if not key:
            raise Unregistered
        return await site_of_key(self.request, self.access, key, scores=scores)

    async def answer(self, call: Call) -> AnalyzeCommentResponse | SuggestCommentScoreResponse:
        """Answer one call; raises what the dialect then says as an error."""
        site = await self.site_of(call.key, scores=not call.path.endswith(":suggestscore"))
        match call.method, call.path:
            case "POST", "/v1alpha1/comments:analyze":
                return await analyse(self.intake, site, read_analysis(call.body))
            case "POST", "/v1alpha1/comments:suggestscore":
                told = read_suggestion(call.body)
                await self.feedback.spend(site, call.key)
                return await suggest(self.intake, self.feedback, site, told)
        raise NotFoundException("This service knows POST comments:analyze and POST comments:suggestscore of v1alpha1.")


async def analyzer(
    request: Request[Any, Any, Any],
    access: NamedDependency[Access],
    intake: NamedDependency[Intake],
    feedback: NamedDependency[Feedback],
) -> Analyzer:
    """Give a request what answers its calls."""
    return Analyzer(request, access, intake, feedback)


def key_of(request: Request[Any, Any, Any]) -> str:
    """Find the key of a request: in the query, in Google's header, or where an access token would be."""
    named = request.query_params.get("key") or request.headers.get(KEY_HEADER, "")
    return named or bearer(request.headers.get("authorization", ""))


async def call_of(request: Request[Any, Any, Any], settings: Settings) -> Call:
    """Take a request as the one call that it is."""
    body = await raw_body(request, 4 * settings.intake.max_body_bytes)
    return Call("POST", request.scope["path"], key_of(request), body)


_PREFLIGHT = allow(PUBLIC, media="", status=204, refusals={})


class Perspective(Controller):
    """Perspective's routes. A key is asked for in the query (`key`), in `X-Goog-Api-Key`, or as a Bearer."""

    tags = ["perspective"]
    exception_handlers = in_words(on_error)
    dependencies = {"analyzer": Provide(analyzer)}

    @post(
        "/v1alpha1/comments:analyze",
        status_code=200,
        opt=allow(PUBLIC, media="", body=AnalyzeCommentRequest, answers=AnalyzeCommentResponse, refusals=REFUSALS),
    )
    async def analyze(
        self,
        request: Request[Any, Any, Any],
        analyzer: NamedDependency[Analyzer],
        settings: NamedDependency[Settings],
        key: FromQuery[str] = "",
    ) -> Response[bytes]:
        """Score a text for the attributes that are asked for. Nothing is recorded."""
        return google_answer(request, await analyzer.answer(await call_of(request, settings)))

    @post(
        "/v1alpha1/comments:suggestscore",
        status_code=200,
        opt=allow(
            PUBLIC,
            media="",
            body=SuggestCommentScoreRequest,
            answers=SuggestCommentScoreResponse,
            refusals=REFUSALS,
        ),
    )
    async def suggest_score(
        self,
        request: Request[Any, Any, Any],
        analyzer: NamedDependency[Analyzer],
        settings: NamedDependency[Settings],
        key: FromQuery[str] = "",
    ) -> Response[bytes]:
        """Keep what a client knows better as a label. The same client token in the same community is one label."""
        return google_answer(request, await analyzer.answer(await call_of(request, settings)))

    # the frame registers handlers by name, and makes an OPTIONS of its own for a path that has none yet
    @route("/v1alpha1/comments:analyze", http_method=["OPTIONS"], status_code=204, opt=_PREFLIGHT)
    async def allow_pages_to_analyze(self, request: Request[Any, Any, Any]) -> Response[None]:
        """Answer a browser that asks whether it may post: pages of every origin may, the key is what counts."""
        return Response(None, status_code=204, headers=cors(request))

    @route("/v1alpha1/comments:suggestscore", http_method=["OPTIONS"], status_code=204, opt=_PREFLIGHT)
    async def allow_pages_to_suggest(self, request: Request[Any, Any, Any]) -> Response[None]:
        """Answer a browser that asks whether it may post."""
        return Response(None, status_code=204, headers=cors(request))

    @get("/$discovery/rest", opt=allow(PUBLIC, answers=dict[str, Any], refusals=REFUSALS | {404: REFUSALS[400]}))
    async def discovery(
        self,
        request: Request[Any, Any, Any],
        analyzer: NamedDependency[Analyzer],
        version: FromQuery[str] = "v1alpha1",
        key: FromQuery[str] = "",
    ) -> Response[bytes]:
        """Give the discovery document from which Google's client libraries build themselves, with our own address.

        Everybody may read it; a wrong key is refused all the same, since clients find out here that theirs is.
        """
        if key:
            await analyzer.site_of(key)
        if version != "v1alpha1":
            raise NotFoundException("The requested API version does not exist; ask for v1alpha1.")
        root = root_url(request)
        document = {**_DISCOVERY, "rootUrl": root, "baseUrl": root, "mtlsRootUrl": root}
        headers = {"Cache-Control": "private, max-age=300", "Vary": "Host"}
        return google_answer(request, document, headers)


def google_answer(
    request: Request[Any, Any, Any], value: Any, headers: dict[str, str] | None = None
) -> Response[bytes]:
    """Answer as Google's servers do, readable for pages of any origin."""
    return Response(
        msgspec.json.encode(value),
        status_code=200,
        headers={**cors(request), **(headers or {})},
        media_type="application/json; charset=UTF-8",
    )


_DISCOVERY: dict[str, Any] = msgspec.json.decode((files(__package__) / "perspective_discovery.json").read_bytes())
