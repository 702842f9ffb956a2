"""Domains that are written to be taken for another: letters of two scripts in one name, or a mail service in look-alikes."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from moderation.domains import unicode_form
from moderation.scoring.folding import fold

_MAIL = frozenset((
    "aol", "bbox", "free", "gmail", "gmx", "googlemail", "hotmail", "icloud", "libero", "live", "mail", "mailbox",
    "msn", "orange", "outlook", "posteo", "proton", "protonmail", "seznam", "ukr", "web", "yahoo", "yandex", "zoho",
))  # fmt: skip
"""Names of mail services. In letters that only look like theirs they are somebody else's."""


def imitated(domain: str) -> str:
    """Give the domain that this one is taken for at a glance, or nothing. A name in one script of its own imitates none."""
    if domain.isascii() and "xn--" not in domain.lower():
        return ""
    return _imitated(domain)


@lru_cache(maxsize=1024)
def _imitated(domain: str) -> str:
    labels = unicode_form(domain).split(".")
    plain = [_plain(label) for label in labels]
    deceives = any(one and (one in _MAIL or _mixes_scripts(label)) for label, one in zip(labels, plain, strict=True))
    return ".".join(one or label for label, one in zip(labels, plain, strict=True)) if deceives else ""


def _plain(label: str) -> str:
    """Give the Latin word that a name looks like, or nothing where it is Latin already or looks like none."""
    if label.isascii():
        return ""
    # a look-alike is taken for one only among Latin letters
    spelled = fold("a " + label)[2:]
    return spelled if spelled.isascii() else ""


def _mixes_scripts(label: str) -> bool:
    return len({unicodedata.name(letter, "").partition(" ")[0] for letter in label if letter.isalpha()}) > 1
