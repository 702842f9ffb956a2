"""The OpenAPI document held against the service that serves it: no request that it allows, or nearly allows, is answered by
a fault of ours, with a status that it does not name, or in a shape that it does not describe."""

import collections
import contextlib
import itertools
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation.case import Case
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from moderation.api.akismet import FORM
from tests.figures import tell
from tests.routes import DIALECTS
from tests.service import ABUSE, Service, a_comment, serving

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
ENDLESS = {"GET /v1/events"}
"""A stream that ends with the connection; its refusals are looked at elsewhere."""
STARTS_WORK = {"POST /v1/models/adapt", "POST /v1/models/compare"}
"""Each good call starts a training: they are asked with bad bodies alone."""
TAKES_AWAY = re.compile(r"/queue|\{comment_id\}|\{author_id\}")
"""Operations that look at what waits, and may have decided or erased it when they are done."""
ENDS_THE_CALLER = {"DELETE /v1/session", "DELETE /v1/session/all"}


class Bench:
    """A service, its document as schemathesis reads it, and things that exist, to ask about."""

    def __init__(self, service: Service, document: dict[str, Any] | None = None) -> None:
        self.service = service
        self.session = requests.Session()
        self.session.trust_env = False
        self.schema = schemathesis.openapi.from_dict(document or service.http().get("/docs/openapi.json").json())
        self.schema.config.update(base_url=service.url)
        self.wrong: dict[str, str] = {}
        self.answers: collections.Counter[int] = collections.Counter()
        self.asked: set[str] = set()
        self._held = itertools.count()
        self.world: dict[str, str] = {"form_key": service.first["form_key"], "site_id": "demo", "origin": service.url}
        self.furnish()

    def furnish(self) -> None:
        """Give the world a comment that waits, since what was asked before may have taken the last one away."""
        fields = a_comment(f"{ABUSE} {next(self._held)}", email=f"held{next(self._held)}@posteo.net")
        self.service.site.post("/v1/comments", json=fields)
        cases = self.service.staff.get("/v1/queue", params={"limit": 1}).json().get("cases") or []
        if cases:
            comment = cases[0]["comment"] if "comment" in cases[0] else cases[0]
            self.world |= {"comment_id": comment["id"], "author_id": str(comment.get("author", ""))}

    def ask(self, case: Case, *, known: bool) -> None:
        """Send one case, about something that exists where `known`, and look at the answer."""
        name = f"{case.method} {case.path}"
        if known:
            given = {key: self.world[key] for key in case.path_parameters or {} if key in self.world}
            case.path_parameters = {**(case.path_parameters or {}), **given}
            if "site" in (case.query or {}):
                case.query = {**case.query, "site": "demo"}
        headers = {"Authorization": f"Bearer {self.key_for(case)}", "Sec-Fetch-Site": "same-origin"}
        if case.path.startswith("/v1/forms"):
            headers["Origin"] = self.service.url
        if case.path.startswith(DIALECTS):
            case.query = {**(case.query or {}), "key": self.service.first["site_key"]}
        try:
            answer = case.call(session=self.session, headers=headers, timeout=20)
        except requests.exceptions.InvalidHeader:
            return  # no client can send this
        self.answers[answer.status_code] += 1
        self.asked.add(name)
        try:
            case.validate_response(answer, checks=CHECKS)
        except (FailureGroup, AssertionError) as error:
            told = "; ".join(str(one) for one in getattr(error, "exceptions", [error]))
            self.wrong.setdefault(
                f"{name} {answer.status_code} {told[:60]}", f"{told[:900]}\n{case.as_curl_command()[:600]}"
            )

    def key_for(self, case: Case) -> str:
        roles = case.operation.definition.raw.get("x-roles", [])
        return self.service.first["site_key" if "site" in roles else "admin_key"]


@contextmanager
def bench(folder: Path) -> Iterator[Bench]:
    with serving(folder) as service:
        yield Bench(service)


def fuzz(one: Bench, examples: int, seconds: float) -> int:
    """Ask every operation so often, with what its schema allows and with what it does not; gives how many were asked.

    All are asked in one mode before any is asked in its second, so that what the time cuts off is no operation.
    """
    ends = time.monotonic() + seconds
    before = sum(one.answers.values())
    for turn in range(len(GenerationMode)):
        for name, operation in operations(one):
            for mode in modes_of(name, operation.definition.raw)[turn : turn + 1]:
                if time.monotonic() < ends:
                    if TAKES_AWAY.search(name):
                        one.furnish()
                    with contextlib.suppress(hypothesis.errors.Unsatisfiable):  # nothing can be wrong without arguments
                        _fuzz(one, operation.as_strategy(generation_mode=mode), examples, ends, mode)
    return sum(one.answers.values()) - before


def operations(one: Bench) -> Iterator[tuple[str, Any]]:
    """List what can be asked, by name."""
    for found in one.schema.get_all_operations():
        operation = found.ok()
        name = f"{operation.method.upper()} {operation.path}"
        if name not in ENDLESS | ENDS_THE_CALLER:
            yield name, operation


def modes_of(name: str, described: dict[str, Any]) -> list[GenerationMode]:
    """Say whether an operation is asked well, badly, or both; of a form everything is a text, and nothing is wrong."""
    if name in STARTS_WORK:
        return [GenerationMode.NEGATIVE]
    if FORM in described.get("requestBody", {}).get("content", {}):
        return [GenerationMode.POSITIVE]
    return [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]


def _fuzz(
    one: Bench, strategy: Any, examples: int, ends: float, mode: GenerationMode = GenerationMode.POSITIVE
) -> None:
    # of one example the first is taken, which is always the simplest: a good one is about what exists
    knowing = st.booleans() if examples > 1 else st.just(mode is GenerationMode.POSITIVE)

    @hypothesis.settings(
        max_examples=examples, deadline=None, database=None, derandomize=examples == 1, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @hypothesis.given(case=strategy, known=knowing)
    def ask(case: Case, known: bool) -> None:
        if time.monotonic() < ends:
            one.ask(case, known=known)

    ask()


def refusals(one: Bench) -> None:
    """Ask every operation without a key, and with a body of another type: what chance seldom makes."""
    for name, operation in operations(one):
        raw = operation.definition.raw
        key = one.service.first["site_key" if "site" in raw.get("x-roles", []) else "admin_key"]
        url = one.service.url + re.sub(r"\{\w+\}", "nothing-here", operation.path)
        for kind, headers in {
            "no key": {},
            "another type": {"Content-Type": "text/plain", "Authorization": f"Bearer {key}"},
        }.items():
            said = one.session.request(operation.method.upper(), url, data=b"x", headers=headers, timeout=20)
            one.answers[said.status_code] += 1
            if str(said.status_code) not in raw["responses"]:
                one.wrong.setdefault(f"{name} {said.status_code} Undocumented, {kind}", said.text[:300])


def check(folder: Path, name: str, examples: int, seconds: float, least: int) -> None:
    with bench(folder) as one:
        refusals(one)
        asked = fuzz(one, examples, seconds)
        every = {name for name, _ in operations(one)}
        log = (one.service.data / "service.log").read_text()
    faults = sum(count for status, count in one.answers.items() if status >= 500)
    tell(
        name, asked, "0 x 5xx, 0 undocumented",
        f"{faults} x 5xx, {len(one.wrong)} kinds undocumented, {len(one.asked)} operations, {dict(sorted(one.answers.items()))}",
    )  # fmt: skip
    assert not one.wrong, f"{len(one.wrong)} kinds:\n" + "\n".join(
        f"{key}\n  {text}" for key, text in sorted(one.wrong.items())
    )
    assert one.asked == every
    assert asked >= least
    assert "Traceback" not in log


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_ten_thousand_requests_made_from_the_document_find_nothing_it_does_not_say(tmp_path):
    check(tmp_path, "C1 fuzzed from the document", 75, 2400, 10_000)


def test_requests_made_from_the_document_find_nothing_it_does_not_say(tmp_path):
    check(tmp_path, "C1 fuzzed, short", 1, 80, 150)


def test_an_answer_that_the_document_does_not_name_is_found(tmp_path):
    """The mutation: a document that has forgotten what the service may refuse."""
    with serving(tmp_path) as service:
        document = service.http().get("/docs/openapi.json").json()
        del document["paths"]["/v1/comments/{comment_id}"]["get"]["responses"]["404"]
        one = Bench(service, document)
        _fuzz(one, one.schema["/v1/comments/{comment_id}"]["GET"].as_strategy(), 3, time.monotonic() + 20)
    assert any("Undocumented" in key for key in one.wrong)
