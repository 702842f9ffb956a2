"""HEAD: answered as GET is, with the same headers and without a body, also where a body never ends."""

from moderation.api.heads import answering_heads


async def asked(method: str, kind: str = "http", parts: int = 3) -> tuple[list[dict], dict, dict]:
    """Ask an application that answers in several parts; gives what left it, the scope it saw, and the server's own."""
    seen: dict = {}
    sent: list[dict] = []
    scope = {"type": kind, "method": method, "path": "/a"}

    async def app(its, receive, send) -> None:
        seen.update(its)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
        for left in range(parts, 0, -1):
            await send({"type": "http.response.body", "body": b"abc", "more_body": left > 1})

    async def send(message: dict) -> None:
        sent.append(message)

    await answering_heads(app)(scope, None, send)
    return sent, seen, scope


async def test_the_headers_are_those_of_get_and_the_body_is_empty_and_ends_once() -> None:
    sent, seen, scope = await asked("HEAD")
    assert sent == [
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]},
        {"type": "http.response.body", "body": b"", "more_body": False},
    ]
    assert (seen["method"], scope["method"]) == ("GET", "HEAD"), "the server still knows that it sends no body"


async def test_any_other_request_passes_as_it_is() -> None:
    for method, kind in (("GET", "http"), ("POST", "http"), ("HEAD", "websocket")):
        sent, seen, _ = await asked(method, kind)
        assert [message.get("body") for message in sent[1:]] == [b"abc"] * 3
        assert seen["method"] == method
