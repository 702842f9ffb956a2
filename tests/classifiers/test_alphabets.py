"""Languages told by their letters, where the models have learned nothing written in them."""

import pytest

from classifiers.alphabets import has_foreign_letters, language_of_letters
from classifiers.scorer import Item, bundled


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("Καλημέρα σε όλους, τι ωραίο άρθρο", "el"),
        ("Τί ἐστιν ἀλήθεια;", "el"),
        ("שלום לכולם, מאמר נפלא", "he"),
        ("สวัสดีครับ บทความดีมาก", "th"),
        ("কী সুন্দর লেখা", "bn"),
        ("ძალიან კარგი სტატიაა", "ka"),
        ("நல்ல கட்டுரை", "ta"),
    ],
)
def test_letters_give_a_language_away(text, lang):
    assert language_of_letters(text) == lang


@pytest.mark.parametrize(
    "text",
    [
        "",
        "!",
        "Good evening",
        "Добрый вечер",
        "좋은 저녁",
        "こんばんは",
        "The word λόγος means word",
        "你好",
        "مساء الخير",
    ],
)
def test_letters_of_several_languages_tell_nothing(text):
    assert language_of_letters(text) == ""


def test_a_language_that_no_model_learned_is_none_of_theirs_and_not_supported():
    greek, thai = bundled().score([Item("Καλημέρα σε όλους, τι ωραίο άρθρο"), Item("สวัสดีครับ บทความดีมาก", lang="en")])
    assert (greek.lang, greek.supported) == ("el", False)
    assert (thai.lang, thai.supported) == ("th", False)


@pytest.mark.parametrize(
    ("text", "foreign"),
    [
        ("Příliš žluťoučký kůň pěl", True),
        ("Ďaleko, řeka a dům", True),
        ("Dvořák", False),
        ("Zażółć gęślą jaźń", False),
        ("Café déjà vu, garçon", False),
    ],
)
def test_letters_of_no_language_that_was_learned_tell_unless_they_are_few(text, foreign):
    assert has_foreign_letters(text) is foreign


@pytest.mark.parametrize(
    ("text", "site", "lang"),
    [
        ("殺してやる", "en", "ja"),
        ("すごい", "en", "ja"),
        ("谢谢", "en", "zh"),
        ("谢谢", "ja", "ja"),
        ("감사합니다", "en", "ko"),
        ("Смерть!", "ru", "ru"),
        ("شكرا", "en", "ar"),
        ("धन्यवाद", "en", "hi"),
        ("Благодаря", "bg", "bg"),
        ("日本 wins the cup, what a game", "en", "en"),
        ("¯\\_(ツ)_/¯ whatever you say", "en", "en"),
    ],
)
def test_a_short_text_counts_as_the_sites_language_only_if_its_letters_can(text, site, lang):
    assert bundled().score([Item(text, lang=site)])[0].lang == lang
