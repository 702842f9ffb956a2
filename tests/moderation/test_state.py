"""Whatever is done to comments in whatever order, what the store says of them agrees: with a plain model, and with itself."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from moderation.app import House, house
from moderation.errors import CaseDecided, RateExceeded, UndoTooLate, UnknownCase
from moderation.records import Caller, Comment, DecisionKind, DecisionReason, Query, Role, Site, Status, Thread
from moderation.review import Ruling, lesson
from moderation.settings import Settings, StoreSettings
from moderation.store import keys, scripts
from tests.figures import tell
from tests.replay import rebuilt

KIND = "The new bus line helps us, says reader {n} of this paper."
RUDE = "You are a stupid idiot {n} and everybody hates you, shut up you moron"
ADMIN = Caller(role=Role.ADMIN, id="m1", name="Bea")
PAGES = (Thread(), Thread("https://news.example/a"), Thread("https://news.example/b"))


class Expected(msgspec.Struct):
    """What the model knows of one comment."""

    author: str
    thread: str
    status: Status
    waits: bool
    version: int = 1
    label: dict[str, float] = {}
    decision: str = ""
    undo: tuple[Status, bool, dict[str, float], str] | None = None


class Moderation(RuleBasedStateMachine):
    """Comments come, are decided, taken back, changed, reported and deleted."""

    rooms: House
    loop: asyncio.AbstractEventLoop
    names = Bundle("names")
    examples = 0
    played = 0
    look_every = 1
    """After how many steps the store is looked at; at the end of a story it is in any case."""

    def __init__(self) -> None:
        super().__init__()
        type(self).examples += 1
        self.site = self.run(self.rooms.sites.add(Site(id=f"s{self.examples}")))
        self.known: dict[str, Expected] = {}
        self.moves = 0
        self.steps = 0
        self.texts = 0

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        type(self).played += self.moves
        if self.look_every > 1:
            self.steps = 0
            self.everything_agrees()
        # thousands of stories shall not make the look at one of them slower
        self.run(self.rooms.connection.execute("FLUSHALL"))

    # what is done -------------------------------------------------------------------------------

    @rule(target=names, rude=st.booleans(), author=st.integers(0, 2), page=st.sampled_from(PAGES))
    def submit(self, rude: bool, author: int, page: Thread) -> Any:
        self.texts += 1
        comment = Comment(
            id=self.rooms.intake.new_id(self.site),
            site=self.site.id,
            name="Ann",
            email=f"a{author}@posteo.net",
            text=(RUDE if rude else KIND).format(n=self.texts),
            thread=page,
        )
        try:
            receipt = self.run(self.rooms.intake.submit(self.site, comment))
        except RateExceeded:
            return multiple()
        self.moves += 1
        stored = self.run(self.rooms.comments.get(self.site.id, receipt.id))
        self.known[receipt.id] = Expected(
            stored.author, stored.thread.id, receipt.status, receipt.status is Status.PENDING
        )
        return receipt.id

    @rule(name=names, kind=st.sampled_from(DecisionKind), reason=st.sampled_from(DecisionReason), stale=st.booleans())
    def decide(self, name: str, kind: DecisionKind, reason: DecisionReason, stale: bool) -> None:
        one = self.known.get(name)
        version = one.version - stale if one else 1
        ruling = Ruling(decision=kind, reason=reason, version=version)
        if one is None:
            with pytest.raises(UnknownCase):
                self.run(self.rooms.review.decide(self.site, ADMIN, name, ruling))
            return
        if stale:
            with pytest.raises(CaseDecided):
                self.run(self.rooms.review.decide(self.site, ADMIN, name, ruling))
            return
        self.run(self.rooms.review.decide(self.site, ADMIN, name, ruling))
        self.moves += 1
        one.undo = (one.status, one.waits, one.label, one.decision)
        one.status, one.waits, one.version = kind.status, False, one.version + 1
        one.label, one.decision = lesson(kind, reason, True), kind.value

    @rule(name=names)
    def undo(self, name: str) -> None:
        one = self.known.get(name)
        if one is None or one.undo is None:
            with pytest.raises((UnknownCase, UndoTooLate)):
                self.run(self.rooms.review.undo(self.site, ADMIN, name))
            return
        self.run(self.rooms.review.undo(self.site, ADMIN, name))
        self.moves += 1
        waits = one.waits
        one.status, one.waits, one.label, one.decision = one.undo
        one.waits = one.waits or waits
        one.undo, one.version = None, one.version + 1

    @rule(name=names, rude=st.booleans())
    def edit(self, name: str, rude: bool) -> None:
        one = self.known.get(name)
        if one is None:
            return
        self.texts += 1
        before = self.run(self.rooms.comments.get(self.site.id, name))
        receipt = self.run(self.rooms.intake.edit(self.site, name, (RUDE if rude else KIND).format(n=self.texts)))
        self.moves += 1
        assert not (one.status is Status.REJECTED and receipt.status is Status.APPROVED)
        one.status, one.version = receipt.status, one.version + 1
        one.waits = receipt.status is Status.PENDING or bool(before.reports or before.escalated)
        one.label, one.decision, one.undo = {}, "", None

    @rule(name=names, reader=st.integers(1, 3))
    def report(self, name: str, reader: int) -> None:
        one = self.known.get(name)
        if one is None or one.status is not Status.APPROVED:
            return
        before = self.run(self.rooms.comments.get(self.site.id, name))
        try:
            self.run(self.rooms.intake.report(self.site, name, f"192.0.{reader}.1", "rude"))
        except RateExceeded:
            return
        after = self.run(self.rooms.comments.get(self.site.id, name))
        if after.version > before.version:
            assert after.reports == before.reports + 1
            self.moves += 1
            one.version += 1
            one.waits = True

    @rule(name=names)
    def escalate(self, name: str) -> None:
        one = self.known.get(name)
        if one is not None and one.waits:
            self.run(self.rooms.review.escalate(self.site, ADMIN, name, "please look"))
            self.moves += 1
            one.version += 1

    @rule(count=st.integers(1, 3), who=st.sampled_from(["m1", "m2"]))
    def claim(self, count: int, who: str) -> None:
        caller = Caller(role=Role.MODERATOR, id=who)
        cases = self.run(self.rooms.review.claim(self.site, caller, count, 60, Query()))
        assert {case.holder for case in cases} <= {who}
        for case in cases:
            self.run(self.rooms.review.release(self.site, caller, case.comment.id))

    @rule(name=consumes(names))
    def erase(self, name: str) -> None:
        if self.known.pop(name, None) is not None:
            self.run(self.rooms.intake.erase(self.site, name))
            self.moves += 1

    # what must agree ------------------------------------------------------------------------------

    @invariant()
    def everything_agrees(self) -> None:
        """Look at all places, which asks the store some thirty times."""
        self.steps += 1
        if (self.steps - 1) % self.look_every:
            return
        self.comments_stand_where_the_model_says()
        self.the_queue_and_its_filters_hold_what_waits_and_nothing_else()
        self.authors_are_counted_right()
        self.readers_see_what_is_approved()
        self.labels_are_what_decisions_teach()
        self.the_ledger_is_whole_and_tells_the_same()

    def comments_stand_where_the_model_says(self) -> None:
        found = self.run(self.rooms.comments.get_many(self.site.id, list(self.known)))
        for stored, (name, one) in zip(found, self.known.items(), strict=True):
            assert stored is not None, name
            assert (stored.status, stored.version) == (one.status, one.version)
            assert (stored.decision.decision.value if stored.decision else "") == one.decision

    async def names(self, pattern: str) -> list[bytes]:
        client = self.rooms.connection.client
        if not self.rooms.connection.is_cluster:
            return list(await client.keys(pattern))
        return [name for node in client.get_primaries() for name in await client.keys(pattern, target_nodes=[node])]

    def the_queue_and_its_filters_hold_what_waits_and_nothing_else(self) -> None:
        names = keys.of_site(self.site.id)
        prefix = names.queue_filter("")

        async def look() -> tuple[set[str], set[str], dict[str, set[str]]]:
            execute = self.rooms.connection.execute
            queue = {one.decode() for one in await execute("ZRANGE", names.queue, 0, -1)}
            urgent = {one.decode() for one in await execute("ZRANGE", names.queue_urgency, 0, -1)}
            filters = {}
            for key in await self.names(prefix.replace("{", "[{]").replace("}", "[}]") + "*"):
                members = await execute("ZRANGE", key, 0, -1)
                filters[key.decode().removeprefix(prefix)] = {one.decode() for one in members}
            return queue, urgent, filters

        queue, urgent, filters = self.run(look())
        waiting = {name for name, one in self.known.items() if one.waits}
        assert queue == urgent == waiting
        for thread in {one.thread for one in self.known.values() if one.thread}:
            under = {name for name in waiting if self.known[name].thread == thread}
            assert filters.get("t:" + thread, set()) == under
        for name, members in filters.items():
            assert members <= waiting, name
            if name.startswith("r:"):
                for member in members:
                    stored = self.run(self.rooms.comments.get(self.site.id, member))
                    assert name[2:] in stored.waiting_for

    def authors_are_counted_right(self) -> None:
        for author in {one.author for one in self.known.values()}:
            _, facts = self.run(self.rooms.review.author(self.site, author))
            mine = Counter(one.status for one in self.known.values() if one.author == author)
            counts = {
                status: int(facts.get(short, 0)) for status, short in zip(Status, ("ap", "pd", "rj"), strict=True)
            }
            assert counts == {status: mine[status] for status in Status}

    def readers_see_what_is_approved(self) -> None:
        for page in PAGES[1:]:
            shown, count = self.run(self.rooms.intake.approved_under(self.site, page.url, 0, 500))
            wanted = {
                name
                for name, one in self.known.items()
                if one.status is Status.APPROVED and one.thread == keys.thread_digest(page.url)
            }
            assert {one.id for one in shown.comments} == wanted
            assert count == len(wanted)

    def labels_are_what_decisions_teach(self) -> None:
        async def look() -> dict[str, dict[str, float]]:
            return {one.comment_id: one.values async for one in self.rooms.labels.walk(self.site.id)}

        assert self.run(look()) == {name: one.label for name, one in self.known.items() if one.label}

    def the_ledger_is_whole_and_tells_the_same(self) -> None:
        async def look() -> tuple[str | None, list[dict[str, Any]]]:
            entries = [entry.line async for entry in self.rooms.ledger.walk(self.site.id)]
            return await self.rooms.ledger.broken_at(self.site.id), entries

        broken, lines = self.run(look())
        assert broken is None
        assert len(lines) == self.moves
        replayed, wrong = rebuilt(lines)
        assert wrong == []
        assert {name: (one.status, one.version, one.waits) for name, one in replayed.items()} == {
            name: (one.status.value, one.version, one.waits) for name, one in self.known.items()
        }


def run_machine(url: str, data: Path, examples: int, steps: int, look_every: int = 1, shrink: bool = True) -> int:
    """Play so many stories of so many steps in one house, each on a site of its own; gives how many moves were made."""
    quiet = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, *([Phase.shrink] if shrink else [])],
    )
    loop = asyncio.new_event_loop()
    closing = house(Settings(store=StoreSettings(url=url, data=data)))
    rooms = loop.run_until_complete(closing.__aenter__())
    played = type("Machine", (Moderation,), {"loop": loop, "rooms": rooms, "look_every": look_every})
    try:
        run_state_machine_as_test(played, settings=quiet)
    finally:
        loop.run_until_complete(closing.__aexit__(None, None, None))
        loop.close()
    return played.played


def test_every_order_of_moves_leaves_the_store_agreeing(store_url: str, tmp_path: Path) -> None:
    moves = run_machine(store_url, tmp_path, examples=8, steps=25)
    tell("C3 state machine, short", moves, "0 counterexamples", "0 counterexamples")


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_every_order_of_many_moves_leaves_the_store_agreeing(store_url: str, tmp_path: Path) -> None:
    moves = run_machine(store_url, tmp_path, examples=5000, steps=50, look_every=10)
    tell("C3 state machine, 5,000 stories of 50 steps", moves, "0 counterexamples", "0 counterexamples")


@pytest.mark.parametrize(
    "line",
    [
        "redis.call('ZREM', KEYS[2], id)",
        "for f = 1, leaves do redis.call('ZREM', KEYS[19 + f], id) end",
        "if after == 'approved' then redis.call('ZADD', KEYS[10], found[4], id) else redis.call('ZREM', KEYS[10], id) end",
    ],
)
def test_a_move_that_forgets_a_place_does_not_agree(store_url: str, tmp_path: Path, monkeypatch, line: str) -> None:
    """The mutations: a decided case stays in the queue, or in one of its filters; what is approved is not shown."""
    read = scripts._read
    assert line in read("move_comment")
    monkeypatch.setattr(scripts, "_read", lambda name: read(name).replace(line, ""))
    for known in (scripts.script, scripts.draining):
        known.cache_clear()
    try:
        with pytest.raises(AssertionError):
            run_machine(store_url, tmp_path, examples=30, steps=25, shrink=False)
    finally:
        for known in (scripts.script, scripts.draining):
            known.cache_clear()
