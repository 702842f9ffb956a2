"""OpenAI's dialect: what is judged of an input, and categories that say true only where the site would hold the text."""

import json

import pytest

from moderation.api.openai import MOST_TEXTS, OPTIONAL, UNANSWERED, Unsupported, result, texts_of
from moderation.errors import BodyInvalid
from moderation.records import ATTRIBUTES, Outcome, Verdict

BARS = dict.fromkeys(("toxicity", "insult", "threat", "identity_attack"), 0.7)


def asked(given: object) -> bytes:
    return json.dumps({"input": given, "model": "any"}).encode()


def part(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        ("a text", ["a text"]),
        ("", [""]),
        (["one", "two"], ["one", "two"]),
        ([part("one"), part("two")], ["one\ntwo"]),
        (["x"] * MOST_TEXTS, ["x"] * MOST_TEXTS),
        ("half \ud83d", ["half ?"]),
        (["half \ud83d"], ["half ?"]),
    ],
)
def test_a_text_each_or_the_parts_of_one_thing(given: object, texts: list[str]) -> None:
    assert texts_of(asked(given)) == texts


@pytest.mark.parametrize(
    "given",
    [None, 5, {}, [], ["x"] * (MOST_TEXTS + 1), [1], ["x", part("y")], [{"type": "text"}], [{"type": "text", "text": 5}],
     [{"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}]],
)  # fmt: skip
def test_what_we_cannot_judge_is_refused_and_not_called_harmless(given: object) -> None:
    with pytest.raises(Unsupported):
        texts_of(asked(given))


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"\xff"])
def test_what_is_no_json_is_told_as_such(body: bytes) -> None:
    with pytest.raises(BodyInvalid):
        texts_of(body)


def judged(**scores: float):
    return result(Verdict(outcome=Outcome.APPROVE, scores=dict.fromkeys(ATTRIBUTES, 0.1) | scores), BARS)


def test_a_category_is_true_from_the_sites_threshold_on() -> None:
    assert judged(insult=0.7).categories["harassment"]
    assert judged(toxicity=0.7).categories["harassment"]
    assert not judged(insult=0.69).flagged
    found = judged(threat=0.8)
    assert found.categories["harassment/threatening"]
    assert found.flagged
    assert not found.categories["hate/threatening"], "a threat alone is no hate"
    both = judged(threat=0.9, identity_attack=0.8)
    assert both.categories["hate/threatening"]
    assert both.category_scores["hate/threatening"] == 0.8
    assert not result(Verdict(outcome=Outcome.APPROVE, scores=dict.fromkeys(ATTRIBUTES, 1.0)), {}).flagged


def test_of_a_category_without_a_score_nothing_is_claimed() -> None:
    found = judged(**dict.fromkeys(ATTRIBUTES, 1.0))
    assert {found.categories[name] for name in UNANSWERED} == {False}
    assert {found.categories[name] for name in OPTIONAL} == {None}
    for name in (*OPTIONAL, *UNANSWERED):
        assert (found.category_scores[name], found.category_applied_input_types[name]) == (0.0, [])
    assert len(found.categories) == len(found.category_scores) == len(found.category_applied_input_types) == 13
