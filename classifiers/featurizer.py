"""The features as a scikit-learn transformer, for training pipelines and grid searches; serving never imports this."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from classifiers.compiled import SQUARES
from classifiers.features import MEANT, Analysed, Corpus, Shape, analyse, gather, pair_buckets
from classifiers.filters import Filters
from classifiers.hashing import hash_word
from classifiers.identities import names_of_groups
from classifiers.lexicon import NO_CONCEPTS, Lexicon
from classifiers.lexicon_building import Term, build_lexicon, read_groups, read_terms
from classifiers.traits import FIRST_MARK, NAMES, traits
from classifiers.unfolding import unfold
from classifiers.vocabulary import frequent_words, merged

SLICE = 50_000
"""Chunks analysed at once."""


class CommentFeaturizer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn comment texts into hashed words, pairs and character n-grams, and hand-made traits.

    Parameters
    ----------
    bits : int, default=19
        The hashed space has ``2**bits`` columns. Fewer is smaller and collides more.
    shortest, longest : int, default=2 and 5
        Lengths of the character n-grams, word edges included.
    trait_scale : float, default=1.0
        Factor on the hand-made traits: larger is regularised less.
    min_texts : int, default=4
        A word in at least so many training texts is known, beside those that are frequent in any language of the package:
        a disguise that unfolds to it is taken for it.
    terms : sequence of Term or None, default=None
        The lexicons; None reads those of the package.

    Attributes
    ----------
    squares_ : ndarray of int16, shape (2**bits,)
        The square of each hashed column's weight, which grows with how rare it is, in 128ths.
    known_ : ndarray of uint32
        Hashes of known words, the most frequent first.
    lexicon_ : str
        The marked words as JSON.
    concepts_ : ndarray of uint32, shape (words, 2)
        Hashes of words, each beside that of its concept.
    filters_ : tuple of ndarray
        The arrays of filters that were learned for these features (`classifiers.filters`); empty where there are none.

    Examples
    --------
    >>> from classifiers.featurizer import CommentFeaturizer
    >>> features = CommentFeaturizer(bits=10).fit_transform(["what a fine day", "what a day"])
    >>> features.shape == (2, 2**10 + len(CommentFeaturizer.trait_names()))
    True
    """

    concepts_: NDArray[np.uint32] = NO_CONCEPTS  # none in a pipeline that a release before them has stored
    filters_: tuple[NDArray[Any], ...] = ()  # none in a pipeline that a release before them has stored

    def __init__(
        self,
        bits: int = 19,
        shortest: int = 2,
        longest: int = 5,
        trait_scale: float = 1.0,
        min_texts: int = 4,
        terms: Sequence[Term] | None = None,
    ) -> None:
        self.bits = bits
        self.shortest = shortest
        self.longest = longest
        self.trait_scale = trait_scale
        self.min_texts = min_texts
        self.terms = terms

    @staticmethod
    def trait_names() -> tuple[str, ...]:
        """Name the hand-made columns, which stand after the hashed ones."""
        return NAMES

    @property
    def idf_(self) -> NDArray[np.float64]:
        """The weight of each hashed column, by how rare it is."""
        return np.asarray(np.sqrt(self.squares_ / SQUARES), np.float64)

    @property
    def shape(self) -> Shape:
        """The parameters that a compiled scorer needs."""
        return Shape(self.bits, self.shortest, self.longest)

    def lexicon(self) -> Lexicon:
        """Build the lexicon this featurizer was fitted with."""
        check_is_fitted(self, "lexicon_")
        return Lexicon.decode(self.lexicon_.encode(), self.known_, self.concepts_)

    def fit(self, X: Iterable[str], y: Any = None) -> Self:
        """Learn which words are known and how rare each hashed column is."""
        self.fit_transform(X)
        return self

    def fit_transform(self, X: Iterable[str], y: Any = None, **params: Any) -> sparse.csr_matrix:
        """Fit, and give the features of the same texts without analysing them twice."""
        lexicon = _own_lexicon() if self.terms is None else build_lexicon(self.terms, read_groups(), names_of_groups())
        corpus = gather(_checked(X), lexicon)
        self.lexicon_ = lexicon.encode().decode()
        self.concepts_ = lexicon.concepts
        self.known_ = merged(_known_words(corpus, lexicon, self.min_texts), frequent_words())
        self.filters_ = ()
        hashed, counts = self._counted(corpus, self._analysed(corpus))
        texts = hashed.shape[0]
        frequencies = np.bincount(hashed.indices, minlength=self.shape.buckets)
        idf = np.log((1 + texts) / (1 + frequencies)) + 1
        self.squares_ = np.round(idf * idf * SQUARES).astype(np.int16)
        return self._weighed(hashed, counts)

    def transform(self, X: Iterable[str]) -> sparse.csr_matrix:
        """Give the features of texts: hashed columns divided by the text's length, the traits, and what filters answer."""
        check_is_fitted(self, "squares_")
        corpus = gather(_checked(X), self.lexicon())
        parts = self._analysed(corpus)
        found = self._weighed(*self._counted(corpus, parts))
        if not self.filters_:
            return found
        filters = Filters(*self.filters_)
        vectors = np.concatenate([filters.embed(part) for part in parts])
        answers = sparse.csr_matrix(filters.answers(vectors, corpus.ids, corpus.starts.tolist()))
        return sparse.csr_matrix(sparse.hstack([found, answers], format="csr"))

    def analysed(self, X: Iterable[str]) -> tuple[Corpus, list[Analysed]]:
        """Give texts as numbered chunks, and what those hold, for `filter_learning`."""
        check_is_fitted(self, "squares_")
        corpus = gather(_checked(X), self.lexicon())
        return corpus, self._analysed(corpus)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Name the columns: hashed ones by number, traits by name."""
        answers = range(self.filters_[2].shape[1] if self.filters_ else 0)
        hashed = (f"bucket{place}" for place in range(self.shape.buckets))
        return np.array([*hashed, *NAMES, *(f"filter{place}" for place in answers)], dtype=object)

    def _analysed(self, corpus: Corpus) -> list[Analysed]:
        shape, lexicon = self.shape, self.lexicon()
        return [
            analyse(corpus.chunks[begin : begin + SLICE], lexicon, shape)
            for begin in range(0, len(corpus.chunks), SLICE)
        ]

    def _counted(self, corpus: Corpus, parts: list[Analysed]) -> tuple[sparse.csr_matrix, NDArray[np.float32]]:
        """Count the hashed features and the countable things of each text."""
        shape, lexicon = self.shape, self.lexicon()
        texts = len(corpus.starts)
        ends = np.append(corpus.starts[1:], len(corpus.ids))
        occurs = sparse.csr_matrix(
            (np.ones(len(corpus.ids), np.float32), corpus.ids, np.append(corpus.starts, len(corpus.ids))),
            shape=(texts, len(corpus.chunks)),
        )
        own = sparse.vstack([_rows(part, shape.buckets) for part in parts], format="csr")
        counts = np.asarray(occurs @ np.concatenate([part.counts for part in parts]), np.float32)
        ids = corpus.ids
        first, last = (np.concatenate([getattr(part, name) for part in parts])[ids] for name in ("first", "last"))
        text_of = np.repeat(np.arange(texts), ends - corpus.starts)
        for place, mark in lexicon.phrases.find(first):
            counts[text_of[place], FIRST_MARK + mark] += 1
        pairs = np.flatnonzero((ids[:-1] != 0) & (ids[1:] != 0))
        buckets = pair_buckets(first, last, shape)[pairs]
        linked = sparse.csr_matrix(
            (np.ones(len(pairs), np.float32), (text_of[pairs], buckets)), shape=(texts, shape.buckets)
        )
        hashed = occurs @ own + linked
        hashed.sort_indices()
        return hashed, counts

    def _weighed(self, hashed: sparse.csr_matrix, counts: NDArray[np.float32]) -> sparse.csr_matrix:
        weights = self.idf_[hashed.indices].astype(np.float32)
        squares = np.add.reduceat(np.append(hashed.data * weights * weights, 0), hashed.indptr[:-1]) * (
            np.diff(hashed.indptr) > 0
        )
        hashed.data = (hashed.data * weights / np.repeat(np.sqrt(1 + squares), np.diff(hashed.indptr))).astype(
            np.float32
        )
        scaled = sparse.csr_matrix(traits(counts) * np.float32(self.trait_scale))
        return sparse.csr_matrix(sparse.hstack([hashed, scaled], format="csr"))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags


@lru_cache(maxsize=1)
def _own_lexicon() -> Lexicon:
    """Build the lexicon of the package once: it takes seconds, and a search over parameters fits dozens of times."""
    return build_lexicon(read_terms(), read_groups(), names_of_groups())


def _checked(texts: Iterable[Any]) -> list[str]:
    if isinstance(texts, str):
        raise ValueError("expected many texts, found one string; put it in a list")
    found = list(texts)
    for text in found:
        if not isinstance(text, str):
            raise ValueError(f"expected texts, found {type(text).__name__}")
    return found


def _known_words(corpus: Corpus, lexicon: Lexicon, least: int) -> NDArray[np.uint32]:
    text_of = np.repeat(np.arange(len(corpus.starts)), np.diff(np.append(corpus.starts, len(corpus.ids))))
    seen = np.unique(text_of * len(corpus.chunks) + corpus.ids) % len(corpus.chunks)
    in_texts = np.bincount(seen, minlength=len(corpus.chunks))
    totals: dict[str, int] = {}
    for chunk, texts in zip(corpus.chunks, in_texts.tolist(), strict=True):
        for word in unfold(chunk, lexicon).words:
            totals[word] = totals.get(word, 0) + texts
    known = sorted((-texts, hash_word(word)) for word, texts in totals.items() if texts >= least)
    return np.array([hashed for _, hashed in dict.fromkeys(known)], np.uint32)


def _rows(part: Analysed, buckets: int) -> sparse.csr_matrix:
    starts = np.searchsorted(part.owner, np.arange(len(part.counts) + 1))
    shape = len(part.counts), buckets
    meant = np.full(len(part.meaning), MEANT, np.float32), (part.meaning, part.concepts)
    spelled = np.ones(len(part.buckets), np.float32), part.buckets, starts
    return sparse.csr_matrix(spelled, shape=shape) + sparse.csr_matrix(meant, shape=shape)
