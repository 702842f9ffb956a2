"""What a person may ask for: an export of exactly what is theirs, and an erasure after which nothing is left anywhere."""

import asyncio
from pathlib import Path

import httpx
import msgspec
import pytest

from moderation.app import House, house
from moderation.privacy import Privacy
from moderation.records import Caller, Comment, DecisionKind, DecisionReason, Role, Site
from moderation.review import Ruling
from moderation.settings import Settings, StoreSettings
from moderation.store.embedded import CONF, EmbeddedServer
from moderation.store.folder import DataFolder
from moderation.store.traces import Traces
from tests.figures import tell
from tests.servers import BackgroundWork, embedded
from tests.service import a_comment, run, serving

CANARY = "zwitscherkanarie"
EMAIL = f"{CANARY}@posteo.net"
ADMIN = Caller(role=Role.ADMIN, id="m1", name="Ann")


def comment_of(rooms: House, site: Site, n: int, email: str, word: str) -> Comment:
    abuse = "You are a stupid idiot and everybody hates you, shut up you moron" if n % 3 == 0 else "Thank you for this."
    return Comment(
        id=rooms.intake.new_id(site), site=site.id, text=f"{abuse} {word} number {n}", name=f"Name {word}", email=email,
        ip=f"{11 + n % 200}.{n >> 8 & 255}.{n & 255}.9", url=f"https://{word}.example/", user_agent=f"Agent {word}",
    )  # fmt: skip


async def fill(rooms: House, comments: int, persons: int) -> dict[str, set[str]]:
    """Let persons write on two sites, and moderators decide; gives the ids of each person's comments."""
    written: dict[str, set[str]] = {}
    for name in ("news", "blog"):
        site = Site(id=name)
        if name == "news":
            site = msgspec.structs.replace(site, policy=msgspec.structs.replace(site.policy, keep_contact=True))
        site = await rooms.sites.add(site)
        for n in range(comments // 2):
            who = n % persons
            email = EMAIL if who == 0 else f"person{who}@posteo.net"
            if n // persons > 8:  # beyond the allowance of one minute: the next writes under a mark of the address
                email = email.replace("@", f"+{n // persons // 9}@")
            comment = comment_of(rooms, site, n, email, CANARY if who == 0 else f"person{who}")
            taken = await rooms.intake.submit(site, comment, idempotency_key=f"k{name}{n}", body=comment.text.encode())
            written.setdefault(email, set()).add(taken.id)
            if taken.status == "pending" and n % 2 == 0:
                ruling = Ruling(decision=DecisionKind.REJECT, reason=DecisionReason.TOXIC, note=f"note {comment.name}")
                await rooms.review.decide(site, ADMIN, taken.id, ruling)
            elif taken.status == "approved" and n % 3 == 1:
                await rooms.intake.report(site, taken.id, "10.1.1.1", f"report {comment.name}")
    return written


def hits(folder: Path, word: str = CANARY) -> list[str]:
    """List the files of a folder in which the word stands."""
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and not path.is_socket() and word.encode() in path.read_bytes().lower()
    ]


async def names_about(rooms: House, words: list[str]) -> list[str]:
    """List the keys of the store whose name holds one of these words."""
    names = [key.decode() async for key in rooms.connection.client.scan_iter(count=5000)]
    return [name for name in names if any(word in name for word in words)]


async def erase_one(folder: Path, comments: int, persons: int) -> None:
    data = folder / "data"
    conf = folder / "plain.conf"
    conf.write_text(CONF.read_text() + "\nrdbcompression no\n")
    settings = Settings(store=StoreSettings(data=data, max_memory_mb=1024))
    place = DataFolder(data)
    place.prepare()
    with place.owned(wait=0.0), EmbeddedServer(place, settings.store, conf=conf):
        async with house(settings) as rooms:
            written = await fill(rooms, comments, persons)
            theirs = await rooms.privacy.export(EMAIL)
            listed = {one["id"] for site in theirs.sites for one in site["comments"]}
            labels = {one["id"] for site in theirs.sites for one in site["labels"]}
            found_before = hits(data)
            others_before = sum([await rooms.comments.count(name) for name in ("news", "blog")]) - len(listed)

            done = [await rooms.privacy.erase(email, "m1") for email in written if CANARY in email]
            again = await rooms.privacy.export(EMAIL)
            others_after = sum([await rooms.comments.count(name) for name in ("news", "blog")])
            broken = [await rooms.ledger.broken_at(name) for name in ("news", "blog", "")]
            ledger = [entry async for entry in rooms.ledger.walk("news")]
            left = await names_about(rooms, [theirs.author, *listed])
        found_after = hits(data)
    more = sum(len(ids) for email, ids in written.items() if CANARY in email and email != EMAIL)
    tell(
        "H1 export and erasure",
        comments,
        "exact; canary 0 hits",
        f"{len(listed)} exported, {done[0].comments} erased, {len(found_after)} hits",
    )
    assert listed == written[EMAIL], "the export is exactly that person's"
    assert labels, "a lesson of theirs is among it"
    assert all("email" in one["contact"] for site in theirs.sites if site["site"] == "news" for one in site["comments"])
    assert found_before, "the canary sits in the files before, or its absence says nothing"
    assert done[0].comments == len(listed)
    assert set(done[0].labels) == labels
    assert done[0].files_rewritten
    assert others_after == others_before - more
    assert again.sites == []
    assert left == [], "no key of the store is about them"
    assert broken == [None, None, None]
    assert any(entry.line["e"] == "comment.erased" for entry in ledger), "the ledger keeps that it was, by its id"
    assert found_after == []


async def test_after_an_erasure_a_persons_words_are_in_no_file_and_everybody_elses_are(tmp_path):
    await erase_one(tmp_path, 300, 10)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_after_an_erasure_among_ten_thousand_comments_of_a_hundred_persons(tmp_path):
    await erase_one(tmp_path, 10_000, 100)


FORGOTTEN = {
    "the files of the store": (Traces, "rewrite_files"),
    "counts and marks": (Traces, "forget_author"),
    "who reported it": (Traces, "forget_reports"),
    "the comments": (Privacy, "_delete"),
}


@pytest.mark.parametrize("place", FORGOTTEN)
async def test_an_erasure_that_forgets_a_place_is_found_out(tmp_path, monkeypatch, place):
    """The mutations: all is done as ever, but for one place."""
    room, name = FORGOTTEN[place]

    async def nothing(self: object, *_: object) -> bool:
        return True

    monkeypatch.setattr(room, name, nothing)
    with pytest.raises(AssertionError):
        await erase_one(tmp_path, 60, 5)


def test_an_admin_exports_and_erases_over_http_and_nobody_else_does(tmp_path):
    with serving(tmp_path / "data") as service:
        posted = service.site.post("/v1/comments", json=a_comment(f"I am {CANARY}.", email=EMAIL, name=CANARY))
        assert posted.status_code == 201
        refused = service.site.post("/v1/privacy/export", json={"email": EMAIL})
        wrong = service.staff.post("/v1/privacy/export", json={"email": "nobody"})
        found = service.staff.post("/v1/privacy/export", json={"email": EMAIL.upper()})
        printed = run("privacy", "export", "--email", EMAIL, data=service.data)
        gone = service.staff.post("/v1/privacy/erase", json={"email": EMAIL})
        again = run("privacy", "erase", "--email", EMAIL, "--yes", data=service.data)
        after: httpx.Response = service.staff.get(f"/v1/comments/{posted.json()['id']}")
    assert refused.status_code == 403
    assert wrong.status_code == 422
    assert [one["id"] for one in found.json()["sites"][0]["comments"]] == [posted.json()["id"]]
    assert posted.json()["id"] in printed.stdout
    assert (gone.json()["comments"], gone.json()["files_rewritten"]) == (1, True)
    assert "0 comments" in again.stdout
    assert after.status_code == 404
    assert hits(tmp_path / "data") == [], "neither in the store's files nor in the service's log"


async def test_two_erasures_at_once_end_alike(tmp_path, store_url):
    settings = Settings(store=StoreSettings(url=store_url, data=tmp_path))
    async with house(settings) as rooms:
        await fill(rooms, 40, 4)
        done = await asyncio.gather(*[rooms.privacy.erase(EMAIL, "m1") for _ in range(3)])
        after = await rooms.privacy.export(EMAIL)
    assert sum(one.comments for one in done) == 10
    assert after.sites == []


async def test_an_erasure_whose_files_could_not_be_written_anew_says_so_and_the_next_one_does_it(tmp_path):
    with embedded(tmp_path) as (settings, pid):
        async with house(Settings(store=settings)) as rooms:
            await fill(rooms, 20, 2)
            work = BackgroundWork(rooms.connection, pid)
            await work.slow(1_000_000)
            erasing = asyncio.ensure_future(rooms.privacy.erase(EMAIL, "m1"))
            await work.kill()
            first = await erasing
            await work.slow(0)
            second = await rooms.privacy.erase(EMAIL, "m1")
    assert (first.comments, first.files_rewritten) == (10, False)
    assert (second.comments, second.files_rewritten) == (0, True)
