"""An undo takes the decision back, and nothing that readers or colleagues said before it or since."""

from collections.abc import Callable

import msgspec

from moderation.app import House
from moderation.records import Caller, Comment, DecisionKind, Role, Site, Status, Thread
from moderation.review import Ruling

BEA = Caller(role=Role.MODERATOR, id="bea", name="Bea")
APPROVE = Ruling(decision=DecisionKind.APPROVE)
PAGE = Thread("https://news.example/a")
Make = Callable[..., Comment]


async def published(rooms: House, site: Site, made: Comment) -> str:
    receipt = await rooms.intake.submit(site, made)
    assert receipt.status is Status.APPROVED
    return receipt.id


async def decided(rooms: House, site: Site, name: str, ruling: Ruling, seconds: int = 0) -> None:
    version = (await rooms.comments.get(site.id, name)).version
    await rooms.review.decide(site, BEA, name, msgspec.structs.replace(ruling, version=version, undo_seconds=seconds))


def hiding(site: Site) -> Site:
    return msgspec.structs.replace(site, policy=msgspec.structs.replace(site.policy, reported_visible=False))


async def under(rooms: House, site: Site) -> list[str]:
    return [one.id for one in (await rooms.intake.approved_under(site, PAGE.url, 0, 10))[0].comments]


async def test_an_undo_publishes_nothing_that_a_report_has_hidden_since(
    rooms: House, site: Site, comment: Make
) -> None:
    site = hiding(site)
    name = await published(rooms, site, comment(thread=PAGE))
    await decided(rooms, site, name, APPROVE)
    await rooms.intake.report(site, name, "192.0.2.1", "this is libel")
    back = await rooms.review.undo(site, BEA, name)
    case = await rooms.review.case(site, name)
    assert (case.state, case.comment.status, case.comment.reports) == ("waiting", Status.PENDING, 1)
    assert (back.status, await under(rooms, site)) == (Status.PENDING, [])
