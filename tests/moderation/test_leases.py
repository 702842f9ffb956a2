"""Leases on work: one worker holds it, its silence frees it, and nobody gives back what another one holds."""

import asyncio

from moderation.store import keys
from moderation.store.connection import Connection
from moderation.store.leases import Leases


async def test_of_many_workers_that_ask_at_once_one_gets_it(connection: Connection) -> None:
    workers = [Leases(connection) for _ in range(20)]
    answers = await asyncio.gather(*(worker.take("upkeep", 5) for worker in workers))
    assert sum(answers) == 1
    holder = workers[answers.index(True)]
    assert await holder.take("upkeep", 5), "who holds it prolongs it"


async def test_a_holder_that_falls_silent_frees_it(connection: Connection) -> None:
    dead, living = Leases(connection), Leases(connection)
    assert await dead.take("upkeep", 5)
    assert not await living.take("upkeep", 5)
    await connection.execute("PEXPIRE", keys.lease("upkeep"), 1)
    await asyncio.sleep(0.01)
    assert await living.take("upkeep", 5)
    assert not await dead.take("upkeep", 5)


async def test_what_is_given_back_is_free_at_once_and_only_its_holder_can_give_it(connection: Connection) -> None:
    holder, other = Leases(connection), Leases(connection)
    assert await holder.take("courier", 60)
    await other.give_back("courier")
    assert not await other.take("courier", 60)
    await holder.give_back("courier")
    await asyncio.sleep(0.01)
    assert await other.take("courier", 60)


async def test_two_pieces_of_work_are_two_leases(connection: Connection) -> None:
    one, two = Leases(connection), Leases(connection)
    assert await one.take("upkeep", 5)
    assert await two.take("courier", 5)
