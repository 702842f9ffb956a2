"""What decisions teach: labels as rows to train from, a lesson taken back, and the versions that had learned it.

A row holds the text and what was said of it, never a name, an address or an e-mail address; who wrote and who decided
are pseudonyms. Where the author's name or link may be all that was judged, `about` says "author", and no version adapts
to the row. A lesson that was taken back, or whose comment was edited, erased or decided anew, or that made room for
newer feedback from outside, still speaks in the versions that learned it and in those that stand on them: `mark` counts
them, and only a version that stands on none of them is without it (`footing`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from classifiers.errors import ClassifierError
from classifiers.manifest import Manifest, read_manifest
from classifiers.registry import Registry
from moderation.agreement import Agreement, agreement
from moderation.records import ATTRIBUTES, Label, Site
from moderation.store.comments import Comments
from moderation.store.labels import Labels
from moderation.store.ledger import Ledger
from moderation.store.sites import Sites
from moderation.telemetry import Telemetry

LEARNED = "learned.txt"
"""In a version's folder: the ids of the labels it learned from, one a line."""
MAX_LEARNED_BYTES = 64 * 2**20


class Mark(msgspec.Struct, frozen=True):
    """What a version learned from labels of this service."""

    learned: int
    gone: int
    """How many of them were since taken back, erased, edited or decided anew, or made room for newer feedback."""

    @property
    def words(self) -> str:
        """Say it in a sentence; empty where nothing is to be said."""
        if not self.gone:
            return ""
        return (
            f"contains {self.gone} unlearned, erased or dropped sample{'s' if self.gone > 1 else ''} of {self.learned}"
        )


class Exported(NamedTuple):
    """How many labels were written, and how many were left out of what is learned from, by why."""

    rows: int
    beside: int
    known: int
    base: str

    @property
    def words(self) -> str:
        """Say what was left out; empty where nothing was."""
        beside = f"; {self.beside} about an author's name or link, which no label holds, were left out"
        known = f"; {self.known} that {self.base} has learned were left out: a base that has not learns all anew"
        return (beside if self.beside else "") + (known if self.known else "")


class Learning:
    """The labels of all sites, for those who train."""

    def __init__(
        self, labels: Labels, comments: Comments, sites: Sites, ledger: Ledger, registry: Registry, telemetry: Telemetry
    ) -> None:
        self._comments = comments
        self._labels = labels
        self._sites = sites
        self._ledger = ledger
        self._registry = registry
        self._telemetry = telemetry
        self._learned: dict[str, tuple[str, ...]] = {}

    async def page(self, site: Site, after: int, limit: int) -> tuple[list[dict[str, Any]], int]:
        """Give rows in the order their labels were given, those after a stamp; and the stamp of the last one."""
        found = await self._labels.page(site.id, after, limit)
        return [row(label) for _, label in found], found[-1][0] if found else after

    async def rows(
        self, sites: Sequence[Site], attributes: Sequence[str] = ATTRIBUTES
    ) -> AsyncIterator[dict[str, Any]]:
        """Give every row of these sites, oldest first within each, that says something of these attributes."""
        for site in sites:
            async for label in self._labels.walk(site.id):
                found = row(label, attributes)
                if label.text.strip() and any(name in found for name in attributes):
                    yield found

    async def export(self, sites: Sequence[Site], attributes: Sequence[str], path: Path, *, base: str = "") -> Exported:
        """Write rows into a file in the order of their time.

        Where they are there to learn from, by a version that stands on `base`, what is no evidence is left out; else the
        command that reads them leaves it out, and says so.
        """
        found, beside, known = [], 0, 0
        learned = frozenset(await self.learned_by(base) if base else ())
        async for one in self.rows(sites, attributes):
            if base and one["about"] == "author":
                beside += 1
            elif one["label_id"] in learned:
                known += 1
            else:
                found.append((one["at"], msgspec.json.encode(one)))
        found.sort(key=lambda pair: pair[0])
        await asyncio.to_thread(path.write_bytes, b"".join(line + b"\n" for _, line in found))
        return Exported(len(found), beside, known, base)

    async def unlearn(self, site: Site, label_id: str, by: str) -> list[str]:
        """Take a label back, so that nothing learns from it any more; names the versions that had. Raises UnknownLabel.

        The ledger keeps that it was taken back, and by whom, not what it said.
        """
        await self._labels.remove(site.id, label_id)
        knowing = [
            one.manifest.version
            for one in await asyncio.to_thread(self._registry.list)
            if label_id in await self.learned_by(one.manifest.version)
        ]
        await self._ledger.append(site.id, "label.unlearned", by, label=label_id, versions=knowing)
        self._telemetry.label_left("unlearned", "unlearn")
        return knowing

    async def mark(self, manifest: Manifest) -> Mark:
        """Count what a version learned here, and what of it is no longer true.

        One made for a site has learned from the labels of others too where the version it stands on has.
        """
        learned = await self.learned_by(manifest.version)
        if not learned:
            return Mark(0, 0)
        until = int(datetime.fromisoformat(manifest.made_at).timestamp() + 1) * 1_000_000
        there: set[str] = set()
        for site in await self._sites.sites():
            given = await self._labels.given_at(site.id, learned)
            there.update(
                label for label, stamp in zip(learned, given, strict=True) if stamp is not None and stamp < until
            )
        return Mark(len(learned), len(learned) - len(there))

    async def footing(self) -> tuple[str, str]:
        """Name the version to adapt from, and say why where it is not the active one.

        What stands on a version still holds what that one has learned: where the active one is marked, the nearest it
        stands on is taken that is not, in the end the one that ships with the package.
        """
        name, why, seen = await asyncio.to_thread(self._registry.champion), "", set[str]()
        while name not in seen and (manifest := await asyncio.to_thread(_manifest, self._registry, name)):
            mark = await self.mark(manifest)
            if not mark.words:
                return name, why
            why = why or f"{name} {mark.words}"
            seen.add(name)
            name = manifest.base
        return await asyncio.to_thread(self._registry.bundled), why

    async def agreement(self, sites: Sequence[Site], version: str, looked_at: int) -> Agreement:
        """Say how a version in shadow and the active one differ on the latest comments of these sites."""
        known = await asyncio.to_thread(_thresholds, self._registry)
        return await agreement(self._comments, sites, version, looked_at, known)

    async def learned_by(self, version: str) -> tuple[str, ...]:
        """Name the labels a version learned from."""
        if version not in self._learned:
            if len(self._learned) > 50:
                self._learned.clear()
            self._learned[version] = await asyncio.to_thread(_read_learned, self._registry, version)
        return self._learned[version]


def row(label: Label, attributes: Sequence[str] = ATTRIBUTES) -> dict[str, Any]:
    """Give a label as a row to train from: only the attributes it speaks of, and what the model said at the time."""
    said = {f"score_{name}": round(value, 4) for name, value in label.scores.items() if name in ATTRIBUTES}
    return {
        "label_id": label.id,
        "text": label.text,
        "lang": label.lang[:8],
        **{name: value for name, value in label.values.items() if name in attributes},
        "source": label.source,
        "reason": label.reason,
        "weight": label.weight,
        "at": label.at,
        "about": label.about,
        "site": label.site,
        "author": label.author,
        "by": label.by,
        "model": label.model,
        **said,
    }


COLUMNS = (
    "label_id", "text", "lang", *ATTRIBUTES, "source", "reason", "weight", "at", "about", "site", "author", "by", "model",
    *(f"score_{name}" for name in ATTRIBUTES),
)  # fmt: skip
"""All columns a row may have, in their order."""
NUMBERS = (*ATTRIBUTES, *(f"score_{name}" for name in ATTRIBUTES), "weight")
"""Those of them that are numbers; the others are words."""


def _manifest(registry: Registry, version: str) -> Manifest | None:
    try:
        return read_manifest(registry.path(version))
    except ClassifierError:
        return None


def _thresholds(registry: Registry) -> dict[str, dict[str, float]]:
    try:
        return read_manifest(registry.path(registry.active())).thresholds
    except ClassifierError:
        return {}


def _read_learned(registry: Registry, version: str) -> tuple[str, ...]:
    try:
        path = registry.path(version) / LEARNED
    except ClassifierError:
        return ()
    if not path.is_file() or path.stat().st_size > MAX_LEARNED_BYTES:
        return ()
    return tuple(sorted({line for line in path.read_text("utf-8").split("\n") if line}))
