"""What belongs together is found, and nothing else is."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.dataset import Dataset, Row, from_rows
from classifiers.splitting import by_time, near_duplicates, once_each, together

LONG = "The council decided last night that the bridge will be closed for repairs until the end of May."


def rows(*given: dict[str, object]) -> Dataset:
    return from_rows([msgspec.convert(row, Row) for row in given])


def at(day: int) -> str:
    return f"2026-01-{day:02}T00:00:00+00:00"


def test_small_changes_leave_a_text_in_its_cluster() -> None:
    numbers = near_duplicates(
        [LONG, LONG.upper() + "!!!", "  " + LONG.replace("May", "June"), "Something else was said here entirely."]
    )
    assert numbers[0] == numbers[1] == numbers[2] != numbers[3]


def test_short_and_odd_texts_do_not_fall_together() -> None:
    texts = ["", "a", "b", "ok", "no", "😀", "😀😀😀😀😀😀", "!!!", "日本", "ÿ" * 3000]
    assert len(set(near_duplicates(texts).tolist())) == len(texts)


def test_clusters_do_not_depend_on_the_company() -> None:
    texts = [f"{LONG} number {number} of many, with {number * 7919 % 104729} reasons" for number in range(50)]
    alone = near_duplicates([texts[3], texts[4]])
    among = near_duplicates(texts)
    assert (alone[0] == alone[1]) == (among[3] == among[4])


def test_no_texts_give_no_clusters() -> None:
    assert near_duplicates([]).tolist() == []


def test_authors_pairs_and_texts_chain_into_one_group() -> None:
    dataset = rows(
        {"text": "first words of ann", "author": "ann", "site": "s"},
        {"text": LONG, "author": "ann", "site": "s"},
        {"text": LONG + ".", "author": "bob", "site": "s"},
        {"text": "another ann elsewhere", "author": "ann", "site": "t"},
        {"text": "you are a fool", "pair": "p1"},
        {"text": "you are a poet", "pair": "p1"},
    )
    groups = together(dataset)
    assert groups[0] == groups[1] == groups[2]
    assert groups[4] == groups[5]
    assert len(set(groups.tolist())) == 3


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 6)), min_size=1, max_size=40))
def test_rows_are_joined_by_their_texts_and_authors_and_by_nothing_else(drawn: list[tuple[int, int]]) -> None:
    dataset = rows(*({"text": f"text {words} " * 9, "author": f"a{author}"} for words, author in drawn))
    least = list(range(len(drawn)))
    for _ in drawn:  # the least row that a row reaches, a step further each time
        for part in (0, 1):
            of: dict[int, int] = {}
            for at, row in zip(least, drawn, strict=True):
                of[row[part]] = min(at, of.get(row[part], at))
            least = [of[row[part]] for row in drawn]
    assert together(dataset).tolist() == least


def test_a_cut_in_time_leaks_neither_texts_nor_authors() -> None:
    dataset = rows(
        {"text": "early words one", "at": at(1), "author": "ann"},
        {"text": LONG, "at": at(2), "author": "bob"},
        {"text": "early words three", "at": at(3)},
        {"text": "early words four", "at": at(4)},
        {"text": LONG + "!", "at": at(20), "author": "eve"},
        {"text": "late words by ann", "at": at(21), "author": "ann"},
        {"text": "late and new words", "at": at(22), "author": "zoe"},
        {"text": "words without a time", "author": "ann"},
    )
    earlier, later = by_time(dataset, 3 / 7)
    assert np.flatnonzero(later).tolist() == [6]
    assert np.flatnonzero(earlier).tolist() == [0, 1, 2, 3]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 6), st.integers(1, 28)), min_size=1, max_size=40),
    st.booleans(),
)
def test_no_group_lies_on_both_sides_of_a_cut(drawn: list[tuple[int, int, int]], timed: bool) -> None:
    dataset = rows(
        *(
            {"text": f"text {words} " * 9, "author": f"a{author}", "at": at(day) if timed else None}
            for words, author, day in drawn
        )
    )
    groups = together(dataset)
    earlier, later = by_time(dataset)
    assert not (earlier & later).any()
    assert not set(groups[earlier].tolist()) & set(groups[later].tolist())


def test_a_text_sent_often_counts_once_for_each_value() -> None:
    values = np.array([1, 1, 1, 0, 1], np.float32)
    weights = once_each([LONG, LONG + "!", LONG + "?", LONG, "something else"], values)
    assert weights.tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1, 1])
