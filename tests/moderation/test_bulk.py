"""Many decisions in one request: each stands for itself, there is an end, and a store that goes away is told of."""

import pytest

from moderation.api.queue import BULK_AT_MOST
from moderation.errors import StoreUnavailable
from moderation.review import Review
from tests.security.household import Household, a_held_comment, household


async def decided(one: Household, ids: list[str]) -> tuple[int, dict]:
    headers = {"Authorization": f"Bearer {one.keys['moderator key']}"}
    rulings = [{"id": id_, "decision": "reject", "reason": "spam"} for id_ in ids]
    said = await one.client.post("/v1/queue/decisions", json={"decisions": rulings}, headers=headers)
    return said.status_code, said.json()


async def stands(one: Household, ids: list[str]) -> list[str]:
    return [(await one.rooms.comments.get("demo", id_)).status.value for id_ in ids]


@pytest.mark.parametrize("count", [0, BULK_AT_MOST + 1])
async def test_none_and_too_many_are_refused_and_nothing_is_decided(store_url, tmp_path, count):
    async with household(store_url, tmp_path) as one:
        waiting = await a_held_comment(one)
        status, told = await decided(one, [waiting] * count)
        assert (status, [error["code"] for error in told["errors"]]) == (422, ["batch_size"])
        assert await stands(one, [waiting]) == ["pending"]
        if count:
            status, told = await decided(one, [waiting, *["demo-unknown"] * (BULK_AT_MOST - 1)])
            codes = [result.get("code", "") for result in told["results"]]
            assert (status, codes) == (200, ["", *["unknown_case"] * (BULK_AT_MOST - 1)])


async def test_a_store_that_goes_away_meanwhile_ends_it_and_who_sends_knows_what_was_done(
    store_url, tmp_path, monkeypatch
):
    whole = Review.decide
    tried: list[str] = []

    async def decide(self, site, caller, comment_id, ruling):
        tried.append(comment_id)
        if comment_id == ids[1]:
            raise StoreUnavailable
        return await whole(self, site, caller, comment_id, ruling)

    async with household(store_url, tmp_path) as one:
        ids = [await a_held_comment(one) for _ in range(4)]
        monkeypatch.setattr(Review, "decide", decide)
        status, told = await decided(one, ids)
        assert status == 200
        assert [(result["id"], result.get("code", "")) for result in told["results"]] == [
            (ids[0], ""), *((id_, "store_unavailable") for id_ in ids[1:]),
        ]  # fmt: skip
        assert tried == ids[:2], "it does not come back within the request"
        assert await stands(one, ids) == ["rejected", "pending", "pending", "pending"]
        status, told = await decided(one, ids[1:])
        assert (status, told["code"]) == (503, "store_unavailable"), (
            "where nothing was done, all of it may be sent again"
        )
