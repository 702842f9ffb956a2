"""Sites on the wire: staff see the sites they work for; admins change them, their policies and their word lists."""

from typing import Any

import msgspec
from litestar import Controller, Request, Response, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath

from moderation.administration import Administration, require_whole
from moderation.api import shapes
from moderation.api.bodies import answer, read
from moderation.api.fields import is_web_address
from moderation.api.gate import STAFF, allow, site_for
from moderation.departures import Gone, SiteDepartures
from moderation.errors import FieldError, FieldsInvalid
from moderation.records import ATTRIBUTES, Caller, Policy, Role, Site
from moderation.scoring.policy import NEVER, SIGNALS, Thresholds

POLICY_BYTES = 2 * 1024 * 1024
"""Two lists of 5,000 words of 100 characters fit."""
ORIGINS_AT_MOST = 50
TRY_AT_MOST = 20_000
OFF = {name: {"hold_at": NEVER, "reject_at": NEVER} for name in ATTRIBUTES}


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


class NewSite(msgspec.Struct, forbid_unknown_fields=True):
    """A site to be added; what its policy leaves out comes from the profile."""

    id: str
    name: str = ""
    url: str = ""
    lang: str = "en"
    origins: tuple[str, ...] = ()
    policy: Policy = Policy()


class SiteChange(msgspec.Struct, forbid_unknown_fields=True):
    """What is changed of a site; what is left out stays."""

    name: str | None = None
    url: str | None = None
    lang: str | None = None
    origins: tuple[str, ...] | None = None


class SiteRemoval(msgspec.Struct, forbid_unknown_fields=True):
    """The site's id once more, so that nobody deletes the one beside it."""

    confirm: str


class PolicyShape(msgspec.Struct):
    """A site's policy, the thresholds that apply under it with the active model, and those each profile brings along."""

    policy: Policy
    effective: dict[str, dict[str, float]]
    profiles: dict[str, dict[str, dict[str, float]]]
    """By profile: every threshold as it is where the site sets none of its own; above 1 is never."""


class Versions(msgspec.Struct):
    """The policies a site has had, newest first."""

    versions: list[dict[str, Any]]


class Tried(msgspec.Struct, forbid_unknown_fields=True):
    """A list of words and a text to try it on."""

    words: tuple[str, ...]
    text: str
    name: str = ""


class Finds(msgspec.Struct):
    """What of the list stands in the text, and where (code points)."""

    terms: list[str]
    words: list[list[int]]


class PreviewShape(msgspec.Struct):
    """What a policy would have made of the latest comments."""

    looked_at: int
    present: dict[str, int]
    proposed: dict[str, int]
    flipped: int
    flips: list[dict[str, Any]]
    against_people: dict[str, int]


def shape(site: Site) -> SiteShape:
    """Show a site without its policy."""
    policy = site.policy
    return SiteShape(
        site.id, site.name, site.url, site.lang, list(site.origins), site.created_at,
        policy.profile, policy.version, policy.undo_seconds,
    )  # fmt: skip


def check_site(name: str, url: str, lang: str, origins: tuple[str, ...]) -> None:
    """Raise FieldsInvalid that names all that cannot be of a site."""
    wrong = []
    if len(name) > 200:
        wrong.append(FieldError("name", "too_long", "A name has at most 200 characters."))
    if url and not is_web_address(url):
        wrong.append(FieldError("url", "url_invalid", "Write the whole address, for example https://news.example."))
    if not 2 <= len(lang) <= 16 or not lang.replace("-", "").isalnum():
        wrong.append(FieldError("lang", "lang_invalid", "A language is a code like en or pt-BR."))
    if len(origins) > ORIGINS_AT_MOST or not all(is_origin(one) for one in origins):
        message = f"An origin is scheme, host and port, for example https://news.example; at most {ORIGINS_AT_MOST}."
        wrong.append(FieldError("origins", "origin_invalid", message))
    if wrong:
        raise FieldsInvalid(wrong)


def is_origin(text: str) -> bool:
    """Say whether this is what a browser sends as Origin."""
    return is_web_address(text) and text.count("/") == 2 and len(text) <= 200


class Sites(Controller):
    """The sites of the service."""

    path = "/v1/sites"
    tags = ["sites"]

    @get("/", opt=allow(*STAFF, Role.ML, cookies=True, answers=SiteList))
    async def every(
        self, caller: NamedDependency[Caller], administration: NamedDependency[Administration]
    ) -> Response[bytes]:
        """List the sites the caller works for."""
        return answer(SiteList([shape(site) for site in await administration.sites(caller)]))

    @post("/", opt=allow(Role.ADMIN, cookies=True, body=NewSite, answers=SiteShape, status=201))
    async def add(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        administration: NamedDependency[Administration],
    ) -> Response[bytes]:
        """Add a site."""
        new = await read(request, NewSite, POLICY_BYTES)
        check_site(new.name, new.url, new.lang, new.origins)
        policy = msgspec.structs.replace(new.policy, version=1)
        site = Site(id=new.id, name=new.name, url=new.url, lang=new.lang, origins=new.origins, policy=policy)
        return answer(shape(await administration.add_site(caller, site)), 201)

    @patch("/{site_id:str}", opt=allow(Role.ADMIN, cookies=True, body=SiteChange, answers=SiteShape))
    async def change(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        administration: NamedDependency[Administration],
        site_id: FromPath[str],
    ) -> Response[bytes]:
        """Change a site's name, address, language or allowed origins."""
        site = await site_for(request, caller, site_id)
        change = await read(request, SiteChange)
        given = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not None}
        site = msgspec.structs.replace(site, **given)
        check_site(site.name, site.url, site.lang, site.origins)
        return answer(shape(await administration.change_site(caller, site)))

    @delete("/{site_id:str}", status_code=200, opt=allow(Role.ADMIN, cookies=True, body=SiteRemoval, answers=Gone))
    async def remove(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        departures: NamedDependency[SiteDepartures],
        site_id: FromPath[str],
    ) -> Response[bytes]:
        """Delete a site for good, for admins of the whole service; the body holds its id once more as `confirm`.

        Its keys are refused at once. Comments, queue, labels, authors, webhooks and policies are gone within a minute,
        whatever was still on its way to a webhook with them. The ledger stays as files in the data folder.
        """
        site = await site_for(request, caller, site_id)
        require_whole(caller)
        return answer(await departures.delete(site.id, (await read(request, SiteRemoval)).confirm, caller.id))

    @get("/{site_id:str}/policy", opt=allow(*STAFF, Role.ML, cookies=True, answers=PolicyShape))
    async def policy(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        administration: NamedDependency[Administration],
        site_id: FromPath[str],
    ) -> Response[bytes]:
        """Give a site's policy, and the thresholds in effect."""
        site = await site_for(request, caller, site_id)
        return answer(_policy(administration, site.policy))

    @put("/{site_id:str}/policy", opt=allow(Role.ADMIN, cookies=True, body=Policy, answers=PolicyShape))
    async def set_policy(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        administration: NamedDependency[Administration],
        site_id: FromPath[str],
    ) -> Response[bytes]:
        """Set a policy. `version` names the one it replaces; where that is no longer the present one, 409."""
        site = await site_for(request, caller, site_id)
        site = await administration.set_policy(caller.id, site.id, await read(request, Policy, POLICY_BYTES))
        return answer(_policy(administration, site.policy))

    @get("/{site_id:str}/policy/versions", opt=allow(Role.ADMIN, cookies=True, answers=Versions))
    async def versions(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        administration: NamedDependency[Administration],
        site_id: FromPath[str],
    ) -> Response[bytes]:
        """List the policies a site has had, newest first: set one of them again to go back."""
        site = await site_for(request, caller, site_id)
        found = await administration.policies(site)
        return answer(Versions([{"at": one.at, "by": one.by, "policy": one.policy} for one in found]))

    @post("/{site_id:str}/policy/preview", opt=allow(Role.ADMIN, cookies=True, body=Policy, answers=PreviewShape))
    async def preview(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        administration: NamedDependency[Administration],
        site_id: FromPath[str],
    ) -> Response[bytes]:
        """Say what a policy would have made of the last 500 comments, and of which something else than now."""
        site = await site_for(request, caller, site_id)
        found = await administration.preview(site, await read(request, Policy, POLICY_BYTES))
        flips = [
            {
                "id": flip.comment.id,
                "name": flip.comment.name,
                "text": flip.comment.text[:300],
                "now": flip.now.value,
                "then": flip.then.outcome.value,
                "reasons": [reason.value for reason in flip.then.reasons],
                "status": flip.comment.status.value,
                "decision": shapes.decision(flip.comment.decision) if flip.comment.decision else None,
            }
            for flip in found.flips
        ]
        shown = PreviewShape(found.looked_at, found.present, found.proposed, found.flipped, flips, found.against_people)
        return answer(shown)

    @post("/{site_id:str}/words/try", opt=allow(Role.ADMIN, cookies=True, body=Tried, answers=Finds))
    async def try_words(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        administration: NamedDependency[Administration],
        site_id: FromPath[str],
    ) -> Response[bytes]:
        """Try a list of words on a text before saving it."""
        await site_for(request, caller, site_id)
        tried = await read(request, Tried, POLICY_BYTES)
        if len(tried.text) > TRY_AT_MOST or len(tried.name) > 200:
            raise FieldsInvalid([FieldError("text", "too_long", f"Try at most {TRY_AT_MOST} characters.")])
        terms, words = administration.try_words(tried.words, tried.text, tried.name)
        return answer(Finds(list(terms), [[word.begin, word.end] for word in words]))


def _policy(administration: Administration, policy: Policy) -> PolicyShape:
    profiles = {name: OFF | _bars(bars) for name, bars in administration.profiles().items()}
    return PolicyShape(policy, _bars(administration.effective(policy)), profiles)


def _bars(bars: Thresholds) -> dict[str, dict[str, float]]:
    shown = {name: {"hold_at": hold, "reject_at": reject} for name, _, hold, reject in bars.attributes}
    hold, reject = bars.signals
    return shown | {SIGNALS: {"hold_at": hold, "reject_at": reject}}
