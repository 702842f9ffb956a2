"""What every test may use: a private server, a store that is empty, patience with an end.

In CI (`CI=true`) a skipped test fails the run: what CI does not run, nobody has seen run.
"""

import time
from collections.abc import Callable

import pytest


@pytest.fixture
def wait_until() -> Callable[..., None]:
    """Wait until something is true, or fail after some seconds."""

    def wait(condition: Callable[[], object], seconds: float = 15.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"not true within {seconds} seconds"
            time.sleep(0.01)

    return wait
