"""What may be turned when a version is trained from scratch, and how it is read from a file."""

import tomllib
from pathlib import Path

import msgspec

from classifiers.errors import RecipeInvalid


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be turned in a training run; the defaults are those of the bundled version."""

    bits: int = 19
    shortest: int = 2
    longest: int = 5
    trait_scale: float = 1.0
    min_texts: int = 4
    spam_strength: float = 4.0
    toxicity_strength: float = 0.5
    """Inverse strength of the regularisation."""
    voices: float = 0.5
    """What the average of what each source teaches alone counts for beside all rows together; not for spam."""
    leaning: dict[str, float] = msgspec.field(
        default_factory=lambda: {
            "severe_toxicity": 0.25,
            "profanity": 0.25,
            "threat": 0.1,
            "insult": 0.25,
            "identity_attack": 0.25,
        }
    )
    """What share of the weights of toxicity is added to those of an attribute with fewer rows."""
    disguised: float = 0.04
    """Share of the texts that are learned from once more with their words hidden; four times as much of spam sets."""
    rounds: int = 80
    """Most iterations of the solver."""
    max_imbalance: float = 20.0
    """More rows than so many of one kind for one of the other are refused, near-duplicates counted once; not of public sets."""
    seeds: bool = True
    """Whether the corpus of the package is learned from too."""
    seed_weight: float = 3.0
    """What one row of that corpus counts for when spam is learned."""
    toxicity_seed_weight: float = 2.0
    """What it counts for when the other attributes are learned, in languages other than English."""
    english_seed_weight: float = 1.0
    """The same in English, of which there is more other data."""
    identity_weight: float = 1.1
    """What one of its sentences about groups counts for; each stands for all the groups that its template has."""
    assumed_ham: float = 0.1
    """Weight, as no spam, of comments that nobody looked at for spam; 0 leaves them out."""
    natural: tuple[str, ...] = ("jigsaw-toxic-2018/train", "civil-comments/sample", "cat-large")
    """Sources in which abuse is as frequent as in life: probabilities are calibrated on them."""
    filters: int = 32
    """Filters of each width, which toxicity and what is learned with it have beside the hashed features; 0 for none."""
    filter_numbers: int = 16
    """How many numbers the vector of a chunk has."""
    filter_epochs: int = 5
    filter_share: float = 0.5
    """What the filters count for beside all other features, by how far their logits spread."""
    language_bar: float = 0.72
    """A language whose held-back rows are ranked with a lower AUC is marked unsupported."""


def read_recipe(path: Path) -> Recipe:
    """Read a recipe from TOML; fields left out have their defaults."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), Recipe)
    except OSError as error:
        raise RecipeInvalid(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise RecipeInvalid(f"{path}: {error}") from None
