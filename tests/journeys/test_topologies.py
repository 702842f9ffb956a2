"""The same story on every kind of store: one server, a primary under Sentinel, a cluster of three primaries."""

import os
import re
import subprocess
import sys

import pytest

from tests.figures import tell
from tests.servers import STORES
from tests.service import ABUSE, REPOSITORY, Service, a_comment, serving


@pytest.mark.parametrize("kind", STORES)
def test_the_story_of_a_comment_is_the_same_on(kind, tmp_path):
    with (
        STORES[kind](tmp_path / "store") as store,
        serving(tmp_path / "data", **store.environ) as service,
    ):
        tell_the_story(service)
        # sites lie on different primaries of a cluster: each has its own keys, and nothing is shared but the code
        for name in ("evening", "morning", "noon"):
            made = service.staff.post("/v1/sites", json={"id": name})
            assert made.status_code == 201, made.text
            key = service.staff.post("/v1/keys", json={"role": "site", "site": name})
            assert key.status_code == 201, key.text
            answer = service.http(key.json()["key"]).post("/v1/comments", json=a_comment(f"A kind word to the {name}."))
            assert (answer.status_code, answer.json()["status"]) == (201, "approved")


def tell_the_story(service: Service) -> None:
    page = "https://news.example/a"
    kind = service.site.post("/v1/comments", json=a_comment(thread={"url": page}), headers={"Idempotency-Key": "k"})
    again = service.site.post("/v1/comments", json=a_comment(thread={"url": page}), headers={"Idempotency-Key": "k"})
    assert (kind.status_code, again.json()["id"]) == (201, kind.json()["id"])
    held = service.site.post("/v1/comments", json=a_comment(ABUSE, email="b@posteo.net")).json()
    assert held["status"] == "pending"
    places = ("the market on Saturday", "our old library", "the new bridge", "a quiet harbour", "the school garden")
    batch = [a_comment(f"I think often of {place}.", email=f"c{len(place)}@posteo.net") for place in places]
    results = service.site.post("/v1/comments/batch", json={"comments": batch}).json()["results"]
    assert [one["status"] for one in results] == ["approved"] * 5

    queue = service.staff.get("/v1/queue", params={"site": "demo", "reason": "toxicity"}).json()
    assert [case["id"] for case in queue["cases"]] == [held["id"]]
    claimed = service.staff.post("/v1/queue/claim", json={"site": "demo", "count": 3}).json()["cases"]
    assert [case["id"] for case in claimed] == [held["id"]]
    rejected = service.staff.post(
        f"/v1/queue/{held['id']}/decision", json={"decision": "reject", "reason": "toxic", "version": 1}
    )
    assert rejected.status_code == 200, rejected.text
    second = service.staff.post(f"/v1/queue/{held['id']}/decision", json={"decision": "approve", "version": 1})
    assert second.status_code == 409
    undone = service.staff.post(f"/v1/queue/{held['id']}/undo", json={})
    assert undone.json()["status"] == "pending"
    approved = service.staff.post(f"/v1/queue/{held['id']}/decision", json={"decision": "approve"})
    assert approved.status_code == 200, approved.text

    shown = service.http().get("/v1/threads", params={"url": page, "form_key": service.first["form_key"]}).json()
    assert shown["count"] == 1
    changes = service.site.get("/v1/comments", params={"since": "0"}).json()["comments"]
    assert len(changes) == 7
    assert changes[-1]["id"] == held["id"]
    assert service.site.delete(f"/v1/comments/{held['id']}").status_code == 204
    entries = service.staff.get("/v1/ledger", params={"site": "demo"}).json()["entries"]
    assert entries[0]["e"] == "comment.erased"
    health = service.http().get("/health/ready").json()
    assert (health["ready"], health["problems"]) == (True, [])


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sentinel", "cluster"])
def test_the_whole_suite_of_the_store_and_the_journeys_pass_on(kind):
    passed = failed = 0
    for place in ("tests/moderation", "tests/privacy", "tests/journeys"):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-rf", place],
            cwd=REPOSITORY,
            env=os.environ | {"STORE": kind},
            capture_output=True,
            text=True,
            check=False,
        )
        ended = done.stdout.splitlines()[-1]
        passed += int(next(iter(re.findall(r"(\d+) passed", ended)), 0))
        failed += done.returncode != 0
        if done.returncode:
            print(done.stdout[-4000:])
    tell(f"the suite of the store and the journeys on {kind}", passed, "all pass", f"{failed} of 3 parts failed")
    assert failed == 0
    assert passed > 1_000
