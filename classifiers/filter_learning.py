"""Learning the filters: a small convolution over chunks, trained by gradient descent on shares of annotators.

Written out in NumPy and SciPy: the network is small, and a framework for larger ones would be a hundred times the size of all
that training needs. The same rows and the same seed give the same filters.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from classifiers.features import Analysed, Corpus, runs
from classifiers.filters import UNIT, WIDEST, WIDTHS, Filters, kinds_of, windows
from classifiers.traits import Matrix

LONGEST = 160
"""So many chunks of a text are learned from."""
BATCH = 256
WORDS_DROPPED, ANSWERS_DROPPED = 0.2, 0.3
"""Shares of the chunks and of the answers that are left out of each step, so that no filter relies on one."""
RATE, DECAY = 3e-3, 1e-5
"""How far a step goes (Adam, after 50 steps, falling to a fiftieth), and how much of every weight is taken back."""

LOUD = 16
"""By so much answers are made smaller, and what they count for larger. An adaptation goes by how large a feature is, and answers are
never nothing: at their full size it would rather turn all filters than learn the words of a site."""


class Network(NamedTuple):
    """Filters, and what each of their answers counts for each attribute."""

    filters: Filters
    coef: NDArray[np.float64]
    """Of shape (attributes, filters)."""
    bias: NDArray[np.float64]


class Sequences:
    """Texts as sequences of chunks, ready to be learned from any number of times."""

    def __init__(self, corpus: Corpus, parts: Sequence[Analysed], rows: int) -> None:
        self._corpus, self._parts, self._rows = corpus, parts, rows
        self._features = sparse.vstack([_features(part, rows) for part in parts], format="csr")
        self._ends = np.append(corpus.starts[1:], len(corpus.ids))

    def fit(
        self,
        texts: NDArray[np.int64],
        shares: NDArray[np.float64],
        weights: NDArray[np.float64],
        *,
        attribute_weights: Sequence[float],
        each: int,
        numbers: int,
        epochs: int,
        seed: int,
    ) -> Network:
        """Learn from some texts, by place, and their shares of shape (texts, attributes), NaN where not annotated.

        Some seven seconds of one core for 100,000 short texts and an epoch, with 96 filters.
        """
        chance = np.random.default_rng(seed)
        net = _Net(self._features.shape[1], self._rows, numbers, each, shares.shape[1], chance)
        lengths = np.minimum(self._ends - self._corpus.starts, LONGEST)[texts]
        steps = epochs * -(-len(texts) // BATCH)
        wanted = weights[:, None] * np.asarray(attribute_weights) * ~np.isnan(shares)
        wanted, shares = wanted.astype(np.float32), np.nan_to_num(shares).astype(np.float32)
        done = 0
        for _ in range(epochs):
            # texts of like length go together, in an order that is another each time
            order = np.argsort(lengths // 8 + 2 * chance.random(len(texts)), kind="stable")
            batches = [order[begin : begin + BATCH] for begin in range(0, len(order), BATCH)]
            for at in chance.permutation(len(batches)).tolist():
                chosen = batches[at]
                ids = [self._ids(place) for place in texts[chosen].tolist()]
                rate = RATE * min(1, (done + 1) / 50) * max(0.02, 1 - done / steps)
                net.step(self._features, ids, shares[chosen], wanted[chosen], rate, chance)
                done += 1
        return net.written()

    def answers(self, filters: Filters) -> Matrix:
        """Give what the filters answer for every text."""
        vectors = np.concatenate([filters.embed(part) for part in self._parts])
        return filters.answers(vectors, self._corpus.ids, self._corpus.starts.tolist())

    def _ids(self, place: int) -> NDArray[np.int64]:
        begin = self._corpus.starts[place]
        return self._corpus.ids[begin : min(self._ends[place], begin + LONGEST)]


def _features(part: Analysed, rows: int) -> sparse.csr_matrix:
    """Give chunks as weighted sums of the rows of one table: hashed features and concepts, then kinds of word."""
    many = np.bincount(part.owner, minlength=len(part.counts))
    values = (1 / np.sqrt(many, dtype=np.float32, where=many > 0, out=np.ones(len(many), np.float32)))[part.owner]
    shape = len(part.counts), rows
    hashed = sparse.csr_matrix((values, part.buckets & (rows - 1), np.append(0, many.cumsum())), shape=shape)
    meant = np.ones(len(part.meaning), np.float32), (part.meaning, part.concepts & (rows - 1))
    hashed += sparse.csr_matrix(meant, shape=shape)
    return sparse.hstack([hashed, sparse.csr_matrix(kinds_of(part.counts))], format="csr")


def _winners(seen: Matrix, most: Matrix, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Find where each filter sees the most of each comment, the first place of equals, of shape (filters, comments)."""
    filters, places = np.nonzero(seen == most.repeat(lengths, axis=1))
    comments = np.arange(len(lengths)).repeat(lengths)[places]
    return places[runs(filters * len(lengths) + comments)].reshape(most.shape)


class _Net:
    """The network while it learns: a table of vectors, the filters over them, and a logistic output for each attribute."""

    def __init__(self, table: int, rows: int, numbers: int, each: int, attributes: int, chance: Any) -> None:
        self._rows, wide = rows, len(WIDTHS) * each
        vectors = chance.normal(0, 0.1, (table, numbers))
        vectors[rows:] *= 3
        widths = np.repeat(WIDTHS, each)
        bound = 1 / np.sqrt(numbers * widths)
        self._open = np.ones((WIDEST * numbers + 1, wide), np.float32)
        self._open[:-1] = np.arange(WIDEST).repeat(numbers)[:, None] < widths
        patterns = chance.uniform(-bound, bound, self._open.shape) * self._open
        patterns[-1] = 0
        self._weights = {
            "vectors": vectors.astype(np.float32),
            "patterns": patterns.astype(np.float32),
            "coef": chance.uniform(-1, 1, (wide, attributes)).astype(np.float32) / np.float32(np.sqrt(wide)),
            "bias": np.zeros(attributes, np.float32),
        }
        self._moments = {name: (np.zeros_like(found), np.zeros_like(found)) for name, found in self._weights.items()}
        self._done = 0

    def step(
        self, features: Any, texts: list[NDArray[np.int64]], shares: Matrix, wanted: Matrix, rate: float, chance: Any
    ) -> None:
        """Learn from one batch of texts."""
        now = self._weights
        ids = np.concatenate(texts)
        lengths = np.array([len(one) for one in texts])
        distinct, place = np.unique(ids, return_inverse=True)
        known = features[distinct]
        kept = (chance.random(len(ids)) >= WORDS_DROPPED).astype(np.float32)
        empty = ids == 0
        looked_at = windows((known @ now["vectors"])[place] * kept[:, None], empty)
        seen = np.ascontiguousarray((looked_at @ now["patterns"]).T)
        most = np.maximum.reduceat(seen, lengths.cumsum() - lengths, axis=1)
        heard = (chance.random(most.shape) >= ANSWERS_DROPPED).astype(np.float32) / np.float32(1 - ANSWERS_DROPPED)
        answers = (np.maximum(most, 0) * heard).T
        logits = answers @ now["coef"] + now["bias"]
        errors = wanted * (0.5 * (1 + np.tanh(0.5 * logits)) - shares) / np.float32(len(texts))
        # only the window in which a filter saw the most is learned from
        back = np.zeros((len(ids), len(most)), np.float32)
        back[_winners(seen, most, lengths), np.arange(len(most))[:, None]] = (
            (now["coef"] @ errors.T) * heard * (most > 0)
        )
        numbers = now["vectors"].shape[1]
        by_window = back @ now["patterns"].T
        by_chunk = by_window[:, :numbers]
        by_chunk[1:] += by_window[:-1, numbers : 2 * numbers]
        by_chunk[2:] += by_window[:-2, 2 * numbers : -1] * ~empty[1:-1, None]
        gather = sparse.csr_matrix((kept, place, np.arange(len(ids) + 1)), shape=(len(ids), len(distinct)))
        self._move(
            {
                "vectors": np.asarray(known.T @ (gather.T @ by_chunk), np.float32),
                "patterns": (looked_at.T @ back) * self._open,
                "coef": answers.T @ errors,
                "bias": errors.sum(axis=0),
            },
            rate,
        )

    def _move(self, slopes: dict[str, Matrix], rate: float) -> None:
        """Take a step of Adam (Kingma and Ba, 2015)."""
        self._done += 1
        scale = np.float32(rate * np.sqrt(1 - 0.999**self._done) / (1 - 0.9**self._done))
        for name, slope in slopes.items():
            weights, (mean, spread) = self._weights[name], self._moments[name]
            slope += np.float32(DECAY) * weights
            mean += np.float32(0.1) * (slope - mean)
            spread += np.float32(0.001) * (slope * slope - spread)
            weights -= scale * mean / (np.sqrt(spread) + np.float32(1e-8))

    def written(self) -> Network:
        """Round the vectors to bytes, from then on they are the model, and bring the answers to the size of other features."""
        vectors = self._weights["vectors"]
        rounded = np.clip(np.round(vectors[: self._rows] / UNIT), -127, 127).astype(np.int8)
        filters = Filters(rounded, vectors[self._rows :].copy(), self._weights["patterns"] / np.float32(LOUD))
        coef = LOUD * self._weights["coef"].T.astype(np.float64)
        return Network(filters, coef, self._weights["bias"].astype(np.float64))
