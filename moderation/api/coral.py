"""Coral's External Moderation Phase: Coral asks about each comment before it publishes it, and signs what it asks.

Coral gives no id of the comment, so nothing could come back from our queue: the comment is judged and not recorded. 204
leaves it to Coral; a held comment waits in Coral's own queues, and a rejected one is rejected there.
"""

import hashlib
import hmac
from typing import Any

import msgspec
from litestar import Controller, Request, Response, post
from litestar.di import NamedDependency
from litestar.params import FromQuery

from moderation.access import Access
from moderation.api.akismet_forms import clipped
from moderation.api.bodies import answer, raw_body
from moderation.api.dialects import read_json, site_of_key
from moderation.api.fields import LIMITS, is_web_address
from moderation.api.gate import PUBLIC, allow
from moderation.errors import BodyInvalid, KeyRefused
from moderation.intake import Intake
from moderation.records import Comment, Outcome, Reason, Site, Thread, Verdict
from moderation.settings import Settings

_STAFF = frozenset(("STAFF", "MODERATOR", "ADMIN"))


class PhaseComment(msgspec.Struct, rename={"parent_id": "parentID"}):
    """The comment, as HTML or as text."""

    body: str = ""
    parent_id: str | None = None


class PhaseAuthor(msgspec.Struct):
    """Who wrote it, by Coral's id and role."""

    id: str = ""
    role: str = "COMMENTER"


class PhaseStory(msgspec.Struct):
    """The page it stands under."""

    id: str = ""
    url: str = ""


class PhaseRequest(msgspec.Struct, rename={"tenant_domain": "tenantDomain"}):
    """What Coral asks about a new or an edited comment."""

    comment: PhaseComment
    action: str = "NEW"
    author: PhaseAuthor = msgspec.field(default_factory=PhaseAuthor)
    story: PhaseStory = msgspec.field(default_factory=PhaseStory)
    tenant_domain: str = ""


class PhaseAction(msgspec.Struct, rename={"action_type": "actionType"}):
    """A flag on the comment."""

    reason: str
    action_type: str = "FLAG"


class PhaseAnswer(msgspec.Struct):
    """What Coral shall do with the comment."""

    status: str
    actions: list[PhaseAction] = []


def check_signature(site: Site, header: str, body: bytes) -> None:
    """Refuse a body that none of the site's signing secrets has signed; raises KeyRefused. Without secrets, pass."""
    if not site.coral_secrets:
        return
    signed = [part.partition("=")[2].strip().encode() for part in header.split(",")[:10]]
    for secret in site.coral_secrets:
        right = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()
        if any(hmac.compare_digest(right, one) for one in signed):
            return
    raise KeyRefused("X-Coral-Signature does not fit the body and the site's signing secrets")


def to_comment(asked: PhaseRequest, site: Site) -> Comment:
    """Make the comment that is judged. Its author is known by Coral's id, which stands where an address would."""
    author, url = asked.author.id[:60], asked.story.url[: LIMITS["thread.url"]]
    domain = asked.tenant_domain[:150] or "coral.invalid"
    return Comment(
        id="",
        site=site.id,
        text=clipped(asked.comment.body.replace("\0", "")),
        email=f"{author}@{domain}" if author else "",
        thread=Thread(url if is_web_address(url) else ""),
        parent_id=(asked.comment.parent_id or "")[: LIMITS["parent_id"]],
        channel="coral",
        role="administrator" if asked.author.role in _STAFF else "",
    )


def told(verdict: Verdict) -> PhaseAnswer | None:
    """Say a verdict as Coral's phase does; None where nothing speaks against the comment."""
    if verdict.outcome is Outcome.APPROVE:
        return None
    actions = []
    if Reason.TOXICITY in verdict.reasons:
        actions.append(PhaseAction("COMMENT_DETECTED_TOXIC"))
    if Reason.SPAM in verdict.reasons or (verdict.outcome is Outcome.REJECT and not actions):
        actions.append(PhaseAction("COMMENT_DETECTED_SPAM"))
    if verdict.outcome is Outcome.REJECT:
        return PhaseAnswer("REJECTED", actions)
    # what a model suspects is withheld as Coral's own detection does; whatever else we wait for, a person looks first
    return PhaseAnswer("SYSTEM_WITHHELD" if actions else "PREMOD", actions)


class Coral(Controller):
    """The route that Coral calls."""

    tags = ["coral"]

    @post(
        "/v1/coral/phase",
        status_code=200,
        opt=allow(PUBLIC, media="", body=PhaseRequest, answers=PhaseAnswer, also={204: None}),
    )
    async def phase(
        self,
        request: Request[Any, Any, Any],
        access: NamedDependency[Access],
        intake: NamedDependency[Intake],
        settings: NamedDependency[Settings],
        key: FromQuery[str] = "",
    ) -> Response[Any]:
        """Judge a comment for Coral: 204 where nothing speaks against it, else a status and flags.

        `key` is the site's key. Where the site has Coral's signing secrets, the signature must fit as well.
        """
        site = await site_of_key(request, access, key)
        body = await raw_body(request, 4 * settings.intake.max_body_bytes)
        check_signature(site, request.headers.get("x-coral-signature", ""), body)
        try:
            asked = msgspec.convert(read_json(body), PhaseRequest)
        except (ValueError, RecursionError):
            raise BodyInvalid("the body is not a request of Coral's external moderation phase") from None
        said = told(await intake.appraise(site, to_comment(asked, site)))
        return Response(None, status_code=204) if said is None else answer(said)
