"""Sites on the wire: staff see the sites they work for; admins change them, their policies and their word lists."""

from typing import Any

import msgspec
from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency

from moderation.api.bodies import answer
from moderation.api.gate import STAFF, allow
from moderation.records import Caller, Role, Site


class SiteShape(msgspec.Struct, frozen=True):
    """A site as staff see it."""

    id: str
    name: str
    url: str
    lang: str
    origins: list[str]
    created_at: str
    profile: str
    policy_version: int
    undo_seconds: int


class SiteList(msgspec.Struct):
    """Sites, by id."""

    sites: list[SiteShape]


def shape(site: Site) -> SiteShape:
    """Show a site without its policy."""
    policy = site.policy
    return SiteShape(
        site.id, site.name, site.url, site.lang, list(site.origins), site.created_at,
        policy.profile, policy.version, policy.undo_seconds,
    )  # fmt: skip


class Sites(Controller):
    """The sites of the service."""

    path = "/v1/sites"
    tags = ["sites"]

    @get("/", opt=allow(*STAFF, Role.ML, cookies=True, answers=SiteList))
    async def every(self, request: Request[Any, Any, Any], caller: NamedDependency[Caller]) -> Response[bytes]:
        """List the sites the caller works for."""
        found: list[Site] = [site for site in await request.app.state.sites.sites() if caller.reaches(site.id)]
        return answer(SiteList([shape(site) for site in found]))
