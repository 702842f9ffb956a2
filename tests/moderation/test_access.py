"""Access: which key opens which door, what a guess costs, and what ends a session or an invitation."""

from datetime import UTC, datetime, timedelta

import msgspec
import pyotp
import pytest

from moderation.access import ATTEMPTS, PASSWORD_LENGTH, Access
from moderation.app import House
from moderation.errors import FieldsInvalid, KeyRefused, RateExceeded, SignInRefused, UnknownModerator
from moderation.records import Moderator, Role, Site

PASSWORD = "a few words in a row"
HERE = "192.0.2.1"


async def invited(rooms: House, email: str = "bea@example.org", role: Role = Role.MODERATOR) -> Moderator:
    _, token = await rooms.access.invite(email, "Bea", role, ())
    return await rooms.access.accept_invite(token, PASSWORD)


async def signed_in(access: Access, code: str = "", ip: str = HERE) -> str:
    token, _, _ = await access.sign_in("bea@example.org", PASSWORD, code, ip, "browser")
    return token


@pytest.mark.parametrize("role", [Role.SITE, Role.FORM, Role.COMPAT, Role.MODERATOR, Role.ML, Role.ADMIN])
async def test_a_key_opens_the_doors_of_its_role_only(rooms: House, site: Site, role: Role) -> None:
    where = "" if role in (Role.ML, Role.ADMIN) else site.id
    key, secret = await rooms.sites.create_key(role, where)

    async def opens(door: object) -> bool:
        try:
            await door  # type: ignore[misc]
        except KeyRefused:
            return False
        return True

    assert await opens(rooms.access.by_key(secret)) is (role is not Role.COMPAT)
    assert await opens(rooms.access.by_form_key(secret)) is (role is Role.FORM)
    assert await opens(rooms.access.by_compat_key(secret, HERE)) is (role in (Role.SITE, Role.COMPAT))
    await rooms.sites.revoke_key(key.id)
    for door in (rooms.access.by_key, rooms.access.by_form_key):
        assert not await opens(door(secret))
    assert not await opens(rooms.access.by_compat_key(secret, HERE))


async def test_a_compat_key_counts_as_a_site_key_and_is_named_by_its_label(rooms: House, site: Site) -> None:
    _, secret = await rooms.sites.create_key(Role.COMPAT, site.id, label="the blog")
    caller = await rooms.access.by_compat_key(secret, HERE)
    assert (caller.role, caller.site, caller.name) == (Role.SITE, "news", "the blog")


async def test_guesses_at_compat_keys_are_limited_for_each_network_and_a_right_key_is_not(
    rooms: House, site: Site
) -> None:
    _, secret = await rooms.sites.create_key(Role.COMPAT, site.id)
    for number in range(20):
        with pytest.raises(KeyRefused):
            await rooms.access.by_compat_key(f"{number:012x}", f"203.0.113.{number}")
    with pytest.raises(RateExceeded) as caught:
        await rooms.access.by_compat_key("f" * 12, "203.0.113.99")
    assert caught.value.retry_after > 0
    assert (await rooms.access.by_compat_key(secret, "203.0.113.99")).site == "news"
    with pytest.raises(KeyRefused):
        await rooms.access.by_compat_key("f" * 12, "198.51.100.1")


@pytest.mark.parametrize("token", ["", ".", "m0000000000.x", "é.é", "no dot at all"])
async def test_a_link_that_we_did_not_give_is_refused(rooms: House, token: str) -> None:
    with pytest.raises(SignInRefused):
        await rooms.access.accept_invite(token, PASSWORD)


async def test_a_one_time_link_ends_with_its_use_its_time_and_a_newer_one(rooms: House) -> None:
    person, first = await rooms.access.invite("bea@example.org", "", Role.MODERATOR, ())
    assert person.name == "bea"
    second = await rooms.access.reinvite(person)
    with pytest.raises(SignInRefused):
        await rooms.access.accept_invite(first, PASSWORD)
    await rooms.access.accept_invite(second, PASSWORD)
    with pytest.raises(SignInRefused):
        await rooms.access.accept_invite(second, PASSWORD)
    third = await rooms.access.reinvite(person)
    rooms.access._now = lambda: datetime.now(UTC) + timedelta(hours=73)
    with pytest.raises(SignInRefused):
        await rooms.access.accept_invite(third, PASSWORD)


async def test_a_password_that_is_too_short_or_long_uses_no_link_up(rooms: House) -> None:
    _, token = await rooms.access.invite("bea@example.org", "Bea", Role.MODERATOR, ())
    least, most = PASSWORD_LENGTH
    for password in ("x" * (least - 1), "x" * (most + 1)):
        with pytest.raises(FieldsInvalid):
            await rooms.access.accept_invite(token, password)
    assert (await rooms.access.accept_invite(token, "x" * least)).password.startswith("$argon2id$")


async def test_nobody_signs_in_before_a_password_is_set(rooms: House) -> None:
    await rooms.access.invite("bea@example.org", "Bea", Role.MODERATOR, ())
    for password in ("", PASSWORD):
        with pytest.raises(SignInRefused):
            await rooms.access.sign_in("bea@example.org", password, "", HERE, "")


async def fail(access: Access, ip: str, device: str = "", email: str = "Bea@Example.org") -> None:
    with pytest.raises(SignInRefused):
        await access.sign_in(email, "wrong", "", ip, "", device)


async def test_whoever_guesses_from_one_address_is_stopped_and_keeps_nobody_out(rooms: House) -> None:
    await invited(rooms)
    most, _ = ATTEMPTS["place"]
    for _ in range(most):
        await fail(rooms.access, "198.51.100.1")
    for _ in range(50):
        with pytest.raises(RateExceeded):
            await signed_in(rooms.access, ip="198.51.100.1")
    assert await signed_in(rooms.access, ip="203.0.113.200")


async def test_tries_at_an_account_are_limited_also_from_everywhere_but_not_those_of_a_browser_it_knows(
    rooms: House,
) -> None:
    await invited(rooms)
    device = rooms.access.device_of("bea@example.org")
    most, _ = ATTEMPTS["account"]
    for number in range(most):
        await fail(rooms.access, f"198.51.{number}.1")
    for stranger in ("", rooms.access.device_of("ann@example.org"), device + "x", device[1:], "." * 5000, ".\u00e9"):
        with pytest.raises(RateExceeded):
            await rooms.access.sign_in("bea@example.org", PASSWORD, "", "203.0.113.200", "", stranger)
    for _ in range(2 * ATTEMPTS["place"][0]):
        assert await rooms.access.sign_in("bea@example.org", PASSWORD, "", "198.51.1.1", "", device)
    assert rooms.access.device_of("BEA@example.org", device) == device
    assert rooms.access.device_of("ann@example.org", device) != device


async def test_a_browser_that_is_known_guesses_no_more_than_any_address(rooms: House) -> None:
    await invited(rooms)
    device = rooms.access.device_of("bea@example.org")
    for number in range(ATTEMPTS["place"][0]):
        await fail(rooms.access, f"198.51.{number}.1", device)
    with pytest.raises(RateExceeded):
        await rooms.access.sign_in("bea@example.org", PASSWORD, "", "203.0.113.200", "", device)
    assert await signed_in(rooms.access, ip="203.0.113.200")


async def test_guesses_at_many_accounts_are_limited_for_the_address_and_for_all(rooms: House) -> None:
    device = rooms.access.device_of("bea@example.org")
    await invited(rooms)
    for number in range(ATTEMPTS["address"][0]):
        await fail(rooms.access, "198.51.100.1", email=f"n{number}@example.org")
    with pytest.raises(RateExceeded):
        await signed_in(rooms.access, ip="198.51.100.1")
    for number in range(ATTEMPTS["all"][0] - ATTEMPTS["address"][0]):
        await fail(rooms.access, f"198.51.{number}.1", email=f"m{number}@example.org")
    refused = 0
    for number in range(30):
        try:
            await fail(rooms.access, f"192.0.{number}.1", email=f"l{number}@example.org")
        except RateExceeded:
            refused += 1
    assert refused > 10, "while these are made, a few more are free again"
    assert await rooms.access.sign_in("bea@example.org", PASSWORD, "", "198.51.100.1", "", device)


async def test_codes_of_a_second_factor_are_guessed_no_more_often_from_everywhere_than_from_one_place(
    rooms: House,
) -> None:
    person = await invited(rooms)
    await rooms.people.change(
        person.id, lambda one: msgspec.structs.replace(one, totp="JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    )
    for number in range(ATTEMPTS["code"][0]):
        with pytest.raises(SignInRefused):
            await signed_in(rooms.access, "000000", f"198.51.{number}.1")
    with pytest.raises(RateExceeded):
        await signed_in(rooms.access, "000000", "203.0.113.200")


async def test_a_second_factor_is_asked_for_once_it_is_set_and_each_code_opens_once(rooms: House) -> None:
    person = await invited(rooms)
    secret, address = rooms.access.new_factor(person.email)
    assert address.startswith("otpauth://totp/")
    clock = datetime(2026, 1, 1, tzinfo=UTC)
    rooms.access._now = lambda: clock
    code = pyotp.TOTP(secret)
    for wrong in ("", "000000", "１２３４５６"):
        with pytest.raises(SignInRefused):
            await rooms.access.set_factor(person.id, PASSWORD, secret, wrong)
    await rooms.access.set_factor(person.id, PASSWORD, secret, code.at(clock))
    with pytest.raises(SignInRefused):
        await signed_in(rooms.access)
    with pytest.raises(SignInRefused):
        await signed_in(rooms.access, code.at(clock))
    clock += timedelta(seconds=30)
    assert await signed_in(rooms.access, f" {code.at(clock)} ")


async def test_a_factor_needs_the_password_and_a_secret_of_ours(rooms: House) -> None:
    person = await invited(rooms)
    secret, _ = rooms.access.new_factor(person.email)
    with pytest.raises(SignInRefused):
        await rooms.access.set_factor(person.id, "wrong", secret, pyotp.TOTP(secret).now())
    with pytest.raises(FieldsInvalid):
        await rooms.access.set_factor(person.id, PASSWORD, "JBSWY3DP", "123456")


async def test_a_role_that_must_keep_a_factor_cannot_drop_it(rooms: House) -> None:
    rooms.access._factor_for = frozenset({"admin"})
    admin = await invited(rooms, role=Role.ADMIN)
    caller, _ = await rooms.access.by_session(await signed_in(rooms.access))
    assert caller.must_enrol
    with pytest.raises(FieldsInvalid):
        await rooms.access.set_factor(admin.id, PASSWORD, "", "")


@pytest.mark.parametrize(
    "given", [{"role": Role.ML}, {"sites": ("news",)}, {"disabled": True}], ids=["role", "sites", "disabled"]
)
async def test_whatever_changes_of_a_person_ends_the_sessions_but_a_new_name(rooms: House, given: dict) -> None:
    person = await invited(rooms)
    token = await signed_in(rooms.access)
    renamed = await rooms.access.change(person, by="ada", name="Beatrice")
    assert (await rooms.access.by_session(token))[0].name == "Beatrice"
    await rooms.access.change(renamed, by="ada", **given)
    with pytest.raises(KeyRefused):
        await rooms.access.by_session(token)
    assert await rooms.access.open_sessions(person.id) == []


async def test_a_session_of_somebody_who_is_gone_is_none(rooms: House) -> None:
    person = await invited(rooms)
    token = await signed_in(rooms.access)
    await rooms.connection.execute("HDEL", "cm:{staff}:people", person.id)
    with pytest.raises(KeyRefused):
        await rooms.access.by_session(token)


async def test_colleagues_are_those_who_share_a_site(rooms: House) -> None:
    for email, sites in (("a@example.org", ("news",)), ("b@example.org", ("blog",)), ("c@example.org", ())):
        await rooms.access.invite(email, "", Role.MODERATOR, sites)
    everybody = await rooms.access.people()
    _, secret = await rooms.sites.create_key(Role.MODERATOR, "news")
    caller = await rooms.access.by_key(secret)
    assert [one.name for one in await rooms.access.colleagues(caller)] == ["a", "c"]
    assert len(await rooms.access.colleagues(msgspec.structs.replace(caller, site=""))) == len(everybody) == 3


async def test_only_who_is_there_is_disabled_and_the_ledger_of_the_staff_names_who_by_id(rooms: House) -> None:
    person = await invited(rooms)
    for who in ("nobody@example.org", "m0000000000"):
        with pytest.raises(UnknownModerator):
            await rooms.access.disable(who)
    await rooms.access.disable("BEA@example.org")
    entry = (await rooms.ledger.read("", limit=1))[0].line
    assert (entry["e"], entry["who"]) == ("moderator.disabled", person.id)
    assert "bea@" not in str(entry)
