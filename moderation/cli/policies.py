"""Commands for a site's policy and its word lists: shown, tried on what came in before, set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from moderation.cli.frame import Listed, in_house, print_json, settings_of, store_options
from moderation.errors import PolicyInvalid
from moderation.records import Policy

if TYPE_CHECKING:
    from moderation.administration import Preview
    from moderation.app import House

LISTS = {"blocked": "blocked_words", "suspect": "suspect_words"}


@click.group(cls=Listed)
def policy() -> None:
    """What one site wants: thresholds, rules, limits. Versioned."""


@policy.command("show")
@click.argument("site_id", metavar="SITE")
@store_options
def show_policy(site_id: str, data: Path | None, redis: str | None) -> None:
    """Print the policy as JSON; edit it and give it to `set`."""
    print_json(in_house(settings_of(data, redis), lambda rooms: rooms.sites.site(site_id)).policy)


@policy.command("versions")
@click.argument("site_id", metavar="SITE")
@store_options
def list_versions(site_id: str, data: Path | None, redis: str | None) -> None:
    """List the policies the site has had, newest first."""

    async def work(rooms: House) -> list[Any]:
        return list(await rooms.administration.policies(await rooms.sites.site(site_id)))

    for one in in_house(settings_of(data, redis), work):
        click.echo(f"{one.policy.version:>5}  {one.at:<21} {one.policy.profile:<9} {one.by}".rstrip())


@policy.command("preview")
@click.argument("site_id", metavar="SITE")
@click.argument("file", type=click.File("rb"))
@store_options
def preview(site_id: str, file: Any, data: Path | None, redis: str | None) -> None:
    """Say what the policy in FILE (JSON, `-` for standard input) would have made of the last 500 comments."""
    wanted = _read(file.read())

    async def work(rooms: House) -> Preview:
        return await rooms.administration.preview(await rooms.sites.site(site_id), wanted)

    found = in_house(settings_of(data, redis), work)
    click.echo(f"{found.looked_at} comments     in force   proposed")
    for name in ("approve", "hold", "reject"):
        click.echo(f"  {name:<14} {found.present.get(name, 0):>8} {found.proposed.get(name, 0):>10}")
    click.echo(f"{found.flipped} would change" + (":" if found.flips else "."))
    for flip in found.flips:
        click.echo(f"  {flip.comment.id}  {flip.now.value} -> {flip.then.outcome.value}")


@policy.command("set")
@click.argument("site_id", metavar="SITE")
@click.argument("file", type=click.File("rb"))
@store_options
def set_policy(site_id: str, file: Any, data: Path | None, redis: str | None) -> None:
    """Set the policy in FILE (JSON, `-` for standard input). Its `version` is the one that it replaces."""
    wanted = _read(file.read())
    done = in_house(settings_of(data, redis), lambda rooms: rooms.administration.set_policy("cli", site_id, wanted))
    click.echo(f"The policy of '{site_id}' is at version {done.policy.version}.")


@click.group(cls=Listed)
def words() -> None:
    """The word lists of a site: `blocked` are never published, `suspect` wait."""


@words.command("list")
@click.argument("site_id", metavar="SITE")
@click.argument("which", type=click.Choice(sorted(LISTS)))
@store_options
def list_words(site_id: str, which: str, data: Path | None, redis: str | None) -> None:
    """Print a list, one word a line."""
    found = in_house(settings_of(data, redis), lambda rooms: rooms.sites.site(site_id))
    for word in getattr(found.policy, LISTS[which]):
        click.echo(word)


@words.command("set")
@click.argument("site_id", metavar="SITE")
@click.argument("which", type=click.Choice(sorted(LISTS)))
@click.argument("file", type=click.File("r"))
@store_options
def set_words(site_id: str, which: str, file: Any, data: Path | None, redis: str | None) -> None:
    """Take the words of FILE (one a line, `-` for standard input) as the list."""
    wanted = tuple(dict.fromkeys(line.strip() for line in file if line.strip()))

    async def work(rooms: House) -> int:
        present = (await rooms.sites.site(site_id)).policy
        changed = msgspec.structs.replace(present, **{LISTS[which]: wanted})
        return (await rooms.administration.set_policy("cli", site_id, changed)).policy.version

    version = in_house(settings_of(data, redis), work)
    click.echo(f"{len(wanted)} {which} words; the policy of '{site_id}' is at version {version}.")


@words.command("try")
@click.argument("file", type=click.File("r"))
@click.argument("text")
@store_options
def try_words(file: Any, text: str, data: Path | None, redis: str | None) -> None:
    """Say which words of FILE (one a line) stand in TEXT. Saves nothing."""
    wanted = tuple(line.strip() for line in file if line.strip())

    async def work(rooms: House) -> tuple[str, ...]:
        return rooms.administration.try_words(wanted, text, "")[0]

    for term in in_house(settings_of(data, redis), work):
        click.echo(term)


def _read(text: bytes) -> Policy:
    try:
        return msgspec.json.decode(text, type=Policy)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise PolicyInvalid(f"this is no policy: {error}") from None
