"""Every route of the service, read from the application itself, and a good request for each of them.

A route that nobody has written an example for gets one made from its declaration: the smallest body that its shape
allows. So a new route is tried by every sweep from its first day.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from moderation.api.gate import PUBLIC
from moderation.app import build
from moderation.records import Role
from moderation.settings import Settings
from tests.service import a_comment

_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")


class Route(msgspec.Struct, frozen=True):
    """One way in: method and path, who may take it, and what it reads."""

    method: str
    path: str
    allowed: frozenset[str]
    cookies: bool
    media: str
    body: Any

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def public(self) -> bool:
        return PUBLIC in self.allowed

    @property
    def writes(self) -> bool:
        return self.method not in ("GET", "HEAD", "OPTIONS") and self.name not in READING

    def parameters(self) -> list[str]:
        return _PARAMETER.findall(self.path)

    def filled(self, world: Mapping[str, str]) -> str:
        """Give the path with the parameters of this world."""
        return _PARAMETER.sub(lambda found: world.get(found[1], "nothing-here"), self.path)


READING = {
    "DELETE /v1/session",
    "POST /v1/score",
    "POST /v1/sites/{site_id}/policy/preview",
    "POST /v1/sites/{site_id}/words/try",
    "POST /v1/webhooks/{webhook_id}/test",
    "POST /v1alpha1/comments:analyze",
    "POST /v1/moderations",
    "POST /v1/coral/phase",
    "POST /1.1/verify-key",
    "POST /1.1/deactivate",
    "POST /1.1/get-stats",
    "POST /1.1/get-subscription",
    "POST /1.1/token",
    "POST /1.1/verify-wpcom-key",
    "POST /1.2/key-sites",
    "POST /1.2/usage-limit",
    "POST /v1/labels/preview",
}
"""They change nothing (the test of a webhook asks the receiver alone; a key has no session to end)."""

COMMENT = a_comment("A comment of the sweep, about night buses and nothing else.")
BODIES: dict[str, Any] = {
    "POST /v1/comments": COMMENT,
    "POST /v1/comments/batch": {"comments": [COMMENT, COMMENT | {"email": "other@posteo.net"}]},
    "PATCH /v1/comments/{comment_id}": {"text": "I changed my mind about the night buses."},
    "POST /v1/score": COMMENT,
    "POST /v1/forms/{form_key}/comments": COMMENT | {"form_seconds": 9},
    "POST /v1/queue/{comment_id}/decision": {"decision": "approve"},
    "POST /v1/queue/{comment_id}/escalate": {"note": "Somebody who knows the buses should look."},
    "POST /v1/session": {"email": "nobody@posteo.net", "password": "a long password of nobody"},
    "POST /v1/session/invitation": {"token": "m00.nothing", "password": "a long password of nobody"},
    "POST /v1/authors/{author_id}/mark": {"mark": "watched", "days": 3},
    "POST /v1/keys": {"role": "site", "site": "demo", "label": "of the sweep"},
    "POST /v1/sites/{site_id}/webhooks": {"url": "https://receiver.example/hook"},
}
PARTS = (
    "".join(
        f"--of\r\nContent-Type: application/http\r\nContent-ID: <sweep+{number}>\r\n\r\n"
        f"POST /v1alpha1/comments:{verb} HTTP/1.1\r\nContent-Type: application/json\r\n\r\n"
        f'{{"comment": {{"text": "About night buses"}}, {asked}}}\r\n'
        for number, verb, asked in (
            (1, "analyze", '"requestedAttributes": {"TOXICITY": {}}'),
            (2, "suggestscore", '"attributeScores": {"TOXICITY": {"summaryScore": {"value": 0}}}'),
        )
    )
    + "--of--\r\n"
)
"""The body of a batch, which is no JSON."""
DIALECTS = ("/1.1/", "/1.2/", "/v1alpha1/", "/v1/coral/", "/batch")
QUERIES: dict[str, dict[str, str]] = {
    "GET /v1/threads": {"url": "http://x.example/a"},
    "GET /v1/comments/search": {"q": "buses"},
}


@cache
def every_route() -> tuple[Route, ...]:
    """List the routes of the application, as it is built to serve."""
    found = []
    for route in build(Settings()).routes:
        for handler in getattr(route, "route_handlers", []):
            if "allow" not in handler.opt:
                continue
            for method in sorted(handler.http_methods - {"HEAD"}):
                allowed = frozenset(one.value if isinstance(one, Role) else str(one) for one in handler.opt["allow"])
                path = _PARAMETER.sub(r"{\1}", route.path.rstrip("/") or "/")
                opt = handler.opt
                found.append(Route(method, path, allowed, opt["cookies"], opt["media"], opt["body"]))
    return tuple(sorted(found, key=lambda route: (route.path, route.method)))


def request_of(route: Route, world: Mapping[str, str]) -> dict[str, Any]:
    """Give the arguments of a good request to a route, but for who sends it."""
    given: dict[str, Any] = {"method": route.method, "url": route.filled(world)}
    queries = dict(QUERIES.get(route.name, {}))
    if route.path == "/v1/threads":
        queries["form_key"] = world.get("form_key", "")
    if route.path.startswith(DIALECTS) and "site_key" in world:
        # they take the key of a site as their own, in the query
        queries["key"] = world["site_key"]
    if queries:
        given["params"] = queries
    if route.path == "/batch":
        return given | {"content": PARTS, "headers": {"Content-Type": "multipart/mixed; boundary=of"}}
    if route.body is not None:
        given["json"] = BODIES.get(route.name) or smallest(route.body)
    if "origin" in world and (route.path.startswith("/v1/forms") or "form" in route.allowed):
        given["headers"] = {"Origin": world["origin"]}
    return given


def smallest(shape: Any) -> Any:
    """Make the smallest value that a shape allows, by its schema."""
    try:
        (schema,), parts = msgspec.json.schema_components([shape])
    except TypeError:
        return {}
    return _value(schema, parts)


def _value(schema: Any, parts: Mapping[str, Any]) -> Any:
    if "$ref" in schema:
        return _value(parts[schema["$ref"].rpartition("/")[2]], parts)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return _value(schema[key][0], parts)
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        properties = schema.get("properties", {})
        return {name: _value(properties[name], parts) for name in schema.get("required", [])}
    made: dict[Any, Any] = {"array": [], "integer": 1, "number": 1.0, "boolean": False, "null": None}
    return made.get(kind, "sweep")
