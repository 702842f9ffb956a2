"""Find the link or mail address that a chunk is, also where its letters are hidden, and name where it leads.

A link whose letters are hidden opens nowhere, but it says as much of the comment as one that does.
"""

import re

from classifiers.letters import VOWEL_SIGNS, to_latin

WORD_CHARS = re.compile(rf"[^\W_](?:[^\W_]|[{VOWEL_SIGNS}])*")
LONGEST_HIDDEN = 200
"""Longer chunks are not searched for hidden links."""

_LONG_ENDINGS = (
    "com|net|org|info|biz|xyz|top|site|online|shop|store|club|live|icu|vip|win|bet|casino|pro|link|click|space|website|app|"
    "dev|cfd|sbs|loan|buzz|fun|cyou|rest|mobi|news|blog|tech"
)
_LINK = re.compile(
    r"(?:https?|ftp|hxxps?)[:;]?[/\\]{1,2}\S|www\d?\.[^\s.]|"
    rf"^[^\s@]*?[a-z0-9-]{{2,}}\.(?:{_LONG_ENDINGS}|ru|ua|"
    r"co|io|me|ly|cc|tv|us|uk|de|fr|es|it|nl|pl|br|tr|cn|kr|jp|in|eu|ca|au|gl|be|su|pw|tk|ml|ga|cf|gq|gg|to|ws)(?:[/:?#]|$)|"
    r"^(?:t\.me|t\.co|t\.ly|x\.com|v\.gd)(?:/|$)|^[a-z0-9-]{2,}\.[a-z]{2}/[^\W_]",
    re.IGNORECASE,
)
_HIDDEN_SCHEME = re.compile(r"(?<![^\W_])h(?!ttps?:|xxps?:)[^\s:/]{2,20}:[/\\]{2}(?=\S)")
_DEFANGED = re.compile(r"[\[({]\s*(?:\.|dot)\s*[\])}]", re.IGNORECASE)
_HOST = re.compile(r"(?:[a-z]+[:;]?[/\\]{1,2})?(?:www\d?\.)?([^/\\?#:\s]+)", re.IGNORECASE)
_MAIL = re.compile(r"^[\w.+*-]+(?:@|\[at\]|\(at\))[\w*-]+(?:\.|\[dot\]|\(dot\))[\w.*-]+$", re.IGNORECASE)
_SPELLED = re.compile(r"(?<![^\W_])(?:\d{0,9}[^\W\d_])([._ -])(?:[^\W\d_]\1)+[^\W\d_](?![^\W_])")
_SPELLED_HOST = re.compile(r"([^\W_]{3,})(com|net|org|info|site|online|shop|store|live)")
_SPELLED_ADDRESS = re.compile(rf"((?:[^\W_]+[.-])*[^\W_]{{2,}})({_LONG_ENDINGS})")
_ENDING = re.compile(r"(?<=[^\s.]\.)([a-z0-9*@$!€|]{3,7})(?=[/:?#]|$)")
_ENDINGS = tuple(_LONG_ENDINGS.split("|"))
_HIDES = {"*": "", "1": "il", "!": "il", "|": "il", **dict(zip("03457@$€", "oeastase", strict=True))}
"""What letters a sign in a top-level domain hides; all where none is named."""
_SIGNS = str.maketrans("@$!€£", "asiel")
_SIGN_INSIDE = re.compile(r"[^\W_][@$!€£]+[^\W_]")
_SIGN = re.compile(r"[@$!€£]")
_STRETCHED = re.compile(r"([^\W\d_w])\1\1+")
_DOUBLED = re.compile(r"(?:([^\W\d_])\1|[\W\d_])+")
_PAIR = re.compile(r"([^\W\d_])\1")


def without_defanging(chunk: str) -> str:
    """Write a dot that was put into brackets as a dot."""
    return _DEFANGED.sub(".", chunk)


def is_mail(lowered: str) -> bool:
    """Say whether a chunk without the signs at its edges is a mail address."""
    return bool(_MAIL.match(lowered))


def find_link(lowered: str) -> tuple[str, str]:
    """Give what stands before the link in a chunk, and the link; nothing where there is none."""
    if len(lowered) <= LONGEST_HIDDEN:
        if "://" in lowered:
            lowered = _HIDDEN_SCHEME.sub("http://", lowered)
        if "*" in lowered:
            lowered = _ENDING.sub(_ending, lowered)
        lowered = _joined(lowered)
    found = _LINK.search(lowered)
    if found:
        return lowered[: found.start()], lowered[found.start() :]
    return _hidden_link(lowered) if len(lowered) <= LONGEST_HIDDEN else ("", "")


def pieces(text: str) -> list[str]:
    """Give the words of an address."""
    return [piece for piece in WORD_CHARS.findall(text) if not piece.isdigit()][:24]


def address_words(address: str) -> list[str]:
    """Name what a link leads to: the words of its host and path, and its top-level domain."""
    host = _HOST.match(address)
    name = host[1].rstrip(".") if host else address
    if _SIGN_INSIDE.search(name):
        name = name.translate(_SIGNS)
    ending = name.rpartition(".")[2]
    return [f"<domain:{ending[:12]}>", *pieces(name), *pieces(address[host.end() if host else 0 :])[:12]]


def _hidden_link(lowered: str) -> tuple[str, str]:
    """Read a chunk that may be a link with hidden letters: borrowed, spelled out, doubled, stretched, digits or masked."""
    plain = lowered if lowered.isascii() else _joined(to_latin(lowered))
    plain = _PAIR.sub(r"\1", plain) if _DOUBLED.fullmatch(plain) else _STRETCHED.sub(r"\1", plain)
    if sum(map(str.isalpha, plain)) >= 4:
        plain = _ENDING.sub(_ending, plain)
        if _SIGN.search(plain):
            plain = plain.translate(_SIGNS)
    plain = _HIDDEN_SCHEME.sub("http://", plain)
    shown = plain.replace("*", "o")
    found = _LINK.search(shown) if shown != lowered else None
    return (plain[: found.start()], plain[found.start() :]) if found else ("", "")


def _joined(lowered: str) -> str:
    """Join letters that stand alone; where dots stood between them, part the top-level domain from its host again."""
    plain = _SPELLED.sub(lambda spelled: spelled[0].replace(spelled[1], ""), lowered)
    if plain == lowered or "." not in lowered:
        return plain
    scheme, slashes, address = plain.rpartition("//")
    host, slash, path = address.partition("/")
    spelled = (_SPELLED_ADDRESS if slashes or slash or "-" in host else _SPELLED_HOST).fullmatch(host)
    return f"{scheme}{slashes}{spelled[1]}.{spelled[2]}{slash}{path}" if spelled else plain


def _ending(found: re.Match[str]) -> str:
    """Read a top-level domain whose letters are hidden; what is none stays as it is."""
    hidden = found[1]
    if hidden.isalpha() or hidden.isdigit():
        return hidden
    for ending in _ENDINGS:
        if len(ending) == len(hidden) and all(
            letter == sign or (sign in _HIDES and letter in (_HIDES[sign] or letter))
            for sign, letter in zip(hidden, ending, strict=True)
        ):
            return ending
    return hidden
