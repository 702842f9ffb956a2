"""What comes over a bare socket: framing that two parsers may read in two ways, and bodies in pieces. One request, one answer, 4xx."""

import asyncio
import contextlib
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import psutil
import pytest

from tests.figures import tell
from tests.routes import Route, every_route, request_of
from tests.security.test_bodies import IN_TIME, NOT_JSON, corpus
from tests.service import Service, a_comment, serving

GOOD = msgspec.json.encode(a_comment("A comment over a bare socket, about ferries."))
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
SILENCE = 0
"""The status of what is neither answered nor closed."""


def chunked(body: bytes, size: int = 65_536) -> bytes:
    """Write a body in chunks."""
    pieces = [body[begin : begin + size] for begin in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def framings(line: bytes, host: bytes, key: bytes) -> Iterator[tuple[str, bytes, bool]]:
    """Give requests that are framed wrong: a name, the bytes, and whether a good answer is right all the same."""
    head = line + b"\r\nHost: " + host + b"\r\nAuthorization: Bearer " + key + b"\r\nContent-Type: application/json\r\n"
    length = b"Content-Length: %d\r\n" % len(GOOD)
    pieces = chunked(GOOD)

    def of(*headers: bytes, body: bytes = GOOD) -> bytes:
        return head + b"".join(headers) + b"\r\n" + body

    chunks = b"Transfer-Encoding: chunked\r\n"
    yield "whole", of(length), True
    yield "in chunks", of(chunks, body=pieces), True
    yield "chunks of one byte", of(chunks, body=chunked(GOOD, 1)), True
    yield "TE and CL", of(chunks, length, body=pieces + SMUGGLED), False
    yield "CL and TE", of(b"Content-Length: 4\r\n", chunks, body=pieces + SMUGGLED), False
    yield "TE twice", of(chunks, b"Transfer-Encoding: identity\r\n", length, body=pieces + SMUGGLED), False
    yield "TE with a blank", of(b"Transfer-Encoding : chunked\r\n", length, body=pieces + SMUGGLED), False
    yield "TE of no kind", of(b"Transfer-Encoding: xchunked\r\n", length, body=pieces + SMUGGLED), False
    yield "TE in a list", of(b"Transfer-Encoding: chunked, identity\r\n", length, body=pieces + SMUGGLED), False
    yield "TE after a tab", of(b"Transfer-Encoding:\x0bchunked\r\n", length, body=pieces + SMUGGLED), False
    yield "CL twice", of(length, b"Content-Length: 3\r\n", body=GOOD + SMUGGLED), False
    yield "CL as a list", of(b"Content-Length: 3, %d\r\n" % len(GOOD), body=GOOD + SMUGGLED), False
    for name, value in {
        "negative": b"-1",
        "plus": b"+5",
        "hex": b"0x10",
        "empty": b"",
        "word": b"ten",
        "endless": b"9" * 30,
    }.items():
        yield f"CL {name}", of(b"Content-Length: " + value + b"\r\n", body=GOOD + SMUGGLED), False
    for name, size in {"negative": b"-1", "hex": b"0x5", "word": b"zz", "endless": b"f" * 30, "empty": b""}.items():
        yield f"chunk {name}", of(chunks, body=size + b"\r\n" + GOOD + b"\r\n0\r\n\r\n" + SMUGGLED), False
    ended = chunked(GOOD).removesuffix(b"\r\n")
    yield "a trailer", of(chunks, body=ended + b"X-Sum: 7\r\n\r\n"), True
    yield "an endless trailer", of(chunks, body=ended + b"X-Sum: " + b"a" * 600_000), False
    yield "trailers without end", of(chunks, body=ended + b"X-Sum: %s\r\n" % (b"a" * 50) * 10_000), False
    yield "chunk too short", of(chunks, body=b"3\r\n" + GOOD + b"\r\n0\r\n\r\n" + SMUGGLED), False
    yield "NUL in a header", of(b"X-A: a\x00b\r\n", length), False
    yield "folded header", of(b"X-A: a\r\n b\r\n", length), False
    yield "header without a name", of(b": a\r\n", length), False
    yield "header without a colon", of(b"nothing\r\n", length), False
    yield "endless header", of(b"X-A: " + b"a" * 200_000 + b"\r\n", length), False
    yield "headers without end", of(*[b"X-%d: %s\r\n" % (n, b"a" * 50) for n in range(4000)], length), False
    yield "no such protocol", head.replace(b"HTTP/1.1", b"HTTP/9.9", 1) + length + b"\r\n" + GOOD, False
    yield "no request", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20 + b"\r\n\r\n", False
    yield "blank in the path", head.replace(b" /v1", b" / v1", 1) + length + b"\r\n" + GOOD, False


async def exchange(service: Service, raw: bytes, patience: float = 2.0) -> tuple[list[int], bytes]:
    """Send bytes and read until the server closes, or says nothing more; gives the statuses it answered with."""
    where = urlsplit(service.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    said, open_ = b"", False
    with contextlib.suppress(OSError):
        writer.write(raw)
        sending = asyncio.create_task(_drain(writer))
        try:
            async with asyncio.timeout(20) as limit:
                while data := await reader.read(65_536):
                    said += data
                    limit.reschedule(asyncio.get_running_loop().time() + patience)
        except TimeoutError:
            open_ = True
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    writer.close()
    statuses = [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", said)]
    return statuses or [SILENCE] * open_, said


async def _drain(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        await writer.drain()


async def try_framings(service: Service, names: str = "") -> tuple[int, list[str]]:
    host, key = urlsplit(service.url).netloc.encode(), service.first["site_key"].encode()
    wrong, sent = [], 0
    gate = asyncio.Semaphore(8)

    async def one(name: str, raw: bytes, good: bool) -> None:
        async with gate:
            statuses, said = await exchange(service, raw, 0.5)
        first = statuses[0] if statuses else 400  # closed without a word is a refusal
        if good and statuses != [201]:
            wrong.append(f"{name}: {statuses}, though nothing is wrong with it")
        if not good and (not 400 <= first < 500 or any(status >= 500 for status in statuses)):
            wrong.append(f"{name}: {statuses} {said[:200]!r}")
        if b"smuggled" in said or len(statuses) > 1:
            wrong.append(f"{name}: answered as more than one request: {statuses}")

    tasks = []
    for name, raw, good in framings(b"POST /v1/comments HTTP/1.1", host, key):
        if not name.startswith(names):
            continue
        sent += 1
        tasks.append(one(name, raw, good))
    await asyncio.gather(*tasks)
    return sent, wrong


async def try_bodies(
    service: Service, routes: list[Route], step: int, at_once: int = 4
) -> tuple[int, list[str], float]:
    """Send bodies of the corpus in chunks to routes that read JSON; what no JSON object is must be refused."""
    world = {"form_key": service.first["form_key"], "site_id": "demo", "origin": service.url}
    wrong: list[str] = []
    sent, slowest = 0, 0.0
    gate = asyncio.Semaphore(at_once)

    async def one(route: Route, name: str, body: bytes, headers: dict[str, str]) -> None:
        nonlocal sent, slowest
        key = service.first["site_key" if "site" in route.allowed else "admin_key"]
        given = {"Host": urlsplit(service.url).netloc, "Sec-Fetch-Site": "same-origin", "Transfer-Encoding": "chunked"}
        given |= {"Connection": "close", **({} if route.public else {"Authorization": f"Bearer {key}"}), **headers}
        head = f"{route.method} {request_of(route, world)['url']} HTTP/1.1\r\n"
        head += "".join(f"{field}: {value}\r\n" for field, value in given.items())
        took: list[float] = []
        async with gate:
            # a machine that is busy with other work makes no body slow
            while not took or (min(took) > IN_TIME and len(took) < 4):
                began = time.perf_counter()
                statuses, said = await exchange(service, head.encode() + b"\r\n" + chunked(body))
                took.append(time.perf_counter() - began)
        slowest = max(slowest, min(took))
        sent += 1
        status = statuses[0] if statuses else 400
        if not 200 <= status < 500 or (name in NOT_JSON and not 400 <= status < 500):
            wrong.append(f"{name} on {route.name}: {statuses} {said[-200:]!r}")

    bodies = corpus()[::step]
    for route in routes:
        await asyncio.gather(*[one(route, *body) for body in bodies])
    return sent, wrong, slowest


def reads_json(route: Route) -> bool:
    return route.body is not None and route.media == "application/json" and route.method in ("POST", "PUT", "PATCH")


async def test_a_trailer_is_no_header_and_none_is_waited_for_without_end(tmp_path):
    await send_trailers(tmp_path)


async def test_a_reader_of_any_trailer_is_found_out(tmp_path):
    """The mutation: heads and trailers are gathered without end, and a trailer may say who one is."""
    with pytest.raises(AssertionError):
        await send_trailers(tmp_path, "tests.faults.mutants.patient_reader", endless=20_000_000, patience=0.5)


async def test_a_parser_that_guesses_is_found_out(tmp_path):
    """The mutation: a request that can be read in two ways is read in one of them."""
    with serving(tmp_path, module="tests.faults.mutants.lenient_parser") as service:
        sent, wrong = await try_framings(service, "TE and CL")
        await hurry(service)
    tell("C2 mutation lenient parser", sent, ">= 1 other", f"{len(wrong)} others")
    assert any("TE and CL" in one for one in wrong), wrong


async def hurry(service: Service) -> None:
    """End a service that would wait for the end of requests which have none."""
    service.process.terminate()
    await asyncio.sleep(0.3)
    service.process.send_signal(signal.SIGINT)


async def send_trailers(
    folder: Path, program: str = "moderation", endless: int = 65_000_000, patience: float = 10.0
) -> None:
    """Send trailers that say who one is, and one without end."""
    with serving(folder, module=program) as service:
        host, key = urlsplit(service.url).netloc.encode(), service.first["site_key"].encode()
        head = b"POST /v1/comments HTTP/1.1\r\nHost: " + host + b"\r\nContent-Type: application/json\r\n"
        body = chunked(GOOD).removesuffix(b"\r\n") + b"Authorization: Bearer " + key + b"\r\n\r\n"
        late, _ = await exchange(service, head + b"Transfer-Encoding: chunked\r\n\r\n" + body)
        process = psutil.Process(service.process.pid)
        before = process.memory_info().rss
        reader, writer = await asyncio.open_connection(urlsplit(service.url).hostname, urlsplit(service.url).port)
        head += b"Authorization: Bearer " + key + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head + chunked(GOOD).removesuffix(b"\r\n") + b"X-Sum: ")
        sent = 0
        with contextlib.suppress(OSError):
            for _ in range(endless // 65_536):
                writer.write(b"a" * 65_536)
                await writer.drain()
                sent += 65_536
        said = b""
        with contextlib.suppress(OSError):
            said = await asyncio.wait_for(reader.read(), patience)
        writer.close()
        grown = process.memory_info().rss - before
        if program != "moderation":
            await hurry(service)
        log = (service.data / "service.log").read_text()
    tell("C2 endless trailer", 1, "refused, memory flat", f"refused, {grown / 1e6:+.1f} MB")
    assert late == [401]
    assert not said or b" 400 " in said
    assert sent < 60_000_000, "the service stopped reading"
    assert grown < 8_000_000
    assert "Traceback" not in log


async def test_a_request_that_can_be_read_in_two_ways_is_refused(tmp_path):
    with serving(tmp_path) as service:
        sent, wrong = await try_framings(service)
        few = [route for route in every_route() if route.name in ("POST /v1/comments", "POST /v1/session")]
        more, also, _ = await try_bodies(service, few, 5)
        log = (service.data / "service.log").read_text()
    tell("C2 raw sockets, short", sent + more, "4xx, one answer", f"{len(wrong) + len(also)} others")
    assert not wrong + also, "\n".join((wrong + also)[:20])
    assert "Traceback" not in log


@pytest.mark.long
@pytest.mark.timeout(3000)
async def test_every_body_of_the_corpus_in_chunks_on_every_route(tmp_path):
    with serving(tmp_path) as service:
        routes = [route for route in every_route() if reads_json(route)]
        process = psutil.Process(service.process.pid)
        await try_bodies(service, routes, 1)  # what is met for the first time is remembered
        before = process.memory_info().rss
        sent, wrong, slowest = await try_bodies(service, routes, 1, at_once=1)
        grown = process.memory_info().rss / before - 1
        assert len(corpus()) >= 150
        log = (service.data / "service.log").read_text()
    tell(
        "C2 raw sockets", sent, "0 x 5xx, 4xx for what is no JSON, 100 ms, memory flat",
        f"{len(wrong)} others on {len(routes)} routes, slowest {slowest * 1e3:.0f} ms, memory {grown:+.1%}",
    )  # fmt: skip
    assert not wrong, "\n".join(wrong[:30])
    assert slowest <= IN_TIME
    assert grown < 0.05
    assert "Traceback" not in log
