"""One service for all stories, started as an operator starts it; each story brings its own authors, texts and pages."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import pytest

from moderation.app import House, house
from moderation.settings import load
from tests.servers import Store
from tests.service import Service, serving


class Rooms(Protocol):
    """Opens the rooms of a service beside it, as its commands do."""

    def __call__(self, service: Service) -> AbstractAsyncContextManager[House]: ...


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory, other_store: Store | None) -> Iterator[Service]:
    """Run the service for the whole session; this machine is the one proxy whose word on addresses it takes."""
    environ = other_store.environ if other_store else {}
    folder = tmp_path_factory.mktemp("service") / "data"
    with serving(folder, MODERATION_SERVER__TRUSTED_PROXIES="127.0.0.1", **environ) as running:
        yield running


@pytest.fixture
def rooms() -> Rooms:
    """Open the rooms of a running service, for what no route does or shows."""

    @asynccontextmanager
    async def opened(service: Service) -> AsyncIterator[House]:
        async with house(load(service.environ)) as rooms:
            yield rooms

    return opened
