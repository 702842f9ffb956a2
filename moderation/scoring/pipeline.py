"""The pipeline: the ordered list of checks, and the models asked once for a whole batch."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import lru_cache

from classifiers.stretches import LEAST_OF_A_PART
from moderation.records import Comment, History, Policy, Reason, Signal, Site
from moderation.scoring import checks
from moderation.scoring.checks import Check
from moderation.scoring.models import Models, Precisions, Scored
from moderation.scoring.policy import HELD_FOR_A_PART, PART, Examined, Thresholds, thresholds

_SITES_KEPT = 256
_NO_PRECISIONS: Precisions = {}


def checks_of(policy: Policy) -> tuple[Check, ...]:
    """List the hand-written checks of a site, in the order in which they are shown."""
    return (
        # cheap and certain
        checks.honeypot(),
        checks.form_speed(policy.min_form_seconds),
        checks.blocked_words(policy.blocked_words),
        checks.suspect_words(policy.suspect_words),
        # the shape of the text, and where else it was seen
        checks.links(policy.links_allowed),
        checks.repeated_text(),
        checks.campaign(),
        checks.edited(),
        # who writes, and how much
        checks.author(policy.trust_after),
        checks.first_comment(policy.first_comment),
        checks.velocity(),
        checks.name(),
        checks.disposable_email(),
        checks.lookalike_email(),
        checks.missing_field(),
    )


class Pipeline:
    """Turns comments into what was seen of them. Asks nobody but the models; the same facts give the same signals.

    `on_fault` is told which check raised what at which comment.
    """

    def __init__(
        self, models: Models, on_fault: Callable[[str, str, Exception], None] = lambda check, comment, error: None
    ) -> None:
        self.models = models
        self._on_fault = on_fault
        self._compiled: OrderedDict[str, _Compiled] = OrderedDict()

    def examine(self, batch: Sequence[tuple[Site, Comment, History]]) -> list[Examined]:
        """Let every check and both models look at every comment of a batch."""
        if not batch:
            return []
        scored, precisions = self.models.score(
            [comment for _, comment, _ in batch],
            [site.lang for site, _, _ in batch],
            lambda precisions: [self._of(site, precisions).thresholds for site, _, _ in batch],
        )
        return [
            self._of(site, precisions).examine(comment, history, what, self._on_fault)
            for (site, comment, history), what in zip(batch, scored, strict=True)
        ]

    def adopt(self, site: Site, checks: tuple[Check, ...]) -> None:
        """Use checks of a site that were compiled elsewhere: thousands of words take some tenths of a second."""
        self._keep(site, _Compiled(site.policy, _NO_PRECISIONS, checks))

    def _keep(self, site: Site, compiled: _Compiled) -> _Compiled:
        self._compiled[site.id] = compiled
        if len(self._compiled) > _SITES_KEPT:
            self._compiled.popitem(last=False)
        return compiled

    def _of(self, site: Site, precisions: Precisions) -> _Compiled:
        """Take the site's compiled checks, or compile them where its policy or the model is another one."""
        known = self._compiled.get(site.id)
        policy = site.policy
        if known is None or (known.policy is not policy and known.policy != policy):
            known = self._keep(site, _Compiled(policy, precisions, checks_of(policy)))
        elif known.precisions is not precisions:
            known = self._compiled[site.id] = _Compiled(policy, precisions, known.checks)
        self._compiled.move_to_end(site.id)
        return known


class _Compiled:
    """The checks and thresholds of one site, ready to use."""

    __slots__ = ("checks", "policy", "precisions", "thresholds")

    def __init__(self, policy: Policy, precisions: Precisions, built: tuple[Check, ...]) -> None:
        self.policy = policy
        self.precisions = precisions
        self.checks = built
        self.thresholds = thresholds(policy, precisions)

    def examine(
        self, comment: Comment, history: History, scored: Scored, on_fault: Callable[[str, str, Exception], None]
    ) -> Examined:
        """Collect what the checks and the models saw of one comment."""
        signals: list[Signal] = []
        try:
            for check in self.checks:
                signals.append(check(comment, history))
        except Exception as error:
            # A check that stumbles over one comment takes nobody along: a person looks at that comment.
            on_fault(_built_by(check), comment.id, error)
            signals = [Signal("checks", 0.0, Reason.UNSCORED, ("failed",), hard=True)]
        signals += model_signals(scored, self.thresholds, self.policy.hold_unsupported)
        return Examined(
            signals=tuple(signals),
            scores=scored.scores,
            thresholds=self.thresholds,
            models=scored.versions,
            lang=scored.lang or comment.lang,
            supported=scored.supported,
            degraded=bool(scored.degraded),
            shadow=scored.shadow,
        )


def _built_by(check: Check) -> str:
    """Name a check by the function that built it, as `honeypot.<locals>.check` is by `honeypot`."""
    return check.__qualname__.partition(".")[0]


def model_signals(scored: Scored, bars: Thresholds, hold_unsupported: bool) -> tuple[Signal, ...]:
    """Say as signals what the models saw: spam, toxicity, and whether they can read the language at all."""
    if scored.degraded:
        return (Signal("models", 0.0, Reason.UNSCORED, (scored.degraded,), hard=True),)
    _, spam, spam_reason = bars.reason(Reason.SPAM, scored.scores)
    attribute, toxicity, toxicity_reason = bars.reason(Reason.TOXICITY, scored.scores)
    return (
        Signal("spam", spam, spam_reason, (round(100 * spam),), scored.words.get("spam", ())),
        Signal(
            "toxicity", toxicity, toxicity_reason, (round(100 * toxicity), attribute), scored.words.get(attribute, ())
        ),
        *_part(scored, bars, spam_reason, toxicity_reason),
        _language(scored.lang, scored.supported, hold_unsupported),
    )


def _part(scored: Scored, bars: Thresholds, *whole: Reason) -> tuple[Signal, ...]:
    """Say that a part of a long comment passes a threshold that the whole does not: enough to hold it, never to reject."""
    for family in (Reason.TOXICITY, Reason.SPAM) if scored.part else ():
        attribute, score, reason = bars.reason(family, scored.part)
        if reason is not Reason.CLEAR and reason not in whole and score >= LEAST_OF_A_PART:
            return (Signal(PART, HELD_FOR_A_PART, reason, (round(100 * score), attribute), scored.part_words),)
    return ()


@lru_cache(maxsize=256)
def _language(lang: str, supported: bool, hold_unsupported: bool) -> Signal:
    if supported:
        return Signal("language", 0.0, facts=(lang,))
    if not hold_unsupported:
        return Signal("language", 0.0, facts=(lang, "unsupported"))
    return Signal("language", 0.3, Reason.UNSUPPORTED_LANGUAGE, (lang, "unsupported"), hard=True)
