"""Errors on the wire: one table from fact to status, one shape (RFC 9457, application/problem+json)."""

import random
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from moderation import errors
from moderation.errors import ModerationError

STATUS: dict[type[ModerationError], HTTPStatus] = {
    errors.UnknownSite: HTTPStatus.NOT_FOUND,
    errors.UnknownComment: HTTPStatus.NOT_FOUND,
    errors.UnknownCase: HTTPStatus.NOT_FOUND,
    errors.UnknownKey: HTTPStatus.NOT_FOUND,
    errors.UnknownModerator: HTTPStatus.NOT_FOUND,
    errors.UnknownWebhook: HTTPStatus.NOT_FOUND,
    errors.UnknownDelivery: HTTPStatus.NOT_FOUND,
    errors.UnknownLabel: HTTPStatus.NOT_FOUND,
    errors.ModelUnknown: HTTPStatus.NOT_FOUND,
    errors.UnknownJob: HTTPStatus.NOT_FOUND,
    errors.UnknownReport: HTTPStatus.NOT_FOUND,
    errors.SiteExists: HTTPStatus.CONFLICT,
    errors.ModeratorDisabled: HTTPStatus.CONFLICT,
    errors.CaseTaken: HTTPStatus.CONFLICT,
    errors.CaseDecided: HTTPStatus.CONFLICT,
    errors.UndoTooLate: HTTPStatus.CONFLICT,
    errors.ModelRefused: HTTPStatus.CONFLICT,
    errors.PolicyChanged: HTTPStatus.CONFLICT,
    errors.JobUnderWay: HTTPStatus.CONFLICT,
    errors.RateExceeded: HTTPStatus.TOO_MANY_REQUESTS,
    errors.FieldsInvalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.PolicyInvalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.IdempotencyConflict: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.ExternalIdTaken: HTTPStatus.CONFLICT,
    errors.CommentChanged: HTTPStatus.CONFLICT,
    errors.WebhookRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.CursorInvalid: HTTPStatus.BAD_REQUEST,
    errors.BodyInvalid: HTTPStatus.BAD_REQUEST,
    errors.BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.AddressTooLong: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.MediaTypeRefused: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.KeyRefused: HTTPStatus.UNAUTHORIZED,
    errors.SignInRefused: HTTPStatus.UNAUTHORIZED,
    errors.RoleRefused: HTTPStatus.FORBIDDEN,
    errors.OriginRefused: HTTPStatus.FORBIDDEN,
    errors.StoreUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.Overloaded: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ScorerUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Every error and its status. An error that is not here, and whose root is not either, stops the tests."""

PROBLEM = "application/problem+json"


def status_of(error: ModerationError) -> HTTPStatus:
    """Give the status of an error, by the nearest class in the table."""
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return HTTPStatus.INTERNAL_SERVER_ERROR


def problem_of(error: ModerationError) -> dict[str, Any]:
    """Give the body that tells an error: RFC 9457's members, our `code`, and the facts a client can act on."""
    status = status_of(error)
    body: dict[str, Any] = {
        "type": f"urn:comment-moderation:problem:{error.code}",
        "title": status.phrase,
        "status": status.value,
        "detail": str(error),
        "code": error.code,
    }
    if isinstance(error, errors.FieldsInvalid):
        body["errors"] = [msgspec.structs.asdict(one) for one in error.errors]
    elif isinstance(error, errors.CaseDecided):
        body |= {
            "version": error.version,
            "moderator": error.moderator,
            "decision": error.decision,
            "decided_at": error.decided_at,
        }
    elif isinstance(error, errors.CaseTaken):
        body["moderator"] = error.moderator
    elif isinstance(error, errors.RateExceeded):
        body["scope"] = error.scope
    return body


def headers_of(error: ModerationError) -> dict[str, str]:
    """Give the headers that belong to an error: when to come again, how to prove who one is."""
    if isinstance(error, errors.RateExceeded):
        wait = max(1, round(error.retry_after + 0.5))
        name = error.scope.replace(" ", "-")
        return {
            "Retry-After": str(wait),
            "RateLimit": f'"{name}";r=0;t={wait}',
            "RateLimit-Policy": f'"{name}";q={error.limit};w={error.window}',
        }
    if isinstance(error, errors.StoreUnavailable | errors.Overloaded | errors.ScorerUnavailable):
        least = max(1.0, getattr(error, "retry_after", 1.0))
        # spread, so that a thousand clients do not come back in the same second
        return {"Retry-After": str(round(least + random.random() * least))}
    if isinstance(error, errors.KeyRefused):
        return {"WWW-Authenticate": "Bearer"}
    return {}


def encoded(body: dict[str, Any]) -> bytes:
    """Write a problem; a name that holds half a surrogate pair is written with a replacement."""
    return msgspec.json.encode(body)


def answer(error: ModerationError) -> Response[bytes]:
    """Answer an error."""
    return Response(
        encoded(problem_of(error)),
        status_code=status_of(error).value,
        headers=headers_of(error),
        media_type=PROBLEM,
    )


def on_moderation_error(request: Request[Any, Any, Any], error: ModerationError) -> Response[bytes]:
    """Answer what the rooms below raise."""
    return answer(error)


def on_http_exception(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Answer what the frame itself refuses (no such route, wrong method, a query that does not fit)."""
    status = HTTPStatus(error.status_code)
    code = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}.get(status.value, "request_invalid")
    body: dict[str, Any] = {
        "type": f"urn:comment-moderation:problem:{code}",
        "title": status.phrase,
        "status": status.value,
        "detail": _FRAME_SAYS.get(status, error.detail),
        "code": code,
    }
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        body["errors"] = [
            {"field": str(item.get("key", "")), "code": "invalid", "message": str(item.get("message", ""))}
            for item in error.extra
            if isinstance(item, dict)
        ]
    headers = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    return Response(encoded(body), status_code=status.value, headers=headers, media_type=PROBLEM)


_FRAME_SAYS = {
    HTTPStatus.NOT_FOUND: "this address does not exist",
    HTTPStatus.METHOD_NOT_ALLOWED: "this address does not take this method; the Allow header names those it takes",
    HTTPStatus.BAD_REQUEST: "a parameter of the address is missing, or is not what it must be",
}


def on_unreadable(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer a body that is not UTF-8 or nests too deep: msgspec raises these past the frame."""
    return answer(errors.BodyInvalid("the body is not JSON that can be read: it is not UTF-8, or it nests too deep"))


def on_anything_else(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer a fault of our own."""
    body = fault(request.scope.get("path_template", ""), error)
    return Response(encoded(body), status_code=500, media_type=PROBLEM)


def fault(route: str, error: BaseException) -> dict[str, Any]:
    """Give the body that tells a fault of our own, without telling anything of it; the log has its name and place."""
    structlog.get_logger("moderation").error("request_failed", route=route, exc_info=error)
    return {
        "type": "urn:comment-moderation:problem:internal_error",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "the service failed at this request; the fault is ours, and it is in the log",
        "code": "internal_error",
    }


HANDLERS: dict[Any, Any] = {
    ModerationError: on_moderation_error,
    HTTPException: on_http_exception,
    UnicodeDecodeError: on_unreadable,
    RecursionError: on_unreadable,
    Exception: on_anything_else,
}
