"""The corpus we ship keeps its own contract: fields, ranges, one id a text, a frozen fifth that nothing trains on."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np
import pytest

from classifiers.dataset import SEEDS, load_seeds

FILES = sorted(SEEDS.glob("*.jsonl"))
LEXICONS = sorted((SEEDS / "lexicons").glob("*.jsonl"))
JUDGED = ("spam", "toxicity", "insult", "threat", "identity_attack", "profanity")
GROUPS = {
    "en.spam": ("en.spam",),
    "en.toxicity": ("en.toxicity",),
    "de es fr it nl pt": ("de", "es", "fr", "it", "nl", "pt"),
    "pl ru uk": ("pl", "ru", "uk"),
    "ar hi ja ko tr zh": ("ar", "hi", "ja", "ko", "tr", "zh"),
}
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


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One name of a group of people with the forms it takes."""

    term: Annotated[str, msgspec.Meta(min_length=1)]
    kind: Literal["religion", "origin", "gender", "ability", "age", "status", "politics", "profession"]
    forms: tuple[Annotated[str, msgspec.Meta(min_length=1)], ...]
    ambiguous: bool


class Judgement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one reader said of one seed; `settled` names only what was corrected after both had judged."""

    id: str
    by: Literal["writer", "second", "settled"]
    spam: Literal[0, 1] | None = None
    toxicity: Share | None = None
    insult: Share | None = None
    threat: Share | None = None
    identity_attack: Share | None = None
    profanity: Share | None = None


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


def judgements(by: str) -> dict[str, Judgement]:
    lines = (SEEDS / "review" / "second-pass.jsonl").read_bytes().splitlines()
    found = [judged for line in lines if (judged := msgspec.json.decode(line, type=Judgement)).by == by]
    assert len({judged.id for judged in found}) == len(found)
    return {judged.id: judged for judged in found}


def kappas(cells: np.ndarray) -> np.ndarray:
    """Cohen's kappa of tables of yes/yes, yes/no, no/yes, no/no, one a row; NaN where both always said the same."""
    both, first, second, neither = cells.T / cells.sum(axis=1)
    chance = (both + first) * (both + second) + (neither + first) * (neither + second)
    return np.where(chance < 1, (both + neither - chance) / np.where(chance < 1, 1 - chance, 1), np.nan)


def agreement(pairs: list[tuple[bool, bool]]) -> str:
    """Spell one row of the table: n, yes by either reader, agreement, kappa and its bootstrap interval."""
    cells = np.array([sum(pair == cell for pair in pairs) for cell in ((1, 1), (1, 0), (0, 1), (0, 0))])
    head = f"{len(pairs)} | {cells[0] + cells[1]} / {cells[0] + cells[2]} | {(cells[0] + cells[3]) / len(pairs):.1%}"
    kappa = kappas(cells[None, :])[0]
    if np.isnan(kappa):
        return f"{head} | – | –"
    again = kappas(np.random.default_rng(2).multinomial(len(pairs), cells / len(pairs), size=4000))
    low, high = np.nanpercentile(again, [2.5, 97.5])
    return f"{head} | {kappa:.2f} | {low:.2f} to {high:.2f}"


def agreement_table() -> list[str]:
    """Build the rows of the README's table from the raw judgements, "yes" being 0.5 and above."""
    file_of = {seed.id: file.stem for file, seed in every_seed()}
    writer, second = judgements("writer"), judgements("second")
    rows = []
    for attribute in JUDGED:
        for group, files in {**GROUPS, "**all**": tuple(set(file_of.values()))}.items():
            both = [
                (getattr(said, attribute), getattr(second[seed_id], attribute))
                for seed_id, said in writer.items()
                if file_of[seed_id] in files and getattr(said, attribute) is not None
            ]
            if both:
                said = agreement([(first >= 0.5, other >= 0.5) for first, other in both])
                rows.append(f"| {attribute} | {group} | {said} |")
    return rows


def test_the_second_pass_judges_seeds_that_exist_and_every_attribute() -> None:
    ids = {seed.id for _, seed in every_seed()}
    second = judgements("second")
    assert second.keys() == judgements("writer").keys()
    assert second.keys() <= ids
    assert judgements("settled").keys() <= second.keys()
    assert [seed_id for seed_id, said in second.items() if None in [getattr(said, name) for name in JUDGED]] == []


def test_what_was_settled_after_the_second_pass_is_what_the_seeds_say() -> None:
    now = {seed.id: seed for _, seed in every_seed()}
    for seed_id, settled in judgements("settled").items():
        for attribute, value in msgspec.to_builtins(settled).items():
            if attribute != "by":
                assert getattr(now[seed_id], attribute) == value, seed_id


def test_the_second_pass_is_not_read_as_seeds() -> None:
    assert "review" not in {file.parent.name for file in FILES}
    assert len(load_seeds()) == sum(1 for _ in every_seed())


def test_the_readme_tells_the_agreement_the_raw_judgements_give() -> None:
    told = (SEEDS / "README.md").read_text(encoding="utf-8").splitlines()
    table = [line for line in told if line.startswith(tuple(f"| {attribute} |" for attribute in JUDGED))]
    assert table == agreement_table()


def counted(name: str, found: list[Seed]) -> str:
    """Spell one row of the README's table of texts."""

    def grade(seed: Seed) -> float:
        return 0.0 if seed.toxicity is msgspec.UNSET else seed.toxicity

    columns = (
        len(found),
        sum(seed.split == "heldout" for seed in found),
        sum(seed.pair is not msgspec.UNSET for seed in found),
        sum(seed.spam == 1 for seed in found),
        sum(grade(seed) >= 0.5 for seed in found),
        sum(0 < grade(seed) < 0.5 for seed in found),
        sum(seed.spam != 1 and grade(seed) == 0 for seed in found),
    )
    return f"| {name} | " + " | ".join(f"{column:,}" for column in columns) + " |"


def test_the_readme_tells_how_many_texts_there_are() -> None:
    told = (SEEDS / "README.md").read_text(encoding="utf-8").splitlines()
    for file in FILES:
        assert counted(file.stem, seeds(file)) in told
    assert counted("**all**", [seed for _, seed in every_seed()]) in told


@pytest.mark.parametrize("file", sorted((SEEDS / "groups").glob("*.jsonl")), ids=lambda file: file.name)
def test_every_line_of_a_list_of_groups_is_a_group(file: Path) -> None:
    groups = [msgspec.json.decode(line, type=Group) for line in file.read_bytes().splitlines()]
    assert [group.term for group in groups] == sorted({group.term for group in groups})
