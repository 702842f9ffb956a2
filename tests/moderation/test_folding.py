"""Folding gives one plain spelling: the same again when it is folded again, never longer than is looked at, never late."""

import sys
import time
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moderation.scoring import folding
from moderation.scoring.folding import _PLAIN, MAX_FOLDED, _plain_letter, fold
from tests.figures import tell

ODD = "0134578@$!|.-_*~ aAbBiIoOþÞøеоаіАО\u0301\u0323\u0308\u200b\u200d\u1100\u1161\u11a8か\u3099\u0627\u0653ıİßſΐΰﷺ"
"""Signs that hide letters, marks that join them, and letters whose small form is another's."""
TEXTS = st.one_of(st.text(max_size=60), st.text(st.sampled_from(ODD), max_size=40))
SECONDS = 0.1


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("0Þ", "op"),
        ("v 1 a g r a", " viagra "),
        ("a.b.c.d?e.f.g.h", " abcd efgh "),
        ("ᄀ ᅡ ᄀ ᅡ", " 가가 "),
        ("ᄀ\u200bᅡ", "가"),
        ("\u0390", "\u0390"),
        ("ŉo", "ʼno"),
        ("\U0001f1eb\U0001f1fa\U0001f1e8\U0001f1f0", "fuck"),
        ("v\u2800i\u2800a\u2800g\u2800r\u2800a", " viagra "),
    ],
)
def test_a_disguise_within_a_disguise_is_undone(text, plain):
    assert fold(text) == plain
    assert fold(plain) == plain


def test_every_character_is_spelled_with_characters_that_are_spelled_as_themselves():
    assigned = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code))[0] in "LMNPSZ"]
    spellings = {letter: _plain_letter(letter) for letter in assigned}
    unstable = [letter for letter, plain in spellings.items() if any(spellings.get(one, one) != one for one in plain)]
    assert unstable == []


def try_texts(examples: int) -> tuple[int, float]:
    """Fold so many texts; gives how many, and the longest that one of them took by the processor."""
    count, slowest = 0, 0.0

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(TEXTS)
    def stays(text: str) -> None:
        nonlocal count, slowest
        began = time.process_time()
        once = fold(text)
        slowest = max(slowest, time.process_time() - began)
        count += 1
        assert fold(once) == once
        assert len(once) <= MAX_FOLDED

    stays()
    return count, slowest


def test_what_is_folded_already_stays_as_it_is():
    count, slowest = try_texts(300)
    tell("C3 normaliser, short", count, "0 counterexamples", f"0, slowest {slowest * 1e3:.1f} ms")


def test_folding_only_once_round_is_found_out(monkeypatch):
    """The mutation: a disguise within a disguise is not looked for."""
    monkeypatch.setattr(folding, "_ROUNDS", 1)
    with pytest.raises(AssertionError):
        try_texts(300)


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_fifty_thousand_folded_texts_stay_as_they_are():
    count, slowest = try_texts(50_000)
    tell("C3 normaliser", count, "0 counterexamples, 100 ms", f"0, slowest {slowest * 1e3:.1f} ms")
    assert count >= 50_000
    assert slowest <= SECONDS


@pytest.mark.parametrize(
    "piece", ["a1", "a.b ", "é1", "ﷺ", "\u0323\u0301", "е a", "0Þ ", "v 1 ", "ᄀ ", "a.b.c.d!", "İ", "ŉ"]
)
def test_no_ten_thousand_characters_take_a_tenth_of_a_second(piece):
    text = (piece * 10_000)[:10_000]
    _PLAIN.spell(text)  # what is met for the first time is looked up once
    took = []
    for _ in range(3):
        began = time.process_time()
        once = fold(text)
        took.append(time.process_time() - began)
    assert min(took) <= SECONDS
    assert fold(once) == once
