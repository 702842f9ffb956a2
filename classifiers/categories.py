"""Ordinary words by what they do in a comment and what they are about: it calls, promises, addresses, denies, blames, praises.

Each category is one hand-made feature for all languages together, so what is learned of one language's words holds for all,
and a comment whose words no training text had is known by them alone.
"""

import tomllib
from pathlib import Path

CATEGORIES = (
    "call", "money", "praise", "you", "they", "not", "should", "violence",
    "harm", "good", "out", "beast",
    "self", "past", "reason", "ask", "civil", "laugh", "feel", "mind", "body", "sex", "kin",
    "sport", "media", "home", "city", "state", "work", "tech", "time", "small",
)  # fmt: skip
"""The kinds of word in `seeds/categories`: what a comment does (calls to act, promises money, praises as advertising does, addresses,
speaks of others, denies, demands, does violence); what is bad or good, who is to leave, and to which animals people are
likened; how one speaks (of oneself, of what was, in reasons, questions, politeness, laughter, feelings) and of what; and the
small words that tell a sentence from a shout."""


def category_words(folder: Path = Path(__file__).parent / "seeds" / "categories") -> dict[str, tuple[str, ...]]:
    """Give the words of each category, in all languages, as they are listed."""
    found: dict[str, list[str]] = {kind: [] for kind in CATEGORIES}
    for path in sorted(folder.glob("*.toml")):
        for kind, words in tomllib.loads(path.read_text("utf-8")).items():
            found[kind] += words.split()
    return {kind: tuple(dict.fromkeys(words)) for kind, words in found.items()}
