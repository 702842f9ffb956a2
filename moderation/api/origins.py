"""Which pages of other origins may use a site's form, and what a browser must hear so that they can (CORS)."""

from typing import Any
from urllib.parse import urlsplit

from litestar import Request

from moderation.api.gate import own_origin
from moderation.errors import OriginRefused
from moderation.records import Site


def may_post(request: Request[Any, Any, Any], site: Site, origin: str) -> bool:
    """Say whether a page of this origin may use the site's form."""
    return bool(origin) and (origin in site.origins or origin == own_origin(request))


def require_origin(request: Request[Any, Any, Any], site: Site, origin: str) -> None:
    """Refuse another origin; a request without Origin must carry a Referer of an allowed one."""
    if not origin:
        origin = origin_of(request.headers.get("referer", ""))
    if not may_post(request, site, origin):
        raise OriginRefused


def origin_of(url: str) -> str:
    """Give the origin of an address; nothing where it has none, or cannot be read."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def cors(origin: str) -> dict[str, str]:
    """Give the headers that let a page of this origin read the answer."""
    if not origin:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
        "Access-Control-Allow-Headers": "Content-Type, Authorization, Accept-Language",
        "Access-Control-Max-Age": "600",
        "Vary": "Origin",
    }
