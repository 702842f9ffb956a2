"""Commands for labels: export them to train from, take a lesson back."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
import msgspec

from classifiers.errors import LibraryMissing
from moderation.cli.frame import Listed, bar, in_house, settings_of, store_options
from moderation.errors import SetupRefused, UnknownLabel

if TYPE_CHECKING:
    from moderation.app import House


@click.group(cls=Listed)
def labels() -> None:
    """The lessons that decisions leave."""


@labels.command("export")
@click.option("--site", "site_id", default="", help="Of this site; of all without it.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="FILE",
    help="A .jsonl or .parquet.",
)
@store_options
def export_labels(site_id: str, out: Path, data: Path | None, redis: str | None) -> None:
    """Write labels as rows to train from: texts and truths, no names and no addresses. `classifiers` reads the file."""
    if out.suffix not in (".jsonl", ".parquet"):
        raise click.UsageError("--out names a .jsonl or a .parquet file")

    async def work(rooms: House) -> int:
        sites = [await rooms.sites.site(site_id)] if site_id else await rooms.sites.sites()
        count, total = 0, sum([await rooms.labels.count(one.id) for one in sites])
        with _replacing(out) as file, _writer(file, out.suffix) as write, bar("Exporting") as say:
            async for row in rooms.learning.rows(sites):
                write(row)
                count += 1
                say(count, total)
        return count

    count = in_house(settings_of(data, redis), work)
    click.echo(f"{count} labels written to {out}")


@labels.command("unlearn")
@click.argument("label_id", metavar="ID")
@click.option("--site", "site_id", default="", help="The site it belongs to; looked for without it.")
@store_options
def unlearn(label_id: str, site_id: str, data: Path | None, redis: str | None) -> None:
    """Take a lesson back: nothing learns from it any more, and the versions that had are marked."""

    async def work(rooms: House) -> tuple[list[str], str]:
        for one in [await rooms.sites.site(site_id)] if site_id else await rooms.sites.sites():
            with contextlib.suppress(UnknownLabel):
                knowing = await rooms.learning.unlearn(one, label_id, "cli")
                return knowing, (await rooms.learning.footing())[0]
        raise UnknownLabel(label_id)

    knowing, base = in_house(settings_of(data, redis), work)
    click.echo(f"Label {label_id} is taken back.")
    for version in knowing:
        click.echo(f"Version {version} had learned from it, and what is adapted from it holds it too.")
    if knowing:
        click.echo(f"To be rid of it, adapt a version that has not (`classifiers adapt --base {base}`), or train anew.")


@contextlib.contextmanager
def _replacing(out: Path) -> Iterator[IO[bytes]]:
    """Write a file beside the wanted one, for the owner's eyes only, and put it in place when all is written."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.parent)
    except OSError as error:
        raise SetupRefused(f"{out}: {error.strerror}") from None
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        os.replace(name, out)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise


@contextlib.contextmanager
def _writer(file: IO[bytes], suffix: str) -> Iterator[Any]:
    if suffix == ".jsonl":
        yield lambda row: file.write(msgspec.json.encode(row) + b"\n")
        return
    from moderation.learning import COLUMNS, NUMBERS
    from moderation.tables import ParquetRows

    try:
        parquet = ParquetRows(COLUMNS, NUMBERS)
    except LibraryMissing as error:
        raise SetupRefused(f"{error}, or write a .jsonl") from None
    yield lambda row: file.write(parquet.add([row]))
    file.write(parquet.end())
