"""What is known of chunks is kept while there is room, and what is frequent longest."""

import numpy as np
import pytest

from classifiers import table as tables
from classifiers.scorer import BUNDLED, Item, Scorer

ROWS = 400


@pytest.fixture
def scorer(monkeypatch):
    monkeypatch.setattr(tables, "ROWS", ROWS)
    return Scorer.open(BUNDLED)


def strange(begin, count):
    return [f"zub{number}lo" for number in range(begin, begin + count)]


def flood(table, count, *beside):
    """Ask for so many words that nobody asked for before, and each time for others beside them."""
    for begin in range(0, count, 20):
        table.number(["", *beside, *strange(begin, 20)])


def test_a_chunk_keeps_its_row_and_another_has_another(scorer):
    table = scorer._table
    first = table.number(["", "good", "morning", "good"])
    assert first[0] == 0
    assert first[1] == first[3] != first[2]
    assert table.number(["morning", "good"]).tolist() == [first[2], first[1]]


@pytest.fixture
def analysed(monkeypatch):
    found = []
    analyse = tables.analyse
    monkeypatch.setattr(tables, "analyse", lambda chunks, *rest: found.extend(chunks) or analyse(chunks, *rest))
    return found


def test_what_is_asked_for_again_outlives_a_full_table_and_what_is_not_does_not(scorer, analysed):
    table = scorer._table
    table.number(["", "morning", "evening"])
    flood(table, 5 * ROWS, "morning")
    table.number(["morning", "evening", *strange(5 * ROWS - 20, 20)])
    assert [analysed.count(word) for word in ("morning", "evening", *strange(5 * ROWS - 20, 1))] == [1, 2, 1]


def test_what_came_last_outlives_a_full_table_though_nobody_asked_for_it_again(scorer, analysed):
    table = scorer._table
    flood(table, ROWS - 40)
    before = table._next
    table.number(["", "morning"])
    table.number(["", *strange(ROWS, 20)])
    assert table._next < before, "it was cleared"
    table.number(["", *strange(0, 1), *strange(ROWS - 41, 1)])
    assert [analysed.count(word) for word in (*strange(0, 1), *strange(ROWS - 41, 1))] == [2, 1]


def test_rows_are_the_same_after_a_table_was_cleared(scorer):
    table = scorer._table
    chunks = ["Good", "morning!", "idiots", "https://example.com/casino", "GOOD"]
    numbers = table.number(chunks)
    before = *table.of(numbers), table.flags[numbers]
    flood(table, 3 * ROWS, *chunks)
    numbers = table.number(chunks)
    for now, was in zip((*table.of(numbers), table.flags[numbers]), before, strict=True):
        assert was.any()
        np.testing.assert_array_equal(now, was)


def test_a_comment_of_more_words_than_the_table_has_rows_is_scored_like_any_other(scorer):
    items = [Item("you are an idiot " + " ".join(strange(9 * ROWS, ROWS)))]
    (found,) = scorer.score(items)
    assert len(scorer._table.flags) > ROWS
    flood(scorer._table, 4 * ROWS)
    assert len(scorer._table.flags) == ROWS, "no larger for good"
    (again,) = scorer.score(items)
    assert again.values == pytest.approx(found.values, abs=1e-6)


def test_however_much_was_asked_for_again_there_is_room_for_more(scorer):
    table = scorer._table
    for begin in range(0, 3 * ROWS, 20):
        table.number(["", *strange(begin, 20)])
        table.number(["", *strange(begin, 20)])
        assert table._next <= ROWS
    assert len(table._places) <= ROWS
