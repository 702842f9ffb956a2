"""Errors as Google's APIs tell them: always JSON, with a status name and details that clients branch on."""

from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from moderation.api.dialects import FAILED, cors, root_url, said
from moderation.api.problems import headers_of, on_anything_else
from moderation.errors import BodyInvalid, BodyTooLarge, KeyRefused, ModerationError, RateExceeded, UnknownSite

_TYPE = "type.googleapis.com/"
_SERVICE = "commentanalyzer.googleapis.com"
_STATUS_OF = {400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 405: "UNIMPLEMENTED"}


class GoogleError(msgspec.Struct):
    """An error as Google's APIs tell it: `error` holds code, message, status and details."""

    error: dict[str, Any]


REFUSALS: dict[int, Any] = dict.fromkeys((400, 403, 429, 500, 503), GoogleError)


class Refused(Exception):
    """The analyzer does not take this request: the `errorType` it names, and further facts of the detail."""

    def __init__(self, message: str, error_type: str = "INVALID_REQUEST", **facts: Any) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.facts = facts


class Malformed(Exception):
    """The body is no JSON, or a field of it has the wrong type."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(f"Invalid JSON payload received. {message}" if not field else message)
        self.field = field


class Unregistered(Exception):
    """The request names no key at all."""

    def __init__(self) -> None:
        super().__init__(
            "Method doesn't allow unregistered callers (callers without established identity). "
            "Please use API Key or other form of API consumer identity to call this API."
        )


def google_error(error: Exception, root: str = "/") -> tuple[int, dict[str, Any]]:
    """Give status and body for what was raised. `root` is our own address."""
    code, name = said(error).google
    message = str(error)
    details: list[dict[str, Any]] = []
    match error:
        case Refused():
            code, name = 400, "INVALID_ARGUMENT"
            kind = f"{_TYPE}google.commentanalyzer.v1alpha1.Error"
            details = [{"@type": kind, "errorType": error.error_type, **error.facts}]
        case Malformed():
            code, name = 400, "INVALID_ARGUMENT"
            violation = {"field": error.field, "description": message} if error.field else {"description": message}
            details = [{"@type": f"{_TYPE}google.rpc.BadRequest", "fieldViolations": [violation]}]
        case Unregistered():
            code, name = 403, "PERMISSION_DENIED"
        case KeyRefused() | UnknownSite():
            message = "API key not valid. Please pass a valid API key."
            details = [_info("API_KEY_INVALID")]
        case RateExceeded():
            message = _quota(error)
            links = [{"description": "What this service takes and answers.", "url": root + "docs"}]
            details = [_info("RATE_LIMIT_EXCEEDED"), {"@type": f"{_TYPE}google.rpc.Help", "links": links}]
        case BodyInvalid():
            message = f"Invalid JSON payload received. {message}"
        case BodyTooLarge():
            message = f"Request payload size exceeds the limit: {error.limit} bytes."
        case HTTPException():
            code = error.status_code
            name, message = _STATUS_OF.get(code, "INVALID_ARGUMENT" if code < 500 else "INTERNAL"), error.detail
        case ModerationError():
            pass
        case _:
            message = "Internal error encountered."
    body: dict[str, Any] = {"code": code, "message": message, "status": name}
    if details:
        body["details"] = details
    return code, {"error": body}


def _quota(error: RateExceeded) -> str:
    minutes = error.window // 60
    limit = f"{error.what.capitalize()} per {'minute' if minutes == 1 else f'{minutes} minutes'}"
    metric = "Analysis requests (AnalyzeComment)"
    return f"Quota exceeded for quota metric '{metric}' and limit '{limit}' of service '{_SERVICE}': {error}"


def _info(reason: str) -> dict[str, Any]:
    metadata = {"service": _SERVICE}
    return {"@type": f"{_TYPE}google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com", "metadata": metadata}


def on_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer an error; what nobody expected also goes into the log."""
    expected = isinstance(error, ModerationError | Refused | Malformed | Unregistered | HTTPException)
    if not expected and said(error) is FAILED:
        on_anything_else(request, error)
    code, body = google_error(error, root_url(request))
    retry = headers_of(error) if isinstance(error, ModerationError) else {}
    headers = {name: value for name, value in retry.items() if name == "Retry-After"}
    return Response(
        msgspec.json.encode(body), status_code=code, headers=headers | cors(request), media_type="application/json"
    )
