"""Corrections of clients beside decisions, edits and deletions: whoever is late leaves no label of what is no more."""

import asyncio
import random
from collections import Counter

from moderation.app import House, house
from moderation.records import Caller, DecisionKind, DecisionReason, Role, Site
from moderation.review import Ruling
from moderation.settings import Settings, StoreSettings
from moderation.store import keys
from moderation.store.comments import label_id
from moderation.store.labels import Labels, encode_label
from tests.faults.storm import SITE, fresh_comment
from tests.figures import tell

ANN = Caller(role=Role.ADMIN, id="m1", name="Ann")
EDITED = "Another text than the one that was called no spam, number {}."


async def end(rooms: House, site: Site, comment_id: str, how: str) -> None:
    """Do what a correction must not outlive."""
    match how:
        case "decided":
            ruling = Ruling(decision=DecisionKind.REJECT, reason=DecisionReason.SPAM, version=1)
            await rooms.review.decide(site, ANN, comment_id, ruling)
        case "edited":
            await rooms.intake.edit(site, comment_id, EDITED.format(comment_id))
        case "deleted":
            await rooms.intake.erase(site, comment_id)


async def correct_beside(store_url: str, times: int) -> Counter[str]:
    """Call comments no spam on one worker while they are decided, edited or deleted on another; counts wrong labels."""
    settings = Settings(store=StoreSettings(url=store_url, pepper="A" * 43))
    wrong: Counter[str] = Counter()
    async with house(settings) as one, house(settings) as two:
        site = await one.sites.add(Site(id=SITE))
        for number in range(times):
            how = ("decided", "edited", "deleted")[number % 3]
            comment = fresh_comment(one, site)
            id_ = (await one.intake.submit(site, comment)).id
            verdict = (await one.intake.score(site, [comment]))[0]
            guid = one.feedback.guid_of(id_)

            async def correct(comment=comment, verdict=verdict, guid=guid) -> None:
                await asyncio.sleep(random.random() / 500)
                await one.feedback.correct(site, comment, verdict, spam=False, guid=guid)

            await asyncio.gather(end(two, site, id_, how), correct())
            found = {label.id: label async for label in one.labels.walk(SITE)}.get(label_id(id_))
            right = {
                "decided": found is not None and found.source == "moderator",
                "edited": found is None or found.text == EDITED.format(id_),
                "deleted": found is None,
            }
            wrong[how] += not right[how]
    return wrong


async def test_a_correction_never_outlives_what_it_was_said_of(store_url):
    wrong = await correct_beside(store_url, 120)
    tell("corrections beside decisions, edits, deletions", 120, "0 wrong labels", f"{wrong.total()} wrong labels")
    assert not wrong.total(), wrong


async def test_a_correction_that_reads_and_then_writes_would_outlive_it(store_url, monkeypatch):
    """The mutation: the comment is looked at before its label is written, and not in the same step."""

    async def naive(self: Labels, label, stamp: int, *, version: int | None = None) -> bool:
        names = keys.of_site(label.site)
        if version is not None and not await self._connection.execute("EXISTS", names.comment(label.comment_id)):
            return False
        await asyncio.sleep(0.001)
        await self._connection.many(
            [("HSET", names.labels, label.id, encode_label(label)), ("ZADD", names.labels_at, stamp, label.id)]
        )
        return True

    monkeypatch.setattr(Labels, "put", naive)
    wrong = await correct_beside(store_url, 45)
    tell("corrections: mutation read then write", 45, "> 0 wrong labels", f"{dict(wrong)}")
    assert wrong.total()
