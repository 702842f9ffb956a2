"""What the commands share: options, tables, bars on stderr, and the folder a version is built in."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from classifiers.dataset import Dataset, read
from classifiers.errors import DatasetInvalid, UnknownVersion, VersionExists
from classifiers.evaluation import Estimate, Score, score_with
from classifiers.evidence import to_judge
from classifiers.manifest import Manifest, check_name, verify
from classifiers.registry import Registry
from classifiers.scorer import Scorer

FILES = click.Path(path_type=Path)
UNBROKEN = 1000
"""Columns of a table that goes into a file or another program: a row is a line there."""

pass_registry = click.make_pass_decorator(Registry)
data_option = click.option("--data", type=FILES, multiple=True, help="A Parquet or JSONL file, or a folder of them.")
labels_option = click.option("--data", "--labels", type=FILES, multiple=True, required=True, help="Labelled rows.")
version_option = click.option("--version", "name", default="", help="What to call the new version.")
out_option = click.option("--out", type=FILES, help="Write the version into this new folder instead of the registry.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print the whole record as JSON.")


def folder_of(registry: Registry, version: str | None) -> Path:
    """Find a version by name, or as a folder where a path is given; the champion where nothing is."""
    if not version:
        return champion_of(registry)
    try:
        return registry.path(version)
    except UnknownVersion:
        if os.sep in version and Path(version).is_dir():
            return Path(version)
        raise


def champion_of(registry: Registry) -> Path:
    """Find the active version, or the bundled one where that is gone, and say so on stderr."""
    active, champion = registry.active(), registry.champion()
    if champion != active:
        click.echo(f"not here: {active}, the active version; {champion} of the package takes its place", err=True)
    return registry.path(champion)


def check_free(registry: Registry, name: str, out: Path | None = None) -> None:
    """Refuse a name that cannot be had, or a folder `out` that is there, before minutes of work are spent on it."""
    check_name(name)
    if out is not None:
        if out.exists():
            raise DatasetInvalid(f"{out} is there already; name a new folder")
    elif name:
        with contextlib.suppress(UnknownVersion):
            registry.path(name)
            raise VersionExists(name)


@contextlib.contextmanager
def building(
    registry: Registry, out: Path | None, story: Callable[[Manifest], Iterable[str]] = lambda _made: ()
) -> Iterator[Path]:
    """Give an empty folder to build a version in; it becomes a version, or the folder `out`, only when all went well.

    Its story is told when it is in place, so that a reader who leaves after the first line (`| head -1`) takes nothing away.
    """
    if out is None:
        with registry.staging() as folder:
            yield folder
            manifest = registry.add(folder)
        _tell(*story(manifest), f"{manifest.version} is in the registry")
        return
    check_free(registry, "", out)
    with tempfile.TemporaryDirectory(prefix=".staging-", dir=out.parent) as beside:
        folder = Path(beside) / "version"
        folder.mkdir()
        yield folder
        manifest = verify(folder)
        folder.rename(out)
    _tell(*story(manifest), f"wrote {out}")


def _tell(*lines: str) -> None:
    for line in lines:
        click.echo(line)


@contextlib.contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar on stderr where a person looks at it; elsewhere nothing."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda what, done, of: bar.update(task, description=what, completed=done, total=of)


@contextlib.contextmanager
def scoring(scorer: Scorer, what: str = "scoring") -> Iterator[Score]:
    with progress() as tell:
        yield score_with(scorer, lambda done, of: tell(f"{what} with {scorer.version}", done, of))


def evidence_of(data: tuple[Path, ...], *folders: Path) -> Dataset:
    """Read the labels that these versions may be judged by, and say on stderr how many others there were."""
    found = to_judge(read(data), *folders)
    if not len(found.rows):
        raise DatasetInvalid(f"no label is left to judge by; {found.words}")
    if found.left_out:
        click.echo(found.words, err=True)
    return found.rows


def bounds(found: Estimate | None) -> str:
    return "-" if found is None else f"{found.value:.3f} ({found.low:.3f}-{found.high:.3f})"


def print_table(title: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    table = Table(title=title or None, box=None, pad_edge=False, title_justify="left")
    for name in head:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else UNBROKEN).print(table, markup=False)


def print_json(record: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(record), indent=2).decode())
