"""A candidate is promoted when it is no worse, and told in words when it is."""

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from classifiers import fairness, gate
from classifiers.adapting import adapt
from classifiers.comparing import auc_gain, compare
from classifiers.dataset import Row, concatenate, from_rows, load_seeds
from classifiers.errors import GateRefused
from classifiers.evaluation import Score, score_with
from classifiers.fairness import Fairness
from classifiers.manifest import ATTRIBUTES, Manifest, entries_of, read_manifest, write_manifest
from classifiers.registry import BUNDLED, Registry
from classifiers.scorer import Scorer
from tests.classifiers.labels import labels

_HELD = load_seeds("heldout")
SEEDS = _HELD.take(range(0, len(_HELD), 3))


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry")


def changed(registry: Registry, name: str, change: Callable[[np.ndarray], np.ndarray], **fields: object) -> Path:
    """Add the bundled version under another name, its weights changed."""
    with registry.staging() as staged:
        shutil.copytree(BUNDLED, staged, dirs_exist_ok=True)
        np.save(staged / "weights.npy", change(np.load(staged / "weights.npy")))
        manifest = msgspec.structs.replace(read_manifest(staged), version=name, files=entries_of(staged), **fields)
        write_manifest(staged, manifest)
        registry.add(staged)
    return registry.path(name)


@pytest.fixture(scope="module")
def worse(tmp_path_factory: pytest.TempPathFactory) -> tuple[Registry, gate.Verdict]:
    registry = Registry(tmp_path_factory.mktemp("worse"))
    return registry, gate.judge(BUNDLED, changed(registry, "worse", turned), seeds=SEEDS)


@pytest.fixture(scope="module")
def harbour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return adapt(BUNDLED, labels(260), tmp_path_factory.mktemp("harbour"), version="harbour-1")


def turned(weights: np.ndarray) -> np.ndarray:
    weights[:, ATTRIBUTES.index("toxicity")] *= -1
    return weights


def test_a_version_that_is_the_same_passes(registry: Registry) -> None:
    verdict = gate.judge(BUNDLED, changed(registry, "same", lambda weights: weights), seeds=SEEDS)
    assert verdict.passed, verdict.reasons()
    assert {check.name for check in verdict.checks} >= {
        "held-out seeds",
        "decisions",
        "fairness",
        "calibration",
        "speed",
    }
    assert gate.act(registry, verdict, by="ml").version == "same"
    assert registry.history()[-1].evidence["forced"] is False


def test_a_version_is_measured_once_though_it_is_held_against_several_and_anew_where_its_thresholds_changed(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[str] = []

    def measure(manifest: Manifest, score: Score) -> Fairness:
        measured.append(manifest.version)
        return fairness.measure(manifest, score, ("it",))

    monkeypatch.setattr(gate, "measure", measure)
    monkeypatch.setattr(gate, "_standings", {})
    few = _HELD.take(range(0, len(_HELD), 60))
    first, second = (changed(registry, name, lambda weights: weights) for name in ("first", "second"))
    held_against = [gate.judge(BUNDLED, candidate, seeds=few) for candidate in (first, second, first)]
    assert held_against[0].checks[:2] == held_against[2].checks[:2]
    own = read_manifest(BUNDLED).version
    assert measured == [own, "first", "second", "first"]
    thresholds = {**read_manifest(BUNDLED).thresholds, "toxicity": {"precision_0.90": 0.5}}
    lower = changed(registry, "lower", lambda weights: weights, thresholds=thresholds)
    gate.judge(BUNDLED, lower, seeds=few)
    assert measured[4:] == ["lower"]


def test_a_version_that_ranks_worse_is_refused_and_named(worse: tuple[Registry, gate.Verdict]) -> None:
    registry, verdict = worse
    assert not verdict.passed
    with pytest.raises(GateRefused, match="toxicity") as refused:
        gate.act(registry, verdict)
    assert refused.value.reasons
    assert registry.active() == read_manifest(BUNDLED).version


def test_a_version_that_ranks_as_well_but_flags_what_is_approved_is_refused(registry: Registry) -> None:
    lines = read_manifest(BUNDLED).calibration
    raised = {**lines, "toxicity": {**lines["toxicity"], "offset": lines["toxicity"]["offset"] + 4}}
    stern = changed(registry, "stern", lambda weights: weights, calibration=raised)
    verdict = gate.judge(BUNDLED, stern, seeds=_HELD.take(range(0, len(_HELD), 12)))
    found = {check.name: check for check in verdict.checks}
    assert found["held-out seeds"].passed
    assert not found["false alarms"].passed
    assert "on held-out seeds it flags more approved comments: toxicity 0." in found["false alarms"].words


def test_thresholds_that_rise_with_the_scores_hide_no_false_alarm_that_moderators_would_see(registry: Registry) -> None:
    bundled = read_manifest(BUNDLED)
    lines = {name: {**line, "offset": line["offset"] + 2} for name, line in bundled.calibration.items()}
    thresholds = {
        name: {asked: float(1 / (1 + (1 / at - 1) * np.exp(-2))) for asked, at in known.items()}
        for name, known in bundled.thresholds.items()
    }
    raised = changed(registry, "raised", lambda weights: weights, calibration=lines, thresholds=thresholds)
    verdict = gate.judge(BUNDLED, raised, seeds=_HELD.take(range(0, len(_HELD), 12)))
    found = {check.name: check for check in verdict.checks}
    assert not found["false alarms"].passed
    assert "more approved comments: toxicity 0." in found["false alarms"].words
    assert not found["fairness"].passed
    assert found["fairness"].words.startswith("gap of false positives between identities 0.031 -> 0.1")


def test_a_version_that_surely_misses_more_of_what_moderators_rejected_is_refused(registry: Registry) -> None:
    lines = read_manifest(BUNDLED).calibration
    sunk = {name: {**line, "offset": line["offset"] - 2} for name, line in lines.items()}
    mild = changed(registry, "mild", lambda weights: weights, calibration=sunk)
    decisions = _HELD.take(np.flatnonzero(np.array(_HELD.lang) == "en")[:400])
    found = gate.judge(BUNDLED, mild, decisions, seeds=_HELD.take(range(0, len(_HELD), 24)))
    (misses,) = [check for check in found.checks if check.name == "misses"]
    assert not misses.passed
    assert misses.words.startswith("on later decisions it holds fewer rejected comments: 0.")


@pytest.mark.parametrize(
    ("lost", "won", "passed"),
    [(3, 0, True), (30, 0, False), (60, 40, False), (49, 40, True), (9, 0, True), (0, 90, True)],
)
def test_only_comments_on_which_two_versions_part_tell_how_sure_it_is(lost: int, won: int, passed: bool) -> None:
    bad = 5 if lost == 3 else 200
    truth = np.ones(bad)
    before, after = np.full((2, bad), 0.9)
    after[:lost], before[lost : lost + won] = 0.1, 0.1
    manifest = msgspec.structs.replace(read_manifest(BUNDLED), attributes=("spam",))
    rows = from_rows([Row(text=f"comment {at}", spam=value) for at, value in enumerate(truth)])
    columns = [np.stack([side] + [np.zeros(bad)] * (len(ATTRIBUTES) - 1), axis=1) for side in (before, after)]
    check = gate._misses("later decisions", compare(manifest, manifest, *columns, rows))
    assert check.passed is passed, check.words


def test_force_promotes_against_the_gate_and_is_remembered(worse: tuple[Registry, gate.Verdict]) -> None:
    registry, verdict = worse
    gate.act(registry, verdict, by="ann", force=True)
    move = registry.history()[-1]
    assert registry.active() == "worse"
    assert (move.by, move.evidence["forced"]) == ("ann", True)
    assert move.evidence["gate"]["passed"] is False
    registry.rollback()


def test_a_version_that_scores_fewer_attributes_is_refused(registry: Registry, tmp_path: Path) -> None:
    manifest = read_manifest(BUNDLED)
    with registry.staging() as staged:
        shutil.copytree(BUNDLED, staged, dirs_exist_ok=True)
        weights, head = np.load(staged / "weights.npy"), np.load(staged / "head.npy")
        np.save(staged / "weights.npy", np.delete(weights, len(ATTRIBUTES) - 1, axis=1))
        np.save(staged / "head.npy", head[:-1])
        np.save(staged / "scales.npy", np.delete(np.load(staged / "scales.npy"), len(ATTRIBUTES) - 1))
        fewer = msgspec.structs.replace(
            manifest, version="fewer", attributes=manifest.attributes[:-1], files=entries_of(staged)
        )
        write_manifest(staged, fewer)
        registry.add(staged)
    verdict = gate.judge(BUNDLED, registry.path("fewer"), seeds=SEEDS)
    assert any("identity_attack" in reason for reason in verdict.reasons())


def test_decisions_it_learned_from_do_not_speak_for_it(harbour: Path) -> None:
    rows = labels(260)
    known = gate.judge(BUNDLED, harbour, rows, seeds=SEEDS)
    assert any("0 decisions that neither version learned from" in check.words for check in known.checks)
    own = read_manifest(BUNDLED).version
    assert f"labels left out: 260 learned by {own} or harbour-1" in [check.words for check in known.checks]
    turned_round = gate.judge(harbour, BUNDLED, rows, seeds=SEEDS)
    assert f"labels left out: 260 learned by harbour-1 or {own}" in [check.words for check in turned_round.checks]
    outside = concatenate([labels(60, seed=9, source="akismet"), labels(20, seed=11)])
    words = [check.words for check in gate.judge(BUNDLED, harbour, outside, seeds=SEEDS).checks]
    assert "labels left out: 60 of outside services" in words
    assert any("20 decisions that neither" in told for told in words)
    later = gate.judge(BUNDLED, harbour, labels(260, seed=9), seeds=SEEDS)
    found = {check.name: check for check in later.checks}
    assert found["later decisions"].passed
    assert "toxicity +0." in found["later decisions"].words


def test_a_version_made_for_one_site_must_not_spoil_another(harbour: Path, tmp_path: Path) -> None:
    own, elsewhere = labels(60, seed=9), labels(300, seed=11)
    elsewhere.site[:] = ["elsewhere"] * 300
    elsewhere.column("toxicity")[:] = 1 - elsewhere.column("toxicity")
    for_one = tmp_path / "for-one"
    shutil.copytree(harbour, for_one)
    (for_one / "manifest.json").unlink()
    write_manifest(for_one, msgspec.structs.replace(read_manifest(harbour), site="harbour-news"))
    verdict = gate.judge(BUNDLED, for_one, concatenate([own, elsewhere]), seeds=SEEDS)
    assert any("on decisions of other sites it ranks worse" in reason for reason in verdict.reasons())
    assert not any("on later decisions" in reason for reason in verdict.reasons())


@pytest.mark.parametrize(("shift", "passed"), [(-0.5, True), (-2.0, False)])
def test_a_version_for_one_site_may_have_a_level_of_its_own_but_not_any(
    shift: float, passed: bool, registry: Registry
) -> None:
    lines = read_manifest(BUNDLED).calibration
    sunk = {name: {**line, "offset": line["offset"] + shift} for name, line in lines.items()}
    for_one = changed(registry, "sunk", lambda weights: weights, calibration=sunk, site="harbour-news")
    verdict = gate.judge(BUNDLED, for_one, seeds=_HELD.take(range(0, len(_HELD), 6)))
    found = {check.name: check for check in verdict.checks}
    assert found["decisions"].words.startswith("0 decisions")
    assert found["calibration"].passed is passed


def test_decisions_that_it_gets_wrong_stop_it(harbour: Path) -> None:
    opposite = labels(300, seed=9)
    opposite.column("toxicity")[:] = 1 - opposite.column("toxicity")
    verdict = gate.judge(BUNDLED, harbour, opposite, seeds=SEEDS)
    assert any("later decisions" in reason for reason in verdict.reasons())


def test_a_single_label_of_an_attribute_judges_nothing(harbour: Path) -> None:
    later = labels(60, seed=9)
    later.column("threat")[0] = 1.0
    words = [check.words for check in gate.judge(BUNDLED, harbour, later, seeds=SEEDS).checks]
    told = next(one for one in words if one.startswith("calibration error on later decisions"))
    assert "toxicity" in told
    assert "threat" not in told


def test_a_comparison_counts_what_would_have_changed(harbour: Path) -> None:
    rows = labels(300, seed=9)
    old, new = Scorer.open(BUNDLED), Scorer.open(harbour)
    before, after = score_with(old)(rows.text, rows.lang), score_with(new)(rows.text, rows.lang)
    found = compare(old.manifest, new.manifest, before, after, rows)
    change = found.changes["toxicity"]
    assert change.candidate_misses < change.champion_misses
    assert change.approved == int((rows.column("toxicity") < 0.5).sum())
    assert len(found.worst_flips) <= 20
    assert all(flip.truth >= 0.5 for flip in found.best_flips if flip.candidate > flip.champion)
    assert (
        f"would have held {found.comments.candidate_holds_approved} of {change.approved} approved" in found.sentence()
    )
    assert 0 <= found.agreement < 1


def test_the_gain_of_the_same_scores_is_nothing() -> None:
    truth, said = np.array([True, False] * 20), np.random.default_rng(1).random(40)
    gain = auc_gain(truth, said, said)
    assert gain is not None
    assert (gain.value, gain.low, gain.high) == (0.0, 0.0, 0.0)
    assert auc_gain(truth, said, truth.astype(float)).low > 0  # type: ignore[union-attr]
