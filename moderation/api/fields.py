"""A submission on the wire: decoded leniently, then one pure function names every wrong field at once.

What cannot be read at all is BodyInvalid; what can be read and is wrong is FieldsInvalid. Neither ever echoes what was sent.
"""

import ipaddress
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
from email_validator import SPECIAL_USE_DOMAIN_NAMES, validate_email

from moderation.errors import BodyInvalid, FieldError, FieldsInvalid
from moderation.messages import has_message, message
from moderation.records import Comment, Thread

MAX_TEXT = 20_000
LIMITS = {
    "name": 200,
    "email": 254,
    "text": MAX_TEXT,
    "url": 2_000,
    "thread.url": 2_000,
    "thread.title": 500,
    "parent_id": 200,
    "ip": 45,
    "user_agent": 2_000,
    "referrer": 2_000,
    "lang": 35,
    "external_id": 200,
    "submitted_at": 40,
    "honeypot": 2_000,
}
"""The most characters that each field may have."""

_MOST_ERRORS = 50


class SubmittedThread(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The page that a comment stands under, as a site sends it."""

    url: str = ""
    title: str = ""


class Submission(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A comment as a site sends it. `name`, `email` and `text` are required; that they are missing is said in a sentence."""

    name: str = ""
    email: str = ""
    text: str = ""
    url: str = ""
    thread: SubmittedThread = SubmittedThread()
    parent_id: str = ""
    ip: str = ""
    user_agent: str = ""
    referrer: str = ""
    lang: str = ""
    external_id: str = ""
    submitted_at: str = ""
    honeypot: str = ""
    form_seconds: float | None = None

    def to_comment(self, comment_id: str, site_id: str, channel: str = "api", ip: str = "") -> Comment:
        """Make it the record that the house works on; `ip` is the caller's, where the submission names none."""
        return Comment(
            id=comment_id,
            site=site_id,
            text=self.text,
            name=self.name.strip(),
            email=self.email.strip(" "),
            url=self.url.strip(" "),
            thread=Thread(self.thread.url, self.thread.title),
            parent_id=self.parent_id,
            ip=self.ip or ip,
            user_agent=self.user_agent,
            referrer=self.referrer,
            lang=self.lang,
            external_id=self.external_id,
            submitted_at=self.submitted_at,
            honeypot=self.honeypot,
            form_seconds=self.form_seconds,
            channel=channel,
        )


def schema() -> dict[str, Any]:
    """Describe a submission as JSON Schema, with the required fields and the limits that `field_errors` holds to."""
    (_,), components = msgspec.json.schema_components([Submission], ref_template="#/$defs/{name}")
    described: dict[str, Any] = components["Submission"]
    described["properties"]["thread"] = components["SubmittedThread"]
    for field, limit in LIMITS.items():
        outer, _, inner = field.partition(".")
        described_field = described["properties"][outer]
        if inner:
            described_field = described_field["properties"][inner]
        described_field["maxLength"] = limit
    for field in ("name", "email", "text"):
        described["properties"][field].pop("default")
        described["properties"][field]["minLength"] = 1
    described["properties"]["form_seconds"] = {"type": ["number", "null"], "minimum": 0, "default": None}
    described["required"] = ["name", "email", "text"]
    return described


# Decoding ---------------------------------------------------------------------------------------

_SUBMISSION = msgspec.json.Decoder(Submission)
_PARTS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_STRING = msgspec.json.Decoder(str)
_NUMBER = msgspec.json.Decoder(float)


def decode(body: bytes, lang: str = "en") -> Submission:
    """Read a JSON body. A null counts as left out; of a key that comes twice the last one counts, as everywhere in JSON."""
    try:
        return _SUBMISSION.decode(body)
    except msgspec.ValidationError:
        return _decode_by_field(body, lang)
    except msgspec.DecodeError as error:
        raise BodyInvalid(f"the body is not valid JSON: {error}") from None
    except UnicodeDecodeError:
        raise BodyInvalid("the body is not valid UTF-8") from None
    except RecursionError:
        raise BodyInvalid("the body is nested too deeply") from None


def faultless(body: bytes) -> Submission | None:
    """Read a JSON body in which nothing is wrong; for any other, None: `decode` and `check` name what is."""
    try:
        submission = _SUBMISSION.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return None if _faults(submission) else submission


def _decode_by_field(body: bytes, lang: str) -> Submission:
    """Read field by field, so that every field of a wrong type is named, and what else is wrong as well."""
    errors: list[FieldError] = []
    try:
        parts = _PARTS.decode(body)
        values = dict(_values(parts, Submission, "", lang, errors))
    except msgspec.ValidationError:
        raise BodyInvalid("the body is not a JSON object") from None
    except msgspec.DecodeError as error:
        raise BodyInvalid(f"the body is not valid JSON: {error}") from None
    except UnicodeDecodeError:
        raise BodyInvalid("the body is not valid UTF-8") from None
    except RecursionError:
        raise BodyInvalid("the body is nested too deeply") from None
    submission = Submission(**values)
    if errors:
        named = {error.field for error in errors}
        errors += (error for error in field_errors(submission, lang) if error.field not in named)
        raise FieldsInvalid(errors)
    return submission


def _values(
    parts: Mapping[str, msgspec.Raw], shape: type[msgspec.Struct], prefix: str, lang: str, errors: list[FieldError]
) -> Iterator[tuple[str, Any]]:
    for name, raw in parts.items():
        field = prefix + name
        if len(errors) >= _MOST_ERRORS:
            return
        if name not in shape.__struct_fields__:
            if all(error.field != _shown(field) for error in errors):
                errors.append(_error(_shown(field), "unknown_field", lang))
            continue
        if bytes(raw) == b"null":
            continue
        try:
            if field == "thread":
                inner = _PARTS.decode(raw)
                yield name, SubmittedThread(**dict(_values(inner, SubmittedThread, "thread.", lang, errors)))
            else:
                yield name, (_NUMBER if field == "form_seconds" else _STRING).decode(raw)
        except msgspec.ValidationError:
            expected = {"thread": "an object", "form_seconds": "a number"}.get(field, "a string")
            found = _kind(bytes(raw))
            code = "out_of_range" if found == expected else "wrong_type"
            errors.append(_error(field, code, lang, expected=expected, found=found))


def _kind(raw: bytes) -> str:
    return {b'"': "a string", b"{": "an object", b"[": "a list", b"t": "true or false", b"f": "true or false"}.get(
        raw[:1], "a number"
    )


def _shown(field: str) -> str:
    """Show a strange field's name, but not more of it than helps, and nothing that nobody sees."""
    return "".join(character if character.isprintable() else "?" for character in field[:60])


def of_form(fields: Mapping[str, str]) -> Submission:
    """Read the fields of an HTML form. Fields that are not ours belong to the site's own form and are let be."""
    seconds = fields.get("form_seconds", "").strip()
    return Submission(
        thread=SubmittedThread(
            fields.get("thread.url", fields.get("thread_url", "")),
            fields.get("thread.title", fields.get("thread_title", "")),
        ),
        form_seconds=_seconds(seconds) if seconds else None,
        **{name: fields[name].replace("\r\n", "\n") for name in _FORM_FIELDS if name in fields},
    )


_FORM_FIELDS = tuple(name for name in Submission.__struct_fields__ if name not in ("thread", "form_seconds"))


def _seconds(written: str) -> float:
    try:
        return float(written)
    except ValueError:
        return math.nan


# Checking ---------------------------------------------------------------------------------------


def field_errors(submission: Submission, lang: str = "en") -> list[FieldError]:
    """Name every wrong field, in the order of the form; an empty list means that all is well."""
    faults = _faults(submission)
    length = len(submission.text)
    return [_error(field, fault, lang, limit=LIMITS.get(field, 0), length=length) for field, fault in faults]


def check(submission: Submission, lang: str = "en") -> None:
    """Raise FieldsInvalid with every wrong field, or do nothing."""
    if errors := field_errors(submission, lang):
        raise FieldsInvalid(errors)


def _error(field: str, code: str, lang: str, **facts: object) -> FieldError:
    key = f"{field.replace('.', '_')}.{code}"
    return FieldError(field, code, message(key if has_message(key) else f"any.{code}", lang, field=field, **facts))


def _faults(it: Submission) -> list[tuple[str, str]]:
    thread = it.thread
    # Most submissions hold nothing but printable characters: one look at all their lines together says so.
    lines = (
        it.name + it.email + it.url + thread.url + thread.title + it.parent_id + it.ip + it.user_agent
        + it.referrer + it.lang + it.external_id + it.submitted_at
    )  # fmt: skip
    odd = not lines.isprintable()
    faults = [
        ("text", _text_fault(it.text)),
        ("name", _name_fault(it.name, odd)),
        ("email", _email_fault(it.email, odd)),
    ]
    if it.url and (odd or not is_web_address(it.url)):
        faults.append(("url", _optional_fault("url", it.url, is_web_address)))
    if thread.url and (odd or not is_web_address(thread.url)):
        faults.append(("thread.url", _optional_fault("thread.url", thread.url, is_web_address)))
    if it.ip and (odd or not is_network_address(it.ip)):
        faults.append(("ip", _optional_fault("ip", it.ip, is_network_address)))
    if it.lang and (odd or not is_language_tag(it.lang)):
        faults.append(("lang", _optional_fault("lang", it.lang, is_language_tag)))
    if it.submitted_at and (odd or not is_time(it.submitted_at)):
        faults.append(("submitted_at", _optional_fault("submitted_at", it.submitted_at, is_time)))
    if (
        odd
        or len(thread.title) > LIMITS["thread.title"]
        or len(it.parent_id) > LIMITS["parent_id"]
        or len(it.user_agent) > LIMITS["user_agent"]
        or len(it.referrer) > LIMITS["referrer"]
        or len(it.external_id) > LIMITS["external_id"]
    ):
        faults.append(("thread.title", _optional_fault("thread.title", thread.title)))
        for field in ("parent_id", "user_agent", "referrer", "external_id"):
            faults.append((field, _optional_fault(field, getattr(it, field))))
    if it.form_seconds is not None and not 0 <= it.form_seconds < math.inf:
        faults.append(("form_seconds", "invalid"))
    if len(it.honeypot) > LIMITS["honeypot"]:
        faults.append(("honeypot", "too_long"))
    return [(field, fault) for field, fault in faults if fault]


def _optional_fault(field: str, value: str, valid: Callable[[str], bool] | None = None) -> str:
    if len(value) > LIMITS[field]:
        return "too_long"
    if value and (fault := _line_fault(value)):
        return fault
    return "invalid" if value and valid is not None and not valid(value) else ""


def _name_fault(name: str, odd: bool) -> str:
    if is_blank(name):
        return "missing"
    if len(name) > LIMITS["name"]:
        return "too_long"
    return _line_fault(name) if odd else ""


def _email_fault(email: str, odd: bool) -> str:
    if is_blank(email):
        return "missing"
    if odd and (fault := _line_fault(email)):
        return fault
    return "" if is_email(email.strip(" ")) else "invalid"


def _text_fault(text: str) -> str:
    if is_blank(text):
        return "missing"
    if len(text) > MAX_TEXT:
        return "too_long"
    if "\0" in text:
        return "nul"
    return "" if text.isascii() or is_text(text) else "surrogate"


_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def _line_fault(line: str) -> str:
    if _CONTROL.search(line):
        return "nul" if "\0" in line else "hidden_characters"
    return "" if is_text(line) else "surrogate"


def is_text(value: str) -> bool:
    """Say whether this can be written as UTF-8: half a surrogate pair cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


_SEEN = re.compile(
    "[^\\s\x00-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e0fff\u0300-\u036f\u20d0-\u20ff]"
)


def is_blank(value: str) -> bool:
    """Say whether there is nothing to see: no characters, or only spaces, hidden ones and marks that stand on nothing."""
    return not value or (not ("!" <= value[0] <= "~") and _SEEN.search(value) is None)


_PLAIN_EMAIL = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\.)+([A-Za-z]{2,})")
_MAX_PLAIN = 64
"""Up to this length in all, no part of an address can be too long."""
_RESERVED = frozenset(SPECIAL_USE_DOMAIN_NAMES)


def is_email(address: str) -> bool:
    """Say whether email-validator takes this address (strict, without asking the DNS).

    The library needs 33 us. The plain form that most people have is told from one pattern, which takes nothing that
    the library refuses; everything else is left to the library.
    """
    if len(address) <= _MAX_PLAIN:
        plain = _PLAIN_EMAIL.fullmatch(address)
        if plain and plain[1].lower() not in _RESERVED:
            return True
    elif len(address) > LIMITS["email"]:
        return False
    try:
        validate_email(address, strict=True, check_deliverability=False)
    except ValueError:
        return False
    return True


_WEB_ADDRESS = re.compile(
    r" *https?://(?:[a-z0-9.-]+|(?:[^\s/?#@\\<>\"]*@)?(?:\[([0-9a-f:.]+)\]|[^\s/?#@\\<>\":\[\]%]+))(?::[0-9]{0,5})?"
    r"(?:[/?#][^\s<>\"]*)? *",
    re.IGNORECASE,
)


def is_web_address(value: str) -> bool:
    """Say whether this is an absolute http or https address with a host."""
    found = _WEB_ADDRESS.fullmatch(value) if len(value) <= LIMITS["url"] else None
    return found is not None and (found[1] is None or (":" in found[1] and is_network_address(found[1])))


_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)", re.ASCII)


def is_network_address(value: str) -> bool:
    """Say whether this is an IPv4 or IPv6 address, without a zone."""
    if _IPV4.fullmatch(value):
        return True
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return "%" not in value


_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{1,8}){0,6}")


def is_language_tag(value: str) -> bool:
    """Say whether this looks like a language tag; `pt_BR` is taken as well as `pt-BR`."""
    return _LANGUAGE_TAG.fullmatch(value) is not None


_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:)(\d\d)(?:\.\d{1,12})?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
)


def is_time(value: str) -> bool:
    """Say whether this is a time as RFC 3339 writes it; the leap second :60 is one."""
    parts = _TIME.fullmatch(value)
    if parts is None:
        return False
    try:
        datetime.fromisoformat(f"{parts[1].upper()}{'59' if parts[2] == '60' else parts[2]}{parts[3].upper()}")
    except ValueError:
        return False
    return True
