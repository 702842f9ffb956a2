"""Asks the models: one call for a whole batch, active and shadow, with the words that moved a score.

Never in the way: a model that is missing, raises, answers nonsense or takes too long leaves the comment unscored (it
waits for a person), and rests for some seconds so that it does not slow down everybody else. What only one comment makes
it do falls back on that comment alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from classifiers import strongest
from classifiers.bars import EVERYTHING, Bars
from classifiers.scorer import Item, Scores
from moderation.records import ATTRIBUTES, Comment, Word

Precisions = Mapping[str, Mapping[str, float]]
"""Attribute -> {"precision_0.98": threshold, ...}, as a version's manifest has it."""


class Scorer(Protocol):
    """What a model version offers; `classifiers.scorer.Scorer` is one."""

    @property
    def version(self) -> str: ...

    @property
    def manifest(self) -> Any: ...

    def score(self, items: Sequence[Item], *, explain: bool = False) -> Sequence[Scores]: ...


class Scored(msgspec.Struct, frozen=True):
    """What the models say of one comment."""

    scores: dict[str, float] = {}
    lang: str = ""
    supported: bool = True
    words: Mapping[str, tuple[Word, ...]] = {}
    """Attribute -> what moved its score."""
    versions: tuple[str, ...] = ()
    """The active version, and the shadow one where there is one."""
    shadow: dict[str, float] = {}
    part: dict[str, float] = {}
    """What the part of a long comment scores that looks worst; empty where none looks bad."""
    part_words: tuple[Word, ...] = ()
    """What moved the score of that part."""
    degraded: str = ""
    """Why there are no scores: missing, resting, failed, slow, nonsense; empty where there are."""


class _Seat:
    """Where one scorer sits, with its breaker: after a failure it is not asked again until `rested`."""

    __slots__ = ("rested", "scorer")

    def __init__(self, scorer: Scorer | None) -> None:
        self.scorer = scorer
        self.rested = -math.inf


class Models:
    """The active and the shadow model. `swap` changes both between two batches, in one assignment.

    `timeout` is in seconds of `effort` for a batch of comments of common length; long texts may take longer in
    proportion. Given the processor time of the thread as `effort`, a machine that is busy with other work makes no model
    slow; one that stalls (a disk that does not answer) is slow by the clock.
    `on_fault` is told seat, fault and what was raised; `on_scored` seat, outcome, how many texts and the seconds.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        active: Scorer | None = None,
        shadow: Scorer | None = None,
        *,
        timeout: float = 0.25,
        rest: float = 5.0,
        effort: Callable[[], float] | None = None,
        on_fault: Callable[[str, str, Exception | None], None] = lambda which, fault, error: None,
        on_scored: Callable[[str, str, int, float], None] = lambda which, outcome, texts, seconds: None,
    ) -> None:
        self._clock = clock
        self._effort = effort or clock
        self._timeout = timeout
        self._rest = rest
        self._on_fault = on_fault
        self._on_scored = on_scored
        self._seats = (_Seat(active), _Seat(shadow))

    def swap(self, active: Scorer | None, shadow: Scorer | None = None) -> None:
        """Let the next batch be scored by these; a batch under way keeps the ones it began with."""
        self._seats = (_Seat(active), _Seat(shadow))

    @property
    def versions(self) -> tuple[str, ...]:
        """The active version, and the shadow one where there is one; empty without an active model."""
        active, shadow = (seat.scorer for seat in self._seats)
        if active is None:
            return ()
        return (active.version,) if shadow is None else (active.version, shadow.version)

    @property
    def precisions(self) -> Precisions:
        """At which scores the active model reaches which precision."""
        active = self._seats[0].scorer
        return getattr(active.manifest, "thresholds", _UNKNOWN) if active else _UNKNOWN

    @property
    def languages(self) -> frozenset[str]:
        """The languages that the active model judges well enough to be believed."""
        scorer = self._seats[0].scorer
        known = getattr(scorer.manifest, "languages", {}) if scorer is not None else {}
        return frozenset(code for code, figures in known.items() if figures.supported)

    @property
    def resting(self) -> bool:
        """Say whether the active model is not asked at the moment because it failed."""
        active = self._seats[0]
        return active.scorer is not None and self._clock() < active.rested

    def score(
        self,
        comments: Sequence[Comment],
        langs: Sequence[str] = (),
        bars: Callable[[Precisions], Sequence[Bars]] | None = None,
    ) -> tuple[list[Scored], Precisions]:
        """Score a batch, and say at which scores the active model reaches which precision.

        `langs` are the sites' languages, a hint for texts too short to tell; `bars`, given those precisions, says for each
        comment what its site makes of the scores: what of it is explained hangs on that.
        """
        active, shadow = self._seats
        if active.scorer is None:
            self._on_scored("active", "missing", len(comments), 0.0)
            return [_MISSING] * len(comments), _UNKNOWN
        precisions: Precisions = getattr(active.scorer.manifest, "thresholds", _UNKNOWN)
        known, asking = langs or [""] * len(comments), bars(precisions) if bars else [EVERYTHING] * len(comments)
        items = [
            Item(comment.text, comment.name, comment.url, (comment.lang or lang)[:3].rstrip("-_").lower(), theirs)
            for comment, lang, theirs in zip(comments, known, asking, strict=True)
        ]
        answers = self._ask(active, items, "active", explain=True)
        if isinstance(answers, str):
            return [Scored(degraded=answers)] * len(comments), precisions
        versions: tuple[str, ...] = (active.scorer.version,)
        others: list[Scores | None] = [None] * len(comments)
        if shadow.scorer is not None:
            asked = self._ask(shadow, items, "shadow", explain=False)
            if not isinstance(asked, str):
                others = asked
                versions = (active.scorer.version, shadow.scorer.version)
        return [_scored(answer, other, versions) for answer, other in zip(answers, others, strict=True)], precisions

    def _ask(self, seat: _Seat, items: list[Item], which: str, *, explain: bool) -> list[Scores | None] | str:
        began, spent = self._clock(), self._effort()
        if began < seat.rested:
            self._on_scored(which, "resting", len(items), 0.0)
            return "resting"
        assert seat.scorer is not None
        raised: Exception | None = None
        try:
            answers: list[Scores | None] = list(seat.scorer.score(items, explain=explain))
            fault = "" if len(answers) == len(items) else "nonsense"
        except Exception as error:
            raised = error
            answers = self._ask_singly(seat.scorer, items, which, error, explain)
            fault = "" if any(answer is not None for answer in answers) or _works(seat.scorer) else "failed"
        took, spent = self._clock() - began, self._effort() - spent
        bearable = self._timeout + _SECONDS_A_CHARACTER * sum(len(item.text) for item in items)
        if not fault and (spent > bearable or took > _STALLED * bearable) and not self._is_quick(seat.scorer):
            fault = "slow"
        if fault:
            seat.rested = self._clock() + self._rest
            self._on_fault(which, fault, raised)
            self._on_scored(which, fault, len(items), took)
            return fault
        if raised is not None:
            self._on_fault(which, "failed_on_some", raised)
            self._on_scored(which, "failed", answers.count(None), 0.0)
        self._on_scored(which, "scored", len(items) - answers.count(None), took)
        return answers

    def _is_quick(self, scorer: Scorer) -> bool:
        """Say whether a plain remark takes no time: then what took long was what somebody wrote, and nobody else shall wait for it."""
        began, spent = self._clock(), self._effort()
        works = _works(scorer)
        bearable = self._timeout * _SHARE_OF_A_REMARK
        return works and self._effort() - spent <= bearable and self._clock() - began <= _STALLED * bearable

    def _ask_singly(
        self, scorer: Scorer, items: list[Item], which: str, raised: Exception, explain: bool
    ) -> list[Scores | None]:
        """Find the comments on which a batch failed, so that they take nobody along.

        What the batch has `raised` is told with it; every other kind of failure is told here, once.
        """
        if len(items) == 1:
            return [None]
        answers: list[Scores | None] = []
        told = {type(raised)}
        for item in items:
            try:
                answers += scorer.score([item], explain=explain)
            except Exception as error:
                answers.append(None)
                if type(error) not in told:
                    told.add(type(error))
                    self._on_fault(which, "failed_on_one", error)
        return answers


def _works(scorer: Scorer) -> bool:
    """Say whether a model scores a plain remark: where it does, what it failed on is to blame, and it need not rest."""
    try:
        return len(scorer.score([_REMARK])) == 1
    except Exception:
        return False


_REMARK = Item("Thank you for the article.", "", "", "en")

_SECONDS_A_CHARACTER = 2e-6
"""More than a character of ordinary words costs, so that a batch of long texts is not taken for a slow model. One in disguise
costs ten times as much: where that takes long, a plain remark tells whether it is the model."""

_SHARE_OF_A_REMARK = 0.02
"""What a plain remark may take of the timeout of a batch."""

_STALLED = 10
"""So many times the timeout by the clock: no busy machine explains that."""

_MISSING = Scored(degraded="missing")
_UNKNOWN: Precisions = {}


def _scored(answer: Scores | None, other: Scores | None, versions: tuple[str, ...]) -> Scored:
    if answer is None:
        return Scored(degraded="failed", versions=versions)
    scores = answer.values
    if not _sane(scores):
        return Scored(degraded="nonsense", versions=versions)
    part = answer.part if answer.part and _sane(answer.part.values) else None
    return Scored(
        scores,
        answer.lang,
        answer.supported,
        _words(answer.words),
        versions,
        other.values if other is not None and _sane(other.values) else {},
        part.values if part else {},
        tuple(Word(one.begin, one.end, one.weight, one.feature) for one in part.words) if part else (),
    )


def _words(moved: Sequence[strongest.Word]) -> dict[str, tuple[Word, ...]]:
    """Give what moved each score."""
    found: dict[str, list[Word]] = {}
    for one in moved:
        found.setdefault(one.attribute, []).append(Word(one.begin, one.end, one.weight, one.feature))
    return {attribute: tuple(words) for attribute, words in found.items()}


def _sane(scores: Mapping[str, float]) -> bool:
    """Say whether every attribute is there and a probability; a NaN is not."""
    try:
        values = [scores[attribute] for attribute in ATTRIBUTES]
        return min(values) >= 0.0 and max(values) <= 1.0 and not any(map(math.isnan, values))
    except (KeyError, TypeError):
        return False
