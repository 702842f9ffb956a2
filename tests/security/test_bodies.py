"""Bodies that no honest client sends, on every route that reads one: refused with a reason, never a fault of ours."""

import gzip
import json
import time
from http import HTTPStatus

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moderation.api import problems
from moderation.errors import BodyInvalid
from moderation.store.queue import Queue
from tests.figures import tell
from tests.routes import Route, every_route, request_of
from tests.security.household import Household, household

JSON = "application/json"
DEEP = 100_000
IN_TIME = 0.1
NOT_JSON = {
    "blank", "half", "comma", "single quotes", "two values", "comment", "NaN", "Infinity", "invalid UTF-8", "overlong",
    "raw surrogate", "raw NUL", "control", "UTF-16", "UTF-32", "latin-1", "deep lists", "deep objects", "deep and closed",
    "form", "XML", "pickle", "11 MB", "as text/plain", "as application/x-www-form-urlencoded", "as application/xml",
    "as multipart/form-data; boundary=x", "as text/json", "as nothing", "as application/jsonp", "gzip", "gzip bomb",
    "null", "true", "number", "text",
}  # fmt: skip
"""What no route that reads a JSON object can take."""


def corpus() -> list[tuple[str, bytes, dict[str, str]]]:
    """Give the bodies: a name, the bytes, and headers that differ."""
    plain: dict[str, bytes] = {
        "nothing": b"", "blank": b" ", "null": b"null", "true": b"true", "number": b"7", "text": b'"text"', "list": b"[]",
        "half": b'{"name": "Ann"', "comma": b'{"name": "Ann",}', "single quotes": b"{'name': 'Ann'}", "two values": b"{}{}",
        "comment": b"/* no */ {}", "NaN": b'{"form_seconds": NaN}', "Infinity": b'{"form_seconds": Infinity}',
        "1e400": b'{"form_seconds": 1e400}', "bigint": b'{"form_seconds": ' + b"9" * 5000 + b"}", "minus zero": b'{"days": -0}',
        "invalid UTF-8": b'{"name": "\xff\xfe"}', "overlong": b'{"name": "\xc0\xaf"}', "raw surrogate": b'{"name": "\xed\xa0\x80"}',
        "half a pair": b'{"name": "\\ud800", "text": "x"}', "NUL": b'{"name": "a\\u0000b", "text": "a\\u0000b"}',
        "raw NUL": b'{"name": "a\x00b"}', "control": b'{"name": "a\x1bb"}', "BOM": b"\xef\xbb\xbf{}", "UTF-16": '{"name": "Ann"}'.encode("utf-16"),
        "UTF-32": '{"name": "Ann"}'.encode("utf-32"), "latin-1": '{"name": "Andr\xe9"}'.encode("latin-1"), "deep lists": b"[" * DEEP,
        "deep objects": b'{"a":' * DEEP, "deep and closed": b"[" * DEEP + b"]" * DEEP, "twice": b'{"name": "a", "name": "b", "text": "c", "text": "d"}',
        "unknown": b'{"__proto__": {"admin": true}, "role": "admin"}', "empty key": b'{"": ""}', "long key": b'{"' + b"k" * 60_000 + b'": 1}',
        "many keys": json.dumps({f"k{n}": n for n in range(5000)}).encode(), "long text": json.dumps({"text": "x" * 65_000}).encode(),
        "zero width": json.dumps({"text": "\u200b" * 20_000, "name": "A"}).encode(), "combining": json.dumps({"text": "a" + "\u0301" * 9_000, "name": "A"}).encode(),
        "ligatures": json.dumps({"text": "\ufdfa" * 9_000, "name": "A"}).encode(), "bidi": json.dumps({"text": "\u202e\u2066" * 4_000, "name": "\u202eA"}).encode(),
        "CRLF": json.dumps({"name": "A\r\nX: y", "email": "a@b.example\r\nBcc: c@d.example", "text": "t"}).encode(), "form": b"name=Ann&email=a%40b.example&text=hello",
        "XML": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>', "pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.",
        "200 kB": b'{"text": "' + b"x" * 200_000 + b'"}', "11 MB": b'{"text": "' + b"x" * 11_000_000 + b'"}',
    }  # fmt: skip
    for field in (
        "name",
        "email",
        "text",
        "thread",
        "decision",
        "version",
        "reason",
        "note",
        "count",
        "days",
        "mark",
        "url",
        "role",
        "site",
        "id",
    ):
        for kind, value in {
            "null": None,
            "number": -1,
            "list": [],
            "object": {},
            "bool": True,
            "float": 1e308,
            "long": "x" * 5000,
        }.items():
            plain[f"{field} is {kind}"] = json.dumps({field: value}).encode()
    found = [(name, body, {"Content-Type": JSON}) for name, body in plain.items()]
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "text/json",
        "",
        "application/json; charset=utf-16",
        "application/JSON",
        "application/jsonp",
    ):
        found.append((f"as {kind or 'nothing'}", b'{"name": "Ann"}', {"Content-Type": kind} if kind else {}))
    found.append(("gzip", gzip.compress(b"{}"), {"Content-Type": JSON, "Content-Encoding": "gzip"}))
    found.append(("gzip bomb", gzip.compress(b" " * 10_000_000), {"Content-Type": JSON, "Content-Encoding": "gzip"}))
    return found


def reads_a_body(route: Route) -> bool:
    return route.method in ("POST", "PUT", "PATCH") and "/v1/models/" not in route.path


async def try_bodies(one: Household, bodies: list[tuple[str, bytes, dict[str, str]]]) -> tuple[int, list[str], float]:
    wrong: list[str] = []
    sent, slowest = 0, 0.0
    for route in every_route():
        if not reads_a_body(route):
            continue
        key = one.keys["site key" if "site" in route.allowed else "admin key"]
        who = (
            {"Authorization": f"Bearer {key}"}
            if not route.public
            else {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}
        )
        for name, body, headers in bodies:
            given = {"method": route.method, "url": request_of(route, one.world)["url"], "content": body}
            took: list[float] = []
            # a machine that is busy with other work makes no body slow
            while not took or (min(took) > IN_TIME and len(took) < 4):
                began = time.perf_counter()
                said = await one.send(given, headers | who)
                took.append(time.perf_counter() - began)
            sent, slowest = sent + 1, max(slowest, min(took))
            refused = 400 <= said.status_code < 500 or route.media != JSON or route.body is None
            if said.status_code >= 500 or (name in NOT_JSON and not refused):
                wrong.append(f"{name} on {route.name}: {said.status_code} {said.text[:200]}")
    return sent, wrong, slowest


async def test_no_body_makes_a_route_fail(store_url, tmp_path):
    async with household(store_url, tmp_path) as one:
        bodies = corpus()
        assert len(bodies) >= 150
        sent, wrong, slowest = await try_bodies(one, bodies[::4])
    tell(
        "C2 bodies, short",
        sent,
        "0 x 5xx, 4xx for what is no JSON",
        f"{len(wrong)} others, slowest {slowest * 1e3:.0f} ms",
    )
    assert not wrong, "\n".join(wrong[:20])


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_no_body_of_the_whole_corpus_makes_a_route_fail(store_url, tmp_path):
    async with household(store_url, tmp_path) as one:
        sent, wrong, slowest = await try_bodies(one, corpus())
    tell(
        "C2 bodies", sent, "0 x 5xx, 4xx for what is no JSON, 100 ms",
        f"{len(wrong)} others on {len(list(filter(reads_a_body, every_route())))} routes, slowest {slowest * 1e3:.0f} ms",
    )  # fmt: skip
    assert not wrong, "\n".join(wrong[:20])
    assert slowest <= IN_TIME


@pytest.mark.parametrize("status", [HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.OK])
async def test_a_body_that_is_not_refused_is_noticed(store_url, tmp_path, monkeypatch, status):
    """The mutations: what cannot be read is a fault of ours, or is answered as done."""
    monkeypatch.setitem(problems.STATUS, BodyInvalid, status)
    async with household(store_url, tmp_path) as one:
        _, wrong, _ = await try_bodies(one, [body for body in corpus() if body[0] in ("half", "raw surrogate")])
    assert wrong


CURSORS = st.one_of(
    st.text(max_size=40),
    st.text(
        "0\u00b2\u2460\u0663", min_size=1, max_size=18
    ),  # Python takes each of these for a digit, and int() not all
    st.integers().map(str),
    st.tuples(st.integers(), st.integers()).map(lambda pair: f"{pair[0]}-{pair[1]}"),
)


def drawn(examples: int) -> list[str]:
    """Draw so many cursors."""
    tried: list[str] = []

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(CURSORS)
    def gather(cursor: str) -> None:
        tried.append(cursor)

    gather()
    return tried


async def try_cursors(store_url, tmp_path, tried: list[str]) -> tuple[int, list[str]]:
    """Send cursors as clients like; gives how many, and which were neither read nor refused."""
    wrong: list[str] = []
    async with household(store_url, tmp_path) as one:
        site = {"Authorization": f"Bearer {one.keys['site key']}"}
        staff = {"Authorization": f"Bearer {one.keys['admin key']}"}
        for cursor in tried:
            for url, params, who in (
                ("/v1/queue", {"site": "demo", "cursor": cursor}, staff),
                ("/v1/ledger", {"site": "demo", "after": cursor}, staff),
                ("/v1/ledger", {"site": "demo", "before": cursor}, staff),
                ("/v1/comments", {"since": cursor}, site),
                ("/v1/comments/search", {"site": "demo", "before": cursor}, staff),
                ("/v1/labels", {"site": "demo", "cursor": cursor}, staff),
                ("/v1/threads", {"url": "http://x.example", "cursor": cursor, "form_key": one.keys["form key"]}, {}),
            ):
                said = await one.client.get(url, params=params, headers=who)
                if said.status_code >= 500:
                    wrong.append(f"{url} {params}: {said.status_code}")
    return 7 * len(tried), wrong


async def test_no_cursor_makes_a_route_fail(store_url, tmp_path):
    asked, wrong = await try_cursors(store_url, tmp_path, drawn(60))
    tell("C3 cursors, short", asked, "0 x 5xx", f"{len(wrong)} x 5xx")
    assert not wrong, "\n".join(wrong[:10])


async def test_a_number_that_is_written_in_other_digits_is_no_cursor(store_url, tmp_path):
    _, wrong = await try_cursors(store_url, tmp_path, ["\u00b2", "1\u00b2", "\u2460", "\u0663", "9" * 18, "9" * 5000])
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("place", ["comments.stamp", "oversight.place", "queue"])
async def test_a_cursor_that_is_believed_is_found_out(store_url, tmp_path, monkeypatch, place):
    """The mutations: what comes as a cursor is taken for one."""
    if place == "queue":
        monkeypatch.setattr(Queue, "_position", staticmethod(lambda cursor: msgspec.json.decode(cursor or "null")))
    else:
        monkeypatch.setattr(f"moderation.api.{place}", int if place == "comments.stamp" else lambda cursor: cursor)
    _, wrong = await try_cursors(store_url, tmp_path, ["nothing"])
    assert wrong


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_no_cursor_of_thousands_makes_a_route_fail(store_url, tmp_path):
    asked, wrong = await try_cursors(store_url, tmp_path, drawn(2000))
    tell("C3 cursors", asked, "0 x 5xx", f"{len(wrong)} x 5xx")
    assert not wrong, "\n".join(wrong[:10])
