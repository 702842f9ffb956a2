"""Domains that imitate another one, and the many in other scripts that do not."""

import pytest

from moderation.scoring.lookalikes import imitated


@pytest.mark.parametrize(
    ("domain", "other"),
    [
        ("gmаil.com", "gmail.com"),
        ("GMАIL.com", "gmail.com"),
        ("xn--gmil-63d.com", "gmail.com"),
        ("XN--GMIL-63D.com", "gmail.com"),
        ("уаһоо.com", "yahoo.com"),
        ("mail.gооgle.example", "mail.google.example"),
        ("gmaıl.com", "gmail.com"),
        ("ɡmail.com", "gmail.com"),
        ("раypal.example", "paypal.example"),
    ],
)
def test_a_domain_in_the_letters_of_another_is_told_with_the_one_it_imitates(domain, other):
    assert imitated(domain) == other


@pytest.mark.parametrize(
    "domain",
    [
        "", "gmail.com", "gmx.de", "bücher.example", "straße.de", "пример.рф", "москва.com", "почта.рф", "例子.广告",
        "ελλάδα.gr", "ısparta.com.tr", "日本語.jp", "xn--bcher-kva.example", "xn--a.example", "café.fr", "한국.kr", "नमस्ते.भारत",
        "xn--" + "a" * 300, "ü" * 300,
    ],
)  # fmt: skip
def test_a_domain_of_another_language_imitates_none(domain):
    assert imitated(domain) == ""
