"""The promotion gate: a candidate earns its place, or is told in words why not.

Each check compares the candidate with the version that is active. What cannot be judged, because there are too few
rows, passes and says so: the gate stops what is known to be worse, and people read the rest.
"""

import math
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from classifiers.comparing import Comparison, compare
from classifiers.dataset import Dataset, from_rows, load_seeds
from classifiers.errors import GateRefused
from classifiers.evaluation import Floats, score_with, share
from classifiers.evidence import to_judge
from classifiers.fairness import WIDEST_GAP, Fairness, measure
from classifiers.manifest import Manifest
from classifiers.registry import Move, Registry
from classifiers.scorer import Scorer

WORSE_AUC = 0.01
"""By how much the ranking of an attribute may fall on the held-out seeds."""
WORSE_CALIBRATION = 0.02
WORSE_AWAY = 0.1
"""The same on the held-out seeds for a version made for one site, which has a level of its own."""
MORE_ALARMS = 0.02
"""By how much the share of approved comments that are flagged may rise."""
FEWER_HELD = 0.05
"""By how much the share of rejected comments that are held may fall."""
SLOWEST_US = 100.0
SPEED_ROWS, SPEED_TURNS = 640, 4
FEWEST_DECISIONS = 40
KEPT = 2
"""Of so many versions it is kept how they stand, so that one champion can be held against several candidates."""

Progress = Callable[[str, int, int], None]


class Check(msgspec.Struct, frozen=True):
    """What one check of the gate found."""

    name: str
    passed: bool
    words: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate says of a candidate."""

    champion: str
    candidate: str
    passed: bool
    checks: tuple[Check, ...]

    def reasons(self) -> tuple[str, ...]:
        """Say why it did not pass."""
        return tuple(check.words for check in self.checks if not check.passed)


def judge(
    champion: Path,
    candidate: Path,
    decisions: Dataset | None = None,
    seeds: Dataset | None = None,
    progress: Progress | None = None,
) -> Verdict:
    """Hold a candidate against the champion on held-out seeds, later decisions, fairness, calibration and speed."""
    tell = progress or (lambda _step, _done, _total: None)
    old, new = Scorer.open(champion), Scorer.open(candidate)
    tell("held-out seeds and sentences about groups", 0, 3)
    held = load_seeds("heldout") if seeds is None else seeds
    before, after = _standing(old, held), _standing(new, held)
    on_seeds = compare(old.manifest, new.manifest, before.on_seeds, after.on_seeds, held)
    checks = [_missing(old, new), _ranking("held-out seeds", on_seeds), _alarms("held-out seeds", on_seeds)]
    tell("later decisions", 1, 3)
    later = to_judge(from_rows([]) if decisions is None else decisions, champion, candidate, own=True)
    if later.left_out:
        checks.append(Check("left out", True, later.words))
    own, others = _parted(later.rows, new.manifest.site)
    checks += _decisions(old, new, own, "later decisions") or _too_few(new.manifest, len(own), on_seeds)
    checks += _decisions(old, new, others, "decisions of other sites")
    checks += _fairness(before.fairness, after.fairness)
    tell("speed", 2, 3)
    checks.append(_speed(old, new, held))
    tell("done", 3, 3)
    return Verdict(
        champion=old.version,
        candidate=new.version,
        passed=all(check.passed for check in checks),
        checks=tuple(checks),
    )


def act(registry: Registry, verdict: Verdict, *, by: str = "", force: bool = False) -> Move:
    """Promote the candidate the verdict is about. With `force` also against the gate, and the history says so."""
    if not verdict.passed and not force:
        raise GateRefused(verdict.candidate, verdict.reasons())
    evidence: dict[str, Any] = {"forced": not verdict.passed, "gate": msgspec.to_builtins(verdict)}
    return registry.promote(verdict.candidate, by=by, evidence=evidence)


class _Standing(NamedTuple):
    """How a version stands where all are asked the same."""

    on_seeds: Floats
    fairness: Fairness


_standings: dict[bytes, _Standing] = {}


def _standing(scorer: Scorer, held: Dataset) -> _Standing:
    """Measure a version on held-out seeds and on sentences about groups, once: its digests and thresholds say which it is."""
    key = sha256(msgspec.json.encode([scorer.manifest, held.text, held.lang])).digest()
    found = _standings.pop(key, None)
    if found is None:
        found = _Standing(score_with(scorer)(held.text, held.lang), measure(scorer.manifest, score_with(scorer)))
    _standings[key] = found
    while len(_standings) > KEPT:
        del _standings[next(iter(_standings))]
    return found


def _compared(old: Scorer, new: Scorer, rows: Dataset) -> Comparison:
    before, after = score_with(old)(rows.text, rows.lang), score_with(new)(rows.text, rows.lang)
    return compare(old.manifest, new.manifest, before, after, rows)


def _missing(old: Scorer, new: Scorer) -> Check:
    lost = sorted(set(old.attributes) - set(new.attributes))
    return Check(
        "attributes", not lost, f"it does not score {', '.join(lost)}" if lost else "it scores every attribute"
    )


def _parted(decisions: Dataset, site: str) -> tuple[Dataset, Dataset]:
    """Part the decisions of the site a version was made for from those of the sites that would have it too."""
    own = np.array([not site or found in ("", site) for found in decisions.site], bool)
    return decisions.take(own), decisions.take(~own)


def _decisions(old: Scorer, new: Scorer, rows: Dataset, where: str) -> list[Check]:
    if len(rows) < FEWEST_DECISIONS:
        return []
    found = _compared(old, new, rows)
    return [_ranking(where, found), _alarms(where, found), _misses(where, found), _calibration(where, found)]


def _too_few(manifest: Manifest, seen: int, on_seeds: Comparison) -> list[Check]:
    """Without decisions, what probabilities mean is judged by the seeds, of a version for one site with more patience."""
    told = Check("decisions", True, f"{seen} decisions that neither version learned from, too few to judge by")
    return [told, _calibration("held-out seeds", on_seeds, WORSE_AWAY if manifest.site else WORSE_CALIBRATION)]


def _ranking(where: str, found: Comparison) -> Check:
    """Refuse an attribute that falls by more than WORSE_AUC and, by its interval, not by chance."""
    fallen: list[str] = []
    best: list[str] = []
    for attribute, change in found.changes.items():
        gain = change.auc_gain
        if gain is None:
            continue
        words = f"{attribute} {gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"
        (fallen if gain.value < -WORSE_AUC and gain.high < 0 else best).append(words)
    if fallen:
        return Check(where, False, f"on {where} it ranks worse: {', '.join(fallen)}")
    return Check(where, True, f"AUC on {where}: {', '.join(best) or 'nothing to compare'}")


def _alarms(where: str, found: Comparison) -> Check:
    """Refuse an attribute for which a larger share of approved comments would be held, surely and by much."""
    more: list[str] = []
    seen: list[str] = []
    for attribute, change in found.changes.items():
        if not change.approved:
            continue
        before = share(change.champion_rejects_approved, change.approved)
        after = share(change.candidate_rejects_approved, change.approved)
        words = f"{attribute} {before.value:.3f} -> {after.value:.3f}"
        risen = after.value - before.value
        doubt = math.hypot(after.value - after.low, before.high - before.value)
        (more if risen > MORE_ALARMS and risen > doubt else seen).append(words)
    if more:
        return Check("false alarms", False, f"on {where} it flags more approved comments: {', '.join(more)}")
    return Check("false alarms", True, f"share of approved comments flagged on {where}: {', '.join(seen) or 'none'}")


def _misses(where: str, found: Comparison) -> Check:
    """Refuse where a smaller share of rejected comments would be held, surely and by much, for whatever fault.

    The same comments are judged by both, so those alone tell on which they part: surely is where more of them are let
    through than found, and not by chance.
    """
    seen = found.comments
    if not seen.bad:
        return Check("misses", True, f"no rejected comment on {where}")
    before, after = 1 - seen.champion_misses / seen.bad, 1 - seen.candidate_misses / seen.bad
    words = f"{before:.3f} -> {after:.3f} of {seen.bad}"
    if before - after > FEWER_HELD and share(seen.lost, seen.lost + seen.won).low > 0.5:
        return Check("misses", False, f"on {where} it holds fewer rejected comments: {words}")
    return Check("misses", True, f"share of rejected comments held on {where}: {words}")


def _calibration(where: str, found: Comparison, allowed: float = WORSE_CALIBRATION) -> Check:
    worse: list[str] = []
    seen: list[str] = []
    for attribute in found.changes:
        before = found.champion.attributes[attribute].overall.calibration_error
        after = found.candidate.attributes[attribute].overall.calibration_error
        words = f"{attribute} {before:.3f} -> {after:.3f}"
        (worse if after > before + allowed and found.changes[attribute].n >= 200 else seen).append(words)
    if worse:
        return Check("calibration", False, f"its probabilities mean less on {where}: {', '.join(worse)}")
    return Check("calibration", True, f"calibration error on {where}: {', '.join(seen)}")


def _fairness(before: Fairness, after: Fairness) -> list[Check]:
    allowed = max(WIDEST_GAP, before.gap)
    gap = Check(
        "fairness",
        after.gap <= allowed,
        f"gap of false positives between identities {before.gap:.3f} -> {after.gap:.3f}, at most {allowed:.3f}",
    )
    if before.auc is None or after.auc is None:
        return [gap]
    ranked = Check(
        "identity swaps",
        after.auc.value >= before.auc.value - WORSE_AUC,
        f"AUC on identity swaps {before.auc.value:.3f} -> {after.auc.value:.3f}",
    )
    return [gap, ranked]


def _speed(old: Scorer, new: Scorer, rows: Dataset) -> Check:
    """Compare the processor time on the same texts, taking turns, so that other work on the machine decides nothing."""
    texts, langs = rows.text[:SPEED_ROWS], rows.lang[:SPEED_ROWS]
    best = [float("inf"), float("inf")]
    for _ in range(SPEED_TURNS):
        for at, scorer in enumerate((old, new)):
            began = time.process_time()
            score_with(scorer)(texts, langs)
            best[at] = min(best[at], 1e6 * (time.process_time() - began) / max(1, len(texts)))
    limit = max(SLOWEST_US, 1.5 * best[0])
    return Check("speed", best[1] <= limit, f"{best[0]:.0f} -> {best[1]:.0f} us a comment, at most {limit:.0f}")
