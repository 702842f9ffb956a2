"""The whole service as a subprocess, as an operator starts it, and a small client that speaks to it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

REPOSITORY = Path(__file__).parents[1]


class Service:
    """A running service: where it is, and the secrets of its first start."""

    def __init__(self, data: Path, process: subprocess.Popen[bytes], url: str) -> None:
        self.data = data
        self.process = process
        self.url = url
        self.first: dict[str, str] = json.loads((data / "first-run.json").read_text())

    def http(self, key: str = "", **headers: str) -> httpx.Client:
        """Give a client; with a key it sends that as Bearer."""
        if key:
            headers["Authorization"] = f"Bearer {key}"
        return httpx.Client(base_url=self.url, headers=headers, timeout=20, trust_env=False)

    @property
    def site(self) -> httpx.Client:
        """Give a client with the demo site's key."""
        return self.http(self.first["site_key"])

    @property
    def staff(self) -> httpx.Client:
        """Give a client with the first admin's key."""
        return self.http(self.first["admin_key"])

    def kill(self) -> None:
        """End it the hard way; the store beside it is left alone."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def run(*arguments: str, data: Path | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run one command of the service to its end."""
    where = ["--data", str(data)] if data else []
    return subprocess.run(
        [sys.executable, "-m", "moderation", *arguments, *where],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=90,
        check=check,
    )


def environment(**more: str) -> dict[str, str]:
    """Give the environment of a new user: nothing of ours but where the code lies."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MODERATION_")}
    return kept | {"PYTHONPATH": str(REPOSITORY)} | more


@contextmanager
def serving(data: Path, *options: str, port: int = 0, **environ: str) -> Iterator[Service]:
    """Run `moderation serve` on a folder until the block ends, and wait until it is ready."""
    data.mkdir(parents=True, exist_ok=True)
    log = data / "service.log"
    offset = log.stat().st_size if log.exists() else 0
    with open(log, "ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "moderation", "serve", "--data", str(data), "--port", str(port), *options],
            env=environment(**environ),
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        yield Service(data, process, _ready(process, log, offset))
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


def a_comment(text: str = "I read this with pleasure, thank you.", **fields: Any) -> dict[str, Any]:
    """Give the body of a comment that nothing speaks against."""
    return {"name": "Ann Lee", "email": "ann@posteo.net", "text": text, **fields}


ABUSE = "You are a stupid idiot and everybody hates you, shut up you moron"
SPAM = (
    "Win big at https://casino777.example and https://slots.example now!!! Free bonus 500$, contact me on telegram @winbig"
)
