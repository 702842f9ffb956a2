"""Commands for sites."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from moderation.cli.frame import Listed, in_house, now, print_json, settings_of, store_options
from moderation.records import Site

if TYPE_CHECKING:
    from moderation.app import House


@click.group(cls=Listed)
def site() -> None:
    """The websites whose comments are moderated."""


@site.command("add")
@click.argument("site_id", metavar="ID")
@click.option("--name", default="", help="The site's name, for people.")
@click.option("--url", default="", help="Its address.")
@click.option("--lang", default="en", show_default=True, help="The language most comments are written in.")
@click.option("--origin", "origins", multiple=True, help="A browser origin that may post with a form key; repeat it.")
@click.option("--profile", type=click.Choice(["watch", "balanced", "strict"]), default="balanced", show_default=True)
@store_options
def add_site(
    site_id: str,
    name: str,
    url: str,
    lang: str,
    origins: tuple[str, ...],
    profile: str,
    data: Path | None,
    redis: str | None,
) -> None:
    """Add a site."""

    async def work(rooms: House) -> None:
        fresh = Site(id=site_id, name=name, url=url, lang=lang, origins=origins, created_at=now())
        policy = msgspec.structs.replace(fresh.policy, profile=profile)
        await rooms.sites.add(msgspec.structs.replace(fresh, policy=policy))
        await rooms.ledger.append(site_id, "site.added", "cli")

    in_house(settings_of(data, redis, begins=True), work)
    click.echo(f"Site '{site_id}' added. Next: moderation key create --role site --site {site_id}")


@site.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@store_options
def list_sites(as_json: bool, data: Path | None, redis: str | None) -> None:
    """List the sites."""
    found = in_house(settings_of(data, redis), lambda rooms: rooms.sites.sites())
    if as_json:
        print_json([_without_secrets(one) for one in found])
        return
    wide = max((len(one.name) for one in found), default=0)
    for one in found:
        click.echo(f"{one.id:<20} {one.policy.profile:<9} {one.name:<{wide}}  {one.url}".rstrip())


@site.command("show")
@click.argument("site_id", metavar="ID")
@store_options
def show_site(site_id: str, data: Path | None, redis: str | None) -> None:
    """Show a site with its policy, as JSON."""
    print_json(_without_secrets(in_house(settings_of(data, redis), lambda rooms: rooms.sites.site(site_id))))


@site.command("delete")
@click.argument("site_id", metavar="ID")
@click.option("--confirm", default="", metavar="ID", help="The id once more, instead of being asked for it.")
@store_options
def delete_site(site_id: str, confirm: str, data: Path | None, redis: str | None) -> None:
    """Delete a site for good, with its comments, labels, keys and webhooks. Its ledger stays as files.

    The service may run meanwhile. It cannot be taken back: make a backup first.
    """
    import asyncio

    from moderation.store.snapshot import SnapshotFailed

    settings = settings_of(data, redis)
    held = in_house(settings, lambda rooms: rooms.departures.held(site_id))
    click.echo(f"{held.comments:,} comments ({held.waiting:,} waiting) and {held.labels:,} labels go with '{site_id}'.")
    typed = confirm or click.prompt("Type the site's id to delete it")

    async def work(rooms: House) -> None:
        await rooms.departures.delete(site_id, typed, "cli")
        while site_id in {one.site for one in await rooms.departures.open()}:
            await asyncio.sleep(1)
            try:
                await rooms.departures.finish()
            except SnapshotFailed as error:
                words = f"'{site_id}' is deleted, but still in the store's files: {error}; the service tries again until it can"
                raise SnapshotFailed(words) from None

    in_house(settings, work)
    click.echo(f"Site '{site_id}' is gone. Its ledger lies in {settings.store.data / 'ledger'}, under its name.")


@site.command("coral")
@click.argument("site_id", metavar="ID")
@click.option("--secret", default="", help="A signing secret that Coral shows for its phase; older ones stay good.")
@click.option("--forget", is_flag=True, help="Forget all signing secrets first.")
@store_options
def coral_secrets(site_id: str, secret: str, forget: bool, data: Path | None, redis: str | None) -> None:
    """Let only Coral ask through its external moderation phase: what it sends must be signed."""
    if not secret and not forget:
        raise click.UsageError("say --secret SECRET, --forget, or both")

    async def work(rooms: House) -> int:
        one = await rooms.sites.site(site_id)
        secrets = (*(() if forget else one.coral_secrets), *([secret] if secret else []))[-5:]
        await rooms.sites.save(msgspec.structs.replace(one, coral_secrets=secrets))
        await rooms.ledger.append(site_id, "site.changed", "cli")
        return len(secrets)

    click.echo(f"Site '{site_id}' has {in_house(settings_of(data, redis), work)} signing secrets of Coral.")


def _without_secrets(one: Site) -> Site:
    return msgspec.structs.replace(one, coral_secrets=("***",) * len(one.coral_secrets))
