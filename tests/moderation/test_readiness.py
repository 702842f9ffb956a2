"""Readiness: what stands in the way is said, what does not is a warning, and the store is not asked for every question."""

import redis

from moderation.app import House
from moderation.store.connection import Connection


async def test_a_store_to_rely_on_and_a_model_leave_nothing_to_say(rooms: House) -> None:
    state = await rooms.readiness.look()
    assert state.problems == ()
    assert state.warnings == ()
    assert state.models == rooms.models.versions
    assert "moderation_ready 1.0" in rooms.telemetry.exposition()[0].decode()


async def test_without_a_model_it_is_ready_and_warns(rooms: House) -> None:
    rooms.models.swap(None)
    state = await rooms.readiness.look()
    assert state.problems == ()
    assert [line for line in state.warnings if "no model is loaded" in line]


async def test_a_store_that_may_lose_comments_stands_in_the_way(rooms: House, primaries: list[redis.Redis]) -> None:
    primaries[-1].config_set("appendfsync", "everysec")
    try:
        state = await rooms.readiness.look()
    finally:
        primaries[-1].config_set("appendfsync", "always")
    assert [line for line in state.problems if "appendfsync is everysec, must be always" in line]
    assert "moderation_ready 0.0" in rooms.telemetry.exposition()[0].decode()


async def test_another_schema_in_the_store_stands_in_the_way(rooms: House, connection: Connection) -> None:
    await connection.execute("SET", "cm:{sites}:schema", "999")
    assert [line for line in (await rooms.readiness.look()).problems if "schema 999" in line]


async def test_a_look_is_remembered_for_a_second_and_not_longer(rooms: House, connection: Connection) -> None:
    first = await rooms.readiness.look()
    await connection.execute("SET", "cm:{sites}:schema", "999")
    assert await rooms.readiness.look() is first
    rooms.readiness._looked -= 2
    assert (await rooms.readiness.look()).problems
