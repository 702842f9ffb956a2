"""What the driver says of a store that cannot be asked, in our words: one cause, and when to come again."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import redis.exceptions as driver

from moderation.errors import StoreUnavailable


@contextmanager
def border(failed: Callable[[str], None] = lambda cause: None) -> Iterator[None]:
    """Turn what the driver says of a store that cannot be asked, or cannot write, into `StoreUnavailable`."""
    try:
        yield
    except StoreUnavailable as error:
        failed(str(error))
        raise
    except (TimeoutError, driver.RedisError, driver.RedisClusterException, OSError, RuntimeError) as error:
        translated = translate(error)
        if translated is None:
            raise
        failed(str(translated))
        raise translated from error


def translate(error: Exception) -> StoreUnavailable | None:
    """Say a driver's error in our words; None when it is not about the store being unavailable."""
    if isinstance(error, driver.ResponseError):
        for kind, cause, seconds in _REFUSALS_BY_CLASS:
            if isinstance(error, kind):
                return _unavailable(cause, seconds)
        prefix = str(error).partition(" ")[0]
        if prefix in _REFUSALS_BY_PREFIX:
            return _unavailable(*_REFUSALS_BY_PREFIX[prefix])
        return None
    if isinstance(error, driver.ConnectionError) and str(error) == _NO_TURN:
        return _unavailable(*_IN_USE)
    for kind, cause, seconds in _FAILURES:
        if isinstance(error, kind):
            return _unavailable(cause, seconds)
    if isinstance(error, RuntimeError) and "closed" in str(error):  # uvloop, of a connection that was reset
        return _unavailable("the store cannot be reached", 2.0)
    return None


def unknown_outcome() -> StoreUnavailable:
    """Say that a write reached one server only: it may be kept or lost, and the caller sends it again."""
    return _unavailable("no replica has confirmed the write; send it again with the same Idempotency-Key", 2)


_FULL = ("the store is out of memory", 30.0)
_READ_ONLY = ("the store takes no writes at the moment", 2.0)
_LOADING = ("the store is reading its files", 2.0)
_DISK = ("the store cannot write to its disk", 15.0)
_FORBIDDEN = ("the store does not permit what the service needs", 30.0)
_LATE = ("the store does not answer in time", 2.0)
_IN_USE = ("every connection to the store is in use", 1.0)
_NO_TURN = "No connection available."
"""What a pool says whose connections are all in use; it has no class of its own for that."""

# Told once, or told until the driver gave up.
_MOVING = ("the cluster is moving these keys", 1.0)

_REFUSALS_BY_CLASS: tuple[tuple[type[Exception], str, float], ...] = (
    (driver.OutOfMemoryError, *_FULL),
    (driver.ReadOnlyError, *_READ_ONLY),
    (driver.NoPermissionError, *_FORBIDDEN),
    (driver.MasterDownError, *_READ_ONLY),
    (driver.ClusterDownError, "the cluster does not cover every key", 2.0),
    (driver.TryAgainError, *_MOVING),
)
# These arrive without a class of their own.
_REFUSALS_BY_PREFIX = {
    "MISCONF": _DISK,
    "BUSY": ("the store is busy with a long script", 2.0),
    "NOREPLICAS": ("the store has too few replicas to write", 5.0),
    "OOM": _FULL,
    "READONLY": _READ_ONLY,
    "LOADING": _LOADING,
    "MASTERDOWN": _READ_ONLY,
    "CLUSTERDOWN": ("the cluster does not cover every key", 2.0),
    "NOAUTH": ("the store asks for a password", 30.0),
    "WRONGPASS": ("the store refuses the password", 30.0),
    "NOPERM": _FORBIDDEN,
    "UNBLOCKED": _READ_ONLY,
}
_FAILURES: tuple[tuple[type[Exception], str, float], ...] = (
    (driver.BusyLoadingError, *_LOADING),
    (driver.AuthenticationError, "the store refuses the password", 30.0),
    (driver.AuthorizationError, *_FORBIDDEN),
    (driver.MaxConnectionsError, *_IN_USE),
    (driver.TimeoutError, *_LATE),
    (driver.ConnectionError, "the store cannot be reached", 2.0),
    (driver.RedisClusterException, "the cluster cannot be reached", 2.0),
    (driver.ClusterError, *_MOVING),
    (TimeoutError, *_LATE),  # an OSError too, so it comes first
    (OSError, "the store cannot be reached", 2.0),
)


def _unavailable(cause: str, seconds: float) -> StoreUnavailable:
    # Callers that were refused together shall not come back together.
    return StoreUnavailable(cause, retry_after=seconds * random.uniform(0.75, 1.25))
