"""Oversight: the counts of days and months, the search, and news while they happen, each within its bounds."""

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from moderation import oversight as overseeing
from moderation.digests import Arrival
from moderation.errors import Overloaded
from moderation.oversight import STREAMS_EACH, Oversight
from moderation.records import Comment, Outcome, Site, Verdict
from moderation.store.comments import Comments
from moderation.store.connection import Connection
from moderation.store.counts import Counts
from moderation.store.ledger import Ledger
from moderation.store.queue import Queue
from moderation.store.sites import Sites

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SITE = Site(id="news")


@pytest.fixture
async def oversight(connection: Connection) -> Oversight:
    comments = Comments(connection)
    await Sites(connection).add(SITE)
    return Oversight(connection, Queue(connection, comments), Ledger(connection), comments, lambda: NOW, streams=30)


async def record(connection: Connection, *texts: str, outcome: Outcome = Outcome.APPROVE, name: str = "Ann") -> None:
    made = [
        (
            Arrival(comment=Comment(id=f"news-{text}", site="news", text=text, name=name), author="a"),
            Verdict(outcome=outcome),
        )
        for text in texts
    ]
    await Comments(connection).record(SITE, made, day="2026-03-02")


async def test_days_end_today_and_months_add_theirs_up(oversight: Oversight, connection: Connection) -> None:
    counts = Counts(connection)
    for day, count in (("2026-02-27", 1), ("2026-02-28", 2), ("2026-03-01", 4), ("2026-03-02", 8)):
        await counts.add("news", day, {"in": count})
    days = await oversight.days(SITE, 3)
    assert [(day.day, day.counts["in"]) for day in days] == [("2026-02-28", 2), ("2026-03-01", 4), ("2026-03-02", 8)]
    assert len(await oversight.days(SITE, 9999)) == 400
    assert await oversight.month(SITE) == ("2026-03", {"in": 12})
    assert await oversight.month(SITE, "2026-02") == ("2026-02", {"in": 3})
    assert await oversight.month(SITE, "2026-04") == ("2026-04", {})
    for nonsense in ("2026-13", "soon", "0000-00", "2026-03-02"):
        assert await oversight.month(SITE, nonsense) == ("2026-03", {"in": 12})


async def test_a_search_finds_text_and_name_in_any_case_and_goes_on_where_it_stopped(
    oversight: Oversight, connection: Connection
) -> None:
    await record(connection, *[f"Stra\u00dfe {number}" for number in range(5)])
    await record(connection, "waiting", outcome=Outcome.HOLD, name="STRASSE")
    seen, cursor = [], None
    while True:
        found = await oversight.search(SITE, "strasse", "", cursor, 4)
        seen += [one.text for one in found.comments]
        cursor = found.cursor
        if cursor is None:
            break
    assert seen == ["waiting", *[f"Stra\u00dfe {number}" for number in range(4, -1, -1)]]
    assert [one.text for one in (await oversight.search(SITE, "", "pending", None, 10)).comments] == ["waiting"]
    assert (await oversight.search(SITE, "nothing like it", "", None, 10)).comments == []
    (known,) = (await oversight.search(SITE, "", "pending", None, 10)).comments
    assert (await oversight.search(SITE, known.id, "", None, 10)).comments == [known]
    exact = await oversight.search(SITE, "", "", None, 6)
    assert (len(exact.comments), exact.cursor) == (6, None), "a full page at the end has no next one"


async def test_a_search_ends_at_its_bound_and_says_that_it_goes_on(
    oversight: Oversight, connection: Connection, monkeypatch
) -> None:
    monkeypatch.setattr(overseeing, "LOOK_AT_MOST", 200)
    await record(connection, "the oldest")
    for begin in range(0, 250, 50):
        await record(connection, *[f"text {begin + at}" for at in range(50)])
    first = await oversight.search(SITE, "oldest", "", None, 10)
    assert (first.comments, first.complete) == ([], False)
    second = await oversight.search(SITE, "oldest", "", first.cursor, 10)
    assert ([one.text for one in second.comments], second.complete, second.cursor) == (["the oldest"], True, None)


async def test_what_waits_is_counted_and_its_oldest_timed(oversight: Oversight, connection: Connection) -> None:
    oversight._now = lambda: datetime.now(UTC) + timedelta(minutes=10)
    assert await oversight.waiting(SITE, ()) == ({"total": 0}, 0.0)
    await record(connection, "one", "two", outcome=Outcome.HOLD)
    counts, seconds = await oversight.waiting(SITE, ())
    assert counts["total"] == 2
    assert 600 <= seconds < 660


async def test_news_are_told_from_where_one_stopped_and_a_stream_that_ends_makes_room(
    oversight: Oversight, connection: Connection, monkeypatch
) -> None:
    monkeypatch.setattr(overseeing, "POLL_SECONDS", 0.01)
    ledger = Ledger(connection)
    await ledger.append("news", "site.changed", "m1")
    start = await ledger.last("news")
    await ledger.append("news", "missed", "m1")
    news = oversight.news(SITE, start, "m1")
    assert await anext(news) is None, "the headers leave at once"
    assert (await anext(news)).line["e"] == "missed"
    following = asyncio.ensure_future(anext(news))
    await asyncio.sleep(0.03)
    await ledger.append("news", "fresh", "m1")
    assert (await asyncio.wait_for(following, 5)).line["e"] == "fresh"
    assert dict(oversight._open) == {"m1": 1}
    await news.aclose()
    assert dict(oversight._open) == {}, "nobody is remembered who is gone"

    late = oversight.news(SITE, "", "m1")
    assert await anext(late) is None
    await ledger.append("news", "after", "m1")
    assert (await anext(late)).line["e"] == "after", "without a place news begin now"
    await late.aclose()


async def test_a_stream_ends_by_itself_so_that_whoever_follows_is_looked_at_again(
    oversight: Oversight, monkeypatch
) -> None:
    monkeypatch.setattr(overseeing, "STREAM_SECONDS", 0.05)
    monkeypatch.setattr(overseeing, "POLL_SECONDS", 0.01)
    assert [entry async for entry in oversight.news(SITE, "", "m1")] == [None]


async def test_one_person_and_all_together_follow_only_so_many_streams(oversight: Oversight) -> None:
    streams = [oversight.news(SITE, "", "m1") for _ in range(STREAMS_EACH)]
    for stream in streams:
        await anext(stream)
    with pytest.raises(Overloaded):
        oversight.require_stream("m1")
    oversight.require_stream("m2")
    more = [oversight.news(SITE, "", f"m{number}") for number in range(2, 12)]
    for stream in more:
        await anext(stream)
    with pytest.raises(Overloaded):
        oversight.require_stream("m99")
    await streams[0].aclose()
    oversight.require_stream("m99")
    for stream in [*streams, *more]:
        await stream.aclose()


async def test_the_staffs_ledger_is_read_under_no_sites_name(oversight: Oversight, connection: Connection) -> None:
    await Ledger(connection).append("", "key.created", "m1")
    (entry,) = await oversight.entries("")
    assert msgspec.json.encode(entry.line) == b'{"e":"key.created","by":"m1"}'
    assert await oversight.entries("news") == []
