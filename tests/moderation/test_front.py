"""The short way of a comment answers as the long one does.

A body without a Content-Length goes the long way, through the frame; the same one with it goes the short way.
"""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.service import ABUSE, a_comment, serving


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("front") / "data") as service:
        # a key is remembered once it was used
        assert service.site.post("/v1/comments", json=a_comment()).status_code == 201
        yield service


@pytest.mark.parametrize("path", ["/", "/console", "/health/live", "/nowhere"])
def test_a_head_is_answered_as_a_get_without_its_body(service, path):
    with service.http() as anybody:
        got, head = anybody.get(path), anybody.head(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["content-length"] == got.headers["content-length"] != "0"


def both(service, body, **headers):
    """Send one body both ways; give what each answered: status, headers that matter, body without what must differ."""
    headers = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    answers = [
        service.site.post("/v1/comments", content=body, headers=headers),
        service.site.post("/v1/comments", content=iter([body]), headers=headers),
    ]
    return [(answer.status_code, answer.headers["content-type"], told(answer)) for answer in answers]


def told(answer):
    body = answer.json()
    body.pop("id", None)
    for signal in body.get("signals", ()):
        if signal["name"] in ("velocity", "repeated_text", "author", "campaign"):
            signal.clear()
    return body


BODIES = {
    "abuse": json.dumps(a_comment(ABUSE, email="front@posteo.net")).encode(),
    "blank": b"{}",
    "blank text": json.dumps(a_comment(" \u200b ")).encode(),
    "wrong e-mail": json.dumps(a_comment(email="nobody")).encode(),
    "unknown field": json.dumps(a_comment(colour="red")).encode(),
    "wrong type": json.dumps(a_comment(name=7)).encode(),
    "no JSON": b"{",
    "no object": b"[]",
    "not UTF-8": b'{"text":"\xff"}',
    "half a pair": b'{"text":"\\ud800","name":"A","email":"a@posteo.net"}',
    "NUL": b'{"text":"a\\u0000b","name":"A","email":"a@posteo.net"}',
    "deep": b"[" * 50_000,
    "long text": json.dumps(a_comment("x" * 20_001)).encode(),
    "large": b" " * 300_000,
    "not a number": b'{"text":"a","name":"A","email":"a@posteo.net","form_seconds":NaN}',
    "byte order mark": b"\xef\xbb\xbf{}",
}


@pytest.mark.parametrize("name", BODIES)
def test_both_ways_answer_the_same(service, name):
    short, long = both(service, BODIES[name])
    assert short == long
    assert short[0] in (201, 400, 413, 422)


def test_both_ways_speak_the_language_of_the_reader(service):
    short, long = both(service, b'{"lang": "de"}', Accept_Language="fr")
    assert short == long
    assert short[2]["errors"][0]["message"] != "Please enter your comment!"


def test_both_ways_share_idempotency_keys(service):
    body = json.dumps(a_comment("Sent twice, by two ways, and kept once.", email="twice@posteo.net")).encode()
    short, long = both(service, body, Idempotency_Key="front-1")
    assert short == long
    conflict = both(service, body.replace(b"twice,", b"often,"), Idempotency_Key="front-1")
    assert [status for status, _, _ in conflict] == [422, 422]
    bad = both(service, body, Idempotency_Key="x" * 256)
    assert [status for status, _, _ in bad] == [400, 400]


def test_one_too_many_is_told_so_after_half_a_second_and_may_come_again(tmp_path):
    with (
        serving(tmp_path / "data", MODERATION_INTAKE__MAX_WAITING="1", MODERATION_INTAKE__BATCH_SIZE="1") as service,
        service.http(service.first["site_key"]) as site,
        ThreadPoolExecutor(24) as threads,
    ):

        def send(number):
            text = f"Of many at once I am number {number}, {'nopqrstuvwxyz'[number % 13] * 5}."
            return site.post("/v1/comments", json=a_comment(text, email=f"many{number}@posteo.net"))

        assert send(0).status_code == 201
        answers = list(threads.map(send, range(1, 25)))
        refused = [answer for answer in answers if answer.status_code != 201]
        assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(503, "overloaded")}
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
        assert all(0.4 < answer.elapsed.total_seconds() < 2 for answer in refused)
        assert send(25).status_code == 201


def test_another_content_type_and_no_key_are_refused_as_ever(service):
    body = BODIES["abuse"]
    assert [status for status, _, _ in both(service, body, Content_Type="text/plain")] == [415, 415]
    anonymous = service.http().post("/v1/comments", content=body, headers={"Content-Type": "application/json"})
    assert anonymous.status_code == 401


def test_every_answer_has_an_id_that_the_caller_may_choose(service):
    named = service.site.post("/v1/comments", json={}, headers={"X-Request-Id": "abc-1"})
    odd = service.site.post("/v1/comments", json={}, headers={"X-Request-Id": "a b"})
    assert named.headers["x-request-id"] == "abc-1"
    assert odd.headers["x-request-id"] != "a b"
    assert service.http().get("/health/live").headers["x-request-id"]


def test_requests_are_counted_by_route_and_status(service):
    told = service.http().get("/metrics").text
    assert 'moderation_request_seconds_count{method="POST",route="/v1/comments",status="201"}' in told
