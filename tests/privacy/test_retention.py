"""What time takes: comments after the days of their site, never one that waits; old entries of the ledger into files."""

import asyncio
import gzip
import hashlib
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import msgspec
import pytest

from moderation import privacy
from moderation.app import House, house
from moderation.records import Policy, Site, Webhook
from moderation.settings import Settings, StoreSettings
from tests.faults.storm import SITE, fresh_comment
from tests.figures import tell


class Clock:
    """The time of the rooms; the store keeps its own."""

    def __init__(self) -> None:
        self.later = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.later


async def fill(rooms: House, comments: int, policy: Policy) -> Site:
    site = await rooms.sites.add(Site(id=SITE, policy=policy))
    for begin in range(0, comments, 500):
        todo = [fresh_comment(rooms, site) for _ in range(min(500, comments - begin))]
        await asyncio.gather(*[rooms.intake.submit(site, comment) for comment in todo])
    return site


async def statuses(rooms: House) -> dict[str, int]:
    counts: dict[str, int] = {"approved": 0, "pending": 0, "rejected": 0}
    after = 0
    while True:
        some = await rooms.comments.changed_since(SITE, after, 500)
        for one in some.comments:
            counts[one.status.value] += 1
        if not some.more:
            return counts
        after = some.cursor


async def purge_all(store_url: str, folder, comments: int) -> None:
    clock = Clock()
    settings = Settings(store=StoreSettings(url=store_url, data=folder))
    async with house(settings, clock) as rooms:
        site = await fill(rooms, comments, Policy(retention_days=90))
        before = await statuses(rooms)
        clock.later = timedelta(days=89)
        early = [await rooms.privacy.purge(site) for _ in range(comments // 100 + 2)]
        clock.later = timedelta(days=91)
        calls = []
        for _ in range(2 * (comments // 100) + 4):
            calls.append(await rooms.privacy.purge(site))
        after = await statuses(rooms)
        told = [entry async for entry in rooms.ledger.walk(SITE) if entry.line["e"] == "comment.purged"]
        waiting = (await rooms.queue.counts(SITE, ()))["total"]
        broken = await rooms.ledger.broken_at(SITE)
        kept_for_ever = await rooms.privacy.purge(msgspec.structs.replace(site, policy=Policy(retention_days=0)))
    old = before["approved"] + before["rejected"]
    tell(
        "H3 retention",
        comments,
        "all decided gone, pending kept",
        f"{sum(calls)} of {old} gone, {after['pending']} of {before['pending']} pending kept",
    )
    assert before["pending"] > 0
    assert old > 0
    assert sum(early) == 0
    assert after == {"approved": 0, "rejected": 0, "pending": before["pending"]}
    assert waiting == before["pending"], "what waits never goes"
    assert max(calls) <= 100
    assert len(told) == sum(calls) == old, "each is told in the ledger"
    assert broken is None
    assert kept_for_ever == 0


async def test_decided_comments_go_after_their_days_and_waiting_ones_never_do(store_url, tmp_path):
    await purge_all(store_url, tmp_path, 300)


async def test_a_purge_that_forgets_who_waits_is_found_out(store_url, tmp_path, monkeypatch):
    """The mutation: what waits for a moderator is as old as anything else."""
    monkeypatch.setattr(privacy, "Status", SimpleNamespace(PENDING=None))
    with pytest.raises(AssertionError):
        await purge_all(store_url, tmp_path, 60)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_retention_of_ten_thousand_comments(store_url, tmp_path):
    await purge_all(store_url, tmp_path, 10_000)


async def test_the_service_purges_by_itself(store_url, tmp_path):
    clock = Clock()
    async with house(Settings(store=StoreSettings(url=store_url, data=tmp_path)), clock) as rooms:
        await fill(rooms, 60, Policy(retention_days=1))
        clock.later = timedelta(days=2)
        await rooms.upkeep.step()
        left = await statuses(rooms)
    assert (left["approved"], left["rejected"]) == (0, 0)


async def test_old_entries_of_the_ledger_go_to_files_and_the_chain_goes_on(store_url, tmp_path):
    clock = Clock()
    settings = Settings(store=StoreSettings(url=store_url, data=tmp_path))
    async with house(settings, clock) as rooms:
        site = await fill(rooms, 150, Policy())
        entries = [entry async for entry in rooms.ledger.walk(SITE)]
        young = await rooms.files.archive(SITE)
        clock.later = timedelta(days=31)
        went = await rooms.files.archive(SITE)
        assert (young, went) == (0, len(entries))
        assert [entry async for entry in rooms.ledger.walk(SITE)] == []
        assert await rooms.files.broken_at(SITE) is None
        await rooms.intake.submit(site, fresh_comment(rooms, site))
        assert await rooms.ledger.broken_at(SITE) is None, "the next entry is chained to the last archived one"
        assert await rooms.files.broken_at(SITE) is None

        folder = tmp_path / "ledger" / SITE
        (file,) = folder.glob("*.jsonl.gz")
        kept = [msgspec.json.decode(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
        assert [one[0] for one in kept] == [entry.id for entry in entries]

        whole, told = file.read_bytes(), file.with_name(file.name + ".sha256").read_text()
        file.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
        assert await rooms.files.broken_at(SITE) == file.name, "the digest of the file tells"

        kept[70][1] = kept[70][1].replace("judged", "forged")
        forged = gzip.compress(b"".join(msgspec.json.encode(one) + b"\n" for one in kept))
        file.write_bytes(forged)
        file.with_name(file.name + ".sha256").write_text(hashlib.sha256(forged).hexdigest())
        assert await rooms.files.broken_at(SITE) == kept[70][0], "who mends the digest too is told by the chain"

        file.write_bytes(whole)
        file.with_name(file.name + ".sha256").write_text(told)
        assert await rooms.files.broken_at(SITE) is None
        file.unlink()
        assert await rooms.files.broken_at(SITE) is not None, "a file that is gone is missed"


async def test_what_a_webhook_has_not_read_stays_in_the_ledger(store_url, tmp_path):
    clock = Clock()
    async with house(Settings(store=StoreSettings(url=store_url, data=tmp_path)), clock) as rooms:
        site = await fill(rooms, 120, Policy())
        deliveries = rooms.courier._deliveries
        await deliveries.add(
            Webhook(id="w1", site=SITE, url="https://receiver.example/", created_at="2026-11-23T00:00:00Z")
        )
        read = await rooms.ledger.last(SITE)
        await asyncio.gather(*[rooms.intake.submit(site, fresh_comment(rooms, site)) for _ in range(30)])
        clock.later = timedelta(days=31)
        await rooms.files.archive(SITE)
        left = [entry async for entry in rooms.ledger.walk(SITE)]
    assert len(left) == 30
    assert left[0].id > read


async def test_a_tampered_entry_of_the_ledger_is_found(store_url, primaries, tmp_path):
    async with house(Settings(store=StoreSettings(url=store_url, data=tmp_path))) as rooms:
        await fill(rooms, 50, Policy())
        name = f"cm:{{{SITE}}}:ledger"
        client = next(one for one in primaries if one.dbsize() and name.encode() in one.keys("*:ledger"))
        rows = client.xrange(name)
        found = []
        for victim in (0, 20, len(rows) - 1):
            id_, _ = rows[victim]
            client.delete(name)
            for other, kept in rows:
                kept = {b"e": kept[b"e"].replace(b"comment", b"xomment"), b"h": kept[b"h"]} if other == id_ else kept
                client.xadd(name, kept, id=other)
            found.append(await rooms.ledger.broken_at(SITE) == id_.decode())
        client.delete(name)
        for other, kept in rows[:-1]:
            client.xadd(name, kept, id=other)
        cut = await rooms.ledger.broken_at(SITE)
    tell("F3 tampered entries", 4, "all found", f"{sum(found) + (cut is not None)} found")
    assert found == [True, True, True]
    assert cut == "head", "an entry that was cut off at the end is missed"
