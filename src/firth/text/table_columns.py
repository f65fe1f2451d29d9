"""Columns of a whole table, as Arrow arrays: of pandas, polars, Arrow, datasets, dicts, lists of dicts, and files.

No library is imported for this but PyArrow: objects of the others are known by the names of their modules.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.errors import CorpusError
from firth.messages import option
from firth.options import shortened
from firth.text.columns import cast_text
from firth.text.tables import delimiter_of

FILE_KINDS = {
    ".parquet": "parquet", ".pq": "parquet", ".arrow": "ipc", ".feather": "ipc", ".ipc": "ipc", ".csv": "csv",
    ".tsv": "csv", ".jsonl": "json", ".ndjson": "json",
}  # fmt: skip
"""Suffixes of files, and the names that Arrow has for their formats."""

_LISTED = "pandas, polars, Arrow or datasets, a dict of columns, a list of dicts, or the path of a file"
_COMPRESSED = {".gz", ".bz2", ".zst", ".lz4"}
_HEADER_BYTES = 2**16
_MOST_SHOWN = 20
_LONGEST_REASON = 200  # characters


class TableColumns(NamedTuple):
    """Some columns of a table, without the rows that have no value in one of them.

    arrays   argument -> the column, an Arrow array
    skipped  argument -> how many rows have no value in it; not those without a value in an earlier one
    """

    arrays: dict[str, Any]
    skipped: dict[str, int]


def read_columns(table: Any, columns: Mapping[str, Any]) -> TableColumns:
    """Return columns of a table.

      table    see `firth.sequences`; None: the columns themselves are given
      columns  argument -> the name of a column, or the column; None is left out

    A null is no value, nor is a number that is not a number. Raises `CorpusError` if a column is missing, or the
    table cannot be read, or columns differ in length.
    """
    wanted = {argument: name for argument, name in columns.items() if name is not None}
    if table is None:
        arrays = {argument: as_arrow(column, argument) for argument, column in wanted.items()}
    else:
        for argument, name in wanted.items():
            if not isinstance(name, str):
                raise CorpusError(
                    f"{argument}, of type {type(name).__name__}, is not the name of a column: give its name, or leave "
                    "out the table and give all columns themselves, as arrays"
                )
        chosen = _arrow_table(table, sorted(set(wanted.values())))
        arrays = {argument: chosen[name] for argument, name in wanted.items()}
    lengths = {argument: len(array) for argument, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise CorpusError(f"the columns differ in length: {', '.join(f'{a} {n:,}' for a, n in lengths.items())}")
    return _without_missing(arrays)


def as_arrow(values: Any, name: str) -> Any:
    """Return a column of any kind as an Arrow array; raise `CorpusError` if it is not one."""
    import pyarrow as pa

    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values
    if isinstance(values, (str, bytes)) or not (hasattr(values, "__len__") or hasattr(values, "__arrow_c_stream__")):
        raise CorpusError(f"{option(name, shortened(values))} is not a column: give an array, or a table and a name")
    try:
        if hasattr(values, "__arrow_c_stream__"):
            return pa.chunked_array(values)
        return pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise CorpusError(
            f"{name} cannot be read as a column: {_reason(error)}. Give values of one type, all strings or all numbers"
        ) from None


def _arrow_table(table: Any, names: list[str]) -> Any:
    """Return some columns of a table as an Arrow table."""
    import pyarrow as pa

    what = f"the table, of type {type(table).__name__},"
    try:
        if isinstance(table, (str, os.PathLike)):
            return _of_file(table, names)
        if isinstance(table, list):
            table = pa.Table.from_pylist(table)
        _check_names(what, _names_of(table), names)
        if _is_from(table, "datasets"):
            return table.select_columns(names).with_format("arrow")[:]
        if hasattr(table, "collect"):  # a LazyFrame of polars
            return pa.table(table.select(names).collect())
        if isinstance(table, Mapping) or _is_from(table, "pandas"):
            return {name: as_arrow(table[name], name) for name in names}
        return pa.table(table).select(names)
    except (TypeError, AttributeError):
        raise CorpusError(f"{what} cannot be read: give a table of {_LISTED}") from None
    except pa.ArrowException as error:
        raise CorpusError(f"{what} cannot be read ({_reason(error)}): give a table of {_LISTED}") from None


def _of_file(path: str | os.PathLike[str], names: list[str]) -> Any:
    import pyarrow as pa
    from pyarrow import dataset

    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    last = next((suffix for suffix in reversed(suffixes) if suffix not in _COMPRESSED), "")
    kind = FILE_KINDS.get(last)
    if not Path(path).exists():
        raise CorpusError(f"{os.fspath(path)!r} does not exist: give the path of a table")
    if kind is None:
        raise CorpusError(f"{os.fspath(path)!r} is not a table by its name: it must end in {', '.join(FILE_KINDS)}")
    try:
        opened = dataset.dataset(path, format=_csv_format(path) if kind == "csv" else kind)
        _check_names(os.fspath(path), opened.schema.names, names)
        return opened.to_table(columns=names)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{os.fspath(path)} cannot be read as a {kind} file: {_reason(error)}") from error


def _csv_format(path: str | os.PathLike[str]) -> Any:
    """Return how to read a file of CSV, with the delimiter of its first line; of a folder, with commas."""
    import pyarrow as pa
    from pyarrow import csv, dataset

    header = b""
    if Path(path).is_file():
        with pa.input_stream(os.fspath(path)) as stream:
            header = stream.read(_HEADER_BYTES).partition(b"\n")[0]
    return dataset.CsvFileFormat(csv.ParseOptions(delimiter=delimiter_of(os.fspath(path), header)))


def _names_of(table: Any) -> list[Any]:
    """Return the names of the columns of a table."""
    if isinstance(table, Mapping):
        return list(table)
    if hasattr(table, "collect_schema"):
        return list(table.collect_schema().names())
    for attribute in ("column_names", "columns"):
        if hasattr(table, attribute):
            return list(getattr(table, attribute))
    return list(table.schema.names)


def _check_names(what: str, names: list[Any], wanted: list[str]) -> None:
    for name in wanted:
        if names.count(name) != 1:
            shown = ", ".join(map(repr, names[:_MOST_SHOWN])) + (", ..." if len(names) > _MOST_SHOWN else "")
            number = "no column" if name not in names else "several columns"
            raise CorpusError(f"{what} has {number} {name!r}: its columns are {shown or 'none'}")


def _is_from(table: Any, library: str) -> bool:
    return type(table).__module__.partition(".")[0] == library


def _reason(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0][:_LONGEST_REASON]


def _without_missing(arrays: dict[str, Any]) -> TableColumns:
    """Return columns without the rows that have no value in one of them."""
    import pyarrow as pa

    size = len(next(iter(arrays.values())))
    is_kept = np.ones(size, np.bool_)
    skipped = {}
    for argument, array in arrays.items():
        missing = is_missing(array)
        skipped[argument] = int(np.count_nonzero(missing & is_kept))
        is_kept &= ~missing
    if not is_kept.all():
        arrays = {argument: array.filter(pa.array(is_kept)) for argument, array in arrays.items()}
    return TableColumns(arrays, skipped)


def is_missing(array: Any) -> NDArray[np.bool_]:
    """Return which entries of an Arrow array are null or NaN."""
    missing: NDArray[np.bool_] = array.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
    return missing


class NumberedColumn(NamedTuple):
    """A column whose values are numbered by first occurrence.

    codes   (n,) int64
    values  the distinct values, an Arrow array
    """

    codes: NDArray[np.int64]
    values: Any


def numbered(column: Any, name: str) -> NumberedColumn:
    """Return the values of an Arrow array without nulls as numbers; raise `CorpusError` if they cannot be compared."""
    import pyarrow as pa

    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    plain = pa.concat_arrays([_plain(chunk) for chunk in chunks] or [_plain(pa.nulls(0, column.type))])
    try:
        encoded = plain.dictionary_encode()
    except pa.ArrowNotImplementedError:
        raise CorpusError(f"the column {name!r} is of type {plain.type}, whose values cannot be compared") from None
    return NumberedColumn(encoded.indices.to_numpy().astype(np.int64), encoded.dictionary)


def _plain(chunk: Any) -> Any:
    """Return an Arrow array without a dictionary, and strings with 64-bit offsets."""
    import pyarrow as pa

    kinds = pa.types
    if kinds.is_dictionary(chunk.type):
        return _plain(chunk.dictionary).take(chunk.indices)
    is_view = hasattr(kinds, "is_string_view") and kinds.is_string_view(chunk.type)
    is_text = is_view or kinds.is_string(chunk.type) or kinds.is_null(chunk.type)
    return cast_text(chunk, pa.large_string()) if is_text else chunk
