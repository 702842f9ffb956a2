"""Our errors in the words of every dialect: none of them can be taken for a verdict."""

import inspect
import json
import os
import re
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from moderation import errors
from moderation.api import perspective, perspective_requests, problems
from moderation.api.dialects import SAID, in_words, said
from moderation.api.google_errors import google_error
from moderation.store.folder import DataFolder
from tests.contract.exchanges import recorded
from tests.service import wait_for


def leaves(kind=errors.ModerationError):
    found = []
    for child in kind.__subclasses__():
        found += leaves(child) if child.__subclasses__() else [child]
    return found


@pytest.mark.parametrize("kind", leaves(), ids=lambda kind: kind.code)
def test_every_error_can_be_said_in_every_dialect(kind):
    words = said(kind.__new__(kind))
    assert 400 <= words.google[0] < 600
    assert 400 <= words.openai[0] < 600
    # Akismet refuses with 200 as well, but then never with a word that is a verdict
    assert words.akismet == 200 or 400 <= words.akismet < 600


def test_a_failure_is_a_failure_in_every_dialect():
    for kind in (errors.StoreUnavailable, errors.Overloaded, errors.ScorerUnavailable):
        words = SAID[kind]
        assert (words.google[0], words.akismet, words.openai[0]) == (503, 503, 503)
        assert problems.STATUS[kind] == 503


def test_too_many_requests_are_a_quota_in_googles_words():
    code, body = google_error(errors.RateExceeded("key", 60))
    assert (code, body["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert body["error"]["message"].startswith("Quota exceeded")
    assert body["error"]["details"][0]["reason"] == "RATE_LIMIT_EXCEEDED"


def test_every_refusal_of_the_analyzer_is_among_what_was_recorded():
    named = set(
        re.findall(
            r'"([A-Z]+(?:_[A-Z]+)+)"', "".join(inspect.getsource(one) for one in (perspective, perspective_requests))
        )
    )
    kinds = {one for one in named if one.startswith(("COMMENT_", "LANGUAGE_", "NO_REQUESTED", "INVALID_REQUEST"))}
    told = json.dumps(recorded("perspective"))
    assert len(kinds) >= 5
    assert all(f'"errorType": "{kind}"' in told for kind in kinds)


def test_what_nobody_expected_says_nothing_of_itself():
    code, body = google_error(ValueError("a path, a text, a secret"))
    assert code == 500
    assert "secret" not in json.dumps(body)


@pytest.fixture
def without_a_store(service):
    """Stop the service's own store for the length of a test."""
    with redis.Redis(unix_socket_path=str(DataFolder(service.data).socket())) as client:
        store = client.info("server")["process_id"]
    os.kill(store, signal.SIGSTOP)
    yield
    os.kill(store, signal.SIGCONT)
    with service.http() as client:
        wait_for(lambda: client.get("/health/ready").status_code == 200)


def test_without_a_store_no_dialect_says_anything_that_could_be_a_verdict(service, key, without_a_store):
    fields = {"api_key": key, "blog": "https://blog.example", "user_ip": "192.0.2.9", "comment_content": "A calm word"}
    scores = {"TOXICITY": {"summaryScore": {"value": 1}}}

    def ask(path, **asked):
        with service.http() as client:
            return client.post(path, params={"key": key}, **asked)

    calls = ("/1.1/comment-check", "/1.1/submit-spam", "/1.1/get-stats")
    with ThreadPoolExecutor(6) as threads:
        akismet = list(threads.map(lambda path: ask(path, data=fields), calls))
        google = threads.submit(
            ask, "/v1alpha1/comments:suggestscore", json={"comment": {"text": "Calm"}, "attributeScores": scores}
        ).result()
        coral = threads.submit(ask, "/v1/coral/phase", json={"comment": {"body": "A calm word"}}).result()
    assert [(answer.status_code, answer.text) for answer in akismet] == [(503, "unavailable")] * 3
    assert all("the store" in answer.headers["x-akismet-debug-help"] for answer in akismet)
    assert (google.status_code, google.json()["error"]["status"]) == (503, "UNAVAILABLE")
    assert coral.status_code == 503
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in (*akismet, google, coral))


def test_a_controller_answers_every_error_itself():
    assert set(problems.HANDLERS) <= set(in_words(lambda request, error: None))
