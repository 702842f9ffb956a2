"""The address book: the webhooks of a site, as an admin adds, changes, tries and removes them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from moderation.errors import FieldError, FieldsInvalid, WebhookRefused
from moderation.records import Site, Webhook
from moderation.store.deliveries import Deliveries, Delivery, Event
from moderation.store.ledger import Ledger
from moderation.webhooks import events
from moderation.webhooks.outside import Answer, Outside

WEBHOOKS_AT_MOST = 20
PAGE_AT_MOST = 200


class AddressBook:
    """The webhooks of all sites, and what became of the deliveries to them."""

    def __init__(self, deliveries: Deliveries, ledger: Ledger, outside: Outside, now: Callable[[], datetime]) -> None:
        self._deliveries = deliveries
        self._ledger = ledger
        self._outside = outside
        self._now = now

    async def of_site(self, site: Site) -> list[Webhook]:
        """List the webhooks of a site."""
        return await self._deliveries.webhooks(site.id)

    async def add(self, site: Site, by: str, url: str, wanted: Sequence[str] = ()) -> Webhook:
        """Add a webhook; it hears of what happens from now on. Raises WebhookRefused, FieldsInvalid."""
        await self._check(url, wanted)
        if len(await self._deliveries.webhooks(site.id)) >= WEBHOOKS_AT_MOST:
            raise WebhookRefused(f"a site has at most {WEBHOOKS_AT_MOST} webhooks; remove one that is not used")
        webhook = Webhook(
            id="wh" + secrets.token_hex(6),
            site=site.id,
            url=url,
            secrets=(events.new_secret(),),
            events=tuple(dict.fromkeys(wanted)),
            created_at=_written(self._now()),
        )
        await self._deliveries.add(webhook)
        await self._ledger.append(site.id, "webhook.added", by, webhook=webhook.id)
        return webhook

    async def change(
        self,
        site: Site,
        by: str,
        webhook_id: str,
        *,
        url: str | None = None,
        wanted: Sequence[str] | None = None,
        enabled: bool | None = None,
    ) -> Webhook:
        """Change where a webhook goes, what it hears, or whether it is on; what is None stays.

        One that is switched off loses what is on its way; switched on again it hears of what happens from then on.
        """
        await self._check(url, wanted or ())
        before = await self._deliveries.webhook(site.id, webhook_id)
        if enabled and before.disabled:
            await self._deliveries.start_now(before)

        def changed(webhook: Webhook) -> Webhook:
            off = webhook.disabled if enabled is None else ("" if enabled else "switched off")
            return msgspec.structs.replace(
                webhook,
                url=webhook.url if url is None else url,
                events=webhook.events if wanted is None else tuple(dict.fromkeys(wanted)),
                disabled=off,
            )

        webhook = await self._deliveries.change(site.id, webhook_id, changed)
        if webhook.disabled:
            await self._deliveries.end_all(site.id, webhook_id, "disabled")
        await self._ledger.append(site.id, "webhook.changed", by, webhook=webhook_id)
        return webhook

    async def rotate(self, site: Site, by: str, webhook_id: str) -> Webhook:
        """Give a webhook a new secret, its first. The one before it goes on signing until `retire`."""
        secret = events.new_secret()
        webhook = await self._deliveries.change(
            site.id, webhook_id, lambda one: msgspec.structs.replace(one, secrets=(secret, *one.secrets[:1]))
        )
        await self._ledger.append(site.id, "webhook.rotated", by, webhook=webhook_id)
        return webhook

    async def retire(self, site: Site, by: str, webhook_id: str) -> Webhook:
        """Let only the newest secret sign: the receiver has changed over."""
        webhook = await self._deliveries.change(
            site.id, webhook_id, lambda one: msgspec.structs.replace(one, secrets=one.secrets[:1])
        )
        await self._ledger.append(site.id, "webhook.secret_retired", by, webhook=webhook_id)
        return webhook

    async def remove(self, site: Site, by: str, webhook_id: str) -> None:
        """Remove a webhook, and what is on its way to it."""
        await self._deliveries.remove(site.id, webhook_id)
        await self._ledger.append(site.id, "webhook.removed", by, webhook=webhook_id)

    async def test(self, site: Site, webhook_id: str) -> Answer:
        """Send a signed `webhook.test` now, once, and say what happened; also to a webhook that is off."""
        webhook = await self._deliveries.webhook(site.id, webhook_id)
        now = self._now()
        body = events.body_of(site.id, Event(type=events.TEST, at=_written(now)), None)
        headers = events.headers_of(webhook, f"{webhook.id}-t{secrets.token_hex(6)}", body, now)
        return await self._outside.post(webhook.url, body, headers)

    async def deliveries(self, site: Site, webhook_id: str, limit: int) -> tuple[list[Delivery], list[Delivery]]:
        """List what is on its way to a webhook, next try first, and what ended in the last week, newest first."""
        await self._deliveries.webhook(site.id, webhook_id)
        limit = max(1, min(limit, PAGE_AT_MOST))
        return (
            await self._deliveries.open(site.id, webhook_id, limit),
            await self._deliveries.ended(site.id, webhook_id, limit),
        )

    async def replay(self, site: Site, by: str, webhook_id: str, delivery_id: str) -> Delivery:
        """Send a delivery again, with the same id; raises UnknownDelivery, or WebhookRefused while the webhook is off."""
        webhook = await self._deliveries.webhook(site.id, webhook_id)
        if webhook.disabled:
            raise WebhookRefused(f"this webhook is off ({webhook.disabled}); switch it on first")
        delivery = await self._deliveries.replay(site.id, webhook_id, delivery_id)
        await self._ledger.append(site.id, "webhook.replayed", by, webhook=webhook_id, delivery=delivery_id)
        return delivery

    async def _check(self, url: str | None, wanted: Sequence[str]) -> None:
        unknown = [name for name in wanted if name not in events.TYPES]
        if unknown:
            message = f"There is no event '{unknown[0][:60]}'. Choose from: {', '.join(events.TYPES)}."
            raise FieldsInvalid([FieldError("events", "event_unknown", message)])
        if url is not None:
            await self._outside.check(url)


def _written(now: datetime) -> str:
    return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
