"""Bodies and answers: read into one shape or refused with what is wrong; written as JSON by msgspec."""

import re
from typing import Any, TypeVar

import msgspec
from litestar import Request, Response

from moderation.errors import BodyInvalid, BodyTooLarge, FieldError, FieldsInvalid

Shape = TypeVar("Shape")
_PATH = re.compile(r" - at `\$\.?([^`]*)`$")
SMALL = 64 * 1024


def require_announced(request: Request[Any, Any, Any], limit: int) -> None:
    """Refuse a body that is announced as too large; what is no length announces nothing, and the body is measured anyway."""
    announced = request.headers.get("content-length", "")
    # isdigit() takes what int() refuses: digits of other kinds, and thousands of them
    if announced.isascii() and announced.isdigit() and (len(announced) > 18 or int(announced) > limit):
        raise BodyTooLarge(limit)


async def raw_body(request: Request[Any, Any, Any], limit: int) -> bytes:
    """Read the body; raises BodyTooLarge, by the announced length before a byte is read where there is one."""
    require_announced(request, limit)
    body = await request.body()
    if len(body) > limit:
        raise BodyTooLarge(limit)
    return body


async def read(request: Request[Any, Any, Any], shape: type[Shape], limit: int = SMALL) -> Shape:
    """Read the body into a shape; raises BodyInvalid, FieldsInvalid (naming the field) or BodyTooLarge."""
    body = await raw_body(request, limit)
    if not body:
        body = b"{}"
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as error:
        message = str(error)
        path = _PATH.search(message)
        field = path.group(1) if path else ""
        text = _PATH.sub("", message)
        unknown = re.search(r"unknown field `([^`]*)`", text)
        if unknown:
            field = f"{field}.{unknown.group(1)}".lstrip(".")
        missing = re.search(r"missing required field `([^`]*)`", text)
        if missing:
            field = f"{field}.{missing.group(1)}".lstrip(".")
        code = "unknown_field" if unknown else ("missing" if missing else "invalid")
        raise FieldsInvalid([FieldError(field, code, text + ".")]) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BodyInvalid("the body is not JSON that can be read") from None


def answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response[bytes]:
    """Answer a value as JSON."""
    return Response(msgspec.json.encode(value), status_code=status, headers=headers, media_type="application/json")
