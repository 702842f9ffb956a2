"""Taking in versions that others made: archives are unpacked within bounds, and a stored pipeline is built elsewhere first.

A stored pipeline names the types it is built from. It is built only when every one of them is on the allow-list, after
its zip directory showed that it unpacks to a bearable size, and first in a process of its own that may use so much
memory and time and no more. The process that serves comments never builds one at all: it reads arrays.
"""

import os
import resource
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import msgspec

from classifiers.errors import ClassifierError, LibraryMismatch, UntrustedType, VersionBroken, VersionTooLarge
from classifiers.manifest import FILE_NAME, MANIFEST, MAX_FILES, MAX_VERSION_BYTES, Manifest, verify
from classifiers.registry import Registry

PIPELINE = "model.skops"
MAX_ENTRIES = 5000
MAX_PIPELINE_BYTES = 512 * 2**20
MEMORY_BYTES = 4 * 2**30
SECONDS = 90
PROBES = (
    "",
    "Nice photo!",
    "you are an idiot",
    "BUY NOW https://example.com/pills",
    "日本語のコメント",
    "😀" * 50,
    "x" * 5000,
)

TRUSTED = (
    "classifiers.featurizer.CommentFeaturizer",
    "classifiers.pipeline.CompiledClassifier",
    "classifiers.estimators.SpamClassifier",
    "classifiers.estimators.ToxicityClassifier",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
)
"""What a pipeline may be built from besides the types skops itself trusts (scikit-learn's and NumPy's own)."""


def import_archive(registry: Registry, archive: Path) -> Manifest:
    """Take an uploaded zip of a version folder into the registry, or refuse it and leave everything as it was."""
    with registry.staging() as staged:
        unpack(archive, staged)
        vet(staged)
        return registry.add(staged)


def export_archive(folder: Path, archive: Path) -> None:
    """Write a version folder as one zip that `import_archive` takes in elsewhere."""
    manifest = verify(folder)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in (MANIFEST, *sorted(manifest.files)):
            packed.write(folder / name, name)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive of plain files into a folder, believing nothing it says about their number, names or sizes."""
    try:
        with zipfile.ZipFile(archive) as packed:
            entries = packed.infolist()
            if len(entries) > MAX_FILES + 1 or sum(entry.file_size for entry in entries) > MAX_VERSION_BYTES:
                raise VersionTooLarge(
                    f"the archive unpacks to more than {MAX_VERSION_BYTES} bytes or {MAX_FILES} files"
                )
            for entry in entries:
                if entry.filename != MANIFEST and not FILE_NAME.fullmatch(entry.filename):
                    raise VersionBroken(
                        f"the archive holds {entry.filename[:80]!r}, which is no file name of a version"
                    )
                if (folder / entry.filename).exists():
                    raise VersionBroken(f"the archive holds {entry.filename} twice")
                _copy(packed, entry, folder / entry.filename)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise VersionBroken(f"{archive.name} is no readable zip archive: {str(error)[:200]}") from None


def vet(folder: Path) -> Manifest:
    """Open a version in a process of its own and let it score a few texts; raise what that process found."""
    manifest = verify(folder)
    _audit(folder)
    package_home = str(Path(__file__).parent.parent)
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": os.pathsep.join([package_home, *filter(None, [os.environ.get("PYTHONPATH")])]),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "classifiers.vetting", str(folder.resolve())]
    try:
        run = subprocess.run(command, env=environment, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise VersionBroken(f"{folder} could not be opened within {SECONDS} s") from None
    try:
        finding = msgspec.json.decode(run.stdout, type=Finding)
    except msgspec.DecodeError:
        raise VersionTooLarge(f"{folder} could not be opened in {MEMORY_BYTES // 2**30} GB of memory") from None
    if finding.code:
        raise _LEAVES.get(finding.code, VersionBroken)(finding.message)
    return manifest


def load_pipeline(folder: Path) -> Any:
    """Load the fitted scikit-learn pipeline of a version, after it was vetted."""
    vet(folder)
    return _build(folder / PIPELINE)


class Finding(msgspec.Struct, frozen=True):
    """What the vetting process says in its one line; no code means that all went well."""

    code: str = ""
    message: str = ""


_LEAVES: dict[str, type[ClassifierError]] = {
    leaf.code: leaf for leaf in (LibraryMismatch, UntrustedType, VersionBroken, VersionTooLarge)
}


def _copy(packed: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> None:
    left = entry.file_size
    with packed.open(entry) as source, path.open("xb") as target:
        while block := source.read(2**20):
            left -= len(block)
            if left < 0:
                raise VersionTooLarge(f"{entry.filename} unpacks to more than the archive says")
            target.write(block)


def _audit(folder: Path) -> None:
    """Read the zip directory of a stored pipeline, and nothing behind it."""
    path = folder / PIPELINE
    if not path.exists():
        return
    try:
        with zipfile.ZipFile(path) as packed:
            entries = packed.infolist()
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, EOFError) as error:
        raise VersionBroken(f"{path} is no stored pipeline: {error}") from None
    if len(entries) > MAX_ENTRIES:
        raise VersionTooLarge(f"{path} has {len(entries)} entries, at most {MAX_ENTRIES} are read")
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > MAX_PIPELINE_BYTES:
        raise VersionTooLarge(f"{path} unpacks to {unpacked} bytes, at most {MAX_PIPELINE_BYTES} are read")


def _build(path: Path) -> Any:
    from skops.io import get_untrusted_types, load
    from skops.io.exceptions import UntrustedTypesFoundException

    unknown = sorted(set(get_untrusted_types(file=path)) - set(TRUSTED))
    if unknown:
        raise UntrustedType(f"{path} is built from {', '.join(unknown)[:300]}, which is not on the allow-list")
    try:
        return load(path, trusted=list(TRUSTED))
    except UntrustedTypesFoundException as error:
        raise UntrustedType(f"{path}: {error}") from None


def _examine(folder: Path) -> None:
    """Open a version the way the service does, then build its pipeline where it has one."""
    from classifiers.scorer import Item, Scorer

    manifest = verify(folder)
    _audit(folder)
    scores = Scorer.open(folder).score([Item(text) for text in PROBES])
    for found in scores:
        if set(found.values) != set(manifest.attributes) or not all(0 <= value <= 1 for value in found.values.values()):
            raise VersionBroken(f"{folder} gives scores that are no probabilities")
    if (folder / PIPELINE).exists():
        _check_library(manifest)
        try:
            _build(folder / PIPELINE)
        except ClassifierError:
            raise
        except Exception as error:
            raise VersionBroken(f"{folder / PIPELINE} cannot be built: {type(error).__name__}: {error}") from None


def _check_library(manifest: Manifest) -> None:
    """A pipeline is only read by the minor release of scikit-learn that wrote it; arrays have no such bond."""
    import sklearn

    wrote = manifest.libraries.get("scikit-learn", "")
    if wrote.split(".")[:2] != sklearn.__version__.split(".")[:2]:
        raise LibraryMismatch(
            f"version {manifest.version} was made with scikit-learn {wrote or '(not named)'}, here is {sklearn.__version__}"
        )


def main(folder: Path) -> Finding:
    """Run as `python -m classifiers.vetting FOLDER`: bounded in memory and time, no file may be written."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    try:
        _examine(folder)
    except MemoryError:
        return Finding(VersionTooLarge.code, f"{folder} needs more than {MEMORY_BYTES // 2**30} GB of memory")
    except ClassifierError as error:
        return Finding(error.code if error.code in _LEAVES else VersionBroken.code, str(error))
    except Exception as error:
        return Finding(VersionBroken.code, f"{folder} cannot be opened: {type(error).__name__}: {error}"[:500])
    return Finding()


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(main(Path(sys.argv[1]))))
