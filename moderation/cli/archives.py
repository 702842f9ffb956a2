"""The command that takes an archive over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from moderation.archives import FORMATS, format_of, read
from moderation.cli.frame import in_house, settings_of, store_options

if TYPE_CHECKING:
    from moderation.app import House
    from moderation.importing import Tally

PATIENCE_MS = 600_000


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--site", "site_id", required=True, help="The site that takes the comments over.")
@click.option("--format", "kind", type=click.Choice(FORMATS), help="Seen from the file without it.")
@click.option(
    "--report", type=click.Path(path_type=Path, dir_okay=False), help="Write what the model thinks as a page."
)
@click.option("--dry-run", is_flag=True, help="Write nothing but the report.")
@store_options
def import_archive(
    file: Path, site_id: str, kind: str | None, report: Path | None, dry_run: bool, data: Path | None, redis: str | None
) -> None:
    """Take over past comments with their decisions: WordPress (WXR), Disqus XML, or JSONL.

    Start it again after it was broken off: what is there already is not taken twice.
    """
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from moderation.importing import Importer, page

    chosen = kind or format_of(file)
    size = file.stat().st_size

    async def work(rooms: House) -> tuple[Tally, str]:
        site = await rooms.sites.site(site_id)
        importer = Importer(rooms.comments, rooms.labels, rooms.intake, rooms.digests, rooms.ledger, rooms.now)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, transient=True) as progress:
            task = progress.add_task(f"Reading {file.name}", total=size)
            past = read(file, chosen, lambda more: progress.advance(task, more))
            tally = await importer.take_over(site, past, dry_run=dry_run)
        return tally, page(site, tally, ", ".join(rooms.models.versions) or "none")

    # nobody waits for one answer here: a busy machine makes it late, and never another one
    settings = settings_of(data, redis)
    scoring = msgspec.structs.replace(settings.scoring, timeout_ms=PATIENCE_MS)
    tally, written = in_house(msgspec.structs.replace(settings, scoring=scoring), work)
    skipped = ", ".join(f"{count} {why}" for why, count in sorted(tally.skipped.items())) or "none"
    click.echo(f"{tally.read} read, {tally.taken} taken over, {tally.known} known already, left out: {skipped}.")
    stopped = tally.approved["hold"] + tally.approved["reject"]
    click.echo(
        f"Of {sum(tally.approved.values())} that people approved the model would have stopped {stopped}; "
        f"of {sum(tally.rejected.values())} that people rejected it would have let {tally.rejected['approve']} pass."
    )
    if tally.unscored:
        click.echo(f"{tally.unscored} were not compared: no model could score them.")
    if report is not None:
        report.write_text(written, encoding="utf-8")
        click.echo(f"The disagreements are in {report}.")
