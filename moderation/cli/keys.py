"""Commands for the keys of machines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from moderation.cli.frame import ROLES, Listed, in_house, now, print_json, settings_of, store_options
from moderation.records import Key, Role

if TYPE_CHECKING:
    from moderation.app import House


@click.group(cls=Listed)
def key() -> None:
    """Keys for machines."""


@key.command("create")
@click.option("--role", type=click.Choice(sorted(ROLES)), default="site", show_default=True)
@click.option("--site", "site_id", default="", help="The site it belongs to.")
@click.option("--label", default="", help="What it is for.")
@click.option("--compat", is_flag=True, help="12 hex digits for Akismet and Perspective clients; their routes only.")
@click.option("--scores-only", is_flag=True, help="With --compat: it scores texts and does no more, for a page.")
@click.option("--value", default="", help="With --compat: the key a site already has.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@store_options
def create_key(
    role: str,
    site_id: str,
    label: str,
    compat: bool,
    scores_only: bool,
    value: str,
    as_json: bool,
    data: Path | None,
    redis: str | None,
) -> None:
    """Make a key and print it; it cannot be shown again."""
    wanted = Role.COMPAT if compat else ROLES[role]
    if wanted in (Role.SITE, Role.FORM, Role.COMPAT) and not site_id:
        raise click.UsageError("this key belongs to a site: add --site ID")
    if (value or scores_only) and not compat:
        raise click.UsageError("--value and --scores-only go with --compat")

    async def work(rooms: House) -> tuple[Key, str]:
        if site_id:
            await rooms.sites.site(site_id)
        made, secret = await rooms.sites.create_key(
            wanted, site_id, label=label, created_at=now(), value=value, scores_only=scores_only
        )
        may: dict[str, object] = {"scores_only": True} if scores_only else {}
        await rooms.ledger.append("", "key.created", "cli", key=made.id, role=wanted.value, site=site_id, **may)
        return made, secret

    made, secret = in_house(settings_of(data, redis), work)
    if as_json:
        print_json({"id": made.id, "role": made.role.value, "site": made.site, "key": secret})
    else:
        click.echo(secret)


@key.command("list")
@click.option("--site", "site_id", default=None, help="Of this site only.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@store_options
def list_keys(site_id: str | None, as_json: bool, data: Path | None, redis: str | None) -> None:
    """List keys, without their secrets."""

    async def work(rooms: House) -> list[Key]:
        if site_id is not None:
            await rooms.sites.site(site_id)
        return await rooms.sites.keys(site_id)

    found = in_house(settings_of(data, redis), work)
    if as_json:
        fields = ("id", "role", "site", "label", "created_at", "not_after", "revoked", "scores_only")
        print_json([{field: getattr(one, field) for field in fields} for one in found])
        return
    for one in found:
        state = ("scores only " if one.scores_only else "") + ("revoked" if one.revoked else "")
        click.echo(f"{one.id}  {one.role.value:<9} {one.site:<20} {one.created_at:<21} {one.label} {state}".rstrip())


@key.command("revoke")
@click.argument("key_id", metavar="ID")
@store_options
def revoke_key(key_id: str, data: Path | None, redis: str | None) -> None:
    """Revoke a key; running workers refuse it within about a second."""

    async def work(rooms: House) -> None:
        await rooms.sites.revoke_key(key_id)
        await rooms.ledger.append("", "key.revoked", "cli", key=key_id)

    in_house(settings_of(data, redis), work)
    click.echo(f"Key {key_id} is revoked.")
