"""Batches: what arrives while one is under way shares the next, what fails fails alone, and the queue has an end."""

import asyncio
from collections.abc import Sequence

import pytest

from moderation.errors import Overloaded
from moderation.store.batches import Batches


class Work:
    """Doubles numbers once it may go on; raises for the items it was told to, or for a whole batch."""

    def __init__(self) -> None:
        self.seen: list[list[int]] = []
        self.gate = asyncio.Event()

    async def __call__(self, items: Sequence[int]) -> list[int | Exception]:
        self.seen.append(list(items))
        await self.gate.wait()
        if -1 in items:
            raise RuntimeError("the whole batch")
        return [ValueError(str(item)) if item == 13 else 2 * item for item in items]


@pytest.fixture
def work() -> Work:
    return Work()


async def test_an_idle_service_starts_at_once_and_a_busy_one_gathers(work: Work) -> None:
    batches = Batches(work, largest=64, at_once=1)
    first = batches.submit(1)
    await asyncio.sleep(0)
    rest = [batches.submit(number) for number in range(2, 12)]
    work.gate.set()
    assert await asyncio.gather(first, *rest) == [2 * number for number in range(1, 12)]
    assert work.seen == [[1], list(range(2, 12))]


async def test_a_batch_is_never_larger_than_allowed_and_keeps_the_order(work: Work) -> None:
    work.gate.set()
    batches = Batches(work, largest=4, at_once=1)
    assert await asyncio.gather(*(batches.submit(number) for number in range(10))) == [2 * n for n in range(10)]
    assert work.seen == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


async def test_no_more_batches_are_under_way_than_allowed(work: Work) -> None:
    batches = Batches(work, largest=1, at_once=2)
    waiting = [batches.submit(number) for number in range(5)]
    await asyncio.sleep(0)
    assert work.seen == [[0], [1]]
    assert len(batches) == 3
    work.gate.set()
    await asyncio.gather(*waiting)


async def test_when_too_many_wait_the_next_is_refused_and_the_others_are_answered(work: Work) -> None:
    batches = Batches(work, largest=2, waiting=3, at_once=1)
    taken = [batches.submit(1), batches.submit(2), batches.submit(3)]
    with pytest.raises(Overloaded):
        batches.submit(4)
    work.gate.set()
    assert await asyncio.gather(*taken) == [2, 4, 6]
    assert await batches.submit(5) == 10, "there is room again"


async def test_an_item_that_fails_fails_alone_and_a_batch_that_fails_fails_each_of_its_own(work: Work) -> None:
    work.gate.set()
    batches = Batches(work, largest=3, at_once=1)
    answers = await asyncio.gather(*(batches.submit(n) for n in (1, 13, 3, -1, 5, 6, 7)), return_exceptions=True)
    assert [type(answer).__name__ for answer in answers] == [
        "int", "ValueError", "int", "RuntimeError", "RuntimeError", "RuntimeError", "int",
    ]  # fmt: skip


async def test_who_gives_up_takes_nobody_along(work: Work) -> None:
    batches = Batches(work, at_once=1)
    gone, stays = batches.submit(1), batches.submit(2)
    await asyncio.sleep(0)
    gone.cancel()
    work.gate.set()
    assert await stays == 4
    assert work.seen == [[1, 2]], "what was sent may be done"


async def test_closing_waits_for_what_was_taken_in(work: Work) -> None:
    batches = Batches(work, at_once=1)
    taken = batches.submit(1)
    closing = asyncio.create_task(batches.close())
    await asyncio.sleep(0)
    assert not closing.done()
    work.gate.set()
    await closing
    assert taken.result() == 2


@pytest.mark.parametrize("at_once", [1, 2, 3])
async def test_what_comes_in_the_moment_in_which_a_batch_ends_is_not_left_lying(work: Work, at_once: int) -> None:
    """The last batch is answered, and its task is not yet gone: whoever comes then must start the next one."""
    batches = Batches(work, largest=1, waiting=4, at_once=at_once)
    first = [batches.submit(number) for number in range(at_once)]
    late: list[asyncio.Future[int]] = []
    await asyncio.sleep(0)
    work.gate.set()
    # every batch ends in the next turn of the loop, and somebody comes in the same turn
    asyncio.get_running_loop().call_soon(lambda: late.append(batches.submit(7)))
    await asyncio.gather(*first)
    await asyncio.sleep(0)
    assert await asyncio.wait_for(late[0], 2) == 14
    await batches.close()
