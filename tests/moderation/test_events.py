"""Events: what of the ledger a site hears, how it is written and signed, and that no person stands in it."""

from datetime import UTC, datetime

import msgspec
import pytest
from standardwebhooks import Webhook as Verifier

from moderation.records import Decision, DecisionKind, Outcome, Reason, Site, Stored, Thread, Verdict, Webhook
from moderation.store.deliveries import Delivery, Event
from moderation.store.ledger import Entry
from moderation.webhooks import events

HOOK = Webhook(id="w1", site="news", url="https://a.example", secrets=(events.new_secret(),))


def entry(kind: str, at: int = 1_000, **line: object) -> Entry:
    return Entry(f"{at}-0", "2026-01-01T00:00:00Z", {"e": kind, "c": "news-1", "s": "approved", "v": 2, **line}, "hash")


@pytest.mark.parametrize(
    ("kind", "line", "told"),
    [
        ("comment.judged", {}, "comment.judged"),
        ("comment.erased", {}, "comment.erased"),
        ("case.decided", {"s": "rejected"}, "comment.rejected"),
        ("case.undone", {"s": "pending"}, "comment.pending"),
        ("comment.edited", {}, "comment.approved"),
        ("comment.reported", {"s": "pending"}, "comment.pending"),
        ("comment.reported", {"s": "approved"}, None),
        ("case.undone", {"untold": True}, None),
        ("comment.purged", {}, None),
        ("webhook.added", {}, None),
        ("site.changed", {}, None),
    ],
)
def test_a_site_hears_of_what_changed_for_its_pages_and_of_nothing_else(
    kind: str, line: dict, told: str | None
) -> None:
    event = events.event_of(entry(kind, **line))
    assert (event.type if event else None) == told


def test_a_webhook_that_named_none_hears_all_kinds() -> None:
    assert all(events.wants(HOOK, kind) for kind in events.TYPES)
    some = msgspec.structs.replace(HOOK, events=("comment.erased",))
    assert [kind for kind in events.TYPES if events.wants(some, kind)] == ["comment.erased"]


def test_a_decision_is_due_a_moment_after_its_embargo_and_what_lies_in_the_future_is_due_now() -> None:
    entries = [entry("case.decided", 1_000, wait=2.5), entry("comment.judged", 9_000), entry("webhook.added")]
    planned = events.planned(HOOK, entries, now=5_000)
    assert [(one.id, one.due) for one in planned] == [("w1-1000-0", 4_500), ("w1-9000-0", 5_000)]
    assert [one.event.embargoed for one in planned] == [True, False]


@pytest.mark.parametrize(
    ("decided_at", "version", "overtaken"),
    [(2, 2, False), (2, 5, False), (4, 5, True), (0, 2, False), (0, 5, True), (None, 5, True)],
    ids=["stands", "stands after moves", "replaced", "stands, of old", "moved on, of old", "taken back"],
)
def test_a_decision_is_overtaken_where_it_no_longer_stands_and_one_of_old_where_its_version_does_not(
    decided_at: int | None, version: int, overtaken: bool
) -> None:
    """Version 0 is a decision that was stored before it had one."""
    event = Event(type="comment.approved", at="", comment="news-1", version=2, embargoed=True)
    delivery = Delivery(id="w1-1", site="news", webhook="w1", event=event, state="waiting", tries=0, first_due=0, due=0)
    made = None
    if decided_at is not None:
        made = Decision(decision=DecisionKind.APPROVE, by="m1", at="", version=decided_at)
    stored = Stored(id="news-1", site="news", text="t", name="n", author="a", version=version, decision=made)
    assert events.overtaken(delivery, stored) is overtaken
    assert events.overtaken(delivery, None)
    assert not events.overtaken(msgspec.structs.replace(delivery, tries=1), None)


def test_an_event_names_no_person_and_quotes_no_text() -> None:
    stored = Stored(
        id="news-1", site="news", text="A text", name="Ann Lee", author="digest", address="prefix", user_agent="Browser",
        url="https://ann.example", external_id="x" * 900, thread=Thread("https://news.example/a", "T" * 900),
        verdict=Verdict(outcome=Outcome.HOLD, reasons=(Reason.SPAM,)),
    )  # fmt: skip
    event = events.event_of(entry("case.decided", d="approve", reason="other", by="m1", name="Mo", note="private"))
    body = events.body_of("news", event, stored)
    assert not [
        word for word in (b"Ann", b"A text", b"digest", b"prefix", b"Browser", b"m1", b"Mo", b"private") if word in body
    ]
    data = msgspec.json.decode(body)["data"]
    assert (data["reasons"], data["verdict"], data["decision"]["decision"]) == (["spam"], "hold", "approve")
    assert (len(data["external_id"]), len(data["thread"]["title"])) == (500, 300)
    gone = msgspec.json.decode(events.body_of("news", event, None))["data"]
    assert (gone["id"], gone["status"], gone["verdict"], gone["thread"]) == ("news-1", "approved", None, None)
    erased = events.event_of(entry("comment.erased"))
    assert events.body_of("news", erased, stored) == events.body_of("news", erased, None)


def test_every_secret_signs_and_each_is_new() -> None:
    both = msgspec.structs.replace(HOOK, secrets=(events.new_secret(), HOOK.secrets[0]))
    body = events.body_of("news", Event(type=events.TEST, at="2026-01-01T00:00:00Z"), None)
    headers = events.headers_of(both, "m1", body, datetime.now(UTC))
    for secret in both.secrets:
        Verifier(secret).verify(body, headers)
    assert len({*both.secrets, events.new_secret()}) == 3


def test_a_queue_that_waits_is_told_with_its_bound() -> None:
    told = msgspec.json.decode(events.body_of("news", events.waiting(Site(id="news"), "now", 5, "then"), None))
    assert told["data"] == {"site": "news", "waiting": 5, "oldest": "then", "warning_minutes": 120}
