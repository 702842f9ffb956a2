"""Twenty-five and more ways in which a version can be broken: each is refused with a reason, and nothing changes."""

import io
import shutil
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from classifiers import vetting
from classifiers.compiled import save_lexicon
from classifiers.errors import (
    ClassifierError,
    DigestMismatch,
    LibraryMismatch,
    UntrustedType,
    VersionBroken,
    VersionTooLarge,
)
from classifiers.filters import FILES
from classifiers.lexicon import MARKS
from classifiers.manifest import MAX_FILES, Manifest, entries_of, read_manifest, write_manifest
from classifiers.registry import BUNDLED, Registry
from classifiers.traits import NAMES
from classifiers.vetting import PIPELINE, TRUSTED, export_archive, import_archive, load_pipeline, vet
from tests.classifiers.filtered import give_filters

Damage = Callable[[Path], None]
DAMAGES: list[tuple[str, Damage, type[ClassifierError]]] = []


class Untrusted(LogisticRegression):
    """A type that no allow-list names."""


def breaks(refusal: type[ClassifierError]) -> Callable[[Damage], Damage]:
    def note(damage: Damage) -> Damage:
        DAMAGES.append((damage.__name__, damage, refusal))
        return damage

    return note


def resigned(folder: Path, **changes: object) -> None:
    """Write a manifest that vouches for the files as they now are: the damage was done by whoever made the version."""
    manifest = read_manifest(folder)
    write_manifest(folder, msgspec.structs.replace(manifest, files=entries_of(folder), **changes))


def edited(folder: Path, name: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    np.save(folder / name, change(np.load(folder / name)))
    resigned(folder)


def edit_manifest(folder: Path, change: Callable[[dict], None]) -> None:
    tree = msgspec.json.decode((folder / "manifest.json").read_bytes())
    change(tree)
    (folder / "manifest.json").write_bytes(msgspec.json.encode(tree))


def a_pipeline(folder: Path, model: object, **libraries: str) -> None:
    skops.io.dump(model, folder / PIPELINE)
    resigned(folder, libraries={**read_manifest(folder).libraries, **libraries})


@breaks(VersionBroken)
def an_empty_folder(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


@breaks(VersionBroken)
def a_missing_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


@breaks(VersionBroken)
def a_missing_array(folder: Path) -> None:
    (folder / "weights.npy").unlink()


@breaks(VersionBroken)
def a_manifest_that_is_no_json(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(b"\x80\x04\x95pickle")


@breaks(VersionBroken)
def a_manifest_nested_without_end(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(b'{"format":1,"recipe":' + b"[" * 200_000)


@breaks(VersionTooLarge)
def a_manifest_of_five_megabytes(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(b" " * 5_000_000)


@breaks(VersionBroken)
def a_manifest_without_attributes(folder: Path) -> None:
    edit_manifest(folder, lambda tree: tree.update(attributes=[]))


@breaks(VersionBroken)
def a_manifest_with_an_attribute_nobody_knows(folder: Path) -> None:
    edit_manifest(folder, lambda tree: tree["attributes"].append("sarcasm"))


@breaks(VersionBroken)
def a_version_name_that_climbs(folder: Path) -> None:
    edit_manifest(folder, lambda tree: tree.update(version="../../etc"))


@breaks(VersionBroken)
def a_file_name_that_climbs(folder: Path) -> None:
    edit_manifest(folder, lambda tree: tree["files"].update({"../../passwd.txt": {"digest": "0" * 64, "size": 1}}))


@breaks(LibraryMismatch)
def a_format_of_the_future(folder: Path) -> None:
    edit_manifest(folder, lambda tree: tree.update(format=99))


@breaks(LibraryMismatch)
def features_and_a_lexicon_of_another_release(folder: Path) -> None:
    """Both change together, so what is told is that the release is another one, not what its lexicon looks like."""
    save_lexicon(folder, '{"words": {"insult_2": ["idiot"]}, "phrases": {"threat_3": [[1, 2]]}}')
    manifest = read_manifest(folder)
    resigned(folder, features={**manifest.features, "traits": manifest.features["traits"][:-1]})


@breaks(VersionBroken)
def a_truncated_array(folder: Path) -> None:
    content = (folder / "weights.npy").read_bytes()
    (folder / "weights.npy").write_bytes(content[: len(content) // 2])


@breaks(DigestMismatch)
def a_flipped_bit(folder: Path) -> None:
    content = bytearray((folder / "weights.npy").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "weights.npy").write_bytes(content)


@breaks(DigestMismatch)
def a_wrong_digest(folder: Path) -> None:
    edit_manifest(folder, lambda tree: tree["files"]["head.npy"].update(digest="0" * 64))


@breaks(VersionBroken)
def a_wrong_size(folder: Path) -> None:
    edit_manifest(folder, lambda tree: tree["files"]["head.npy"].update(size=1))


@breaks(VersionBroken)
def a_file_that_no_manifest_lists(folder: Path) -> None:
    (folder / "extra.bin").write_bytes(b"x")


@breaks(VersionBroken)
def a_symbolic_link(folder: Path) -> None:
    (folder / "head.npy").rename(folder.parent / "elsewhere.npy")
    (folder / "head.npy").symlink_to(folder.parent / "elsewhere.npy")


@breaks(VersionBroken)
def a_truncated_array_that_is_vouched_for(folder: Path) -> None:
    content = (folder / "weights.npy").read_bytes()
    (folder / "weights.npy").write_bytes(content[:-100])
    resigned(folder)


@breaks(VersionBroken)
def an_array_of_objects(folder: Path) -> None:
    np.save(folder / "head.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    resigned(folder)


@breaks(VersionBroken)
def a_pickle_called_npy(folder: Path) -> None:
    (folder / "head.npy").write_bytes(b"\x80\x04cos\nsystem\n(S'true'\ntR.")
    resigned(folder)


@breaks(VersionBroken)
def a_header_that_promises_terabytes(folder: Path) -> None:
    header = b"{'descr': '<f2', 'fortran_order': False, 'shape': (1099511627776, 8), }".ljust(117) + b"\n"
    (folder / "weights.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    resigned(folder)


@breaks(VersionBroken)
def weights_that_are_no_numbers(folder: Path) -> None:
    edited(folder, "head.npy", lambda array: np.full_like(array, np.nan))


@breaks(VersionBroken)
def weights_without_end(folder: Path) -> None:
    edited(folder, "scales.npy", lambda array: np.full_like(array, np.inf))


@breaks(VersionBroken)
def the_wrong_number_of_features(folder: Path) -> None:
    edited(folder, "weights.npy", lambda array: array[: len(array) // 2])


@breaks(VersionBroken)
def the_wrong_number_of_attributes(folder: Path) -> None:
    edited(folder, "head.npy", lambda array: array[:-1])


@breaks(VersionBroken)
def a_manifest_without_the_shape_of_its_features(folder: Path) -> None:
    resigned(folder, features={})


@breaks(VersionBroken)
def a_calibration_that_is_missing(folder: Path) -> None:
    resigned(folder, calibration={})


@breaks(VersionBroken)
def filters_without_their_embeddings(folder: Path) -> None:
    without_one_of_its_filters(folder, 0)


@breaks(VersionBroken)
def filters_without_their_marks(folder: Path) -> None:
    without_one_of_its_filters(folder, 1)


@breaks(VersionBroken)
def filters_without_their_patterns(folder: Path) -> None:
    without_one_of_its_filters(folder, 2)


def without_one_of_its_filters(folder: Path, place: int) -> None:
    give_filters(folder)
    (folder / FILES[place]).unlink()
    resigned(folder)


@breaks(VersionBroken)
def filters_in_each_others_files(folder: Path) -> None:
    give_filters(folder)
    marks, patterns = (folder / name for name in FILES[1:])
    content = marks.read_bytes()
    patterns.rename(marks)
    patterns.write_bytes(content)
    resigned(folder)


@breaks(VersionBroken)
def filters_of_objects(folder: Path) -> None:
    give_filters(folder)
    np.save(folder / FILES[1], np.array([{"a": 1}], dtype=object), allow_pickle=True)
    resigned(folder)


@breaks(VersionBroken)
def filters_that_are_no_numbers(folder: Path) -> None:
    give_filters(folder)
    edited(folder, FILES[2], lambda array: np.full_like(array, np.nan))


@breaks(VersionBroken)
def filters_that_nothing_counts(folder: Path) -> None:
    head = np.load(folder / "head.npy")
    give_filters(folder)
    edited(folder, "head.npy", lambda _: np.delete(head, np.s_[len(NAMES) : -1], axis=1))


@breaks(VersionBroken)
def more_filters_than_are_counted(folder: Path) -> None:
    give_filters(folder)
    edited(folder, FILES[2], lambda array: np.concatenate([array, array], axis=1))


@breaks(LibraryMismatch)
def filters_for_the_kinds_of_word_of_another_release(folder: Path) -> None:
    give_filters(folder)
    resigned(folder, features={**read_manifest(folder).features, "marks": list(MARKS[::-1])})


@breaks(VersionBroken)
def a_pipeline_that_is_no_zip(folder: Path) -> None:
    (folder / PIPELINE).write_bytes(b"\x80\x04cos\nsystem\n(S'true'\ntR.")
    resigned(folder)


@breaks(VersionBroken)
def a_pipeline_cut_off(folder: Path) -> None:
    a_pipeline(folder, LogisticRegression())
    (folder / PIPELINE).write_bytes((folder / PIPELINE).read_bytes()[:-40])
    resigned(folder)


@breaks(UntrustedType)
def a_pipeline_of_an_untrusted_type(folder: Path) -> None:
    a_pipeline(folder, Untrusted())


@breaks(LibraryMismatch)
def a_pipeline_of_another_release(folder: Path) -> None:
    a_pipeline(folder, LogisticRegression(), **{"scikit-learn": "0.24.2"})


@cache
def a_bomb() -> bytes:
    """Give a zip of less than two megabytes that unpacks to one gigabyte."""
    written = io.BytesIO()
    with (
        zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as packed,
        packed.open("schema.json", "w", force_zip64=True) as entry,
    ):
        for _ in range(1024):
            entry.write(bytes(2**20))
    return written.getvalue()


@breaks(VersionTooLarge)
def a_small_pipeline_that_unpacks_to_a_gigabyte(folder: Path) -> None:
    assert len(a_bomb()) < 2**21
    (folder / PIPELINE).write_bytes(a_bomb())
    resigned(folder)


@breaks(VersionTooLarge)
def a_pipeline_of_very_many_entries(folder: Path) -> None:
    with zipfile.ZipFile(folder / PIPELINE, "w") as packed:
        for number in range(6000):
            packed.writestr(f"{number}.npy", b"")
    resigned(folder)


@pytest.fixture
def version(tmp_path: Path) -> Path:
    return Path(shutil.copytree(BUNDLED, tmp_path / "version"))


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry")


def named(folder: Path, name: str) -> Path:
    manifest = read_manifest(folder)
    write_manifest(folder, msgspec.structs.replace(manifest, version=name))
    return folder


@pytest.mark.parametrize(("damage", "refusal"), [pytest.param(one, error, id=name) for name, one, error in DAMAGES])
def test_a_broken_version_is_refused_and_the_registry_stays_as_it_was(
    version: Path, registry: Registry, damage: Damage, refusal: type[ClassifierError], tmp_path: Path
) -> None:
    named(version, "broken-1")
    damage(version)
    before = registry.active()
    archive = tmp_path / "broken.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(version.iterdir()):
            packed.write(path, path.name)
    linked = damage is a_symbolic_link  # of which an archive would hold the file itself
    with pytest.raises(refusal) as refused:
        vet(version) if linked else import_archive(registry, archive)
    assert refused.value.code == refusal.code
    assert str(refused.value)
    assert registry.active() == before
    assert [entry.manifest.version for entry in registry.list()] == [before]
    assert list((registry.root / "versions").glob("*")) + list((registry.root / "versions").glob(".*")) == []


@pytest.mark.parametrize(
    "damage", [a_flipped_bit, a_wrong_digest, a_file_that_no_manifest_lists, a_version_name_that_climbs]
)
def test_a_manifest_that_is_believed_is_found_out(
    version: Path, monkeypatch: pytest.MonkeyPatch, damage: Damage
) -> None:
    """The mutation: what a manifest says is not compared with what lies beside it."""

    def believe(folder: Path) -> Manifest:
        return msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)

    damage(version)
    with pytest.raises(ClassifierError):
        vetting.verify(version)
    monkeypatch.setattr(vetting, "verify", believe)
    assert vetting.verify(version)


def test_a_version_with_filters_that_is_not_broken_is_taken_in(
    version: Path, registry: Registry, tmp_path: Path
) -> None:
    give_filters(named(version, "filtered-1"))
    export_archive(version, tmp_path / "filtered.zip")
    assert import_archive(registry, tmp_path / "filtered.zip").version == "filtered-1"


def test_there_are_at_least_twenty_five_ways() -> None:
    assert len(DAMAGES) >= 25


def test_a_bomb_is_refused_before_it_is_unpacked(version: Path) -> None:
    a_small_pipeline_that_unpacks_to_a_gigabyte(version)
    tracemalloc.start()
    with pytest.raises(VersionTooLarge):
        vet(version)
    assert tracemalloc.get_traced_memory()[1] < 100 * 2**20
    tracemalloc.stop()


@pytest.mark.parametrize(
    "entries",
    [
        [("../evil.txt", b"x")],
        [("/etc/evil.txt", b"x")],
        [("manifest.json", b"{}"), ("manifest.json", b"{}")],
        [("sub/weights.npy", b"x")],
        [("run.py", b"x")],
        [("manifest.json", b"{}")],
        [],
    ],
)
def test_an_archive_with_strange_entries_is_refused(registry: Registry, tmp_path: Path, entries: list) -> None:
    archive = tmp_path / "strange.zip"
    with zipfile.ZipFile(archive, "w") as packed, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a name comes twice is the point
        for name, content in entries:
            packed.writestr(name, content)
    with pytest.raises(VersionBroken):
        import_archive(registry, archive)
    assert not (tmp_path.parent / "evil.txt").exists()


def test_an_archive_that_unpacks_to_too_much_is_refused(registry: Registry, tmp_path: Path) -> None:
    archive = tmp_path / "bomb.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for number in range(9):
            packed.writestr(f"w{number}.npy", bytes(32 * 2**20))
    with pytest.raises(VersionTooLarge):
        import_archive(registry, archive)
    many = tmp_path / "many.zip"
    with zipfile.ZipFile(many, "w") as packed:
        for number in range(MAX_FILES + 2):
            packed.writestr(f"w{number}.npy", b"")
    with pytest.raises(VersionTooLarge):
        import_archive(registry, many)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", b"\x80\x04pickle"])
def test_an_upload_that_is_no_zip_is_refused(registry: Registry, tmp_path: Path, content: bytes) -> None:
    archive = tmp_path / "upload.zip"
    archive.write_bytes(content)
    with pytest.raises(VersionBroken, match="no readable zip"):
        import_archive(registry, archive)


def test_a_sound_version_travels_from_one_registry_to_another(
    version: Path, registry: Registry, tmp_path: Path
) -> None:
    named(version, "sound-1")
    a_pipeline(version, LogisticRegression())
    export_archive(version, tmp_path / "sound.zip")
    assert import_archive(registry, tmp_path / "sound.zip").version == "sound-1"
    assert registry.promote("sound-1").version == "sound-1"
    assert isinstance(load_pipeline(registry.path("sound-1")), LogisticRegression)


def test_the_allow_list_names_no_type_that_runs_code() -> None:
    assert all(name.startswith(("classifiers.", "sklearn.")) for name in TRUSTED)
