"""Stories of moderators: a case is seen, claimed, decided, taken back, and the site and its readers learn of it."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import msgspec
import pytest

from tests.journeys.conftest import Rooms
from tests.service import ABUSE, Service, decided, fresh_text, held, submitted, wait_for


@pytest.fixture(scope="session")
def colleague(service: Service) -> httpx.Client:
    """Give a second moderator's client."""
    key = service.command("key", "create", "--role", "moderator", "--site", "demo", "--label", "Bea")
    return service.http(key.strip())


def under(service: Service, url: str) -> list[str]:
    """List what readers of a page see."""
    reader = {"url": url, "form_key": service.first["form_key"]}
    return [one["id"] for one in service.http().get("/v1/threads", params=reader).json()["comments"]]


async def test_from_held_over_claimed_to_rejected_a_label_is_left(service: Service, rooms: Rooms) -> None:
    comment = held(service)["id"]
    listed = service.staff.get("/v1/queue", params={"reason": "toxicity", "limit": 200}).json()
    [case] = [one for one in listed["cases"] if one["id"] == comment]
    assert (case["state"], case["version"], bool(case["why"])) == ("waiting", 1, True)

    claimed = service.staff.post("/v1/queue/claim", json={"count": 50, "lease_seconds": 60, "site": "demo"}).json()[
        "cases"
    ]
    assert comment in [one["id"] for one in claimed]
    assert {one["state"] for one in claimed} == {"claimed"}

    answer = decided(service, comment, "reject", reason="toxic", note="insults a reader", version=1)
    assert answer.status_code == 200
    assert answer.json()["teaches"] == {"toxicity": 1.0}
    for one in claimed:
        if one["id"] != comment:
            assert service.staff.post(f"/v1/queue/{one['id']}/release").status_code == 204

    shown = service.site.get(f"/v1/comments/{comment}").json()
    assert (shown["status"], shown["version"]) == ("rejected", 2)
    assert shown["decision"]["reason"] == "toxic"
    assert "note" not in shown["decision"], "a note is for moderators"
    async with rooms(service) as house:
        label = await house.labels.get("demo", f"c-{comment}")
    assert (label.values, label.source, label.reason) == ({"toxicity": 1.0}, "moderator", "toxic")
    assert label.scores["toxicity"] > 0.5, "a label knows what the model said"


@pytest.mark.parametrize(
    ("decision", "fields", "taught"),
    [
        ("approve", {}, {"spam": 0.0, "toxicity": 0.0}),
        ("reject", {"reason": "spam"}, {"spam": 1.0}),
        ("reject", {"reason": "off_topic"}, {}),
        ("reject", {"reason": "toxic", "learn": False}, {}),
    ],
)
def test_the_reason_decides_what_is_learned(
    service: Service, decision: str, fields: dict[str, object], taught: dict[str, float]
) -> None:
    answer = decided(service, held(service)["id"], decision, **fields)
    assert answer.json()["teaches"] == taught


def test_an_approved_comment_is_shown_under_the_article(service: Service) -> None:
    page = f"{service.url}/demo?{time.time_ns()}"
    comment = held(service, thread={"url": page})["id"]
    assert under(service, page) == []
    assert decided(service, comment).status_code == 200
    assert under(service, page) == [comment]


def test_a_rejection_needs_a_reason(service: Service) -> None:
    comment = held(service)["id"]
    answer = service.staff.post(f"/v1/queue/{comment}/decision", json={"decision": "reject"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "reason")


def test_of_eight_decisions_at_once_one_wins_and_the_others_hear_who_and_when(
    service: Service, colleague: httpx.Client
) -> None:
    comment = held(service)["id"]

    def decide(client: httpx.Client) -> httpx.Response:
        return client.post(f"/v1/queue/{comment}/decision", json={"decision": "approve", "version": 1})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(decide, [service.staff, colleague] * 4))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    [winner] = [answer.json()["decision"] for answer in answers if answer.status_code == 200]
    for answer in answers:
        if answer.status_code == 409:
            told = answer.json()
            assert (told["code"], told["version"]) == ("case_decided", 2)
            assert (told["moderator"], told["decided_at"], told["decision"]) == (
                winner["name"],
                winner["at"],
                "approve",
            )


def test_a_leased_case_is_nobody_elses_until_it_is_released(service: Service, colleague: httpx.Client) -> None:
    comment = held(service)["id"]
    assert colleague.post(f"/v1/queue/{comment}/claim", json={"lease_seconds": 60}).status_code == 200
    taken = service.staff.post(f"/v1/queue/{comment}/claim", json={})
    assert (taken.status_code, taken.json()["code"]) == (409, "case_taken")
    assert service.staff.get(f"/v1/queue/{comment}").json()["state"] == "claimed"
    assert colleague.post(f"/v1/queue/{comment}/release").status_code == 204
    assert service.staff.post(f"/v1/queue/{comment}/claim", json={}).status_code == 200
    refused = colleague.post(f"/v1/queue/{comment}/decision", json={"decision": "approve"})
    assert (refused.status_code, refused.json()["code"]) == (409, "case_taken")
    assert service.staff.post(f"/v1/queue/{comment}/release").status_code == 204


def test_undo_brings_the_case_back_and_unlearns_the_lesson(service: Service, colleague: httpx.Client) -> None:
    comment = held(service)["id"]
    before = service.staff.get("/v1/stats").json()["labels"]
    decided(service, comment, "reject", reason="spam")
    assert service.staff.get("/v1/stats").json()["labels"] == before + 1
    assert colleague.post(f"/v1/queue/{comment}/undo", json={}).status_code == 409
    answer = service.staff.post(f"/v1/queue/{comment}/undo", json={"version": 2})
    assert (answer.status_code, answer.json()["status"], answer.json()["version"]) == (200, "pending", 3)
    assert service.staff.get("/v1/stats").json()["labels"] == before
    assert service.staff.get(f"/v1/queue/{comment}").json()["state"] == "waiting"
    assert service.staff.post(f"/v1/queue/{comment}/undo", json={}).status_code == 409
    assert decided(service, comment, version=3).status_code == 200


def test_undo_of_a_second_decision_brings_the_first_one_back(service: Service) -> None:
    comment = held(service)["id"]
    decided(service, comment, "reject", reason="toxic")
    again = decided(service, comment, "approve", version=2)
    assert again.status_code == 200
    back = service.staff.post(f"/v1/queue/{comment}/undo", json={}).json()
    assert (back["status"], back["decision"]["reason"]) == ("rejected", "toxic")


async def test_while_a_decision_can_be_undone_the_site_sees_nothing_of_it(service: Service, rooms: Rooms) -> None:
    service.command("site", "add", "patient")
    key = service.command("key", "create", "--role", "site", "--site", "patient").strip()
    async with rooms(service) as house:
        site = await house.sites.site("patient")
        await house.sites.save_policy("patient", msgspec.structs.replace(site.policy, undo_seconds=2))
    time.sleep(1.2)
    page = "https://patient.example/a"
    with service.http(key) as site_client:

        def seen(comment: str) -> tuple[str, int, object, list[str], list[str]]:
            one = site_client.get(f"/v1/comments/{comment}").json()
            changes = site_client.get("/v1/comments", params={"since": since}).json()["comments"]
            shown = site_client.get("/v1/threads", params={"url": page}).json()["comments"]
            return one["status"], one["version"], one["decision"], [c["id"] for c in changes], [c["id"] for c in shown]

        made = []
        for _ in range(2):
            body = {"name": "Ann", "email": f"a{time.time_ns()}@posteo.net", "text": fresh_text(ABUSE)}
            made.append(site_client.post("/v1/comments", json=body | {"thread": {"url": page}}).json()["id"])
        kept, taken_back = made
        since = site_client.get("/v1/comments", params={"since": 0, "limit": 200}).json()["cursor"]
        before = seen(kept)
        assert before == ("pending", 1, None, [], [])
        for comment in made:
            assert decided(service, comment).status_code == 200
        assert service.staff.get(f"/v1/queue/{kept}").json()["status"] == "approved"
        assert seen(kept) == before
        assert service.staff.post(f"/v1/queue/{taken_back}/undo", json={}).status_code == 200
        wait_for(lambda: seen(kept)[0] == "approved", 8)
        status, version, decision, changes, shown = seen(kept)
        assert (status, version, changes, shown) == ("approved", 2, [kept], [kept])
        assert decision
        assert seen(taken_back)[:1] == ("pending",)


def test_a_reported_comment_waits_in_the_queue_and_stays_visible(service: Service) -> None:
    page = f"https://news.example/{time.time_ns()}"
    comment = submitted(service, thread={"url": page})["id"]
    form = service.first["form_key"]

    def report(ip: str) -> httpx.Response:
        with service.http(form, **{"X-Forwarded-For": ip}) as reader:
            return reader.post(
                f"/v1/comments/{comment}/reports", json={"reason": "rude"}, headers={"Origin": service.url}
            )

    assert report("198.51.100.1").status_code == 202
    assert report("198.51.100.1").status_code == 202
    case = service.staff.get(f"/v1/queue/{comment}").json()
    assert (case["state"], case["status"], case["reports"], case["held_for"]) == (
        "waiting",
        "approved",
        1,
        ["reported"],
    )
    assert under(service, page) == [comment]
    assert comment in [
        one["id"] for one in service.staff.get("/v1/queue", params={"reason": "reported"}).json()["cases"]
    ]
    edited = service.site.patch(f"/v1/comments/{comment}", json={"text": fresh_text()})
    assert edited.json()["status"] == "approved"
    assert service.staff.get(f"/v1/queue/{comment}").json()["state"] == "waiting", "an edit does not hush a report"

    assert decided(service, comment).status_code == 200
    assert report("198.51.100.1").status_code == 202
    assert service.staff.get(f"/v1/queue/{comment}").json()["state"] == "decided", "a reader counts once"
    undone = service.staff.post(f"/v1/queue/{comment}/undo", json={}).json()
    assert (undone["status"], undone["reports"]) == ("approved", 1)
    assert service.staff.get(f"/v1/queue/{comment}").json()["held_for"] == ["reported"]
    decided(service, comment, "reject", reason="toxic")
    assert under(service, page) == []
    assert report("203.0.113.5").status_code == 404, "what is not published cannot be reported"


def test_a_site_that_names_no_reader_tells_its_reports_apart_by_a_key(service: Service) -> None:
    comment = submitted(service)["id"]

    def reports(**headers: str) -> int:
        answer = service.site.post(f"/v1/comments/{comment}/reports", json={"reason": "rude"}, headers=headers)
        assert answer.status_code == 202
        return int(service.staff.get(f"/v1/queue/{comment}").json()["reports"])

    assert [reports(), reports(), reports(**{"Idempotency-Key": "a"}), reports(**{"Idempotency-Key": "a"})] == [
        1,
        1,
        2,
        2,
    ]
    assert decided(service, comment).status_code == 200
    assert reports() == 1
    assert service.staff.get(f"/v1/queue/{comment}").json()["state"] == "waiting"


def test_reports_have_an_allowance_for_each_address(service: Service) -> None:
    comments = [submitted(service)["id"] for _ in range(7)]
    with service.http(service.first["form_key"], **{"X-Forwarded-For": "192.0.2.200"}) as reader:
        answers = [
            reader.post(f"/v1/comments/{one}/reports", json={}, headers={"Origin": service.url}) for one in comments
        ]
    assert [answer.status_code for answer in answers] == [202] * 5 + [429] * 2
    assert int(answers[-1].headers["retry-after"]) >= 1


def test_an_escalated_case_stands_first_and_its_note_is_kept_for_staff(service: Service) -> None:
    comment = held(service)["id"]
    note = "please ask the lawyers"
    assert service.staff.post(f"/v1/queue/{comment}/escalate", json={"note": note}).status_code == 200
    first = service.staff.get("/v1/queue", params={"limit": 1}).json()["cases"][0]
    assert first["id"] == comment
    assert note in first["escalated"]
    only = service.staff.get("/v1/queue", params={"escalated": "true"}).json()["cases"]
    assert [one["id"] for one in only] == [comment]
    decided(service, comment)
    assert service.staff.get("/v1/queue", params={"escalated": "true"}).json()["cases"] == []


def test_bulk_decisions_are_answered_one_by_one(service: Service) -> None:
    ids = [held(service)["id"] for _ in range(3)]
    decided(service, ids[1])
    rulings = [{"id": one, "decision": "reject", "reason": "spam", "version": 1} for one in [*ids, "demo-unknown"]]
    answer = service.staff.post("/v1/queue/decisions", json={"decisions": rulings})
    results = answer.json()["results"]
    assert [one.get("code") for one in results] == [None, "case_decided", None, "unknown_case"]
    assert [one["status"] for one in results] == ["rejected", 409, "rejected", 404]


def test_among_many_one_that_was_edited_since_it_was_seen_is_not_decided(service: Service) -> None:
    ids = [held(service)["id"] for _ in range(2)]
    assert service.site.patch(f"/v1/comments/{ids[0]}", json={"text": "Quite another word."}).status_code == 200
    rulings = [{"id": one, "decision": "approve", "version": 1} for one in ids]
    results = service.staff.post("/v1/queue/decisions", json={"decisions": rulings}).json()["results"]
    assert [one["status"] for one in results] == [409, "approved"]
    assert "changed meanwhile" in results[0]["detail"]
    assert service.staff.get(f"/v1/queue/{ids[0]}").json()["decision"] is None


@pytest.mark.parametrize("sort", ["priority", "oldest", "newest"])
def test_pages_of_the_queue_have_no_gap_and_no_repeat_while_cases_are_decided(service: Service, sort: str) -> None:
    page = f"https://paging.example/{time.time_ns()}"
    waiting = [held(service, thread={"url": page})["id"] for _ in range(17)]
    seen: list[str] = []
    cursor: str | None = ""
    gone: list[str] = []
    while cursor is not None:
        params = {"thread": page, "limit": 3, "sort": sort, "cursor": cursor}
        answer = service.staff.get("/v1/queue", params=params).json()
        assert answer["count"] == len(waiting) - len(gone)
        assert answer["exact"] is True
        ids = [one["id"] for one in answer["cases"]]
        seen += ids
        cursor = answer["cursor"]
        # one of this page, and one that is still to come
        coming = [one for one in waiting if one not in seen and one not in gone]
        for one in [ids[-1], *coming[-1:]] if ids else []:
            assert decided(service, one).status_code == 200
            gone.append(one)
    assert len(seen) == len(set(seen))
    assert set(seen) >= set(waiting) - set(gone)
    if sort != "priority":
        in_order = [one for one in waiting if one in seen]
        assert seen == (in_order if sort == "oldest" else in_order[::-1])


def test_the_queue_is_filtered_by_author_and_by_text(service: Service) -> None:
    email = f"author{time.time_ns()}@posteo.net"
    mine = [held(service, email=email)["id"] for _ in range(4)]
    author = service.staff.get(f"/v1/queue/{mine[0]}").json()["author"]
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = service.staff.get("/v1/queue", params={"author": author, "limit": 3, "cursor": cursor}).json()
        assert (answer["count"], answer["exact"]) == (4, True)
        seen += [one["id"] for one in answer["cases"]]
        cursor = answer["cursor"]
    assert seen == mine[::-1]
    needle = f"needle{time.time_ns()}"
    comment = held(service, name=needle.upper())["id"]
    found = service.staff.get("/v1/queue", params={"q": needle}).json()
    assert [one["id"] for one in found["cases"]] == [comment]
    assert found["exact"] is False
    history = service.staff.get(f"/v1/authors/{author}").json()
    assert (history["pending"], len(history["comments"])) == (4, 4)


def test_of_several_sites_staff_must_name_one(service: Service) -> None:
    service.command("site", "add", "second")
    with service.http(service.first["admin_key"]) as staff:
        for path in ("/v1/queue", "/v1/stats", "/v1/ledger", "/v1/events", "/v1/authors/nobody"):
            answer = staff.get(path)
            assert answer.status_code == 422
            assert "second" in answer.json()["errors"][0]["message"]
        for path in ("/v1/queue", "/v1/stats", "/v1/ledger"):
            assert staff.get(path, params={"site": "second"}).status_code == 200
        assert staff.get("/v1/queue", params={"site": "nowhere"}).status_code == 404
