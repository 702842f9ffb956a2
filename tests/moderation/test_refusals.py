"""Refusals: whatever the driver says of a store that cannot be asked is one cause and a time to come again."""

import pytest
import redis.exceptions as driver

from moderation.errors import StoreUnavailable
from moderation.store.refusals import border, translate, unknown_outcome


@pytest.mark.parametrize(
    ("raised", "cause"),
    [
        (driver.ConnectionError("Connection refused"), "the store cannot be reached"),
        (ConnectionResetError(), "the store cannot be reached"),
        (RuntimeError("unable to perform operation on <TCPTransport>; the handler is closed"), "cannot be reached"),
        (driver.TimeoutError("Timeout reading"), "the store does not answer in time"),
        (TimeoutError(), "the store does not answer in time"),
        (driver.MaxConnectionsError("Too many connections"), "every connection to the store is in use"),
        (driver.ConnectionError("No connection available."), "every connection to the store is in use"),
        (driver.BusyLoadingError("Valkey is loading"), "the store is reading its files"),
        (driver.AuthenticationError("invalid password"), "the store refuses the password"),
        (driver.AuthorizationError("denied"), "the store does not permit what the service needs"),
        # the driver takes the prefix away from errors that have a class of their own
        (driver.NoPermissionError("User cm has no permissions to run 'evalsha'"), "does not permit"),
        (driver.ReadOnlyError("You can't write against a read only replica."), "takes no writes"),
        (driver.MasterDownError("Link with MASTER is down"), "takes no writes"),
        (driver.OutOfMemoryError("command not allowed"), "out of memory"),
        (driver.ClusterDownError("Hash slot not served"), "does not cover every key"),
        (driver.TryAgainError("Multiple keys request during rehashing"), "moving these keys"),
        (driver.ClusterError("TTL exhausted."), "moving these keys"),
        (driver.SlotNotCoveredError("slot 5"), "the cluster cannot be reached"),
        (driver.ResponseError("UNBLOCKED force unblock from blocking operation"), "takes no writes"),
        (driver.ResponseError("NOREPLICAS Not enough good replicas to write."), "too few replicas"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_the_driver_raises_is_told_as_what_it_means(raised: Exception, cause: str) -> None:
    told = translate(raised)
    assert told is not None
    assert cause in str(told)


@pytest.mark.parametrize(
    "raised",
    [
        driver.ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value"),
        driver.ResponseError("ERR OOMing is no prefix"),
        driver.NoScriptError("No matching script"),
        RuntimeError("a fault of ours"),
        ValueError("no store at all"),
    ],
)
def test_a_fault_of_ours_is_not_the_store_being_away(raised: Exception) -> None:
    assert translate(raised) is None
    with pytest.raises(type(raised)) as kept, border():
        raise raised
    assert kept.value is raised


def test_callers_that_were_refused_together_come_back_apart_and_at_about_the_time() -> None:
    times = {translate(driver.OutOfMemoryError("full")).retry_after for _ in range(50)}
    assert len(times) > 40
    assert 22 < min(times) < max(times) < 38


def test_the_border_tells_each_cause_once_and_keeps_what_led_to_it() -> None:
    told: list[str] = []
    with pytest.raises(StoreUnavailable) as refused, border(told.append):
        raise driver.ConnectionError("Error 111 connecting to 10.0.0.9:6379")
    assert told == ["the store cannot be reached"]
    assert "10.0.0.9" not in str(refused.value)
    assert isinstance(refused.value.__cause__, driver.ConnectionError)
    with pytest.raises(StoreUnavailable) as again, border(told.append), border():
        raise refused.value
    assert again.value is refused.value
    assert len(told) == 2


def test_a_write_that_one_server_only_has_seen_is_to_be_sent_again_with_its_key() -> None:
    assert "Idempotency-Key" in str(unknown_outcome())
