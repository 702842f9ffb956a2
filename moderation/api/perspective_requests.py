"""What Perspective's clients ask, read as its own servers do: `camelCase` or `snake_case`, null as left out, strange
fields let be; and every refusal in its words."""

import re
from typing import Any, NoReturn

import msgspec

from moderation.api.dialects import read_json
from moderation.api.google_errors import Malformed, Refused
from moderation.errors import BodyInvalid

MAX_TEXT_BYTES = 20_480
MOST_SENTENCES = 256
"""More sentences than this share the last span, so that one request stays cheap."""
MOST_LANGUAGES = 50

_SIX = ("toxicity", "severe_toxicity", "identity_attack", "insult", "profanity", "threat")
ATTRIBUTES = {
    **{name.upper(): name for name in _SIX},
    **{f"{name.upper()}_EXPERIMENTAL": name for name in _SIX},
    "TOXICITY_FAST": "toxicity",
    "SPAM": "spam",
}
"""The attributes we can answer, and the score each one is."""

SERVED = frozenset(
    ["ar", "cs", "de", "en", "es", "fr", "hi", "id", "it", "ja", "ko", "nl", "pl", "pt", "ru", "sv", "und", "zh"]
)
"""The languages that Perspective served, so that no client that worked there is refused here; a text in none that can be told
(`und`) may be in one of them."""


class Analysis(msgspec.Struct, frozen=True, kw_only=True):
    """A text to score, and what is wanted of it."""

    text: str
    attributes: dict[str, float]
    """Attribute as it was named -> the score below which it is left out."""
    languages: tuple[str, ...] = ()
    spans: bool = False
    client_token: str = ""


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """Scores that a client suggests for a text."""

    text: str
    values: dict[str, float]
    """Our attribute -> the score."""
    languages: tuple[str, ...] = ()
    community: str = ""
    client_token: str = ""


def read_analysis(body: bytes) -> Analysis:
    """Read what `comments:analyze` is asked; raises Refused or Malformed."""
    asked = _object(body)
    text = _text(asked)
    _context(asked)
    wanted = _named(asked, "requestedAttributes", {}, dict)
    if not wanted:
        raise Refused("Missing requested_attributes", "NO_REQUESTED_ATTRIBUTES")
    attributes = {}
    for name, options in wanted.items():
        options = options or {}
        if name not in ATTRIBUTES:
            raise Refused(f"Unknown requested attribute: {_shown(name)}")
        if not isinstance(options, dict):
            _wrong(f"requested_attributes[{name}]", "an object")
        kind = _named(options, "scoreType", "PROBABILITY", str)
        if kind not in ("PROBABILITY", "SCORE_TYPE_UNSPECIFIED", ""):
            raise Refused(f"Requested score type {_shown(kind)} is not supported by attribute {name}")
        attributes[name] = _number(options, "scoreThreshold", 0.0)
    return Analysis(
        text=text,
        attributes=attributes,
        languages=_languages(asked),
        spans=_named(asked, "spanAnnotations", False, bool),
        client_token=_named(asked, "clientToken", "", str),
    )


def read_suggestion(body: bytes) -> Suggestion:
    """Read what `comments:suggestscore` is told; raises Refused or Malformed."""
    told = _object(body)
    text = _text(told)
    _context(told)
    scores = _named(told, "attributeScores", {}, dict)
    if not scores:
        raise Refused("Missing attribute_scores", "NO_REQUESTED_ATTRIBUTES")
    values = {}
    for name, score in scores.items():
        if name not in ATTRIBUTES:
            raise Refused(f"Unknown requested attribute: {_shown(name)}")
        if not isinstance(score, dict):
            _wrong(f"attribute_scores[{name}]", "an object")
        summary = _named(score, "summaryScore", {}, dict)
        value = _number(summary, "value", 0.0)
        if not summary or not 0.0 <= value <= 1.0:
            raise Refused(f"The suggested score of {name} must be a summary_score with a value from 0 to 1.")
        values[ATTRIBUTES[name]] = value
    return Suggestion(
        text=text,
        values=values,
        languages=_languages(told),
        community=_named(told, "communityId", "", str)[:500],
        client_token=_named(told, "clientToken", "", str)[:500],
    )


# fields -----------------------------------------------------------------------------------------------


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = read_json(body or b"{}")
    except ValueError:
        raise Malformed("The body is not JSON that can be read.") from None
    except RecursionError:
        raise BodyInvalid("It nests too deep.") from None
    if not isinstance(found, dict):
        raise Malformed("The body is not an object.")
    return found


def _text(asked: dict[str, Any]) -> str:
    comment = _named(asked, "comment", {}, dict)
    text: str = _named(comment, "text", "", str)
    size = len(text.encode())
    if not text.strip():
        raise Refused("Comment must be non-empty.", "COMMENT_EMPTY")
    if size > MAX_TEXT_BYTES:
        message = f"Comment text was too many bytes. Value ({size}) exceeded limit ({MAX_TEXT_BYTES})."
        raise Refused(message, "COMMENT_TOO_LONG")
    _kind(comment)
    return text


def _kind(comment: dict[str, Any]) -> None:
    kind = _named(comment, "type", "PLAIN_TEXT", str)
    if kind == "HTML":
        raise Refused("Currently, only 'PLAIN_TEXT' comments are supported")
    if kind not in ("PLAIN_TEXT", "TEXT_TYPE_UNSPECIFIED", ""):
        raise Refused("Unknown text type")


def _context(asked: dict[str, Any]) -> None:
    context = _named(asked, "context", {}, dict)
    both = context.get("entries") and (
        context.get("articleAndParentComment") or context.get("article_and_parent_comment")
    )
    if both:
        raise Refused("Context can have either entries or article_and_parent_comment, but both fields were populated.")


def _languages(asked: dict[str, Any]) -> tuple[str, ...]:
    found = _named(asked, "languages", [], list)
    if len(found) > MOST_LANGUAGES or not all(isinstance(one, str) for one in found):
        _wrong("languages", f"a list of at most {MOST_LANGUAGES} language codes")
    return tuple(_clean(one) for one in found if one)


def _named(values: dict[str, Any], name: str, default: Any, kind: type) -> Any:
    value = values.get(name)
    if value is None:
        value = values.get(re.sub("([A-Z])", r"_\1", name).lower())
    if value is None:
        return default
    if kind is bool and value in ("true", "false"):
        return value == "true"
    if not isinstance(value, kind):
        _wrong(name, {dict: "an object", list: "a list", bool: "true or false", str: "a string"}[kind])
    return _clean(str(value)) if kind is str else value


def _number(values: dict[str, Any], name: str, default: float) -> float:
    value = values.get(name, values.get(re.sub("([A-Z])", r"_\1", name).lower(), default))
    try:
        number = default if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        _wrong(name, "a number")
    if number != number:  # NaN
        _wrong(name, "a number")
    return number


def _wrong(field: str, expected: str) -> NoReturn:
    raise Malformed(f"Invalid value at '{_shown(field)}': {expected} is expected.", _shown(field))


def _clean(value: str) -> str:
    """Replace half of a surrogate pair, which JSON can say and UTF-8 cannot."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def _shown(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in _clean(name)[:100])


# sentences --------------------------------------------------------------------------------------------

_END = re.compile("[.!?\u2026\u3002\uff01\uff1f]++[\"'\u201d\u2019\u00bb)\\]]*+|\n")
_FULL_STOP = re.compile("[\n\u3002\uff01\uff1f]")


def sentences(text: str) -> list[tuple[int, int]]:
    """Find the sentences of a text: begin and end in code points, without the blanks around them."""
    found: list[tuple[int, int]] = []
    begin = 0
    for mark in _END.finditer(text):
        end = mark.end()
        if end < len(text) and not text[end].isspace() and not _FULL_STOP.search(mark[0]):
            continue
        if len(found) == MOST_SENTENCES - 1:
            break
        _add(found, text, begin, end)
        begin = end
    _add(found, text, begin, len(text))
    return found


def _add(found: list[tuple[int, int]], text: str, begin: int, end: int) -> None:
    part = text[begin:end]
    if part.strip():
        found.append((begin + len(part) - len(part.lstrip()), end - (len(part) - len(part.rstrip()))))
