"""Plays recorded exchanges to the service and compares its answers with those that clients were seen to rely on.

A recording says only what matters of an answer. In its JSON, `<score>` stands for a number from 0 to 1, `<text>` for any
string that is not empty; what it does not name may be there. A body `<long>` is longer than any that is read, and what is
sent so many `times` is compared with the last answer. Every comment comes from a network of its own, since each has an
allowance.
"""

import json
from pathlib import Path
from typing import Any

import httpx

FOLDER = Path(__file__).parent / "exchanges"
LONG = b'{"input": "' + 5_000_000 * b"a" + b'"}'


def recorded(name: str) -> list[dict[str, Any]]:
    """Give the exchanges of a file."""
    exchanges: list[dict[str, Any]] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return exchanges


def play(client: httpx.Client, exchange: dict[str, Any], key: str) -> httpx.Response:
    """Send what was recorded, with our key in place of the vendor's."""
    headers = {name: value.replace("{key}", key) for name, value in exchange.get("headers", {}).items()}
    body = exchange.get("body", b"")
    if isinstance(body, dict | list):
        headers.setdefault("Content-Type", "application/json")
        body = json.dumps(body, ensure_ascii=False)
    if isinstance(body, str):
        body = LONG if body == "<long>" else body.replace("{key}", key).encode()
    path = exchange["path"].replace("{key}", key)
    for _ in range(exchange.get("times", 1) - 1):
        client.request(exchange.get("method", "POST"), path, content=body, headers=headers)
    return client.request(exchange.get("method", "POST"), path, content=body, headers=headers)


def check(answer: httpx.Response, exchange: dict[str, Any], key: str = "") -> None:
    """Compare status, body and headers with the recording."""
    assert answer.status_code == exchange.get("status", 200), answer.text
    wanted = exchange.get("answer")
    if isinstance(wanted, str):
        assert answer.text == wanted.replace("{key}", key)
    elif wanted is not None:
        _compare(answer.json(), wanted, "$")
    for name in exchange.get("absent", []):
        assert _absent(answer, name), f"{name} must not be there"
    for name, value in exchange.get("answer_headers", {}).items():
        assert name in answer.headers, name
        if value != "<text>":
            assert answer.headers[name] == value


def _absent(answer: httpx.Response, name: str) -> bool:
    if name.startswith("$."):
        return name[2:] not in answer.json()
    return name not in answer.headers


def _compare(found: Any, wanted: Any, where: str) -> None:
    if wanted == "<score>":
        assert isinstance(found, int | float), where
        assert not isinstance(found, bool), where
        assert 0 <= found <= 1, where
    elif wanted == "<text>":
        assert isinstance(found, str), where
        assert found, where
    elif isinstance(wanted, dict):
        assert isinstance(found, dict), where
        for name, value in wanted.items():
            assert name in found, f"{where}.{name}"
            _compare(found[name], value, f"{where}.{name}")
    elif isinstance(wanted, list):
        assert isinstance(found, list), where
        assert len(found) == len(wanted), where
        for place, (one, other) in enumerate(zip(found, wanted, strict=True)):
            _compare(one, other, f"{where}[{place}]")
    else:
        assert found == wanted, where
