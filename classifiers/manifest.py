"""The manifest of a version: what it is, what it learned from, and the digest of every byte it consists of.

A version is a folder. Nothing in it is read before its manifest was, and no file of it is mapped or parsed before its
size and digest agree with the manifest and, for arrays, its header agrees with its size.
"""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from classifiers.arrays import read_array
from classifiers.errors import DigestMismatch, LibraryMismatch, VersionBroken, VersionMisnamed, VersionTooLarge

FORMAT = 1
"""Grows when a scorer of an older release could no longer read a new version."""

ATTRIBUTES = ("spam", "toxicity", "severe_toxicity", "profanity", "threat", "insult", "identity_attack")

MANIFEST = "manifest.json"
LEARNED = "learned.txt"
"""The identifiers of the labels that a version learned from, one a line."""
VERSION_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}\.(npy|skops|json|jsonl|md|toml|txt|bin|html)")
MAX_MANIFEST_BYTES = 4 * 2**20
MAX_VERSION_BYTES = 256 * 2**20
MAX_FILES = 128


class FileEntry(msgspec.Struct, frozen=True):
    """One file of a version."""

    digest: str
    size: int


class DataEntry(msgspec.Struct, frozen=True):
    """One source that a version learned from."""

    source: str
    rows: int
    licence: str = ""
    digest: str = ""


class LanguageFigures(msgspec.Struct, frozen=True):
    """How well a version ranks comments of one language, and whether that is above the bar."""

    supported: bool
    auc: float | None = None
    n: int = 0


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a version is. Written once, last, when every other file of the folder is in place."""

    version: str
    made_at: str
    kind: Literal["scratch", "adapted"]
    attributes: tuple[str, ...]
    files: dict[str, FileEntry]
    format: int = FORMAT
    base: str = ""
    """The version an adapted one stands on."""
    site: str = ""
    """The site an adapted version was made for; empty for all."""
    recipe: dict[str, Any] = {}
    data: tuple[DataEntry, ...] = ()
    libraries: dict[str, str] = {}
    features: dict[str, Any] = {}
    """What the scorer needs to chop and hash texts as training did."""
    thresholds: dict[str, dict[str, float]] = {}
    """attribute -> {"precision_0.90": threshold, ...}."""
    calibration: dict[str, Any] = {}
    languages: dict[str, LanguageFigures] = {}
    language_bar: float = 0.0
    figures: dict[str, Any] = {}


def check_name(version: str) -> None:
    """Refuse a name that no version may have; an empty one stands for a name of the moment's own."""
    if version and not VERSION_NAME.fullmatch(version):
        raise VersionMisnamed(version)


def digest_of(path: Path) -> str:
    """Compute the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def entries_of(folder: Path) -> dict[str, FileEntry]:
    """List every file of a folder but the manifest itself, with digest and size."""
    files = sorted(path for path in folder.iterdir() if path.name != MANIFEST)
    return {path.name: FileEntry(digest_of(path), path.stat().st_size) for path in files}


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest as indented JSON; the caller has written all other files before."""
    encoded = msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"), indent=2)
    (folder / MANIFEST).write_bytes(encoded + b"\n")


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest alone; `verify` also looks at the files it lists."""
    path = folder / MANIFEST
    if not path.is_file() or path.is_symlink():
        raise VersionBroken(f"{folder} holds no {MANIFEST}, so it is no model version")
    if path.stat().st_size > MAX_MANIFEST_BYTES:
        raise VersionTooLarge(f"{path} is larger than {MAX_MANIFEST_BYTES} bytes")
    content = path.read_bytes()
    try:
        found = msgspec.json.decode(content, type=_Format).format
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise VersionBroken(f"{path} is no manifest: {error}") from None
    if found != FORMAT:
        raise LibraryMismatch(f"{path} has format {found}, this release reads format {FORMAT}")
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise VersionBroken(f"{path} is no manifest: {error}") from None
    if not VERSION_NAME.fullmatch(manifest.version):
        raise VersionBroken(
            f"{path} names the version {manifest.version[:80]!r}; small letters, digits, . _ - are allowed"
        )
    if not manifest.attributes or not set(manifest.attributes) <= set(ATTRIBUTES):
        raise VersionBroken(f"{path} names attributes that do not exist: {', '.join(manifest.attributes)[:200]}")
    return manifest


def learned_labels(folder: Path) -> frozenset[str]:
    """Name the labels a version learned from, so that an erased one can be traced to the versions that know it."""
    path = folder / LEARNED
    return frozenset(path.read_text("utf-8").split("\n")) - {""} if path.is_file() else frozenset()


def write_learned(folder: Path, labels: Iterable[str]) -> None:
    """List the labels a version learned from, by their identifiers; those without one are known by their texts alone."""
    (folder / LEARNED).write_text("".join(f"{name}\n" for name in sorted(set(labels) - {""})), "utf-8")


def verify(folder: Path) -> Manifest:
    """Check a version folder byte for byte against its manifest, and every array against its own header."""
    manifest = read_manifest(folder)
    _check_names(folder, manifest)
    for name, entry in manifest.files.items():
        path = folder / name
        if path.stat().st_size != entry.size:
            raise VersionBroken(f"{path} has {path.stat().st_size} bytes, its manifest says {entry.size}")
        if digest_of(path) != entry.digest:
            raise DigestMismatch(str(path))
        if name.endswith(".npy"):
            _check_array(path)
    return manifest


class _Format(msgspec.Struct):
    format: int


def _check_names(folder: Path, manifest: Manifest) -> None:
    if len(manifest.files) > MAX_FILES:
        raise VersionTooLarge(f"{folder} lists {len(manifest.files)} files, at most {MAX_FILES} are read")
    for name in manifest.files:
        if not FILE_NAME.fullmatch(name):
            raise VersionBroken(f"{folder / MANIFEST} lists {name[:80]!r}, which is no file name of a version")
        if (folder / name).is_symlink() or not (folder / name).is_file():
            raise VersionBroken(f"{folder / name} is missing, though its manifest lists it")
    strange = {path.name for path in folder.iterdir()} - set(manifest.files) - {MANIFEST}
    if strange:
        raise VersionBroken(f"{folder} holds {min(strange)[:80]!r}, which its manifest does not list")
    total = sum((folder / name).stat().st_size for name in manifest.files)
    if total > MAX_VERSION_BYTES:
        raise VersionTooLarge(f"{folder} has {total} bytes, at most {MAX_VERSION_BYTES} are read")


def _check_array(path: Path) -> None:
    """Refuse object arrays, sizes that disagree with the header, and weights that are no numbers."""
    try:
        array = read_array(path, mapped=True)
    except (ValueError, OSError, EOFError, SyntaxError, OverflowError, MemoryError) as error:
        raise VersionBroken(f"{path} is no array: {str(error).splitlines()[0]}") from None
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise VersionBroken(f"{path} holds weights that are no finite numbers")
