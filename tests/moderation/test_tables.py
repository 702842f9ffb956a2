"""Rows become a Parquet file a part at a time."""

import io
import sys

import pytest
from pyarrow import parquet

from classifiers.errors import LibraryMissing
from moderation.tables import ROWS_TOGETHER, ParquetRows


def test_the_parts_one_after_the_other_are_the_file():
    table = ParquetRows(("text", "spam"), ("spam",))
    rows = [{"text": f"text {number}", "spam": number / 20_000} for number in range(2 * ROWS_TOGETHER + 7)]
    parts = [table.add(rows[begin : begin + 500]) for begin in range(0, len(rows), 500)]
    assert sum(map(bool, parts)) >= 2
    assert parquet.read_table(io.BytesIO(b"".join([*parts, table.end()]))).to_pylist() == rows


def test_what_a_row_does_not_have_is_empty():
    table = ParquetRows(("text", "spam"), ("spam",))
    content = table.add([{"text": "one"}]) + table.end()
    assert parquet.read_table(io.BytesIO(content)).to_pylist() == [{"text": "one", "spam": None}]


def test_a_file_of_no_rows_is_a_file():
    assert parquet.read_table(io.BytesIO(ParquetRows(("text",), ()).end())).num_rows == 0


def test_a_missing_library_is_told_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(LibraryMissing, match=r"Parquet needs pyarrow.*\[ml\]"):
        ParquetRows(("text",), ())
