"""The log of the store is rewritten while nobody is in a hurry, and only when that is worth it."""

from functools import partial
from random import Random

import pytest
import redis

from moderation.settings import StoreSettings
from moderation.store import rewriting
from moderation.store.embedded import EmbeddedServer, ask, running_for_service
from moderation.store.folder import DataFolder
from moderation.store.rewriting import LOOK_SECONDS, QUIET_BYTES, WORTH_BYTES, QuietRewrites

SETTINGS = StoreSettings(max_memory_mb=256)
MEGABYTE = Random(1).randbytes(2**20)
"""Of chance, so that a snapshot cannot press it together."""


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Watched:
    """A running server, its client, and what looks at its log."""

    def __init__(self, folder: DataFolder) -> None:
        self.clock = Clock()
        self.spare = 10_000
        self.client = redis.Redis(unix_socket_path=str(folder.socket()), socket_timeout=5)
        self.rewrites = QuietRewrites(partial(ask, folder.socket()), lambda: self.spare, self.clock)

    def write(self, megabytes: int) -> None:
        """Write the same key again and again: a history of which a snapshot keeps one."""
        for _ in range(megabytes):
            self.client.set("key", MEGABYTE)

    def look(self) -> bool:
        self.clock.now += LOOK_SECONDS
        return self.rewrites.look()

    @property
    def size(self) -> int:
        return self.client.info("persistence")["aof_current_size"]


@pytest.fixture
def watched(tmp_path):
    folder = DataFolder(tmp_path / "data")
    with EmbeddedServer(folder, SETTINGS):
        yield Watched(folder)


ENOUGH = WORTH_BYTES // 2**20 + 1


def test_a_log_that_has_grown_is_rewritten_once_all_is_quiet(watched, wait_until):
    watched.write(ENOUGH)
    assert not watched.look()
    assert watched.look()
    wait_until(lambda: watched.size < 2 * 2**20)
    assert watched.client.get("key") == MEGABYTE
    assert not any(watched.look() for _ in range(40))


def test_nobody_looks_before_it_is_time(watched):
    watched.write(ENOUGH)
    watched.look()
    watched.clock.now += LOOK_SECONDS / 2
    assert not watched.rewrites.look()


def test_a_busy_store_is_left_alone(watched):
    watched.write(ENOUGH)
    watched.look()
    watched.write(QUIET_BYTES // 2**20 + 1)
    assert not watched.look()
    assert watched.look()


def test_a_little_is_not_worth_it(watched):
    watched.write(ENOUGH // 2)
    assert not any(watched.look() for _ in range(3))


def test_a_large_store_is_not_copied_for_a_little(watched, monkeypatch, wait_until):
    watched.write(ENOUGH)
    watched.look()
    assert watched.look()
    wait_until(lambda: watched.size < 2 * 2**20)
    monkeypatch.setattr(rewriting, "WORTH_BYTES", 0)
    monkeypatch.setattr(rewriting, "WORTH_SHARE", 2.5)
    watched.clock.now += rewriting.AGAIN_SECONDS
    watched.write(2)
    assert not any(watched.look() for _ in range(3))
    watched.write(1)
    assert any(watched.look() for _ in range(3))


def test_without_room_for_a_second_log_none_is_written(watched):
    watched.write(ENOUGH)
    watched.spare = ENOUGH - 1
    assert not any(watched.look() for _ in range(3))


def test_what_has_not_come_about_is_not_asked_for_again_and_again(watched, monkeypatch):
    asked = []

    def refusing(command: bytes) -> bytes:
        asked.append(command)
        return b"-ERR no room\r\n" if command == b"BGREWRITEAOF" else TOLD

    TOLD = b"# Persistence\r\naof_current_size:99000000\r\naof_base_size:1000\r\naof_rewrite_in_progress:0\r\n"
    rewrites = QuietRewrites(refusing, lambda: 10_000, watched.clock)
    for _ in range(10):
        watched.clock.now += LOOK_SECONDS
        assert not rewrites.look()
    assert asked.count(b"BGREWRITEAOF") == 1


def test_a_server_that_does_not_answer_is_asked_for_nothing(tmp_path):
    clock = Clock()
    rewrites = QuietRewrites(partial(ask, tmp_path / "none.sock"), lambda: 10_000, clock)
    for _ in range(3):
        clock.now += LOOK_SECONDS
        assert not rewrites.look()


def test_the_service_sees_to_it(tmp_path, wait_until, monkeypatch):
    monkeypatch.setattr(rewriting, "LOOK_SECONDS", 0.2)
    monkeypatch.setattr(rewriting, "WORTH_BYTES", 2**20)
    folder = DataFolder(tmp_path / "data")
    with running_for_service(folder, SETTINGS):
        watched = Watched(folder)
        watched.write(4)
        wait_until(lambda: watched.size < 2 * 2**20)
        assert watched.client.get("key") == MEGABYTE
