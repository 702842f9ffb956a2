"""Processes of the service die in the middle of requests, and clients that send again: nothing lost, nothing doubled."""

import asyncio
import random
import signal
import time

import httpx
import psutil
import pytest

from moderation.app import house
from moderation.errors import CaseDecided, CaseTaken, ModerationError
from moderation.records import Caller, DecisionKind, DecisionReason, Role, Site
from moderation.review import Ruling
from moderation.settings import Settings, StoreSettings
from tests.faults.storm import SITE, fresh_comment
from tests.figures import tell
from tests.servers import free_port
from tests.service import Service, a_comment, serving


def a_fresh_comment(n: int) -> dict:
    return a_comment(
        f"Comment number {n}, which nobody else has written.",
        email=f"reader{n}@posteo.net",
        ip=f"{11 + (n >> 16)}.{n >> 8 & 255}.{n & 255}.7",
    )


async def post_until_answered(client: httpx.AsyncClient, n: int, over: asyncio.Event) -> str:
    """Send one comment with its Idempotency-Key until it is acknowledged, as a careful client does."""
    while not over.is_set():
        try:
            said = await client.post("/v1/comments", json=a_fresh_comment(n), headers={"Idempotency-Key": f"key-{n}"})
        except httpx.HTTPError:
            await asyncio.sleep(0.05)
            continue
        if said.status_code == 201:
            return str(said.json()["id"])
        assert said.status_code in (429, 503), said.text
        await asyncio.sleep(0.1)
    raise AssertionError("the service did not come back")


def kill(service: Service, which: str) -> None:
    """Kill the service, or one of its workers, which the service replaces."""
    if which == "worker":
        workers = [one for one in psutil.Process(service.process.pid).children() if "valkey" not in one.name()]
        random.choice([one for one in workers if "resource_tracker" not in " ".join(one.cmdline())]).send_signal(
            signal.SIGKILL
        )
    else:
        service.kill()


async def survive_kills(folder, kills: int, keys: int, program: str = "moderation") -> None:
    port = free_port()
    acked: dict[int, str] = {}
    over = asyncio.Event()
    todo = iter(range(keys))
    first: dict[str, str] = {}

    async def client_of(url: str) -> None:
        async with httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {first['site_key']}"}, timeout=10, trust_env=False
        ) as client:
            for n in todo:
                acked[n] = await post_until_answered(client, n, over)

    clients: list[asyncio.Task] = []
    died = 0
    while died < kills or not all(task.done() for task in clients):
        context = serving(folder, "--workers", "2" if died % 2 else "1", port=port, module=program)
        service = await asyncio.to_thread(context.__enter__)
        try:
            first |= service.first
            if not clients:
                clients = [asyncio.create_task(client_of(service.url)) for _ in range(16)]
            if died == kills:
                await asyncio.wait_for(asyncio.gather(*clients), 60)
                break
            answered, patience = len(acked), time.monotonic() + 30
            await asyncio.sleep(0.3 + random.random() * 0.5)
            while (
                len(acked) == answered < keys and time.monotonic() < patience
            ):  # a kill before any answer shows nothing
                await asyncio.sleep(0.01)
            if died % 2:
                kill(service, "worker")
                await asyncio.sleep(0.3)
            kill(service, "service")
            died += 1
        finally:
            await asyncio.to_thread(context.__exit__, None, None, None)
    with serving(folder, port=port) as service, service.staff as staff:
        lost = [id_ for id_ in acked.values() if staff.get(f"/v1/comments/{id_}").status_code != 200]
        judged, after = 0, "0-0"
        while True:
            entries = staff.get("/v1/ledger", params={"after": after, "limit": 1000}).json()["entries"]
            judged += sum(entry["e"] == "comment.judged" for entry in entries)
            if len(entries) < 1000:
                break
            after = entries[-1]["id"]
    tell(
        "A3 kills of the service",
        kills,
        "0 lost, 0 doubled",
        f"{len(lost)} lost, {judged - keys} doubled of {keys:,} keys",
    )
    assert len(acked) == keys
    assert not lost, f"{len(lost)} lost"
    assert judged == keys, f"{judged} comments were recorded for {keys} keys"


async def test_a_killed_service_loses_and_doubles_nothing_of_clients_that_send_again(tmp_path):
    await survive_kills(tmp_path / "data", kills=2, keys=300)


async def test_a_service_that_answers_before_it_has_written_is_found_out(tmp_path):
    """The mutation: what is acknowledged is on its way to the store when the service dies."""
    with pytest.raises(AssertionError, match="lost"):
        await survive_kills(tmp_path / "data", kills=1, keys=600, program="tests.faults.mutants.hasty_answers")


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_fifty_kills_of_the_service(tmp_path):
    await survive_kills(tmp_path / "data", kills=50, keys=20_000)


async def race(url: str, key: str, keys: int, name: str) -> list[set[str]]:
    """Send each of many keys five times at once; gives the ids that each was answered with."""
    ids: list[set[str]] = [set() for _ in range(keys)]
    gate = asyncio.Semaphore(40)
    async with httpx.AsyncClient(
        base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30, trust_env=False
    ) as client:

        async def once(n: int) -> None:
            async with gate:
                headers = {"Idempotency-Key": f"{name}-{n}"} if name else {}
                said = await client.post("/v1/comments", json=a_fresh_comment(n), headers=headers)
                assert said.status_code == 201, said.text
                ids[n].add(said.json()["id"])

        await asyncio.gather(*[once(n) for n in range(keys) for _ in range(5)])
        if name:
            other = await client.post("/v1/comments", json=a_comment(), headers={"Idempotency-Key": f"{name}-0"})
            assert (other.status_code, other.json()["code"]) == (422, "idempotency_conflict"), other.text
    return ids


async def races(folder, keys: int) -> None:
    with serving(folder, "--workers", "2") as service:
        ids = await race(service.url, service.first["site_key"], keys, "race")
        created = len(set().union(*ids))
        naive = await race(service.url, service.first["site_key"], 5, "")
    tell("A4 same key, five at once", 5 * keys, f"{keys} created", f"{created} created")
    tell("A4 mutation no key", 25, "> 5 created", f"{len(set().union(*naive))} created")
    assert created == keys
    assert all(len(one) == 1 for one in ids)
    assert len(set().union(*naive)) > 5, "without keys the same race makes doubles, or it is no race"


async def test_the_same_key_five_times_at_once_makes_one_comment(tmp_path):
    await races(tmp_path / "data", 60)


@pytest.mark.long
async def test_a_thousand_keys_five_times_at_once_make_a_thousand_comments(tmp_path):
    await races(tmp_path / "data", 1000)


# one decision wins --------------------------------------------------------------------------------


def moderators(count: int) -> list[Caller]:
    return [Caller(role=Role.MODERATOR, id=f"m{n}", name=f"Moderator {n}", site=SITE) for n in range(count)]


async def decide_together(store_url: str, cases: int, eight: int = 8) -> tuple[int, int, int]:
    """Let moderators on two workers decide the same cases at once; gives wins, losses that name the winner, entries."""
    settings = Settings(store=StoreSettings(url=store_url, pepper="A" * 43))
    wins = losses = 0
    async with house(settings) as one, house(settings) as two:
        site = await one.sites.add(Site(id=SITE))
        for _ in range(cases):
            comment = fresh_comment(one, site)
            taken = await one.intake.submit(site, comment)

            async def decide(number: int, who: Caller, id_: str = taken.id) -> str:
                rooms = two if number % 2 else one
                kind = DecisionKind.APPROVE if number % 3 else DecisionKind.REJECT
                try:
                    await rooms.review.decide(
                        site, who, id_, Ruling(decision=kind, reason=DecisionReason.OTHER, version=1)
                    )
                except (CaseDecided, CaseTaken) as error:
                    return error.moderator
                return ""

            said = await asyncio.gather(*[decide(n, who) for n, who in enumerate(moderators(eight))])
            winner = [who.name for who, answer in zip(moderators(eight), said, strict=True) if not answer]
            wins += len(winner)
            losses += sum(answer == winner[0] for answer in said if answer)
        entries = [entry async for entry in one.ledger.walk(SITE) if entry.line["e"] == "case.decided"]
    return wins, losses, len(entries)


async def check_one_wins(store_url: str, cases: int) -> None:
    wins, losses, entries = await decide_together(store_url, cases)
    tell(
        "F1 eight moderators, one case",
        cases,
        "1 winner each",
        f"{wins} wins, {losses} told who won, {entries} entries",
    )
    assert (wins, losses, entries) == (cases, 7 * cases, cases)


async def test_of_eight_moderators_one_decides_and_seven_hear_who(store_url):
    await check_one_wins(store_url, 60)


@pytest.mark.long
async def test_of_eight_moderators_one_decides_two_thousand_times(store_url):
    await check_one_wins(store_url, 2000)


async def test_a_decision_that_reads_and_then_writes_would_win_twice(store_url, monkeypatch):
    """The mutation: the version is looked at before the move, and not in it."""
    from moderation.store.comments import Comments

    whole = Comments.move

    async def naive(self, stored, move, *, day):
        now = await self.get(stored.site, stored.id)
        if now.version != stored.version:
            raise CaseDecided(stored.id, now.version, "", "", "")
        await asyncio.sleep(0.001)
        try:
            return await whole(self, stored, move, day=day)
        except ModerationError:
            latest = await self.get(stored.site, stored.id)
            return await whole(self, latest, move, day=day)

    monkeypatch.setattr(Comments, "move", naive)
    wins, _, entries = await decide_together(store_url, 10)
    tell("F1 mutation read then write", 10, "> 10 wins", f"{wins} wins, {entries} entries")
    assert wins > 10
