"""A comment's language: told by its words, its letters or its site, and owned up to where it is none that was learned."""

import numpy as np
import pytest

from classifiers.languages import SURE, UNKNOWN, Evidence, Languages
from classifiers.scorer import Item, bundled

NOT_LEARNED = {
    "sv": "Jag tycker att artikeln var mycket bra skriven, och jag håller med om det mesta",
    "da": "Jeg forstår ikke hvorfor regeringen gør sådan noget igen og igen",
    "fi": "En ymmärrä miksi kukaan ei tee tälle asialle yhtään mitään",
    "hu": "Nem értem, miért nem csinál senki semmit ezzel az egésszel",
    "ro": "Nu înțeleg de ce nimeni nu face nimic în legătură cu asta",
    "cs": "Nechápu, proč s tím už konečně nikdo nic nedělá",
    "vi": "Tôi không hiểu tại sao không ai làm gì cả về chuyện này",
    "tl": "Hindi ko maintindihan kung bakit walang gumagawa ng paraan dito",
    "fa": "مقاله خیلی خوبی بود، ممنون که این اطلاعات را با ما در میان گذاشتید، پس چرا کسی کاری نمی کند",
}
LEARNED = {
    "en": "I do not understand why nobody does anything about it",
    "de": "Ich verstehe nicht, warum niemand etwas dagegen unternimmt",
    "nl": "Ik begrijp niet waarom niemand hier iets aan doet",
    "tr": "Kimsenin neden bir şey yapmadığını anlamıyorum artık",
    "pl": "Nie rozumiem, dlaczego nikt nic z tym nie robi",
    "ar": "لا أفهم لماذا لا يفعل أحد أي شيء حيال ذلك حتى الآن",
    "ru": "Не понимаю, почему никто ничего с этим не делает",
}


def told(text: str, site: str = "") -> tuple[str, bool]:
    scores = bundled().score([Item(text, lang=site)])[0]
    return scores.lang, scores.supported


@pytest.mark.parametrize("site", ["", "en", "it"])
@pytest.mark.parametrize("lang", NOT_LEARNED)
def test_a_language_that_was_not_learned_is_taken_for_none_that_was(lang, site):
    assert told(NOT_LEARNED[lang], site) == (UNKNOWN, False)


@pytest.mark.parametrize("lang", NOT_LEARNED)
def test_where_the_site_says_which_it_is_that_is_believed(lang):
    assert told(NOT_LEARNED[lang], lang) == (lang, False)


@pytest.mark.parametrize("site", ["", "en", "de", "sv"])
@pytest.mark.parametrize("lang", LEARNED)
def test_a_language_that_was_learned_is_told_whatever_the_site_speaks(lang, site):
    assert told(LEARNED[lang], site) == (lang, True)


@pytest.mark.parametrize(
    "text", ["ok", "Jättebra!", "hgf5d hgf5d", "Åsa and Søren were there", "lol lol lol lol", "😀😀😀"]
)
def test_what_is_short_or_undecided_counts_as_the_language_of_the_site(text):
    assert told(text, "en") == ("en", True)


LANGUAGES = Languages(("de", "en", "nl"), {"de": 32.0, "en": 32.0})


def judged(evidence: list[float], site: str, *, letters: int = 100, words: int = 20, text: str = "text") -> str:
    found = Evidence(np.array([evidence], np.float32), np.array([letters]), np.array([words]))
    return LANGUAGES.judge(found, [text], [site])[0]


def test_little_evidence_a_letter_is_that_of_another_language():
    assert judged([3300, 0, 0], "") == "de"
    assert judged([3100, 0, 0], "") == UNKNOWN
    assert judged([3100, 0, 0], "en") == UNKNOWN


def test_a_language_without_a_floor_needs_no_evidence():
    assert judged([0, 0, 500], "") == "nl"


def test_the_language_of_the_site_needs_less_and_not_nothing():
    assert judged([2000, 1950, 0], "en") == "en"
    assert judged([1900, 1850, 0], "en") == UNKNOWN
    assert judged([2000 + 2 * SURE, 2000, 0], "en") == UNKNOWN


def test_few_letters_or_words_are_held_against_no_floor():
    assert judged([300, 290, 0], "en", letters=24) == "en"
    assert judged([300, 290, 0], "en", words=4) == "en"


def test_with_one_language_or_none_there_is_nothing_to_tell():
    nothing = Evidence(np.zeros((2, 0), np.float32), np.zeros(2), np.zeros(2))
    assert Languages((), {}).judge(nothing, ["a", "b"], ["en", ""]) == ["en", ""]
    assert Languages(("de",), {}).judge(nothing, ["a", "b"], ["en", ""]) == ["en", "de"]
