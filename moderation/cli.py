"""The command line: serve, and everything an operator does without a browser.

Commands work whether the service runs or not. What the person at the terminal must put right is one line on standard
error and exit code 2.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from moderation.app import House, house, utc_now
from moderation.errors import ModerationError, SetupRefused
from moderation.records import Key, Role, Site
from moderation.settings import Settings, load, shown
from moderation.store.embedded import running_for_command
from moderation.store.fitness import problems_of
from moderation.store.folder import DataFolder

Answer = TypeVar("Answer")
ROLES = {"site": Role.SITE, "form": Role.FORM, "moderator": Role.MODERATOR, "ml": Role.ML, "admin": Role.ADMIN}


def settings_of(data: Path | None, redis: str | None, **server: Any) -> Settings:
    """Read the settings; what stands on the command line wins over the environment."""
    environ = dict(os.environ)
    if data is not None:
        environ["MODERATION_DATA"] = str(data)
        environ.pop("MODERATION_STORE__DATA", None)
    if redis is not None:
        environ["MODERATION_STORE__URL"] = redis
    for name, value in server.items():
        if value is not None:
            environ[name] = str(value)
    return load(environ)


def in_house(settings: Settings, work: Callable[[House], Awaitable[Answer]]) -> Answer:
    """Do some work with all rooms built, on the running store or on one started for it."""

    async def run() -> Answer:
        async with house(settings) as rooms:
            return await work(rooms)

    store = (
        nullcontext() if settings.store.url else running_for_command(DataFolder(settings.store.data), settings.store)
    )
    with store:
        return asyncio.run(run())


def store_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say which store it works on."""
    command = click.option(
        "--redis", metavar="URL", help="An external Redis or Valkey instead of the embedded server."
    )(command)
    return click.option(
        "--data", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
        help="The data folder (or MODERATION_DATA); moderation-data here without it.",
    )(command)  # fmt: skip


class OneLine(click.Group):
    """A group whose errors are one line and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; say what is wrong in one line."""
        try:
            return super().invoke(ctx)
        except (SetupRefused, ModerationError) as error:
            click.echo(f"moderation: {error}", err=True)
            ctx.exit(2)


@click.group(cls=OneLine, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="comment-moderation")
def main() -> None:
    """Take comments in, score them with reasons, let moderators decide, tell the site."""


@main.command()
@click.option("--host", help="Address to listen on; 127.0.0.1 without it.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 8000 without it.")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes that answer requests; 1 without it.")
@click.option("--accept-weaker-durability", is_flag=True, help="Serve although the external store may lose comments.")
@store_options
def serve(
    host: str | None,
    port: int | None,
    workers: int | None,
    accept_weaker_durability: bool,
    data: Path | None,
    redis: str | None,
) -> None:
    """Start the service, and with it the embedded store unless --redis names another."""
    from moderation.serving import serve as run

    settings = settings_of(
        data, redis, MODERATION_SERVER__HOST=host, MODERATION_SERVER__PORT=port, MODERATION_SERVER__WORKERS=workers,
        MODERATION_STORE__ACCEPT_WEAKER_DURABILITY=True if accept_weaker_durability else None,
    )  # fmt: skip
    run(settings, click.echo)


# sites ------------------------------------------------------------------------------------------


@main.group()
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
        fresh = Site(id=site_id, name=name, url=url, lang=lang, origins=origins, created_at=_now())
        policy = msgspec.structs.replace(fresh.policy, profile=profile)
        await rooms.sites.add(msgspec.structs.replace(fresh, policy=policy))
        await rooms.ledger.append(site_id, "site.added", "cli")

    in_house(settings_of(data, redis), work)
    click.echo(f"Site '{site_id}' added. Next: moderation key create --role site --site {site_id}")


@site.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@store_options
def list_sites(as_json: bool, data: Path | None, redis: str | None) -> None:
    """List the sites."""
    found = in_house(settings_of(data, redis), lambda rooms: rooms.sites.sites())
    if as_json:
        _print_json(found)
        return
    for one in found:
        click.echo(f"{one.id:<20} {one.policy.profile:<9} {one.name}  {one.url}".rstrip())


@site.command("show")
@click.argument("site_id", metavar="ID")
@store_options
def show_site(site_id: str, data: Path | None, redis: str | None) -> None:
    """Show a site with its policy, as JSON."""
    _print_json(in_house(settings_of(data, redis), lambda rooms: rooms.sites.site(site_id)))


# people -----------------------------------------------------------------------------------------


@main.group()
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
    settings = settings_of(data, redis)

    async def work(rooms: House) -> str:
        for one in sites:
            await rooms.sites.site(one)
        _, token = await rooms.access.invite(email, name, ROLES[role], sites)
        return token

    token = in_house(settings, work)
    base = settings.server.public_url or f"http://{settings.server.host}:{settings.server.port}"
    click.echo(f"{email} added. One-time link, good for three days:\n{base}/console#invitation={token}")


@moderator.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@store_options
def list_moderators(as_json: bool, data: Path | None, redis: str | None) -> None:
    """List the people."""
    found = in_house(settings_of(data, redis), lambda rooms: rooms.people.all())
    if as_json:
        fields = ("id", "email", "name", "role", "sites", "disabled", "created_at")
        _print_json([{field: getattr(one, field) for field in fields} for one in found])
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
    in_house(settings_of(data, redis), lambda rooms: rooms.access.disable(who))
    click.echo(f"{who} can no longer sign in.")


# keys -------------------------------------------------------------------------------------------


@main.group()
def key() -> None:
    """Keys for machines."""


@key.command("create")
@click.option("--role", type=click.Choice(sorted(ROLES)), default="site", show_default=True)
@click.option("--site", "site_id", default="", help="The site it belongs to.")
@click.option("--label", default="", help="What it is for.")
@click.option("--compat", is_flag=True, help="12 hex digits for Akismet and Perspective clients; their routes only.")
@click.option("--value", default="", help="With --compat: the key a site already has.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@store_options
def create_key(
    role: str, site_id: str, label: str, compat: bool, value: str, as_json: bool, data: Path | None, redis: str | None
) -> None:
    """Make a key and print it; it cannot be shown again."""
    wanted = Role.COMPAT if compat else ROLES[role]
    if wanted in (Role.SITE, Role.FORM, Role.COMPAT) and not site_id:
        raise click.UsageError("this key belongs to a site: add --site ID")
    if value and not compat:
        raise click.UsageError("--value goes with --compat")

    async def work(rooms: House) -> tuple[Key, str]:
        if site_id:
            await rooms.sites.site(site_id)
        made, secret = await rooms.sites.create_key(wanted, site_id, label=label, created_at=_now(), value=value)
        await rooms.ledger.append("", "key.created", "cli", key=made.id, role=wanted.value, site=site_id)
        return made, secret

    made, secret = in_house(settings_of(data, redis), work)
    if as_json:
        _print_json({"id": made.id, "role": made.role.value, "site": made.site, "key": secret})
    else:
        click.echo(secret)


@key.command("list")
@click.option("--site", "site_id", default=None, help="Of this site only.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@store_options
def list_keys(site_id: str | None, as_json: bool, data: Path | None, redis: str | None) -> None:
    """List keys, without their secrets."""
    found = in_house(settings_of(data, redis), lambda rooms: rooms.sites.keys(site_id))
    if as_json:
        fields = ("id", "role", "site", "label", "created_at", "not_after", "revoked")
        _print_json([{field: getattr(one, field) for field in fields} for one in found])
        return
    for one in found:
        state = "revoked" if one.revoked else ""
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


# looking after it -------------------------------------------------------------------------------


@main.command()
@store_options
def doctor(data: Path | None, redis: str | None) -> None:
    """Look whether everything is as it should be: settings, store, ledgers, models. Exit code 1 where it is not."""
    settings = settings_of(data, redis)
    for name, value in shown(settings).items():
        click.echo(f"  {name:<34} {value}")

    async def work(rooms: House) -> list[str]:
        wrong = [one.detail for one in await problems_of(rooms.connection)]
        if wrong and "unreachable" in {one.code for one in await problems_of(rooms.connection)}:
            return wrong
        if not rooms.models.versions:
            wrong.append("no model could be loaded")
        for one in ["", *[found.id for found in await rooms.sites.sites()]]:
            broken = await rooms.ledger.broken_at(one)
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


def _now() -> str:
    return utc_now().isoformat(timespec="seconds").replace("+00:00", "Z")


def _print_json(value: Any) -> None:
    click.echo(json.dumps(msgspec.to_builtins(value), indent=2, ensure_ascii=False))
