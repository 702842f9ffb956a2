"""How a comment lies in Redis: msgpack arrays without field names, since memory is what a store of comments costs.

A document is what was written, an explanation is the verdict with all it rests on. Scores are kept in ten-thousandths,
word weights in thousandths. New fields are appended at the end; what an older writer left out takes its default.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping

import msgspec

from moderation.records import (
    ATTRIBUTES,
    Before,
    Decision,
    Outcome,
    Reason,
    Signal,
    Status,
    Stored,
    Thread,
    Verdict,
    Word,
)


class Document(msgspec.Struct, frozen=True, array_like=True):
    """What was written, as it is kept."""

    text: str
    name: str
    author: str
    address: str
    url: str
    thread: str
    """The digest of the page's url; url and title are kept once for each page."""
    parent_id: str
    user_agent: str
    referrer: str
    lang: str
    external_id: str
    submitted_at: str
    channel: str
    sealed: str
    edits: int
    fingerprint: str
    first_text: str = ""
    first_published: bool = False


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    outcome: str
    reasons: tuple[str, ...]
    score: int
    signals: tuple[tuple[object, ...], ...]
    scores: tuple[int, ...]
    models: tuple[str, ...]
    policy: int
    lang: str
    flags: int
    would: str = ""
    shadow: tuple[int, ...] = ()


_DEGRADED, _WATCHED, _BLATANT = 1, 2, 4

_encode = msgspec.msgpack.Encoder().encode
_document = msgspec.msgpack.Decoder(Document)
_kept = msgspec.msgpack.Decoder(_Kept)
_decision = msgspec.msgpack.Decoder(Decision)
_before = msgspec.msgpack.Decoder(Before)

encode_document = _encode
decode_document = _document.decode
encode_decision = _encode
decode_decision = _decision.decode
encode_before = _encode


def _signal(signal: Signal) -> tuple[object, ...]:
    if signal.words:
        score = round(signal.score * 10_000)
        words = [(word.begin, word.end, round(word.weight * 1000), word.feature) for word in signal.words]
        return (signal.name, score, signal.reason, signal.hard, signal.facts, words)
    name, facts, kept = signal.name, signal.facts, round(signal.score * 10_000)
    if signal.reason is Reason.CLEAR and not signal.hard:
        return (name, kept, facts) if facts else (name, kept)
    return (name, kept, signal.reason, signal.hard, facts)


@functools.lru_cache(maxsize=4_096)
def _quiet_signal(signal: Signal) -> msgspec.Raw:
    """Pack a signal that saw nothing; most of those of most comments are the same."""
    return msgspec.Raw(_encode(_signal(signal)))


def _read_signal(kept: tuple[object, ...]) -> Signal:
    name, score = str(kept[0]), float(kept[1]) / 10_000  # type: ignore[arg-type]
    if len(kept) < 4:
        facts = tuple(kept[2]) if len(kept) == 3 else ()  # type: ignore[arg-type]
        return Signal(name, score, facts=facts)
    words = ()
    if len(kept) == 6:
        words = tuple(Word(begin, end, weight / 1000, feature) for begin, end, weight, feature in kept[5])  # type: ignore
    return Signal(name, score, Reason(str(kept[2])), tuple(kept[4]), words, bool(kept[3]))  # type: ignore[arg-type]


def _shares(scores: Mapping[str, float]) -> tuple[int, ...]:
    return tuple([int(scores.get(name, -1) * 10_000 + 0.5) for name in ATTRIBUTES]) if scores else ()


def _read_shares(kept: tuple[int, ...]) -> dict[str, float]:
    return {name: share / 10_000 for name, share in zip(ATTRIBUTES, kept, strict=False) if share >= 0}


def encode_verdict(verdict: Verdict) -> bytes:
    """Pack a verdict; about 250 bytes with word contributions."""
    flags = verdict.degraded * _DEGRADED | verdict.watched * _WATCHED | verdict.blatant * _BLATANT
    return _encode(
        (
            verdict.outcome,
            verdict.reasons,
            round(verdict.score * 10_000),
            [_signal(signal) if signal.score else _quiet_signal(signal) for signal in verdict.signals],
            _shares(verdict.scores),
            verdict.models,
            verdict.policy,
            verdict.lang,
            flags,
            verdict.would or "",
            _shares(verdict.shadow),
        )
    )


def decode_verdict(kept: bytes) -> Verdict:
    """Unpack a verdict as it was given."""
    read = _kept.decode(kept)
    return Verdict(
        outcome=Outcome(read.outcome),
        reasons=tuple(Reason(reason) for reason in read.reasons),
        score=read.score / 10_000,
        signals=tuple(_read_signal(signal) for signal in read.signals),
        scores=_read_shares(read.scores),
        models=read.models,
        policy=read.policy,
        lang=read.lang,
        degraded=bool(read.flags & _DEGRADED),
        watched=bool(read.flags & _WATCHED),
        would=Outcome(read.would) if read.would else None,
        shadow=_read_shares(read.shadow),
        blatant=bool(read.flags & _BLATANT),
    )


def decode_stored(site: str, comment_id: str, fields: Mapping[bytes, bytes]) -> Stored:
    """Build the record from the fields of its hash. Its thread's url is filled in by the store."""
    document = decode_document(fields[b"doc"])
    decision = fields.get(b"dec")
    at = int(fields[b"at"])
    return Stored(
        id=comment_id,
        site=site,
        text=document.text,
        name=document.name,
        author=document.author,
        address=document.address,
        url=document.url,
        thread=Thread(id=document.thread),
        parent_id=document.parent_id,
        user_agent=document.user_agent,
        referrer=document.referrer,
        lang=document.lang,
        external_id=document.external_id,
        submitted_at=document.submitted_at,
        received_at=moment(at),
        channel=document.channel,
        sealed=document.sealed,
        edits=document.edits,
        status=Status(fields[b"st"].decode()),
        version=int(fields[b"ver"]),
        verdict=decode_verdict(fields[b"exp"]) if b"exp" in fields else None,
        decision=decode_decision(decision) if decision else None,
        reports=int(fields.get(b"rep", 0)),
        report_reason=fields.get(b"rr", b"").decode(),
        changed=int(fields.get(b"ch", at)),
        embargo=int(fields.get(b"emb", 0)),
        previous=Status(fields[b"pst"].decode()) if b"pst" in fields else None,
        previous_version=int(fields.get(b"pv", 0)),
        fingerprint=document.fingerprint,
        escalated=fields.get(b"esc", b"").decode(),
        waiting_since=at,
        before=_before.decode(fields[b"was"]) if b"was" in fields else None,
        first_text=document.first_text,
        first_published=document.first_published,
        waits_for=fields.get(b"qr", b"").decode(),
    )


def moment(stamp: int) -> str:
    """Write a stamp (microseconds) as RFC 3339 in UTC."""
    seconds, micros = divmod(stamp, 1_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{micros // 1000:03d}Z"
