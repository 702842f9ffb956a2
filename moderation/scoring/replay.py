"""What another policy would have said of a comment that was judged before: the stored signals and scores, judged anew.

Pure, like the judging itself. What a policy changes is looked at again (words, links, form speed, trust, thresholds);
what depends on the moment (velocity, repeated text, campaign ...) stays as it was seen then. The e-mail address is no
longer known, so an entry of a word list that matched only there is taken over from the stored signal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from moderation.records import ATTRIBUTES, Comment, History, Mark, Policy, Reason, Signal, Stored, Verdict, Word
from moderation.scoring import checks
from moderation.scoring.models import Precisions, Scored
from moderation.scoring.pipeline import model_signals
from moderation.scoring.policy import Examined, judge, thresholds
from moderation.scoring.words import WordList

_MODEL_SIGNALS = frozenset(("spam", "toxicity", "part", "language", "models"))
_LISTS = frozenset(("blocked_words", "suspect_words"))
_MARKS = {"blocked": Mark.BLOCKED, "watched": Mark.WATCHED, "marked": Mark.TRUSTED, "marked_name": Mark.TRUSTED}


def replayed(policy: Policy, precisions: Precisions) -> Callable[[Stored], Verdict | None]:
    """Build what judges a stored comment under a policy; it answers None for one that has no verdict."""
    bars = thresholds(policy, precisions)
    again = {
        "form_speed": checks.form_speed(policy.min_form_seconds),
        "blocked_words": checks.blocked_words(policy.blocked_words),
        "suspect_words": checks.suspect_words(policy.suspect_words),
        "links": checks.links(policy.links_allowed),
        "author": checks.author(policy.trust_after),
        "first_comment": checks.first_comment(policy.first_comment),
    }

    def replay(stored: Stored) -> Verdict | None:
        verdict = stored.verdict
        if verdict is None:
            return None
        seen = {signal.name: signal for signal in verdict.signals}
        comment, history = _facts(stored, seen)
        signals = [
            _kept_private(signal, again[signal.name](comment, history), policy) if signal.name in again else signal
            for signal in verdict.signals
            if signal.name not in _MODEL_SIGNALS
        ]
        scored = _scored(verdict, seen)
        signals += model_signals(scored, bars, policy.hold_unsupported)
        examined = Examined(
            signals=tuple(signals), scores=scored.scores, thresholds=bars, models=verdict.models, lang=verdict.lang,
            supported=scored.supported, degraded=verdict.degraded,
        )  # fmt: skip
        return judge(examined, policy)

    return replay


def seen_again(
    verdict: Verdict | None, now: Sequence[Signal], keep: frozenset[str], policy: Policy
) -> tuple[Signal, ...]:
    """Give what is seen of a comment now, but for the named signals: they stay as its verdict has them."""
    was = {signal.name: signal for signal in verdict.signals} if verdict else {}
    kept = {name: signal for name, signal in was.items() if name in keep}
    found = [
        kept.pop(one.name) if one.name in kept else _kept_private(was.get(one.name, one), one, policy) for one in now
    ]
    return (*found, *kept.values())


def find_words(words: tuple[str, ...], text: str, name: str = "") -> tuple[tuple[str, ...], tuple[Word, ...]]:
    """Look for the words of a list in a text, as the check would; gives the terms and where they stand."""
    found = WordList(words).find(Comment(id="", site="", text=text, name=name))
    return found.terms, found.words


def _facts(stored: Stored, seen: dict[str, Signal]) -> tuple[Comment, History]:
    """Read back from the signals what was known of the comment and its author."""
    speed = seen.get("form_speed", Signal("form_speed", 0.0)).facts
    seconds = float(speed[0]) if speed and isinstance(speed[0], int | float) else None
    facts = seen.get("author", Signal("author", 0.0)).facts
    what = str(facts[0]) if facts else "new"
    approved, rejected = (int(facts[1]), int(facts[2])) if len(facts) == 3 else (0, 0)
    comment = Comment(
        id=stored.id, site=stored.site, text=stored.text, name=stored.name, url=stored.url, form_seconds=seconds,
        role="administrator" if what == "administrator" else "",
    )  # fmt: skip
    pending = 1 if what in ("seen", "name") and not approved + rejected else 0
    by_name = what in ("name", "marked_name")
    return comment, History(approved, rejected, pending, _MARKS.get(what, Mark.NONE), by_name=by_name)


def _kept_private(was: Signal, now: Signal, policy: Policy) -> Signal:
    """Keep a hit in the e-mail address, which cannot be looked at again, while the policy still has such entries."""
    if was.name not in _LISTS or now.reason is not Reason.CLEAR or was.reason is Reason.CLEAR:
        return now
    listed = policy.blocked_words if was.name == "blocked_words" else policy.suspect_words
    private = "an address on the list" in was.facts and any("@" in word for word in listed)
    return was if private else now


def _scored(verdict: Verdict, seen: dict[str, Signal]) -> Scored:
    language = seen.get("language")
    models, part = seen.get("models"), seen.get("part")
    return Scored(
        verdict.scores,
        verdict.lang,
        supported=language is None or "unsupported" not in language.facts,
        words={
            name: seen[family].words
            for name in ATTRIBUTES
            if (family := "spam" if name == "spam" else "toxicity") in seen
        },
        versions=verdict.models,
        part={str(part.facts[1]): float(part.facts[0]) / 100} if part else {},
        part_words=part.words if part else (),
        degraded=str(models.facts[0]) if models and models.facts else ("missing" if verdict.degraded else ""),
    )
