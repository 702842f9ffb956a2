"""A client for websites written in Python: post comments, learn what became of them, check webhooks.

    with Client("https://moderation.example", key) as client:
        receipt = client.submit(name="Ann", email="ann@example.org", text="Thank you!")
        if receipt.status == "approved":
            ...

A submission carries an Idempotency-Key, so that a repeat after a broken connection is never a second comment. `Client`
and `AsyncClient` do the same; the second one waits without blocking.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import httpx
import msgspec
import standardwebhooks

RETRIED = frozenset({429, 502, 503, 504})
TRIES = 4
LONGEST_PAUSE = 30.0


class Signal(msgspec.Struct, frozen=True):
    """What one check saw."""

    name: str
    score: float
    reason: str
    detail: str


class Receipt(msgspec.Struct, frozen=True):
    """What becomes of a comment: approved, pending or rejected, and why."""

    id: str
    status: str
    verdict: str
    reasons: tuple[str, ...] = ()
    scores: dict[str, float] = {}
    signals: tuple[Signal, ...] = ()
    model: tuple[str, ...] = ()
    degraded: bool = False
    would: str | None = None


class Refused(Exception):
    """The service refused a request: `status`, a stable `code`, and `errors` naming each wrong field."""

    def __init__(self, status: int, code: str, detail: str, errors: tuple[dict[str, str], ...] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.errors = errors


class Unreachable(Exception):
    """The service did not answer, or answered that it cannot at the moment, however often it was asked."""


class _Call(msgspec.Struct, frozen=True):
    method: str
    path: str
    json: Any = None
    params: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = {}


def _submission(name: str, email: str, text: str, idempotency_key: str, fields: Mapping[str, Any]) -> _Call:
    body = {"name": name, "email": email, "text": text, **fields}
    key = idempotency_key or uuid.uuid4().hex
    return _Call("POST", "/v1/comments", body, headers={"Idempotency-Key": key})


def _read(response: httpx.Response) -> Any:
    if response.is_success:
        return msgspec.json.decode(response.content) if response.content else None
    try:
        problem = msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        problem = {}
    raise Refused(
        response.status_code,
        str(problem.get("code", "unknown")),
        str(problem.get("detail", response.reason_phrase)),
        tuple(problem.get("errors", ())),
    )


def _pause(attempt: int, response: httpx.Response | None) -> float:
    asked = response.headers.get("retry-after", "") if response is not None else ""
    if asked.isascii() and asked.isdigit():
        return min(float(asked), LONGEST_PAUSE)
    return min(0.2 * float(2**attempt) + random.random() * 0.2, LONGEST_PAUSE)


def _may_repeat(call: _Call) -> bool:
    return call.method in ("GET", "DELETE") or "Idempotency-Key" in call.headers


class Client:
    """The service, as one website sees it with its site key. Keeps connections open; close it, or use `with`.

    `timeout` is in seconds for one try; a request that may be repeated is tried up to four times.
    """

    def __init__(
        self, url: str, key: str, *, timeout: float = 10.0, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._http = httpx.Client(
            base_url=url, timeout=timeout, transport=transport, headers={"Authorization": f"Bearer {key}"}
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def submit(self, *, name: str, email: str, text: str, idempotency_key: str = "", **fields: Any) -> Receipt:
        """Post a comment; `fields` are the optional ones of the API (thread, parent_id, ip, external_id, ...)."""
        return msgspec.convert(self._send(_submission(name, email, text, idempotency_key, fields)), Receipt)

    def submit_many(self, comments: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Post up to 100 comments at once; each is answered with a receipt or a problem, in their order."""
        found: list[dict[str, Any]] = self._send(_Call("POST", "/v1/comments/batch", {"comments": comments}))["results"]
        return found

    def score(self, text: str, **fields: Any) -> dict[str, Any]:
        """Ask what a text would get; nothing is kept."""
        found: dict[str, Any] = self._send(_Call("POST", "/v1/score", {"text": text, **fields}))
        return found

    def comment(self, comment_id: str) -> dict[str, Any]:
        """Give the record of a comment."""
        found: dict[str, Any] = self._send(_Call("GET", f"/v1/comments/{comment_id}"))
        return found

    def edit(self, comment_id: str, text: str) -> Receipt:
        """Change a comment's text; it is judged again."""
        return msgspec.convert(self._send(_Call("PATCH", f"/v1/comments/{comment_id}", {"text": text})), Receipt)

    def delete(self, comment_id: str) -> None:
        """Delete a comment."""
        self._send(_Call("DELETE", f"/v1/comments/{comment_id}"))

    def changes(self, since: str = "0") -> Iterator[tuple[dict[str, Any], str]]:
        """Give every comment that changed after a cursor, each with the cursor to keep; ends when there is no more."""
        while True:
            page = self._send(_Call("GET", "/v1/comments", params={"since": since, "limit": 200}))
            for comment in page["comments"]:
                yield comment, page["cursor"]
            since = page["cursor"]
            if not page["more"]:
                return

    def _send(self, call: _Call) -> Any:
        for attempt in range(TRIES):
            last = attempt == TRIES - 1 or not _may_repeat(call)
            response = None
            try:
                response = self._http.request(
                    call.method, call.path, json=call.json, params=call.params, headers=call.headers
                )
            except httpx.TransportError as error:
                if last:
                    raise Unreachable(f"the moderation service did not answer: {type(error).__name__}") from error
            if response is not None and (response.status_code not in RETRIED or last):
                return _read(response)
            time.sleep(_pause(attempt, response))
        raise Unreachable("the moderation service did not answer")


class AsyncClient:
    """The same as `Client`, for programs that wait on many things at once."""

    def __init__(
        self, url: str, key: str, *, timeout: float = 10.0, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._http = httpx.AsyncClient(
            base_url=url, timeout=timeout, transport=transport, headers={"Authorization": f"Bearer {key}"}
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def submit(self, *, name: str, email: str, text: str, idempotency_key: str = "", **fields: Any) -> Receipt:
        """Post a comment; `fields` are the optional ones of the API (thread, parent_id, ip, external_id, ...)."""
        return msgspec.convert(await self._send(_submission(name, email, text, idempotency_key, fields)), Receipt)

    async def submit_many(self, comments: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Post up to 100 comments at once; each is answered with a receipt or a problem, in their order."""
        answer = await self._send(_Call("POST", "/v1/comments/batch", {"comments": comments}))
        found: list[dict[str, Any]] = answer["results"]
        return found

    async def score(self, text: str, **fields: Any) -> dict[str, Any]:
        """Ask what a text would get; nothing is kept."""
        found: dict[str, Any] = await self._send(_Call("POST", "/v1/score", {"text": text, **fields}))
        return found

    async def comment(self, comment_id: str) -> dict[str, Any]:
        """Give the record of a comment."""
        found: dict[str, Any] = await self._send(_Call("GET", f"/v1/comments/{comment_id}"))
        return found

    async def edit(self, comment_id: str, text: str) -> Receipt:
        """Change a comment's text; it is judged again."""
        return msgspec.convert(await self._send(_Call("PATCH", f"/v1/comments/{comment_id}", {"text": text})), Receipt)

    async def delete(self, comment_id: str) -> None:
        """Delete a comment."""
        await self._send(_Call("DELETE", f"/v1/comments/{comment_id}"))

    async def changes(self, since: str = "0") -> AsyncIterator[tuple[dict[str, Any], str]]:
        """Give every comment that changed after a cursor, each with the cursor to keep; ends when there is no more."""
        while True:
            page = await self._send(_Call("GET", "/v1/comments", params={"since": since, "limit": 200}))
            for comment in page["comments"]:
                yield comment, page["cursor"]
            since = page["cursor"]
            if not page["more"]:
                return

    async def _send(self, call: _Call) -> Any:
        for attempt in range(TRIES):
            last = attempt == TRIES - 1 or not _may_repeat(call)
            response = None
            try:
                response = await self._http.request(
                    call.method, call.path, json=call.json, params=call.params, headers=call.headers
                )
            except httpx.TransportError as error:
                if last:
                    raise Unreachable(f"the moderation service did not answer: {type(error).__name__}") from error
            if response is not None and (response.status_code not in RETRIED or last):
                return _read(response)
            await asyncio.sleep(_pause(attempt, response))
        raise Unreachable("the moderation service did not answer")


class WebhookForged(Exception):
    """This request does not come from the moderation service, or is too old to be believed."""


def event_of(secret: str, body: bytes | str, headers: Mapping[str, str]) -> dict[str, Any]:
    """Check the signature of a webhook (Standard Webhooks) and give its event; raises WebhookForged.

    `secret` is the `whsec_...` of the webhook, `headers` those of the request; a request older than five minutes is
    refused. The same event may come more than once: `webhook-id` tells.
    """
    try:
        checked: dict[str, Any] = standardwebhooks.Webhook(secret).verify(
            body, {name.lower(): value for name, value in headers.items()}
        )
    except standardwebhooks.WebhookVerificationError as error:
        raise WebhookForged(str(error)) from error
    return checked
