"""Columns of tables in memory: pandas, polars, Arrow, Hugging Face datasets, and objects with the Arrow C interface.

No library is imported for this but PyArrow: objects of the others are known by the names of their modules.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

from firth.errors import CorpusError
from firth.messages import option
from firth.options import shortened
from firth.text.columns import ColumnRows, check_kind, choose_column, is_lists, is_text, longest_text

ROWS_AT_A_TIME = 2**14
"""Rows of a table that are converted to Arrow at a time."""


class Objects(NamedTuple):
    """A column whose rows are Python objects, texts or lists; `name` is for messages."""

    name: str
    rows: Iterable[Any]


def column_of(corpus: Any, column: Any) -> ColumnRows | Objects | None:
    """Return a column of a table, or `corpus` itself if it is a column; None if it is neither.

    column  the name of a column of a table; None: its only column

    Raises `CorpusError` if there is no such column, or its type is not that of texts or lists; a table without a
    column named is refused with the names and the types of its columns.
    """
    for is_kind, opened in _KINDS:
        if is_kind(corpus):
            found: ColumnRows | Objects = opened(corpus, column)
            if isinstance(found, ColumnRows):
                check_kind(found.name, found.kind)
            return found
    return None


def is_table(corpus: Any) -> bool:
    """Return whether an object is a table, or a column of one."""
    return any(is_kind(corpus) for is_kind, _ in _KINDS)


def is_column(corpus: Any) -> bool:
    """Return whether an object is a column of pandas, polars, Arrow or a dataset."""
    is_series = any(_from(corpus, library) for library in ("pandas", "polars")) and not hasattr(corpus, "columns")
    return is_series or _is_dataset_column(corpus) or (type(corpus).__name__.endswith("Array") and _is_arrow(corpus))


def is_one_shot(corpus: Any) -> bool:
    """Return whether the rows of a table can be read only once."""
    may_begin_again = (_is_lazy, _is_dataset, _is_dataset_of_arrow)
    return not hasattr(corpus, "__len__") and not any(is_kind(corpus) for is_kind in may_begin_again)


def _from(corpus: Any, library: str) -> bool:
    """Return whether the type of an object, or a base of it, is defined by a library."""
    return any(base.__module__.partition(".")[0] == library for base in type(corpus).__mro__)


def _what(corpus: Any) -> str:
    return f"the corpus, of type {type(corpus).__name__},"


def _named(corpus: Any, column: Any) -> str:
    return f"column {column!r} of the {type(corpus).__name__}"


def _refuse_column(kind: str, column: Any) -> None:
    """Raise `CorpusError` if a column of a column was asked for."""
    if column is not None:
        raise CorpusError(
            f"the corpus, of type {kind}, is a column itself and has no column {shortened(column)}: omit "
            f"{option('column')}"
        )


# --- mappings


def _is_mapping(corpus: Any) -> bool:
    return isinstance(corpus, Mapping)


def _of_mapping(corpus: Mapping[Any, Any], column: Any) -> Objects:
    """Return a column of a dict; a dict of datasets is refused with its splits."""
    parts = list(corpus.values())
    if parts and all(hasattr(part, "column_names") for part in parts):
        splits = ", ".join(repr(name) for name in corpus)
        first = next(iter(corpus))
        raise CorpusError(f"{_what(corpus)} holds the splits {splits}: give one of them, as in corpus[{first!r}]")
    kinds = {str(name): type(values).__name__ for name, values in corpus.items()}
    first = {str(name): values[0] for name, values in corpus.items() if isinstance(values, list) and values}
    name = choose_column(_what(corpus), kinds, column, longest_text(first))
    values = next(values for key, values in corpus.items() if str(key) == name)
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise CorpusError(
            f"{_named(corpus, name)} is {shortened(values)}, of type {type(values).__name__}: it must be the rows of a "
            "column, texts or token lists"
        )
    return Objects(_named(corpus, name), values)


# --- pandas


def _is_pandas(corpus: Any) -> bool:
    return _from(corpus, "pandas") and hasattr(corpus, "iloc")


def _of_pandas(corpus: Any, column: Any) -> ColumnRows | Objects:
    if corpus.ndim == 1:
        _refuse_column(type(corpus).__name__, column)
        return _of_series(corpus, f"the {type(corpus).__name__}")
    names = [str(name) for name in corpus.columns]
    if len(set(names)) != len(names):
        raise CorpusError(f"{_what(corpus)} has two columns of the same name: {shortened(names)}")
    kinds = dict(zip(names, map(str, corpus.dtypes), strict=True))
    suitable = [name for name, kind in kinds.items() if kind.startswith(("object", "str", "category", "list", "large"))]
    samples = {name: "".join(map(str, corpus.iloc[:20, names.index(name)].dropna())) for name in suitable}
    name = choose_column(_what(corpus), kinds, column, longest_text(samples), may_choose=True)
    return _of_series(corpus.iloc[:, names.index(name)], _named(corpus, name))


def _of_series(series: Any, name: str) -> ColumnRows | Objects:
    is_missing = series.dtype.kind == "f" and bool(series.isna().all())  # floats, because Pandas makes them of no rows
    if series.dtype == object or is_missing:
        return Objects(name, series.array)
    arrays = chain.from_iterable(map(_arrow_arrays, _slices(series.iloc, len(series))))
    return _opened(name, arrays)


def _slices(rows: Any, n_rows: int) -> Iterator[Any]:
    return (rows[start : start + ROWS_AT_A_TIME] for start in range(0, max(1, n_rows), ROWS_AT_A_TIME))


def _arrow_arrays(series: Any) -> list[Any]:
    """Return rows of pandas as Arrow arrays."""
    import pyarrow as pa

    array = pa.array(series, from_pandas=True)
    return list(array.chunks) if isinstance(array, pa.ChunkedArray) else [array]


def _opened(name: str, arrays: Iterator[Any]) -> ColumnRows:
    """Return rows whose type is that of the first array."""
    import pyarrow as pa

    first = next(arrays, pa.nulls(0))
    return ColumnRows(name, first.type, chain([first], arrays))


# --- polars


def _is_lazy(corpus: Any) -> bool:
    return _from(corpus, "polars") and hasattr(corpus, "collect_schema") and hasattr(corpus, "collect")


def _of_lazy(corpus: Any, column: Any) -> ColumnRows:
    """Return a column of a LazyFrame, which is computed when it is read, batch by batch if this polars can do so."""
    kinds = {name: str(kind) for name, kind in corpus.collect_schema().items()}
    suitable = [name for name, kind in kinds.items() if kind.startswith(("String", "List", "Categorical", "Enum"))]
    name = choose_column(_what(corpus), kinds, column, suitable, may_choose=True)
    frame = corpus.select(name)
    batches = frame.collect_batches(maintain_order=True) if hasattr(frame, "collect_batches") else [frame.collect()]
    empty = sys.modules["polars"].DataFrame(schema=frame.collect_schema())
    kind = _stream(empty).schema.field(name).type
    arrays = (batch.column(0) for frame in batches for batch in _stream(frame))
    return ColumnRows(_named(corpus, name), kind, arrays)


# --- Arrow, and objects with its C interface


def _is_arrow(corpus: Any) -> bool:
    return hasattr(corpus, "__arrow_c_stream__") or hasattr(corpus, "__arrow_c_array__") or _is_dataset_of_arrow(corpus)


def _is_dataset_of_arrow(corpus: Any) -> bool:
    return _from(corpus, "pyarrow") and hasattr(corpus, "to_batches") and hasattr(corpus, "schema")


def _of_arrow(corpus: Any, column: Any) -> ColumnRows:
    import pyarrow as pa

    if isinstance(corpus, pa.ChunkedArray | pa.Array):
        return _of_arrow_column(corpus, column, type(corpus).__name__)
    if not hasattr(corpus, "__arrow_c_stream__") and not isinstance(corpus, pa.RecordBatch):
        if not _is_dataset_of_arrow(corpus):
            return _of_arrow_column(pa.array(corpus), column, type(corpus).__name__)
        name = _chosen(corpus, corpus.schema, column)
        batches = corpus.to_batches(columns=[name])
        return ColumnRows(
            _named(corpus, name), corpus.schema.field(name).type, (batch.column(name) for batch in batches)
        )
    try:
        reader = _stream(corpus)
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # its schema is not that of a table
        return _of_arrow_column(pa.chunked_array(corpus), column, type(corpus).__name__)
    name = _chosen(corpus, reader.schema, column)
    number = reader.schema.get_field_index(name)
    return ColumnRows(_named(corpus, name), reader.schema.field(name).type, (batch.column(number) for batch in reader))


def _of_arrow_column(values: Any, column: Any, kind: str) -> ColumnRows:
    _refuse_column(kind, column)
    arrays = values.chunks if hasattr(values, "chunks") else [values]
    return ColumnRows(f"the {kind}", values.type, iter(arrays))


def _stream(corpus: Any) -> Any:
    import pyarrow as pa

    return corpus if isinstance(corpus, pa.RecordBatchReader) else pa.RecordBatchReader.from_stream(corpus)


def _chosen(corpus: Any, schema: Any, column: Any) -> str:
    names = list(schema.names)
    if len(set(names)) != len(names):
        raise CorpusError(f"{_what(corpus)} has two columns of the same name: {shortened(names)}")
    kinds = {field.name: str(field.type) for field in schema}
    suitable = [field.name for field in schema if is_text(field.type) or is_lists(field.type)]
    return choose_column(_what(corpus), kinds, column, suitable, may_choose=True)


# --- Hugging Face datasets


def _is_dataset(corpus: Any) -> bool:
    return _from(corpus, "datasets") and hasattr(corpus, "select_columns") and hasattr(corpus, "with_format")


def _of_dataset(corpus: Any, column: Any) -> ColumnRows:
    """Return a column of a dataset or a split, which may be streamed."""
    features = corpus.features or {}
    known = {name: str(getattr(kind, "dtype", None) or kind) for name, kind in features.items()}
    kinds = known or dict.fromkeys(corpus.column_names or _first_keys(corpus), "type unknown")
    suitable = [name for name, kind in kinds.items() if "string" in kind]
    name = choose_column(_what(corpus), kinds, column, suitable, may_choose=True)
    tables = corpus.select_columns([name]).with_format("arrow").iter(batch_size=ROWS_AT_A_TIME)
    arrays = chain.from_iterable(table.column(0).chunks for table in tables)
    kind = _type_of_feature(features, name)
    return _opened(_named(corpus, name), arrays) if kind is None else ColumnRows(_named(corpus, name), kind, arrays)


def _first_keys(corpus: Any) -> list[str]:
    """Return the columns of a stream that does not declare them, from its first example."""
    return list(next(iter(corpus), {}))


def _type_of_feature(features: Any, name: str) -> Any:
    schema = getattr(features, "arrow_schema", None)
    return None if schema is None else schema.field(name).type


def _is_dataset_column(corpus: Any) -> bool:
    return _from(corpus, "datasets") and hasattr(corpus, "column_name") and hasattr(corpus, "source")


def _of_dataset_column(corpus: Any, column: Any) -> ColumnRows | Objects:
    _refuse_column(type(corpus).__name__, column)
    if _is_dataset(corpus.source):
        return _of_dataset(corpus.source, corpus.column_name)
    return Objects(f"the {type(corpus).__name__}", corpus)  # of a nested column


_KINDS: list[tuple[Callable[[Any], bool], Callable[[Any, Any], Any]]] = [
    (_is_mapping, _of_mapping),
    (_is_dataset, _of_dataset),
    (_is_dataset_column, _of_dataset_column),
    (_is_pandas, _of_pandas),
    (lambda corpus: _is_lazy(corpus) and not _is_arrow(corpus), _of_lazy),
    (_is_arrow, _of_arrow),
]
