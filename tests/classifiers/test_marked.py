"""Words are found with their marks by hashes alone, and no others are."""

import pickle
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.lexicon import Lexicon
from classifiers.marked import MarkedWords

WORDS = st.text(st.characters(codec="utf-16"), min_size=1, max_size=8)


@given(st.lists(st.lists(WORDS, max_size=20, unique=True), max_size=6), st.lists(WORDS, max_size=20))
def test_a_word_has_the_marks_of_the_lists_it_stands_in_in_their_order_and_another_has_none(lists, others):
    marked = MarkedWords.of(enumerate(lists))
    expected: dict[str, tuple[int, ...]] = {}
    for mark, words in enumerate(lists):
        for word in words:
            expected[word] = (*expected.get(word, ()), mark)
    for word in [*expected, *others]:
        assert marked.get(word) == expected.get(word)
        assert (word in marked) == (word in expected)
    assert len(marked) == len(expected)


@pytest.mark.parametrize(("listed", "other"), [("ik", "\u6b69"), ("\u6b69", "ik"), ("mi", "\u696d"), ("a\0\0\0", "a")])
def test_letters_that_are_kept_in_the_same_bytes_are_different_words(listed, other):
    marked = MarkedWords.of([(3, [listed])])
    assert marked.get(listed) == (3,)
    assert marked.get(other) is None


def test_no_words_are_no_words():
    assert len(MarkedWords.of([])) == 0
    assert "word" not in MarkedWords.of([(1, [])])


def test_what_holds_in_this_process_alone_is_taken_to_no_other():
    with pytest.raises(TypeError, match="open the version there"):
        pickle.dumps(MarkedWords.of([(1, ["word"])]))


def test_a_version_opens_alike_in_processes_that_hash_otherwise():
    code = (
        "from classifiers.scorer import Item, bundled;"
        "print(bundled().score([Item('You are a stupid idiot, wanker'), Item('正直に言わせてもらうけど業者')]))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(said) == 1


def test_a_lexicon_that_was_read_cannot_be_written_again():
    with pytest.raises(TypeError, match="as it was written"):
        Lexicon.decode(Lexicon({"idiot": (1,)}).encode()).encode()
