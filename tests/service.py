"""The whole service as a subprocess, as an operator starts it, and a small client that speaks to it."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from click.testing import CliRunner

from moderation.cli import main

REPOSITORY = Path(__file__).parents[1]


class Service:
    """A running service: where it is, and the secrets of its first start."""

    def __init__(self, data: Path, process: subprocess.Popen[bytes], url: str, environ: dict[str, str]) -> None:
        self.data = data
        self.process = process
        self.url = url
        self.environ = {"MODERATION_DATA": str(data)} | environ
        """What a command must be told to find the same store."""
        self.first: dict[str, str] = json.loads((data / "first-run.json").read_text())
        self._clients: dict[str, httpx.Client] = {}

    @property
    def site(self) -> httpx.Client:
        """Give a client with the demo site's key."""
        return self._client("site_key")

    @property
    def staff(self) -> httpx.Client:
        """Give a client with the first admin's key, which asks about the demo site."""
        client = self._client("admin_key")
        client.params = httpx.QueryParams(site="demo")
        return client

    def _client(self, name: str) -> httpx.Client:
        """Give a client that is kept, so that a test of a hundred requests opens one connection."""
        if name not in self._clients or self._clients[name].is_closed:
            self._clients[name] = self.http(self.first[name])
        return self._clients[name]

    def http(self, key: str = "", **headers: str) -> httpx.Client:
        """Give a client; with a key it sends that as Bearer."""
        if key:
            headers["Authorization"] = f"Bearer {key}"
        return httpx.Client(base_url=self.url, headers=headers, timeout=20, trust_env=False, verify=False)

    def command(self, *arguments: str, status: int = 0) -> str:
        """Run one command beside it, in this process; gives what it says, on whichever stream."""
        return _invoked(arguments, self.environ, status)

    def kill(self) -> None:
        """End it the hard way; the store beside it is left alone."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def run(*arguments: str, data: Path | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run one command of the service to its end, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "moderation", *_with(data, arguments)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=90,
        check=check,
    )


def command(*arguments: str, data: Path | None = None, status: int = 0) -> str:
    """Run one command in this process, where all is imported already; gives what it says, on whichever stream."""
    return _invoked(_with(data, arguments), {"MODERATION_DATA": None}, status)


def _invoked(arguments: tuple[str, ...], environ: Mapping[str, str | None], status: int) -> str:
    # asyncio runs in this thread already where the test is asynchronous
    with ThreadPoolExecutor(1) as thread:
        result = thread.submit(CliRunner(env=environ).invoke, main, arguments).result()
    assert result.exit_code == status, result.output
    return result.output


def _with(data: Path | None, arguments: tuple[str, ...]) -> tuple[str, ...]:
    return (*arguments, "--data", str(data)) if data else arguments


def environment(**more: str) -> dict[str, str]:
    """Give the environment of a new user: nothing of ours but where the code lies."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MODERATION_")}
    return kept | {"PYTHONPATH": str(REPOSITORY)} | more


@contextmanager
def serving(data: Path, *options: str, port: int = 0, module: str = "moderation", **environ: str) -> Iterator[Service]:
    """Run `moderation serve` on a folder until the block ends, and wait until it is ready."""
    data.mkdir(parents=True, exist_ok=True)
    log = data / "service.log"
    offset = log.stat().st_size if log.exists() else 0
    with open(log, "ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", module, "serve", "--data", str(data), "--port", str(port), *options],
            env=environment(**environ),
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        yield Service(data, process, _ready(process, log, offset), environ)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _ready(process: subprocess.Popen[bytes], log: Path, offset: int) -> str:
    deadline = time.monotonic() + 40
    url = ""
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the service ended:\n{log.read_text()[-3000:]}")
        said = log.read_text()[offset:]
        for line in said.splitlines():
            if "/demo" in line and "http" in line:
                url = line.split()[-1].removesuffix("/demo")
        if url:
            try:
                if httpx.get(f"{url}/health/ready", timeout=2, trust_env=False).status_code == 200:
                    return url
            except httpx.HTTPError:
                pass
        time.sleep(0.05)
    raise AssertionError(f"the service is not ready:\n{log.read_text()[-3000:]}")


_count = itertools.count(1)


def someone() -> str:
    """Give the e-mail address of somebody who has never written."""
    return f"reader{next(_count)}.{os.getpid()}@posteo.net"


def fresh_text(text: str = "I read this with pleasure, thank you") -> str:
    """Give a text that nobody has sent before, and that says the same: of 10,000 in a row no two have the same letters."""
    number = next(_count)
    words = ("bus", "river", "garden", "station", "market", "school", "harbour", "bridge", "library", "theatre")
    near, by, past, behind = (words[number // power % 10] for power in (1, 10, 100, 1000))
    return f"{text}, says number {number} from the {near} by the {by}, past the {past} and behind the {behind}."


def submitted(service: Service, text: str = "", **fields: Any) -> dict[str, Any]:
    """Submit a comment by somebody new with the demo site's key, and give the answer."""
    body = {"email": someone()} | fields
    answer = service.site.post("/v1/comments", json=a_comment(text or fresh_text(), **body))
    assert answer.status_code == 201, answer.text
    receipt: dict[str, Any] = answer.json()
    return receipt


def held(service: Service, **fields: Any) -> dict[str, Any]:
    """Submit a comment that waits for a moderator."""
    receipt = submitted(service, fresh_text(ABUSE), **fields)
    assert receipt["status"] == "pending", receipt
    return receipt


def decided(service: Service, comment_id: str, decision: str = "approve", **more: Any) -> httpx.Response:
    """Decide a case as the first admin."""
    body = {"decision": decision, **({"reason": "spam"} if decision == "reject" else {}), **more}
    return service.staff.post(f"/v1/queue/{comment_id}/decision", json=body)


def wait_for(condition: Callable[[], object], seconds: float = 15.0) -> None:
    """Wait until something is true, or fail."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not true within {seconds} seconds"
        time.sleep(0.03)


def a_comment(text: str = "I read this with pleasure, thank you.", **fields: Any) -> dict[str, Any]:
    """Give the body of a comment that nothing speaks against."""
    return {"name": "Ann Lee", "email": "ann@posteo.net", "text": text, **fields}


ABUSE = "You are a stupid idiot and everybody hates you, shut up you moron"
SPAM = "Win big at https://casino777.example and https://slots.example now!!! Free bonus 500$, contact me on telegram @winbig"
