"""The door for serving: open a version, score many comments at once, say what moved each score.

Imports no scikit-learn. What a chunk contributes to every attribute, its language evidence and its counts are one row of a
bounded table kept between calls, so a batch is a few dictionary look-ups per comment and a handful of NumPy calls for all of
them; the explanation falls out of the same rows.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, chain
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from classifiers.arrays import read_array
from classifiers.bars import EVERYTHING, Bars
from classifiers.compiled import open_lexicon, verify_features
from classifiers.errors import VersionBroken
from classifiers.features import Shape, pair_buckets
from classifiers.filters import Filters, Looked, load_filters
from classifiers.hashing import Hashes
from classifiers.languages import Evidence, Languages
from classifiers.layout import Laid, cut_beside, lay_out, pass_over, spelled_out
from classifiers.lexicon import Lexicon
from classifiers.manifest import Manifest
from classifiers.stretches import (
    LEAST_OF_A_PART,
    Stretch,
    in_blocks,
    is_worth_a_look,
    worst_stretches,
)
from classifiers.strongest import Moved, Word, in_groups, strongest, words_of
from classifiers.table import ChunkTable, Counts, add_up
from classifiers.text import clip, cut, spell
from classifiers.traits import FIRST_MARK, NAMES, PLACE, USUAL, Matrix, traits

BUNDLED = Path(__file__).parent / "bundled"
AT_ONCE = 100_000
"""So many characters of comments are scored together; a batch of ordinary ones has fewer."""
_LETTERS, _LINKED, _WORDS = PLACE["letters"], PLACE["link_chars"], PLACE["words"]
SHOWN = 0.1
"""An attribute that scores lower is not explained: nothing moved it that is worth keeping."""


class Item(msgspec.Struct, frozen=True):
    """What one comment gives to score."""

    text: str
    name: str = ""
    url: str = ""
    lang: str = ""
    """ISO 639-1 code of the site's language, which a short or undecided text counts as."""
    bars: Bars = EVERYTHING
    """What its site makes of the scores: what is explained, and whether it is looked through, hangs on that."""


class Part(msgspec.Struct, frozen=True):
    """The part of a long comment that looks worst, scored by itself, and what moved the highest of its scores."""

    values: dict[str, float]
    words: tuple[Word, ...]


class Scores(msgspec.Struct, frozen=True):
    """The probabilities of one comment."""

    values: dict[str, float]
    lang: str
    supported: bool
    words: tuple[Word, ...] = ()
    part: Part | None = None
    """Of a long comment the part that looks worst, where that scores `LEAST_OF_A_PART`; given with an explanation alone."""


class Parts(msgspec.Struct, frozen=True):
    """All that one attribute's logit is the sum of."""

    logit: float
    probability: float
    bias: float
    """What a comment of usual length has, before anything is said of its words: `classifiers.traits.USUAL`."""
    words: tuple[Word, ...]
    features: dict[str, float]


class Explanation(msgspec.Struct, frozen=True):
    """Why one comment got its scores: attribute -> the parts of its logit."""

    lang: str
    supported: bool
    attributes: dict[str, Parts]


class _Batch(NamedTuple):
    """The arithmetic of many comments: per chunk what it contributes, per comment the sums."""

    laid: Laid
    rows: Matrix
    counts: Counts
    factors: Matrix
    """Times a row of a comment's chunk: what that chunk contributes to each calibrated logit."""
    features: Matrix
    logits: Matrix
    evidence: Evidence
    looked: Looked | None
    """What the filters saw, where there are any."""


class Scorer:
    """A version of the model, opened for scoring. Safe to call from several threads, one at a time does the work."""

    def __init__(
        self, manifest: Manifest, arrays: dict[str, NDArray[Any]], lexicon: Lexicon, filters: Filters | None = None
    ) -> None:
        self.manifest = manifest
        self.version = manifest.version
        self.attributes = manifest.attributes
        self._shape = msgspec.convert(manifest.features["shape"], Shape)
        self._languages = Languages(manifest.features["languages"], manifest.features.get("floors", {}))
        self._weights = np.asarray(arrays["weights"])
        self._scales = arrays["scales"].astype(np.float32)
        self._halves = self._scales / 2
        self._lexicon = lexicon
        slopes = np.array([manifest.calibration[name]["slope"] for name in self.attributes], np.float32)
        offsets = np.array([manifest.calibration[name]["offset"] for name in self.attributes], np.float32)
        head = arrays["head"].astype(np.float32)
        self._slopes = slopes
        self._filters = filters
        self._trait_weights = head[:, : len(NAMES)] * slopes[:, None]
        self._filter_weights = head[:, len(NAMES) : -1] * slopes[:, None]
        self._bias = head[:, -1] * slopes + offsets
        self._columns = {name: column for column, name in enumerate(self.attributes)}
        self._supported = {code: figures.supported for code, figures in manifest.languages.items()}
        self._lock = Lock()
        self._table = ChunkTable(
            self._weights, self._scales, np.asarray(arrays["languages"]), lexicon, self._shape, filters
        )

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a version folder, checking every byte against its manifest; arrays stay on disk until they are used."""
        manifest = verify_features(folder)
        try:
            arrays = {
                name: read_array(folder / f"{name}.npy", mapped=True)
                for name in ("weights", "scales", "head", "languages", "known")
            }
            lexicon = open_lexicon(folder, manifest, arrays["known"])
            scorer = cls(manifest, arrays, lexicon, load_filters(folder))
        except (OSError, ValueError, KeyError, msgspec.DecodeError) as error:
            raise VersionBroken(f"{folder} cannot be scored with: {error}") from None
        scorer._check(folder)
        return scorer

    def score(self, items: Sequence[Item], *, explain: bool = False) -> list[Scores]:
        """Score comments, in order. Every text gets every score; nothing a text holds makes this raise.

        To explain is to say what moved each attribute that an item's bars show and that scores at least `SHOWN`, and to look
        for the worst part of the long ones. Very long ones are scored some after others, so that memory does not grow with
        their number.
        """
        ends = [*accumulate(len(item.text) for item in items)]
        begin, found = 0, []
        while begin < len(items):
            end = max(bisect_right(ends, AT_ONCE + (ends[begin - 1] if begin else 0)), begin + 1)
            found += self._score(items[begin:end], explain)
            begin = end
        return found

    def _score(self, items: Sequence[Item], explain: bool) -> list[Scores]:
        with self._lock:
            chunked, laid = self._lay(items)
            batch = self._compute(laid)
            values = self._values(batch)
            words = self._words(items, chunked, batch, values) if explain else [()] * len(items)
            parts = self._parts(items, chunked, batch, values) if explain else {}
        return [
            Scores(scores, lang, self._supported.get(lang, False), found, parts.get(place))
            for place, (scores, lang, found) in enumerate(
                zip(values, self._languages_of(items, batch), words, strict=True)
            )
        ]

    def explain(self, item: Item) -> Explanation:
        """Take the scores of one comment apart, completely: bias, words and features sum to the logit."""
        with self._lock:
            chunked, laid = self._lay([item])
            batch = self._compute(laid)
            moved = self._moved(batch, np.zeros(len(self.attributes), np.int64), np.arange(len(self.attributes)))
        lang = self._languages_of([item], batch)[0]
        bias = self._bias + self._trait_weights @ USUAL
        bias += self._filter_weights @ self._filters.floor if self._filters else 0
        found = {}
        for column, attribute in enumerate(self.attributes):
            strong = [(attribute, place, weight) for place, weight in enumerate(moved[column].tolist()) if weight]
            words = words_of(item.text, chunked[0], strong)
            features = ((batch.features[0] - USUAL) * self._trait_weights[column]).tolist()
            logit = float(batch.logits[0, column])
            found[attribute] = Parts(
                logit,
                float(_sigmoid(batch.logits[0, column])),
                float(bias[column]),
                words,
                {name: weight for name, weight in zip(NAMES, features, strict=True) if weight},
            )
        return Explanation(lang, self._supported.get(lang, False), found)

    def _lay(self, items: Sequence[Item]) -> tuple[list[list[str]], Laid]:
        """Cut some comments into chunks and number these."""
        han = self._lexicon.han
        texts = [cut(clip(item.text), han) for item in items]
        beside = [cut_beside(item.name, item.url, han) for item in items]
        chunked = lay_out(texts, beside)
        ids = self._table.number(list(chain.from_iterable(chunked)))
        flags = self._table.flags.take(ids)
        if spelled := spelled_out(flags, chunked):
            for place in spelled:
                texts[place] = spell(clip(items[place].text), han)
            chunked = lay_out(texts, beside)
            ids = self._table.number(list(chain.from_iterable(chunked)))
            flags = self._table.flags.take(ids)
        starts = list(accumulate(map(len, chunked), initial=0))
        if any(beside):
            pass_over(ids, flags, starts, beside)
        del starts[-1]
        return chunked, Laid(ids, starts, [start + 1 + len(text) for start, text in zip(starts, texts, strict=True)])

    def _compute(self, laid: Laid) -> _Batch:
        counts, ends, rows, vectors = self._table.of(laid.ids)
        self._relate(rows, counts, ends, laid.ids)
        sums, counted = np.add.reduceat(rows, laid.starts, axis=0), add_up(counts, laid.starts)
        features = traits(counted)
        factors, logits = self._weigh(sums, features)
        looked = self._filters.look(vectors, laid.ids, laid.starts) if self._filters else None
        if looked:
            logits += looked.answers @ self._filter_weights.T
        evidence = Evidence(
            sums[:, self._table.evidence], counted[:, _LETTERS] - counted[:, _LINKED], counted[:, _WORDS]
        )
        return _Batch(laid, rows, counts, factors, features, logits, evidence, looked)

    def _weigh(self, sums: Matrix, features: Matrix) -> tuple[Matrix, Matrix]:
        """Give what a row counts for in each of some comments, and their logits but for the filters."""
        width = len(self.attributes)
        scale: Any = 1 / np.sqrt(1 + sums[:, width : width + 1])
        factors = scale * self._slopes
        return factors, sums[:, :width] * factors + features @ self._trait_weights.T + self._bias

    def _values(self, batch: _Batch) -> list[dict[str, float]]:
        return [dict(zip(self.attributes, row, strict=True)) for row in _sigmoid(batch.logits).tolist()]

    def _parts(
        self, items: Sequence[Item], chunked: list[list[str]], batch: _Batch, values: list[dict[str, float]]
    ) -> dict[int, Part]:
        """Score the stretch of each long comment that looks worst by itself; what scores high enough, by the comment's place."""
        long = [
            place
            for place, (item, scores) in enumerate(zip(items, values, strict=True))
            if is_worth_a_look(item.text, max(scores.values()))
            and not item.bars.waits(scores)
            and batch.laid.pasts[place] > batch.laid.starts[place] + 1
        ]
        if not long:
            return {}

        def weigh(sums: Matrix, counted: Matrix) -> Matrix:
            return self._weigh(sums, traits(counted))[1]

        def seen_in(stretches: Sequence[Stretch]) -> Any:
            if not self._filters or not batch.looked:
                return 0
            seen = self._filters.most([batch.looked.seen[place][begin:past] for place, begin, past in stretches])
            return np.maximum(seen, self._filters.floor) @ self._filter_weights.T

        blocks = in_blocks(batch.rows, batch.counts, batch.laid.starts, batch.laid.pasts)
        found = worst_stretches(blocks, long, weigh, seen_in)
        if not found:
            return {}
        alone = self._compute(batch.laid.cut_out(found))
        told = {}
        for at, ((place, begin, _), scores) in enumerate(zip(found, self._values(alone), strict=True)):
            hottest = max(scores, key=scores.__getitem__)
            if scores[hottest] >= LEAST_OF_A_PART:
                (moved,) = self._strongest(alone, [(at, self._columns[hottest])])
                named = [(hottest, to + begin - 1 if to > 0 else to, weight) for to, weight in moved]
                told[place] = Part(scores, words_of(items[place].text, chunked[place], named))
        return told

    def _moved(self, batch: _Batch, places: NDArray[np.int64], columns: NDArray[np.int64]) -> Matrix:
        """Give what the chunks of some comments contribute to one calibrated logit each: a row for each, with zeros behind its chunks."""
        starts = np.array([*batch.laid.starts, len(batch.laid.ids)])
        begins = starts[places]
        lengths = starts[places + 1] - begins
        there = np.arange(lengths.max()) < lengths[:, None]
        moved = np.zeros(there.shape, np.float32)
        own, at = there.nonzero()
        chosen = begins[own] + at
        moved[there] = batch.rows[chosen, columns[own]] * batch.factors[places, columns][own]
        if self._filters and batch.looked:
            worth = self._filter_weights[columns]
            self._filters.share_out(moved, batch.looked, places, batch.laid.ids, begins, worth)
        return moved

    def _relate(self, rows: Matrix, counts: Counts, ends: Hashes, ids: NDArray[np.int64]) -> None:
        """Give each feature of two chunks half to the one, half to the other; count the phrases."""
        first, last = np.ascontiguousarray(ends.T)
        shared = self._weights.take(pair_buckets(first, last, self._shape), axis=0) * self._halves
        apart = ids == 0
        shared[apart[:-1] | apart[1:]] = 0
        rows[:-1, : len(self._halves)] += shared
        rows[1:, : len(self._halves)] += shared
        for place, mark in self._lexicon.phrases.find(first):
            counts[place, FIRST_MARK + mark] += 1

    def _languages_of(self, items: Sequence[Item], batch: _Batch) -> list[str]:
        return self._languages.judge(batch.evidence, [item.text for item in items], [item.lang for item in items])

    def _words(
        self, items: Sequence[Item], chunked: list[list[str]], batch: _Batch, values: list[dict[str, float]]
    ) -> list[tuple[Word, ...]]:
        """Say what moved each attribute that is to be shown and scores high enough, for all comments in one look."""
        shown = [
            [name for name in item.bars.shown(scores) if scores.get(name, 0.0) >= SHOWN]
            if max(scores.values()) >= SHOWN
            else ()
            for item, scores in zip(items, values, strict=True)
        ]
        pairs = [(place, self._columns[name]) for place, names in enumerate(shown) for name in names]
        strong = self._strongest(batch, pairs)
        return [
            words_of(item.text, chunks, [(name, *one) for name in names for one in next(strong)]) if names else ()
            for item, chunks, names in zip(items, chunked, shown, strict=True)
        ]

    def _strongest(self, batch: _Batch, pairs: Sequence[tuple[int, int]]) -> Iterator[list[Moved]]:
        """Pick what moved some logits most: pairs of a comment and an attribute, by their places."""
        for some in in_groups(pairs, batch.laid.lengths):
            places, columns = np.array(some).T
            features = (batch.features[places] - USUAL) * self._trait_weights[columns]
            yield from strongest(self._moved(batch, places, columns), features)

    def _check(self, folder: Path) -> None:
        """Refuse arrays of other sizes than the manifest's shape asks for."""
        attributes = len(self.attributes)
        expected = {
            "weights": (self._weights.shape, (self._shape.buckets, attributes + 1)),
            "scales": (self._scales.shape, (attributes + 1,)),
            "head": (
                (*self._trait_weights.shape, self._filter_weights.shape[1]),
                (attributes, len(NAMES), len(self._filters.floor) if self._filters else 0),
            ),
            "languages": (self._table.evidence.stop - self._table.evidence.start, len(self._languages.names)),
        }
        for name, (found, wanted) in expected.items():
            if found != wanted:
                raise VersionBroken(f"{folder / name}.npy has shape {found}, this release expects {wanted}")


def _sigmoid(logits: Any) -> Any:
    return 0.5 * (1 + np.tanh(0.5 * logits))


def tried(folder: Path) -> Scorer:
    """Open a version and let it score once: what cannot do that shall not replace one that can, nor stand beside it."""
    scorer = Scorer.open(folder)
    try:
        scorer.score([Item("Good morning!")], explain=True)
    except Exception as error:
        raise VersionBroken(f"version {scorer.version} opens, but fails to score: {type(error).__name__}") from error
    return scorer


@lru_cache(maxsize=1)
def bundled() -> Scorer:
    """Open the version that ships with the package."""
    return Scorer.open(BUNDLED)
