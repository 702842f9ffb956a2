"""The door for serving: open a version, score many comments at once, say what moved each score.

Imports no scikit-learn. What a chunk contributes to every attribute, its counts and its language evidence are one row
of a bounded table kept between calls, so a batch is a few dictionary look-ups per comment and a handful of NumPy calls
for all of them; the explanation falls out of the same rows.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from classifiers.errors import LibraryMismatch, VersionBroken
from classifiers.features import Shape, analyse, context
from classifiers.lexicon import Lexicon
from classifiers.manifest import Manifest, verify
from classifiers.text import clip, cut, locate, spell
from classifiers.traits import COUNTS, NAMES, PLACE, Matrix, dress, traits
from classifiers.unfolding import core

BUNDLED = Path(__file__).parent / "bundled"
ROWS = 24_576
"""Chunks a table holds. A full table becomes the old one, so that what is frequent outlives what is not."""
LONGEST_KEY = 60
"""Longer chunks are analysed each time, so that the table's keys stay small."""
EXPLAINED = ("spam", "toxicity")
FAINT = 0.1
"""Contributions to the logit below this are not worth showing."""
SURE_OF_LANGUAGE = 12.0 * 16
"""Sixteenths of nats by which the likeliest language must lead before it overrules the site's language."""


class Item(msgspec.Struct, frozen=True):
    """What one comment gives to score."""

    text: str
    name: str = ""
    url: str = ""
    lang: str = ""
    """ISO 639-1 code of the site's language, which a short or undecided text counts as."""


class Word(msgspec.Struct, frozen=True, array_like=True):
    """What moved a score: a span of the original text in code points, or a named feature with an empty span."""

    attribute: str
    begin: int
    end: int
    weight: float
    feature: str = ""


class Scores(msgspec.Struct, frozen=True):
    """The probabilities of one comment."""

    values: dict[str, float]
    lang: str
    supported: bool
    words: tuple[Word, ...] = ()


class Parts(msgspec.Struct, frozen=True):
    """All that one attribute's logit is the sum of."""

    logit: float
    probability: float
    bias: float
    words: tuple[Word, ...]
    features: dict[str, float]


class Explanation(msgspec.Struct, frozen=True):
    """Why one comment got its scores: attribute -> the parts of its logit."""

    lang: str
    supported: bool
    attributes: dict[str, Parts]


class _Batch(NamedTuple):
    """The arithmetic of many comments: per chunk what it contributes, per comment the sums."""

    chunks: list[str]
    starts: NDArray[np.int64]
    moved: Matrix
    """Contribution of each chunk to each calibrated logit."""
    features: Matrix
    logits: Matrix
    evidence: Matrix


class Scorer:
    """A version of the model, opened for scoring. Safe to call from several threads, one at a time does the work."""

    def __init__(self, manifest: Manifest, arrays: dict[str, NDArray[Any]], lexicon: Lexicon) -> None:
        self.manifest = manifest
        self.version = manifest.version
        self.attributes = manifest.attributes
        self._shape = msgspec.convert(manifest.features["shape"], Shape)
        self._languages = tuple(manifest.features["languages"])
        self._weights = np.asarray(arrays["weights"])
        self._language_weights = np.asarray(arrays["languages"])
        self._scales = arrays["scales"].astype(np.float32)
        self._halves = self._scales / 2
        self._lexicon = lexicon
        slopes = np.array([manifest.calibration[name]["slope"] for name in self.attributes], np.float32)
        offsets = np.array([manifest.calibration[name]["offset"] for name in self.attributes], np.float32)
        head = arrays["head"].astype(np.float32)
        self._slopes = slopes
        self._trait_weights = head[:, :-1] * slopes[:, None]
        self._bias = head[:, -1] * slopes + offsets
        self._explained = [name for name in EXPLAINED if name in self.attributes]
        self._explained_columns = [self.attributes.index(name) for name in self._explained]
        self._supported = {code: figures.supported for code, figures in manifest.languages.items()}
        self._lock = Lock()
        width = len(self.attributes) + 1
        self._counts = slice(width, width + len(COUNTS))
        self._evidence = slice(width + len(COUNTS), width + len(COUNTS) + len(self._languages))
        self._places: dict[str, int] = {}
        self._rows: Matrix = np.zeros((0, self._evidence.stop), np.float32)
        self._keys: NDArray[np.uint32] = np.zeros((0, 2), np.uint32)
        self._turn(ROWS)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a version folder, checking every byte against its manifest; arrays stay on disk until they are used."""
        manifest = verify(folder)
        try:
            arrays = {
                name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
                for name in ("weights", "scales", "head", "languages", "known")
            }
            lexicon = Lexicon.decode((folder / "lexicon.json").read_bytes(), arrays["known"].tolist())
            scorer = cls(manifest, arrays, lexicon)
        except (OSError, ValueError, KeyError, msgspec.DecodeError) as error:
            raise VersionBroken(f"{folder} cannot be scored with: {error}") from None
        scorer._check(folder)
        return scorer

    def score(self, items: Sequence[Item], *, explain: bool = False, top: int = 5) -> list[Scores]:
        """Score comments, in order. Every text gets every score; nothing a text holds makes this raise."""
        if not items:
            return []
        with self._lock:
            batch = self._compute(items)
        probabilities = _sigmoid(batch.logits).tolist()
        languages = self._judge_languages(items, batch)
        words = self._strongest(items, batch, top) if explain else [()] * len(items)
        return [
            Scores(dict(zip(self.attributes, row, strict=True)), lang, self._supported.get(lang, False), found)
            for row, lang, found in zip(probabilities, languages, words, strict=True)
        ]

    def explain(self, item: Item) -> Explanation:
        """Take the scores of one comment apart, completely: bias, words and features sum to the logit."""
        with self._lock:
            batch = self._compute([item])
        lang = self._judge_languages([item], batch)[0]
        spans = _spans(item, batch.chunks)
        found = {}
        for column, attribute in enumerate(self.attributes):
            moved = batch.moved[:, column].tolist()
            words = tuple(Word(attribute, *span, weight) for span, weight in zip(spans, moved, strict=True) if weight)
            features = (batch.features[0] * self._trait_weights[column]).tolist()
            logit = float(batch.logits[0, column])
            found[attribute] = Parts(
                logit,
                float(_sigmoid(batch.logits[0, column])),
                float(self._bias[column]),
                words,
                {name: weight for name, weight in zip(NAMES, features, strict=True) if weight},
            )
        return Explanation(lang, self._supported.get(lang, False), found)

    def _compute(self, items: Sequence[Item]) -> _Batch:
        texts = [_read(item) for item in items]
        chunked = [["", *cut(text)] for text in texts]
        flat = list(chain.from_iterable(chunked))
        ids = self._number(flat)
        rows = self._rows[ids]
        if self._spelled(rows):
            chunked = [["", *spell(chunks[1:])] for chunks in chunked]
            flat = list(chain.from_iterable(chunked))
            ids = self._number(flat)
            rows = self._rows[ids]
        lengths = np.fromiter(map(len, chunked), np.int64, len(chunked))
        starts = np.cumsum(lengths) - lengths
        width = len(self.attributes) + 1
        self._relate(rows, ids, width)
        sums = np.add.reduceat(rows, starts, axis=0)
        scale = 1 / np.sqrt(1 + sums[:, width - 1 : width])
        features = traits(sums[:, self._counts])
        factors = scale * self._slopes
        logits = sums[:, : width - 1] * factors + features @ self._trait_weights.T + self._bias
        moved = rows[:, : width - 1] * np.repeat(factors, lengths, axis=0)
        return _Batch(flat, starts, moved, features, logits, sums[:, self._evidence])

    def _relate(self, rows: Matrix, ids: NDArray[np.int64], width: int) -> None:
        """Give each feature of two chunks half to the one, half to the other; count the phrases."""
        first, last = self._keys[ids].T
        around = context(ids != 0, first, last, self._lexicon, self._shape)
        shared = self._weights[around.buckets] * self._halves
        rows[around.pairs, :width] += shared
        rows[around.pairs + 1, :width] += shared
        np.add.at(rows, (around.phrase_at, around.phrase_columns + self._counts.start), 1)

    def _number(self, chunks: list[str]) -> NDArray[np.int64]:
        """Find the rows of chunks, analysing those not seen before."""
        numbers = list(map(self._places.get, chunks))
        if None in numbers:
            fresh = list(dict.fromkeys(chunk for chunk, number in zip(chunks, numbers, strict=True) if number is None))
            if self._next + 2 * len(fresh) > len(self._rows):
                self._turn(2 * len(set(chunks)) + 1)
                fresh = list(dict.fromkeys(chunks))[1:]
            self._learn(self._recall(fresh))
            numbers = list(map(self._places.get, chunks))
            for chunk in fresh:
                if len(chunk) > LONGEST_KEY:
                    del self._places[chunk]
        return np.array(numbers, np.int64)

    def _turn(self, needed: int) -> None:
        """Begin a new table; what is still asked for is copied over from the old one, the rest falls away with it."""
        self._old, self._old_places = (self._rows, self._keys), self._places
        size = max(ROWS, needed)
        self._rows = np.zeros((size, self._evidence.stop), np.float32)
        self._keys = np.zeros((size, 2), np.uint32)
        self._places = {"": 0}
        self._next = 1

    def _recall(self, chunks: list[str]) -> list[str]:
        """Copy the rows that the old table has; give the chunks it has not."""
        found = [chunk for chunk in chunks if chunk in self._old_places]
        if not found:
            return chunks
        begin, end = self._next, self._next + len(found)
        numbers = [self._old_places[chunk] for chunk in found]
        old_rows, old_keys = self._old
        self._rows[begin:end], self._keys[begin:end] = old_rows[numbers], old_keys[numbers]
        self._places.update(zip(found, range(begin, end), strict=True))
        self._next = end
        return [chunk for chunk in chunks if chunk not in self._old_places]

    def _learn(self, chunks: list[str]) -> None:
        """Fill the rows of chunks. `Idiot!` is the row of `idiot` and its dress, so most chunks need no hashing."""
        dressed: list[tuple[str, str]] = []
        bare: dict[str, None] = {}
        for chunk in chunks:
            word = core(chunk)
            if word and word != chunk:
                dressed.append((chunk, word))
                if word not in self._places:
                    bare[word] = None
            else:
                bare[chunk] = None
        self._analyse(list(bare))
        begin = self._next
        self._next = end = begin + len(dressed)
        if not dressed:
            return
        rows = self._rows[begin:end]
        numbers = [self._places[word] for _, word in dressed]
        rows[:] = self._rows[numbers]
        first = self._counts.start
        for row, (chunk, word) in zip(rows, dressed, strict=True):
            for column, value in dress(chunk, word):
                row[first + column] += value
        self._keys[begin:end] = self._keys[numbers]
        self._places.update(zip((chunk for chunk, _ in dressed), range(begin, end), strict=True))

    def _analyse(self, chunks: list[str]) -> None:
        if not chunks:
            return
        found = analyse(chunks, self._lexicon, self._shape)
        begin = self._next
        end = begin + len(chunks)
        rows = self._rows[begin:end]
        rows[:] = 0
        if len(found.owner):
            starts = np.flatnonzero(np.diff(found.owner, prepend=-1))
            sums = np.add.reduceat(self._weights[found.buckets].astype(np.int32), starts, axis=0)
            rows[found.owner[starts], : sums.shape[1]] = sums * self._scales
            owner = found.owner[found.spoken]
            starts = np.flatnonzero(np.diff(owner, prepend=-1))
            places = found.buckets[found.spoken] & (len(self._language_weights) - 1)
            rows[owner[starts], self._evidence] = np.add.reduceat(
                self._language_weights[places].astype(np.int32), starts, axis=0
            )
        rows[:, self._counts] = found.counts
        self._keys[begin:end] = np.stack([found.first, found.last], axis=1)
        self._places.update(zip(chunks, range(begin, end), strict=True))
        self._next = end

    def _spelled(self, rows: Matrix) -> bool:
        single = rows[:, self._counts.start + PLACE["single"]] > 0
        return bool((single[:-2] & single[1:-1] & single[2:]).any())

    def _judge_languages(self, items: Sequence[Item], batch: _Batch) -> list[str]:
        if len(self._languages) < 2:
            return [item.lang or (self._languages[0] if self._languages else "") for item in items]
        best = batch.evidence.argmax(axis=1)
        ordered = np.partition(batch.evidence, -2, axis=1)
        sure = ordered[:, -1] - ordered[:, -2] >= SURE_OF_LANGUAGE
        return [
            self._languages[place] if certain or not item.lang else item.lang
            for item, place, certain in zip(items, best.tolist(), sure.tolist(), strict=True)
        ]

    def _strongest(self, items: Sequence[Item], batch: _Batch, top: int) -> list[tuple[Word, ...]]:
        """Pick what moved the explained attributes most, for all comments in one sort."""
        picked: list[list[tuple[str, int, float]]] = [[] for _ in items]
        lengths = np.diff(batch.starts, append=len(batch.chunks))
        owner = np.repeat(np.arange(len(items)), lengths)
        place = np.arange(len(batch.chunks)) - batch.starts[owner]
        for attribute, column in zip(self._explained, self._explained_columns, strict=True):
            moved, features = batch.moved[:, column], batch.features * self._trait_weights[column]
            strong = np.flatnonzero(np.abs(moved) >= FAINT)
            rows, columns = np.nonzero(np.abs(features) >= FAINT)
            owners = np.concatenate([owner[strong], rows])
            places = np.concatenate([place[strong], -1 - columns])
            weights = np.concatenate([moved[strong], features[rows, columns]])
            order = np.lexsort((-np.abs(weights), owners))
            owners = owners[order]
            rank = np.arange(len(owners)) - np.searchsorted(owners, owners)
            chosen = order[rank < top]
            for text, at, weight in zip(
                owners[rank < top].tolist(), places[chosen].tolist(), weights[chosen].tolist(), strict=True
            ):
                picked[text].append((attribute, at, weight))
        ends = (batch.starts + lengths).tolist()
        return [
            _words(item, batch.chunks[begin + 1 : end], chosen) if chosen else ()
            for item, begin, end, chosen in zip(items, batch.starts.tolist(), ends, picked, strict=True)
        ]

    def _check(self, folder: Path) -> None:
        """Refuse arrays of other sizes than the manifest's shape asks for."""
        attributes = len(self.attributes)
        if tuple(self.manifest.features.get("traits", ())) != NAMES:
            raise LibraryMismatch(f"{folder} has other hand-made features than this release")
        expected = {
            "weights": (self._weights.shape, (self._shape.buckets, attributes + 1)),
            "scales": (self._scales.shape, (attributes + 1,)),
            "head": (self._trait_weights.shape, (attributes, len(NAMES))),
            "languages": (self._language_weights.shape[1:], (len(self._languages),)),
        }
        for name, (found, wanted) in expected.items():
            if found != wanted:
                raise VersionBroken(f"{folder / name}.npy has shape {found}, this release expects {wanted}")
        if len(self._language_weights) & (len(self._language_weights) - 1):
            raise VersionBroken(f"{folder}/languages.npy must have a power of two rows")


def _read(item: Item) -> str:
    return clip(item.text)


def _spans(item: Item, chunks: list[str]) -> list[tuple[int, int]]:
    return [(0, 0), *locate(item.text, chunks[1:], range(len(chunks) - 1))]


def _words(item: Item, chunks: list[str], chosen: list[tuple[str, int, float]]) -> tuple[Word, ...]:
    places = sorted({at - 1 for _, at, _ in chosen if at > 0})
    spans = dict(zip(places, locate(item.text, chunks, places), strict=True))
    return tuple(
        [
            Word(attribute, *spans[at - 1], weight) if at > 0 else Word(attribute, 0, 0, weight, NAMES[-1 - at])
            for attribute, at, weight in chosen
        ]
    )


def _sigmoid(logits: Any) -> Any:
    return 0.5 * (1 + np.tanh(0.5 * logits))


@lru_cache(maxsize=1)
def bundled() -> Scorer:
    """Open the version that ships with the package."""
    return Scorer.open(BUNDLED)
