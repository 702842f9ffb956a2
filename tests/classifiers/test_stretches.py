"""The stretches of a long comment that look worst are found wherever they stand, and nowhere in what is harmless."""

from types import SimpleNamespace

import msgspec
import numpy as np
import pytest

from classifiers.scorer import Item, Scores, bundled
from classifiers.stretches import (
    BAD,
    BLOCK,
    HIDES_NOTHING,
    LEAST_OF_A_PART,
    LONGER_THAN,
    SUSPECT,
    in_blocks,
    worst_stretches,
)
from classifiers.strongest import Word
from classifiers.traits import COUNTS, PLACE

HARMLESS = (
    "We walked along the harbour after work and had a coffee by the water. The library has new chairs on the second floor "
    "and the bus to the market leaves twice an hour now. My neighbour planted tomatoes last spring and they did well. "
)
ABUSE = "You are a fucking idiot and everybody here despises you."


def marked_in(text: str, **beside: str) -> set[str] | None:
    """Give the words that are marked in the part of a text that looks worst."""
    (found,) = bundled().score([Item(text, **beside)], explain=True)
    return None if found.part is None else {text[word.begin : word.end] for word in spans(found)}


def spans(found: Scores) -> list[Word]:
    return [word for word in found.part.words if not word.feature] if found.part else []


def looked_at(
    lengths: list[list[int]], bad: dict[tuple[int, int], float], seen: dict[tuple[int, int], float] | None = None
) -> dict[int, tuple[int, int]]:
    """Look at comments of chunks of these lengths, of which some are as bad as is said, and all others not at all.

    Filters see in a chunk what is said of it, and two logits everywhere else. Gives the first and the last chunk of each.
    """
    total = sum(map(len, lengths)) + len(lengths)
    rows = np.zeros((total, 1), np.float32)
    counts = np.zeros((total, -(-len(COUNTS) // 4) * 4), np.uint16)
    starts, at = [], 0
    for comment, chunks in enumerate(lengths):
        starts.append(at)
        counts[at + 1 : at + 1 + len(chunks), PLACE["chars"]] = chunks
        for place in range(len(chunks)):
            rows[at + 1 + place] = bad.get((comment, place), 0.0)
        at += 1 + len(chunks)

    def seen_in(stretches):
        most = [
            max((seen or {}).get((comment, place - 1), 2.0) for place in range(begin, past))
            for comment, begin, past in stretches
        ]
        return np.array(most, np.float32)[:, None]

    pasts = [start + 1 + len(chunks) for start, chunks in zip(starts, lengths, strict=True)]
    blocks = in_blocks(rows, counts, starts, pasts)
    found = worst_stretches(blocks, [*range(len(lengths))], lambda sums, counted: sums - 1, seen_in)
    return {comment: (begin - 1, past - 2) for comment, begin, past in found}


@pytest.mark.parametrize("before", [0, 1, 3, 7])
@pytest.mark.parametrize("behind", [2, 4])
def test_abuse_is_found_wherever_it_stands(before, behind):
    text = HARMLESS * before + ABUSE + " " + HARMLESS * behind
    assert {"fucking", "idiot"} <= marked_in(text)
    (found,) = bundled().score([Item(text)], explain=True)
    begin, end = len(HARMLESS) * before, len(HARMLESS) * before + len(ABUSE)
    assert all(begin - 2 * BLOCK <= word.begin < word.end <= end + 2 * BLOCK for word in spans(found))


@pytest.mark.parametrize("turned", ["\u202esknahT\u202c ", "\u202ezq\u202c "])
def test_what_is_turned_round_hides_no_stretch(turned):
    word = turned.strip("\u202e\u202c ")[::-1]
    assert {"fucking", "idiot"} <= marked_in(f"{turned}{HARMLESS * 3}{ABUSE} {HARMLESS * 3} {word}")


def test_the_part_is_scored_as_a_comment_of_its_own():
    (found,) = bundled().score([Item(HARMLESS * 3 + ABUSE + " " + HARMLESS * 3)], explain=True)
    assert max(found.values.values()) < LEAST_OF_A_PART <= max(found.part.values.values())
    hottest = max(found.part.values, key=found.part.values.get)
    assert {word.attribute for word in found.part.words} == {hottest}
    begin, end = (side([getattr(word, edge) for word in spans(found)]) for side, edge in ((min, "begin"), (max, "end")))
    (alone,) = bundled().score([Item((HARMLESS * 3 + ABUSE + " " + HARMLESS * 3)[begin:end])])
    assert found.part.values[hottest] == pytest.approx(alone.values[hottest], abs=0.1)


def test_what_moved_the_part_is_marked_where_it_stands():
    text = HARMLESS * 3 + ABUSE + " " + HARMLESS * 3
    (found,) = bundled().score([Item(text)], explain=True)
    strongest = max(spans(found), key=lambda word: word.weight)
    assert text[strongest.begin : strongest.end] in {"fucking", "idiot"}
    assert text.index("fucking") <= strongest.begin < strongest.end <= text.index("idiot") + len("idiot")
    weights = {text[word.begin : word.end]: word.weight for word in spans(found)}
    assert weights["fucking"] > 1
    assert weights["idiot"] > 1


def test_what_the_filters_saw_in_a_stretch_is_what_they_see_in_its_windows(monkeypatch):
    asked = []
    monkeypatch.setattr(
        "classifiers.scorer.worst_stretches", lambda blocks, places, weigh, seen_in: asked.append(seen_in) or []
    )
    scorer, texts = bundled(), [HARMLESS, HARMLESS * 2 + ABUSE + " " + HARMLESS]
    scorer.score([Item(text) for text in texts], explain=True)
    (seen_in,) = asked
    filters, ids = scorer._filters, scorer._table.number(["", *texts[1].split()])
    looked = filters.look(scorer._table.of(ids).vectors, ids, [0])
    for begin, past in ((1, 9), (40, 52), (len(ids) - 3, len(ids))):
        most = np.maximum(looked.seen[0][begin:past].max(axis=0) + filters._biases, filters.floor)
        np.testing.assert_allclose(seen_in([(1, begin, past)])[0], scorer._filter_weights @ most, atol=1e-4)


@pytest.mark.parametrize("words", ["a", "walk in the park by the old harbour"])
def test_a_comment_a_little_longer_than_a_stretch_is_looked_through(words, monkeypatch):
    monkeypatch.setattr("classifiers.stretches.HIDES_NOTHING", 1.01)
    text = HARMLESS[:120] + ABUSE + " " + words
    assert LONGER_THAN < len(text) < 2 * LONGER_THAN
    assert {"fucking", "idiot"} <= marked_in(text)


@pytest.mark.parametrize("text", ["\u2800" * 300, "\u202e\u202c" * 200, " " * 300])
def test_a_long_text_without_a_word_is_looked_through_for_nothing(text, monkeypatch):
    monkeypatch.setattr("classifiers.stretches.SUSPECT", -99.0)
    monkeypatch.setattr("classifiers.scorer.is_worth_a_look", lambda text, most: True)
    (found,) = bundled().score([Item(text, name="You fucking idiot")], explain=True)
    assert found.part is None


def test_what_scores_too_little_by_itself_is_no_part(monkeypatch):
    text = HARMLESS * 3 + ABUSE + " " + HARMLESS * 3
    (found,) = bundled().score([Item(text)], explain=True)
    for least, there in (
        (max(found.part.values.values()) - 0.01, True),
        (max(found.part.values.values()) + 0.01, False),
    ):
        monkeypatch.setattr("classifiers.scorer.LEAST_OF_A_PART", least)
        (again,) = bundled().score([Item(text)], explain=True)
        assert (again.part is not None) == there


def test_a_comment_that_waits_anyway_is_not_looked_through():
    item = Item(HARMLESS * 3 + ABUSE + " " + HARMLESS * 3)
    for waits in (True, False):
        bars = SimpleNamespace(shown=lambda scores: scores, waits=lambda scores, waits=waits: waits)
        (found,) = bundled().score([msgspec.structs.replace(item, bars=bars)], explain=True)
        assert (found.part is None) == waits


def test_a_text_of_one_block_is_a_stretch():
    assert looked_at([[200]], {(0, 0): 2.0}) == {0: (0, 0)}
    assert looked_at([[20, 20], [30] * 9], {(0, 1): 2.0}) == {0: (0, 1)}


def test_harmless_comments_have_no_part_that_looks_bad():
    assert marked_in(HARMLESS * 3) is None


def test_short_comments_are_not_looked_at():
    assert len(ABUSE) <= LONGER_THAN
    assert marked_in(ABUSE) is None


def test_only_those_who_ask_why_pay_for_it():
    (found,) = bundled().score([Item(HARMLESS + ABUSE + HARMLESS)])
    assert found.part is None


def test_a_part_lies_in_the_text_and_not_in_the_author_s_name_or_link():
    assert marked_in(HARMLESS * 2, name="fucking idiot casino", url="https://casino-idiots.xyz/win") is None


def test_a_comment_has_the_same_part_alone_and_in_company():
    texts = [HARMLESS * 2 + ABUSE, "short", ABUSE + HARMLESS * 4, HARMLESS, ABUSE]
    together = [found.part for found in bundled().score([Item(text) for text in texts], explain=True)]
    alone = [bundled().score([Item(text)], explain=True)[0].part for text in texts]
    assert [found is not None for found in alone] == [True, False, True, False, False]
    for one, other in zip(together, alone, strict=True):
        if one is not None:
            assert one.values == pytest.approx(other.values, abs=1e-5)
            assert [(word.begin, word.end) for word in one.words] == [(word.begin, word.end) for word in other.words]


@pytest.mark.parametrize(
    "text", ["x" * 9_000, "这" * 9_000, " " * 9_000, "fucking idiot " * 900, "\u202e" + "ab " * 900]
)
@pytest.mark.parametrize("around", ["", HARMLESS * 3])
def test_whatever_is_written_what_is_marked_lies_in_the_text(text, around):
    (found,) = bundled().score([Item(around + text + around)], explain=True)
    assert all(0 <= word.begin <= word.end <= len(around + text + around) for word in spans(found))


def test_what_is_no_longer_than_a_block_stands_whole_in_the_stretch():
    for place in range(10):
        first, last = looked_at([[20] * 12], {(0, place): 0.4, (0, place + 1): 0.4})[0]
        assert 0 <= first <= place
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
    assert found.part is None


def test_blocks_are_of_some_characters_and_end_with_the_text():
    rows = np.random.default_rng(3).integers(0, 9, (40, 2)).astype(np.float32)
    counts = np.zeros((40, -(-len(COUNTS) // 4) * 4), np.uint16)
    counts[:, PLACE["chars"]] = BLOCK // 4
    starts, pasts = [0, 1, 15], [1, 12, 40]
    blocks = in_blocks(rows, counts, starts, pasts)
    assert blocks.begins.tolist() == [0, 1, 5, 9, 12, 13, 15, *range(19, 40, 4)], "each fourth, and where a text ends"
    assert [blocks.ends[last] for last in blocks.lasts] == pasts
    assert blocks.begins[blocks.firsts].tolist() == starts
    ends = blocks.ends.tolist()
    for begin, end, row, chars in zip(blocks.begins, ends, blocks.rows, blocks.counts[:, PLACE["chars"]], strict=True):
        assert row.tolist() == rows[begin:end].sum(axis=0).tolist()
        assert chars == (end - begin) * (BLOCK // 4) <= BLOCK
