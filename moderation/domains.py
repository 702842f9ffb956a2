"""The two ways in which a domain in any script is written: in letters, and in the ASCII form that machines use."""

from __future__ import annotations

import unicodedata

import idna

_LONGEST = 255


def ascii_form(domain: str) -> str:
    """Write a domain in ASCII; what can be no domain is only spelled alike (small letters, composed).

    As IDNA 2008 has it and as addresses are checked at the door: `straße.de` is a domain of its own, and not the
    `strasse.de` that Python's own codec makes of it.
    """
    if domain.isascii() or len(domain) > _LONGEST:
        return domain.lower()
    try:
        return idna.encode(domain, uts46=True).decode().lower()
    except UnicodeError:
        return unicodedata.normalize("NFC", domain).lower()


def unicode_form(domain: str) -> str:
    """Write a domain in its letters."""
    domain = ascii_form(domain)
    if "xn--" not in domain:
        return domain
    return ".".join(map(_letters_of, domain.split(".")))


def _letters_of(label: str) -> str:
    if not label.startswith("xn--") or len(label) > 63:
        return label
    try:
        return idna.decode(label)
    except UnicodeError:
        return label
