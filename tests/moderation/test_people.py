"""People under races: what one request changes, a slower one does not undo."""

import asyncio

import argon2
import msgspec
import pyotp
import pytest

from moderation.access import Access
from moderation.app import House
from moderation.errors import KeyRefused, SignInRefused
from moderation.records import Moderator, Role

PASSWORD = "a few words in a row"


async def invited(rooms: House, email: str = "bea@example.org") -> Moderator:
    _, token = await rooms.access.invite(email, "Bea", Role.MODERATOR, ())
    return await rooms.access.accept_invite(token, PASSWORD)


async def signed_in(access: Access, code: str = "") -> str:
    token, _, _ = await access.sign_in("bea@example.org", PASSWORD, code, "192.0.2.1", "browser")
    return token


async def test_an_account_that_is_disabled_during_a_sign_in_stays_disabled(
    rooms: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    moderator = await invited(rooms)
    verify = rooms.access._verify

    async def disabled_meanwhile(digest: str, password: str) -> bool:
        right = await verify(digest, password)
        await rooms.access.disable("bea@example.org")
        return right

    monkeypatch.setattr(rooms.access, "_verify", disabled_meanwhile)
    # another cost than the password was hashed with, so that the sign-in writes the person
    rooms.access._hasher = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    token = await signed_in(rooms.access)
    assert (await rooms.people.get(moderator.id)).disabled
    with pytest.raises(KeyRefused):
        await rooms.access.by_session(token)


async def test_one_code_opens_one_session_however_many_try_at_once(rooms: House) -> None:
    moderator = await invited(rooms)
    secret = pyotp.random_base32()
    await rooms.people.change(moderator.id, lambda one: msgspec.structs.replace(one, totp=secret))
    code = pyotp.TOTP(secret).now()
    answers = await asyncio.gather(*(signed_in(rooms.access, code) for _ in range(4)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in answers) == ["SignInRefused"] * 3 + ["str"]
    with pytest.raises(SignInRefused):
        await signed_in(rooms.access, "é")


async def test_a_one_time_link_sets_one_password(rooms: House) -> None:
    _, token = await rooms.access.invite("cem@example.org", "Cem", Role.MODERATOR, ())
    answers = await asyncio.gather(
        *(rooms.access.accept_invite(token, f"{PASSWORD} {n}") for n in range(3)), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in answers) == ["Moderator", "SignInRefused", "SignInRefused"]


async def test_an_address_belongs_to_one_person_however_many_are_invited_at_once(rooms: House) -> None:
    spellings = ["dan@example.org", "Dan@example.org", "dan@EXAMPLE.org"]
    answers = await asyncio.gather(
        *(rooms.access.invite(email, "Dan", Role.MODERATOR, ()) for email in spellings), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in answers) == ["FieldsInvalid", "FieldsInvalid", "tuple"]
    assert len(await rooms.access.people()) == 1


async def test_every_cause_of_a_refused_sign_in_is_answered_alike(rooms: House) -> None:
    await invited(rooms)
    said = []
    for email, password in (("bea@example.org", "wrong"), ("nobody@example.org", PASSWORD)):
        with pytest.raises(SignInRefused) as refused:
            await rooms.access.sign_in(email, password, "", "192.0.2.1", "")
        said.append(str(refused.value))
    assert said[0] == said[1]
    await rooms.access.disable("bea@example.org")
    with pytest.raises(SignInRefused):
        await signed_in(rooms.access)


async def test_signing_out_everywhere_ends_every_session(rooms: House) -> None:
    moderator = await invited(rooms)
    tokens = [await signed_in(rooms.access) for _ in range(2)]
    caller, _ = await rooms.access.by_session(tokens[0])
    assert caller.id == moderator.id
    await rooms.access.sign_out_everywhere(moderator.id)
    for token in tokens:
        with pytest.raises(KeyRefused):
            await rooms.access.by_session(token)
