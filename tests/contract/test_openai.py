"""OpenAI's dialect, spoken by OpenAI's own Python client."""

import httpx
import openai
import pytest

from tests.contract.conftest import comments_of
from tests.contract.exchanges import check, play, recorded
from tests.service import ABUSE

CATEGORIES = {
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm",
    "self-harm/intent", "self-harm/instructions", "sexual", "sexual/minors", "violence", "violence/graphic",
}  # fmt: skip


@pytest.mark.parametrize("exchange", recorded("openai"), ids=lambda exchange: exchange["says"])
def test_a_recorded_exchange_is_answered_as_it_was(service, key, exchange):
    with service.http() as client:
        check(play(client, exchange, key), exchange)


@pytest.fixture
def client(service, key):
    with (
        httpx.Client(trust_env=False) as http,
        openai.OpenAI(api_key=key, base_url=f"{service.url}/v1", http_client=http, max_retries=0) as client,
    ):
        yield client


def test_a_text_falls_into_categories(client):
    answer = client.moderations.create(input=ABUSE, model="omni-moderation-latest")
    (result,) = answer.results
    assert answer.id.startswith("modr-")
    assert result.flagged
    assert result.categories.harassment
    assert result.category_scores.harassment > 0.5
    assert result.category_applied_input_types.harassment == ["text"]
    assert not client.moderations.create(input="Thank you for the kind letter.").results[0].flagged


def test_what_we_cannot_judge_is_null_or_false(client):
    (result,) = client.moderations.create(input="Hello").results
    assert result.categories.illicit is None
    assert result.categories.illicit_violent is None
    assert result.categories.sexual is False
    assert result.category_scores.sexual == 0.0
    assert result.category_applied_input_types.sexual == []


def test_all_thirteen_categories_are_there(service, key):
    with service.http(key) as http:
        (result,) = http.post("/v1/moderations", json={"input": "Hello"}).json()["results"]
    assert set(result["categories"]) == CATEGORIES
    assert set(result["category_scores"]) == CATEGORIES
    assert set(result["category_applied_input_types"]) == CATEGORIES


def test_several_texts_give_several_results(client):
    results = client.moderations.create(input=["Hello", ABUSE]).results
    assert [result.flagged for result in results] == [False, True]


def test_typed_parts_give_one_result(client):
    parts = [{"type": "text", "text": "Hello"}, {"type": "text", "text": ABUSE}]
    assert [result.flagged for result in client.moderations.create(input=parts).results] == [True]


def test_an_image_is_refused_and_not_called_harmless(client):
    image = {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}
    with pytest.raises(openai.BadRequestError) as caught:
        client.moderations.create(input=[{"type": "text", "text": "Hello"}, image])
    assert "text only" in caught.value.message
    assert caught.value.param == "input"


def test_a_wrong_key_is_an_authentication_error(service):
    with (
        httpx.Client(trust_env=False) as http,
        openai.OpenAI(api_key="sk-wrong", base_url=f"{service.url}/v1", http_client=http, max_retries=0) as client,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        client.moderations.create(input="Hello")
    assert caught.value.code == "invalid_api_key"
    assert caught.value.request_id


def test_without_a_key_nothing_is_judged(service):
    with service.http() as http:
        refused = http.post("/v1/moderations", json={"input": "Hello"})
    assert refused.status_code == 401
    assert refused.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"input": []}', b'{"input": 5}', b'{"input": [1, "a"]}'])
def test_a_body_that_is_no_input_is_a_bad_request(service, key, body):
    with service.http(key) as http:
        refused = http.post("/v1/moderations", content=body)
    assert refused.status_code == 400
    assert set(refused.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("text/plain", b'{"input": "Hello"}', 200),
        ("", b'{"input": "Hello"}', 200),
        ("application/json", b'{"input": [{"type": "text", "text": 5}]}', 400),
        ("application/json", b'{"input": "' + b"a" * 1_100_000 + b'"}', 413),
        ("application/json", b"\xff", 400),
    ],
)
def test_the_reference_names_what_it_answers_and_nothing_else(service, key, kind, body, status):
    with service.http(key) as http:
        answer = http.post("/v1/moderations", content=body, headers={"Content-Type": kind})
        named = http.get("/docs/openapi.json").json()["paths"]["/v1/moderations"]["post"]["responses"]
    assert answer.status_code == status
    # no type of body is refused for being of another type, and a wrong field is a bad request as OpenAI says it
    assert set(named) == {"200", "400", "401", "413", "429", "500", "503"}


def test_nothing_is_recorded(service, client):
    client.moderations.create(input="A text for categories only")
    assert all("for categories only" not in comment["text"] for comment in comments_of(service))
