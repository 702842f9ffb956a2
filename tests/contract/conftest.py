"""One service for all contract tests, with a compat key for its demo site, and a look at what it has kept."""

import json
from collections.abc import Awaitable, Callable, Iterator

import pytest

from moderation.app import house
from moderation.records import Label
from moderation.settings import load
from tests.service import Service, run, serving

KEY = "0123456789ab"


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run the service; its demo site has the compat key `KEY`."""
    data = tmp_path_factory.mktemp("contract") / "data"
    with serving(data) as running:
        made = run("key", "create", "--compat", "--site", "demo", "--value", KEY, "--json", data=data)
        assert json.loads(made.stdout)["key"] == KEY
        yield running


@pytest.fixture(scope="session")
def key(service: Service) -> str:
    """Give the demo site's compat key."""
    return KEY


@pytest.fixture
def labels(service: Service) -> Callable[[], Awaitable[list[Label]]]:
    """Read the demo site's labels, oldest first, past the service."""

    async def read() -> list[Label]:
        async with house(load({"MODERATION_DATA": str(service.data)})) as rooms:
            return [label async for label in rooms.labels.walk("demo")]

    return read


def comments_of(service: Service) -> list[dict[str, object]]:
    """List every comment of the demo site as its staff sees it."""
    found: list[dict[str, object]] = []
    cursor = "0"
    while True:
        page = service.staff.get("/v1/comments", params={"site": "demo", "since": cursor, "limit": 200}).json()
        found += page["comments"]
        if not page["more"]:
            return found
        cursor = page["cursor"]
