"""Serving: every text gets every score, and every score says what moved it."""

import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest

from classifiers.features import Shape, analyse
from classifiers.layout import LONGEST_NAME
from classifiers.manifest import ATTRIBUTES
from classifiers.registry import BUNDLED
from classifiers.scorer import SHOWN, Item, Scorer, bundled
from classifiers.table import LONGEST_KEY, add_up
from classifiers.text import MAX_CHARS
from classifiers.traits import COUNTS
from tests.classifiers.filtered import give_filters


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return bundled()


@pytest.fixture(scope="module")
def filtered(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    """Open a version of whose filters every answer counts for every attribute."""
    folder = Path(shutil.copytree(BUNDLED, tmp_path_factory.mktemp("filtered") / "version"))
    give_filters(folder)
    return Scorer.open(folder)


def test_every_text_gets_every_score(scorer):
    odd = [
        "",
        " ",
        "\x00",
        "\ud800",
        "a" * 30_000,
        "\u0301" * 9_000,
        "\ufdfa" * 9_000,
        "\u202e",
        "y o u",
        "你",
        "*",
        "@",
        "#",
        "&;",
    ]
    for scores in scorer.score([Item(text) for text in odd], explain=True):
        assert tuple(scores.values) == ATTRIBUTES
        assert all(0 <= value <= 1 for value in scores.values.values())


def test_an_insult_scores_higher_than_thanks(scorer):
    rude, kind = scorer.score([Item("You are a stupid fucking idiot"), Item("Thank you, that was a lovely article")])
    assert rude.values["toxicity"] > 0.8 > 0.1 > kind.values["toxicity"]


def test_an_offer_with_a_link_scores_higher_than_a_question(scorer):
    offer, question = scorer.score(
        [
            Item("Make $5000 a week with bitcoin, click http://cash.example.xyz now!!!"),
            Item("Has anyone read the second part?"),
        ]
    )
    assert offer.values["spam"] > 0.8 > 0.2 > question.values["spam"]


def test_an_explanation_holds_at_most_five_words_and_five_features_of_an_attribute(scorer):
    text = " ".join(
        f"you stupid idiot moron number{place} click http://cash{place}.example.xyz free money!!!" for place in range(9)
    )
    words = scorer.score([Item(text)], explain=True)[0].words
    for attribute in ("spam", "toxicity"):
        spans = [word for word in words if word.attribute == attribute and not word.feature]
        features = [word for word in words if word.attribute == attribute and word.feature]
        assert len(spans) == len({(word.begin, word.end) for word in spans}) == 5
        assert len(features) == len({word.feature for word in features}) == 5
        sizes = [abs(word.weight) for word in words if word.attribute == attribute]
        assert sizes == sorted(sizes, reverse=True)
    assert {word.attribute for word in words} >= {"spam", "toxicity", "insult"}


def test_only_what_is_asked_about_and_scores_enough_is_explained(scorer):
    item = Item("You are a stupid idiot, click http://x.example 100% free")
    (whole,) = scorer.score([item], explain=True)
    high = {attribute for attribute, score in whole.values.items() if score >= SHOWN}
    assert {word.attribute for word in whole.words} == high
    for asked in ((), ("spam",), ("threat", "spam"), ("toxicity", "spam", "insult")):
        bars = SimpleNamespace(shown=lambda scores, asked=asked: asked, waits=lambda scores: False)
        (found,) = scorer.score([msgspec.structs.replace(item, bars=bars)], explain=True)
        assert found.values == whole.values
        assert found.words == tuple(
            word for name in asked for word in whole.words if word.attribute == name and name in high
        )


@pytest.mark.parametrize(
    "text",
    [
        "Holy crap, look at that big fish over there, it is nearly as long as the boat",
        "This crap was sold to us as a new kitchen, and the door does not even shut",
    ],
)
def test_what_every_comment_has_explains_none(text):
    (found,) = bundled().score([Item(text)], explain=True)
    named = [word.feature for word in found.words if word.attribute == "toxicity" and word.feature]
    assert named
    assert "length" not in named
    assert abs(bundled().explain(Item(text)).attributes["toxicity"].features["length"]) < 0.3


def test_words_point_into_the_original_text(scorer):
    text = "Well,  that man is an idiot!"
    words = scorer.score([Item(text)], explain=True)[0].words
    assert "idiot!" in {text[word.begin : word.end] for word in words if word.attribute == "toxicity"}


def test_an_explanation_sums_to_the_logit(scorer):
    explanation = scorer.explain(Item("You are a stupid idiot, click http://x.example 100% free"))
    for parts in explanation.attributes.values():
        total = parts.bias + sum(word.weight for word in parts.words) + sum(parts.features.values())
        assert total == pytest.approx(parts.logit, abs=1e-4)


def test_a_batch_scores_as_its_comments_alone_do(scorer):
    texts = ["one fine day", "you utter fool", "", "buy followers at www.example.top", "y o u f o o l", "你好"]
    together = scorer.score([Item(text) for text in texts])
    for text, scores in zip(texts, together, strict=True):
        assert scorer.score([Item(text)])[0].values == pytest.approx(scores.values, abs=1e-5)


def test_counts_of_16_bits_are_added_up_apart_from_each_other():
    counts = np.zeros((5, 4 * -(-len(COUNTS) // 4)), np.uint16)
    counts[1:, : len(COUNTS)] = np.arange(len(COUNTS))
    counts[1, 3], counts[4, 3] = 40_000, 25_535
    sums = add_up(counts, [0, 3])
    assert sums[:, 2:5].tolist() == [[4, 40_003, 8], [4, 25_538, 8]]
    assert sums.dtype == np.float32


def test_no_comment_has_more_of_anything_than_16_bits_count():
    signs = [sign for sign in map(chr, range(0x20000)) if len(unicodedata.normalize("NFKC", sign)) > 2]
    read = analyse([sign * 100 for sign in signs], bundled()._lexicon, Shape(10))
    assert read.counts.max() / 100 * (MAX_CHARS + 2 * LONGEST_NAME) < 2**16


def test_no_key_of_the_table_is_long_whatever_is_written():
    scorer = Scorer.open(BUNDLED)
    for number in range(20):
        scorer.score([Item(f"{chr(97 + number) * 2}{'ab' * 2_000}. {'x.y' * 1_000}!")])
    assert max(map(len, scorer._table._places)) <= LONGEST_KEY


def test_long_comments_are_scored_some_after_others_and_as_they_are_alone(scorer, monkeypatch):
    items = [Item("what a fine day"), Item("you idiot " * 900), Item("idiot"), Item("好" * 9_000), Item("")]
    alone = [scorer.score([item])[0].values for item in items]
    monkeypatch.setattr("classifiers.scorer.AT_ONCE", 9_100)
    asked = []
    monkeypatch.setattr(
        scorer,
        "_compute",
        lambda laid: asked.append(len(laid.starts)) or type(scorer)._compute(scorer, laid),
    )
    for found, values in zip(scorer.score(items), alone, strict=True):
        assert found.values == pytest.approx(values, abs=1e-6)
    assert asked == [3, 2]


def test_serving_imports_neither_scikit_learn_nor_scipy():
    code = (
        "import sys; from classifiers.scorer import Item, bundled; bundled().score([Item('hello')], explain=True); "
        "print(sorted({'sklearn', 'scipy', 'pandas', 'pyarrow', 'matplotlib'} & set(sys.modules)))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_a_name_that_only_says_who_wrote_changes_nothing(scorer):
    text = "I read this on the train today."
    bare, named = scorer.score([Item(text), Item(text, name="Ann Miller", url="https://annmiller.example.org")])
    assert named.values == pytest.approx(bare.values, abs=1e-6)


def test_a_name_in_characters_counts_as_its_words_do(scorer):
    bare, insulting, selling = scorer.score(
        [Item("你好"), Item("你好", name="去死吧傻逼"), Item("你好", name="加微信赚钱")]
    )
    assert insulting.values["toxicity"] > bare.values["toxicity"] + 0.2
    assert selling.values["spam"] > bare.values["spam"] + 0.2


def test_a_name_that_sells_or_insults_counts(scorer):
    text = "Nice article, thank you."
    selling = Item(text, name="Buy cheap pills casino bonus", url="http://casino-win.xyz")
    bare, sold = scorer.score([Item(text), selling])
    assert sold.values["spam"] > bare.values["spam"]
    named = {word.feature for word in scorer.explain(selling).attributes["spam"].words}
    assert named >= {"author name", "author link"}
    assert scorer.score([Item(text, name="Fucking Idiot")])[0].values["toxicity"] > bare.values["toxicity"]


def test_a_spelled_out_word_is_found_beside_a_name(scorer):
    words = scorer.score([Item("you are an i d i o t", name="Idiot")], explain=True)[0].words
    assert (11, 20) in {(word.begin, word.end) for word in words}


def test_an_explanation_with_a_name_sums_to_the_logit(scorer):
    explanation = scorer.explain(Item("y o u fool, buy now", name="Casino bonus", url="http://bit.ly/win"))
    for parts in explanation.attributes.values():
        assert parts.bias + sum(word.weight for word in parts.words) + sum(parts.features.values()) == pytest.approx(
            parts.logit, abs=1e-4
        )


@pytest.mark.parametrize(
    ("text", "site", "lang"),
    [
        ("Das ist doch wirklich ein sehr schöner Artikel über unsere Stadt", "en", "de"),
        ("Это очень хорошая статья про наш город, спасибо", "en", "ru"),
        ("这篇文章写得很好，谢谢作者", "en", "zh"),
        ("ok", "pl", "pl"),
        ("", "uk", "uk"),
    ],
)
def test_a_text_has_its_own_language_or_else_the_sites(scorer, text, site, lang):
    assert scorer.score([Item(text, lang=site)])[0].lang == lang


SEEN = [
    Item("You are a stupid idiot, click http://x.example 100% free"),
    Item("y o u fool, buy now", name="Casino bonus", url="http://bit.ly/win"),
    Item("you you you fool you", name="Ann Miller", url="http://win-casino.xyz"),
    Item("", name="Fucking Idiot"),
    Item("Dieser Hafen war ein Traum", name="Ann Miller", url="https://annmiller.example.org"),
    Item("so " * 700),
    Item("ok"),
    Item(""),
]


def test_what_filters_see_is_explained_too_and_sums_to_the_logit(filtered):
    for item in SEEN:
        for parts in filtered.explain(item).attributes.values():
            total = parts.bias + sum(word.weight for word in parts.words) + sum(parts.features.values())
            assert total == pytest.approx(parts.logit, abs=1e-4)


def test_words_are_picked_by_all_that_they_move_in_company_as_alone(filtered):
    for item, scores in zip(SEEN, filtered.score(SEEN, explain=True), strict=True):
        assert filtered.score([item])[0].values == pytest.approx(scores.values, abs=1e-5)
        parts = filtered.explain(item).attributes
        for word in scores.words:
            known = [
                other.weight
                for other in parts[word.attribute].words
                if (other.begin, other.end, other.feature) == (word.begin, word.end, word.feature)
            ] or [parts[word.attribute].features[word.feature]]
            assert min(abs(word.weight - weight) for weight in known) < 1e-4


def test_filters_move_the_scores_and_pass_over_a_name_that_only_says_who_wrote(scorer, filtered):
    text = "I read this on the train today."
    bare, named, selling = filtered.score(
        [
            Item(text),
            Item(text, name="Ann Miller", url="https://annmiller.example.org"),
            Item(text, name="Buy cheap pills casino bonus"),
        ]
    )
    assert named.values == pytest.approx(bare.values, abs=1e-6)
    assert selling.values != pytest.approx(bare.values, abs=1e-3)
    assert scorer.score([Item(text)])[0].values != pytest.approx(bare.values, abs=1e-3)


def test_an_empty_comment_is_scored_by_its_bias_and_features_alone(filtered):
    for parts in filtered.explain(Item("")).attributes.values():
        assert not parts.words
        assert parts.bias + sum(parts.features.values()) == pytest.approx(parts.logit, abs=1e-5)
