"""Languages that their letters give away: of alphabets, and letters, in which nothing is written that the models have learned.

Told by features alone, such a text would be taken for whichever language the models know least of.
"""

import re
from bisect import bisect

_BLOCKS = (
    (0x0370, 0x03FF, "el"), (0x0530, 0x058F, "hy"), (0x0590, 0x05FF, "he"), (0x0980, 0x09FF, "bn"), (0x0A00, 0x0A7F, "pa"),
    (0x0A80, 0x0AFF, "gu"), (0x0B00, 0x0B7F, "or"), (0x0B80, 0x0BFF, "ta"), (0x0C00, 0x0C7F, "te"), (0x0C80, 0x0CFF, "kn"),
    (0x0D00, 0x0D7F, "ml"), (0x0D80, 0x0DFF, "si"), (0x0E00, 0x0E7F, "th"), (0x0E80, 0x0EFF, "lo"), (0x0F00, 0x0FFF, "bo"),
    (0x1000, 0x109F, "my"), (0x10A0, 0x10FF, "ka"), (0x1200, 0x139F, "am"), (0x1780, 0x17FF, "km"), (0x1F00, 0x1FFF, "el"),
)  # fmt: skip
"""First and last code point of a block of letters, and the language most written in it."""

LOOKED_AT = 400
_FIRSTS = [first for first, _, _ in _BLOCKS]
_LETTER = re.compile("[" + "".join(f"{chr(first)}-{chr(last)}" for first, last, _ in _BLOCKS) + "]")


def language_of_letters(text: str) -> str:
    """Name the language whose letters most of a text is written in, or nothing where it is none of these."""
    if text.isascii():
        return ""
    head = text[:LOOKED_AT]
    found = _LETTER.findall(head)
    if not found or 2 * len(found) <= sum(map(str.isalpha, head)):
        return ""
    return _BLOCKS[bisect(_FIRSTS, ord(found[len(found) // 2])) - 1][2]


def has_foreign_letters(text: str) -> bool:
    """Say whether a text is written with letters of a known alphabet that no language the models have learned uses."""
    head = text[:LOOKED_AT].lower()
    foreign = len(_FOREIGN.findall(head))
    return foreign >= _FEWEST_FOREIGN and foreign >= _OFTEN * len(head)


_FOREIGN = re.compile(
    "[åøæðþőűșțăđəěřůťďňľĺŕāēīūķļņėįųạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹơưўјљњћђџќѓѕәқңғүұөپژکٹڈڑںےھळ]"
)
"""Letters that no language the models have learned is written with, though other letters of the same alphabet are."""
_FEWEST_FOREIGN, _OFTEN = 3, 0.02
"""So many foreign letters, and such a share of all, are no name or quoted word."""


_SCRIPTS = {
    "ko": re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]"),
    "zh ja": re.compile("[\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff]"),
    "ru uk": re.compile("[\u0400-\u052f]"),
    "ar": re.compile("[\u0600-\u06ff]"),
    "hi": re.compile("[\u0900-\u097f]"),
}
"""Languages that the models have learned and that alone of these are written so."""
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa]")
"""Tells Japanese from Chinese."""


def written_in(text: str) -> tuple[str, ...]:
    """Name the languages of those learned that a text can be in by most of its letters; none where they tell nothing."""
    head = text[:LOOKED_AT]
    letters = sum(map(str.isalpha, head))
    for langs, script in _SCRIPTS.items():
        if 2 * len(script.findall(head)) > letters:
            return ("ja",) if langs == "zh ja" and _KANA.search(head) else tuple(langs.split())
    return ()
