"""A submission is read leniently; then every wrong field is named at once, in a sentence for people."""

import contextlib
import json
import time

import msgspec
import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from moderation.api import fields
from moderation.api.fields import LIMITS, Submission, SubmittedThread, check, decode, field_errors, of_form, schema
from moderation.errors import BodyInvalid, FieldsInvalid

GOOD = {"name": "Ann", "email": "ann@example.com", "text": "Well said."}


def errors_of(**given: object) -> list[tuple[str, str]]:
    try:
        submission = decode(msgspec.json.encode(GOOD | given))
    except FieldsInvalid as invalid:
        return [(error.field, error.code) for error in invalid.errors]
    return [(error.field, error.code) for error in field_errors(submission)]


def test_a_blank_form_gets_the_three_messages_at_once():
    assert [error.message for error in field_errors(decode(b"{}"))] == [
        "Please enter your comment!",
        "Please enter your name here",
        "Please enter your email address here",
    ]


def test_a_wrong_address_gets_its_message():
    (error,) = field_errors(decode(msgspec.json.encode(GOOD | {"email": "ann@"})))
    assert (error.field, error.message) == ("email", "You have entered an incorrect email address!")


@pytest.mark.parametrize(
    ("lang", "sentence"),
    [
        ("de", "Bitte geben Sie Ihren Kommentar ein!"),
        ("fr", "Veuillez saisir votre commentaire !"),
        ("es", "¡Por favor, escriba su comentario!"),
        ("uk", "Будь ласка, введіть ваш коментар!"),
        ("xx", "Please enter your comment!"),
    ],
)
def test_messages_speak_the_readers_language(lang, sentence):
    assert field_errors(Submission(name="A", email="a@b.com"), lang)[0].message == sentence


@pytest.mark.parametrize(
    "blank",
    [
        "",
        " ",
        "\n\t",
        "\u200b\u200d",
        "\u00a0\u3000",
        "\u3164",
        "\u2800",
        "\ufeff",
        "\u202e\u202c",
        "\u0301",
        "\U000e0041",
    ],
)
def test_blank_means_missing(blank):
    assert errors_of(name=blank, text=blank, email=blank) == [
        ("text", "missing"), ("name", "missing"), ("email", "missing"),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["a", "👍", "赌", "ї", "  x", "\u200bx", ".", "\u0301x", "مرحبا"])
def test_what_can_be_seen_is_not_blank(text):
    assert errors_of(text=text, name=text) == []


def test_everything_optional_may_be_null_or_left_out():
    nothing = {field: None for field in Submission.__struct_fields__ if field not in GOOD}
    assert decode(msgspec.json.encode(GOOD | nothing)) == decode(msgspec.json.encode(GOOD))


def test_a_full_submission_is_taken_and_becomes_a_comment():
    body = GOOD | {
        "url": "https://ann.example/", "thread": {"url": "https://news.example/a", "title": "A"}, "parent_id": "p1",
        "ip": "2001:db8::1", "user_agent": "Mozilla/5.0", "referrer": "https://news.example/", "lang": "en-GB",
        "external_id": "e1", "submitted_at": "2026-05-01T12:00:00.5+02:00", "honeypot": "", "form_seconds": 12,
        "name": " Ann ", "email": "ann@example.com ", "text": " as\r\nwritten ",
    }  # fmt: skip
    submission = decode(msgspec.json.encode(body))
    assert field_errors(submission) == []
    comment = submission.to_comment("c1", "news", ip="192.0.2.1")
    assert (comment.id, comment.site, comment.name, comment.email) == ("c1", "news", "Ann", "ann@example.com")
    assert (comment.text, comment.ip, comment.thread.title) == (" as\r\nwritten ", "2001:db8::1", "A")
    assert comment.form_seconds == 12.0


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"url": "javascript:alert(1)"}, ("url", "invalid")),
        ({"url": "ftp://a.example"}, ("url", "invalid")),
        ({"url": "//a.example"}, ("url", "invalid")),
        ({"url": "https://"}, ("url", "invalid")),
        ({"url": "https:///x"}, ("url", "invalid")),
        ({"url": "https://a b"}, ("url", "invalid")),
        ({"url": "https://[::::::]/"}, ("url", "invalid")),
        ({"url": "https://[192.0.2.1]/"}, ("url", "invalid")),
        ({"url": 'https://a.example/"onmouseover='}, ("url", "invalid")),
        ({"url": "https://a.example/\r\nx"}, ("url", "hidden_characters")),
        ({"url": "https://a.example/" + "x" * 2000}, ("url", "too_long")),
        ({"thread": {"url": "data:text/html,x"}}, ("thread.url", "invalid")),
        ({"thread": {"title": "x" * 501}}, ("thread.title", "too_long")),
        ({"ip": "1.2.3"}, ("ip", "invalid")),
        ({"ip": "256.1.1.1"}, ("ip", "invalid")),
        ({"ip": "fe80::1%eth0"}, ("ip", "invalid")),
        ({"ip": "1.2.3.4\n"}, ("ip", "hidden_characters")),
        ({"lang": "english language"}, ("lang", "invalid")),
        ({"submitted_at": "yesterday"}, ("submitted_at", "invalid")),
        ({"submitted_at": "2026-02-30T00:00:00Z"}, ("submitted_at", "invalid")),
        ({"submitted_at": "2026-02-03T00:00:00"}, ("submitted_at", "invalid")),
        ({"form_seconds": -1}, ("form_seconds", "invalid")),
        ({"text": "x" * 20_001}, ("text", "too_long")),
        ({"text": "a\0b"}, ("text", "nul")),
        ({"name": "a\0b"}, ("name", "nul")),
        ({"name": "Ann\nBob"}, ("name", "hidden_characters")),
        ({"name": "Ann\u0085"}, ("name", "hidden_characters")),
        ({"name": "Ann\u2028"}, ("name", "hidden_characters")),
        ({"name": "x" * 201}, ("name", "too_long")),
        ({"email": "a@b.com\r\nBcc: c@d.com"}, ("email", "hidden_characters")),
        ({"email": "a" * 65 + "@example.com"}, ("email", "invalid")),
        ({"email": "a@b.com" * 60}, ("email", "invalid")),
        ({"user_agent": "x" * 2001}, ("user_agent", "too_long")),
        ({"referrer": "a\x1bb"}, ("referrer", "hidden_characters")),
        ({"external_id": "x" * 201}, ("external_id", "too_long")),
        ({"parent_id": "a\tb"}, ("parent_id", "hidden_characters")),
        ({"honeypot": "x" * 2001}, ("honeypot", "too_long")),
        ({"colour": "red"}, ("colour", "unknown_field")),
        ({"thread": {"colour": "red"}}, ("thread.colour", "unknown_field")),
        ({"thread": "x"}, ("thread", "wrong_type")),
        ({"thread": {"url": 1}}, ("thread.url", "wrong_type")),
        ({"text": 1}, ("text", "wrong_type")),
        ({"text": ["a"]}, ("text", "wrong_type")),
        ({"form_seconds": "3"}, ("form_seconds", "wrong_type")),
        ({"form_seconds": True}, ("form_seconds", "wrong_type")),
    ],
)
def test_each_wrong_field_is_named(given, error):
    assert errors_of(**given) == [error]


@pytest.mark.parametrize(
    "given",
    [
        {"url": "http://a"}, {"url": "HTTPS://Bücher.example:8080/ä?q#f"}, {"url": "http://[2001:db8::1]/x"}, {"url": "https://u:p@a.example/"},
        {"ip": "192.0.2.255"}, {"ip": "::ffff:192.0.2.1"}, {"lang": "pt_BR"}, {"lang": "zh-Hant-TW"},
        {"submitted_at": "2016-12-31T23:59:60Z"}, {"submitted_at": "2026-05-01 12:00:00.123456789-05:30"}, {"form_seconds": 0},
        {"text": "x" * 20_000}, {"text": "line\r\nline\ttab \u200b bell \x07"}, {"name": "Zoë \u200f Ō'Brien"}, {"name": "x" * 200},
    ],
)  # fmt: skip
def test_what_is_unusual_but_right_is_taken(given):
    assert errors_of(**given) == []


def test_all_wrong_fields_are_named_at_once_whatever_is_wrong_with_them():
    found = errors_of(
        name=7, email="bad", text="", url="x", ip="x", colour=1, form_seconds="x", thread={"url": 1, "x": 2}
    )
    assert {field for field, _ in found} == {
        "name", "email", "text", "url", "ip", "colour", "form_seconds", "thread.url", "thread.x",
    }  # fmt: skip
    assert len(found) == 9


def test_a_flood_of_strange_fields_is_answered_with_a_bounded_list():
    assert len(errors_of(**{f"f{number}": 1 for number in range(5000)})) <= 55


def test_messages_never_repeat_what_was_sent():
    with pytest.raises(FieldsInvalid) as invalid:
        check(
            Submission(
                name="canary\n", email="canary@", text="canary\0", url="canary", ip="canary", lang="canary canary"
            )
        )
    assert "canary" not in str(invalid.value)
    assert len(invalid.value.errors) == 6


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b'"x"', b"null", b"1", b'{"text":"\xff"}', b'{"text":"\xed\xa0\x80"}', b'{"text":"\xc0\xaf"}',
        rb'{"text":"\ud800"}', rb'{"text":"\udc00"}', rb'{"text":"\ud800x"}', b'{"\xff":1}', b'{"form_seconds":NaN}', b'{"form_seconds":Infinity}',
        b'{"text":' + b"[" * 100_000, b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"thread":' * 50_000, b'\xef\xbb\xbf{"text":"a"}', '{"text":"a"}'.encode("utf-16"), b'{"text":"a"} {"text":"b"}',
        b'{"text":"a\nb"}', b"{'text':'a'}", b'{"text":"a",}', b"\x1f\x8b\x08\x00",
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_read_says_so(body):
    with pytest.raises(BodyInvalid):
        decode(body)


@pytest.mark.parametrize("number", ["1e400", "-1e400", "9" * 400])
def test_a_number_beyond_all_numbers_names_its_field(number):
    with pytest.raises(FieldsInvalid) as invalid:
        decode(json.dumps(GOOD)[:-1].encode() + f', "form_seconds": {number}}}'.encode())
    assert [(error.field, error.code) for error in invalid.value.errors] == [("form_seconds", "out_of_range")]


def test_of_a_key_that_comes_twice_the_last_one_counts():
    assert decode(b'{"text":"a","text":"b"}').text == "b"


@given(st.booleans(), st.integers(0, 100), st.integers(0, 12), st.binary(max_size=12))
@example(True, 25, 0, b"\xff")
def test_no_body_raises_anything_else(wrong, begin, over, piece):
    """Any bytes in the place of a part of a good body, or of one that begins with a field of another type."""
    whole = msgspec.json.encode(({"lang": 7} if wrong else {}) | GOOD | {"thread": {"title": "Été"}})
    with contextlib.suppress(BodyInvalid, FieldsInvalid):
        field_errors(decode(whole[:begin] + piece + whole[begin + over :]))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(Submission.__struct_fields__) | st.text(max_size=5), json_values, max_size=8))
def test_any_object_is_taken_or_each_wrong_field_is_named_once(given):
    try:
        named = [error.field for error in field_errors(decode(json.dumps(given).encode()))]
    except FieldsInvalid as invalid:
        named = [error.field for error in invalid.errors]
    assert len(named) == len(set(named))
    assert {"name", "email", "text"} - set(given) <= set(named)


def test_strings_that_came_another_way_may_hold_half_a_character():
    found = field_errors(Submission(name="a\ud800", email="a@b.com", text="\udfff", user_agent="\ud800"))
    assert [(error.field, error.code) for error in found] == [
        ("text", "surrogate"), ("name", "surrogate"), ("user_agent", "surrogate"),
    ]  # fmt: skip


def test_a_form_post_may_carry_fields_that_are_not_ours():
    submission = of_form(
        GOOD
        | {"csrf": "x", "thread_url": "https://a.example/", "form_seconds": " 3.5 ", "text": "a\r\nb", "submit": "Send"}
    )
    assert field_errors(submission) == []
    assert (submission.text, submission.form_seconds, submission.thread.url) == ("a\nb", 3.5, "https://a.example/")
    assert of_form({}) == Submission()
    assert [error.field for error in field_errors(of_form(GOOD | {"form_seconds": "soon"}))] == ["form_seconds"]


def test_the_schema_names_the_required_fields_and_their_limits():
    described = schema()
    assert described["required"] == ["name", "email", "text"]
    assert described["additionalProperties"] is False
    assert described["properties"]["text"]["maxLength"] == LIMITS["text"]
    assert described["properties"]["thread"]["properties"]["title"]["maxLength"] == 500
    assert set(described["properties"]) == set(Submission.__struct_fields__)
    assert set(described["properties"]["thread"]["properties"]) == set(SubmittedThread.__struct_fields__)


# The fast path for e-mail addresses ---------------------------------------------------------------

PLAIN = "abzAZ019_+-.@"
almost_addresses = st.one_of(
    st.text(alphabet=PLAIN, max_size=70),
    st.from_regex(fields._PLAIN_EMAIL, fullmatch=True),
    st.builds(
        "{}@{}".format,
        st.text(alphabet=PLAIN + "!#'*/=?^`{|}~\" (),:;<>[]\\éß", max_size=66),
        st.text(alphabet=PLAIN + "éß。xn", max_size=70),
    ),
    st.builds(
        "{}@{}.{}".format,
        st.just("a"),
        st.from_regex(r"[a-z0-9-]{1,64}", fullmatch=True),
        st.sampled_from([*fields._RESERVED, "com", "COM", "c", "123", "xn--p1ai"]),
    ),
    st.emails(),
)


def library_takes(address: str) -> bool:
    try:
        validate_email(address, strict=True, check_deliverability=False)
    except EmailNotValidError:
        return False
    return True


@given(almost_addresses)
@example("a@localhost")
@example("a@x.test")
@example("a@x.LOCAL")
@example("a@ab--cd.com")
@example("a@xn--p1ai.xn--p1ai")
@example("a@xn--a.com")
@example(".a@b.com")
@example("a..b@c.com")
@example("a@b.c0")
@example("a@-b.com")
@example("a@b-.com")
@example("a@b_c.com")
@example("a" * 64 + "@b.com")
@example("a@" + "b" * 63 + ".com")
@example("a@" + "b" * 64 + ".com")
@example("a@b.com\n")
def test_the_fast_path_and_the_library_agree_on_every_address(address):
    assert fields.is_email(address) == library_takes(address)


@pytest.mark.parametrize(
    "address", ["Jörg@bücher.example", "o'neil@example.com", "ann+news@example.co.uk", "用户@例子.广告"]
)
def test_less_common_addresses_are_taken_as_well(address):
    assert errors_of(email=address) == []


@pytest.mark.parametrize("piece", ["a.", "a-", "a@", "-", "a", "@a.", "0", "é", " "])
def test_no_field_takes_long(piece):
    long = (piece * 20_000)[:20_000]
    began = time.process_time()
    field_errors(
        Submission(name=long, email=long, text=long, url=f"https://{long}", ip=long, lang=long, submitted_at=long)
    )
    field_errors(Submission(name=long, email=long[:254], text=long, url=f"https://{long}"[:2000], ip=long[:45]))
    assert time.process_time() - began < 0.1
