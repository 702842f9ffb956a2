"""The ledger: entries stay in order, a changed one is found, and what was archived may go without breaking the chain."""

import asyncio

import msgspec
import pytest

from moderation.store import keys
from moderation.store.connection import Connection
from moderation.store.ledger import STAFF, Ledger, chained, order


@pytest.fixture
def ledger(connection: Connection) -> Ledger:
    return Ledger(connection)


async def test_an_empty_ledger_is_whole_and_has_nothing_to_read(ledger: Ledger) -> None:
    assert await ledger.read("news") == []
    assert await ledger.last("news") == "0-0"
    assert await ledger.broken_at("news") is None
    assert await ledger.begins_with("news") == ""
    assert [entry async for entry in ledger.walk("news")] == []


async def test_entries_come_newest_first_or_in_the_order_they_were_written(ledger: Ledger) -> None:
    for number in range(5):
        await ledger.append("news", "policy.changed", "ann", number=number)
    newest = await ledger.read("news", limit=2)
    assert [entry.line["number"] for entry in newest] == [4, 3]
    older = await ledger.read("news", before=newest[-1].id, limit=2)
    assert [entry.line["number"] for entry in older] == [2, 1]
    following = await ledger.read("news", after=older[-1].id)
    assert [entry.line["number"] for entry in following] == [2, 3, 4]
    assert await ledger.read("news", before="0-0") == []


async def test_concurrent_entries_are_one_chain(ledger: Ledger) -> None:
    stamps = await asyncio.gather(*(ledger.append("news", "author.marked", f"m{n}") for n in range(40)))
    entries = [entry async for entry in ledger.walk("news")]
    assert len(entries) == 40
    assert len(set(stamps)) == 40
    assert [order(entry.id) for entry in entries] == sorted(order(entry.id) for entry in entries)
    chain = ""
    for one in await ledger.oldest("news", entries[-1].id, 100):
        chain = chained(chain, one.id, one.line)
        assert one.hash == chain
    assert await ledger.broken_at("news") is None


async def test_each_site_and_the_staff_have_a_chain_of_their_own(ledger: Ledger) -> None:
    await ledger.append("news", "site.changed")
    await ledger.append("blog", "site.changed")
    await ledger.append(STAFF, "key.made", "ann")
    for site in ("news", "blog", STAFF):
        assert len(await ledger.read(site)) == 1
        assert await ledger.broken_at(site) is None


async def test_an_entry_that_was_taken_out_in_the_middle_is_found(ledger: Ledger, connection: Connection) -> None:
    for number in range(4):
        await ledger.append("news", "policy.changed", number=number)
    entries = [entry async for entry in ledger.walk("news")]
    await connection.execute("XDEL", keys.of_site("news").ledger, entries[1].id)
    assert await ledger.broken_at("news") == entries[2].id


async def test_a_tail_that_was_cut_off_is_found_by_the_head(ledger: Ledger, connection: Connection) -> None:
    for number in range(3):
        await ledger.append("news", "policy.changed", number=number)
    await connection.execute("XDEL", keys.of_site("news").ledger, await ledger.last("news"))
    assert await ledger.broken_at("news") == "head"


async def test_archived_entries_go_and_the_chain_goes_on_from_them(ledger: Ledger) -> None:
    for number in range(6):
        await ledger.append("news", "policy.changed", number=number)
    entries = [entry async for entry in ledger.walk("news")]
    archived = await ledger.oldest("news", entries[2].id, 100)
    assert [msgspec.json.decode(one.line)["number"] for one in archived] == [0, 1, 2]
    assert await ledger.forget("news", archived[0].id, archived[-1]) == 3
    assert await ledger.begins_with("news") == archived[-1].hash
    assert await ledger.broken_at("news") is None
    assert [entry.line["number"] async for entry in ledger.walk("news")] == [3, 4, 5]


async def test_of_two_that_archive_the_same_entries_one_takes_them_away(ledger: Ledger) -> None:
    for number in range(4):
        await ledger.append("news", "policy.changed", number=number)
    archived = await ledger.oldest("news", await ledger.last("news"), 2)
    went = await asyncio.gather(*(ledger.forget("news", archived[0].id, archived[-1]) for _ in range(3)))
    assert sorted(went) == [0, 0, 2]
    assert await ledger.broken_at("news") is None
