"""The pepper: made once, kept from other accounts, the same for every worker, and refused in one line where it is none."""

import base64
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from moderation.errors import SetupRefused
from moderation.secrets import LENGTH, pepper_of
from moderation.settings import Settings, StoreSettings


def kept_in(folder: Path) -> Settings:
    return Settings(store=StoreSettings(data=folder))


def test_it_is_made_at_the_first_start_and_is_the_same_ever_after(tmp_path: Path) -> None:
    settings = kept_in(tmp_path / "data")
    made = pepper_of(settings)
    assert len(made) == LENGTH
    assert pepper_of(settings) == made
    assert stat.S_IMODE((tmp_path / "data" / "pepper").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["pepper"], "no draft is left"
    assert pepper_of(kept_in(tmp_path / "other")) != made


def test_of_several_workers_that_start_at_once_the_first_one_wins(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as workers:
        assert len(set(workers.map(lambda _: pepper_of(kept_in(tmp_path)), range(64)))) == 1


def test_one_that_is_given_comes_before_the_file_with_or_without_its_padding(tmp_path: Path) -> None:
    pepper = bytes(range(LENGTH))
    written = base64.urlsafe_b64encode(pepper).decode()
    for text in (written, written.rstrip("=")):
        assert pepper_of(Settings(store=StoreSettings(data=tmp_path, pepper=text))) == pepper
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["short", "A" * 42, "p\u00e4pper" * 20], ids=["short", "one_byte_short", "no_base64"])
def test_one_that_is_none_is_refused_and_the_refusal_does_not_repeat_it(tmp_path: Path, text: str) -> None:
    with pytest.raises(
        SetupRefused, match=r"MODERATION_STORE__PEPPER \(store\.pepper\): a pepper is at least 32 random bytes"
    ) as refused:
        pepper_of(Settings(store=StoreSettings(data=tmp_path, pepper=text)))
    assert text not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00damaged", b"too short\n"], ids=["empty", "no_text", "short"])
def test_a_damaged_file_is_named_and_never_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pepper").write_bytes(content)
    with pytest.raises(SetupRefused, match=f"{tmp_path}/pepper: a pepper is"):
        pepper_of(kept_in(tmp_path))
    assert (tmp_path / "pepper").read_bytes() == content


def test_a_folder_that_cannot_hold_it_is_named_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SetupRefused, match=f"{tmp_path}/file/pepper cannot be read or made: File exists"):
        pepper_of(kept_in(tmp_path / "file"))
    (tmp_path / "pepper").mkdir()
    with pytest.raises(SetupRefused, match="Is a directory"):
        pepper_of(kept_in(tmp_path))
