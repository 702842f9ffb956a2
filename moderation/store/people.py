"""People who sign in, and their sessions.

A session is made by signing in and by nothing else; a request only ever prolongs one that is there, so that a slow
request cannot bring back a session that was ended. The key of a session is the digest of its token.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable

import msgspec

from moderation.errors import FieldError, FieldsInvalid, StoreUnavailable, UnknownModerator
from moderation.records import Moderator
from moderation.store import keys
from moderation.store.connection import Connection
from moderation.store.scripts import script

_moderator = msgspec.json.Decoder(Moderator)
ATTEMPTS = 20


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One signed-in browser."""

    moderator: str
    generation: int
    csrf: str
    started: int
    """Seconds since 1970 by the store's clock."""
    agent: str = ""


class People:
    """Everybody who may sign in, and who is signed in."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._add = script("add_person")
        self._spend = script("spend_allowance")
        self._swap = script("swap_record")

    # people ---------------------------------------------------------------------------------------

    async def add(self, moderator: Moderator, mail_digest: str) -> Moderator:
        """Add a person; raises FieldsInvalid where the e-mail address is taken."""
        args = [mail_digest, moderator.id, msgspec.json.encode(moderator)]
        if not await self._connection.run(self._add, [keys.PEOPLE, keys.MAIL], args, durable=True):
            message = "Somebody with this e-mail address is there already."
            raise FieldsInvalid([FieldError("email", "email_taken", message)])
        return moderator

    async def change(self, moderator_id: str, change: Callable[[Moderator], Moderator]) -> Moderator:
        """Change a person; raises UnknownModerator, and whatever `change` raises.

        `change` is given the person as the store has it, again where somebody else was faster: so a sign-in that takes
        its time does not bring back an account that was disabled meanwhile.
        """
        for _ in range(ATTEMPTS):
            row = await self._connection.execute("HGET", keys.PEOPLE, moderator_id)
            if row is None:
                raise UnknownModerator(moderator_id)
            changed = change(_moderator.decode(row))
            args = [moderator_id, row, msgspec.json.encode(changed)]
            if await self._connection.run(self._swap, [keys.PEOPLE], args, durable=True):
                return changed
        raise StoreUnavailable("too many changes of the same person at once")

    async def get(self, moderator_id: str) -> Moderator:
        """Give a person by id; raises UnknownModerator."""
        row = await self._connection.execute("HGET", keys.PEOPLE, moderator_id)
        if row is None:
            raise UnknownModerator(moderator_id)
        return _moderator.decode(row)

    async def by_mail(self, mail_digest: str) -> Moderator | None:
        """Give the person with this e-mail address, or None."""
        found = await self._connection.execute("HGET", keys.MAIL, mail_digest)
        return await self.get(found.decode()) if found else None

    async def all(self) -> list[Moderator]:
        """List everybody by e-mail address."""
        rows = await self._connection.execute("HVALS", keys.PEOPLE)
        return sorted((_moderator.decode(row) for row in rows), key=lambda person: person.email)

    # sessions -------------------------------------------------------------------------------------

    async def open_session(
        self, moderator: Moderator, *, idle: int, absolute: int, agent: str = ""
    ) -> tuple[str, Session]:
        """Start a session; gives its token, which only the browser keeps. `idle` and `absolute` in seconds."""
        token = secrets.token_urlsafe(32)
        seconds, _ = await self._connection.execute("TIME")
        session = Session(
            moderator=moderator.id,
            generation=moderator.generation,
            csrf=secrets.token_urlsafe(24),
            started=int(seconds),
            agent=agent[:200],
        )
        digest = _digest(token)
        await self._connection.many(
            [
                ("SET", keys.session(digest), msgspec.json.encode(session), "EX", idle),
                ("SADD", keys.sessions_of(moderator.id), digest),
                ("EXPIRE", keys.sessions_of(moderator.id), absolute),
            ]
        )
        return token, session

    async def session(self, token: str, *, idle: int, absolute: int) -> tuple[Session, Moderator] | None:
        """Give the session of a token and whose it is, and prolong it; None where it has ended."""
        name = keys.session(_digest(token))
        row, (seconds, _) = await self._connection.many([("GET", name), ("TIME",)])
        if row is None:
            return None
        session = msgspec.json.decode(row, type=Session)
        left = session.started + absolute - int(seconds)
        if left <= 0:
            await self.close_session(token)
            return None
        try:
            moderator = await self.get(session.moderator)
        except UnknownModerator:
            return None
        if moderator.disabled or moderator.generation != session.generation:
            return None
        await self._connection.execute("EXPIRE", name, min(idle, left))
        return session, moderator

    async def close_session(self, token: str) -> None:
        """End one session."""
        await self._connection.execute("DEL", keys.session(_digest(token)))

    async def close_all(self, moderator: Moderator) -> Moderator:
        """End every session of a person, at once and on all workers."""
        return await self.change(moderator.id, lambda one: msgspec.structs.replace(one, generation=one.generation + 1))

    async def sessions_of(self, moderator_id: str) -> list[Session]:
        """List the sessions of a person that are still open."""
        digests = await self._connection.execute("SMEMBERS", keys.sessions_of(moderator_id))
        rows = await self._connection.many([("GET", keys.session(digest.decode())) for digest in digests])
        return [msgspec.json.decode(row, type=Session) for row in rows if row]

    async def spend_attempt(self, scope: str, digest: str, limit: int, window: int) -> float:
        """Spend one attempt (a sign-in, a guessed key); gives 0, or the seconds to wait until the next is allowed."""
        waits = await self._connection.run(self._spend, [keys.login(scope, digest)], [limit, window])
        return int(waits) / 1000

    async def free_attempts(self, scope: str, digest: str) -> None:
        """Forget the attempts that led to the right one."""
        await self._connection.execute("DEL", keys.login(scope, digest))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
