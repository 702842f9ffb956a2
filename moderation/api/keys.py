"""Keys on the wire: made (the secret is shown once), listed, revoked."""

from typing import Any

import msgspec
from litestar import Controller, Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from moderation.administration import KEY_ROLES, Administration
from moderation.api.bodies import answer, read
from moderation.api.gate import allow
from moderation.errors import FieldError, FieldsInvalid
from moderation.records import Caller, Key, Role


class NewKey(msgspec.Struct, forbid_unknown_fields=True):
    """What a key is for; `days` 0 has no end. A compat key with `scores_only` may stand in a page."""

    role: Role
    site: str = ""
    label: str = ""
    days: int = 0
    scores_only: bool = False


class KeyShape(msgspec.Struct, frozen=True):
    """A key without its secret."""

    id: str
    role: str
    site: str
    label: str
    created_at: str
    not_after: str
    revoked: bool
    scores_only: bool


class MadeKey(KeyShape, frozen=True, kw_only=True):
    """A new key with its secret: it is not kept, and cannot be shown again."""

    key: str


class KeyList(msgspec.Struct):
    """Keys, oldest first."""

    keys: list[KeyShape]


def shape(key: Key) -> KeyShape:
    """Show a key."""
    return KeyShape(
        key.id, key.role.value, key.site, key.label, key.created_at, key.not_after, key.revoked, key.scores_only
    )


class Keys(Controller):
    """Keys for machines."""

    path = "/v1/keys"
    tags = ["sites"]

    @get("/", opt=allow(Role.ADMIN, cookies=True, answers=KeyList))
    async def every(
        self,
        caller: NamedDependency[Caller],
        administration: NamedDependency[Administration],
        site: FromQuery[str | None] = None,
    ) -> Response[bytes]:
        """List keys, of one site or all."""
        return answer(KeyList([shape(key) for key in await administration.keys(caller, site)]))

    @post("/", opt=allow(Role.ADMIN, cookies=True, body=NewKey, answers=MadeKey, status=201))
    async def create(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        administration: NamedDependency[Administration],
    ) -> Response[bytes]:
        """Make a key. Its secret is in the answer, this once."""
        new = await read(request, NewKey)
        wrong = []
        if new.role not in KEY_ROLES:
            wrong.append(FieldError("role", "unknown_role", "There is no such role for a key."))
        if len(new.label) > 100:
            wrong.append(FieldError("label", "too_long", "A label has at most 100 characters."))
        if not 0 <= new.days <= 3650:
            wrong.append(FieldError("days", "out_of_range", "Give 0 to 3650 days; 0 has no end."))
        if new.scores_only and new.role is not Role.COMPAT:
            wrong.append(FieldError("scores_only", "needs_compat", "Only a compat key may be for scores only."))
        if wrong:
            raise FieldsInvalid(wrong)
        key, secret = await administration.create_key(
            caller, new.role, new.site, new.label, new.days, scores_only=new.scores_only
        )
        return answer(msgspec.to_builtins(shape(key)) | {"key": secret}, 201, {"Cache-Control": "no-store"})

    @delete("/{key_id:str}", status_code=200, opt=allow(Role.ADMIN, cookies=True, answers=KeyShape))
    async def revoke(
        self,
        caller: NamedDependency[Caller],
        administration: NamedDependency[Administration],
        key_id: FromPath[str],
    ) -> Response[bytes]:
        """Revoke a key for good; every worker refuses it within about a second."""
        return answer(shape(await administration.revoke_key(caller, key_id)))
