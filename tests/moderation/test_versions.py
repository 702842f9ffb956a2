"""Versions: processes follow their host's registry, hosts follow each other, and what cannot be opened changes nothing."""

import asyncio
import shutil
import time

import msgspec
import pytest

from classifiers.card import write_card
from classifiers.manifest import read_manifest, write_manifest
from classifiers.registry import Pointers, Registry
from classifiers.scorer import Item, bundled
from moderation.errors import StoreUnavailable
from moderation.records import Comment
from moderation.scoring.models import Models
from moderation.store import keys
from moderation.store.ledger import STAFF, Ledger
from moderation.store.models import SharedModels
from moderation.telemetry import Telemetry
from moderation.versions import REST_SECONDS, Versions
from tests.versions import WAYS_TO_BREAK, added


class Host:
    """One worker of one host, with a clock that only moves when told."""

    def __init__(self, folder, connection):
        self.seconds = 0.0
        self.registry = Registry(folder)
        self.models = Models(time.monotonic, timeout=30.0)
        self.telemetry = Telemetry()
        self.ledger = Ledger(connection)
        self.versions = Versions(
            self.registry, SharedModels(connection), self.models, self.telemetry, self.ledger, lambda: self.seconds
        )

    @property
    def serves(self):
        scored, _ = self.models.score([Comment(id="s-1", site="s", text="Thank you for this")])
        assert not scored[0].degraded
        assert scored[0].versions == self.models.versions
        return self.models.versions


@pytest.fixture
async def hosts(tmp_path, connection):
    """Give two hosts that share a store, both serving the bundled version."""
    both = Host(tmp_path / "a", connection), Host(tmp_path / "b", connection)
    for host in both:
        await host.versions.start()
        await host.versions.follow()
    return both


async def promoted(host, *names):
    """Add versions to a host and promote them, one after the other."""
    for name in names:
        added(host.registry, name)
        host.registry.promote(name)
        await host.versions.follow()


async def come_late(tmp_path, connection):
    """Start a host that was not there when the versions were promoted."""
    late = Host(tmp_path / "late", connection)
    await late.versions.start()
    await late.versions.follow()
    return late


async def test_a_fresh_host_serves_the_bundled_version_and_writes_nothing(hosts):
    for host in hosts:
        assert host.serves == (bundled().version,)
        assert not host.registry.root.exists()


async def test_what_one_host_promotes_the_other_serves(hosts):
    here, there = hosts
    added(here.registry, "v2", shift=1.0)
    here.registry.promote("v2")
    await here.versions.follow()
    assert here.serves == ("v2",)
    await there.versions.follow()
    assert there.serves == ("v2",)
    item = [Item("a text like any other")]
    first, second = (host.versions._open["v2"].score(item)[0].values for host in hosts)
    assert first == second != bundled().score(item)[0].values


async def test_a_rollback_on_either_host_takes_both_back(hosts):
    here, there = hosts
    for name in ("v2", "v3"):
        await promoted(here, name)
        await there.versions.follow()
    there.registry.rollback()
    await there.versions.follow()
    await here.versions.follow()
    assert here.serves == there.serves == ("v2",)
    here.registry.rollback()
    await here.versions.follow()
    await there.versions.follow()
    assert here.serves == there.serves == (bundled().version,)


async def test_a_shadow_is_seated_beside_the_active_version_on_every_host(hosts):
    here, there = hosts
    added(here.registry, "v2", shift=1.0)
    here.registry.set_shadow("v2")
    await here.versions.follow()
    await there.versions.follow()
    assert there.serves == (bundled().version, "v2")
    here.registry.promote("v2")
    await here.versions.follow()
    await there.versions.follow()
    assert there.serves == ("v2",)


async def test_back_at_the_bundled_version_every_host_follows_its_own_and_the_store_keeps_none(hosts, connection):
    here, there = hosts
    added(here.registry, "v2")
    here.registry.promote("v2")
    await here.versions.follow()
    await there.versions.follow()
    there.registry.rollback()
    await there.versions.follow()
    await here.versions.follow()
    assert here.registry.pointers() == there.registry.pointers() == Pointers()
    assert here.serves == there.serves == (bundled().version,)
    assert await connection.execute("HKEYS", keys.MODEL_FILES) == []


async def test_a_host_that_came_later_rolls_back_to_the_version_before_and_not_past_it(hosts, tmp_path, connection):
    here, _ = hosts
    await promoted(here, "v2", "v3")
    late = await come_late(tmp_path, connection)
    assert late.serves == ("v3",)
    assert late.registry.rollback().version == "v2"
    await late.versions.follow()
    await here.versions.follow()
    assert late.serves == here.serves == ("v2",)


async def test_a_version_before_that_is_damaged_in_the_store_hinders_no_host(hosts, tmp_path, connection):
    here, _ = hosts
    await promoted(here, "v2", "v3")
    await a_piece_is_cut(connection)
    late = await come_late(tmp_path, connection)
    assert late.serves == ("v3",)


async def test_a_version_that_a_file_names_for_both_seats_scores_once(hosts):
    here, _ = hosts
    added(here.registry, "v2")
    here.registry.promote("v2")
    (here.registry.root / "shadow.json").write_text('{"version": "v2"}')
    await here.versions.follow()
    assert here.serves == ("v2",)
    assert here.versions.warnings == ()


async def test_only_the_versions_that_may_be_asked_for_are_kept_in_the_store(hosts, connection):
    here, _ = hosts
    for number in range(2, 5):
        added(here.registry, f"v{number}")
        here.registry.promote(f"v{number}")
        await here.versions.follow()
    kept = await connection.execute("HKEYS", keys.MODEL_FILES)
    assert sorted(kept) == [b"v3", b"v4"]
    files = [key async for key in connection.client.scan_iter("cm:{models}:file:*", count=1000)]
    assert {key.decode().split(":")[3] for key in files} == {"v3", "v4"}


async def test_two_workers_of_one_host_publish_once(tmp_path, connection):
    workers = Host(tmp_path / "a", connection), Host(tmp_path / "a", connection)
    for worker in workers:
        await worker.versions.start()
    added(workers[0].registry, "v2")
    workers[0].registry.promote("v2")
    await asyncio.gather(*(worker.versions.follow() for worker in workers))
    await asyncio.gather(*(worker.versions.follow() for worker in workers))
    assert [worker.serves for worker in workers] == [("v2",), ("v2",)]
    assert (await SharedModels(connection).pointers()).generation == 1


async def told(ledger):
    """Give what the ledger of the staff says of models, oldest first."""
    return [entry.line async for entry in ledger.walk(STAFF)]


async def test_a_move_by_another_command_is_in_the_ledger_once_though_several_workers_follow(tmp_path, connection):
    workers = [Host(tmp_path / "a", connection) for _ in range(3)] + [Host(tmp_path / "b", connection)]
    for worker in workers:
        await worker.versions.start()
    added(workers[0].registry, "v2")
    gate = {"checks": [{"passed": True, "words": "as fast"}, {"passed": False, "words": "ranks worse"}]}
    workers[0].registry.promote("v2", by="ann", evidence={"forced": True, "gate": gate})
    for _ in range(2):
        await asyncio.gather(*(worker.versions.follow() for worker in workers))
    workers[3].registry.rollback()
    for worker in reversed(workers):
        await worker.versions.follow()
    was = bundled().version
    assert await told(workers[0].ledger) == [
        {"e": "model.promoted", "by": "ann", "version": "v2", "was": was, "forced": True, "against": ["ranks worse"]},
        {"e": "model.rolled_back", "by": "cli", "version": was, "was": "v2"},
    ]


async def test_a_move_that_the_store_refused_is_told_at_the_next_try_and_the_one_before_not_again(
    hosts, connection, monkeypatch
):
    here, _ = hosts
    added(here.registry, "v2")
    here.registry.set_shadow("v2", by="ann")
    here.registry.promote("v2", by="bea")
    append = here.ledger.append

    async def once(site, event, by, **facts):
        if by == "bea":
            raise StoreUnavailable("the store does not answer")
        return await append(site, event, by, **facts)

    monkeypatch.setattr(here.ledger, "append", once)
    with pytest.raises(StoreUnavailable):
        await here.versions.follow()
    monkeypatch.undo()
    await here.versions.follow()
    assert [(one["e"], one["by"]) for one in await told(here.ledger)] == [
        ("model.shadow", "ann"),
        ("model.promoted", "bea"),
    ]


async def test_a_store_that_was_emptied_is_told_again(hosts, connection):
    here, there = hosts
    added(here.registry, "v2")
    here.registry.promote("v2")
    await here.versions.follow()
    await connection.execute("FLUSHALL")
    await here.versions.follow()
    assert here.serves == ("v2",)
    await there.versions.follow()
    assert there.serves == ("v2",)


@pytest.mark.parametrize("breaks", WAYS_TO_BREAK, ids=lambda breaks: breaks.__name__)
async def test_a_broken_version_leaves_the_old_one_serving(hosts, breaks):
    here, _ = hosts
    before = here.serves
    folder = added(here.registry, "v2")
    whole = folder.with_name("whole")
    shutil.copytree(folder, whole)
    here.registry.promote("v2")
    breaks(folder)
    await here.versions.follow()
    assert here.serves == before
    assert any("v2" in warning for warning in here.versions.warnings), here.versions.warnings
    # nobody tries again at once
    shutil.rmtree(folder)
    whole.rename(folder)
    await here.versions.follow()
    assert here.serves == before
    here.seconds += REST_SECONDS + 1
    await here.versions.follow()
    assert here.serves == ("v2",)
    assert here.versions.warnings == ()


@pytest.mark.parametrize("breaks", WAYS_TO_BREAK, ids=lambda breaks: breaks.__name__)
async def test_with_a_broken_version_at_the_start_the_bundled_one_serves(tmp_path, connection, breaks):
    host = Host(tmp_path / "a", connection)
    folder = added(host.registry, "v2")
    host.registry.promote("v2")
    breaks(folder)
    await host.versions.start()
    assert host.serves == (bundled().version,)
    assert host.versions.warnings
    body = host.telemetry.exposition()[0].decode()
    assert 'moderation_models_changed_total{change="failed"} 1.0' in body


async def a_piece_is_lost(connection):
    await connection.execute("DEL", keys.model_file("v2", "weights.npy"))


async def a_piece_is_cut(connection):
    kept = await connection.execute("GETRANGE", keys.model_file("v2", "weights.npy"), 0, 999)
    await connection.execute("SET", keys.model_file("v2", "weights.npy"), kept)


async def a_bit_is_flipped(connection):
    await connection.execute("SETRANGE", keys.model_file("v2", "head.npy"), 500, b"\x7f\x01\x7f")


async def the_manifest_is_lost(connection):
    await connection.execute("DEL", keys.model_file("v2", "manifest.json"))


async def the_manifest_is_another_ones(connection):
    key = keys.model_file("v2", "manifest.json")
    await connection.execute("SET", key, (await connection.execute("GET", key)).replace(b'"v2"', b'"v9"'))


async def the_manifest_names_a_path(connection):
    key = keys.model_file("v2", "manifest.json")
    changed = (await connection.execute("GET", key)).replace(b'"head.npy"', b'"../../head.npy"')
    await connection.execute("SET", key, changed)


async def the_manifest_claims_a_gigabyte(connection):
    key = keys.model_file("v2", "manifest.json")
    changed = (await connection.execute("GET", key)).replace(b'"size": ', b'"size": 1000')
    await connection.execute("SET", key, changed)


async def the_pointer_is_none(connection):
    await connection.execute("HSET", keys.MODELS, "active", b"\xff{")


@pytest.mark.parametrize(
    "damage",
    [
        a_piece_is_lost, a_piece_is_cut, a_bit_is_flipped, the_manifest_is_lost, the_manifest_is_another_ones,
        the_manifest_names_a_path, the_manifest_claims_a_gigabyte, the_pointer_is_none,
    ],
    ids=lambda damage: damage.__name__,
)  # fmt: skip
async def test_what_is_damaged_on_the_way_is_not_taken_over(hosts, connection, damage, tmp_path):
    here, there = hosts
    before = there.serves
    added(here.registry, "v2")
    here.registry.promote("v2")
    await here.versions.follow()
    await damage(connection)
    await there.versions.follow()
    assert there.serves == before
    assert there.versions.warnings
    assert [one.manifest.version for one in there.registry.list()] == list(before)
    assert not [path for path in tmp_path.rglob("*") if ".staging" in path.name]
    # a version that is whole is taken over at once, whatever failed before
    added(here.registry, "v3")
    here.registry.promote("v3")
    await here.versions.follow()
    await here.versions.follow()
    await there.versions.follow()
    assert there.serves == ("v3",)
    assert there.versions.warnings == ()


DIFFER = "this host and the store each have a version named demo-2, and they differ: rename the one here, or remove it"


async def test_two_versions_of_one_name_are_told_apart_and_each_host_keeps_what_it_has(hosts):
    here, there = hosts
    added(here.registry, "demo-2", shift=1.0)
    other = added(there.registry, "demo-2", shift=-1.0)
    before = there.serves
    here.registry.promote("demo-2")
    await here.versions.follow()
    await there.versions.follow()
    assert (here.serves, there.serves) == (("demo-2",), before)
    assert there.registry.pointers() == Pointers()
    assert there.versions.warnings == (f"the models in the store, generation 1: {DIFFER}",)
    # gone from here, the other host's is fetched
    shutil.rmtree(other)
    there.seconds += REST_SECONDS + 1
    await there.versions.follow()
    assert there.serves == ("demo-2",)
    assert there.versions.warnings == ()
    item = [Item("a text like any other")]
    assert len({str(host.versions._open["demo-2"].score(item)[0].values) for host in hosts}) == 1


async def test_a_host_that_promotes_its_own_version_of_a_name_in_the_store_is_told(hosts):
    here, there = hosts
    added(here.registry, "demo-2", shift=1.0)
    here.registry.set_shadow("demo-2")
    await here.versions.follow()
    await there.versions.follow()
    shutil.rmtree(there.registry.path("demo-2"))
    added(there.registry, "demo-2", shift=-1.0)
    there.registry.promote("demo-2")
    await there.versions.follow()
    assert DIFFER in there.versions.warnings[0]
    await here.versions.follow()
    assert here.serves == (bundled().version, "demo-2")


@pytest.mark.parametrize(
    "changes", [{"thresholds": {"spam": {"precision_0.90": 0.123}}}, {"languages": {}}, {"features": {}}], ids=str
)
async def test_versions_that_differ_in_their_manifest_alone_are_two(hosts, changes):
    here, there = hosts
    added(here.registry, "demo-2")
    folder = added(there.registry, "demo-2")
    write_manifest(folder, msgspec.structs.replace(read_manifest(folder), **changes))
    here.registry.promote("demo-2")
    await here.versions.follow()
    await there.versions.follow()
    assert DIFFER in there.versions.warnings[0]


async def test_one_version_made_twice_is_one_however_it_is_described(hosts):
    here, there = hosts
    for host, made_at in zip(hosts, ("2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+00:00"), strict=True):
        folder = added(host.registry, "demo-2")
        write_manifest(folder, msgspec.structs.replace(read_manifest(folder), made_at=made_at))
    write_card(folder, "A sentence that an upgrade of the package has mended.")
    here.registry.promote("demo-2")
    await here.versions.follow()
    await there.versions.follow()
    assert there.serves == ("demo-2",)
    assert there.versions.warnings == ()


@pytest.mark.parametrize(
    "damage", [the_manifest_is_lost, the_manifest_is_another_ones], ids=lambda damage: damage.__name__
)
async def test_a_manifest_that_was_damaged_in_the_store_is_written_anew_when_a_pointer_names_it(
    hosts, connection, damage
):
    here, there = hosts
    await promoted(here, "v2", "v3")
    await damage(connection)
    here.registry.rollback()
    await here.versions.follow()
    await there.versions.follow()
    assert here.serves == there.serves == ("v2",)


async def test_a_version_too_large_to_share_serves_where_it_is_and_says_so(hosts, monkeypatch):
    here, there = hosts
    monkeypatch.setattr("moderation.versions.MAX_SHARED_BYTES", 1000)
    added(here.registry, "v2")
    here.registry.promote("v2")
    await here.versions.follow()
    assert here.serves == ("v2",)
    assert "by hand" in here.versions.warnings[0]
    await there.versions.follow()
    assert there.serves == (bundled().version,)
