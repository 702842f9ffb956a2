"""Load: servers pinned to a core, and wrk on the other one; bounded in time, on loopback only."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from classifiers.dataset import load_seeds

HERE = Path(__file__).parent
SECONDS = int(os.environ.get("BENCH_SECONDS", "8"))


class Run(NamedTuple):
    """What one run of wrk saw."""

    rate: float
    """Answers with a 2xx status, a second."""
    p50: float
    """Milliseconds."""
    p99: float
    failed: int
    """Answers with another status, and connections that broke."""


def cores() -> tuple[str, str]:
    """Give the core of the service, and that of the store and the client; the same one where there is but one."""
    able = sorted(os.sched_getaffinity(0))
    return str(able[0]), str(able[-1])


def pinned(core: str, *command: str) -> list[str]:
    """Write a command so that it runs on one core."""
    return ["taskset", "-c", core, *command] if shutil.which("taskset") else list(command)


def pin(pid: int, core: str) -> None:
    """Move a running process with all its threads to one core."""
    if shutil.which("taskset"):
        subprocess.run(["taskset", "-a", "-p", "-c", core, str(pid)], check=False, capture_output=True)


@contextmanager
def vocabulary() -> Iterator[Path]:
    """Give a file of what comments are made of: sentences of the English seeds, JSON-safe, behind `+` if plain, else `-`."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "sentences"
        seeds = load_seeds("train")
        lines = []
        for text, lang, values in zip(seeds.text, seeds.lang, seeds.values, strict=True):
            if lang == "en":
                mark = "-" if np.nanmax(np.nan_to_num(values)) >= 0.5 else "+"
                sentences = re.split(r"(?<=[.!?])\s+", re.sub(r"[^A-Za-z0-9',.!?:/ -]", "", text))
                lines += [mark + one for one in sentences if one]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        yield path


def wrk(
    url: str, words: Path, *, connections: int, seconds: float = SECONDS, key: str = "", seed: int = 1,
    target: str = "/v1/comments", per_request: int = 1, shape: str = "comment",
) -> Run:  # fmt: skip
    """Send comments for some seconds over so many connections."""
    _, core = cores()
    environ = os.environ | {
        "WORDS": str(words), "KEY": key, "SEED": str(seed), "TARGET": target, "PER_REQUEST": str(per_request), "SHAPE": shape,
    }  # fmt: skip
    command = pinned(
        core, "wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "10s",
        "-s", str(HERE / "comments.lua"), url,
    )  # fmt: skip
    said = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=seconds + 60, check=True).stdout
    found = dict(re.findall(r"(\w+)=([\d.]+)", next(line for line in said.splitlines() if line.startswith("RESULT"))))
    good = int(found["requests"]) - int(found["non2xx"])
    return Run(
        good * per_request / float(found["seconds"]),
        float(found["p50"]),
        float(found["p99"]),
        int(found["non2xx"]) + int(found["errors"]),
    )


def python(*arguments: str) -> list[str]:
    """Write a command of this Python, on the service's core."""
    return pinned(cores()[0], sys.executable, *arguments)
