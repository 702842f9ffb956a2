"""What the running service answers to the examples of the reference: one story that asks every route once.

`python -m tests.answers` plays it and writes `moderation/api/answers.json` anew, which the reference shows;
`tests/journeys/test_answers.py` plays it and compares the shapes.
"""

import io
import json
import re
import tempfile
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pyotp

from classifiers.registry import Registry
from moderation.api import examples
from moderation.api.gate import COOKIE, CSRF_HEADER
from tests.service import ABUSE, REPOSITORY, Service, command, held, serving, submitted, wait_for
from tests.versions import a_version, added

FILE = REPOSITORY / "moderation" / "api" / "answers.json"
KEY = "0123456789ab"
MOST_LETTERS = 240
MOST_ROWS = 2
SECRET = re.compile(r"(cm[a-z]?1_|whsec_|invitation=|secret=)[\w.+/=-]+")
SECRETS = {"csrf", "secret", "pepper"}
ONLY_THE_TOP = {"GET /docs/openapi.json", "GET /$discovery/rest"}
"""Documents for machines, too long to show as an example."""


class Story:
    """Somebody who asks every route, with the bodies and queries that the reference shows."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.admin = service.http(service.first["admin_key"])
        self.site = service.http(service.first["site_key"])
        self.anybody = service.http(Origin=service.url)
        self.answers: dict[str, Any] = {}

    def ask(self, name: str, client: httpx.Client | None = None, send: Any = None, **names: str) -> Any:
        """Ask a route; what is in its path is named, the rest of the names are its query."""
        method, path = name.split(" ", 1)
        for key in re.findall(r"\{(\w+)\}", path):
            path = path.replace(f"{{{key}}}", quote(names.pop(key), safe=""))
        query = examples.QUERIES.get(name, {}) | names
        body = examples.BODIES.get(name) if send is None else send
        given: dict[str, Any] = {"json": body} if method != "GET" and body is not None else {}
        if isinstance(body, str):
            given = {"content": body.encode(), "headers": {"Content-Type": "multipart/mixed; boundary=part"}}
        elif isinstance(body, bytes):
            given = {"content": body, "headers": {"Content-Type": "application/zip"}}
        elif path.startswith(("/1.1/", "/1.2/")) and body is not None:
            given = {"data": body}
        answer = (client or self.admin).request(method, path, params=query, timeout=180, **given)
        assert answer.status_code < 300, f"{name}: {answer.status_code} {answer.text}"
        if answer.status_code == 204:
            return None
        told = answer.json() if answer.headers["content-type"].startswith("application/json") else answer.text
        self.answers[name] = shortened(top(told) if name in ONLY_THE_TOP else told)
        return told

    def play(self, *, models: bool = True) -> dict[str, Any]:
        """Play the whole story, or leave the models out, which takes their gate half a minute."""
        self.comments()
        self.queue()
        self.oversight()
        self.sites()
        self.people()
        self.webhooks()
        self.dialects()
        if models:
            self.models()
        self.endings()
        there, shown = self.service.url.partition("//")[2], examples.HOST.partition("//")[2]
        return dict(sorted(json.loads(json.dumps(self.answers).replace(there, shown)).items()))

    def comments(self) -> None:
        form = {"form_key": self.service.first["form_key"]}
        self.comment = self.ask("POST /v1/comments", self.site)["id"]
        self.ask("POST /v1/comments/batch", self.site)
        self.ask("GET /v1/comments/{comment_id}", self.site, comment_id=self.comment)
        self.ask("PATCH /v1/comments/{comment_id}", self.site, comment_id=self.comment)
        self.ask("POST /v1/score", self.site)
        self.ask("POST /v1/forms/{form_key}/comments", self.anybody, **form)
        self.ask("GET /v1/threads", self.anybody, **form)
        self.ask("POST /v1/comments/{comment_id}/reports", self.site, comment_id=self.comment)
        self.ask("GET /v1/comments", self.site)

    def queue(self) -> None:
        thread = {"url": "https://news.example/a", "title": "An article"}
        cases = [held(self.service, name="Bob", thread=thread)["id"] for _ in range(4)]
        first = {"comment_id": cases[0]}
        self.ask("GET /v1/queue", site="demo", reason="toxicity")
        self.ask("GET /v1/queue/filters", site="demo")
        self.author = self.ask("GET /v1/queue/{comment_id}", **first)["author"]
        self.ask("POST /v1/queue/{comment_id}/claim", **first)
        self.ask("POST /v1/queue/{comment_id}/decision", **first)
        self.ask("POST /v1/queue/{comment_id}/undo", **first)
        self.ask("POST /v1/queue/{comment_id}/escalate", **first)
        self.ask("POST /v1/queue/claim", send={"count": 1, "lease_seconds": 300}, site="demo")
        ruled = examples.BODIES["POST /v1/queue/decisions"]["decisions"]
        asked = [one | {"id": case} for one, case in zip(ruled, cases[2:], strict=True)]
        self.ask("POST /v1/queue/decisions", send={"decisions": asked})
        self.ask("GET /v1/authors/{author_id}", author_id=self.author, site="demo")
        self.ask("POST /v1/authors/{author_id}/mark", author_id=self.author, site="demo")

    def oversight(self) -> None:
        for name in ("GET /v1/stats", "GET /v1/ledger", "GET /v1/labels"):
            self.ask(name, site="demo")
        self.ask("GET /v1/comments/search", site="demo", q="idiot", status="rejected")
        for name in ("GET /health/live", "GET /health/ready", "GET /docs/openapi.json"):
            self.ask(name, self.anybody)
        told = self.anybody.get("/metrics").text.splitlines()
        self.answers["GET /metrics"] = "\n".join([line for line in told if "comments_judged" in line][:3])
        last = self.admin.get("/v1/ledger", params={"site": "demo", "limit": 1}).json()["entries"][0]["id"]
        held(self.service)
        seen = []
        with self.admin.stream("GET", "/v1/events", params={"site": "demo", "after": last}) as stream:
            for line in stream.iter_lines():
                seen.append(line)
                if line.startswith("data:") and len(line) > len("data: "):
                    break
        self.answers["GET /v1/events"] = shortened("\n".join(line for line in seen[-3:] if line))

    def sites(self) -> None:
        own = {"site_id": self.ask("POST /v1/sites")["id"]}
        self.ask("GET /v1/sites")
        self.ask("PATCH /v1/sites/{site_id}", **own)
        for name in (
            "GET /v1/sites/{site_id}/policy",
            "PUT /v1/sites/{site_id}/policy",
            "GET /v1/sites/{site_id}/policy/versions",
        ):
            self.ask(name, **own)
        self.ask("POST /v1/sites/{site_id}/policy/preview", site_id="demo")
        self.ask("POST /v1/sites/{site_id}/words/try", site_id="demo")
        self.ask("DELETE /v1/sites/{site_id}", send={"confirm": own["site_id"]}, **own)
        key = self.ask("POST /v1/keys")["id"]
        self.ask("GET /v1/keys")
        self.ask("DELETE /v1/keys/{key_id}", key_id=key)

    def people(self) -> None:
        added_ = self.ask("POST /v1/moderators")
        person = {"moderator_id": added_["person"]["id"]}
        token = added_["link"].partition("invitation=")[2]
        password = examples.BODIES["POST /v1/session/invitation"]["password"]
        self.ask("POST /v1/session/invitation", self.anybody, send={"token": token, "password": password})
        sign_in = {"email": added_["person"]["email"], "password": password}
        answer = self.anybody.post("/v1/session", json=sign_in)
        assert answer.status_code == 201, answer.text
        self.answers["POST /v1/session"] = shortened(answer.json())
        cookie = answer.headers["set-cookie"].partition(";")[0].partition("=")[2]
        own = self.service.http(Origin=self.service.url, Cookie=f"{COOKIE}={cookie}")
        own.headers[CSRF_HEADER] = answer.json()["csrf"]
        self.ask("GET /v1/session", own)
        self.ask("GET /v1/session/all", own)
        secret = self.ask("POST /v1/session/factor", own)["secret"]
        self.ask(
            "PUT /v1/session/factor",
            own,
            send={"password": password, "secret": secret, "code": pyotp.TOTP(secret).now()},
        )
        self.ask("GET /v1/moderators")
        self.ask("GET /v1/moderators/names")
        self.ask("PATCH /v1/moderators/{moderator_id}", **person)
        self.ask("POST /v1/moderators/{moderator_id}/reinvite", **person)

    def webhooks(self) -> None:
        body = examples.BODIES["POST /v1/sites/{site_id}/webhooks"]
        hook = {
            "webhook_id": self.ask("POST /v1/sites/{site_id}/webhooks", send=body | {"events": []}, site_id="demo")[
                "id"
            ]
        }
        self.ask("GET /v1/sites/{site_id}/webhooks", site_id="demo")
        here = hook | {"site": "demo"}
        self.ask("PATCH /v1/webhooks/{webhook_id}", **here)
        self.ask("POST /v1/webhooks/{webhook_id}/test", **here)
        self.ask("POST /v1/webhooks/{webhook_id}/secret", **here)
        self.ask("DELETE /v1/webhooks/{webhook_id}/secret", **here)
        held(self.service)
        open_ = "GET /v1/webhooks/{webhook_id}/deliveries"
        wait_for(lambda: any(one["attempts"] for one in self.ask(open_, **here)["open"]))
        delivery = self.ask(open_, **here)["open"][0]["id"]
        self.ask("POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay", delivery_id=delivery, **here)

    def dialects(self) -> None:
        command("key", "create", "--compat", "--site", "demo", "--value", KEY, data=self.service.data)
        for name in (*examples.BODIES, *examples.QUERIES):
            path = name.split(" ", 1)[1]
            if path.startswith(("/1.1/", "/1.2/", "/v1alpha1/", "/batch", "/$discovery")):
                self.ask(name, self.anybody)
        for name in ("GET /1.1/test", "POST /1.1/verify-wpcom-key", "POST /1.1/token"):
            self.ask(name, self.anybody, send={"key": KEY} if name.startswith("POST") else None)
        self.ask("POST /v1/moderations", self.service.http(KEY))
        asked = examples.BODIES["POST /v1/coral/phase"] | {"comment": {"body": ABUSE}}
        self.ask("POST /v1/coral/phase", self.service.http(), send=asked, key=KEY)

    def models(self) -> None:
        folder = self.service.data / "models"
        # it flags no more than the one before, so the gate lets it pass
        added(Registry(folder), "demo-2", shift=-0.001)
        with tempfile.TemporaryDirectory() as away:
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w") as archive:
                for path in sorted(a_version(Path(away) / "demo-3", "demo-3", shift=0.002).iterdir()):
                    archive.write(path, path.name)
            self.ask("POST /v1/models", send=packed.getvalue())
        self.ask("GET /v1/models")
        self.ask("GET /v1/models/{version}", version="demo-2")
        self.ask("PUT /v1/models/shadow")
        wait_for(
            lambda: submitted(self.service) and self.ask("GET /v1/models/{version}/agreement", version="demo-2")["n"]
        )
        for name in ("POST /v1/models/adapt", "POST /v1/models/compare"):
            job = self.ask(name)["id"]
            wait_for(lambda job=job: self.ask("GET /v1/models/jobs/{job_id}", job_id=job)["state"] != "running", 120)
        self.ask("GET /v1/models/{version}/report", version="demo-2")
        self.ask("POST /v1/models/{version}/promote", version="demo-2")
        self.ask("POST /v1/models/rollback")

    def endings(self) -> None:
        label = self.admin.get("/v1/labels", params={"site": "demo"}).json()["labels"][0]["label_id"]
        self.ask("DELETE /v1/labels/{label_id}", label_id=label, site="demo")
        self.ask("POST /v1/privacy/export")
        self.ask("POST /v1/privacy/erase")


def top(told: dict[str, Any]) -> dict[str, Any]:
    """Keep what stands alone."""
    return {name: value for name, value in told.items() if not isinstance(value, dict | list)}


def shortened(told: Any) -> Any:
    """Make an answer short enough for a page, and take its secrets out."""
    if isinstance(told, dict):
        return {
            key: "..." if key in SECRETS and isinstance(value, str) else shortened(value) for key, value in told.items()
        }
    if isinstance(told, list):
        return [shortened(one) for one in told[:MOST_ROWS]]
    if isinstance(told, str):
        told = SECRET.sub(r"\1...", told)
        return told if len(told) <= MOST_LETTERS else told[:MOST_LETTERS] + "..."
    return told


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder) / "data") as service:
        FILE.write_text(json.dumps(Story(service).play(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
