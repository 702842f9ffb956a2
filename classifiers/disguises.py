"""Ways in which people hide words from machines, to learn from and to be measured against.

Each takes a word, or the blank between two, and a source of chance and gives it as it would be written. Only letters of the Latin alphabet
are hidden by look-alikes; what a way cannot hide it leaves as it is.
"""

import re
from collections.abc import Callable
from random import Random

Way = Callable[[str, Random], str]

_WORD = re.compile(r"[^\W\d_]{3,}")
_BETWEEN = re.compile(r"(?<=[^\W\d_]) (?=[^\W\d_])")
_LATIN = "abcdefghijklmnopqrstuvwxyz"


def _styled(lower: int, upper: int, gaps: dict[int, str] | None = None) -> Way:
    table = {ord(letter): chr(lower + place) for place, letter in enumerate(_LATIN)}
    table |= {ord(letter.upper()): chr(upper + place) for place, letter in enumerate(_LATIN)}
    table |= {ord(_LATIN[place]): sign for place, sign in (gaps or {}).items()}
    return lambda word, _chance: word.translate(table)


def _replaced(letters: str, signs: str, share: float = 1.0) -> Way:
    table = dict(zip(letters, signs, strict=True))

    def way(word: str, chance: Random) -> str:
        return "".join(
            table[letter] if letter in table and chance.random() < share else letter for letter in word.lower()
        )

    return way


def _parted(sign: str) -> Way:
    return lambda word, _chance: sign.join(word)


def _marked(marks: str, least: int, most: int) -> Way:
    def way(word: str, chance: Random) -> str:
        return "".join(
            letter + "".join(chance.choice(marks) for _ in range(chance.randint(least, most))) for letter in word
        )

    return way


def _stretched(word: str, chance: Random) -> str:
    vowels = [place for place, letter in enumerate(word) if letter in "aeiouAEIOUаеиоуыіє"] or [len(word) - 1]
    place = chance.choice(vowels)
    return word[:place] + word[place] * chance.randint(3, 6) + word[place + 1 :]


def _masked(word: str, chance: Random) -> str:
    place = chance.randint(1, len(word) - 2)
    return word[:place] + "*" + word[place + 1 :]


def _exchanged(word: str, chance: Random) -> str:
    place = chance.randint(0, len(word) - 2)
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def _one_left_out(word: str, chance: Random) -> str:
    place = chance.randint(1, len(word) - 1)
    return word[:place] + word[place + 1 :]


def _split_by_zero_width(word: str, chance: Random) -> str:
    return "".join(letter + chance.choice("\u200b\u200c\u200d\u2060") for letter in word)


WAYS: dict[str, Way] = {
    "full width": _styled(0xFF41, 0xFF21),
    "mathematical bold": _styled(0x1D41A, 0x1D400),
    "mathematical script": _styled(0x1D4EA, 0x1D4D0),
    "double-struck": _styled(0x1D552, 0x1D552),
    "circled": _styled(0x24D0, 0x24B6),
    "black squares": _styled(0x1F170, 0x1F170),
    "small capitals": _replaced("abcdefghijklmnoprstuvwyz", "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ"),
    "Cyrillic look-alikes": _replaced("aeopcyxi", "аеорсухі"),
    "some Cyrillic look-alikes": _replaced("aeopcyxi", "аеорсухі", 0.5),
    "Greek look-alikes": _replaced("aeikopuvx", "αεικορυνχ", 0.6),
    "accents": _marked("\u0300\u0301\u0302\u0308", 0, 1),
    "stacked marks": _marked("".join(map(chr, range(0x300, 0x36F))), 1, 5),
    "struck through": _parted("\u0336"),
    "zero width": _split_by_zero_width,
    "soft hyphens": _parted("\u00ad"),
    "digits for letters": _replaced("aeiost", "431057"),
    "signs for letters": _replaced("aisel", "@!$€1"),
    "spaced out": _parted(" "),
    "dotted": _parted("."),
    "hyphenated": _parted("-"),
    "underscored": _parted("_"),
    "stretched": _stretched,
    "doubled": lambda word, _chance: "".join(letter * 2 for letter in word),
    "masked": _masked,
    "letters exchanged": _exchanged,
    "a letter left out": _one_left_out,
    "no blanks": lambda _blank, _chance: "",
    "turned round": lambda word, _chance: "\u202e" + word[::-1] + "\u202c",
    "mixed capitals": lambda word, chance: "".join(chance.choice((letter.lower(), letter.upper())) for letter in word),
}
"""Name of a way -> how it writes a word."""


def disguise(text: str, way: str, chance: Random, share: float = 1.0) -> str:
    """Hide a share of the words of three letters and more, or leave out a share of the blanks between words."""
    hide = WAYS[way]
    hidden = _BETWEEN if way == "no blanks" else _WORD
    return hidden.sub(lambda match: hide(match[0], chance) if chance.random() < share else match[0], text)
