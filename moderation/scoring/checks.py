"""The hand-written checks. Each is built by a function that closes over its threshold, sees facts only, and always answers.

A signal's facts are numbers and short strings; none of them ever holds an e-mail or network address.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import islice

import re2

from moderation.records import Comment, History, Mark, Reason, Signal
from moderation.scoring.folding import fold
from moderation.scoring.lookalikes import imitated
from moderation.scoring.words import WordList

Check = Callable[[Comment, History], Signal]


def honeypot() -> Check:
    """Build the check for the field that people do not see and robots fill in."""
    clear = Signal("honeypot", 0.0)
    filled = Signal("honeypot", 1.0, Reason.HONEYPOT, hard=True)

    def check(comment: Comment, history: History) -> Signal:
        return filled if comment.honeypot and comment.honeypot.strip() else clear

    return check


def form_speed(min_seconds: float) -> Check:
    """Build the check for a form that was sent faster than anybody reads it."""
    unknown = Signal("form_speed", 0.0, facts=("unknown",))

    def check(comment: Comment, history: History) -> Signal:
        seconds = comment.form_seconds
        if seconds is None:
            return unknown
        facts = (round(seconds, 1), min_seconds)
        if not seconds < min_seconds:
            return Signal("form_speed", 0.0, facts=facts)
        return Signal("form_speed", 0.7 if seconds * 4 >= min_seconds else 0.85, Reason.TOO_FAST, facts)

    return check


def blocked_words(words: Sequence[str]) -> Check:
    """Build the check for words that the site never publishes."""
    return _listed("blocked_words", WordList(words), 1.0, Reason.BLOCKED_WORD)


def suspect_words(words: Sequence[str]) -> Check:
    """Build the check for words that somebody should look at first."""
    return _listed("suspect_words", WordList(words), 0.6, Reason.SUSPECT_WORD)


def _listed(name: str, words: WordList, score: float, reason: Reason) -> Check:
    clear = Signal(name, 0.0)

    def check(comment: Comment, history: History) -> Signal:
        found = words.find(comment)
        return Signal(name, score, reason, found.terms, found.words, hard=True) if found.terms else clear

    check.__qualname__ = name
    return check


def links(allowed: int) -> Check:
    """Build the check for more links than a comment needs; bare domains and `example [dot] com` count as well."""

    few = [Signal("links", 0.0, facts=(count, allowed)) for count in range(min(allowed, _MAX_LINKS) + 1)]

    def check(comment: Comment, history: History) -> Signal:
        count = count_links(comment.text)
        if count <= allowed:
            return few[count]
        return Signal("links", min(0.95, 0.5 + 0.1 * (count - allowed)), Reason.LINKS, (count, allowed))

    return check


def repeated_text() -> Check:
    """Build the check for the same text sent again and again by one author. An edit may repeat itself once."""
    clear = Signal("repeated_text", 0.0, facts=(0,))

    def check(comment: Comment, history: History) -> Signal:
        times = history.same_text_own
        if not times:
            return clear
        score = _REPEATED[min(times - (comment.edits > 0), len(_REPEATED) - 1)]
        return Signal("repeated_text", score, Reason.REPEATED_TEXT if score else Reason.CLEAR, (times,))

    return check


_REPEATED = (0.0, 0.35, 0.6, 0.75, 0.85, 0.9)
"""By how often the author sent this text before; once may be a second click."""


def campaign() -> Check:
    """Build the check for one text sent by several authors. Short courtesies are common, so they need many more."""
    clear = Signal("campaign", 0.0, facts=(0,))

    def check(comment: Comment, history: History) -> Signal:
        authors = history.same_text_authors + (history.same_text_own == 0)
        if authors < 2:
            return clear
        usual = 2 if len(comment.text) >= 60 else 8
        score = min(0.95, 0.35 + 0.15 * (authors - usual)) if authors >= usual else 0.0
        return Signal("campaign", score, Reason.CAMPAIGN if score else Reason.CLEAR, (authors,))

    return check


def velocity() -> Check:
    """Build the check for allowances nearly or wholly spent; a busy site weighs less than a busy address."""
    clear = Signal("velocity", 0.0, facts=(0,))

    def check(comment: Comment, history: History) -> Signal:
        usage = history.usage
        scope, spent = "address", usage.address
        if usage.email > spent:
            scope, spent = "email", usage.email
        if usage.text > spent:
            scope, spent = "text", usage.text
        if usage.site >= 1.0 and spent < 1.0:
            scope, spent = "site", usage.site
        if spent <= 0.5:
            return clear
        score = min(0.9, 0.4 + 0.2 * spent) if spent >= 1.0 else 0.6 * (spent - 0.5)
        if scope == "site":
            score = 0.5
        return Signal("velocity", score, Reason.VELOCITY, (round(100 * spent), scope))

    return check


def author(trust_after: int) -> Check:
    """Build the check for what is known of the author: a moderator's mark, the site's word, or a good record.

    Of an author who is known by a name alone only what is bad counts: everybody may write under that name.
    """
    administrator = Signal("author", 0.0, Reason.TRUSTED, ("administrator",), hard=True)
    marked = Signal("author", 0.0, Reason.TRUSTED, ("marked",))
    new = Signal("author", 0.0, facts=("new", 0, 0))

    def check(comment: Comment, history: History) -> Signal:
        if comment.role == "administrator":
            return administrator
        record = (history.approved, history.rejected)
        match history.mark:
            case Mark.BLOCKED:
                return Signal("author", 1.0, Reason.BLOCKED_AUTHOR, ("blocked", *record), hard=True)
            case Mark.WATCHED:
                return Signal("author", 0.6, Reason.WATCHED_AUTHOR, ("watched", *record), hard=True)
            case Mark.TRUSTED:
                return Signal("author", 0.0, facts=("marked_name", *record)) if history.by_name else marked
        if history.by_name:
            return Signal("author", 0.0, facts=("name", *record)) if history.seen else new
        if history.approved >= trust_after and not history.rejected:
            return Signal("author", 0.0, Reason.TRUSTED, ("known", *record))
        return Signal("author", 0.0, facts=("seen", *record)) if history.seen else new

    return check


def first_comment(rule: str) -> Check:
    """Build the check for authors of whom nothing was published yet; it stops them where the site wants that."""
    clear = Signal("first_comment", 0.0)
    first = Signal("first_comment", 0.3, Reason.FIRST_COMMENT, hard=True) if rule == "hold" else clear

    def check(comment: Comment, history: History) -> Signal:
        known = history.approved or history.mark is Mark.TRUSTED
        return clear if known and not history.by_name else first

    return check


def disposable_email() -> Check:
    """Build the check for e-mail addresses that anybody may open for ten minutes."""
    clear = Signal("disposable_email", 0.0)

    def check(comment: Comment, history: History) -> Signal:
        domain = comment.email.rpartition("@")[2].lower()
        while domain:
            if domain in _DISPOSABLE:
                return Signal("disposable_email", 0.4, Reason.DISPOSABLE_EMAIL, (domain,))
            domain = domain.partition(".")[2]
        return clear

    return check


def lookalike_email() -> Check:
    """Build the check for e-mail addresses at a domain that is written to be taken for another; a person may have one."""
    clear = Signal("lookalike_email", 0.0)

    def check(comment: Comment, history: History) -> Signal:
        domain = comment.email.rpartition("@")[2]
        other = imitated(domain)
        return Signal("lookalike_email", 0.4, Reason.LOOKALIKE_EMAIL, (domain, other)) if other else clear

    return check


def name() -> Check:
    """Build the check for names that advertise or insult."""
    clear = Signal("name", 0.0)

    def check(comment: Comment, history: History) -> Signal:
        if not comment.name:
            return clear
        what = _abuse_of(comment.name)
        return Signal("name", _NAME_ABUSE[what], Reason.NAME_ABUSE, (what,)) if what else clear

    return check


_NAME_ABUSE = {"link": 0.6, "address": 0.5, "number": 0.5, "advertising": 0.6, "insult": 0.6, "long": 0.4}


def _abuse_of(name: str) -> str:
    if "@" in name and _ADDRESS.search(name):
        return "address"
    if ("." in name or "/" in name) and count_links(name):
        return "link"
    if len(name) > 60:
        return "long"
    words = _word_set(name)
    if not words.isdisjoint(_INSULTS):
        return "insult"
    if not words.isdisjoint(_ADVERTISING):
        return "advertising"
    if not name.isalpha() and sum(map(str.isdigit, name)) >= 7:
        return "number"
    return ""


@lru_cache(maxsize=1024)
def _word_set(name: str) -> frozenset[str]:
    return frozenset(_NAME_WORD.findall(fold(name)))


def missing_field() -> Check:
    """Build the check for a comment that came without a name or an e-mail address, as some dialects allow."""
    clear = Signal("missing_field", 0.0)

    def check(comment: Comment, history: History) -> Signal:
        if comment.name and comment.email:
            return clear
        missing = tuple(field for field in ("name", "email") if not getattr(comment, field))
        return Signal("missing_field", 0.1 * len(missing), Reason.MISSING_FIELD, missing)

    return check


def edited(allowed: int = 3) -> Check:
    """Build the check for a text that was changed often since a person last looked at it."""
    clear = Signal("edited", 0.0, facts=(0, allowed))

    def check(comment: Comment, history: History) -> Signal:
        if not comment.edits:
            return clear
        facts = (comment.edits, allowed)
        if comment.edits <= allowed:
            return Signal("edited", 0.0, facts=facts)
        return Signal("edited", 0.5, Reason.EDITED, facts, hard=True)

    return check


def count_links(text: str) -> int:
    """Count the links of a text, up to fifty; e-mail addresses are none."""
    if not (_DOTTED.search(text) or "://" in text or "[.]" in text or "dot" in text or "DOT" in text):
        return 0
    found = _LINK.finditer(text.encode("utf-8", "replace"))
    return min(_MAX_LINKS, sum(match[1] is None for match in islice(found, 2 * _MAX_LINKS)))


def _entries(name: str) -> frozenset[str]:
    lines = (files(__package__) / name).read_text("utf-8").splitlines()
    return frozenset(entry for line in lines if not line.startswith("#") for entry in line.split())


_DISPOSABLE = _entries("disposable_domains.txt")
_ADVERTISING = _entries("name_advertising.txt")
_INSULTS = _entries("name_insults.txt")

_MAX_LINKS = 50
_NAME_WORD = re.compile(r"[^\W_]+")
_ADDRESS = re.compile(r"[^\s@]@[^\s@.]+\.[^\s@]")
_DOTTED = re.compile(r"[.\u3002\uff0e\u2024][^\W\d_]")
_TLDS = [
    "com",
    "net",
    "org",
    "info",
    "biz",
    "ru",
    "xyz",
    "top",
    "shop",
    "online",
    "site",
    "club",
    "icu",
    "vip",
    "live",
    "store",
    "space",
    "click",
    "link",
    "buzz",
    "win",
    "bid",
    "loan",
    "men",
    "work",
    "pro",
    "su",
    "cn",
    "tk",
    "ml",
    "ga",
    "cf",
    "gq",
    "de",
    "fr",
    "uk",
    "ua",
    "pl",
    "nl",
    "es",
    "br",
    "eu",
    "io",
    "co",
    "cc",
    "ly",
    "me",
    "gl",
    "app",
    "dev",
    "page",
    "blog",
    "tv",
    "ws",
    "us",
    "in",
    "id",
    "ir",
]
# Capitalised endings are left out: `the end.In short` is a sentence, not a domain.
_TLD = f"(?-i:{'|'.join([*_TLDS, *map(str.upper, _TLDS)])})"
_DOT = r"(?:[.\x{3002}\x{ff0e}\x{2024}]|\s?[\[({]\s?(?:dot|\.)\s?[\])}]\s?)"
_LABEL = r"[\pL\pN][\pL\pN-]*"
_LINK = re2.compile(
    r"(?i)([\w.+-]+@[\w.-]+)"
    r"|(?:h(?:tt|xx)ps?|ftp)\s?(?::|\[:\])//\S*"
    rf"|{_LABEL}(?:{_DOT}{_LABEL})*{_DOT}{_TLD}(?:[/:?#]\S*|$|[^\pL\pN-])"
)
"""Links, and in its one group the e-mail addresses that look like some. Linear on any text."""
