"""Labels: one for each thing, in the order they were given, and none is skipped where many are given in one moment."""

import asyncio

import msgspec
import pytest

from moderation.errors import UnknownLabel
from moderation.records import Label
from moderation.store import keys
from moderation.store.connection import Connection
from moderation.store.labels import Labels


@pytest.fixture
def labels(connection: Connection) -> Labels:
    return Labels(connection)


def a_label(name: str, spam: float = 1.0) -> Label:
    return Label(id=name, site="news", text=f"text of {name}", values={"spam": spam}, source="import", at="2026-01-01")


async def test_the_same_label_given_again_is_replaced(labels: Labels) -> None:
    await labels.put(a_label("one"), 1)
    await labels.put(a_label("one", 0.0), 2)
    assert await labels.count("news") == 1
    assert (await labels.get("news", "one")).values == {"spam": 0.0}
    assert await labels.given_at("news", ["one", "none"]) == [2, None]


async def test_a_label_that_was_taken_back_is_gone_everywhere(labels: Labels) -> None:
    await labels.put(a_label("one"), 1)
    await labels.remove("news", "one")
    assert (await labels.count("news"), await labels.page("news", 0, 10)) == (0, [])
    for again in (labels.get("news", "one"), labels.remove("news", "one")):
        with pytest.raises(UnknownLabel):
            await again


async def test_a_page_never_parts_labels_of_one_moment(labels: Labels) -> None:
    for number, stamp in enumerate((1, 2, 2, 2, 3)):
        await labels.put(a_label(f"l{number}"), stamp)
    first = await labels.page("news", 0, 2)
    assert [stamp for stamp, _ in first] == [1, 2, 2, 2]
    assert [stamp for stamp, _ in await labels.page("news", first[-1][0], 2)] == [3]


async def test_a_walk_gives_each_label_once_also_over_many_pages(labels: Labels) -> None:
    for begin in range(0, 1_003, 50):
        some = range(begin, min(begin + 50, 1_003))
        await asyncio.gather(*(labels.put(a_label(f"l{number}"), 1 + number // 7) for number in some))
    walked = [label.id async for label in labels.walk("news")]
    assert len(walked) == len(set(walked)) == 1_003
    after = [label.id async for label in labels.walk("news", after=100)]
    assert set(after) == {f"l{number}" for number in range(700, 1_003)}


async def test_a_site_sees_none_of_another_sites_labels(labels: Labels) -> None:
    await labels.put(a_label("one"), 1)
    assert await labels.count("blog") == 0
    with pytest.raises(UnknownLabel):
        await labels.get("blog", "one")


async def test_what_a_client_says_replaces_what_a_client_said_and_nothing_else(labels: Labels) -> None:
    said = msgspec.structs.replace(a_label("one"), source="akismet")
    assert await labels.put(a_label("one"), 1)
    assert not await labels.put(said, 2)
    assert (await labels.get("news", "one")).source == "import"
    for source in ("akismet", "perspective", "akismet"):
        assert await labels.put(msgspec.structs.replace(a_label("two"), source=source), 3)
    assert not await labels.put(a_label("two"), 4), "an import replaces an import only"


async def test_hearsay_replaces_hearsay_only(labels: Labels) -> None:
    said = msgspec.structs.replace(a_label("one"), source="akismet")
    heard = msgspec.structs.replace(said, values={"spam": 0.0}, hearsay=True)
    assert [await labels.put(one, 1) for one in (heard, heard, said, heard, said)] == [True, True, True, False, True]
    assert (await labels.get("news", "one")).values == {"spam": 1.0}


async def test_of_feedback_from_outside_the_newest_is_kept_and_what_people_decided_always_is(
    labels: Labels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moderation.store.labels.OUTSIDE_KEPT", 3)
    for number in range(1, 6):
        await labels.put(a_label(f"import{number}"), number)
        await labels.put(msgspec.structs.replace(a_label(f"told{number}"), source="perspective"), number)
    await labels.put(msgspec.structs.replace(a_label("told3"), source="akismet"), 9)
    await labels.remove("news", "told5")
    await labels.put(msgspec.structs.replace(a_label("told6"), source="akismet"), 8)
    walked = [label.id async for label in labels.walk("news")]
    assert walked == ["import1", "import2", "import3", "import4", "told4", "import5", "told6", "told3"]
    assert await labels.count("news") == 8


async def test_a_label_is_left_for_the_version_that_was_read(labels: Labels, connection: Connection) -> None:
    comment = keys.of_site("news").comment("c1")
    label = msgspec.structs.replace(a_label("c-c1"), comment_id="c1")
    assert not await labels.put(label, 1, version=1), "there is no such comment"
    await connection.execute("HSET", comment, "ver", 2)
    assert not await labels.put(label, 1, version=1)
    assert await labels.put(label, 1, version=2)
    await connection.execute("HSET", comment, "dec", "a decision")
    assert not await labels.put(label, 1, version=2)
