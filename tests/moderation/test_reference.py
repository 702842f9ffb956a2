"""The reference: every route is described, with the statuses it can answer and the roles that may use it."""

import msgspec
import pytest
from litestar.testing import TestClient

from moderation.api.examples import BODIES
from moderation.api.gate import PUBLIC
from moderation.api.reference import TAGS, describe, handler_path
from moderation.app import build
from moderation.settings import ServerSettings, Settings

APP = build(Settings())
DOCUMENT = describe(APP, "1.2.3")
DIALECTS = {"perspective", "akismet", "openai"}
"""They answer with the statuses of the service they speak like; their contract tests hold them to it."""
OPERATIONS = [
    pytest.param(path, method, operation, id=f"{method} {path}")
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]


def test_every_route_is_in_it() -> None:
    described = {(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods}
    for route in APP.routes:
        for handler in getattr(route, "route_handlers", []):
            if handler.opt.get("hidden") or "allow" not in handler.opt:
                continue
            path = handler_path(route.path).replace(":str}", "}").replace(":int}", "}")
            for method in handler.http_methods - {"OPTIONS", "HEAD"}:
                assert (path, method.lower()) in described


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_an_operation_says_what_it_does_and_answers(path: str, method: str, operation: dict) -> None:
    assert operation["summary"].endswith((".", "?")), "one sentence"
    codes = set(operation["responses"])
    assert codes & {"200", "201", "202", "204"}
    if "security" in operation:
        assert {"401", "403"} <= codes
        assert operation["x-roles"]
    native = not set(operation["tags"]) & DIALECTS
    if native and method in ("post", "put", "patch"):
        assert {"400", "415", "422"} <= codes
        assert ("413" in codes) == ("requestBody" in operation)
    for parameter in operation["parameters"]:
        assert parameter["schema"]
    assert f"{{{PUBLIC}}}" not in path
    (tag,) = operation["tags"]
    assert tag in TAGS


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_an_operation_shows_how_it_is_asked(path: str, method: str, operation: dict) -> None:
    (sample,) = operation["x-codeSamples"]
    assert sample["source"].startswith("curl ")
    assert "{" not in sample["source"].partition(" -d ")[0], "every parameter has a value"
    if method != "get" and "requestBody" in operation:
        (content,) = operation["requestBody"]["content"].values()
        assert content["example"], "a body has an example"


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_an_operation_shows_what_it_answers(path: str, method: str, operation: dict) -> None:
    for status, answer in operation["responses"].items():
        if status.startswith("2") and status != "204":
            content, *_ = [*answer.get("content", {}).values(), {}]
            assert "example" in content or "x-example" in answer, f"{method.upper()} {path}"


@pytest.mark.parametrize("name", BODIES)
def test_an_example_is_what_the_route_reads(name: str) -> None:
    """It is read into the shape that the route declares."""
    method, path = name.split(" ", 1)
    (handler,) = [
        handler
        for route in APP.routes
        for handler in getattr(route, "route_handlers", [])
        if method in handler.http_methods
        and handler_path(route.path).replace(":str}", "}").replace(":int}", "}") == path
    ]
    if handler.opt["body_media"] == "application/json":
        msgspec.json.decode(msgspec.json.encode(BODIES[name]), type=handler.opt["body"])


def test_every_group_of_routes_has_some_and_says_what_they_are_about() -> None:
    assert {tag for operation in OPERATIONS for tag in operation.values[2]["tags"]} == set(TAGS)
    assert [tag["name"] for tag in DOCUMENT["tags"]] == list(TAGS)


def test_the_three_fields_are_required_and_every_reference_leads_somewhere() -> None:
    submission = DOCUMENT["components"]["schemas"]["Submission"]
    assert set(submission["required"]) == {"name", "email", "text"}
    text = msgspec.json.encode(DOCUMENT).decode()
    for part in text.split('"$ref":"#/components/schemas/')[1:]:
        assert part.partition('"')[0] in DOCUMENT["components"]["schemas"]
    ids = [operation.values[2]["operationId"] for operation in OPERATIONS]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("public", "host", "shown"),
    [
        (None, "moderation.internal:9000", "http://moderation.internal:9000"),
        (None, "[::1]:9000", "http://[::1]:9000"),
        ("https://moderation.example.org", "10.0.0.7:8000", "https://moderation.example.org"),
        (None, "a';$(id)", "http://127.0.0.1:8000"),
    ],
)
def test_the_examples_call_the_address_that_the_page_came_from(public, host, shown):
    app = build(Settings())
    app.state.update({"settings": Settings(server=ServerSettings(public_url=public)), "proxies": []})
    document = TestClient(app).get("/docs/openapi.json", headers={"Host": host}).json()
    sample = document["paths"]["/v1/comments"]["post"]["x-codeSamples"][0]["source"]
    assert sample.startswith(f"curl {shown}/v1/comments ")
