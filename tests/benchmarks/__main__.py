"""Measure the speed of the product on this machine: a table, `bench.json` and a plot, `bench.svg`.

Each benchmark is a module beside this one with `measure() -> list[Figure]`. The figures are of the machine at hand:
read the ratios, not the microseconds. A benchmark that fails is told, and takes no other with it.
"""

import json
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks import compat, growth, intake, overload, peers, plot, scoring, store
from tests.benchmarks.figure import Figure

BENCHMARKS: dict[str, Callable[[], list[Figure]]] = {
    "intake": intake.measure,
    "overload": overload.measure,
    "scoring": scoring.measure,
    "store": store.measure,
    "compat": compat.measure,
    "peers": peers.measure,
    "growth": growth.measure,
}
"""In this order; the last one stops growing when the time is up."""


def main(chosen: list[str]) -> int:
    """Run the benchmarks that are named, or all of them; gives 1 where one failed, 2 where a name is none."""
    unknown = [name for name in chosen if name not in BENCHMARKS]
    if unknown:
        print(f"{unknown[0]} is no benchmark; there are: {' '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    console, figures, failed = Console(), [], []
    began = time.monotonic()
    growth.until = began + 60 * float(os.environ.get("BENCH_MINUTES", "11"))
    for name in chosen or BENCHMARKS:
        print(f"{name} ...", flush=True)
        since = time.monotonic()
        try:
            found = BENCHMARKS[name]()
        except Exception:
            traceback.print_exc()
            failed.append(name)
            continue
        figures += found
        console.print(_table(f"{name}, {time.monotonic() - since:.0f} s", found))
    figures += _beside(figures)
    record = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": {
            "cores": os.cpu_count(),
            "load": os.getloadavg(),
            "python": platform.python_version(),
            "system": platform.platform(),
        },
        "failed": failed,
        "figures": [figure._asdict() for figure in figures],
    }
    Path("bench.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    plot.draw(figures, Path("bench.svg"))
    console.print(_table(f"All, {time.monotonic() - began:.0f} s", figures))
    print("bench.json and bench.svg are written", *(f"; {name} FAILED" for name in failed), sep="")
    return 1 if failed else 0


def _beside(figures: list[Figure]) -> list[Figure]:
    """Set the service beside each peer of the same run."""
    ours = next((one.value for one in figures if one.name == "intake.64"), 0.0)
    return [
        Figure(f"ours.of.{one.name.removeprefix('peer.')}", ours / one.value, "", "times as many comments a second")
        for one in figures
        if ours and one.name.startswith("peer.")
    ]


def _table(title: str, figures: list[Figure]) -> Table:
    table = Table(title=title)
    for heading in ("benchmark", "value", "unit", "what it is"):
        table.add_column(heading, justify="right" if heading == "value" else "left")
    for figure in figures:
        table.add_row(figure.name, f"{figure.value:,.{1 if figure.value >= 10 else 2}f}", figure.unit, figure.note)
    return table


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
