"""Sites and their keys. They change seldom and are asked for with every request, so each worker remembers them.

Every change raises one number, the generation; a worker that sees a new one forgets what it remembered (`refresh`, asked
once a second). A revoked key is refused at once by the worker that revoked it and within about a second by the others.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Awaitable, Callable

import msgspec

from moderation.errors import (
    FieldError,
    FieldsInvalid,
    PolicyChanged,
    SiteExists,
    StoreUnavailable,
    UnknownKey,
    UnknownSite,
)
from moderation.records import Key, Policy, Role, Site
from moderation.store import keys
from moderation.store.connection import Connection
from moderation.store.departures import require_free
from moderation.store.scripts import script

SITE_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
COMPAT_KEY = re.compile(r"[0-9a-f]{12}")
_PREFIX = {Role.FORM: "cmf1"}
_REMEMBER_AT_MOST = 10_000
ATTEMPTS = 20
POLICIES_KEPT = 200
_site = msgspec.json.Decoder(Site)
_key = msgspec.json.Decoder(Key)


class PolicyVersion(msgspec.Struct, frozen=True):
    """A policy a site has or had: since when, and by whom."""

    policy: Policy
    at: str
    by: str


_version = msgspec.json.Decoder(PolicyVersion)


async def _at_once(site: Site) -> None:
    """Use a site without any preparation."""


class Sites:
    """All sites and all keys."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sites: dict[str, Site] = {}
        self._by_secret: dict[str, Key] = {}
        self._generation = b""
        self._epoch = 0
        """Grows whenever something is forgotten: what was asked for before is not remembered after."""
        self.ready: Callable[[Site], Awaitable[None]] = _at_once
        """Called with a changed site before it is used, so that its word lists are compiled by then."""
        self._save_policy = script("save_policy")
        self._swap = script("swap_record")

    # what is remembered ---------------------------------------------------------------------------

    async def refresh(self) -> bool:
        """Forget what is remembered if anything changed since; says whether it did."""
        generation = await self._connection.execute("GET", keys.GENERATION) or b"0"
        if generation == self._generation:
            return False
        self._generation = generation
        self._forget_keys()
        known = list(self._sites)
        if known:
            rows = await self._connection.execute("HMGET", keys.SITES, *known)
            for site_id, row in zip(known, rows, strict=True):
                await self._renew(site_id, _site.decode(row) if row else None)
        return True

    async def _renew(self, site_id: str, site: Site | None) -> None:
        """Use a site as it is now, once it is ready; until then it is used as it was."""
        if site is None:
            self._sites.pop(site_id, None)
        elif site != self._sites.get(site_id):
            await self.ready(site)
            self._sites[site_id] = site

    def _forget_keys(self) -> None:
        self._epoch += 1
        self._by_secret.clear()

    async def _changed(self) -> None:
        # what others changed meanwhile is noticed by the next refresh, since only that one takes the number over
        await self._connection.execute("INCR", keys.GENERATION)
        self._forget_keys()

    # sites ----------------------------------------------------------------------------------------

    def remembered(self, site_id: str) -> Site | None:
        """Give a site without asking the store, or None where it is not remembered."""
        return self._sites.get(site_id)

    async def site(self, site_id: str) -> Site:
        """Give a site; raises UnknownSite."""
        found = self._sites.get(site_id)
        if found is None:
            row = await self._connection.execute("HGET", keys.SITES, site_id)
            if row is None:
                raise UnknownSite(site_id)
            found = _site.decode(row)
            if len(self._sites) < _REMEMBER_AT_MOST:
                found = self._sites.setdefault(site_id, found)
        return found

    async def sites(self) -> list[Site]:
        """List all sites by id."""
        rows = await self._connection.execute("HVALS", keys.SITES)
        return sorted((_site.decode(row) for row in rows), key=lambda site: site.id)

    async def add(self, site: Site) -> Site:
        """Add a site; raises SiteExists, or FieldsInvalid for an id that cannot be one."""
        if not SITE_ID.fullmatch(site.id):
            message = "A site's id is 1 to 32 small letters, digits and hyphens, for example 'evening-news'."
            raise FieldsInvalid([FieldError("id", "site_id_invalid", message)])
        if not await self._connection.execute("HSETNX", keys.SITES, site.id, msgspec.json.encode(site)):
            raise SiteExists(site.id)
        await require_free(self._connection, site)
        await self._changed()
        return site

    async def remove(self, site_id: str) -> None:
        """Take a site away with its policies, its keys and its place among the sites with webhooks; done twice, no harm."""
        for key in await self.keys(site_id):
            if key.role is Role.COMPAT:
                await self._connection.execute("HDEL", keys.COMPAT_KEYS, key.digest)
            await self._connection.execute("HDEL", keys.API_KEYS, key.id)
        await self._connection.execute("SREM", keys.WEBHOOK_SITES, site_id)
        await self._connection.execute("DEL", keys.policies(site_id))
        await self._connection.execute("HDEL", keys.SITES, site_id)
        await self._changed()
        self._sites.pop(site_id, None)

    async def save(self, site: Site) -> Site:
        """Write a changed site but for its policy, which stays what it is; every worker uses it within about a second."""
        for _ in range(ATTEMPTS):
            row = await self._connection.execute("HGET", keys.SITES, site.id)
            if row is None:
                raise UnknownSite(site.id)
            site = msgspec.structs.replace(site, policy=_site.decode(row).policy)
            if await self._connection.run(
                self._swap, [keys.SITES], [site.id, row, msgspec.json.encode(site)], durable=True
            ):
                await self._changed()
                await self._renew(site.id, site)
                return site
        raise StoreUnavailable("too many changes of the same site at once")

    async def save_policy(self, site_id: str, policy: Policy, *, by: str = "", at: str = "") -> Site:
        """Give a site a new policy, whose `version` is the one it replaces; the new version is one more.

        Raises PolicyChanged where another one was set meanwhile; whatever else of the site was changed stays as it is.
        Earlier versions are kept, the last 200 of them.
        """
        for _ in range(ATTEMPTS):
            row = await self._connection.execute("HGET", keys.SITES, site_id)
            if row is None:
                raise UnknownSite(site_id)
            site = _site.decode(row)
            before = site.policy
            if policy.version != before.version:
                raise PolicyChanged(site_id, before.version)
            new = msgspec.structs.replace(policy, version=before.version + 1)
            site = msgspec.structs.replace(site, policy=new)
            kept = [PolicyVersion(before, site.created_at, ""), PolicyVersion(new, at, by)]
            done = await self._connection.run(
                self._save_policy,
                [keys.SITES, keys.policies(site_id), keys.GENERATION],
                [site_id, row, before.version, *(msgspec.json.encode(one) for one in (site, *kept)), POLICIES_KEPT],
                durable=True,
            )
            self._forget_keys()
            if done:
                await self._renew(site_id, site)
                return site
        raise StoreUnavailable("too many changes of the same site at once")

    async def policies(self, site: Site) -> list[PolicyVersion]:
        """List the policies a site had, newest first."""
        rows = await self._connection.execute("HVALS", keys.policies(site.id))
        found = [_version.decode(row) for row in rows] or [PolicyVersion(site.policy, site.created_at, "")]
        return sorted(found, key=lambda one: one.policy.version, reverse=True)

    # keys -----------------------------------------------------------------------------------------

    async def create_key(
        self,
        role: Role,
        site_id: str = "",
        *,
        label: str = "",
        created_at: str = "",
        value: str = "",
        not_after: str = "",
        scores_only: bool = False,
    ) -> tuple[Key, str]:
        """Make a key; gives its record and the secret, which is shown this once and kept as a digest only.

        A compat key is 12 hex digits (`value`, or made here): short enough for clients of other services, and
        accepted by their routes only.
        """
        key_id = secrets.token_hex(4)
        if role is Role.COMPAT:
            if value and not COMPAT_KEY.fullmatch(value):
                message = "A compat key is exactly 12 of the digits 0-9 and the small letters a-f."
                raise FieldsInvalid([FieldError("value", "key_invalid", message)])
            secret = value or secrets.token_hex(6)
            key_id = "c" + secrets.token_hex(4)[1:]
        else:
            secret = f"{_PREFIX.get(role, 'cm1')}_{key_id}_{secrets.token_urlsafe(32)}"
        key = Key(
            id=key_id,
            role=role,
            site=site_id,
            digest=_digest(secret),
            label=label,
            created_at=created_at,
            not_after=not_after,
            scores_only=scores_only,
        )
        if role is Role.COMPAT and not await self._connection.execute("HSETNX", keys.COMPAT_KEYS, key.digest, key_id):
            raise FieldsInvalid(
                [FieldError("value", "key_taken", "This compat key is in use already; choose another one.")]
            )
        await self._connection.execute("HSET", keys.API_KEYS, key_id, msgspec.json.encode(key))
        await self._changed()
        return key, secret

    async def keys(self, site_id: str | None = None) -> list[Key]:
        """List keys, of one site or all; digests only."""
        rows = await self._connection.execute("HVALS", keys.API_KEYS)
        found = (_key.decode(row) for row in rows)
        return sorted((key for key in found if site_id is None or key.site == site_id), key=lambda key: key.created_at)

    async def revoke_key(self, key_id: str) -> Key:
        """Revoke a key for good; raises UnknownKey."""
        row = await self._connection.execute("HGET", keys.API_KEYS, key_id)
        if row is None:
            raise UnknownKey(key_id)
        key = msgspec.structs.replace(_key.decode(row), revoked=True)
        await self._connection.execute("HSET", keys.API_KEYS, key_id, msgspec.json.encode(key))
        if key.role is Role.COMPAT:
            await self._connection.execute("HDEL", keys.COMPAT_KEYS, key.digest)
        await self._changed()
        return key

    def key_remembered(self, secret: str) -> Key | None:
        """Give the key of a secret that was checked before, without asking the store."""
        return self._by_secret.get(secret)

    async def key_of(self, secret: str, now: str) -> Key | None:
        """Give the key that has this secret, or None where it is unknown, revoked or past its end (`now`, RFC 3339).

        A wrong secret takes the same time as an unknown id: only a secret that was right is remembered.
        """
        found = self._by_secret.get(secret)
        if found is None:
            epoch = self._epoch
            key_id = await self._id_of(secret)
            key = await self._key(key_id) if key_id else None
            right = hmac.compare_digest(_digest(secret), key.digest if key else _NO_DIGEST)
            if key is None or not right:
                return None
            found = key
            if epoch == self._epoch and len(self._by_secret) < _REMEMBER_AT_MOST:
                self._by_secret[secret] = key
        if found.revoked or (found.not_after and found.not_after <= now):
            return None
        return found

    async def _id_of(self, secret: str) -> str:
        parts = secret.split("_", 2)
        if len(parts) == 3:
            return parts[1]
        found = await self._connection.execute("HGET", keys.COMPAT_KEYS, _digest(secret))
        return found.decode() if found else ""

    async def _key(self, key_id: str) -> Key | None:
        row = await self._connection.execute("HGET", keys.API_KEYS, key_id)
        return _key.decode(row) if row else None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


_NO_DIGEST = "0" * 64
