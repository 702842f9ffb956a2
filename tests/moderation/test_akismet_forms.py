"""Akismet's forms: read as liberally as clients write them, never beyond their bounds, and no client's fault is ours."""

import encodings
import json
from urllib.parse import quote_plus

import pytest

from moderation.api.akismet_forms import MOST_FIELDS, clipped, is_set, key_of, read_fields, to_comment
from moderation.api.fields import MAX_TEXT
from moderation.errors import BodyInvalid

FORM, JSON = "application/x-www-form-urlencoded", "application/json; charset=utf-8"
ORDER = ("api_key", "key")


def test_the_body_wins_over_the_query_and_a_pair_without_a_value_is_empty() -> None:
    assert read_fields(b"blog=query&is_test=1&lonely", b"blog=body&&text=a+b%21", FORM) == {
        "blog": "body", "is_test": "1", "lonely": "", "text": "a b!",
    }  # fmt: skip


def test_arrays_become_one_line_and_the_later_of_two_plain_fields_counts() -> None:
    assert read_fields(b"", b"tags[]=a&tags[]=b&tags[x]=c&one=1&one=2", FORM) == {"tags": "a, b, c", "one": "2"}


@pytest.mark.parametrize(
    ("charset", "raw", "text"),
    [
        (b"", "\u00e9\u20ac".encode(), "\u00e9\u20ac"),
        (b"", b"caf\xe9 \x80", "caf\u00e9 \u20ac"),
        (b"ISO-8859-1", b"caf\xe9 \x80", "caf\u00e9 \u20ac"),
        (b"windows-1251", "\u043f\u0440\u0438\u0432\u0435\u0442".encode("cp1251"), "\u043f\u0440\u0438\u0432\u0435\u0442"),
        (b"Shift_JIS", "\u65e5\u672c".encode("shift_jis"), "\u65e5\u672c"),
        (b"no-such-charset", "\u00e9".encode(), "\u00e9"),
        (b"utf-7", b"+AGE-", " AGE-"),
        (b"unicode_escape", b"\\u0041", "\\u0041"),
        (b"rot13", b"uryyb", "uryyb"),
        (b"base64", b"aGk", "aGk"),
        (b"\xff\xfe", b"a", "a"),
    ],
)  # fmt: skip
def test_a_form_is_read_in_its_own_charset_and_in_none_that_is_a_trick(charset: bytes, raw: bytes, text: str) -> None:
    body = b"comment_content=" + raw + b"&blog_charset=" + charset
    assert read_fields(b"", body, FORM)["comment_content"] == text


def test_json_is_read_by_its_type_or_by_its_first_brace() -> None:
    body = b' {"is_test": true, "tags": ["a", 1, null], "gone": null, "number": 1.5, "half": "a\\ud83d"}'
    expected = {"is_test": "1", "tags": "a, 1, None", "number": "1.5", "half": "a?"}
    assert read_fields(b"", body, JSON) == read_fields(b"", body, "") == expected
    assert read_fields(b"blog=query", b"", JSON) == {"blog": "query"}


@pytest.mark.parametrize(
    "body",
    [
        b"[1]", b"{", b"\xff", b'{"a": ' + b"[" * 600 + b"]" * 600 + b"}", b'{"a":' * 600 + b"1" + b"}" * 600,
        b"[" * 100_000, b'{"a": ' + b"1" * 5_000 + b"}",
    ],
    ids=["list", "cut", "bytes", "lists_in_lists", "objects_in_objects", "endless", "digits"],
)  # fmt: skip
def test_json_that_cannot_be_told_as_fields_is_the_clients_fault_or_is_read(body: bytes) -> None:
    try:
        assert set(read_fields(b"", body, JSON)) == {"a"}
    except BodyInvalid as refused:
        assert "JSON" in str(refused)  # noqa: PT017 - either is right, a fault of ours is not


def test_no_more_fields_are_read_than_wordpress_would_send() -> None:
    read_fields(b"", b"&".join([b"a=1"] * MOST_FIELDS), FORM)
    for query, body in ((b"&" * MOST_FIELDS, b""), (b"", b"&" * MOST_FIELDS)):
        with pytest.raises(BodyInvalid, match="more than 5000 fields"):
            read_fields(query, body, FORM)


@pytest.mark.parametrize(
    ("fields", "host", "key"),
    [
        ({"api_key": " abc ", "key": "other"}, "", "abc"),
        ({"api_key": "  ", "key": "other"}, "", "other"),
        ({}, "0123456789ab.rest.example:8443", "0123456789ab"),
        ({"key": "given"}, "0123456789ab.rest.example", "given"),
        ({}, "0123456789AB.rest.example", "0123456789ab"),
        ({}, "0123456789ab", ""),
        ({}, "rest.example", ""),
        ({}, "192.0.2.7:80", ""),
        ({}, "[2001:db8::1]:80", ""),
    ],
)
def test_the_key_stands_in_the_fields_or_before_the_hosts_name(fields, host: str, key: str) -> None:
    assert key_of(fields, host, ORDER) == key


@pytest.mark.parametrize(
    ("said", "yes"),
    [("1", True), ("TRUE", True), (" yes ", True), ("on", True), ("0", False), ("", False), ("2", False)],
)
def test_yes_is_said_in_many_ways(said: str, yes: bool) -> None:
    assert is_set({"is_test": said}, "is_test") is yes
    assert not is_set({}, "is_test")


def test_what_cannot_be_what_it_should_be_is_left_out_and_the_comment_is_judged_all_the_same() -> None:
    fields = {
        "comment_content": "It\\'s \\\"good\\\"\r\n\0", "comment_author": "Ann\nLee\x07", "comment_author_email": "no address",
        "comment_author_url": "javascript:alert(1)", "permalink": "not a url", "user_ip": "somewhere", "blog_lang": "en, fr",
        "comment_parent": "0", "comment_date_gmt": "2026-01-02 03:04:05", "user_role": " Administrator ",
        "honeypot_field_name": "hp", "hp": "filled",
    }  # fmt: skip
    comment = to_comment(fields, "news-1", "news")
    assert (comment.text, comment.name) == ('It\'s "good"\n', "Ann Lee")
    assert (comment.url, comment.thread.url, comment.ip, comment.parent_id) == ("", "", "", "")
    assert (comment.lang, comment.submitted_at) == ("en", "2026-01-02T03:04:05Z")
    assert (comment.role, comment.honeypot, comment.channel) == ("administrator", "filled", "akismet")
    assert to_comment({"comment_date_gmt": "yesterday"}, "news-1", "news").submitted_at == ""


def test_of_a_text_that_is_too_long_beginning_and_end_are_kept() -> None:
    text = "begin" + "x" * (2 * MAX_TEXT) + "end"
    assert len(clipped(text)) == MAX_TEXT
    assert clipped(text).startswith("begin")
    assert clipped(text).endswith("end")
    assert clipped("x" * MAX_TEXT) == "x" * MAX_TEXT


def test_of_a_field_that_is_far_too_long_beginning_and_end_are_read_whatever_it_is_in() -> None:
    text = "begin" + "\u043f\u0440\u0438\u0432\u0435\u0442\\'" * 100_000 + "end"
    escaped = quote_plus(text).encode()
    for body, kind in (
        (b"comment_content=" + escaped[:2_000_000] + b"end", FORM),
        (json.dumps({"comment_content": text[:60_000] + "end"}).encode(), JSON),
    ):
        comment = to_comment(read_fields(b"", body, kind), "news-1", "news")
        assert len(comment.text) == MAX_TEXT
        assert comment.text.startswith("begin\u043f\u0440\u0438\u0432\u0435\u0442")
        assert comment.text.endswith("end")
        assert "\ufffd" not in comment.text[:15_000] + comment.text[-4_000:]


def test_a_field_whose_name_is_longer_than_any_of_ours_is_let_be() -> None:
    assert read_fields(b"", b"x" * 1000 + b"=1&blog=b", FORM) == {"blog": "b"}
    assert read_fields(b"", b"a]=1&[]=2&b[=3&c[d][]=4", FORM) == {"a]": "1", "": "2", "b[": "3", "c[d]": "4"}


def test_json_of_more_lists_than_anybody_sends_is_refused_and_brackets_in_a_text_are_none() -> None:
    with pytest.raises(BodyInvalid):
        read_fields(b"", b'{"blog": [' + b"[]," * 30_000 + b"1]}", JSON)
    text = '[{\\"' * 30_000
    assert read_fields(b"", f'{{"comment_content": "{text}"}}'.encode(), JSON)["comment_content"] == '[{"' * 30_000


@pytest.mark.parametrize("escaped", ["\\\\ud83d", "\\ud83d\\ude00", "\\\\\\\\", "\\ud83d\\ude00\\\\ud83d"])
def test_beside_half_a_pair_whole_ones_and_backslashes_stay_what_they_are(escaped: str) -> None:
    said = read_fields(b"", f'{{"text": "{escaped}|\\udc00 \\ud83d"}}'.encode(), JSON)["text"]
    assert said == json.loads(f'"{escaped}"') + "|? ?"


@pytest.mark.parametrize(
    "name", ["x-unheard-of", "utf-8-and-more", "punycode", "x" * 100_000, "\u00e9", "a b", "../os"]
)
def test_a_charset_that_nobody_knows_is_not_looked_up_since_python_would_remember_it_for_ever(name: str) -> None:
    before = set(encodings._cache)
    body = f"comment_content=%C3%A9&blog_charset={quote_plus(name)}".encode()
    assert read_fields(b"", body, FORM)["comment_content"] == "\u00e9"
    assert set(encodings._cache) <= before | {"utf_8"}


@pytest.mark.parametrize(
    "name",
    [
        "UTF-8", "utf8", "ISO-8859-15", "latin1", "US-ASCII", "Windows-1250", "koi8-u", "GB2312", "EUC-JP", "euc_kr", "Big5",
        "windows-874", "x-sjis", "TIS-620", "gb18030", "cp949",
    ],
)  # fmt: skip
def test_the_charsets_of_pages_are_known_by_the_names_they_give_themselves(name: str) -> None:
    letter = "\u00b0" if name.lower() not in ("windows-874", "tis-620") else "\u0e01"
    codec = {"x-sjis": "cp932", "windows-874": "cp874", "us-ascii": "cp1252"}.get(name.lower(), name)
    body = b"comment_content=" + quote_plus(letter.encode(codec)).encode() + b"&blog_charset=" + name.encode()
    assert read_fields(b"", body, FORM)["comment_content"] == letter
