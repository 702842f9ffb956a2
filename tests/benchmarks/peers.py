"""Others that judge comments, where they are installed: rspamd, Isso and SpamAssassin's spamd, on the service's core.

They do other work too (mail headers, a page's comments), so they are for orientation. What is not installed is left out,
and the table says so. Each runs from a folder of its own on loopback, asks no network, and its configuration is printed.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from classifiers.dataset import load_seeds
from tests.benchmarks import load
from tests.benchmarks.figure import Figure
from tests.servers import free_port

SECONDS = 5
START_SECONDS = 60

RSPAMD = {
    "worker-normal.inc": 'bind_socket = "127.0.0.1:{port}"; count = 1; enabled = true;',
    "worker-controller.inc": "enabled = false;",
    "worker-proxy.inc": "enabled = false;",
    "worker-fuzzy.inc": "enabled = false;",
    "options.inc": 'dns {{ nameserver = ["127.0.0.1:9"]; timeout = 0.01s; retransmits = 1; }}',
    "logging.inc": 'level = "error";',
}
OFFLINE = ("asn", "dkim", "dmarc", "fuzzy_check", "mx_check", "phishing", "rbl", "redis", "replies", "spf", "surbl")
"""Modules of rspamd that ask the network, switched off."""
ISSO = """[general]
dbpath = {place}/isso.db
host = http://127.0.0.1/
[server]
listen = http://127.0.0.1:{port}
[moderation]
enabled = true
[guard]
enabled = false
"""


class Peer(NamedTuple):
    """How one of them is started and asked."""

    name: str
    program: str
    command: Callable[[Path, int, str], list[str]]
    says: str
    """Its configuration, in one line."""


def rspamd(place: Path, port: int, program: str) -> list[str]:
    """Write a configuration without network and give the command."""
    folder = place / "local" / "override.d"
    for made in (folder, place / "db", place / "run", place / "log"):
        made.mkdir(parents=True)
    for name, line in RSPAMD.items():
        (folder / name).write_text(line.format(port=port))
    for module in OFFLINE:
        (folder / f"{module}.conf").write_text("enabled = false;")
    variables = {"DBDIR": "db", "RUNDIR": "run", "LOGDIR": "log", "LOCAL_CONFDIR": "local"}
    return [program, "-f", "--insecure", *(f"--var={name}={place / at}" for name, at in variables.items())]


def isso(place: Path, port: int, program: str) -> list[str]:
    """Write a configuration that moderates and does not limit, and give the command."""
    (place / "isso.cfg").write_text(ISSO.format(place=place, port=port))
    return [program, "-c", str(place / "isso.cfg"), "run"]


def spamd(place: Path, port: int, program: str) -> list[str]:
    """Give the command for one worker with local tests only."""
    return [program, "--local", "--nouser-config", "--max-children=1", "--listen=127.0.0.1", f"--port={port}"]


PEERS = (
    Peer("rspamd", "rspamd", rspamd, f"its own rules, one worker, no network (off: {', '.join(OFFLINE)})"),
    Peer("isso", os.environ.get("BENCH_ISSO", "isso"), isso, "moderation on, guard off, SQLite"),
    Peer("spamd", "spamd", spamd, "local tests only, one child"),
)


def measure() -> list[Figure]:
    """Measure each that is installed."""
    figures = []
    with load.vocabulary() as words:
        for peer in PEERS:
            program = shutil.which(peer.program)
            if program is None:
                print(f"{peer.name} is not installed, so it is left out")
                continue
            rate = _rate(peer, program, words)
            if rate is None:
                print(f"{peer.name} did not start within {START_SECONDS} s, so it is left out")
                continue
            figures.append(Figure(f"peer.{peer.name}", rate, "1/s", peer.says))
    return figures


def _rate(peer: Peer, program: str, words: Path) -> float | None:
    port = free_port()
    with tempfile.TemporaryDirectory() as place, open(Path(place) / "log.txt", "wb") as log:
        command = load.pinned(load.cores()[0], *peer.command(Path(place), port, program))
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            if not _answers(port, process):
                return None
            if peer.name == "spamd":
                return _spam_checks(port)
            target = "/checkv2" if peer.name == "rspamd" else "/new?uri=/article"
            url = f"http://127.0.0.1:{port}"
            run = load.wrk(url, words, connections=16, seconds=SECONDS, target=target, shape=peer.name)
            return run.rate or None
        finally:
            os.killpg(process.pid, 15)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                process.wait()


def _answers(port: int, process: "subprocess.Popen[bytes]") -> bool:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            time.sleep(0.1)
    return False


def _spam_checks(port: int) -> float:
    """Ask spamd in its own protocol, four callers at once."""
    texts = load_seeds("train").text[:2_000]
    until = time.monotonic() + SECONDS
    done = [0] * 4

    def ask(caller: int) -> None:
        place = caller
        while time.monotonic() < until:
            text = texts[place % len(texts)].encode("utf-8", "replace")
            mail = b"From: ann@posteo.net\r\nTo: site@posteo.net\r\nSubject: comment\r\n\r\n" + text + b"\r\n"
            with socket.create_connection(("127.0.0.1", port), 10) as line:
                line.sendall(b"CHECK SPAMC/1.2\r\nContent-length: %d\r\n\r\n%b" % (len(mail), mail))
                line.shutdown(socket.SHUT_WR)
                said = b"".join(iter(lambda: line.recv(4096), b""))
            done[caller] += b"EX_OK" in said
            place += 4

    callers = [threading.Thread(target=ask, args=(caller,)) for caller in range(len(done))]
    for one in callers:
        one.start()
    for one in callers:
        one.join()
    return sum(done) / SECONDS
