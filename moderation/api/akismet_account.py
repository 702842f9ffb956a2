"""What Akismet's clients ask about an account. Here an account is a site, and its figures are the counts of its days."""

import zlib
from typing import Any

from litestar import Controller, Response, get, post, route
from litestar.di import NamedDependency

from moderation.api.akismet import FORM, REFUSALS, WORD, Asked, asked, bare, on_error
from moderation.api.akismet_shapes import AccountStats, KeyForm, KeySites, Subscription, Usage, counted, percentage
from moderation.api.bodies import answer
from moderation.api.dialects import in_words
from moderation.api.gate import PUBLIC, allow
from moderation.oversight import Oversight


class Account(Controller):
    """What Akismet's clients ask about an account: here, about a site."""

    tags = ["akismet"]
    exception_handlers = in_words(on_error)
    dependencies = {"asked": asked("api_key", "key")}

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
    async def key_sites(self, asked: NamedDependency[Asked], oversight: NamedDependency[Oversight]) -> Response[Any]:
        """Give what a month's checks came to for the one site of a key; `format=csv` gives a table."""
        site, fields, key = asked
        wanted = KeySites.of(fields)
        month, counts = await oversight.month(site, wanted.month)
        rows = wanted.rows(site, counted(site, counts))
        if wanted.format == "csv":
            return bare(wanted.table(key, month, rows))
        return answer({month: rows, "limit": wanted.limit, "offset": wanted.offset, "total": len(rows)})

    @route(
        "/1.2/usage-limit",
        http_method=["GET", "POST"],
        status_code=200,
        opt=allow(PUBLIC, media="", body=KeyForm, body_media=FORM, answers=Usage, also=WORD, refusals=REFUSALS),
    )
    async def usage_limit(
        self, asked: NamedDependency[Asked], oversight: NamedDependency[Oversight]
    ) -> Response[bytes]:
        """Give how many checks this month has seen. There is no limit."""
        _, counts = await oversight.month(asked.site)
        return answer(Usage(usage=counts.get("in", 0)))

    @post(
        "/1.1/get-subscription",
        status_code=200,
        opt=allow(PUBLIC, media="", body=KeyForm, body_media=FORM, answers=Subscription, also=WORD, refusals=REFUSALS),
    )
    async def get_subscription(self, asked: NamedDependency[Asked]) -> Response[bytes]:
        """Give what WordPress wants to know before it takes a key: that the account is active."""
        site = asked.site
        return answer(Subscription(account_id=zlib.crc32(site.id.encode()), account_name=site.name or site.id))

    @post(
        "/1.1/get-stats",
        status_code=200,
        opt=allow(PUBLIC, media="", body=KeyForm, body_media=FORM, answers=AccountStats, also=WORD, refusals=REFUSALS),
    )
    async def get_stats(self, asked: NamedDependency[Asked], oversight: NamedDependency[Oversight]) -> Response[bytes]:
        """Give what WordPress shows of the last 60 days, 6 months, or of all that is counted."""
        site, fields, _ = asked
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
    async def deactivate(self, asked: NamedDependency[Asked]) -> Response[str]:
        """Take notice that a plugin is switched off. The key stays good until it is revoked."""
        return bare("deactivated")

    @post(
        ["/1.1/verify-wpcom-key", "/1.1/token"],
        status_code=200,
        opt=allow(PUBLIC, media="", answers=str, refusals={}),
    )
    async def not_here(self) -> Response[str]:
        """Say that there are no accounts at WordPress.com here."""
        return bare("invalid")
