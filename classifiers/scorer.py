"""The door for serving: open a version, score many comments at once, say what moved each score.

Imports no scikit-learn. What a chunk contributes to every attribute and its language evidence are one row of a bounded
table kept between calls, its counts beside it, so a batch is a few dictionary look-ups per comment and a handful of NumPy calls
for all of them; the explanation falls out of the same rows.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate, chain
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from classifiers.arrays import read_array
from classifiers.compiled import open_lexicon, verify_features
from classifiers.errors import VersionBroken
from classifiers.features import Shape, pair_buckets
from classifiers.filters import Filters, Looked, load_filters
from classifiers.languages import Evidence, Languages
from classifiers.layout import cut_beside, lay_out, pass_over, spelled_out, text_of
from classifiers.lexicon import Lexicon
from classifiers.manifest import Manifest
from classifiers.stretches import Stretch, is_worth_a_look, worst_stretches
from classifiers.strongest import Word, strongest, words_of
from classifiers.table import ChunkTable, Counts, add_up
from classifiers.text import clip, cut, locate, spell
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


class Scores(msgspec.Struct, frozen=True):
    """The probabilities of one comment."""

    values: dict[str, float]
    lang: str
    supported: bool
    words: tuple[Word, ...] = ()
    stretch: tuple[int, int] | None = None
    """Where a long comment looks worst, if it looks bad anywhere: a span of the text, to be scored alone by who wants to know."""


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

    chunks: list[list[str]]
    starts: list[int]
    ids: NDArray[np.int64]
    rows: Matrix
    counts: Counts
    factors: Matrix
    """Times a row of a comment's chunk: what that chunk contributes to each calibrated logit."""
    features: Matrix
    logits: Matrix
    evidence: Evidence
    looked: Looked | None
    """What the filters saw, where there are any and it is asked for."""


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
        self._filtered = frozenset(place for place, weights in enumerate(self._filter_weights) if weights.any())
        self._bias = head[:, -1] * slopes + offsets
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

    def score(self, items: Sequence[Item], *, explain: bool = False, least: float = SHOWN) -> list[Scores]:
        """Score comments, in order. Every text gets every score; nothing a text holds makes this raise.

        To explain is to say what moved each attribute that scores at least so much.

        Very long ones are scored some after others, so that memory does not grow with their number.
        """
        ends = [*accumulate(len(item.text) for item in items)]
        begin, found = 0, []
        while begin < len(items):
            end = max(bisect_right(ends, AT_ONCE + (ends[begin - 1] if begin else 0)), begin + 1)
            found += self._score(items[begin:end], explain, least)
            begin = end
        return found

    def _score(self, items: Sequence[Item], explain: bool, least: float) -> list[Scores]:
        with self._lock:
            batch = self._compute(items, explain)
            probabilities = _sigmoid(batch.logits).tolist()
            words = self._strongest(items, batch, probabilities, least) if explain else [()] * len(items)
            stretches = self._stretches(items, batch, probabilities) if explain else {}
        languages = self._languages_of(items, batch)
        return [
            Scores(
                dict(zip(self.attributes, row, strict=True)),
                lang,
                self._supported.get(lang, False),
                found,
                stretches.get(place),
            )
            for place, (row, lang, found) in enumerate(zip(probabilities, languages, words, strict=True))
        ]

    def explain(self, item: Item) -> Explanation:
        """Take the scores of one comment apart, completely: bias, words and features sum to the logit."""
        with self._lock:
            batch = self._compute([item], explain=True)
            moved = self._moved(batch, [0], range(len(self.attributes))).T.tolist()
        lang = self._languages_of([item], batch)[0]
        bias = self._bias + self._trait_weights @ USUAL
        bias += self._filter_weights @ self._filters.floor if self._filters else 0
        found = {}
        for column, attribute in enumerate(self.attributes):
            strong = [(attribute, place, weight) for place, weight in enumerate(moved[column]) if weight]
            words = words_of(item.text, batch.chunks[0], strong)
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

    def _compute(self, items: Sequence[Item], explain: bool) -> _Batch:
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
        lengths = [len(chunks) for chunks in chunked]
        starts = list(accumulate(lengths, initial=0))
        if any(beside):
            pass_over(ids, flags, starts, beside)
        width = len(self.attributes) + 1
        rows, counts = self._table.rows.take(ids, axis=0), self._table.counts.take(ids, axis=0)
        self._relate(rows, counts, ids, width)
        del starts[-1]
        sums = np.add.reduceat(rows, starts, axis=0)
        counted = add_up(counts, starts)
        features = traits(counted)
        factors, logits = self._weigh(sums, features)
        looked = self._filters.look(self._table.vectors, ids, starts) if self._filters and explain else None
        if self._filters:
            answers = looked.answers if looked else self._filters.answers(self._table.vectors, ids, starts)
            logits += answers @ self._filter_weights.T
        evidence = Evidence(
            sums[:, self._table.evidence], counted[:, _LETTERS] - counted[:, _LINKED], counted[:, _WORDS]
        )
        return _Batch(chunked, starts, ids, rows, counts, factors, features, logits, evidence, looked)

    def _weigh(self, sums: Matrix, features: Matrix) -> tuple[Matrix, Matrix]:
        """Give what a row counts for in each of some comments, and their logits but for the filters."""
        width = len(self.attributes)
        scale: Any = 1 / np.sqrt(1 + sums[:, width : width + 1])
        factors = scale * self._slopes
        return factors, sums[:, :width] * factors + features @ self._trait_weights.T + self._bias

    def _stretches(
        self, items: Sequence[Item], batch: _Batch, probabilities: list[list[float]]
    ) -> dict[int, tuple[int, int]]:
        """Find where the long ones among some comments look worst: spans of the original text by their places."""
        texts = {
            place: text_of(batch.chunks[place])
            for place, (item, row) in enumerate(zip(items, probabilities, strict=True))
            if is_worth_a_look(item.text, max(row))
        }
        if not texts:
            return {}
        long = [place for place, text in texts.items() if text]
        spans = [(batch.starts[place] + 1, batch.starts[place] + 1 + len(texts[place])) for place in long]

        def weigh(sums: Matrix, counted: Matrix) -> Matrix:
            return self._weigh(sums, traits(counted))[1]

        def seen_in(stretches: Sequence[Stretch]) -> Any:
            if not self._filters or not batch.looked:
                return 0
            seen = [batch.looked.seen[long[at]][1 + begin : 1 + past].max(axis=0) for at, begin, past in stretches]
            return np.maximum(seen, self._filters.floor) @ self._filter_weights.T

        found = {}
        for at, ends in worst_stretches(batch.rows, batch.counts, spans, weigh, seen_in).items():
            begins, pasts = zip(*locate(items[long[at]].text, texts[long[at]], sorted({*ends})), strict=True)
            found[long[at]] = min(begins), max(pasts)
        return found

    def _moved(self, batch: _Batch, places: Sequence[int], columns: Iterable[int]) -> Matrix:
        """Give what the chunks of some comments, laid end to end, contribute to some calibrated logits: (chunks, attributes)."""
        lengths = [len(batch.chunks[place]) for place in places]
        chosen = np.concatenate(
            [np.arange(length) + batch.starts[place] for length, place in zip(lengths, places, strict=True)]
        )
        moved: Matrix = batch.rows.take(chosen, axis=0)[:, : len(self.attributes)]
        moved *= batch.factors[places].repeat(lengths, axis=0)
        filtered = [column for column in columns if column in self._filtered]
        if self._filters and batch.looked and filtered:
            origins = self._filters.origins(batch.looked.of(places), batch.ids.take(chosen))
            for column in filtered:
                moved[:, column] += origins.shares(self._filter_weights[column])
        return moved

    def _relate(self, rows: Matrix, counts: Counts, ids: NDArray[np.int64], width: int) -> None:
        """Give each feature of two chunks half to the one, half to the other; count the phrases."""
        table = self._table
        first, last = table.first.take(ids), table.last.take(ids)
        shared = self._weights.take(pair_buckets(first, last, self._shape), axis=0) * self._halves
        apart = ids == 0
        shared[apart[:-1] | apart[1:]] = 0
        rows[:-1, :width] += shared
        rows[1:, :width] += shared
        for place, mark in self._lexicon.phrases.find(first):
            counts[place, FIRST_MARK + mark] += 1

    def _languages_of(self, items: Sequence[Item], batch: _Batch) -> list[str]:
        return self._languages.judge(batch.evidence, [item.text for item in items], [item.lang for item in items])

    def _strongest(
        self, items: Sequence[Item], batch: _Batch, probabilities: list[list[float]], least: float
    ) -> list[tuple[Word, ...]]:
        """Pick what moved each attribute most, for all comments and attributes that score high enough in one look."""
        shown = [
            [column for column, score in enumerate(row) if score >= least] if max(row) >= least else ()
            for row in probabilities
        ]
        some = [place for place, columns in enumerate(shown) if columns]
        if not some:
            return [()] * len(items)
        lengths = [len(batch.chunks[place]) for place in some]
        moved = self._moved(batch, some, {*chain.from_iterable(shown)}).T
        pairs, lines = [], []
        for place, length, end in zip(some, lengths, accumulate(lengths), strict=True):
            pairs += [(place, column) for column in shown[place]]
            lines += [moved[column, end - length : end] for column in shown[place]]
        places, columns = np.array(pairs).T
        strong = iter(strongest(lines, (batch.features[places] - USUAL) * self._trait_weights[columns]))
        return [
            words_of(item.text, chunks, [(self.attributes[column], *one) for column in columns for one in next(strong)])
            for item, chunks, columns in zip(items, batch.chunks, shown, strict=True)
        ]

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
