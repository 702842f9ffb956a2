"""Akismet's dialect: what was recorded of it, what is kept of a check, and what becomes of corrections."""

import itertools
import socket
from urllib.parse import quote_plus

import httpx
import msgspec
import pytest

from moderation.app import house
from moderation.records import Label, Role
from moderation.settings import load
from tests.contract.conftest import comments_of
from tests.contract.exchanges import check, play, recorded
from tests.service import ABUSE, SPAM, serving

BLOG = "https://blog.example/"
THANKS = "Thanks for making the web a better place."


@pytest.mark.parametrize("exchange", recorded("akismet"), ids=lambda exchange: exchange["says"])
def test_a_recorded_exchange_is_answered_as_it_was(service, key, exchange):
    with service.http() as client:
        check(play(client, exchange, key), exchange, key)


_networks = itertools.count(1)


@pytest.fixture
def ask(service, key):
    """Ask as a site does, with what every site sends, for comments from a network that no other test has."""
    address = f"10.1.{next(_networks)}.1"

    def ask(call, **fields) -> httpx.Response:
        known = {"api_key": key, "blog": BLOG, "user_ip": address, "permalink": BLOG + "p/1"}
        with service.http() as client:
            return client.post(f"/1.1/{call}", data=known | fields)

    return ask


def recorded_with(service, text):
    return [comment for comment in comments_of(service) if text in comment["text"]]


def test_a_check_records_the_comment(service, ask):
    answer = ask("comment-check", comment_content="Recorded by a check", comment_author="Ann", user_agent="Mozilla")
    assert answer.text == "false"
    assert len(answer.headers["x-akismet-guid"]) == 32
    (comment,) = recorded_with(service, "Recorded by a check")
    assert comment["channel"] == "akismet"
    assert comment["name"] == "Ann"
    assert comment["thread"]["url"] == BLOG + "p/1"
    assert "missing_field" in {signal["name"] for signal in comment["signals"]}


def test_what_a_client_does_not_have_is_not_taken_at_its_word(service, ask):
    for text, email in (("Without an address", "undefined"), ("With an address", "nora@posteo.net")):
        ask("comment-check", comment_content=text, comment_author="Nora", comment_author_email=email)
    without, with_one = recorded_with(service, "Without an address") + recorded_with(service, "With an address")
    assert "missing_field" in {signal["name"] for signal in without["signals"] if signal["score"]}
    assert "missing_field" not in {signal["name"] for signal in with_one["signals"] if signal["score"]}


def test_a_test_is_judged_and_not_recorded(service, ask):
    for spoken in ("1", "true", "True"):
        assert ask("comment-check", comment_content="Only a test, please", is_test=spoken).text == "false"
    assert recorded_with(service, "Only a test") == []


def test_what_is_certain_spam_is_not_recorded(service, ask):
    ask("comment-check", comment_content="A trial of the plugin", comment_author="viagra-test-123")
    assert recorded_with(service, "A trial of the plugin") == []


def test_held_is_ham_until_the_site_says_otherwise(service, ask):
    assert ask("comment-check", comment_content=ABUSE, comment_author="Rude").text == "false"
    (held,) = [comment for comment in recorded_with(service, ABUSE) if comment["name"] == "Rude"]
    assert held["status"] == "pending"


async def test_a_site_may_hear_spam_for_what_is_held(tmp_path):
    with serving(tmp_path / "data") as own:
        async with house(load({"MODERATION_DATA": str(own.data)})) as rooms:
            await rooms.sites.create_key(Role.COMPAT, "demo", value="bbbbbbbbbbbb")
            site = await rooms.sites.site("demo")
            await rooms.sites.save_policy("demo", msgspec.structs.replace(site.policy, hold_is_spam=True))
        with own.http() as client:
            fields = {"api_key": "bbbbbbbbbbbb", "blog": BLOG, "user_ip": "", "comment_content": ABUSE}
            answer = client.post("/1.1/comment-check", data=fields)
    assert answer.text == "true"
    assert "x-akismet-pro-tip" not in answer.headers


def test_slashed_text_is_kept_as_it_was_written(service, ask):
    ask("comment-check", comment_content='Last week\\\'s \\"trams\\" slashed', comment_author="O\\'Brien")
    (comment,) = recorded_with(service, "slashed")
    assert comment["text"] == 'Last week\'s "trams" slashed'
    assert comment["name"] == "O'Brien"


def test_a_backslash_of_the_author_stays(service, ask):
    ask("comment-check", comment_content='Look into C:\\temp for that "file" of mine', comment_author="Win")
    (comment,) = recorded_with(service, "Look into")
    assert comment["text"] == 'Look into C:\\temp for that "file" of mine'


@pytest.mark.parametrize(
    ("charset", "codec"),
    [("windows-1251", "cp1251"), ("Shift_JIS", "shift_jis"), ("UTF-8", "utf-8"), ("punycode", "utf-8")],
)
def test_other_charsets_are_read(service, key, charset, codec):
    text = {"cp1251": "Привет из windows", "shift_jis": "こんにちは、電車"}.get(codec, f"naïve {charset}")
    body = f"api_key={key}&blog={quote_plus(BLOG)}&user_ip=&blog_charset={charset}&comment_content=" + quote_plus(
        text.encode(codec)
    )
    with service.http() as client:
        client.post("/1.1/comment-check", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert recorded_with(service, text)


def test_a_long_comment_that_comes_twice_is_taken(service, ask):
    text = "Größe und Wörter " * 1100
    answer = ask("comment-check", comment_content=text, POST_comment=text, comment_author="Long")
    assert answer.status_code == 200
    assert answer.text in ("true", "false")


def test_of_a_text_that_is_too_long_beginning_and_end_are_judged(service, ask):
    answer = ask("comment-check", comment_content="word " * 20_000 + SPAM, comment_author="Longer")
    assert answer.text in ("true", "false")
    (kept,) = [comment for comment in comments_of(service) if comment["name"] == "Longer"]
    assert len(kept["text"]) <= 20_000
    assert kept["text"].endswith(SPAM)


def test_a_flood_from_one_address_is_refused_and_not_called_ham(service, ask):
    answers = [
        ask("comment-check", comment_content=f"One of many comments, number {number}", user_ip="192.0.2.77")
        for number in range(70)
    ]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert all(answer.text not in ("true", "false") for answer in refused)
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    assert all("x-akismet-debug-help" in answer.headers for answer in refused)


# asked again ------------------------------------------------------------------------------------------------


def test_asked_again_it_is_one_comment(service, ask):
    first = ask("comment-check", comment_content="Asked twice about trams", comment_author="Eva")
    again = ask(
        "comment-check", comment_content="Asked twice about trams", comment_author="Eva", recheck_reason="recheck"
    )
    assert again.text == first.text == "false"
    assert again.headers["x-akismet-guid"] == first.headers["x-akismet-guid"]
    assert len(recorded_with(service, "Asked twice about trams")) == 1


def test_asked_again_a_decision_is_the_answer(service, ask):
    first = ask("comment-check", comment_content=ABUSE + " you there", comment_author="Foe")
    (held,) = recorded_with(service, ABUSE + " you there")
    decided = service.staff.post(f"/v1/queue/{held['id']}/decision", json={"decision": "reject", "reason": "toxic"})
    assert decided.status_code == 200, decided.text
    again = ask("comment-check", comment_content=ABUSE + " you there", guid=first.headers["x-akismet-guid"])
    assert again.text == "true"


def test_a_decision_that_may_still_be_undone_is_told_to_nobody(service, ask):
    first = ask("comment-check", comment_content=ABUSE + " over there", comment_author="Foe")
    (held,) = recorded_with(service, ABUSE + " over there")
    body = {"decision": "reject", "reason": "toxic", "undo_seconds": 60}
    assert service.staff.post(f"/v1/queue/{held['id']}/decision", json=body).status_code == 200
    again = ask("comment-check", comment_content=ABUSE + " over there", guid=first.headers["x-akismet-guid"])
    assert (again.text, again.headers["x-moderation-status"]) == ("false", "pending")
    assert service.staff.post(f"/v1/queue/{held['id']}/undo").status_code == 200
    later = ask("comment-check", comment_content=ABUSE + " over there", guid=first.headers["x-akismet-guid"])
    assert (later.text, later.headers["x-moderation-status"]) == ("false", "pending")


def test_asked_again_what_the_site_called_spam_or_ham_stays_so(ask):
    known = {"comment_content": SPAM + " once more", "comment_author": "Best casino", "recheck_reason": "recheck_queue"}
    assert ask("comment-check", **known).text == "true"
    ask("submit-ham", **known)
    again = ask("comment-check", **known)
    assert (again.text, again.headers.get("x-akismet-pro-tip")) == ("false", None)
    ask("submit-spam", **known)
    assert ask("comment-check", **known).text == "true"


def test_a_check_says_where_the_comment_stands(service, ask):
    answer = ask("comment-check", comment_content=ABUSE + " and yours", comment_author="Foe")
    assert answer.headers["x-moderation-status"] == "pending"
    (held,) = recorded_with(service, ABUSE + " and yours")
    assert answer.headers["x-moderation-id"] == held["id"]
    service.staff.post(f"/v1/queue/{held['id']}/decision", json={"decision": "reject", "reason": "toxic"})
    again = ask("comment-check", comment_content=ABUSE + " and yours", guid=answer.headers["x-akismet-guid"])
    assert (again.headers["x-moderation-id"], again.headers["x-moderation-status"]) == (held["id"], "rejected")
    assert "x-moderation-id" not in ask("comment-check", comment_content="A trial", is_test="1").headers


@pytest.mark.parametrize("host", [b"", b"Host: rest.akismet.com\r\n"])
@pytest.mark.parametrize("target", [b"/1.1/verify-key", b"http://rest.akismet.com/1.1/verify-key"])
def test_an_old_client_is_answered_and_hung_up_on(service, key, host, target):
    body = f"key={key}&blog={quote_plus(BLOG)}".encode()
    head = b"POST " + target + b" HTTP/1.0\r\n" + host + b"Content-type: application/x-www-form-urlencoded;\r\n"
    with socket.create_connection(("127.0.0.1", int(service.url.rpartition(":")[2])), timeout=10) as client:
        client.sendall(head + b"Content-length: %d\r\n\r\n" % len(body) + body)
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"\r\n\r\nvalid")


def test_an_edit_is_judged_anew(service, ask):
    first = ask("comment-check", comment_content="Before it was edited", comment_author="Gil")
    guid = first.headers["x-akismet-guid"]
    again = ask("comment-check", comment_content=SPAM, comment_author="Gil", guid=guid, recheck_reason="edit")
    assert again.text == "true"
    assert again.headers["x-akismet-guid"] == guid
    assert recorded_with(service, "Before it was edited") == []


def test_what_the_site_called_ham_was_the_text_before_the_edit(ask):
    first = ask("comment-check", comment_content="Thank you for the report on the new bridge", comment_author="Gus")
    known = {"guid": first.headers["x-akismet-guid"], "comment_author": "Gus"}
    ask("submit-ham", comment_content="Thank you for the report on the new bridge", **known)
    again = [ask("comment-check", comment_content=SPAM, recheck_reason="edit", **known) for _ in range(3)]
    assert [(one.text, one.headers["x-moderation-status"]) for one in again] == [("true", "rejected")] * 3
    ask("submit-ham", comment_content=SPAM, **known)
    assert ask("comment-check", comment_content=SPAM, recheck_reason="edit", **known).text == "false"


@pytest.mark.parametrize("text", [SPAM + " of the house", SPAM + " and edited"], ids=["as it was", "edited"])
def test_what_an_administrator_wrote_is_never_spam_also_when_asked_again(ask, text):
    first = ask("comment-check", comment_content=SPAM + " of the house", comment_author="Root")
    assert first.text == "true"
    known = {"guid": first.headers["x-akismet-guid"], "recheck_reason": "recheck", "comment_author": "Root"}
    again = ask("comment-check", comment_content=text, user_role="administrator", **known)
    assert (again.text, again.headers.get("x-akismet-pro-tip")) == ("false", None)
    assert again.headers["x-moderation-status"] == ("rejected" if text.endswith("house") else "pending")


# corrections ------------------------------------------------------------------------------------------------


def of_text(found: list[Label], text: str) -> list[Label]:
    return [label for label in found if text in label.text]


async def test_a_correction_by_guid_is_a_label_of_that_comment(service, ask, labels):
    guid = ask("comment-check", comment_content="Missed by the model", comment_author="Hal").headers["x-akismet-guid"]
    assert ask("submit-spam", guid=guid, comment_content="quite another text").text == THANKS
    (comment,) = recorded_with(service, "Missed by the model")
    (label,) = of_text(await labels(), "Missed by the model")
    assert label.comment_id == comment["id"]
    assert label.values == {"spam": 1.0}
    assert label.source == "akismet"
    assert label.weight == 0.5
    assert label.scores["spam"] == pytest.approx(comment["scores"]["spam"], abs=0.001)


async def test_a_correction_finds_the_slashed_comment_by_text_author_and_page(service, ask, labels):
    ask(
        "comment-check",
        comment_content="It\\'s  slashed\r\nin the check",
        comment_author="Ida",
        comment_author_email="i@x.net",
    )
    ask(
        "submit-spam", comment_content="It's slashed in the check", comment_author="Ida", comment_author_email="i@x.net"
    )
    (label,) = of_text(await labels(), "in the check")
    (comment,) = recorded_with(service, "in the check")
    assert label.comment_id == comment["id"]


async def test_a_correction_finds_the_comment_from_another_address(service, ask, labels):
    ask("comment-check", comment_content="Sent from a moving train", comment_author="Jo", user_ip="198.51.100.20")
    ask("submit-spam", comment_content="Sent from a moving train", comment_author="Jo", user_ip="198.51.100.99")
    (label,) = of_text(await labels(), "moving train")
    assert label.comment_id


async def test_what_everybody_can_read_of_a_comment_changes_no_answer_on_it(service, key, ask, labels):
    seen = {"comment_content": SPAM + " for everybody", "comment_author": "Best casino"}
    known = {**seen, "comment_author_email": "casino@x.net"}
    guid = ask("comment-check", **known).headers["x-akismet-guid"]
    visitor = {"api_key": key, "blog": BLOG, "user_ip": "198.51.100.9", **seen}
    with service.http() as client:
        asked = client.post("/1.1/comment-check", data=visitor | {"recheck_reason": "recheck"})
        for named in ({}, {"guid": asked.headers["x-akismet-guid"]}):
            client.post("/1.1/submit-ham", data=visitor | named)
    assert ask("comment-check", guid=guid, recheck_reason="recheck", **known).text == "true"
    (label,) = of_text(await labels(), "for everybody")
    assert label.hearsay
    assert label.comment_id, "it goes with the comment"
    ask("submit-ham", **known)
    with service.http() as client:
        client.post("/1.1/submit-spam", data=visitor)
    assert ask("comment-check", guid=guid, recheck_reason="recheck", **known).text == "false"


async def test_the_later_correction_counts(ask, labels):
    for call in ("submit-spam", "submit-spam", "submit-ham"):
        ask(call, comment_content="Called spam and then ham", comment_author="Kim")
    (label,) = of_text(await labels(), "Called spam and then ham")
    assert label.values == {"spam": 0.0}


async def test_a_test_teaches_nothing(ask, labels):
    assert ask("submit-spam", comment_content="A lesson for nobody", is_test="true").text == THANKS
    assert of_text(await labels(), "A lesson for nobody") == []


async def test_a_guid_of_another_making_names_nothing(ask, labels):
    ask("submit-spam", comment_content="With a guid that is made up", guid="0" * 32)
    (label,) = of_text(await labels(), "made up")
    assert label.comment_id == ""


async def test_a_moderators_decision_is_not_overruled(service, ask, labels):
    ask("comment-check", comment_content=ABUSE + " all of you", comment_author="Lou")
    (held,) = recorded_with(service, ABUSE + " all of you")
    service.staff.post(f"/v1/queue/{held['id']}/decision", json={"decision": "approve"})
    ask("submit-spam", comment_content=ABUSE + " all of you", comment_author="Lou")
    (label,) = of_text(await labels(), " all of you")
    assert label.source == "moderator"
    assert label.values["spam"] == 0.0


def test_the_months_figures_count_what_was_asked_and_corrected(service, key, ask):
    def row():
        with service.http() as client:
            found = client.post("/1.2/key-sites", data={"api_key": key, "format": "json"}).json()
        (month,) = [name for name in found if name[:2] == "20"]
        return found[month][0]

    ask("comment-check", comment_content="Counted as ham", comment_author="Mia")
    before = row()
    ask("comment-check", comment_content=SPAM, comment_author="Nil")
    ask("submit-spam", comment_content="Counted as ham", comment_author="Mia")
    after = row()
    assert all(isinstance(after[name], str) for name in ("api_calls", "spam", "ham", "missed_spam", "false_positives"))
    grown = {name: int(after[name]) - int(before[name]) for name in ("api_calls", "spam", "ham", "missed_spam")}
    assert grown == {"api_calls": 1, "spam": 1, "ham": 0, "missed_spam": 1}
    with service.http() as client:
        table = client.get("/1.2/key-sites", params={"api_key": key, "format": "csv"}).text
    assert table.startswith("Active sites for")
    assert table.splitlines()[1].startswith("Site,")
