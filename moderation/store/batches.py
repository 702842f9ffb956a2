"""Concurrent calls share work: what arrives while a batch is under way becomes the next batch.

No timer: an idle service starts at once, a busy one gathers by itself. Bounded: when too many wait, `submit` raises
Overloaded instead of letting the queue grow.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from moderation.errors import Overloaded

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Batches(Generic[Item, Answer]):
    """Gather single calls into batches for `work`, which answers each item with a result or with its error.

    `largest` is how many go into one batch, `waiting` how many may wait, `at_once` how many batches may be under way:
    with two, one is computed while the other waits for the disk.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Awaitable[Sequence[Answer | Exception]]],
        *,
        largest: int = 64,
        waiting: int = 2048,
        at_once: int = 2,
    ) -> None:
        self._work = work
        self._largest = largest
        self._waiting = waiting
        self._free = at_once
        """How many more batches may be under way."""
        self._queue: deque[tuple[Item, asyncio.Future[Answer]]] = deque()
        self._under_way: set[asyncio.Task[None]] = set()
        self.sizes: Callable[[int], None] = lambda size: None
        """Called with the size of each batch, for the metrics."""

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def full(self) -> bool:
        """Say whether whoever comes now is sent away."""
        return len(self._queue) >= self._waiting

    def submit(self, item: Item) -> asyncio.Future[Answer]:
        """Put one item into the next batch; the future gives its answer or raises its error.

        Giving up on the future does not take the item out: what was sent may be done.
        """
        if self.full:
            raise Overloaded
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._queue.append((item, future))
        if self._free:
            self._free -= 1
            task = asyncio.get_running_loop().create_task(self._drain())
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return future

    async def _drain(self) -> None:
        try:
            while self._queue:
                await self._one_batch()
        finally:
            # In the moment in which the queue was seen to be empty: a task that has ended counts as under way a moment
            # longer, and what came in that moment would wait for the next one to come.
            self._free += 1

    async def _one_batch(self) -> None:
        size = min(self._largest, len(self._queue))
        batch = [self._queue.popleft() for _ in range(size)]
        self.sizes(size)
        try:
            answers = await self._work([item for item, _ in batch])
        except Exception as error:  # a failed batch fails each of its callers, and none of the next
            answers = [error] * size
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)

    async def close(self) -> None:
        """Wait until what was taken in is done."""
        while self._under_way:
            await asyncio.gather(*self._under_way, return_exceptions=True)
