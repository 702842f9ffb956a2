"""What may be turned when a version is trained from scratch, and how recipes are read from files and told."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import msgspec

from classifiers.errors import RecipeInvalid
from classifiers.manifest import ATTRIBUTES

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Kind = TypeVar("Kind", bound=msgspec.Struct)


def within(low: float, high: float, meaning: str) -> msgspec.Meta:
    """Bound a number of a recipe, and say what it is."""
    return msgspec.Meta(ge=low, le=high, description=meaning)


def means(meaning: str) -> msgspec.Meta:
    """Say what an entry without bounds of its own is."""
    return msgspec.Meta(description=meaning)


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be turned in a training run; the defaults are those of the bundled version."""

    bits: Annotated[int, within(8, 22, "hashed features go into two to the power of so many buckets")] = 19
    shortest: Annotated[int, within(1, 5, "characters of the shortest n-gram")] = 2
    longest: Annotated[int, within(1, 8, "characters of the longest n-gram")] = 5
    trait_scale: Annotated[float, within(0.01, 100, "what hand-made features count for beside hashed ones")] = 1.0
    min_texts: Annotated[int, within(1, 1000, "texts that a word must be in to count as known")] = 4
    spam_strength: Annotated[float, within(0.001, 1000, "inverse strength of the regularisation of spam")] = 4.0
    toxicity_strength: Annotated[float, within(0.001, 1000, "the same of all other attributes")] = 0.5
    voices: Annotated[
        float,
        within(0, 10, "what the average of what each source teaches alone counts for beside all rows; not for spam"),
    ] = 0.5
    leaning: Annotated[
        dict[str, Share],
        means("share of the weights of toxicity that is added to those of an attribute with fewer rows, 0 to 1"),
    ] = msgspec.field(
        default_factory=lambda: {
            "severe_toxicity": 0.25,
            "profanity": 0.25,
            "threat": 0.1,
            "insult": 0.25,
            "identity_attack": 0.25,
        }
    )
    disguised: Annotated[
        float, within(0, 1, "share of the texts learned from once more with hidden words; of spam four times as much")
    ] = 0.04
    rounds: Annotated[int, within(1, 1000, "most iterations of the solver")] = 80
    min_labels: Annotated[
        int, within(2, 1_000_000, "fewer labels of an attribute are refused, near-duplicates counted once")
    ] = 200
    max_imbalance: Annotated[
        float, within(1, 1_000_000, "more labels of one kind for one of the other are refused, counted in the same way")
    ] = 20.0
    seeds: Annotated[bool, means("whether the corpus of the package is learned from too")] = True
    seed_weight: Annotated[float, within(0.01, 100, "what one row of that corpus counts for when spam is learned")] = (
        3.0
    )
    toxicity_seed_weight: Annotated[
        float, within(0.01, 100, "what it counts for when the others are learned, in languages other than English")
    ] = 2.0
    english_seed_weight: Annotated[
        float, within(0.01, 100, "the same in English, of which there is more other data")
    ] = 1.0
    identity_weight: Annotated[
        float, within(0, 100, "what one of its sentences about groups counts for; each stands for a whole template")
    ] = 1.1
    assumed_ham: Annotated[
        float, within(0, 1, "weight, as no spam, of comments that nobody looked at for spam; 0 leaves them out")
    ] = 0.1
    natural: Annotated[
        tuple[str, ...], means("sources where abuse is as frequent as in life: probabilities are calibrated on them")
    ] = ("jigsaw-toxic-2018/train", "civil-comments/sample", "cat-large")
    filters: Annotated[int, within(0, 256, "filters of each width, for all attributes but spam; 0 for none")] = 32
    filter_numbers: Annotated[int, within(1, 64, "how many numbers the vector of a chunk has")] = 16
    filter_epochs: Annotated[int, within(1, 100, "how often filters see every row")] = 5
    filter_share: Annotated[
        float, within(0, 10, "what filters count for beside all other features, by how far their logits spread")
    ] = 0.5
    language_bar: Annotated[
        float, within(0, 1, "a language whose held-back rows are ranked with a lower AUC is marked unsupported")
    ] = 0.72

    def __post_init__(self) -> None:
        """Refuse what no single entry shows."""
        if self.shortest > self.longest:
            raise ValueError(f"shortest ({self.shortest}) is more than longest ({self.longest})")
        if strange := set(self.leaning) - set(ATTRIBUTES[2:]):
            raise ValueError(f"leaning names {min(strange)[:80]!r}, which is none of {', '.join(ATTRIBUTES[2:])}")


def read_recipe(path: Path) -> Recipe:
    """Read a recipe from TOML; fields left out have their defaults."""
    return read_as(path, Recipe)


def read_as(path: Path, kind: type[Kind]) -> Kind:
    """Read a recipe of some kind from TOML; what is wrong is told with its key and what it may be."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), kind)
    except OSError as error:
        raise RecipeInvalid(f"{path}: {error.strerror}") from None
    except msgspec.ValidationError as error:
        key = re.search(r"\$\.(\w+)", str(error))
        bounds = _bounds(_meta(kind)[key[1]]) if key else ""
        raise RecipeInvalid(f"{path}: {error}{f'; {key[1]} may be {bounds}' if key and bounds else ''}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecipeInvalid(f"{path}: {error}") from None


def told(kind: type[msgspec.Struct]) -> Iterator[str]:
    """Write a recipe of defaults as lines of TOML: before every entry what it is, and what it may be."""
    metas, defaults = _meta(kind), msgspec.to_builtins(kind())
    for name, value in defaults.items():
        bounds = _bounds(metas[name])
        yield f"# {metas[name].description}{f' ({bounds})' if bounds else ''}"
        yield f"{name} = {_toml(value)}"


def _meta(kind: type[msgspec.Struct]) -> dict[str, msgspec.Meta]:
    return {name: hint.__metadata__[0] for name, hint in get_type_hints(kind, include_extras=True).items()}


def _bounds(meta: msgspec.Meta) -> str:
    return "" if meta.ge is None or meta.le is None else f"{meta.ge:,} to {meta.le:,}"


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_toml(one)}" for name, one in value.items()) + " }"
    return msgspec.json.encode(value).decode()
