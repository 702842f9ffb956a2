"""Filters: each answers with the most that it sees within one comment, and says which chunks it saw that in."""

from pathlib import Path

import numpy as np
import pytest

from classifiers.errors import VersionBroken
from classifiers.features import Shape, analyse
from classifiers.filters import _MANY, FILES, Filters, kinds_of, load_filters, save_filters, windows
from classifiers.lexicon import MARKS, Lexicon
from tests.classifiers.filtered import some_filters

DICE = np.random.default_rng(7)
VECTORS = DICE.normal(size=(40, 4)).astype(np.float32)
VECTORS[0] = 0
COMMENTS = {
    "none": [0],
    "one chunk": [0, 5],
    "two chunks": [0, 5, 6],
    "repeated": [0, 3, 3, 3, 7, 3, 3, 7],
    "a name beside": [0, 8, 9, 10, 0, 11, 12, 0, 13],
    "a name passed over": [0, 8, 9, 0, 0, 0, 14],
    "600 chunks": [0, *DICE.integers(1, 40, 600).tolist()],
    "a sentence": [0, *range(20, 30)],
}


def laid_out(comments: list[list[int]]) -> tuple[np.ndarray, list[int]]:
    return np.concatenate([*map(np.array, comments)]), np.cumsum([0, *map(len, comments)])[:-1].tolist()


def one_by_one(filters: Filters, comment: list[int], weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Look at one comment window by window: the answers, and what each chunk has of the weighted ones."""
    patterns, numbers = filters.arrays[2].astype(np.float64), filters.numbers
    answers, shares = np.zeros(patterns.shape[1]), np.zeros(len(comment))
    for place, pattern in enumerate(patterns.T):
        width = 1 + 3 * place // patterns.shape[1]
        most, seen_in = -np.inf, []
        for begin in range(len(comment)):
            if begin and not comment[begin]:
                continue
            inside = [begin]
            while len(inside) < width and comment[begin + len(inside) :][:1] not in ([], [0]):
                inside.append(begin + len(inside))
            parts = [VECTORS[comment[at]] @ pattern[numbers * step :][:numbers] for step, at in enumerate(inside)]
            if sum(parts) + pattern[-1] > most + 1e-6:
                most, seen_in = sum(parts) + pattern[-1], [at for at in inside if comment[at]]
        answers[place] = max(most, 0)
        for at in seen_in:
            shares[at] += weights[place] * (max(most, 0) - max(pattern[-1], 0)) / len(seen_in)
    return answers, shares


def shares_of(
    filters: Filters, comments: list[list[int]], places: list[int], weights: np.ndarray, vectors: np.ndarray = VECTORS
) -> list[np.ndarray]:
    """Share out what filters with these weights answer to some of the comments: for each a number for each of its chunks."""
    ids, starts = laid_out(comments)
    looked = filters.look(vectors[ids], ids, starts)
    moved = np.zeros((len(places), max(map(len, comments))), np.float32)
    filters.share_out(
        moved, looked, np.array(places), ids, np.array(starts)[places], np.tile(weights, (len(places), 1))
    )
    assert not any(row[len(comments[place]) :].any() for row, place in zip(moved, places, strict=True))
    return [row[: len(comments[place])] for row, place in zip(moved, places, strict=True)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("comment", COMMENTS.values(), ids=COMMENTS)
def test_a_comment_is_answered_alike_alone_and_whatever_stands_beside_it(comment, seed):
    filters = some_filters(seed)
    alone = filters.answers(VECTORS, *laid_out([comment]))[0]
    assert alone == pytest.approx(one_by_one(filters, comment, np.ones(15))[0], abs=1e-4)
    for beside in COMMENTS.values():
        between = filters.answers(VECTORS, *laid_out([beside, comment, beside]))[1]
        assert between == pytest.approx(alone, abs=1e-5)


def test_chunks_that_were_passed_over_are_not_looked_at():
    embeddings, marks, patterns = some_filters().arrays
    doubt = np.full_like(patterns, -1)
    doubt[-1] = 5
    doubting = Filters(embeddings, marks, doubt)
    vectors = np.ones_like(VECTORS)
    vectors[0] = 0
    bare, named = doubting.answers(vectors, *laid_out([[0, 7, 8, 9], [0, 7, 8, 9, 0, 0, 0, 0]]))
    assert named.tolist() == bare.tolist()
    assert bare.min() < 5


def test_narrow_filters_see_nothing_beyond_their_width_in_few_windows_as_in_many():
    embeddings, marks, patterns = some_filters().arrays
    wild = Filters(embeddings, marks, np.random.default_rng(5).normal(size=patterns.shape).astype(np.float32))
    comment = [0, 5, 6, 7, 8]
    few = wild.answers(VECTORS, *laid_out([comment]))
    many = wild.answers(VECTORS, *laid_out([comment] * _MANY))
    np.testing.assert_allclose(many, few.repeat(_MANY, axis=0), atol=1e-5)
    np.testing.assert_allclose(few[0], one_by_one(wild, comment, np.zeros(15))[0], atol=1e-5)


def test_many_comments_are_looked_at_in_parts_and_none_is_left_out():
    filters = some_filters()
    together = filters.answers(VECTORS, *laid_out([*COMMENTS.values()] * 3))
    alone = [filters.answers(VECTORS, *laid_out([comment]))[0] for comment in COMMENTS.values()]
    np.testing.assert_allclose(together, alone * 3, atol=1e-5)


def test_a_window_ends_before_an_empty_chunk():
    ids = np.array([0, 1, 2, 0, 3, 0, 0, 4])
    seen = windows(VECTORS[ids], ids == 0)
    laid = [(0, 1, 2), (1, 2, 0), (2, 0, 0), (0, 3, 0), (3, 0, 0), (0, 0, 0), (0, 4, 0), (4, 0, 0)]
    np.testing.assert_array_equal(seen[:, :-1].reshape(8, 3, 4), VECTORS[np.array(laid)])
    assert (seen[:, -1] == 1).all()


def test_no_answer_is_below_zero_and_those_of_an_empty_comment_are_the_floor():
    filters = some_filters()
    found = filters.answers(VECTORS, *laid_out([*COMMENTS.values()]))
    assert (found >= 0).all()
    np.testing.assert_array_equal(found[0], filters.floor)
    assert 0 < np.count_nonzero(filters.floor) < len(filters.floor)


@pytest.mark.parametrize("seed", range(3))
def test_shares_sum_to_the_weighted_answers_beyond_the_floor(seed):
    filters, weights = some_filters(seed), np.random.default_rng(seed).normal(size=15).astype(np.float32)
    comments = [*COMMENTS.values()]
    answers = filters.answers(VECTORS, *laid_out(comments))
    for place, shares in enumerate(shares_of(filters, comments, [*range(len(comments))], weights)):
        assert shares.sum() == pytest.approx((answers[place] - filters.floor) @ weights, abs=1e-4)
        assert (shares[np.array(comments[place]) == 0] == 0).all()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("comment", COMMENTS.values(), ids=COMMENTS)
def test_shares_lie_on_the_chunks_in_which_the_most_was_seen(comment, seed):
    """By chunk, not by place: where one stands twice, the processor's rounding says which of the two is seen as the most."""
    filters, weights = some_filters(seed), np.random.default_rng(seed).normal(size=15).astype(np.float32)
    wanted = np.bincount(comment, one_by_one(filters, comment, weights)[1])
    comments = [[0, 1, 2], comment, [0, 39]]
    for places in ([1], [1, 0, 1], [2, 0, 1]):
        found = shares_of(filters, comments, places, weights)[places.index(1)]
        np.testing.assert_allclose(np.bincount(comment, found), wanted, atol=1e-4)


@pytest.mark.parametrize("beside", [[], [[0, 2, 1]]])
def test_of_equal_places_the_first_has_the_share(beside):
    narrow = Filters(*some_filters().arrays[:2], np.eye(13, 3, dtype=np.float32))
    vectors = np.array([[0, 0, 0, 0], [1, 0, 0, 0], [2, 0, 0, 0]], np.float32)
    comments = [[0, 1, 2, 1, 2, 2], *beside]
    (shares,) = shares_of(narrow, comments, [0], np.array([1, 0, 0], np.float32), vectors)
    assert shares.tolist() == [0, 0, 2, 0, 0, 0]


def test_chunks_are_of_the_kinds_that_the_lexicon_marks():
    lexicon = Lexicon({"idiot": (0,), "wales": (len(MARKS) - 1,), "shoot": (4, 9)})
    chunks = ["", "idiot!", "Wales", "shoot", "harbour", "idiot-idiot", "!!!"]
    kinds = kinds_of(analyse(chunks, lexicon, Shape(10)).counts)
    none, every = len(MARKS), len(MARKS) + 1
    marked = [[], [0, every], [none - 1, every], [4, 9, every], [none, every], [0, every], [none, every]]
    assert [np.flatnonzero(row).tolist() for row in kinds] == marked
    assert set(np.unique(kinds)) == {0, 1}


def test_the_vector_of_a_chunk_is_what_its_features_and_its_kinds_add_up_to():
    filters, lexicon = some_filters(), Lexicon({"idiot": (0,)})
    found = analyse(["", "harbour", "idiot", "..."], lexicon, Shape(10))
    embeddings, marks, _ = filters.arrays
    wanted = np.zeros((4, filters.numbers))
    for place, kinds in ((1, (-2, -1)), (2, (0, -1)), (3, (-2, -1))):
        buckets = found.buckets[found.owner == place] % len(embeddings)
        hashed = embeddings[buckets].sum(axis=0) / 128 / np.sqrt(max(len(buckets), 1))
        wanted[place] = hashed + marks[[*kinds]].sum(axis=0)
    np.testing.assert_allclose(filters.embed(found), wanted, atol=1e-5)


def test_what_was_saved_is_what_is_loaded(tmp_path: Path):
    filters = some_filters(3)
    save_filters(tmp_path, filters)
    loaded = load_filters(tmp_path)
    assert loaded is not None
    for ours, theirs in zip(filters.arrays, loaded.arrays, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
    ids, starts = laid_out([*COMMENTS.values()])
    np.testing.assert_array_equal(loaded.answers(VECTORS, ids, starts), filters.answers(VECTORS, ids, starts))


def test_a_folder_without_filters_has_none(tmp_path: Path):
    assert load_filters(tmp_path) is None


EMBEDDINGS, MARKED, PATTERNS = FILES


@pytest.mark.parametrize(
    ("name", "array"),
    [
        pytest.param(EMBEDDINGS, np.zeros((48, 4), np.int8), id="rows that are no power of two"),
        pytest.param(EMBEDDINGS, np.zeros((0, 4), np.int8), id="no rows"),
        pytest.param(EMBEDDINGS, np.zeros((64, 5), np.int8), id="other numbers than the rest has"),
        pytest.param(EMBEDDINGS, np.zeros((64, 4, 1), np.int8), id="vectors of vectors"),
        pytest.param(EMBEDDINGS, np.zeros(64, np.int8), id="no vectors"),
        pytest.param(EMBEDDINGS, np.zeros((), np.int8), id="one number for all vectors"),
        pytest.param(EMBEDDINGS, np.zeros((64, 4), np.float32), id="vectors that are no bytes"),
        pytest.param(MARKED, np.zeros((len(MARKS), 4), np.float32), id="too few kinds"),
        pytest.param(MARKED, np.zeros((len(MARKS) + 2, 3), np.float32), id="kinds of fewer numbers"),
        pytest.param(MARKED, np.zeros((len(MARKS) + 2, 4), "<U4"), id="kinds in words"),
        pytest.param(PATTERNS, np.zeros((13, 14), np.float32), id="filters that are no multiple of three"),
        pytest.param(PATTERNS, np.zeros((13, 0), np.float32), id="no filters"),
        pytest.param(PATTERNS, np.zeros((12, 15), np.float32), id="filters without bias"),
        pytest.param(PATTERNS, np.zeros((), np.float32), id="one number for all filters"),
    ],
)
def test_arrays_that_are_none_of_filters_are_refused(tmp_path: Path, name: str, array: np.ndarray):
    save_filters(tmp_path, some_filters())
    np.save(tmp_path / name, array)
    with pytest.raises(VersionBroken, match="none of filters"):
        load_filters(tmp_path)
