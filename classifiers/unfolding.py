"""Read one chunk as a person would: undo what hides its words, name its links, mentions and numbers.

A guess at a disguise is checked against words that are known, so what is no disguise stays as it is. Pure, and bounded
by the length of the chunk.
"""

import html
import math
import re
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from classifiers.letters import VOWEL_SIGNS, one_script, to_letters
from classifiers.text import EDGES

MAX_WORD = 40
"""Longer words are hashed like any other, but not searched for disguises."""
MAX_SPELLED = 400
"""So many letters spelled out one by one are put together to words."""
UNKNOWN = 1 << 20
"""The rank of a word that is not known."""
_STRAY_LETTER = 13.0
"""What a letter that is in no known word costs, beside the logarithm of a word's rank."""

_STRETCHED = re.compile(r"(.)\1\1")
_RUNS_OF_THREE = re.compile(r"(.)\1{2,}")
_RUNS_OF_TWO = re.compile(r"(.)\1+")
_ALL_DOUBLED = re.compile(r"(?:(.)\1)+")
_NO_LETTERS = re.compile(rf"(?:(?![{VOWEL_SIGNS}])[\W\d_])+")
_SEPARATORS = re.compile(
    rf"[^\w{VOWEL_SIGNS}'’`*@$!#€£%+|^(<\[{{~-]+|_+|-+|(?<![\w*@$!#€£%+|^(<\[{{~])[*@$!#€£%+|^(<\[{{~]+(?![\w*@$!#€£%+|^(<\[{{~])"
)
_EDGE = " \t.,;:?!\"'`’‘“”„«»()[]{}<>~^|\\/=+-–—…_*#&%@"
_WORD_CHARS = re.compile(rf"[^\W_](?:[^\W_]|[{VOWEL_SIGNS}])*")
_SPELLED = re.compile(rf"(?:[^\W\d_](?:(?![{VOWEL_SIGNS}])[\W_])+){{2,}}[^\W\d_]")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_MASK = re.compile(r"[*#@$%!?.\-_~^•·°×x]")

_LINK = re.compile(
    r"(?:https?|ftp|hxxps?)[:;]?[/\\]{1,2}\S|www\d?\.[^\s.]|"
    r"^[^\s@]*?[a-z0-9-]{2,}\.(?:com|net|org|info|biz|ru|ua|xyz|top|site|online|shop|store|club|live|icu|vip|win|bet|casino|"
    r"co|io|me|ly|cc|tv|us|uk|de|fr|es|it|nl|pl|br|tr|cn|kr|jp|in|eu|ca|au|pro|link|click|space|website|app|dev|gl|be|"
    r"su|pw|tk|ml|ga|cf|gq|cfd|sbs|loan|buzz|fun|cyou|rest|mobi|news|blog|tech|gg|to|ws)(?:[/:?#]|$)",
    re.IGNORECASE,
)
_DEFANGED = re.compile(r"[\[({]\s*(?:\.|dot)\s*[\])}]", re.IGNORECASE)
_HOST = re.compile(r"(?:[a-z]+[:;]?[/\\]{1,2})?(?:www\d?\.)?([^/\\?#:\s]+)", re.IGNORECASE)
_MAIL = re.compile(r"^[\w.+-]+(?:@|\[at\]|\(at\))[\w-]+(?:\.|\[dot\]|\(dot\))[\w.-]+$", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|\[/?(?:url|b|i|img|link|color|size|quote)[^\[\]]*\]")

_LEET = str.maketrans("013456789@$!|+€£(", "oieasbtbgasiitelc")
_LEET_OTHER = str.maketrans("1!|6", "llig")
_LEET_SIGNS = re.compile(r"[0-9@$!|+€£(]")


class Words(Protocol):
    """What is known of words, so that a guess at a disguise can be checked."""

    def known(self, word: str) -> bool:
        """Say whether the word was seen often enough to be a word."""

    def rank(self, word: str) -> int:
        """Say how many words were seen more often; a large number for one that is not known."""

    def unmask(self, pattern: str) -> str | None:
        """Find the word of the lexicons that fits a pattern, where `*` stands for one hidden letter."""


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
    word = chunk.strip(EDGES)
    if word.isascii() and word.isalpha():
        word = word.lower()
        return "" if _STRETCHED.search(word) else word
    return ""


def unfold(chunk: str, words: Words) -> Unfolded:
    """Read one chunk as a person would."""
    word = core(chunk)
    if word and (not _RUNS_OF_TWO.search(word) or words.known(word) or _unstretch(word, words) == word):
        return Unfolded((word,), bare=True)
    if len(chunk) == 1 and ("\u4e00" <= chunk <= "\u9fff" or "\u3041" <= chunk <= "\u30fa"):
        return Unfolded((chunk,), bare=True)
    if " " in chunk:
        letters = _NO_LETTERS.sub("", chunk).lower()
        return Unfolded(_part(letters, words), joined=1)
    invisible = marks = styled = emoji = 0
    faces: tuple[str, ...] = ()
    if not chunk.isascii():
        chunk, invisible, marks, styled, faces = to_letters(chunk)
        emoji = len(faces)
    if "&" in chunk and ";" in chunk:
        chunk = html.unescape(chunk)
    tags = 0
    if "<" in chunk or "[" in chunk:
        chunk = _DEFANGED.sub(".", chunk)
        if not _LINK.search(chunk):
            chunk, tags = _TAG.subn("", chunk)
    lowered = chunk.lower()
    counted: dict[str, Any] = {
        "emoji": emoji,
        "invisible": invisible,
        "marks": marks,
        "styled": styled,
        "tags": tags,
    }
    if "@" in chunk and _MAIL.match(lowered.strip(_EDGE)):
        return Unfolded(("<mail>", *_pieces(lowered)), mail=True, **counted)
    if ("." in chunk or "/" in chunk) and len(chunk) < 2_000 and (link := _LINK.search(lowered.rstrip(_EDGE))):
        before = _pieces(lowered[: link.start()])
        address = lowered[link.start() :].strip(_EDGE)
        return Unfolded((*before, "<link>", *_address_words(address)), link=address, **counted)
    if (
        chunk[0:1] == "@"
        and len(chunk) > 1
        and (chunk[1].isalnum() or chunk[1] == "_")
        and not words.known(_leet(lowered, words)[0])
    ):
        return Unfolded(("<mention>",), mentions=1, **counted)
    if lowered in _PLACEHOLDERS:
        return Unfolded((_PLACEHOLDERS[lowered],), mentions=int(_PLACEHOLDERS[lowered] == "<mention>"), **counted)
    hashtags = int(chunk[0:1] == "#" and len(chunk) > 2)
    found, undone = _read(lowered, words)
    found = (*found, *dict.fromkeys(faces[:8]))
    return Unfolded(found, hashtags=hashtags, **counted, **undone)


_PLACEHOLDERS = {
    "@user": "<mention>",
    "<user>": "<mention>",
    "@anonymized_account": "<mention>",
    "@url": "<link>",
    "httpurl": "<link>",
    "<url>": "<link>",
}


def _read(lowered: str, words: Words) -> tuple[tuple[str, ...], dict[str, Any]]:
    undone: dict[str, Any] = {"mixed": 0, "leet": 0, "stretched": 0, "joined": 0, "masked": 0}
    core = lowered.strip(_EDGE)
    if not core:
        hidden = words.unmask(lowered) if "*" in lowered else None
        return ((hidden,) if hidden else ("<censored>",) if lowered.count("*") > 2 else ()), undone
    if len(lowered) <= MAX_WORD and not lowered.isalnum():
        whole = _masked(lowered, core, words)
        if whole:
            undone["masked"] = 1
            return (whole,), undone
        if _LEET_SIGNS.match(lowered):
            word, replaced = _leet(lowered.rstrip(_EDGE), words)
            if replaced:
                undone["leet"] = 1
                return (word,), undone
        if _SPELLED.fullmatch(core):
            undone["joined"] = 1
            return _part(_NO_LETTERS.sub("", core), words), undone
    found: list[str] = []
    for part in _SEPARATORS.split(core) if not core.isalnum() else (core,):
        found.extend(_read_word(part, words, undone))
    return tuple(found), undone


def _read_word(part: str, words: Words, undone: dict[str, Any]) -> Iterable[str]:
    word = part.replace("'", "").replace("’", "").replace("`", "").replace("\u02bc", "")
    if not word:
        return ()
    if len(word) > MAX_WORD:
        return _WORD_CHARS.findall(word)
    if word.isdigit():
        return (f"<number{min(len(word), 9)}>",)
    if not word.isascii():
        straight = one_script(word, words.known)
        undone["mixed"] += straight != word
        word = straight
    if _LEET_SIGNS.search(word):
        word, replaced = _leet(word, words)
        undone["leet"] += replaced
    if not word.isalpha():
        core = word.strip(_EDGE)
        if core.isalnum() or not core:
            word = core
        else:
            return [piece for piece in _WORD_CHARS.findall(word) if piece]
        if not word:
            return ()
    if _RUNS_OF_TWO.search(word) and not words.known(word):
        shorter = _unstretch(word, words)
        undone["stretched"] += shorter != word
        word = shorter
    return (word,)


def _part(letters: str, words: Words) -> tuple[str, ...]:
    """Part letters that were spelled out one by one into known words, few and frequent ones preferred."""
    letters = letters[:MAX_SPELLED]
    if words.known(letters):
        return (letters,)
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(letters) + 1):
        options = [(best[end - 1][0] + _STRAY_LETTER, end - 1)]
        for begin in range(max(0, end - 16), end):
            rank = words.rank(letters[begin:end])
            if rank < UNKNOWN:
                options.append((best[begin][0] + math.log(rank + 8.0), begin))
        best.append(min(options))
    found: list[str] = []
    end = len(letters)
    while end:
        begin = best[end][1]
        found.append(letters[begin:end])
        end = begin
    return tuple(reversed(found))


def _unstretch(word: str, words: Words) -> str:
    """Shorten repeated letters to the form that is a word; where every letter is doubled, to half of them."""
    if _ALL_DOUBLED.fullmatch(word):
        halved = word[::2]
        if words.known(halved) or len(word) > 4:
            return halved
    if _STRETCHED.search(word):
        forms = (_RUNS_OF_THREE.sub(r"\1\1", word), _RUNS_OF_THREE.sub(r"\1", word), _RUNS_OF_TWO.sub(r"\1", word))
        known = [form for form in forms if words.known(form)]
        return min(known, key=words.rank) if known else forms[1]
    single = _RUNS_OF_TWO.sub(r"\1", word)
    doubled = len(word) - len(single)
    return single if doubled >= 2 and words.known(single) else word


def _leet(word: str, words: Words) -> tuple[str, int]:
    """Read digits and signs as letters where that makes a word."""
    for candidate in (word.translate(_LEET), word.translate(_LEET_OTHER).translate(_LEET)):
        for form in (candidate, _RUNS_OF_TWO.sub(r"\1", candidate)):
            if form.isalpha() and words.known(form):
                return form, 1
    return word, 0


def _masked(lowered: str, core: str, words: Words) -> str | None:
    """Read a word with hidden letters (`f**k`, `sh#t`) by the lexicons."""
    if core.isalnum() and "*" not in lowered:
        return None
    forms = (lowered.strip(" .,;:?\"'()"), core)
    for form in forms:
        signs = _MASK.findall(form)
        if (
            signs
            and len(form) >= 3
            and form[0].isalpha()
            and 2 * len(signs) <= len(form) + 1
            and not _SPELLED.fullmatch(form)
        ):
            found = words.unmask(re.sub(r"[*#@$%!?.\-_~^•·°×]", "*", form))
            if found:
                return found
    form = forms[0].rstrip("!")
    if form.count("*") == 1 and form.strip("*") == form and form.replace("*", "").isalpha():
        guesses = [form.replace("*", letter) for letter in _LETTERS]
        likeliest = min(guesses, key=words.rank)
        return likeliest if words.known(likeliest) else None
    return None


def _pieces(text: str) -> list[str]:
    return [piece for piece in _WORD_CHARS.findall(text) if not piece.isdigit()][:24]


def _address_words(address: str) -> list[str]:
    """Name what a link leads to: the words of its host and path, and its top-level domain."""
    host = _HOST.match(address)
    name = host[1].rstrip(".") if host else address
    ending = name.rpartition(".")[2]
    return [f"<domain:{ending[:12]}>", *_pieces(name), *_pieces(address[host.end() if host else 0 :])[:12]]
