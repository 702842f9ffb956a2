"""What Akismet's clients send, read as liberally as they write it: forms with pairs that have no `=`, arrays, other
charsets, slashed quotes, JSON, keys in three places, and any number of fields that are not ours."""

import re
from binascii import unhexlify
from collections.abc import Callable, Iterator, Mapping
from encodings.aliases import aliases
from functools import partial
from typing import Any, AnyStr

import msgspec

from moderation.api.dialects import read_json
from moderation.api.fields import LIMITS, MAX_TEXT, is_language_tag, is_network_address, is_time, is_web_address
from moderation.errors import BodyInvalid, BodyTooLarge
from moderation.feedback import unslashed
from moderation.records import Comment, Thread

MOST_FIELDS = 5_000
"""WordPress sends everything it was sent, and all that its server knows."""
KEPT_HEAD, KEPT_TAIL = 15_000, MAX_TEXT - 15_000 - 5
"""Of a longer text than we keep, its beginning and its end."""
LONGEST_NAME = 100
"""Bytes of a field's name; one that is longer is none of ours."""
LONGEST_JSON = 512 * 1024
"""Bytes; only forms come with everything twice, as WordPress sends it."""
LONGEST_TEXT, LONGEST_LINE = 12 * MAX_TEXT, 8_000
"""Bytes that are read of the text, as long as the largest letters make it, and of any other field: more could not count."""

_KEY = re.compile(r"[0-9a-f]{12}")
_ESCAPED = re.compile(rb"(?:%[0-9A-Fa-f]{2})+")
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_TRUE = frozenset(("1", "true", "yes", "on"))
_NOTHING = frozenset(("undefined", "null"))
"""What clients in JavaScript write for what they do not have (NodeBB); taken at its word, it would be one author."""
_CODECS = frozenset((
    "big5", "big5hkscs", "euc_jp", "euc_kr", "gb18030", "gb2312", "gbk", "iso2022_jp", "iso2022_kr", "koi8_r", "koi8_u",
    "mac_cyrillic", "mac_roman", "shift_jis", "tis_620", "utf_8",
    *(f"cp{number}" for number in (866, 874, 932, 949, 950, *range(1250, 1259))),
    *(f"iso8859_{number}" for number in (*range(2, 12), *range(13, 17))),
))  # fmt: skip
_CHARSETS = (
    {codec: codec for codec in _CODECS}
    | {label: codec for label, codec in aliases.items() if codec in _CODECS}
    # what calls itself Latin-1 on the web is Windows-1252
    | {label: "cp1252" for label, codec in aliases.items() if codec in ("ascii", "latin_1")}
    | {"ascii": "cp1252", "latin_1": "cp1252", "windows_874": "cp874", "windows_31j": "cp932", "x_sjis": "cp932"}
)
"""The charsets of pages, by their names. Any other name is not even looked up: Python remembers each one it is asked for."""


class Fields(Mapping[str, str]):
    """What a request says, by name. A field is decoded when it is asked for: of what WordPress sends, few ever are."""

    def __init__(self, found: Mapping[str, Callable[[], str]]) -> None:
        self._found = found

    def __getitem__(self, name: str) -> str:
        return self._found[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


def read_fields(query: bytes, body: bytes, content_type: str) -> Fields:
    """Read the fields of a request; what the body says wins over the query. Raises BodyInvalid."""
    kind = content_type.partition(";")[0].strip().lower()
    is_json = kind == "application/json" or (not kind and body.lstrip().startswith(b"{"))
    return Fields({**_of_form(query), **(_of_json(body) if is_json else _of_form(body))})


def _of_form(raw: bytes) -> dict[str, Callable[[], str]]:
    if raw.count(b"&") >= MOST_FIELDS:
        raise BodyInvalid(f"more than {MOST_FIELDS} fields")
    said: dict[str, list[bytes]] = {}
    for pair in raw.split(b"&"):
        name, _, value = pair.partition(b"=")
        if not pair or len(name) > LONGEST_NAME:
            continue
        written = _unescaped(name).decode("utf-8", "replace")
        plain = written.rpartition("[")[0] if written.endswith("]") and "[" in written else written
        if plain != written and plain in said:
            said[plain].append(value)
        else:
            said[plain] = [value]
    codec = _codec(said.get("blog_charset", [b""])[-1])
    return {name: partial(_of_pairs, name, values, codec) for name, values in said.items()}


def _of_pairs(name: str, values: list[bytes], codec: str) -> str:
    raw, most = b",+".join(values), _longest(name)
    is_cut = len(raw) > most
    value = _unescaped(_cut(raw, most))
    if value.isascii() and codec in ("utf_8", "cp1252"):
        return value.decode("ascii")
    try:
        return value.decode(codec)
    except UnicodeDecodeError:
        # what is no UTF-8 is what browsers take such bytes for, unless it is the cut that broke a letter
        return value.decode("cp1252" if codec == "utf_8" and not is_cut else codec, "replace")


def _longest(name: str) -> int:
    return LONGEST_TEXT if name == "comment_content" else LONGEST_LINE


def _cut(raw: AnyStr, most: int) -> AnyStr:
    """Leave out the middle of what is too long, in letters or in bytes."""
    return raw if len(raw) <= most else raw[: most - most // 4] + raw[-(most // 4) :]


def _unescaped(raw: bytes) -> bytes:
    return _ESCAPED.sub(lambda run: unhexlify(run[0].replace(b"%", b"")), raw.replace(b"+", b" "))


def _codec(charset: bytes) -> str:
    name = _unescaped(charset[:LONGEST_NAME]).decode("ascii", "replace").strip().lower()
    return _CHARSETS.get(name.replace("-", "_").replace(" ", "_"), "utf_8")


def _of_json(body: bytes) -> dict[str, Callable[[], str]]:
    if len(body) > LONGEST_JSON:
        raise BodyTooLarge(LONGEST_JSON)
    try:
        found = read_json(body or b"{}", dict[str, msgspec.Raw])
    except (ValueError, RecursionError):
        raise BodyInvalid("the body is not a JSON object that can be read") from None
    if len(found) > MOST_FIELDS:
        raise BodyInvalid(f"more than {MOST_FIELDS} fields")
    said = {name: bytes(raw) for name, raw in found.items()}
    return {name: partial(_of_value, name, raw) for name, raw in said.items() if raw != b"null"}


def _of_value(name: str, raw: bytes) -> str:
    if not raw.startswith(b'"'):
        # a list or an object costs far more to read than it is long
        return _said(msgspec.json.decode(raw)) if len(raw) <= LONGEST_LINE else ""
    return _cut(msgspec.json.decode(raw, type=str), _longest(name))


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, list):
        return ", ".join(_said(one) for one in value)
    return str(value)


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
