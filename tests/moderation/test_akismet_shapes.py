"""Akismet's figures: what was counted is told as its clients were told it, and what cannot be read is not said."""

import pytest

from moderation.api.akismet_shapes import KeySites, counted, percentage
from moderation.records import Policy, Site

SITE = Site(id="news", url="https://news.example:8443/blog")
COUNTS = {"in": 10, "v:reject": 3, "v:hold": 2, "missed_spam": 1, "false_positives": 2}


def test_a_held_comment_counts_as_what_its_client_heard() -> None:
    assert counted(SITE, COUNTS) == (3, 7, 1, 2)
    assert counted(Site(id="news", policy=Policy(hold_is_spam=True)), COUNTS) == (5, 5, 1, 2)
    assert counted(SITE, {}) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("part", "whole", "share"), [(1, 3, "33.33"), (3, 3, "100.00"), (0, 5, "0.00"), (-2, 5, "0.00")]
)
def test_a_share_has_two_digits_and_is_never_less_than_nothing(part: int, whole: int, share: str) -> None:
    assert percentage(part, whole) == share


def test_numbers_that_are_none_are_taken_as_not_said() -> None:
    assert KeySites.of({"limit": "20", "offset": "3", "month": "2026-01", "unknown": "x"}) == KeySites(
        month="2026-01", limit=20, offset=3
    )
    for text in ("-1", "many", "1e3", "", "9999999", "\u0663"):
        assert KeySites.of({"limit": text, "offset": text}) == KeySites()


def test_a_site_that_did_something_and_is_asked_for_is_one_row_of_strings() -> None:
    (row,) = KeySites().rows(SITE, (3, 7, 1, 2))
    assert row == {
        "site": "news.example:8443", "api_calls": "10", "spam": "3", "ham": "7", "missed_spam": "1",
        "false_positives": "2", "is_revoked": False,
    }  # fmt: skip
    assert KeySites().rows(Site(id="bare"), (0, 0, 0, 1))[0]["site"] == "bare"
    assert KeySites(filter="news").rows(SITE, (1, 0, 0, 0))
    for asked in (KeySites(filter="other"), KeySites(offset=1), KeySites(limit=0)):
        assert asked.rows(SITE, (3, 7, 1, 2)) == []
    assert KeySites().rows(SITE, (0, 0, 0, 0)) == []


def test_the_table_says_the_same_with_commas_under_its_sentence() -> None:
    asked = KeySites(limit=20, offset=0)
    lines = asked.table("0123456789ab", "2026-01", asked.rows(SITE, (3, 7, 1, 2))).split("\n")
    assert lines[0] == "Active sites for 0123456789ab during 2026-01 (limit:20, offset: 0, total: 1)"
    assert lines[1].count(",") == lines[2].count(",") == 6
    assert lines[2] == "news.example:8443,10,3,7,1,2,false"
