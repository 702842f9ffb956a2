"""Models in the store: pointers that only move forward, files that are whole or not there, and jobs that are forgotten."""

from moderation.store import keys
from moderation.store.connection import Connection
from moderation.store.models import JOB_SECONDS, PIECE, REPORT_SECONDS, Shared, SharedModels


async def test_each_move_of_a_pointer_is_a_new_generation(connection: Connection) -> None:
    models = SharedModels(connection)
    assert await models.pointers() == Shared()
    first = await models.point(b"a", b"")
    second = await models.point(b"b", b"s")
    assert second > first > 0
    assert await models.pointers() == Shared(second, b"b", b"s")
    await models.point(b"b", b"")
    assert (await models.pointers()).shadow == b""


async def test_a_file_in_pieces_is_read_whole_and_never_more_than_was_asked_for(connection: Connection) -> None:
    models = SharedModels(connection)
    content = bytes(range(256)) * (PIECE // 256) + b"the end"
    await models.put_file("v1", "weights.npy", content)
    assert await models.get_file("v1", "weights.npy", len(content)) == content
    assert await models.get_file("v1", "weights.npy", PIECE + 3) == content[: PIECE + 3]
    assert await models.get_file("v1", "weights.npy", len(content) + PIECE) == content
    await models.put_file("v1", "weights.npy", content)
    assert await models.get_file("v1", "weights.npy", 2 * len(content)) == content, "again is the same"
    assert await models.get_file("v1", "gone", 10) == b""
    await models.put_file("v1", "empty", b"")
    assert await models.get_file("v1", "empty", 10) == b""


async def test_a_file_written_again_keeps_nothing_of_the_longer_one_before(connection: Connection) -> None:
    models = SharedModels(connection)
    await models.put_file("v1", "manifest.json", b"x" * (PIECE + 9))
    await models.put_file("v1", "manifest.json", b"short")
    assert await models.get_file("v1", "manifest.json", 2 * PIECE) == b"short"


async def test_a_version_is_there_once_it_is_sealed_and_goes_with_all_its_files(connection: Connection) -> None:
    models = SharedModels(connection)
    for version in ("v1", "v2"):
        await models.put_file(version, "head.npy", b"x")
        assert not await models.has(version)
        await models.seal(version, ["head.npy"])
        assert await models.has(version)
    await models.keep_only(["v2", "v3"])
    assert [await models.has(version) for version in ("v1", "v2")] == [False, True]
    assert await models.get_file("v1", "head.npy", 9) == b""
    assert await models.get_file("v2", "head.npy", 9) == b"x"


async def test_jobs_are_kept_for_a_day_and_reports_for_a_week(connection: Connection) -> None:
    models = SharedModels(connection)
    assert (await models.get_job("j"), await models.get_report("v1")) == (None, None)
    await models.put_job("j", b"runs")
    await models.put_report("v1", b"<page>")
    assert (await models.get_job("j"), await models.get_report("v1")) == (b"runs", b"<page>")
    assert JOB_SECONDS - 60 < await connection.execute("TTL", keys.model_job("j")) <= JOB_SECONDS == 86_400
    assert REPORT_SECONDS - 60 < await connection.execute("TTL", keys.model_report("v1")) <= REPORT_SECONDS
