"""Every error has a status and a code of its own, and says what a caller can act on."""

import inspect

import msgspec
import pytest

from moderation import errors
from moderation.api import problems
from moderation.errors import FieldError, ModerationError

ERRORS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, ModerationError) and kind is not ModerationError
]


def made(kind: type[ModerationError]) -> ModerationError:
    """Make an error with whatever it wants to be told."""
    values = {"str": "x", "int": 1, "float": 1.5, "list[FieldError]": [FieldError("text", "missing", "Say it.")]}
    wanted = inspect.signature(kind.__init__).parameters.values()
    given = [values[str(one.annotation)] for one in list(wanted)[1:] if one.kind is one.POSITIONAL_OR_KEYWORD]
    return kind(*given)


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_an_error_is_a_problem_with_its_own_status_and_code(kind: type[ModerationError]) -> None:
    assert kind in problems.STATUS
    assert "code" in vars(kind)
    error = made(kind)
    answer = problems.answer(error)
    body = msgspec.json.decode(problems.encoded(problems.problem_of(error)))
    assert answer.status_code == body["status"] == problems.STATUS[kind].value
    assert 400 <= body["status"] < 600
    assert body["type"] == f"urn:comment-moderation:problem:{kind.code}"
    assert body["status"] not in (429, 503) or int(answer.headers["Retry-After"]) >= 1


def test_codes_are_not_used_twice() -> None:
    codes = [kind.code for kind in ERRORS]
    assert len(codes) == len(set(codes))
