"""Traces: what the store keeps of a person beside the comments goes when asked, and nobody else's."""

from moderation.app import House
from moderation.records import Mark
from moderation.store import keys
from moderation.store.connection import Connection
from moderation.store.traces import Traces


async def test_an_authors_comments_are_listed_oldest_first_and_after_forgetting_there_are_none(
    rooms: House, site, comment
):
    traces = Traces(rooms.connection)
    mine = [(await rooms.intake.submit(site, comment(email="ann@posteo.net"))).id for _ in range(3)]
    other = (await rooms.intake.submit(site, comment(email="bob@posteo.net"))).id
    ann, bob = (rooms.digests.author(f"{name}@posteo.net", "", "") for name in ("ann", "bob"))
    for author in (ann, bob):
        await rooms.comments.mark_author(site.id, author, Mark.WATCHED, 0, "m1")
    assert await traces.ids_of(site.id, ann) == mine

    await traces.forget_author(site.id, ann)
    names = keys.of_site(site.id)
    assert await traces.ids_of(site.id, ann) == []
    assert await rooms.connection.execute("EXISTS", names.author(ann), names.allowance("e:" + ann)) == 0
    assert await rooms.connection.execute("ZSCORE", names.marked, ann) is None
    assert await traces.ids_of(site.id, bob) == [other]
    assert await rooms.connection.execute("EXISTS", names.author(bob), names.allowance("e:" + bob)) == 2
    assert await rooms.connection.execute("ZSCORE", names.marked, bob) is not None


async def test_who_reported_is_forgotten_for_the_comments_that_are_named_however_many(connection: Connection):
    traces, names = Traces(connection), keys.of_site("news")
    ids = [f"news-{number}" for number in range(201)]
    for id_ in [*ids, "news-other"]:
        await connection.execute("SADD", names.reporters(id_), "digest")
        await connection.execute("EXPIRE", names.reporters(id_), 60)
    await traces.forget_reports("news", ids)
    assert await connection.execute("EXISTS", *[names.reporters(id_) for id_ in ids]) == 0
    assert await connection.execute("EXISTS", names.reporters("news-other")) == 1


async def test_files_that_may_not_be_rewritten_are_told_and_stop_nothing(connection: Connection):
    traces = Traces(connection)
    one_server = connection.kind in ("embedded", "single")
    assert await traces.rewrite_files() is one_server
    connection.kind = "cluster"
    assert not await traces.rewrite_files(), "every server of a cluster has files of its own"
