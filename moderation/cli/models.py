"""Commands for model versions: list, promote through the gate, roll back, shadow. Running workers swap within seconds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from moderation.cli.frame import Listed, in_house, print_json, settings_of, store_options

if TYPE_CHECKING:
    from moderation.app import House
    from moderation.workshop import Moved


@click.group(cls=Listed)
def models() -> None:
    """The models that score comments."""


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@store_options
def list_models(as_json: bool, data: Path | None, redis: str | None) -> None:
    """List the versions, which is active, which in shadow, and what speaks against one."""

    async def work(rooms: House) -> list[dict[str, Any]]:
        await rooms.versions.follow()
        return [
            {"version": one.manifest.version, "state": one.state, "kind": one.manifest.kind,
             "made_at": one.manifest.made_at, "base": one.manifest.base, "site": one.manifest.site,
             "marks": [mark.words] if mark.words else []}
            for one, mark in await rooms.workshop.versions()
        ]  # fmt: skip

    found = in_house(settings_of(data, redis), work)
    if as_json:
        print_json(found)
        return
    for one in found:
        line = f"{one['version']:<32} {one['state']:<10} {one['made_at'][:19]:<20} {one['base']:<24} {one['site']:<16}"
        click.echo(f"{line} {'; '.join(one['marks'])}".rstrip())


@models.command("promote")
@click.argument("version")
@click.option("--force", is_flag=True, help="Promote it whatever the gate says; the ledger keeps that.")
@store_options
def promote(version: str, force: bool, data: Path | None, redis: str | None) -> None:
    """Make a version the active one, if the gate finds it no worse on held-out texts and on the sites' own decisions."""

    async def work(rooms: House) -> Moved:
        await rooms.versions.follow()
        return await rooms.workshop.promote(version, await rooms.sites.sites(), "cli", force=force)

    moved = in_house(settings_of(data, redis), work)
    for check in moved.checks:
        click.echo(f"{'ok' if check.passed else 'NO'}  {check.words}")
    click.echo(f"{moved.version} is active, {moved.was} retired" + (", against the gate" if moved.forced else ""))


@models.command("rollback")
@store_options
def rollback(data: Path | None, redis: str | None) -> None:
    """Make the version active again that was so before."""

    async def work(rooms: House) -> Moved:
        await rooms.versions.follow()
        return await rooms.workshop.roll_back("cli")

    moved = in_house(settings_of(data, redis), work)
    click.echo(f"{moved.version} is active again, {moved.was} retired")


@models.command("shadow")
@click.argument("version", required=False)
@click.option("--off", is_flag=True, help="No version in shadow.")
@store_options
def shadow(version: str | None, off: bool, data: Path | None, redis: str | None) -> None:
    """Let a version score beside the active one, without effect on verdicts."""
    if bool(version) == off:
        raise click.UsageError("name a version, or give --off")

    async def work(rooms: House) -> None:
        await rooms.versions.follow()
        await rooms.workshop.set_shadow(version, "cli")

    in_house(settings_of(data, redis), work)
    click.echo(f"{version} is in shadow" if version else "no version is in shadow")
