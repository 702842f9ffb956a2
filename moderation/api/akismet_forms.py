"""What Akismet's clients send, read as liberally as they write it: forms with pairs that have no `=`, arrays, other
charsets, slashed quotes, JSON, keys in three places, and any number of fields that are not ours."""

import codecs
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from moderation.api.dialects import read_json
from moderation.api.fields import LIMITS, MAX_TEXT, is_language_tag, is_network_address, is_time, is_web_address
from moderation.errors import BodyInvalid
from moderation.feedback import unslashed
from moderation.records import Comment, Thread

Fields = Mapping[str, str]

MOST_FIELDS = 5_000
"""WordPress sends everything it was sent, and all that its server knows."""
KEPT_HEAD, KEPT_TAIL = 15_000, MAX_TEXT - 15_000 - 5
"""Of a longer text than we keep, its beginning and its end."""

_KEY = re.compile(r"[0-9a-f]{12}")
_NUMBERED = re.compile(r"\[[^\]]*\]$")
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_TRUE = frozenset(("1", "true", "yes", "on"))
_NOTHING = frozenset(("undefined", "null"))
"""What clients in JavaScript write for what they do not have (NodeBB); taken at its word, it would be one author."""
# codecs that are no charset of a page, and some of which are slow on purpose
_NO_CHARSETS = frozenset(("idna", "punycode", "unicode-escape", "raw-unicode-escape", "utf-7", "undefined"))


def read_fields(query: bytes, body: bytes, content_type: str) -> Fields:
    """Read the fields of a request; what the body says wins over the query. Raises BodyInvalid."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json" or (not kind and body.lstrip().startswith(b"{")):
        return {**_of_form(query), **_of_json(body)}
    return {**_of_form(query), **_of_form(body)}


def _of_form(raw: bytes) -> Fields:
    if raw.count(b"&") >= MOST_FIELDS:
        raise BodyInvalid(f"more than {MOST_FIELDS} fields")
    pairs = list(_pairs(raw))
    charset = next((value for name, value in reversed(pairs) if name == b"blog_charset"), b"")
    codec = _codec(charset.decode("ascii", "replace").strip())
    fields: dict[str, str] = {}
    for name, value in pairs:
        written = name.decode("utf-8", "replace")
        plain = _NUMBERED.sub("", written)
        text = _decoded(value, codec)
        fields[plain] = f"{fields[plain]}, {text}" if plain != written and plain in fields else text
    return fields


def _pairs(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    for pair in raw.split(b"&"):
        if pair:
            name, _, value = pair.replace(b"+", b" ").partition(b"=")
            yield unquote_to_bytes(name), unquote_to_bytes(value)


def _codec(charset: str) -> str:
    try:
        name = codecs.lookup(charset).name.replace("_", "-") if charset else "utf-8"
        "".encode(name)
    except (LookupError, ValueError):
        return "utf-8"
    if name in _NO_CHARSETS:
        return "utf-8"
    # what calls itself Latin-1 on the web is Windows-1252
    return "cp1252" if name in ("iso8859-1", "ascii") else name


def _decoded(value: bytes, codec: str) -> str:
    if value.isascii() and codec in ("utf-8", "cp1252"):
        return value.decode("ascii")
    try:
        return value.decode(codec)
    except UnicodeDecodeError:
        return value.decode("cp1252" if codec == "utf-8" else codec, "replace")


def _of_json(body: bytes) -> Fields:
    try:
        found = read_json(body or b"{}")
        if not isinstance(found, dict):
            raise BodyInvalid("the body is not a JSON object")
        # in here too: lists that can just be read may nest too deep to be told as one line
        return {str(name): _said(value) for name, value in found.items() if value is not None}
    except (ValueError, RecursionError):
        raise BodyInvalid("the body is not JSON that can be read") from None


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, list):
        return ", ".join(_said(one) for one in value)
    return str(value).encode("utf-8", "replace").decode()


def is_set(fields: Fields, name: str) -> bool:
    """Say whether a field says yes, in any of the ways that clients write it."""
    return fields.get(name, "").strip().lower() in _TRUE


def key_of(fields: Fields, host: str, order: tuple[str, ...]) -> str:
    """Find the key: in the fields by this order, else as the first label of the host's name. Never in an address."""
    for name in order:
        if secret := fields.get(name, "").strip():
            return secret
    label, _, rest = host.lower().partition(".")
    return label if rest and _KEY.fullmatch(label) and not is_network_address(host.partition(":")[0]) else ""


def to_comment(fields: Fields, comment_id: str, site_id: str) -> Comment:
    """Make the comment of a check or of a correction; what cannot be what it should be is left out."""
    permalink = _line(fields, "permalink", "thread.url")
    page, url = (permalink if is_web_address(permalink) else ""), _line(fields, "comment_author_url", "url")
    ip = fields.get("user_ip", "").strip()
    lang = fields.get("blog_lang", "").partition(",")[0].strip()
    parent = _line(fields, "comment_parent", "parent_id")
    honeypot = fields.get("honeypot_field_name", "")
    return Comment(
        id=comment_id,
        site=site_id,
        text=clipped(unslashed(fields.get("comment_content", "")).replace("\r\n", "\n").replace("\0", "")),
        name=unslashed(_line(fields, "comment_author", "name")),
        email=_line(fields, "comment_author_email", "email"),
        url=url if is_web_address(url) else "",
        thread=Thread(page),
        parent_id="" if parent == "0" else parent,
        ip=ip if is_network_address(ip) else "",
        user_agent=_line(fields, "user_agent", "user_agent"),
        referrer=_line(fields, "referrer", "referrer"),
        lang=lang if is_language_tag(lang) else "",
        submitted_at=_time(fields.get("comment_date_gmt", "").strip()),
        honeypot=fields.get(honeypot, "")[: LIMITS["honeypot"]] if honeypot else "",
        channel="akismet",
        role=fields.get("user_role", "").strip().lower()[:50],
    )


def clipped(text: str) -> str:
    """Keep the beginning and the end of a text that is longer than we keep, so that nothing hides at its end."""
    return text if len(text) <= MAX_TEXT else f"{text[:KEPT_HEAD]}\n...\n{text[-KEPT_TAIL:]}"


def _line(fields: Fields, name: str, limit: str) -> str:
    line = _HIDDEN.sub(" ", fields.get(name, "")).strip()
    return "" if line in _NOTHING else line[: LIMITS[limit]]


def _time(written: str) -> str:
    for candidate in (written, written.replace(" ", "T") + "Z"):
        if is_time(candidate):
            return candidate
    return ""
