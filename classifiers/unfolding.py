"""Read one chunk as a person would: undo what hides its words, name its links, mentions and numbers.

A guess at a disguise is checked against words that are known, so what is no disguise stays as it is. Pure, and bounded
by the length of the chunk.
"""

import html
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from classifiers.guesses import (
    LEET_SIGNS,
    RUNS_OF_TWO,
    Words,
    fitting,
    is_spelled,
    is_stretched,
    leet,
    masked,
    part,
    unstretch,
)
from classifiers.letters import VOWEL_SIGNS, one_script, to_latin, to_letters
from classifiers.links import WORD_CHARS, address_words, find_link, is_mail, pieces, without_defanging
from classifiers.slips import as_meant
from classifiers.text import EDGES

MAX_WORD = 40
"""Longer words are hashed like any other, but not searched for disguises."""

_NO_LETTERS = re.compile(rf"(?:(?![{VOWEL_SIGNS}])[\W\d_])+")
_SEPARATORS = re.compile(
    rf"[^\w{VOWEL_SIGNS}'’`*@$!#€£%+|^(<\[{{~-]+|_+|-+|(?<![\w*@$!#€£%+|^(<\[{{~])[*@$!#€£%+|^(<\[{{~]+(?![\w*@$!#€£%+|^(<\[{{~])"
)
_EDGE = " \t.,;:?!\"'`’‘“”„«»()[]{}<>~^|\\/=+-–—…_*#&%@"
_CHARACTERS = re.compile("[\u4e00-\u9fff\u3041-\u30fa]+")
_SENTENCE_END = re.compile(r"[.,;:!?]+ | (?=@)")
_EDGE_OR_MONEY = _EDGE + "$€£+"
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|\[/?(?:url|b|i|img|link|color|size|quote)[^\[\]]*\]")
_MENTION = re.compile(r"@[^\W$!€|]")
_HIDING = re.compile(r"[$!€|]")


class Unfolded(NamedTuple):
    """A chunk as read: its words in small letters without marks, and what had to be undone to get them."""

    words: tuple[str, ...]
    bare: bool = False
    """Nothing was undone but capitals and the signs at the edges."""
    link: str = ""
    mail: bool = False
    mentions: int = 0
    hashtags: int = 0
    tags: int = 0
    emoji: int = 0
    invisible: int = 0
    marks: int = 0
    styled: int = 0
    mixed: int = 0
    leet: int = 0
    stretched: int = 0
    joined: int = 0
    masked: int = 0


def core(chunk: str) -> str:
    """Give the bare word of a chunk that is one word of ASCII letters with nothing to undo but capitals and edges."""
    word = chunk if chunk.isalpha() else chunk.strip(EDGES)
    if word.isascii() and word.isalpha():
        word = word.lower()
        return "" if is_stretched(word) else word
    return ""


def unfold(chunk: str, words: Words) -> Unfolded:
    """Read one chunk as a person would."""
    word = core(chunk)
    if word and (not RUNS_OF_TWO.search(word) or words.known(word) or unstretch(word, words) == word):
        found = as_meant(word, words)
        return Unfolded(found, bare=found == (word,))
    if "\u3041" <= chunk[:1] <= "\u9fff" and _CHARACTERS.fullmatch(chunk):
        return Unfolded((chunk,), bare=True)
    if " " in chunk:
        return _together(chunk, words)
    invisible = marks = styled = emoji = 0
    faces: tuple[str, ...] = ()
    if not chunk.isascii():
        chunk, invisible, marks, styled, faces = to_letters(chunk)
        emoji = len(faces)
    if "&" in chunk and ";" in chunk:
        chunk = html.unescape(chunk)
    tags = 0
    if "<" in chunk or "[" in chunk:
        chunk = without_defanging(chunk)
        if not find_link(chunk.lower())[1]:
            chunk, tags = _TAG.subn("", chunk)
    lowered = chunk.lower()
    counted: dict[str, Any] = {
        "emoji": emoji,
        "invisible": invisible,
        "marks": marks,
        "styled": styled,
        "tags": tags,
    }
    address = lowered.rstrip(_EDGE)
    if not address.isascii() and to_latin(address).isascii():
        address = to_latin(address)
    if "@" in chunk and is_mail(address.lstrip(_EDGE)):
        return Unfolded(("<mail>", *pieces(address)), mail=True, **counted)
    if ("." in chunk or "/" in chunk) and len(chunk) < 2_000 and not _is_spelled_word(address, words):
        before, link = find_link(address)
        if link:
            return _linked(before, link, **counted)
    if _MENTION.match(chunk) and not _HIDING.search(chunk) and leet(lowered, words) is None:
        return Unfolded(("<mention>",), mentions=1, **counted)
    if lowered in _PLACEHOLDERS:
        return Unfolded((_PLACEHOLDERS[lowered],), mentions=int(_PLACEHOLDERS[lowered] == "<mention>"), **counted)
    hashtags = int(chunk[0:1] == "#" and len(chunk) > 2)
    found, undone = _read(lowered, words)
    found = (*found, *dict.fromkeys(faces[:8]))
    return Unfolded(found, hashtags=hashtags, **counted, **undone)


def _is_spelled_word(address: str, words: Words) -> bool:
    """Say whether a known word is spelled out, whatever it ends with (`o.p.p.o.s.i.t.e`): such a word is no host."""
    return is_spelled(address) and words.known(_NO_LETTERS.sub("", address))


_PLACEHOLDERS = {
    "@user": "<mention>",
    "<user>": "<mention>",
    "@anonymized_account": "<mention>",
    "@url": "<link>",
    "httpurl": "<link>",
    "<url>": "<link>",
}


def _together(chunk: str, words: Words) -> Unfolded:
    """Read letters that stood alone between blanks; links, addresses and mentions among them are such again."""
    found: list[str] = []
    address, mail, mentions = "", False, 0
    for sentence in _SENTENCE_END.split(chunk.lower()):
        glued = sentence.replace(" ", "").rstrip(_EDGE)
        if len(glued) > 2_000 or not ("." in glued or "@" in glued):
            found += part(_NO_LETTERS.sub("", glued), words)
        elif is_mail(glued):
            mail = True
            before, _, host = glued.partition("@")
            found += (*part(_NO_LETTERS.sub("", before), words), "<mail>", *pieces(host))
        elif glued[0:1] == "@":
            mentions += 1
            found.append("<mention>")
        else:
            before, link = find_link(glued)
            if link and not before and "//" not in link:  # where its host begins is not to be seen
                before, dot, ending = link.rpartition(".")
                link = f"{dot}{ending}"
            found += part(_NO_LETTERS.sub("", before if link else glued), words)
            if link:
                address = link.strip(_EDGE)
                found += ("<link>", *address_words(address))
    return Unfolded(tuple(found), link=address, mail=mail, mentions=mentions, joined=1)


def _linked(before: str, link: str, **counted: Any) -> Unfolded:
    address = link.strip(_EDGE)
    return Unfolded((*pieces(before), "<link>", *address_words(address)), link=address, **counted)


def _read(lowered: str, words: Words) -> tuple[tuple[str, ...], dict[str, Any]]:
    undone: dict[str, Any] = {"mixed": 0, "leet": 0, "stretched": 0, "joined": 0, "masked": 0}
    core = lowered.strip(_EDGE)
    if not core:
        hidden = words.unmask(lowered) if "*" in lowered else None
        return ((hidden,) if hidden else ("<censored>",) if lowered.count("*") > 2 else ()), undone
    led = bool(LEET_SIGNS.match(lowered)) and lowered[0] not in "(|"
    if len(lowered) <= MAX_WORD and (led or "*" in lowered or not core.isalpha() or not words.known(core)):
        if not lowered.isalnum() and LEET_SIGNS.search(lowered):
            shown = (lowered if led else core).rstrip(_EDGE.replace("@", ""))
            word = leet(shown, words) or leet(shown.rstrip(_EDGE), words)
            if word:
                undone["leet"] = 1
                return (word,), undone
        if is_spelled(core):
            undone["joined"] = 1
            return part(_NO_LETTERS.sub("", core), words), undone
        whole = masked(lowered, core, words)
        if whole:
            undone["masked"] = 1
            return (whole,), undone
    found: list[str] = []
    for piece in _SEPARATORS.split(core) if not core.isalnum() else (core,):
        found.extend(_read_word(piece, words, undone))
    return tuple(found), undone


def _read_word(part: str, words: Words, undone: dict[str, Any]) -> Iterable[str]:
    word = part.replace("'", "").replace("’", "").replace("`", "").replace("\u02bc", "")
    if not word:
        return ()
    if len(word) > MAX_WORD:
        return WORD_CHARS.findall(word)
    if word.isdigit():
        return (f"<number{min(len(word), 9)}>",)
    if not word.isascii():
        straight = one_script(word, words.known)
        undone["mixed"] += straight != word
        word = straight
    if LEET_SIGNS.search(word):
        read = leet(word, words)
        undone["leet"] += read is not None
        word = read or word
    if not word.isalpha():
        core = word.strip(_EDGE_OR_MONEY)
        if core.isdigit():
            return (f"<number{min(len(core), 9)}>",)
        if core.isalnum() or not core:
            word = core
        else:
            meant = fitting(core, words)
            undone["masked"] += meant is not None
            return [meant] if meant else WORD_CHARS.findall(word)
        if not word:
            return ()
    if RUNS_OF_TWO.search(word) and not words.known(word):
        shorter = unstretch(word, words)
        undone["stretched"] += shorter != word
        word = shorter
    return as_meant(word, words)
