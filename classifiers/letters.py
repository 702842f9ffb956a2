"""Bring letters back to plain ones: styled, marked, turned, invisible in between, or borrowed from a look-alike alphabet.

Bounded: combining marks are capped before any normalising, which is quadratic in them, and the result is cut where
normalising makes it much longer than its source.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

MAX_MARKS = 8

_MARKS = re.compile("([\u0300-\u036f\u0483-\u0489\u20d0-\u20f0\u1ab0-\u1aff\u1dc0-\u1dff\ufe20-\ufe2f])+")
_ANY_MARK = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0730-\u074a\u07eb-\u07f3"
    "\u0816-\u082d\u0859-\u085b\u08d3-\u08ff\u093c\u094d\u0e31-\u0e3a\u0e47-\u0e4e\u1ab0-\u1aff\u1dc0-\u1dff"
    "\u20d0-\u20f0\u302a-\u302f\u3099\u309a\ufe20-\ufe2f"
)
_LONG_MARKS = re.compile(f"([{_ANY_MARK}]{{{MAX_MARKS}}})[{_ANY_MARK}]+")
VOWEL_SIGNS = "".join(chr(code) for code in range(0x0900, 0x0F00) if unicodedata.category(chr(code)) in ("Mn", "Mc"))
"""Marks that are letters to the readers of Hindi, Bengali, Tamil or Thai: a word does not end at them."""
_STRIPPED_MARKS = re.compile(
    "[\u093c\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u064b-\u065f\u0670\u0640\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0\ufe20-\ufe2f]"
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
_LATIN_ONLY = re.compile("[dfgjlqrstvwzß-ʯ]")
_CYRILLIC = re.compile("[\u0400-\u052f]")
_GREEK = re.compile("[\u0370-\u03ff]")


class Plain(NamedTuple):
    """A chunk in plain letters, and how much was done to it."""

    text: str
    invisible: int
    marks: int
    styled: int
    emoji: tuple[str, ...]


def to_letters(chunk: str) -> Plain:
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
    return Plain(chunk.translate(_STYLED_LETTERS), invisible, marks, styled, faces)


def to_latin(text: str) -> str:
    """Write letters that look like Latin ones as these."""
    return text.translate(_TO_LATIN)


def one_script(word: str, known: Callable[[str], bool]) -> str:
    """Bring a word whose letters come from look-alike alphabets back to one of them."""
    latin, cyrillic, greek = bool(_LATIN.search(word)), bool(_CYRILLIC.search(word)), bool(_GREEK.search(word))
    if not (cyrillic or greek) or (not latin and known(word)):
        return word
    as_latin = word.translate(_TO_LATIN)
    if latin:
        as_cyrillic = word.translate(_TO_CYRILLIC) if cyrillic else word
        if cyrillic and (known(as_cyrillic) or not known(as_latin)):
            borrowed = len(_CYRILLIC_ONLY.findall(word)) > len(_LATIN_ONLY.findall(word))
            if known(as_cyrillic) > known(as_latin) or borrowed:
                return as_cyrillic
        return as_latin
    return as_latin if as_latin.isascii() and known(as_latin) else word
