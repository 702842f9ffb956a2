"""The gate: whose address counts, which body passes, and that no route forgets to say who may use it."""

import pytest
from litestar import Litestar, get

from moderation.api.gate import check_media, client_address, is_trusted, networks, undeclared
from moderation.app import build
from moderation.errors import MediaTypeRefused
from moderation.settings import Settings

PROXIES = networks(["10.0.0.0/8", "fd00::/8", "127.0.0.1"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.0.0.2, 10.0.0.3", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "198.51.100.1, nonsense", "10.0.0.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("fd00::1", "2001:db8::7", "2001:db8::7"),
        ("", "198.51.100.1", ""),
    ],
)
def test_the_client_is_the_last_hop_that_no_proxy_of_ours_is(peer: str, forwarded: str, address: str) -> None:
    assert client_address(peer, forwarded, PROXIES) == address


def test_without_configured_proxies_nobody_is_believed() -> None:
    assert not is_trusted("127.0.0.1", [])
    assert client_address("127.0.0.1", "198.51.100.1", []) == "127.0.0.1"


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_json_passes_however_it_is_written(kind: str) -> None:
    check_media(kind, "application/json", True)


@pytest.mark.parametrize(("kind", "body"), [("", True), ("text/plain", True), ("text/plain", False)])
def test_what_a_plain_form_can_send_does_not_pass_for_json(kind: str, body: bool) -> None:
    with pytest.raises(MediaTypeRefused):
        check_media(kind, "application/json", body)


def test_a_route_that_does_not_say_who_may_use_it_is_found() -> None:
    @get("/open", sync_to_thread=False)
    def careless() -> str:
        return "everybody"

    assert undeclared(Litestar([careless], openapi_config=None)) == ["/open (careless)"]
    assert undeclared(build(Settings())) == []
