"""Forms: a browser's own post becomes a submission, whatever else stands in it, and an answer that cannot be misused."""

import pytest
from litestar.testing import RequestFactory

from moderation.api.fields import field_errors
from moderation.api.forms import _back, _page, read_form
from moderation.errors import BodyInvalid
from moderation.records import Site


def test_our_fields_are_read_and_others_are_left_alone() -> None:
    body = b"name=Ann+Lee&email=ann%40example.org&comment=One%0D%0Atwo&submit=Post&wp-nonce=abc&form_seconds=12.5"
    submission, back = read_form(body)
    assert (submission.name, submission.email, submission.text) == ("Ann Lee", "ann@example.org", "One\ntwo")
    assert submission.form_seconds == 12.5
    assert back == ""


def test_text_comes_before_comment_and_the_page_is_where_it_goes_back_to() -> None:
    submission, back = read_form(b"text=ours&comment=theirs&thread_url=https://news.example/a")
    assert (submission.text, back) == ("ours", "https://news.example/a")
    assert read_form(b"comment=a&thread_url=https://news.example/a&back=https://news.example/b")[1].endswith("/b")


@pytest.mark.parametrize(
    "body", [b"name=\xff", b"name=%ff", b"&".join(b"a=1" for _ in range(201))], ids=["bytes", "escaped", "many"]
)
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(BodyInvalid):
        read_form(body)


@pytest.mark.parametrize("seconds", ["soon", "-3", "nan", "inf"])
def test_a_time_that_is_none_is_a_wrong_field_and_an_empty_one_is_not_known(seconds: str) -> None:
    body = "name=Ann&email=ann%40posteo.net&comment=hello&form_seconds="
    assert [error.field for error in field_errors(read_form((body + seconds).encode())[0])] == ["form_seconds"]
    empty, _ = read_form(body.encode())
    assert (empty.form_seconds, field_errors(empty)) == (None, [])


def test_a_small_page_says_every_line_in_its_language_and_runs_nothing() -> None:
    page = _page(422, ["Bitte <b>Text</b>", "& Namen"], "de", {"Retry-After": "5"})
    assert '<html lang="de">' in page.content
    assert "<p>Bitte &lt;b&gt;Text&lt;/b&gt;</p><p>&amp; Namen</p>" in page.content
    assert (page.status_code, page.headers["Retry-After"]) == (422, "5")
    assert page.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


@pytest.mark.parametrize(
    ("back", "target"),
    [
        ("https://news.example/a", "https://news.example/a?comment=pending#comments"),
        ("https://news.example/a?page=2#top", "https://news.example/a?page=2&comment=pending#comments"),
        ("https://news.example/a b\r\nX: y", "https://news.example/a%20b%0D%0AX:%20y?comment=pending#comments"),
        ("https://evil.example/a", None),
        ("https://[", None),
        ("https://[::::::]/", None),
        ("/a/path", None),
        ("", None),
    ],
)
def test_a_browser_is_sent_back_to_a_page_of_the_site_and_nowhere_else(
    factory: RequestFactory, back: str, target: str | None
) -> None:
    request = factory.post("/", headers={"host": "comments.example"})
    answer = _back(request, Site(id="news", origins=("https://news.example",)), back, "pending")
    assert (answer and answer.headers["Location"]) == target
