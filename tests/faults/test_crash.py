"""The server dies under load, by a kill and by a power cut: what was acknowledged is there, whole, and told in the ledger.

Each test has a mutation beside it: the same storm on a server that syncs once a second must lose, or the test is blind.
"""

import pytest

from tests.faults.storm import Toll, compiled_shim, series, servers, victim
from tests.figures import tell

HEAVY = {"clients": 128, "least": 5000}
"""Over sixty deaths that is 300,000 acknowledgements."""
A_LIFE = 10
"""Deaths of one store; each look at it is a look at all that it holds."""


async def survives(tmp_path, binary, deaths, *, power, shim=None, name, **load):
    toll = Toll()
    for begin in range(0, deaths, A_LIFE):
        folder = tmp_path / f"from{begin}"
        folder.mkdir()
        with victim(folder, binary, shim=shim) as one:
            toll += await series(one, min(A_LIFE, deaths - begin), power=power, **load)
    tell(
        f"{name} {binary.name}",
        toll.deaths,
        "0 lost, 0 half",
        f"{toll.lost} lost, {toll.half_written} half of {toll.acknowledged:,} acks",
    )
    assert toll.deaths == deaths
    assert toll.acknowledged > 50 * deaths, "the storm was a breeze: the figure would say nothing"
    assert (toll.lost, toll.half_written, toll.broken_ledgers) == (0, 0, 0)


@pytest.mark.parametrize("binary", servers())
async def test_a_killed_server_loses_nothing_that_was_acknowledged(tmp_path, binary):
    await survives(tmp_path, binary, 2, power=False, name="A1 kill -9")


@pytest.mark.parametrize("binary", servers())
async def test_a_power_cut_loses_nothing_that_was_acknowledged(tmp_path, binary):
    await survives(tmp_path, binary, 2, power=True, shim=compiled_shim(tmp_path), name="A2 power cut")


async def test_the_same_power_cut_on_a_server_that_syncs_each_second_loses_comments(tmp_path):
    binary = servers()[0].values[0]
    with victim(tmp_path, binary, fsync="everysec", shim=compiled_shim(tmp_path)) as one:
        toll = await series(one, 2, power=True)
    tell("A2 mutation everysec", toll.deaths, ">= 1 lost", f"{toll.lost} lost of {toll.acknowledged:,} acks")
    assert toll.lost >= 1, "a test that does not see this loss would not see any"


async def test_a_plain_kill_on_a_busy_disk_loses_comments_when_the_server_syncs_each_second(tmp_path):
    binary = servers()[0].values[0]
    shim = compiled_shim(tmp_path)
    # the server loses only what it had not yet written when it died, which is not so at every death
    for turn in range(6):
        folder = tmp_path / f"turn{turn}"
        folder.mkdir()
        with victim(folder, binary, fsync="everysec", shim=shim, delay_ms=600) as one:
            toll = await series(one, 2, power=False, seconds=1.6)
        if toll.lost:
            break
    tell("A1 mutation everysec, slow disk", toll.deaths, ">= 1 lost", f"{toll.lost} lost of {toll.acknowledged:,} acks")
    assert toll.lost >= 1


@pytest.mark.long
@pytest.mark.parametrize("binary", servers())
@pytest.mark.timeout(1800)
async def test_sixty_kills(tmp_path, binary):
    await survives(tmp_path, binary, 60, power=False, name="A1 kill -9", **HEAVY)


@pytest.mark.long
@pytest.mark.parametrize("binary", servers())
async def test_sixty_power_cuts(tmp_path, binary):
    await survives(tmp_path, binary, 60, power=True, shim=compiled_shim(tmp_path), name="A2 power cut")


@pytest.mark.long
@pytest.mark.parametrize("binary", servers())
async def test_power_cuts_on_a_slow_disk(tmp_path, binary):
    shim = compiled_shim(tmp_path)
    with victim(tmp_path, binary, shim=shim, delay_ms=3) as one:
        toll = await series(one, 20, power=True)
    tell(
        f"A2 power cut, fsync +3 ms {binary.name}",
        toll.deaths,
        "0 lost, 0 half",
        f"{toll.lost} lost, {toll.half_written} half of {toll.acknowledged:,} acks",
    )
    assert (toll.lost, toll.half_written, toll.broken_ledgers) == (0, 0, 0)
