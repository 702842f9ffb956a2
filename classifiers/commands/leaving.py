"""The command that measures what carries over: every source in turn is left out of training and measured on."""

from pathlib import Path

import click
import numpy as np

from classifiers.commands.terminal import FILES, bounds, json_option, print_json, print_table, progress
from classifiers.manifest import ATTRIBUTES


@click.command(name="leave-out")
@click.option("--data", type=FILES, multiple=True, required=True, help="A Parquet or JSONL file, or a folder of them.")
@click.option("--recipe", type=FILES, help="A TOML file with what is to be turned.")
@click.option(
    "--attribute", type=click.Choice(ATTRIBUTES), multiple=True, help="Measure only this one. May be repeated."
)
@click.option("--most", default=3000, show_default=True, help="Rows of a source that are used.")
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same figures.")
@click.option("--afternoon/--no-afternoon", default=True, help="Measure TF-IDF with logistic regression beside it.")
@json_option
def leave_out(
    data: tuple[Path, ...],
    recipe: Path | None,
    attribute: tuple[str, ...],
    most: int,
    seed: int,
    afternoon: bool,
    as_json: bool,
) -> None:
    """Measure each source by what was learned from the others (about half an hour)."""
    from classifiers.leaving_out import MEASURED, leave_one_out
    from classifiers.recipe import Recipe, read_recipe

    with progress() as tell:
        found = leave_one_out(
            list(data),
            read_recipe(recipe) if recipe else Recipe(),
            seed,
            most=most,
            afternoon=afternoon,
            attributes=attribute or MEASURED,
            progress=tell,
        )
    if as_json:
        return print_json(found)
    rows: list[tuple[str, ...]] = [
        (
            one.attribute,
            one.source,
            " ".join(one.languages),
            f"{one.positives} / {one.n}",
            bounds(one.auc),
            bounds(one.without_seeds),
            bounds(one.afternoon),
        )
        for one in found
    ]
    for name in dict.fromkeys(one.attribute for one in found):
        here = [one for one in found if one.attribute == name]
        means = [
            np.mean([estimate.value for estimate in column if estimate])
            for column in zip(*((one.auc, one.without_seeds, one.afternoon) for one in here), strict=True)
            if any(column)
        ]
        rows.append((name, "mean", "", "", *(f"{mean:.3f}" for mean in means)))
    head = ("attribute", "source left out", "languages", "positive / n", "AUC", "without the seeds", "in an afternoon")
    print_table("", head, rows)
    return None
