"""The people who sign in, on the wire: invited by a one-time link, listed, changed, disabled, their sessions ended."""

from typing import Any

import msgspec
from litestar import Controller, Request, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from moderation.access import Access
from moderation.api.bodies import answer, read
from moderation.api.gate import STAFF, allow, own_origin
from moderation.errors import BodyInvalid, FieldError, FieldsInvalid, RoleRefused, UnknownModerator
from moderation.records import Caller, Moderator, Role

PEOPLE_ROLES = (Role.MODERATOR, Role.ML, Role.ADMIN)


class NameShape(msgspec.Struct, frozen=True):
    """A colleague, by name only."""

    id: str
    name: str


class Names(msgspec.Struct):
    """Everybody's names."""

    people: list[NameShape]


class NewPerson(msgspec.Struct, forbid_unknown_fields=True):
    """Somebody to be invited; no sites means all."""

    email: str
    name: str = ""
    role: Role = Role.MODERATOR
    sites: tuple[str, ...] = ()


class PersonChange(msgspec.Struct, forbid_unknown_fields=True):
    """What is changed of a person; what is left out stays. A changed role or site ends all sessions."""

    name: str | None = None
    role: Role | None = None
    sites: tuple[str, ...] | None = None
    disabled: bool | None = None


class PersonShape(msgspec.Struct, frozen=True):
    """A person, without password and codes."""

    id: str
    email: str
    name: str
    role: str
    sites: list[str]
    created_at: str
    state: str
    """active, invited or disabled."""
    second_factor: bool


class Invited(msgspec.Struct):
    """A person and the one-time link, which is shown this once."""

    person: PersonShape
    link: str


class PersonList(msgspec.Struct):
    """People, by e-mail address."""

    people: list[PersonShape]


def is_email(text: str) -> bool:
    """Say whether this can be an address to sign in with; intranets without a dot are fine."""
    name, _, domain = text.rpartition("@")
    return bool(name and domain) and len(text) <= 254 and text.isprintable() and " " not in text


def shape(one: Moderator) -> PersonShape:
    """Show a person."""
    state = "disabled" if one.disabled else ("active" if one.password and not one.invite else "invited")
    return PersonShape(
        one.id, one.email, one.name, one.role.value, list(one.sites), one.created_at, state, bool(one.totp)
    )


async def person_for(access: Access, caller: Caller, moderator_id: str) -> Moderator:
    """Give a person the caller may change: somebody all of whose sites are the caller's. Raises UnknownModerator."""
    one = await access.person(moderator_id)
    if not may_change(caller, one.sites):
        raise UnknownModerator(moderator_id)
    return one


def may_change(caller: Caller, sites: tuple[str, ...]) -> bool:
    """Say whether a person with these sites stands within the caller's own."""
    mine = caller.sites or ((caller.site,) if caller.site else ())
    return not mine or (bool(sites) and set(sites) <= set(mine))


class Staff(Controller):
    """The people who sign in."""

    path = "/v1/moderators"
    tags = ["staff"]

    @get("/names", opt=allow(*STAFF, cookies=True, answers=Names))
    async def names(self, caller: NamedDependency[Caller], access: NamedDependency[Access]) -> Response[bytes]:
        """Name the colleagues, so that a page can say who looks at a case."""
        return answer(Names([NameShape(one.id, one.name) for one in await access.colleagues(caller)]))

    @get("/", opt=allow(Role.ADMIN, cookies=True, answers=PersonList))
    async def every(self, caller: NamedDependency[Caller], access: NamedDependency[Access]) -> Response[bytes]:
        """List the people."""
        found = [one for one in await access.people() if may_change(caller, one.sites)]
        return answer(PersonList([shape(one) for one in found]))

    @post("/", opt=allow(Role.ADMIN, cookies=True, body=NewPerson, answers=Invited, status=201))
    async def invite(
        self, request: Request[Any, Any, Any], caller: NamedDependency[Caller], access: NamedDependency[Access]
    ) -> Response[bytes]:
        """Add a person; the answer has the one-time link by which the password is set."""
        new = await read(request, NewPerson)
        wrong = []
        if not is_email(new.email):
            wrong.append(FieldError("email", "email_invalid", "This is not an e-mail address."))
        wrong += _wrong(new.name, new.role)
        if wrong:
            raise FieldsInvalid(wrong)
        if not may_change(caller, new.sites):
            raise RoleRefused("you can add people for your own sites only: name them in `sites`")
        for site in new.sites:
            await request.app.state.sites.site(site)
        person, token = await access.invite(new.email, new.name, new.role, new.sites, by=caller.id)
        return answer(Invited(shape(person), _link(request, token)), 201, {"Cache-Control": "no-store"})

    @patch("/{moderator_id:str}", opt=allow(Role.ADMIN, cookies=True, body=PersonChange, answers=PersonShape))
    async def change(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        moderator_id: FromPath[str],
    ) -> Response[bytes]:
        """Change a person's name, role or sites, disable or enable; a change of any but the name ends all sessions."""
        one = await person_for(access, caller, moderator_id)
        change = await read(request, PersonChange)
        wrong = _wrong(change.name or "", change.role or one.role)
        if wrong:
            raise FieldsInvalid(wrong)
        if moderator_id == caller.id and (change.disabled or change.role or change.sites is not None):
            raise BodyInvalid("let another admin change your own role, sites or account")
        if not may_change(caller, one.sites if change.sites is None else change.sites):
            raise RoleRefused("you can give people your own sites only")
        for site in change.sites or ():
            await request.app.state.sites.site(site)
        given = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not None}
        return answer(shape(await access.change(one, by=caller.id, **given)))

    @post("/{moderator_id:str}/reinvite", opt=allow(Role.ADMIN, cookies=True, answers=Invited))
    async def reinvite(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        moderator_id: FromPath[str],
    ) -> Response[bytes]:
        """Give a new one-time link (forgotten password, lost device); sessions and second factor end."""
        one = await person_for(access, caller, moderator_id)
        token = await access.reinvite(one, by=caller.id)
        return answer(
            Invited(shape(await access.person(one.id)), _link(request, token)), 200, {"Cache-Control": "no-store"}
        )

    @delete("/{moderator_id:str}/sessions", status_code=204, opt=allow(Role.ADMIN, cookies=True, status=204))
    async def end_sessions(
        self, caller: NamedDependency[Caller], access: NamedDependency[Access], moderator_id: FromPath[str]
    ) -> None:
        """End every session of a person."""
        one = await person_for(access, caller, moderator_id)
        await access.sign_out_everywhere(one.id)


def _wrong(name: str, role: Role) -> list[FieldError]:
    wrong = []
    if len(name) > 100:
        wrong.append(FieldError("name", "too_long", "A name has at most 100 characters."))
    if role not in PEOPLE_ROLES:
        wrong.append(FieldError("role", "unknown_role", "People are moderator, ml or admin."))
    return wrong


def _link(request: Request[Any, Any, Any], token: str) -> str:
    return f"{own_origin(request)}/console#invitation={token}"
