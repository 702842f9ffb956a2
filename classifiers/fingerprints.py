"""Which texts a version has learned, as short hashes: by them a label without an identifier is known for one it learned from.

A hash is of the letters and digits of a text alone, salted and slow to make, and cut to 32 bits. No text can be read back
from it. What it gives away: who has the folder and guesses a text to the letter can see whether it may be among those
learned; of a thousand hashes one text in four million fits that was not. The salt lies in the folder, so that the
version can be judged and adapted wherever it is taken, and stays the same from a version to those that stand on it. It
is drawn from all texts together, so that the same rows give the same version, to the byte.
"""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifiers.errors import VersionBroken
from classifiers.splitting import letters_of

FINGERPRINTS = "learned.bin"
"""Sixteen bytes of salt, then four bytes for each text, sorted."""
SALT = 16
ROUNDS = 32
"""What makes guessing slow: some twenty microseconds a text, which a million of labels can bear."""
MOST = 1_000_000
"""So many are kept; of what was learned beyond them a copy may go unknown."""
Hashes = NDArray[np.uint32]


def write_fingerprints(folder: Path, texts: Sequence[str], base: Path | None = None) -> None:
    """Keep the hashes of the texts that a version learned from, and those of the version it stands on."""
    salt, known = _read(base) if base else (b"", np.zeros(0, np.uint32))
    salt = salt or hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).digest()[:SALT]
    new = np.unique(_hashed(texts[-MOST:], salt))
    before = np.setdiff1d(known, new)[: MOST - len(new)]
    (folder / FINGERPRINTS).write_bytes(salt + np.sort(np.concatenate([new, before])).astype("<u4").tobytes())


def has_fingerprints(folder: Path) -> bool:
    """Say whether a version knows the texts it learned from; one of an older release does not."""
    return (folder / FINGERPRINTS).is_file()


def learned_texts(texts: Sequence[str], folders: Iterable[Path]) -> NDArray[np.bool_]:
    """Say which of the texts one of these versions has learned, whatever their case, spaces and punctuation."""
    by_salt: dict[bytes, list[Hashes]] = {}
    for folder in folders:
        salt, known = _read(folder)
        if len(known):
            by_salt.setdefault(salt, []).append(known)
    found = np.zeros(len(texts), bool)
    for salt, known_of_each in by_salt.items():
        found |= np.isin(_hashed(texts, salt), np.concatenate(known_of_each))
    return found


def _read(folder: Path) -> tuple[bytes, Hashes]:
    path = folder / FINGERPRINTS
    if not path.is_file():
        return b"", np.zeros(0, np.uint32)
    size = path.stat().st_size
    if not SALT <= size <= SALT + 4 * MOST or (size - SALT) % 4:
        raise VersionBroken(f"{path} holds no salt and hashes of four bytes each, at most {MOST}")
    content = path.read_bytes()
    return content[:SALT], np.frombuffer(content, "<u4", offset=SALT).astype(np.uint32)


def _hashed(texts: Sequence[str], salt: bytes) -> Hashes:
    cut = (
        hashlib.pbkdf2_hmac("sha256", letters_of(text).encode("utf-8", "surrogatepass"), salt, ROUNDS, 4)
        for text in texts
    )
    return np.frombuffer(b"".join(cut), "<u4").astype(np.uint32)
