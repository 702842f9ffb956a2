"""Rewrite the log of the embedded server while it is quiet: a start reads a snapshot three times as fast as a history.

The server rewrites its log by itself when it has doubled. Between that, all that was written since is replayed at a
start, decisions and erasures among it, and a million comments take twice as long as they must.
"""

import re
from collections.abc import Callable

LOOK_SECONDS = 30.0
WORTH_BYTES = 16 * 2**20
"""A log that has grown by less is replayed in a fraction of a second."""
WORTH_SHARE = 0.1
"""What has been added must be this part of what was there: a large store is not copied for a little."""
QUIET_BYTES = 2 * 2**20
"""What a quiet store writes between two looks at most: some fifteen comments a second."""
AGAIN_SECONDS = 600.0
"""When a rewrite is asked for again that has not come about, for want of room perhaps."""


class QuietRewrites:
    """Looks at the server now and then, and asks for a rewrite when its log is worth one and nobody is in a hurry.

    `ask` sends the server one command and gives its answer, empty where nobody answers; `spare` gives the megabytes of disk
    that may be used, since the old log stays until the new one is whole; `clock` is in seconds.
    """

    def __init__(self, ask: Callable[[bytes], bytes], spare: Callable[[], int], clock: Callable[[], float]) -> None:
        self._ask = ask
        self._spare = spare
        self._clock = clock
        self._next = clock() + LOOK_SECONDS
        self._size: int | None = None
        """What the log had at the last look; None before the first one."""

    def look(self) -> bool:
        """Ask for a rewrite if it is time to look and all speaks for one; say whether it was asked for."""
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + LOOK_SECONDS
        told = {name: int(number) for name, number in _NUMBER.findall(self._ask(b"INFO persistence"))}
        size, base = told.get(b"aof_current_size"), told.get(b"aof_base_size")
        before, self._size = self._size, size
        if size is None or base is None or before is None or told.get(b"aof_rewrite_in_progress"):
            return False
        grown = size - base
        quiet = 0 <= size - before <= QUIET_BYTES
        worth = grown >= WORTH_BYTES and grown >= WORTH_SHARE * base
        if not (quiet and worth and self._spare() * 2**20 > size):
            return False
        self._next = now + AGAIN_SECONDS
        return self._ask(b"BGREWRITEAOF").startswith(b"+")


_NUMBER = re.compile(rb"^(aof_\w+):(\d+)\r?$", re.MULTILINE)
