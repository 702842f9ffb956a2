"""Commands for the people who sign in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from moderation.cli.frame import ROLES, Listed, address_of, in_house, print_json, settings_of, store_options

if TYPE_CHECKING:
    from moderation.app import House
    from moderation.records import Moderator


@click.group(cls=Listed)
def moderator() -> None:
    """The people who sign in to the console."""


@moderator.command("add")
@click.argument("email")
@click.option("--name", default="", help="The name that decisions carry.")
@click.option("--role", type=click.Choice(["moderator", "ml", "admin"]), default="moderator", show_default=True)
@click.option("--site", "sites", multiple=True, help="A site this person works for; repeat it. All without it.")
@store_options
def add_moderator(
    email: str, name: str, role: str, sites: tuple[str, ...], data: Path | None, redis: str | None
) -> None:
    """Add a person, and print the one-time link by which the password is set."""
    settings = settings_of(data, redis, begins=True)

    async def work(rooms: House) -> str:
        for one in sites:
            await rooms.sites.site(one)
        _, token = await rooms.access.invite(email, name, ROLES[role], sites)
        return token

    token = in_house(settings, work)
    base = address_of(settings)
    click.echo(f"{email} added. One-time link, good for three days:\n{base}/console#invitation={token}")


@moderator.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@store_options
def list_moderators(as_json: bool, data: Path | None, redis: str | None) -> None:
    """List the people."""
    found = in_house(settings_of(data, redis), lambda rooms: rooms.people.all())
    if as_json:
        fields = ("id", "email", "name", "role", "sites", "disabled", "created_at")
        print_json([{field: getattr(one, field) for field in fields} for one in found])
        return
    for one in found:
        state = "disabled" if one.disabled else ("" if one.password else "invited")
        click.echo(
            f"{one.id}  {one.role.value:<9} {one.email:<32} {','.join(one.sites) or 'all sites':<20} {state}".rstrip()
        )


@moderator.command("disable")
@click.argument("who", metavar="ID_OR_EMAIL")
@store_options
def disable_moderator(who: str, data: Path | None, redis: str | None) -> None:
    """Disable a person; every session ends at once."""
    one = in_house(settings_of(data, redis), lambda rooms: rooms.access.disable(who, by="cli"))
    click.echo(f"{one.email} can no longer sign in.")


@moderator.command("enable")
@click.argument("who", metavar="ID_OR_EMAIL")
@store_options
def enable_moderator(who: str, data: Path | None, redis: str | None) -> None:
    """Let a disabled person sign in again."""

    async def work(rooms: House) -> Moderator:
        return await rooms.access.change(await rooms.access.known_as(who), by="cli", disabled=False)

    click.echo(f"{in_house(settings_of(data, redis), work).email} can sign in again.")


@moderator.command("reinvite")
@click.argument("who", metavar="ID_OR_EMAIL")
@store_options
def reinvite_moderator(who: str, data: Path | None, redis: str | None) -> None:
    """Print a new one-time link (forgotten password, lost device); sessions and second factor end."""
    settings = settings_of(data, redis)

    async def work(rooms: House) -> str:
        return await rooms.access.reinvite(await rooms.access.known_as(who), by="cli")

    token = in_house(settings, work)
    base = address_of(settings)
    click.echo(f"One-time link, good for three days:\n{base}/console#invitation={token}")
