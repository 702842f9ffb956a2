"""Every key name on one page: type, who writes it, when it goes.

All keys of a site share the hash tag {site}, so that one script may touch them together in a cluster. What belongs
to no site has tags of its own: {sites} for sites and their keys, {staff} for people and sessions, {models} for versions.

    cm:{site}:c:<id>          hash    the comment: doc, exp, st, ver, at, ...    record, move; purged by retention
    cm:{site}:q               zset    waiting: id -> stamp when it was held      record, move
    cm:{site}:qp              zset    waiting: id -> urgency, older first        record, move
    cm:{site}:q:r:<reason>    zset    waiting for this reason: id -> stamp       record, move
    cm:{site}:q:l:<lang>      zset    waiting in this language                   record, move
    cm:{site}:q:t:<thread>    zset    waiting under this page                    record, move
    cm:{site}:leases          zset    claimed: id -> ms when the lease ends      claim, release, move
    cm:{site}:holders         hash    claimed: id -> moderator                   claim, release, move
    cm:{site}:a:<author>      hash    what is known of an author                 record, move, mark
    cm:{site}:ac:<author>     zset    an author's comments: id -> stamp          record, move
    cm:{site}:t:<print>       hash    copies of a text: id -> author; n          record; 3 days
    cm:{site}:i:<digest>      string  Idempotency-Key -> body digest + id        record; 24 h
    cm:{site}:x               hash    external id -> id                          record, move
    cm:{site}:th:<thread>     zset    approved under a page: id -> stamp         record, move
    cm:{site}:threads         hash    page digest -> url and title               record
    cm:{site}:changes         zset    id -> stamp of its last change             record, move
    cm:{site}:embargo         zset    decided, not yet told: id -> stamp         move
    cm:{site}:unscored        zset    waiting for a model: id -> stamp           record, move
    cm:{site}:ledger          stream  the audit log, append only, hash chained   record, move; archived
    cm:{site}:head            hash    last hash and last stamp of the ledger     record, move
    cm:{site}:lb              hash    label id -> label                          move, labels
    cm:{site}:lbat            zset    label id -> stamp                          move, labels
    cm:{site}:lbout           zset    label of outside feedback -> stamp         move, labels; the oldest go
    cm:{site}:day:<date>      hash    counts of one day                          record, move; 400 days
    cm:{site}:al:<scope>      string  an allowance: the time it is free again    recall; until then
    cm:{site}:wh              hash    webhook id -> webhook                      deliveries
    cm:{site}:dl:<id>         hash    one delivery                               deliveries; 7 days after its end
    cm:{site}:due:<webhook>   zset    open delivery -> ms when it is tried next  deliveries
    cm:{site}:lane:<w>:<c>    list    open deliveries of one comment, in order   deliveries
    cm:{site}:ended:<webhook> zset    delivery -> ms of its end                  deliveries; 7 days
    cm:{site}:courier         hash    webhook -> how far it has read the ledger  deliveries
    cm:{site}:marked          zset    authors with a mark -> ms of the mark      mark
    cm:{site}:rp:<id>         set     who reported a comment (digests)           report; 30 days
"""

from __future__ import annotations

import functools
from hashlib import blake2b

PREFIX = "cm:"

PERMANENT = (
    "cm:{*}:c:*", "cm:{*}:q", "cm:{*}:qp", "cm:{*}:q:*", "cm:{*}:leases", "cm:{*}:holders", "cm:{*}:a:*", "cm:{*}:ac:*",
    "cm:{*}:x", "cm:{*}:th:*", "cm:{*}:threads", "cm:{*}:changes", "cm:{*}:embargo", "cm:{*}:unscored", "cm:{*}:ledger",
    "cm:{*}:head", "cm:{*}:lb", "cm:{*}:lbat", "cm:{*}:lbout", "cm:{*}:wh", "cm:{*}:dl:*", "cm:{*}:due:*", "cm:{*}:lane:*",
    "cm:{*}:courier", "cm:{*}:marked",
    "cm:{sites}:*", "cm:{staff}:people", "cm:{staff}:mail", "cm:{staff}:ledger", "cm:{staff}:head", "cm:{models}:pointers",
    "cm:{models}:files", "cm:{models}:file:*",
)  # fmt: skip
"""Keys that may live without a TTL; a test fails on any other that does."""

SITES = "cm:{sites}:site"
"""hash: site id -> site record."""
API_KEYS = "cm:{sites}:key"
"""hash: key id -> key record."""
COMPAT_KEYS = "cm:{sites}:compat"
"""hash: digest of a compat key -> key id."""
WEBHOOK_SITES = "cm:{sites}:webhooks"
"""set: sites that have, or had, a webhook."""
LEAVING = "cm:{sites}:leaving"
"""hash: site id -> since when it leaves and by whom, until nothing of it is left."""
GENERATION = "cm:{sites}:generation"
"""string: grows with every change of a site or key, so that every worker drops what it remembers."""
SCHEMA = "cm:{sites}:schema"
"""string: the version of this page; checked at start."""
SCHEMA_VERSION = "1"


def policies(site_id: str) -> str:
    """Name the hash of a site's policies, by version: the policy, when it was set and by whom."""
    return f"cm:{{sites}}:policies:{site_id}"


def everything(site_id: str) -> str:
    """Give the pattern that every key of a site fits, and no other."""
    return f"{PREFIX}{{{site_id}}}:*"


PEOPLE = "cm:{staff}:people"
"""hash: moderator id -> moderator record."""
MAIL = "cm:{staff}:mail"
"""hash: digest of the e-mail address -> moderator id."""
MODELS = "cm:{models}:pointers"
"""hash: active, shadow -> pointer of the registry, as JSON; generation, which grows with every move of one."""
MODEL_FILES = "cm:{models}:files"
"""hash: version -> names of its files that are kept here, as JSON."""


def model_file(version: str, name: str) -> str:
    """Name the string with one file of a model version."""
    return f"cm:{{models}}:file:{version}:{name}"


def model_job(job_id: str) -> str:
    """Name the string with what became of a job on models. TTL: a day."""
    return f"cm:{{models}}:job:{job_id}"


def model_report(version: str) -> str:
    """Name the string with the page that compares a version. It quotes comments. TTL: a week."""
    return f"cm:{{models}}:report:{version}"


def session(digest: str) -> str:
    """Name the hash of one session, by the digest of its token. TTL: its idle time."""
    return f"cm:{{staff}}:session:{digest}"


def sessions_of(moderator_id: str) -> str:
    """Name the set of a person's sessions. TTL: the absolute time of a session."""
    return f"cm:{{staff}}:sessions:{moderator_id}"


def login(scope: str, digest: str) -> str:
    """Name the allowance of sign-in attempts. TTL: until it is free again."""
    return f"cm:{{staff}}:al:{scope}:{digest}"


def mark_beside(name: str) -> str:
    """Name the string that is written before a wait for replicas, on the server that this key lies on. TTL: a minute."""
    begin, end = name.find("{"), name.find("}")
    return f"{PREFIX}{name[begin : end + 1] if 0 <= begin < end else '{work}'}:wait"


def lease(work: str) -> str:
    """Name the lease by which one worker does a piece of background work. TTL: seconds."""
    return f"cm:{{work}}:{work}"


def thread_digest(url: str) -> str:
    """Name a page in few bytes; the same url is the same page. Not kept: a reader may ask for pages of any length."""
    return blake2b(url.encode(), digest_size=8).hexdigest() if url else ""


class SiteKeys:
    """The key names of one site, ready made: the hot path asks for them a dozen times a comment."""

    __slots__ = (
        "allowance", "approved", "author", "author_comments", "changes", "comment", "copies", "courier", "day",
        "delivery", "due", "embargo", "ended", "externals", "head", "holders", "idempotency", "labels", "labels_at",
        "labels_outside", "lane", "leases", "ledger", "marked", "nothing", "queue", "queue_filter", "queue_urgency", "reporters", "site",
        "threads", "unscored", "webhooks",
    )  # fmt: skip

    def __init__(self, site_id: str) -> None:
        tag = f"{PREFIX}{{{site_id}}}:"
        self.site = site_id
        self.comment = (tag + "c:").__add__
        self.queue = tag + "q"
        self.queue_urgency = tag + "qp"
        self.queue_filter = (tag + "q:").__add__
        self.leases = tag + "leases"
        self.holders = tag + "holders"
        self.author = (tag + "a:").__add__
        self.author_comments = (tag + "ac:").__add__
        self.copies = (tag + "t:").__add__
        self.idempotency = (tag + "i:").__add__
        self.externals = tag + "x"
        self.approved = (tag + "th:").__add__
        self.threads = tag + "threads"
        self.changes = tag + "changes"
        self.embargo = tag + "embargo"
        self.unscored = tag + "unscored"
        self.ledger = tag + "ledger"
        self.head = tag + "head"
        self.labels = tag + "lb"
        self.labels_at = tag + "lbat"
        self.labels_outside = tag + "lbout"
        self.day = (tag + "day:").__add__
        self.allowance = (tag + "al:").__add__
        self.webhooks = tag + "wh"
        self.delivery = (tag + "dl:").__add__
        self.due = (tag + "due:").__add__
        self.lane = (tag + "lane:").__add__
        self.ended = (tag + "ended:").__add__
        self.courier = tag + "courier"
        self.marked = tag + "marked"
        self.reporters = (tag + "rp:").__add__
        self.nothing = tag + "-"

    def filters(self, reasons: tuple[str, ...], lang: str, thread: str) -> list[str]:
        """Name the sorted sets besides the queue itself in which a waiting comment stands."""
        names = [self.queue_filter("r:" + reason) for reason in reasons]
        if lang:
            names.append(self.queue_filter("l:" + lang))
        if thread:
            names.append(self.queue_filter("t:" + thread))
        return names


@functools.lru_cache(maxsize=10_000)
def of_site(site_id: str) -> SiteKeys:
    """Give the key names of a site."""
    return SiteKeys(site_id)
