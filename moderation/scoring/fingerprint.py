"""The fingerprint of a text: the same for copies that differ only in links, numbers, case, punctuation or look-alike letters."""

from __future__ import annotations

import hashlib
import re

from moderation.scoring.folding import MAX_FOLDED, letters

MIN_LETTERS = 12
"""Below this, two people may well say the same: such a text has no fingerprint."""

_LINK_SIGN = re.compile(r"\.[^\W\d_]|://|@")
_DOTTED = re.compile(r"\.[^\W\d_]")
_SPACE = re.compile(r"\s")
_DENSE = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")


def fingerprint(text: str) -> str:
    """Digest the bare letters of a text, without links; empty where there are too few of them."""
    text = text[:MAX_FOLDED]
    skeleton = letters(_without_links(text))
    if len(skeleton) < MIN_LETTERS and not _is_dense(skeleton):
        # A comment that is hardly more than a link is recognised by that link.
        skeleton = letters(text)
        if len(skeleton) < MIN_LETTERS and not _is_dense(skeleton):
            return ""
    return hashlib.blake2b(skeleton.encode("utf-8", "replace"), digest_size=9).hexdigest()


def _is_dense(skeleton: str) -> bool:
    """Say whether a short skeleton is long enough in a script whose signs carry a syllable or a word each."""
    return len(skeleton) >= MIN_LETTERS // 2 and len(_DENSE.findall(skeleton)) * 2 >= len(skeleton)


def _without_links(text: str) -> str:
    """Drop every word that holds a link or an address; one pass, however long the words are."""
    signs = _LINK_SIGN if "://" in text or "@" in text else _DOTTED  # the latter is found three times as fast
    kept, done = [], 0
    for sign in signs.finditer(text):
        at = sign.start()
        if at < done:
            continue
        begin = max(text.rfind(" ", done, at), text.rfind("\n", done, at), done - 1) + 1
        kept.append(text[done:begin])
        space = _SPACE.search(text, at)
        if space is None:
            done = len(text)
            break
        done = space.end()
    return "".join([*kept, text[done:]]) if kept else text
