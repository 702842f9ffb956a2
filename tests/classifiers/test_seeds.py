"""The corpus we ship keeps its own contract: fields, ranges, one id a text, a frozen fifth that nothing trains on."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest

from classifiers.dataset import SEEDS

FILES = sorted(SEEDS.glob("*.jsonl"))
LEXICONS = sorted((SEEDS / "lexicons").glob("*.jsonl"))
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_]+$", max_length=60)]


class Seed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One text as the seeds spell it: stricter than a row of somebody else's data."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2}-([a-z]+-)?\d{4}$")]
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=5000)]
    lang: Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2}$")]
    split: Literal["train", "heldout"]
    phenomenon: Name
    reviewed: bool
    pair: Annotated[str, msgspec.Meta(min_length=1)] | msgspec.UnsetType = msgspec.UNSET
    name: str | msgspec.UnsetType = msgspec.UNSET
    url: str | msgspec.UnsetType = msgspec.UNSET
    spam: Literal[0, 1] | msgspec.UnsetType = msgspec.UNSET
    toxicity: Share | msgspec.UnsetType = msgspec.UNSET
    severe_toxicity: Share | msgspec.UnsetType = msgspec.UNSET
    profanity: Share | msgspec.UnsetType = msgspec.UNSET
    threat: Share | msgspec.UnsetType = msgspec.UNSET
    insult: Share | msgspec.UnsetType = msgspec.UNSET
    identity_attack: Share | msgspec.UnsetType = msgspec.UNSET

    def labels(self) -> list[float]:
        """Give the values of the attributes somebody annotated."""
        found = (self.spam, self.toxicity, self.severe_toxicity, self.profanity, self.threat, self.insult)
        return [float(value) for value in (*found, self.identity_attack) if value is not msgspec.UNSET]


class Term(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One word of a lexicon with the forms it takes."""

    term: Annotated[str, msgspec.Meta(min_length=1)]
    kind: Literal["insult", "profanity", "slur", "threat"]
    grade: Literal[1, 2, 3]
    forms: tuple[Annotated[str, msgspec.Meta(min_length=1)], ...]


def seeds(file: Path) -> list[Seed]:
    return [msgspec.json.decode(line, type=Seed) for line in file.read_bytes().splitlines()]


def every_seed() -> Iterator[tuple[Path, Seed]]:
    for file in FILES:
        for seed in seeds(file):
            yield file, seed


def normalised(text: str) -> str:
    """What is left when case, spaces and punctuation no longer tell two texts apart; emoji count when all is emoji."""
    return "".join(letter for letter in text.casefold() if letter.isalnum()) or "".join(text.split())


def test_there_are_seeds() -> None:
    assert FILES


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_line_is_a_seed_of_the_files_language_with_a_label(file: Path) -> None:
    for seed in seeds(file):
        assert seed.lang == file.name.split(".")[0] == seed.id[:2], seed.id
        assert seed.text.strip(), seed.id
        assert seed.labels(), seed.id


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_seeds_are_sorted_by_id(file: Path) -> None:
    ids = [seed.id for seed in seeds(file)]
    assert ids == sorted(ids)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_about_a_fifth_is_held_out(file: Path) -> None:
    found = seeds(file)
    assert 0.15 <= sum(seed.split == "heldout" for seed in found) / len(found) <= 0.25


def test_no_id_is_given_twice() -> None:
    where: dict[str, Path] = {}
    for file, seed in every_seed():
        assert seed.id not in where, f"{seed.id} in {where[seed.id].name} and {file.name}"
        where[seed.id] = file


def test_a_pair_lies_in_one_split_and_has_two_sides() -> None:
    splits: dict[str, list[str]] = defaultdict(list)
    for _, seed in every_seed():
        if seed.pair is not msgspec.UNSET:
            splits[f"{seed.lang} {seed.pair}"].append(seed.split)
    assert [pair for pair, found in splits.items() if len(set(found)) > 1 or len(found) < 2] == []


def test_no_text_is_written_twice() -> None:
    first: dict[str, str] = {}
    twice = []
    for _, seed in every_seed():
        other = first.setdefault(normalised(seed.text), seed.id)
        if other != seed.id:
            twice.append((other, seed.id, seed.text[:60]))
    assert twice == []


@pytest.mark.parametrize("file", LEXICONS, ids=lambda file: file.name)
def test_every_line_of_a_lexicon_is_a_term(file: Path) -> None:
    terms = [msgspec.json.decode(line, type=Term) for line in file.read_bytes().splitlines()]
    assert len({(term.term, term.kind) for term in terms}) == len(terms)
