"""Words of all languages by what they mean: `abschieben`, `expulser` and `deport` are one concept, and one feature.

What is learned of a word in one language then holds for the words that mean the same in the others, those that no training
text had among them.
"""

import tomllib
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).parent / "seeds" / "concepts"
MOST_MEANINGS = 2
"""A form that is a word of more concepts, in whatever languages, tells of none."""


@lru_cache(maxsize=4)
def concept_words(folder: Path = FOLDER) -> tuple[tuple[str, str], ...]:
    """Give the forms of all languages as they are listed, each with its concept. Reading the lists takes a second, so they are kept."""
    return tuple(
        (form, concept)
        for path in sorted(folder.glob("*.toml"))
        for concept, forms in tomllib.loads(path.read_text("utf-8")).items()
        for form in forms.split()
    )
