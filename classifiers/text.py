"""Read a comment as its reader sees it: cut it into chunks, and undo what hides a word from a machine.

A chunk is what stands between two blanks (one character in Chinese and Japanese). Chunks are keys: whatever is
learned of one is kept and used again, so `unfold` may be thorough while the work on a whole comment stays small.
Everything here is pure and bounded: at most `MAX_CHARS` of a comment are read, combining marks are capped before
any normalising, and no pattern backtracks over more than a chunk.
"""

import html
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

MAX_CHARS = 10_000
HEAD_CHARS = 7_000
"""Of a longer comment the head and the tail are read: a link hidden behind a wall of text is at its end."""
MAX_MARKS = 8
MAX_WORD = 40
"""Longer words are hashed like any other, but not searched for disguises."""
MAX_SPELLED = 400
"""So many letters spelled out one by one are put together to words."""

_HAN = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
)
_HAN_PRESENT = re.compile(f"[{_HAN}]")
_HAN_CHUNKS = re.compile(f"[{_HAN}]|[^\\s{_HAN}]+")
_BLANK_PARTED = re.compile(r"\S+")
_MARKS = re.compile("([\u0300-\u036f\u0483-\u0489\u20d0-\u20f0\u1ab0-\u1aff\u1dc0-\u1dff\ufe20-\ufe2f])+")
_ANY_MARK = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0730-\u074a\u07eb-\u07f3"
    "\u0816-\u082d\u0859-\u085b\u08d3-\u08ff\u093c\u094d\u0e31-\u0e3a\u0e47-\u0e4e\u1ab0-\u1aff\u1dc0-\u1dff"
    "\u20d0-\u20f0\u302a-\u302f\u3099\u309a\ufe20-\ufe2f"
)
_LONG_MARKS = re.compile(f"([{_ANY_MARK}]{{{MAX_MARKS}}})[{_ANY_MARK}]+")
_STRIPPED_MARKS = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u064b-\u065f\u0670\u0640\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0\ufe20-\ufe2f]"
)
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_STYLED = re.compile(
    "[\u1d00-\u1dbf\u2070-\u209c\u2100-\u214f\u2460-\u24ff\ua730-\ua7ff\uff01-\uff5e\U0001d400-\U0001d7ff\U0001f100-\U0001f189]"
)
_EMOJI = re.compile(
    "[\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u25aa-\u25fe\u2600-\u27bf\u2934\u2935\u2b05-\u2b55\u3030\u303d"
    "\U0001f004-\U0001f0cf\U0001f18e-\U0001faff]"
)
_STRETCHED = re.compile(r"(.)\1\1")
_RUNS_OF_THREE = re.compile(r"(.)\1{2,}")
_RUNS_OF_TWO = re.compile(r"(.)\1+")
_NO_LETTERS = re.compile(r"[\W\d_]+")
_SEPARATORS = re.compile(r"[^\w'’`*@$!#€£%+|^(<\[{~-]+|_+|-+|(?<!\w)[*@$!#€£%+|^(<\[{~]+(?!\w)")
_EDGE = " \t.,;:?!\"'`’‘“”„«»()[]{}<>~^|\\/=+-–—…_*#&%@"
_PLAIN_EDGE = ".,;:!?\"'()"
_WORD_CHARS = re.compile(r"[^\W_]+")
_SPELLED = re.compile(r"(?:[^\W\d_][\W_]+){2,}[^\W\d_]")
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

# Small capitals, letters in black squares and circles, and turned letters: NFKC leaves them as they are.
_STYLED_LETTERS = str.maketrans(
    dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnopqrstuvwyz", strict=True))
    | {chr(0x1F130 + place): chr(97 + place) for place in range(26)}
    | {chr(0x1F150 + place): chr(97 + place) for place in range(26)}
    | {chr(0x1F170 + place): chr(97 + place) for place in range(26)}
    | dict(zip("ɐɔǝɟƃɥıɾʞɯɹʇʌʍʎ", "acefghijkmrtvwy", strict=True))
    | dict(zip("øđłħŧßæœðþŋɑɡɩʋɓɗɛƙƒ", "odlhtsaodpnagivbdekf", strict=True))
    | {"ß": "ss", "æ": "ae", "œ": "oe", "Ø": "o", "Đ": "d", "Ł": "l", "Æ": "ae", "Œ": "oe", "ẞ": "ss", "…": "..."}
)
_TO_LATIN = str.maketrans(
    dict(zip("аеорсухкмтнвіјѕԁԛԝгпиьбзєїѵһցոօսհ", "aeopcyxkmthbijsdqwrnubb3eivhgnouh", strict=True))
    | dict(zip("αβεηικνορτυχγωδσζμλ", "abenikvoptuxywoszul", strict=True))
)
_TO_CYRILLIC = str.maketrans(dict(zip("aeopcyxkmthbi3u6r0", "аеорсухкмтнвізибго", strict=True)))
_CYRILLIC_ONLY = re.compile("[бвгджзиклмнптфцчшщъыьэюяґїєђћљњџ]")
_LATIN = re.compile("[a-zà-ʯ]")
_CYRILLIC = re.compile("[\u0400-\u052f]")
_GREEK = re.compile("[\u0370-\u03ff]")
_LEET = str.maketrans("013456789@$!|+€£(", "oieasbtbgasiitelc")
_LEET_OTHER = str.maketrans("1!|6", "llig")
_LEET_SIGNS = re.compile(r"[0-9@$!|+€£(]")
_RIGHT_TO_LEFT = re.compile("\u202e([^\u202c\u202e\n]*)\u202c?")


class Words(Protocol):
    """What is known of words, so that a guess at a disguise can be checked."""

    def known(self, word: str) -> bool:
        """Say whether the word was seen often enough to be a word."""

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


def clip(text: str) -> str:
    """Keep at most `MAX_CHARS`: the head and the tail, parted by a line break."""
    return text if len(text) <= MAX_CHARS else text[:HEAD_CHARS] + "\n" + text[HEAD_CHARS + 1 - MAX_CHARS :]


def cut(text: str) -> list[str]:
    """Cut a clipped text into its chunks, in order."""
    if not text.isascii():
        if "\u202e" in text:
            text = _RIGHT_TO_LEFT.sub(lambda match: match[1][::-1], text)
        if _HAN_PRESENT.search(text):
            return _HAN_CHUNKS.findall(text)
    return text.split()


def is_single(chunk: str) -> bool:
    """Say whether a chunk is one letter that stands alone, in a script that has words of several."""
    letter = chunk if len(chunk) == 1 else chunk.strip(_PLAIN_EDGE)
    return len(letter) == 1 and letter.isalpha() and not _HAN_PRESENT.match(letter)


def spell(chunks: list[str]) -> list[str]:
    """Join what was spelled out letter by letter (`y o u`): three or more single letters in a row are one chunk."""
    result: list[str] = []
    run: list[str] = []
    for chunk in [*chunks, ""]:
        if is_single(chunk):
            run.append(chunk)
            continue
        result.extend([" ".join(run)] if len(run) > 2 else run)
        run = []
        if chunk:
            result.append(chunk)
    return result


def locate(text: str, chunks: Sequence[str], places: Sequence[int]) -> list[tuple[int, int]]:
    """Find begin and end of some of a comment's chunks, named by ascending places, in the original text.

    Most texts part their chunks by single blanks, or at least hold them in order; a chunk that stands otherwise in the
    original (turned round, or joined from letters) is found by its parts.
    """
    if not places:
        return []
    if len(text) <= MAX_CHARS:
        if len(" ".join(chunks)) == len(text):
            ends = [len(" ".join(chunks[: place + 1])) for place in places]
            return [(end - len(chunks[place]), end) for place, end in zip(places, ends, strict=True)]
        found = list(_BLANK_PARTED.finditer(text))
        if len(found) == len(chunks) and (text.isascii() or "\u202e" not in text):
            return [found[place].span() for place in places]
    spans = []
    begin = end = 0
    tail = len(text) - (MAX_CHARS - HEAD_CHARS) if len(text) > MAX_CHARS else 0
    for chunk in chunks[: places[-1] + 1]:
        begin = text.find(chunk, end)
        if tail and end < tail and (begin < 0 or begin + len(chunk) > HEAD_CHARS):
            begin = text.find(chunk, max(end, tail))
        begin, end = (begin, begin + len(chunk)) if begin >= 0 else _find_parts(text, chunk, end)
        spans.append((begin, end))
    return [spans[place] for place in places]


def _find_parts(text: str, chunk: str, place: int) -> tuple[int, int]:
    backwards = text.find(chunk[::-1], max(0, place - MAX_CHARS))
    if backwards >= 0 and " " not in chunk:
        return backwards, backwards + len(chunk)
    begin = end = -1
    for part in chunk.split():
        found = text.find(part, end if end >= 0 else place)
        if found < 0:
            return place, place
        begin, end = (found if begin < 0 else begin), found + len(part)
    return max(begin, 0), max(end, 0)


def core(chunk: str) -> str:
    """Give the bare word of a chunk that is one word of ASCII letters with nothing to undo but capitals and edges."""
    word = chunk.strip(_PLAIN_EDGE)
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
        chunk, invisible, marks, styled, faces = _to_letters(chunk)
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


def _to_letters(chunk: str) -> tuple[str, int, int, int, tuple[str, ...]]:
    """Take away what is not seen, bring styled letters back to plain ones, and set emoji apart."""
    limit = 2 * len(chunk) + 32
    chunk = _LONG_MARKS.sub(r"\1", chunk)
    chunk, invisible = _INVISIBLE.subn("", chunk)
    styled = len(_STYLED.findall(chunk))
    chunk = chunk.translate(_STYLED_LETTERS)
    faces = tuple(_EMOJI.findall(chunk)) if _EMOJI.search(chunk) else ()
    if faces:
        chunk = _EMOJI.sub(" ", chunk)
    marks = len(_MARKS.findall(chunk))
    chunk = unicodedata.normalize("NFKD", chunk)[:limit]
    chunk = unicodedata.normalize("NFC", _STRIPPED_MARKS.sub("", chunk))
    return chunk.translate(_STYLED_LETTERS), invisible, marks, styled, faces


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
    word = part.replace("'", "").replace("’", "").replace("`", "")
    if not word:
        return ()
    if len(word) > MAX_WORD:
        return _WORD_CHARS.findall(word)
    if word.isdigit():
        return (f"<number{min(len(word), 9)}>",)
    if not word.isascii():
        straight = _one_script(word, words)
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
    """Part letters that were spelled out one by one into known words, long ones preferred."""
    letters = letters[:MAX_SPELLED]
    if words.known(letters):
        return (letters,)
    best: list[tuple[int, int]] = [(0, 0)]
    for end in range(1, len(letters) + 1):
        options = [(best[end - 1][0], end - 1)]
        options += [
            (best[begin][0] + (end - begin) ** 2, begin)
            for begin in range(max(0, end - 16), end - 1)
            if words.known(letters[begin:end])
        ]
        best.append(max(options))
    found: list[str] = []
    end = len(letters)
    while end:
        begin = best[end][1]
        found.append(letters[begin:end])
        end = begin
    return tuple(reversed(found))


def _unstretch(word: str, words: Words) -> str:
    """Shorten repeated letters to the form that is a word."""
    if _STRETCHED.search(word):
        forms = (_RUNS_OF_THREE.sub(r"\1\1", word), _RUNS_OF_THREE.sub(r"\1", word), _RUNS_OF_TWO.sub(r"\1", word))
        return next((form for form in forms if words.known(form)), forms[1])
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


def _one_script(word: str, words: Words) -> str:
    """Bring a word whose letters come from look-alike alphabets back to one of them."""
    latin, cyrillic, greek = bool(_LATIN.search(word)), bool(_CYRILLIC.search(word)), bool(_GREEK.search(word))
    if not (cyrillic or greek) or (not latin and words.known(word)):
        return word
    as_latin = word.translate(_TO_LATIN)
    if latin:
        if cyrillic and len(_CYRILLIC.findall(word)) > len(_LATIN.findall(word)):
            as_cyrillic = word.translate(_TO_CYRILLIC)
            if words.known(as_cyrillic) or not words.known(as_latin):
                return as_cyrillic
        return as_latin
    return as_latin if as_latin.isascii() and words.known(as_latin) else word


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
        guesses = (form.replace("*", letter) for letter in "aeiouabcdefghijklmnopqrstuvwxyz")
        return next((guess for guess in guesses if words.known(guess)), None)
    return None


def _pieces(text: str) -> list[str]:
    return [piece for piece in _WORD_CHARS.findall(text) if not piece.isdigit()][:24]


def _address_words(address: str) -> list[str]:
    """Name what a link leads to: the words of its host and path, and its top-level domain."""
    host = _HOST.match(address)
    name = host[1].rstrip(".") if host else address
    ending = name.rpartition(".")[2]
    return [f"<domain:{ending[:12]}>", *_pieces(name), *_pieces(address[host.end() if host else 0 :])[:12]]
