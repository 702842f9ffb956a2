"""Coral's external moderation phase: the request of Coral's own documentation, signed as Coral signs it."""

import hashlib
import hmac
import json
from pathlib import Path

import pytest

from tests.contract.conftest import comments_of
from tests.service import ABUSE, SPAM, Service, run, serving

SECRET = "ssec_5f1c9a7e2b"
KEY = "c0ffee000001"
ASKED = {
    "action": "NEW",
    "comment": {"body": "Here's a comment!", "parentID": None},
    "author": {"id": "baf4e943-3594-4fcc-b2ba-3e8de7a76352", "role": "COMMENTER"},
    "story": {"id": "245b3856-b0a0-4d2f-a6bb-58c71f18d6a6", "url": "http://localhost:1313/posts/a-story-url/"},
    "site": {"id": "a4bede88-2d2c-4424-bc18-4322a9e285a6"},
    "tenantID": "19ba5794-7eeb-4d46-a81b-c00c61672501",
    "tenantDomain": "localhost",
}


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    """Run a service whose site knows Coral's signing secret."""
    data: Path = tmp_path_factory.mktemp("coral") / "data"
    with serving(data) as service:
        run("key", "create", "--compat", "--site", "demo", "--value", KEY, data=data)
        run("site", "coral", "demo", "--secret", "ssec_the_one_before", data=data)
        run("site", "coral", "demo", "--secret", SECRET, data=data)
        yield service


def ask(service: Service, text, *, secrets=(SECRET,), key=KEY, role="COMMENTER", spoil=b""):
    asked = {**ASKED, "comment": {"body": text, "parentID": None}, "author": {**ASKED["author"], "role": role}}
    body = json.dumps(asked, indent=2).encode()
    signatures = [hmac.new(one.encode(), body, hashlib.sha256).hexdigest() for one in secrets]
    headers = {"Content-Type": "application/json", "User-Agent": "Coral Moderation/9.0.0"}
    headers["X-Coral-Signature"] = ",".join(f"sha256={one}" for one in signatures)
    with service.http() as client:
        return client.post("/v1/coral/phase", params={"key": key}, content=body + spoil, headers=headers)


def test_nothing_to_say_is_204(signed):
    answer = ask(signed, "Here's a comment!")
    assert answer.status_code == 204
    assert answer.content == b""


def test_abuse_is_withheld_and_flagged(signed):
    answer = ask(signed, f"<div>{ABUSE}</div>")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "SYSTEM_WITHHELD",
        "actions": [{"actionType": "FLAG", "reason": "COMMENT_DETECTED_TOXIC"}],
    }


def test_spam_beyond_doubt_is_rejected(signed):
    answer = ask(signed, SPAM).json()
    assert answer["status"] == "REJECTED"
    assert {"actionType": "FLAG", "reason": "COMMENT_DETECTED_SPAM"} in answer["actions"]


def test_staff_may_say_what_they_want(signed):
    assert ask(signed, ABUSE, role="MODERATOR").status_code == 204


@pytest.mark.parametrize("secrets", [(SECRET,), ("another", SECRET), ("ssec_the_one_before",)])
def test_a_signature_of_any_known_secret_passes(signed, secrets):
    assert ask(signed, "Good evening", secrets=secrets).status_code == 204


@pytest.mark.parametrize("secrets", [(), ("another",), ("",)])
def test_what_nobody_we_know_has_signed_is_refused(signed, secrets):
    assert ask(signed, "Good evening", secrets=secrets).status_code == 401


def test_a_changed_body_is_refused(signed):
    assert ask(signed, "Good evening", spoil=b" ").status_code == 401


def test_a_signature_does_not_replace_the_key(signed):
    assert ask(signed, "Good evening", key="ffffffffffff").status_code == 401


def test_the_secret_is_not_shown(signed):
    shown = run("site", "show", "demo", data=signed.data).stdout
    assert SECRET not in shown
    assert "***" in shown


def test_the_comment_is_judged_and_not_recorded(signed):
    assert ask(signed, "Asked by Coral and nobody else").status_code == 204
    assert all("Asked by Coral" not in comment["text"] for comment in comments_of(signed))


def test_a_body_that_is_no_request_is_refused(service, key):
    with service.http() as client:
        assert client.post("/v1/coral/phase", params={"key": key}, content=b"{").status_code == 400
        assert client.post("/v1/coral/phase", params={"key": key}, json={"comment": 5}).status_code == 400
