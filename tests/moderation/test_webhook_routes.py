"""Webhooks over HTTP, with the whole service running: an admin sets one up, and a decision arrives there by itself."""

import asyncio
import time
from pathlib import Path

import pytest
from standardwebhooks import Webhook as Verifier

from tests.receivers import Receiver, status
from tests.service import Service, serving


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory):
    """Run the service; it may post to loopback."""
    data: Path = tmp_path_factory.mktemp("webhooks")
    with serving(data, MODERATION_WEBHOOKS__ALLOW="127.0.0.0/8,::1/128") as running:
        yield running


async def arrived(receiver: Receiver, count: int) -> None:
    deadline = time.monotonic() + 15
    while len(receiver.got) < count:
        assert time.monotonic() < deadline, f"{len(receiver.got)} of {count} events"
        await asyncio.sleep(0.05)


async def test_a_decision_reaches_the_site_by_itself_and_can_be_sent_again(service: Service):
    async with Receiver(status(200)) as receiver:
        with service.staff as admin, service.site as site:

            async def call(method: str, path: str, **body):
                return await asyncio.to_thread(admin.request, method, path, **body)

            made = await call("POST", "/v1/sites/demo/webhooks", json={"url": receiver.url})
            assert made.status_code == 201, made.text
            webhook, secret = made.json()["id"], made.json()["secret"]
            assert secret.startswith("whsec_")
            listed = (await call("GET", "/v1/sites/demo/webhooks")).json()["webhooks"]
            assert [one["id"] for one in listed] == [webhook]
            assert secret not in str(listed)

            tested = await call("POST", f"/v1/webhooks/{webhook}/test")
            assert tested.json()["delivered"] is True
            assert receiver.got[0].event["type"] == "webhook.test"

            comment = {
                "name": "Bea",
                "email": "bea@example.org",
                "text": "A thought on the new bridge.",
                "external_id": "7",
            }
            posted = (await asyncio.to_thread(site.post, "/v1/comments", json=comment)).json()
            decision = {"decision": "reject", "reason": "off_topic", "version": 1}
            decided = await call("POST", f"/v1/queue/{posted['id']}/decision", json=decision)
            assert decided.status_code == 200, decided.text
            await arrived(receiver, 3)
            judged, rejected = receiver.got[1:3]
            assert [judged.event["type"], rejected.event["type"]] == ["comment.judged", "comment.rejected"]
            assert rejected.event["data"]["decision"]["reason"] == "off_topic"
            assert rejected.event["data"]["external_id"] == "7"
            Verifier(secret).verify(rejected.body, rejected.headers)

            found = (await call("GET", f"/v1/webhooks/{webhook}/deliveries?site=demo")).json()
            assert {one["state"] for one in found["ended"]} == {"delivered"}
            again = await call("POST", f"/v1/webhooks/{webhook}/deliveries/{rejected.id}/replay")
            assert again.status_code == 200, again.text
            await arrived(receiver, 4)
            assert receiver.got[3].id == rejected.id

            rotated = (await call("POST", f"/v1/webhooks/{webhook}/secret")).json()
            assert rotated["secret"] != secret
            assert rotated["secrets"] == 2
            assert (await call("DELETE", f"/v1/webhooks/{webhook}/secret")).json()["secrets"] == 1
            off = await call("PATCH", f"/v1/webhooks/{webhook}", json={"enabled": False, "events": ["comment.judged"]})
            assert (off.json()["enabled"], off.json()["events"]) == (False, ["comment.judged"])
            refused = await call("POST", f"/v1/webhooks/{webhook}/deliveries/{rejected.id}/replay")
            assert refused.status_code == 422
            assert (await call("DELETE", f"/v1/webhooks/{webhook}")).status_code == 204
            assert (await call("DELETE", f"/v1/webhooks/{webhook}")).status_code == 404


def test_only_an_admin_may_and_what_is_wrong_is_said(service: Service):
    with service.site as site, service.http() as nobody, service.staff as admin:
        assert site.get("/v1/sites/demo/webhooks").status_code == 403
        assert nobody.get("/v1/sites/demo/webhooks").status_code == 401
        assert site.post("/v1/webhooks/wh1/test").status_code == 403
        path = "/v1/sites/demo/webhooks"
        for url in (
            "http://example.org/",
            "https://10.0.0.1/",
            "https://169.254.169.254/",
            "https://a.example:22/",
            "",
        ):
            answer = admin.post(path, json={"url": url})
            assert (answer.status_code, answer.json()["code"]) == (422, "webhook_refused"), url
        answer = admin.post(path, json={"url": "https://a.example/", "events": ["comment.loved"]})
        assert answer.json()["errors"][0]["field"] == "events"
        assert admin.get("/v1/sites/other/webhooks").status_code == 404
        assert admin.get("/v1/webhooks/wh0/deliveries").status_code == 404
        assert admin.post("/v1/webhooks/wh0/deliveries/wh0-1-1/replay").status_code == 404
