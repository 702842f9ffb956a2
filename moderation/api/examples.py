"""An example for every route of the reference: the body, the line that sends it, and what came back."""

import importlib.resources
import json
import re
import shlex
from typing import Any
from urllib.parse import urlencode

from moderation.records import Role

ANSWERS: dict[str, Any] = json.loads(
    (importlib.resources.files("moderation.api") / "answers.json").read_text(encoding="utf-8")
)
"""`METHOD path` -> what the running service answered, shortened; made by a test, secrets taken out."""

HOST = "http://127.0.0.1:8000"
"""Stands in every example; who asks for the document gets the address that they came to instead."""
COMMENT = {"name": "Ann", "email": "ann@example.org", "text": "Thank you, this helped me a lot."}
_ABOUT = {"thread": {"url": "https://news.example/a", "title": "An article"}, "ip": "198.51.100.7"}
_CHECK = {
    "api_key": "0123456789ab", "blog": "https://news.example", "user_ip": "198.51.100.7", "user_agent": "Mozilla/5.0",
    "comment_author": "Ann", "comment_content": COMMENT["text"],
}  # fmt: skip
_ACCOUNT = {"api_key": "0123456789ab", "blog": "https://news.example"}
_TEXT = {"comment": {"text": COMMENT["text"]}, "languages": ["en"]}
_BATCH = (
    "--part\r\nContent-Type: application/http\r\nContent-ID: <first>\r\n\r\n"
    "POST /v1alpha1/comments:analyze HTTP/1.1\r\nContent-Type: application/json\r\n\r\n"
    + json.dumps(_TEXT | {"requestedAttributes": {"TOXICITY": {}}})
    + "\r\n--part--\r\n"
)

BODIES: dict[str, Any] = {
    "POST /v1/comments": COMMENT | _ABOUT | {"external_id": "wp-17"},
    "POST /v1/comments/batch": {"comments": [COMMENT, COMMENT | {"email": "bob@example.org", "text": "I see it differently."}]},
    "PATCH /v1/comments/{comment_id}": {"text": "Thank you, this helped me and my neighbours a lot."},
    "POST /v1/comments/{comment_id}/reports": {"reason": "It names where I live.", "ip": "198.51.100.9"},
    "POST /v1/score": COMMENT,
    "POST /v1/forms/{form_key}/comments": COMMENT | {"thread": {"url": "https://news.example/a"}, "form_seconds": 12},
    "POST /v1/queue/claim": {"count": 1, "lease_seconds": 300, "reason": "spam"},
    "POST /v1/queue/{comment_id}/claim": {"lease_seconds": 300},
    "POST /v1/queue/{comment_id}/decision": {"decision": "reject", "reason": "spam", "note": "The third one today."},
    "POST /v1/queue/decisions": {
        "decisions": [
            {"id": "demo-06g2bq1v0c3h8m5n", "decision": "reject", "reason": "spam"},
            {"id": "demo-06g2bq1v0c3h8m5p", "decision": "approve"},
        ]
    },
    "POST /v1/queue/{comment_id}/escalate": {"note": "Somebody who knows the case should look."},
    "POST /v1/queue/{comment_id}/undo": {"version": 2},
    "POST /v1/authors/{author_id}/mark": {"mark": "watched", "days": 30},
    "POST /v1/session": {"email": "editor@news.example", "password": "four words in a row", "code": "123456"},
    "POST /v1/session/invitation": {"token": "m3k9.xJ2wqv7R", "password": "four words in a row"},
    "PUT /v1/session/factor": {"password": "four words in a row", "secret": "JBSWY3DPEHPK3PXP", "code": "123456"},
    "POST /v1/sites": {
        "id": "evening-news", "name": "Evening News", "url": "https://news.example", "lang": "en",
        "origins": ["https://news.example"], "policy": {"profile": "watch"},
    },
    "PATCH /v1/sites/{site_id}": {"name": "Evening News", "origins": ["https://news.example", "https://m.news.example"]},
    "DELETE /v1/sites/{site_id}": {"confirm": "demo"},
    "PUT /v1/sites/{site_id}/policy": {"version": 1, "profile": "strict", "first_comment": "hold", "links_allowed": 1},
    "POST /v1/sites/{site_id}/policy/preview": {"profile": "strict", "thresholds": {"spam": {"hold_at": 0.4, "reject_at": 0.95}}},
    "POST /v1/sites/{site_id}/words/try": {"words": ["casino*", "free money"], "text": "Win FREE money in our C4sinos"},
    "POST /v1/keys": {"role": "site", "site": "demo", "label": "the blog"},
    "POST /v1/moderators": {"email": "editor@news.example", "name": "Eva", "role": "moderator", "sites": ["demo"]},
    "PATCH /v1/moderators/{moderator_id}": {"role": "admin"},
    "POST /v1/sites/{site_id}/webhooks": {"url": "https://news.example/hooks/comments", "events": ["comment.approved"]},
    "PATCH /v1/webhooks/{webhook_id}": {"enabled": True},
    "POST /v1/models/adapt": {"site": "demo", "attributes": ["spam"]},
    "POST /v1/models/compare": {"version": "demo-2"},
    "POST /v1/models/{version}/promote": {"force": False},
    "PUT /v1/models/shadow": {"version": "demo-2"},
    "POST /v1/privacy/export": {"email": "ann@example.org"},
    "POST /v1/privacy/erase": {"email": "ann@example.org"},
    "POST /1.1/comment-check": _CHECK,
    "POST /1.1/submit-spam": _CHECK,
    "POST /1.1/submit-ham": _CHECK,
    "POST /1.1/verify-key": {"key": "0123456789ab", "blog": "https://news.example"},
    "POST /1.1/get-stats": _ACCOUNT,
    "POST /1.1/get-subscription": _ACCOUNT,
    "POST /1.1/deactivate": _ACCOUNT,
    "POST /1.2/key-sites": {"api_key": "0123456789ab", "month": "2026-11", "format": "json"},
    "POST /1.2/usage-limit": {"api_key": "0123456789ab"},
    "POST /v1alpha1/comments:analyze": _TEXT | {"requestedAttributes": {"TOXICITY": {}, "SPAM": {}}},
    "POST /v1alpha1/comments:suggestscore": _TEXT
    | {"attributeScores": {"TOXICITY": {"summaryScore": {"value": 0}}}, "clientToken": "comment:17"},
    "POST /batch": _BATCH,
    "POST /v1/moderations": {"input": COMMENT["text"]},
    "POST /v1/coral/phase": {
        "action": "NEW", "comment": {"body": "<div>Thank you!</div>"}, "author": {"id": "b1", "role": "COMMENTER"},
        "story": {"url": "https://news.example/a"}, "tenantDomain": "news.example",
    },
}  # fmt: skip
"""`METHOD path` -> the body, as JSON; forms of Akismet are written as forms, the batch as it is."""

QUERIES: dict[str, dict[str, str]] = {
    "GET /v1/comments": {"since": "0", "limit": "100"},
    "GET /v1/comments/search": {"q": "night bus", "status": "rejected"},
    "GET /v1/threads": {"url": "https://news.example/a", "form_key": "cmf1_..."},
    "GET /v1/queue": {"sort": "priority", "reason": "spam", "limit": "50"},
    "GET /v1/ledger": {"limit": "100"},
    "GET /v1/stats": {"days": "30"},
    "GET /v1/labels": {"limit": "100"},
    "GET /1.1/verify-key": {"key": "0123456789ab", "blog": "https://news.example"},
    "GET /1.2/key-sites": {"api_key": "0123456789ab", "month": "2026-11"},
    "GET /1.2/usage-limit": {"api_key": "0123456789ab"},
    "GET /$discovery/rest": {"version": "v1alpha1", "key": "0123456789ab"},
    "POST /v1alpha1/comments:analyze": {"key": "0123456789ab"},
    "POST /v1alpha1/comments:suggestscore": {"key": "0123456789ab"},
    "POST /batch": {"key": "0123456789ab"},
    "POST /v1/coral/phase": {"key": "0123456789ab"},
}
PARAMETERS = {
    "comment_id": "demo-06g2bq1v0c3h8m5n", "form_key": "cmf1_...", "author_id": "k7d2m9q4x1v8b3n6",
    "site_id": "demo", "key_id": "3fa95c1e", "moderator_id": "m1", "webhook_id": "w1", "delivery_id": "d1",
    "label_id": "demo-06g2bq1v0c3h8m5n", "version": "demo-2", "job_id": "j1",
}  # fmt: skip
_PARAMETER = re.compile(r"\{(\w+)\}")
_HEADERS = {
    "POST /v1/moderations": "Authorization: Bearer 0123456789ab",
    "POST /v1/models": "Content-Type: application/x-tar",
}


def line_of(method: str, path: str, allowed: frozenset[Any], media: str) -> str:
    """Write the line that sends the example of a route: the key is one of the least role that may use it."""
    name = f"{method} {path}"
    address = HOST + _PARAMETER.sub(lambda found: PARAMETERS[found[1]], path)
    if name in QUERIES:
        address += "?" + urlencode(QUERIES[name])
    words = ["curl", *(["-X", method] if method not in ("GET", "POST") or name not in BODIES else [])]
    if method == "GET":
        words = ["curl"]
    words.append(shlex.quote(address))
    for role in (Role.SITE, Role.MODERATOR, Role.ML, Role.ADMIN):
        if role in allowed:
            words += ["-H", f'"Authorization: Bearer ${role.value.upper()}_KEY"']
            break
    if name in _HEADERS:
        words += ["-H", shlex.quote(_HEADERS[name])]
    if name == "POST /v1/models":
        words += ["--data-binary", "@version.tar"]
    if name in BODIES and method != "GET":
        words += _sent(BODIES[name], media)
    return " ".join(words)


def _sent(body: Any, media: str) -> list[str]:
    if media == "application/x-www-form-urlencoded":
        return [part for name, value in body.items() for part in ("--data-urlencode", shlex.quote(f"{name}={value}"))]
    if media == "multipart/mixed":
        return ["-H", "'Content-Type: multipart/mixed; boundary=part'", "--data-binary", "@calls.txt"]
    return ["-H", "'Content-Type: application/json'", "-d", shlex.quote(json.dumps(body, ensure_ascii=False))]
