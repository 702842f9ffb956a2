"""A lexicon marks words and phrases, and the name of a group counts the same whichever group it is."""

import tomllib
from itertools import pairwise

import pytest

from classifiers.categories import CATEGORIES
from classifiers.dataset import load_seeds
from classifiers.errors import DatasetInvalid
from classifiers.features import Shape, analyse, chunks_of
from classifiers.hashing import hash_word
from classifiers.identities import names_of_groups
from classifiers.lexicon import GROUP, MARKS, Lexicon
from classifiers.lexicon_building import SEEDS, Group, Term, build_lexicon, read_groups, read_terms
from classifiers.phrases import phrase_keys
from classifiers.scorer import Item, bundled
from classifiers.text import cut
from classifiers.unfolding import unfold

LANGUAGES = {"ar", "de", "en", "es", "fr", "hi", "it", "ja", "ko", "nl", "pl", "pt", "ru", "tr", "uk", "zh"}


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    terms = [
        Term("idiot", "insult", 2, ("idiots",)),
        Term("wanker", "profanity", 2),
        Term("kill all foos", "threat", 3),
        Term("foozle", "slur", 3),
    ]
    groups = [
        Group("foo", "origin", ("foos",)),
        Group("foozle", "origin"),
        Group("bar people", "origin"),
        Group("old", "age", (), ambiguous=True),
        Group("left", "politics"),
    ]
    return build_lexicon(terms, groups)


def marks(lexicon: Lexicon, word: str) -> list[str]:
    return [MARKS[place] for place in lexicon.marks_of(word)]


def test_the_names_of_two_groups_make_the_same_features(lexicon: Lexicon) -> None:
    other = build_lexicon([], [Group("quux", "religion")])
    assert lexicon.general("foos") == other.general("quux") == GROUP
    one, two = analyse(["foos"], lexicon, Shape(bits=10)), analyse(["quux"], other, Shape(bits=10))
    assert one.buckets.tolist() == two.buckets.tolist()


def test_a_slur_is_no_name_of_a_group_even_where_a_list_says_so(lexicon: Lexicon) -> None:
    assert lexicon.general("foozle") == "foozle"
    assert marks(lexicon, "foozle") == ["slur_3"]


def test_ambiguous_words_and_political_camps_stay_words(lexicon: Lexicon) -> None:
    assert lexicon.general("old") == "old"
    assert lexicon.general("left") == "left"


def test_a_phrase_that_names_a_group_matches_whichever_group_stands_in_it(lexicon: Lexicon) -> None:
    general = [hash_word(lexicon.general(word)) for word in ("kill", "all", "foos")]
    assert lexicon.phrases.marks[phrase_keys(general)[-1]] == MARKS.index("threat_3")
    assert general[2] == hash_word(GROUP)


def test_a_phrase_without_blanks_matches_whichever_group_stands_in_it() -> None:
    terms = [Term("杀光黑人", "threat", 3), Term("黑人狗", "slur", 3), Term("狗东西", "insult", 3)]
    lexicon = build_lexicon(terms, [Group("黑人", "origin"), Group("女人", "gender")])
    for text, mark in (("杀光女人", "threat_3"), ("女人狗", "slur_3")):
        words = analyse(["", *chunks_of(text, lexicon)], lexicon, Shape(bits=10)).first
        assert [MARKS[place] for _, place in lexicon.phrases.find(words)] == [mark], text
    assert chunks_of("狗东西", lexicon) == ["狗东西"], "one word where no group is named"


def test_no_phrase_of_a_group_and_one_word_stands_in_more_harmless_texts_than_hostile_ones() -> None:
    """So it is where the word means something else in another language: `leş` is Turkish abuse, and `les` a French article."""
    lexicon = build_lexicon(read_terms(), read_groups(), names_of_groups())
    seeds = load_seeds("train")
    chunks: dict[str, tuple[str, ...]] = {}

    def read(text: str) -> list[str]:
        found: list[str] = []
        for chunk in cut(text, lexicon.han):
            if chunk not in chunks:
                chunks[chunk] = tuple(map(lexicon.general, unfold(chunk, lexicon).words))
            found += chunks[chunk]
        return found

    listed = {tuple(read(form)): form for term in read_terms() for form in (term.term, *term.forms)}
    pairs = {words: form for words, form in listed.items() if len(words) == 2 and GROUP in words}
    times: dict[tuple[str, ...], list[int]] = {}
    for text, toxicity in zip(seeds.text, seeds.column("toxicity").tolist(), strict=True):
        words = read(text)
        for pair in {*pairwise(words)} & pairs.keys():
            times.setdefault(pair, [0, 0])[toxicity >= 0.5] += 1
    assert len(times) > 200
    assert {pairs[pair]: (no, yes) for pair, (no, yes) in times.items() if no > 3 and no >= yes} == {}


def test_what_a_version_carries_is_read_back_as_it_was(lexicon: Lexicon) -> None:
    again = Lexicon.decode(lexicon.encode(), [hash_word("word")])
    assert isinstance(lexicon.marks, dict)
    assert len(again.marks) == len(lexicon.marks)
    assert {word: again.marks.get(word) for word in lexicon.marks} == lexicon.marks
    assert again.phrases.marks == lexicon.phrases.marks
    assert again.phrases.begun == lexicon.phrases.begun
    assert again.known("word")
    assert not again.known("other")
    assert again.unmask("w**ker") == "wanker"
    assert again.unmask("id**t") is None


def test_marks_of_another_release_are_left_out() -> None:
    content = (
        b'{"words": {"insult_2": ["idiot"], "unheard_of": ["word"]}, "phrases": {"unheard_of": [12]}, "begun": [1]}'
    )
    lexicon = Lexicon.decode(content)
    assert marks(lexicon, "idiot") == ["insult_2"]
    assert len(lexicon.marks) == 1
    assert not lexicon.phrases.marks


def test_the_package_has_lexicons_and_groups_in_sixteen_languages() -> None:
    assert {path.stem for path in (SEEDS / "lexicons").glob("*.jsonl")} >= LANGUAGES
    assert {path.stem for path in (SEEDS / "groups").glob("*.jsonl")} >= LANGUAGES
    assert len(read_terms()) > 5_000
    assert len(read_groups()) > 1_000


def test_a_broken_line_of_a_list_is_named(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "xx.jsonl").write_text('{"term": "a", "kind": "insult", "grade": 1}\nnot json\n')
    with pytest.raises(DatasetInvalid, match=r"xx\.jsonl, line 2"):
        read_terms(tmp_path)


@pytest.mark.parametrize("frame", ["I hate {}, all of them.", "My neighbours are {} and we get along well."])
def test_the_bundled_version_scores_a_sentence_alike_whichever_group_it_names(frame: str) -> None:
    groups = ("Muslims", "Koreans", "Germans", "Syrians", "Mormons")  # of one length, which is counted too
    scores = bundled().score([Item(frame.format(group), lang="en") for group in groups])
    found = [round(score.values["identity_attack"], 6) for score in scores]
    assert max(found) - min(found) < 1e-5


def test_a_word_of_blame_or_praise_is_known_in_its_longer_forms_too() -> None:
    built = build_lexicon([])
    assert marks(built, "rotten") == ["harm"]
    assert marks(built, "schmutzigen") == ["harm"]
    assert marks(built, "welcome") == ["good", "civil"]
    assert marks(built, "寄生虫") == ["beast"]


def test_every_language_has_words_of_every_category_and_none_of_them_names_a_group() -> None:
    files = {path.stem: tomllib.loads(path.read_text("utf-8")) for path in (SEEDS / "categories").glob("*.toml")}
    assert set(files) == LANGUAGES
    assert all(set(kinds) == set(CATEGORIES) and all(kinds.values()) for kinds in files.values())
    built = build_lexicon([], read_groups())
    assert isinstance(built.marks, dict)
    categorised = {MARKS.index(kind) for kind in CATEGORIES}
    assert not [
        word for word, places in built.marks.items() if categorised & {*places} and built.general(word) == GROUP
    ]
    assert marks(built, "yesterday") == ["time"]


def test_a_particle_or_an_article_that_clings_to_a_name_hides_no_group() -> None:
    built = build_lexicon([], [Group("외국인", "origin"), Group("مسلم", "religion")])
    for word in ("외국인", "외국인은", "외국인들이", "외국인에게", "مسلم", "المسلم", "والمسلم"):
        assert built.general(word) == GROUP, word
        assert marks(built, word) == ["group"], word
    for word in ("외국", "외국어", "은", "외은", "سلم"):
        assert built.general(word) == word


def test_no_listed_form_is_read_as_numbers_or_hidden_words_alone() -> None:
    """`13/50` was listed as a slur, and is read as two numbers: so was every score of a match."""
    bare = Lexicon({})
    for term in read_terms():
        for form in (term.term, *term.forms):
            words = [word for chunk in cut(form) for word in unfold(chunk, bare).words]
            assert len(words) < 2 or not all(word[0] == "<" for word in words), form
