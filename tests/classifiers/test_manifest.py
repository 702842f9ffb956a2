"""The manifest: what it says is what is there, and no folder is read that says otherwise."""

import msgspec
import numpy as np
import pytest

from classifiers import manifest as manifests
from classifiers.errors import (
    ClassifierError,
    DigestMismatch,
    LibraryMismatch,
    VersionBroken,
    VersionMisnamed,
    VersionTooLarge,
)
from classifiers.manifest import (
    MANIFEST,
    Manifest,
    check_name,
    entries_of,
    learned_labels,
    read_manifest,
    verify,
    write_manifest,
)


@pytest.fixture
def folder(tmp_path):
    """Give a small version: two files and a manifest that vouches for them."""
    np.save(tmp_path / "head.npy", np.ones((2, 3), np.float32))
    (tmp_path / "notes.md").write_text("A version of a test.")
    rewrite(tmp_path)
    return tmp_path


def rewrite(folder, **changes) -> Manifest:
    given = {
        "version": "v1", "made_at": "2026-01-01", "kind": "scratch", "attributes": ("spam",), "files": entries_of(folder),
    }  # fmt: skip
    made = Manifest(**given | changes)
    write_manifest(folder, made)
    return made


def test_what_is_written_is_what_is_read_and_the_same_each_time(folder) -> None:
    made = rewrite(folder, thresholds={"spam": {"b": 0.5, "a": 0.25}}, recipe={"z": 1, "a": [2]})
    content = (folder / MANIFEST).read_bytes()
    assert verify(folder) == read_manifest(folder) == made
    write_manifest(folder, msgspec.structs.replace(made, recipe={"a": [2], "z": 1}))
    assert (folder / MANIFEST).read_bytes() == content
    assert set(made.files) == {"head.npy", "notes.md"}


@pytest.mark.parametrize("name", ["", "V1", "a b", "../v1", ".v1", "-v1", "v" * 65, "v1\n"])
def test_a_version_has_a_name_that_is_a_plain_folder(folder, name: str) -> None:
    rewrite(folder, version=name)
    with pytest.raises(VersionBroken, match="names the version"):
        read_manifest(folder)


@pytest.mark.parametrize("attributes", [(), ("spam", "kindness")])
def test_a_version_scores_what_there_is_to_score(folder, attributes) -> None:
    rewrite(folder, attributes=attributes)
    with pytest.raises(VersionBroken, match="attributes"):
        read_manifest(folder)


def test_a_format_of_tomorrow_is_told_as_such_whatever_else_it_holds(folder) -> None:
    (folder / MANIFEST).write_bytes(b'{"format": 2, "version": 7}')
    with pytest.raises(LibraryMismatch, match="format 2"):
        read_manifest(folder)


def changed(folder) -> None:
    (folder / "notes.md").write_text("A version of A test.")


def longer(folder) -> None:
    (folder / "notes.md").write_text("More than there was before.")


def added(folder) -> None:
    (folder / "more.txt").write_text("x")


def gone(folder) -> None:
    (folder / "notes.md").unlink()


def linked(folder) -> None:
    (folder / "notes.md").rename(folder.parent / "elsewhere.md")
    (folder / "notes.md").symlink_to(folder.parent / "elsewhere.md")


def not_a_number(folder) -> None:
    np.save(folder / "head.npy", np.array([np.nan], np.float32))
    rewrite(folder)


def of_objects(folder) -> None:
    np.save(folder / "head.npy", np.array([object()]), allow_pickle=True)
    rewrite(folder)


def strangely_named(folder) -> None:
    (folder / "run.py").write_text("x")
    rewrite(folder)


def linked_manifest(folder) -> None:
    (folder / MANIFEST).rename(folder.parent / "manifest-elsewhere.json")
    (folder / MANIFEST).symlink_to(folder.parent / "manifest-elsewhere.json")


@pytest.mark.parametrize(
    ("harm", "error"),
    [
        (changed, DigestMismatch), (longer, VersionBroken), (added, VersionBroken), (gone, VersionBroken), (linked, VersionBroken),
        (not_a_number, VersionBroken), (of_objects, VersionBroken), (strangely_named, VersionBroken),
        (linked_manifest, VersionBroken),
    ],
)  # fmt: skip
def test_a_folder_that_is_not_what_its_manifest_says_is_refused(folder, harm, error: type[ClassifierError]) -> None:
    verify(folder)
    harm(folder)
    with pytest.raises(error):
        verify(folder)


def test_there_is_an_end_to_how_much_and_how_many_are_read(folder, monkeypatch) -> None:
    monkeypatch.setattr(manifests, "MAX_VERSION_BYTES", 10)
    with pytest.raises(VersionTooLarge, match="bytes"):
        verify(folder)
    monkeypatch.setattr(manifests, "MAX_FILES", 1)
    with pytest.raises(VersionTooLarge, match="lists 2 files"):
        verify(folder)
    monkeypatch.setattr(manifests, "MAX_MANIFEST_BYTES", 10)
    with pytest.raises(VersionTooLarge, match="larger than 10"):
        read_manifest(folder)


@pytest.mark.parametrize("name", ["Bad Name", "-first", ".hidden", "../etc", "a" * 65, "ü"])
def test_a_name_that_no_version_may_have_is_refused(name: str) -> None:
    with pytest.raises(VersionMisnamed, match="is no name for a version"):
        check_name(name)
    check_name("site-2.1_b")


def test_the_labels_that_a_version_learned_from_are_named_one_a_line(folder) -> None:
    assert learned_labels(folder) == frozenset()
    (folder / "learned.txt").write_text("c-1\nc-2\n\n")
    assert learned_labels(folder) == {"c-1", "c-2"}
