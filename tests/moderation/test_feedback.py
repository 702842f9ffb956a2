"""Feedback: what a client knows better becomes one label a thing, weaker than a moderator's, and names only what we named."""

from datetime import UTC, datetime

import msgspec
import pytest

from moderation.digests import Arrival, Digests
from moderation.errors import RateExceeded, UnknownLabel
from moderation.feedback import WEIGHT, Feedback, plain, unslashed
from moderation.records import Comment, Decision, DecisionKind, Outcome, Reason, Site, Status, Thread, Verdict
from moderation.scoring.fingerprint import fingerprint
from moderation.store.comments import Comments, Move, label_id
from moderation.store.connection import Connection
from moderation.store.counts import Counts
from moderation.store.labels import Labels, encode_label
from moderation.store.sites import Sites
from moderation.telemetry import Telemetry

DIGESTS = Digests(bytes(range(32)))
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ID = "news-0123456789abcdef"
HELD = Verdict(outcome=Outcome.HOLD, reasons=(Reason.SPAM,), scores={"spam": 0.8}, models=("v1",), lang="en")
APPROVED = Verdict(outcome=Outcome.APPROVE, scores={"spam": 0.1}, models=("v2",), lang="en")
COMMENT = Comment(
    id=ID,
    site="news",
    text='It\'s a "good" day for the readers of this paper',
    name="Ann",
    email="ann@posteo.net",
    thread=Thread("https://news.example/a"),
)


class Desk:
    """Feedback and what it stands on."""

    def __init__(self, connection: Connection, site: Site) -> None:
        self.site, self.comments, self.labels = site, Comments(connection), Labels(connection)
        self.counts = Counts(connection)
        self.feedback = Feedback(self.comments, self.labels, self.counts, DIGESTS, Telemetry(), lambda: NOW)

    async def record(self, comment: Comment = COMMENT, verdict: Verdict = HELD) -> None:
        arrival = Arrival(comment=comment, author=DIGESTS.author_of(comment), fingerprint=fingerprint(comment.text))
        await self.comments.record(self.site, [(arrival, verdict)], day="2026-01-02")

    async def kept(self) -> list:
        return [label async for label in self.labels.walk("news")]


@pytest.fixture
async def desk(connection: Connection) -> Desk:
    return Desk(connection, await Sites(connection).add(Site(id="news")))


async def test_the_same_suggestion_is_one_label_and_a_later_one_changes_it(desk: Desk) -> None:
    suggest = desk.feedback.suggest
    first = await suggest(desk.site, "A text", {"toxicity": 0.9}, APPROVED, client_token="t", community="c")
    again = await suggest(desk.site, "A text", {"toxicity": 0.2}, APPROVED, client_token="t", community="c")
    assert first == again
    (label,) = await desk.kept()
    assert (label.values, label.weight, label.source) == ({"toxicity": 0.2}, WEIGHT, "perspective")
    assert (label.scores, label.model, label.at) == ({"spam": 0.1}, "v2", "2026-01-02T03:04:05Z")
    others = {
        await suggest(desk.site, "A text", {"toxicity": 1}, APPROVED, client_token="u", community="c"),
        await suggest(desk.site, "A text", {"toxicity": 1}, APPROVED, client_token="t", community="d"),
        await suggest(desk.site, "A text", {"toxicity": 1}, APPROVED),
    }
    assert len(others | {first}) == 4
    assert await suggest(desk.site, "A  text\n", {"toxicity": 1}, APPROVED) in others, (
        "without a token the text is the name"
    )


async def test_a_correction_of_a_comment_we_know_is_its_label_with_what_the_model_said_then(desk: Desk) -> None:
    await desk.record()
    told = await desk.feedback.correct(desk.site, COMMENT, APPROVED, spam=True)
    assert told == label_id(ID)
    assert await desk.feedback.correct(desk.site, COMMENT, APPROVED, spam=False) == told
    (label,) = await desk.kept()
    assert (label.values, label.reason, label.weight) == ({"spam": 0.0}, "", WEIGHT)
    assert (label.scores, label.model, label.author) == ({"spam": 0.8}, "v1", DIGESTS.author_of(COMMENT))


async def test_a_moderators_decision_stands_whatever_a_client_says(desk: Desk) -> None:
    await desk.record()
    stored = await desk.comments.get("news", ID)
    decision = Decision(decision=DecisionKind.APPROVE, by="m1", at="2026-01-02T00:00:00Z")
    await desk.comments.move(
        stored, Move(event="case.decided", status=Status.APPROVED, decision=decision), day="2026-01-02"
    )
    assert await desk.feedback.correct(desk.site, COMMENT, APPROVED, spam=True) == ""
    assert await desk.feedback.corrected(desk.site, await desk.comments.get("news", ID)) is None
    assert await desk.kept() == []


async def test_what_a_client_said_of_a_comment_is_known_afterwards(desk: Desk) -> None:
    await desk.record()
    stored = await desk.comments.get("news", ID)
    assert await desk.feedback.corrected(desk.site, stored) is None
    for spam in (True, False):
        await desk.feedback.correct(desk.site, COMMENT, APPROVED, spam=spam)
        assert await desk.feedback.corrected(desk.site, stored) is spam
    changed = msgspec.structs.replace(stored, text="Another text")
    assert await desk.feedback.corrected(desk.site, changed) is None, "it was said of the text before"


async def test_a_comment_we_never_saw_is_a_label_by_what_it_says_and_an_empty_one_teaches_nothing(desk: Desk) -> None:
    unknown = Comment(id="", site="news", text="Cheap pills", name="x", email="x@posteo.net")
    label = await desk.feedback.correct(desk.site, unknown, APPROVED, spam=True)
    assert label.startswith("k-")
    assert (await desk.labels.get("news", label)).comment_id == ""
    assert await desk.feedback.correct(desk.site, Comment(id="", site="news", text=" "), APPROVED, spam=True) == ""
    with pytest.raises(UnknownLabel):
        await desk.labels.get("news", "")


async def test_a_decision_takes_a_label_out_of_those_that_make_room(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moderation.store.labels.OUTSIDE_KEPT", 1)
    await desk.record()
    await desk.feedback.correct(desk.site, COMMENT, APPROVED, spam=False)
    label = msgspec.structs.replace((await desk.kept())[0], source="moderator")
    decision = Decision(decision=DecisionKind.APPROVE, by="m1", at="2026-01-02T00:00:00Z")
    decided = Move(event="case.decided", status=Status.APPROVED, decision=decision, label=encode_label(label))
    await desk.comments.move(await desk.comments.get("news", ID), decided, day="2026-01-02")
    for text in ("one text", "another text"):
        await desk.feedback.suggest(desk.site, text, {"toxicity": 1.0}, APPROVED)
    assert {(one.source, one.text) for one in await desk.kept()} == {
        ("moderator", COMMENT.text),
        ("perspective", "another text"),
    }


async def test_a_key_says_so_much_in_a_minute_and_another_key_is_not_kept_from_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moderation.feedback.EACH_KEY", (3, 60))
    for _ in range(3):
        await desk.feedback.spend(desk.site, "first")
    with pytest.raises(RateExceeded, match="too many corrections from this key"):
        await desk.feedback.spend(desk.site, "first")
    await desk.feedback.spend(desk.site, "second")


async def test_what_was_erased_teaches_nothing(desk: Desk) -> None:
    await desk.record()
    erase = Move(event="comment.erased", status=None, queue="leave", forget_label=True)
    await desk.comments.move(await desk.comments.get("news", ID), erase, day="2026-01-02")
    assert await desk.feedback.correct(desk.site, COMMENT, APPROVED, spam=True, guid=desk.feedback.guid_of(ID)) == ""
    assert await desk.kept() == []


async def test_a_correction_is_counted_where_the_verdict_was_another(desk: Desk) -> None:
    await desk.record(verdict=Verdict(outcome=Outcome.REJECT))
    await desk.feedback.correct(desk.site, COMMENT, APPROVED, spam=True)
    assert "missed_spam" not in (await desk.counts.of_days("news", ["2026-01-02"]))[0], "we had said so"
    await desk.feedback.correct(desk.site, COMMENT, APPROVED, spam=False)
    assert (await desk.counts.of_days("news", ["2026-01-02"]))[0]["false_positives"] == 1


async def test_a_comment_is_found_by_its_guid_or_by_author_text_and_page(desk: Desk) -> None:
    await desk.record()
    find = desk.feedback.find
    anything = Comment(id="", site="news", text="another")
    assert (await find(desk.site, anything, desk.feedback.guid_of(ID))).comment.id == ID
    assert await find(desk.site, anything) is None
    slashed = Comment(
        id="", site="news", text='It\\\'s  a \\"good\\" day for the readers of this paper', email="Ann@posteo.net"
    )
    assert (await find(desk.site, slashed)).comment.id == ID, "slashes, blanks and case are a site's own handling"
    moved = Comment(id="", site="news", text=COMMENT.text, name="Ann", ip="192.0.2.1")
    assert (await find(desk.site, moved)).comment.id == ID, "text and name do where there is no e-mail address"
    elsewhere = Comment(
        id="", site="news", text=COMMENT.text, email=COMMENT.email, thread=Thread("https://news.example/b")
    )
    assert await find(desk.site, elsewhere) is None
    bob = Comment(id="", site="news", text=COMMENT.text, name="Bob", email="bob@posteo.net")
    assert await find(desk.site, bob) is None


async def test_a_guid_is_32_hex_digits_that_only_we_can_make(desk: Desk) -> None:
    guid = desk.feedback.guid_of(ID)
    assert len(guid) == 32
    assert desk.feedback.id_of(desk.site, guid) == desk.feedback.id_of(desk.site, guid.upper()) == ID
    forged = [
        guid[:-1] + ("0" if guid[-1] != "0" else "1"),
        "0" + guid[1:],
        guid[:31],
        guid + "0",
        "",
        "z" * 32,
        " " * 32,
        "\u0663" * 32,
    ]
    assert {desk.feedback.id_of(desk.site, one) for one in forged if one != guid} == {""}
    assert desk.feedback.id_of(Site(id="other"), guid) == "", "a guid of another site names nothing here"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"It\'s \"good\"", 'It\'s "good"'),
        (r"It\'s a C:\\temp", r"It's a C:\temp"),
        (r"It's not \'all\'", r"It's not \'all\'"),
        (r"a \n regex", r"a \n regex"),
        ("no slash's", "no slash's"),
        (r"ends in \ ".strip(), r"ends in \ ".strip()),
        (r"only \0 zero", r"only \0 zero"),
        (r"\'\0", "'"),
    ],
)
def test_slashes_go_where_every_quote_has_one_and_an_authors_own_stay(written: str, meant: str) -> None:
    assert unslashed(written) == meant
    assert plain(f"  {written}\n ") == " ".join(meant.split())
