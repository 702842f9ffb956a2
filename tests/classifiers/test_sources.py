"""Sources: the public data sets by name, and texts without what betrays the set they come from."""

import re

import pytest

from classifiers import sources
from classifiers.sources import Source, family, known_sources, steps_for, tidy


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set a small table in place of the package's own."""
    made = {
        "a": Source("set", "CC0", "https://a.example", "d", ("unmark",)),
        "b": Source("set/tokens", "CC0", "https://b.example", "d", ("detokenize", "lowercase")),
    }
    monkeypatch.setattr(sources, "known_sources", lambda: made)
    steps_for.cache_clear()
    yield
    steps_for.cache_clear()


def test_every_known_source_has_a_licence_an_origin_and_a_digest_and_is_tidied_by_known_steps() -> None:
    for name, entry in known_sources().items():
        assert entry.licence, name
        assert entry.origin, name
        assert re.fullmatch("[0-9a-f]{64}", entry.digest), name
        assert set(entry.tidy) <= {"unmark", "detokenize", "lowercase"}, name


@pytest.mark.usefixtures("table")
def test_the_nearest_name_says_what_is_done_and_a_name_that_only_begins_alike_says_nothing() -> None:
    assert steps_for("set") == steps_for("set/other") == ("unmark",)
    assert steps_for("set/tokens") == steps_for("set/tokens/part") == ("detokenize", "lowercase")
    assert steps_for("settled") == steps_for("") == ()


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("source", "text", "left"),
    [
        ("set", "RT @ann: look &amp; see @url &lt;b&gt; |LBR| URL", "look & see httpurl <b>   httpurl"),
        ("set", "@ann_b hi, a curl of hair", "@user hi, a curl of hair"),
        ("set", "write to ann@example.org, @ann_b", "write to ann@example.org, @user"),
        ("set/tokens", "Do n't say it 's OK , please .", "don't say it's ok, please"),
        ("unknown", "  As It Is .  ", "As It Is ."),
        ("unknown", "   ", "-"),
        ("set/tokens", " . ", "-"),
    ],
)
def test_marks_of_a_set_go_and_the_words_stay(source: str, text: str, left: str) -> None:
    assert " ".join(tidy(text, source).split()) == " ".join(left.split())


@pytest.mark.parametrize(
    ("source", "name"),
    [("jigsaw-toxic-2018/train", "jigsaw"), ("jigsaw/x", "jigsaw"), ("set/a/b", "set"), ("set", "set")],
)
def test_the_parts_of_one_corpus_are_one_family(source: str, name: str) -> None:
    assert family(source) == name
