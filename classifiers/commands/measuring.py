"""The commands that look at versions: evaluate, compare, report, and score comments."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click
import msgspec

from classifiers.commands.terminal import (
    FILES,
    bounds,
    evidence_of,
    folder_of,
    json_option,
    labels_option,
    pass_registry,
    print_json,
    print_table,
    scoring,
)
from classifiers.comparing import Comparison
from classifiers.errors import DatasetInvalid
from classifiers.evaluation import BATCH, Evaluation, evaluate
from classifiers.registry import Registry
from classifiers.scorer import Item, Scorer

if TYPE_CHECKING:
    from classifiers.fairness import Fairness

MAX_LINE_BYTES = 2 * 2**20


@click.command(name="evaluate")
@click.argument("version", required=False)
@labels_option
@click.option("--fairness", is_flag=True, help="Measure the identity-swap sentences too.")
@json_option
@pass_registry
def evaluate_command(
    registry: Registry, version: str | None, data: tuple[Path, ...], fairness: bool, as_json: bool
) -> None:
    """Measure a version on labelled rows."""
    folder = folder_of(registry, version)
    scorer, rows = Scorer.open(folder), evidence_of(data, folder)
    with scoring(scorer) as judge:
        found = evaluate(scorer.manifest, judge, rows)
    swaps = _swaps(scorer) if fairness else None
    if as_json:
        return print_json({"evaluation": found, "fairness": swaps} if fairness else found)
    print_table(f"{found.version} on {found.rows} rows, {found.microseconds:.0f} us a comment", *_figures_of(found))
    if swaps:
        click.echo(f"identity swaps: AUC {bounds(swaps.auc)}, gap of false positives {swaps.gap:.3f}")
    return None


@click.command()
@click.argument("candidate")
@click.option("--against", help="The version to compare with. Default: the active one.")
@labels_option
@json_option
@pass_registry
def compare(registry: Registry, candidate: str, against: str | None, data: tuple[Path, ...], as_json: bool) -> None:
    """Set a candidate beside the champion on the same rows."""
    found = _compare(folder_of(registry, candidate), folder_of(registry, against), data)
    if as_json:
        return print_json(found)
    rows = [
        (
            name,
            str(change.n),
            bounds(found.champion.attributes[name].overall.auc),
            bounds(found.candidate.attributes[name].overall.auc),
            f"{change.better} / {change.worse}",
        )
        for name, change in found.changes.items()
    ]
    print_table("", ("attribute", "n", "AUC champion", "AUC candidate", "righted / spoiled"), rows)
    for flip in found.worst_flips:
        click.echo(
            f"  {flip.attribute} {flip.champion:.2f} -> {flip.candidate:.2f}, label {flip.truth:g}: {_line(flip.text)}"
        )
    click.echo(found.sentence())
    return None


@click.command()
@click.argument("version", required=False)
@labels_option
@click.option("--against", help="Set it beside this version instead of measuring it alone.")
@click.option("--out", type=FILES, required=True, help="The HTML page to write.")
@pass_registry
def report(registry: Registry, version: str | None, data: tuple[Path, ...], against: str | None, out: Path) -> None:
    """Write one self-contained HTML page with figures and plots."""
    from classifiers import report as pages

    folder = folder_of(registry, version)
    if against:
        page = pages.comparison_page(_compare(folder, folder_of(registry, against), data))
    else:
        scorer, rows = Scorer.open(folder), evidence_of(data, folder)
        with scoring(scorer) as judge:
            found = evaluate(scorer.manifest, judge, rows)
        page = pages.evaluation_page(scorer.manifest, found, _swaps(scorer))
    out.write_text(page, "utf-8")
    click.echo(f"wrote {out}")


@click.command(name="score")
@click.option(
    "--input", "source", type=click.File("rb"), required=True, help='Lines {"id","text"}; - reads from stdin.'
)
@click.option("--version", "version", help="The version to score with. Default: the active one.")
@pass_registry
def score_command(registry: Registry, source: BinaryIO, version: str | None) -> None:
    """Score comments, one JSON object a line in and out."""
    scorer = Scorer.open(folder_of(registry, version))
    encoder, out = msgspec.json.Encoder(), sys.stdout.buffer
    for asked in _batches(_asked(source)):
        found = scorer.score([Item(one.text, name=one.name, url=one.url, lang=one.lang) for one in asked])
        for one, scores in zip(asked, found, strict=True):
            values = {name: round(value, 6) for name, value in scores.values.items()}
            out.write(encoder.encode({"id": one.id, "scores": values, "model": scorer.version}) + b"\n")
        out.flush()


class Asked(msgspec.Struct, frozen=True):
    """One line of what `score` is given."""

    text: str
    id: str | int | None = None
    name: str = ""
    url: str = ""
    lang: str = ""


def _asked(source: BinaryIO) -> Iterator[Asked]:
    decoder, number = msgspec.json.Decoder(Asked), 0
    while line := source.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            raise DatasetInvalid(f"line {number}: longer than {MAX_LINE_BYTES} bytes")
        if not line.strip():
            continue
        try:
            yield decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise DatasetInvalid(f"line {number}: {error}") from None


def _batches(asked: Iterable[Asked]) -> Iterator[list[Asked]]:
    batch: list[Asked] = []
    for one in asked:
        batch.append(one)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _compare(candidate: Path, against: Path, data: tuple[Path, ...]) -> Comparison:
    from classifiers.comparing import compare as set_beside

    new, old = Scorer.open(candidate), Scorer.open(against)
    rows = evidence_of(data, candidate, against)
    with scoring(old) as judge:
        before = judge(rows.text, rows.lang)
    with scoring(new) as judge:
        after = judge(rows.text, rows.lang)
    return set_beside(old.manifest, new.manifest, before, after, rows)


def _swaps(scorer: Scorer) -> "Fairness":
    from classifiers.fairness import measure

    with scoring(scorer, "scoring sentences about groups") as judge:
        return measure(scorer.manifest, judge)


def _figures_of(found: Evaluation) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    head = ("attribute", "n", "positive", "AUC (95%)", "calibration error", "precision / recall at threshold")
    rows: list[tuple[str, ...]] = []
    for name, one in found.attributes.items():
        working = next(iter(one.at.values()), None)
        at = f"{bounds(working.precision)} / {bounds(working.recall)} at {working.threshold:.2f}" if working else ""
        overall = one.overall
        rows.append(
            (name, str(overall.n), str(overall.positives), bounds(overall.auc), f"{overall.calibration_error:.3f}", at)
        )
    return head, rows


def _line(text: str) -> str:
    return " ".join(text.split())[:100]
