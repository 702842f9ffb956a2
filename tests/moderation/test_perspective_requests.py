"""Perspective's requests: read as its own servers did, and every fault of a client is its own, told in Google's words."""

import json

import pytest

from moderation.api.google_errors import Malformed, Refused
from moderation.api.perspective_requests import (
    ATTRIBUTES,
    MAX_TEXT_BYTES,
    MOST_SENTENCES,
    read_analysis,
    read_suggestion,
    sentences,
)
from moderation.errors import BodyInvalid
from moderation.records import ATTRIBUTES as SCORES


def asked(**fields: object) -> bytes:
    given = {"comment": {"text": "You are kind."}, "requestedAttributes": {"TOXICITY": {}}}
    return json.dumps({**given, **fields}).encode()


def told(value: object, **fields: object) -> bytes:
    scores = {"TOXICITY": {"summaryScore": {"value": value}}}
    return json.dumps({"comment": {"text": "x"}, "attributeScores": scores, **fields}).encode()


def test_every_attribute_is_one_of_our_scores() -> None:
    assert set(ATTRIBUTES.values()) == set(SCORES)


def test_camel_case_and_snake_case_say_the_same_and_null_says_nothing() -> None:
    camel = asked(spanAnnotations=True, clientToken="t", languages=["en", ""], doNotStore=True, strange={"a": [1]})
    snake = json.dumps(
        {
            "comment": {"text": "You are kind.", "type": None}, "requested_attributes": {"TOXICITY": None},
            "span_annotations": "true", "client_token": "t", "languages": ["en"], "context": None,
        }
    ).encode()  # fmt: skip
    assert read_analysis(camel) == read_analysis(snake)
    assert read_analysis(camel).spans
    assert read_analysis(asked(languages=None)).languages == ()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (asked(comment={"text": " \n"}), "COMMENT_EMPTY"),
        (asked(comment={}), "COMMENT_EMPTY"),
        (asked(comment={"text": "\u00e9" * (MAX_TEXT_BYTES // 2 + 1)}), "COMMENT_TOO_LONG"),
        (asked(comment={"text": "x", "type": "HTML"}), "INVALID_REQUEST"),
        (asked(requestedAttributes={}), "NO_REQUESTED_ATTRIBUTES"),
        (asked(requestedAttributes={"KINDNESS": {}}), "INVALID_REQUEST"),
        (asked(requestedAttributes={"TOXICITY": {"scoreType": "RANK"}}), "INVALID_REQUEST"),
        (asked(context={"entries": [{}], "article_and_parent_comment": {"article": {}}}), "INVALID_REQUEST"),
    ],
)
def test_what_the_analyzer_does_not_take_is_refused_by_its_name(body: bytes, kind: str) -> None:
    with pytest.raises(Refused) as refused:
        read_analysis(body)
    assert refused.value.error_type == kind


@pytest.mark.parametrize(
    "value", ["soon", [1], "nan", 10**400, -(10**4000)], ids=str.__name__ and (lambda value: str(value)[:6])
)
def test_a_number_that_is_none_is_the_clients_fault_also_where_it_is_too_large_for_any_score(value: object) -> None:
    with pytest.raises(Malformed, match="scoreThreshold"):
        read_analysis(asked(requestedAttributes={"TOXICITY": {"scoreThreshold": value}}))
    with pytest.raises(Malformed, match="value"):
        read_suggestion(told(value))


@pytest.mark.parametrize("value", [-0.01, 1.01, 1e308, "Infinity"])
def test_a_suggested_score_lies_between_0_and_1(value: object) -> None:
    with pytest.raises(Refused, match="from 0 to 1"):
        read_suggestion(told(value))
    assert read_suggestion(told("0.5")).values == read_suggestion(told(0.5)).values == {"toxicity": 0.5}


@pytest.mark.parametrize(
    "fields",
    [{"comment": "text"}, {"languages": "en"}, {"languages": [1]}, {"languages": ["en"] * 51}, {"spanAnnotations": 1}],
)
def test_a_field_of_another_type_is_named(fields: dict[str, object]) -> None:
    with pytest.raises(Malformed) as refused:
        read_analysis(asked(**fields))
    assert refused.value.field == next(iter(fields))


@pytest.mark.parametrize(
    ("body", "error"), [(b"{", Malformed), (b"[]", Malformed), (b"[" * 10_000, BodyInvalid), (b"\xff", Malformed)]
)
def test_what_is_no_object_is_refused(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        read_analysis(body)


def test_half_a_surrogate_pair_is_replaced_wherever_it_stands() -> None:
    body = b'{"comment":{"text":"a\\ud83d"},"requestedAttributes":{"TOXICITY":{}},"clientToken":"\\ud83d","languages":["\\ud83d"]}'
    found = read_analysis(body)
    assert (found.text, found.client_token, found.languages) == ("a?", "?", ("?",))


def test_names_that_a_client_may_choose_are_kept_short() -> None:
    found = read_suggestion(told(1, communityId="c" * 900, clientToken="t" * 900))
    assert (len(found.community), len(found.client_token)) == (500, 500)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two!  Three?", ["One.", "Two!", "Three?"]),
        ("Version 1.5 is out", ["Version 1.5 is out"]),
        ('He said "no." Then left', ['He said "no."', "Then left"]),
        ("\u4f60\u597d\u3002\u518d\u89c1", ["\u4f60\u597d\u3002", "\u518d\u89c1"]),
        ("  a\n\nb  ", ["a", "b"]),
        ("...", ["..."]),
        (" \n ", []),
    ],
)
def test_sentences_are_told_without_the_blanks_around_them(text: str, parts: list[str]) -> None:
    assert [text[begin:end] for begin, end in sentences(text)] == parts


def test_of_very_many_sentences_the_last_span_holds_the_rest() -> None:
    text = "a. " * (3 * MOST_SENTENCES)
    found = sentences(text)
    assert len(found) == MOST_SENTENCES
    assert found[-1] == (3 * (MOST_SENTENCES - 1), len(text) - 1)
