"""The address book: webhooks are added within bounds, changed without a gap, and each step is in the ledger."""

import pytest

from moderation.errors import FieldsInvalid, UnknownWebhook, WebhookRefused
from moderation.store.connection import Connection
from moderation.webhooks.addressbook import WEBHOOKS_AT_MOST
from tests.post_office import PostOffice, post_office
from tests.receivers import Receiver, status

URL = "https://127.0.0.1:8443/hook"


async def told(office: PostOffice) -> list[str]:
    return [
        str(entry.line["e"])
        async for entry in office.ledger.walk("news")
        if str(entry.line["e"]).startswith("webhook.")
    ]


async def test_each_step_of_a_webhook_is_in_the_ledger_and_no_secret_is(connection: Connection):
    async with post_office(connection) as office:
        webhook = await office.book.add(office.site, "m1", URL, ["comment.judged", "comment.judged"])
        assert webhook.events == ("comment.judged",)
        changed = await office.book.change(office.site, "m1", webhook.id, wanted=())
        assert (changed.url, changed.events, changed.secrets) == (URL, (), webhook.secrets)
        newer = await office.book.rotate(office.site, "m1", webhook.id)
        assert newer.secrets[1:] == webhook.secrets
        newest = await office.book.rotate(office.site, "m1", webhook.id)
        assert newest.secrets[1:] == newer.secrets[:1], "no more than two sign"
        assert (await office.book.retire(office.site, "m1", webhook.id)).secrets == newest.secrets[:1]
        await office.book.remove(office.site, "m1", webhook.id)
        assert await office.book.of_site(office.site) == []
        assert await told(office) == [
            "webhook.added", "webhook.changed", "webhook.rotated", "webhook.rotated", "webhook.secret_retired",
            "webhook.removed",
        ]  # fmt: skip
        lines = [str(entry.line) async for entry in office.ledger.walk("news")]
        assert not [line for line in lines if "whsec_" in line]


async def test_a_site_has_at_most_twenty_webhooks(connection: Connection):
    async with post_office(connection) as office:
        for number in range(WEBHOOKS_AT_MOST):
            await office.book.add(office.site, "m1", f"{URL}/{number}")
        with pytest.raises(WebhookRefused, match="at most 20"):
            await office.book.add(office.site, "m1", URL)
        assert len(await office.book.of_site(office.site)) == WEBHOOKS_AT_MOST


async def test_what_could_never_work_is_refused_and_changes_nothing(connection: Connection):
    async with post_office(connection) as office:
        webhook = await office.webhook(URL)
        for change in ({"url": "https://10.0.0.1/"}, {"wanted": ["comment.judged", "comment.liked"]}):
            with pytest.raises((WebhookRefused, FieldsInvalid)):
                await office.book.change(office.site, "m1", webhook.id, **change)
        with pytest.raises(FieldsInvalid, match=r"no event 'comment\.liked'\. Choose from: comment\.judged"):
            await office.book.add(office.site, "m1", URL, ["comment.liked"])
        assert await office.book.of_site(office.site) == [webhook]
        for step in (office.book.rotate, office.book.retire, office.book.change):
            with pytest.raises(UnknownWebhook):
                await step(office.site, "m1", "nothing")
        assert await told(office) == ["webhook.added"]


async def test_one_that_is_switched_off_loses_what_is_on_its_way_and_hears_from_then_on(connection: Connection):
    async with post_office(connection) as office, Receiver(status(200)) as receiver:
        webhook = await office.webhook(receiver.url)
        await office.comment()
        assert await office.step() == 1
        off = await office.book.change(office.site, "m1", webhook.id, enabled=False)
        assert off.disabled == "switched off"
        await office.comment()
        await office.step()
        with pytest.raises(WebhookRefused, match=r"is off \(switched off\)"):
            await office.book.replay(office.site, "m1", webhook.id, "any")
        on = await office.book.change(office.site, "m1", webhook.id, enabled=True)
        assert on.disabled == ""
        await office.comment()
        await office.step()
        assert [got.event["data"]["id"] for got in receiver.got] == ["news-c000001", "news-c000003"]


async def test_a_trial_is_sent_once_also_to_one_that_is_off_and_a_delivery_again_with_its_own_id(
    connection: Connection,
):
    async with post_office(connection) as office, Receiver(status(200)) as receiver:
        webhook = await office.webhook(receiver.url)
        await office.comment()
        await office.step()
        on_its_way, ended = await office.book.deliveries(office.site, webhook.id, 10_000)
        assert (on_its_way, len(ended)) == ([], 1)
        await office.book.replay(office.site, "m1", webhook.id, ended[0].id)
        await office.step()
        assert receiver.got[0].headers["webhook-id"] == receiver.got[1].headers["webhook-id"]
        await office.book.change(office.site, "m1", webhook.id, enabled=False)
        assert (await office.book.test(office.site, webhook.id)).delivered
        assert receiver.got[-1].event["type"] == "webhook.test"
        assert len(receiver.got) == 3
        with pytest.raises(UnknownWebhook):
            await office.book.deliveries(office.site, "nothing", 10)
