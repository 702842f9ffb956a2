"""Serving: the store beside it, and one process or several that answer requests."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import multiprocessing
import os
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from moderation.api.front import Front
from moderation.api.hot import HotRoute
from moderation.app import House, build
from moderation.errors import SetupRefused
from moderation.first_start import first_start
from moderation.settings import Settings, load, unknown_names
from moderation.store.connection import connect
from moderation.store.embedded import running_for_service
from moderation.store.fitness import problems_of
from moderation.store.folder import DataFolder
from moderation.telemetry import configure_logs


def application() -> Any:
    """Build the application of one of several workers; its settings come through the environment."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), name="parent-watcher", daemon=True).start()
    settings = load(os.environ)
    configure_logs()
    _share_one_heap()
    return Front(build(settings, started=_settle))


_LIBC = ctypes.CDLL(None)
_M_ARENA_MAX, _M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -8, -3, -1
_LARGE = 2**20
_KEPT = 2**23


def _share_one_heap() -> None:
    """Let all threads allocate from one heap: the few that hash passwords or open models would keep 10 MB each.

    What is large lies apart from it and is given back as soon as it is free: opening the models would leave 7 MB of gaps.
    """
    if hasattr(_LIBC, "malloc_trim"):
        _LIBC.mallopt(_M_ARENA_MAX, 1)
        _LIBC.mallopt(_M_MMAP_THRESHOLD, _LARGE)


async def _settle(rooms: House) -> None:
    """Give back what only the start needed, and look for garbage no more among what it has built: that stays.

    Looking at all of it takes 0.1 s, during which nobody is answered. From here on the heap keeps what a batch needs for a
    moment: given back each time, it is cleared by the system each time, which takes a tenth of a batch of a hundred.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    if hasattr(_LIBC, "malloc_trim"):  # glibc has it
        _LIBC.malloc_trim(0)
        _LIBC.mallopt(_M_TRIM_THRESHOLD, _KEPT)


def _end_with(parent: Any) -> None:
    """End when the process that owns the store and the address has died, so that a restart finds both free.

    Nothing is lost: what was acknowledged is on disk, and what was not is sent again.
    """
    parent.join()
    os._exit(1)


def serve(settings: Settings, say: Callable[[str], None]) -> None:
    """Serve until told to stop. Raises SetupRefused with one line for what the operator must put right."""
    configure_logs()
    _share_one_heap()
    with _store(settings), _counted_together(settings):
        listening = _listen(settings)
        port = listening.getsockname()[1]
        url = settings.server.public_url or f"http://{_shown_host(settings.server.host)}:{port}"
        DataFolder(settings.store.data).remember_address(url)
        for line in [
            *welcome(url),
            *strangers(),
            *first_start(settings, url, say),
            *asyncio.run(shortcomings(settings)),
        ]:
            say(line)
        config = uvicorn.Config(
            "moderation.serving:application"
            if settings.server.workers > 1
            else Front(build(settings, started=_settle)),
            factory=settings.server.workers > 1,
            workers=settings.server.workers,
            loop="uvloop",
            http=HotRoute,
            ws="none",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=10,
            # a worker that says nothing for so long is ended and begun anew; on a busy machine a start takes some seconds
            timeout_worker_healthcheck=30,
            backlog=2048,
        )
        if settings.server.workers > 1:
            os.environ.update(_environment(settings))
            Workers(config, sockets=[listening]).run()
        else:
            uvicorn.Server(config).run(sockets=[listening])


class Workers(Multiprocess):
    """Several workers, which all end where one cannot start: it would not start the next time either."""

    def run(self) -> None:
        """Run until told to stop; raises SetupRefused where a worker could not start."""
        super().run()
        if any(worker.exitcode == STARTUP_FAILURE for worker in self.processes):
            raise SetupRefused("a worker could not start, so the service has ended; its last line says why")

    def keep_subprocess_alive(self) -> None:
        """Begin anew the workers that have died."""
        for worker in self.processes:
            # its end of the pipe is its own: while we hold it too, one that dies is waited for as one that is slow
            worker.child_conn.close()
        super().keep_subprocess_alive()


@contextmanager
def _counted_together(settings: Settings) -> Iterator[None]:
    """Give several workers a folder in which their metrics are added up; one alone counts for itself."""
    if settings.server.workers == 1:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="moderation-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield


def _store(settings: Settings) -> AbstractContextManager[object]:
    if settings.store.url is not None:
        return nullcontext()
    return running_for_service(DataFolder(settings.store.data), settings.store)


def _listen(settings: Settings) -> socket.socket:
    host, port = settings.server.host, settings.server.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise SetupRefused(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another with --host and --port"
        ) from None
    listening.listen(2048)
    listening.set_inheritable(True)
    return listening


def _shown_host(host: str) -> str:
    if host in ("0.0.0.0", "::"):  # noqa: S104 - it is only shown
        return "localhost"
    return f"[{host}]" if ":" in host else host


def _environment(settings: Settings) -> dict[str, str]:
    """Write the settings as the environment in which workers read them."""
    found = {}
    for section in settings.__struct_fields__:
        part = getattr(settings, section)
        for name in part.__struct_fields__:
            value = getattr(part, name)
            if value is None:
                continue
            text = ",".join(value) if isinstance(value, tuple) else str(value)
            found[f"MODERATION_{section.upper()}__{name.upper()}"] = text
    return found


async def shortcomings(settings: Settings) -> list[str]:
    """Say what the store lacks to keep a comment safe, and what to do; nothing where all is well.

    The service starts all the same: it is not ready until the store is, or until the operator accepts less.
    """
    connection = await connect(settings.store)
    try:
        found = await problems_of(connection)
    finally:
        await connection.aclose()
    if not found:
        return []
    lines = [f"  {'Accepted' if one.waived else 'Not ready'}: {one.detail}" for one in found]
    if not all(one.waived for one in found):
        lines.append("  Put it right while the service runs, or, where it is durability, --accept-weaker-durability.")
    return [*lines, ""]


def strangers() -> list[str]:
    """Name the variables that begin like a setting and are none: other programs may have them, or a letter is missing."""
    return [f"  Not known: {one}." for one in unknown_names(os.environ)]


def welcome(url: str) -> list[str]:
    """Say where things are."""
    return [
        "",
        "  Comment moderation runs.",
        f"  Demo article   {url}/demo",
        f"  Console        {url}/console",
        f"  API reference  {url}/docs",
        "",
    ]
