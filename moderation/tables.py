"""Rows as Parquet, a part at a time, so that no file is held whole. pyarrow is an extra and is imported where it is asked for."""

import io
from collections.abc import Sequence
from typing import Any

from classifiers.errors import LibraryMissing

PARQUET = "application/vnd.apache.parquet"
ROWS_TOGETHER = 5_000
"""So many rows are compressed together."""


class ParquetRows:
    """Turns rows into the bytes of a Parquet file: what `add` and then `end` give, one after the other, is the file."""

    def __init__(self, columns: Sequence[str], numbers: Sequence[str]) -> None:
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ImportError:
            raise LibraryMissing("pyarrow", "Parquet") from None
        self._table = pa.Table
        self._schema = pa.schema([(name, pa.float64() if name in numbers else pa.string()) for name in columns])
        self._written = io.BytesIO()
        self._writer = pq.ParquetWriter(
            pa.PythonFile(_Onwards(self._written), mode="w"), self._schema, compression="zstd"
        )
        self._waiting: list[dict[str, Any]] = []

    def add(self, rows: Sequence[dict[str, Any]]) -> bytes:
        """Take rows; give the bytes that are ready, often none."""
        self._waiting += rows
        if len(self._waiting) >= ROWS_TOGETHER:
            self._flush()
        return self._ready()

    def end(self) -> bytes:
        """Give the rest of the file."""
        if self._waiting:
            self._flush()
        self._writer.close()
        return self._ready()

    def _flush(self) -> None:
        self._writer.write_table(self._table.from_pylist(self._waiting, schema=self._schema))
        self._waiting.clear()

    def _ready(self) -> bytes:
        found = self._written.getvalue()
        self._written.seek(0)
        self._written.truncate()
        return found


class _Onwards:
    """A file that knows how far it was written, though what was written has been taken away."""

    closed = False

    def __init__(self, written: io.BytesIO) -> None:
        self._written = written
        self._at = 0

    def write(self, part: bytes) -> int:
        self._at += len(part)
        return self._written.write(part)

    def tell(self) -> int:
        return self._at

    def flush(self) -> None:
        """Keep nothing back."""

    def close(self) -> None:
        """Leave what was written to be taken."""
        self.closed = True
