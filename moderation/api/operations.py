"""For operators: is it alive, is it ready, what does it count."""

from typing import Any

import msgspec
from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency

from moderation.api.bodies import answer
from moderation.api.gate import PUBLIC, allow
from moderation.readiness import Readiness
from moderation.telemetry import Telemetry


class Health(msgspec.Struct):
    """Whether the service can do its work, and what is in the way."""

    ready: bool
    problems: list[str]
    warnings: list[str]
    models: list[str]


class Operations(Controller):
    """Health and metrics."""

    tags = ["operations"]

    @get("/health/live", opt=allow(PUBLIC, answers=dict[str, bool]))
    async def live(self) -> Response[bytes]:
        """Say that the process answers. It asks nobody else."""
        return answer({"live": True})

    @get("/health/ready", opt=allow(PUBLIC, answers=Health))
    async def ready(self, readiness: NamedDependency[Readiness]) -> Response[bytes]:
        """Say whether comments can be taken in and kept as promised; 503 with what is in the way where not."""
        state = await readiness.look()
        health = Health(not state.problems, list(state.problems), list(state.warnings), list(state.models))
        return answer(health, 200 if health.ready else 503)

    @get("/metrics", opt=allow(PUBLIC))
    async def metrics(self, request: Request[Any, Any, Any], telemetry: NamedDependency[Telemetry]) -> Response[bytes]:
        """Give the counts in the text format of Prometheus."""
        body, kind = telemetry.exposition()
        return Response(body, media_type=kind)
