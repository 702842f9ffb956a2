"""Stories of websites: a comment is sent, answered, found again, changed and deleted."""

import json
import time

import pytest

from tests.service import ABUSE, SPAM, Service, a_comment, decided, fresh_text, held, someone, submitted

PAGE = {"url": "https://news.example/night-buses", "title": "Night buses"}


def test_a_kind_comment_is_published_at_once_and_says_why(service: Service) -> None:
    receipt = submitted(service, thread=PAGE, ip="192.0.2.7")
    assert (receipt["status"], receipt["verdict"], receipt["reasons"]) == ("approved", "approve", [])
    assert receipt["degraded"] is False
    assert {"spam", "toxicity"} <= set(receipt["scores"])
    assert receipt["model"]
    names = [signal["name"] for signal in receipt["signals"]]
    assert {"honeypot", "form_speed", "links", "velocity", "author", "spam", "toxicity"} <= set(names)
    assert all(signal["detail"] for signal in receipt["signals"]), "every check answers, also when it saw nothing"


@pytest.mark.parametrize(("text", "reason"), [(ABUSE, "toxicity"), (SPAM, "spam")])
def test_abuse_and_spam_are_not_published(service: Service, text: str, reason: str) -> None:
    receipt = submitted(service, fresh_text(text), ip="198.51.100.3")
    assert receipt["status"] in ("pending", "rejected")
    assert reason in receipt["reasons"]


def test_all_wrong_fields_are_named_at_once(service: Service) -> None:
    answer = service.site.post("/v1/comments", json={"name": " ", "email": "", "text": "\u200b\n"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    said = {error["field"]: error["message"] for error in answer.json()["errors"]}
    assert said == {
        "name": "Please enter your name here",
        "email": "Please enter your email address here",
        "text": "Please enter your comment!",
    }
    wrong = service.site.post("/v1/comments", json=a_comment(email="ann@"))
    assert [error["message"] for error in wrong.json()["errors"]] == ["You have entered an incorrect email address!"]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"\xff\xfe", "application/json", 400),
        (b"{", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"text":"\\ud800","name":"a","email":"a@posteo.net"}', "application/json", 422),
        (b'{"text":"a\\u0000b","name":"a","email":"a@posteo.net"}', "application/json", 422),
        (b'{"text":"fine","name":"a","email":"a@posteo.net","colour":1}', "application/json", 422),
        (b'{"text":7,"name":[],"email":{}}', "application/json", 422),
        (b"{}", "text/plain", 415),
        (b"{}", "", 415),
        (b'{"text":"' + b"x" * 400_000 + b'"}', "application/json", 413),
    ],
    ids=["no-utf8", "half", "deep", "surrogate", "nul", "unknown", "types", "plain", "untyped", "huge"],
)
def test_what_cannot_be_taken_is_refused_with_a_reason(service: Service, body: bytes, kind: str, status: int) -> None:
    before = service.staff.get("/v1/ledger", params={"limit": 1}).json()["entries"][0]["id"]
    answer = service.site.post("/v1/comments", content=body, headers={"Content-Type": kind} if kind else {})
    problem = answer.json()
    # \ud800 is no character, and so the body is no text; which of the two is said depends on who notices first
    assert answer.status_code == status or (answer.status_code, status) == (400, 422)
    assert problem["status"] == answer.status_code
    assert problem["detail"]
    assert service.staff.get("/v1/ledger", params={"limit": 1}).json()["entries"][0]["id"] == before


def test_the_same_idempotency_key_gives_the_same_answer_and_records_once(service: Service) -> None:
    body = a_comment(fresh_text(), email=someone())
    key = {"Idempotency-Key": f"order-{time.time_ns()}"}
    first = service.site.post("/v1/comments", json=body, headers=key)
    again = service.site.post("/v1/comments", json=body, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    other = service.site.post("/v1/comments", json=body | {"text": "Another text."}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_conflict")


def test_a_known_external_id_answers_the_comment_that_has_it(service: Service) -> None:
    name = f"wp-{time.time_ns()}"
    first = held(service, external_id=name)
    assert decided(service, first["id"]).status_code == 200
    text = service.site.get(f"/v1/comments/{first['id']}").json()["text"]
    again = submitted(service, text, external_id=name)
    assert again["id"] == first["id"]
    assert again["status"] == "approved", "it answers where the comment stands now"
    other = service.site.post(
        "/v1/comments",
        json=a_comment("Something else entirely, under the same name.", email=someone(), external_id=name),
    )
    assert (other.status_code, other.json()["code"]) == (409, "external_id_taken")
    assert first["id"] in other.json()["detail"], "nobody has judged that text: it is no comment yet"
    assert service.site.get(f"/v1/comments/{first['id']}").json()["external_id"] == name


def test_a_batch_answers_each_comment_on_its_own(service: Service) -> None:
    good, bad, ugly = (a_comment(fresh_text(), email=someone()), {"name": ""}, a_comment(fresh_text(ABUSE)))
    answer = service.site.post("/v1/comments/batch", json={"comments": [good, bad, ugly | {"email": someone()}]})
    assert answer.status_code == 200
    first, second, third = answer.json()["results"]
    assert first["status"] == "approved"
    assert (second["status"], second["code"]) == (422, "fields_invalid")
    assert third["status"] == "pending"
    too_many = service.site.post("/v1/comments/batch", json={"comments": [good] * 101})
    assert too_many.status_code == 422


def test_a_batch_that_is_sent_again_is_recorded_once(service: Service) -> None:
    body = {"comments": [a_comment(fresh_text(), email=someone()) for _ in range(3)]}
    key = {"Idempotency-Key": f"batch-{time.time_ns()}"}
    ids = [
        [one["id"] for one in service.site.post("/v1/comments/batch", json=body, headers=key).json()["results"]]
        for _ in range(2)
    ]
    assert ids[0] == ids[1]


def test_score_stores_nothing_and_spends_nothing(service: Service) -> None:
    email = someone()
    before = service.staff.get("/v1/ledger", params={"limit": 1}).json()["entries"][0]["id"]
    for _ in range(15):
        answer = service.site.post("/v1/score", json={"text": ABUSE, "email": email})
        assert answer.status_code == 200
    said = answer.json()
    assert said["verdict"] == "hold"
    assert said["words"], "a score comes with the words that moved it"
    assert service.staff.get("/v1/ledger", params={"limit": 1}).json()["entries"][0]["id"] == before
    assert submitted(service, email=email)["id"], "the allowance is whole"


def test_a_site_reads_its_comment_and_another_site_finds_nothing(service: Service) -> None:
    service.command("site", "add", "other")
    key = service.command("key", "create", "--role", "site", "--site", "other").strip()
    receipt = held(service, url="https://ann.example")
    shown = service.site.get(f"/v1/comments/{receipt['id']}").json()
    assert (shown["status"], shown["version"], shown["decision"]) == ("pending", 1, None)
    assert shown["signals"] == receipt["signals"]
    with service.http(key) as other:
        for call in (other.get, other.delete):
            assert call(f"/v1/comments/{receipt['id']}").status_code == 404
        assert other.patch(f"/v1/comments/{receipt['id']}", json={"text": "mine now"}).status_code == 404
        assert other.post(f"/v1/comments/{receipt['id']}/reports", json={}).status_code == 404
        assert other.get("/v1/comments", params={"site": "demo"}).status_code == 404
    assert service.site.get("/v1/comments/nothing-here").status_code == 404


def test_nobody_but_the_site_learns_an_address(service: Service) -> None:
    email, ip = someone(), "203.0.113.77"
    receipt = held(service, email=email, ip=ip)
    seen = "".join(
        (
            service.site.get(f"/v1/comments/{receipt['id']}").text,
            service.staff.get(f"/v1/queue/{receipt['id']}").text,
            service.staff.get("/v1/ledger").text,
            service.staff.get("/v1/queue").text,
            (service.data / "service.log").read_text(),
        )
    )
    assert email not in seen
    assert ip not in seen
    assert receipt["id"] in seen


def test_a_revoked_key_is_refused_within_a_second_and_a_half(service: Service) -> None:
    key = service.command("key", "create", "--role", "site", "--site", "demo", "--json")
    made = json.loads(key)
    with service.http(made["key"]) as site:
        assert site.get("/v1/comments").status_code == 200
        service.command("key", "revoke", made["id"])
        end = time.monotonic() + 1.5
        while site.get("/v1/comments").status_code != 401:
            assert time.monotonic() < end
            time.sleep(0.05)


def test_a_site_follows_every_change_by_its_cursor(service: Service) -> None:
    start = service.site.get("/v1/comments", params={"since": 0, "limit": 200}).json()
    while start["more"]:
        start = service.site.get("/v1/comments", params={"since": start["cursor"], "limit": 200}).json()
    made = [held(service)["id"] for _ in range(5)]
    seen: list[str] = []
    cursor = start["cursor"]
    for _ in range(10):
        page = service.site.get("/v1/comments", params={"since": cursor, "limit": 2}).json()
        seen += [comment["id"] for comment in page["comments"]]
        cursor = page["cursor"]
        if not page["more"]:
            break
    assert seen == made
    decided(service, made[2])
    page = service.site.get("/v1/comments", params={"since": cursor}).json()
    assert [(one["id"], one["status"]) for one in page["comments"]] == [(made[2], "approved")]


@pytest.mark.parametrize("cursor", ["abc", "²", "-1", "1" * 40])
def test_a_cursor_of_somebody_elses_making_is_refused(service: Service, cursor: str) -> None:
    for path, name in (("/v1/comments", "since"),):
        answer = service.site.get(path, params={name: cursor})
        assert answer.status_code in (400, 422), answer.text
    for path, params in (
        ("/v1/ledger", {"before": cursor}),
        ("/v1/ledger", {"after": cursor}),
        ("/v1/events", {"after": cursor}),
        ("/v1/queue", {"cursor": cursor}),
    ):
        assert service.staff.get(path, params=params).status_code == 400, path
    threads = {"url": PAGE["url"], "form_key": service.first["form_key"], "cursor": cursor}
    assert service.http().get("/v1/threads", params=threads).status_code == 400


def test_an_edit_is_judged_again(service: Service) -> None:
    receipt = submitted(service, thread=PAGE)
    answer = service.site.patch(f"/v1/comments/{receipt['id']}", json={"text": fresh_text(ABUSE)})
    assert (answer.status_code, answer.json()["status"]) == (200, "pending")
    shown = service.site.get(f"/v1/comments/{receipt['id']}").json()
    assert (shown["version"], shown["edits"], shown["status"]) == (2, 1, "pending")
    blank = service.site.patch(f"/v1/comments/{receipt['id']}", json={"text": " "})
    assert blank.json()["errors"][0]["message"] == "Please enter your comment!"


def test_many_small_edits_come_before_a_person_and_a_look_starts_the_count_anew(service: Service) -> None:
    text = fresh_text("My mother baked this bread every Sunday")
    comment = submitted(service, text)["id"]
    outcomes = []
    for step in range(5):
        text += (" We ate it warm.", " I still do.", " With salt.", " And butter.", " Thank you.")[step]
        outcomes.append(service.site.patch(f"/v1/comments/{comment}", json={"text": text}).json()["status"])
    assert outcomes == ["approved", "approved", "approved", "pending", "pending"]
    assert decided(service, comment).status_code == 200
    answer = service.site.patch(f"/v1/comments/{comment}", json={"text": text + " See you soon."})
    assert answer.json()["status"] == "approved"


def test_an_edit_does_not_publish_what_a_person_rejected(service: Service) -> None:
    comment = held(service)["id"]
    decided(service, comment, "reject", reason="other")
    answer = service.site.patch(f"/v1/comments/{comment}", json={"text": fresh_text()})
    assert (answer.json()["status"], answer.json()["reasons"]) == ("pending", ["edited"])


def test_a_deleted_comment_is_gone_everywhere_but_in_the_ledger(service: Service) -> None:
    page = {"url": f"https://news.example/{time.time_ns()}"}
    name = f"ext-{time.time_ns()}"
    comment = held(service, thread=page, external_id=name)
    decided(service, comment["id"], "approve")
    waiting = held(service, thread=page)
    for one in (comment, waiting):
        assert service.site.delete(f"/v1/comments/{one['id']}").status_code == 204
        assert service.site.get(f"/v1/comments/{one['id']}").status_code == 404
        assert service.staff.get(f"/v1/queue/{one['id']}").status_code == 404
        assert service.site.delete(f"/v1/comments/{one['id']}").status_code == 404
    reader = {"url": page["url"], "form_key": service.first["form_key"]}
    assert service.http().get("/v1/threads", params=reader).json()["count"] == 0
    assert service.staff.get("/v1/queue", params={"thread": page["url"]}).json()["count"] == 0
    assert submitted(service, external_id=name)["id"] != comment["id"]
    entries = service.staff.get("/v1/ledger", params={"limit": 50}).json()["entries"]
    told = [entry for entry in entries if entry.get("c") == comment["id"]]
    assert [entry["e"] for entry in told] == ["comment.erased", "case.decided", "comment.judged"]
    assert ABUSE not in str(told)
