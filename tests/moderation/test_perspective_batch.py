"""Batches of calls: taken apart in order, what is no call fails alone, and too many are refused before they are read."""

from email import message_from_bytes

import pytest

from moderation.api.google_errors import Malformed, Refused
from moderation.api.perspective import Call
from moderation.api.perspective_batch import MOST_CALLS, Part, parts_of, written

KIND = "multipart/mixed; boundary=b"
ANALYZE = b'POST /v1alpha1/comments:analyze?key=abc HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{"a": 1}'


def batch(*inner: bytes, head: bytes = b"") -> bytes:
    parts = [b"--b\r\nContent-Type: application/http\r\n" + head + b"\r\n" + one + b"\r\n" for one in inner]
    return b"".join(parts) + b"--b--\r\n"


def test_a_call_is_its_name_its_method_its_path_its_key_and_its_body() -> None:
    assert parts_of(KIND, batch(ANALYZE, head=b"Content-ID: <one@client>\r\n")) == [
        Part("one@client", Call("POST", "/v1alpha1/comments:analyze", "abc", b'{"a": 1}'))
    ]


def test_a_key_may_stand_in_the_header_of_a_call_and_the_one_in_its_address_counts_before_it() -> None:
    keyed = ANALYZE.replace(b"\r\nContent-Type", b"\r\nX-Goog-Api-Key: header\r\nContent-Type")
    bare = keyed.replace(b"?key=abc", b"")
    assert [part.call.key for part in parts_of(KIND, batch(keyed, bare))] == ["abc", "header"]


@pytest.mark.parametrize(
    "line",
    [
        b"POST //] HTTP/1.1", b"POST http://[ HTTP/1.1", b"POST https://[::::::]/x HTTP/1.1", b"POST /\x00x HTTP/1.1",
        b"nonsense", b"", b"post /x", b"POST /x HTTP/1.1 more",
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_read_leads_nowhere_and_takes_no_other_call_along(line: bytes) -> None:
    strange, good = parts_of(KIND, batch(line + b"\r\n\r\n{}", ANALYZE))
    assert (strange.call.path, strange.call.key) == ("", "")
    assert good.call.path == "/v1alpha1/comments:analyze"


@pytest.mark.parametrize("name", ["with space", "a<b", "a>b", "x" * 201, "\u00e9"])
def test_a_name_that_could_not_be_given_back_safely_is_dropped_or_is_plain(name: str) -> None:
    (part,) = parts_of(KIND, batch(ANALYZE, head=f"Content-ID: <{name}>\r\n".encode()))
    assert not set(part.name) & set("<>\r\n")
    assert part.name in ("", name)
    assert len(part.name) <= 200


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", batch(ANALYZE)),
        ("multipart/mixed", batch(ANALYZE)),
        ("multipart/form-data; boundary=b", batch(ANALYZE)),
        (f"multipart/mixed; boundary={'b' * 201}", batch(ANALYZE)),
        (KIND, b""),
        (KIND, b"no part at all"),
        ("", b""),
    ],
)
def test_what_is_no_batch_is_malformed(kind: str, body: bytes) -> None:
    with pytest.raises(Malformed):
        parts_of(kind, body)


def test_as_many_calls_as_googles_client_sends_are_taken_and_not_one_more() -> None:
    assert len(parts_of(KIND, batch(*[ANALYZE] * MOST_CALLS))) == MOST_CALLS
    with pytest.raises(Refused, match="exceeds the limit"):
        parts_of(KIND, batch(*[ANALYZE] * (MOST_CALLS + 1)))


def test_the_answers_are_a_batch_in_the_order_of_the_calls() -> None:
    body = written("out", [("one", 200, b'{"a": "\xc3\xa9"}'), ("", 403, b"{}"), ("three", 418, b"")])
    whole = message_from_bytes(b"Content-Type: multipart/mixed; boundary=out\r\n\r\n" + body)
    parts = whole.get_payload()
    assert [part["Content-ID"] for part in parts] == ["<response-one>", None, "<response-three>"]
    heads = [part.get_payload(decode=True).split(b"\r\n\r\n", 1) for part in parts]
    assert [head.split(b"\r\n")[0] for head, _ in heads] == [
        b"HTTP/1.1 200 OK", b"HTTP/1.1 403 Forbidden", b"HTTP/1.1 418 Error",
    ]  # fmt: skip
    assert b"Content-Length: 11" in heads[0][0]
    assert heads[0][1] == b'{"a": "\xc3\xa9"}'


def test_a_batch_is_read_as_googles_python_writes_it() -> None:
    """Lines end in one character, a long Content-ID is folded, and a call's head is long or ends the part."""
    name = "8e2b6bd2-8a1e-4b7e-9c3a-51a7c2a3d2f4 + a-comment-of-which-the-id-is-long"
    body = (
        "--===1==\nContent-Type: application/http\nMIME-Version: 1.0\nContent-Transfer-Encoding: binary\n"
        f"Content-ID:\n <{name}>\n\nPOST /v1alpha1/comments:analyze?key=a%2Bb&alt=json HTTP/1.1\n"
        'Content-Type: application/json\nHost: x.example\n\n{"a": "--===1== --===1==--"}\n--===1==x is no boundary\n'
        "--===1==\n\nGET /x HTTP/1.1\nauthorization: Bearer \n\tkept\n--===1==--\nafter all"
    )
    assert parts_of('Multipart/Mixed; charset="x"; BOUNDARY="===1=="', body.encode()) == [
        Part(name, Call("POST", "/v1alpha1/comments:analyze", "a+b", b'{"a": "--===1== --===1==--"}\n--===1==x is no boundary')),
        Part("", Call("GET", "/x", "kept", b"")),
    ]  # fmt: skip


@pytest.mark.parametrize("head", [b"X: y\r\n" * 2000, b"X: " + b"y" * 10_000 + b"\r\n"])
def test_a_head_that_is_longer_than_any_fails_alone(head: bytes) -> None:
    long, good = parts_of(KIND, batch(ANALYZE.replace(b"Content-Type", head + b"Content-Type"), ANALYZE))
    assert long.call.body == b""
    assert good.call.body == b'{"a": 1}'
    assert [part.call.path for part in parts_of(KIND, batch(ANALYZE, head=head))] == [""]
