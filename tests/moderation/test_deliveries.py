"""Deliveries in the store: made from the ledger once and in order, leased, settled, listed, sent again, forgotten."""

import asyncio

import pytest
from msgspec.structs import replace

from moderation.errors import UnknownDelivery, UnknownWebhook
from moderation.records import Outcome, Webhook
from moderation.store import keys
from moderation.store.connection import Connection
from moderation.store.deliveries import KEPT_SECONDS, OPEN_AT_MOST, Attempt, Deliveries, Event, Planned
from moderation.store.ledger import Ledger
from tests.post_office import post_office
from tests.receivers import Receiver, status

HOOK = Webhook(id="wh1", site="news", url="https://hooks.example/", secrets=("whsec_c2VjcmV0",), created_at="2026")
NAMES = keys.of_site("news")


@pytest.fixture
def deliveries(connection: Connection) -> Deliveries:
    """Give the deliveries, at a time of their own: 1,000 ms."""
    return Deliveries(connection, clock=lambda: 1_000)


def a_delivery(number: int, comment: str = "news-1", due: int = 500) -> Planned:
    event = Event(type="comment.judged", at="2026-01-01T00:00:00.000Z", comment=comment, version=number)
    return Planned(f"wh1-{number}-0", event, due)


async def planned(deliveries: Deliveries, *made: Planned) -> None:
    (place, _, _) = (await deliveries.places("news", [HOOK]))[0]
    assert await deliveries.plan(HOOK, place, f"{int(place.partition('-')[0]) + 1}-0", made)


async def test_a_new_webhook_begins_at_the_end_of_the_ledger(connection: Connection, deliveries: Deliveries):
    ledger = Ledger(connection)
    await ledger.append("news", "policy.changed")
    last = await ledger.last("news")
    await deliveries.add(HOOK)
    assert await deliveries.places("news", [HOOK]) == [(last, "", 0)]
    assert await deliveries.webhooks("news") == [HOOK]
    assert await deliveries.sites() == ["news"]


async def test_a_stretch_of_the_ledger_is_planned_once_whoever_plans_it(deliveries: Deliveries):
    await deliveries.add(HOOK)
    tries = [deliveries.plan(HOOK, "0-0", "9-0", [a_delivery(1), a_delivery(2, "news-2")]) for _ in range(5)]
    assert sorted(await asyncio.gather(*tries)) == [False, False, False, False, True]
    assert await deliveries.places("news", [HOOK]) == [("9-0", "", 2)]


async def test_a_leased_delivery_is_nobody_elses_until_the_lease_ends(deliveries: Deliveries):
    await deliveries.add(HOOK)
    await planned(deliveries, a_delivery(1), a_delivery(2, "news-2"), a_delivery(3, "news-3", due=9_000))
    assert await deliveries.lease("news", "wh1", 1_000, 15, 10) == ["wh1-1-0", "wh1-2-0"]
    assert await deliveries.lease("news", "wh1", 1_000, 15, 10) == []
    assert await deliveries.lease("news", "wh1", 16_000, 15, 10) == ["wh1-3-0", "wh1-1-0", "wh1-2-0"]


async def test_only_the_first_of_a_comments_events_is_due_and_its_end_calls_the_next(deliveries: Deliveries):
    await deliveries.add(HOOK)
    await planned(deliveries, a_delivery(1), a_delivery(2), a_delivery(3))
    sent = []
    while ids := await deliveries.lease("news", "wh1", 1_000, 15, 10):
        assert len(ids) == 1
        sent += ids
        await deliveries.settle(await deliveries.get("news", "wh1", ids[0]), None, state="delivered", at=1_000)
    assert sent == ["wh1-1-0", "wh1-2-0", "wh1-3-0"]


async def test_an_attempt_is_counted_once_also_when_two_couriers_made_it(deliveries: Deliveries):
    await deliveries.add(HOOK)
    await planned(deliveries, a_delivery(1))
    delivery = await deliveries.get("news", "wh1", "wh1-1-0")
    attempt = Attempt(at="2026-01-01T00:00:01.000Z", seconds=0.1, status=500, error="answered 500")
    assert await deliveries.settle(delivery, attempt, at=6_000)
    assert not await deliveries.settle(delivery, attempt, at=7_000)
    found = await deliveries.get("news", "wh1", "wh1-1-0")
    assert (found.tries, found.due, found.attempts) == (1, 6_000, (attempt,))
    assert await deliveries.settle(found, None, state="delivered", at=8_000)
    assert not await deliveries.settle(found, None, state="buried", at=9_000)
    assert (await deliveries.get("news", "wh1", "wh1-1-0")).state == "delivered"


async def test_an_ended_delivery_goes_after_a_week_and_an_open_one_never(
    connection: Connection, deliveries: Deliveries
):
    await deliveries.add(HOOK)
    await planned(deliveries, a_delivery(1), a_delivery(2, "news-2"))
    first = await deliveries.get("news", "wh1", "wh1-1-0")
    await deliveries.settle(first, None, state="buried", at=1_000)
    for name in (NAMES.delivery("wh1-1-0"), NAMES.ended("wh1")):
        assert KEPT_SECONDS - 60 < await connection.execute("TTL", name) <= KEPT_SECONDS
    assert await connection.execute("TTL", NAMES.delivery("wh1-2-0")) == -1
    assert [one.id for one in await deliveries.ended("news", "wh1", 10)] == ["wh1-1-0"]
    assert [one.id for one in await deliveries.open("news", "wh1", 10)] == ["wh1-2-0"]


async def test_a_delivery_is_replayed_with_its_own_id_and_all_its_attempts_before_it(
    connection: Connection, deliveries: Deliveries
):
    await deliveries.add(HOOK)
    await planned(deliveries, a_delivery(1))
    delivery = await deliveries.get("news", "wh1", "wh1-1-0")
    attempt = Attempt(at="2026-01-01T00:00:01.000Z", seconds=0.1, status=500)
    await deliveries.settle(delivery, attempt, state="buried", at=1_000)
    again = await deliveries.replay("news", "wh1", "wh1-1-0")
    assert (again.id, again.state, again.tries, again.attempts) == ("wh1-1-0", "waiting", 0, ())
    assert await deliveries.lease("news", "wh1", 1_000, 15, 10) == ["wh1-1-0"]
    assert await connection.execute("TTL", NAMES.delivery("wh1-1-0")) == -1
    with pytest.raises(UnknownDelivery):
        await deliveries.replay("news", "wh1", "wh1-99-0")
    with pytest.raises(UnknownDelivery):
        await deliveries.replay("news", "wh2", "wh1-1-0")


async def test_what_the_release_before_called_failed_is_buried_and_can_be_replayed(
    connection: Connection, deliveries: Deliveries
):
    await deliveries.add(HOOK)
    await planned(deliveries, a_delivery(1))
    await deliveries.settle(await deliveries.get("news", "wh1", "wh1-1-0"), None, state="failed", at=1_000)
    assert await connection.execute("HGET", NAMES.delivery("wh1-1-0"), "st") == b"failed"
    assert [one.state for one in await deliveries.ended("news", "wh1", 10)] == ["buried"]
    assert (await deliveries.replay("news", "wh1", "wh1-1-0")).state == "waiting"


async def test_a_replayed_delivery_that_failed_once_is_tried_at_once(deliveries: Deliveries):
    await deliveries.add(HOOK)
    await planned(deliveries, a_delivery(1))
    attempt = Attempt(at="2026-01-01T00:00:01.000Z", seconds=0.1, status=500)
    await deliveries.settle(await deliveries.get("news", "wh1", "wh1-1-0"), attempt, at=300_000)
    again = await deliveries.replay("news", "wh1", "wh1-1-0")
    assert (again.state, again.due, again.tries) == ("waiting", 1_000, 1)
    assert await deliveries.lease("news", "wh1", 1_000, 15, 10) == ["wh1-1-0"]


@pytest.mark.parametrize("state", ["", "disabled"], ids=["open", "ended while the webhook was off"])
async def test_a_replayed_delivery_leaves_no_sooner_than_it_was_first_due(deliveries: Deliveries, state: str):
    await deliveries.add(HOOK)
    await planned(deliveries, a_delivery(1, due=9_000))
    if state:
        await deliveries.settle(await deliveries.get("news", "wh1", "wh1-1-0"), None, state=state, at=1_000)
    again = await deliveries.replay("news", "wh1", "wh1-1-0")
    assert (again.state, again.due, again.first_due) == ("waiting", 9_000, 9_000)
    assert await deliveries.lease("news", "wh1", 8_999, 15, 10) == []
    assert await deliveries.lease("news", "wh1", 9_000, 15, 10) == ["wh1-1-0"]


async def test_a_replayed_delivery_still_waits_for_an_earlier_one_of_its_comment(deliveries: Deliveries):
    await deliveries.add(HOOK)
    await planned(deliveries, a_delivery(1), a_delivery(2))
    again = await deliveries.replay("news", "wh1", "wh1-2-0")
    assert (again.state, again.due) == ("waiting", 0)
    assert await deliveries.lease("news", "wh1", 1_000, 15, 10) == ["wh1-1-0"]
    await deliveries.settle(await deliveries.get("news", "wh1", "wh1-1-0"), None, state="delivered", at=1_000)
    assert await deliveries.lease("news", "wh1", 1_000, 15, 10) == ["wh1-2-0"]


async def test_a_removed_webhook_leaves_nothing_that_never_goes(connection: Connection, deliveries: Deliveries):
    await deliveries.add(HOOK)
    await planned(deliveries, *[a_delivery(number, f"news-{number % 40}") for number in range(150)])
    await deliveries.remove("news", "wh1")
    with pytest.raises(UnknownWebhook):
        await deliveries.webhook("news", "wh1")
    left = [name.decode() for name in await connection.execute("KEYS", "cm:{news}:*")]
    for name in left:
        assert await connection.execute("TTL", name) > 0, name
    assert not await deliveries.plan(HOOK, "2-0", "3-0", [a_delivery(151)])


async def test_two_changes_of_a_webhook_at_once_both_count(deliveries: Deliveries):
    await deliveries.add(HOOK)
    await asyncio.gather(
        deliveries.change("news", "wh1", lambda one: replace(one, disabled="gone")),
        deliveries.change("news", "wh1", lambda one: replace(one, events=("comment.judged",))),
        deliveries.change("news", "wh1", lambda one: replace(one, url="https://other.example/")),
    )
    found = await deliveries.webhook("news", "wh1")
    assert (found.disabled, found.events, found.url) == ("gone", ("comment.judged",), "https://other.example/")


async def test_a_webhook_that_cannot_keep_up_leaves_the_rest_in_the_ledger(connection: Connection):
    async with post_office(connection) as office, Receiver(status(500)) as receiver:
        webhook = await office.webhook(receiver.url)
        full = [a_delivery(number, f"news-x{number}", due=office.ms + 10**9) for number in range(OPEN_AT_MOST)]
        renamed = [Planned(one.id.replace("wh1", webhook.id), one.event, one.due) for one in full]
        place = (await office.deliveries.places("news", [webhook]))[0][0]
        assert await office.deliveries.plan(webhook, place, place, renamed)
        await office.comment(Outcome.APPROVE)
        assert await office.step() == 0
        assert await office.deliveries.read_by_all("news") == place

        delivery = await office.deliveries.get("news", webhook.id, renamed[0].id)
        await office.deliveries.settle(delivery, None, state="buried", at=office.ms)
        assert await office.step() == 1
        assert receiver.got[0].event["type"] == "comment.judged"
        await office.book.remove(office.site, "admin", webhook.id)


async def test_a_webhook_that_was_off_hears_only_of_what_happens_from_then_on(connection: Connection):
    async with post_office(connection) as office, Receiver(status(200)) as receiver:
        webhook = await office.webhook(receiver.url)
        await office.book.change(office.site, "admin", webhook.id, enabled=False)
        await office.comment()
        assert await office.step() == 0
        await office.book.change(office.site, "admin", webhook.id, enabled=True)
        later = await office.comment()
        assert await office.step() == 1
        assert receiver.got[0].event["data"]["id"] == later.id
