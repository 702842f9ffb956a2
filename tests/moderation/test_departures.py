"""A site that is deleted: refused at once, gone soon with all it held, its ledger kept, and other sites untouched."""

import asyncio
import json
import time
from datetime import timedelta

import msgspec
import pytest
from structlog.testing import capture_logs

from moderation import departures as leaving
from moderation.app import house
from moderation.departures import GRACE_SECONDS
from moderation.errors import FieldsInvalid, SiteExists, UnknownSite
from moderation.records import Role, Site
from moderation.settings import Settings, load
from moderation.store.ledger import STAFF
from moderation.store.snapshot import SnapshotFailed
from tests.servers import BackgroundWork, embedded
from tests.service import ABUSE, a_comment, command, serving, wait_for


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("departures") / "data") as running:
        yield running


@pytest.fixture
def filled(service):
    """Add a site that has comments, a held one, a decision, a key of each kind and a webhook; give its name and a client."""
    name = f"leaving{time.monotonic_ns() % 10**9}"
    admin = service.http(service.first["admin_key"])
    assert admin.post("/v1/sites", json={"id": name}).status_code == 201
    made = admin.post("/v1/keys", json={"role": "site", "site": name}).json()
    site = service.http(made["key"])
    ids = [
        site.post("/v1/comments", json=a_comment(text, email=f"r{at}@posteo.net")).json()["id"]
        for at, text in enumerate(["A calm word", ABUSE, ABUSE + " there"])
    ]
    assert admin.post(f"/v1/queue/{ids[1]}/decision", json={"decision": "reject", "reason": "toxic"}).status_code == 200
    return name, site, admin


def keys_of(service, name):
    async def look():
        async with house(load({"MODERATION_DATA": str(service.data)})) as rooms:
            return [key async for key in rooms.connection.client.scan_iter(match=f"cm:{{{name}}}:*", count=1000)]

    return look()


async def test_a_deleted_site_is_refused_at_once_and_gone_soon(service, filled):
    name, site, admin = filled
    assert await keys_of(service, name)
    wrong = admin.request("DELETE", f"/v1/sites/{name}", json={"confirm": "another"})
    assert (wrong.status_code, wrong.json()["errors"][0]["code"]) == (422, "not_confirmed")
    assert site.get("/v1/comments").status_code == 200
    gone = admin.request("DELETE", f"/v1/sites/{name}", json={"confirm": name})
    assert gone.status_code == 200, gone.text
    assert gone.json() == {"site": name, "comments": 3, "waiting": 1, "labels": 1}
    assert site.post("/v1/comments", json=a_comment()).status_code == 401
    assert admin.get(f"/v1/sites/{name}/policy").status_code == 404
    assert admin.post("/v1/sites", json={"id": name}).json()["code"] == "site_exists", "until nothing of it is left"
    wait_for(lambda: admin.post("/v1/sites", json={"id": name}).status_code == 201, 40)
    assert {key.decode().rpartition(":")[2] for key in await keys_of(service, name)} <= {"ledger", "head"}
    assert admin.get("/v1/comments", params={"site": name}).json()["comments"] == []
    assert service.site.get("/v1/comments").status_code == 200, "the other sites are as they were"


async def test_its_ledger_stays_as_files_and_the_staffs_says_who(service, filled):
    name, _, admin = filled
    admin.request("DELETE", f"/v1/sites/{name}", json={"confirm": name})
    entry = admin.get("/v1/ledger", params={"site": ".staff", "limit": 5}).json()["entries"][0]
    assert entry.get("line", entry)["site"] == name
    folder = service.data / "ledger"
    wait_for(lambda: list(folder.glob(f"{name}.*/*.jsonl.gz")), 40)
    assert list(folder.glob(f"{name}.*/*.sha256"))
    assert not (folder / name).exists()


def test_only_an_admin_of_the_whole_service_deletes_a_site(service, filled):
    name, site, admin = filled
    for client in (site, service.http(admin.post("/v1/keys", json={"role": "moderator", "site": name}).json()["key"])):
        assert client.request("DELETE", f"/v1/sites/{name}", json={"confirm": name}).status_code == 403
    one = service.http(admin.post("/v1/keys", json={"role": "admin", "site": name}).json()["key"])
    assert one.request("DELETE", f"/v1/sites/{name}", json={"confirm": name}).status_code == 403
    assert site.get("/v1/comments").status_code == 200


def test_the_command_deletes_a_site_beside_a_running_service(service, filled):
    name, site, _ = filled
    assert "not_confirmed" not in command("site", "delete", name, "--confirm", "another", data=service.data, status=2)
    said = command("site", "delete", name, "--confirm", name, data=service.data)
    assert "3 comments (1 waiting) and 1 labels" in said
    assert "is gone" in said
    wait_for(lambda: site.get("/v1/comments").status_code == 401)
    assert name not in command("site", "list", data=service.data)


async def test_what_a_crash_interrupts_is_brought_to_its_end(rooms, site):
    await rooms.sites.create_key(Role.COMPAT, "news", value="abcdefabcdef")
    with pytest.raises(FieldsInvalid):
        await rooms.departures.delete("news", "other", "ann")
    await rooms.departures.delete("news", "news", "ann")
    with pytest.raises(UnknownSite):
        await rooms.departures.held("news")
    with pytest.raises(SiteExists):
        await rooms.sites.add(Site(id="news"))
    assert await rooms.departures.finish() == 0, "the other workers do not know yet"
    entries = await rooms.ledger.read(STAFF, limit=1)
    assert entries[0].line["e"] == "site.deleted"
    later = rooms.now() + timedelta(seconds=GRACE_SECONDS + 1)
    rooms.departures._now = lambda: later
    assert await rooms.departures.finish() == 1
    assert await rooms.departures.open() == []
    assert [key async for key in rooms.connection.client.scan_iter(match="cm:{news}:*")] == []
    await rooms.sites.add(Site(id="news"))
    key, _ = await rooms.sites.create_key(Role.COMPAT, "news", value="abcdefabcdef")
    assert key.site == "news", "its compat key may be used again"
    assert json.loads(msgspec.json.encode(await rooms.departures.held("news")))["comments"] == 0


@pytest.fixture
async def breakable(tmp_path):
    """Give the rooms on a server whose work may be broken, after two sites were deleted there; and that work."""
    with embedded(tmp_path) as (settings, pid):
        async with house(Settings(store=settings)) as rooms:
            for name in ("blog", "news"):
                await rooms.sites.add(Site(id=name))
                await rooms.departures.delete(name, name, "ann")
            later = rooms.now() + timedelta(seconds=GRACE_SECONDS + 1)
            rooms.departures._now = lambda: later
            yield rooms, BackgroundWork(rooms.connection, pid)


async def test_a_site_is_not_gone_before_it_is_out_of_the_stores_files(breakable):
    rooms, work = breakable
    await work.slow(1_000_000)
    finishing = asyncio.ensure_future(rooms.departures.finish())
    await work.kill()
    with pytest.raises(SnapshotFailed):
        await finishing
    assert [one.site for one in await rooms.departures.open()] == ["blog", "news"]
    with pytest.raises(SiteExists):
        await rooms.sites.add(Site(id="blog"))
    await work.slow(0)
    assert await rooms.departures.finish() == 2
    assert await rooms.departures.open() == []


async def test_files_that_could_not_be_written_anew_are_told_and_tried_again(breakable, monkeypatch):
    rooms, work = breakable
    monkeypatch.setattr(leaving, "AGAIN_SECONDS", 0.1)
    await work.slow(1_000_000)
    with capture_logs() as lines:
        running = asyncio.ensure_future(rooms.departures.run())
        await work.kill()
        await work.slow(0)
        async with asyncio.timeout(10):
            while await rooms.departures.open():
                await asyncio.sleep(0.05)
        running.cancel()
    assert {line["cause"] for line in lines} == {"the store could not write its files anew; look at its disk"}


async def test_where_the_files_may_not_be_written_anew_a_site_goes_all_the_same_and_it_is_told(breakable):
    rooms, _ = breakable
    await rooms.connection.execute("ACL", "SETUSER", "default", "-bgrewriteaof")
    with capture_logs() as lines:
        assert await rooms.departures.finish() == 2
    assert [(line["event"], line["site"]) for line in lines] == [("files_kept", "blog"), ("files_kept", "news")]
    assert await rooms.departures.open() == []
