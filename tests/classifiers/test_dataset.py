"""Rows are taken in whole or not at all, and what is wrong with them is said in one line."""

import sys
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from classifiers.dataset import concatenate, load_seeds, read, read_file, write_jsonl
from classifiers.errors import DatasetInvalid, LibraryMissing

GOOD = b'{"text":"buy pills","spam":1,"lang":"en","at":"2026-01-02T03:04:05Z","author":"a1"}\n'


def jsonl(folder: Path, content: bytes, name: str = "rows.jsonl") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_jsonl_and_parquet_give_the_same_rows(tmp_path: Path) -> None:
    rows = [
        {"text": "buy pills", "spam": 1.0, "toxicity": None, "lang": "en"},
        {"text": "güten Tag", "spam": None, "toxicity": 0.25, "lang": "de"},
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    jsonl(tmp_path, b"\n".join(map(msgspec.json.encode, rows)))
    one, other = read_file(tmp_path / "a.parquet"), read_file(tmp_path / "rows.jsonl")
    assert one.text == other.text == ["buy pills", "güten Tag"]
    np.testing.assert_array_equal(one.values, other.values)
    assert np.isnan(one.column("toxicity")[0])
    assert one.column("toxicity")[1] == np.float32(0.25)


def test_a_folder_is_read_as_one_set_and_names_its_files(tmp_path: Path) -> None:
    jsonl(tmp_path, GOOD, "a.jsonl")
    jsonl(tmp_path, GOOD + GOOD, "b.jsonl")
    (tmp_path / "README.md").write_text("not rows")
    dataset = read([tmp_path])
    assert len(dataset) == 3
    assert [(entry.source, entry.rows, len(entry.digest)) for entry in dataset.files] == [("a", 1, 64), ("b", 2, 64)]


def test_other_columns_are_left_alone_and_times_are_read(tmp_path: Path) -> None:
    dataset = read_file(
        jsonl(tmp_path, b'{"text":"x","spam":0,"scores":{"spam":0.3},"at":"1970-01-01T00:01:00+00:00"}')
    )
    assert dataset.at.tolist() == [60.0]


def test_written_rows_are_read_back_as_they_were(tmp_path: Path) -> None:
    rows = [
        {"text": "güten Tag", "toxicity": 0.25, "weight": 0.5, "site": "s"},
        {"text": "x\ny", "spam": 1, "at": "2026-01-02T03:04:05Z"},
    ]
    first = read_file(jsonl(tmp_path, b"\n".join(map(msgspec.json.encode, rows))))
    write_jsonl(first, tmp_path / "again.jsonl")
    second = read_file(tmp_path / "again.jsonl")
    assert (second.text, second.site) == (first.text, first.site)
    for name in ("values", "weight", "at"):
        np.testing.assert_array_equal(getattr(second, name), getattr(first, name))


def test_rows_can_be_chosen_by_mask_and_by_position(tmp_path: Path) -> None:
    dataset = read_file(jsonl(tmp_path, b'{"text":"a","spam":1}\n{"text":"b"}\n{"text":"c"}\n'))
    assert dataset.take(np.array([True, False, True])).text == ["a", "c"]
    assert dataset.take([2, 0]).text == ["c", "a"]
    assert concatenate([dataset, dataset.take([1])]).text == ["a", "b", "c", "b"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no rows"),
        (b"PAR1 not json", "line 1"),
        (GOOD + b"[1,2]\n", "line 2"),
        (GOOD + b'{"spam":1}\n', "`text`"),
        (b'{"text":"","spam":1}', "$.text"),
        (b'{"text":" \\n\\t","spam":1}', "text is empty"),
        (b'{"text":"x","spam":1.5}', "$.spam"),
        (b'{"text":"x","toxicity":-0.1}', "$.toxicity"),
        (b'{"text":"x","insult":"yes"}', "$.insult"),
        (b'{"text":7}', "$.text"),
        (b'{"text":"x","spam":NaN}', "line 1"),
        (b'{"text":"x","at":"yesterday"}', "$.at"),
        (b'{"text":"x","weight":-1}', "$.weight"),
        (b'{"text":"\xff"}', "line 1"),
        (b'{"text":"\\ud800"}', "line 1"),
        (b'{"text":' + b"[" * 100_000, "line 1"),
        (b'{"text":"' + b"x" * 3_000_000 + b'"}', "longer than"),
    ],
)
def test_a_bad_line_is_refused_with_its_number_and_column(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(DatasetInvalid) as refused:
        read_file(jsonl(tmp_path, content))
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"body": ["x"]}, "no column `text`"),
        ({"text": ["x", ""]}, "row 2"),
        ({"text": ["x"], "spam": [1.5]}, "$.spam"),
        ({"text": ["x"], "spam": [float("nan")]}, "row 1"),
        ({"text": [["x"]]}, "$.text"),
        ({"text": [None]}, "$.text"),
        ({"text": pa.array([], pa.string())}, "no rows"),
    ],
)
def test_a_bad_table_is_refused_with_row_and_column(tmp_path: Path, table: dict[str, object], says: str) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table(table), path)
    with pytest.raises(DatasetInvalid, match=r"rows\.parquet") as refused:
        read_file(path)
    assert says in str(refused.value)


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.parquet"])
def test_rows_of_which_none_is_annotated_are_refused_with_the_columns_found_and_those_expected(
    tmp_path: Path, name: str
) -> None:
    rows = [{"text": "you fool", "toxcity": 1.0, "spam": None}, {"text": "good day", "toxcity": 0.0, "spam": None}]
    jsonl(tmp_path, b"\n".join(map(msgspec.json.encode, rows)))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    with pytest.raises(
        DatasetInvalid, match=rf"{name}.*spam, toxicity, .*identity_attack.*it has text, toxcity, spam$"
    ):
        read_file(tmp_path / name)


def test_a_table_with_a_column_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    columns = [pa.array(["x", "y"]), pa.array([1.0, None]), pa.array([None, 0.0])]
    pq.write_table(pa.table(columns, names=["text", "spam", "spam"]), path)
    with pytest.raises(DatasetInvalid, match=r"rows\.parquet has more than one column `spam`"):
        read_file(path)


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
@pytest.mark.parametrize("unit", ["ns", "us", "ms"])
def test_times_of_a_table_are_read_whatever_their_unit(tmp_path: Path, unit: str, zone: str | None) -> None:
    path, ticks = tmp_path / "rows.parquet", {"ns": 10**9, "us": 10**6, "ms": 10**3}[unit]
    at = pa.array([1_767_323_045 * ticks + ticks // 4 + (unit == "ns"), None], pa.timestamp(unit, zone))
    pq.write_table(pa.table({"text": ["x", "y"], "spam": [1.0, 0.0], "at": at}), path)
    np.testing.assert_array_equal(read_file(path).at, [1_767_323_045.25, np.nan])


def test_a_time_beyond_all_years_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"text": ["x"], "spam": [1.0], "at": pa.array([9 * 10**18], pa.timestamp("us"))}), path)
    with pytest.raises(DatasetInvalid, match=r"rows\.parquet"):
        read_file(path)


@pytest.mark.parametrize("content", [b"", b"PAR1", GOOD, b"PAR1" + b"\0" * 100 + b"PAR1"])
def test_a_file_that_is_not_parquet_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DatasetInvalid, match="no readable Parquet"):
        read_file(jsonl(tmp_path, content, "rows.parquet"))


def test_a_cut_off_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"text": ["a", "b"]}), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DatasetInvalid):
        read_file(path)


@pytest.mark.parametrize("name", ["nosuch.jsonl", "."])
def test_a_missing_file_or_empty_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetInvalid):
        read([tmp_path / name])


def test_without_pyarrow_jsonl_still_works_and_parquet_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert len(read_file(jsonl(tmp_path, GOOD))) == 1
    with pytest.raises(LibraryMissing, match=r"pip install 'comment-moderation\[ml\]'"):
        read_file(jsonl(tmp_path, b"PAR1", "rows.parquet"))


def test_seeds_are_parted_and_labelled(tmp_path: Path) -> None:
    jsonl(
        tmp_path,
        b'{"id":"de-1","text":"eins","lang":"de","split":"train","spam":0}\n{"id":"de-2","text":"zwei","lang":"de","split":"heldout","spam":1}\n',
        "de.jsonl",
    )
    assert load_seeds("train", tmp_path).id == ["de-1"]
    held = load_seeds("heldout", tmp_path)
    assert (held.id, held.source) == (["de-2"], ["seeds/de"])
    assert len(load_seeds(folder=tmp_path)) == 2
