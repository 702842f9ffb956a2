"""The model card of a version, written from its manifest: what it is, what it learned from, what it can and cannot do."""

from pathlib import Path

import msgspec

from classifiers.manifest import Manifest, entries_of, read_manifest, write_manifest
from classifiers.sources import known_sources

CARD = "MODEL_CARD.md"

LIMITS = """\
## Limits

The scores rank comments for people to look at; they are no proof of anything. Irony, quotation, reclaimed words and
what only the thread makes plain are often misread. Corpora disagree on what they call toxic, so a probability says how
often annotators of such sources agreed, not what is right. Languages marked unsupported get scores too, and the service
holds what it cannot judge. Threats and severe toxicity were learned from few examples.
"""


def write_card(folder: Path, extra: str = "") -> None:
    """Write the card of a version and vouch for it in the manifest; `extra` stands between figures and limits."""
    manifest = read_manifest(folder)
    (folder / CARD).write_text(card(manifest, extra), "utf-8")
    write_manifest(folder, msgspec.structs.replace(manifest, files=entries_of(folder)))


def card(manifest: Manifest, extra: str = "") -> str:
    """Compose the card."""
    filters = (
        ", and short patterns of words that a small convolution has learned" if "marks" in manifest.features else ""
    )
    parts = [
        f"# Model card: {manifest.version}\n",
        f"Made {manifest.made_at}, {manifest.kind}. A linear model per attribute over hashed words, pairs of words and "
        f"character n-grams, and hand-made features of a comment{filters}. It scores comments for moderation.\n",
        "## Figures on held-back rows\n",
        "| attribute | AUC | rows | positive | calibration error | of rows | positive | fitted to rows | positive |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for attribute in manifest.attributes:
        found = manifest.figures.get(attribute)
        if found:
            fitted = found.get("calibrated_on", {"rows": "not kept", "positives": "not kept"})
            judged = found.get("judged_on", fitted)
            parts.append(
                f"| {attribute} | {found['auc']} | {found['n']} | {found['positives']} | {found['calibration_error']:.3f} "
                f"| {judged['rows']} | {judged['positives']} | {fitted['rows']} | {fitted['positives']} |"
            )
    parts.append(
        "\nThe AUC is that of all held-back rows; the calibration error that of the rows of natural prevalence where there are "
        "any, in which the fault is as rare as on a site. Probabilities are fitted to these; where they hold too few "
        "positives for that, to all rows, half of the weight being theirs. On others probabilities are too low."
    )
    parts.append("\n## Languages (toxicity)\n\n| language | AUC | rows | supported |\n| --- | --- | --- | --- |")
    parts.extend(
        f"| {lang} | {found.auc if found.auc is not None else 'not measured'} | {found.n} | {'yes' if found.supported else 'no'} |"
        for lang, found in manifest.languages.items()
    )
    parts.append("\n" + extra + LIMITS)
    parts.append("## Data and attributions\n\n| source | rows | licence | origin |\n| --- | --- | --- | --- |")
    origins = {entry.digest: entry.origin for entry in known_sources().values()}
    parts.extend(
        f"| {entry.source} | {entry.rows} | {entry.licence or 'own or given'} | {origins.get(entry.digest, '')} |"
        for entry in manifest.data
    )
    return "\n".join(parts) + "\n"
