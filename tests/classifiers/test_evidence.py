"""Which labels count: to learn from, those about the text; to judge by, those that no version judged has learned."""

from pathlib import Path

import msgspec
import pytest

from classifiers.errors import LabelsOneSided, TooFewLabels
from classifiers.evidence import enough, to_judge, to_learn
from classifiers.fingerprints import write_fingerprints
from classifiers.manifest import LEARNED, Manifest, write_manifest
from tests.classifiers.labels import dataset, labels, lines


def version(folder: Path, name: str, *learned: str) -> Path:
    folder /= name
    folder.mkdir()
    (folder / LEARNED).write_text("".join(f"{label}\n" for label in learned))
    made = "2026-01-01T00:00:00+00:00"
    write_manifest(folder, Manifest(version=name, made_at=made, kind="adapted", attributes=("toxicity",), files={}))
    return folder


def test_a_label_about_the_authors_name_or_link_teaches_nothing_and_is_counted() -> None:
    rows = lines(5)
    rows[1]["about"] = rows[3]["about"] = "author"
    found = to_learn(dataset(rows))
    assert found.rows.label_id == ["l0-0", "l0-2", "l0-4"]
    assert found.words == "labels left out: 2 about the author's name or link"


def test_labels_that_do_not_say_what_they_are_about_count_as_labels_of_the_text() -> None:
    rows = labels(5)
    assert to_learn(rows) == (rows, {})
    assert to_learn(rows).words == ""


def test_a_version_is_not_judged_by_what_it_or_the_other_has_learned(tmp_path: Path) -> None:
    champion, candidate = version(tmp_path, "old", "l0-0"), version(tmp_path, "new", "l0-1", "l0-2")
    found = to_judge(labels(6), champion, candidate)
    assert found.rows.label_id == ["l0-3", "l0-4", "l0-5"]
    assert found.words == "labels left out: 3 learned by old or new"


def test_a_copy_of_a_learned_label_is_known_too(tmp_path: Path) -> None:
    rows = lines(4)
    rows[2]["text"] = f"{rows[0]['text']} !!"
    found = to_judge(dataset(rows), version(tmp_path, "new", "l0-0"))
    assert found.rows.label_id == ["l0-1", "l0-3"]
    assert found.left_out == {"learned by new": 1, "nearly the same as a learned one": 1}


def test_labels_that_come_without_identifiers_are_known_by_their_texts(tmp_path: Path) -> None:
    rows = [{name: value for name, value in line.items() if name != "label_id"} for line in lines(4)]
    new = version(tmp_path, "new")
    write_fingerprints(new, [rows[0]["text"].upper()])  # type: ignore[attr-defined]
    rows[2]["text"] = f"{rows[0]['text']} and more"
    found = to_judge(dataset(rows), new)
    assert found.rows.text == [rows[1]["text"], rows[3]["text"]]
    assert found.words == "labels left out: 1 learned by new, 1 nearly the same as a learned one"


def test_what_the_base_has_learned_is_not_learned_twice(tmp_path: Path) -> None:
    base = version(tmp_path, "old", "l0-0", "l0-3")
    found = to_learn(labels(5), base)
    assert found.rows.label_id == ["l0-1", "l0-2", "l0-4"]
    assert found.words == "labels left out: 2 learned by old"


def test_outside_services_are_no_moderators(tmp_path: Path) -> None:
    sources = ("moderator", "akismet", "perspective", "import")
    rows = dataset([{**row, "source": source} for row, source in zip(lines(4), sources, strict=True)])
    new = version(tmp_path, "new")
    assert to_judge(rows, new).rows is rows
    found = to_judge(rows, new, own=True)
    assert found.rows.source == ["moderator", "import"]
    assert found.words == "labels left out: 2 of outside services"


def test_attributes_that_cannot_be_learned_are_named_with_the_reason() -> None:
    both = dataset([*lines(60, attribute="spam"), *lines(300, seed=1, share=1.0)])
    usable, refused = enough(both, ("spam", "toxicity", "threat"), 200, 20)
    assert usable == []
    assert {name: type(why) for name, why in refused.items()} == {"spam": TooFewLabels, "toxicity": LabelsOneSided}
    assert all(name in str(why) for name, why in refused.items())
    assert enough(both, ("spam",), 50, 20) == (["spam"], {})


def test_a_longer_word_for_what_a_label_is_about_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="about"):
        dataset([{**lines(1)[0], "about": "x" * 21}])
