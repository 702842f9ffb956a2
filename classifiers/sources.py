"""The public data sets by name: licence, origin, digest, and what must be tidied in their texts before learning."""

import re
import tomllib
from functools import lru_cache
from pathlib import Path

import msgspec

TABLE = Path(__file__).parent / "sources.toml"

_CONTRACTIONS = re.compile(r" (n't|'s|'re|'ve|'ll|'d|'m)\b")
_PARTED = re.compile(r" ([.,!?;:%)\]])")
_SET_MARKS = re.compile(
    r"\|LBR\||\bRT @?\w*:?|&amp;|&lt;|&gt;|&quot;|@(?:user|anonymized_account)\b|@url\b|\bURL\b|"
    r"(?<![\w.+-])@[A-Za-z0-9_]{2,}:?",
    re.IGNORECASE,
)


class Source(msgspec.Struct, frozen=True):
    """One public data set."""

    source: str
    licence: str
    origin: str
    digest: str
    tidy: tuple[str, ...] = ()


@lru_cache(maxsize=1)
def known_sources() -> dict[str, Source]:
    """Read the table: file name without its ending -> source."""
    return msgspec.convert(tomllib.loads(TABLE.read_text("utf-8")), dict[str, Source])


@lru_cache(maxsize=512)
def steps_for(source: str) -> tuple[str, ...]:
    """Name what is done to the texts of a source; nothing for one the table does not know."""
    found = [
        entry for entry in known_sources().values() if source == entry.source or source.startswith(entry.source + "/")
    ]
    return max(found, key=lambda entry: len(entry.source)).tidy if found else ()


def family(source: str) -> str:
    """Give the name under which the parts of one corpus count as one: what is left out is left out whole."""
    return "jigsaw" if source.startswith("jigsaw") else source.partition("/")[0]


def tidy(text: str, source: str) -> str:
    """Take away from a text what betrays its data set rather than its author."""
    steps = steps_for(source)
    if "unmark" in steps:
        text = _SET_MARKS.sub(_neutral, text)
    if "detokenize" in steps:
        text = _PARTED.sub(r"\1", _CONTRACTIONS.sub(r"\1", text)).rstrip(" .")
    if "lowercase" in steps:
        text = text.lower()
    return text.strip() or "-"


def _neutral(match: re.Match[str]) -> str:
    found = match[0].lower()
    if found in ("url", "@url"):
        return "httpurl"
    if found.startswith("@"):
        return "@user"
    return {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"'}.get(found, " ")
