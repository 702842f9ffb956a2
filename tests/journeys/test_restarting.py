"""Stories of operators: the service dies and comes back, loses its models, and is looked at by the doctor."""

import shutil
import subprocess
import sys
from pathlib import Path

import redis

from tests.service import REPOSITORY, Service, decided, environment, held, run, serving, submitted, wait_for


def test_a_killed_service_comes_back_with_everything_and_allows_no_second_one(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data) as service:
        second = run("serve", "--port", "0", data=data, check=False)
        assert second.returncode == 2
        assert len(second.stderr.strip().splitlines()) == 1
        assert str(data) in second.stderr
        published = [submitted(service)["id"] for _ in range(5)]
        waiting = [held(service)["id"] for _ in range(5)]
        assert decided(service, waiting[0]).status_code == 200
        ledger = service.staff.get("/v1/ledger").json()["entries"]
        service.kill()
    with serving(data) as service:
        for comment in published:
            assert service.site.get(f"/v1/comments/{comment}").json()["status"] == "approved"
        queue = service.staff.get("/v1/queue").json()
        assert (queue["count"], {one["id"] for one in queue["cases"]}) == (4, set(waiting[1:]))
        assert service.staff.get("/v1/ledger").json()["entries"] == ledger
        assert "All is well." in run("doctor", data=data).stdout
    assert (
        "First start"
        not in (data / "service.log")
        .read_text()
        .partition("Comment moderation runs")[2]
        .partition("Comment moderation runs")[2]
    )


def test_without_a_model_comments_wait_and_are_scored_when_it_is_back(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(REPOSITORY / "classifiers", broken / "classifiers", ignore=shutil.ignore_patterns("__pycache__"))
    (broken / "moderation").symlink_to(REPOSITORY / "moderation")
    weights = broken / "classifiers" / "bundled" / "weights.npy"
    weights.write_bytes(weights.read_bytes()[:-1000])
    data = tmp_path / "data"
    # without the folder it is started in, whose models are whole
    with serving(data, PYTHONPATH=str(broken), PYTHONSAFEPATH="1") as service:
        health = service.http().get("/health/ready").json()
        assert (health["ready"], health["models"]) == (True, [])
        assert any("wait unscored" in line for line in health["warnings"])
        kind = submitted(service, ip="192.0.2.1")
        fast = submitted(service, form_seconds=0.1)
        rude = held(service)
        for one in (kind, fast, rude):
            assert (one["status"], one["degraded"]) == ("pending", True)
            assert "unscored" in one["reasons"]
        no_dialect_takes_our_failure_for_a_verdict(service)
    with serving(data) as service:

        def now(comment: str) -> tuple[str, bool, list[str]]:
            one = service.site.get(f"/v1/comments/{comment}").json()
            return one["status"], one["degraded"], one["reasons"]

        wait_for(lambda: not now(rude["id"])[1])
        wait_for(lambda: now(kind["id"]) == ("approved", False, []))
        assert now(fast["id"]) == ("pending", False, ["too_fast"]), "what the other checks saw is not forgotten"
        assert now(rude["id"])[2] == ["toxicity"]
        assert service.staff.get("/v1/queue", params={"reason": "unscored"}).json()["count"] == 0


def no_dialect_takes_our_failure_for_a_verdict(service: Service) -> None:
    """Ask in every dialect for what no model can score; Akismet's clients would take a word for ham or spam."""
    key = service.first["site_key"]
    fields = {"api_key": key, "blog": "https://blog.example", "user_ip": "192.0.2.9", "comment_content": "A calm word"}
    scored = {"comment": {"text": "A calm word"}, "requestedAttributes": {"TOXICITY": {}}}
    with service.http() as client:
        akismet = client.post("/1.1/comment-check", data=fields)
        google = client.post("/v1alpha1/comments:analyze", params={"key": key}, json=scored)
        openai = client.post("/v1/moderations", json={"input": "A"}, headers={"Authorization": f"Bearer {key}"})
        coral = client.post("/v1/coral/phase", params={"key": key}, json={"comment": {"body": "A calm word"}})
    assert (akismet.status_code, akismet.text) == (503, "unavailable")
    assert "no model can judge" in akismet.headers["x-akismet-debug-help"]
    assert int(akismet.headers["retry-after"]) >= 1
    assert (google.status_code, google.json()["error"]["status"]) == (503, "UNAVAILABLE")
    assert (openai.status_code, openai.json()["error"]["type"]) == (503, "server_error")
    assert (coral.status_code, coral.json()["status"]) == (200, "PREMOD")


def test_the_doctor_finds_a_ledger_that_somebody_changed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data) as service:
        held(service)
        comment = held(service)["id"]
        decided(service, comment, "reject")
        assert run("doctor", data=data).returncode == 0
        # the socket refuses what the service never does, and so somebody with the files at hand comes another way
        store = redis.Redis(unix_socket_path=str(next(data.rglob("*.sock"))))
        entries = store.xrevrange("cm:{demo}:ledger", count=2)
        store.xdel("cm:{demo}:ledger", entries[1][0])
        store.close()
        sick = run("doctor", data=data, check=False)
        assert sick.returncode == 1
        assert "the ledger of demo was changed at entry" in sick.stderr


def test_serving_on_a_taken_address_is_refused_in_one_line(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as service:
        port = service.url.rpartition(":")[2]
        other = subprocess.run(
            [sys.executable, "-m", "moderation", "serve", "--data", str(tmp_path / "other"), "--port", port],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (other.returncode, len(other.stderr.strip().splitlines())) == (2, 1)
    assert "choose another with --host and --port" in other.stderr
