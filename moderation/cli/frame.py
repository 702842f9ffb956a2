"""What every command shares: its settings, its store, and errors in one line.

The rooms are imported where a command does its work, so that help and refusals come at once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec

from moderation.errors import ModerationError, SetupRefused
from moderation.records import Role
from moderation.settings import Settings, load

if TYPE_CHECKING:
    from moderation.app import House

Answer = TypeVar("Answer")
ROLES = {"site": Role.SITE, "form": Role.FORM, "moderator": Role.MODERATOR, "ml": Role.ML, "admin": Role.ADMIN}


class NoStoreHere(SetupRefused):
    """The data folder has nothing that a command could work on."""


def settings_of(data: Path | None, redis: str | None, *, begins: bool = False, **server: Any) -> Settings:
    """Read the settings; what stands on the command line wins over the environment.

    Raises NoStoreHere where no service was set up: a command in the wrong folder would answer for an empty store. Only
    one that `begins` may make a data folder.
    """
    environ = dict(os.environ)
    if data is not None:
        environ["MODERATION_DATA"] = str(data)
        environ.pop("MODERATION_STORE__DATA", None)
    if redis is not None:
        environ["MODERATION_STORE__URL"] = redis
    for name, value in server.items():
        if value is not None:
            environ[name] = str(value)
    settings = load(environ)
    if not begins:
        _look_for_store(settings)
    return settings


def _look_for_store(settings: Settings) -> None:
    from moderation.store.folder import DataFolder

    folder = DataFolder(settings.store.data)
    try:
        # the digests of an external store fit no other pepper than that of the folder
        found = (
            bool(settings.store.pepper) or (folder.path / "pepper").stat() if settings.store.url else folder.has_store()
        )
    except FileNotFoundError:
        found = False
    except OSError as error:
        raise NoStoreHere(f"{folder.path} cannot be read: {error.strerror}") from None
    if not found:
        lacking = "pepper" if settings.store.url else "store"
        raise NoStoreHere(
            f"there is no {lacking} in {folder.path}: name the service's data folder with --data DIR or MODERATION_DATA"
        )


def in_house(settings: Settings, work: Callable[[House], Awaitable[Answer]]) -> Answer:
    """Do some work with all rooms built, on the running store or on one started for it.

    What goes wrong meanwhile is logged on standard error, so that what a command prints can be read by another one.
    """
    import asyncio

    from moderation.app import house
    from moderation.store.embedded import running_for_command
    from moderation.store.folder import DataFolder
    from moderation.telemetry import configure_logs

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
    from moderation.store.folder import DataFolder

    return (
        settings.server.public_url
        or DataFolder(settings.store.data).address()
        or f"http://{settings.server.host}:{settings.server.port}"
    )


@contextmanager
def bar(words: str, *, bytes_: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Show how far it is, where a person looks at standard error; elsewhere nothing."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn(words),
        BarColumn(),
        DownloadColumn() if bytes_ else MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(words)
        yield lambda done, total: progress.update(task, completed=done, total=total)


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
            _say(str(error))
            ctx.exit(2)
        except click.exceptions.NoArgsIsHelpError:
            raise  # the whole help is the answer
        except click.ClickException as error:
            _say(error.format_message())
            ctx.exit(2)
        except KeyboardInterrupt:
            _say("stopped before its end")
            ctx.exit(130)


def _say(words: str) -> None:
    click.echo("moderation: " + " ".join(words.split()), err=True)


def now() -> str:
    """Write the time as RFC 3339."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def print_json(value: Any) -> None:
    """Print a value as JSON, for programs."""
    click.echo(json.dumps(msgspec.to_builtins(value), indent=2, ensure_ascii=False))
