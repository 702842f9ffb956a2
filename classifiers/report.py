"""From records to one self-contained page: tables and drawings, no script, nothing fetched from anywhere."""

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from string import Template

from classifiers import plots
from classifiers.comparing import AttributeChange, Comparison, Flip
from classifiers.evaluation import AttributeReport, Estimate, Evaluation, Figures
from classifiers.fairness import Fairness
from classifiers.manifest import Manifest

Cell = str | float | int | None


def evaluation_page(manifest: Manifest, found: Evaluation, fairness: Fairness | None = None) -> str:
    """Write the page of one version."""
    parts = [f"<p class='quiet'>{_GLOSSARY}</p>", _contents(found.attributes), _summary(found)]
    parts += [_attribute(name, one) for name, one in found.attributes.items()]
    if fairness is not None:
        parts.append(_fairness(fairness))
    parts.append(_provenance(manifest))
    subtitle = f"{found.rows} rows of {', '.join(found.data)[:300]}; {found.microseconds:.0f} µs a comment"
    return _page(f"Version {found.version}", subtitle, parts)


def comparison_page(found: Comparison) -> str:
    """Write the page that sets a candidate beside the champion."""
    rows: list[Sequence[Cell]] = []
    moved = [name for name, change in found.changes.items() if _moves(found, name, change)]
    moved = moved or list(found.changes)
    still = [_named(name) for name in found.changes if name not in moved]
    for name, change in found.changes.items():
        before, after = found.champion.attributes[name].overall, found.candidate.attributes[name].overall
        rows.append(
            (
                _named(name),
                change.n,
                f"{_value(before.auc)} → {_value(after.auc)}",
                _bounds(change.auc_gain, signed=True) if name in moved else "none",
                f"{before.calibration_error:.3f} → {after.calibration_error:.3f}",
                f"{change.champion_rejects_approved} → {change.candidate_rejects_approved} of {change.approved}",
                f"{change.champion_misses} → {change.candidate_misses}",
                change.better,
                change.worse,
            )
        )
    head = (
        "",
        "n",
        "AUC",
        "gain (95%)",
        "calibration error",
        "approved held",
        "missed",
        "righted",
        "spoiled",
    )
    parts = [
        f"<p>{escape(found.sentence())}.</p><p class='quiet'>The champion serves now, the candidate would. Held is a "
        "comment for whatever the profile “balanced” holds for, approved one in which no label finds such a fault. "
        f"{_GLOSSARY} In the table each fault stands alone: “approved held” counts approved comments that would be held "
        "for it, “missed” those with it that would not, though they may be for another; “righted” and “spoiled” are the "
        "comments on which only the candidate, or only the champion, is right.</p>",
        _contents(moved),
        _table(head, rows),
        f"<p class='quiet'>Both score alike: {escape(', '.join(still))}.</p>" if still else "",
        _flips("The worst flips", found.worst_flips),
        _flips("The best flips", found.best_flips),
    ]
    for name in moved:
        sides = {"champion": found.champion.attributes[name], "candidate": found.candidate.attributes[name]}
        drawn = [
            plots.precision_recall({side: one.curve for side, one in sides.items()}),
            plots.roc({side: one.curve for side, one in sides.items()}),
            plots.calibration({side: one.calibration for side, one in sides.items()}),
        ]
        beside = _slices_beside(sides["champion"], sides["candidate"])
        parts.append(f"<h2 id='{escape(name)}'>{escape(_named(name))}</h2>{_drawings(drawn)}{beside}")
    title = f"{found.candidate.version} against {found.champion.version}"
    return _page(title, f"{found.candidate.rows} rows of {', '.join(found.candidate.data)[:300]}", parts)


_GLOSSARY = (
    "AUC is the share of pairs, one comment with the fault and one without, in which the first has the higher score; "
    "brackets hold the interval of 95%. The calibration error is how far probabilities lie from what was seen."
)


def _contents(names: Iterable[str]) -> str:
    links = "".join(f"<a href='#{escape(name)}'>{escape(_named(name))}</a>" for name in names)
    return f"<nav>{links}</nav>" if links else ""


def _named(attribute: str) -> str:
    return attribute.replace("_", " ")


def _moves(found: Comparison, name: str, change: AttributeChange) -> bool:
    """Say whether the two versions score an attribute differently on these rows."""
    before, after = found.champion.attributes[name], found.candidate.attributes[name]
    return bool(change.better or change.worse) or before.curve != after.curve or before.calibration != after.calibration


def _summary(found: Evaluation) -> str:
    rows: list[Sequence[Cell]] = [
        (
            _named(name),
            one.overall.n,
            one.overall.positives,
            _bounds(one.overall.auc),
            one.overall.average_precision,
            one.overall.calibration_error,
            one.overall.brier,
        )
        for name, one in found.attributes.items()
    ]
    return _table(("", "n", "positive", "AUC (95%)", "average precision", "calibration error", "Brier"), rows)


def _provenance(manifest: Manifest) -> str:
    rows: list[Sequence[Cell]] = [(entry.source, entry.rows, entry.licence) for entry in manifest.data]
    origin = f"Made {manifest.made_at}, {manifest.kind}" + (f" from {manifest.base}" if manifest.base else "")
    unsupported = ", ".join(lang for lang, one in manifest.languages.items() if not one.supported) or "none"
    return (
        f"<h2>What it learned from</h2><p class='quiet'>{escape(origin)}. Languages below the bar: {escape(unsupported)}.</p>"
        + _table(("source", "rows", "licence"), rows)
    )


def _fairness(found: Fairness) -> str:
    rows: list[Sequence[Cell]] = [
        (lang, one.identities, one.sentences, _bounds(one.auc), _bounds(one.attack_auc), one.gap)
        for lang, one in found.languages.items()
    ]
    worst: list[Sequence[Cell]] = [
        (group.identity, group.lang, group.kind, group.civil, _bounds(group.false_positive_rate))
        for group in found.worst[:10]
    ]
    return (
        f"<h2>Fairness</h2><p>Hostile and civil sentences about the same groups are told apart with AUC {_bounds(found.auc)};"
        f" identity attacks with {_bounds(found.attack_auc)}. The widest gap of false positives is {found.gap:.3f}.</p>"
        + _table(("language", "groups", "sentences", "AUC toxicity", "AUC identity attack", "gap"), rows)
        + "<h3>Groups whose civil sentences are flagged most</h3>"
        + _table(("group", "language", "kind", "civil sentences", "flagged"), worst)
    )


def _attribute(name: str, one: AttributeReport) -> str:
    drawn = [
        plots.precision_recall({name: one.curve}),
        plots.roc({name: one.curve}),
        plots.calibration({name: one.calibration}),
    ]
    drawn += [plots.areas(found) for kind, found in one.slices.items() if kind != "phenomenon" and _ranked(found)]
    thresholds: list[Sequence[Cell]] = [
        (
            f"precision ≥ {label.partition('_')[2]}",
            at.threshold,
            at.flagged,
            _bounds(at.precision),
            _bounds(at.recall),
            _bounds(at.false_positive_rate),
            at.cost,
        )
        for label, at in one.at.items()
    ]
    return (
        f"<h2 id='{escape(name)}'>{escape(_named(name))}</h2>"
        + _table(("asked for", "threshold", "flagged", "precision", "recall", "false positives", "cost"), thresholds)
        + _drawings(drawn)
        + "".join(_folded(f"By {kind}", _slices(found)) for kind, found in one.slices.items() if found)
    )


def _slices(found: dict[str, Figures]) -> str:
    rows: list[Sequence[Cell]] = [
        (name, one.n, one.positives, _bounds(one.auc), one.calibration_error) for name, one in found.items()
    ]
    return _table(("", "n", "positive", "AUC (95%)", "calibration error"), rows)


def _slices_beside(before: AttributeReport, after: AttributeReport) -> str:
    rows: list[Sequence[Cell]] = [
        (f"{kind}: {name}", one.n, one.positives, _bounds(one.auc), _bounds(after.slices[kind][name].auc))
        for kind, found in before.slices.items()
        for name, one in found.items()
        if name in after.slices.get(kind, {})
    ]
    beside = _table(("", "n", "positive", "AUC champion", "AUC candidate"), rows)
    return _folded("By language, source, site, length, phenomenon and group", beside) if rows else ""


def _flips(title: str, flips: tuple[Flip, ...]) -> str:
    if not flips:
        return f"<h2>{title}</h2><p class='quiet'>None.</p>"
    rows = "".join(
        f"<tr><td>{escape(flip.attribute)}</td><td>{'yes' if flip.truth >= 0.5 else 'no'}</td><td>{flip.champion:.3f}</td>"
        f"<td>{flip.candidate:.3f}</td><td class='text'>{escape(flip.text)}</td></tr>"
        for flip in flips
    )
    return (
        f"<h2>{title}</h2><table><tr><th>attribute</th><th>label</th><th>champion</th><th>candidate</th>"
        f"<th class='text'>comment</th></tr>{rows}</table>"
    )


def _ranked(found: dict[str, Figures]) -> bool:
    return sum(1 for one in found.values() if one.auc) > 1


def _value(found: Estimate | None) -> str:
    return "–" if found is None else f"{found.value:.3f}"


def _bounds(found: Estimate | None, signed: bool = False) -> str:
    if found is None:
        return "–"
    sign = "+" if signed else ""
    return f"{found.value:{sign}.3f} ({found.low:{sign}.3f} to {found.high:{sign}.3f})"


def _table(head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    if not rows:
        return ""
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row) + "</tr>" for row in rows)
    return f"<div class='wide'><table><tr>{top}</tr>{body}</table></div>"


def _cell(value: Cell) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else escape(str(value))


def _folded(title: str, content: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{content}</details>"


def _drawings(drawn: Iterable[str]) -> str:
    return f"<div class='plots'>{''.join(drawn)}</div>"


def _page(title: str, subtitle: str, parts: Iterable[str]) -> str:
    template = Template(files("classifiers").joinpath("report.html").read_text("utf-8"))
    return template.substitute(title=escape(title), subtitle=escape(subtitle), body="\n".join(parts))
