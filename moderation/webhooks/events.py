"""Events: what of the ledger a site hears of, and how it is written and signed (Standard Webhooks).

An event says what happened (`type`, `status`, `version`, `decision`) as the ledger has it, so that it reads the same
each time it is sent; what else is told of the comment is read when it is sent. Never a text, a name, an e-mail address,
a network address, or who the moderator was.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from standardwebhooks import Webhook as Signer

from moderation.records import Site, Stored, Webhook
from moderation.store.deliveries import Delivery, Event, Planned
from moderation.store.ledger import Entry

JUDGED = "comment.judged"
ERASED = "comment.erased"
QUEUE_WAITING = "queue.waiting"
TEST = "webhook.test"
TYPES = (JUDGED, "comment.approved", "comment.rejected", "comment.pending", ERASED, QUEUE_WAITING)
"""What a webhook may ask for."""

_CHANGES = frozenset(("case.decided", "case.undone", "comment.edited", "comment.rescored", "comment.reported"))
_EMBARGO_MARGIN_MS = 1_000
"""A decision leaves a moment after its embargo, so that an undo in its last moment is on record by then."""
_LONGEST = {"title": 300, "url": 2_000, "external_id": 500}


def planned(webhook: Webhook, entries: Sequence[Entry], now: int) -> list[Planned]:
    """Say which deliveries some ledger entries make for a webhook; one from before the clock went back is due now (ms)."""
    out = []
    for entry in entries:
        event = event_of(entry)
        if event and wants(webhook, event.type):
            wait = entry.line.get("wait")
            due = min(int(entry.id.partition("-")[0]), now)
            if isinstance(wait, int | float) and wait > 0:
                due += round(wait * 1000) + _EMBARGO_MARGIN_MS
            out.append(Planned(f"{webhook.id}-{entry.id}", event, due))
    return out


def wants(webhook: Webhook, type_: str) -> bool:
    """Say whether a webhook asked for this kind of event; one that named none hears all."""
    return not webhook.events or type_ in webhook.events


def event_of(entry: Entry) -> Event | None:
    """Say what the site hears of a ledger entry; None where it concerns nobody outside."""
    line = entry.line
    kind, status = str(line.get("e", "")), str(line.get("s", ""))
    if kind in (JUDGED, ERASED):
        type_ = kind
    elif kind in _CHANGES and not line.get("untold"):
        if kind == "comment.reported" and status != "pending":
            return None  # it hid nothing, or what is rejected and not told yet
        type_ = f"comment.{status}"
    else:
        return None
    decision = None
    if kind == "case.decided":
        reason = line.get("reason")
        decision = {"decision": str(line.get("d", "")), "reason": str(reason) if reason else None, "at": entry.at}
    version = line.get("v")
    return Event(
        type=type_,
        at=entry.at,
        comment=str(line.get("c", "")),
        version=version if isinstance(version, int) else 0,
        status=status,
        decision=decision,
        embargoed=bool(line.get("wait")),
    )


def waiting(site: Site, at: str, count: int, since: str) -> Event:
    """Say that the queue of a site has waited longer than it wants."""
    minutes = site.policy.wait_warning_minutes
    return Event(type=QUEUE_WAITING, at=at, facts={"waiting": count, "oldest": since, "warning_minutes": minutes})


def body_of(site_id: str, event: Event, stored: Stored | None) -> bytes:
    """Write an event. `stored` is the comment as it is now, None where it is gone."""
    data: dict[str, Any] = {"site": site_id, **event.facts}
    if event.comment:
        data |= {
            "id": event.comment,
            "external_id": None,
            "status": event.status,
            "version": event.version,
            "verdict": None,
            "reasons": [],
            "decision": event.decision,
            "thread": None,
        }
    if event.comment and stored and event.type != ERASED:
        verdict, thread = stored.verdict, stored.thread
        data |= {
            "external_id": _clip("external_id", stored.external_id) or None,
            "verdict": verdict.outcome.value if verdict else None,
            "reasons": [reason.value for reason in verdict.reasons] if verdict else [],
            "thread": {"url": _clip("url", thread.url), "title": _clip("title", thread.title)} if thread.url else None,
        }
    return msgspec.json.encode({"type": event.type, "timestamp": event.at, "data": data})


def headers_of(webhook: Webhook, message_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """Sign a body with every secret of a webhook, so that a receiver may change over while both are good. `now` in UTC."""
    text = body.decode()
    signatures = [Signer(secret).sign(message_id, now, text) for secret in webhook.secrets]
    return {
        "Content-Type": "application/json",
        "User-Agent": "comment-moderation-webhooks",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def overtaken(delivery: Delivery, stored: Stored | None) -> bool:
    """Say whether a decision that waited for its embargo to end was taken back, or replaced, before it did."""
    if not delivery.event.embargoed or delivery.tries:
        return False
    if stored is None or stored.decision is None:
        return True
    # the comment moves on also by what a site never hears of, while the decision stands; one from before this was
    # written down has no version of its own
    return (stored.decision.version or stored.version) != delivery.event.version


def undoable_until(stored: Stored | None) -> int:
    """Say until when (ms) a comment's last decision can be undone unheard; 0 where it is told, or there is none."""
    return stored.embargo // 1000 + _EMBARGO_MARGIN_MS if stored and stored.embargo else 0


def new_secret() -> str:
    """Make a secret of 32 bytes, written as Standard Webhooks writes it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def _clip(name: str, text: str) -> str:
    return text[: _LONGEST[name]]
