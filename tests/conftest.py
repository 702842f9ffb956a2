"""What every test may use: a private server, a store that is empty, patience with an end.

In CI (`CI=true`) a skipped test fails the run: what CI does not run, nobody has seen run.
"""

import fnmatch
import os
import random
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from moderation.settings import StoreSettings
from moderation.store.connection import Connection, connect
from moderation.store.embedded import CONF, EmbeddedServer
from moderation.store.folder import DataFolder
from moderation.store.keys import PERMANENT
from tests import servers
from tests.figures import tell
from tests.overheard import count_below, overheard, personal_in

MEMORY = Path("/dev/shm")
ROOM_IN_MEMORY = 2 * 2**30


@pytest.fixture(scope="session")
def quick_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give a folder in memory where there is room: the server syncs there too, and tests do not wait for a disk."""
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_IN_MEMORY:
        with tempfile.TemporaryDirectory(prefix="moderation-tests-", dir=MEMORY) as folder:
            yield Path(folder)
    else:
        yield tmp_path_factory.mktemp("server")


@pytest.fixture(scope="session")
def server(quick_place: Path) -> Iterator[Path]:
    """Run one embedded server for the whole session and give its socket. Unlike ours it permits every command."""
    base = quick_place
    conf = base / "test.conf"
    conf.write_text("".join(line for line in CONF.open() if not line.startswith("user ")))
    folder = DataFolder(base / "data")
    with folder.owned(wait=0.0), EmbeddedServer(folder, StoreSettings(max_memory_mb=512), conf=conf):
        yield folder.socket()


@pytest.fixture(scope="session")
def other_store(quick_place: Path) -> Iterator[servers.Store | None]:
    """Run the store that STORE names (single, sentinel, cluster) for the whole session; None where it names none."""
    kind = os.environ.get("STORE")
    if not kind:
        yield None
        return
    with servers.STORES[kind](quick_place / kind) as store:
        yield store


@pytest.fixture
def primaries(server: Path, other_store: servers.Store | None) -> Iterator[list[redis.Redis]]:
    """Give a client for each server of the store that takes writes, to look at it and to break it from outside."""
    if other_store is None:
        clients = [redis.Redis(unix_socket_path=str(server))]
    else:
        clients = [redis.Redis(port=port) for port in other_store.primaries]
    yield clients
    for client in clients:
        client.close()


@pytest.fixture
def store_url(server: Path, other_store: servers.Store | None, primaries: list[redis.Redis]) -> Iterator[str]:
    """Give the URL of an empty store; afterwards no key may be left that never goes, unless it is meant to stay."""
    for client in primaries:
        client.flushall()
    yield f"unix://{server}" if other_store is None else other_store.url
    left = [
        key
        for client in primaries
        for key in client.scan_iter(count=1000)
        if client.ttl(key) == -1 and not any(fnmatch.fnmatchcase(key.decode(), pattern) for pattern in PERMANENT)
    ]
    assert not left, f"keys without a TTL that no list of permanent keys names: {left[:5]}"


@pytest.fixture(scope="session", autouse=True)
def nothing_personal_is_said(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """At the end of the suite, search the logs of every service that any test has started for what is of a person."""
    yield
    folder = tmp_path_factory.getbasetemp()
    found = overheard(folder)
    tell("H2 logs of the whole suite", count_below(folder), "0 hits", f"{len(found)} hits")
    assert not found, f"{len(found)} personal words in logs: {found[:5]}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test during which the code was heard to print or log what is of a person."""
    report = yield
    if report.passed:
        heard = sorted({word for _, text in report.sections for word in personal_in(text)})
        if heard:
            report.outcome, report.longrepr = "failed", f"{item.nodeid} was heard to say {heard}"
    return report


@pytest.fixture
async def connection(store_url: str) -> AsyncIterator[Connection]:
    """Give a connection to an empty store."""
    connection = await connect(StoreSettings(url=store_url))
    yield connection
    await connection.aclose()


@pytest.fixture
def wait_until() -> Callable[..., None]:
    """Wait until something is true, or fail after some seconds."""

    def wait(condition: Callable[[], object], seconds: float = 15.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"not true within {seconds} seconds"
            time.sleep(0.01)

    return wait


TOGETHER = ("tests/browser", "tests/contract")
"""Folders whose tests share what is dear to start: one worker runs them all."""


def pytest_configure() -> None:
    """Let all workers of a run order sets alike, since they must collect the same tests; each run does it in its own way."""
    os.environ.setdefault("PYTHONHASHSEED", str(random.randrange(2**32 - 1)))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the browser's tests first: they take longest, and what is begun last decides when several workers end."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each file to one worker, in our order; some folders go to one as a whole."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return next((folder for folder in TOGETHER if file.startswith(folder + "/")), file)

    config.option.loadscopereorder = False
    return ByFile(config, log)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Let no skip pass in CI."""
    if _skipped(session.config) and os.environ.get("CI") == "true" and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Always say how many tests were skipped."""
    count = len(terminalreporter.stats.get("skipped", []))
    verdict = "; in CI that is a failure" if count and os.environ.get("CI") == "true" else ""
    terminalreporter.write_line(f"skipped: {count}{verdict}")


def _skipped(config: pytest.Config) -> int:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return len(reporter.stats.get("skipped", [])) if reporter else 0
