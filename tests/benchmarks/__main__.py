"""Measure the speed of the product on this machine, print it as a table and leave it in `bench.json`.

Each benchmark is a module beside this one with `measure() -> list[Figure]`. The figures are of the machine at hand:
read the ratios, not the microseconds.
"""

import json
import os
import platform
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks import compat, growth, intake, overload, scoring, store

BENCHMARKS = (store, intake, growth, overload, scoring, compat)


def main() -> None:
    """Run every benchmark."""
    figures = [figure for benchmark in BENCHMARKS for figure in benchmark.measure()]
    table = Table(title="Speed")
    for heading in ("benchmark", "value", "unit", "what it is"):
        table.add_column(heading, justify="right" if heading == "value" else "left")
    for figure in figures:
        table.add_row(figure.name, f"{figure.value:,.1f}", figure.unit, figure.note)
    Console().print(table)
    record = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        "figures": [figure._asdict() for figure in figures],
    }
    Path("bench.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
