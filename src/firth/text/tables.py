"""Opens files of tables (Parquet, Arrow, CSV, JSON Lines) and reads one column, a few MiB at a time."""

import json
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from firth.errors import CorpusError
from firth.messages import counted, option
from firth.options import shortened
from firth.text import kinds
from firth.text.columns import ColumnRows, check_kind, choose_column, is_lists, is_text
from firth.text.opening import UTF8, BytesRead, FileOrStdin, OpenText
from firth.unpacking import DAMAGED_STREAM

BLOCK_BYTES = 4 * 2**20
"""Bytes of JSON parsed at a time, and about as many of a column of Parquet."""

CSV_BLOCK_BYTES = 16 * 2**20
"""Bytes of CSV parsed at a time, and of its longest row."""

LONGEST_RECORD = 2**30
"""Bytes of the longest line of JSON, which must be in memory as a whole."""

_BUFFER_BYTES = 2**20
_HEADER_BYTES = 2**12
_MOST_IN_BATCH = 2**16  # rows of Parquet
_LONGEST_LIST = 100_000  # row groups, or columns: Arrow allocates a kilobyte for each that a Parquet file declares
_DELIMITERS = ",;\t|"
_SEEKS = (kinds.PARQUET, kinds.ARROW)


def open_column(file: FileOrStdin, column: Any, stack: ExitStack, bytes_read: BytesRead, encoding: str) -> ColumnRows:
    """Open a column of a table; `stack` closes the file.

      column  its name; None: the only column, if the file declares its columns
      encoding  of CSV and JSON

    Raises `CorpusError`, naming the file, if there is no such column or its rows are neither texts nor lists, what
    `OpenText` raises, and for a file that is damaged, as soon as the damage is found.
    """
    stream = OpenText(file, stack, bytes_read, encoding)
    start = stream.peek()
    if not start:
        raise CorpusError(f"{stream.name} is empty, so it has no columns: leave it out, or give another file")
    kind = kinds.table_kind(stream.name, start) or kinds.guessed_kind(start)
    if kind in _SEEKS:
        _rewind(stream, kind)
    if encoding != UTF8 and kind not in (kinds.CSV, kinds.JSONL):
        raise CorpusError(f"{stream.name} is a {kind} file, whose texts are UTF-8: omit {option('encoding')}")
    with _reporting(stream, kind):
        rows = _OPEN[kind](stream, column)
        check_kind(rows.name, rows.kind)
        return ColumnRows(rows.name, rows.kind, _unbroken(stream, kind, rows.arrays))


def _rewind(stream: OpenText, kind: str) -> None:
    """Go back to the beginning of a file that Arrow reads in any order; raise `CorpusError` if that is impossible."""
    if stream.is_compressed:
        raise CorpusError(f"{stream.name} is compressed, but a {kind} file is read from its end: unpack it first")
    if stream.size == 0:
        raise CorpusError(f"{stream.name} is not a regular file, but a {kind} file is read from its end: give its path")
    stream.raw.seek(0)


@contextmanager
def _reporting(stream: OpenText, kind: str) -> Generator[None, None, None]:
    """Raise `CorpusError`, with the name of the file, for errors of Arrow, of decoding, and of the system."""
    import pyarrow as pa

    try:
        yield
    except CorpusError:
        raise
    except (pa.ArrowException, UnicodeDecodeError, RecursionError, *DAMAGED_STREAM) as error:
        stream.check_unchanged()  # a file that was cut in the meantime looks damaged
        reason = shortened(str(error).strip().partition("\n")[0]).strip("'\"")
        raise CorpusError(
            f"{stream.name} cannot be read as a {kind} file ({reason}): it is truncated, damaged, or in another format"
        ) from error


def _unbroken(stream: OpenText, kind: str, arrays: Iterator[Any]) -> Iterator[Any]:
    with _reporting(stream, kind):
        yield from arrays


def _chosen(stream: OpenText, schema: Any, column: Any) -> str:
    """Return the name of the column to read of a file that declares its columns."""
    if len(set(schema.names)) != len(schema.names):
        raise CorpusError(f"{stream.name} has two columns of the same name: {shortened(schema.names)}")
    columns = {field.name: str(field.type) for field in schema}
    suitable = (field.name for field in schema if is_text(field.type) or is_lists(field.type))
    return choose_column(stream.name, columns, column, suitable, may_choose=True)


def _named(stream: OpenText, column: str) -> str:
    return f"column {column!r} of {stream.name}"


# --- Parquet and Arrow


def _open_parquet(stream: OpenText, column: Any) -> ColumnRows:
    from pyarrow import parquet as pq

    file = pq.ParquetFile(
        stream.raw, pre_buffer=False, buffer_size=_BUFFER_BYTES, thrift_container_size_limit=_LONGEST_LIST
    )
    name = _chosen(stream, file.schema_arrow, column)
    return ColumnRows(_named(stream, name), file.schema_arrow.field(name).type, _parquet_arrays(stream, file, name))


def _parquet_arrays(stream: OpenText, file: Any, name: str) -> Iterator[Any]:
    n_rows, done = max(1, file.metadata.num_rows), 0
    for group in range(file.metadata.num_row_groups):
        batches = file.iter_batches(
            _batch_rows(file.metadata.row_group(group), name), [group], [name], use_threads=False
        )
        for batch in batches:
            done += len(batch)
            array = batch.column(name)
            stream.count(array.nbytes, stream.size * done // n_rows)
            yield array
    stream.count(0, stream.size)


def _batch_rows(group: Any, name: str) -> int:
    """Return how many rows of a row group take about `BLOCK_BYTES`."""
    chunks = (group.column(i) for i in range(group.num_columns))
    size = sum(chunk.total_uncompressed_size for chunk in chunks if f"{chunk.path_in_schema}.".startswith(f"{name}."))
    return int(min(_MOST_IN_BATCH, max(1, group.num_rows * BLOCK_BYTES // max(1, size))))


def _open_arrow(stream: OpenText, column: Any) -> ColumnRows:
    import pyarrow as pa

    schema = pa.ipc.open_file(stream.raw).schema
    name = _chosen(stream, schema, column)
    options = pa.ipc.IpcReadOptions(use_threads=False, included_fields=[schema.get_field_index(name)])
    file = pa.ipc.open_file(stream.raw, options=options)
    return ColumnRows(_named(stream, name), schema.field(name).type, _arrow_arrays(stream, file))


def _open_arrow_stream(stream: OpenText, column: Any) -> ColumnRows:
    import pyarrow as pa

    batches = pa.ipc.open_stream(pa.PythonFile(_Readable(stream.read), mode="r"))
    name = _chosen(stream, batches.schema, column)
    arrays = (_validated(batch.column(name)) for batch in batches)
    return ColumnRows(_named(stream, name), batches.schema.field(name).type, arrays)


def _arrow_arrays(stream: OpenText, file: Any) -> Iterator[Any]:
    n_batches = file.num_record_batches
    for number in range(n_batches):
        array = _validated(file.get_batch(number).column(0))
        stream.count(array.nbytes, stream.size * (number + 1) // n_batches)
        yield array
    stream.count(0, stream.size)


def _validated(array: Any) -> Any:
    """Return an array whose offsets were checked: Arrow follows any offset in a file."""
    import pyarrow as pa

    if pa.types.is_string(array.type):  # as bytes, so that invalid UTF-8 is repaired and counted
        array.view(pa.binary()).validate(full=True)
    elif pa.types.is_large_string(array.type):
        array.view(pa.large_binary()).validate(full=True)
    else:
        array.validate(full=True)
    return array


class _Readable:
    """A file that Arrow reads from a function."""

    closed = False

    def __init__(self, read: Callable[[int], bytes]):
        self._read, self._place, self._waiting = read, 0, b""

    def read(self, size: int) -> bytes:
        """Return exactly `size` bytes, fewer only at the end."""
        parts = [self._waiting]
        n = len(self._waiting)
        while n < size and (more := self._read(size - n)):
            parts.append(more)
            n += len(more)
        data = b"".join(parts)
        self._waiting = data[size:]
        self._place += min(n, size)
        return data[:size]

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        return self._place

    def close(self) -> None:
        """Leave the file open: its owner closes it."""


# --- CSV


def _open_csv(stream: OpenText, column: Any) -> ColumnRows:
    import pyarrow as pa
    from pyarrow import csv

    stream.skip_mark()
    header = _first_lines(stream, _HEADER_BYTES).partition(b"\n")[0]
    if not header.strip():
        raise CorpusError(f"{stream.name} has no line of column names at its start")
    parse = csv.ParseOptions(delimiter=delimiter_of(stream.name, header), newlines_in_values=True)
    columns = _csv_columns(header, parse)
    if len(set(columns)) != len(columns):
        raise CorpusError(f"{stream.name} has two columns of the same name: {shortened(columns)}")
    name = choose_column(stream.name, dict.fromkeys(columns, "text"), column, columns)
    reader = csv.open_csv(
        pa.PythonFile(_Readable(stream.read), mode="r"),
        csv.ReadOptions(use_threads=False, block_size=CSV_BLOCK_BYTES),
        parse,
        csv.ConvertOptions(include_columns=[name], column_types={name: pa.binary()}, check_utf8=False),
    )
    arrays = (batch.column(0).view(pa.string()) for batch in reader)
    return ColumnRows(_named(stream, name), pa.string(), arrays)


def delimiter_of(name: str, header: bytes) -> str:
    """Return the tab for names of tab-separated files, else the delimiter that the header has most often."""
    if kinds.plain_suffix(name) in (".tsv", ".tab"):
        return "\t"
    return max(_DELIMITERS, key=lambda delimiter: header.count(delimiter.encode()))


def _csv_columns(header: bytes, parse: Any) -> list[str]:
    import pyarrow as pa
    from pyarrow import csv

    return list(csv.read_csv(pa.py_buffer(header + b"\n"), csv.ReadOptions(use_threads=False), parse).column_names)


def _first_lines(stream: OpenText, size: int) -> bytes:
    """Return the whole lines in the first `size` bytes of a file, or its longer first line; nothing is consumed."""
    while b"\n" not in (start := stream.peek(size)) and len(start) >= size and size < LONGEST_RECORD:
        size *= 2
    return start[: start.rfind(b"\n") + 1] or start


# --- JSON Lines


def _open_json(stream: OpenText, column: Any) -> ColumnRows:
    import pyarrow as pa

    stream.skip_mark()
    columns = _json_columns(stream.name, _first_lines(stream, BLOCK_BYTES))
    name = choose_column(
        stream.name, {key: str(kind) for key, kind in columns.items()}, column,
        [key for key, kind in columns.items() if is_text(kind) or is_lists(kind)],
    )  # fmt: skip
    kind = pa.string() if pa.types.is_null(columns[name]) else columns[name]
    return ColumnRows(_named(stream, name), kind, _json_arrays(stream, name, kind))


def _json_arrays(stream: OpenText, name: str, kind: Any) -> Iterator[Any]:
    import pyarrow as pa
    from pyarrow import json as arrow_json

    parse = arrow_json.ParseOptions(explicit_schema=pa.schema([(name, kind)]), unexpected_field_behavior="ignore")
    done = 0
    for block in _whole_lines(stream):
        options = arrow_json.ReadOptions(use_threads=False, block_size=len(block) + 1)
        if block.strip():
            try:
                yield from arrow_json.read_json(pa.py_buffer(block), options, parse)[name].chunks
            except pa.ArrowInvalid as error:
                raise CorpusError(
                    f"{stream.name} cannot be read as JSON Lines after line {done:,} ({_without_prefix(error)}): each "
                    "line must be an object of its own, and the column must hold values of one type"
                ) from None
        done += block.count(b"\n")


def _without_prefix(error: Exception) -> str:
    return str(error).removeprefix("JSON parse error: ").partition("\n")[0].rstrip(".")


def _whole_lines(stream: OpenText) -> Iterator[bytes]:
    """Yield blocks of whole lines."""
    parts: list[bytes] = []
    size = 0
    while block := stream.read(BLOCK_BYTES):
        end = block.rfind(b"\n") + 1
        if end:
            yield b"".join([*parts, block[:end]])
            parts, size = [], 0
        parts.append(block[end:])
        size += len(block) - end
        if size > LONGEST_RECORD:
            raise CorpusError(
                f"{stream.name} has a line of more than {counted(LONGEST_RECORD, 'byte')}: give JSON Lines, with an "
                "object in each line"
            )
    if size:
        yield b"".join(parts)


def _json_columns(name: str, text: bytes) -> dict[str, Any]:
    """Return the Arrow types of the keys of the first objects, from their values."""
    columns: dict[str, Any] = {}
    for number, line in enumerate(text.split(b"\n"), 1):
        if not line.strip():
            continue
        record = _json_object(name, number, line)
        for key, value in record.items():
            if columns.get(key) is None:
                columns[key] = _json_type(value)
        if all(kind is not None for kind in columns.values()) and number >= 100:
            break
    import pyarrow as pa

    return {key: pa.null() if kind is None else kind for key, kind in columns.items()}


def _json_object(name: str, number: int, line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        record = None
    if isinstance(record, dict):
        return record
    raise CorpusError(
        f"line {number} of {name} is not a JSON object: {shortened(line.decode(errors='replace'))}. Give JSON Lines, "
        "with an object in each line; an array or indented JSON must be converted, for example with jq -c '.[]'"
    )


def _json_type(value: Any) -> Any:
    """Return the Arrow type of a value of JSON; None if it does not show it."""
    import pyarrow as pa

    if isinstance(value, list):
        inner = next((kind for kind in map(_json_type, value) if kind is not None), None)
        return None if inner is None else pa.list_(inner)
    if isinstance(value, dict):
        return pa.struct([])
    types: dict[type, Any] = {str: pa.string(), int: pa.int64(), bool: pa.bool_(), float: pa.float64()}
    return types.get(type(value))


_OPEN: dict[str, Callable[[OpenText, Any], ColumnRows]] = {
    kinds.PARQUET: _open_parquet,
    kinds.ARROW: _open_arrow,
    kinds.ARROW_STREAM: _open_arrow_stream,
    kinds.CSV: _open_csv,
    kinds.JSONL: _open_json,
}
