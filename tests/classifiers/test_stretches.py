"""The stretches of a long comment that look worst are found wherever they stand, and nowhere in what is harmless."""

import numpy as np
import pytest

from classifiers.scorer import Item, bundled
from classifiers.stretches import BAD, BLOCK, HIDES_NOTHING, LONGER_THAN, SUSPECT, worst_stretches
from classifiers.traits import COUNTS, PLACE

HARMLESS = (
    "We walked along the harbour after work and had a coffee by the water. The library has new chairs on the second floor "
    "and the bus to the market leaves twice an hour now. My neighbour planted tomatoes last spring and they did well. "
)
ABUSE = "You are a fucking idiot and everybody here despises you."


def stretch_of(text: str, **beside: str) -> str | None:
    (found,) = bundled().score([Item(text, **beside)], explain=True)
    return None if found.stretch is None else text[slice(*found.stretch)]


def looked_at(
    lengths: list[list[int]], bad: dict[tuple[int, int], float], seen: dict[tuple[int, int], float] | None = None
) -> dict[int, tuple[int, int]]:
    """Look at comments of chunks of these lengths, of which some are as bad as is said, and all others not at all.

    Filters see in a chunk what is said of it, and two logits everywhere else.
    """
    total = sum(map(len, lengths))
    rows = np.zeros((total, 1), np.float32)
    counts = np.zeros((total, -(-len(COUNTS) // 4) * 4), np.uint16)
    spans, at = [], 0
    for comment, chunks in enumerate(lengths):
        spans.append((at, at + len(chunks)))
        counts[at : at + len(chunks), PLACE["chars"]] = chunks
        for place in range(len(chunks)):
            rows[at + place] = bad.get((comment, place), 0.0)
        at += len(chunks)

    def seen_in(stretches):
        most = [
            max((seen or {}).get((comment, place), 2.0) for place in range(begin, past))
            for comment, begin, past in stretches
        ]
        return np.array(most, np.float32)[:, None]

    return worst_stretches(rows, counts, spans, lambda sums, counted: sums - 1, seen_in)


@pytest.mark.parametrize("before", [0, 1, 3, 7])
@pytest.mark.parametrize("behind", [2, 4])
def test_abuse_is_found_wherever_it_stands(before, behind):
    worst = stretch_of(HARMLESS * before + ABUSE + " " + HARMLESS * behind)
    assert "fucking idiot" in worst
    assert len(worst) <= 2 * BLOCK + 40


@pytest.mark.parametrize("turned", ["\u202esknahT\u202c ", "\u202ezq\u202c "])
def test_what_is_turned_round_hides_no_stretch(turned):
    word = turned.strip("\u202e\u202c ")[::-1]
    assert "fucking idiot" in stretch_of(f"{turned}{HARMLESS * 3}{ABUSE} {HARMLESS * 3} {word}")


def test_harmless_comments_have_no_stretch_that_looks_bad():
    assert stretch_of(HARMLESS * 3) is None


def test_short_comments_are_not_looked_at():
    assert len(ABUSE) <= LONGER_THAN
    assert stretch_of(ABUSE) is None


def test_only_those_who_ask_why_pay_for_it():
    (found,) = bundled().score([Item(HARMLESS + ABUSE + HARMLESS)])
    assert found.stretch is None


def test_a_stretch_lies_in_the_text_and_not_in_the_author_s_name_or_link():
    assert stretch_of(HARMLESS * 2, name="fucking idiot casino", url="https://casino-idiots.xyz/win") is None


def test_a_comment_has_the_same_stretch_alone_and_in_company():
    texts = [HARMLESS * 2 + ABUSE, "short", ABUSE + HARMLESS * 4, HARMLESS, ABUSE]
    together = [found.stretch for found in bundled().score([Item(text) for text in texts], explain=True)]
    alone = [bundled().score([Item(text)], explain=True)[0].stretch for text in texts]
    assert together == alone
    assert [found is not None for found in alone] == [True, False, True, False, False]


@pytest.mark.parametrize(
    "text", ["x" * 9_000, "这" * 9_000, " " * 9_000, "fucking idiot " * 900, "\u202e" + "ab " * 900]
)
def test_whatever_is_written_the_stretch_lies_in_the_text(text):
    (found,) = bundled().score([Item(text)], explain=True)
    begin, end = found.stretch or (0, 0)
    assert 0 <= begin <= end <= len(text)


def test_what_is_no_longer_than_a_block_stands_whole_in_the_stretch():
    for place in range(10):
        first, last = looked_at([[20] * 12], {(0, place): 0.4, (0, place + 1): 0.4})[0]
        assert first <= place
        assert place + 1 <= last


def test_the_worst_of_each_comment_is_named():
    found = looked_at([[30] * 40, [30] * 40], {(0, 4): 3.0, (0, 20): 9.0, (0, 33): 6.0, (1, 10): 1.0})
    assert found[0][0] <= 20 <= found[0][1]
    assert found[1][0] <= 10 <= found[1][1]


def test_what_is_not_bad_enough_is_not_named():
    assert looked_at([[30] * 40], {(0, 4): 0.99 + SUSPECT}) == {}
    assert looked_at([[30] * 40], {(0, 4): 1.01 + SUSPECT})


def test_what_looks_bad_at_a_glance_is_named_only_if_what_filters_saw_leaves_it_bad():
    bad = {(0, 4): 1.2, (1, 4): 1.2}
    seen = {(0, place): BAD - 0.21 for place in range(40)} | {(1, place): BAD - 0.19 for place in range(40)}
    assert set(looked_at([[30] * 40, [30] * 40], bad, seen)) == {1}


def test_filters_tell_which_of_several_stretches_is_the_worst():
    bad = {(0, 4): 1.2, (0, 20): 1.0}
    assert looked_at([[30] * 40], bad, {(0, 20): 2.1})[0][0] <= 4
    first, last = looked_at([[30] * 40], bad, {(0, 20): 2.3})[0]
    assert first <= 20 <= last


def test_a_comment_that_is_bad_as_a_whole_hides_nothing():
    (found,) = bundled().score([Item((ABUSE + " ") * 6)], explain=True)
    assert max(found.values.values()) >= HIDES_NOTHING
    assert found.stretch is None


def test_without_long_comments_there_is_nothing_to_do():
    assert looked_at([], {}) == {}
