"""Stories of too much: a flood is slowed down and seen in the score, over several workers exactly."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.service import Service, a_comment, fresh_text, serving, someone, submitted


def refused_today(service: Service, whose: str) -> int:
    return int(service.staff.get("/v1/stats", params={"days": 1}).json()["days"][-1]["counts"].get(f"429:{whose}", 0))


def test_a_flood_is_answered_429_and_velocity_shows_in_the_score(service: Service) -> None:
    email = someone()
    before = refused_today(service, "email")
    answers = [service.site.post("/v1/comments", json=a_comment(fresh_text(), email=email)) for _ in range(13)]
    assert [answer.status_code for answer in answers] == [201] * 10 + [429] * 3
    velocity = [
        next(one["score"] for one in answer.json()["signals"] if one["name"] == "velocity") for answer in answers[:10]
    ]
    assert velocity == sorted(velocity)
    assert velocity[-1] > 0 == velocity[0]
    assert refused_today(service, "email") == before + 3, "how often is seen in the figures of the day"
    refused = answers[-1]
    assert refused.json()["scope"] == "e-mail address"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["ratelimit-policy"] == '"e-mail-address";q=10;w=60'
    assert refused.headers["ratelimit"].startswith('"e-mail-address";r=0;t=')


def test_an_address_prefix_has_an_allowance_and_a_comment_without_one_does_not(service: Service) -> None:
    codes = []
    for n in range(32):
        body = a_comment(fresh_text(), email=someone(), ip=f"198.18.7.{n + 1}")
        codes.append(service.site.post("/v1/comments", json=body).status_code)
    assert codes == [201] * 30 + [429] * 2
    assert submitted(service)["id"]


def test_the_same_text_again_and_again_waits_and_is_never_refused(service: Service) -> None:
    text = fresh_text("Come and see the new garden show")
    seen = [submitted(service, text) for _ in range(6)]
    assert seen[0]["status"] == "approved"
    assert seen[-1]["status"] != "approved"
    assert {"repeated_text", "campaign", "velocity"} & set(seen[-1]["reasons"])


def test_two_workers_let_exactly_the_limit_through(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--workers", "2") as service:

        def post(n: int) -> int:
            with service.http(service.first["site_key"]) as client:
                return client.post("/v1/comments", json=a_comment(fresh_text(), email="many@posteo.net")).status_code

        with ThreadPoolExecutor(8) as pool:
            codes = list(pool.map(post, range(40)))
        # the allowance frees one comment in six seconds; forty posts take less than that
        assert codes.count(201) in (10, 11)
        assert codes.count(429) == 40 - codes.count(201)
