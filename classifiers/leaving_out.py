"""Leave one source out: learn from all the others, measure on the one, so that what is measured is what carries over.

Texts of all sources are counted together (how rare a word is, which words are known); labels of the one left out are
never seen. Every source is cut to the same size first, so that none drowns the others. The package's own texts stay whole
and count as much less as there are fewer of the others, so that they weigh what they weigh when a version is trained;
its sentences about groups are cut to twice that size.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from classifiers.dataset import Dataset, concatenate, load_seeds
from classifiers.estimators import SpamClassifier
from classifiers.evaluation import Estimate, auc
from classifiers.featurizer import CommentFeaturizer
from classifiers.identities import as_dataset
from classifiers.manifest import ATTRIBUTES
from classifiers.recipe import Recipe
from classifiers.sources import family, tidy
from classifiers.training import (
    Progress,
    gather_rows,
    joined,
    learn_filters,
    sequences_of,
    targets,
    toxicity_classifier,
    voices_of,
)

MEASURED = ("toxicity", "identity_attack", "spam")
FEWEST = 20
"""A source with fewer rows of either class says nothing."""
OWN = ("seeds", "identities")
Predict = Callable[[list[str]], Any]


class LeftOut(msgspec.Struct, frozen=True):
    """How well one source is ranked by what was learned from the others."""

    attribute: str
    source: str
    languages: tuple[str, ...]
    n: int
    positives: int
    auc: Estimate
    without_seeds: Estimate | None
    """The same without the package's own corpus."""
    afternoon: Estimate | None
    """TF-IDF of words and character n-grams with logistic regression, on the same rows, without the corpus."""


def leave_one_out(
    data: Sequence[Path],
    recipe: Recipe,
    seed: int,
    *,
    most: int = 3000,
    afternoon: bool = True,
    attributes: Sequence[str] = MEASURED,
    progress: Progress | None = None,
) -> list[LeftOut]:
    """Measure every source of every attribute, left out of training."""
    tell = progress or (lambda _step, _done, _total: None)
    tell("reading", 0, 1)
    rows = concatenate([gather_rows(data, recipe), load_seeds("heldout"), as_dataset("heldout")])
    families = np.array([_family(source, lang) for source, lang in zip(rows.source, rows.lang, strict=True)])
    chosen = _evenly(families, most, seed)
    kept = _kept(rows, families, chosen)
    rows, families = rows.take(chosen), families[chosen]
    work = [(name, source) for name in attributes for source in _measurable(rows, families, name)]
    tell("features", 0, len(work))
    all_rows = _Rows(rows, families, np.where((families == "seeds")[:, None], kept, 1.0), recipe, seed)
    found = []
    for done, (attribute, source) in enumerate(work):
        tell(f"{attribute}, {source}", done, len(work))
        found.append(all_rows.measured(attribute, source, afternoon=afternoon))
    tell("done", len(work), len(work))
    return found


class _Rows:
    """All rows with their features, of which ever others are learned from.

    `count`, of shape (rows, 2), is what a row counts beside its own weight: for spam, and for everything else.
    """

    def __init__(
        self, rows: Dataset, families: NDArray[np.str_], count: NDArray[np.floating], recipe: Recipe, seed: int
    ) -> None:
        self._rows, self._families, self._recipe, self._seed = rows, families, recipe, seed
        self._texts = [tidy(text, source) for text, source in zip(rows.text, rows.source, strict=True)]
        self._shares, weights = targets(rows, recipe)
        self._weights = weights * count
        featurizer = CommentFeaturizer(bits=recipe.bits, shortest=recipe.shortest, longest=recipe.longest)
        self._features = featurizer.fit_transform(self._texts)
        self._sequences = sequences_of(featurizer, self._texts) if recipe.filters else None
        self._frozen = np.array([split == "heldout" for split in rows.split])
        self._voices = voices_of(rows)

    def measured(self, attribute: str, source: str, *, afternoon: bool) -> LeftOut:
        """Learn an attribute from all sources but one, and measure on that one."""
        rows, families = self._rows, self._families
        labels = rows.values[:, ATTRIBUTES.index(attribute)]
        judged = np.flatnonzero((families == source) & _natural(rows, source) & ~np.isnan(labels))
        truth = labels[judged] >= 0.5
        others, own = (families != source) & ~self._frozen, np.isin(families, OWN)
        plain = None
        if afternoon:
            at = np.flatnonzero(others & ~own & ~np.isnan(labels))
            predict = afternoon_model([self._texts[place] for place in at], labels[at] >= 0.5)
            plain = auc(truth, np.asarray(predict([self._texts[place] for place in judged]), np.float64))
        whole = auc(truth, self._ranked(attribute, others, judged))
        assert whole is not None
        return LeftOut(
            attribute,
            source,
            tuple(sorted({rows.lang[place] for place in judged})),
            len(judged),
            int(truth.sum()),
            whole,
            auc(truth, self._ranked(attribute, others & ~own, judged)),
            plain,
        )

    def _ranked(self, attribute: str, learned: NDArray[np.bool_], judged: NDArray[np.int64]) -> NDArray[np.float64]:
        """Give the logits of the rows that are judged, as learned from others."""
        recipe = self._recipe
        names = _learned_together(attribute)
        columns = [ATTRIBUTES.index(name) for name in names]
        at = np.flatnonzero(learned & ~np.isnan(self._shares[:, columns]).all(axis=1))
        features, shares = self._features[at], self._shares[at][:, columns]
        if attribute == "spam":
            spam = SpamClassifier(recipe.spam_strength, recipe.rounds)
            spam.fit(features, shares[:, 0], self._weights[at, 0])
            return np.asarray(spam.decision_function(self._features[judged]), np.float64)
        model = toxicity_classifier(recipe, names)
        model.fit(features, shares, self._weights[at, 1], groups=self._voices[at])
        logits = model.decision_function(self._features[judged])
        if self._sequences is not None:
            network = learn_filters(self._sequences, at, shares, self._weights[at, 1], names, recipe, self._seed)
            answers = self._sequences.answers(network.filters)
            coef, offset = joined(model.decision_function(features), answers[at], network, recipe.filter_share)
            logits = logits + answers[judged] @ coef.T + offset
        return np.asarray(logits[:, -1], np.float64)


def afternoon_model(texts: list[str], labels: NDArray[np.bool_]) -> Predict:
    """Fit what anyone gets in an afternoon: TF-IDF of words 1-2 and characters 2-5, logistic regression."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    model = make_pipeline(
        make_union(
            TfidfVectorizer(ngram_range=(1, 2), dtype=np.float32),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), dtype=np.float32, max_features=300_000),
        ),
        LogisticRegression(solver="liblinear"),
    ).fit(texts, labels)
    return lambda judged: model.decision_function(judged)


def _learned_together(attribute: str) -> list[str]:
    """Name the attributes that are learned to get one: those that lean on toxicity need it too."""
    return ["spam"] if attribute == "spam" else list(dict.fromkeys(("toxicity", attribute)))


def _family(source: str, lang: str) -> str:
    return f"{family(source)}/{lang}" if source.startswith("mlma") else family(source)


def _evenly(families: NDArray[np.str_], most: int, seed: int) -> NDArray[np.int64]:
    order = np.random.default_rng(seed).permutation(len(families))
    kept = []
    for name in sorted(set(families.tolist())):
        places = order[families[order] == name]
        kept.append(places if name == "seeds" else places[: 2 * most if name == "identities" else most])
    return np.sort(np.concatenate(kept))


def _kept(rows: Dataset, families: NDArray[np.str_], chosen: NDArray[np.int64]) -> list[float]:
    """Say which share of the public rows was chosen, of those with a label for spam and of those with another."""
    public = ~np.isin(families, OWN)
    judged = [
        public & ~np.isnan(rows.values[:, columns]).all(axis=1) for columns in ([0], [*range(1, len(ATTRIBUTES))])
    ]
    return [float(which[chosen].sum()) / max(int(which.sum()), 1) for which in judged]


def _measurable(rows: Dataset, families: NDArray[np.str_], attribute: str) -> Iterator[str]:
    values = rows.column(attribute)
    for name in sorted(set(families.tolist())):
        here = values[(families == name) & _natural(rows, name)]
        if (here >= 0.5).sum() >= FEWEST and (here < 0.5).sum() >= FEWEST:
            yield name


def _natural(rows: Dataset, source: str) -> NDArray[np.bool_]:
    """Choose the rows of a source to measure on: of Jigsaw's the raw ones, of the civil comments the natural sample."""
    parts = {"jigsaw": "jigsaw-toxic-2018/train", "civil-comments": "civil-comments/sample"}
    part = parts.get(source)
    return np.array([part is None or found == part for found in rows.source], bool)
