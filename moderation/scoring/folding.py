"""Folding: one plain spelling for the many disguises of a text, so that a look-alike letter dodges no list and hides no copy.

Bounded in time and length: every table is small, every step is one linear pass, and the text is cut before it unfolds and after.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

import re2

from classifiers.text import as_seen

MAX_FOLDED = 20_000
"""Characters of a text that are looked at; a comment has no more."""
_ROUNDS = 6
"""A disguise within a disguise (`v 1 a g r a`) takes another round; each shortens the text or leaves fewer odd signs in it."""

# Look-alikes of Latin letters that NFKC leaves alone, by the letter they imitate.
_IMITATIONS = {
    "a": "аɑα∀",
    "b": "вьЬБβ฿",
    "c": "сϲᴄ¢©",
    "d": "ԁɗđ",
    "e": "еєҽ℮ε€ə",
    "f": "ƒ",
    "g": "ɡցǥ",
    "h": "һнհ",
    "i": "іıɩι¡ӏɪ",
    "j": "јʝ",
    "k": "кκҝ",
    "l": "ɫłӀ",
    "m": "мʍ",
    "n": "пոɴη",
    "o": "оοօσөø",
    "p": "рρþ",
    "q": "ԛգ",
    "r": "гʀɾ",
    "s": "ѕʂꜱ§",
    "t": "тτŧ",
    "u": "υսʋц",
    "v": "ѵνᴠ",
    "w": "ԝωшɯ₩",
    "x": "хχ×",
    "y": "уүγʏ¥",
    "z": "ᴢʐ",
}
_LATIN_OF = {ord(other): latin for latin, others in _IMITATIONS.items() for other in others}

_LEET = str.maketrans("013457@$!|", "oieastasil")
_LEET_SIGN = re.compile(r"[0-9@$!|]")
_LATIN = re.compile(r"[a-z]")
_IMITATION = re.compile("[" + re.escape("".join(map(chr, _LATIN_OF))) + "]")
_WORD = re.compile(r"[^\W_]+")
_GAPS = re.compile(r"[ ._*~-]+")
_MARKS = r"\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_MARK = re.compile(f"[{_MARKS}]")
_PILED_MARKS = re.compile(f"([{_MARKS}]{{2}})[{_MARKS}]+")
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_PICTURES = re.compile("[\u2600-\u27bf\ufe0f\u200d\U0001f300-\U0001faff]+")
"""Most of the emoji: none holds a letter."""

# These two would backtrack quadratically in `re`; re2 is linear on any text.
_LEET_WORD = re2.compile(r"\pL+(?:[0-9@$]|[0-9@$!|]+\pL)[\pL0-9@$!|]*|[0-9@$!|]+\pL[\pL0-9@$!|]*")
_SPACED = re2.compile(r"(?:^|[^\pL\pN])((?:[\pL\pN][ ._*~-]{1,2}){3,}[\pL\pN])(?:$|[^\pL\pN])")


def fold(text: str) -> str:
    """Spell a text plainly: small letters, nothing hidden, no look-alikes, no leetspeak, no letter-by-letter spacing.

    Whole words of another script keep their letters; only words that mix scripts, or that imitate a Latin word
    letter by letter within a Latin text, are unfolded. What is spelled plainly already stays as it is.
    """
    text = as_seen(text[:MAX_FOLDED])
    folded = text.lower() if text.isascii() else _spell(text)
    for _ in range(_ROUNDS):
        seen = folded
        if not folded.isascii() and _LATIN.search(folded) and _IMITATION.search(folded):
            folded = _WORD.sub(_unfold_word, folded)
        encoded = folded.encode("utf-8", "replace")
        if _LEET_SIGN.search(folded) and _LEET_WORD.search(encoded):
            folded = _LEET_WORD.sub(_unfold_leet, encoded.decode())
            encoded = folded.encode()
        if _SPACED.search(encoded):
            folded = _SPACED.sub(lambda match: f" {_GAPS.sub('', match[1])} ", encoded.decode())
        if folded == seen:
            break
        if not unicodedata.is_normalized("NFC", folded):  # letters that stood apart are one now
            folded = _spell(folded)
    return folded


def letters(text: str) -> str:
    """Keep the bare letters of a text and nothing else; look-alikes of one letter all become that letter."""
    if text.isascii():
        return text.encode().translate(_ASCII_LETTERS, _ASCII_OTHERS).decode()
    bare = _BARE.spell_page(text)
    if bare is not None:
        return bare
    shorter = _PICTURES.sub("", text)
    return letters(shorter) if len(shorter) < len(text) else text.translate(_BARE)


def _spell(text: str) -> str:
    """Spell every character plainly. What was hidden between a letter and its mark is gone then, and they are joined."""
    spelled = _PLAIN.spell(_compose(text))[:MAX_FOLDED]
    for _ in range(_ROUNDS):
        if unicodedata.is_normalized("NFC", spelled):
            break
        spelled = _PLAIN.spell(_compose(spelled))[:MAX_FOLDED]
    return spelled


def _compose(text: str) -> str:
    """Join letters and their marks, after piles of marks are cut: composing a pile takes time quadratic in its height."""
    if unicodedata.is_normalized("NFC", text):
        return text
    return unicodedata.normalize("NFC", _PILED_MARKS.sub(r"\1", text))


def _unfold_word(match: re.Match[str]) -> str:
    word = match[0]
    if word.isascii():
        return word
    unfolded = word.translate(_LATIN_OF)
    return unfolded if unfolded.isascii() else word


def _unfold_leet(match: re.Match[str]) -> str:
    if "@" in match[0] and match.string[match.end() : match.end() + 1] in (".", "-"):
        return match[0]  # an e-mail address stays one
    word = match[0].rstrip("!|")
    return word.translate(_LEET) + match[0][len(word) :]


class _Spelling(dict[int, str]):
    """Code point to spelling, filled as texts need it and bounded.

    Most texts fit one of two code pages; translating those as bytes is ten times as fast, with the same result.
    """

    def __init__(self, letter: Callable[[str], str]) -> None:
        super().__init__()
        self.letter = letter
        self.pages = tuple(self._page(page) for page in ("cp1252", "cp1251"))

    def __missing__(self, code: int) -> str:
        spelling = sys.intern(self.letter(chr(code)))
        if len(self) < 32_768:
            self[code] = spelling
        return spelling

    def spell(self, text: str) -> str:
        """Spell every character of a text."""
        spelled = self.spell_page(text)
        return text.translate(self) if spelled is None else spelled

    def spell_page(self, text: str) -> str | None:
        """Spell a text that fits a code page, or give None."""
        for page in self.pages:
            try:
                return page.spell(text)
            except UnicodeEncodeError:
                continue
        return None

    def _page(self, name: str) -> _Page:
        """Write this table for the bytes of one code page."""
        table, dropped = bytearray(range(256)), bytearray()
        longer: list[tuple[bytes, bytes | None]] = []
        for byte in range(256):
            try:
                spelling = self[ord(bytes([byte]).decode(name))]
                encoded = spelling.encode(name)
            except UnicodeDecodeError:
                continue
            except UnicodeEncodeError:
                # Its spelling lies outside of the page: such a text takes the general way.
                longer.append((bytes([byte]), None))
                continue
            if len(encoded) == 1:
                table[byte] = encoded[0]
            elif encoded:
                longer.append((bytes([byte]), encoded))
            else:
                dropped.append(byte)
        return _Page(name, bytes(table), bytes(dropped), tuple(longer))


class _Page(NamedTuple):
    """A spelling for the bytes of one code page: what each becomes, what goes, and what becomes several bytes."""

    name: str
    table: bytes
    dropped: bytes
    longer: tuple[tuple[bytes, bytes | None], ...]

    def spell(self, text: str) -> str:
        """Spell a text that fits the page; any other raises UnicodeEncodeError."""
        encoded = text.encode(self.name)
        for byte, spelling in self.longer:
            if byte in encoded:
                if spelling is None:
                    raise UnicodeEncodeError(self.name, text, 0, 0, "spelled with characters outside of the page")
                encoded = encoded.replace(byte, spelling)
        return encoded.translate(self.table, self.dropped).decode(self.name)


def _plain_letter(letter: str) -> str:
    """Spell one character plainly; a Latin letter loses its accents (`cásino` reads `casino`), й and ї are letters of their own."""
    if _UNSEEN.match(letter) or _MARK.match(letter):
        return ""
    plain = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", letter).casefold())
    if letter < "\u0250" or "\u1e00" <= letter < "\u1f00":
        plain = _MARK.sub("", unicodedata.normalize("NFD", plain))
    return plain if plain == letter else "".join(map(_plain_letter, plain))


def _bare_letter(letter: str) -> str:
    """Give the bare letters of one character: none for a digit, a sign or a mark."""
    plain = unicodedata.normalize("NFKD", letter).casefold()
    return "".join(_LATIN_OF.get(ord(one), one) for one in plain if one.isalpha() or ord(one) in _LATIN_OF)[:4]


_PLAIN = _Spelling(_plain_letter)
_BARE = _Spelling(_bare_letter)
_ASCII_LETTERS = bytes(range(65)) + bytes(range(97, 123)) + bytes(range(91, 256))
_ASCII_OTHERS = bytes(code for code in range(128) if not chr(code).isalpha())
