"""Stories of readers: a form on a page, with scripts and without, from allowed pages only."""

import itertools
import time
from typing import Any

import httpx
import pytest

from tests.service import ABUSE, Service, fresh_text, someone, wait_for

MESSAGES = {
    "text": "Please enter your comment!",
    "name": "Please enter your name here",
    "email": "Please enter your email address here",
}


_places = itertools.count()


def elsewhere() -> str:
    """Give the address of a reader in a network of its own, since allowances are a network's."""
    number = next(_places)
    return f"10.{number // 250}.{number % 250}.7"


def posted(service: Service, ip: str, **how: Any) -> httpx.Response:
    """Post to the demo's form from a page of the demo, as a reader at this address."""
    headers = {"Origin": service.url, "X-Forwarded-For": ip, **how.pop("headers", {})}
    with service.http() as browser:
        return browser.post(f"/v1/forms/{service.first['form_key']}/comments", headers=headers, **how)


def test_a_blank_form_hears_what_is_missing(service: Service) -> None:
    answer = posted(service, elsewhere(), json={"name": " ", "email": "", "text": "\u200b\n"})
    assert answer.status_code == 422
    assert {one["field"]: one["message"] for one in answer.json()["errors"]} == MESSAGES
    wrong = posted(service, elsewhere(), json={"name": "Ann", "email": "ann.example", "text": "Fine."})
    assert [one["message"] for one in wrong.json()["errors"]] == ["You have entered an incorrect email address!"]


@pytest.mark.parametrize(
    ("lang", "word"), [("de", "Kommentar"), ("fr", "commentaire"), ("es", "comentario"), ("uk", "коментар")]
)
def test_the_messages_speak_the_readers_language(service: Service, lang: str, word: str) -> None:
    answer = posted(service, elsewhere(), json={}, headers={"Accept-Language": f"{lang};q=0.9, en;q=0.1"})
    [said] = [one["message"] for one in answer.json()["errors"] if one["field"] == "text"]
    assert word.casefold() in said.casefold()


def test_a_readers_comment_is_shown_under_the_article_and_no_score_is_told(service: Service) -> None:
    page = f"{service.url}/demo?{time.time_ns()}"
    body = {"name": "Zoe", "email": someone(), "text": fresh_text(), "thread": {"url": page}, "form_seconds": 12}
    answer = posted(service, elsewhere(), json=body)
    assert answer.status_code == 201
    assert set(answer.json()) == {"id", "status", "message"}
    assert answer.json()["status"] == "approved"
    assert answer.headers["access-control-allow-origin"] == service.url
    reader = {"url": page, "form_key": service.first["form_key"]}
    shown = service.http().get("/v1/threads", params=reader, headers={"Origin": service.url})
    assert [(one["name"], one["text"]) for one in shown.json()["comments"]] == [("Zoe", body["text"])]
    assert body["email"] not in shown.text


def test_a_robot_hears_no_more_than_that_its_comment_waits(service: Service) -> None:
    body = {"name": "Bot", "email": someone(), "text": fresh_text(), "honeypot": "filled", "form_seconds": 9}
    answer = posted(service, elsewhere(), json=body)
    assert (answer.status_code, answer.json()["status"]) == (201, "pending")
    stored = service.site.get(f"/v1/comments/{answer.json()['id']}").json()
    assert (stored["status"], stored["reasons"]) == ("rejected", ["honeypot"])


def test_a_form_that_was_filled_in_too_fast_waits(service: Service) -> None:
    body = {"name": "Quick", "email": someone(), "text": fresh_text(), "form_seconds": 0.2}
    answer = posted(service, elsewhere(), json=body)
    assert answer.json()["status"] == "pending"
    assert service.site.get(f"/v1/comments/{answer.json()['id']}").json()["reasons"] == ["too_fast"]


def test_without_scripts_the_browser_is_sent_back_to_the_page(service: Service) -> None:
    fields = {
        "name": "Ned",
        "email": someone(),
        "comment": fresh_text("Sent by a browser without scripts"),
        "thread_url": f"{service.url}/demo",
        "form_seconds": "12",
        "wp_unslash": "a field we do not know",
    }
    answer = posted(service, elsewhere(), data=fields)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{service.url}/demo?comment=approved#comments"
    assert answer.content == b""
    blank = posted(service, elsewhere(), data={"comment": "  "})
    assert (blank.status_code, blank.headers["content-type"]) == (422, "text/html; charset=utf-8")
    assert all(message in blank.text for message in MESSAGES.values())
    assert '<html lang="en">' in blank.text
    german = posted(service, elsewhere(), data={"comment": " ", "lang": "de"}, headers={"Accept-Language": "fr"})
    assert '<html lang="de">' in german.text
    assert "Kommentar" in german.text


@pytest.mark.parametrize("odd", ["/demo\r\nSet-Cookie: a=b", "/новини?q=é", '/"><script>', "/a b"])
def test_where_a_form_goes_back_to_cannot_break_the_answer(service: Service, odd: str) -> None:
    fields = {"name": "N", "email": someone(), "comment": fresh_text(), "back": service.url + odd, "form_seconds": "9"}
    answer = posted(service, elsewhere(), data=fields)
    assert answer.status_code == 303
    assert "set-cookie" not in answer.headers
    assert answer.headers["location"].isascii()
    assert not set(answer.headers["location"]) & set('<>" \r\n')
    foreign = fields | {"back": "https://evil.example/", "email": someone(), "comment": fresh_text()}
    away = posted(service, elsewhere(), data=foreign)
    assert (away.status_code, "location" in away.headers) == (201, False)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
def test_a_foreign_page_may_not_post(service: Service, origin: str) -> None:
    answer = posted(service, elsewhere(), json={}, headers={"Origin": origin})
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_refused")
    assert "access-control-allow-origin" not in answer.headers


def test_a_page_of_a_listed_origin_may_post_and_read_what_is_wrong(service: Service) -> None:
    page = "https://paper.example"
    service.command("site", "add", "paper", "--origin", page)
    form = service.command("key", "create", "--role", "form", "--site", "paper").strip()
    with service.http(Origin=page) as browser:
        address = f"/v1/forms/{form}/comments"
        wait_for(lambda: browser.options(address).status_code == 204)
        assert browser.options(address).headers["access-control-allow-origin"] == page
        for answer in (
            browser.post(address, json={}),
            browser.post(address, content=b"x" * 400_000, headers={"Content-Type": "application/json"}),
            browser.post(address, content=b"x", headers={"Content-Type": "text/plain"}),
        ):
            assert answer.status_code in (422, 413, 415)
            assert answer.headers["access-control-allow-origin"] == page
        body = {"name": "P", "email": someone(), "text": fresh_text(), "form_seconds": 9}
        made = browser.post(address, json=body)
        assert made.status_code == 201
        reports = f"/v1/comments/{made.json()['id']}/reports"
        assert browser.options(reports).headers["access-control-allow-origin"] == page
        reported = browser.post(reports, json={}, headers={"Authorization": f"Bearer {form}"})
        assert (reported.status_code, reported.headers["access-control-allow-origin"]) == (202, page)
    with service.http(form, Origin="https://evil.example") as other:
        assert other.post(reports, json={}).status_code == 403


def test_a_form_has_a_tighter_allowance_for_each_address(service: Service) -> None:
    def post(ip: str) -> httpx.Response:
        body = {"name": "Z", "email": someone(), "text": fresh_text(ABUSE), "form_seconds": 9}
        return posted(service, ip, json=body)

    here = elsewhere()
    codes = [post(here).status_code for _ in range(7)]
    assert codes == [201] * 5 + [429] * 2
    assert post(elsewhere()).status_code == 201, "another reader is not disturbed"
    fields = {"name": "Z", "email": someone(), "comment": fresh_text(ABUSE), "form_seconds": "9"}
    page = posted(service, here, data=fields, headers={"Accept-Language": "de"})
    assert (page.status_code, page.headers["content-type"]) == (429, "text/html; charset=utf-8")
    assert f"in {page.headers['retry-after']} Sekunden noch einmal" in page.text


def test_a_forwarded_address_counts_only_from_a_configured_proxy(service: Service) -> None:
    def post(*forwarded: str) -> int:
        headers = [("Origin", service.url), *(("X-Forwarded-For", one) for one in forwarded)]
        body = {"name": "Z", "email": someone(), "text": fresh_text(), "form_seconds": 9}
        with service.http() as browser:
            address = f"/v1/forms/{service.first['form_key']}/comments"
            return browser.post(address, json=body, headers=headers).status_code

    # what the proxy added last is the reader; what stands before it, also in a line of its own, the reader made up
    reader = elsewhere()
    codes = [post(f"172.16.{n}.7", reader) for n in range(3)]
    codes += [post(f"172.17.{n}.7, {reader}") for n in range(3)]
    assert codes == [201] * 5 + [429]
