"""Every route and everybody who may come to it: the table is made from the routes' own declarations, and walked.

A route that declares nothing stops the start. What belongs to another site is answered as what is not there.
"""

import asyncio
from types import SimpleNamespace

import pytest
from litestar import get

from moderation.api import gate
from moderation.app import CONTROLLERS, build
from moderation.records import Caller, Role
from moderation.settings import Settings
from tests.figures import tell
from tests.routes import Route, every_route, request_of
from tests.security.household import CANARY, Household, household

KEYS = {
    "site key": "site", "site key of another site": "site", "form key": "form", "moderator key": "moderator",
    "ml key": "ml", "admin key": "admin",
}  # fmt: skip
NOBODYS_KEYS = ("revoked key", "ended key", "compat key")
SESSIONS = {
    "moderator": "moderator", "moderator of another site": "moderator", "ml": "ml", "admin": "admin",
    "admin of another site": "admin",
}  # fmt: skip
ELSEWHERE = ("site key of another site", "moderator of another site", "admin of another site")
ABROAD = ("session without CSRF token", "session from another website")
ENDLESS = {"/v1/events"}
PATIENCE = 2.0
"""Seconds after which an answer of those has no end, and so lets through."""
STARTS_WORK = {"/v1/models/adapt", "/v1/models/compare"}
OF_A_SITE = {"comment_id", "site_id", "author_id", "webhook_id"}
"""Parameters that name a thing of one site."""
WHOLE_SERVICE = {"POST /v1/sites", "POST /v1/keys", "POST /v1/moderators"}
"""What an admin of some sites alone may not do, or not for everybody; the models serve every site, so they are among it."""


async def headers_for(one: Household, actor: str) -> dict[str, str]:
    if actor == "nobody":
        return {}
    if actor in one.keys:
        return {"Authorization": f"Bearer {one.keys[actor]}"}
    if actor == "ended session":
        headers = await one.as_session("admin")
        await one.rooms.access.sign_out(headers["Cookie"].partition("=")[2])
        return headers
    if actor in ABROAD:
        return await one.as_session(
            "admin", csrf=actor != ABROAD[0], site="cross-site" if actor == ABROAD[1] else "same-origin"
        )
    return await one.as_session(actor)


def expected(route: Route, actor: str) -> str:
    """Say what the declaration of a route means for one actor: 401, 403, 404 or through."""
    if actor in ("nobody", "ended session", *NOBODYS_KEYS):
        return "401"
    by_session = actor in SESSIONS or actor in ABROAD
    if by_session and not route.cookies:
        return "401"
    role = KEYS.get(actor) or SESSIONS.get(actor, "admin")
    unsafe = route.method not in ("GET", "HEAD", "OPTIONS")
    if actor in ABROAD and unsafe:
        return "403"
    if role not in route.allowed:
        return "403"
    if actor == "admin of another site" and (route.name in WHOLE_SERVICE or route.path.startswith("/v1/models")):
        return "through or 403"
    if actor in ELSEWHERE and OF_A_SITE & set(route.parameters()):
        return "404"
    return "through"


def fits(wanted: str, status: int) -> bool:
    if wanted == "through or 403":
        return status not in (401, 500)
    return status not in (401, 403, 500) if wanted == "through" else str(status) == wanted


async def walk(one: Household, actors: list[str]) -> tuple[int, list[str]]:
    """Send every actor to every route that is not public; gives how many, and what differs from the table."""
    wrong: list[str] = []
    walked = 0
    closed = [route for route in every_route() if not route.public]
    # what takes things away comes last
    for route in sorted(closed, key=lambda route: (route.method == "DELETE", route.method == "PATCH", route.path)):
        for actor in actors:
            wanted = expected(route, actor)
            if wanted == "through" and (route.path in ENDLESS or route.path in STARTS_WORK):
                continue
            given = request_of(route, one.world)
            if actor in ELSEWHERE:
                given["params"] = given.get("params", {}) | {"site": "demo"}
            if route.media and route.media != "application/json":
                given["headers"] = {"Content-Type": route.media}
            walked += 1
            patience = PATIENCE if route.path in ENDLESS else None
            try:
                said = await asyncio.wait_for(one.send(given, await headers_for(one, actor)), patience)
            except TimeoutError:
                wrong.append(f"{actor}: {route.name}: a stream, the table says {wanted}")
                continue
            if not fits(wanted, said.status_code):
                wrong.append(f"{actor}: {route.name}: {said.status_code}, the table says {wanted}: {said.text[:160]}")
            if actor in ELSEWHERE and CANARY in said.text:
                wrong.append(f"{actor}: {route.name} shows what belongs to another site: {said.text[:300]}")
    return walked, wrong


ACTORS = [
    "nobody", *NOBODYS_KEYS, "ended session", *ABROAD, *ELSEWHERE, "form key", "ml key", "ml", "moderator key", "moderator",
    "site key", "admin key", "admin",
]  # fmt: skip


async def test_every_route_answers_every_actor_as_it_declares(store_url, tmp_path):
    async with household(store_url, tmp_path) as one:
        walked, wrong = await walk(one, ACTORS)
    tell("D1 routes x actors", walked, "100 % as declared", f"{walked - len(wrong)} as declared")
    assert not wrong, "\n".join(wrong)
    assert walked > 500


LET_THROUGH = {
    "no CSRF token": {ABROAD[0]},
    "no look at the origin": {ABROAD[1]},
    "no look at the role": {"form key", "moderator of another site"},
    "no look at the site": {"moderator of another site"},
}


@pytest.mark.parametrize("mutation", LET_THROUGH)
async def test_without_one_of_its_checks_the_gate_lets_somebody_through(store_url, tmp_path, monkeypatch, mutation):
    """The mutations: each check taken out lets those through whom it is for, and nobody else."""
    whole = gate._caller
    if mutation == "no CSRF token":
        monkeypatch.setattr(gate, "hmac", SimpleNamespace(compare_digest=lambda one, other: True))
    elif mutation == "no look at the origin":
        monkeypatch.setattr(gate, "check_same_origin", lambda connection: None)
    elif mutation == "no look at the role":
        monkeypatch.setattr(gate, "_caller", lambda connection, handler, _: whole(connection, handler, frozenset(Role)))
    else:
        monkeypatch.setattr(Caller, "reaches", lambda self, site_id: True)
    async with household(store_url, tmp_path) as one:
        _, wrong = await walk(one, [*ABROAD, "moderator of another site", "form key"])
    assert {line.partition(":")[0] for line in wrong} == LET_THROUGH[mutation]


def test_a_route_that_says_nothing_of_who_may_use_it_stops_the_start(monkeypatch):
    @get("/v1/forgotten")
    async def forgotten() -> str:
        return "everything"

    monkeypatch.setattr("moderation.app.CONTROLLERS", (*CONTROLLERS, forgotten))
    with pytest.raises(RuntimeError, match="/v1/forgotten"):
        build(Settings())
