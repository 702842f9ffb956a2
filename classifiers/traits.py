"""What can be counted in a chunk, and the hand-made features of a comment that follow from the sums.

Counts are additive: those of a comment are the sum of those of its chunks, so they are kept per chunk and a batch of
comments is one NumPy expression.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from classifiers.letters import VOWEL_SIGNS
from classifiers.lexicon import GRADES, KINDS, MARKS
from classifiers.marked import Places
from classifiers.text import is_single
from classifiers.unfolding import Unfolded

_SHAPE = (
    "chunks", "words", "chars", "letters", "capitals", "shouted", "digits", "signs", "exclaims", "asks", "emoji", "links",
    "link_chars", "short_links", "odd_domains", "messengers", "mails", "mentions", "hashtags", "tags", "phones", "currency",
    "wallets", "multiples", "numbers", "styled", "mixed", "invisible", "marks", "leet", "stretched", "joined", "masked",
    "single", "ellipses",
)  # fmt: skip
COUNTS = (*_SHAPE, *MARKS)
"""What is counted per chunk, in the order of the columns."""
PLACE = {name: place for place, name in enumerate(COUNTS)}
FIRST_MARK = len(_SHAPE)
_CHUNKS, _WORDS, _CHARS, _LETTERS, _SINGLE = (PLACE[name] for name in ("chunks", "words", "chars", "letters", "single"))
_CAPITALS, _SHOUTED, _SIGNS = (PLACE[name] for name in ("capitals", "shouted", "signs"))
_EXCLAIMS, _ASKS, _ELLIPSES = (PLACE[name] for name in ("exclaims", "asks", "ellipses"))

_PHONE = re.compile(r"^[+(]?\d[\d().\-/]{6,}$")
_CURRENCY = re.compile(r"[$€£¥₽₴₺₹₩₿]|^\d[\d.,]*(?:usd|eur|gbp|btc|eth|usdt|rub|uah|руб|грн|tl|zł|k)$", re.IGNORECASE)
_WALLET = re.compile(
    r"^(?:0x[0-9a-f]{40}|[13][a-km-zA-HJ-NP-Z1-9]{25,34}|bc1[a-z0-9]{20,60}|T[a-km-zA-HJ-NP-Z1-9]{33})\b", re.IGNORECASE
)
_MULTIPLE = re.compile(r"^\d+(?:[.,]\d+)?[x%]\W*$|^x\d+$|^\d+/\d+\W*$", re.IGNORECASE)
_BETWEEN = re.compile(rf"(?<=[^\W\d_])(?:(?![{VOWEL_SIGNS}])[\W_])+(?=[^\W\d_])")
"""What stands between letters that are spelled out, and is no sign of its own."""
_SHORT_LINK = re.compile(
    r"(?:bit\.ly|tinyurl|goo\.gl|t\.co/|ow\.ly|is\.gd|cutt\.ly|rb\.gy|shorturl|adf\.ly|clck\.ru|vk\.cc)"
)
_MESSENGER = re.compile(r"(?:t\.me|telegram|wa\.me|whatsapp|discord|viber|instagram|onlyfans|snapchat|wechat|line\.me)")
_ODD_DOMAIN = re.compile(
    r"\.(?:xyz|top|site|online|shop|store|club|icu|vip|win|bet|casino|click|link|space|website|pw|tk|ml|ga|cf|gq|cfd|sbs|loan|"
    r"buzz|fun|cyou|rest|biz|info|ru|su)(?:[/:?#]|$)"
)


def count(chunk: str, unfolded: Unfolded, marks: Sequence[Places]) -> list[tuple[int, float]]:
    """Count what one chunk holds, by the marks of its words: pairs of column and value, zeros left out. The empty chunk has nothing."""
    if not chunk:
        return []
    columns = [(FIRST_MARK + place, 1.0) for places in marks for place in places]
    if unfolded.bare:
        word = unfolded.words[0]
        return columns + _bare(word) + (dress(chunk, word) if chunk != word else [])
    if unfolded.joined:
        chunk = _BETWEEN.sub("", chunk)
    letters = max(sum(map(str.isalpha, chunk)), min(unfolded.styled, len(chunk)))
    capitals = 0 if unfolded.styled else sum(map(str.isupper, chunk))
    found: dict[str, float] = {"chunks": 1, "chars": len(chunk) + 1, "words": len(unfolded.words), "letters": letters}
    _count_signs(found, chunk, unfolded, letters)
    found["capitals"] = capitals
    found["shouted"] = float(capitals == letters >= 3)
    found["single"] = float(letters == 1 and is_single(chunk))
    found["stretched"] = float(unfolded.stretched > 0)
    return columns + [(PLACE[name], float(value)) for name, value in found.items() if value]


def _bare(word: str) -> list[tuple[int, float]]:
    length = len(word)
    bare = [(_CHUNKS, 1.0), (_WORDS, 1.0), (_CHARS, length + 1.0), (_LETTERS, float(length))]
    return [*bare, (_SINGLE, 1.0)] if length == 1 and is_single(word) else bare


def dress(chunk: str, word: str) -> list[tuple[int, float]]:
    """Count what a chunk has beyond its bare word: capitals, and the signs at its edges."""
    columns = []
    signs = len(chunk) - len(word)
    if signs:
        columns = [(_CHARS, float(signs)), (_SIGNS, float(signs))]
        if "!" in chunk:
            columns.append((_EXCLAIMS, float(min(chunk.count("!"), 5))))
        if "?" in chunk:
            columns.append((_ASKS, float(min(chunk.count("?"), 5))))
        if "..." in chunk:
            columns.append((_ELLIPSES, 1.0))
    if not chunk.islower():
        capitals = sum(map(str.isupper, chunk))
        columns.append((_CAPITALS, float(capitals)))
        if capitals == len(word) >= 3:
            columns.append((_SHOUTED, 1.0))
    return columns


def _count_signs(found: dict[str, float], chunk: str, unfolded: Unfolded, letters: int) -> None:
    digits = sum(map(str.isdigit, chunk)) if not unfolded.leet else 0
    found["digits"] = digits
    if not unfolded.leet:
        found["signs"] = max(len(chunk) - letters - digits - unfolded.emoji - unfolded.invisible, 0)
    found["exclaims"] = min(chunk.count("!"), 5)
    found["asks"] = min(chunk.count("?"), 5)
    found["ellipses"] = float("..." in chunk or "…" in chunk)
    for name in _UNDONE if any(unfolded[3:]) else ():
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
    if len(chunk) < 100 and not unfolded.leet:
        found["currency"] = bool(_CURRENCY.search(chunk))


_UNDONE = (
    "emoji", "mentions", "hashtags", "tags", "styled", "mixed", "invisible", "marks", "leet", "joined", "masked",
)  # fmt: skip

Matrix = NDArray[np.float32]

LOGS = {
    "length": ("chars", 0.2),
    "words": ("words", 0.25),
    "exclamation marks": ("exclaims", 0.5),
    "question marks": ("asks", 0.5),
    "ellipses": ("ellipses", 0.5),
    "emoji": ("emoji", 0.5),
    "links": ("links", 1.0),
    "mentions": ("mentions", 0.5),
    "hashtags": ("hashtags", 0.5),
    "markup": ("tags", 1.0),
    "currency": ("currency", 1.0),
    "multiples and percentages": ("multiples", 1.0),
    "numbers": ("numbers", 0.5),
    "styled letters": ("styled", 0.5),
    "invisible characters": ("invisible", 0.5),
    "calls to act": ("call", 1.0),
    "money words": ("money", 1.0),
    "praise": ("praise", 0.5),
    "you": ("you", 0.5),
    "they": ("they", 0.5),
    "not": ("not", 0.5),
    "group": ("group", 0.5),
    "violence": ("violence", 1.0),
    "bad things": ("harm", 0.5),
    "good things": ("good", 0.5),
    "sent away": ("out", 0.5),
    "beasts and pests": ("beast", 0.5),
    "first person": ("self", 0.5),
    "of the past": ("past", 0.5),
    "reasoning": ("reason", 0.5),
    "asking": ("ask", 0.5),
    "politeness": ("civil", 0.5),
    "laughter": ("laugh", 0.5),
    "feelings": ("feel", 0.5),
    "intellect": ("mind", 0.5),
    "the body": ("body", 0.5),
    "sex": ("sex", 0.5),
    "family": ("kin", 0.5),
    "sport": ("sport", 0.5),
    "media": ("media", 0.5),
    "home and food": ("home", 0.5),
    "town and traffic": ("city", 0.5),
    "politics and law": ("state", 0.5),
    "work and school": ("work", 0.5),
    "technology": ("tech", 0.5),
    "time": ("time", 0.5),
    "small words": ("small", 0.5),
    "mild insult": ("insult_1", 1.0),
    "insult": ("insult_2", 1.0),
    "grave insult": ("insult_3", 1.0),
    "mild profanity": ("profanity_1", 1.0),
    "profanity": ("profanity_2", 1.0),
    "grave profanity": ("profanity_3", 1.0),
    "mild slur": ("slur_1", 1.0),
    "slur": ("slur_2", 1.0),
    "grave slur": ("slur_3", 1.0),
    "mild threat": ("threat_1", 1.0),
    "threat": ("threat_2", 1.0),
    "grave threat": ("threat_3", 1.0),
}
"""Feature -> what is counted, and the factor on the logarithm of its number."""
PRESENT = {
    "a link": "links",
    "shortened link": "short_links",
    "unusual domain": "odd_domains",
    "messenger": "messengers",
    "e-mail address": "mails",
    "telephone number": "phones",
    "wallet address": "wallets",
    "mixed alphabets": "mixed",
    "stacked marks": "marks",
    "digits for letters": "leet",
    "spelled-out word": "joined",
    "stretched word": "stretched",
    "masked word": "masked",
    "should": "should",
}
"""Feature -> what is there at least once."""
SHARES = {
    "capitals": ("capitals", "letters"),
    "words in capitals": ("shouted", "words"),
    "digits": ("digits", "chars"),
    "signs": ("signs", "chars"),
    "emoji share": ("emoji", "words"),
    "link share": ("link_chars", "chars"),
    "money share": ("money", "words"),
    "call share": ("call", "words"),
    "rude share": ("rude", "words"),
    "bad share": ("harm", "words"),
    "good share": ("good", "words"),
    "small words share": ("small", "words"),
}
"""Feature -> part and whole."""
BOTH = {
    "call and money": ("call", "money"),
    "call and link": ("call", "links"),
    "money and link": ("money", "links"),
    "praise and link": ("praise", "links"),
    "praise and money": ("praise", "money"),
    "call and e-mail": ("call", "mails"),
    "call and number": ("call", "phones"),
    "call and mention": ("call", "mentions"),
    "they and violence": ("they", "violence"),
    "you and violence": ("you", "violence"),
    "group and violence": ("group", "violence"),
    "group and not": ("group", "not"),
    "rude and you": ("rude", "you"),
    "rude and they": ("rude", "they"),
    "rude and group": ("rude", "group"),
    "rude and not": ("rude", "not"),
    "bad and group": ("harm", "group"),
    "bad and not": ("harm", "not"),
    "bad and you": ("harm", "you"),
    "bad and they": ("harm", "they"),
    "good and group": ("good", "group"),
    "good and bad": ("good", "harm"),
    "sent away and group": ("out", "group"),
    "beasts and group": ("beast", "group"),
    "beasts and you": ("beast", "you"),
    "first person and rude": ("self", "rude"),
    "politeness and rude": ("civil", "rude"),
    "laughter and rude": ("laugh", "rude"),
    "asking and rude": ("ask", "rude"),
    "asking and you": ("ask", "you"),
    "intellect and you": ("mind", "you"),
    "the body and you": ("body", "you"),
    "family and you": ("kin", "you"),
    "first person and group": ("self", "group"),
    "politeness and group": ("civil", "group"),
    "politics and law and group": ("state", "group"),
    "of the past and group": ("past", "group"),
    "first person and bad": ("self", "harm"),
}
"""Feature -> two things that are there together."""
FEW = {"one word": ("words", 1), "three words or fewer": ("words", 3)}
"""Feature -> what is counted, and at most how often."""
NAMES = (*LOGS, *PRESENT, *SHARES, *BOTH, *FEW)
"""The hand-made features, as an explanation names them, in the order of their columns."""

_RUDE = len(COUNTS)
_COLUMN = {**PLACE, "rude": _RUDE}
_LEXICON = slice(FIRST_MARK, FIRST_MARK + len(KINDS) * len(GRADES))
_ONE_LOOK = np.array([
    *(_COLUMN[name] for name, _ in LOGS.values()),
    *(_COLUMN[name] for name in PRESENT.values()),
    *(_COLUMN[part] for part, _ in SHARES.values()),
    *(_COLUMN[one] for one, _ in BOTH.values()),
    *(_COLUMN[name] for name, _ in FEW.values()),
    *(_COLUMN[whole] for _, whole in SHARES.values()),
    *(_COLUMN[other] for _, other in BOTH.values()),
])  # fmt: skip
"""The counts that the features are made of, in the features' order; behind them those that are combined with others."""
_ENDS = [0, *np.cumsum([len(LOGS), len(PRESENT), len(SHARES), len(BOTH), len(FEW), len(SHARES), len(BOTH)]).tolist()]
_LOGS, _PRESENT, _SHARES, _BOTH, _FEW, _WHOLES, _OTHERS = map(slice, _ENDS, _ENDS[1:])
_SCALES = np.array([scale for _, scale in LOGS.values()], np.float32)
_LIMITS = np.array([limit for _, limit in FEW.values()], np.float32)


def traits(counts: Matrix) -> Matrix:
    """Turn the counts of comments (rows) into their hand-made features."""
    counts = np.concatenate([counts, np.add.reduce(counts[:, _LEXICON], axis=1, keepdims=True)], axis=1)
    looked = counts.take(_ONE_LOOK, axis=1)
    features = np.empty((len(counts), len(NAMES)), np.float32)
    features[:, _LOGS] = np.log1p(looked[:, _LOGS]) * _SCALES
    features[:, _PRESENT] = looked[:, _PRESENT] > 0
    features[:, _SHARES] = looked[:, _SHARES] / (looked[:, _WHOLES] + np.float32(1))
    features[:, _BOTH] = (looked[:, _BOTH] > 0) & (looked[:, _OTHERS] > 0)
    features[:, _FEW] = looked[:, _FEW] <= _LIMITS
    return features


def _usual() -> Matrix:
    counts = np.zeros((1, len(COUNTS)), np.float32)
    for name, number in {"chars": 72, "words": 14, "small": 3, "signs": 2}.items():
        counts[0, PLACE[name]] = number
    return traits(counts)[0]


USUAL = _usual()
"""The features of a usual comment, by the medians of the harmless seeds. Told of a comment is what its features do beyond these:
every one is so and so long, and to say so explains none."""
