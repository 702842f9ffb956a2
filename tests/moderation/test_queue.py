"""The queue: claims, leases, filters, and since when a case waits."""

from collections.abc import Callable

import pytest

from moderation.app import House
from moderation.errors import CaseTaken, CursorInvalid, UnknownCase
from moderation.records import Caller, Comment, DecisionKind, Query, Role, Site, Thread
from moderation.review import Ruling

BEA = Caller(role=Role.MODERATOR, id="bea", name="Bea")
CEM = Caller(role=Role.MODERATOR, id="cem", name="Cem")
RUDE = "You are a stupid idiot {n} and everybody hates you, shut up you moron"
Make = Callable[..., Comment]


async def held(rooms: House, site: Site, comment: Make, count: int, **fields: object) -> list[str]:
    receipts = [await rooms.intake.submit(site, comment(RUDE.format(n=n), **fields)) for n in range(count)]
    assert {one.status for one in receipts} == {"pending"}
    return [one.id for one in receipts]


async def test_claimed_cases_are_nobody_elses_and_come_again_to_who_has_them(
    rooms: House, site: Site, comment: Make
) -> None:
    await held(rooms, site, comment, 5)
    mine = await rooms.review.claim(site, BEA, 3, 60, Query())
    assert [case.holder for case in mine] == ["bea"] * 3
    others = await rooms.review.claim(site, CEM, 3, 60, Query())
    assert len(others) == 2
    assert not {case.comment.id for case in mine} & {case.comment.id for case in others}
    again = await rooms.review.claim(site, BEA, 3, 60, Query())
    assert [case.comment.id for case in again] == [case.comment.id for case in mine]


async def test_a_claim_heeds_every_filter_it_is_given(rooms: House, site: Site, comment: Make) -> None:
    page = Thread("https://news.example/a")
    [wanted] = await held(rooms, site, comment, 1, thread=page)
    await held(rooms, site, comment, 2)
    query = Query(thread=page.url, reason="toxicity", lang="en")
    assert [case.comment.id for case in await rooms.review.claim(site, BEA, 10, 60, query)] == [wanted]
    assert await rooms.review.claim(site, CEM, 10, 60, Query(thread=page.url, reason="spam")) == []


async def test_a_lease_is_kept_given_back_and_refused(rooms: House, site: Site, comment: Make) -> None:
    [case] = await held(rooms, site, comment, 1)
    assert await rooms.review.keep(site, BEA, case, 60)
    with pytest.raises(CaseTaken):
        await rooms.review.keep(site, CEM, case, 60)
    with pytest.raises(CaseTaken):
        await rooms.review.release(site, CEM, case)
    await rooms.review.release(site, BEA, case)
    assert await rooms.review.keep(site, CEM, case, 60)
    await rooms.review.decide(site, CEM, case, Ruling(decision=DecisionKind.APPROVE))
    with pytest.raises(UnknownCase):
        await rooms.review.keep(site, CEM, case, 60)


async def test_a_report_waits_from_now_on_and_an_undo_since_before(rooms: House, site: Site, comment: Make) -> None:
    old = await rooms.intake.submit(site, comment())
    [waiting] = await held(rooms, site, comment, 1)
    first = (await rooms.review.case(site, waiting)).since
    await rooms.intake.report(site, old.id, "192.0.2.1", "")
    assert (await rooms.review.case(site, old.id)).since > first
    assert await rooms.queue.oldest(site.id) == first
    await rooms.review.decide(site, BEA, waiting, Ruling(decision=DecisionKind.APPROVE))
    assert (await rooms.review.case(site, waiting)).since == 0
    await rooms.review.undo(site, BEA, waiting)
    assert (await rooms.review.case(site, waiting)).since == first


async def test_what_a_moderator_passed_on_stands_before_all_else_and_stays_with_an_edit(
    rooms: House, site: Site, comment: Make
) -> None:
    first, second, third = await held(rooms, site, comment, 3)
    await rooms.review.escalate(site, BEA, third, "please look")
    page = await rooms.review.page(site, Query())
    assert page.cases[0].comment.id == third
    await rooms.intake.edit(site, third, "The new bus line helps all of us in the valley.")
    edited = (await rooms.review.case(site, third)).comment
    assert (edited.status, bool(edited.escalated)) == ("pending", True)
    assert [case.comment.id for case in (await rooms.review.page(site, Query(escalated=True))).cases] == [third]
    assert {first, second} < {case.comment.id for case in page.cases}


@pytest.mark.parametrize("cursor", ["x", "é", "W10=", "bm90aGluZw==", "eyJhIjoxfQ=="])
async def test_a_cursor_that_the_service_did_not_give_is_refused(rooms: House, site: Site, cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        await rooms.review.page(site, Query(cursor=cursor))


async def test_a_page_that_looks_inside_says_when_it_stopped_looking(
    rooms: House, site: Site, comment: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moderation.store.queue.LOOK_AT_MOST", 200)
    ids = await held(rooms, site, comment, 3)
    page = await rooms.review.page(site, Query(text="IDIOT 1 AND"))
    assert [case.comment.id for case in page.cases] == [ids[1]]
    assert (page.complete, page.exact, page.cursor) == (True, False, "")
