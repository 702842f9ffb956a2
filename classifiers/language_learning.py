"""Learn what speaks for a language: the evidence of each hashed feature, and how much of it a comment must have."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from classifiers.dataset import Dataset
from classifiers.features import analyse, gather
from classifiers.featurizer import CommentFeaturizer
from classifiers.languages import FEWEST_LETTERS, FEWEST_WORDS
from classifiers.traits import PLACE

ROWS = 1 << 15
MOST_TEXTS, FEWEST_TEXTS = 3000, 100
"""Of a language so many texts are learned from; one with fewer is not told."""
LOWEST = 0.01
"""So many of a language's own texts lie below its floor."""
STEPS, LARGEST = 16, 7.9
"""Evidence is kept in sixteenths of nats, one byte each."""


def learn_languages(
    rows: Dataset, texts: list[str], featurizer: CommentFeaturizer
) -> tuple[tuple[str, ...], NDArray[np.int8], dict[str, float]]:
    """Learn how much each hashed feature speaks for each language: log-odds against the mean of all.

    Gives the languages, the evidence of shape (ROWS, languages), and the floor of each language: below so much evidence a
    letter lie the lowest of the texts that it is the likeliest language of.
    """
    chosen: dict[str, list[str]] = {}
    for lang, text in zip(rows.lang, texts, strict=True):
        if lang and len(chosen.setdefault(lang, [])) < MOST_TEXTS:
            chosen[lang].append(text)
    languages = tuple(sorted(lang for lang, found in chosen.items() if len(found) >= FEWEST_TEXTS))
    if not languages:
        return (), np.zeros((ROWS, 0), np.int8), {}
    seen = [_spoken(chosen[lang], featurizer) for lang in languages]
    totals = np.array([np.asarray(spoken.sum(axis=0)).ravel() for spoken, _ in seen]) + 0.5
    odds = np.log(totals / totals.sum(axis=1, keepdims=True))
    evidence = np.round(np.clip(odds - odds.mean(axis=0), -LARGEST, LARGEST) * STEPS).astype(np.int8).T
    floors = {}
    for place, (lang, (spoken, counts)) in enumerate(zip(languages, seen, strict=True)):
        found = spoken @ evidence.astype(np.float64)
        letters = counts[:, PLACE["letters"]] - counts[:, PLACE["link_chars"]]
        telling = (letters >= FEWEST_LETTERS) & (counts[:, PLACE["words"]] >= FEWEST_WORDS)
        own = telling & (found.argmax(axis=1) == place)
        if own.sum() >= FEWEST_TEXTS:
            floors[lang] = round(float(np.quantile(found[own, place] / letters[own], LOWEST)), 2)
    return languages, np.ascontiguousarray(evidence), floors


def _spoken(texts: list[str], featurizer: CommentFeaturizer) -> tuple[sparse.csr_matrix, NDArray[np.float32]]:
    """Count of each text the features that tell languages apart, and the countable things."""
    lexicon = featurizer.lexicon()
    corpus = gather(texts, lexicon)
    found = analyse(corpus.chunks, lexicon, featurizer.shape)
    ends = np.append(corpus.starts, len(corpus.ids))
    occurs = sparse.csr_matrix((np.ones(len(corpus.ids)), corpus.ids, ends), shape=(len(texts), len(corpus.chunks)))
    owners, buckets = found.owner[found.spoken], found.buckets[found.spoken] & (ROWS - 1)
    own = sparse.csr_matrix((np.ones(len(owners)), (owners, buckets)), shape=(len(corpus.chunks), ROWS))
    return occurs @ own, occurs @ found.counts
