"""The command that looks whether all is well."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from moderation.cli.frame import in_house, settings_of, store_options
from moderation.settings import shown, unknown_names

if TYPE_CHECKING:
    from moderation.app import House


@click.command()
@store_options
def doctor(data: Path | None, redis: str | None) -> None:
    """Look whether everything is as it should be: settings, store, ledgers, models. Exit code 1 where it is not."""
    from moderation.store.fitness import problems_of

    settings = settings_of(data, redis)
    for name, value in shown(settings).items():
        click.echo(f"  {name:<34} {value}")
    for line in unknown_names(os.environ):
        click.echo(f"  not known: {line}", err=True)

    async def work(rooms: House) -> list[str]:
        wrong = [one.detail for one in await problems_of(rooms.connection)]
        if wrong and "unreachable" in {one.code for one in await problems_of(rooms.connection)}:
            return wrong
        if not rooms.models.versions:
            wrong.append("no model could be loaded")
        for one in ["", *[found.id for found in await rooms.sites.sites()]]:
            broken = await rooms.ledger.broken_at(one)
            if not broken and (found := await rooms.files.broken_at(one)):
                wrong.append(f"the archived ledger of {one or 'the staff'} was changed at {found}")
            if broken:
                wrong.append(f"the ledger of {one or 'the staff'} was changed at entry {broken}")
        click.echo(f"  model                              {', '.join(rooms.models.versions) or 'none'}")
        return wrong

    wrong = in_house(settings, work)
    for line in wrong:
        click.echo(f"  wrong: {line}", err=True)
    click.echo("All is well." if not wrong else f"{len(wrong)} thing(s) to put right.")
    if wrong:
        sys.exit(1)
