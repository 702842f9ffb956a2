"""Archives of other comment systems, read as a stream of past comments with what was decided of them.

WordPress (WXR), Disqus (its XML export) and a plain JSONL. Nothing is held in memory but the comment at hand and the
names of the pages; a file that declares entities is refused, since nothing honest needs them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree.ElementTree import Element, ParseError, XMLPullParser

import msgspec

from moderation.errors import SetupRefused
from moderation.records import DecisionKind, DecisionReason

CHUNK = 256 * 1024
LONGEST_LINE = 1024 * 1024
FORMATS = ("wordpress", "disqus", "jsonl")


class ArchiveInvalid(SetupRefused):
    """This file is not the archive it should be."""


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """A comment of an archive, and what was decided of it."""

    external_id: str
    text: str
    name: str = ""
    email: str = ""
    url: str = ""
    ip: str = ""
    user_agent: str = ""
    thread_url: str = ""
    thread_title: str = ""
    parent_id: str = ""
    submitted_at: str = ""
    decision: DecisionKind | None = None
    """None: nobody has decided, or it is no comment of a person."""
    reason: DecisionReason | None = None
    skip: str = ""
    """Why it is not taken over: undecided, deleted, pingback, empty."""


class _Line(msgspec.Struct, frozen=True):
    """One line of a plain archive."""

    id: str
    text: str
    status: str
    name: str = ""
    email: str = ""
    url: str = ""
    ip: str = ""
    thread_url: str = ""
    thread_title: str = ""
    parent_id: str = ""
    submitted_at: str = ""


def format_of(path: Path) -> str:
    """Say which format a file has, by its beginning; raises ArchiveInvalid."""
    with _opened(path) as file:
        start = file.read(8192)
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return "jsonl"
    if b"disqus" in start.lower():
        return "disqus"
    if b"<rss" in start and b"wordpress.org/export" in start:
        return "wordpress"
    raise ArchiveInvalid(f"{path} is no WordPress (WXR), Disqus or JSONL archive; say which with --format")


def read(path: Path, kind: str, told: Callable[[int], None] = lambda size: None) -> Iterator[Past]:
    """Read an archive; `told` hears how many bytes were read since the last time. Raises ArchiveInvalid."""
    reader = {"wordpress": _wordpress, "disqus": _disqus, "jsonl": _jsonl}[kind]
    with _opened(path) as file:
        try:
            yield from reader(file, told)
        except ParseError as error:
            raise ArchiveInvalid(f"{path} is broken: {error}") from None


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise ArchiveInvalid(f"{path} cannot be read: {error.strerror}") from None


def _jsonl(file: BinaryIO, told: Callable[[int], None]) -> Iterator[Past]:
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        told(len(line))
        if len(line) > LONGEST_LINE:
            raise ArchiveInvalid(f"line {number} is longer than {LONGEST_LINE} bytes")
        if not line.strip():
            continue
        try:
            found = msgspec.json.decode(line.removeprefix(b"\xef\xbb\xbf"), type=_Line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ArchiveInvalid(f"line {number}: {error}; nothing after it was read") from None
        decision, reason, skip = _DECIDED.get(found.status, (None, None, "undecided"))
        fields = msgspec.structs.asdict(found)
        del fields["id"], fields["status"]
        yield _past(external_id=found.id, decision=decision, reason=reason, skip=skip, **fields)


_DECIDED: dict[str, tuple[DecisionKind | None, DecisionReason | None, str]] = {
    "approved": (DecisionKind.APPROVE, None, ""),
    "1": (DecisionKind.APPROVE, None, ""),
    "rejected": (DecisionKind.REJECT, DecisionReason.OTHER, ""),
    "trash": (DecisionKind.REJECT, DecisionReason.OTHER, ""),
    "spam": (DecisionKind.REJECT, DecisionReason.SPAM, ""),
    "toxic": (DecisionKind.REJECT, DecisionReason.TOXIC, ""),
    "deleted": (None, None, "deleted"),
}


def _wordpress(file: BinaryIO, told: Callable[[int], None]) -> Iterator[Past]:
    link = title = ""
    for event, element in _elements(file, told, ("item", "comment")):
        name = _local(element)
        if event == "start":
            if name == "item":
                link = title = ""
            continue
        if name == "comment":
            # the page's own fields come before its comments
            found = {_local(child): (child.text or "") for child in element}
            kind = found.get("comment_type", "") or "comment"
            decision, reason, skip = _DECIDED.get(found.get("comment_approved", ""), (None, None, "undecided"))
            if kind in ("pingback", "trackback"):
                skip = kind
            yield _past(
                external_id="wp-" + found.get("comment_id", ""),
                text=plain(found.get("comment_content", "")),
                name=found.get("comment_author", ""),
                email=found.get("comment_author_email", ""),
                url=found.get("comment_author_url", ""),
                ip=found.get("comment_author_IP", ""),
                user_agent=found.get("comment_agent", ""),
                parent_id="wp-" + found["comment_parent"] if found.get("comment_parent", "0") != "0" else "",
                submitted_at=_moment(found.get("comment_date_gmt", "")),
                thread_url=link,
                thread_title=title,
                decision=decision,
                reason=reason,
                skip=skip,
            )
            element.clear()
        elif name == "link" and not link:
            link = (element.text or "").strip()
        elif name == "title" and not title:
            title = (element.text or "").strip()
        elif name == "item":
            element.clear()


def _moment(written: str) -> str:
    """Write a time of WordPress as RFC 3339; nothing where it has none (it writes 0000-00-00 then)."""
    try:
        return datetime.strptime(written.strip(), "%Y-%m-%d %H:%M:%S").isoformat() + "Z"
    except ValueError:
        return ""


def _disqus(file: BinaryIO, told: Callable[[int], None]) -> Iterator[Past]:
    pages: dict[str, tuple[str, str]] = {}
    for event, element in _elements(file, told, ("thread", "post")):
        name = _local(element)
        if event == "start" or name not in ("thread", "post"):
            continue
        found = {_local(child): child for child in element}
        if name == "thread" and "link" in found:
            pages[_dsq_id(element)] = (_text(found, "link"), _text(found, "title"))
            element.clear()
        elif name == "post":
            author = {_local(child): (child.text or "") for child in found.get("author", ())}
            link, title = pages.get(_dsq_id(found["thread"]) if "thread" in found else "", ("", ""))
            spam = _text(found, "isSpam") == "true"
            deleted = _text(found, "isDeleted") == "true"
            yield _past(
                external_id="dsq-" + _dsq_id(element),
                text=plain(_text(found, "message")),
                name=author.get("name", ""),
                email=author.get("email", ""),
                ip=_text(found, "ipAddress"),
                parent_id="dsq-" + _dsq_id(found["parent"]) if "parent" in found else "",
                submitted_at=_text(found, "createdAt"),
                thread_url=link,
                thread_title=title,
                decision=DecisionKind.REJECT if spam else DecisionKind.APPROVE,
                reason=DecisionReason.SPAM if spam else None,
                skip="deleted" if deleted and not spam else "",
            )
            element.clear()


def _elements(file: BinaryIO, told: Callable[[int], None], kept: tuple[str, ...]) -> Iterator[tuple[str, Element]]:
    """Give the ends of all elements, and the starts of some; finished ones are cleared, so that memory stays small."""
    parser: Any = XMLPullParser(("start", "end"))
    path: list[Element] = []
    tail = b""
    while chunk := file.read(CHUNK):
        if b"<!ENTITY" in tail + chunk:
            raise ArchiveInvalid("the file declares entities, which no export needs; it is not read")
        tail = chunk[-16:]
        # WordPress writes them as they were typed or pasted, and XML knows none of them
        parser.feed(chunk.translate(None, _NO_XML))
        told(len(chunk))
        for event, element in parser.read_events():
            if event == "start":
                path.append(element)
                if _local(element) in kept:
                    yield "start", element
                continue
            path.pop()
            yield "end", element
            if path and _local(element) in kept and _local(path[-1]) not in kept:
                path[-1].remove(element)
    parser.close()


_NO_XML = bytes(code for code in range(32) if code not in (9, 10, 13))


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _dsq_id(element: Element) -> str:
    return next((value for name, value in element.attrib.items() if name.rpartition("}")[2] == "id"), "")


def _text(found: dict[str, Element], name: str) -> str:
    return (found[name].text or "").strip() if name in found else ""


def _past(*, text: str, skip: str, **fields: object) -> Past:
    text = _CONTROLS.sub("", text).strip()
    if not skip and not text:
        skip = "empty"
    return Past(text=text[:20_000], skip=skip, **fields)  # type: ignore[arg-type]


_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


class _Plain(HTMLParser):
    """Keeps the words of a piece of HTML, and the addresses of its links."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Break lines where the page does; keep where a link goes."""
        if tag in ("br", "p", "div", "li", "blockquote"):
            self.parts.append("\n")
        target = dict(attrs).get("href") if tag == "a" else None
        if target:
            self.parts.append(f" {target} ")

    def handle_data(self, data: str) -> None:
        """Keep the words."""
        self.parts.append(data)


def plain(text: str) -> str:
    """Write HTML as plain text: its words, line breaks, and the addresses of links (which say much about spam)."""
    if "<" not in text:
        return html.unescape(text)
    parser = _Plain()
    parser.feed(text)
    parser.close()
    return re.sub(r"\n{3,}", "\n\n", "".join(parser.parts)).strip()
