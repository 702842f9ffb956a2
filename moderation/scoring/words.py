"""Word lists of a site: compiled once with re2, found in the text as written and in the text as it reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import re2

from moderation.records import Comment, Word
from moderation.scoring.folding import fold

MAX_WORDS = 5_000
MAX_WORD_LENGTH = 100

_FEW = 8
"""How many finds are kept as evidence."""
_ANY = r"[^\s!-/:-@\[-^`{-~]*"
"""What `*` stands for: anything but spaces and ASCII signs; a class of all letters would fill the pattern's memory."""
_OTHER = r"[^\pL\pN_]"
_UNBOUNDED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]|[^\\w*]|_")
"""An edge that needs no word boundary: a sign, or a script that writes without spaces."""
_NEVER = r"[^\x00-\x{10FFFF}]"
_PRIVATE = re.compile(r"@|\d+\.\d+\.\d+|[0-9a-f]*:[0-9a-f]*:")


class Found(NamedTuple):
    """What of a list stands in a comment."""

    terms: tuple[str, ...] = ()
    words: tuple[Word, ...] = ()


NOTHING = Found()


class WordList:
    """The words of one list. `*` stands for any letters; a word is found whole, whatever its case or disguise."""

    def __init__(self, words: Sequence[str]) -> None:
        terms = sorted({" ".join(word.split()) for word in words if word.strip(" *\t\n")})
        spellings = sorted({*terms, *(fold(term) for term in terms if not _PRIVATE.search(term))})
        spellings = [spelling for spelling in spellings if spelling.strip(" *")]
        self._pattern: Any = _compile(spellings) if spellings else None

    def find(self, comment: Comment) -> Found:
        """Look for the words in the text, and in the name, the e-mail address and the link of the author."""
        if self._pattern is None:
            return NOTHING
        read, email_at = _spellings_of(comment.text, comment.name, comment.url, comment.email)
        if self._pattern.search(read) is None:
            return NOTHING
        return self._found(read, len(comment.text.encode("utf-8", "replace")), email_at)

    def _found(self, read: bytes, text_ends: int, email_at: int) -> Found:
        terms: dict[str, None] = {}
        places: list[Word] = []
        for match in self._pattern.finditer(read):
            group = next(group for group in range(1, 5) if match[group] is not None)
            term = match[group].decode("utf-8", "replace")
            begin, end = match.span(group)
            private = begin >= email_at or _PRIVATE.search(term)
            terms["an address on the list" if private else term.lower()] = None
            if end <= text_ends and len(places) < _FEW:
                place = len(read[:begin].decode("utf-8", "replace"))
                places.append(Word(place, place + len(term), 1.0))
            if len(terms) >= _FEW:
                break
        return Found(tuple(terms), tuple(places))


@lru_cache(maxsize=8)
def _spellings_of(text: str, name: str, url: str, email: str) -> tuple[bytes, int]:
    """Encode the comment as written, the way it reads where that differs, and the e-mail address; say where the last begins.

    Both lists of a site share the work.
    """
    written = f"{text}\n{name}\n{url}\n"
    folded = fold(written)
    both = (written if folded == written.lower() else f"{written}{folded}\n").encode("utf-8", "replace")
    return both + email.encode("utf-8", "replace"), len(both)


def _compile(terms: Sequence[str]) -> Any:
    """Compile the terms to one pattern with a branch for each way an edge may or may not need a word boundary."""
    branches: dict[tuple[bool, bool], list[str]] = {
        (left, right): [] for left in (True, False) for right in (True, False)
    }
    for term in terms:
        edges = (_UNBOUNDED.match(term[0]) is None, _UNBOUNDED.match(term[-1]) is None)
        branches[edges].append(_pattern_of(term))
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = (8 if len(terms) <= 1000 else 48) << 20
    # An empty branch still has its group, so that group numbers stand for edges; [^\x00-\x{10FFFF}] matches nothing.
    pattern = "|".join(
        f"{'(?:^|' + _OTHER + ')' if left else ''}({'|'.join(some) or _NEVER}){'(?:$|' + _OTHER + ')' if right else ''}"
        for (left, right), some in branches.items()
    )
    return re2.compile(pattern, options)


def _pattern_of(term: str) -> str:
    """Write one term as a pattern: `*` as any letters, a space as any space."""
    parts = (_ANY.join(map(re2.escape, word.split("*"))) for word in term.split())
    return r"\s+".join(parts)
