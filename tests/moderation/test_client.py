"""The Python client against the running service, and against servers that fail."""

import datetime

import httpx
import pytest
import standardwebhooks

from moderation.client import AsyncClient, Client, Receipt, Refused, Unreachable, WebhookForged, event_of
from tests.service import ABUSE, serving


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("client") / "data") as service:
        yield service


def test_a_comment_goes_in_and_its_change_comes_out(service):
    with Client(service.url, service.first["site_key"]) as client:
        receipt = client.submit(name="Ann", email="ann@posteo.net", text="The bridge opens at last, good.")
        assert isinstance(receipt, Receipt)
        assert receipt.status == "approved"
        assert receipt.signals[0].detail
        seen = {comment["id"]: cursor for comment, cursor in client.changes()}
        assert receipt.id in seen
        edited = client.edit(receipt.id, ABUSE)
        assert edited.status == "pending"
        assert [comment["id"] for comment, _ in client.changes(seen[receipt.id])] == [receipt.id]
        client.delete(receipt.id)
        with pytest.raises(Refused) as gone:
            client.comment(receipt.id)
        assert (gone.value.status, gone.value.code) == (404, "unknown_comment")


def test_wrong_fields_are_named(service):
    with Client(service.url, service.first["site_key"]) as client, pytest.raises(Refused) as refused:
        client.submit(name="", email="x", text="")
    assert {error["field"] for error in refused.value.errors} == {"name", "email", "text"}


def test_many_and_scores(service):
    with Client(service.url, service.first["site_key"]) as client:
        both = client.submit_many([{"name": "Bo", "email": "bo@posteo.net", "text": "One more voice here."}, {}])
        assert [one["status"] for one in both] == ["approved", 422]
        assert client.score(ABUSE)["scores"]["toxicity"] > 0.5


async def test_the_asynchronous_client_does_the_same(service):
    async with AsyncClient(service.url, service.first["site_key"]) as client:
        receipt = await client.submit(name="Cy", email="cy@posteo.net", text="A quiet word on the new trains.")
        assert (await client.comment(receipt.id))["status"] == "approved"
        assert receipt.id in [comment["id"] async for comment, _ in client.changes()]
        assert (await client.score(ABUSE))["scores"]["toxicity"] > 0.5
        assert (await client.edit(receipt.id, ABUSE)).status == "pending"
        await client.delete(receipt.id)
        assert (await client.submit_many([{}]))[0]["status"] == 422


def test_a_submission_is_repeated_with_the_same_key_until_it_is_answered():
    seen = []

    def server(request):
        seen.append(request.headers["idempotency-key"])
        if len(seen) == 1:
            raise httpx.ReadError("gone")
        if len(seen) == 2:
            return httpx.Response(503, headers={"retry-after": "0"}, json={"code": "store_unavailable"})
        return httpx.Response(201, json={"id": "demo-1", "status": "approved", "verdict": "approve"})

    with Client("http://service.example", "k", transport=httpx.MockTransport(server)) as client:
        assert client.submit(name="A", email="a@b.org", text="x").id == "demo-1"
    assert len(seen) == 3
    assert len(set(seen)) == 1


def test_a_time_to_wait_that_is_no_number_keeps_nobody_from_trying_again():
    answers = [
        httpx.Response(503, headers=[(b"retry-after", b"\xb2")], json={"code": "store_unavailable"}),
        httpx.Response(201, json={"id": "demo-1", "status": "approved", "verdict": "approve"}),
    ]
    transport = httpx.MockTransport(lambda request: answers.pop(0))
    with Client("http://service.example", "k", transport=transport) as client:
        assert client.submit(name="A", email="a@b.org", text="x").id == "demo-1"


def test_an_edit_is_not_repeated_since_nobody_knows_whether_it_was_done():
    tries = []

    def server(request):
        tries.append(request.method)
        raise httpx.ReadError("gone")

    transport = httpx.MockTransport(server)
    with Client("http://service.example", "k", transport=transport) as client, pytest.raises(Unreachable):
        client.edit("demo-1", "x")
    assert tries == ["PATCH"]


def test_a_webhook_is_believed_with_the_right_signature_only():
    secret = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    hook = standardwebhooks.Webhook(secret)
    now = datetime.datetime.now(datetime.UTC)
    body = '{"type":"comment.approved","data":{"id":"demo-1"}}'
    headers = {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(int(now.timestamp())),
        "Webhook-Signature": hook.sign("msg_1", now, body),
    }
    assert event_of(secret, body, headers)["type"] == "comment.approved"
    with pytest.raises(WebhookForged):
        event_of(secret, body.replace("demo-1", "demo-2"), headers)
