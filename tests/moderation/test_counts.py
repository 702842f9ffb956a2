"""Counts: what no script counts is added beside what they do, for a site and a day, and goes by itself."""

from moderation.digests import Arrival
from moderation.records import Comment, Outcome, Site, Verdict
from moderation.store import keys
from moderation.store.comments import Comments
from moderation.store.connection import Connection
from moderation.store.counts import Counts
from moderation.store.sites import Sites


async def test_counts_add_up_by_day_and_days_are_given_in_the_order_they_were_asked_for(connection: Connection):
    counts = Counts(connection)
    await counts.add("news", "2026-01-01", {"missed_spam": 1, "false_positives": 2})
    await counts.add("news", "2026-01-01", {"missed_spam": 3})
    await counts.add("news", "2026-01-02", {"missed_spam": 5})
    assert await counts.of_days("news", ["2026-01-02", "2025-12-31", "2026-01-01"]) == [
        {"missed_spam": 5},
        {},
        {"missed_spam": 4, "false_positives": 2},
    ]
    assert await counts.of_days("other", ["2026-01-01"]) == [{}]
    assert await counts.of_days("news", []) == []


async def test_a_day_is_kept_for_four_hundred_days(connection: Connection):
    await Counts(connection).add("news", "2026-01-01", {"in": 1})
    left = await connection.execute("TTL", keys.of_site("news").day("2026-01-01"))
    assert 399 * 86_400 < left <= 400 * 86_400


async def test_what_the_scripts_count_stands_beside_it(connection: Connection):
    site = await Sites(connection).add(Site(id="news"))
    arrival = Arrival(comment=Comment(id="news-1", site="news", text="text"), author="a")
    await Comments(connection).record(site, [(arrival, Verdict(outcome=Outcome.HOLD))], day="2026-01-01")
    counts = Counts(connection)
    await counts.add("news", "2026-01-01", {"missed_spam": 1})
    (day,) = await counts.of_days("news", ["2026-01-01"])
    assert (day["in"], day["v:hold"], day["missed_spam"]) == (1, 1, 1)
