"""The command `classifiers`: train, adapt, measure, compare, score, and say which version is active.

What cannot be done is said in one line with exit code 2, and then nothing has changed. New versions are built beside
the others and join them in one step, so an interrupted command leaves the registry as it was.
"""

import os
import sys
from pathlib import Path
from typing import Any

import click

from classifiers.commands import learning, leaving, measuring, versions
from classifiers.commands.terminal import FILES
from classifiers.errors import ClassifierError
from classifiers.registry import Registry

COMMANDS = (
    learning.train,
    learning.adapt,
    learning.calibrate,
    measuring.evaluate_command,
    leaving.leave_out,
    measuring.compare,
    measuring.report,
    measuring.score_command,
    versions.list_command,
    versions.promote,
    versions.rollback,
    versions.shadow,
    versions.history,
    versions.import_command,
    versions.export_command,
    learning.sites,
)


class OneLine(click.Group):
    """A group of commands whose errors are one line on stderr and exit code 2."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands, each with its whole sentence: one that is cut off says nothing."""
        found = [(name, self.commands[name].get_short_help_str(limit=200)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(found)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what went wrong is said in a line."""
        try:
            return super().invoke(ctx)
        except ClassifierError as error:
            _refuse(str(error))
        except click.ClickException as error:
            _refuse(error.format_message())
        except KeyboardInterrupt:
            click.echo("classifiers: stopped before its end", err=True)
            ctx.exit(130)
        except BrokenPipeError:
            sys.stderr.close()
            ctx.exit(0)
        except OSError as error:
            _refuse(f"{error.filename or 'reading or writing'}: {error.strerror or error}")


@click.group(cls=OneLine, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--registry",
    type=FILES,
    envvar="CLASSIFIERS_REGISTRY",
    help="Folder of the versions. Default: `models` in the service's data folder (MODERATION_DATA).",
)
@click.pass_context
def main(ctx: click.Context, registry: Path | None) -> None:
    """Train, measure and promote the models that score comments."""
    ctx.obj = Registry(registry or Path(os.environ.get("MODERATION_DATA", "moderation-data")) / "models")


for command in COMMANDS:
    main.add_command(command)


def _refuse(message: str) -> None:
    click.echo("classifiers: " + " ".join(message.split()), err=True)
    sys.exit(2)
