"""The words of the house as records: frozen structs that every other room speaks.

Three of them carry a comment through the house: `Comment` is what was written, `History` what is known
of its author and its text, `Verdict` what the machine says of it. `Stored` is what the store keeps.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec


class Status(StrEnum):
    """Where a comment stands."""

    APPROVED = "approved"
    PENDING = "pending"
    REJECTED = "rejected"


class Outcome(StrEnum):
    """The machine's answer."""

    APPROVE = "approve"
    HOLD = "hold"
    REJECT = "reject"

    @property
    def status(self) -> Status:
        """Say where a comment with this verdict stands."""
        return _STATUS_OF[self]


_STATUS_OF = {Outcome.APPROVE: Status.APPROVED, Outcome.HOLD: Status.PENDING, Outcome.REJECT: Status.REJECTED}


class Reason(StrEnum):
    """Why a signal speaks against a comment (or, for `clear` and `trusted`, does not)."""

    CLEAR = "clear"
    TRUSTED = "trusted"
    HONEYPOT = "honeypot"
    TOO_FAST = "too_fast"
    BLOCKED_WORD = "blocked_word"
    SUSPECT_WORD = "suspect_word"
    LINKS = "links"
    REPEATED_TEXT = "repeated_text"
    CAMPAIGN = "campaign"
    VELOCITY = "velocity"
    FIRST_COMMENT = "first_comment"
    WATCHED_AUTHOR = "watched_author"
    BLOCKED_AUTHOR = "blocked_author"
    DISPOSABLE_EMAIL = "disposable_email"
    LOOKALIKE_EMAIL = "lookalike_email"
    NAME_ABUSE = "name_abuse"
    MISSING_FIELD = "missing_field"
    SPAM = "spam"
    TOXICITY = "toxicity"
    UNSUPPORTED_LANGUAGE = "unsupported_language"
    UNSCORED = "unscored"
    EDITED = "edited"
    REPORTED = "reported"


class DecisionReason(StrEnum):
    """Why a moderator decided so. It decides which model learns."""

    SPAM = "spam"
    TOXIC = "toxic"
    OFF_TOPIC = "off_topic"
    PERSONAL_DATA = "personal_data"
    ILLEGAL = "illegal"
    OTHER = "other"


class DecisionKind(StrEnum):
    """What a moderator can say of a comment."""

    APPROVE = "approve"
    REJECT = "reject"

    @property
    def status(self) -> Status:
        """Say where a comment with this decision stands."""
        return Status.APPROVED if self is DecisionKind.APPROVE else Status.REJECTED


class Role(StrEnum):
    """Who somebody is to the service."""

    SITE = "site"
    FORM = "form"
    COMPAT = "compat"
    MODERATOR = "moderator"
    ML = "ml"
    ADMIN = "admin"


class Mark(StrEnum):
    """What moderators said of an author."""

    NONE = ""
    TRUSTED = "trusted"
    WATCHED = "watched"
    BLOCKED = "blocked"


ATTRIBUTES = ("spam", "toxicity", "severe_toxicity", "profanity", "threat", "insult", "identity_attack")
"""What the models score. Each is a probability from 0 to 1."""


# What was written -------------------------------------------------------------------------------


class Thread(msgspec.Struct, frozen=True, omit_defaults=True):
    """The page that comments stand under."""

    url: str = ""
    title: str = ""
    id: str = ""
    """The digest of its url, by which the store names it."""


class Comment(msgspec.Struct, frozen=True, kw_only=True):
    """What was written, where and by whom, as it came in. Nothing here has been judged."""

    id: str
    site: str
    text: str
    name: str = ""
    email: str = ""
    url: str = ""
    thread: Thread = Thread()
    parent_id: str = ""
    ip: str = ""
    user_agent: str = ""
    referrer: str = ""
    lang: str = ""
    external_id: str = ""
    submitted_at: str = ""
    honeypot: str = ""
    form_seconds: float | None = None
    channel: str = "api"
    """How it came: api, form, batch, akismet, coral, import."""
    edits: int = 0
    """How often its text was changed since a person last looked."""
    role: str = ""
    """What the site says of the author (`administrator` is trusted by the Akismet contract)."""


class Usage(msgspec.Struct, frozen=True, array_like=True):
    """How much of each allowance is spent, 0 to 1 and above 1 where a soft limit is passed."""

    site: float = 0.0
    address: float = 0.0
    email: float = 0.0
    text: float = 0.0


class History(msgspec.Struct, frozen=True):
    """What is known of the author and of the text at the moment a comment comes in."""

    approved: int = 0
    rejected: int = 0
    pending: int = 0
    mark: Mark = Mark.NONE
    same_text: int = 0
    """How often this text was seen on the site in the last days, by anyone."""
    same_text_own: int = 0
    """... by this author."""
    same_text_authors: int = 0
    """By how many authors."""
    usage: Usage = Usage()
    by_name: bool = False
    """The author is known by a name alone, which anybody may write: nothing good that is known proves anything."""

    @property
    def seen(self) -> int:
        """Count the author's comments so far."""
        return self.approved + self.rejected + self.pending


# What is said of it -----------------------------------------------------------------------------


class Word(msgspec.Struct, frozen=True, array_like=True):
    """A stretch of the original text that moved a score; offsets in code points, weight in logits.

    A hand-made feature has no place in the text: begin and end are 0 and `feature` names it.
    """

    begin: int
    end: int
    weight: float
    feature: str = ""


class Signal(msgspec.Struct, frozen=True, cache_hash=True):
    """What one check saw. Every check answers, also when it saw nothing."""

    name: str
    score: float
    reason: Reason = Reason.CLEAR
    facts: tuple[int | float | str, ...] = ()
    """What was counted; `scoring.details` turns them into a sentence."""
    words: tuple[Word, ...] = ()
    hard: bool = False
    """A hard stop: it decides alone, whatever the thresholds say."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The machine's answer, with all it rests on. It stays what it is after a retrain."""

    outcome: Outcome
    reasons: tuple[Reason, ...] = ()
    """The reasons that led to hold or reject, strongest first; empty for approve."""
    score: float = 0.0
    """How urgent, 0 to 1: the strongest signal against the comment."""
    signals: tuple[Signal, ...] = ()
    scores: dict[str, float] = {}
    models: tuple[str, ...] = ()
    policy: int = 0
    """The version of the site's policy that was applied."""
    lang: str = ""
    degraded: bool = False
    """True where no model scored it; it waits and is scored later."""
    watched: bool = False
    """True where the site only watches: `outcome` is approve, `would` says what it had been."""
    would: Outcome | None = None
    shadow: dict[str, float] = {}
    """What the shadow model says, beside the active one's scores."""
    blatant: bool = False
    """True for spam that nobody needs to look at."""

    def about(self, values: Mapping[str, float], url: str) -> str:
        """Say what a lesson on this comment is about: its text, or "author" where the name or link may be all it rests on.

        Spam whose author left a link is taken for spam in its text only where the models saw that, and no link.
        """
        seen = {
            signal.name: {word.feature for word in signal.words} for signal in self.signals if signal.name in values
        }
        if any(value >= 0.5 and seen.get(name, set()) & AUTHOR for name, value in values.items()):
            return "author"
        doubtful = self.scores.get("spam", 0.0) < 0.5 or seen.get("spam", set()) & LINKS
        return "author" if url and values.get("spam", 0.0) >= 0.5 and doubtful else ""


AUTHOR = frozenset(("author name", "author link"))
LINKS = frozenset(
    (
        "a link",
        "links",
        "shortened link",
        "unusual domain",
        "link share",
        "call and link",
        "money and link",
        "praise and link",
    )
)
"""Features of a verdict's words that stand for what is beside the text, and for links wherever they stand."""


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The moderator's answer, with a name and a reason on it. It overrides the verdict."""

    decision: DecisionKind
    by: str
    at: str
    reason: DecisionReason | None = None
    note: str = ""
    learn: bool = True
    name: str = ""
    """The moderator's name at the time, for people."""
    version: int = 0
    """The version of the comment that it made, by which it is known after later moves; 0 where nobody wrote it down."""


class Before(msgspec.Struct, frozen=True, array_like=True):
    """How a case stood before its last decision, so that an undo brings back all of it."""

    status: Status
    since: int = 0
    """The stamp since when it waited; 0 where it did not."""
    reasons: tuple[str, ...] = ()
    """What it waited for."""
    reports: int = 0
    escalated: str = ""
    decision: Decision | None = None
    """The decision that the last one replaced."""
    report_reason: str = ""
    edits: int = 0
    label: bytes = b""
    """What a client had left for it to be learned from, as it is kept; empty where a moderator's decision came before."""


MOST_URGENT = 0.999
"""The urgency of what no moderator has passed on ends here: what one has passed on stands before all of it."""


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A comment as the store keeps it. E-mail and address are only there as keyed digests."""

    id: str
    site: str
    text: str
    name: str
    author: str
    """The author's id: a keyed digest of the e-mail address (or of the address, or of the name, where there is none)."""
    address: str = ""
    """A keyed digest of the network address."""
    url: str = ""
    thread: Thread = Thread()
    parent_id: str = ""
    user_agent: str = ""
    referrer: str = ""
    lang: str = ""
    external_id: str = ""
    submitted_at: str = ""
    received_at: str = ""
    channel: str = "api"
    sealed: str = ""
    """E-mail and address, encrypted; only where the site's policy asks for it."""
    edits: int = 0
    status: Status = Status.PENDING
    version: int = 1
    verdict: Verdict | None = None
    decision: Decision | None = None
    reports: int = 0
    """How many readers reported it since a person last looked."""
    report_reason: str = ""
    """What the last of them said who said anything."""
    changed: int = 0
    """The stamp of its last change: microseconds, strictly increasing within a site."""
    embargo: int = 0
    """Until when (stamp) the decision is kept from the site; 0 where it is not."""
    previous: Status | None = None
    """What the site still sees while the embargo lasts."""
    previous_version: int = 0
    fingerprint: str = ""
    """The digest of the text's skeleton, by which copies are known."""
    escalated: str = ""
    """The notes with which moderators passed the case on, the latest first."""
    waiting_since: int = 0
    """The stamp when it came in."""
    waits_for: str = ""
    """The reasons it waits for now, where they are not its verdict's."""
    before: Before | None = None
    """What an undo of the last decision brings back."""
    first_text: str = ""
    """The digest of the text it came with; empty where that was not changed."""
    first_published: bool = False
    """Whether it stood approved with that text, and nobody objected."""

    @property
    def urgency(self) -> float:
        """Say how urgent it is while it waits, 0 to 1: passed on comes first, then what readers report."""
        if self.escalated:
            return 1.0
        reported = 0.7 + 0.05 * self.reports if self.reports else 0.0
        return min(MOST_URGENT, max(reported, self.verdict.score if self.verdict else 0.0))

    @property
    def waiting_for(self) -> tuple[str, ...]:
        """List the reasons under which it is found in the queue while it waits."""
        if self.waits_for:
            return tuple(self.waits_for.split())
        return tuple(reason.value for reason in self.verdict.reasons) if self.verdict else ()


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A comment as moderators see it in the queue: waiting, claimed or decided."""

    comment: Stored
    state: str
    since: int = 0
    """The stamp since when it waits; 0 once it is decided."""
    holder: str = ""
    lease_ends: str = ""


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What a moderator wants to see of the queue."""

    sort: str = "priority"
    """priority, oldest or newest."""
    reason: str = ""
    lang: str = ""
    thread: str = ""
    """The url of the page."""
    author: str = ""
    minimum: float = 0.0
    """Urgency from 0 to 1."""
    text: str = ""
    """A text that the comment or its author's name holds, in any case."""
    escalated: bool = False
    limit: int = 50
    cursor: str = ""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One page of the queue."""

    cases: list[Case]
    cursor: str
    """Where the next page begins; empty at the end."""
    count: int
    """How many wait under the one filter that is counted."""
    exact: bool
    """Whether `count` counts exactly what was asked for."""
    complete: bool
    """False where the look stopped before the page was full and the queue at its end."""


class Label(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Truth for training, left by a decision or by a client."""

    id: str
    site: str
    text: str
    values: dict[str, float]
    """Attribute to truth, 0 to 1; an attribute that is not named is not annotated."""
    source: str
    """moderator, perspective, akismet or import."""
    at: str
    by: str = ""
    """Who gave it, as a pseudonym."""
    reason: str = ""
    weight: float = 1.0
    lang: str = ""
    comment_id: str = ""
    author: str = ""
    scores: dict[str, float] = {}
    """What the active model said at that moment."""
    model: str = ""
    about: str = ""
    """author: the author's name or link may be all that was judged, which no row to train from holds; empty: the text."""
    name: str = ""
    url: str = ""
    community: str = ""
    """Which of its communities a client of another service's dialect spoke for."""
    client_token: str = ""
    """What that client calls the comment."""
    hearsay: bool = False
    """True where the client named the comment by text and name only, which everybody can read: no check is answered by it."""


# Who and where ----------------------------------------------------------------------------------


class Threshold(msgspec.Struct, frozen=True, omit_defaults=True):
    """From which score on a comment is held, and from which it is rejected. 1.01 means never; a side that is left out
    comes from the profile."""

    hold_at: float | None = None
    reject_at: float | None = None


class Limits(msgspec.Struct, frozen=True):
    """Allowances, in comments a minute. Site and text are signals only; the others answer 429."""

    site: int = 600
    text: int = 3
    address: int = 30
    email: int = 10
    form_address: int = 5
    reports_address: int = 5


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one site wants. Versioned: a verdict names the version it was given under."""

    version: int = 1
    profile: str = "balanced"
    """watch (nothing is held, everything is logged), balanced, strict."""
    thresholds: dict[str, Threshold] = {}
    """By attribute, and `signals` for the hand-written checks. What is missing comes from the profile."""
    first_comment: str = "score"
    """score, or hold: an author's first comment always waits."""
    trust_after: int = 3
    """Approved comments (and none rejected) after which an author counts as known."""
    links_allowed: int = 2
    min_form_seconds: float = 2.0
    blocked_words: tuple[str, ...] = ()
    suspect_words: tuple[str, ...] = ()
    limits: Limits = Limits()
    undo_seconds: int = 0
    """How long a decision is kept from every channel the site sees, so that it can be taken back. One made in the console
    is kept for 10 seconds also where this says less."""
    wait_warning_minutes: int = 120
    """After how long a waiting queue is told to the site by webhook."""
    hold_unsupported: bool = True
    """Hold what no model can judge because of its language."""
    hold_is_spam: bool = False
    """What an Akismet client hears of a held comment."""
    reported_visible: bool = True
    """Whether a reported comment stays visible until it is decided."""
    keep_contact: bool = False
    """Keep e-mail and address, encrypted, beside their digests."""
    retention_days: int = 90
    """How long after its decision a comment is kept; 0 keeps it for ever."""


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's website: it owns a policy, keys and a queue."""

    id: str
    name: str = ""
    url: str = ""
    lang: str = "en"
    origins: tuple[str, ...] = ()
    """Browser origins that may post with the site's form key."""
    policy: Policy = Policy()
    created_at: str = ""
    coral_secrets: tuple[str, ...] = ()
    """With which Coral signs what it asks about this site's comments; none asks for no signature."""


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key as the store keeps it: the secret's digest, never the secret."""

    id: str
    role: Role
    site: str = ""
    """The one site it belongs to; empty for admin and ml keys of the whole service."""
    digest: str = ""
    label: str = ""
    created_at: str = ""
    not_after: str = ""
    revoked: bool = False
    scores_only: bool = False
    """True for a compat key that may be read by everybody: it scores texts, and does nothing else."""


class Moderator(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who signs in: a moderator, an ML person or an admin."""

    id: str
    email: str
    name: str = ""
    role: Role = Role.MODERATOR
    sites: tuple[str, ...] = ()
    """The sites this person works for; empty means all."""
    password: str = ""
    """argon2id hash; empty until the one-time link is used."""
    totp: str = ""
    totp_step: int = 0
    disabled: bool = False
    generation: int = 0
    """Grows with every change of role, password or sign-out everywhere: older sessions end."""
    created_at: str = ""
    invite: str = ""
    """Digest of the one-time link's token."""
    invite_ends: str = ""


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """Where events of a site go, and the secrets that sign them."""

    id: str
    site: str
    url: str
    secrets: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    """Which events; empty means all."""
    disabled: str = ""
    """Why it is off; empty while it is on."""
    created_at: str = ""


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks: the role, the sites it reaches, and the name decisions carry."""

    role: Role
    id: str
    name: str = ""
    site: str = ""
    sites: tuple[str, ...] = ()
    """Empty means all sites (admin and ml of the whole service, moderators of all)."""
    session: str = ""
    must_enrol: bool = False
    """True where the role must have a second factor and this person has none yet."""

    def reaches(self, site_id: str) -> bool:
        """Say whether this caller may see things of this site."""
        if self.site:
            return self.site == site_id
        return not self.sites or site_id in self.sites
