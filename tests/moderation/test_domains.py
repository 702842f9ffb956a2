"""Domains in letters and in ASCII: one domain, one form, and two domains never the same."""

import pytest

from moderation.domains import ascii_form, unicode_form


@pytest.mark.parametrize(
    ("letters", "plain"),
    [
        ("bücher.example", "xn--bcher-kva.example"),
        ("straße.de", "xn--strae-oqa.de"),
        ("strasse.de", "strasse.de"),
        ("例子.广告", "xn--fsqu00a.xn--4rr70v"),
        ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
        ("bu\u0308cher.example", "xn--bcher-kva.example"),
    ],
)
def test_a_domain_has_one_form_in_ascii_and_one_in_letters(letters, plain):
    assert ascii_form(letters) == ascii_form(plain) == ascii_form(plain.upper()) == plain
    assert unicode_form(plain) == unicode_form(letters)
    assert ascii_form(unicode_form(plain)) == plain


def test_full_width_letters_and_dots_are_those_of_everybody():
    assert ascii_form("ｅｘａｍｐｌｅ。ｏｒｇ") == "example.org"
    assert unicode_form("EXAMPLE.org") == "example.org"


@pytest.mark.parametrize(
    "odd", ["", ".", "a b", "☃.example", "ü" * 80 + ".example", "ü" * 300, "xn--a.example", "\ud800.example"]
)
def test_what_can_be_no_domain_stays_what_it_is(odd):
    assert ascii_form(odd) == odd
    assert unicode_form(odd) == odd
