"""Bodies: read into one shape, or refused with the field that is wrong; too much is refused before it is read."""

from typing import Any

import msgspec
import pytest

from moderation.api.bodies import answer, raw_body, read
from moderation.errors import BodyInvalid, BodyTooLarge, FieldsInvalid


class Inner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a body."""

    days: int = 0


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    """A whole body."""

    name: str
    inner: Inner = Inner()
    many: list[Inner] = []


class Request:
    """What the functions ask of a request: its headers and its body, and whether that was read."""

    def __init__(self, body: bytes, length: str | None = None) -> None:
        self.content = body
        self.headers = {"content-length": str(len(body)) if length is None else length}
        self.was_read = False

    async def body(self) -> bytes:
        self.was_read = True
        return self.content


async def given(body: bytes) -> Any:
    return await read(Request(body), Outer)  # type: ignore[arg-type]


async def test_a_body_is_read_into_its_shape() -> None:
    assert await given(b'{"name": "a", "inner": {"days": 3}}') == Outer("a", Inner(3))


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        (b"", "name", "missing"),
        (b"{}", "name", "missing"),
        (b'{"name": 5}', "name", "invalid"),
        (b'{"nme": "a"}', "nme", "unknown_field"),
        (b'{"name": "a", "inner": {"days": "x"}}', "inner.days", "invalid"),
        (b'{"name": "a", "inner": {"day": 1}}', "inner.day", "unknown_field"),
        (b'{"name": "a", "many": [{}, {"days": null}]}', "many[1].days", "invalid"),
        (b"[]", "", "invalid"),
    ],
)
async def test_a_wrong_field_is_named_by_its_path(body: bytes, field: str, code: str) -> None:
    with pytest.raises(FieldsInvalid) as caught:
        await given(body)
    [error] = caught.value.errors
    assert (error.field, error.code) == (field, code)
    assert error.message.endswith(".")


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"name": "\xff"}', b'{"name": "\\ud800"}'])
async def test_what_is_no_json_is_refused_without_a_word_of_it(body: bytes) -> None:
    with pytest.raises(BodyInvalid) as caught:
        await given(body)
    assert str(caught.value) == "the body is not JSON that can be read"


async def test_too_much_is_refused_by_its_announced_length_before_a_byte_is_read() -> None:
    large = Request(b"x" * 100)
    with pytest.raises(BodyTooLarge):
        await raw_body(large, 99)  # type: ignore[arg-type]
    assert not large.was_read
    assert await raw_body(Request(b"x" * 99), 99) == b"x" * 99  # type: ignore[arg-type]


@pytest.mark.parametrize("length", ["", "ten", "-1", "1", "\u00b2", "9" * 5000])
async def test_a_length_that_is_not_told_or_told_wrong_does_not_help(length: str) -> None:
    with pytest.raises(BodyTooLarge):
        await raw_body(Request(b"x" * 100, length), 99)  # type: ignore[arg-type]


def test_an_answer_is_json_with_its_status_and_headers() -> None:
    said = answer({"a": 1}, 201, {"X-A": "b"})
    assert (said.content, said.status_code, said.media_type) == (b'{"a":1}', 201, "application/json")
