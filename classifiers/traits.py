"""What can be counted in a chunk, and the hand-made features of a comment that follow from the sums.

Counts are additive: those of a comment are the sum of those of its chunks, so they are kept per chunk and a batch of
comments is one NumPy expression.
"""

import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from classifiers.lexicon import GRADES, KINDS, MARKS, Lexicon
from classifiers.text import Unfolded

_SHAPE = (
    "chunks", "words", "chars", "letters", "capitals", "shouted", "digits", "signs", "exclaims", "asks", "emoji", "links",
    "link_chars", "short_links", "odd_domains", "messengers", "mails", "mentions", "hashtags", "tags", "phones", "currency",
    "wallets", "multiples", "numbers", "styled", "mixed", "invisible", "marks", "leet", "stretched", "joined", "masked",
    "single", "ellipses",
)  # fmt: skip
COUNTS = (*_SHAPE, *MARKS)
"""What is counted per chunk, in the order of the columns."""
PLACE = {name: place for place, name in enumerate(COUNTS)}
_FIRST_MARK = len(_SHAPE)

_PHONE = re.compile(r"^[+(]?\d[\d().\-/]{6,}$")
_CURRENCY = re.compile(r"[$€£¥₽₴₺₹₩₿]|^\d[\d.,]*(?:usd|eur|gbp|btc|eth|usdt|rub|uah|руб|грн|tl|zł|k)$", re.IGNORECASE)
_WALLET = re.compile(
    r"^(?:0x[0-9a-f]{40}|[13][a-km-zA-HJ-NP-Z1-9]{25,34}|bc1[a-z0-9]{20,60}|T[a-km-zA-HJ-NP-Z1-9]{33})\b", re.IGNORECASE
)
_MULTIPLE = re.compile(r"^\d+(?:[.,]\d+)?[x%]\W*$|^x\d+$|^\d+/\d+\W*$", re.IGNORECASE)
_SHORT_LINK = re.compile(
    r"(?:bit\.ly|tinyurl|goo\.gl|t\.co/|ow\.ly|is\.gd|cutt\.ly|rb\.gy|shorturl|adf\.ly|clck\.ru|vk\.cc)"
)
_MESSENGER = re.compile(r"(?:t\.me|telegram|wa\.me|whatsapp|discord|viber|instagram|onlyfans|snapchat|wechat|line\.me)")
_ODD_DOMAIN = re.compile(
    r"\.(?:xyz|top|site|online|shop|store|club|icu|vip|win|bet|casino|click|link|space|website|pw|tk|ml|ga|cf|gq|cfd|sbs|loan|"
    r"buzz|fun|cyou|rest|biz|info|ru|su)(?:[/:?#]|$)"
)


def count(chunk: str, unfolded: Unfolded, lexicon: Lexicon) -> list[tuple[int, float]]:
    """Count what one chunk holds: pairs of column and value, zeros left out."""
    length = len(chunk)
    found: dict[str, float] = {"chunks": 1, "chars": length + 1, "words": len(unfolded.words)}
    if chunk.isalpha():
        letters, capitals = length, 0 if chunk.islower() else sum(map(str.isupper, chunk))
    else:
        letters, capitals = sum(map(str.isalpha, chunk)), sum(map(str.isupper, chunk))
        _count_signs(found, chunk, unfolded, letters)
    found["letters"] = letters
    if capitals:
        found["capitals"] = capitals
        found["shouted"] = float(capitals == letters and letters >= 3)
    if letters == length == 1:
        found["single"] = 1
    if unfolded.stretched:
        found["stretched"] = 1
    columns = [(PLACE[name], float(value)) for name, value in found.items() if value]
    marks = lexicon.marks
    for word in unfolded.words:
        if word in marks:
            columns.extend((_FIRST_MARK + place, 1.0) for place in marks[word])
    return columns


def _count_signs(found: dict[str, float], chunk: str, unfolded: Unfolded, letters: int) -> None:
    digits = sum(map(str.isdigit, chunk))
    found["digits"] = digits
    found["signs"] = max(len(chunk) - letters - digits - unfolded.emoji - unfolded.invisible, 0)
    found["exclaims"] = min(chunk.count("!"), 5)
    found["asks"] = min(chunk.count("?"), 5)
    found["ellipses"] = float("..." in chunk or "…" in chunk)
    for name in (
        "emoji",
        "mentions",
        "hashtags",
        "tags",
        "styled",
        "mixed",
        "invisible",
        "marks",
        "leet",
        "joined",
        "masked",
    ):
        value = getattr(unfolded, name)
        if value:
            found[name] = min(value, 20)
    found["mails"] = unfolded.mail
    if unfolded.link:
        found["links"] = 1
        found["link_chars"] = len(chunk)
        found["short_links"] = bool(_SHORT_LINK.search(unfolded.link))
        found["odd_domains"] = bool(_ODD_DOMAIN.search(unfolded.link))
        found["messengers"] = bool(_MESSENGER.search(unfolded.link))
    elif digits and len(chunk) < 100:
        found["numbers"] = 1
        found["phones"] = digits >= 7 and bool(_PHONE.match(chunk))
        found["multiples"] = bool(_MULTIPLE.match(chunk))
        found["wallets"] = digits >= 3 and len(chunk) >= 26 and bool(_WALLET.match(chunk))
    if len(chunk) < 100:
        found["currency"] = bool(_CURRENCY.search(chunk))


Matrix = NDArray[np.float32]
Column = Callable[[str], Matrix]


def _log(name: str, scale: float = 1.0) -> Callable[[Column], Matrix]:
    return lambda at: np.log1p(at(name)) * np.float32(scale)


def _any(name: str) -> Callable[[Column], Matrix]:
    return lambda at: (at(name) > 0).astype(np.float32)


def _share(name: str, whole: str) -> Callable[[Column], Matrix]:
    return lambda at: at(name) / (at(whole) + np.float32(1))


def _both(one: str, other: str) -> Callable[[Column], Matrix]:
    return lambda at: ((at(one) > 0) & (at(other) > 0)).astype(np.float32)


def _grade(kind: str, *grades: int) -> Callable[[Column], Matrix]:
    return lambda at: np.log1p(np.sum([at(f"{kind}_{grade}") for grade in grades], axis=0, dtype=np.float32))


def _at_most(name: str, limit: int) -> Callable[[Column], Matrix]:
    return lambda at: (at(name) <= limit).astype(np.float32)


def _rude(at: Column) -> NDArray[np.bool_]:
    return _rude_words(at) > 0


def _rude_words(at: Column) -> Matrix:
    return np.sum([at(f"{kind}_{grade}") for kind in KINDS for grade in GRADES], axis=0, dtype=np.float32)


def _rude_and(name: str) -> Callable[[Column], Matrix]:
    return lambda at: (_rude(at) & (at(name) > 0)).astype(np.float32)


def _rude_share(at: Column) -> Matrix:
    share: Matrix = _rude_words(at) / (at("words") + np.float32(1))
    return share


TRAITS: dict[str, Callable[[Column], Matrix]] = {
    "length": _log("chars", 0.2),
    "words": _log("words", 0.25),
    "one word": _at_most("words", 1),
    "three words or fewer": _at_most("words", 3),
    "capitals": _share("capitals", "letters"),
    "words in capitals": _share("shouted", "words"),
    "digits": _share("digits", "chars"),
    "signs": _share("signs", "chars"),
    "exclamation marks": _log("exclaims", 0.5),
    "question marks": _log("asks", 0.5),
    "ellipses": _log("ellipses", 0.5),
    "emoji": _log("emoji", 0.5),
    "emoji share": _share("emoji", "words"),
    "a link": _any("links"),
    "links": _log("links"),
    "link share": _share("link_chars", "chars"),
    "shortened link": _any("short_links"),
    "unusual domain": _any("odd_domains"),
    "messenger": _any("messengers"),
    "e-mail address": _any("mails"),
    "mentions": _log("mentions", 0.5),
    "hashtags": _log("hashtags", 0.5),
    "markup": _log("tags"),
    "telephone number": _any("phones"),
    "currency": _log("currency"),
    "wallet address": _any("wallets"),
    "multiples and percentages": _log("multiples"),
    "numbers": _log("numbers", 0.5),
    "styled letters": _log("styled", 0.5),
    "mixed alphabets": _any("mixed"),
    "invisible characters": _log("invisible", 0.5),
    "stacked marks": _any("marks"),
    "digits for letters": _any("leet"),
    "stretched words": _log("stretched", 0.5),
    "spelled-out word": _any("joined"),
    "masked word": _log("masked"),
    "calls to act": _log("call"),
    "money words": _log("money"),
    "praise": _log("praise", 0.5),
    "call and money": _both("call", "money"),
    "call and link": _both("call", "links"),
    "money and link": _both("money", "links"),
    "praise and link": _both("praise", "links"),
    "praise and money": _both("praise", "money"),
    "call and e-mail": _both("call", "mails"),
    "call and number": _both("call", "phones"),
    "call and mention": _both("call", "mentions"),
    "money share": _share("money", "words"),
    "call share": _share("call", "words"),
    "you": _log("you", 0.5),
    "they": _log("they", 0.5),
    "not": _log("not", 0.5),
    "should": _any("should"),
    "group": _log("group", 0.5),
    "violence": _log("violence"),
    "they and violence": _both("they", "violence"),
    "you and violence": _both("you", "violence"),
    "group and violence": _both("group", "violence"),
    "group and not": _both("group", "not"),
    "mild insult": _grade("insult", 1),
    "insult": _grade("insult", 2),
    "grave insult": _grade("insult", 3),
    "mild profanity": _grade("profanity", 1),
    "profanity": _grade("profanity", 2),
    "grave profanity": _grade("profanity", 3),
    "mild slur": _grade("slur", 1),
    "slur": _grade("slur", 2),
    "grave slur": _grade("slur", 3),
    "mild threat": _grade("threat", 1),
    "threat": _grade("threat", 2),
    "grave threat": _grade("threat", 3),
    "rude words": _rude_share,
    "rude and you": _rude_and("you"),
    "rude and they": _rude_and("they"),
    "rude and group": _rude_and("group"),
    "rude and not": _rude_and("not"),
}
"""Name of a hand-made feature, as an explanation shows it -> how it follows from the counts."""
NAMES = tuple(TRAITS)


def traits(counts: Matrix) -> Matrix:
    """Turn the counts of comments (rows) into their hand-made features."""

    def at(name: str) -> Matrix:
        return counts[:, PLACE[name]]

    return np.stack([feature(at) for feature in TRAITS.values()], axis=1).astype(np.float32)
