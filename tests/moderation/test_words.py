"""Word lists find their words whole, in any disguise, and quickly however long the list is."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.records import Comment
from moderation.scoring.words import MAX_WORDS, WordList


def find(words: tuple[str, ...], text: str, **fields: str) -> tuple[str, ...]:
    return WordList(words).find(Comment(id="c", site="s", text=text, **fields)).terms


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("viagra", "cheap VIAGRA here"),
        ("viagra", "cheap vіаgrа here"),
        ("viagra", "cheap v1agr4 here"),
        ("viagra", "v i a g r a"),
        ("viagra", "v.i.a.g.r.a!"),
        ("viagra", "via\u200bgra"),
        ("viagra", "v\u0301iagra"),
        ("viagra", "ｖｉａｇｒａ"),
        ("viagra", "𝓿𝓲𝓪𝓰𝓻𝓪"),
        ("Casino", "best càsino"),
        ("казино", "Лучшее КАЗИНО тут"),
        ("казино", "каз\u00adино"),
        ("straße", "In der STRASSE"),
        ("cheap pills", "cheap \n pills"),
        ("pill*", "pills"),
        ("*pill", "superpill"),
        ("p*l", "pool"),
        ("赌场", "这个赌场很好"),
        ("$$$", "cash$$$"),
        ("c++", "c++"),
        ("spam.example", "see http://spam.example/x"),
    ],
)
def test_a_listed_word_is_found(word, text):
    assert find((word,), text)


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("ass", "a classic assignment"),
        ("pot", "рот"),
        ("viagra", "viagrax"),
        ("pill", "pills"),
        ("казино", "казиноб"),
        ("1", "11"),
        ("a.c", "abc"),
        ("(", "nothing"),
    ],
)
def test_other_words_are_not_found(word, text):
    assert not find((word,), text)


def test_words_are_looked_for_in_name_link_and_address_as_well():
    assert find(("spammer",), "hello", name="Spammer")
    assert find(("spam.example",), "hello", url="https://spam.example/")
    assert find(("bad@x.example",), "hello", email="bad@x.example") == ("an address on the list",)


def test_a_find_says_where_it_stands_in_the_text_as_written():
    text = "Ünïcode 😀 then Casino, casino."
    found = WordList(("casino",)).find(Comment(id="c", site="s", text=text))
    assert [text[word.begin : word.end] for word in found.words] == ["Casino", "casino"]


def test_the_longest_list_allowed_is_fast_on_any_text():
    words = WordList([f"word{number}x*" if number % 2 else f"слово{number}" for number in range(MAX_WORDS)])
    texts = ["hello there " * 25, "слово " * 50, "wordx " * 50]
    for text in texts:
        words.find(Comment(id="c", site="s", text=text))
    began = time.process_time()
    for number in range(300):
        words.find(Comment(id="c", site="s", text=f"{texts[number % 3]} {number}"))
    assert (time.process_time() - began) / 300 < 0.002


@given(st.lists(st.text(max_size=20), min_size=1, max_size=5), st.text(max_size=200))
def test_whatever_the_list_and_the_text_what_is_found_is_told_and_stands_there(words, text):
    text = f"{text} {words[0]}"
    found = WordList(words).find(Comment(id="c", site="s", text=text))
    assert all(0 <= word.begin < word.end <= len(text) for word in found.words)
    told = {text[word.begin : word.end].lower() for word in found.words}
    assert told <= set(found.terms) or "an address on the list" in found.terms


@given(st.text(alphabet="abcdefgh", min_size=2, max_size=12), st.text(max_size=50), st.text(max_size=50))
def test_a_word_that_stands_alone_is_always_found(word, before, after):
    assert find((word,), f"{before} {word} {after}")
