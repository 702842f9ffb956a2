"""The whole application in this process, with two sites and everybody who may come to its door."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec

from moderation.api.front import Front
from moderation.api.gate import COOKIE, CSRF_HEADER
from moderation.app import House, build
from moderation.records import Moderator, Role, Site, Webhook
from moderation.settings import ServerSettings, Settings, StoreSettings
from tests.service import ABUSE

CANARY = "kanarienvogel"
ORIGIN = "http://localhost"
FACTOR = "JBSWY3DPEHPK3PXP"
PEOPLE = {
    "moderator": (Role.MODERATOR, ("demo",)),
    "moderator of another site": (Role.MODERATOR, ("other",)),
    "ml": (Role.ML, ()),
    "admin": (Role.ADMIN, ()),
    "admin of another site": (Role.ADMIN, ("other",)),
}


class Household:
    """The application, the rooms behind it, keys and people."""

    def __init__(self, rooms: House, client: httpx.AsyncClient) -> None:
        self.rooms = rooms
        self.client = client
        self.keys: dict[str, str] = {}
        self.people: dict[str, str] = {}
        self.world: dict[str, str] = {}

    async def session(self, who: str, *, idle: int = 1800) -> tuple[str, str]:
        """Open a session as signing in does; gives the token and the CSRF token."""
        role, sites = PEOPLE[who][0], PEOPLE[who][1]
        person = await self.rooms.people.change(
            self.people[who],
            lambda one: msgspec.structs.replace(one, disabled=False, role=role, sites=sites, totp=FACTOR),
        )
        token, session = await self.rooms.people.open_session(person, idle=idle, absolute=12 * 3600)
        return token, session.csrf

    async def as_session(self, who: str, *, csrf: bool = True, site: str = "same-origin") -> dict[str, str]:
        """Give the headers of a fresh session in a browser."""
        token, secret = await self.session(who)
        headers = {"Cookie": f"{COOKIE}={token}", "Sec-Fetch-Site": site}
        return headers | ({CSRF_HEADER: secret} if csrf else {})

    async def send(self, given: dict[str, Any], headers: dict[str, str]) -> httpx.Response:
        """Send one request; a fault of ours is an answer too."""
        return await self.client.request(**given | {"headers": given.get("headers", {}) | headers})


@asynccontextmanager
async def household(store_url: str, data: Path) -> AsyncIterator[Household]:
    """Build it all on an empty store."""
    settings = Settings(store=StoreSettings(url=store_url, data=data), server=ServerSettings(public_url=ORIGIN))
    app = build(settings)
    async with app.lifespan():
        rooms: House = app.state["house"]
        transport = httpx.ASGITransport(app=Front(app), raise_app_exceptions=False, client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            one = Household(rooms, client)
            await _furnish(one)
            yield one


async def _furnish(one: Household) -> None:
    rooms = one.rooms
    for name in ("demo", "other"):
        await rooms.sites.add(Site(id=name, name=name, url=f"http://{name}.example", origins=(ORIGIN,)))
    made = {
        "site key": (Role.SITE, "demo", {}),
        "site key of another site": (Role.SITE, "other", {}),
        "revoked key": (Role.ADMIN, "", {}),
        "ended key": (Role.ADMIN, "", {"not_after": "2020-01-01T00:00:00Z"}),
        "form key": (Role.FORM, "demo", {}),
        "compat key": (Role.COMPAT, "demo", {}),
        "moderator key": (Role.MODERATOR, "demo", {}),
        "ml key": (Role.ML, "", {}),
        "admin key": (Role.ADMIN, "", {}),
    }
    for name, (role, site, more) in made.items():
        key, one.keys[name] = await rooms.sites.create_key(role, site, label=name, **more)
        if name == "revoked key":
            await rooms.sites.revoke_key(key.id)
    victim, _ = await rooms.sites.create_key(Role.SITE, "demo", label=CANARY)
    for number, (name, (role, sites)) in enumerate(PEOPLE.items()):
        person = Moderator(id=f"m{number}", email=f"p{number}@posteo.net", name=name, role=role, sites=sites)
        await rooms.people.add(person, f"digest{number}")
        one.people[name] = person.id
    someone = Moderator(id="m99", email="victim@posteo.net", name=CANARY, sites=("demo",))
    await rooms.people.add(someone, "digest99")
    webhook = Webhook(id="w1", site="demo", url=f"https://{CANARY}.example/", secrets=("whsec_" + "A" * 32,))
    await rooms.courier._deliveries.add(webhook)
    one.world = {
        "comment_id": await a_held_comment(one),
        "form_key": one.keys["form key"],
        "site_id": "demo",
        "key_id": victim.id,
        "moderator_id": "m99",
        "webhook_id": "w1",
        "origin": ORIGIN,
    }
    held = await rooms.comments.get("demo", one.world["comment_id"])
    one.world["author_id"] = held.author


async def a_held_comment(one: Household) -> str:
    """Post a comment that waits on the demo site; gives its id."""
    headers = {"Authorization": f"Bearer {one.keys['site key']}"}
    body = {"name": CANARY, "email": f"{CANARY}@posteo.net", "text": f"{ABUSE} {CANARY}"}
    said = await one.client.post("/v1/comments", json=body, headers=headers)
    assert said.status_code == 201, said.text
    return str(said.json()["id"])
