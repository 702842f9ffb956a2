"""What clients of other services' dialects say of comments becomes labels: weaker than a moderator's, and unlearnable.

One thing is one label: a client that says it twice, or says the contrary later, changes its label and adds none. A
label of a comment that we know goes when the comment is erased, and never replaces what a moderator decided. Whoever
names a comment by nothing but what everybody can read of it leaves a label too, and changes no answer.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from moderation.digests import Digests
from moderation.errors import RateExceeded, UnknownLabel
from moderation.records import Comment, Label, Outcome, Site, Stored, Verdict
from moderation.scoring.fingerprint import fingerprint
from moderation.store.comments import Comments, label_id
from moderation.store.counts import Counts
from moderation.store.labels import Labels
from moderation.telemetry import Telemetry

WEIGHT = 0.5
"""What a client's word weighs beside a moderator's."""
ATTEMPTS = 5
"""How often a correction is tried on the version that others left; so many others mean that it is being worked on."""
EACH_KEY = (120, 60)
"""How much feedback one key may give, in how many seconds: no person says more, and each leaves a label."""
LOOK_BACK = 200
"""How many of an author's comments, newest first, are looked through for the one that is meant."""


class Found(NamedTuple):
    """The comment that a client means."""

    comment: Stored
    surely: bool
    """By the guid we gave, or by an e-mail or network address; text and name alone everybody can read."""


class Feedback:
    """Takes what a client knows better, and leaves it as labels."""

    def __init__(
        self,
        comments: Comments,
        labels: Labels,
        counts: Counts,
        digests: Digests,
        telemetry: Telemetry,
        now: Callable[[], datetime],
    ) -> None:
        self._comments = comments
        self._labels = labels
        self._counts = counts
        self._digests = digests
        self._telemetry = telemetry
        self._now = now

    async def spend(self, site: Site, key: str) -> None:
        """Spend a key's allowance of feedback; raises RateExceeded. The key of a page spends none of the server's."""
        wait = await self._labels.spend(site.id, self._digests.of("feedback", key), *EACH_KEY)
        if wait:
            raise RateExceeded("key", wait, *EACH_KEY, what="corrections")

    # scores suggested for a text ------------------------------------------------------------------

    async def suggest(
        self,
        site: Site,
        text: str,
        values: Mapping[str, float],
        verdict: Verdict,
        *,
        community: str = "",
        client_token: str = "",
        lang: str = "",
    ) -> str:
        """Leave what a client suggests for a text; gives the label's id, which is the same for the same client token."""
        named = client_token or "text\0" + plain(text)
        label = Label(
            id="p-" + self._digests.of("suggested", f"{community}\0{named}"),
            site=site.id,
            text=text,
            values=dict(values),
            source="perspective",
            at=self._written(),
            weight=WEIGHT,
            lang=lang or verdict.lang,
            scores=verdict.scores,
            model=verdict.models[0] if verdict.models else "",
            community=community,
            client_token=client_token,
        )
        return await self._leave(label)

    # a verdict corrected ----------------------------------------------------------------------------

    async def correct(self, site: Site, comment: Comment, verdict: Verdict, *, spam: bool, guid: str = "") -> str:
        """Leave that a comment is spam or is not; gives the label's id, or none where a moderator has decided it.

        `verdict` is what the models say of the text now; where the comment is known, what they said then counts. A
        decision, an edit or an erasure that comes between wins: a label is left for what was read, or not at all.
        """
        found = await self.find(site, comment, guid)
        known = found.comment if found else None
        told = known.verdict.outcome if known is not None and known.verdict is not None else None
        if told is None or (told is Outcome.REJECT) != spam:
            day = self._now().strftime("%Y-%m-%d")
            await self._counts.add(site.id, day, {"missed_spam" if spam else "false_positives": 1})
        if found is None:
            # what was erased teaches nothing, whatever a client still has of it
            erased = self.id_of(site, guid) or not comment.text.strip()
            return "" if erased else await self._leave(self._correction(site, comment, None, verdict, spam=spam))
        for _ in range(ATTEMPTS):
            label = self._correction(site, comment, found, verdict, spam=spam)
            if found.comment.decision is not None:
                return ""
            if await self._leave(label, found.comment.version):
                return label.id
            now = (await self._comments.get_many(site.id, [found.comment.id]))[0]
            if now is None or now.text != found.comment.text or now.version == found.comment.version:
                return ""
            found = found._replace(comment=now)
        return ""

    def _correction(self, site: Site, comment: Comment, found: Found | None, verdict: Verdict, *, spam: bool) -> Label:
        known = found.comment if found else None
        if known is not None and known.verdict is not None:
            verdict = known.verdict
        values = {"spam": 1.0 if spam else 0.0}
        return Label(
            id=label_id(known.id) if known else "k-" + self._digests.of("corrected", _named(comment)),
            site=site.id,
            text=known.text if known else comment.text,
            values=values,
            source="akismet",
            at=self._written(),
            reason="spam" if spam else "",
            weight=WEIGHT,
            lang=verdict.lang or comment.lang,
            comment_id=known.id if known else "",
            author=known.author if known else self._digests.author_of(comment),
            scores=verdict.scores,
            model=verdict.models[0] if verdict.models else "",
            about=verdict.about(values, known.url if known else comment.url),
            name=comment.name,
            url=comment.url,
            hearsay=found is not None and not found.surely,
        )

    async def corrected(self, site: Site, known: Stored) -> bool | None:
        """Say whether a client called a comment spam, and None where none said anything or a moderator decided it.

        What was said of a text that it has no longer counts for nothing. A decision that may still be undone is no secret told: what the client said goes on counting until then.
        """
        if known.decision is not None and not known.embargo:
            return None
        try:
            label = await self._labels.get(site.id, label_id(known.id))
        except UnknownLabel:
            return None
        if label.source != "akismet" or label.hearsay or label.text != known.text:
            return None
        return label.values.get("spam", 0.0) >= 0.5

    async def find(self, site: Site, comment: Comment, guid: str = "") -> Found | None:
        """Find the comment that a client means: by the guid it was given, else by author, text and page."""
        known = self.id_of(site, guid)
        if known:
            found = (await self._comments.get_many(site.id, [known]))[0]
            if found is not None:
                return Found(found, surely=True)
        theirs, _ = await self._comments.of_author(site.id, self._digests.author_of(comment), LOOK_BACK)
        copies = await self._comments.with_text(site.id, fingerprint(comment.text))
        # an author without an e-mail address may have another network address by now: then text and name must do
        named = [one for one in copies if not one.name or not comment.name or one.name == comment.name]
        wanted = plain(comment.text)
        for ours, surely in ((theirs, bool(comment.email or comment.ip)), (named, False)):
            for one in ours:
                pages = {one.thread.url, comment.thread.url} - {""}
                if len(pages) < 2 and plain(one.text) == wanted:
                    return Found(one, surely)
        return None

    # names of comments in 32 hex digits -------------------------------------------------------------

    def guid_of(self, comment_id: str) -> str:
        """Name a comment by 32 hex digits: its id without the site, and what proves that we gave the name."""
        bare = comment_id.rpartition("-")[2]
        return base64.b32hexdecode(bare.upper()).hex() + self._proof(comment_id)

    def id_of(self, site: Site, guid: str) -> str:
        """Give the id that a guid stands for, or nothing where we did not give it for a comment of this site."""
        try:
            bare = base64.b32hexencode(bytes.fromhex(guid[:20])).decode().lower()
        except ValueError:
            return ""
        comment_id = f"{site.id}-{bare}"
        return comment_id if len(guid) == 32 and guid[20:].lower() == self._proof(comment_id) else ""

    def _proof(self, comment_id: str) -> str:
        return hashlib.sha256(self._digests.of("guid", comment_id).encode()).hexdigest()[:12]

    async def _leave(self, label: Label, version: int | None = None) -> str:
        """Leave a label; gives its id, or nothing where it could not be: see Labels.put."""
        if not await self._labels.put(label, int(self._now().timestamp() * 1_000_000), version=version):
            return ""
        for attribute, value in label.values.items():
            self._telemetry.label_left(attribute if value >= 0.5 else f"not_{attribute}", label.source)
        return label.id

    def _written(self) -> str:
        return self._now().isoformat(timespec="seconds").replace("+00:00", "Z")


def plain(text: str) -> str:
    """Bring a text to what survives a site's own handling: quotes unslashed, blanks as one blank."""
    return " ".join(unslashed(text).split())


def unslashed(text: str) -> str:
    """Take back the backslashes that PHP puts before quotes, where every quote of the text has one."""
    if "\\" not in text:
        return text
    out: list[str] = []
    slashed = False
    at = 0
    while at < len(text):
        letter = text[at]
        if letter == "\\":
            following = text[at + 1 : at + 2]
            if following not in ("'", '"', "\\", "0") or not following:
                return text
            slashed = slashed or following in "'\"\\"
            out.append("" if following == "0" else following)
            at += 2
            continue
        if letter in "'\"":
            return text
        out.append(letter)
        at += 1
    return "".join(out) if slashed else text


def _named(comment: Comment) -> str:
    return "\0".join((plain(comment.text), comment.name, comment.email, comment.thread.url))
