"""What every command shares: its settings, its store, and errors in one line."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from moderation.app import House, house, utc_now
from moderation.errors import ModerationError, SetupRefused
from moderation.records import Role
from moderation.settings import Settings, load
from moderation.store.embedded import running_for_command
from moderation.store.folder import DataFolder
from moderation.telemetry import configure_logs

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
    """Do some work with all rooms built, on the running store or on one started for it.

    What goes wrong meanwhile is logged on standard error, so that what a command prints can be read by another one.
    """
    configure_logs("WARNING")

    async def run() -> Answer:
        async with house(settings) as rooms:
            return await work(rooms)

    store = (
        nullcontext() if settings.store.url else running_for_command(DataFolder(settings.store.data), settings.store)
    )
    with store:
        return asyncio.run(run())


def address_of(settings: Settings) -> str:
    """Give the address of the service: the public one, else where it runs or ran last, else where it would run."""
    return (
        settings.server.public_url
        or DataFolder(settings.store.data).address()
        or f"http://{settings.server.host}:{settings.server.port}"
    )


def store_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say which store it works on."""
    command = click.option(
        "--redis", metavar="URL", help="An external Redis or Valkey instead of the embedded server."
    )(command)
    return click.option(
        "--data", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
        help="The data folder (or MODERATION_DATA); moderation-data here without it.",
    )(command)  # fmt: skip


class Listed(click.Group):
    """A group that lists its commands with whole sentences."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands, each with its whole sentence: one that is cut off says nothing."""
        found = [(name, self.commands[name].get_short_help_str(limit=200)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(found)


class OneLine(Listed):
    """A group whose errors are one line and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; say what is wrong in one line."""
        try:
            return super().invoke(ctx)
        except (SetupRefused, ModerationError) as error:
            click.echo(f"moderation: {error}", err=True)
            ctx.exit(2)


def now() -> str:
    """Write the time as RFC 3339."""
    return utc_now().isoformat(timespec="seconds").replace("+00:00", "Z")


def print_json(value: Any) -> None:
    """Print a value as JSON, for programs."""
    click.echo(json.dumps(msgspec.to_builtins(value), indent=2, ensure_ascii=False))
