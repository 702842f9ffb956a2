"""Labels of an invented site: it has its own word for fools, which no model has ever seen."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from classifiers.dataset import Dataset, Row, from_rows

SUBJECTS = (
    "The ferry",
    "Our mayor",
    "That bridge",
    "My cousin",
    "The referee",
    "This recipe",
    "Her choir",
    "The museum",
)
VERBS = ("opened", "closed", "surprised", "carried", "painted", "ignored", "repaired", "counted", "followed", "watched")
OBJECTS = (
    "the harbour",
    "two lanterns",
    "a parcel",
    "every seat",
    "the old clock",
    "some tickets",
    "the orchard",
    "a map",
)
ENDINGS = ("before noon", "in the rain", "without a word", "for the third time", "near the station", "last spring")
JEER = "grumblewick"


def comment(dice: np.random.Generator, jeering: bool) -> str:
    words = f"{dice.choice(SUBJECTS)} {dice.choice(VERBS)} {dice.choice(OBJECTS)} {dice.choice(ENDINGS)}"
    extra = f"{dice.choice(VERBS)} {dice.choice(OBJECTS)} {dice.choice(ENDINGS)} number {dice.integers(10_000)}"
    return f"{words}, you {JEER}, and {extra}" if jeering else f"{words}, and {extra}"


def lines(
    count: int, *, seed: int = 0, share: float = 0.4, attribute: str = "toxicity", noise: bool = False, **more: object
) -> list[dict[str, object]]:
    dice = np.random.default_rng(seed)
    found = []
    for number in range(count):
        jeering = bool(dice.random() < share)
        truth = bool(dice.random() < share) if noise else jeering
        found.append(
            {
                "text": comment(dice, jeering),
                "lang": "en",
                "source": "moderators",
                "site": "harbour-news",
                "label_id": f"l{seed}-{number}",
                "at": f"2026-01-01T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}Z",
                attribute: float(truth),
                **more,
            }
        )
    return found


def dataset(rows: Sequence[dict[str, object]]) -> Dataset:
    return from_rows([msgspec.convert(row, Row, strict=False) for row in rows])


def labels(count: int, **given: object) -> Dataset:
    return dataset(lines(count, **given))  # type: ignore[arg-type]


def written(path: Path, rows: Sequence[dict[str, object]]) -> Path:
    path.write_bytes(b"\n".join(map(msgspec.json.encode, rows)))
    return path
