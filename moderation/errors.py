"""The errors of the service: one root, one leaf for each fact, each with a stable code; no HTTP in it."""

from __future__ import annotations

import msgspec


class ModerationError(Exception):
    """Something the caller can be told: a fact with a name."""

    code = "moderation_error"


class SetupRefused(Exception):
    """The service cannot run as it is set up.

    The message is one line for the person at the terminal: what is wrong, where, and what to do. It is never an
    answer to a request, and so it has no code.
    """


class UnknownSite(ModerationError):
    """No site has this id."""

    code = "unknown_site"

    def __init__(self, site_id: str) -> None:
        super().__init__(f"no site is called '{site_id}'")
        self.site_id = site_id


class SiteExists(ModerationError):
    """A site with this id is already there."""

    code = "site_exists"

    def __init__(self, site_id: str) -> None:
        super().__init__(f"a site called '{site_id}' is already there")
        self.site_id = site_id


class UnknownComment(ModerationError):
    """No comment of this site has this id."""

    code = "unknown_comment"

    def __init__(self, comment_id: str) -> None:
        super().__init__(f"no comment has the id '{comment_id}'")
        self.comment_id = comment_id


class UnknownCase(ModerationError):
    """No case that the caller may see has this id."""

    code = "unknown_case"

    def __init__(self, comment_id: str) -> None:
        super().__init__(f"no case has the id '{comment_id}'")
        self.comment_id = comment_id


class UnknownKey(ModerationError):
    """No key has this id."""

    code = "unknown_key"

    def __init__(self, key_id: str) -> None:
        super().__init__(f"no key has the id '{key_id}'")
        self.key_id = key_id


class UnknownModerator(ModerationError):
    """No moderator has this e-mail address or id."""

    code = "unknown_moderator"

    def __init__(self, who: str) -> None:
        super().__init__(f"no moderator is known as '{who}'")
        self.who = who


class ModeratorDisabled(ModerationError):
    """A person whose account is disabled cannot be invited anew."""

    code = "moderator_disabled"

    def __init__(self, email: str) -> None:
        super().__init__(f"{email} is disabled and could not use a link; enable the account first")
        self.email = email


class UnknownWebhook(ModerationError):
    """No webhook of this site has this id."""

    code = "unknown_webhook"

    def __init__(self, webhook_id: str) -> None:
        super().__init__(f"no webhook has the id '{webhook_id}'")
        self.webhook_id = webhook_id


class UnknownDelivery(ModerationError):
    """No delivery of this webhook has this id, or it ended more than a week ago."""

    code = "unknown_delivery"

    def __init__(self, delivery_id: str) -> None:
        super().__init__(f"no delivery has the id '{delivery_id}'")
        self.delivery_id = delivery_id


class UnknownLabel(ModerationError):
    """No label has this id."""

    code = "unknown_label"

    def __init__(self, label_id: str) -> None:
        super().__init__(f"no label has the id '{label_id}'")
        self.label_id = label_id


class ModelUnknown(ModerationError):
    """No model version has this name."""

    code = "unknown_model"

    def __init__(self, version: str) -> None:
        super().__init__(f"no model version is called '{version}'")
        self.version = version


class ModelRefused(ModerationError):
    """A model version was not taken over: the gate or a check of its files says no."""

    code = "model_refused"


class UnknownJob(ModerationError):
    """No job has this id, or it ended more than a day ago."""

    code = "unknown_job"

    def __init__(self, job_id: str) -> None:
        super().__init__(f"no job has the id '{job_id}'; jobs are forgotten a day after their end")
        self.job_id = job_id


class UnknownReport(ModerationError):
    """A version was not compared lately."""

    code = "unknown_report"

    def __init__(self, version: str) -> None:
        super().__init__(f"there is no report on '{version}' of the last week; POST /v1/models/compare makes one")
        self.version = version


class JobUnderWay(ModerationError):
    """Models are worked on one job at a time."""

    code = "job_under_way"

    def __init__(self) -> None:
        super().__init__("another job works on the models; try again when it is done")


class CaseTaken(ModerationError):
    """Another moderator holds the lease on this case."""

    code = "case_taken"

    def __init__(self, comment_id: str, moderator: str) -> None:
        super().__init__(f"case {comment_id} is with {moderator}")
        self.comment_id = comment_id
        self.moderator = moderator


class CaseDecided(ModerationError):
    """The case was decided, or changed, since the caller last saw it."""

    code = "case_decided"

    def __init__(self, comment_id: str, version: int, moderator: str, decision: str, decided_at: str) -> None:
        by = f"{moderator} decided '{decision}' at {decided_at}" if moderator else "the comment was changed meanwhile"
        super().__init__(f"case {comment_id} is at version {version}: {by}")
        self.comment_id = comment_id
        self.version = version
        self.moderator = moderator
        self.decision = decision
        self.decided_at = decided_at


class UndoTooLate(ModerationError):
    """The decision can no longer be taken back; it can be decided anew."""

    code = "undo_too_late"

    def __init__(self, comment_id: str) -> None:
        super().__init__(f"the decision on {comment_id} can no longer be taken back; decide it anew instead")
        self.comment_id = comment_id


class RateExceeded(ModerationError):
    """A hard limit of the allowance is spent.

    `retry_after` is in seconds; `limit` in so many of `what` per `window` seconds.
    """

    code = "rate_exceeded"

    def __init__(
        self, scope: str, retry_after: float, limit: int = 0, window: int = 60, *, what: str = "comments"
    ) -> None:
        super().__init__(f"too many {what} from this {scope}; try again in {max(1, round(retry_after))} s")
        self.scope = scope
        self.retry_after = retry_after
        self.limit = limit
        self.window = window
        self.what = what


class FieldError(msgspec.Struct, frozen=True):
    """One wrong field: where, a stable code, and a sentence for people."""

    field: str
    code: str
    message: str


class FieldsInvalid(ModerationError):
    """The body can be read, but some of its fields are wrong; all of them are named."""

    code = "fields_invalid"

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = errors


class BodyInvalid(ModerationError):
    """The body cannot be read at all."""

    code = "body_invalid"


class BodyTooLarge(ModerationError):
    """The body is larger than this route takes."""

    code = "body_too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body is larger than {limit} bytes")
        self.limit = limit


class AddressTooLong(ModerationError):
    """The address of a request is longer than any of ours, or brings more parameters."""

    code = "address_too_long"

    def __init__(self, limit: int, parameters: int) -> None:
        super().__init__(f"the address has more than {limit} bytes or {parameters} parameters")


class MediaTypeRefused(ModerationError):
    """The Content-Type is missing or not one this route reads."""

    code = "media_type_refused"


class IdempotencyConflict(ModerationError):
    """The same Idempotency-Key came with another body."""

    code = "idempotency_conflict"

    def __init__(self) -> None:
        super().__init__("this Idempotency-Key was already used with another body; use a new key for a new comment")


class ExternalIdTaken(ModerationError):
    """A comment with this external id is here already, and has another text."""

    code = "external_id_taken"

    def __init__(self, comment_id: str) -> None:
        super().__init__(
            f"the comment {comment_id} has this external_id already, with another text; change it with "
            f"PATCH /v1/comments/{comment_id}, or give a new comment a name of its own"
        )


class CommentChanged(ModerationError):
    """The comment that a repeated request brought has another text by now, or is deleted."""

    code = "comment_changed"

    def __init__(self, comment_id: str) -> None:
        super().__init__(
            f"the comment {comment_id} that came with this Idempotency-Key was changed since, or deleted: where it "
            f"stands says nothing of this text; ask for it with GET /v1/comments/{comment_id}"
        )


class CursorInvalid(ModerationError):
    """A cursor is not one that this service gave out."""

    code = "cursor_invalid"

    def __init__(self) -> None:
        super().__init__("this cursor is not one that the service gave out; start again without it")


class PolicyInvalid(ModerationError):
    """A policy that cannot work: what is wrong with it, and where."""

    code = "policy_invalid"


class PolicyChanged(ModerationError):
    """Somebody else set a policy since this one was read."""

    code = "policy_changed"

    def __init__(self, site: str, version: int) -> None:
        super().__init__(f"the policy of '{site}' is at version {version} by now; read it again and repeat your change")
        self.version = version


class KeyRefused(ModerationError):
    """No key or session, or one that is unknown, revoked or expired. Never says which."""

    code = "key_refused"

    def __init__(self, message: str = "this needs a valid key: Authorization: Bearer <key>") -> None:
        super().__init__(message)


class RoleRefused(ModerationError):
    """The key or session is good, but its role may not do this."""

    code = "role_refused"

    def __init__(self, message: str = "your role may not do this") -> None:
        super().__init__(message)


class OriginRefused(ModerationError):
    """A form was posted from an origin that the site does not list."""

    code = "origin_refused"

    def __init__(self) -> None:
        super().__init__("this form may not be posted from this origin; add it to the site's allowed origins")


class SignInRefused(ModerationError):
    """Sign-in failed. The same answer for every cause."""

    code = "sign_in_refused"

    def __init__(self) -> None:
        super().__init__("the e-mail address, the password or the code is not right")


class WebhookRefused(ModerationError):
    """A webhook address that the service does not post to."""

    code = "webhook_refused"


class StoreUnavailable(ModerationError):
    """Redis cannot be asked, or cannot write, at the moment. Nothing was acknowledged.

    `retry_after` is in seconds.
    """

    code = "store_unavailable"

    def __init__(self, cause: str = "the store does not answer", retry_after: float = 1.0) -> None:
        super().__init__(cause)
        self.retry_after = retry_after


class Overloaded(ModerationError):
    """More requests wait than the service takes at once."""

    code = "overloaded"

    def __init__(self, retry_after: float = 1.0) -> None:
        super().__init__("the service has more to do than it can take in; try again")
        self.retry_after = retry_after


class ScorerUnavailable(ModerationError):
    """No model can score at the moment; comments wait unscored."""

    code = "scorer_unavailable"
