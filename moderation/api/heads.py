"""HEAD is GET without a body: the frame answers only the methods that a route names."""

from collections.abc import Callable
from typing import Any

Application = Callable[[Any, Any, Any], Any]


def answering_heads(app: Application) -> Application:
    """Let an application answer HEAD as it answers GET, and end after the headers."""

    async def answer(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await app(scope, receive, send)
            return
        ended = False

        async def without_body(message: dict[str, Any]) -> None:
            nonlocal ended
            if message["type"] == "http.response.start":
                await send(message)
            elif message["type"] == "http.response.body" and not ended:
                # a stream has no last part to wait for
                ended = True
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        # a copy: the server looks at its own scope to know that it sends no body
        await app({**scope, "method": "GET"}, receive, without_body)

    return answer
