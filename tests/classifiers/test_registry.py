"""The registry: versions never change, pointers move whole, and what was interrupted never happened."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from classifiers.manifest import entries_of, write_manifest
from classifiers.registry import (
    AlreadyActive,
    Manifest,
    NothingToRollBack,
    Pointer,
    Pointers,
    Registry,
    UnknownVersion,
    VersionBroken,
    VersionExists,
    VersionInUse,
)


def a_version(folder: Path, name: str, made_at: str = "2026-01-01T00:00:00+00:00") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "weights.npy", np.arange(7, dtype=np.float32))
    manifest = Manifest(version=name, made_at=made_at, kind="scratch", attributes=("spam",), files=entries_of(folder))
    write_manifest(folder, manifest)
    return folder


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry", bundled=a_version(tmp_path / "bundled", "first"))


def add(registry: Registry, *names: str) -> None:
    for at, name in enumerate(names):
        with registry.staging() as staged:
            registry.add(a_version(staged, name, f"2026-02-{at + 1:02}T00:00:00+00:00"))


def upgraded(registry: Registry) -> Registry:
    """Open a registry by a later release, which ships another version."""
    return Registry(registry.root, bundled=a_version(registry.root.with_name("later"), "later"))


def states(registry: Registry) -> dict[str, str]:
    return {entry.manifest.version: entry.state for entry in registry.list()}


def test_the_bundled_version_is_active_until_another_is_promoted(registry: Registry) -> None:
    assert registry.active() == "first"
    assert registry.shadow() is None
    assert registry.path("first").name == "bundled"
    assert states(registry) == {"first": "active"}


def test_a_promoted_version_is_active_and_the_one_before_retired(registry: Registry) -> None:
    add(registry, "second")
    move = registry.promote("second", by="ml", evidence={"forced": True})
    assert (move.version, move.was) == ("second", "first")
    assert states(registry) == {"first": "retired", "second": "active"}
    assert registry.history()[-1].evidence == {"forced": True}


def test_rolling_back_twice_goes_two_steps_back(registry: Registry) -> None:
    add(registry, "second", "third")
    registry.promote("second")
    registry.promote("third")
    assert registry.rollback().version == "second"
    assert registry.rollback().version == "first"
    with pytest.raises(NothingToRollBack):
        registry.rollback()
    assert registry.active() == "first"


def test_rolled_back_to_the_bundled_version_the_next_release_serves_its_own(registry: Registry) -> None:
    add(registry, "second")
    registry.promote("second")
    assert registry.rollback().version == "first"
    assert registry.pointers() == Pointers()
    later = upgraded(registry)
    assert (later.active(), later.missing()) == ("later", {})


def test_a_pointer_to_the_bundled_version_of_an_earlier_release_is_no_dead_end(registry: Registry) -> None:
    add(registry, "second")
    (registry.root / "active.json").write_text('{"version": "first"}')
    later = upgraded(registry)
    assert (later.missing(), later.champion()) == ({"active": "first"}, "later")
    assert later.promote("second").was == "first"
    assert later.champion() == "second"
    assert later.rollback().version == "later"
    (registry.root / "active.json").write_text('{"version": "first"}')
    assert later.rollback().version == "later"
    assert later.pointers() == Pointers()


def test_a_rollback_passes_over_what_is_gone_and_ends_at_the_bundled_version(registry: Registry) -> None:
    add(registry, "second", "third", "fourth")
    for name in ("second", "third", "fourth"):
        registry.promote(name)
    registry.remove("third")
    later = upgraded(registry)
    assert later.rollback().version == "second"
    assert later.pointers().active == Pointer("second", ("first",))
    assert later.rollback().version == "later"
    with pytest.raises(NothingToRollBack):
        later.rollback()


def test_what_is_active_is_not_promoted_again_nor_rolled_back_to(registry: Registry) -> None:
    with pytest.raises(AlreadyActive):
        registry.promote("first")
    add(registry, "second")
    registry.promote("second")
    with pytest.raises(AlreadyActive, match="version second is the active one already"):
        registry.promote("second")
    assert registry.pointers().active == Pointer("second", ("first",))
    (registry.root / "active.json").write_text('{"version": "second", "previous": ["first", "second"]}')
    assert registry.rollback().version == "first"


def test_a_rollback_to_the_version_in_shadow_ends_the_shadow(registry: Registry) -> None:
    add(registry, "second", "third")
    for name, before in (("second", "first"), ("third", "second")):
        registry.promote(name)
        registry.set_shadow(before)
    assert registry.rollback().version == "second"
    assert registry.shadow() is None
    registry.set_shadow("first")
    assert registry.rollback().version == "first"
    assert registry.shadow() is None


def test_a_shadow_is_set_switched_off_and_ends_with_its_promotion(registry: Registry) -> None:
    add(registry, "second")
    registry.set_shadow("second")
    assert states(registry)["second"] == "shadow"
    registry.set_shadow(None)
    assert registry.shadow() is None
    registry.set_shadow("second")
    registry.promote("second")
    assert registry.shadow() is None


def test_another_process_sees_the_pointer_move(registry: Registry) -> None:
    add(registry, "second")
    elsewhere = Registry(registry.root, registry.path("first"))
    registry.promote("second")
    assert elsewhere.active() == "second"


@pytest.mark.parametrize("name", ["nosuch", "../bundled", "", ".", ".staging-x", "a/b"])
def test_an_unknown_version_is_neither_found_nor_promoted(registry: Registry, name: str) -> None:
    with pytest.raises(UnknownVersion):
        registry.promote(name)
    assert registry.active() == "first"


def test_a_version_never_changes_once_it_is_there(registry: Registry) -> None:
    add(registry, "second")
    with pytest.raises(VersionExists):
        add(registry, "second")


def test_a_version_in_use_is_not_removed(registry: Registry) -> None:
    add(registry, "second", "third")
    registry.promote("second")
    registry.set_shadow("third")
    for name in ("first", "second", "third"):
        with pytest.raises(VersionInUse):
            registry.remove(name)
    registry.set_shadow(None)
    registry.remove("third")
    assert "third" not in states(registry)


def test_an_interrupted_build_leaves_nothing(registry: Registry) -> None:
    def interrupted() -> None:
        with registry.staging() as staged:
            a_version(staged, "second")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list((registry.root / "versions").iterdir()) == []
    assert states(registry) == {"first": "active"}


def test_a_damaged_version_is_not_promoted_and_not_rolled_back_to(registry: Registry) -> None:
    add(registry, "second", "third")
    registry.promote("second")
    registry.promote("third")
    shutil.copy(registry.path("first") / "manifest.json", registry.path("second") / "manifest.json")
    (registry.path("second") / "weights.npy").write_bytes(b"short")
    with pytest.raises(VersionBroken):
        registry.rollback()
    with pytest.raises(VersionBroken):
        registry.promote("second")
    assert registry.active() == "third"


def test_the_active_version_is_not_its_own_shadow(registry: Registry) -> None:
    with pytest.raises(AlreadyActive):
        registry.set_shadow("first")
    assert registry.shadow() is None


def test_a_folder_with_another_name_than_its_version_is_broken(registry: Registry) -> None:
    add(registry, "second")
    shutil.copytree(registry.path("second"), registry.root / "versions" / "copy")
    assert set(states(registry)) == {"first", "second"}
    assert "copy holds version 'second'" in registry.broken()[0]
    for move in (registry.promote, registry.set_shadow):
        with pytest.raises(VersionBroken, match="rename the folder"):
            move("copy")
    registry.remove("copy")
    assert registry.broken() == ()


def test_a_pointer_to_a_version_that_is_gone_is_told(registry: Registry) -> None:
    add(registry, "second", "third")
    registry.promote("second")
    registry.set_shadow("third")
    assert registry.missing() == {}
    shutil.rmtree(registry.path("third"))
    assert registry.missing() == {"shadow": "third"}
    shutil.rmtree(registry.path("second"))
    assert registry.missing() == {"active": "second", "shadow": "third"}


def test_a_history_line_cut_short_hides_no_other(registry: Registry) -> None:
    add(registry, "second")
    registry.promote("second")
    with (registry.root / "history.jsonl").open("ab") as file:
        file.write(b'{"at": "2026')
    registry.rollback()
    assert [move.verb for move in registry.history()] == ["promote", "rollback"]
