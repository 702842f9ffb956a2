"""The catalogue: English is complete, the others hold what a reader sees, and the right one is chosen."""

import string

import pytest

from moderation import messages
from moderation.messages import LANGUAGES, choose_language, message

FORM = (
    "text.missing", "text.too_long", "name.missing", "name.too_long", "name.hidden_characters", "email.missing", "email.invalid",
    "email.too_long", "email.hidden_characters", "url.invalid", "any.too_long", "any.nul", "comment.approved", "comment.pending",
)  # fmt: skip


def placeholders(template: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(template) if field}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_language_has_the_forms_messages(lang):
    assert set(FORM) <= set(messages._CATALOGUES[lang])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_language_says_what_english_does_not_and_all_use_the_same_facts(lang):
    for code, template in messages._CATALOGUES[lang].items():
        assert placeholders(template) == placeholders(messages._CATALOGUES["en"][code]), code


def test_a_message_fills_in_its_facts_and_never_reads_them_as_a_template():
    assert message("text.too_long", "en", length=7, limit=5).endswith("it has 7 characters, at most 5 are allowed.")
    assert "{limit}" in message("any.unknown_field", "en", field="{limit}")


def test_a_language_without_the_message_says_it_in_english_and_an_unknown_code_is_itself():
    assert message("detail.honeypot.clear", "de") == "the hidden field is empty"
    assert message("nothing.such") == "nothing.such"


@pytest.mark.parametrize(
    ("wish", "accept", "site", "chosen"),
    [
        ("de-AT", "fr", "es", "de"),
        ("uk_UA", "", "", "uk"),
        ("nl", "fr-CH, fr;q=0.9, en;q=0.8", "es", "fr"),
        ("", "nl, en;q=0.2, de;q=0.7", "es", "de"),
        ("", "nl", "es-MX", "es"),
        ("", "*", "xx", "en"),
        ("", ";;;q=,,,=5;q=9", "uk", "uk"),
        ("", "de;q=0", "fr", "fr"),
        ("", "a," * 10_000, "", "en"),
    ],
)
def test_the_comment_chooses_then_the_browser_then_the_site(wish, accept, site, chosen):
    assert choose_language(wish, accept=accept, site=site) == chosen
