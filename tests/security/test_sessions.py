"""Sessions: made by signing in alone, ended for good, bound to the person as the person is now."""

import asyncio
import statistics
import time

import msgspec
import pytest
import redis
from scipy.stats import mannwhitneyu

from moderation.api.gate import COOKIE, CSRF_HEADER
from moderation.api.session import DEVICE
from moderation.errors import UnknownModerator
from moderation.records import Role
from moderation.store import keys, people
from moderation.store.people import People, Session
from moderation.store.sites import Sites
from tests.figures import tell
from tests.security.household import household

PASSWORD = "nine green buses in the night"


async def signed_up(one, email="ann@posteo.net", role=Role.MODERATOR):
    person, _ = await one.rooms.access.invite(email, "Ann", role, ("demo",))
    return await one.rooms.access.set_password(person, PASSWORD)


async def sign_in(one, email="ann@posteo.net", password=PASSWORD, **headers):
    given = {"Sec-Fetch-Site": "same-origin"} | headers
    return await one.client.post("/v1/session", json={"email": email, "password": password}, headers=given)


def token_of(said) -> str:
    return said.headers["set-cookie"].partition("=")[2].partition(";")[0]


async def whoami(one, token):
    return (await one.client.get("/v1/session", headers={"Cookie": f"{COOKIE}={token}"})).status_code


async def choose_a_session_id(one):
    await signed_up(one)
    said = await sign_in(one, Cookie=f"{COOKIE}=attacker-chosen-id")
    assert said.status_code == 201
    assert token_of(said) != "attacker-chosen-id"
    assert await whoami(one, "attacker-chosen-id") == 401
    assert await whoami(one, token_of(said)) == 200


async def test_a_session_id_that_an_attacker_chose_is_never_taken_over(store_url, tmp_path):
    async with household(store_url, tmp_path) as one:
        await choose_a_session_id(one)


async def test_each_sign_in_has_a_token_of_its_own_and_a_cookie_that_no_script_reads(store_url, tmp_path):
    async with household(store_url, tmp_path) as one:
        await signed_up(one)
        first, second = await sign_in(one), await sign_in(one)
    assert token_of(first) != token_of(second)
    attributes = {part.strip() for part in first.headers.get_list("set-cookie")[0].split(";")[1:]}
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= attributes
    assert first.headers["set-cookie"].startswith("__Host-cm=")


async def end_a_session_meanwhile(one):
    for turn in range(20):
        token, _ = await one.session("moderator")
        asked = [asyncio.create_task(whoami(one, token)) for _ in range(5)]
        await asyncio.sleep(turn / 4000)  # they are on their way, each time a little further
        await one.rooms.access.sign_out(token)
        await asyncio.gather(*asked)
        assert await whoami(one, token) == 401


async def test_a_slow_request_does_not_bring_back_a_session_that_was_ended(store_url, tmp_path):
    async with household(store_url, tmp_path) as one:
        await end_a_session_meanwhile(one)


async def test_anonymous_requests_write_nothing(store_url, tmp_path):
    async with household(store_url, tmp_path) as one:
        client = redis.Redis.from_url(store_url)
        before = set(client.scan_iter("cm:{staff}:*"))
        for token in ("", "guess", "x" * 500):
            await whoami(one, token)
        assert set(client.scan_iter("cm:{staff}:*")) == before


def all_that_is_kept(url: str) -> dict[str, str]:
    """Read every key of a store, whatever its kind."""
    client = redis.Redis.from_url(url)
    reads = {
        b"string": client.get, b"hash": client.hgetall, b"set": client.smembers, b"stream": client.xrange,
        b"zset": lambda key: client.zrange(key, 0, -1), b"list": lambda key: client.lrange(key, 0, -1),
    }  # fmt: skip
    return {str(key): str(reads[client.type(key)](key)) for key in client.scan_iter()}


async def look_for_the_token(one):
    token, csrf = await one.session("admin")
    kept = all_that_is_kept(one.rooms.settings.store.url)
    assert [key for key, value in kept.items() if csrf in value], "what a session holds is seen"
    assert not [key for key, value in kept.items() if token in key + value], "the token is kept"


async def test_the_store_holds_no_token(store_url, tmp_path):
    async with household(store_url, tmp_path) as one:
        await look_for_the_token(one)


async def let_time_pass(one):
    token, _ = await one.session("moderator", idle=1)
    await asyncio.sleep(1.2)
    assert await whoami(one, token) == 401, "idle"
    token, _ = await one.session("moderator")
    assert await whoami(one, token) == 200
    client = redis.Redis.from_url(one.rooms.settings.store.url)
    (name,) = [key for key in client.scan_iter("cm:{staff}:session:*") if client.get(key)]
    assert 0 < client.ttl(name) <= 1800
    session = client.get(name)
    started = int(session.split(b'"started":')[1].split(b",")[0].split(b"}")[0])
    client.set(name, session.replace(str(started).encode(), str(started - 13 * 3600).encode()), ex=100)
    assert await whoami(one, token) == 401, "absolute"


async def test_a_session_ends_when_it_is_not_used_and_after_its_time(store_url, tmp_path):
    async with household(store_url, tmp_path) as one:
        await let_time_pass(one)


async def change_the_person(one, change):
    person = await signed_up(one)
    tokens = [token_of(await sign_in(one)) for _ in range(2)]
    if change == "signs out everywhere":
        csrf = (await one.client.get("/v1/session", headers={"Cookie": f"{COOKIE}={tokens[0]}"})).json()["csrf"]
        headers = {"Cookie": f"{COOKIE}={tokens[0]}", CSRF_HEADER: csrf, "Sec-Fetch-Site": "same-origin"}
        assert (await one.client.delete("/v1/session/all", headers=headers)).status_code == 204
    elif change == "loses the role":
        admin = {"Authorization": f"Bearer {one.keys['admin key']}"}
        said = await one.client.patch(f"/v1/moderators/{person.id}", json={"role": "ml"}, headers=admin)
        assert said.status_code == 200, said.text
    elif change == "is disabled":
        await one.rooms.access.disable(person.id)
    else:
        await one.rooms.access.set_password(await one.rooms.people.get(person.id), PASSWORD + "!")
    assert [await whoami(one, token) for token in tokens] == [401, 401]


CHANGES = ("signs out everywhere", "loses the role", "is disabled", "sets a password")


@pytest.mark.parametrize("change", CHANGES)
async def test_every_session_of_a_person_ends_when_the_person(store_url, tmp_path, change):
    async with household(store_url, tmp_path) as one:
        await change_the_person(one, change)


async def fail_to_sign_in(one):
    await signed_up(one)
    wrong = await sign_in(one, password="a wrong password of mine")
    nobody = await sign_in(one, email="nobody@posteo.net")
    assert (wrong.status_code, wrong.content) == (nobody.status_code, nobody.content) == (401, nobody.content)
    for _ in range(6):
        last = await sign_in(one, password="a wrong password of mine")
    assert last.status_code == 429
    assert int(last.headers["retry-after"]) > 0
    metrics = one.rooms.telemetry.exposition()[0].decode()

    assert 'moderation_sign_ins_total{outcome="refused"}' in metrics
    assert 'moderation_sign_ins_total{outcome="limited"}' in metrics


async def test_every_failure_to_sign_in_looks_the_same_and_is_limited(store_url, tmp_path):
    async with household(store_url, tmp_path) as one:
        await fail_to_sign_in(one)


async def test_who_knows_the_password_gets_in_where_others_have_guessed(store_url, tmp_path):
    async with household(store_url, tmp_path) as one:
        await signed_up(one)
        came = await sign_in(one)
        device = came.headers.get_list("set-cookie")[1]
        assert device.startswith(f"{DEVICE}=")
        assert {"secure", "httponly", "samesite=strict", "path=/"} <= {
            part.strip().lower() for part in device.split(";")
        }
        one.client.cookies.clear()
        for _ in range(6):
            last = await sign_in(one, password="a wrong password of mine")
        assert last.status_code == 429
        assert (await sign_in(one)).status_code == 429, "the address has been guessing"
        again = await sign_in(one, Cookie=device.partition(";")[0])
        assert again.status_code == 201
        assert again.headers.get_list("set-cookie")[1].partition(";")[0] == device.partition(";")[0]


async def come_with_both(one):
    headers = await one.as_session("admin") | {"Authorization": f"Bearer {one.keys['admin key']}"}
    assert (await one.client.get("/v1/session", headers=headers)).status_code == 401


async def test_a_key_and_a_session_together_are_refused(store_url, tmp_path):
    async with household(store_url, tmp_path) as one:
        await come_with_both(one)


def gap(known: list[float], unknown: list[float]) -> tuple[float, str]:
    """Give how far the medians lie apart, as a share, and say it with what a rank test makes of all samples."""
    fast, slow = sorted((statistics.median(known), statistics.median(unknown)))
    likelihood = mannwhitneyu(known, unknown)
    larger = likelihood.statistic / (len(known) * len(unknown))
    return (slow - fast) / slow, (
        f"{(slow - fast) / slow:.1%} ({statistics.median(known) * 1e3:.3f} and {statistics.median(unknown) * 1e3:.3f} ms), "
        f"the one is slower in {larger:.1%} of pairs, p {likelihood.pvalue:.2f}"
    )


async def timed(work) -> float:
    began = time.perf_counter()
    assert (await work).status_code == 401
    return time.perf_counter() - began


async def sign_in_times(one, samples: int) -> tuple[list[float], list[float]]:
    """Time a known person with a wrong password beside somebody unknown, in turns whose order changes."""
    known, unknown = [], []
    client = redis.Redis(unix_socket_path=one.rooms.settings.store.url.removeprefix("unix://"))
    for n in range(samples):
        turns = [("ann@posteo.net", known), (f"n{n}@posteo.net", unknown)]
        for email, times in turns if n % 2 else reversed(turns):
            for key in client.scan_iter("cm:{staff}:al:*"):
                client.delete(key)
            times.append(await timed(sign_in(one, email=email, password="a wrong password of mine")))
    return known, unknown


async def key_times(one, samples: int) -> tuple[list[float], list[float]]:
    """Time a key whose id is there beside one whose id is not, both with a wrong secret, each secret a new one."""
    there = one.keys["site key"]
    known, unknown = [], []
    for n in range(samples):
        secret = f"{n:043d}"
        turns = [(f"{there[:13]}{secret}", known), (f"{there[:4]}{n:08x}_{secret}", unknown)]
        for key, times in turns if n % 2 else reversed(turns):
            headers = {"Authorization": f"Bearer {key}"}
            times.append(await timed(one.client.get("/v1/comments/demo-1", headers=headers)))
    return known, unknown


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_how_long_it_takes_does_not_tell_who_is_there(store_url, tmp_path):
    async with household(store_url, tmp_path) as one:
        await signed_up(one)
        share, told = gap(*await sign_in_times(one, 2000))
    tell("D4 timing of sign-in", 4000, "median gap < 5 %", told)
    assert share < 0.05


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_how_long_it_takes_does_not_tell_which_keys_there_are(store_url, tmp_path):
    async with household(store_url, tmp_path) as one:
        share, told = gap(*await key_times(one, 2000))
    tell("D4 timing of keys", 4000, "median gap < 5 %", told)
    assert share < 0.05


async def test_a_wrong_key_asks_the_store_as_often_whether_its_id_is_there_or_not(store_url, tmp_path):
    """What is remembered of a key is remembered by its secret: an answer that came faster would tell of the id."""
    async with household(store_url, tmp_path) as one:
        there = one.keys["site key"]
        client = redis.Redis(unix_socket_path=one.rooms.settings.store.url.removeprefix("unix://"))
        headers = {"Authorization": f"Bearer {there}"}
        assert (await one.client.get("/v1/comments/demo-1", headers=headers)).status_code == 404
        asked = []
        for key in (f"{there[:13]}{'A' * 43}", f"{there[:4]}00000000_{'A' * 43}") * 2:
            before = client.info("commandstats").get("cmdstat_hget", {"calls": 0})["calls"]
            await timed(one.client.get("/v1/comments/demo-1", headers={"Authorization": f"Bearer {key}"}))
            asked.append(client.info("commandstats")["cmdstat_hget"]["calls"] - before)
    assert len(set(asked)) == 1, asked


async def test_without_the_work_for_nobody_the_time_tells_who_is_there(store_url, tmp_path, monkeypatch):
    """The mutation: a sign-in that hashes nothing where nobody is known under the address."""
    async with household(store_url, tmp_path) as one:
        await signed_up(one)
        access = one.rooms.access
        verify = access._verify

        async def only_of_somebody(digest: str, password: str) -> bool:
            return digest != access._nobody and await verify(digest, password)

        monkeypatch.setattr(access, "_verify", only_of_somebody)
        share, told = gap(*await sign_in_times(one, 12))
    tell("D4 mutation no work for nobody", 24, "median gap > 5 %", told)
    assert share > 0.05


async def test_a_key_that_is_told_to_be_unknown_at_once_is_found_out(store_url, tmp_path, monkeypatch):
    """The mutation: only the keys of this service are looked up, and all others are answered by heart."""
    async with household(store_url, tmp_path) as one:
        whole, mine = Sites.key_of, one.keys["site key"][:13]

        async def by_heart(self, secret, now):
            return await whole(self, secret, now) if secret.startswith(mine) else None

        monkeypatch.setattr(Sites, "key_of", by_heart)
        share, told = gap(*await key_times(one, 60))
    tell("D4 mutation keys known by heart", 120, "median gap > 5 %", told)
    assert share > 0.05


# what the built-in sessions of the frame would do, and worse ----------------------------------------


def _chosen(monkeypatch):
    monkeypatch.setattr(people.secrets, "token_urlsafe", lambda size: "attacker-chosen-id")


def _saved_again(monkeypatch):
    whole = People.session

    async def session(self, token, **times):
        found = await whole(self, token, **times)
        if found:
            await asyncio.sleep(0.01)
            name = keys.session(people._digest(token))
            await self._connection.execute("SET", name, msgspec.json.encode(found[0]), "EX", 100)
        return found

    monkeypatch.setattr(People, "session", session)


def _in_clear(monkeypatch):
    monkeypatch.setattr(people, "_digest", lambda token: token)


def _beside_its_digest(monkeypatch):
    whole = People.open_session

    async def open_session(self, moderator, **given):
        token, session = await whole(self, moderator, **given)
        await self._connection.execute("HSET", keys.login("tokens", ""), moderator.id, token)
        await self._connection.execute("EXPIRE", keys.login("tokens", ""), 100)
        return token, session

    monkeypatch.setattr(People, "open_session", open_session)


def _forgiving(monkeypatch):
    async def session(self, token, **_):
        row = await self._connection.execute("GET", keys.session(people._digest(token)))
        found = msgspec.json.decode(row, type=Session) if row else None
        return (found, await self.get(found.moderator)) if found else None

    monkeypatch.setattr(People, "session", session)


def _never_idle(monkeypatch):
    whole = People.open_session

    async def open_session(self, moderator, *, idle, absolute, agent=""):
        return await whole(self, moderator, idle=absolute, absolute=absolute, agent=agent)

    monkeypatch.setattr(People, "open_session", open_session)


def _without_end(monkeypatch):
    async def spend_attempt(self, *_):
        return 0.0

    monkeypatch.setattr(People, "spend_attempt", spend_attempt)


def _with_a_reason(monkeypatch):
    whole = People.by_mail

    async def by_mail(self, mail):
        found = await whole(self, mail)
        if found is None:
            raise UnknownModerator("nobody")
        return found

    monkeypatch.setattr(People, "by_mail", by_mail)


MUTATIONS = {
    "an id that the client chose": (_chosen, choose_a_session_id),
    "a session that is saved after each request": (_saved_again, end_a_session_meanwhile),
    "tokens in clear": (_in_clear, look_for_the_token),
    "tokens beside their digests": (_beside_its_digest, look_for_the_token),
    "no absolute end": (_forgiving, let_time_pass),
    "no end when idle": (_never_idle, let_time_pass),
    **{
        f"no look at who {change}": (_forgiving, lambda one, change=change: change_the_person(one, change))
        for change in CHANGES
    },
    "attempts without end": (_without_end, fail_to_sign_in),
    "an answer that tells why": (_with_a_reason, fail_to_sign_in),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_sessions_that_were_kept_otherwise_are_found_out(store_url, tmp_path, monkeypatch, mutation):
    """The mutations: sessions as they are often kept."""
    mutate, check = MUTATIONS[mutation]
    mutate(monkeypatch)
    async with household(store_url, tmp_path) as one:
        with pytest.raises(AssertionError):
            await check(one)
