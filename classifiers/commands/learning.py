"""The commands that make versions: train, adapt, calibrate, and the study that shows what labels bring."""

from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
import numpy as np

from classifiers.commands.terminal import (
    FILES,
    bounds,
    building,
    check_free,
    data_option,
    evidence_of,
    folder_of,
    labels_option,
    out_option,
    pass_registry,
    print_table,
    progress,
    scoring,
    version_option,
)
from classifiers.dataset import read
from classifiers.evaluation import at_threshold
from classifiers.evidence import told
from classifiers.manifest import ATTRIBUTES, Manifest
from classifiers.registry import Registry
from classifiers.scorer import Scorer


def _show_recipe(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted:
        from classifiers.adapting import AdaptRecipe
        from classifiers.recipe import Recipe, told

        click.echo("\n".join(told(AdaptRecipe if context.command.name == "adapt" else Recipe)))
        context.exit()


recipe_option = click.option("--recipe", type=FILES, help="A TOML file with what is to be turned.")
min_labels_option = click.option("--min-labels", type=click.IntRange(2), help="Take fewer labels than 200 for enough.")
show_recipe_option = click.option(
    "--show-recipe",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_recipe,
    help="Print what can be turned, with defaults and bounds, as a file for --recipe.",
)


@click.command()
@data_option
@recipe_option
@show_recipe_option
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="The same seed, rows and recipe give the same version, but for the time it was made.",
)
@min_labels_option
@version_option
@out_option
@pass_registry
def train(
    registry: Registry,
    data: tuple[Path, ...],
    recipe: Path | None,
    seed: int,
    min_labels: int | None,
    name: str,
    out: Path | None,
) -> None:
    """Train a version from scratch, from rows and the package's own corpus."""
    from classifiers.recipe import Recipe, read_recipe
    from classifiers.training import train_from_scratch

    check_free(registry, name, out)
    chosen = read_recipe(recipe) if recipe else Recipe()
    if min_labels is not None:
        chosen = msgspec.structs.replace(chosen, min_labels=min_labels)
    with building(registry, out) as folder, progress() as tell:
        train_from_scratch(list(data), chosen, seed, folder, version=name, progress=tell)


@click.command()
@labels_option
@click.option("--base", help="The version to stand on. Default: the active one.")
@click.option("--site", default="", help="Learn only from the labels of this site.")
@recipe_option
@show_recipe_option
@min_labels_option
@version_option
@out_option
@pass_registry
def adapt(
    registry: Registry,
    data: tuple[Path, ...],
    base: str | None,
    site: str,
    recipe: Path | None,
    min_labels: int | None,
    name: str,
    out: Path | None,
) -> None:
    """Adapt a version to new labels, without the data it was trained on."""
    from classifiers import adapting
    from classifiers.recipe import read_as

    check_free(registry, name, out)
    chosen = read_as(recipe, adapting.AdaptRecipe) if recipe else adapting.AdaptRecipe()
    if min_labels is not None:
        chosen = msgspec.structs.replace(chosen, min_labels=min_labels)
    start, rows = folder_of(registry, base), read(data)
    with building(registry, out, _learned) as folder, progress() as tell:
        adapting.adapt(start, rows, folder, chosen, site=site, version=name, progress=tell)


def _learned(manifest: Manifest) -> Iterator[str]:
    """Say what each attribute learned, or why nothing."""
    for name, found in manifest.figures["adapted"].items():
        if found["strength"] is None:
            yield f"{name}: {found['labels']} labels, and no correction does better on later ones; it stays as it was"
        elif not found["strength"]:
            yield (
                f"{name}: no word learned from {found['labels']} labels, only level and steepness of its scores; "
                f"judged on {found['judged_on_later']} later ones"
            )
        else:
            yield f"{name}: learned from {found['labels']} labels, judged on {found['judged_on_later']} later ones"
    for name, why in manifest.figures["not_learned"].items():
        yield f"{name}: not learned, {why}"
    if manifest.figures["left_out"]:
        yield told(manifest.figures["left_out"])


@click.command()
@click.argument("version", required=False)
@labels_option
@click.option("--precision", type=click.FloatRange(0.5, 0.999), multiple=True, default=(0.9, 0.95, 0.98))
@click.option("--save", default="", help="Write a version of this name whose probabilities fit these labels.")
@pass_registry
def calibrate(
    registry: Registry, version: str | None, data: tuple[Path, ...], precision: tuple[float, ...], save: str
) -> None:
    """Say which threshold gives which precision on labelled rows, and how far probabilities can be believed."""
    from classifiers.adapting import AdaptRecipe, adapt
    from classifiers.calibration import threshold
    from classifiers.evaluation import calibration_error

    check_free(registry, save)
    folder = folder_of(registry, version)
    scorer, rows = Scorer.open(folder), evidence_of(data, folder)
    with scoring(scorer) as judge:
        scores = judge(rows.text, rows.lang)
    lines = []
    for attribute in scorer.attributes:
        values = rows.column(attribute)
        there = ~np.isnan(values)
        if not there.any():
            continue
        truth, said = values[there] >= 0.5, scores[there, ATTRIBUTES.index(attribute)]
        error = f"{calibration_error(values[there], said):.3f}"
        for wanted in precision:
            at = threshold(said, truth, wanted)
            recall = bounds(at_threshold(truth, said, at).recall) if at < 1 else "not reached"
            lines.append((attribute, f"{wanted:g}", f"{at:.3f}", recall, error, str(int(there.sum()))))
    try:
        if save:
            with building(registry, None) as target:
                level = AdaptRecipe(strengths=(0.0,), bias_prior=2.0, slope_prior=5.0, levelled=False)
                adapt(folder, rows, target, level, version=save)
    finally:
        print_table("", ("attribute", "precision", "threshold", "recall", "calibration error", "n"), lines)


@click.command()
@click.option("--data", type=FILES, required=True, help="The folder of the public data sets.")
@click.option("--out", type=FILES, help="Write the record as JSON.")
@click.option("--bits", default=18, show_default=True, help="Size of the models trained without the sites' sources.")
def sites(data: Path, out: Path | None, bits: int) -> None:
    """Show on simulated sites what 50, 200 and 1,000 labels bring."""
    from classifiers.sites import simulate

    with progress() as tell:
        found = simulate(data, bits=bits, progress=tell)
    if out:
        out.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2))
    click.echo(found.table())
