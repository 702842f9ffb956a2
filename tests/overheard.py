"""What the whole suite says aloud: no e-mail address, network address, text, key, cookie or password in any log, metric or capture.

The people of the tests write from one mail host, say a few known sentences and hold the keys of the first start; whatever
a service of the suite has logged, and whatever a test was heard to print, is searched for them.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.service import ABUSE, SPAM

PERSONAL = (
    "posteo.net", ABUSE[:24], SPAM[:24], "I read this with pleasure", "Ann Lee", "zwitscherkanarie", "kanarienvogel",
    "nine green buses", "four words in a row", "__Host-cm=",
)  # fmt: skip
SECRETS = ("site_key", "form_key", "admin_key", "admin_password")


def personal_in(text: str, secrets: Iterable[str] = ()) -> list[str]:
    """List what of a person, or which secret, stands in a text that everybody may read."""
    return [word for word in (*PERSONAL, *secrets) if word in text]


def overheard(folder: Path) -> list[str]:
    """Search the logs of every service that left its data below a folder."""
    found, secrets = [], _secrets_below(folder)
    for log in _logs_below(folder):
        words = personal_in(log.read_text(encoding="utf-8", errors="replace"), secrets)
        found += [f"{log.relative_to(folder)}: {word}" for word in words]
    return found


def count_below(folder: Path) -> int:
    """Count the lines that were searched."""
    return sum(log.read_bytes().count(b"\n") for log in _logs_below(folder))


def _logs_below(folder: Path) -> Iterator[Path]:
    for pattern in ("service.log", "log[0-9]", "said"):
        yield from (path for path in folder.rglob(pattern) if path.is_file())


def _secrets_below(folder: Path) -> set[str]:
    secrets = set()
    for path in folder.rglob("first-run.json"):
        first = json.loads(path.read_text(encoding="utf-8"))
        secrets |= {first[name] for name in SECRETS if first.get(name)}
    return secrets
