"""The model card: what a manifest says, as a page for people, and vouched for like every other file of the version."""

import msgspec
import pytest

from classifiers.card import CARD, LIMITS, card, write_card
from classifiers.errors import DigestMismatch
from classifiers.manifest import DataEntry, LanguageFigures, Manifest, entries_of, verify, write_manifest
from classifiers.sources import known_sources

FIGURES = {"auc": 0.91, "n": 1000, "positives": 100, "calibration_error": 0.01234}


def a_manifest(**changes: object) -> Manifest:
    known = next(iter(known_sources().values()))
    given = {
        "version": "v1", "made_at": "2026-01-01", "kind": "adapted", "attributes": ("spam", "toxicity"), "files": {},
        "figures": {"spam": FIGURES},
        "languages": {"en": LanguageFigures(True, 0.9, 50), "xx": LanguageFigures(False)},
        "data": (DataEntry(known.source, 10, known.licence, known.digest), DataEntry("mine", 5)),
    }  # fmt: skip
    return Manifest(**given | changes)


def test_it_tells_figures_languages_and_where_the_data_is_from() -> None:
    page = card(a_manifest(), "## More\n\n")
    known = next(iter(known_sources().values()))
    assert page.startswith("# Model card: v1\n")
    assert "| spam | 0.91 | 1000 | 100 | 0.012 | not kept | not kept | not kept | not kept |" in page
    assert "| toxicity |" not in page, "what was not measured is not told"
    assert "| en | 0.9 | 50 | yes |" in page
    assert "| xx | not measured | 0 | no |" in page
    assert f"| {known.source} | 10 | {known.licence} | {known.origin} |" in page
    assert "| mine | 5 | own or given |  |" in page
    assert page.index("## More") < page.index(LIMITS) < page.index("## Data")


def test_it_tells_on_which_rows_the_calibration_error_was_measured_and_which_were_fitted_to() -> None:
    found = {"calibrated_on": {"rows": 300, "positives": 70}, "judged_on": {"rows": 200, "positives": 7}}
    page = card(a_manifest(figures={"spam": FIGURES | found}))
    assert "| spam | 0.91 | 1000 | 100 | 0.012 | 200 | 7 | 300 | 70 |" in page
    assert "| calibration error | of rows | positive | fitted to rows | positive |" in page


def test_a_version_that_kept_only_what_it_was_fitted_to_was_measured_on_that() -> None:
    page = card(a_manifest(figures={"spam": FIGURES | {"calibrated_on": {"rows": 300, "positives": 7}}}))
    assert "| spam | 0.91 | 1000 | 100 | 0.012 | 300 | 7 | 300 | 7 |" in page


def test_a_card_that_was_changed_afterwards_is_noticed(tmp_path) -> None:
    write_manifest(tmp_path, msgspec.structs.replace(a_manifest(), files=entries_of(tmp_path)))
    write_card(tmp_path)
    assert verify(tmp_path).files.keys() == {CARD}
    text = (tmp_path / CARD).read_text()
    (tmp_path / CARD).write_text(text.replace("0.91", "0.99"))
    with pytest.raises(DigestMismatch):
        verify(tmp_path)
