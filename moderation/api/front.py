"""The front door: every request gets an id and is counted, whatever becomes of it; the hot route passes beside (hot.py)."""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from moderation.api.heads import answering_heads
from moderation.api.hot import House, request_id
from moderation.api.problems import PROBLEM, encoded, problem_of, status_of
from moderation.errors import AddressTooLong

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


LONGEST_ADDRESS, MOST_PARAMETERS = 8_192, 100
"""Bytes of path and query, and parameters of the query. The frame keeps what it made of the last thousand of each."""


class Front:
    """Wraps the application. `wrapped` is the Litestar application; its state holds the rooms."""

    def __init__(self, wrapped: Any) -> None:
        self.wrapped = wrapped
        self._answering = answering_heads(_refusing_long_addresses(wrapped))

    @property
    def rooms(self) -> House | None:
        """The rooms of the application, once it has started."""
        found: House | None = self.wrapped.state.get("house")
        return found

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] != "http":
            await self.wrapped(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500
        own_id = request_id(next((value for name, value in scope["headers"] if name == b"x-request-id"), b""))

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", own_id)]
            await send(message)

        try:
            await self._answering(scope, receive, answer)
        finally:
            if self.rooms is not None:
                route = scope.get("path_template") or "other"
                self.rooms.telemetry.request_answered(scope["method"], route, status, time.perf_counter() - began)


def _refusing_long_addresses(app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> Any:
    refusal = AddressTooLong(LONGEST_ADDRESS, MOST_PARAMETERS)
    status, body = status_of(refusal).value, encoded(problem_of(refusal))
    headers = [(b"content-type", PROBLEM.encode()), (b"content-length", b"%d" % len(body))]

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        query = scope["query_string"]
        if len(scope["path"]) + len(query) <= LONGEST_ADDRESS and query.count(b"&") < MOST_PARAMETERS:
            await app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer
