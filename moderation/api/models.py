"""Model versions on the wire: list, take in, adapt, compare, promote, roll back, and how a shadow differs on live traffic."""

import tempfile
from pathlib import Path
from typing import Any

import msgspec
from litestar import Controller, Request, Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from classifiers.registry import Version
from moderation.agreement import AT_MOST, Agreement
from moderation.api.bodies import answer, read, require_announced
from moderation.api.gate import allow, site_for
from moderation.errors import BodyTooLarge, FieldError, FieldsInvalid, RoleRefused
from moderation.learning import Learning, Mark
from moderation.records import ATTRIBUTES, Caller, Role, Site
from moderation.workshop import MAX_UPLOAD_BYTES, Job, Moved, Workshop

REPORT_HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""A report quotes comments and may come from an uploaded version: it may show itself, and nothing else."""


class VersionShape(msgspec.Struct):
    """A version as a list shows it."""

    version: str
    state: str
    """active, shadow, retired or candidate."""
    kind: str
    made_at: str
    base: str
    site: str
    bundled: bool
    attributes: list[str]
    bytes: int
    labels: int
    """How many labels of this service it learned from."""
    marks: list[str]
    """What speaks against it, in words."""


class VersionPage(msgspec.Struct):
    """All versions, what serves in this process, and what could not be had."""

    versions: list[VersionShape]
    active: str
    shadow: str | None
    warnings: list[str]


class VersionWhole(VersionShape, kw_only=True):
    """A version with its figures, as its manifest has them."""

    figures: dict[str, Any]
    thresholds: dict[str, dict[str, float]]
    languages: dict[str, Any]
    recipe: dict[str, Any]
    data: list[Any]
    libraries: dict[str, str]


class Adapt(msgspec.Struct, forbid_unknown_fields=True):
    """Whose labels are learned from (all sites without one), and which attributes (all without any)."""

    site: str = ""
    attributes: list[str] = []
    base: str = ""
    """The version to adapt. Without it the active one, or where that has learned what was taken back since, the nearest it
    stands on that has not. What it has learned is left out; where few labels are new, an earlier one learns all anew."""
    strengths: list[float] = []
    """How freely words may be corrected: 0 not at all, 10 freely; one is chosen by what later labels say. The recipe's
    without any. Where the gate finds that a version forgot too much, lower ones disturb less."""


class Compare(msgspec.Struct, forbid_unknown_fields=True):
    """The version to look at, and the one to set it beside: without one, the active."""

    version: str
    against: str = ""


class Promote(msgspec.Struct, forbid_unknown_fields=True):
    """Whether the gate is overruled; the ledger says so."""

    force: bool = False


class Shadow(msgspec.Struct, forbid_unknown_fields=True):
    """The version that scores beside the active one; null for none."""

    version: str | None


class Uploaded(msgspec.Struct):
    """The version that was taken in."""

    version: str


ML = (Role.ML, Role.ADMIN)


class Models(Controller):
    """The models. What changes which one serves is for those who reach all sites, since it serves all."""

    path = "/v1/models"
    tags = ["models"]

    @get("/", opt=allow(*ML, cookies=True, answers=VersionPage))
    async def versions(self, workshop: NamedDependency[Workshop]) -> Response[bytes]:
        """List the versions; the bundled one first, then by the time they were made."""
        found = await workshop.versions()
        seated = workshop.seated
        page = VersionPage(
            [VersionShape(**_shape(one, mark)) for one, mark in found],
            seated[0] if seated else "",
            seated[1] if len(seated) > 1 else None,
            list(workshop.warnings),
        )
        return answer(page)

    @post("/", status_code=201, opt=allow(*ML, cookies=True, media="application/zip", answers=Uploaded, status=201),
          request_max_body_size=MAX_UPLOAD_BYTES + 1024)  # fmt: skip
    async def take_in(
        self, request: Request[Any, Any, Any], caller: NamedDependency[Caller], workshop: NamedDependency[Workshop]
    ) -> Response[bytes]:
        """Take a version in, as a zip of its folder. Sizes, names and digests are checked before it is a version."""
        _check_reach(caller)
        require_announced(request, MAX_UPLOAD_BYTES)
        with tempfile.NamedTemporaryFile(prefix="moderation-upload-", suffix=".zip") as file:
            size = 0
            async for chunk in request.stream():
                size += len(chunk)
                if size > MAX_UPLOAD_BYTES:
                    raise BodyTooLarge(MAX_UPLOAD_BYTES)
                file.write(chunk)
            file.flush()
            version = await workshop.take_in(Path(file.name), caller.id)
        return answer(Uploaded(version), 201)

    @post("/adapt", status_code=202, opt=allow(*ML, cookies=True, body=Adapt, answers=Job, status=202))
    async def adapt(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        workshop: NamedDependency[Workshop],
    ) -> Response[bytes]:
        """Begin to adapt a version to the labels of a site that it has not learned. Ask /v1/models/jobs/{id} how it stands."""
        wanted = await read(request, Adapt)
        if unknown := sorted(set(wanted.attributes) - set(ATTRIBUTES)):
            message = f"There is no attribute '{unknown[0]}'; there are {', '.join(ATTRIBUTES)}."
            raise FieldsInvalid([FieldError("attributes", "unknown_attribute", message)])
        if len(wanted.strengths) > 10 or not all(0 <= strength <= 100 for strength in wanted.strengths):
            raise FieldsInvalid([FieldError("strengths", "out_of_range", "Give at most 10 numbers from 0 to 100.")])
        sites = [await site_for(request, caller, wanted.site)] if wanted.site else await _sites(request, caller)
        if not wanted.site:
            _check_reach(caller)
        attributes = wanted.attributes or ATTRIBUTES
        job = await workshop.adapt(sites, wanted.site, attributes, caller.id, wanted.strengths, wanted.base)
        return answer(job, 202)

    @post("/compare", status_code=202, opt=allow(*ML, cookies=True, body=Compare, answers=Job, status=202))
    async def compare(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        workshop: NamedDependency[Workshop],
    ) -> Response[bytes]:
        """Begin to set two versions beside each other, on labels that neither has learned from."""
        wanted = await read(request, Compare)
        _check_reach(caller)
        sites = await _sites(request, caller)
        return answer(await workshop.compare(wanted.version, wanted.against, sites, caller.id), 202)

    @get("/jobs/{job_id:str}", opt=allow(*ML, cookies=True, answers=Job))
    async def job(self, workshop: NamedDependency[Workshop], job_id: FromPath[str]) -> Response[bytes]:
        """Tell how a job stands: running, done or failed."""
        return answer(await workshop.job(job_id))

    @post("/rollback", status_code=200, opt=allow(*ML, cookies=True, answers=Moved))
    async def roll_back(self, caller: NamedDependency[Caller], workshop: NamedDependency[Workshop]) -> Response[bytes]:
        """Make the version active again that was so before; every worker swaps within seconds."""
        _check_reach(caller)
        return answer(await workshop.roll_back(caller.id))

    @put("/shadow", opt=allow(*ML, cookies=True, body=Shadow, answers=dict[str, Any]))
    async def set_shadow(
        self, request: Request[Any, Any, Any], caller: NamedDependency[Caller], workshop: NamedDependency[Workshop]
    ) -> Response[bytes]:
        """Let a version score beside the active one, without effect on verdicts."""
        _check_reach(caller)
        wanted = await read(request, Shadow)
        await workshop.set_shadow(wanted.version, caller.id)
        return answer({"shadow": wanted.version})

    @get("/{version:str}", opt=allow(*ML, cookies=True, answers=VersionWhole))
    async def version(self, workshop: NamedDependency[Workshop], version: FromPath[str]) -> Response[bytes]:
        """Give one version with its figures."""
        one, mark = await workshop.version(version)
        manifest = one.manifest
        whole = VersionWhole(
            **_shape(one, mark),
            figures=manifest.figures,
            thresholds=manifest.thresholds,
            languages=msgspec.to_builtins(manifest.languages),
            recipe=manifest.recipe,
            data=msgspec.to_builtins(manifest.data),
            libraries=manifest.libraries,
        )
        return answer(whole)

    @post("/{version:str}/promote", status_code=200, opt=allow(*ML, cookies=True, body=Promote, answers=Moved))
    async def promote(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        workshop: NamedDependency[Workshop],
        version: FromPath[str],
    ) -> Response[bytes]:
        """Make a version the active one, through the gate; 409 with what the gate found where it is worse.

        The answer takes as long as the gate looks, some tens of seconds. Every worker swaps within seconds of it.
        """
        _check_reach(caller)
        wanted = await read(request, Promote)
        sites = await _sites(request, caller)
        return answer(await workshop.promote(version, sites, caller.id, force=wanted.force))

    @get("/{version:str}/agreement", opt=allow(*ML, cookies=True, answers=Agreement))
    async def agreement(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        learning: NamedDependency[Learning],
        workshop: NamedDependency[Workshop],
        version: FromPath[str],
        site: FromQuery[str | None] = None,
        n: FromQuery[int] = 1000,
    ) -> Response[bytes]:
        """Say how a version in shadow and the active one differ on the latest comments, at most 5,000."""
        await workshop.version(version)  # of a name that is none, no comment ever heard
        sites: list[Site] = [await site_for(request, caller, site)] if site else await _sites(request, caller)
        return answer(await learning.agreement(sites, version, max(1, min(n, AT_MOST))))

    @get("/{version:str}/report", opt=allow(*ML, cookies=True))
    async def report(
        self, workshop: NamedDependency[Workshop], caller: NamedDependency[Caller], version: FromPath[str]
    ) -> Response[bytes]:
        """Give the page of the last comparison of a version: figures, plots and the comments judged most differently."""
        _check_reach(caller)
        return Response(await workshop.report(version), media_type="text/html; charset=utf-8", headers=REPORT_HEADERS)


async def _sites(request: Request[Any, Any, Any], caller: Caller) -> list[Site]:
    return [site for site in await request.app.state.sites.sites() if caller.reaches(site.id)]


def _check_reach(caller: Caller) -> None:
    """Refuse a caller of some sites only: a model serves all of them."""
    if caller.site or caller.sites:
        raise RoleRefused("a model serves every site, so this is for those who may see all sites")


def _shape(one: Version, mark: Mark) -> dict[str, Any]:
    manifest = one.manifest
    return {
        "version": manifest.version,
        "state": one.state,
        "kind": manifest.kind,
        "made_at": manifest.made_at,
        "base": manifest.base,
        "site": manifest.site,
        "bundled": one.bundled,
        "attributes": list(manifest.attributes),
        "bytes": sum(entry.size for entry in manifest.files.values()),
        "labels": mark.learned,
        "marks": [mark.words] if mark.words else [],
    }
