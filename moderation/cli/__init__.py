"""The command line: serve, and everything an operator does without a browser.

Commands work whether the service runs or not, on the store that its data folder has; few begin one. What the person at
the terminal must put right is one line on standard error and exit code 2. One file for each group of commands.
"""

from __future__ import annotations

from pathlib import Path

import click

from moderation.cli.archives import import_archive
from moderation.cli.doctor import doctor
from moderation.cli.frame import OneLine, settings_of, store_options
from moderation.cli.keeping import backup, privacy, restore_backup
from moderation.cli.keys import key
from moderation.cli.labels import labels
from moderation.cli.models import models
from moderation.cli.moderators import moderator
from moderation.cli.policies import policy, words
from moderation.cli.sites import site


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
        data, redis, begins=True, MODERATION_SERVER__HOST=host, MODERATION_SERVER__PORT=port, MODERATION_SERVER__WORKERS=workers,
        MODERATION_STORE__ACCEPT_WEAKER_DURABILITY=True if accept_weaker_durability else None,
    )  # fmt: skip
    run(settings, click.echo)


for part in (policy, words):
    site.add_command(part)
for command in (site, moderator, key, labels, models, doctor, import_archive, backup, restore_backup, privacy):
    main.add_command(command)
