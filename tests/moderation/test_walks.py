"""Whatever five things befall a comment: nothing comes to light by accident, and nothing that somebody said gets lost.

A walk is a comment and some moves. A plain model says beside it what is barred from being seen, which notes and reports
stand; after every move the store is asked whether it agrees.
"""

import itertools
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

import moderation.review
from moderation.app import House
from moderation.errors import CaseDecided, UndoTooLate, UnknownComment
from moderation.moves import as_comment, shown_status
from moderation.records import (
    Caller,
    Comment,
    DecisionKind,
    DecisionReason,
    Limits,
    Policy,
    Query,
    Role,
    Site,
    Status,
    Stored,
    Thread,
)
from moderation.review import Ruling
from moderation.store import keys
from tests.replay import rebuilt

BEA = Caller(role=Role.MODERATOR, id="bea", name="Bea")
MILD = "The new bus line helps us, says reader {n} of this paper."
RUDE = "You are a stupid idiot {n} and everybody hates you, shut up you moron"
BLOCKED = "The word grawlix stands in the text {n} of this reader."
PAGE = Thread("https://news.example/a")
KINDS = {"mild": MILD, "rude": RUDE, "blocked": BLOCKED}
MOVES = (
    "report", "report again", "report anonymously", "edit mild", "edit rude", "edit blocked", "edit unscored",
    "approve", "approve untold", "reject", "reject untold", "escalate", "undo", "rescore", "tell", "client",
)  # fmt: skip
STARTS = ("mild", "rude", "blocked", "unscored")


class Known(msgspec.Struct):
    """What the model says of the comment."""

    barred: bool = False
    """A person rejected it or a report hid it, and nobody has approved it since."""
    reports: int = 0
    notes: tuple[str, ...] = ()
    before: "Known | None" = None
    """How it was before its last decision, where that can be taken back."""


class Walk:
    """One comment on a site of its own."""

    def __init__(self, rooms: House, site: Site) -> None:
        self.rooms = rooms
        self.site = site
        self.name = ""
        self.known = Known()
        self.count = 0
        self.readers: set[str] = set()
        self.before: dict[str, Any] = {}
        """What the store said before the last decision, if that was the last move."""

    async def begin(self, kind: str) -> None:
        with scoring(self.rooms, kind):
            made = Comment(
                id=self.rooms.intake.new_id(self.site), site=self.site.id, name="Ann", email="a@posteo.net",
                text=self.text(kind), thread=PAGE,
            )  # fmt: skip
            receipt = await self.rooms.intake.submit(self.site, made)
        self.name = receipt.id
        wanted = {"mild": "approved", "rude": "pending", "blocked": "rejected", "unscored": "pending"}[kind]
        assert receipt.status == wanted

    def text(self, kind: str) -> str:
        self.count += 1
        return KINDS.get(kind, MILD).format(n=self.count)

    async def stored(self) -> Stored:
        return await self.rooms.comments.get(self.site.id, self.name)

    # the moves ------------------------------------------------------------------------------------

    async def move(self, what: str) -> None:
        verb, _, how = what.partition(" ")
        found = await self.stored()
        looked = await self.all_of_it()
        await getattr(self, verb)(how, found)
        self.before = looked if verb in ("approve", "reject") else {}

    async def report(self, how: str, found: Stored) -> None:
        reader = {"": f"192.0.{self.count}.1", "again": "198.51.100.1", "anonymously": ""}[how]
        self.count += 1
        try:
            await self.rooms.intake.report(self.site, self.name, reader, f"said {self.count}")
        except UnknownComment:
            assert shown_status(found) is not Status.APPROVED
            return
        assert shown_status(found) is Status.APPROVED
        to = self.known
        if found.status is Status.REJECTED:
            # rejected, and the site has yet to hear of it: it answers the report unless it is taken back
            if to.before is None or found.before is None or found.before.status is Status.REJECTED:
                return
            to = to.before
        moved = (await self.stored()).version > found.version
        assert moved or (reader in self.readers if reader else to.reports), "a new reader's report counts"
        if moved:
            self.readers.add(reader)
            to.reports += 1
            to.barred = to.barred or not self.site.policy.reported_visible

    async def edit(self, how: str, found: Stored) -> None:
        with scoring(self.rooms, how):
            await self.rooms.intake.edit(self.site, self.name, self.text(how))
        self.known.before = None

    async def approve(self, how: str, found: Stored) -> None:
        await self.decide(DecisionKind.APPROVE, how, found)

    async def reject(self, how: str, found: Stored) -> None:
        await self.decide(DecisionKind.REJECT, how, found)

    async def decide(self, kind: DecisionKind, how: str, found: Stored) -> None:
        ruling = Ruling(decision=kind, reason=DecisionReason.SPAM, version=found.version, undo_seconds=60 if how else 0)
        await self.rooms.review.decide(self.site, BEA, self.name, ruling)
        self.known = Known(barred=kind is DecisionKind.REJECT, before=self.known)

    async def escalate(self, how: str, found: Stored) -> None:
        self.count += 1
        note = f"look at {self.count}"
        try:
            await self.rooms.review.escalate(self.site, BEA, self.name, note)
        except CaseDecided:
            assert (await self.rooms.queue.case(found)).state == "decided"
            return
        self.known.notes += (note,)

    async def undo(self, how: str, found: Stored) -> None:
        try:
            await self.rooms.review.undo(self.site, BEA, self.name)
        except UndoTooLate:
            assert self.known.before is None
            return
        since, before = self.known, self.known.before
        assert before is not None, "what was decided before the last decision is not taken back"
        hidden = since.reports > 0 and not self.site.policy.reported_visible
        self.known = Known(before.barred or hidden, before.reports + since.reports, before.notes + since.notes)
        if self.before:
            assert await self.all_of_it() == self.before

    async def rescore(self, how: str, found: Stored) -> None:
        for one in await self.rooms.comments.unscored(self.site.id, 10):
            await self.rooms.intake.rescore(self.site, one)
            self.known.before = None

    async def client(self, how: str, found: Stored) -> None:
        assert found.verdict
        guid = self.rooms.feedback.guid_of(self.name)
        await self.rooms.feedback.correct(self.site, as_comment(found), found.verdict, spam=True, guid=guid)

    async def tell(self, how: str, found: Stored) -> None:
        if not found.embargo:
            return
        names = keys.of_site(self.site.id)
        await self.rooms.connection.execute("HSET", names.comment(self.name), "emb", 1)
        await self.rooms.comments.tell(found)
        assert (await self.stored()).embargo == 0

    # what is asked of it --------------------------------------------------------------------------

    async def all_of_it(self) -> dict[str, Any]:
        """Look at all that an undo brings back: fields, queue, filters, lesson, what is shown, what waits for a model."""
        names = keys.of_site(self.site.id)
        found = await self.stored()
        case = await self.rooms.queue.case(found)
        kept = {name: getattr(found, name) for name in found.__struct_fields__}
        for name in ("version", "changed", "waits_for", "before", "embargo", "previous", "previous_version"):
            del kept[name]
        places = {}
        for name in (names.queue, names.queue_urgency, names.unscored, *names.filters(found.waiting_for, "", PAGE.id)):
            places[name] = await self.rooms.connection.execute("ZSCORE", name, self.name)
        labels = [label async for label in self.rooms.labels.walk(self.site.id)]
        return kept | {
            "waiting_for": found.waiting_for, "urgency": found.urgency, "state": case.state, "since": case.since,
            "labels": labels, "places": places,
        }  # fmt: skip

    async def agrees(self) -> None:
        """Hold the promises against what the store says now."""
        found, known = await self.stored(), self.known
        case = await self.rooms.queue.case(found)
        shown = shown_status(found)
        if known.barred:
            assert found.status is not Status.APPROVED, "published without a person's approval"
            yet_to_be_told = found.embargo > 0 and found.status is Status.REJECTED
            assert shown is not Status.APPROVED or yet_to_be_told, "shown without a person's approval"
        assert found.reports == known.reports, "a report got lost, or counts twice"
        for note in known.notes:
            assert note in found.escalated, "a note got lost"
        assert bool(found.escalated) == bool(known.notes)
        waits = case.state != "decided"
        assert waits or not (known.reports or known.notes or found.status is Status.PENDING), "nobody would look at it"
        assert not (waits and known.reports) or "reported" in found.waiting_for
        page = [one.id for one in (await self.rooms.intake.approved_under(self.site, PAGE.url, 0, 10))[0].comments]
        assert page == ([self.name] if shown is Status.APPROVED else [])
        if waits:
            [first] = (await self.rooms.review.page(self.site, Query())).cases
            assert first.comment == found
        lines = [entry.line async for entry in self.rooms.ledger.walk(self.site.id)]
        replayed, wrong = rebuilt(lines)
        assert wrong == []
        told = replayed[self.name]
        assert (told.status, told.version, told.waits, told.reports, told.escalated) == (
            found.status, found.version, waits, found.reports, bool(found.escalated),
        )  # fmt: skip


@contextmanager
def scoring(rooms: House, kind: str) -> Iterator[None]:
    """Let no model score what is "unscored"."""
    models = rooms.intake._pipeline.models
    seats = models._seats
    if kind == "unscored":
        models.swap(None)
    try:
        yield
    finally:
        models._seats = seats


async def walk(rooms: House, start: str, visible: bool, moves: tuple[str, ...]) -> None:
    policy = Policy(reported_visible=visible, blocked_words=("grawlix",), limits=Limits(reports_address=0))
    site = await rooms.sites.add(Site(id=f"s{next(SITES)}", policy=policy))
    await rooms.intake.prepare(site)
    one = Walk(rooms, site)
    await one.begin(start)
    for number, what in enumerate(moves):
        try:
            await one.move(what)
            await one.agrees()
        except AssertionError as error:
            path = ", ".join(moves[: number + 1])
            raise AssertionError(f"{start}, {'' if visible else 'not '}visible: {path}: {error}") from error
    # thousands of sites shall not make the look at one of them slower
    await rooms.connection.execute("FLUSHALL")


SITES = itertools.count(1)


@pytest.mark.parametrize(
    ("start", "visible", "moves"),
    [
        # what a report hid since stays hidden; what one would have hidden is hidden as it comes back
        ("mild", False, ("approve", "report", "undo")),
        ("mild", False, ("approve untold", "report", "undo")),
        ("mild", False, ("reject untold", "report", "undo")),
        ("mild", False, ("reject untold", "report", "tell", "undo")),
        # what was said before the decision and since stands beside each other
        ("mild", True, ("report", "approve", "report", "escalate", "undo")),
        ("mild", True, ("report", "escalate", "approve", "undo", "escalate")),
        ("mild", True, ("report", "approve untold", "report", "undo", "report")),
        ("mild", True, ("report", "reject untold", "report", "undo")),
        ("rude", True, ("approve", "report", "undo")),
        ("mild", True, ("report anonymously", "report anonymously", "approve", "report anonymously")),
        ("mild", True, ("report anonymously", "approve", "edit mild", "report anonymously")),
        # an undo brings all of it back
        ("mild", True, ("edit mild", "edit mild", "edit mild", "approve", "undo")),
        ("mild", True, ("client", "approve", "undo")),
        ("unscored", True, ("approve", "undo", "rescore")),
        ("unscored", False, ("approve", "report", "reject", "undo", "rescore")),
        # no edit ends what a person has yet to look at, and none publishes what one rejected
        ("mild", True, ("report", "escalate", "edit blocked", "edit mild")),
        ("mild", False, ("report", "edit rude", "edit mild")),
        ("rude", True, ("reject", "edit unscored", "rescore", "edit mild")),
        ("mild", True, ("reject untold", "edit mild", "edit mild")),
    ],
)
async def test_a_walk_that_once_went_wrong_keeps_the_promises(
    rooms: House, start: str, visible: bool, moves: tuple[str, ...]
) -> None:
    await walk(rooms, start, visible, moves)


@pytest.mark.parametrize("seed", range(4))
async def test_no_walk_of_five_moves_breaks_a_promise(rooms: House, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(30):
        await walk(rooms, dice.choice(STARTS), dice.random() < 0.5, tuple(dice.choices(MOVES, k=5)))


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_none_of_many_walks_breaks_a_promise(rooms: House) -> None:
    for start, visible, moves in itertools.product(STARTS, (True, False), itertools.product(MOVES, repeat=3)):
        await walk(rooms, start, visible, moves)
    dice = random.Random()
    for _ in range(10_000):
        await walk(rooms, dice.choice(STARTS), dice.random() < 0.5, tuple(dice.choices(MOVES, k=5)))


@pytest.mark.parametrize(
    ("visible", "moves", "forgotten"),
    [
        (False, ("approve", "report", "undo"), {"status": Status.APPROVED}),
        (True, ("report", "approve", "report", "escalate", "undo"), {"escalated": ""}),
        (True, ("report", "approve", "undo"), {"report_reason": ""}),
        (True, ("edit mild", "approve", "undo"), {"edits": 0}),
    ],
)
async def test_an_undo_that_forgets_something_is_found_out(
    rooms: House, monkeypatch: pytest.MonkeyPatch, visible: bool, moves: tuple[str, ...], forgotten: dict[str, Any]
) -> None:
    """The mutations: an undo brings all back but for one field."""
    right = moderation.review.taken_back
    monkeypatch.setattr(
        moderation.review, "taken_back", lambda *given: msgspec.structs.replace(right(*given), **forgotten)
    )
    with pytest.raises(AssertionError, match="mild"):
        await walk(rooms, "mild", visible, moves)
