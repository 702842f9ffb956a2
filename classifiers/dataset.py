"""Rows to learn from: Parquet and JSONL in, checked row by row, held as columns.

Everything a row may hold is named in `Row`. A missing attribute means "not annotated", never "no". What is wrong is
said with file, row and column, and then nothing of the file is used.
"""

import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from classifiers.errors import DatasetInvalid, LibraryMissing
from classifiers.manifest import ATTRIBUTES, DataEntry, digest_of

SEEDS = Path(__file__).parent / "seeds"
MAX_ROWS = 5_000_000
MAX_LINE_BYTES = 2 * 2**20
MAX_UNPACKED_BYTES = 8 * 2**30

Share = Annotated[float, msgspec.Meta(ge=0, le=1)] | None


class Row(msgspec.Struct, frozen=True):
    """One labelled comment, as a line of JSONL or a row of Parquet has it. Other columns are left alone."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=100_000)]
    lang: Annotated[str, msgspec.Meta(max_length=8)] | None = ""
    source: Annotated[str, msgspec.Meta(max_length=200)] | None = ""
    split: Annotated[str, msgspec.Meta(max_length=20)] | None = ""
    spam: Share = None
    toxicity: Share = None
    severe_toxicity: Share = None
    profanity: Share = None
    threat: Share = None
    insult: Share = None
    identity_attack: Share = None
    weight: Annotated[float, msgspec.Meta(ge=0, le=100)] | None = 1.0
    at: datetime | None = None
    author: Annotated[str, msgspec.Meta(max_length=200)] | None = ""
    site: Annotated[str, msgspec.Meta(max_length=200)] | None = ""
    name: Annotated[str, msgspec.Meta(max_length=2000)] | None = ""
    url: Annotated[str, msgspec.Meta(max_length=5000)] | None = ""
    reason: Annotated[str, msgspec.Meta(max_length=100)] | None = ""
    about: Annotated[str, msgspec.Meta(max_length=20)] | None = ""
    """author: the author's name or link may be all that was judged, so that the text alone teaches nothing (evidence.py)."""
    label_id: Annotated[str, msgspec.Meta(max_length=200)] | None = ""
    id: Annotated[str, msgspec.Meta(max_length=200)] | None = ""
    phenomenon: Annotated[str, msgspec.Meta(max_length=200)] | None = ""
    pair: Annotated[str, msgspec.Meta(max_length=200)] | None = ""


COLUMNS = tuple(field.name for field in msgspec.structs.fields(Row))
WORDS = (
    "lang",
    "source",
    "split",
    "author",
    "site",
    "name",
    "url",
    "reason",
    "about",
    "label_id",
    "id",
    "phenomenon",
    "pair",
)


@dataclass(frozen=True)
class Dataset:
    """Rows as columns of equal length; `values` has one column for each of ATTRIBUTES, NaN where not annotated."""

    text: list[str]
    values: NDArray[np.float32]
    weight: NDArray[np.float32]
    at: NDArray[np.float64]
    """Seconds since 1970, NaN where no time was given."""
    lang: list[str]
    source: list[str]
    split: list[str]
    author: list[str]
    site: list[str]
    name: list[str]
    url: list[str]
    reason: list[str]
    about: list[str]
    label_id: list[str]
    id: list[str]
    phenomenon: list[str]
    pair: list[str]
    files: tuple[DataEntry, ...] = ()
    """The files these rows were read from."""

    def __len__(self) -> int:
        return len(self.text)

    def take(self, which: NDArray[Any] | Sequence[int]) -> "Dataset":
        """Keep some rows: a mask, or positions in the order wanted."""
        chosen = np.asarray(which)
        positions = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.int64)
        kept: dict[str, Any] = {
            field.name: column[positions] if isinstance(column, np.ndarray) else [column[at] for at in positions]
            for field in fields(self)
            if field.name != "files"
            for column in [getattr(self, field.name)]
        }
        return replace(self, **kept)

    def column(self, attribute: str) -> NDArray[np.float32]:
        """Give the values of one attribute, NaN where not annotated."""
        column: NDArray[np.float32] = self.values[:, ATTRIBUTES.index(attribute)]
        return column


def read(paths: Iterable[Path]) -> Dataset:
    """Read files, and folders of files, as one data set; `.parquet` and `.jsonl` count, at least one must be there."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(file for file in path.iterdir() if file.suffix in {".parquet", ".jsonl"})
        elif path.is_file():
            found.append(path)
        else:
            raise DatasetInvalid(f"{path} does not exist")
    if not found:
        raise DatasetInvalid("no .parquet or .jsonl file in " + ", ".join(map(str, paths)))
    return concatenate([read_file(path) for path in found])


def read_file(path: Path) -> Dataset:
    """Read one file, told by its name and checked by its content."""
    if path.suffix == ".parquet":
        rows = list(_parquet(path))
    elif path.suffix in {".jsonl", ".ndjson"}:
        rows = list(_jsonl(path))
    else:
        raise DatasetInvalid(f"{path} is neither .parquet nor .jsonl")
    if not rows:
        raise DatasetInvalid(f"{path} holds no rows")
    dataset = from_rows(rows)
    if np.isnan(dataset.values).all():
        raise DatasetInvalid(
            f"{path}: no row is annotated, none has a value for {', '.join(ATTRIBUTES)}; "
            f"it has {', '.join(_columns(path))[:200]}"
        )
    source = next((row.source for row in rows if row.source), None) or path.stem
    return replace(dataset, files=(DataEntry(source.split("/")[0], len(rows), "", digest_of(path)),))


def load_seeds(split: str | None = None, folder: Path = SEEDS) -> Dataset:
    """Load the corpus that ships with the package; `split` is "train" or "heldout", None for both."""
    dataset = concatenate([read_file(path) for path in sorted(folder.glob("*.jsonl"))])
    dataset = replace(dataset, source=[f"seeds/{lang}" for lang in dataset.lang])
    if split is None:
        return dataset
    return dataset.take(np.array([found == split for found in dataset.split], bool))


def from_rows(rows: Sequence[Row]) -> Dataset:
    """Turn checked rows into columns."""
    values = np.array([[getattr(row, name) for name in ATTRIBUTES] for row in rows], dtype=np.float32)
    words: dict[str, Any] = {name: [getattr(row, name) or "" for row in rows] for name in WORDS}
    return Dataset(
        text=[row.text for row in rows],
        values=values.reshape(len(rows), len(ATTRIBUTES)),
        weight=np.array([1.0 if row.weight is None else row.weight for row in rows], np.float32),
        at=np.array([_seconds(row.at) for row in rows], np.float64),
        **words,
    )


def write_jsonl(dataset: Dataset, path: Path) -> None:
    """Write rows as JSONL that `read_file` reads back; what is not set is left out."""
    encoder = msgspec.json.Encoder()
    with path.open("wb") as file:
        for at, text in enumerate(dataset.text):
            row: dict[str, Any] = {"text": text, "weight": float(dataset.weight[at])}
            row |= {name: value for name in WORDS if (value := getattr(dataset, name)[at])}
            row |= {
                name: float(value) for name, value in zip(ATTRIBUTES, dataset.values[at], strict=True) if value == value
            }
            if dataset.at[at] == dataset.at[at]:
                row["at"] = datetime.fromtimestamp(dataset.at[at], UTC).isoformat()
            file.write(encoder.encode(row) + b"\n")


def concatenate(parts: Sequence[Dataset]) -> Dataset:
    """Put data sets one after the other."""
    if not parts:
        return from_rows([])
    joined: dict[str, Any] = {}
    for field in fields(Dataset):
        columns = [getattr(part, field.name) for part in parts]
        if field.name == "files":
            joined["files"] = tuple(entry for column in columns for entry in column)
        elif isinstance(columns[0], np.ndarray):
            joined[field.name] = np.concatenate(columns)
        else:
            joined[field.name] = [value for column in columns for value in column]
    return Dataset(**joined)


def _columns(path: Path) -> list[str]:
    """Name the columns of a file of rows, of JSONL those of its first hundred."""
    if path.suffix == ".parquet":
        from pyarrow.parquet import read_schema

        return list(read_schema(path).names)
    with path.open("rb") as file:
        found = [msgspec.json.decode(line, type=dict[str, msgspec.Raw]) for line in islice(file, 100) if line.strip()]
    return list(dict.fromkeys(name for row in found for name in row))


def _jsonl(path: Path) -> Iterator[Row]:
    decoder = msgspec.json.Decoder(Row)
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(line) > MAX_LINE_BYTES:
                raise DatasetInvalid(f"{path} line {number}: longer than {MAX_LINE_BYTES} bytes")
            if number > MAX_ROWS:
                raise DatasetInvalid(f"{path} has more than {MAX_ROWS} rows")
            if not line.strip():
                continue
            try:
                row = decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise DatasetInvalid(f"{path} line {number}: {error}") from None
            yield _checked(row, f"{path} line {number}")


def _parquet(path: Path) -> Iterator[Row]:
    try:
        from pyarrow import ArrowException, timestamp, types
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise LibraryMissing("pyarrow", f"reading {path.name}") from None
    try:
        with ParquetFile(io.BytesIO(path.read_bytes())) as file:
            metadata = file.metadata
            unpacked = sum(metadata.row_group(at).total_byte_size for at in range(metadata.num_row_groups))
            if metadata.num_rows > MAX_ROWS or unpacked > MAX_UNPACKED_BYTES:
                raise DatasetInvalid(f"{path} unpacks to {metadata.num_rows} rows and {unpacked} bytes: too large")
            there = file.schema_arrow.names
            names = [name for name in there if name in COLUMNS]
            if "text" not in names:
                raise DatasetInvalid(f"{path} has no column `text`; it has {', '.join(there)[:200]}")
            if twice := sorted(name for name, times in Counter(there).items() if times > 1):
                raise DatasetInvalid(f"{path} has more than one column `{twice[0][:80]}`; leave one")
            number = 0
            for batch in file.iter_batches(batch_size=8192, columns=names):
                place = batch.schema.get_field_index("at")
                if place >= 0 and types.is_timestamp(batch.schema.types[place]):
                    # pandas writes nanoseconds, which no datetime holds.
                    times = batch.column(place)
                    batch = batch.set_column(place, "at", times.cast(timestamp("us", times.type.tz), safe=False))
                for found in batch.to_pylist():
                    number += 1
                    try:
                        row = msgspec.convert(found, Row, strict=False)
                    except msgspec.ValidationError as error:
                        raise DatasetInvalid(f"{path} row {number}: {error}") from None
                    yield _checked(row, f"{path} row {number}")
    except (ArrowException, OSError, UnicodeDecodeError, OverflowError) as error:
        raise DatasetInvalid(f"{path} is no readable Parquet file: {str(error).splitlines()[0][:200]}") from None


def _checked(row: Row, where: str) -> Row:
    """Refuse what the types cannot: a text of nothing but spaces, NaN among the numbers."""
    if not row.text.strip():
        raise DatasetInvalid(f"{where}: text is empty")
    if "\n" in (row.label_id or ""):
        raise DatasetInvalid(f"{where}: label_id holds a line break")
    numbers = [getattr(row, name) for name in (*ATTRIBUTES, "weight")]
    if any(number is not None and number != number for number in numbers):
        raise DatasetInvalid(f"{where}: NaN among the values; leave a value that is not known out")
    return row


def _seconds(at: datetime | None) -> float:
    if at is None:
        return float("nan")
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
