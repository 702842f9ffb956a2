"""What a person may ask for, on the wire: everything that is kept of an e-mail address, and its erasure."""

from typing import Any

import msgspec
from email_validator import EmailNotValidError, validate_email
from litestar import Controller, Request, Response, post
from litestar.di import NamedDependency

from moderation.api.bodies import answer, read
from moderation.api.gate import allow
from moderation.errors import FieldError, FieldsInvalid
from moderation.privacy import Erasure, Export, Privacy
from moderation.records import Caller, Role


class Person(msgspec.Struct, forbid_unknown_fields=True):
    """Whose data it is about. In the body, so that the address is in no log of a proxy."""

    email: str


class PersonalData(Controller):
    """The rights of the people who write. On the sites that the caller works for."""

    path = "/v1/privacy"
    tags = ["privacy"]

    @post("/export", opt=allow(Role.ADMIN, cookies=True, body=Person, answers=Export))
    async def export(
        self, request: Request[Any, Any, Any], caller: NamedDependency[Caller], privacy: NamedDependency[Privacy]
    ) -> Response[bytes]:
        """Give everything that is kept of a person: comments, verdicts, decisions, labels, ledger, deliveries."""
        email = _email(await read(request, Person))
        return answer(await privacy.export(email, caller.reaches), headers={"Cache-Control": "no-store"})

    @post("/erase", opt=allow(Role.ADMIN, cookies=True, body=Person, answers=Erasure))
    async def erase(
        self, request: Request[Any, Any, Any], caller: NamedDependency[Caller], privacy: NamedDependency[Privacy]
    ) -> Response[bytes]:
        """Erase a person for good: comments, labels, counts, marks. The ledger keeps ids, and tells that it was done."""
        email = _email(await read(request, Person))
        return answer(await privacy.erase(email, caller.id, caller.reaches))


def _email(person: Person) -> str:
    try:
        validate_email(person.email, check_deliverability=False)
    except EmailNotValidError:
        raise FieldsInvalid([FieldError("email", "email_invalid", "This is no e-mail address.")]) from None
    return person.email
