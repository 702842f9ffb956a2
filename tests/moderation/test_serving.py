"""Serving: several workers are one service, and what is left of a killed one stands in nobody's way."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from tests.servers import free_port, plain_server

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def serve(tmp_path, wait_until):
    """Start services on one data folder and one port; end them afterwards."""
    port, started = free_port(), []

    def start(*options):
        environ = {**os.environ, "PYTHONPATH": str(REPOSITORY), "MODERATION_STORE__MAX_MEMORY_MB": "64"}
        command = [sys.executable, "-m", "moderation", "serve", "--port", str(port), "--data", str(tmp_path / "data")]
        with open(tmp_path / f"log{len(started)}", "wb") as log:
            service = subprocess.Popen([*command, *options], cwd=tmp_path, env=environ, stdout=log, stderr=log)
        started.append(service)
        wait_until(lambda: service.poll() is not None or _ready(port), seconds=60)
        assert service.poll() is None, (tmp_path / f"log{len(started) - 1}").read_text()
        return service

    start.url = f"http://127.0.0.1:{port}"
    start.data = tmp_path / "data"
    yield start
    for service in started:
        if service.poll() is None:
            service.send_signal(signal.SIGTERM)
            service.wait(30)


def _ready(port):
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200
    except httpx.TransportError:
        return False


def _judged(url):
    """Return how many comments the metrics have counted."""
    counts = re.findall(r"^moderation_comments_judged_total\{.*\} ([\d.]+)$", httpx.get(f"{url}/metrics").text, re.M)
    return sum(float(count) for count in counts)


def test_the_metrics_of_all_workers_are_told_by_each(serve):
    serve("--workers", "2")
    first = json.loads((serve.data / "first-run.json").read_text())
    for number in range(20):
        comment = {"name": "Ann", "email": f"ann{number}@example.org", "text": f"Thank you, {number} times."}
        answer = httpx.post(
            f"{serve.url}/v1/comments", json=comment, headers={"Authorization": f"Bearer {first['site_key']}"}
        )
        assert answer.status_code == 201
    # Whichever worker answers tells the same.
    assert {_judged(serve.url) for _ in range(5)} == {20.0}


def test_after_a_kill_of_the_parent_its_workers_end_and_a_restart_finds_everything(serve, wait_until):
    service = serve("--workers", "2")
    first = json.loads((serve.data / "first-run.json").read_text())
    bearer = {"Authorization": f"Bearer {first['site_key']}"}
    comment = {"name": "Ann", "email": "ann@example.org", "text": "Thank you, this helped me a lot."}
    answer = httpx.post(f"{serve.url}/v1/comments", json=comment, headers=bearer)
    assert answer.status_code == 201
    children = psutil.Process(service.pid).children(recursive=True)
    workers = [child for child in children if "valkey" not in child.name() and "redis" not in child.name()]
    assert len(workers) >= 2
    os.kill(service.pid, signal.SIGKILL)
    service.wait(10)
    wait_until(lambda: not any(worker.is_running() and worker.status() != "zombie" for worker in workers))
    serve("--workers", "1")
    kept = httpx.get(f"{serve.url}/v1/comments/{answer.json()['id']}", headers=bearer)
    assert kept.status_code == 200
    assert kept.json()["status"] == answer.json()["status"]


def test_a_second_service_on_the_folder_says_so_in_one_line(serve, tmp_path):
    serve()
    second = subprocess.run(
        [sys.executable, "-m", "moderation", "serve", "--port", "0", "--data", str(serve.data)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert second.returncode == 2
    assert f"a moderation service already runs on {serve.data}" in second.stderr
    assert len(second.stderr.strip().splitlines()) == 1


def test_a_store_that_may_lose_comments_is_named_at_the_start_and_the_service_is_not_ready(tmp_path, wait_until):
    with plain_server(tmp_path / "weak", "appendonly no") as weak:
        port, said = free_port(), tmp_path / "said"
        command = [sys.executable, "-m", "moderation", "serve", "--port", str(port), "--data", str(tmp_path / "data")]
        with open(said, "wb") as log:
            service = subprocess.Popen(
                [*command, "--redis", f"redis://127.0.0.1:{weak}/0"],
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
                stdout=log,
                stderr=log,
            )
        try:
            wait_until(lambda: "Application startup complete" in said.read_text(), seconds=60)
            assert "Not ready: the store: appendonly is no, must be yes" in said.read_text()
            assert "--accept-weaker-durability" in said.read_text()
            answer = httpx.get(f"http://127.0.0.1:{port}/health/ready")
            assert answer.status_code == 503
            assert "appendonly is no" in answer.text
        finally:
            service.send_signal(signal.SIGTERM)
            service.wait(30)


def _ended(tmp_path, *options, **environ):
    """Start a service that cannot go on, and give how it ended and what it said."""
    return subprocess.run(
        [sys.executable, "-m", "moderation", "serve", "--port", "0", "--data", str(tmp_path / "data"), *options],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "MODERATION_STORE__MAX_MEMORY_MB": "64", **environ},
        capture_output=True,
        text=True,
        timeout=20,
    )


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("serve", "--port", "0", "--workers", "2"), ("doctor",)])
def test_a_proxy_that_is_no_address_is_refused_by_whoever_reads_it(command, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "moderation", *command, "--data", str(tmp_path / "data")],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "MODERATION_SERVER__TRUSTED_PROXIES": "nginx"},
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "moderation: MODERATION_SERVER__TRUSTED_PROXIES: 'nginx' is no address and no network such as 10.0.0.0/8\n"
    )


def test_workers_that_cannot_start_end_the_service_at_once_and_with_a_failure(tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    # what the rooms of a worker need is there for the parent alone
    (broken / "sitecustomize.py").write_text(
        "import multiprocessing, sys\n"
        "if multiprocessing.parent_process() is not None or '--multiprocessing-fork' in sys.argv:\n"
        "    import moderation.versions\n"
        "    async def start(self): raise OSError('the models cannot be read')\n"
        "    moderation.versions.Versions.start = start\n"
    )
    done = _ended(tmp_path, "--workers", "2", PYTHONPATH=f"{broken}:{REPOSITORY}")
    assert done.returncode == 2
    assert "Application startup failed" in done.stderr
    assert done.stderr.splitlines()[-1] == (
        "moderation: a worker could not start, so the service has ended; its last line says why"
    )


def test_a_name_that_is_no_setting_is_told_at_the_start(serve, tmp_path, monkeypatch):
    monkeypatch.setenv("MODERATION_SERVER_WORKERS", "3")
    serve()
    said = (tmp_path / "log0").read_text()
    assert (
        "  Not known: MODERATION_SERVER_WORKERS is no setting and does nothing (MODERATION_SERVER__WORKERS is one).\n"
        in said
    )


def test_an_address_that_a_stranger_forwards_is_told_once_and_not_written_down(serve, tmp_path, monkeypatch):
    monkeypatch.setenv("MODERATION_SERVER__TRUSTED_PROXIES", "10.0.0.0/8")
    serve()
    form = json.loads((serve.data / "first-run.json").read_text())["form_key"]
    assert httpx.get(f"{serve.url}/health/ready").json()["warnings"] == []
    time.sleep(1.1)  # what was found at the last look is remembered for so long
    for _ in range(3):
        httpx.post(
            f"{serve.url}/v1/forms/{form}/comments",
            json={"name": "Ann", "email": "ann@example.org", "text": "Thank you, this helped me a lot."},
            headers={"Origin": serve.url, "X-Forwarded-For": "198.51.100.77"},
        )
    (warning,) = httpx.get(f"{serve.url}/health/ready").json()["warnings"]
    assert "MODERATION_SERVER__TRUSTED_PROXIES" in warning
    said = (tmp_path / "log0").read_text()
    assert said.count("forwarded_address_not_believed") == 1
    assert "198.51.100.77" not in said


def test_an_address_that_our_proxy_forwards_is_nothing_to_tell(serve, tmp_path, monkeypatch):
    monkeypatch.setenv("MODERATION_SERVER__TRUSTED_PROXIES", "127.0.0.1")
    serve()
    form = json.loads((serve.data / "first-run.json").read_text())["form_key"]
    headers = {"Origin": serve.url, "X-Forwarded-For": "198.51.100.77"}
    assert httpx.post(f"{serve.url}/v1/forms/{form}/comments", json={}, headers=headers).status_code == 422
    assert httpx.get(f"{serve.url}/health/ready").json()["warnings"] == []
