"""Serves the static pages, each with a policy that lets nothing run but our own files."""

import functools
import importlib.resources
import json
from typing import Any

from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from moderation.api.gate import PUBLIC, allow
from moderation.settings import Settings

_STATIC = importlib.resources.files("moderation.console") / "static"
_KINDS = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "json": "application/json",
    "svg": "image/svg+xml",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


@functools.cache
def _file(name: str) -> bytes | None:
    kind = name.rpartition(".")[2]
    if kind not in _KINDS or name.startswith(".") or "/" in name or "\\" in name:
        return None
    path = _STATIC / name
    return path.read_bytes() if path.is_file() else None


def page(name: str, *, fresh: bool = False) -> Response[bytes]:
    """Give one static file; raises NotFoundException where there is none."""
    found = _file(name)
    if found is None:
        raise NotFoundException(detail="this address does not exist")
    headers = HEADERS | {"Cache-Control": "no-store" if fresh else "no-cache"}
    # the demo's form may be sent by a browser without scripts, which then says where it comes from
    if name == "demo.html":
        headers["Referrer-Policy"] = "same-origin"
    return Response(found, headers=headers, media_type=_KINDS[name.rpartition(".")[2]])


class Pages(Controller):
    """The pages and their files."""

    @get("/", opt=allow(PUBLIC) | {"hidden": True})
    async def start(self) -> Response[bytes]:
        """Show where things are."""
        return page("start.html")

    @get("/demo", opt=allow(PUBLIC) | {"hidden": True})
    async def demo(self) -> Response[bytes]:
        """Show an article with a comment form."""
        return page("demo.html")

    @get("/demo/settings.json", opt=allow(PUBLIC) | {"hidden": True})
    async def demo_settings(
        self, request: Request[Any, Any, Any], settings: NamedDependency[Settings]
    ) -> Response[bytes]:
        """Give the demo's form key, which is no secret."""
        path = settings.store.data / "first-run.json"
        try:
            first = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise NotFoundException(detail="the demo belongs to the first start, and its file is gone") from None
        body = json.dumps({"form_key": first.get("form_key", ""), "site": first.get("site", "")}).encode()
        return Response(body, headers=HEADERS | {"Cache-Control": "no-store"}, media_type="application/json")

    @get("/console", opt=allow(PUBLIC) | {"hidden": True})
    async def console(self) -> Response[bytes]:
        """Show the moderators' console."""
        return page("console.html", fresh=True)

    @get("/docs", opt=allow(PUBLIC) | {"hidden": True})
    async def docs(self) -> Response[bytes]:
        """Show the reference."""
        return page("docs.html")

    @get("/static/{name:str}", opt=allow(PUBLIC) | {"hidden": True})
    async def file(self, name: FromPath[str]) -> Response[bytes]:
        """Give a file of a page."""
        return page(name)

    @get("/client/comments.js", opt=allow(PUBLIC) | {"hidden": True})
    async def client(self) -> Response[bytes]:
        """Give the client for pages of other origins, which may load it and nothing else from here."""
        found = page("comments.js")
        found.headers.update({"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"})
        return found
