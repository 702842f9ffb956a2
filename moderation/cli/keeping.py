"""Keeping and giving back: backup and restore, and what a person may ask for: an export, an erasure."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from moderation.cli.frame import Listed, bar, in_house, settings_of, store_options
from moderation.settings import Settings

if TYPE_CHECKING:
    from moderation.app import House
    from moderation.backup import Contents


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--snapshot",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="RDB",
    help="The snapshot of a store of your own, as `redis-cli --rdb RDB` makes it.",
)
@store_options
def backup(file: Path, snapshot: Path | None, data: Path | None, redis: str | None) -> None:
    """Write a backup of everything (comments, keys, people, models, the pepper) to FILE. The service may run meanwhile.

    The file holds secrets: keep it as closed as the data folder.
    """
    from moderation.backup import back_up

    settings = settings_of(data, redis)

    async def work(rooms: House) -> tuple[int, Contents]:
        comments = await _count(rooms)
        with bar("Backing up", bytes_=True) as say:
            return comments, await back_up(rooms.connection, settings, file, datetime.now(UTC), say, snapshot)

    comments, contents = in_house(settings, work)
    size = sum(part.size for part in contents.parts)
    click.echo(f"{file}: {comments:,} comments, {len(contents.parts)} files, {size:,} bytes.")
    click.echo(f"Store as of {contents.taken_at}; SHA-256 of its snapshot {contents.parts[0].sha256}")


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@store_options
def restore_backup(file: Path, data: Path | None, redis: str | None) -> None:
    """Restore FILE into a data folder that has no store yet, and look whether all of it is there."""
    from moderation.backup import BackupRefused, restore
    from moderation.store.folder import DataFolder, FolderServed

    settings = settings_of(data, redis, begins=True)
    if settings.store.url:
        raise BackupRefused(
            "a backup is restored into a folder: leave --redis and MODERATION_STORE__URL away; deploy/backup.md says how its "
            "store comes into a server of your own"
        )
    folder = DataFolder(settings.store.data)
    with folder.owned(wait=0.0) as owner:
        if not owner:
            raise FolderServed(f"a service runs on {folder.path}; a backup is restored into an empty folder")
        with bar("Restoring", bytes_=True) as say:
            contents = restore(settings, file, say)
    comments, wrong = in_house(settings, lambda rooms: _look(rooms, settings))
    for line in wrong:
        click.echo(f"  wrong: {line}", err=True)
    click.echo(f"{settings.store.data}: {comments:,} comments, as of {contents.taken_at}; every digest fits.")
    if wrong:
        raise BackupRefused("restored, but not all is well; `moderation doctor` says what")


async def _look(rooms: House, settings: Settings) -> tuple[int, list[str]]:
    """Count the comments and check every ledger."""
    wrong = []
    for site in await rooms.sites.sites():
        if broken := await rooms.ledger.broken_at(site.id):
            wrong.append(f"the ledger of {site.id} does not fit at entry {broken}")
    return await _count(rooms), wrong


async def _count(rooms: House) -> int:
    return sum([await rooms.comments.count(site.id) for site in await rooms.sites.sites()])


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
    settings = settings_of(data, redis)
    if not yes:
        click.confirm("Erase everything that this person has written, on every site?", abort=True)
    done = in_house(settings, lambda rooms: rooms.privacy.erase(email, "cli"))
    click.echo(f"{done.comments} comments and {len(done.labels)} labels erased.")
    click.echo(
        "The store has written its files anew: nothing of it is left in them."
        if done.files_rewritten
        else "The store has not written its files anew and they may still hold it: look at its disk and erase once more, or, on "
        "a store of your own, run BGREWRITEAOF on every server of it."
    )
    click.echo("Backups from before still hold it: let them go within thirty days.")
