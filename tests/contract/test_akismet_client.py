"""Akismet's dialect, spoken by the Python client `akismet`, which is pointed at us by the HTTP client it is given."""

import akismet
import httpx
import pytest

from tests.service import SPAM

BLOG = "https://blog.example/"


class Pointed(httpx.HTTPTransport):
    """Sends what is meant for Akismet's address to another one, as a name server would."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = httpx.URL(url)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(scheme=self._url.scheme, host=self._url.host, port=self._url.port)
        return super().handle_request(request)


@pytest.fixture
def http(service):
    with httpx.Client(transport=Pointed(service.url)) as client:
        yield client


@pytest.fixture
def client(http, key):
    return akismet.SyncClient.validated_client(config=akismet.Config(key=key, url=BLOG), http_client=http)


def test_a_wrong_key_is_refused_before_anything_is_checked(http):
    with pytest.raises(akismet.APIKeyError):
        akismet.SyncClient.validated_client(config=akismet.Config(key="ffffffffffff", url=BLOG), http_client=http)


def test_ham_spam_and_discard_are_told_apart(client):
    assert client.comment_check("198.51.100.5", comment_content="A fine walk by the river", comment_author="Ann") is (
        akismet.CheckResponse.HAM
    )
    spam = client.comment_check("198.51.100.6", comment_content=SPAM, comment_author="Best casino")
    assert spam is akismet.CheckResponse.DISCARD
    certain = client.comment_check("198.51.100.6", comment_author="akismet-guaranteed-spam", is_test=1)
    assert certain is akismet.CheckResponse.SPAM


def test_corrections_are_thanked_for(client):
    assert client.submit_spam("198.51.100.5", comment_content="From the Python client", comment_author="Bo")
    assert client.submit_ham("198.51.100.5", comment_content="From the Python client", comment_author="Bo")


def test_usage_is_read(client):
    assert client.usage_limit()["throttled"] is False


def test_a_call_that_forgets_its_key_is_refused(client):
    # this version of the client leaves the key out of key-sites
    with pytest.raises(akismet.AkismetError):
        client.key_sites()
