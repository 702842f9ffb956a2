"""Fingerprints: a version knows a text it learned from again, and gives little away to those who guess."""

from pathlib import Path

import numpy as np
import pytest

from classifiers import fingerprints
from classifiers.errors import VersionBroken
from classifiers.fingerprints import (
    FINGERPRINTS,
    SALT,
    has_fingerprints,
    learned_texts,
    write_fingerprints,
)

TEXTS = [f"a comment that was learned, number {number}" for number in range(300)]


def learner(folder: Path, name: str, texts: list[str], base: Path | None = None) -> Path:
    folder /= name
    folder.mkdir()
    write_fingerprints(folder, texts, base)
    return folder


def test_a_text_is_known_again_whatever_its_case_spaces_and_marks(tmp_path: Path) -> None:
    version = learner(tmp_path, "v", ["You are a FOOL, sir!", "🙂"])
    asked = ["you are a fool sir", "You are no fool, sir!", "🙂", "🙃"]
    assert learned_texts(asked, [version]).tolist() == [True, False, True, False]


def test_a_version_knows_what_the_one_it_stands_on_has_learned_and_that_one_not_what_came_later(tmp_path: Path) -> None:
    base = learner(tmp_path, "base", TEXTS[:100])
    version = learner(tmp_path, "v", TEXTS[100:200], base)
    assert learned_texts(TEXTS, [version]).sum() == 200
    assert learned_texts(TEXTS, [base]).sum() == 100
    assert learned_texts(TEXTS, [base, learner(tmp_path, "other", TEXTS[250:])]).sum() == 150


def test_a_version_of_before_has_none_and_is_asked_in_vain(tmp_path: Path) -> None:
    assert not has_fingerprints(tmp_path)
    assert not learned_texts(TEXTS, [tmp_path]).any()
    assert learned_texts(TEXTS, [learner(tmp_path, "v", TEXTS[:5], tmp_path)]).sum() == 5


def test_the_same_texts_give_the_same_bytes_and_others_share_none_and_no_letter_can_be_read(tmp_path: Path) -> None:
    one, same, other = (
        (learner(tmp_path, name, texts) / FINGERPRINTS).read_bytes()
        for name, texts in (("a", TEXTS), ("b", TEXTS), ("c", TEXTS[1:]))
    )
    assert one == same
    assert one[:SALT] != other[:SALT]
    assert len(one) == SALT + 4 * len(TEXTS)
    assert len(set(np.frombuffer(one, "<u4", offset=SALT)) & set(np.frombuffer(other, "<u4", offset=SALT))) < 3


def test_they_are_bounded_in_number_and_the_newest_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprints, "MOST", 50)
    base = learner(tmp_path, "base", TEXTS[:45])
    version = learner(tmp_path, "v", TEXTS[100:130], base)
    assert (version / FINGERPRINTS).stat().st_size == SALT + 4 * 50
    assert learned_texts(TEXTS[100:130], [version]).all()
    assert learned_texts(TEXTS, [learner(tmp_path, "many", TEXTS)]).sum() == 50


@pytest.mark.parametrize("content", [b"", b"short", b"0" * (SALT + 3)])
def test_a_file_of_another_make_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FINGERPRINTS).write_bytes(content)
    with pytest.raises(VersionBroken, match=r"learned\.bin"):
        learned_texts(TEXTS, [tmp_path])
