"""Concepts: a word counts as what it means too, whatever language it is of."""

import shutil
import time
import tomllib
from pathlib import Path

import msgspec
import numpy as np
import pytest

from classifiers import lexicon_building
from classifiers.compiled import CONCEPTS, load_concepts
from classifiers.concepts import FOLDER, concept_words
from classifiers.errors import VersionBroken
from classifiers.features import Shape, analyse, chunks_of
from classifiers.hashing import hash_word
from classifiers.lexicon import NO_CONCEPTS, Lexicon
from classifiers.lexicon_building import Group, build_lexicon
from classifiers.manifest import MANIFEST, entries_of, read_manifest, write_manifest
from classifiers.scorer import BUNDLED, Item, Scorer, bundled

LANGUAGES = {"ar", "de", "en", "es", "fr", "hi", "it", "ja", "ko", "nl", "pl", "pt", "ru", "tr", "uk", "zh"}
LISTED = [
    ("deport", "deport"),
    ("abschieben", "deport"),
    ("expulser", "deport"),
    ("dog", "dog"),
    ("kirche", "church"),
    ("kirchen", "church"),
    ("rat", "rat"),
    ("rat", "advice"),
    ("die", "die"),
    ("die", "the"),
    ("die", "they"),
    ("foos", "enemy"),
    ("嵋峒", "website"),
    ("죽이", "kill"),
]


@pytest.fixture
def lexicon(monkeypatch: pytest.MonkeyPatch) -> Lexicon:
    monkeypatch.setattr(lexicon_building, "concept_words", lambda: LISTED)
    return build_lexicon([], [Group("foo", "origin", ("foos",))])


def meant(lexicon: Lexicon, *words: str) -> list[tuple[str, str]]:
    """Give the words that are found to mean something, each with what."""
    names = {hash_word(f"={concept}"): concept for _, concept in LISTED}
    places, concepts = lexicon.meanings(words, np.array([hash_word(word) for word in words], np.uint32))
    return [(words[place], names[concept]) for place, concept in zip(places.tolist(), concepts.tolist(), strict=True)]


def test_words_of_two_languages_that_mean_the_same_share_a_feature(lexicon: Lexicon) -> None:
    one, two, other = (analyse([word], lexicon, Shape()) for word in ("abschieben", "expulser", "dog"))
    assert one.meaning.tolist() == two.meaning.tolist() == other.meaning.tolist() == [0]
    assert one.concepts.tolist() == two.concepts.tolist() != other.concepts.tolist()


def test_a_form_that_is_not_listed_means_what_its_stem_means(lexicon: Lexicon) -> None:
    assert meant(lexicon, "kirchens", "죽였다", "죽이는", "dogs", "x") == [("kirchens", "church"), ("죽이는", "kill")]


def test_a_word_may_have_two_meanings_and_one_of_three_has_none(lexicon: Lexicon) -> None:
    assert sorted(meant(lexicon, "rat", "die")) == [("rat", "advice"), ("rat", "rat")]


def test_the_name_of_a_group_means_nothing_else(lexicon: Lexicon) -> None:
    assert meant(lexicon, "foos") == []


def test_a_form_whose_stem_means_the_same_is_not_kept(lexicon: Lexicon) -> None:
    assert hash_word("kirche") in lexicon.concepts[:, 0]
    assert hash_word("kirchen") not in lexicon.concepts[:, 0]
    assert meant(lexicon, "kirchen") == [("kirchen", "church")]


def test_a_word_in_characters_is_one_chunk(lexicon: Lexicon) -> None:
    assert chunks_of("我嵋峒啊", lexicon) == ["我", "嵋峒", "啊"]


def test_what_a_version_carries_is_read_back_as_it_was(lexicon: Lexicon) -> None:
    again = Lexicon.decode(lexicon.encode(), concepts=lexicon.concepts)
    assert meant(again, "rat", "expulser") == meant(lexicon, "rat", "expulser") != []
    assert chunks_of("我嵋峒啊", again) == chunks_of("我嵋峒啊", lexicon)


def test_a_version_without_concepts_has_none_and_counts_as_before() -> None:
    bare = Lexicon({})
    assert bare.concepts.tolist() == NO_CONCEPTS.tolist() == []
    assert not len(analyse(["deport", "abschieben"], bare, Shape()).meaning)


def test_a_version_of_an_earlier_release_that_lists_none_opens_and_scores(tmp_path) -> None:
    folder = Path(shutil.copytree(BUNDLED, tmp_path / "earlier"))
    (folder / CONCEPTS).unlink()
    manifest = read_manifest(folder)
    (folder / MANIFEST).unlink()
    write_manifest(folder, msgspec.structs.replace(manifest, files=entries_of(folder)))
    (without,) = Scorer.open(folder).score([Item("deport all these people")])
    (bundled_says,) = bundled().score([Item("deport all these people")])
    assert 0 < without.values["toxicity"] < 1
    assert without.values != bundled_says.values


def test_lists_out_of_order_are_refused(tmp_path) -> None:
    np.save(tmp_path / CONCEPTS, np.array([[2, 1], [1, 1]], np.uint32))
    with pytest.raises(VersionBroken, match="out of order"):
        load_concepts(tmp_path)


def test_a_word_without_end_is_looked_up_in_no_time() -> None:
    begun = time.process_time()
    analyse(["가" * 9_990, "ال" * 4_000, "abc" * 3_000], bundled()._lexicon, Shape())
    assert time.process_time() - begun < 0.1


def test_lists_are_read_language_by_language(tmp_path) -> None:
    (tmp_path / "en.toml").write_text('kill = "kill kills"\n"lie (say false)" = "lie"\n', "utf-8")
    (tmp_path / "de.toml").write_text('kill = "töten"\n', "utf-8")
    assert concept_words(tmp_path) == (
        ("töten", "kill"),
        ("kill", "kill"),
        ("kills", "kill"),
        ("lie", "lie (say false)"),
    )


def test_the_lists_of_the_package_are_small_letters_and_each_form_stands_once_in_a_line() -> None:
    listed = {path.stem: tomllib.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.toml")}
    assert set(listed) == LANGUAGES
    assert len({concept for lines in listed.values() for concept in lines}) > 1_000
    for lang, lines in listed.items():
        for concept, line in lines.items():
            forms = line.split()
            assert line == line.lower(), (lang, concept)
            assert len(set(forms)) == len(forms) > 0, (lang, concept)
