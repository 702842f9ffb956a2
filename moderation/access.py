"""Who may do what: keys and sessions become a caller, or nobody.

Every failure looks the same from outside. Passwords are argon2id, computed in threads, two at a time, so that sign-in
attempts cannot take the machine.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import argon2
import msgspec
import pyotp

from moderation.digests import Digests, canonical_email
from moderation.errors import (
    FieldError,
    FieldsInvalid,
    KeyRefused,
    ModeratorDisabled,
    RateExceeded,
    RoleRefused,
    SignInRefused,
    UnknownModerator,
)
from moderation.records import Caller, Key, Moderator, Role, Site
from moderation.settings import ConsoleSettings
from moderation.store.ledger import STAFF, Ledger
from moderation.store.people import People, Session
from moderation.store.sites import Sites

INVITE_HOURS = 72
PASSWORD_LENGTH = (12, 128)
ATTEMPTS = {"place": (5, 900), "account": (20, 900), "address": (20, 900), "all": (50, 60), "code": (5, 900)}
"""Sign-in attempts: how many in how many seconds.

A place is one account tried from one address, or by one browser that has signed in to it before. Such a browser spends
of its own place alone: whoever guesses elsewhere cannot keep its owner out.
"""


class Access:
    """The door: keys for machines, passwords and sessions for people."""

    def __init__(
        self,
        sites: Sites,
        people: People,
        ledger: Ledger,
        digests: Digests,
        settings: ConsoleSettings,
        now: Callable[[], datetime],
    ) -> None:
        self._sites = sites
        self._people = people
        self._ledger = ledger
        self._digests = digests
        self._now = now
        self._idle = settings.idle_minutes * 60
        self._factor_for = frozenset(settings.second_factor_for)
        self._absolute = settings.session_hours * 3600
        self._hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._hashing = asyncio.Semaphore(2)
        self._nobody = self._hasher.hash(secrets.token_urlsafe(16))

    # keys -----------------------------------------------------------------------------------------

    async def by_key(self, secret: str) -> Caller:
        """Say who holds this key; raises KeyRefused for a wrong, revoked or ended one, and for a compat key."""
        key = await self._sites.key_of(secret, written(self._now()))
        if key is None or key.role is Role.COMPAT:
            raise KeyRefused
        return caller_of(key)

    async def by_form_key(self, secret: str) -> Site:
        """Give the site of a form key; raises KeyRefused."""
        key = await self._sites.key_of(secret, written(self._now()))
        if key is None or key.role is not Role.FORM:
            raise KeyRefused("this form is not known; its form key is wrong or was revoked")
        return await self._sites.site(key.site)

    async def by_compat_key(self, secret: str, ip: str, *, scores: bool = False) -> Caller:
        """Say who holds this compat key (or site key). Guesses are limited to 20 in 15 minutes for each address.

        A key for scores only opens nothing but what gives `scores`; elsewhere it raises RoleRefused.
        """
        key = await self._sites.key_of(secret, written(self._now())) if secret else None
        if key is None or key.role not in (Role.COMPAT, Role.SITE):
            if secret:
                wait = await self._people.spend_attempt("compat", self._digests.address(ip) or "-", 20, 900)
                if wait:
                    raise RateExceeded("address", wait, 20, 900, what="refused keys")
            raise KeyRefused
        if key.scores_only and not scores:
            raise RoleRefused("this key scores texts and does nothing else")
        return caller_of(key)

    # people ---------------------------------------------------------------------------------------

    async def invite(
        self, email: str, name: str, role: Role, sites: tuple[str, ...], *, by: str = ""
    ) -> tuple[Moderator, str]:
        """Add a person; gives the token of the one-time link by which the password is set (72 hours)."""
        token = secrets.token_urlsafe(32)
        moderator = Moderator(
            id="m" + secrets.token_hex(5),
            email=email,
            name=name or email.partition("@")[0],
            role=role,
            sites=sites,
            created_at=written(self._now()),
            invite=_digest(token),
            invite_ends=written(self._now() + timedelta(hours=INVITE_HOURS)),
        )
        await self._people.add(moderator, self._mail(email))
        await self._ledger.append(STAFF, "moderator.added", by, who=moderator.id, role=role.value)
        return moderator, f"{moderator.id}.{token}"

    async def reinvite(self, moderator: Moderator, *, by: str = "") -> str:
        """Give a new one-time link (a forgotten password, a lost device); all sessions end.

        Raises ModeratorDisabled: the link would be refused.
        """
        token = secrets.token_urlsafe(32)
        ends = written(self._now() + timedelta(hours=INVITE_HOURS))

        def changed(one: Moderator) -> Moderator:
            if one.disabled:
                raise ModeratorDisabled(one.email)
            return msgspec.structs.replace(
                one, invite=_digest(token), invite_ends=ends, totp="", generation=one.generation + 1
            )

        await self._people.change(moderator.id, changed)
        await self._ledger.append(STAFF, "moderator.reinvited", by, who=moderator.id)
        return f"{moderator.id}.{token}"

    async def person(self, moderator_id: str) -> Moderator:
        """Give a person; raises UnknownModerator."""
        return await self._people.get(moderator_id)

    async def known_as(self, who: str) -> Moderator:
        """Give a person by id or e-mail address; raises UnknownModerator."""
        found = await self._people.by_mail(self._mail(who)) if "@" in who else await self._people.get(who)
        if found is None:
            raise UnknownModerator(who)
        return found

    async def people(self) -> list[Moderator]:
        """List everybody, by e-mail address."""
        return await self._people.all()

    async def change(self, moderator: Moderator, *, by: str, **given: Any) -> Moderator:
        """Change a person's name, role, sites, or whether the account is disabled; all but a new name end the sessions."""
        ends = not given.keys() <= {"name"}
        moderator = await self._people.change(
            moderator.id, lambda one: msgspec.structs.replace(one, generation=one.generation + ends, **given)
        )
        await self._ledger.append(STAFF, "moderator.changed", by, who=moderator.id, what=",".join(sorted(given)))
        return moderator

    async def disable(self, who: str, *, by: str = "") -> Moderator:
        """Disable a person by id or e-mail address; every session ends. Raises UnknownModerator."""
        moderator = await self._people.change(
            (await self.known_as(who)).id,
            lambda one: msgspec.structs.replace(one, disabled=True, generation=one.generation + 1),
        )
        await self._ledger.append(STAFF, "moderator.disabled", by, who=moderator.id)
        return moderator

    async def colleagues(self, caller: Caller) -> list[Moderator]:
        """List the people who share a site with the caller, by name."""
        mine = set(caller.sites or ([caller.site] if caller.site else []))
        found = [one for one in await self._people.all() if not mine or not one.sites or mine & set(one.sites)]
        return sorted(found, key=lambda one: one.name)

    async def accept_invite(self, token: str, password: str) -> Moderator:
        """Set the password by a one-time link; raises SignInRefused for a used or ended link."""
        moderator_id, _, secret = token.partition(".")
        try:
            moderator = await self._people.get(moderator_id)
        except UnknownModerator:
            raise SignInRefused from None
        right = hmac.compare_digest(_digest(secret), moderator.invite or "-")
        if not right or moderator.disabled or moderator.invite_ends <= written(self._now()):
            raise SignInRefused
        return await self.set_password(moderator, password, invite=moderator.invite)

    async def set_password(self, moderator: Moderator, password: str, *, invite: str = "") -> Moderator:
        """Give a person a new password and end all sessions; raises FieldsInvalid where it is too short or long.

        With `invite`, the digest of a one-time link, SignInRefused where that was used meanwhile.
        """
        least, most = PASSWORD_LENGTH
        if not least <= len(password) <= most:
            message = f"A password has {least} to {most} characters; a few words in a row are fine."
            raise FieldsInvalid([FieldError("password", "password_length", message)])
        hashed = await self._hash(password)

        def changed(one: Moderator) -> Moderator:
            if invite and (one.invite != invite or one.disabled):
                raise SignInRefused
            return msgspec.structs.replace(
                one, password=hashed, invite="", invite_ends="", generation=one.generation + 1
            )

        return await self._people.change(moderator.id, changed)

    async def sign_in(
        self, email: str, password: str, code: str, ip: str, agent: str, device: str = ""
    ) -> tuple[str, Session, Moderator]:
        """Start a session; gives its token. Raises SignInRefused for every cause alike, RateExceeded after too many.

        `device` is what `device_of` gave to the browser that asks, if it did.
        """
        mail = self._mail(email)
        known, address = self._is_of(mail, device), self._digests.address(ip) or "-"
        place = self._digests.of("place", f"{mail}\0{device if known else address}")
        # what an address has spent is no attempt at the account any more, or one guesser would keep its owner out
        strangers = () if known else (("address", address), ("account", mail), ("all", "-"))
        for scope, who in (("place", place), *strangers):
            await self._spend(scope, who)
        moderator = await self._people.by_mail(mail)
        right = await self._verify(moderator.password if moderator and moderator.password else self._nobody, password)
        if moderator is None or not right or not moderator.password or moderator.disabled:
            raise SignInRefused
        if moderator.totp:
            if not known:
                await self._spend("code", mail)
            moderator = await self._people.change(moderator.id, self._step_of(moderator, code))
        if self._hasher.check_needs_rehash(moderator.password):
            old, fresh = moderator.password, await self._hash(password)
            moderator = await self._people.change(
                moderator.id, lambda one: msgspec.structs.replace(one, password=fresh) if one.password == old else one
            )
        token, session = await self._people.open_session(
            moderator, idle=self._idle, absolute=self._absolute, agent=agent
        )
        await self._people.free_attempts("place", place)
        await self._ledger.append(STAFF, "moderator.signed_in", moderator.id)
        return token, session, moderator

    async def _spend(self, scope: str, who: str) -> None:
        limit, window = ATTEMPTS[scope]
        wait = await self._people.spend_attempt(scope, who, limit, window)
        if wait:
            word = "account" if scope in ("place", "account", "code") else "address"
            raise RateExceeded(word, wait, limit, window, what="attempts")

    def device_of(self, email: str, device: str = "") -> str:
        """Give what a browser that has signed in is known by the next time; the one it has, where that is good."""
        mail = self._mail(email)
        name = secrets.token_urlsafe(12)
        return device if self._is_of(mail, device) else f"{name}.{self._sign(mail, name)}"

    def _is_of(self, mail: str, device: str) -> bool:
        name, _, sign = device.partition(".")
        return hmac.compare_digest(self._sign(mail, name[:100]).encode(), sign.encode())

    def _sign(self, mail: str, name: str) -> str:
        return self._digests.of("device", f"{mail}\0{name}")

    def _step_of(self, moderator: Moderator, code: str, *, enrols: bool = False) -> Callable[[Moderator], Moderator]:
        """Check a TOTP code; gives the change that takes its step, once, by whoever is first. Raises SignInRefused."""
        totp = pyotp.TOTP(moderator.totp)
        now = self._now().timestamp()
        for drift in (0, -1, 1):
            step = int(now // totp.interval) + drift
            if hmac.compare_digest(totp.generate_otp(step).encode(), code.strip().encode()):

                def taken(one: Moderator, step: int = step) -> Moderator:
                    same = one.totp == moderator.totp
                    if one.disabled or not (same or enrols) or (same and step <= one.totp_step):
                        raise SignInRefused
                    return msgspec.structs.replace(one, totp=moderator.totp, totp_step=step)

                return taken
        raise SignInRefused

    # the second factor ----------------------------------------------------------------------------

    @staticmethod
    def new_factor(email: str) -> tuple[str, str]:
        """Make a secret for an authenticator; gives it and the address that an authenticator reads it from."""
        secret = pyotp.random_base32()
        return secret, pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name="Comment moderation")

    async def set_factor(self, moderator_id: str, password: str, secret: str, code: str) -> None:
        """Take a secret as second factor (or none, where it is empty) once password and code are right.

        Raises SignInRefused; FieldsInvalid for a secret that we did not make, or where the role must keep one.
        """
        moderator = await self._people.get(moderator_id)
        wait = await self._people.spend_attempt("factor", moderator_id, *ATTEMPTS["code"])
        if wait:
            raise RateExceeded("account", wait, *ATTEMPTS["code"], what="attempts")
        if not await self._verify(moderator.password or self._nobody, password):
            raise SignInRefused
        if not secret:
            if moderator.role.value in self._factor_for:
                message = "Your role must have a second factor; set up a new one instead."
                raise FieldsInvalid([FieldError("secret", "second_factor_required", message)])
            await self._people.change(moderator_id, lambda one: msgspec.structs.replace(one, totp="", totp_step=0))
        else:
            if not re.fullmatch(r"[A-Z2-7]{32}", secret):
                raise FieldsInvalid([FieldError("secret", "secret_invalid", "Ask for a new secret first.")])
            with_secret = msgspec.structs.replace(moderator, totp=secret)
            await self._people.change(moderator_id, self._step_of(with_secret, code, enrols=True))
        await self._ledger.append(STAFF, "moderator.factor_set" if secret else "moderator.factor_dropped", moderator_id)

    async def open_sessions(self, moderator_id: str) -> list[Session]:
        """List the sessions of a person that are still good, newest first."""
        moderator = await self._people.get(moderator_id)
        found = [one for one in await self._people.sessions_of(moderator_id) if one.generation == moderator.generation]
        return sorted(found, key=lambda one: one.started, reverse=True)

    async def by_session(self, token: str) -> tuple[Caller, Session]:
        """Say whose session this is, and prolong it; raises KeyRefused where it has ended."""
        found = await self._people.session(token, idle=self._idle, absolute=self._absolute)
        if found is None:
            raise KeyRefused("your session has ended; sign in again")
        session, moderator = found
        caller = Caller(
            role=moderator.role,
            id=moderator.id,
            name=moderator.name,
            sites=moderator.sites,
            session=token,
            must_enrol=moderator.role.value in self._factor_for and not moderator.totp,
        )
        return caller, session

    async def sign_out(self, token: str) -> None:
        """End one session."""
        await self._people.close_session(token)

    async def sign_out_everywhere(self, moderator_id: str) -> None:
        """End all sessions of a person."""
        await self._people.close_all(await self._people.get(moderator_id))

    def _mail(self, email: str) -> str:
        return self._digests.of("staff", canonical_email(email))

    async def _hash(self, password: str) -> str:
        async with self._hashing:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def _verify(self, digest: str, password: str) -> bool:
        async with self._hashing:
            try:
                return await asyncio.to_thread(self._hasher.verify, digest, password)
            except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
                return False


def caller_of(key: Key) -> Caller:
    """Give the caller that a key makes."""
    role = Role.SITE if key.role is Role.COMPAT else key.role
    return Caller(role=role, id="key:" + key.id, name=key.label or f"key {key.id}", site=key.site)


def written(now: datetime) -> str:
    """Write a time as RFC 3339 in UTC."""
    return now.isoformat(timespec="seconds").replace("+00:00", "Z")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
