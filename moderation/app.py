"""The composition root: builds every room from the settings, and joins them into one application.

It is the only file that knows every room. Nothing here decides anything.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog
from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide

from classifiers.registry import Registry
from moderation.access import Access
from moderation.administration import Administration
from moderation.api import (
    akismet,
    akismet_account,
    comments,
    coral,
    forms,
    keys,
    labels,
    models,
    openai,
    operations,
    oversight,
    perspective,
    perspective_batch,
    privacy,
    problems,
    queue,
    reference,
    session,
    sites,
    staff,
    webhooks,
)
from moderation.api.gate import gate, networks, provide_caller, undeclared
from moderation.console import pages
from moderation.departures import SiteDepartures
from moderation.digests import Digests
from moderation.feedback import Feedback
from moderation.intake import Intake
from moderation.learning import Learning
from moderation.ledgerfiles import LedgerFiles
from moderation.oversight import Oversight
from moderation.privacy import Privacy
from moderation.readiness import Readiness
from moderation.review import Review
from moderation.scoring.models import Models
from moderation.scoring.pipeline import Pipeline
from moderation.secrets import pepper_of
from moderation.settings import Settings
from moderation.store.comments import Comments
from moderation.store.connection import Connection, connect
from moderation.store.counts import Counts
from moderation.store.deliveries import Deliveries
from moderation.store.departures import Departures
from moderation.store.labels import Labels
from moderation.store.leases import Leases
from moderation.store.ledger import Ledger
from moderation.store.models import SharedModels
from moderation.store.people import People
from moderation.store.queue import Queue
from moderation.store.sites import Sites
from moderation.store.traces import Traces
from moderation.telemetry import Telemetry
from moderation.upkeep import Upkeep
from moderation.versions import Versions
from moderation.webhooks.addressbook import AddressBook
from moderation.webhooks.courier import Courier
from moderation.webhooks.outside import Outside
from moderation.workshop import Workshop

CONTROLLERS = (
    comments.Comments, comments.Scores, forms.Forms, forms.Threads, queue.Queue, queue.Authors, session.Sessions,
    akismet.Akismet, akismet_account.Account, perspective.Perspective, perspective_batch.Batch, openai.Moderations, coral.Coral,
    oversight.Overview, sites.Sites, keys.Keys, staff.Staff, webhooks.SiteWebhooks,
    webhooks.Webhooks, labels.Labels, models.Models, operations.Operations, privacy.PersonalData,
    reference.Reference, pages.Pages,
)  # fmt: skip
"""Every route of the service."""

ROOMS = (
    "access", "administration", "departures", "feedback", "intake", "learning", "oversight", "privacy", "readiness", "review", "settings", "telemetry",
    "webhooks", "workshop",
)  # fmt: skip
"""What a handler may ask for by name."""


class House(msgspec.Struct, frozen=True):
    """All rooms, built and joined. The command line uses it without the application."""

    settings: Settings
    connection: Connection
    telemetry: Telemetry
    digests: Digests
    sites: Sites
    people: People
    comments: Comments
    queue: Queue
    ledger: Ledger
    labels: Labels
    models: Models
    intake: Intake
    review: Review
    access: Access
    oversight: Oversight
    administration: Administration
    feedback: Feedback
    readiness: Readiness
    upkeep: Upkeep
    now: Callable[[], datetime]
    webhooks: AddressBook
    courier: Courier
    versions: Versions
    learning: Learning
    workshop: Workshop
    privacy: Privacy
    files: LedgerFiles
    departures: SiteDepartures


def utc_now() -> datetime:
    """Give the time of this machine, in UTC."""
    return datetime.now(UTC)


@asynccontextmanager
async def house(settings: Settings, now: Callable[[], datetime] = utc_now) -> AsyncIterator[House]:
    """Build the rooms around one connection to the store, and close it at the end."""
    connection = await connect(settings.store)
    telemetry = Telemetry()
    connection.failed = telemetry.store_failed
    digests = Digests(pepper_of(settings))
    sites, people = Sites(connection), People(connection)
    stored, ledger, lessons = Comments(connection), Ledger(connection), Labels(connection)
    cases = Queue(connection, stored)
    seats = Models(
        time.monotonic, timeout=settings.scoring.timeout_ms / 1000, effort=time.thread_time,
        on_fault=_say_fault, on_scored=telemetry.texts_scored,
    )  # fmt: skip
    shared = SharedModels(connection)
    registry = Registry(settings.scoring.models or settings.store.data / "models")
    versions = Versions(registry, shared, seats, telemetry, ledger)
    await versions.start()

    def stumbled(check: str, comment: str, error: Exception) -> None:
        telemetry.check_failed(check)
        structlog.get_logger("moderation").error("check_failed", check=check, comment=comment, exc_info=error)

    intake = Intake(
        stored, Pipeline(seats, stumbled), digests, telemetry, now, Counts(connection),
        batch_size=settings.intake.batch_size, max_waiting=settings.intake.max_waiting,
    )  # fmt: skip
    sites.ready = intake.prepare
    review = Review(stored, cases, ledger, telemetry, lambda who: digests.of("labeller", who), now)
    access = Access(sites, people, ledger, digests, settings.console, now)
    leases = Leases(connection)
    upkeep = Upkeep(stored, sites, cases, seats, telemetry, leases, intake.rescore, versions.follow)
    learning = Learning(lessons, stored, sites, ledger, registry, telemetry)
    workshop = Workshop(versions, learning, shared, Leases(connection), ledger, now)
    deliveries = Deliveries(connection)
    outside = Outside(settings.webhooks.allow, timeout=settings.webhooks.timeout_seconds)
    courier = Courier(
        deliveries, stored, cases, ledger, sites, leases, outside, telemetry, now,
        concurrency=settings.webhooks.concurrency,
    )  # fmt: skip
    persons = Privacy(sites, stored, lessons, ledger, deliveries, Traces(connection), digests, now)
    files = LedgerFiles(settings.store.data / "ledger", ledger, deliveries, now, settings.store.ledger_days)
    departures = SiteDepartures(
        Departures(connection),
        sites,
        stored,
        cases,
        lessons,
        ledger,
        files,
        Traces(connection),
        Leases(connection),
        now,
    )
    upkeep.by_and_by = (persons.purge, lambda site: files.archive(site.id))
    overview = Oversight(connection, cases, ledger, stored, now, streams=settings.console.streams)
    try:
        yield House(
            settings, connection, telemetry, digests, sites, people, stored, cases, ledger, lessons, seats, intake,
            review, access, overview, Administration(sites, stored, ledger, seats, now),
            Feedback(stored, lessons, Counts(connection), digests, telemetry, now),
            Readiness(connection, seats, telemetry, versions), upkeep, now,
            AddressBook(deliveries, ledger, outside, now), courier, versions, learning, workshop,
            persons, files, departures,
        )  # fmt: skip
    finally:
        await workshop.close()
        await intake.close()
        await outside.aclose()
        await connection.aclose()


def _say_fault(which: str, fault: str, error: Exception | None) -> None:
    structlog.get_logger("moderation").warning("model_fault", model=which, cause=fault, exc_info=error)


def build(settings: Settings, *, started: Callable[[House], Awaitable[None]] | None = None) -> Litestar:
    """Build the application of one worker process.

    Raises RuntimeError where a route does not say who may use it.
    """

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            rooms = await stack.enter_async_context(house(settings))
            app.state.update(
                {
                    "house": rooms,
                    "sites": rooms.sites,
                    "access": rooms.access,
                    "settings": settings,
                    "proxies": networks(settings.server.trusted_proxies),
                }
            )
            legs = (rooms.upkeep.run(), rooms.courier.run(), rooms.departures.run())
            tasks = [asyncio.create_task(leg) for leg in legs]
            if started is not None:
                tasks.append(asyncio.ensure_future(started(rooms)))
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def room(name: str) -> Provide:
        def provide(state: State) -> Any:
            return getattr(state["house"], name)

        return Provide(provide, sync_to_thread=False)

    app = Litestar(
        route_handlers=list(CONTROLLERS),
        guards=[gate],
        lifespan=[lifespan],
        dependencies={
            "caller": Provide(provide_caller, sync_to_thread=False),
            **{name: room(name) for name in ROOMS},
        },
        exception_handlers=problems.HANDLERS,
        request_max_body_size=settings.intake.max_batch_body_bytes + 1024,
        openapi_config=None,
        logging_config=None,
    )
    if missing := undeclared(app):
        raise RuntimeError(f"these routes do not declare who may use them: {', '.join(missing)}")
    return app
