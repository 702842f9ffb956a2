"""Model versions made for a test: copies of the bundled one that score a little differently, and ways to break them."""

import shutil
from pathlib import Path

import msgspec

from classifiers.manifest import MANIFEST, entries_of, read_manifest, write_manifest
from classifiers.registry import BUNDLED, Registry


def a_version(folder: Path, name: str, *, shift: float = 0.0, learned: tuple[str, ...] = ()) -> Path:
    """Write a version into a new folder; `shift` is added to the logit of every attribute."""
    shutil.copytree(BUNDLED, folder)
    if learned:
        (folder / "learned.txt").write_text("\n".join(learned) + "\n")
    manifest = read_manifest(folder)
    calibration = {
        attribute: {**line, "offset": line["offset"] + shift} for attribute, line in manifest.calibration.items()
    }
    (folder / MANIFEST).unlink()
    changed = msgspec.structs.replace(manifest, version=name, calibration=calibration, files=entries_of(folder))
    write_manifest(folder, changed)
    return folder


def added(registry: Registry, name: str, **changes: object) -> Path:
    """Write a version into a registry; gives its folder."""
    (registry.root / "versions").mkdir(parents=True, exist_ok=True)
    return a_version(registry.root / "versions" / name, name, **changes)  # type: ignore[arg-type]


def missing(folder: Path) -> None:
    (folder / "weights.npy").unlink()


def truncated(folder: Path) -> None:
    with (folder / "weights.npy").open("rb+") as file:
        file.truncate(5000)


def bit_flipped(folder: Path) -> None:
    with (folder / "weights.npy").open("rb+") as file:
        file.seek(100_000)
        byte = file.read(1)[0]
        file.seek(100_000)
        file.write(bytes([byte ^ 1]))


def wrong_digest(folder: Path) -> None:
    path = folder / MANIFEST
    text = path.read_text()
    digest = read_manifest(folder).files["head.npy"].digest
    path.write_text(text.replace(digest, digest[::-1]))


def no_manifest_at_all(folder: Path) -> None:
    (folder / MANIFEST).write_bytes(b"\x89PNG\r\n")


def endless_manifest(folder: Path) -> None:
    (folder / MANIFEST).write_bytes(b"[" * (5 * 2**20))


def nested_manifest(folder: Path) -> None:
    (folder / MANIFEST).write_bytes(b"[" * 100_000)


def a_file_too_many(folder: Path) -> None:
    (folder / "extra.npy").write_bytes(b"x")


def an_array_of_objects(folder: Path) -> None:
    """Write what only a pickle could be read from, with a digest that fits."""
    import numpy as np

    np.save(folder / "head.npy", np.array([object()]), allow_pickle=True)
    manifest = read_manifest(folder)
    (folder / MANIFEST).unlink()
    write_manifest(folder, msgspec.structs.replace(manifest, files=entries_of(folder)))


def arrays_that_do_not_fit(folder: Path) -> None:
    """Write arrays that are whole, but not of the shape that the manifest speaks of."""
    import numpy as np

    np.save(folder / "head.npy", np.zeros((3, 4), np.float32))
    manifest = read_manifest(folder)
    (folder / MANIFEST).unlink()
    write_manifest(folder, msgspec.structs.replace(manifest, files=entries_of(folder)))


WAYS_TO_BREAK = (
    missing, truncated, bit_flipped, wrong_digest, no_manifest_at_all, endless_manifest, nested_manifest,
    a_file_too_many, an_array_of_objects, arrays_that_do_not_fit,
)  # fmt: skip
