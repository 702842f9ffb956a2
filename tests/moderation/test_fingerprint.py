"""Copies with small changes have one fingerprint, other texts another one, and no text takes long."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.scoring.fingerprint import fingerprint
from moderation.scoring.folding import _BARE, _PICTURES, _PLAIN, MAX_FOLDED, _bare_letter, fold, letters

TEXT = "Buy our very cheap pills now, you will not regret it!"


@pytest.mark.parametrize(
    "copy",
    [
        "buy our VERY cheap pills now - you will not regret it",
        "Buy our very cheap pills now, you will not regret it! https://a.example/1",
        "Buy our very cheap pills now www.b.com you will not regret it 12345",
        "😀 Buy our very cheap pills now, you will not regret it 😀",
        "Buy our very chеаp pills nоw, you will not regret it!",
        "Buy our very cheap pi\u200blls now, you will not regret it!",
        "Büy our very cheap pïlls now, you will not regret it!",
        "Buy  our\nvery cheap pills now, you will not regret it!",
    ],
)
def test_copies_coincide(copy):
    assert fingerprint(copy) == fingerprint(TEXT) != ""


def test_other_texts_do_not_coincide():
    assert fingerprint(TEXT) != fingerprint("Buy our very cheap pills now, you will regret it!")


@pytest.mark.parametrize("text", ["", "Thanks!", "ok ok ok", "😀😀😀😀😀😀😀😀😀😀😀😀😀", "1234567890123", "a" * 11])
def test_short_texts_have_none(text):
    assert fingerprint(text) == ""


def test_a_text_that_is_hardly_more_than_a_link_is_known_by_its_link():
    assert fingerprint("https://spam-shop.example/a") == fingerprint("https://spam-shop.example/A 1")
    assert fingerprint("https://spam-shop.example/a") != fingerprint("https://another-shop.example/a")


def test_six_signs_of_a_script_without_spaces_are_enough():
    assert fingerprint("这个赌场非常好") == fingerprint("这个赌场，非常好!!") != ""


@given(st.text(max_size=300))
def test_any_text_has_a_fingerprint_or_none_and_folding_ends(text):
    print_ = fingerprint(text)
    assert print_ == "" or len(print_) == 18
    assert len(fold(text)) <= MAX_FOLDED * 2


@given(st.text(max_size=300))
def test_the_bare_letters_of_bare_letters_are_the_same(text):
    assert letters(letters(text)) == letters(text)
    assert len(letters(text)) <= 4 * len(text)


@given(st.text(max_size=100))
def test_the_fast_ways_to_spell_give_what_the_slow_way_gives(text):
    assert letters(text) == text.translate(_BARE)
    assert _PLAIN.spell(text) == text.translate(_PLAIN)


def test_the_code_pages_spell_every_letter_as_the_table_does_but_those_whose_spelling_they_lack():
    left = set()
    for table in (_PLAIN, _BARE):
        for page in table.pages:
            for letter in bytes(range(256)).decode(page.name, "ignore"):
                try:
                    assert page.spell(f"x{letter}") == f"x{letter}".translate(table)
                except UnicodeEncodeError:
                    left.add(letter)
    assert left == set("µ¼½¾")


def test_no_picture_that_is_skipped_holds_a_letter():
    assert not [chr(code) for code in range(0x110000) if _PICTURES.match(chr(code)) and _bare_letter(chr(code))]


@pytest.mark.parametrize(
    "piece",
    ["a", "a1", "a.b", "a.b ", "a ", "é1", "ﷺ", "\u0301", "\u0323\u0301", "е a", "0", "@", "://", "a@", "😀a", "$a!"],
)
def test_no_text_takes_long(piece):
    text = (piece * MAX_FOLDED)[:MAX_FOLDED]
    began = time.process_time()
    fingerprint(text)
    fold(text)
    assert time.process_time() - began < 0.5
