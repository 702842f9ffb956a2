"""Keeping and giving back: backup and restore, and what a person may ask for: an export, an erasure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from moderation.app import House, utc_now
from moderation.backup import BackupRefused, Contents, back_up, restore
from moderation.cli.frame import Listed, in_house, settings_of, store_options
from moderation.settings import Settings
from moderation.store.folder import DataFolder, FolderServed


@contextmanager
def _bar(words: str) -> Iterator[Callable[[int, int], None]]:
    """Show how far it is, on a terminal; elsewhere nothing."""
    columns = (TextColumn(words), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True) as progress:
        task = progress.add_task(words)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@store_options
def backup(file: Path, data: Path | None, redis: str | None) -> None:
    """Write a backup of everything (comments, keys, people, models, the pepper) to FILE. The service may run meanwhile.

    The file holds secrets: keep it as closed as the data folder.
    """
    settings = settings_of(data, redis)

    async def work(rooms: House) -> Contents:
        with _bar("Backing up") as say:
            return await back_up(rooms.connection, settings, file, utc_now(), say)

    contents = in_house(settings, work)
    click.echo(f"{file}: {len(contents.parts)} files, {sum(part.size for part in contents.parts):,} bytes.")
    click.echo(f"Store as of {contents.taken_at}; SHA-256 of its snapshot {contents.parts[0].sha256}")


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@store_options
def restore_backup(file: Path, data: Path | None, redis: str | None) -> None:
    """Restore FILE into a data folder that has no store yet, and look whether all of it is there."""
    settings = settings_of(data, redis)
    if settings.store.url:
        raise BackupRefused("a backup is restored into the embedded store; leave --redis away")
    folder = DataFolder(settings.store.data)
    with folder.owned(wait=0.0) as owner:
        if not owner:
            raise FolderServed(f"a service runs on {folder.path}; a backup is restored into an empty folder")
        with _bar("Restoring") as say:
            contents = restore(settings, file, say)
    comments, wrong = in_house(settings, lambda rooms: _look(rooms, settings))
    for line in wrong:
        click.echo(f"  wrong: {line}", err=True)
    click.echo(f"{settings.store.data}: {comments:,} comments, as of {contents.taken_at}; every digest fits.")
    if wrong:
        raise BackupRefused("restored, but not all is well; `moderation doctor` says what")


async def _look(rooms: House, settings: Settings) -> tuple[int, list[str]]:
    """Count the comments and check every ledger."""
    count, wrong = 0, []
    for site in await rooms.sites.sites():
        count += await rooms.comments.count(site.id)
        if broken := await rooms.ledger.broken_at(site.id):
            wrong.append(f"the ledger of {site.id} does not fit at entry {broken}")
    return count, wrong


@click.group(cls=Listed)
def privacy() -> None:
    """What a person may ask for: everything that is kept of an e-mail address, and its erasure."""


@privacy.command("export")
@click.option("--email", required=True, help="Whose data it is about.")
@store_options
def export_person(email: str, data: Path | None, redis: str | None) -> None:
    """Print everything that is kept of a person, as JSON."""
    found = in_house(settings_of(data, redis), lambda rooms: rooms.privacy.export(email))
    click.echo(json.dumps(msgspec.to_builtins(found), indent=2, ensure_ascii=False))


@privacy.command("erase")
@click.option("--email", required=True, help="Whose data is erased.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@store_options
def erase_person(email: str, yes: bool, data: Path | None, redis: str | None) -> None:
    """Erase a person for good: comments, labels, counts, marks. It cannot be taken back."""
    if not yes:
        click.confirm("Erase everything that this person has written, on every site?", abort=True)
    done = in_house(settings_of(data, redis), lambda rooms: rooms.privacy.erase(email, "cli"))
    click.echo(f"{done.comments} comments and {len(done.labels)} labels erased.")
    click.echo(
        "The store has written its files anew: nothing of it is left in them."
        if done.files_rewritten
        else "The store may not write its files anew by itself: run BGREWRITEAOF on every server of it."
    )
    click.echo("Backups from before still hold it: let them go within thirty days.")
