"""Learning: what a row holds, what is unlearned, and which versions still know it."""

import msgspec
import pytest

from classifiers.manifest import read_manifest, write_manifest
from classifiers.registry import Registry
from moderation.errors import UnknownLabel
from moderation.learning import COLUMNS, Learning, Mark, row
from moderation.records import Label, Site
from moderation.store.comments import Comments
from moderation.store.labels import Labels
from moderation.store.ledger import Ledger
from moderation.store.sites import Sites
from moderation.telemetry import Telemetry
from tests.versions import added

LONG_AGO = 1_700_000_000_000_000
"""A stamp before any version here was made."""


def a_label(number=1, **fields):
    """Give a label as a decision leaves it."""
    given = {
        "id": f"c-demo-{number}", "site": "demo", "text": f"text number {number}", "values": {"toxicity": 1.0},
        "source": "moderator", "at": "2026-11-01T10:00:00Z", "by": "pseudonym", "reason": "toxic", "author": "digest",
        "scores": {"toxicity": 0.31234567}, "model": "bundled-2", "name": "Kim Lee", "url": "https://kim.example",
    }  # fmt: skip
    return Label(**{**given, **fields})


@pytest.fixture
async def rooms(connection, tmp_path):
    """Give labels, learning and the registry over an empty store with the site `demo`."""
    sites, labels, registry = Sites(connection), Labels(connection), Registry(tmp_path / "models")
    await sites.add(Site(id="demo"))
    ledger = Ledger(connection)
    learning = Learning(labels, Comments(connection), sites, ledger, registry, Telemetry())
    return learning, labels, registry, ledger, await sites.site("demo")


def test_a_row_holds_what_training_needs_and_no_name_and_no_address():
    found = row(a_label())
    assert found["toxicity"] == 1.0
    assert "spam" not in found
    assert found["score_toxicity"] == 0.3123
    assert set(found) <= set(COLUMNS)
    assert not {"name", "url", "email", "address"} & set(found)
    assert "Kim" not in msgspec.json.encode(found).decode()


async def test_rows_are_those_that_say_something_of_the_attributes_asked_for(rooms):
    learning, labels, _, _, site = rooms
    await labels.put(a_label(1), LONG_AGO)
    await labels.put(a_label(2, values={"spam": 1.0}), LONG_AGO + 1)
    await labels.put(a_label(3, text="  "), LONG_AGO + 2)
    assert [found["label_id"] async for found in learning.rows([site])] == ["c-demo-1", "c-demo-2"]
    assert [found["label_id"] async for found in learning.rows([site], ["spam"])] == ["c-demo-2"]


async def test_labels_of_one_moment_are_on_one_page(rooms):
    learning, labels, _, _, site = rooms
    for number in range(25):
        await labels.put(a_label(number), LONG_AGO + number // 10)
    seen, after = [], 0
    while True:
        page, after = await learning.page(site, after, 4)
        if not page:
            break
        seen += [found["label_id"] for found in page]
    assert len(seen) == len(set(seen)) == 25


async def test_what_is_unlearned_is_gone_is_in_the_ledger_and_marks_the_versions_that_know_it(rooms):
    learning, labels, registry, ledger, site = rooms
    for number in (1, 2):
        await labels.put(a_label(number), LONG_AGO)
    folder = added(registry, "v2", learned=("c-demo-1", "c-demo-2"))
    added(registry, "v3", learned=("c-demo-2",))
    assert (await learning.mark(read_manifest(folder))).words == ""
    assert await learning.unlearn(site, "c-demo-1", "m-1") == ["v2"]
    assert (await learning.mark(read_manifest(folder))).words == "contains 1 unlearned, erased or dropped sample of 2"
    assert (await learning.mark(read_manifest(registry.path("v3")))).words == ""
    assert [found["label_id"] async for found in learning.rows([site])] == ["c-demo-2"]
    entry = (await ledger.read("demo", limit=1))[0].line
    assert entry == {"e": "label.unlearned", "by": "m-1", "label": "c-demo-1", "versions": ["v2"]}
    with pytest.raises(UnknownLabel):
        await learning.unlearn(site, "c-demo-1", "m-1")


async def test_a_version_for_one_site_knows_the_labels_of_its_base_and_those_of_other_sites_are_not_gone(
    rooms, connection
):
    learning, labels, registry, _, site = rooms
    other = await Sites(connection).add(Site(id="other"))
    await labels.put(a_label(1), LONG_AGO)
    await labels.put(a_label(2, id="c-other-2", site="other"), LONG_AGO)
    folder = added(registry, "v2", learned=("c-demo-1", "c-other-2"))
    for_one = msgspec.structs.replace(read_manifest(folder), site=site.id)
    assert await learning.mark(for_one) == Mark(learned=2, gone=0)
    await learning.unlearn(other, "c-other-2", "m-1")
    assert await learning.mark(for_one) == Mark(learned=2, gone=1)


async def test_what_was_taken_back_is_out_of_the_version_that_is_adapted_next(rooms):
    learning, labels, registry, _, site = rooms
    for number in (1, 2):
        await labels.put(a_label(number), LONG_AGO)
    folders = [added(registry, "v2", learned=("c-demo-2",)), added(registry, "v3", learned=("c-demo-1", "c-demo-2"))]
    for folder, base in zip(folders, (registry.bundled(), "v2"), strict=True):
        manifest = msgspec.structs.replace(read_manifest(folder), base=base)
        write_manifest(folder, manifest)
    registry.promote("v3")
    assert await learning.footing() == ("v3", "")
    await learning.unlearn(site, "c-demo-1", "m-1")
    why = "v3 contains 1 unlearned, erased or dropped sample of 2"
    assert await learning.footing() == ("v2", why), "the nearest that it stands on and that is without it"
    await learning.unlearn(site, "c-demo-2", "m-1")
    assert await learning.footing() == (registry.bundled(), "v3 contains 2 unlearned, erased or dropped samples of 2")


async def test_a_comment_decided_anew_marks_the_versions_that_learned_the_old_decision(rooms):
    learning, labels, registry, _, _ = rooms
    await labels.put(a_label(1), LONG_AGO)
    manifest = read_manifest(added(registry, "v2", learned=("c-demo-1",)))
    assert (await learning.mark(manifest)).gone == 0
    await labels.put(a_label(1, values={"toxicity": 0.0}), 4_000_000_000_000_000)
    assert (await learning.mark(manifest)).gone == 1
