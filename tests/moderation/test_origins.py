"""Origins: a form is used from its site's pages alone, and a browser that says nonsense of them is refused like any other."""

from typing import Any

import pytest
from litestar import Request
from litestar.testing import RequestFactory

from moderation.api.origins import cors, may_post, origin_of, require_origin
from moderation.errors import OriginRefused
from moderation.records import Site

SITE = Site(id="news", origins=("https://news.example", "http://localhost:8000"))


def asked(factory: RequestFactory, **headers: str) -> Request[Any, Any, Any]:
    return factory.post("/", headers={"host": "comments.example", **headers})


@pytest.mark.parametrize("origin", ["https://news.example", "http://localhost:8000", "http://comments.example"])
def test_a_page_of_the_site_and_our_own_may_use_the_form(factory: RequestFactory, origin: str) -> None:
    assert may_post(asked(factory), SITE, origin)
    require_origin(asked(factory), SITE, origin)
    require_origin(asked(factory, referer=f"{origin}/an/article?page=2"), SITE, "")


@pytest.mark.parametrize(
    "origin",
    [
        "http://news.example", "https://news.example:8443", "https://news.example.evil.example", "https://evil.example",
        "HTTPS://news.example/", "null", "https://", "://",
    ],
)  # fmt: skip
def test_another_origin_may_not_however_near_it_is(factory: RequestFactory, origin: str) -> None:
    assert not may_post(asked(factory), SITE, origin)
    with pytest.raises(OriginRefused):
        require_origin(asked(factory, referer="https://news.example/"), SITE, origin)


@pytest.mark.parametrize(
    "referer",
    ["", "about:client", "/a/path", "https://user@news.example/", "https://[", "https://[::::::]/", "https://a]b/"],
)
def test_without_origin_a_referer_that_names_no_allowed_page_is_refused(factory: RequestFactory, referer: str) -> None:
    with pytest.raises(OriginRefused):
        require_origin(asked(factory, referer=referer), SITE, "")


def test_the_origin_of_an_address_is_its_scheme_and_host_and_port() -> None:
    assert origin_of("https://news.example:8443/a?b#c") == "https://news.example:8443"
    assert origin_of("mailto:ann@news.example") == origin_of("https://[") == ""


def test_a_browser_hears_of_the_one_origin_that_asked_and_a_cache_that_it_depends_on_it() -> None:
    headers = cors("https://news.example")
    assert headers["Access-Control-Allow-Origin"] == "https://news.example"
    assert headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Credentials" not in headers
    assert cors("") == {}
