"""Webhooks on the wire: an admin says where a site's events go, tries it out, and sees what became of each."""

from typing import Any

import msgspec
from litestar import Controller, Request, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from moderation.api.bodies import answer, read
from moderation.api.gate import allow, site_for
from moderation.records import Caller, Role, Webhook
from moderation.webhooks.addressbook import AddressBook


class NewWebhook(msgspec.Struct, forbid_unknown_fields=True):
    """Where events shall go. Without `events` all of them do."""

    url: str
    events: list[str] = []


class WebhookChange(msgspec.Struct, forbid_unknown_fields=True):
    """What shall change; what is left out stays."""

    url: str | None = None
    events: list[str] | None = None
    enabled: bool | None = None


class WebhookShape(msgspec.Struct):
    """A webhook. Its secrets are never shown again, only how many sign (two while they are rotated)."""

    id: str
    site: str
    url: str
    events: list[str]
    enabled: bool
    disabled: str | None
    """Why it is off."""
    secrets: int
    created_at: str


class WebhookCreated(WebhookShape, kw_only=True):
    """A new webhook, or one with a new secret: this is the one time it is shown."""

    secret: str


class WebhookList(msgspec.Struct):
    """The webhooks of a site."""

    webhooks: list[WebhookShape]


class TestAnswer(msgspec.Struct):
    """What became of a test."""

    delivered: bool
    status: int | None
    error: str | None
    seconds: float


class AttemptShape(msgspec.Struct):
    """One try to deliver."""

    at: str
    status: int | None
    error: str | None
    seconds: float


class DeliveryShape(msgspec.Struct):
    """One event on its way, or at its end. `id` is the `webhook-id` the receiver sees."""

    id: str
    type: str
    at: str
    comment: str | None
    version: int | None
    state: str
    """waiting; or how it ended: delivered, buried (no attempt succeeded), disabled (with its webhook) or dropped (overtaken)."""
    next_try_ms: int | None
    attempts: list[AttemptShape]


class DeliveryList(msgspec.Struct):
    """What is on its way, next try first, and what ended in the last week, newest first."""

    open: list[DeliveryShape]
    ended: list[DeliveryShape]


def _shown(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": webhook.id,
        "site": webhook.site,
        "url": webhook.url,
        "events": list(webhook.events),
        "enabled": not webhook.disabled,
        "disabled": webhook.disabled or None,
        "secrets": len(webhook.secrets),
        "created_at": webhook.created_at,
    }


def _delivery(one: Any) -> DeliveryShape:
    return DeliveryShape(
        id=one.id,
        type=one.event.type,
        at=one.event.at,
        comment=one.event.comment or None,
        version=one.event.version or None,
        state=one.state,
        next_try_ms=one.due if one.state == "waiting" and one.due else None,
        attempts=[
            AttemptShape(try_.at, try_.status or None, try_.error or None, try_.seconds) for try_ in one.attempts
        ],
    )


class SiteWebhooks(Controller):
    """The webhooks of a site."""

    path = "/v1/sites/{site_id:str}/webhooks"
    tags = ["webhooks"]

    @get("/", opt=allow(Role.ADMIN, cookies=True, answers=WebhookList))
    async def list_(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        webhooks: NamedDependency[AddressBook],
        site_id: FromPath[str],
    ) -> Response[bytes]:
        """List a site's webhooks."""
        site = await site_for(request, caller, site_id)
        return answer(WebhookList([WebhookShape(**_shown(one)) for one in await webhooks.of_site(site)]))

    @post("/", opt=allow(Role.ADMIN, cookies=True, body=NewWebhook, answers=WebhookCreated, status=201))
    async def add(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        webhooks: NamedDependency[AddressBook],
        site_id: FromPath[str],
    ) -> Response[bytes]:
        """Add a webhook. Its secret, by which the receiver checks signatures, is in this answer and never shown again."""
        site = await site_for(request, caller, site_id)
        wanted = await read(request, NewWebhook)
        webhook = await webhooks.add(site, caller.id, wanted.url, wanted.events)
        return answer(WebhookCreated(**_shown(webhook), secret=webhook.secrets[0]), 201)


class Webhooks(Controller):
    """One webhook: `site` may be left out where there is only one."""

    path = "/v1/webhooks/{webhook_id:str}"
    tags = ["webhooks"]

    @patch("/", opt=allow(Role.ADMIN, cookies=True, body=WebhookChange, answers=WebhookShape))
    async def change(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        webhooks: NamedDependency[AddressBook],
        webhook_id: FromPath[str],
        site: FromQuery[str | None] = None,
    ) -> Response[bytes]:
        """Change where it goes, what it hears, or whether it is on."""
        of = await site_for(request, caller, site)
        change = await read(request, WebhookChange)
        webhook = await webhooks.change(
            of, caller.id, webhook_id, url=change.url, wanted=change.events, enabled=change.enabled
        )
        return answer(WebhookShape(**_shown(webhook)))

    @delete("/", status_code=204, opt=allow(Role.ADMIN, cookies=True, status=204))
    async def remove(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        webhooks: NamedDependency[AddressBook],
        webhook_id: FromPath[str],
        site: FromQuery[str | None] = None,
    ) -> None:
        """Remove it, and what is on its way to it."""
        await webhooks.remove(await site_for(request, caller, site), caller.id, webhook_id)

    @post("/test", status_code=200, opt=allow(Role.ADMIN, cookies=True, answers=TestAnswer))
    async def test(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        webhooks: NamedDependency[AddressBook],
        webhook_id: FromPath[str],
        site: FromQuery[str | None] = None,
    ) -> Response[bytes]:
        """Send a signed `webhook.test` now, and answer what happened."""
        found = await webhooks.test(await site_for(request, caller, site), webhook_id)
        error = found.error or (None if found.delivered else f"answered {found.status}")
        return answer(TestAnswer(found.delivered, found.status or None, error, found.seconds))

    @post("/secret", status_code=200, opt=allow(Role.ADMIN, cookies=True, answers=WebhookCreated))
    async def rotate(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        webhooks: NamedDependency[AddressBook],
        webhook_id: FromPath[str],
        site: FromQuery[str | None] = None,
    ) -> Response[bytes]:
        """Make a new secret. Both it and the one before sign, until the old one is retired with DELETE."""
        webhook = await webhooks.rotate(await site_for(request, caller, site), caller.id, webhook_id)
        return answer(WebhookCreated(**_shown(webhook), secret=webhook.secrets[0]))

    @delete("/secret", status_code=200, opt=allow(Role.ADMIN, cookies=True, answers=WebhookShape))
    async def retire(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        webhooks: NamedDependency[AddressBook],
        webhook_id: FromPath[str],
        site: FromQuery[str | None] = None,
    ) -> Response[bytes]:
        """Let only the newest secret sign."""
        webhook = await webhooks.retire(await site_for(request, caller, site), caller.id, webhook_id)
        return answer(WebhookShape(**_shown(webhook)))

    @get("/deliveries", opt=allow(Role.ADMIN, cookies=True, answers=DeliveryList))
    async def deliveries(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        webhooks: NamedDependency[AddressBook],
        webhook_id: FromPath[str],
        site: FromQuery[str | None] = None,
        limit: FromQuery[int] = 50,
    ) -> Response[bytes]:
        """List its deliveries with every attempt."""
        open_, ended = await webhooks.deliveries(await site_for(request, caller, site), webhook_id, limit)
        return answer(DeliveryList([_delivery(one) for one in open_], [_delivery(one) for one in ended]))

    @post(
        "/deliveries/{delivery_id:str}/replay",
        status_code=200,
        opt=allow(Role.ADMIN, cookies=True, answers=DeliveryShape),
    )
    async def replay(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        webhooks: NamedDependency[AddressBook],
        webhook_id: FromPath[str],
        delivery_id: FromPath[str],
        site: FromQuery[str | None] = None,
    ) -> Response[bytes]:
        """Send a delivery again, with the same `webhook-id`."""
        of = await site_for(request, caller, site)
        return answer(_delivery(await webhooks.replay(of, caller.id, webhook_id, delivery_id)))
