"""The service as it would be if it let a store rest for some seconds that has failed once. Only the tests start it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from moderation.cli import main
from moderation.errors import StoreUnavailable
from moderation.store import connection, refusals

RESTS = 8.0
_border, _until = refusals.border, [0.0]


@contextmanager
def _sulking(failed: Callable[[str], None] = lambda cause: None) -> Iterator[None]:
    if time.monotonic() < _until[0]:
        raise StoreUnavailable("the store failed a moment ago", retry_after=1.0)
    try:
        with _border(failed):
            yield
    except StoreUnavailable:
        _until[0] = time.monotonic() + RESTS
        raise


connection.border = _sulking

if __name__ == "__main__":
    main()
