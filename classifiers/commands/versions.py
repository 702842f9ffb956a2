"""The commands that move versions: list, promote, rollback, shadow, history, import and export."""

import sys
from pathlib import Path
from typing import Any

import click

from classifiers.commands.terminal import (
    FILES,
    champion_of,
    json_option,
    pass_registry,
    print_json,
    print_table,
    progress,
)
from classifiers.dataset import read
from classifiers.errors import AlreadyActive
from classifiers.registry import Registry
from classifiers.scorer import tried

LEADS_ON = {
    "active": "the active version; roll back, or promote another",
    "shadow": "the version in shadow; end the shadow by `classifiers shadow --off`, or set another",
}
"""What to do where a version that a pointer names is gone."""


@click.command(name="list")
@json_option
@pass_registry
def list_command(registry: Registry, as_json: bool) -> None:
    """List the versions and say which is active and which in shadow."""
    found = registry.list()
    for broken in registry.broken():
        click.echo(f"not listed: {broken}", err=True)
    for state, name in registry.missing().items():
        click.echo(f"not here: {name}, {LEADS_ON[state]}", err=True)
    if as_json:
        rows: list[dict[str, Any]] = [
            {
                "version": one.manifest.version,
                "state": one.state,
                "kind": one.manifest.kind,
                "made_at": one.manifest.made_at,
            }
            for one in found
        ]
        return print_json(rows)
    head = ("version", "state", "kind", "made", "stands on", "site")
    print_table(
        "",
        head,
        [
            (
                one.manifest.version,
                one.state,
                one.manifest.kind,
                one.manifest.made_at,
                one.manifest.base,
                one.manifest.site,
            )
            for one in found
        ],
    )
    return None


@click.command()
@click.argument("version")
@click.option("--decisions", type=FILES, multiple=True, help="Labels that came later than those it learned from.")
@click.option(
    "--force",
    is_flag=True,
    help="Promote whatever the gate says; the history keeps that, and the ledger of the service.",
)
@click.option("--dry-run", is_flag=True, help="Ask the gate and change nothing; exit code 1 where it says no.")
@click.option("--by", default="", help="Who promotes, for the history and the ledger.")
@pass_registry
def promote(registry: Registry, version: str, decisions: tuple[Path, ...], force: bool, dry_run: bool, by: str) -> None:
    """Make a version the active one, if the gate finds it no worse."""
    from classifiers import gate

    candidate = registry.path(version)
    if version == registry.active():
        raise AlreadyActive(version)
    champion = champion_of(registry)
    rows = read(decisions) if decisions else None
    with progress() as tell:
        verdict = gate.judge(champion, candidate, rows, progress=tell)
    for check in verdict.checks:
        click.echo(f"{'ok' if check.passed else 'NO'}  {check.words}")
    if dry_run:
        click.echo(f"the gate {'lets' if verdict.passed else 'does not let'} {version} pass; nothing was changed")
        sys.exit(0 if verdict.passed else 1)
    move = gate.act(registry, verdict, by=by, force=force)
    click.echo(f"{move.version} is active, {move.was} retired" + (", against the gate" if not verdict.passed else ""))


@click.command()
@click.option("--by", default="", help="Who rolls back, for the history.")
@pass_registry
def rollback(registry: Registry, by: str) -> None:
    """Make the version active again that was so before."""
    move = registry.rollback(by=by)
    click.echo(f"{move.version} is active again, {move.was} retired")


@click.command()
@click.argument("version", required=False)
@click.option("--off", is_flag=True, help="No version in shadow.")
@click.option("--by", default="", help="Who sets it, for the history.")
@pass_registry
def shadow(registry: Registry, version: str | None, off: bool, by: str) -> None:
    """Let a version score beside the active one, without effect on verdicts."""
    if bool(version) == off:
        raise click.UsageError("name a version, or give --off")
    if version:
        tried(registry.path(version))
    registry.set_shadow(version, by=by)
    click.echo(f"{version} is in shadow" if version else "no version is in shadow")


@click.command()
@pass_registry
def history(registry: Registry) -> None:
    """Show every promotion, rollback and shadow, oldest first."""
    moves = [
        (
            move.at,
            move.verb,
            move.version or "-",
            move.was or "-",
            move.by,
            "yes" if move.evidence.get("forced") else "",
        )
        for move in registry.history()
    ]
    print_table("", ("at", "what", "version", "instead of", "by", "forced"), moves)


@click.command(name="import")
@click.argument("archive", type=FILES)
@pass_registry
def import_command(registry: Registry, archive: Path) -> None:
    """Take in a version that was exported elsewhere."""
    from classifiers.vetting import import_archive

    click.echo(f"{import_archive(registry, archive).version} is in the registry")


@click.command(name="export")
@click.argument("version")
@click.argument("archive", type=FILES)
@pass_registry
def export_command(registry: Registry, version: str, archive: Path) -> None:
    """Write a version as one zip file."""
    from classifiers.vetting import export_archive

    export_archive(registry.path(version), archive)
    click.echo(f"wrote {archive}")
