"""Sites and keys: what changed is used soon, what was revoked is never remembered, and a new name keeps the policy."""

import asyncio
from typing import Any

import msgspec
import pytest

from moderation.app import House
from moderation.errors import FieldsInvalid, SiteExists, UnknownSite
from moderation.records import Policy, Role, Site
from moderation.store.connection import Connection
from moderation.store.scripts import Script
from moderation.store.sites import Sites

NOW = "2026-01-01T00:00:00Z"


async def test_a_site_has_one_id_that_fits_into_addresses(rooms: House) -> None:
    with pytest.raises(SiteExists):
        await rooms.sites.add(Site(id="news"))
    for wrong in ("", "-a", "A", "a" * 33, "a/b", "ä"):
        with pytest.raises(FieldsInvalid):
            await rooms.sites.add(Site(id=wrong))
    with pytest.raises(UnknownSite):
        await rooms.sites.site("nowhere")


async def test_writing_a_sites_name_does_not_bring_back_an_older_policy(rooms: House, site: Site) -> None:
    await rooms.sites.save_policy("news", Policy(version=1, trust_after=9))
    saved = await rooms.sites.save(msgspec.structs.replace(site, name="Evening News"))
    assert (saved.name, saved.policy.trust_after, saved.policy.version) == ("Evening News", 9, 2)
    assert await Sites(rooms.connection).site("news") == saved


async def test_a_new_policy_does_not_bring_back_an_older_name(
    rooms: House, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    renamed, run = [], rooms.connection.run

    async def run_late(script: Script, *about: Any, **more: Any) -> Any:
        if script.name == "save_policy" and not renamed:
            renamed.append(await Sites(rooms.connection).save(msgspec.structs.replace(site, name="Evening News")))
        return await run(script, *about, **more)

    monkeypatch.setattr(rooms.connection, "run", run_late)
    saved = await rooms.sites.save_policy("news", Policy(version=1, trust_after=9))
    assert (saved.name, saved.policy.version, saved.policy.trust_after) == ("Evening News", 2, 9)
    assert await Sites(rooms.connection).site("news") == saved
    assert [one.policy.version for one in await rooms.sites.policies(saved)] == [2, 1]


async def test_another_worker_uses_a_changed_site_once_it_is_ready(rooms: House) -> None:
    other = Sites(rooms.connection)
    before = await other.site("news")
    await other.refresh()
    prepared: list[Site] = []

    async def prepare(site: Site) -> None:
        assert (await other.site("news")) == before, "until it is ready it is used as it was"
        prepared.append(site)

    other.ready = prepare
    after = await rooms.sites.save_policy("news", Policy(version=1, blocked_words=("casino",)))
    assert await other.refresh()
    assert prepared == [after]
    assert await other.site("news") == after
    assert not await other.refresh()


async def test_a_key_that_is_revoked_while_it_is_looked_up_is_not_remembered(
    rooms: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, secret = await rooms.sites.create_key(Role.SITE, "news")
    other = Sites(rooms.connection)
    await other.refresh()
    execute = Connection.execute

    async def slow(self: Connection, *command: Any) -> Any:
        reply = await execute(self, *command)
        if command[0] == "HGET" and command[-1] == key.id:
            monkeypatch.setattr(Connection, "execute", execute)
            await rooms.sites.revoke_key(key.id)
            await other.refresh()
        return reply

    monkeypatch.setattr(Connection, "execute", slow)
    assert await other.key_of(secret, NOW), "it was asked for before it was revoked"
    assert await other.key_of(secret, NOW) is None


async def test_a_key_ends_when_it_shall_and_a_wrong_secret_is_none(rooms: House) -> None:
    _, secret = await rooms.sites.create_key(Role.SITE, "news", not_after="2026-06-01T00:00:00Z")
    assert await rooms.sites.key_of(secret, NOW)
    assert await rooms.sites.key_of(secret, "2026-06-01T00:00:00Z") is None
    for wrong in (secret + "x", secret[:-1], "cm1__", "", "x", secret.replace("cm1", "cm1_")):
        assert await rooms.sites.key_of(wrong, NOW) is None


async def test_of_many_changes_at_once_each_is_made_and_none_brings_back_an_older_policy(
    rooms: House, site: Site
) -> None:
    changes = [rooms.sites.save(msgspec.structs.replace(site, name=f"name {n}")) for n in range(6)]
    changes.insert(3, rooms.sites.save_policy("news", Policy(version=1, trust_after=9)))
    assert len(await asyncio.gather(*changes)) == 7
    kept = await Sites(rooms.connection).site("news")
    assert (kept.policy.version, kept.policy.trust_after) == (2, 9)
