"""Whether the service can keep its promises right now, and in one line each what is in the way."""

from __future__ import annotations

import time

import msgspec
import structlog

from moderation.scoring.models import Models
from moderation.store.connection import Connection
from moderation.store.fitness import problems_of
from moderation.telemetry import Telemetry
from moderation.versions import Versions

REMEMBER_SECONDS = 1.0
NOT_BELIEVED = (
    "X-Forwarded-For comes from an address that is not in MODERATION_SERVER__TRUSTED_PROXIES, and is not believed: if that is "
    "your proxy, all its readers share one allowance"
)


class State(msgspec.Struct, frozen=True):
    """What was found at the last look."""

    problems: tuple[str, ...]
    """What keeps the service from being ready."""
    warnings: tuple[str, ...]
    """What an operator should know, though comments are taken in."""
    models: tuple[str, ...]


class Readiness:
    """Asks the store what it promises, at most once a second however often it is asked itself."""

    def __init__(
        self,
        connection: Connection,
        models: Models,
        telemetry: Telemetry,
        versions: Versions,
    ) -> None:
        self._connection = connection
        self._models = models
        self._telemetry = telemetry
        self._versions = versions
        self._state = State((), (), ())
        self._looked = -REMEMBER_SECONDS
        self._not_believed = False

    async def look(self) -> State:
        """Say what stands in the way. A model that is missing does not: comments are taken in and wait."""
        if time.monotonic() - self._looked < REMEMBER_SECONDS:
            return self._state
        found = await problems_of(self._connection)
        problems = [one.detail for one in found if not one.waived]
        warnings = [f"accepted by the operator: {one.detail}" for one in found if one.waived]
        if not self._models.versions:
            warnings.append("no model is loaded: comments wait unscored for a moderator")
        elif self._models.resting:
            warnings.append("the model failed a moment ago and rests: comments wait unscored until it is asked again")
        warnings += self._versions.warnings
        warnings += [NOT_BELIEVED] if self._not_believed else []
        self._state = State(tuple(problems), tuple(warnings), self._models.versions)
        self._looked = time.monotonic()
        self._telemetry.readiness_seen(not problems)
        return self._state

    def somebody_forwards(self) -> None:
        """Remember that an address was forwarded by somebody whom nobody trusts, and log it, once and without the address."""
        if not self._not_believed:
            self._not_believed = True
            structlog.get_logger("moderation").warning("forwarded_address_not_believed", problem=NOT_BELIEVED)
