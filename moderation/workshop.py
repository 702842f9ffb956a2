"""Where models are made and moved: the `classifiers` command run in a process of its own, one at a time, and told of.

The process that serves comments imports no training library and waits for nothing here: it writes the rows, starts the
command at low priority, and reads what it said. Long work is a job whose state every worker can tell; a promotion goes
through the gate. What was made is in the ledger of the staff; what was moved comes there by `versions`, whoever moved it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import structlog

from classifiers.errors import ClassifierError, NothingToRollBack
from classifiers.manifest import Manifest
from classifiers.registry import Version
from classifiers.scorer import tried
from moderation.command import first_lines, last_line, refuse_unless_done, run
from moderation.errors import JobUnderWay, ModelRefused, ModelUnknown, ModerationError, UnknownJob, UnknownReport
from moderation.learning import Learning, Mark
from moderation.records import ATTRIBUTES, Site
from moderation.store.leases import Leases
from moderation.store.ledger import STAFF, Ledger
from moderation.store.models import MAX_REPORT_BYTES, SharedModels
from moderation.versions import Versions

WORK = "models"
LEASE_SECONDS = 30
BEAT_SECONDS = 8.0
LOST_AFTER_SECONDS = 40.0
GATE_SECONDS = 300.0
MAX_UPLOAD_BYTES = 64 * 2**20
LEAST_LABELS = 200
"""Fewer are refused."""
HELD_BACK = 0.2
"""The newest share of the labels, which nothing learns from: the comparison and the gate judge by them."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of long work on models, and what became of it."""

    id: str
    kind: str
    """adapt or compare."""
    state: str = "running"
    """running, done or failed."""
    by: str
    began_at: str
    ended_at: str = ""
    version: str = ""
    """The version that was made or compared."""
    message: str = ""
    """Why it failed, or what the command said, in a line."""
    result: dict[str, Any] = {}
    beat: float = 0.0
    """When its process last showed that it lives, in seconds since 1970."""


class GateCheck(msgspec.Struct, frozen=True):
    """One thing the promotion gate looked at, in words."""

    passed: bool
    words: str


class Moved(msgspec.Struct, frozen=True):
    """What a promotion changed, and what the gate had said."""

    version: str
    was: str
    forced: bool
    checks: list[GateCheck]


class Workshop:
    """Makes, compares, promotes and takes in model versions."""

    def __init__(
        self,
        versions: Versions,
        learning: Learning,
        shared: SharedModels,
        leases: Leases,
        ledger: Ledger,
        now: Callable[[], datetime],
    ) -> None:
        self._versions = versions
        self._root = versions.registry.root
        self._learning = learning
        self._shared = shared
        self._leases = leases
        self._ledger = ledger
        self._now = now
        self._jobs: set[asyncio.Task[None]] = set()
        self._busy = asyncio.Lock()

    async def close(self) -> None:
        """End what is under way; the registry stays as it was."""
        for task in self._jobs:
            task.cancel()
        await asyncio.gather(*self._jobs, return_exceptions=True)

    # looking --------------------------------------------------------------------------------------

    @property
    def seated(self) -> tuple[str, ...]:
        """The versions that score in this process: the active one, and the one in shadow."""
        return self._versions.seated

    @property
    def warnings(self) -> tuple[str, ...]:
        """Say which versions could not be had, and why."""
        return self._versions.warnings

    async def versions(self) -> list[tuple[Version, Mark]]:
        """List the versions of this host, with what they learned that is no longer true."""
        found = await asyncio.to_thread(self._versions.registry.list)
        return [(one, await self._learning.mark(one.manifest)) for one in found]

    async def version(self, name: str) -> tuple[Version, Mark]:
        """Give one version; raises ModelUnknown."""
        for one in await asyncio.to_thread(self._versions.registry.list):
            if one.manifest.version == name:
                return one, await self._learning.mark(one.manifest)
        raise ModelUnknown(name)

    async def job(self, job_id: str) -> Job:
        """Tell how a job stands; raises UnknownJob."""
        record = await self._shared.get_job(job_id)
        if record is None:
            raise UnknownJob(job_id)
        job = msgspec.json.decode(record, type=Job)
        if job.state == "running" and self._now().timestamp() - job.beat > LOST_AFTER_SECONDS:
            return msgspec.structs.replace(job, state="failed", message="the process that worked on it has ended")
        return job

    async def report(self, version: str) -> bytes:
        """Give the page that compares a version with the active one; raises UnknownReport."""
        page = await self._shared.get_report(version)
        if page is None:
            raise UnknownReport(version)
        return page

    # long work ------------------------------------------------------------------------------------

    async def adapt(
        self,
        sites: Sequence[Site],
        site: str,
        attributes: Sequence[str],
        by: str,
        strengths: Sequence[float] = (),
        base: str = "",
    ) -> Job:
        """Begin to adapt a version to the labels of a site, or of all where `site` is empty, that it has not learned yet.

        It is `base`, or the active one, or where that has learned what was taken back since, one that has not. The newest
        fifth is held back, so that the comparison and the gate can judge by labels that the new version has not seen.
        `strengths` say how freely words may be corrected. Raises JobUnderWay and ModelUnknown.
        """
        name = f"{site or 'all'}-{self._now():%Y%m%d-%H%M%S}"[-64:]
        if base:
            _, mark = await self.version(base)
            start, why = base, f"{base} {mark.words}, and so will what stands on it" if mark.words else ""
        else:
            start, passed_over = await self._learning.footing()
            why = f"{passed_over}, so {start} is adapted in its place" if passed_over else ""

        async def work(folder: Path) -> tuple[str, dict[str, Any]]:
            found = await self._learning.export(sites, attributes, folder / "all.jsonl", base=start)
            if not found.rows:
                raise ModelRefused(
                    f"there are no labels to learn from yet: what moderators decide makes them{found.words}"
                )
            held = round(found.rows * HELD_BACK)
            learned = first_lines(folder / "all.jsonl", folder / "labels.jsonl", found.rows - held)
            least = str(round(LEAST_LABELS * (1 - HELD_BACK)))
            given = [
                "--labels",
                str(folder / "labels.jsonl"),
                "--version",
                name,
                "--min-labels",
                least,
                "--base",
                start,
            ]
            given += ["--site", site] if site else []
            if strengths:
                (folder / "recipe.toml").write_text(f"strengths = {[float(one) for one in strengths]}\n")
                given += ["--recipe", str(folder / "recipe.toml")]
            said = await run(self._root, "adapt", *given)
            if said.code != 0:
                raise ModelRefused(last_line(said.error) + found.words)
            facts = {"site": site, "version": name, "labels": learned, "held_back": held}
            told = [*said.error.splitlines(), *said.out.splitlines()[:-1], *filter(None, [why])]
            await self._ledger.append(STAFF, "model.adapted", by, **facts)
            return name, {**facts, "base": start, "left_out": found.beside, "known": found.known, "told": told}

        return await self._begin("adapt", by, work)

    async def compare(self, version: str, against: str, sites: Sequence[Site], by: str) -> Job:
        """Begin to set a version beside another, by default the active one, on labels neither has learned from."""
        manifest = await self._manifest(version)
        other = (await self._manifest(against)).version if against else self._versions.registry.champion()

        async def work(folder: Path) -> tuple[str, dict[str, Any]]:
            found = await self._learning.export(_of(manifest, sites), ATTRIBUTES, folder / "labels.jsonl")
            if not found.rows:
                raise ModelRefused("there are no labels to compare by yet: what moderators decide makes them")
            given = ("--against", other, "--labels", str(folder / "labels.jsonl"))
            said = await run(self._root, "compare", version, *given, "--json")
            refuse_unless_done(said)
            page = folder / "report.html"
            reported = await run(self._root, "report", version, *given, "--out", str(page))
            refuse_unless_done(reported)
            if page.stat().st_size <= MAX_REPORT_BYTES:
                await self._shared.put_report(version, await asyncio.to_thread(page.read_bytes))
            compared = msgspec.json.decode(said.out)
            facts = {"against": other, "labels": compared["champion"]["rows"], "told": said.error.splitlines()}
            return version, {**facts, "comparison": compared}

        return await self._begin("compare", by, work)

    async def _begin(self, kind: str, by: str, work: Callable[[Path], Awaitable[tuple[str, dict[str, Any]]]]) -> Job:
        await self._take_turn(LEASE_SECONDS)
        now = self._now()
        job = Job(id=secrets.token_hex(8), kind=kind, by=by, began_at=_written(now), beat=now.timestamp())
        try:
            await self._shared.put_job(job.id, msgspec.json.encode(job))
        except BaseException:
            self._busy.release()
            raise
        task = asyncio.create_task(self._carry_out(job, work))
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)
        return job

    async def _carry_out(self, job: Job, work: Callable[[Path], Awaitable[tuple[str, dict[str, Any]]]]) -> None:
        ended = msgspec.structs.replace(job, state="failed", message="it was stopped before its end")
        beating = asyncio.create_task(self._beat(job))
        try:
            with tempfile.TemporaryDirectory(prefix="moderation-job-") as folder:
                version, result = await work(Path(folder))
            ended = msgspec.structs.replace(job, state="done", version=version, result=result)
        except (ModerationError, ClassifierError) as error:
            ended = msgspec.structs.replace(job, state="failed", message=str(error)[:1000])
        except Exception as error:
            structlog.get_logger("moderation").error("job_failed", job=job.id, kind=job.kind, exc_info=error)
            ended = msgspec.structs.replace(job, state="failed", message=f"a fault of ours: {type(error).__name__}")
        finally:
            beating.cancel()
            ended = msgspec.structs.replace(ended, ended_at=_written(self._now()))
            with contextlib.suppress(ModerationError):
                await self._shared.put_job(job.id, msgspec.json.encode(ended))
                await self._leases.give_back(WORK)
            self._busy.release()

    async def _beat(self, job: Job) -> None:
        """Show others that this process lives and still has its turn."""
        me = asyncio.current_task()
        # the driver of the store may swallow the cancellation when a reply comes in the same moment
        while me is None or not me.cancelling():
            await asyncio.sleep(BEAT_SECONDS)
            with contextlib.suppress(ModerationError):
                await self._leases.take(WORK, LEASE_SECONDS)
                beating = msgspec.structs.replace(job, beat=self._now().timestamp())
                await self._shared.put_job(job.id, msgspec.json.encode(beating))

    # moving ---------------------------------------------------------------------------------------

    async def promote(self, version: str, sites: Sequence[Site], by: str, *, force: bool = False) -> Moved:
        """Make a version the active one, if the gate finds it no worse; raises ModelRefused with what it found.

        The gate judges on the package's held-out texts and on labels that neither version has learned from. With
        `force` a refusal is overruled, and the ledger says so.
        """
        await self._manifest(version)
        async with self._turn():
            was = self._versions.registry.active()
            with tempfile.TemporaryDirectory(prefix="moderation-gate-") as folder:
                labels = Path(folder) / "labels.jsonl"
                found = await self._learning.export(sites, ATTRIBUTES, labels)
                given = ("--decisions", str(labels)) if found.rows else ()
                forcing = ("--force",) if force else ()
                said = await run(self._root, "promote", version, *given, *forcing, "--by", by, seconds=GATE_SECONDS)
            checks = [
                GateCheck(line.startswith("ok"), line[2:].strip())
                for line in said.out.splitlines()
                if line[:4] in ("ok  ", "NO  ")
            ]
            if said.code != 0:
                raise ModelRefused(last_line(said.error))
            forced = force and not all(check.passed for check in checks)
            await self._versions.follow()
            return Moved(version, was, forced, checks)

    async def roll_back(self, by: str) -> Moved:
        """Make the version active again that was so before; raises ModelRefused where there was none."""
        try:
            move = await asyncio.to_thread(self._versions.registry.rollback, by=by)
        except (NothingToRollBack, ClassifierError) as error:
            raise ModelRefused(str(error)) from error
        await self._versions.follow()
        return Moved(move.version or "", move.was or "", False, [])

    async def set_shadow(self, version: str | None, by: str) -> None:
        """Let a version score beside the active one, without effect on verdicts; None ends that."""
        if version is not None:
            await self._manifest(version)
        try:
            if version is not None:
                await asyncio.to_thread(tried, self._versions.registry.path(version))
            await asyncio.to_thread(self._versions.registry.set_shadow, version, by=by)
        except ClassifierError as error:
            raise ModelRefused(str(error)) from error
        await self._versions.follow()

    async def take_in(self, archive: Path, by: str) -> str:
        """Take an archive of a version into the registry, or refuse it with what is wrong; gives the version's name."""
        async with self._turn():
            said = await run(self._root, "import", str(archive), seconds=GATE_SECONDS)
            if said.code != 0:
                where = re.compile(rf"{re.escape(str(self._root))}/versions/\.staging-[^/\s]*/?")
                raise ModelRefused(where.sub("", last_line(said.error)).replace(str(archive), "the archive"))
            version = said.out.split()[0]
        await self._ledger.append(STAFF, "model.uploaded", by, version=version)
        return version

    # taking turns ---------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Hold the one turn that all workers share, for work that somebody waits for; raises JobUnderWay."""
        await self._take_turn(round(GATE_SECONDS) + LEASE_SECONDS)
        try:
            yield
        finally:
            with contextlib.suppress(ModerationError):
                await self._leases.give_back(WORK)
            self._busy.release()

    async def _take_turn(self, seconds: int) -> None:
        if self._busy.locked():
            raise JobUnderWay
        await self._busy.acquire()
        try:
            if not await self._leases.take(WORK, seconds):
                raise JobUnderWay
        except BaseException:
            self._busy.release()
            raise

    async def _manifest(self, version: str) -> Manifest:
        return (await self.version(version))[0].manifest


def _of(manifest: Manifest, sites: Sequence[Site]) -> list[Site]:
    """Keep the sites a version was made for."""
    return [site for site in sites if manifest.site in ("", site.id)]


def _written(when: datetime) -> str:
    return when.isoformat(timespec="seconds").replace("+00:00", "Z")
