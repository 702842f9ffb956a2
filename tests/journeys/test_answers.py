"""The reference shows what the service answers: the examples have the shape of what the running service says."""

import json

import pytest

from tests.answers import FILE, Story
from tests.service import serving

SHOWN = json.loads(FILE.read_text(encoding="utf-8"))
OPEN = {"counts", "waiting", "reasons", "present", "proposed", "against_people", "known"}
"""Their keys are words of what happened, not of the shape."""


def differences(shown, said, where):
    """Name what one of two answers has and the other has not; numbers and words may be others."""
    if shown is None or said is None:
        return []
    if isinstance(shown, dict) and isinstance(said, dict):
        if where.rpartition(".")[2] in OPEN:
            return []
        if "hash" in shown and "e" in shown:  # an entry of the ledger: each event has facts of its own
            return [] if {"id", "at", "hash", "e"} <= set(said) else [where]
        apart = [f"{where}.{name}" for name in set(shown) ^ set(said)]
        return apart + [
            one for name in set(shown) & set(said) for one in differences(shown[name], said[name], f"{where}.{name}")
        ]
    if isinstance(shown, list) and isinstance(said, list):
        return differences(shown[0], said[0], where) if shown and said else []
    kinds = [
        float if isinstance(one, int | float) and not isinstance(one, bool) else type(one) for one in (shown, said)
    ]
    return [] if kinds[0] is kinds[1] else [f"{where}: {shown!r} is shown, {said!r} is said"]


def compared(said):
    return {name: found for name in said if (found := differences(SHOWN[name], said[name], name))}


def test_what_the_reference_shows_has_the_shape_of_what_the_service_says(tmp_path):
    with serving(tmp_path / "data") as service:
        said = Story(service).play(models=False)
    assert len(said) > 75
    assert not compared(said)


@pytest.mark.long
def test_so_it_is_with_the_models(tmp_path):
    with serving(tmp_path / "data") as service:
        said = Story(service).play()
    assert {name for name in SHOWN if "/v1/models" in name} <= set(said)
    assert not compared(said)


def test_a_difference_in_shape_is_seen():
    assert differences({"a": [{"b": 1}]}, {"a": [{"c": 1}]}, "x")
    assert differences({"a": 1}, {"a": "1"}, "x")
    assert not differences({"a": 1, "b": None}, {"a": 2.5, "b": []}, "x")
