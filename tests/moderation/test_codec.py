"""What is kept is what is read: records survive the packing, whatever they hold."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from moderation.records import (
    ATTRIBUTES,
    Before,
    Decision,
    DecisionKind,
    DecisionReason,
    Outcome,
    Reason,
    Signal,
    Status,
    Verdict,
    Word,
)
from moderation.store import codec

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
SHARE = st.integers(0, 10_000).map(lambda n: n / 10_000)
FACTS = st.lists(st.one_of(st.integers(-(2**50), 2**50), TEXT), max_size=3).map(tuple)
WORDS = st.builds(
    Word,
    begin=st.integers(0, 20_000),
    end=st.integers(0, 20_000),
    weight=st.integers(-50_000, 50_000).map(lambda n: n / 1000),
    feature=TEXT,
)
SIGNALS = st.one_of(
    st.builds(
        Signal,
        name=TEXT,
        score=SHARE,
        reason=st.sampled_from(Reason),
        facts=FACTS,
        words=st.lists(WORDS, max_size=3).map(tuple),
        hard=st.booleans(),
    ),
    st.builds(Signal, name=TEXT, score=SHARE, facts=FACTS),
)
SCORES = st.one_of(st.just({}), st.fixed_dictionaries(dict.fromkeys(ATTRIBUTES, SHARE)))
VERDICTS = st.builds(
    Verdict,
    outcome=st.sampled_from(Outcome),
    reasons=st.lists(st.sampled_from(Reason), max_size=4).map(tuple),
    score=SHARE,
    signals=st.lists(SIGNALS, max_size=5).map(tuple),
    scores=SCORES,
    models=st.lists(TEXT, max_size=2).map(tuple),
    policy=st.integers(0, 10_000),
    lang=TEXT,
    degraded=st.booleans(),
    watched=st.booleans(),
    would=st.one_of(st.none(), st.sampled_from(Outcome)),
    shadow=SCORES,
    blatant=st.booleans(),
)
DECISIONS = st.builds(
    Decision,
    decision=st.sampled_from(DecisionKind),
    by=TEXT,
    at=TEXT,
    reason=st.one_of(st.none(), st.sampled_from(DecisionReason)),
    note=TEXT,
    learn=st.booleans(),
    name=TEXT,
    version=st.integers(0, 1000),
)


@given(VERDICTS)
def test_a_verdict_is_read_as_it_was_given(verdict: Verdict) -> None:
    assert codec.decode_verdict(codec.encode_verdict(verdict)) == verdict


@given(
    document=st.builds(
        codec.Document,
        *[TEXT] * 14,
        edits=st.integers(0, 1000),
        fingerprint=TEXT,
        first_text=TEXT,
        first_published=st.booleans(),
    ),
    verdict=VERDICTS,
    decision=DECISIONS,
    before=st.builds(
        Before,
        status=st.sampled_from(Status),
        since=st.integers(0, 2**52),
        reasons=st.lists(TEXT, max_size=3).map(tuple),
        reports=st.integers(0, 1000),
        escalated=TEXT,
        decision=st.one_of(st.none(), DECISIONS),
        report_reason=TEXT,
        label=st.binary(max_size=50),
        edits=st.integers(0, 1000),
    ),
)
def test_a_comment_is_read_as_it_was_kept(
    document: codec.Document, verdict: Verdict, decision: Decision, before: Before
) -> None:
    fields = {
        b"doc": codec.encode_document(document),
        b"exp": codec.encode_verdict(verdict),
        b"dec": codec.encode_decision(decision),
        b"was": codec.encode_before(before),
        b"st": b"pending",
        b"ver": b"7",
        b"at": b"1700000000123456",
        b"pst": b"approved",
        b"pv": b"6",
    }
    stored = codec.decode_stored("news", "news-1", fields)
    for name in codec.Document.__struct_fields__:
        kept = stored.thread.id if name == "thread" else getattr(stored, name)
        assert kept == getattr(document, name), name
    assert (stored.verdict, stored.decision, stored.before) == (verdict, decision, before)
    assert (stored.status, stored.version, stored.previous, stored.previous_version) == ("pending", 7, "approved", 6)
    assert stored.received_at == "2023-11-14T22:13:20.123Z"


def test_what_an_older_writer_left_out_takes_its_default() -> None:
    kept = msgspec.msgpack.encode(["approve", [], 0, [], [], [], 1, "en", 0])
    assert codec.decode_verdict(kept) == Verdict(outcome=Outcome.APPROVE, policy=1, lang="en")
    document = codec.decode_document(msgspec.msgpack.encode([""] * 14 + [2, ""]))
    assert (document.edits, document.first_text, document.first_published) == (2, "", False)
    fields = {
        b"doc": codec.encode_document(document),
        b"st": b"approved",
        b"ver": b"3",
        b"at": b"1700000000123456",
        b"was": msgspec.msgpack.encode(["pending", 17, ["reported"], 1, "Bea: look", None]),
    }
    before = codec.decode_stored("news", "news-1", fields).before
    assert before == Before(Status.PENDING, 17, ("reported",), 1, "Bea: look")
