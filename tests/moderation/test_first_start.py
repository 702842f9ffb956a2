"""A first start that meets a store in trouble: it waits beside the service, and is finished by whoever comes next."""

import json
import os
import pty
import re
import signal
import subprocess
import sys

import httpx
import pytest

from moderation.access import Access
from moderation.app import house
from moderation.errors import StoreUnavailable
from moderation.first_start import prepare
from moderation.records import Role
from moderation.settings import Settings, StoreSettings
from tests.servers import free_port, plain_server
from tests.service import environment, serving


def ready(port):
    return httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200


def test_a_start_without_a_replica_says_so_answers_503_and_ends_as_soon_as_there_is_one(tmp_path, wait_until):
    """In the profile `ha` a first start writes what a replica must have; it waits for one beside the service."""
    soon = ("repl-diskless-sync-delay 0", "min-replicas-to-write 1", "repl-ping-replica-period 1")
    port, said, data = free_port(), tmp_path / "said", tmp_path / "data"
    with plain_server(tmp_path / "primary", *soon) as primary:
        command = [sys.executable, "-m", "moderation", "serve", "--port", str(port), "--data", str(data)]
        with open(said, "wb") as log:
            service = subprocess.Popen(
                [*command, "--redis", f"redis://127.0.0.1:{primary}/0"],
                cwd=tmp_path,
                env=environment(MODERATION_STORE__PROFILE="ha"),
                stdout=log,
                stderr=log,
            )
        try:
            wait_until(lambda: "Application startup complete" in said.read_text(), seconds=60)
            assert re.search(r"^  Not ready: .* It is asked again each second", said.read_text(), re.M)
            signing_in = httpx.post(
                f"http://127.0.0.1:{port}/v1/session",
                json={"email": "ann@posteo.net", "password": "nine green buses"},
                headers={"Sec-Fetch-Site": "same-origin"},
            )
            assert signing_in.status_code == httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code == 503
            assert signing_in.headers["retry-after"].isdigit()
            with plain_server(tmp_path / "replica", f"replicaof 127.0.0.1 {primary}", *soon):
                wait_until((data / "first-run.json").exists, seconds=30)
                wait_until(lambda: ready(port))
                first = json.loads((data / "first-run.json").read_text())
                comment = {"name": "Ann", "email": "ann@example.org", "text": "Thank you, this helped me a lot."}
                bearer = {"Authorization": f"Bearer {first['site_key']}"}
                answer = httpx.post(f"http://127.0.0.1:{port}/v1/comments", json=comment, headers=bearer)
                assert answer.status_code == 201
                wait_until(lambda: "First start" in said.read_text())
                assert service.poll() is None
        finally:
            service.send_signal(signal.SIGTERM)
            service.wait(30)
    assert "Traceback" not in said.read_text()


async def test_a_first_start_that_was_interrupted_is_finished_by_the_next(store_url, tmp_path, monkeypatch):
    settings = Settings(store=StoreSettings(url=store_url, data=tmp_path))

    async def interrupted(*_: object, **__: object) -> None:
        raise StoreUnavailable("no replica has confirmed it")

    for name in ("invite", "set_password"):
        with monkeypatch.context() as patched:
            patched.setattr(Access, name, interrupted)
            with pytest.raises(StoreUnavailable):
                await prepare(settings, "http://localhost")
    first = await prepare(settings, "http://localhost")
    assert first is not None
    assert await prepare(settings, "http://localhost") is None
    async with house(settings) as rooms:
        _, _, person = await rooms.access.sign_in(first.admin_email, first.admin_password, "", "127.0.0.1", "")
        live = {key.id for key in await rooms.sites.keys() if not key.revoked}
    assert person.role is Role.ADMIN
    assert live == {key.split("_")[1] for key in (first.site_key, first.form_key, first.admin_key)}


SECRETS = ("site_key", "form_key", "admin_key", "admin_password")


def test_where_nobody_sits_at_a_terminal_the_secrets_are_not_said_but_where_they_are(tmp_path):
    with serving(tmp_path / "data") as service:
        said = (service.data / "service.log").read_text()
    assert f"{tmp_path / 'data' / 'first-run.json'}, which only this account can read" in said
    assert (service.data / "first-run.json").stat().st_mode & 0o777 == 0o600
    assert [name for name in SECRETS if service.first[name] in said] == []


def test_a_person_at_a_terminal_is_shown_them_once(tmp_path):
    for expected in (list(SECRETS), []):
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "moderation", "serve", "--port", "0", "--data", str(tmp_path / "data")]
        service = subprocess.Popen(command, env=environment(), stdout=theirs, stderr=theirs)
        os.close(theirs)
        said = ""
        try:
            while "Application startup complete" not in said:
                said += os.read(ours, 65_536).decode(errors="replace")
        finally:
            service.send_signal(signal.SIGTERM)
            service.wait(30)
            os.close(ours)
        first = json.loads((tmp_path / "data" / "first-run.json").read_text())
        assert [name for name in SECRETS if first[name] in said] == expected
