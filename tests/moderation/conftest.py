"""The rooms on a store of their own, joined as the service joins them."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import RequestFactory

from moderation.app import House, build, house
from moderation.records import Comment, Site
from moderation.settings import Settings, StoreSettings

NEWS = Site(id="news", url="https://news.example")


@pytest.fixture(scope="module")
def factory() -> RequestFactory:
    """Give what makes requests to the application as it is built, with its settings beside it."""
    app = build(Settings())
    app.state.update({"settings": Settings(), "proxies": []})
    return RequestFactory(app=app, server="comments.example", port=80)


@pytest.fixture
async def rooms(store_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """Open all rooms on an empty store, with a site called news."""
    async with house(Settings(store=StoreSettings(url=store_url, data=tmp_path))) as rooms:
        await rooms.sites.add(NEWS)
        yield rooms


@pytest.fixture
def site() -> Site:
    """Give the site that is there."""
    return NEWS


@pytest.fixture
def comment(rooms: House) -> Callable[..., Comment]:
    """Make comments, each by somebody new, with a text of its own."""
    made = 0

    def make(text: str = "", **fields: Any) -> Comment:
        nonlocal made
        made += 1
        given = {
            "name": "Ann",
            "email": f"reader{made}@posteo.net",
            "text": text or f"The new bus line helps us, says reader number {made} of this paper.",
        }
        return Comment(id=rooms.intake.new_id(NEWS), site="news", **given | fields)

    return make
