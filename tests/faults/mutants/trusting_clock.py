"""The service as it would be if one of its parts took the clock for something that only goes on. Only the tests start it.

TRUSTS names the part.
"""

import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from moderation import intake
from moderation.cli import main
from moderation.records import Moderator, Webhook
from moderation.store import scripts
from moderation.store.deliveries import Planned
from moderation.store.ledger import Entry
from moderation.store.people import People, Session
from moderation.webhooks import events


def _without(script: str, guard: str, instead: str) -> None:
    """Take what a script expects of a clock that goes back out of it, and out of all that includes it."""
    read = scripts._read
    assert guard in read(script), f"{script} has no such guard"
    scripts._read = lambda name: read(name).replace(guard, instead)


def stamps() -> None:
    """Let a stamp be the time, also where that lies before the stamp before it."""
    _without("_ledger", "if now > last then last = now else last = last + 1 end", "last = now")


def allowances() -> None:
    """Believe that a commenter's allowance was spent for as long as its mark says."""
    _without("recall_comments", "math.min(tat, now + 2 * WINDOW)", "tat")


def attempts() -> None:
    """Believe that attempts to sign in were spent for as long as their mark says."""
    mark = "tonumber(redis.call('GET', KEYS[1]) or 0)"
    _without("spend_allowance", f"math.min({mark}, now + window)", mark)


def ids() -> None:
    """Make an id of the time alone."""
    following = intake._Ids.next

    def _next(self: intake._Ids) -> str:
        self._last = 0
        return following(self)

    intake._Ids.next = _next  # type: ignore[method-assign]


def webhooks() -> None:
    """Tell of an event no earlier than its stamp says."""
    planned = events.planned

    def _planned(webhook: Webhook, entries: Sequence[Entry], now: int) -> list[Planned]:
        return planned(webhook, entries, now + 1_000_000_000)

    events.planned = _planned


def signatures() -> None:
    """Stamp a webhook by a clock that was read once, and counted on."""
    began, since = datetime.now(UTC), time.monotonic()
    headers_of: Callable[..., dict[str, str]] = events.headers_of

    def _headers_of(webhook: Webhook, id_: str, body: bytes, now: datetime) -> dict[str, str]:
        return headers_of(webhook, id_, body, began + timedelta(seconds=time.monotonic() - since))

    events.headers_of = _headers_of


def sessions() -> None:
    """End a session that began later than now."""
    whole = People.session

    async def _session(self: People, token: str, **times: Any) -> tuple[Session, Moderator] | None:
        found = await whole(self, token, **times)
        seconds, _ = await self._connection.execute("TIME")
        return None if found and found[0].started > int(seconds) else found

    People.session = _session  # type: ignore[method-assign]


PARTS = {one.__name__: one for one in (stamps, allowances, attempts, ids, webhooks, signatures, sessions)}

if __name__ == "__main__":
    PARTS[os.environ["TRUSTS"]]()
    main()
