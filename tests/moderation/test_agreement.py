"""Agreement: how a version in shadow and the active one differ on comments that were recorded, counted by the sites' thresholds."""

import pytest

from moderation import agreement as agreeing
from moderation.agreement import agreement
from moderation.digests import Arrival
from moderation.records import ATTRIBUTES, Comment, Outcome, Policy, Site, Threshold, Verdict
from moderation.store.comments import Comments
from moderation.store.connection import Connection
from moderation.store.sites import Sites

SITE = Site(id="s", policy=Policy(thresholds={"toxicity": Threshold(0.5, 0.9)}))


def a_verdict(active: float, shadow: float | None, *models: str) -> Verdict:
    """Give a verdict whose every score is one number, and the shadow's another."""
    return Verdict(
        outcome=Outcome.HOLD, scores=dict.fromkeys(ATTRIBUTES, active), models=models or ("v1", "v2"),
        shadow={} if shadow is None else dict.fromkeys(ATTRIBUTES, shadow),
    )  # fmt: skip


async def recorded(connection: Connection, site: Site, verdicts: list[Verdict], text: str = "A text") -> Site:
    """Add a site and record a comment for each verdict, the first one first."""
    site = await Sites(connection).add(site)
    for begin in range(0, len(verdicts), 50):
        made = [
            (Arrival(comment=Comment(id=f"{site.id}-{begin + at}", site=site.id, text=text), author="a"), verdict)
            for at, verdict in enumerate(verdicts[begin : begin + 50])
        ]
        await Comments(connection).record(site, made, day="2026-01-01")
    return site


async def test_what_lies_on_different_sides_of_a_sites_threshold_is_judged_differently(connection: Connection):
    verdicts = [
        a_verdict(0.4, 0.6),
        a_verdict(0.6, 0.95),
        a_verdict(0.1, 0.2),
        a_verdict(0.1, 0.1),
        a_verdict(0.3, None),
    ]
    site = await recorded(connection, SITE, verdicts)
    found = await agreement(Comments(connection), [site], "v2", 100)
    assert (found.looked_at, found.n, found.active) == (5, 4, ("v1",))
    toxicity = found.attributes["toxicity"]
    assert toxicity.n == 4
    assert toxicity.mean == toxicity.mean_absolute == pytest.approx((0.2 + 0.35 + 0.1 + 0) / 4)
    assert (toxicity.held_differently, toxicity.rejected_differently) == (0.25, 0.25)
    flips = [(flip.comment, flip.active, flip.shadow) for flip in found.flips if flip.attribute == "toxicity"]
    assert flips == [("s-1", 0.6, 0.95), ("s-0", 0.4, 0.6), ("s-2", 0.1, 0.2)]


async def test_a_shadow_that_is_milder_counts_as_much_as_one_that_is_harsher(connection: Connection):
    site = await recorded(connection, SITE, [a_verdict(0.6, 0.4), a_verdict(0.4, 0.6)])
    toxicity = (await agreement(Comments(connection), [site], "v2", 100)).attributes["toxicity"]
    assert (toxicity.mean, toxicity.mean_absolute, toxicity.held_differently) == (0.0, 0.2, 1.0)


async def test_each_site_is_measured_by_its_own_policy_and_only_the_version_in_question(connection: Connection):
    site = await recorded(connection, SITE, [a_verdict(0.4, 0.6), a_verdict(0.4, 0.6, "v1", "v3")])
    strict = Site(id="t", policy=Policy(thresholds={"toxicity": Threshold(0.7, 0.9)}))
    strict = await recorded(connection, strict, [a_verdict(0.4, 0.6, "v0", "v2")])
    found = await agreement(Comments(connection), [site, strict], "v2", 100)
    assert (found.looked_at, found.n, found.active) == (3, 2, ("v0", "v1"))
    assert found.attributes["toxicity"].held_differently == 0.5
    unseen = await agreement(Comments(connection), [site, strict], "v9", 100)
    assert (unseen.n, unseen.attributes, unseen.flips, unseen.active) == (0, {}, [], ())


async def test_no_more_comments_are_looked_at_than_asked_for_or_borne_shared_evenly(
    connection: Connection, monkeypatch
):
    monkeypatch.setattr(agreeing, "PAGE", 7)
    monkeypatch.setattr(agreeing, "AT_MOST", 40)
    many = await recorded(connection, SITE, [a_verdict(0.1, 0.9)] * 60)
    few = await recorded(connection, Site(id="few"), [a_verdict(0.1, 0.9)] * 3)
    assert (await agreement(Comments(connection), [many], "v2", 10)).looked_at == 10
    found = await agreement(Comments(connection), [many], "v2", 1_000_000)
    assert found.looked_at == found.n == 40
    assert len({(flip.comment, flip.attribute) for flip in found.flips}) == 20, "no page is read twice"
    assert (await agreement(Comments(connection), [many, few], "v2", 1_000_000)).looked_at == 20 + 3
    assert (await agreement(Comments(connection), [], "v2", 100)).looked_at == 0


async def test_what_is_shown_of_a_comment_is_short(connection: Connection):
    site = await recorded(connection, SITE, [a_verdict(0.1, 0.9)], "x" * 3000)
    found = await agreement(Comments(connection), [site], "v2", 100)
    assert {len(flip.text) for flip in found.flips} == {500}
