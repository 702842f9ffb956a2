"""The people who moderate, on the wire: who there is, one-time links, sessions, second factors."""

import msgspec
from litestar import Controller, Response, get
from litestar.di import NamedDependency

from moderation.access import Access
from moderation.api.bodies import answer
from moderation.api.gate import STAFF, allow
from moderation.records import Caller


class NameShape(msgspec.Struct, frozen=True):
    """A colleague, by name only."""

    id: str
    name: str


class Names(msgspec.Struct):
    """Everybody's names."""

    people: list[NameShape]


class Staff(Controller):
    """The people who sign in."""

    path = "/v1/moderators"
    tags = ["staff"]

    @get("/names", opt=allow(*STAFF, cookies=True, answers=Names))
    async def names(self, caller: NamedDependency[Caller], access: NamedDependency[Access]) -> Response[bytes]:
        """Name the colleagues, so that a page can say who looks at a case."""
        return answer(Names([NameShape(one.id, one.name) for one in await access.colleagues(caller)]))
