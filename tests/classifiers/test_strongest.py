"""What moved a score most is picked for many logits in one look, and found again in the text."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from classifiers.strongest import FAINT, TOP, WIDE, Word, in_groups, strongest, words_of
from classifiers.traits import NAMES

SIZES = st.floats(-8, 8, width=32)
LINES = st.lists(st.lists(SIZES, min_size=1, max_size=30), min_size=1, max_size=6)


def picked(lines, features):
    moved = np.zeros((len(lines), max(map(len, lines))), np.float32)
    for row, line in zip(moved, lines, strict=True):
        row[: len(line)] = line
    return [*strongest(moved, np.array(features, np.float32))]


@given(LINES, st.data())
def test_each_line_gets_what_a_plain_sort_would_pick_whatever_stands_beside_it(lines, data):
    features = [data.draw(st.lists(SIZES, min_size=8, max_size=8)) for _ in lines]
    for line, feats, found in zip(lines, features, picked(lines, features), strict=True):
        plain = sorted(map(abs, line), reverse=True)[:TOP] + sorted(map(abs, feats), reverse=True)[:TOP]
        assert [abs(weight) for _, weight in found] == sorted((one for one in plain if one >= FAINT), reverse=True)
        assert all(weight == (line[place] if place >= 0 else feats[-1 - place]) for place, weight in found)
        assert len({place for place, _ in found}) == len(found)


def test_short_lines_beside_long_ones_have_nothing_behind_their_end():
    short, long = picked([[1.0, -2.0], [0.5] * 40], [[0.0] * 8] * 2)
    assert short == [(1, -2.0), (0, 1.0)]
    assert len(long) == TOP


def test_what_is_faint_is_left_out():
    assert picked([[FAINT * 0.9, -FAINT * 1.1]], [[0.0] * 8]) == [[(1, np.float32(-FAINT * 1.1))]]


def test_chunks_are_named_by_their_span_features_by_their_name_and_what_stands_beside_by_where_it_is_from():
    chunks = ["", "Buy", "pills!", "", "Casino", "Bob", "", "win.xyz"]
    chosen = [("spam", 2, 2.0), ("spam", -1, 1.0), ("spam", 4, 0.5), ("spam", 7, 0.4)]
    assert words_of("Buy  pills!", chunks, chosen) == (
        Word("spam", 5, 11, 2.0),
        Word("spam", 0, 0, 1.0, NAMES[0]),
        Word("spam", 0, 0, 0.5, "author name"),
        Word("spam", 0, 0, 0.4, "author link"),
    )


def test_nothing_chosen_names_nothing():
    assert words_of("Buy pills", ["", "Buy", "pills"], []) == ()


def test_pairs_are_parted_so_that_a_long_comment_makes_no_rows_for_many_short_ones():
    lengths = [10, WIDE // 4, 10, 10]
    pairs = [(place, column) for place in (0, 0, 1, 1, 2, 3, *[2] * 9) for column in (0, 1)]
    groups = [*in_groups(pairs, lengths)]
    assert [pair for group in groups for pair in group] == pairs
    assert all(len(group) * max(lengths[place] for place, _ in group) <= WIDE for group in groups)
    assert len(groups) > 2
    assert [*in_groups([(1, 0)], [2 * WIDE, 3 * WIDE])] == [[(1, 0)]], "one alone is looked at, however long"
    assert [*in_groups([], [])] == []
