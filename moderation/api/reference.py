"""The reference: OpenAPI 3.1 made from the routes and what they declare, and a page that shows it without any other host."""

import importlib.metadata
import inspect
import re
import typing
from typing import Any

import msgspec
from litestar import Controller, Litestar, Request, Response, get

from moderation.api import examples, fields
from moderation.api.gate import PUBLIC, SAFE, allow, own_origin
from moderation.records import Role

_ADDRESS = re.compile(r"https?://[\w.:\[\]-]{1,255}", re.ASCII)
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "field": {"type": "string"},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}
_SAID = {
    "400": "The body, a header or a cursor cannot be read.",
    "401": "No key or session, or not a valid one.",
    "403": "The role may not do this, or the origin may not post.",
    "404": "No such thing, or none that the caller may see.",
    "409": "Somebody was faster: the version, the moderator and the decision.",
    "413": "The body is too large.",
    "415": "The Content-Type is missing or not the one this route reads.",
    "422": "Some fields are wrong; each is named.",
    "429": "An allowance is spent; Retry-After says until when.",
    "503": "The service cannot keep its promises at the moment; nothing was acknowledged. Try again.",
}

TAGS = {
    "comments": "What a site does with its comments: post, change, delete, report, learn what was decided.",
    "forms": "What a page does by itself, with a form key: post a comment, list what is published.",
    "queue": "What moderators do: see what waits, claim, decide, undo; and what is known of an author.",
    "oversight": "Figures, the ledger, events as they happen, search.",
    "sites": "Sites, their policies, word lists and keys.",
    "webhooks": "Where a site is told of decisions, and what was delivered.",
    "staff": "Moderators and admins.",
    "session": "Signing in and out, passwords and second factors.",
    "models": "Models and the labels that they learn from.",
    "privacy": "What is kept of a person, given out or erased.",
    "perspective": "The dialect of Google's Perspective API.",
    "akismet": "The dialect of Akismet.",
    "openai": "The dialect of OpenAI's moderations.",
    "coral": "The dialect of Coral's external moderation phase.",
    "operations": "Health, metrics and this reference.",
}
"""What the routes are about, in the order in which the page shows them."""


def describe(app: Litestar, version: str) -> dict[str, Any]:
    """Build the OpenAPI document of an application."""
    schemas: dict[str, Any] = {"Problem": _PROBLEM}
    paths: dict[str, Any] = {}
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            if "allow" not in handler.opt or handler.opt.get("hidden"):
                continue
            path = _PARAMETER.sub(r"{\1}", handler_path(route.path))
            for method in sorted(handler.http_methods - {"OPTIONS", "HEAD"}):
                operation = paths.setdefault(path, {})[method.lower()] = _operation(handler, path, schemas)
                _exemplify(operation, f"{method} {path}", handler.opt)
                if len(handler.http_methods - {"OPTIONS", "HEAD"}) > 1:
                    operation["operationId"] += "_" + method.lower()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Comment moderation",
            "version": version,
            "description": "Comments come in, are scored with reasons, wait for moderators, and are decided.",
        },
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": {path: dict(sorted(paths[path].items())) for path in sorted(paths)},
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "__Host-cm"},
            },
        },
    }


def handler_path(path: str) -> str:
    """Write a route's path as OpenAPI does."""
    return path.rstrip("/") or "/"


def _operation(handler: Any, path: str, schemas: dict[str, Any]) -> dict[str, Any]:
    opt = handler.opt
    doc = inspect.getdoc(handler.fn) or ""
    summary, _, rest = doc.partition("\n\n")
    operation: dict[str, Any] = {
        "operationId": handler.handler_name.replace(".", "_") + "_" + re.sub(r"\W+", "_", path).strip("_"),
        "summary": summary.replace("\n", " "),
        "tags": handler.resolve_tags(),
        "parameters": list(_parameters(handler, path)),
        "responses": {},
    }
    named = {parameter["name"] for parameter in operation["parameters"]}
    keyed = PUBLIC not in opt["allow"] or "form_key" in named
    changes = not handler.http_methods <= SAFE
    operation["responses"] = _responses(opt, schemas, keyed=keyed, changes=changes)
    if rest:
        operation["description"] = rest.replace("\n", " ")
    if PUBLIC not in opt["allow"]:
        operation["security"] = [{"key": []}] + ([{"session": []}] if opt["cookies"] else [])
        operation["x-roles"] = sorted(str(role.value) for role in opt["allow"] if isinstance(role, Role))
    if opt["body"] is not None:
        operation["requestBody"] = {"required": True, "content": _content(opt["body"], schemas, opt["body_media"])}
    return operation


def _exemplify(operation: dict[str, Any], name: str, opt: dict[str, Any]) -> None:
    """Show how the route is asked: the body, and the line that sends it."""
    method, path = name.split(" ", 1)
    line = examples.line_of(method, path, opt["allow"], opt["body_media"])
    operation["x-codeSamples"] = [{"lang": "Shell", "label": "curl", "source": line}]
    if "requestBody" in operation and name in examples.BODIES:
        (content,) = operation["requestBody"]["content"].values()
        content["example"] = examples.BODIES[name]
    if name in examples.ANSWERS:
        good = operation["responses"][str(opt["status"])]
        contents = list(good.get("content", {}).values())
        (contents[0] if contents else good)["example" if contents else "x-example"] = examples.ANSWERS[name]
    for parameter in operation["parameters"]:
        known = examples.PARAMETERS if parameter["in"] == "path" else examples.QUERIES.get(name, {})
        if parameter["name"] in known:
            parameter["example"] = known[parameter["name"]]


def _parameters(handler: Any, path: str) -> typing.Iterator[dict[str, Any]]:
    hints = typing.get_type_hints(handler.fn, include_extras=False)
    named = set(re.findall(r"\{(\w+)\}", path))
    for name in sorted(named):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
    for name, parameter in inspect.signature(handler.fn).parameters.items():
        if name in named or ("FromQuery" not in str(parameter.annotation) and not _is_query(parameter.annotation)):
            continue
        schema, _ = msgspec.json.schema_components([hints[name]])
        found: dict[str, Any] = {"name": name, "in": "query", "schema": schema[0]}
        if parameter.default is inspect.Parameter.empty:
            found["required"] = True
        elif parameter.default not in (None, ""):
            found["schema"] = {**schema[0], "default": parameter.default}
        yield found


def _is_query(annotation: Any) -> bool:
    return any("Query" in type(item).__name__ for item in getattr(annotation, "__metadata__", ()))


def _responses(opt: dict[str, Any], schemas: dict[str, Any], *, keyed: bool, changes: bool) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "Done."}
    if opt["answers"] is not None:
        same = opt["answers"] is opt["body"]  # read and answered in one shape: in one media type as well
        media = opt["body_media"] if same else _media(opt["answers"])
        good["content"] = _content(opt["answers"], schemas, media)
    found = {str(opt["status"]): good}
    for status, shape in opt["also"].items():
        other = found.setdefault(str(status), {"description": "Done; there is nothing to tell."})
        if shape is not None:
            other["content"] = other.get("content", {}) | _content(shape, schemas, _media(shape))
    if opt["refusals"] is not None:
        for status, shape in opt["refusals"].items():
            refused: dict[str, Any] = {"description": _SAID.get(str(status), "Refused, in the words of this dialect.")}
            if shape is not None:
                refused["content"] = _content(shape, schemas, _media(shape))
            found[str(status)] = refused
        return found
    codes = ["400", "422", "429", "503", "404"]
    with_body = opt["body"] is not None
    if keyed or with_body:
        codes += ["401", "403"]
    if changes:
        codes += ["409"]
    if with_body:
        codes += ["413"]
    if with_body or (changes and opt["media"]):
        codes += ["415"]  # the gate asks for the type of any body, also of one that nobody reads
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for code in sorted(codes):
        found[code] = {"description": _SAID[code], "content": problem}
    return found


def _media(shape: Any) -> str:
    return "text/plain" if shape is str else "application/json"


def _content(shape: Any, schemas: dict[str, Any], media: str) -> dict[str, Any]:
    if shape is fields.Submission:
        schemas["Submission"] = fields.schema()
        return {media: {"schema": {"$ref": "#/components/schemas/Submission"}}}
    (schema,), components = msgspec.json.schema_components([shape], ref_template="#/components/schemas/{name}")
    for name, part in components.items():
        if schemas.setdefault(name, part) != part and name != "Submission":
            raise RuntimeError(f"two shapes of the wire are called {name}")
    return {media: {"schema": schema}}


def _version() -> str:
    try:
        return importlib.metadata.version("comment-moderation")
    except importlib.metadata.PackageNotFoundError:
        return "0"


class Reference(Controller):
    """What the service can be asked."""

    path = "/docs"
    tags = ["operations"]

    @get("/openapi.json", opt=allow(PUBLIC, answers=dict[str, Any]))
    async def document(self, request: Request[Any, Any, Any]) -> Response[bytes]:
        """Give the OpenAPI document; its examples call the address that it was asked at."""
        app = request.app
        if "reference" not in app.state:
            app.state["reference"] = msgspec.json.encode(describe(app, _version()))
        here = own_origin(request)
        if not _ADDRESS.fullmatch(here):  # what a caller writes as Host is no word for a shell
            here = examples.HOST
        document = app.state["reference"].replace(examples.HOST.encode(), here.encode())
        return Response(document, media_type="application/json")
