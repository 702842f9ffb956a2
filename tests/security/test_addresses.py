"""Names and addresses that no honest person has, and those that honest people have in every script, at each door.

What could end a line or a header is refused; what is only unusual is taken, is one author in each of its spellings,
and a domain in the letters of another is told and stops nobody. Nobody asks the DNS.
"""

import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import dns.resolver
import pytest

from moderation import digests
from moderation.api import fields
from moderation.records import Limits, Policy, Role, Site, Status
from moderation.scoring import checks
from tests.figures import tell
from tests.security.household import CANARY, ORIGIN, Household, household

SITE = "wide"
BREAKS = ("\r", "\n", "\r\n", "\0", "\t", "\x0b", "\x0c", "\x1b", "\x1c", "\x1e", "\x7f", "\x85", "\u2028", "\u2029")
LINES = {
    "email": "ann{n}@posteo.net{x}Bcc: eve@posteo.net", "name": "Ann{x}Bcc: eve@posteo.net",
    "url": "https://ann.example/{x}Bcc: eve", "thread.url": "https://news.example/{x}Bcc: eve", "thread.title": "A{x}Bcc: eve",
    "referrer": "https://news.example/{x}Bcc: eve", "user_agent": "Mozilla{x}Bcc: eve", "external_id": "e{x}Bcc: eve",
    "parent_id": "p{x}Bcc: eve", "lang": "en{x}Bcc: eve", "ip": "192.0.2.1{x}Bcc: eve", "submitted_at": "2026-05-01T12:00:00Z{x}Bcc: eve",
}  # fmt: skip
WRONG = (
    "plain", "@example.com", "ann@", "ann@b", "ann b@example.com", "ann@exa mple.com", '"ann lee"@example.com', '"ann@example.com',
    "ann@[127.0.0.1]", "ann@[IPv6:::1]", "ann@127.0.0.1", "Ann <ann@example.com>", "<ann@example.com>", "ann@example.com,eve@example.com",
    "ann@example.com;eve@example.com", "ann@example.com eve@example.com", "ann@@example.com", "ann@eve@example.com", "ann@example..com",
    "ann@.example.com", "ann@example.com.", ".ann@example.com", "ann.@example.com", "ann..lee@example.com", "ann@-example.com",
    "ann@example-.com", "ann@exam_ple.com", "ann@localhost", "ann@inner.local", "ann@inner.test", "ann@inner.invalid", "ann@example.c0",
    "ann\\@example.com", "ann(lee)@example.com", "mailto:ann@example.com", "ann@example.com?bcc=eve@example.com", "ann@example.com/../",
    "<script>alert(1)</script>@example.com", "ann@<b>.com", "ann@example.com'--", "ann\ufeff@example.com", "ann\u200b@example.com",
    "ann\u202e@example.com", "ann@xn--a.com", "ann@xn--p1ai", "ann@☃.com", "\u0301ann@example.com", "ann%0d%0aBcc:eve@example.com",
    "a" * 65 + "@example.com", "ann@" + "b" * 64 + ".com", "a" * 64 + "@" + ".".join(("b" * 63, "c" * 63, "d" * 58)) + ".com",
    "ann@" + ".".join(["b"] * 130) + ".com", "ann@" + "ü" * 60 + ".de", "[ann]@example.com", "ann@exam|ple.com",
)  # fmt: skip
"""More than RFC 5321 allows (64 before the @, 63 in a label, 254 in all), or no address."""
RIGHT = (
    "o'neil@example.com", "ann+news@example.co.uk", "ann_lee-1@example.com", "{ann}@example.com", "ann!lee@example.com", "1@example.com",
    "ANN@EXAMPLE.COM", "ann@123.com", "a" * 64 + "@example.com", "ann@" + "b" * 63 + ".com",
    "a" * 64 + "@" + ".".join(("b" * 63, "c" * 63, "d" * 57)) + ".com", "Jörg@example.com", "用户@example.com", "почта@example.com",
    "ann@a.b.c.d.e.example.com", "ann@example.museum",
)  # fmt: skip
IN_TWO_FORMS = {
    "bücher.de": "xn--bcher-kva.de", "straße.de": "xn--strae-oqa.de", "例子.广告": "xn--fsqu00a.xn--4rr70v",
    "пример.рф": "xn--e1afmkfd.xn--p1ai", "ελλάδα.gr": "xn--hxakic4aa.gr", "한국.kr": "xn--3e0b707e.kr", "नमस्ते.भारत": "xn--h2bhs4b8d8a.xn--h2brj9c",
    "日本語.jp": "xn--wgv71a119e.jp", "москва.com": "xn--80adxhks.com", "ünlü.com.tr": "xn--nl-wkac.com.tr",
}  # fmt: skip
LOOK_ALIKE = {
    "gmаil.com": "gmail.com", "xn--gmil-63d.com": "gmail.com", "уаһоо.com": "yahoo.com", "gmaıl.com": "gmail.com",
    "gооgle.com": "google.com", "раypal.com": "paypal.com", "outlооk.com": "outlook.com", "mаil.ru": "mail.ru",
}  # fmt: skip
NAMES = {
    "Zoë Ō'Brien": "", "李小龙": "", "Олена": "", "עדי": "", "नमस्ते": "", "Ann (she)": "", "x" * 200: "", "<b>Ann</b>": "", "A" + "\u0301" * 8: "",
    "": "name", " ": "name", "\u200b": "name", "\u202e": "name", "\u3164": "name", "\u2800": "name", "\u0301": "name", "x" * 201: "name",
    "=HYPERLINK(\"http://x\")": "", "+1": "", "@SUM(1)": "", "%0d%0aSet-Cookie: a=b": "", "Ann\u00a0Lee": "",
}  # fmt: skip

Case = tuple[str, dict[str, Any], str]
"""What it is, what is sent, and the field that is wrong with it, or nothing."""


def corpus() -> list[Case]:
    """Give the cases; the address is another one in each, so that no allowance is spent."""
    found: list[Case] = []
    for field, line in LINES.items():
        for n, what in enumerate(BREAKS):
            found.append((f"{what!r} in {field}", nested(field, line.format(n=n, x=what)), field))
    found += [(f"{address!r} is no address", {"email": address}, "email") for address in WRONG]
    found += [(f"{address!r} is an address", {"email": address}, "") for address in RIGHT]
    for lettered, plain in IN_TWO_FORMS.items():
        found += [(f"{domain} is a domain", {"email": f"ann@{domain}"}, "") for domain in (lettered, plain)]
    found += [(f"{domain} is a domain", {"email": f"ann@{domain}"}, "") for domain in LOOK_ALIKE]
    found += [(f"{name!r} as a name", {"name": name}, wrong) for name, wrong in NAMES.items()]
    return found


def nested(field: str, value: str) -> dict[str, Any]:
    outer, _, inner = field.partition(".")
    return {outer: {inner: value} if inner else value}


def body_of(case: Case, n: int) -> dict[str, Any]:
    given = {"name": "Ann Lee", "email": f"ann{n}@posteo.net", "text": f"A kind word about bus number {n}, which came."}
    return given | case[1]


Door = Callable[[Household, dict[str, Any]], Awaitable[tuple[int, set[str], str, str]]]
"""A way in: it gives the status, the fields that are wrong, the id, and all headers of the answer."""


async def alone(one: Household, body: dict[str, Any]) -> tuple[int, set[str], str, str]:
    said = await one.client.post("/v1/comments", json=body, headers=one_key(one))
    told = said.json()
    return said.status_code, {error["field"] for error in told.get("errors", [])}, told.get("id", ""), str(said.headers)


async def in_a_batch(one: Household, body: dict[str, Any]) -> tuple[int, set[str], str, str]:
    said = await one.client.post("/v1/comments/batch", json={"comments": [body]}, headers=one_key(one))
    (told,) = said.json()["results"]
    status = 422 if "errors" in told else 201
    return status, {error["field"] for error in told.get("errors", [])}, told.get("id", ""), str(said.headers)


async def by_a_form(one: Household, body: dict[str, Any]) -> tuple[int, set[str], str, str]:
    """Post as a browser without a script does; the answer is a page, and names the fields in sentences only."""
    flat = {name: value for name, value in body.items() if name != "thread"}
    flat |= {f"thread.{name}": value for name, value in body.get("thread", {}).items()}
    said = await one.client.post(
        f"/v1/forms/{one.keys['wide form']}/comments",
        content=urlencode(flat),
        headers={"Origin": ORIGIN, "Content-Type": "application/x-www-form-urlencoded"},
    )
    return said.status_code, set(), "", str(said.headers)


def one_key(one: Household) -> dict[str, str]:
    return {"Authorization": f"Bearer {one.keys['wide']}"}


async def open_wide(one: Household) -> None:
    """Add a site whose allowances are large, and which keeps contacts."""
    most = 100_000
    limits = Limits(site=most, text=most, address=most, email=most, form_address=most)
    policy = Policy(limits=limits, keep_contact=True)
    await one.rooms.sites.add(Site(id=SITE, url=ORIGIN, origins=(ORIGIN,), policy=policy))
    _, one.keys["wide"] = await one.rooms.sites.create_key(Role.SITE, SITE)
    _, one.keys["wide form"] = await one.rooms.sites.create_key(Role.FORM, SITE)


async def try_addresses(store_url: str, folder: Path, doors: tuple[Door, ...], monkeypatch) -> tuple[int, list[str]]:
    """Send every case through these doors; gives how many, and what was not as it should be."""
    asked: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **_: asked.append(given[0]) or [])
    monkeypatch.setattr(dns.resolver.Resolver, "resolve", lambda _, name, *more, **_more: asked.append(name))
    wrong: list[str] = []
    sent = 0
    async with household(store_url, folder) as one:
        await open_wide(one)
        for door in doors:
            for case in corpus():
                sent += 1
                wrong += await _try(one, door, case, sent)
        if alone in doors:
            wrong += await _one_author_in_both_forms(one)
    # a receiver of webhooks is looked up, and is no address of a commenter
    return sent, wrong + [f"the DNS was asked for {name}" for name in asked if CANARY not in str(name)]


async def _try(one: Household, door: Door, case: Case, n: int) -> list[str]:
    what, _, field = case
    status, named, id_, headers = await door(one, body_of(case, n))
    found = []
    good = status in (201, 303) if not field else status in (400, 422)
    if not good or (named and named != {field}):
        found.append(f"{door.__name__}: {what}: {status} {named}")
    if "bcc" in headers.lower() or "set-cookie" in headers.lower():
        found.append(f"{door.__name__}: {what}: a header of the answer holds what was sent")
    if id_:
        stored = await one.rooms.comments.get(SITE, id_)
        domain = case[1].get("email", "").rpartition("@")[2]
        told = [signal for signal in stored.verdict.signals if signal.name == "lookalike_email" and signal.score]
        if [signal.facts[1] for signal in told] != [LOOK_ALIKE[name] for name in (domain,) if name in LOOK_ALIKE]:
            found.append(f"{what}: said of its domain: {told}")
        if domain and stored.status is Status.REJECTED:
            found.append(f"{what}: rejected")
    return found


async def _one_author_in_both_forms(one: Household) -> list[str]:
    found = []
    for n, (lettered, plain) in enumerate(IN_TWO_FORMS.items()):
        kept = []
        for domain in (lettered, plain):
            _, _, id_, _ = await alone(one, body_of(("", {"email": f"twin{n}@{domain}"}, ""), 10_000 + n))
            kept.append(await one.rooms.comments.get(SITE, id_) if id_ else None)
        if None in kept or kept[0].author != kept[1].author:
            found.append(f"{lettered} and {plain} are two authors")
            continue
        for stored in kept:
            contact = one.rooms.privacy._digests.unseal(SITE, stored.sealed)
            if (contact.get("email_ascii"), contact.get("email_unicode")) != (
                f"twin{n}@{plain}",
                f"twin{n}@{lettered}",
            ):
                found.append(f"{lettered}: kept as {contact}")
    _, _, other, _ = await alone(one, body_of(("", {"email": "twin1@strasse.de"}, ""), 20_000))
    _, _, this, _ = await alone(one, body_of(("", {"email": "twin1@straße.de"}, ""), 20_001))
    if not other or not this:
        return [*found, "strasse.de or straße.de was refused"]
    if (await one.rooms.comments.get(SITE, other)).author == (await one.rooms.comments.get(SITE, this)).author:
        found.append("strasse.de and straße.de are one author")
    return found


async def test_names_and_addresses_are_taken_or_refused_as_they_should_be(store_url, tmp_path, monkeypatch):
    assert len(corpus()) >= 200
    sent, wrong = await try_addresses(store_url, tmp_path, (alone,), monkeypatch)
    tell("C5 names and addresses, short", sent, "each as it should be, no DNS", f"{len(wrong)} others")
    assert not wrong, "\n".join(wrong)


@pytest.mark.long
async def test_names_and_addresses_are_taken_or_refused_alike_at_every_door(store_url, tmp_path, monkeypatch):
    sent, wrong = await try_addresses(store_url, tmp_path, (alone, in_a_batch, by_a_form), monkeypatch)
    tell("C5 names and addresses", sent, "each as it should be, no DNS", f"{len(wrong)} others at three doors")
    assert not wrong, "\n".join(wrong)


def _old_form(domain: str) -> str:
    try:
        return domain.lower() if domain.isascii() else domain.encode("idna").decode()
    except UnicodeError:
        return domain.lower()


MUTATIONS: dict[str, tuple[object, str, object, str]] = {
    "a line may end": (fields, "_line_fault", lambda line: "", "in name"),
    "no limit before the @": (fields, "validate_email", None, "'" + "a" * 65),
    "the DNS is asked": (fields, "validate_email", None, "the DNS was asked"),
    "no form in ASCII": (digests, "ascii_form", lambda domain: domain.lower(), "are two authors"),
    "the older form in ASCII": (digests, "ascii_form", _old_form, "are one author"),
    "no look at the domain": (checks, "imitated", lambda domain: "", "said of its domain"),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_a_door_without_one_of_its_looks_is_found_out(store_url, tmp_path, monkeypatch, mutation):
    """The mutations: each takes one look away, and what it was for is seen to be gone."""
    room, name, instead, seen = MUTATIONS[mutation]
    whole = fields.validate_email
    if mutation == "no limit before the @":
        instead = lambda address, **_: whole(address, strict=False, check_deliverability=False)  # noqa: E731
    if mutation == "the DNS is asked":
        instead = lambda address, **_: whole(address, strict=True, check_deliverability=True)  # noqa: E731
    monkeypatch.setattr(room, name, instead)
    _, wrong = await try_addresses(store_url, tmp_path, (alone,), monkeypatch)
    tell(f"C5 mutation {mutation}", len(corpus()), ">= 1 other", f"{len(wrong)} others")
    assert any(seen in one for one in wrong), wrong[:5]
