"""Comparing: the champion beside a candidate, counted row by row, with the comments on which they part."""

import msgspec
import numpy as np
import pytest

from classifiers.comparing import EXCERPT, WORST, CommentChange, area, auc_gain, compare
from classifiers.dataset import Row, from_rows
from classifiers.manifest import ATTRIBUTES, Manifest
from classifiers.report import comparison_page

SPAM, TOXICITY, PROFANITY = map(ATTRIBUTES.index, ("spam", "toxicity", "profanity"))


def a_manifest(name: str, threshold: float = 0.5) -> Manifest:
    return Manifest(
        version=name, made_at="2026-01-01", kind="scratch", attributes=("spam", "toxicity"), files={},
        thresholds={"spam": {"precision_0.90": threshold}},
    )  # fmt: skip


def rows(truth: list[float], text: str = "text"):
    return from_rows([Row(text=f"{text} {at}", spam=value) for at, value in enumerate(truth)])


def scores(*spam: float) -> np.ndarray:
    found = np.zeros((len(spam), len(ATTRIBUTES)))
    found[:, SPAM] = spam
    return found


def test_the_area_is_the_share_of_pairs_in_order_and_a_draw_counts_half() -> None:
    assert area(np.array([0.9, 0.8]), np.array([0.1, 0.2])) == 1.0
    assert area(np.array([0.1]), np.array([0.9])) == 0.0
    assert area(np.array([0.5, 0.5]), np.array([0.5, 0.1])) == 0.75


def test_each_row_that_changes_sides_is_counted_once_and_where_it_belongs() -> None:
    data = rows([1, 1, 1, 0, 0, 0])
    before = scores(0.9, 0.9, 0.1, 0.1, 0.9, 0.1)
    after = scores(0.9, 0.2, 0.8, 0.7, 0.3, 0.1)
    found = compare(a_manifest("v1"), a_manifest("v2"), before, after, data)
    change = found.changes["spam"]
    assert (change.n, change.approved) == (6, 3)
    assert (change.champion_rejects_approved, change.candidate_rejects_approved) == (1, 1)
    assert (change.champion_misses, change.candidate_misses) == (1, 1)
    assert (change.worse, change.better) == (2, 2)
    assert [flip.text for flip in found.worst_flips] == ["text 1", "text 3"]
    assert [flip.text for flip in found.best_flips] == ["text 2", "text 4"]
    assert found.agreement == pytest.approx(2 / 6)
    assert found.sentence() == (
        "v2 would have held 1 of 3 approved comments (v1: 1) and let 1 of 3 bad ones through (v1: 1)"
    )


def test_what_would_be_held_is_counted_in_comments_and_not_once_for_every_fault() -> None:
    data = from_rows([
        Row(text="both faults", toxicity=1.0, spam=1.0),
        Row(text="toxic, no spam", toxicity=1.0, spam=0.0),
        Row(text="a rude word alone", toxicity=0.0, profanity=1.0),
        Row(text="harmless", toxicity=0.0, spam=0.0),
        Row(text="of rude words alone it was asked", profanity=1.0),
    ])  # fmt: skip
    every = msgspec.structs.replace(a_manifest("v1"), attributes=ATTRIBUTES)
    before, after = np.zeros((2, 5, len(ATTRIBUTES)))
    before[:, TOXICITY], after[:, TOXICITY] = (0.9, 0.9, 0.1, 0.1, 0.1), (0.1, 0.1, 0.1, 0.1, 0.1)
    before[:, SPAM], after[:, SPAM] = (0.1, 0.9, 0.1, 0.1, 0.1), (0.9, 0.9, 0.1, 0.9, 0.1)
    before[:, PROFANITY] = after[:, PROFANITY] = 0.99
    found = compare(every, msgspec.structs.replace(every, version="v2"), before, after, data)
    assert found.comments == CommentChange(
        approved=2, champion_holds_approved=0, candidate_holds_approved=1, bad=2,
        champion_misses=0, candidate_misses=0, lost=0, won=0,
    )  # fmt: skip
    assert found.sentence().startswith("v2 would have held 1 of 2 approved comments (v1: 0)")
    spam = found.changes["spam"]
    assert (spam.approved, spam.champion_rejects_approved, spam.candidate_rejects_approved) == (1, 0, 1)


def test_bad_comments_are_counted_that_only_one_version_holds() -> None:
    found = compare(
        a_manifest("v1"), a_manifest("v2"), scores(0.9, 0.9, 0.1, 0.1), scores(0.1, 0.9, 0.9, 0.1), rows([1, 1, 1, 1])
    )
    assert (found.comments.bad, found.comments.lost, found.comments.won) == (4, 1, 1)
    assert (found.comments.champion_misses, found.comments.candidate_misses) == (2, 2)


def test_each_version_is_measured_at_its_own_threshold() -> None:
    same = scores(0.6, 0.6)
    found = compare(a_manifest("v1", 0.5), a_manifest("v2", 0.7), same, same, rows([1, 0]))
    change = found.changes["spam"]
    assert (change.champion_rejects_approved, change.candidate_rejects_approved) == (1, 0)
    assert (change.champion_misses, change.candidate_misses) == (0, 1)
    assert change.auc_gain.value == 0


def test_a_threshold_that_the_service_would_not_use_is_not_what_a_version_is_measured_at() -> None:
    same = scores(0.92, 0.92, 0.4)
    found = compare(a_manifest("v1", 0.99), a_manifest("v2", 0.1), same, same, rows([1, 0, 0]))
    change = found.changes["spam"]
    assert (change.champion_rejects_approved, change.candidate_rejects_approved) == (1, 1)
    assert (change.champion_misses, change.candidate_misses) == (0, 0)


def test_an_attribute_without_a_single_label_is_no_change_and_one_sided_labels_have_no_area() -> None:
    found = compare(a_manifest("v1"), a_manifest("v2"), scores(0.1, 0.9), scores(0.2, 0.8), rows([1, 1]))
    assert set(found.changes) == {"spam"}
    assert found.changes["spam"].auc_gain is None


def test_an_attribute_with_a_single_label_is_no_change_and_has_no_place_on_the_page() -> None:
    few = from_rows([Row(text="one", spam=1.0, toxicity=0.0), Row(text="two", spam=0.0)])
    found = compare(a_manifest("v1"), a_manifest("v2"), scores(0.1, 0.9), scores(0.9, 0.1), few)
    assert set(found.changes) == set(found.champion.attributes) == set(found.candidate.attributes) == {"spam"}
    page = comparison_page(found)
    assert "id='spam'" in page
    assert "id='toxicity'" not in page


def test_what_is_shown_is_short_and_the_farthest_first() -> None:
    count = 3 * WORST
    after = np.linspace(0.49, 0.0, count)
    found = compare(
        a_manifest("v1"), a_manifest("v2"), scores(*[0.9] * count), scores(*after), rows([1] * count, "x" * 900)
    )
    assert len(found.worst_flips) == WORST
    moved = [flip.champion - flip.candidate for flip in found.worst_flips]
    assert moved == sorted(moved, reverse=True)
    assert moved[0] == pytest.approx(0.9)
    assert {len(flip.text) for flip in found.worst_flips} == {EXCERPT}


def test_a_gain_has_an_interval_and_is_the_same_each_time() -> None:
    dice = np.random.default_rng(3)
    truth = np.arange(200) % 2 == 0
    before, after = dice.normal(size=200) + truth, dice.normal(size=200) + 3 * truth
    gain = auc_gain(truth, before, after)
    assert 0 < gain.low < gain.value < gain.high
    assert auc_gain(truth, before, after) == gain
    assert auc_gain(truth, after, before).value == pytest.approx(-gain.value)
