"""A long comment is looked at in parts, so that harmless sentences around abuse hide it from nobody."""

import msgspec
import pytest

from classifiers.scorer import Part, bundled
from moderation.records import Comment, History, Outcome, Policy, Reason, Site, Verdict
from moderation.scoring.models import Models
from moderation.scoring.pipeline import Pipeline
from moderation.scoring.policy import judge

HARMLESS = (
    "We walked along the harbour after work and had a coffee by the water. The library has new chairs on the second floor "
    "and the bus to the market leaves twice an hour now. My neighbour planted tomatoes last spring and they did well. "
    "The concert on Saturday was moved to the school because of the rain. "
)
BAD = {
    "threat": "I know where you live and I will kill you and your family tonight.",
    "insult": "You are a fucking idiot and everybody here despises you, you stupid moron.",
    "spam": "Best casino bonus! Buy cheap viagra now at https://pills-casino.xyz/win",
}


def verdict(text: str, **about: object) -> Verdict:
    site = Site(id="demo", name="Demo", lang="en", policy=Policy())
    comment = Comment(id="1", site="demo", text=text, name="Ann")
    pipeline = Pipeline(Models(lambda: 0.0, bundled()))
    return judge(pipeline.examine([(site, comment, History(**about))])[0], site.policy)


def part_of(found: Verdict):
    return next((signal for signal in found.signals if signal.name == "part"), None)


@pytest.mark.parametrize("times", [2, 3, 5])
@pytest.mark.parametrize("kind", BAD)
def test_what_stands_among_much_that_is_harmless_is_held_and_shown(kind, times):
    text = HARMLESS * times + BAD[kind] + " " + HARMLESS * times
    found = verdict(text)
    assert found.outcome is Outcome.HOLD
    signal = part_of(found)
    if signal is not None:
        assert signal.reason in (Reason.TOXICITY, Reason.SPAM)
        marked = " ".join(text[word.begin : word.end] for word in signal.words)
        assert any(word in BAD[kind] for word in marked.split())


def test_harmless_comments_are_not_held_for_their_parts():
    assert part_of(verdict(HARMLESS * 4)) is None
    assert verdict(HARMLESS * 4).outcome is Outcome.APPROVE


def test_a_part_never_rejects():
    found = verdict(HARMLESS * 2 + BAD["spam"] + " " + HARMLESS * 2)
    assert found.outcome is Outcome.HOLD
    assert not found.blatant


def test_a_part_that_is_no_probability_is_none():
    class OddOnParts:
        """The bundled model, but for what it says of a part."""

        version, manifest = bundled().version, bundled().manifest

        def score(self, items, **how):
            found = bundled().score(items, **how)
            return [
                msgspec.structs.replace(one, part=Part(dict.fromkeys(one.values, float("nan")), one.part.words))
                for one in found
            ]

    comment = Comment(id="1", site="demo", text=HARMLESS + BAD["threat"] + " " + HARMLESS, name="Ann")
    (well,), _ = Models(lambda: 0.0, bundled()).score([comment])
    (found,), _ = Models(lambda: 0.0, OddOnParts()).score([comment])
    assert well.part
    assert found.scores == well.scores
    assert not found.part
    assert not found.degraded
