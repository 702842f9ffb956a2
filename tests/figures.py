"""The figures: runs the long forms, bounded to three hours, and prints one table of what they counted.

A test tells its figure with `tell`; `python -m tests.figures` gathers them: test, n, bar, value, date, commit, machine,
and what was left out. Without the runner a figure goes nowhere, and the test fails or passes by its own asserts.
"""

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]
PLACES = {
    "tests/faults": "",
    "tests/security": "",
    "tests/privacy": "",
    "tests/moderation/test_webhooks.py": "",
    "tests/moderation": "long",
    "tests/journeys": "long",
    "tests/browser": "long",
    "tests/classifiers": "long",
}
"""What is run, in this order: what matters most comes first, should the time run out. Of the first places all tests, since
there the short ones and the mutations tell figures as well; of the others the long forms."""
HOURS = 3.0


def tell(test: str, n: int, bar: str, value: object) -> None:
    """Tell a figure to the runner, if one listens: what was tried how often, what was asked for, what was seen.

    The name of the test that tells it is written beside it: a mutation tells the same figures as what it breaks.
    """
    target = os.environ.get("FIGURES")
    if target:
        by = os.environ.get("PYTEST_CURRENT_TEST", "").partition("::")[2].partition(" (")[0]
        with open(target, "a", encoding="utf-8") as file:
            file.write(json.dumps({"test": test, "n": n, "bar": bar, "value": str(value), "by": by}) + "\n")


def main() -> int:
    """Run the long forms of every place, print the table, and say what was not run.

    How long each place and its slowest tests took is said on the way, on standard error.
    """
    ends = time.monotonic() + HOURS * 3600
    left_out: list[str] = []
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "figures.jsonl"
        target.touch()
        for place, marked in PLACES.items():
            began = time.monotonic()
            if not (REPOSITORY / place).exists():
                continue
            if ends - began < 60:
                left_out.append(f"{place}: the time was up")
                continue
            code, words = _run(place, marked, target, ends - began)
            left_out += words
            failed |= code not in (0, 5)
            print(f"{place}: {(time.monotonic() - began) / 60:.1f} minutes", file=sys.stderr, flush=True)
        print(_table([json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]))
    for line in left_out:
        print(f"left out: {line}")
    return int(failed)


def _run(place: str, marked: str, target: Path, seconds: float) -> tuple[int, list[str]]:
    command = [sys.executable, "-m", "pytest", "-m", marked, "--timeout=5400", "-rfEs", "--durations=10", place]
    try:
        done = subprocess.run(
            command,
            cwd=REPOSITORY,
            env=os.environ | {"FIGURES": str(target), "PYTHONPATH": str(REPOSITORY)},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 0, [f"{place}: not at its end when the time was up"]
    said = done.stdout.splitlines()
    words = [line for line in said if line.startswith("SKIPPED")]
    print("\n".join(line for line in said if re.match(r"\d+\.\d+s call", line)), file=sys.stderr, flush=True)
    if done.returncode not in (0, 5):
        print(done.stdout[-6000:])
    return done.returncode, words


def _table(rows: list[dict[str, Any]]) -> str:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    ).stdout.strip()
    date = time.strftime("%Y-%m-%d", time.gmtime())
    machine = f"{os.cpu_count()} x {platform.machine()}, {platform.system()} {platform.release().partition('-')[0]}"
    head = ("test", "n", "bar", "value", "told by")
    body = [(row["test"], f"{row['n']:,}", row["bar"], row["value"], row["by"]) for row in rows]
    widths = [max(len(str(line[column])) for line in [head, *body]) for column in range(len(head))]
    lines = ["  ".join(str(cell).ljust(width) for cell, width in zip(line, widths, strict=True)) for line in body]
    title = "  ".join(name.ljust(width) for name, width in zip(head, widths, strict=True))
    return "\n".join([f"date {date}, commit {commit or 'unknown'}, machine {machine}", title, "-" * len(title), *lines])


if __name__ == "__main__":
    sys.exit(main())
