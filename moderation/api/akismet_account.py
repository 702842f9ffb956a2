"""What Akismet's clients ask about an account. Here an account is a site, and its figures are the counts of its days."""

import zlib
from typing import Any

from litestar import Controller, Request, Response, get, post, route
from litestar.di import NamedDependency

from moderation.access import Access
from moderation.api.akismet import API_KEY_FIRST, FORM, REFUSALS, WORD, bare, fields_of, on_error, site_asking
from moderation.api.akismet_forms import key_of
from moderation.api.akismet_shapes import AccountStats, KeyForm, KeySites, Subscription, Usage, counted, percentage
from moderation.api.bodies import answer
from moderation.api.dialects import in_words
from moderation.api.gate import PUBLIC, allow
from moderation.oversight import Oversight
from moderation.settings import Settings


class Account(Controller):
    """What Akismet's clients ask about an account: here, about a site."""

    tags = ["akismet"]
    exception_handlers = in_words(on_error)

    @get("/1.1/test", opt=allow(PUBLIC, answers=str, refusals={}))
    async def test(self) -> Response[str]:
        """Say that we can be reached."""
        return bare("connected")

    @route(
        "/1.2/key-sites",
        http_method=["GET", "POST"],
        status_code=200,
        opt=allow(
            PUBLIC, media="", body=KeySites, body_media=FORM, answers=dict[str, Any], also=WORD, refusals=REFUSALS
        ),
    )
    async def key_sites(
        self,
        request: Request[Any, Any, Any],
        access: NamedDependency[Access],
        oversight: NamedDependency[Oversight],
        settings: NamedDependency[Settings],
    ) -> Response[Any]:
        """Give what a month's checks came to for the one site of a key; `format=csv` gives a table."""
        fields = await fields_of(request, settings)
        site = await site_asking(request, access, fields)
        asked = KeySites.of(fields)
        month, counts = await oversight.month(site, asked.month)
        rows = asked.rows(site, counted(site, counts))
        if asked.format == "csv":
            return bare(asked.table(key_of(fields, request.headers.get("host", ""), API_KEY_FIRST), month, rows))
        return answer({month: rows, "limit": asked.limit, "offset": asked.offset, "total": len(rows)})

    @route(
        "/1.2/usage-limit",
        http_method=["GET", "POST"],
        status_code=200,
        opt=allow(PUBLIC, media="", body=KeyForm, body_media=FORM, answers=Usage, also=WORD, refusals=REFUSALS),
    )
    async def usage_limit(
        self,
        request: Request[Any, Any, Any],
        access: NamedDependency[Access],
        oversight: NamedDependency[Oversight],
        settings: NamedDependency[Settings],
    ) -> Response[bytes]:
        """Give how many checks this month has seen. There is no limit."""
        site = await site_asking(request, access, await fields_of(request, settings))
        _, counts = await oversight.month(site)
        return answer(Usage(usage=counts.get("in", 0)))

    @post(
        "/1.1/get-subscription",
        status_code=200,
        opt=allow(PUBLIC, media="", body=KeyForm, body_media=FORM, answers=Subscription, also=WORD, refusals=REFUSALS),
    )
    async def get_subscription(
        self, request: Request[Any, Any, Any], access: NamedDependency[Access], settings: NamedDependency[Settings]
    ) -> Response[bytes]:
        """Give what WordPress wants to know before it takes a key: that the account is active."""
        site = await site_asking(request, access, await fields_of(request, settings))
        return answer(Subscription(account_id=zlib.crc32(site.id.encode()), account_name=site.name or site.id))

    @post(
        "/1.1/get-stats",
        status_code=200,
        opt=allow(PUBLIC, media="", body=KeyForm, body_media=FORM, answers=AccountStats, also=WORD, refusals=REFUSALS),
    )
    async def get_stats(
        self,
        request: Request[Any, Any, Any],
        access: NamedDependency[Access],
        oversight: NamedDependency[Oversight],
        settings: NamedDependency[Settings],
    ) -> Response[bytes]:
        """Give what WordPress shows of the last 60 days, 6 months, or of all that is counted."""
        fields = await fields_of(request, settings)
        site = await site_asking(request, access, fields)
        days = {"60-days": 60, "6-months": 183}.get(fields.get("from", ""), 400)
        counts: dict[str, int] = {}
        for day in await oversight.days(site, days):
            for name, count in day.counts.items():
                counts[name] = counts.get(name, 0) + count
        spam, ham, missed, wrong = counted(site, counts)
        accuracy = percentage(spam + ham - missed - wrong, spam + ham) if spam + ham else "100"
        return answer(AccountStats(spam=spam, ham=ham, missed_spam=missed, false_positives=wrong, accuracy=accuracy))

    @post(
        "/1.1/deactivate",
        status_code=200,
        opt=allow(PUBLIC, media="", body=KeyForm, body_media=FORM, answers=str, refusals=REFUSALS),
    )
    async def deactivate(
        self, request: Request[Any, Any, Any], access: NamedDependency[Access], settings: NamedDependency[Settings]
    ) -> Response[str]:
        """Take notice that a plugin is switched off. The key stays good until it is revoked."""
        await site_asking(request, access, await fields_of(request, settings))
        return bare("deactivated")

    @post(
        ["/1.1/verify-wpcom-key", "/1.1/token"],
        status_code=200,
        opt=allow(PUBLIC, media="", answers=str, refusals={}),
    )
    async def not_here(self) -> Response[str]:
        """Say that there are no accounts at WordPress.com here."""
        return bare("invalid")
