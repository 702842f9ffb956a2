"""Coral's phase: its signature, its comment as ours, and a verdict in its words, which never says more than we know."""

import hashlib
import hmac

import pytest

from moderation.api.coral import (
    PhaseAuthor,
    PhaseComment,
    PhaseRequest,
    PhaseStory,
    check_signature,
    to_comment,
    told,
)
from moderation.api.fields import MAX_TEXT
from moderation.errors import KeyRefused
from moderation.records import Outcome, Reason, Site, Verdict

SITE = Site(id="news", coral_secrets=("older secret", "newer secret"))
BODY = b'{"comment": {"body": "hello"}}'


def signed(secret: str, body: bytes = BODY) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("header", ["sha256={newer}", "sha256=00,sha256={older}", "sha256= {newer} "])
def test_a_body_that_any_of_the_secrets_signed_passes(header: str) -> None:
    check_signature(SITE, header.format(older=signed("older secret"), newer=signed("newer secret")), BODY)


@pytest.mark.parametrize(
    "header",
    ["", "sha256=", signed("newer secret"), "sha256=" + signed("another"), "sha256=" + signed("newer secret", BODY + b" "),
     "sha256=" + signed("newer secret").upper(), "sha256=\u00e9", ",".join(["sha256=00"] * 10 + ["sha256=" + signed("older secret")])],
)  # fmt: skip
def test_any_other_is_refused(header: str) -> None:
    with pytest.raises(KeyRefused):
        check_signature(SITE, header, BODY)


def test_a_site_without_secrets_asks_for_no_signature() -> None:
    check_signature(Site(id="news"), "", BODY)


def test_an_author_is_known_by_corals_id_and_staff_by_their_role() -> None:
    asked = PhaseRequest(
        comment=PhaseComment("hello\0", "p1"), author=PhaseAuthor("u1", "MODERATOR"),
        story=PhaseStory("s1", "https://news.example/a"), tenant_domain="coral.example",
    )  # fmt: skip
    comment = to_comment(asked, SITE)
    assert (comment.text, comment.email, comment.parent_id) == ("hello", "u1@coral.example", "p1")
    assert (comment.thread.url, comment.role, comment.channel) == ("https://news.example/a", "administrator", "coral")
    bare = to_comment(PhaseRequest(comment=PhaseComment("x" * (MAX_TEXT + 1)), story=PhaseStory("s", "no url")), SITE)
    assert (bare.email, bare.parent_id, bare.thread.url, bare.role) == ("", "", "", "")
    assert len(bare.text) == MAX_TEXT
    assert to_comment(PhaseRequest(comment=PhaseComment(), author=PhaseAuthor("u2")), SITE).email == "u2@coral.invalid"


@pytest.mark.parametrize(
    ("outcome", "reasons", "status", "flags"),
    [
        (Outcome.HOLD, (Reason.TOXICITY,), "SYSTEM_WITHHELD", ["COMMENT_DETECTED_TOXIC"]),
        (Outcome.HOLD, (Reason.SPAM, Reason.LINKS), "SYSTEM_WITHHELD", ["COMMENT_DETECTED_SPAM"]),
        (Outcome.HOLD, (Reason.LINKS,), "PREMOD", []),
        (Outcome.HOLD, (Reason.UNSCORED,), "PREMOD", []),
        (Outcome.REJECT, (Reason.BLOCKED_WORD,), "REJECTED", ["COMMENT_DETECTED_SPAM"]),
        (Outcome.REJECT, (Reason.TOXICITY,), "REJECTED", ["COMMENT_DETECTED_TOXIC"]),
        (Outcome.REJECT, (Reason.SPAM, Reason.TOXICITY), "REJECTED", ["COMMENT_DETECTED_TOXIC", "COMMENT_DETECTED_SPAM"]),
    ],
)  # fmt: skip
def test_a_verdict_is_a_status_and_the_flags_that_its_reasons_allow(outcome, reasons, status, flags) -> None:
    answer = told(Verdict(outcome=outcome, reasons=reasons))
    assert answer is not None
    assert (answer.status, [action.reason for action in answer.actions]) == (status, flags)


def test_where_nothing_speaks_against_a_comment_coral_is_left_to_itself() -> None:
    assert told(Verdict(outcome=Outcome.APPROVE, watched=True, would=Outcome.REJECT)) is None
