"""Messages for people, from one catalogue a language; English is complete, the others hold what a reader of a site may see."""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import Any

DEFAULT = "en"
LANGUAGES = ("en", "de", "fr", "es", "uk")

_MOST_CHOICES, _LONGEST_WISH = 20, 500
_TAG = re.compile(r"\s*([A-Za-z]{2,3})(?:[-_][A-Za-z0-9_-]*)?\s*(?:;\s*[qQ]=([01](?:\.[0-9]{0,3})?)\s*)?")


def message(code: str, lang: str = DEFAULT, /, **facts: object) -> str:
    """Say what a code means, in this language or else in English; an unknown code speaks for itself."""
    template = _CATALOGUES.get(lang, _ENGLISH).get(code) or _ENGLISH.get(code)
    if template is None:
        return code
    return template.format_map(facts) if facts else template


def has_message(code: str) -> bool:
    """Say whether the catalogue knows this code."""
    return code in _ENGLISH


def choose_language(*wishes: str, accept: str = "", site: str = "") -> str:
    """Choose among our languages: what the comment says first, then the browser's Accept-Language, then the site's."""
    for wish in wishes:
        if _primary(wish) in _CATALOGUES:
            return _primary(wish)
    if accept and (chosen := _accepted(accept[:_LONGEST_WISH])):
        return chosen
    return _primary(site) if _primary(site) in _CATALOGUES else DEFAULT


def _primary(tag: str) -> str:
    return tag[:3].partition("-")[0].partition("_")[0].lower()


@lru_cache(maxsize=256)
def _accepted(header: str) -> str:
    """Find the first of our languages that the header likes best; a header that nobody understands asks for nothing."""
    best, weight = "", 0.0
    for part in header.split(",")[:_MOST_CHOICES]:
        found = _TAG.fullmatch(part)
        if found and found[1].lower() in _CATALOGUES and float(found[2] or 1) > weight:
            best, weight = found[1].lower(), float(found[2] or 1)
    return best


def _read(lang: str) -> dict[str, str]:
    tree = tomllib.loads((files(__package__) / f"{lang}.toml").read_text("utf-8"))
    return dict(_flat(tree, ""))


def _flat(tree: dict[str, Any], prefix: str) -> list[tuple[str, str]]:
    entries: list[tuple[str, str]] = []
    for key, value in tree.items():
        entries += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(prefix + key, value)]
    return entries


_CATALOGUES = {lang: _read(lang) for lang in LANGUAGES}
_ENGLISH = _CATALOGUES[DEFAULT]
