"""The first start: a demo site, an admin and their secrets, made once, however often the store fails meanwhile."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from moderation.access import Access
from moderation.app import utc_now
from moderation.digests import Digests
from moderation.errors import StoreUnavailable
from moderation.records import Role, Site
from moderation.secrets import pepper_of
from moderation.settings import Settings
from moderation.store import keys
from moderation.store.connection import connect
from moderation.store.ledger import Ledger
from moderation.store.people import People
from moderation.store.sites import Sites

FIRST_RUN = "first-run.json"
DEMO = "demo"
ADMIN = "admin@localhost"
LABELS = ("demo site", "demo form", "first admin")


class FirstRun(msgspec.Struct, frozen=True):
    """The secrets of the first start. They are in no other place."""

    url: str
    site: str
    site_key: str
    form_key: str
    admin_email: str
    admin_password: str
    admin_key: str


def first_start(settings: Settings, url: str, say: Callable[[str], None]) -> list[str]:
    """Prepare what a first start needs, and give what to say of it.

    A store that does not answer, or whose replicas do not, is no reason to stop: the service answers 503 as at any
    other time, and the preparation goes on beside it as soon as the store is there.
    """
    try:
        return secrets_of(settings, asyncio.run(prepare(settings, url)))
    except StoreUnavailable as error:
        threading.Thread(target=_prepare_later, args=(settings, url, say), name="first-start", daemon=True).start()
        return [f"  Not ready: {error}. It is asked again each second; every request is answered 503 until then.", ""]


def _prepare_later(settings: Settings, url: str, say: Callable[[str], None]) -> None:
    while True:
        time.sleep(1.0)
        try:
            first = asyncio.run(prepare(settings, url))
        except StoreUnavailable:
            continue
        for line in ["", "  The store answers now.", *secrets_of(settings, first)]:
            say(line)
        return


async def prepare(settings: Settings, url: str) -> FirstRun | None:
    """Make the demo site and an admin where nobody can sign in yet; gives their secrets that once.

    Raises StoreUnavailable; called again, it finishes what it had begun. The rooms that this needs are built for it
    alone: with the others the models would be opened twice.
    """
    connection = await connect(settings.store)
    sites, people = Sites(connection), People(connection)
    access = Access(sites, people, Ledger(connection), Digests(pepper_of(settings)), settings.console, utc_now)
    try:
        everybody = await people.all()
        begun = [one for one in everybody if one.email == ADMIN and not one.password]
        if len(everybody) > len(begun) or (settings.store.data / FIRST_RUN).exists():
            return None
        await connection.confirm(keys.SITES)  # nothing is begun while no replica would have it
        known = DEMO in {site.id for site in await sites.sites()}
        for key in await sites.keys():
            if key.label in LABELS and not key.revoked:
                await sites.revoke_key(key.id)  # its secret went with the start that did not end
        now = utc_now().isoformat(timespec="seconds").replace("+00:00", "Z")
        if not known:
            await sites.add(Site(id=DEMO, name="Demo", url=url, origins=(url,), created_at=now))
        _, site_key = await sites.create_key(Role.SITE, DEMO, label=LABELS[0], created_at=now)
        _, form_key = await sites.create_key(Role.FORM, DEMO, label=LABELS[1], created_at=now)
        _, admin_key = await sites.create_key(Role.ADMIN, label=LABELS[2], created_at=now)
        password = "-".join(secrets.token_hex(3) for _ in range(4))
        moderator = begun[0] if begun else (await access.invite(ADMIN, "Admin", Role.ADMIN, ()))[0]
        await access.set_password(moderator, password)
        first = FirstRun(url, DEMO, site_key, form_key, ADMIN, password, admin_key)
        _keep(settings.store.data / FIRST_RUN, first)
        return first
    finally:
        await connection.aclose()


def secrets_of(settings: Settings, first: FirstRun | None) -> list[str]:
    """Say the secrets of a first start to a person at a terminal; elsewhere, which may be a log, only where they are."""
    if first is None:
        return []
    kept = settings.store.data.absolute() / FIRST_RUN
    made = "  First start: a site 'demo' and an admin were made."
    if not sys.stdout.isatty():
        return [
            f"{made} Their keys and the admin's password are in",
            f"  {kept}, which only this account can read",
            "  (delete that file when you have them in a safe place; the demo form needs it).",
            "",
        ]
    return [
        f"{made} These secrets are shown once, and kept in",
        f"  {kept} (delete that file when you have them in a safe place; the demo form needs it):",
        f"    site key        {first.site_key}",
        f"    form key        {first.form_key}",
        f"    admin key       {first.admin_key}",
        f"    admin sign-in   {first.admin_email}  {first.admin_password}",
        "",
    ]


def _keep(path: Path, first: FirstRun) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(msgspec.to_builtins(first), file, indent=2)
        file.write("\n")
    draft.replace(path)  # whoever waits for the file finds it whole
