"""The same story on every kind of store: one server, a primary under Sentinel, a cluster of three primaries."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import servers
from tests.service import ABUSE, Service, a_comment, serving


@contextmanager
def single(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    with servers.plain_server(folder) as port:
        yield f"redis://127.0.0.1:{port}/0", {}


@contextmanager
def under_sentinel(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    with servers.replicated_servers(folder, "min-replicas-to-write 1") as (primary, _):
        watch = (f"sentinel monitor mymaster 127.0.0.1 {primary} 1", "sentinel down-after-milliseconds mymaster 2000")
        with servers.plain_server(folder / "sentinel", *watch, sentinel=True) as port:
            yield f"sentinel://127.0.0.1:{port}/mymaster", {"MODERATION_STORE__PROFILE": "ha"}


@contextmanager
def clustered(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    with servers.cluster(folder, nodes=3) as ports:
        yield "cluster://" + ",".join(f"127.0.0.1:{port}" for port in ports), {}


@pytest.mark.parametrize("store", [single, under_sentinel, clustered], ids=["single", "sentinel", "cluster"])
def test_the_story_of_a_comment_is_the_same_on(store, tmp_path):
    with store(tmp_path / "store") as (url, environ), serving(tmp_path / "data", "--redis", url, **environ) as service:
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
