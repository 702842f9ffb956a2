"""What admins do: sites and their policies, tried on what came in before they are set, and keys.

Every change leaves an entry in the ledger: of the site where it belongs to one, else of the staff.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from moderation.errors import FieldError, FieldsInvalid, RoleRefused, UnknownKey
from moderation.records import Caller, Key, Outcome, Policy, Role, Site, Stored, Verdict, Word
from moderation.scoring.models import Models
from moderation.scoring.policy import PROFILES, Thresholds, thresholds
from moderation.scoring.replay import find_words, replayed
from moderation.scoring.validation import validate_policy, validate_words
from moderation.store.comments import Comments
from moderation.store.ledger import STAFF, Ledger
from moderation.store.sites import PolicyVersion, Sites

PREVIEW_OF = 500
FLIPS_SHOWN = 50
KEY_ROLES = (Role.SITE, Role.FORM, Role.COMPAT, Role.MODERATOR, Role.ML, Role.ADMIN)
OF_A_SITE = (Role.SITE, Role.FORM, Role.COMPAT)
KEYS_AT_MOST = 1_000


class Flip(msgspec.Struct, frozen=True):
    """A comment of which the new policy says something else."""

    comment: Stored
    now: Outcome
    then: Verdict


class Preview(msgspec.Struct, frozen=True):
    """What a policy would have made of the latest comments of a site, beside what the present one makes of them."""

    looked_at: int
    present: dict[str, int]
    proposed: dict[str, int]
    flipped: int
    flips: list[Flip]
    """The most urgent ones first, a few dozen at most."""
    against_people: dict[str, int]
    """Where a moderator decided: how often present and proposed policy let pass or reject against the decision."""


class Administration:
    """The admins' verbs."""

    def __init__(
        self, sites: Sites, comments: Comments, ledger: Ledger, models: Models, now: Callable[[], datetime]
    ) -> None:
        self._sites = sites
        self._comments = comments
        self._ledger = ledger
        self._models = models
        self._now = now

    # sites ----------------------------------------------------------------------------------------

    async def sites(self, caller: Caller) -> list[Site]:
        """List the sites the caller works for."""
        return [site for site in await self._sites.sites() if caller.reaches(site.id)]

    async def add_site(self, caller: Caller, site: Site) -> Site:
        """Add a site; raises SiteExists, PolicyInvalid, or RoleRefused for an admin of some sites only."""
        require_whole(caller)
        validate_policy(site.policy)
        site = await self._sites.add(msgspec.structs.replace(site, created_at=self._written()))
        await self._ledger.append(site.id, "site.added", caller.id)
        return site

    async def change_site(self, caller: Caller, site: Site) -> Site:
        """Write a site's name, address, language or origins; its policy is not touched."""
        present = await self._sites.site(site.id)
        changed = await self._sites.save(msgspec.structs.replace(site, created_at=present.created_at))
        await self._ledger.append(site.id, "site.changed", caller.id)
        return changed

    # policies -------------------------------------------------------------------------------------

    def effective(self, policy: Policy) -> Thresholds:
        """Give the thresholds that apply under a policy with the model that is active now."""
        return thresholds(policy, self._models.precisions)

    def profiles(self) -> dict[str, Thresholds]:
        """Give the thresholds that each profile brings along with the model that is active now."""
        return {name: self.effective(Policy(profile=name)) for name in PROFILES}

    async def set_policy(self, by: str, site_id: str, policy: Policy) -> Site:
        """Set a policy whose `version` is the one it replaces. Raises PolicyInvalid, PolicyChanged."""
        validate_policy(policy)
        site = await self._sites.save_policy(site_id, policy, by=by, at=self._written())
        await self._ledger.append(site_id, "policy.set", by, version=site.policy.version)
        return site

    async def policies(self, site: Site) -> list[PolicyVersion]:
        """List the policies a site has had, newest first."""
        return await self._sites.policies(site)

    async def preview(self, site: Site, policy: Policy) -> Preview:
        """Say what a policy would have made of the last 500 comments; changes nothing."""
        validate_policy(policy)
        comments = await self._comments.latest(site.id, None, PREVIEW_OF)
        return await asyncio.to_thread(_compare, comments, site.policy, policy, self._models)

    def try_words(self, words: tuple[str, ...], text: str, name: str) -> tuple[tuple[str, ...], tuple[Word, ...]]:
        """Find the words of a list in a text before the list is saved; raises PolicyInvalid for words that cannot be."""
        validate_words(words)
        return find_words(words, text, name)

    # keys -----------------------------------------------------------------------------------------

    async def keys(self, caller: Caller, site_id: str | None) -> list[Key]:
        """List the keys the caller may see."""
        found = await self._sites.keys(site_id)
        return [key for key in found if (caller.reaches(key.site) if key.site else is_whole(caller))]

    async def create_key(
        self, caller: Caller, role: Role, site_id: str, label: str, days: int, *, scores_only: bool = False
    ) -> tuple[Key, str]:
        """Make a key; gives it with its secret, which is shown this once. Raises FieldsInvalid, RoleRefused."""
        if role in OF_A_SITE and not site_id:
            raise FieldsInvalid([FieldError("site", "site_missing", "This key belongs to a site: say which.")])
        if site_id:
            await self._sites.site(site_id)
        if not (caller.reaches(site_id) if site_id else is_whole(caller)):
            raise RoleRefused
        if len([key for key in await self._sites.keys() if not key.revoked]) >= KEYS_AT_MOST:
            raise FieldsInvalid([FieldError("role", "too_many", f"There are {KEYS_AT_MOST} keys; revoke some first.")])
        ends = (self._now() + timedelta(days=days)).isoformat(timespec="seconds").replace("+00:00", "Z") if days else ""
        key, secret = await self._sites.create_key(
            role, site_id, label=label, created_at=self._written(), not_after=ends, scores_only=scores_only
        )
        may: dict[str, object] = {"scores_only": True} if scores_only else {}
        await self._ledger.append(STAFF, "key.created", caller.id, key=key.id, role=role.value, site=site_id, **may)
        return key, secret

    async def revoke_key(self, caller: Caller, key_id: str) -> Key:
        """Revoke a key; raises UnknownKey also for one the caller may not see."""
        if key_id not in {key.id for key in await self.keys(caller, None)}:
            raise UnknownKey(key_id)
        key = await self._sites.revoke_key(key_id)
        await self._ledger.append(STAFF, "key.revoked", caller.id, key=key_id)
        return key

    def _written(self) -> str:
        return self._now().isoformat(timespec="seconds").replace("+00:00", "Z")


def is_whole(caller: Caller) -> bool:
    """Say whether the caller works for the whole service, not for some of its sites."""
    return not caller.sites and not caller.site


def require_whole(caller: Caller) -> None:
    """Raise RoleRefused for somebody who works for some sites only."""
    if not is_whole(caller):
        raise RoleRefused("this concerns the whole service; your account is for some of its sites")


def _compare(comments: list[Stored], present: Policy, proposed: Policy, models: Models) -> Preview:
    now, then = replayed(present, models.precisions), replayed(proposed, models.precisions)
    was: Counter[str] = Counter()
    will: Counter[str] = Counter()
    against: Counter[str] = Counter()
    flips = []
    looked_at = 0
    for comment in comments:
        before, after = now(comment), then(comment)
        if before is None or after is None:
            continue
        looked_at += 1
        was[before.outcome.value] += 1
        will[after.outcome.value] += 1
        if before.outcome is not after.outcome:
            flips.append(Flip(comment, before.outcome, after))
        if comment.decision is not None:
            against["decided"] += 1
            for name, verdict in (("present", before), ("proposed", after)):
                if (
                    verdict.outcome is not Outcome.HOLD
                    and verdict.outcome.status is not comment.decision.decision.status
                ):
                    against[name] += 1
    flips.sort(key=lambda flip: flip.then.score, reverse=True)
    return Preview(looked_at, dict(was), dict(will), len(flips), flips[:FLIPS_SHOWN], dict(against))
