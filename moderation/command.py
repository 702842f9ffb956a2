"""The `classifiers` command in a process of its own: at low priority, with one thread, and none of the service's secrets."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path
from typing import NamedTuple

from moderation.errors import ModelRefused

LONGEST_SECONDS = 1800.0
NICE = 10
MAX_SAID_BYTES = 8 * 2**20
LEAVE_SECONDS = 5.0


class Said(NamedTuple):
    """How the command ended, and what it printed."""

    code: int
    out: str
    error: str


async def run(registry: Path, *arguments: str, seconds: float = LONGEST_SECONDS) -> Said:
    """Run the command on a registry to its end. It is ended with us, and after `seconds`; raises ModelRefused then."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "classifiers", "--registry", str(registry), *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=_environment(), start_new_session=True,
    )  # fmt: skip
    try:
        os.setpriority(os.PRIO_PROCESS, process.pid, NICE)
        out, error = await asyncio.wait_for(process.communicate(), seconds)
    except TimeoutError:
        raise ModelRefused(f"`classifiers {arguments[0]}` took longer than {seconds:.0f} s and was ended") from None
    finally:
        await _end(process)
    if len(out) > MAX_SAID_BYTES:
        raise ModelRefused(f"`classifiers {arguments[0]}` said more than {MAX_SAID_BYTES} bytes")
    return Said(process.returncode or 0, out.decode(errors="replace"), error.decode(errors="replace"))


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ask it to leave, so that it clears what it had begun to build; then make it."""
    for leave in (process.terminate, process.kill):
        if process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            leave()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), LEAVE_SECONDS)


def refuse_unless_done(said: Said) -> None:
    """Raise ModelRefused with the command's own line where it did not do what it was asked."""
    if said.code != 0:
        raise ModelRefused(last_line(said.error))


def last_line(said: str) -> str:
    """Give the one line by which the command says what is wrong."""
    lines = [line for line in said.splitlines() if line.strip()]
    return (lines[-1].removeprefix("classifiers: ") if lines else "the command failed without a word")[:2000]


def first_lines(source: Path, target: Path, count: int) -> int:
    """Copy the first lines of a file; gives how many there were."""
    written = 0
    with source.open("rb") as rows, target.open("wb") as kept:
        for line in rows:
            if written == count:
                break
            kept.write(line)
            written += 1
    return written


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MODERATION_", "PROMETHEUS_"))}
    # the command must be found from any folder the service was started in
    places = [str(Path(__file__).parents[1]), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    path = os.pathsep.join(dict.fromkeys(places))
    return kept | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": path}
