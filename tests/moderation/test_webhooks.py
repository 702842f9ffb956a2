"""Webhooks: signed, retried by the schedule, in order, and never to an address that is not public."""

import asyncio
import ipaddress
import itertools
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from moderation.errors import WebhookRefused
from moderation.moves import reported
from moderation.records import DecisionKind, DecisionReason, Outcome, Site, Webhook
from moderation.review import Ruling
from moderation.store.comments import Move
from moderation.store.connection import Connection
from moderation.store.leases import Leases
from moderation.webhooks import events, outside
from moderation.webhooks.courier import SCHEDULE, Courier
from moderation.webhooks.events import new_secret
from moderation.webhooks.outside import Outside
from tests.figures import tell
from tests.post_office import ANN, PostOffice, post_office
from tests.receivers import Receiver, certificate, drip, drop, flood, hang, in_turn, not_http, status

connected: list[object] = []
_hooked: list[bool] = []


@contextmanager
def connections_watched() -> Iterator[list[object]]:
    """Watch every connection that this process opens, whoever opens it, but those to loopback ports of receivers."""
    if not _hooked:
        _hooked.append(True)
        sys.addaudithook(lambda event, args: connected.append(args[1]) if event == "socket.connect" else None)
    connected.clear()
    yield connected


async def the_delivery(office: PostOffice, webhook_id: str):
    open_, ended = await office.book.deliveries(office.site, webhook_id, 10)
    return (open_ + ended)[0]


def attempts_counted(office: PostOffice) -> dict[str, float]:
    lines = office.telemetry.exposition()[0].decode().splitlines()
    counted = [line for line in lines if line.startswith("moderation_webhooks_delivered_total{")]
    return {line.split('"')[1]: float(line.rpartition(" ")[2]) for line in counted}


# what is sent ---------------------------------------------------------------------------------------


async def test_an_event_is_signed_and_says_what_the_site_may_know_and_nothing_of_people(connection: Connection):
    async with post_office(connection) as office, Receiver(status(200)) as receiver:
        webhook = await office.webhook(receiver.url)
        stored = await office.comment(external_id="wp-17")
        await office.decide(stored, DecisionKind.REJECT)
        assert await office.step() == 2

        judged, decided = receiver.got
        Verifier(webhook.secrets[0]).verify(decided.body, decided.headers)
        assert judged.event["type"] == "comment.judged"
        assert decided.event["type"] == "comment.rejected"
        data = decided.event["data"]
        assert data["id"] == stored.id
        assert data["external_id"] == "wp-17"
        assert (data["site"], data["status"], data["version"]) == ("news", "rejected", 2)
        assert (data["verdict"], data["reasons"]) == ("hold", ["spam"])
        assert data["decision"]["decision"] == "reject"
        assert data["decision"]["reason"] == "spam"
        assert data["thread"] == {"url": "https://news.example/a", "title": "An article"}
        assert judged.event["data"]["version"] == 1
        for private in (b"bea@example.org", b"Bea", b"Buy cheap", b"Ann", b"m1", b"private", b"author-1", b"address-1"):
            assert private not in decided.body


async def test_a_webhook_hears_only_the_events_it_asked_for(connection: Connection):
    async with post_office(connection) as office, Receiver(status(200)) as receiver:
        await office.webhook(receiver.url, "comment.approved")
        await office.decide(await office.comment())
        await office.decide(await office.comment(), DecisionKind.REJECT)
        await office.step()
        assert [one.event["type"] for one in receiver.got] == ["comment.approved"]


async def test_while_secrets_are_rotated_both_of_them_verify(connection: Connection):
    async with post_office(connection) as office, Receiver(status(200)) as receiver:
        webhook = await office.webhook(receiver.url)
        rotated = await office.book.rotate(office.site, "admin", webhook.id)
        await office.comment()
        await office.step()
        got = receiver.got[-1]
        for secret in (webhook.secrets[0], rotated.secrets[0]):
            Verifier(secret).verify(got.body, got.headers)

        await office.book.retire(office.site, "admin", webhook.id)
        await office.comment()
        await office.step()
        got = receiver.got[-1]
        Verifier(rotated.secrets[0]).verify(got.body, got.headers)
        with pytest.raises(WebhookVerificationError, match="No matching signature"):
            Verifier(webhook.secrets[0]).verify(got.body, got.headers)


def try_signatures(examples: int) -> int:
    """Sign so many bodies; each must be verified as it is, and refused with anything about it changed."""
    secret, now, count = new_secret(), datetime.now(UTC), 0
    webhook = Webhook(id="w1", site="news", url="https://receiver.example/", secrets=(secret,))

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True), st.text(max_size=80), st.text(min_size=1, max_size=5))
    def hold(id_: str, text: str, more: str) -> None:
        nonlocal count
        count += 1
        body = msgspec.json.encode(text)
        headers = {name.lower(): value for name, value in events.headers_of(webhook, id_, body, now).items()}
        Verifier(secret).verify(body, headers)
        for other in (body + more.encode(), more.encode() + body):
            with pytest.raises(WebhookVerificationError):
                Verifier(secret).verify(other, headers)
        for name in ("webhook-id", "webhook-timestamp"):
            with pytest.raises(WebhookVerificationError):
                Verifier(secret).verify(body, headers | {name: headers[name] + "1"})

    hold()
    return count


def test_whatever_is_signed_verifies_and_nothing_else_does():
    count = try_signatures(200)
    tell("C3 signatures, short", 5 * count, "0 counterexamples", "0 counterexamples")


@pytest.mark.long
@pytest.mark.timeout(900)
def test_whatever_is_signed_ten_thousand_times_verifies_and_nothing_else_does():
    count = try_signatures(2000)
    tell("C3 signatures", 5 * count, "0 counterexamples", "0 counterexamples")


def test_a_signature_that_leaves_the_body_out_is_found_out(monkeypatch):
    """The mutation: what is signed is the id and the time alone."""
    whole = events.headers_of
    monkeypatch.setattr(events, "headers_of", lambda webhook, id_, body, now: whole(webhook, id_, b"{}", now))
    with pytest.raises((WebhookVerificationError, pytest.fail.Exception)):
        try_signatures(20)


async def test_even_the_longest_page_and_title_make_a_small_payload(connection: Connection):
    async with post_office(connection) as office, Receiver(status(200)) as receiver:
        await office.webhook(receiver.url)
        stored = await office.comment(external_id="x" * 5_000)
        assert len(stored.external_id) == 5_000
        await office.step()
        assert len(receiver.got[0].body) < 20_000


async def test_an_erased_comment_is_told_by_its_id_alone(connection: Connection):
    async with post_office(connection) as office, Receiver(status(200)) as receiver:
        stored = await office.comment(Outcome.APPROVE, external_id="wp-1")
        webhook = await office.webhook(receiver.url)
        move = Move(event="comment.erased", status=None, by="", queue="leave", forget_label=True)
        await office.comments.move(stored, move, day="2026-01-01")
        await office.step()
        assert (await the_delivery(office, webhook.id)).state == "delivered"
        event = receiver.got[0].event
        assert event["type"] == "comment.erased"
        assert event["data"]["id"] == stored.id
        assert event["data"]["external_id"] is None


# receivers of every badness --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "state", "waits", "error"),
    [
        (status(200), "delivered", None, ""),
        (status(204), "delivered", None, ""),
        (status(301, "Location: http://169.254.169.254/latest/meta-data/"), "waiting", 5, "answered 301"),
        (status(302, "Location: http://127.0.0.1:1/"), "waiting", 5, "answered 302"),
        (status(307, "Location: https://[::1]/"), "waiting", 5, "answered 307"),
        (status(308, "Location: http://169.254.169.254/"), "waiting", 5, "answered 308"),
        (status(400), "waiting", 5, "answered 400"),
        (status(401), "waiting", 5, "answered 401"),
        (status(404), "waiting", 5, "answered 404"),
        (status(410), "disabled", None, "answered 410"),
        (status(429, "Retry-After: 77"), "waiting", 77, "answered 429"),
        (status(503, "Retry-After: 2"), "waiting", 5, "answered 503"),
        (status(503, "Retry-After: 99999999999"), "waiting", 86_400, "answered 503"),
        (status(503, "Retry-After: soon"), "waiting", 5, "answered 503"),
        (status(500), "waiting", 5, "answered 500"),
        (hang, "waiting", 5, "no answer in time"),
        (drip, "waiting", 5, "no answer in time"),
        (not_http, "waiting", 5, "the connection broke, or the answer is not HTTP"),
        (drop, "waiting", 5, "the connection broke, or the answer is not HTTP"),
    ],
)
async def test_a_receiver_of_any_kind_leaves_the_delivery_in_the_right_state(
    connection: Connection, answer, state, waits, error
):
    silent = error == "no answer in time"  # who answers may take its time, as on a busy machine
    async with post_office(connection, timeout=0.6 if silent else 20.0) as office, Receiver(answer) as receiver:
        webhook = await office.webhook(receiver.url)
        await office.comment()
        with connections_watched() as opened:
            began = time.monotonic()
            assert await office.step() == 1
            assert not silent or time.monotonic() - began < 3
        assert [place for place in opened if not isinstance(place, str)] == [("127.0.0.1", receiver.port)]
        delivery = await the_delivery(office, webhook.id)
        assert delivery.state == state
        assert delivery.attempts[0].error == error
        if waits:
            assert delivery.due == office.ms + waits * 1000
        assert len(receiver.got) == 1


async def test_of_a_reply_of_ten_megabytes_only_the_beginning_is_read(connection: Connection):
    async with post_office(connection) as office:
        receiver = Receiver(flood(lambda: receiver, 10 * 2**20))
        async with receiver:
            webhook = await office.webhook(receiver.url)
            await office.comment()
            await office.step()
            assert (await the_delivery(office, webhook.id)).state == "delivered"
            assert receiver.sent < 3 * 2**20


async def test_a_certificate_that_nobody_vouches_for_is_not_talked_to(connection: Connection, tmp_path):
    with certificate(tmp_path, "hooks.example") as (server, _):
        async with post_office(connection) as office, Receiver(status(200), server) as receiver:
            webhook = await office.webhook(receiver.url)
            await office.comment()
            await office.step()
            assert (await the_delivery(office, webhook.id)).attempts[0].error.startswith("TLS failed")
            assert receiver.got == []


async def test_the_name_is_kept_for_tls_and_host_though_the_connection_goes_to_an_address(tmp_path):
    asked = []

    async def resolve(host: str) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with certificate(tmp_path, "hooks.example") as (server, file):
        seen = []
        server.sni_callback = lambda _socket, name, _context: seen.append(name)
        trusting = ssl.create_default_context(cafile=file)
        outside = Outside(["hooks.example"], resolve=resolve, tls=trusting)
        async with Receiver(status(200), server) as receiver:
            answer = await outside.post(f"https://hooks.example:{receiver.port}/hook?a=b", b"{}", {})
            assert answer.status == 200
            assert seen == ["hooks.example"]
            assert receiver.got[0].headers["host"] == f"hooks.example:{receiver.port}"
            assert receiver.got[0].path == "/hook?a=b"
            assert asked == ["hooks.example"]

            wrong = await outside.post(f"https://127.0.0.1:{receiver.port}/", b"{}", {})
            assert wrong.error.startswith("refused")
        await outside.aclose()


async def test_410_switches_the_webhook_off_and_drops_what_was_on_its_way(connection: Connection):
    async with post_office(connection) as office, Receiver(status(410)) as receiver:
        webhook = await office.webhook(receiver.url)
        for _ in range(20):
            await office.comment()
        await office.step()
        (found,) = await office.book.of_site(office.site)
        assert "410" in found.disabled
        open_, ended = await office.book.deliveries(office.site, webhook.id, 50)
        assert open_ == []
        assert {one.state for one in ended} == {"disabled"}
        assert set(attempts_counted(office)) == {"disabled"}
        asked = len(receiver.got)
        await office.comment()
        assert await office.step() == 0
        assert len(receiver.got) == asked


# when it is tried again ------------------------------------------------------------------------------


async def test_a_delivery_is_tried_ten_times_by_the_schedule_and_then_buried(connection: Connection):
    async with post_office(connection) as office, Receiver(status(500)) as receiver:
        webhook = await office.webhook(receiver.url, "comment.judged")
        await office.comment()
        await office.step()
        began = office.ms
        offsets = [0]
        while (delivery := await the_delivery(office, webhook.id)).state == "waiting":
            # one moment too early nothing happens
            office.ms = delivery.due - 1
            assert await office.courier.step() == 0
            office.ms = delivery.due
            assert await office.courier.step() == 1
            offsets.append((office.ms - began) // 1000)
        assert delivery.state == "buried"
        assert attempts_counted(office) == {"failed": 9, "buried": 1}
        steps = [later - earlier for earlier, later in itertools.pairwise(offsets)]
        assert (0, *steps) == SCHEDULE
        assert SCHEDULE == (0, 5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
        assert offsets[-1] == 75 * 3600 + 35 * 60 + 5
        assert len({one.id for one in receiver.got}) == 1
        assert len({one.body for one in receiver.got}) == 1
        assert len(delivery.attempts) == 10

        receiver.answer = status(200)
        await office.book.replay(office.site, "admin", webhook.id, delivery.id)
        await office.step()
        assert (await the_delivery(office, webhook.id)).state == "delivered"
        assert len({one.id for one in receiver.got}) == 1


async def test_events_of_one_comment_arrive_in_the_order_of_its_versions(connection: Connection):
    async with post_office(connection) as office, Receiver(in_turn(status(500), status(200))) as receiver:
        await office.webhook(receiver.url)
        first, second = await office.comment(), await office.comment()
        await office.decide(first)
        await office.decide(second)
        await office.step()
        refused = receiver.got[0].event["data"]["id"]  # deliveries go out side by side: either comment may be the first
        assert [one.event["data"]["version"] for one in receiver.got if one.event["data"]["id"] == refused] == [1]
        office.pass_(6)
        await office.step()
        for comment in (first, second):
            versions = [one.event["data"]["version"] for one in receiver.got if one.event["data"]["id"] == comment.id]
            assert versions in ([1, 2], [1, 1, 2])


async def test_an_event_that_a_receiver_refuses_keeps_later_ones_back_for_minutes_only(connection: Connection):
    async def picky(received, writer):
        await status(200 if received.event["data"]["version"] == 2 else 500)(received, writer)

    async with post_office(connection) as office, Receiver(picky) as receiver:
        await office.webhook(receiver.url)
        await office.decide(await office.comment())
        for seconds in (0, 5, 300):
            office.pass_(seconds)
            await office.step()
        assert [one.event["data"]["version"] for one in receiver.got] == [1, 1, 1, 2]


async def test_a_dead_receiver_does_not_keep_a_living_one_waiting(connection: Connection):
    office_of = post_office(connection, timeout=8, by_hand=False, concurrency=4)
    async with office_of as office, Receiver(hang) as dead, Receiver(status(200)) as living:
        await office.webhook(dead.url)
        await office.webhook(living.url)
        for _ in range(40):
            await office.comment()
        running = asyncio.create_task(office.courier.run())
        try:
            deadline = time.monotonic() + 8
            while len(living.got) < 40:
                assert time.monotonic() < deadline, f"{len(living.got)} of 40 while another receiver hangs"
                await asyncio.sleep(0.02)
            assert len(dead.got) <= 2
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_two_workers_send_each_event_once(connection: Connection):
    async with post_office(connection, by_hand=False) as office, Receiver(status(200)) as receiver:
        await office.webhook(receiver.url)
        other = Courier(
            office.deliveries, office.comments, office.queue, office.ledger, office.sites, Leases(connection),
            office.outside, office.telemetry, office.courier._now,
        )  # fmt: skip
        running = [asyncio.create_task(courier.run()) for courier in (office.courier, other)]
        for _ in range(30):
            await office.comment()
        deadline = time.monotonic() + 10
        while len(receiver.got) < 30:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        assert len(receiver.got) == len({one.id for one in receiver.got}) == 30


async def test_a_site_whose_records_are_broken_stops_no_other(connection: Connection):
    async with post_office(connection) as office, Receiver(status(200)) as receiver:
        await office.sites.add(Site(id="broken"))
        await office.deliveries.add(Webhook(id="wh0", site="broken", url=receiver.url))
        await connection.execute("HSET", "cm:{broken}:wh", "wh0", "not a webhook")
        await office.webhook(receiver.url)
        await office.comment()
        assert await office.step() == 1
        assert len(receiver.got) == 1


# what can still be taken back --------------------------------------------------------------------------


async def test_a_decision_is_not_told_before_its_embargo_ends(connection: Connection):
    async with post_office(connection, undo_seconds=20) as office, Receiver(status(200)) as receiver:
        await office.webhook(receiver.url, "comment.approved", "comment.pending")
        await office.decide(await office.comment())
        await office.step()
        office.pass_(19)
        assert await office.courier.step() == 0
        office.pass_(3)
        assert await office.courier.step() == 1
        assert receiver.got[0].event["type"] == "comment.approved"


async def test_a_decision_taken_back_in_time_is_never_told_nor_the_way_back(connection: Connection):
    async with post_office(connection, undo_seconds=20) as office, Receiver(status(200)) as receiver:
        webhook = await office.webhook(receiver.url, "comment.approved", "comment.pending")
        await office.undo(await office.decide(await office.comment()))
        office.pass_(60)
        await office.step()
        assert receiver.got == []
        assert (await the_delivery(office, webhook.id)).state == "dropped"


async def test_a_decision_that_stands_is_told_also_where_a_reader_reported_the_comment_meanwhile(
    connection: Connection,
):
    async with post_office(connection, undo_seconds=1) as office, Receiver(status(500)) as receiver:
        await office.webhook(receiver.url)
        stored = await office.comment()
        await office.step()
        decided = await office.decide(stored)
        await office.comments.move(decided, reported(office.site, decided, "rude", now=7), day="2026-01-01")
        receiver.answer = status(200)
        office.pass_(10)
        await office.step()
        assert [one.event["type"] for one in receiver.got[1:]] == ["comment.judged", "comment.approved"]
        assert receiver.got[-1].event["data"]["version"] == 2


async def test_a_decision_that_another_replaced_for_a_moment_is_told(connection: Connection):
    async with post_office(connection, undo_seconds=20) as office, Receiver(status(200)) as receiver:
        await office.webhook(receiver.url, "comment.approved", "comment.rejected")
        approved = await office.decide(await office.comment())
        await office.undo(await office.decide(approved, DecisionKind.REJECT))
        office.pass_(60)
        await office.step()
        assert [one.event["type"] for one in receiver.got] == ["comment.approved"]


async def test_a_decision_is_told_also_where_the_one_that_replaced_it_is_undone_after_its_own_embargo(
    connection: Connection,
):
    async with post_office(connection, undo_seconds=2) as office, Receiver(status(200)) as receiver:
        await office.webhook(receiver.url, "comment.approved", "comment.rejected")
        approved = await office.decide(await office.comment())
        later = Ruling(decision=DecisionKind.REJECT, reason=DecisionReason.SPAM, version=2, undo_seconds=60)
        rejected = await office.review.decide(office.site, ANN, approved.id, later)
        office.pass_(10)
        await office.step()
        assert receiver.got == []
        await office.undo(rejected)
        office.pass_(60)
        await office.step()
        assert [one.event["type"] for one in receiver.got] == ["comment.approved"]


async def test_of_two_decisions_within_their_embargo_only_the_last_is_told(connection: Connection):
    async with post_office(connection, undo_seconds=20) as office, Receiver(status(200)) as receiver:
        await office.webhook(receiver.url, "comment.approved", "comment.rejected")
        await office.decide(await office.decide(await office.comment()), DecisionKind.REJECT)
        office.pass_(60)
        await office.step()
        assert [one.event["type"] for one in receiver.got] == ["comment.rejected"]


async def test_a_decision_taken_back_later_is_told_and_so_is_the_way_back(connection: Connection):
    async with post_office(connection) as office, Receiver(status(200)) as receiver:
        await office.webhook(receiver.url, "comment.approved", "comment.pending")
        await office.undo(await office.decide(await office.comment()))
        await office.step()
        assert [one.event["type"] for one in receiver.got] == ["comment.approved", "comment.pending"]


async def test_a_decision_that_is_replayed_while_it_can_be_undone_is_still_not_told(connection: Connection):
    async with post_office(connection, undo_seconds=20) as office, Receiver(status(200)) as receiver:
        webhook = await office.webhook(receiver.url, "comment.approved", "comment.pending")
        decided = await office.decide(await office.comment())
        await office.step()
        await office.book.replay(office.site, "admin", webhook.id, (await the_delivery(office, webhook.id)).id)
        assert await office.courier.step() == 0
        await office.undo(decided)
        office.pass_(60)
        await office.step()
        assert receiver.got == []


async def test_a_site_is_warned_once_for_each_time_its_queue_waits_too_long(connection: Connection):
    office_of = post_office(connection, wait_warning_minutes=30)
    async with office_of as office, Receiver(status(200)) as receiver:
        await office.webhook(receiver.url, "queue.waiting")
        stored = await office.comment()
        await office.step()
        assert receiver.got == []
        for _ in range(3):
            office.pass_(31 * 60)
            await office.step()
        assert [one.event["type"] for one in receiver.got] == ["queue.waiting"]
        assert receiver.got[0].event["data"] == {
            "site": "news", "waiting": 1, "oldest": stored.received_at, "warning_minutes": 30,
        }  # fmt: skip
        await office.decide(stored)
        await office.step()
        await office.comment()
        office.pass_(31 * 60)
        await office.step()
        assert len(receiver.got) == 2
        assert receiver.got[0].id != receiver.got[1].id


# where nothing is ever sent -------------------------------------------------------------------------

ADDRESSES = (
    "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "100.100.100.200", "0.0.0.0", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "192.0.0.1",
    "168.63.129.16", "192.88.99.1", "::1", "::", "fe80::1", "fd00:ec2::254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1",
)  # fmt: skip


def _octal(address: ipaddress.IPv4Address) -> str:
    return ".".join(f"0{part:o}" for part in address.packed)


def _circled(text: str) -> str:
    return text.translate({ord("0"): "⓪", **{ord(str(n)): chr(0x2460 + n - 1) for n in range(1, 10)}})


def spellings(text: str) -> list[tuple[str, str]]:
    """Give seven ways to name an address: the host as it stands in the url, and what a name in it resolves to."""
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv4Address):
        a, b, c, d = address.packed
        return [
            (text, text),
            (str(int(address)), text),
            (hex(int(address)), text),
            (_octal(address), text),
            (f"{a}.{b}.{c * 256 + d}", text),
            (f"[::ffff:{text}]", text),
            ("rebound.example", text),
        ]
    return [
        (f"[{text}]", text),
        (f"[{address.exploded}]", text),
        (f"[{address.exploded.upper()}]", text),
        (f"[{text}%25lo]", text),
        ("rebound.example", text),
        ("rebound.example", f"{text}%1" if text.startswith("fe80") else address.exploded),
        (f"[{':'.join(address.exploded.split(':')[:6])}:{ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)}]", text),
    ]


async def test_an_address_that_is_not_public_is_never_connected_to_however_it_is_written():
    faults = []
    for text in ADDRESSES:
        try:
            await never_connect(text)
        except (AssertionError, pytest.fail.Exception) as error:
            faults.append(f"{text}: {error}")
    tell(
        "B4 addresses that are not public, in eight spellings",
        8 * len(ADDRESSES),
        "0 connections",
        f"{len(faults)} reached",
    )
    assert not faults, "\n".join(faults)


async def never_connect(text: str, ways: int = 7) -> None:
    async def resolve(host: str) -> list[str]:
        if host == "rebound.example":
            return ["93.184.216.34", led_to[-1]]
        return [str(row[4][0]) for row in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]

    led_to: list[str] = []
    way_out = Outside(timeout=1.0, resolve=resolve)
    spelled = spellings(text)[:ways]
    assert len(spelled) == ways
    with connections_watched() as opened:
        for host, address in spelled:
            led_to.append(address)
            answer = await way_out.post(f"https://{host}/hook", b"{}", {})
            assert answer.status == 0, host
            assert answer.error.startswith("refused") or answer.error == "the name has no address", (host, answer)
            if host != "rebound.example":
                continue
            assert answer.error.startswith("refused"), (host, answer)
            with pytest.raises(WebhookRefused):
                await way_out.check(f"https://{host}/hook")
        circled = await way_out.post(f"https://{_circled(text)}/hook", b"{}", {})
        assert circled.error.startswith("refused")
        assert opened == []
    await way_out.aclose()


def _public_at_home(monkeypatch):
    public = outside.is_public
    monkeypatch.setattr(outside, "is_public", lambda address: address.is_loopback or public(address))


def _follows(monkeypatch):
    client = httpx.AsyncClient
    monkeypatch.setattr(outside.httpx, "AsyncClient", lambda **given: client(**given | {"follow_redirects": True}))


def _reads_all(monkeypatch):
    monkeypatch.setattr(outside, "READ_AT_MOST", 1 << 40)


def _never_disables(monkeypatch):
    async def nothing(self, webhook, why):
        return None

    monkeypatch.setattr(Courier, "_disable", nothing)


def _asks_the_proxy(monkeypatch):
    client = httpx.AsyncClient
    monkeypatch.setattr(outside.httpx, "AsyncClient", lambda **given: client(**given | {"trust_env": True}))


MUTATIONS = {
    "home is public": (_public_at_home, lambda connection, monkeypatch: never_connect("127.0.0.1", 6)),
    "redirects are followed": (
        _follows,
        lambda connection, monkeypatch: test_a_receiver_of_any_kind_leaves_the_delivery_in_the_right_state(
            connection, status(302, "Location: http://127.0.0.1:1/"), "waiting", 5, "answered 302"
        ),
    ),
    "all of a reply is read": (
        _reads_all,
        lambda connection, monkeypatch: test_of_a_reply_of_ten_megabytes_only_the_beginning_is_read(connection),
    ),
    "410 means nothing": (
        _never_disables,
        lambda connection, monkeypatch: test_410_switches_the_webhook_off_and_drops_what_was_on_its_way(connection),
    ),
    "a proxy is asked": (
        _asks_the_proxy,
        lambda connection, monkeypatch: test_the_proxy_of_the_environment_is_not_asked(connection, monkeypatch),
    ),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_a_way_out_that_is_wider_is_found_out(connection: Connection, monkeypatch, mutation):
    """The mutations: each opens the way out by one thing."""
    widen, check = MUTATIONS[mutation]
    widen(monkeypatch)
    with pytest.raises(AssertionError):
        await check(connection, monkeypatch)


async def test_a_name_that_changes_its_mind_is_resolved_once_and_refused():
    answers = iter([["93.184.216.34"], ["127.0.0.1"], ["169.254.169.254"]])
    asked = []

    async def resolve(host: str) -> list[str]:
        asked.append(host)
        return next(answers)

    outside = Outside(timeout=1.0, resolve=resolve)
    await outside.check("https://rebound.example/")
    with connections_watched() as opened:
        for number in (2, 3):
            answer = await outside.post("https://rebound.example/", b"{}", {})
            assert answer.error.startswith("refused")
            assert len(asked) == number
        assert opened == []
    await outside.aclose()


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/", "http://a.example/", "https://", "not a url", "https://user:word@a.example/",
        "https://a.example:22/", "https://a.example:6379/", "https://a example/", "//a.example/", "https://[::1",
        "https://a.example/" + "x" * 3000, "file:///etc/passwd", "javascript:alert(1)", "https://127.0.0.1/",
    ],
)  # fmt: skip
async def test_a_url_that_could_never_be_posted_to_is_refused_when_it_is_given(url: str):
    async def resolve(host: str) -> list[str]:
        return ["93.184.216.34"]

    outside = Outside(resolve=resolve)
    with pytest.raises(WebhookRefused):
        await outside.check(url)
    await outside.aclose()


async def test_the_allow_list_opens_what_it_names_and_nothing_beside():
    async def resolve(host: str) -> list[str]:
        return {"inner.example": ["10.1.2.3"], "near.example": ["169.254.169.254"]}[host]

    outside = Outside(["inner.example", "near.example", "192.168.7.0/24"], resolve=resolve)
    await outside.check("http://inner.example:8080/hook")
    await outside.check("http://192.168.7.9/hook")
    for url in ("https://near.example/", "https://192.168.8.1/", "https://10.1.2.3/"):
        with pytest.raises(WebhookRefused):
            await outside.check(url)
    await outside.aclose()


async def test_the_proxy_of_the_environment_is_not_asked(connection: Connection, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with post_office(connection) as office, Receiver(status(200)) as receiver:
        webhook = await office.webhook(receiver.url)
        answer = await office.book.test(office.site, webhook.id)
        assert answer.delivered
        assert msgspec.json.decode(receiver.got[0].body)["type"] == "webhook.test"


@pytest.mark.parametrize("url", ["https://127.0.0.1/hook", "http://hooks.example/", "https://hooks.example:9000/"])
async def test_a_refusal_that_an_operator_may_lift_names_the_setting(url):
    async def resolve(host):
        return ["192.0.9.9"]

    outside = Outside(resolve=resolve)
    try:
        with pytest.raises(WebhookRefused, match="MODERATION_WEBHOOKS__ALLOW"):
            await outside.check(url)
    finally:
        await outside.aclose()
