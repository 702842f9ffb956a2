"""The store in every kind of trouble, and every route of the service meanwhile: 503, in time, and back by itself."""

import asyncio
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psutil
import pytest
import redis

from tests.faults.line import Line, line_to
from tests.figures import tell
from tests.routes import Route, every_route, request_of
from tests.servers import free_port, plain_server
from tests.service import ABUSE, Service, a_comment, serving, someone

IN_TIME = 2.0
BACK_WITHIN = 5.0
INTAKE = "POST /v1/comments"
FEW = (INTAKE, "GET /v1/queue")
"""The routes that the mutations are tried on."""
ENDLESS = {"/v1/events"}
"""Streams: they are answered at once and end with the connection; looked at on their own below."""


class Bench:
    """A service, the line to its store, and the store."""

    def __init__(self, service: Service, line: Line, port: int, folder: Path, client: httpx.AsyncClient) -> None:
        self.service = service
        self.line = line
        self.folder = folder
        self.client = client
        self.store = redis.Redis(port=port, decode_responses=True, socket_timeout=5)
        self.pid = next(
            one.pid for one in psutil.process_iter(["name"]) if str(port) in " ".join(_words_of(one))
        )  # fmt: skip
        self.world: dict[str, str] = {}

    def key_for(self, route: Route) -> str:
        first = self.service.first
        return first["site_key"] if "site" in route.allowed else first["admin_key"]


def _words_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


class Seen(msgspec.Struct):
    """What one route answered during a fault."""

    route: Route
    status: int
    seconds: float
    retry_after: str
    text: str


@asynccontextmanager
async def bench(folder: Path, program: str = "moderation") -> AsyncIterator[Bench]:
    """Run a service whose store lies behind a line, with something in it to ask for."""
    port = free_port()
    options = ("busy-reply-threshold 50", 'save "3600 1"', "enable-debug-command yes")
    with plain_server(folder / "store", *options, port=port):
        async with line_to(port) as line:
            context = serving(folder / "data", "--redis", f"redis://127.0.0.1:{line.port}", module=program)
            service = await asyncio.to_thread(context.__enter__)
            try:
                async with httpx.AsyncClient(base_url=service.url, timeout=15, trust_env=False) as client:
                    one = Bench(service, line, port, folder, client)
                    await _furnish(one)
                    yield one
            finally:
                await asyncio.to_thread(context.__exit__, None, None, None)


async def _furnish(one: Bench) -> None:
    first = one.service.first
    site = {"Authorization": f"Bearer {first['site_key']}"}
    held = await one.client.post("/v1/comments", json=a_comment(ABUSE), headers=site)
    read = await one.client.get(f"/v1/comments/{held.json()['id']}", headers=site)
    one.world = {
        "comment_id": held.json()["id"],
        "author_id": read.json()["author"],
        "form_key": first["form_key"],
        "site_key": first["site_key"],
        "site_id": first["site"],
        "origin": one.service.url,
    }
    await sweep(one)  # what a worker remembers of keys and sites, it remembers now


async def sweep(one: Bench, names: Sequence[str] = ()) -> list[Seen]:
    """Ask every route (or those of these names) once, eight at a time."""
    gate = asyncio.Semaphore(8)

    async def ask(route: Route) -> Seen:
        request = by_somebody_new(request_of(route, one.world))
        headers = request.pop("headers", {})
        if not route.public:
            headers["Authorization"] = f"Bearer {one.key_for(route)}"
        elif route.path.startswith("/v1/session"):
            headers["Sec-Fetch-Site"] = "same-origin"
        async with gate:
            began = time.monotonic()
            said = await one.client.request(**request, headers=headers)
        return Seen(route, said.status_code, time.monotonic() - began, said.headers.get("retry-after", ""), said.text)

    wanted = [route for route in every_route() if route.path not in ENDLESS and (not names or route.name in names)]
    return await asyncio.gather(*[ask(route) for route in wanted])


def by_somebody_new(request: dict[str, Any]) -> dict[str, Any]:
    """Let nobody comment twice: a spent allowance is refused before the fault is felt."""
    match request.get("json"):
        case {"comments": [*comments]}:
            return request | {"json": {"comments": [comment | {"email": someone()} for comment in comments]}}
        case {"email": _, "text": _} as comment:
            return request | {"json": comment | {"email": someone()}}
    return request


Fault = Callable[[Bench], Awaitable[Callable[[], Awaitable[None]]]]


async def down(one: Bench) -> Callable[[], Awaitable[None]]:
    await one.line.close()
    return one.line.open


async def hung(one: Bench) -> Callable[[], Awaitable[None]]:
    os.kill(one.pid, signal.SIGSTOP)

    async def go_on() -> None:
        os.kill(one.pid, signal.SIGCONT)

    return go_on


async def reset(one: Bench) -> Callable[[], Awaitable[None]]:
    return await _says(one, "reset")


async def loading(one: Bench) -> Callable[[], Awaitable[None]]:
    return await _says(one, "-LOADING Redis is loading the dataset in memory")


async def silent(one: Bench) -> Callable[[], Awaitable[None]]:
    return await _says(one, "hold")


async def _says(one: Bench, trouble: str) -> Callable[[], Awaitable[None]]:
    one.line.trouble = trouble

    async def go_on() -> None:
        one.line.trouble = ""
        one.line.drop()

    return go_on


async def busy(one: Bench) -> Callable[[], Awaitable[None]]:
    script = asyncio.create_task(asyncio.to_thread(_run_for_ever, one.store.connection_pool))
    await asyncio.sleep(0.3)

    async def go_on() -> None:
        one.store.execute_command("SCRIPT KILL")
        await script

    return go_on


def _run_for_ever(pool: redis.ConnectionPool) -> None:
    client = redis.Redis(port=pool.connection_kwargs["port"], socket_timeout=120)
    with pytest.raises(redis.ResponseError):
        client.eval("while true do end", 0)


async def out_of_memory(one: Bench) -> Callable[[], Awaitable[None]]:
    return _set(one, "maxmemory", "1mb", "0")


async def no_replicas(one: Bench) -> Callable[[], Awaitable[None]]:
    return _set(one, "min-replicas-to-write", "1", "0")


def _set(one: Bench, name: str, bad: str, good: str) -> Callable[[], Awaitable[None]]:
    one.store.config_set(name, bad)

    async def go_on() -> None:
        one.store.config_set(name, good)

    return go_on


async def read_only(one: Bench) -> Callable[[], Awaitable[None]]:
    one.store.execute_command("REPLICAOF", "127.0.0.1", "1")

    async def go_on() -> None:
        one.store.execute_command("REPLICAOF", "NO", "ONE")

    return go_on


async def disk_full(one: Bench) -> Callable[[], Awaitable[None]]:
    """A snapshot that cannot be written makes the server refuse writes, as a full disk does: MISCONF."""
    place = one.folder / "store" / "dump.rdb"
    place.unlink(missing_ok=True)
    place.mkdir()
    await _snapshot(one, "err")

    async def go_on() -> None:
        shutil.rmtree(place)
        await _snapshot(one, "ok")

    return go_on


async def _snapshot(one: Bench, wanted: str) -> None:
    one.store.bgsave()
    ends = time.monotonic() + 10
    while True:
        told = one.store.info("persistence")
        if not told["rdb_bgsave_in_progress"] and told["rdb_last_bgsave_status"] == wanted:
            return
        assert time.monotonic() < ends, told
        await asyncio.sleep(0.05)


NOTHING_WORKS: tuple[Fault, ...] = (down, hung, silent, reset, loading, busy)
NOTHING_IS_WRITTEN: tuple[Fault, ...] = (out_of_memory, read_only, disk_full, no_replicas)
DRAINING = (
    "/v1/queue/",
    "/v1/comments/{comment_id}",
    "/v1/webhooks",
    "/v1/session",
    "/v1/sites",
    "/v1/keys",
    "/v1/privacy",
)
"""What staff may still do, or take away, while the store is out of memory."""


async def back_again(one: Bench) -> float:
    """Wait until a comment is taken in and the service says that it is ready; gives how long that took."""
    began = time.monotonic()
    headers = {"Authorization": f"Bearer {one.service.first['site_key']}"}
    while True:
        posted = await one.client.post(
            "/v1/comments", json=a_comment(f"Back at {time.monotonic_ns()}", email=someone()), headers=headers
        )
        if posted.status_code in (201, 429) and (await one.client.get("/health/ready")).status_code == 200:
            return time.monotonic() - began
        assert time.monotonic() - began < 20, posted.text
        await asyncio.sleep(0.1)


def false_success(seen: Seen, fault: Fault) -> bool:
    """Say whether a route claims to have done what the store cannot have done."""
    if not 200 <= seen.status < 300 or not seen.route.writes:
        return False
    return not (fault is out_of_memory and seen.route.path.startswith(DRAINING))


async def try_fault(one: Bench, fault: Fault, names: Sequence[str] = ()) -> list[Seen]:
    heal = await fault(one)
    try:
        seen = await sweep(one, names)
    finally:
        await heal()
    took = await back_again(one)
    wrong = [f"{item.route.name}: {item.status} {item.text[:200]}" for item in seen if item.status == 500]
    late = sorted(item.seconds for item in seen)
    slowest = late[int(len(late) * 0.99)]
    unavailable = [item for item in seen if item.status == 503]
    false = [f"{item.route.name}: {item.status}" for item in seen if false_success(item, fault)]
    rude = [
        item.route.name for item in unavailable if not item.retry_after.isdigit() and item.route.path != "/health/ready"
    ]
    tell(
        f"B1 {fault.__name__.replace('_', ' ')}", len(seen), "0 x 500, 0 false 2xx, 503 in 2 s, back in 5 s",
        f"{len(wrong)} x 500, {len(false)} false, {len(unavailable)} x 503, p99 {slowest:.2f} s, back in {took:.1f} s",
    )  # fmt: skip
    assert not wrong, "\n".join(wrong)
    assert not false, "\n".join(false)
    assert [item.status for item in seen if item.route.name == INTAKE] == [503], "nothing is taken in meanwhile"
    assert not rude, "a 503 says when to come again"
    assert took <= BACK_WITHIN
    assert slowest <= IN_TIME, [f"{item.route.name} {item.seconds:.2f}" for item in seen if item.seconds > IN_TIME]
    if fault in NOTHING_WORKS:
        calm = [
            f"{item.route.name}: {item.status}"
            for item in seen
            if not item.route.public and item.route.writes and item.status != 503 and not 400 <= item.status < 500
        ]
        assert not calm, "these did not notice that the store does not answer"
    return seen


async def test_every_route_says_503_in_time_whatever_ails_the_store_and_works_again_by_itself(tmp_path):
    async with bench(tmp_path) as one:
        failures = []
        for fault in NOTHING_WORKS + NOTHING_IS_WRITTEN:
            try:
                seen = await try_fault(one, fault)
                assert sum(item.status == 503 for item in seen) >= 5, "it was not felt"
            except AssertionError as error:
                failures.append(f"{fault.__name__}: {error}")
        failures += await slow(one)
        log = (one.service.data / "service.log").read_text()
        metrics = (await one.client.get("/metrics")).text
    assert not failures, "\n".join(failures)
    personal = [
        *("posteo.net", "night buses", "stupid idiot", "Ann Lee", "a long password of nobody"),
        *(one.service.first[name] for name in ("site_key", "form_key", "admin_key")),
    ]
    found = [word for word in personal if word in log or word in metrics]
    tell("H2 personal words in log and metrics", len(log.splitlines()), "0 hits", f"{len(found)} hits")
    assert not found
    assert "Traceback" not in log
    assert "moderation_store_failures_total{" in metrics, "an operator sees the faults in the metrics"


async def slow(one: Bench, names: Sequence[str] = ()) -> list[str]:
    """A store that takes 200 ms for each answer makes the service slow and nothing else."""
    one.line.delay = 0.2
    seen = await sweep(one, names)
    one.line.delay = 0.0
    failed = [f"slow: {item.route.name}: {item.status}" for item in seen if item.status >= 500]
    tell(
        "B1 slow 200 ms",
        len(seen),
        "0 x 5xx",
        f"{len(failed)} x 5xx, slowest {max(item.seconds for item in seen):.1f} s",
    )
    return failed


async def drain(folder: Path, program: str = "moderation") -> None:
    """Fill a store, and let staff decide and erase what waits there."""
    async with bench(folder, program) as one:
        first = one.service.first
        site = {"Authorization": f"Bearer {first['site_key']}"}
        staff = {"Authorization": f"Bearer {first['admin_key']}"}
        held = []
        for n in range(8):
            taken = await one.client.post(
                "/v1/comments", json=a_comment(f"{ABUSE} {n}", email=f"a{n}@posteo.net"), headers=site
            )
            held.append(taken.json()["id"])
        heal = await out_of_memory(one)
        refused = await one.client.post("/v1/comments", json=a_comment(), headers=site)
        answers = [
            await one.client.post(
                f"/v1/queue/{id_}/decision", json={"decision": "reject", "reason": "toxic"}, headers=staff
            )
            for id_ in held[:4]
        ] + [await one.client.delete(f"/v1/comments/{id_}", headers=staff) for id_ in held[4:]]
        await heal()
        stands = [(await one.client.get(f"/v1/comments/{id_}", headers=staff)).json().get("status") for id_ in held]
    tell(
        "B1 a full store is drained",
        len(held),
        "8 drained, intake 503",
        f"{sum(a.is_success for a in answers)} drained, intake {refused.status_code}",
    )
    assert refused.status_code == 503
    assert [answer.status_code for answer in answers] == [200] * 4 + [204] * 4
    assert stands[:4] == ["rejected"] * 4
    assert stands[4:] == [404] * 4, "what was taken away is not there"


async def test_staff_drain_a_store_that_is_full(tmp_path):
    await drain(tmp_path)


async def test_scripts_that_ask_a_full_store_for_room_are_found_out(tmp_path):
    """The mutation: what takes things away is refused like what brings some."""
    with pytest.raises(AssertionError):
        await drain(tmp_path, "tests.faults.mutants.stubborn_scripts")


async def test_a_driver_that_gives_a_slow_store_no_time_is_found_out(tmp_path):
    """The mutation: 200 ms for an answer are taken for a store that is gone."""
    async with bench(tmp_path, "tests.faults.mutants.impatient_driver") as one:
        failed = await slow(one, FEW)
    tell("B1 mutation impatient_driver", len(FEW), ">= 1 x 5xx", f"{len(failed)} x 5xx")
    assert failed


MUTANTS: dict[str, tuple[Fault, ...]] = {
    "bare_errors": (*NOTHING_WORKS, *NOTHING_IS_WRITTEN),
    "swallowed_errors": (*NOTHING_WORKS, *NOTHING_IS_WRITTEN),
    "patient_driver": (hung, silent),
    "sulking_store": (down,),
    "curt_errors": (down, no_replicas),
}


@pytest.mark.parametrize(
    "mutant", ["bare_errors", *(pytest.param(one, marks=pytest.mark.long) for one in MUTANTS if one != "bare_errors")]
)
async def test_without_the_border_of_the_store_the_sweep_is_red(tmp_path, mutant):
    """The mutations: errors that nobody translates, that are answered as done, or without a time to come again; a driver
    with its own patience; a service that does not come back when its store does."""
    calm = []
    async with bench(tmp_path, program=f"tests.faults.mutants.{mutant}") as one:
        for fault in MUTANTS[mutant]:
            try:
                await try_fault(one, fault, FEW)
            except (AssertionError, httpx.TimeoutException):
                continue
            calm.append(fault.__name__)
    tell(f"B1 mutation {mutant}", len(MUTANTS[mutant]), "each fault red", f"{len(MUTANTS[mutant]) - len(calm)} red")
    assert not calm, "these faults would not be noticed"
