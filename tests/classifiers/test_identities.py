"""The swap sentences are many, balanced, and never the same in both halves."""

from collections import Counter

import pytest

from classifiers.identities import LEARNED_FROM, as_dataset, civil_in_turn, identity_terms, languages, sentences

EXPECTED = {"ar", "de", "en", "es", "fr", "hi", "it", "ja", "ko", "nl", "pl", "pt", "ru", "tr", "uk", "zh"}


def test_there_are_sentences_in_every_language_we_train() -> None:
    assert set(languages()) == EXPECTED


@pytest.mark.parametrize("lang", sorted(EXPECTED))
def test_fifty_identities_stand_in_forty_templates(lang: str) -> None:
    both = [*sentences("train", (lang,)), *sentences("heldout", (lang,))]
    assert len({sentence.identity for sentence in both}) >= 50
    assert len({sentence.template for sentence in both}) >= 40
    assert {sentence.tone for sentence in both} == {"civil", "hostile", "insulting"}


def test_in_english_forty_templates_are_held_out() -> None:
    assert len({sentence.template for sentence in sentences("heldout", ("en",))}) >= 40


@pytest.mark.parametrize("lang", sorted(EXPECTED))
def test_no_template_is_learned_from_and_measured_on(lang: str) -> None:
    learned = {sentence.template for sentence in sentences("train", (lang,))}
    assert not learned & {sentence.template for sentence in sentences("heldout", (lang,))}


def test_no_sentence_keeps_a_gap_or_an_article_that_does_not_fit() -> None:
    for sentence in sentences("train") + sentences("heldout"):
        assert "{" not in sentence.text
        if sentence.lang == "en":
            assert " a African" not in sentence.text
            assert " a Irish" not in sentence.text
    assert any("an Irish teacher" in sentence.text for sentence in sentences("heldout", ("en",)))


def test_rows_carry_the_labels_of_their_tone() -> None:
    dataset = as_dataset("heldout", ("en",))
    tones = {phenomenon: dataset.phenomenon.index(phenomenon) for phenomenon in set(dataset.phenomenon)}
    assert dataset.column("toxicity")[tones["identity_civil"]] == 0
    assert dataset.column("identity_attack")[tones["identity_hostile"]] == 1
    assert dataset.column("identity_attack")[tones["identity_insulting"]] == 0
    assert dataset.column("insult")[tones["identity_insulting"]] == 1


def test_thresholds_are_evened_out_on_every_group_in_civil_templates_that_may_be_learned_from() -> None:
    found = civil_in_turn()
    learned = {(sentence.lang, sentence.template) for sentence in sentences("train") if sentence.tone == "civil"}
    templates = {(sentence.lang, sentence.template) for sentence in found}
    assert templates <= learned
    assert all(28 <= times <= 65 for times in Counter(lang for lang, _ in templates).values())
    groups = {(sentence.lang, sentence.identity) for sentence in sentences("train")}
    assert {(sentence.lang, sentence.identity) for sentence in found} == groups


def test_terms_are_named_by_kind() -> None:
    terms = identity_terms("en")
    assert "muslims" in terms["religion"]
    assert set(terms) == {"religion", "origin", "gender", "ability", "age", "status"}


def test_a_template_is_learned_from_with_a_few_groups_and_no_group_is_left_out() -> None:
    dataset = as_dataset("train", ("ru",))
    times = Counter(zip(dataset.phenomenon, dataset.pair, strict=True))
    assert set(times.values()) == {LEARNED_FROM}
    named = [sentence for sentence in sentences("train", ("ru",)) if sentence.text in set(dataset.text)]
    assert {sentence.identity for sentence in named} == {sentence.identity for sentence in sentences("train", ("ru",))}


@pytest.mark.parametrize("lang", sorted(EXPECTED))
def test_thirty_hostile_and_thirty_civil_templates_are_held_out_in_every_language(lang: str) -> None:
    tones = Counter(sentence.tone for sentence in {s.template: s for s in sentences("heldout", (lang,))}.values())
    assert tones["hostile"] >= 30
    assert tones["civil"] >= 30
