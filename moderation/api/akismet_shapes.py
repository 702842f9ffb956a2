"""The shapes of Akismet's forms and of what it says of an account; counts are strings there, and percentages too."""

import re
from collections.abc import Mapping
from typing import Self
from urllib.parse import urlsplit

import msgspec

from moderation.records import Site

_NUMBER = re.compile(r"[0-9]{1,6}")


class KeyForm(msgspec.Struct):
    """A key, and the site it is for."""

    api_key: str = ""
    key: str = ""
    blog: str = ""


class CheckForm(msgspec.Struct):
    """A comment to check or to correct. Other fields may come along and make no difference."""

    blog: str
    user_ip: str
    api_key: str = ""
    user_agent: str = ""
    referrer: str = ""
    permalink: str = ""
    comment_type: str = ""
    comment_author: str = ""
    comment_author_email: str = ""
    comment_author_url: str = ""
    comment_content: str = ""
    comment_date_gmt: str = ""
    comment_parent: str = ""
    blog_lang: str = ""
    blog_charset: str = ""
    user_role: str = ""
    is_test: str = ""
    recheck_reason: str = ""
    honeypot_field_name: str = ""
    guid: str = ""


class Usage(msgspec.Struct):
    """How much of a month's limit is spent: there is none."""

    limit: str = "none"
    usage: int = 0
    percentage: str = "0"
    throttled: bool = False


class Subscription(msgspec.Struct):
    """An account that is in order."""

    account_id: int
    account_name: str
    account_type: str = "free-api-key"
    status: str = "active"
    next_billing_date: bool = False
    limit_reached: bool = False


class AccountStats(msgspec.Struct):
    """What the checks of some time came to."""

    spam: int
    ham: int
    missed_spam: int
    false_positives: int
    accuracy: str
    time_saved: int = 0
    breakdown: dict[str, int] = {}


class KeySites(msgspec.Struct):
    """What somebody wants to see of a month."""

    api_key: str = ""
    month: str = ""
    filter: str = ""
    format: str = "json"
    limit: int = 500
    offset: int = 0

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> Self:
        """Read it; what cannot be read is taken as not said."""
        found: Self = msgspec.convert(
            {
                name: fields[name]
                for name in ("month", "filter", "format", "limit", "offset")
                if name in fields and (name not in ("limit", "offset") or _NUMBER.fullmatch(fields[name]))
            },
            cls,
            strict=False,
        )
        return found

    def rows(self, site: Site, counts: tuple[int, int, int, int]) -> list[dict[str, str | bool]]:
        """List the sites of the key, of which there is one, if it did anything and is asked for."""
        spam, ham, missed, wrong = counts
        name = urlsplit(site.url).netloc or site.id
        row: dict[str, str | bool] = {
            "site": name,
            "api_calls": str(spam + ham),
            "spam": str(spam),
            "ham": str(ham),
            "missed_spam": str(missed),
            "false_positives": str(wrong),
            "is_revoked": False,
        }
        shown = (spam + ham + missed + wrong) > 0 and self.filter in name
        return [row][self.offset : self.offset + self.limit] if shown else []

    def table(self, key: str, month: str, rows: list[dict[str, str | bool]]) -> str:
        """Write the sites as a table with commas, under the sentence that stands over it."""
        head = f"Active sites for {key} during {month} (limit:{self.limit}, offset: {self.offset}, total: {len(rows)})"
        lines = [
            ",".join(str(value).lower() if value is False else str(value) for value in row.values()) for row in rows
        ]
        return "\n".join([head, "Site,Total API Calls,Spam,Ham,Missed Spam,False Positives,Is Revoked", *lines])


def counted(site: Site, counts: Mapping[str, int]) -> tuple[int, int, int, int]:
    """Give spam, ham, missed spam and false positives, as the site's clients were told."""
    spam = counts.get("v:reject", 0) + (counts.get("v:hold", 0) if site.policy.hold_is_spam else 0)
    return spam, counts.get("in", 0) - spam, counts.get("missed_spam", 0), counts.get("false_positives", 0)


def percentage(part: int, whole: int) -> str:
    """Write a share as a percentage with two digits."""
    return f"{max(0.0, 100 * part / whole):.2f}"
