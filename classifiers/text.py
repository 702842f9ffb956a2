"""Cut a comment into chunks, and find them again in the original.

A chunk is what stands between two blanks (in Chinese and Japanese a known word, or one character). Chunks are keys: whatever is learned
of one is kept and used again. At most `MAX_CHARS` of a comment are read; the original stays as it is.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import accumulate

MAX_CHARS = 10_000
HEAD_CHARS = 7_000
"""Of a longer comment the head and the tail are read: a link hidden behind a wall of text is at its end."""
EDGES = ".,;:!?\"'()"
"""Signs at the edges of a plain word."""

_HAN = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
)
_HAN_PRESENT = re.compile(f"[{_HAN}]")
_HAN_RUNS = re.compile(f"[{_HAN}]+|[^\\s{_HAN}]+")
_HAN_WORD = re.compile(f"[{_HAN}]+")
_BLANK_PARTED = re.compile(r"\S+")
_WIDE_BLANK = re.compile(r"\s{2,}|\n")
_LETTER = r"[^\W\d_]"
_LOOSE = re.compile(rf"[\W_]*{_LETTER}(?:[\W\d_](?:\S*[\W\d_])?{_LETTER})?[\W\d_]*")
"""Begins and ends with a letter that stands alone: a spelled word, or where one ends and the next begins."""
_TAIL = re.compile(r"[^\W\d_][^\w\s,;!?()]+\w")
"""What goes on from a spelled word: the end of its link, or `n't`."""
_BLANK_SIGN = "\u2800"
"""A sign of Braille without dots: a blank that is none to a machine."""
_REGIONAL = re.compile("[\U0001f1e6-\U0001f1ff]+")
_FLAGS = (
    "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bl bm bn bo bq br bs bt bv bw by bz ca cc cd "
    "cf cg ch ci ck cl cm cn co cp cr cu cv cw cx cy cz de dg dj dk dm do dz ea ec ee eg eh er es et eu fi fj fk fm fo fr ga gb "
    "gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu ic id ie il im in io iq ir is it je jm jo jp ke kg kh "
    "ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mf mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my "
    "mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh "
    "si sj sk sl sm sn so sr ss st sv sx sy sz ta tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug um un us uy uz va vc ve "
    "vg vi vn vu wf ws xk ye yt za zm zw"
)
"""Two letters of regions that are shown as a flag; others are shown as the letters they are."""
_RIGHT_TO_LEFT = re.compile("\u202e([^\u202c\u202e\n]*)\u202c?")


def clip(text: str) -> str:
    """Keep at most `MAX_CHARS`: the head and the tail, parted by a line break."""
    return text if len(text) <= MAX_CHARS else text[:HEAD_CHARS] + "\n" + text[HEAD_CHARS + 1 - MAX_CHARS :]


def as_seen(text: str) -> str:
    """Write what is seen as a blank, or as letters, as these: one sign for each, so that places stay what they are."""
    if text.isascii():
        return text
    text = text.replace(_BLANK_SIGN, " ")
    return _REGIONAL.sub(_letters_of, text) if _REGIONAL.search(text) else text


def _letters_of(match: re.Match[str]) -> str:
    letters = "".join(chr(ord(sign) - 0x1F1E6 + ord("a")) for sign in match[0])
    pairs = (letters[place : place + 2] for place in range(0, len(letters), 2))
    return match[0] if all(len(pair) == 2 and pair in _FLAGS for pair in pairs) else letters


class HanWords:
    """Words of several characters in Chinese and Japanese, which no blanks part: where one is known it is one chunk."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        self.words = frozenset(words)
        self._lengths: dict[str, tuple[int, ...]] = {}
        lengths: dict[str, set[int]] = {}
        for word in self.words:
            lengths.setdefault(word[0], set()).add(len(word))
        same: dict[tuple[int, ...], tuple[int, ...]] = {}
        for first, found in lengths.items():
            longest_first = tuple(sorted(found, reverse=True))
            self._lengths[first] = same.setdefault(longest_first, longest_first)

    def part(self, run: str) -> list[str]:
        """Part characters that stand together: the longest known word at each place, else the character."""
        found = []
        place = 0
        while place < len(run):
            word = run[place]
            for length in self._lengths.get(word, ()):
                if run[place : place + length] in self.words:
                    word = run[place : place + length]
                    break
            found.append(word)
            place += len(word)
        return found


def is_han(word: str) -> bool:
    """Say whether a word is written in characters alone."""
    return bool(_HAN_WORD.fullmatch(word))


_SINGLE_CHARACTERS = HanWords()


def cut(text: str, han: HanWords = _SINGLE_CHARACTERS) -> list[str]:
    """Cut a clipped text into its chunks, in order."""
    if not text.isascii():
        text = as_seen(text)
        if "\u202e" in text:
            text = _RIGHT_TO_LEFT.sub(lambda match: match[1][::-1], text)
        if _HAN_PRESENT.search(text):
            runs = _HAN_RUNS.findall(text)
            return [chunk for run in runs for chunk in (han.part(run) if _HAN_PRESENT.match(run) else (run,))]
    return text.split()


def is_single(chunk: str) -> bool:
    """Say whether a chunk is one letter that stands alone, in a script that has words of several."""
    letter = chunk if len(chunk) == 1 else chunk.strip(EDGES)
    return len(letter) == 1 and letter.isalpha() and not _HAN_PRESENT.match(letter)


def spell(text: str, han: HanWords = _SINGLE_CHARACTERS) -> list[str]:
    """Cut a clipped text, joining what was spelled out letter by letter (`y o u`): three or more single letters in a row.

    Where wider blanks or line breaks part the spelled words, they part them here too.
    """
    parts = _WIDE_BLANK.split(as_seen(text))
    if len(parts) > 1:
        found = [chunk for part in parts for chunk in _joined(cut(part, han))]
        if any(" " in chunk for chunk in found):
            return found
    return _joined(cut(text, han))


def _joined(chunks: list[str]) -> list[str]:
    result: list[str] = []
    run: list[str] = []
    for chunk in [*chunks, ""]:
        if _LOOSE.fullmatch(chunk) and not _HAN_PRESENT.match(chunk):
            run.append(chunk)
            continue
        if run and _TAIL.match(chunk):
            run.append(chunk)
            chunk = ""
        result.extend([" ".join(run)] if sum(map(is_single, run)) > 2 else run)
        run = []
        if chunk:
            result.append(chunk)
    return result


def locate(text: str, chunks: Sequence[str], places: Sequence[int]) -> list[tuple[int, int]]:
    """Find begin and end of some of a comment's chunks, named by ascending places, in the original text.

    Most texts part their chunks by single blanks, or at least hold them in order; a chunk that was joined from letters is
    found by its parts. What is written from right to left is turned round first, as it was when it was cut.
    """
    if not places:
        return []
    text = as_seen(text)
    if "\u202e" in text:
        origins = _turned_places(text)
        turned = locate("".join(map(text.__getitem__, origins)), chunks, places)
        return [_span_of(origins[begin:end]) for begin, end in turned]
    ends = list(accumulate(map(len, chunks)))
    # as long as its chunks with one blank between two, of whatever kind: in letters of ASCII a blank stands between any two
    if ends[-1] + len(ends) - 1 == len(text.rstrip()) and (text.isascii() or text.split() == chunks):
        return [(ends[place] + place - len(chunks[place]), ends[place] + place) for place in places]
    if len(text) <= MAX_CHARS:
        found = list(_BLANK_PARTED.finditer(text))
        if len(found) == len(chunks):
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
    begin = end = -1
    for part in chunk.split():
        found = text.find(part, end if end >= 0 else place)
        if found < 0:
            return place, place
        begin, end = (found if begin < 0 else begin), found + len(part)
    return max(begin, 0), max(end, 0)


def _turned_places(text: str) -> list[int]:
    """Give the places of the letters of a text in the order in which they are read; the marks that turn it are left out."""
    places: list[int] = []
    end = 0
    for match in _RIGHT_TO_LEFT.finditer(text):
        places += range(end, match.start())
        places += reversed(range(*match.span(1)))
        end = match.end()
    return [*places, *range(end, len(text))]


def _span_of(places: list[int]) -> tuple[int, int]:
    return (min(places), max(places) + 1) if places else (0, 0)
