"""Arrow and Parquet: a table with a row for each key, which pandas, Polars, DuckDB and Spark read.

    word     string, or `id` int64 where the keys are whole numbers
    vector   fixed-size list of D float16, 32 or 64
    count    int64; absent where unknown

Parquet (`.parquet`) is compressed with zstd; Arrow's IPC file (`.arrow`, `.feather`) can be mapped into memory.
Both are written and read a few thousand rows at a time.
"""

import reprlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from textwrap import shorten
from typing import Any, cast

import numpy as np

from firth.atomic import atomic_write
from firth.errors import FormatError, NotEnoughMemoryError
from firth.formats.format import Array, Format, PathLike, Signature, Table
from firth.formats.streams import BLOCK_ROWS, GrowingMatrix, fewer_rows
from firth.formats.words import are_numbers, unique_rows, utf8, warn_of_broken_rows
from firth.messages import counted

_MOST_PACKED = 64  # numbers and keys in a byte of Parquet; vectors of 1 and -1 take one bit a number, so 8
_ALWAYS_ALLOWED = 1 << 20  # numbers and keys
_LONGEST_LIST = 20_000  # row groups, or columns: Arrow allocates a kilobyte for each that a Parquet file declares
_VECTOR_NAMES = ("vector", "vectors", "embedding", "embeddings")
_KEY_NAMES = ("word", "id", "key", "token", "text")


def arrow_table(keys: Sequence[str | int], vectors: Array, counts: Array | None = None) -> Any:
    """Return a `pyarrow.Table` with the columns of the files; contiguous rows and counts are not copied.

    Raises `FormatError` for vectors of 0 numbers, and for a word that cannot be written in UTF-8.
    """
    import pyarrow as pa

    _refuse_empty_vectors(vectors)
    schema = _schema(keys, vectors, counts)
    with _explained():
        return pa.Table.from_batches(_batches(schema, keys, vectors, counts), schema)


def write_arrow(
    path: PathLike, keys: Sequence[str | int], vectors: Array, counts: Array | None = None, *, parquet: bool = False
) -> None:
    """Write an Arrow IPC file, or with `parquet` a Parquet file, atomically."""
    import pyarrow as pa
    from pyarrow import parquet as pq

    _refuse_empty_vectors(vectors)
    schema = _schema(keys, vectors, counts)
    with atomic_write(path) as file:
        sink = pa.PythonFile(file, mode="w")
        # only the keys: floats of vectors do not repeat
        options = {"compression": "zstd", "use_dictionary": [schema.names[0]]}
        opened = pq.ParquetWriter(sink, schema, **options) if parquet else pa.ipc.new_file(sink, schema)
        with _explained(), opened as writer:
            for batch in _batches(schema, keys, vectors, counts):
                writer.write_batch(batch)
        file.flush()


def read_arrow(path: PathLike, *, limit: int | None = None) -> Table:
    """Read either kind of file.

    Columns are found by their usual names, or by their type if only one has it. If a key is repeated, the first row is
    kept, with a warning. Raises `FormatError` if there is no column of keys or of vectors, and `NotEnoughMemoryError`
    if the file needs more memory than is available.
    """
    import pyarrow as pa

    path = Path(path)
    try:
        with path.open("rb") as file:
            schema, batches = _opened(file)
            names = _columns(path, schema)
            keys, rows, counts = _read(path, batches, schema, names, limit)
    except NotEnoughMemoryError:
        raise
    except MemoryError as error:  # Python's, or PyArrow's, which is an ArrowException too
        reason = shorten(str(error), 200) or "out of memory"
        raise NotEnoughMemoryError(
            f"{path}: reading it needs more memory than is available ({reason}): if the machine is too small, "
            f"{fewer_rows()}; if the file should not be this large, it is damaged"
        ) from error
    except (pa.ArrowException, UnicodeDecodeError, EOFError, OSError) as error:
        if getattr(error, "errno", None) is not None:
            raise  # the system's own
        raise FormatError(f"{path} is not a complete Arrow or Parquet file: {shorten(str(error), 200)}") from error
    warn_of_broken_rows(path, rows.broken)
    array = None if names[2] is None else np.array(counts, np.int64)
    return unique_rows(path, Table(keys, rows.finished(), array), finite=False)


# --- writing


def _refuse_empty_vectors(vectors: Array) -> None:
    if not vectors.shape[1]:  # Arrow would divide by it
        raise FormatError("vectors of 0 numbers cannot be a column of lists: save another format")


@contextmanager
def _explained() -> Iterator[None]:
    """Raise an error with a remedy for a word that cannot be written in UTF-8."""
    try:
        yield
    except UnicodeEncodeError as error:
        utf8(error.object)
        raise


def _schema(keys: Sequence[str | int], vectors: Array, counts: Array | None) -> Any:
    import pyarrow as pa

    fields = [pa.field("id", pa.int64(), False) if are_numbers(keys) else pa.field("word", pa.string(), False)]
    item = pa.field("item", pa.from_numpy_dtype(vectors.dtype), False)
    fields.append(pa.field("vector", pa.list_(item, vectors.shape[1]), False))
    if counts is not None:
        fields.append(pa.field("count", pa.int64(), False))
    return pa.schema(fields)


def _batches(schema: Any, keys: Sequence[str | int], vectors: Array, counts: Array | None) -> Iterator[Any]:
    import pyarrow as pa

    for start in range(0, len(keys), BLOCK_ROWS):
        part = slice(start, start + BLOCK_ROWS)
        flat = pa.array(np.ascontiguousarray(vectors[part]).ravel())
        vector_column = pa.FixedSizeListArray.from_arrays(flat, type=schema.field("vector").type)
        columns = [pa.array(keys[part], schema.field(0).type), vector_column]
        if counts is not None:
            columns.append(pa.array(np.asarray(counts[part], np.int64)))
        yield pa.record_batch(columns, schema=schema)


# --- reading


def _opened(file: Any) -> tuple[Any, Iterator[Any]]:
    """Return the schema of either kind of file, and an iterator over its batches."""
    import pyarrow as pa
    from pyarrow import parquet as pq

    head = file.read(6)
    file.seek(0)
    if head.startswith(b"PAR1"):
        parquet = pq.ParquetFile(file, thrift_container_size_limit=_LONGEST_LIST)
        is_empty = parquet.num_row_groups == 0  # PyArrow 18 fails to iterate over none
        batches = iter(()) if is_empty else parquet.iter_batches(batch_size=BLOCK_ROWS, use_threads=False)
        return parquet.schema_arrow, batches
    reader = pa.ipc.open_file(file, options=pa.ipc.IpcReadOptions(use_threads=False))
    return reader.schema, (reader.get_batch(number) for number in range(reader.num_record_batches))


def _refuse_bombs(path: Path, values: int) -> None:
    """Raise `FormatError` for more values than a file of this size can hold, unless it is made to exhaust memory.

    Arrow can report the number of values in a column of Parquet, but crashes if that is damaged.
    """
    most = max(_ALWAYS_ALLOWED, _MOST_PACKED * path.stat().st_size)
    if values > most:
        raise FormatError(
            f"{path} holds {counted(values, 'value')} or more, but {most:,} fit in a file of its size: it is damaged, "
            "or made to exhaust memory. If you trust it, write it again without compression"
        )


def _columns(path: Path, schema: Any) -> tuple[str, str, str | None]:
    """Return the names of the columns of keys, vectors and counts."""
    import pyarrow.types as kinds

    if len(set(schema.names)) != len(schema.names):
        raise FormatError(f"{path} has two columns of the same name: {reprlib.repr(schema.names)}")
    lists = [
        field.name
        for field in schema
        if (kinds.is_list(field.type) or kinds.is_large_list(field.type) or kinds.is_fixed_size_list(field.type))
        and kinds.is_floating(field.type.value_type)
    ]
    strings = [f.name for f in schema if kinds.is_string(f.type) or kinds.is_large_string(f.type)]
    plain = [f.name for f in schema if f.name in strings or (kinds.is_integer(f.type) and f.name in _KEY_NAMES)]
    count = next((f.name for f in schema if f.name in ("count", "counts") and kinds.is_integer(f.type)), None)
    return _chosen(path, schema, plain, _KEY_NAMES), _chosen(path, schema, lists, _VECTOR_NAMES), count


def _chosen(path: Path, schema: Any, found: list[str], usual: tuple[str, ...]) -> str:
    named = [name for name in usual if name in found] or found
    if len(named) == 1 or (named and named[0] in usual):
        return named[0]
    columns = {field.name: str(field.type) for field in schema}
    what = "strings, or id whole numbers" if usual is _KEY_NAMES else "lists of floating-point numbers"
    raise FormatError(
        f"{path} has no unambiguous column of {usual[0]}s: its columns are {reprlib.repr(columns)}; "
        f"{usual[0]!r} must be {what}"
    )


def _read(
    path: Path, batches: Iterator[Any], schema: Any, names: tuple[str, str, str | None], limit: int | None
) -> tuple[list[Any], GrowingMatrix, list[int]]:
    """Return keys, rows and counts of the batches, up to `limit`."""
    key, vector, count = names
    bits = schema.field(vector).type.value_type.bit_width  # to_pandas_dtype() needs pandas before PyArrow 22
    dtype = np.dtype(f"f{bits // 8}")
    rows: GrowingMatrix | None = None
    keys: list[Any] = []
    counts: list[int] = []
    for batch in batches:
        batch = batch if limit is None else batch[: limit - len(keys)]
        batch.validate(full=True)  # without this, Arrow follows any offset in a file
        if not batch.num_rows:
            continue
        block = _matrix(path, batch.column(vector))
        _refuse_bombs(path, (len(keys) + len(block)) * (1 + block.shape[1]))
        rows = rows or GrowingMatrix(path, block.shape[1], dtype)
        if block.shape[1] != rows.array.shape[1]:
            raise FormatError(f"{path}: vectors of {rows.array.shape[1]} and of {counted(block.shape[1], 'number')}")
        rows.append(block)
        if batch.column(key).null_count:
            raise FormatError(f"{path}: a row of column {key!r} has no key")
        keys.extend(_signed(batch.column(key)).to_pylist())
        counts.extend(() if count is None else _signed(batch.column(count)).fill_null(0).to_pylist())
        if limit is not None and len(keys) >= limit:
            break
    if rows is None:
        D = getattr(schema.field(vector).type, "list_size", 0)
        if D < 0:
            raise FormatError(f"{path}: column {vector!r} has vectors of {counted(D, 'number')}")
        rows = GrowingMatrix(path, D, dtype)
    return keys, rows, counts


def _signed(column: Any) -> Any:
    """Return whole numbers as int64, strings as they are; raises `ArrowInvalid` for numbers out of range."""
    import pyarrow as pa

    return column.cast(pa.int64()) if pa.types.is_integer(column.type) else column


def _matrix(path: Path, column: Any) -> Array:
    """Return the (n, D) numbers of a column of lists; all must have one length and no nulls."""
    import pyarrow.compute as pc

    flat = column.flatten()
    D = len(flat) // len(column)
    if column.null_count or flat.null_count or not pc.all(pc.equal(pc.list_value_length(column), D)).as_py():
        raise FormatError(f"{path}: a vector is null, holds a null, or differs in length from the others")
    return cast(Array, flat.to_numpy(zero_copy_only=False)).reshape(len(column), D)


def _format(name: str, kind: str, suffixes: tuple[str, ...], magic: bytes) -> Format:
    write = partial(write_arrow, parquet=name == "parquet")
    signature = Signature(magic, f"{kind} file", "read it with KeyedVectors.load")
    description = f"{kind} table of word, vector, count"
    return Format(name, description, read_arrow, write, suffixes, frozenset({"limit"}), signature=signature)


ARROW = _format("arrow", "an Arrow IPC (Feather)", (".arrow", ".feather"), b"ARROW1")
PARQUET = _format("parquet", "a Parquet", (".parquet",), b"PAR1")
