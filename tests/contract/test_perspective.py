"""Perspective's dialect: what was recorded of it, what becomes of suggested scores, and Google's own Python client."""

import json

import pytest
from googleapiclient import discovery
from googleapiclient.errors import HttpError

from moderation.api.perspective_requests import MOST_SENTENCES, sentences
from moderation.feedback import EACH_KEY
from tests.contract.conftest import comments_of
from tests.contract.exchanges import check, play, recorded
from tests.service import ABUSE, run

ANALYZE = "/v1alpha1/comments:analyze"
SUGGEST = "/v1alpha1/comments:suggestscore"


@pytest.mark.parametrize("exchange", recorded("perspective"), ids=lambda exchange: exchange["says"])
def test_a_recorded_exchange_is_answered_as_it_was(service, key, exchange):
    with service.http() as client:
        check(play(client, exchange, key), exchange)


def analyze(service, key, text, **fields):
    with service.http() as client:
        body = {"comment": {"text": text}, "requestedAttributes": {"TOXICITY": {}}, **fields}
        return client.post(ANALYZE, params={"key": key}, json=body).json()


def test_abuse_scores_higher_than_thanks(service, key):
    def toxicity(text):
        return analyze(service, key, text)["attributeScores"]["TOXICITY"]["summaryScore"]["value"]

    assert toxicity(ABUSE) > 0.8 > 0.2 > toxicity("Thank you, this was a kind and useful article.")


def test_an_analysed_text_is_not_recorded(service, key):
    assert analyze(service, key, "A text that nobody shall find in the queue", doNotStore=False)["attributeScores"]
    assert all("nobody shall find" not in comment["text"] for comment in comments_of(service))


def test_a_revoked_key_is_refused(service):
    run("key", "create", "--compat", "--site", "demo", "--value", "aaaaaaaaaaaa", data=service.data)
    listed = run("key", "list", "--site", "demo", "--json", data=service.data)
    made = [one for one in json.loads(listed.stdout) if one["role"] == "compat"][-1]
    run("key", "revoke", made["id"], data=service.data)
    with service.http() as client:
        refused = client.post(ANALYZE, params={"key": "aaaaaaaaaaaa"}, json={})
    assert refused.json()["error"]["details"][0]["reason"] == "API_KEY_INVALID"


def test_a_key_gives_so_much_feedback_in_a_minute(service):
    run("key", "create", "--compat", "--site", "demo", "--value", "dddddddddddd", data=service.data)
    told = {"comment": {"text": "Told too often"}, "attributeScores": {"TOXICITY": {"summaryScore": {"value": 0.5}}}}
    with service.http() as client:
        for _ in range(2 * EACH_KEY[0]):
            said = client.post(SUGGEST, params={"key": "dddddddddddd"}, json=told)
            if said.status_code != 200:
                break
        fields = {"api_key": "dddddddddddd", "blog": "https://blog.example", "comment_content": "Told too often"}
        ham = client.post("/1.1/submit-ham", data=fields)
        asked = {"comment": {"text": "Told too often"}, "requestedAttributes": {"TOXICITY": {}}}
        assert client.post(ANALYZE, params={"key": "dddddddddddd"}, json=asked).status_code == 200
    assert (said.status_code, said.json()["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert "corrections from this key" in said.json()["error"]["message"]
    assert (ham.status_code, ham.text) == (429, "refused")
    assert "retry-after" in ham.headers


def test_a_compat_key_opens_nothing_else(service, key):
    with service.http(key) as client:
        assert client.get("/v1/comments").status_code == 401


def test_a_key_for_scores_only_scores_and_does_nothing_else(service):
    value = "eeeeeeeeeeee"
    run("key", "create", "--compat", "--scores-only", "--site", "demo", "--value", value, data=service.data)
    text = {"comment": {"text": "A text in a page"}}
    with service.http() as client:
        known = client.post(ANALYZE, params={"key": value}, json=text | {"requestedAttributes": {"TOXICITY": {}}})
        openai = client.post("/v1/moderations", json={"input": "A text"}, headers={"Authorization": f"Bearer {value}"})
        scores = {"attributeScores": {"TOXICITY": {"summaryScore": {"value": 1}}}}
        told = client.post(SUGGEST, params={"key": value}, json=text | scores)
        coral = client.post("/v1/coral/phase", params={"key": value}, json={})
        fields = {"api_key": value, "key": value, "blog": "https://blog.example", "user_ip": "", "comment_content": "x"}
        calls = ("1.1/comment-check", "1.1/submit-ham", "1.1/submit-spam", "1.1/verify-key", "1.1/get-stats")
        akismet = [client.post(f"/{call}", data=fields) for call in (*calls, "1.2/key-sites", "1.2/usage-limit")]
    assert (known.status_code, openai.status_code) == (200, 200)
    assert (told.status_code, told.json()["error"]["status"]) == (403, "PERMISSION_DENIED")
    assert coral.status_code == 403
    assert {one.text for one in akismet} == {"refused"}
    assert {one.headers["x-akismet-debug-help"] for one in akismet} == {"this key scores texts and does nothing else"}
    listed = json.loads(run("key", "list", "--site", "demo", "--json", data=service.data).stdout)
    assert [one["role"] for one in listed if one["scores_only"]] == ["compat"]


def test_an_admin_makes_a_key_for_scores_only(service):
    wanted = {"role": "compat", "site": "demo", "scores_only": True}
    made = service.staff.post("/v1/keys", json=wanted).json()
    assert made["scores_only"]
    wrong = service.staff.post("/v1/keys", json=wanted | {"role": "site"})
    assert (wrong.status_code, wrong.json()["errors"][0]["code"]) == (422, "needs_compat")
    assert service.staff.delete(f"/v1/keys/{made['id']}").json()["revoked"]


@pytest.mark.parametrize("value", ["0123456789AB", "0123456789a", "0123456789abc", "0123456789ag", "cm1_x_y"])
def test_a_compat_key_is_twelve_small_hex_digits(service, value):
    made = run("key", "create", "--compat", "--site", "demo", "--value", value, data=service.data, check=False)
    assert made.returncode != 0
    assert "12" in made.stderr


def test_half_a_surrogate_pair_is_no_fault(service, key):
    with service.http() as client:
        body = b'{"comment":{"text":"hello \\ud83d you"},"requestedAttributes":{"TOXICITY":{}},"clientToken":"\\ud83d"}'
        assert client.post(ANALYZE, params={"key": key}, content=body).status_code == 200


def test_a_body_that_nests_too_deep_is_refused(service, key):
    with service.http() as client:
        refused = client.post(ANALYZE, params={"key": key}, content=b"[" * 200_000)
    assert refused.status_code == 400
    assert refused.json()["error"]["status"] == "INVALID_ARGUMENT"


# suggested scores -----------------------------------------------------------------------------------------


def suggest(service, key, text, value, **fields):
    scores = {"TOXICITY": {"summaryScore": {"value": value}}}
    with service.http() as client:
        answer = client.post(
            SUGGEST, params={"key": key}, json={"comment": {"text": text}, "attributeScores": scores, **fields}
        )
    assert answer.status_code == 200, answer.text


async def test_a_suggested_score_becomes_a_label(service, key, labels):
    suggest(service, key, ABUSE, 1, communityId="Coral:https://a.example", clientToken="comment:1", languages=["en"])
    (label,) = [one for one in await labels() if one.client_token == "comment:1"]
    assert label.source == "perspective"
    assert label.values == {"toxicity": 1.0}
    assert label.community == "Coral:https://a.example"
    assert label.weight == 0.5
    assert label.scores["toxicity"] > 0.5


async def test_the_same_client_token_changes_its_label(service, key, labels):
    for value in (1, 1, 0):
        suggest(service, key, "Rejected, then approved", value, communityId="c", clientToken="comment:2")
    suggest(service, key, "Of another community", 1, communityId="d", clientToken="comment:2")
    found = [one for one in await labels() if one.client_token == "comment:2"]
    assert [(one.community, one.values) for one in found] == [("c", {"toxicity": 0.0}), ("d", {"toxicity": 1.0})]


async def test_without_a_token_the_text_is_the_name(service, key, labels):
    suggest(service, key, "Said twice without a token", 1)
    suggest(service, key, "Said  twice without a token", 0)
    found = [one for one in await labels() if "without a token" in one.text]
    assert [one.values for one in found] == [{"toxicity": 0.0}]


# spans ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Mr. and 3.5 and a.b.c", ["Mr.", "and 3.5 and a.b.c"]),
        ('He said "No." Then he left...', ['He said "No."', "Then he left..."]),
        ("一。二！ 三", ["一。", "二！", "三"]),
        ("a line\n\nanother", ["a line", "another"]),
        ("   blank   ", ["blank"]),
    ],
)
def test_sentences_are_found(text, parts):
    assert [text[begin:end] for begin, end in sentences(text)] == parts


def test_sentences_stay_few_and_quick():
    assert len(sentences("a. " * 10_000)) == MOST_SENTENCES
    assert len(sentences("." * 20_000 + "x")) == 1


# Google's Python client, built from our discovery document ---------------------------------------------------


@pytest.fixture
def google(service, key):
    return discovery.build(
        "commentanalyzer",
        "v1alpha1",
        developerKey=key,
        discoveryServiceUrl=f"{service.url}/$discovery/rest?version=v1alpha1",
        static_discovery=False,
    )


def test_the_discovery_document_names_our_own_address(service):
    with service.http() as client:
        document = client.get("/$discovery/rest", params={"version": "v1alpha1"}).json()
        assert document["rootUrl"] == document["baseUrl"] == service.url + "/"
        # nobody is trusted to have forwarded it
        told = client.get("/$discovery/rest", headers={"Host": "ours.example", "X-Forwarded-Proto": "https"}).json()
        assert told["rootUrl"] == "http://ours.example/"


def test_googles_client_analyses(google):
    asked = {"comment": {"text": ABUSE}, "requestedAttributes": {"TOXICITY": {}}, "languages": ["en"]}
    answer = google.comments().analyze(body=asked).execute()
    assert answer["attributeScores"]["TOXICITY"]["summaryScore"]["value"] > 0.5


def test_googles_client_learns_where_it_is_built_that_its_key_is_wrong(service):
    address = f"{service.url}/$discovery/rest?version=v1alpha1"
    with pytest.raises(HttpError, match="API key not valid"):
        discovery.build(
            "commentanalyzer",
            "v1alpha1",
            developerKey="ffffffffffff",
            discoveryServiceUrl=address,
            static_discovery=False,
        )


def test_googles_client_suggests(google):
    told = {"comment": {"text": "Fine"}, "attributeScores": {"TOXICITY": {"summaryScore": {"value": 0}}}}
    assert google.comments().suggestscore(body=told).execute() == {}


def test_googles_client_raises_on_a_refusal(google):
    with pytest.raises(HttpError) as caught:
        google.comments().analyze(body={"comment": {"text": ""}, "requestedAttributes": {"TOXICITY": {}}}).execute()
    assert caught.value.resp.status == 400
    assert caught.value.error_details[0]["errorType"] == "COMMENT_EMPTY"
    assert "non-empty" in str(caught.value)


# several calls in one ------------------------------------------------------------------------------------


def test_googles_client_sends_a_batch(google):
    answers = {}

    def keep(name, answer, error):
        answers[name] = error or answer

    batch = google.new_batch_http_request(callback=keep)
    for name, text in [("mild", "Thank you all"), ("wild", ABUSE), ("empty", ""), ("greek ü", "Καλημέρα σε όλους")]:
        asked = {"comment": {"text": text}, "requestedAttributes": {"TOXICITY": {}}, "languages": ["en"]}
        batch.add(google.comments().analyze(body=asked), request_id=name)
    told = {"comment": {"text": "Fine"}, "attributeScores": {"TOXICITY": {"summaryScore": {"value": 0}}}}
    batch.add(google.comments().suggestscore(body=told), request_id="told")
    batch.execute()

    def toxicity(name):
        return answers[name]["attributeScores"]["TOXICITY"]["summaryScore"]["value"]

    assert set(answers) == {"mild", "wild", "empty", "greek ü", "told"}
    assert toxicity("mild") < 0.3 < 0.5 < toxicity("wild")
    assert answers["empty"].resp.status == 400
    assert answers["told"] == {}


def a_part(text, *, path="/v1alpha1/comments:analyze", end="\r\n"):
    body = json.dumps(
        {"comment": {"text": text}, "requestedAttributes": {"SPAM": {}}, "clientToken": text}, ensure_ascii=False
    )
    lines = ["--x", "Content-Type: application/http", "Content-ID: <item:1>", "", f"POST {path} HTTP/1.1", "", body, ""]
    return end.join(lines).encode()


@pytest.fixture
def send(service, key):
    """Send the body of a batch."""

    def send(body, kind='multipart/mixed; boundary="x"', **params):
        with service.http() as client:
            return client.post("/batch", params={"key": key} | params, content=body, headers={"Content-Type": kind})

    return send


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_batch_in_plain_words_is_answered_part_by_part(send, end):
    answer = send(a_part("Grüße 🙂", end=end) + a_part("and on", end=end) + b"--x--")
    assert answer.status_code == 200
    boundary = answer.headers["content-type"].removeprefix("multipart/mixed; boundary=")
    _, first, second, last = answer.text.split(f"--{boundary}")
    assert last == "--\r\n"
    assert "Content-ID: <response-item:1>\r\n" in first
    assert "\r\n\r\nHTTP/1.1 200 OK\r\n" in first
    assert '"clientToken":"Grüße 🙂"' in first
    assert '"clientToken":"and on"' in second


def test_a_call_that_fails_fails_alone(send, service):
    answer = send(a_part("one", path="/v1/comments") + a_part("two") + b"--x--")
    assert "HTTP/1.1 404 Not Found" in answer.text
    assert "HTTP/1.1 200 OK" in answer.text
    refused = send(a_part("one") + b"--x--", key="ffffffffffff")
    assert refused.status_code == 200
    assert "API_KEY_INVALID" in refused.text
    assert "PERMISSION_DENIED" in send(a_part("one") + b"--x--", key="").text


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (b"{}", "application/json", "multipart/mixed"),
        (b"{}", "multipart/mixed", "multipart/mixed"),
        (b"no parts", "multipart/mixed; boundary=x", "no call"),
        (b"--x\r\n" * 100_000, "multipart/mixed; boundary=x", "exceeds the limit (1000)"),
    ],
)
def test_what_is_no_batch_is_refused_as_a_whole(send, body, kind, said):
    refused = send(body, kind)
    assert refused.status_code == 400
    assert said in refused.json()["error"]["message"]


def test_strange_parts_are_refused_one_by_one(send):
    strange = b"--x\r\n\r\nGET http://[\r\n\r\n--x\r\nContent-ID: <a\xff>\r\n\r\n\xff\xfe\r\n--x\r\n\r\nPOST /v1alpha1/comments:analyze\r\n--x--"
    answer = send(strange)
    assert answer.status_code == 200
    assert answer.text.count("HTTP/1.1 404") == 2
    assert answer.text.count("HTTP/1.1 400") == 1
