"""Does a version score a civil sentence higher because of the group it names? Measured on held-out swap sentences.

Two numbers say it: how well hostile and civil sentences are told apart across all groups, and how far the shares of
civil sentences that are flagged lie apart between the group flagged most and the group flagged least.
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from classifiers.bars import HELD_FROM, WORKING, Bar, held_from
from classifiers.evaluation import Estimate, Score, auc, share
from classifiers.identities import Sentence, sentences
from classifiers.manifest import ATTRIBUTES, Manifest

FLAGGING = ("toxicity", "severe_toxicity", "threat", "insult", "identity_attack")
"""The attributes for which a sentence about a group would be held."""
FEWEST_CIVIL = 10
WIDEST_GAP = 0.05
"""So far apart may the shares of flagged civil sentences of two groups of a language lie."""
_FREE = Bar("", 0.0, math.inf, math.inf)


class IdentityFigures(msgspec.Struct, frozen=True):
    """One group: the share of its civil sentences that are flagged, and how well hostile ones stand out among them."""

    identity: str
    lang: str
    kind: str
    civil: int
    false_positive_rate: Estimate
    auc: float | None


class LanguageFairness(msgspec.Struct, frozen=True):
    """All groups of one language."""

    sentences: int
    identities: int
    auc: Estimate | None
    attack_auc: Estimate | None
    gap: float


class Fairness(msgspec.Struct, frozen=True, kw_only=True):
    """A version measured on the swap sentences."""

    version: str
    thresholds: dict[str, float]
    auc: Estimate | None
    """Toxicity: hostile and insulting against civil, over all languages."""
    attack_auc: Estimate | None
    """Identity attack: hostile against civil and insulting."""
    gap: float
    """The widest gap of all languages that the version supports."""
    languages: dict[str, LanguageFairness]
    worst: tuple[IdentityFigures, ...]
    """The groups whose civil sentences are flagged most."""


def measure(manifest: Manifest, score: Score, langs: tuple[str, ...] | None = None) -> Fairness:
    """Score every held-out swap sentence and compare the groups, by what the service would hold."""
    found = sentences("heldout", langs)
    scores = score([sentence.text for sentence in found], [sentence.lang for sentence in found])
    thresholds = {name: held_from(manifest.thresholds, name) for name in FLAGGING if name in manifest.attributes}
    flagged = np.zeros(len(found), bool)
    for name, at in thresholds.items():
        flagged |= scores[:, ATTRIBUTES.index(name)] >= at
    civil = np.array([sentence.tone == "civil" for sentence in found], bool)
    hostile = np.array([sentence.tone == "hostile" for sentence in found], bool)
    language = np.array([sentence.lang for sentence in found])
    toxic, attack = scores[:, ATTRIBUTES.index("toxicity")], scores[:, ATTRIBUTES.index("identity_attack")]
    groups = _groups(found, civil, flagged, toxic)
    by_language = {}
    for lang in sorted(set(language.tolist())):
        here = language == lang
        rates = [
            group.false_positive_rate.value for group in groups if group.lang == lang and group.civil >= FEWEST_CIVIL
        ]
        by_language[lang] = LanguageFairness(
            sentences=int(here.sum()),
            identities=len({sentence.identity for sentence in found if sentence.lang == lang}),
            auc=auc(~civil[here], toxic[here]),
            attack_auc=auc(hostile[here], attack[here]),
            gap=max(rates) - min(rates) if rates else 0.0,
        )
    supported = {lang for lang, figures in manifest.languages.items() if figures.supported} or set(by_language)
    return Fairness(
        version=manifest.version,
        thresholds=thresholds,
        auc=auc(~civil, toxic),
        attack_auc=auc(hostile, attack),
        gap=max((figures.gap for lang, figures in by_language.items() if lang in supported), default=0.0),
        languages=by_language,
        worst=tuple(sorted(groups, key=lambda group: -group.false_positive_rate.value)[:20]),
    )


def even_out(
    thresholds: dict[str, dict[str, float]], found: Sequence[Sentence], scores: NDArray[np.float64]
) -> dict[str, dict[str, float]]:
    """Raise each threshold that flags groups until it flags the civil sentences of all groups of a language about alike.

    The one that the service holds from is raised within the bounds that it has there, since beyond them it changes nothing.
    `scores` are the probabilities of the civil sentences `found`, of shape (sentences, attributes).
    """
    names: dict[tuple[str, str], int] = {}
    group = np.array([names.setdefault((sentence.lang, sentence.identity), len(names)) for sentence in found])
    counts = np.bincount(group)
    langs = np.array([lang for lang, _ in names])

    def gap(flagged: NDArray[np.bool_]) -> float:
        rates = np.bincount(group, flagged, minlength=len(names)) / counts
        return float(max(np.ptp(rates[langs == lang]) for lang in set(langs.tolist())))

    def raised(name: str, asked: str, low: float) -> float:
        column = scores[:, ATTRIBUTES.index(name)]
        bar = HELD_FROM[name] if asked == WORKING else _FREE
        above = (column >= max(low, bar.least)) & (column < bar.most)
        tried = (low, *np.unique(column[above] + 1e-6).tolist())
        return next((at for at in tried if gap(column >= bar.within(at)) <= WIDEST_GAP), tried[-1])

    return {
        name: {asked: raised(name, asked, low) if name in FLAGGING else low for asked, low in known.items()}
        for name, known in thresholds.items()
    }


def _groups(
    found: tuple[Sentence, ...], civil: NDArray[np.bool_], flagged: NDArray[np.bool_], toxic: NDArray[np.float64]
) -> list[IdentityFigures]:
    places: dict[tuple[str, str, str], list[int]] = {}
    for place, sentence in enumerate(found):
        places.setdefault((sentence.lang, sentence.identity, sentence.kind), []).append(place)
    groups = []
    for (lang, identity, kind), positions in places.items():
        at = np.array(positions)
        calm = civil[at]
        ranked = auc(~calm, toxic[at])
        rate = share(int(flagged[at][calm].sum()), int(calm.sum()))
        groups.append(IdentityFigures(identity, lang, kind, int(calm.sum()), rate, ranked.value if ranked else None))
    return groups
