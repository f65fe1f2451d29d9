"""Reads a table of edges: columns source and target, and maybe a column of weights (PyArrow)."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import CorpusError
from firth.graphs.edges import Edges, checked_names, checked_weights, has_weight
from firth.messages import counted

if TYPE_CHECKING:
    import pyarrow as pa

SOURCE, TARGET = "source", "target"


def table_edges(table: "pa.Table", weight: str | None, is_directed: bool) -> Edges:
    """Return the edges in the rows of a table.

    weight  the column of weights, if the table has it; None: every edge has weight 1

    Raises `CorpusError` if a column is missing, has nulls, or is of a type that cannot be a node or a weight.
    """
    for name in (SOURCE, TARGET):
        if table.column_names.count(name) != 1:
            raise CorpusError(
                f"the table has columns {', '.join(map(repr, table.column_names)) or 'of no name'}: rename those of "
                f"the nodes to {SOURCE!r} and {TARGET!r}, and that of the weights, if any, to {weight or 'weight'!r}"
            )
    sources, targets, names = _numbered(*(_node_column(table, name) for name in (SOURCE, TARGET)))
    has_weights = has_weight(weight, table.column_names, "the table has no column")
    weights = _weight_column(table, str(weight)) if has_weights else None
    return Edges(sources, targets, weights, names, is_directed)


def _numbered(sources: Any, targets: Any) -> tuple[NDArray[np.int32], NDArray[np.int32], list[Any]]:
    """Return the nodes of two columns as numbers, by first occurrence, and the names of the nodes."""
    import pyarrow as pa

    if sources.type != targets.type:
        raise CorpusError(
            f"{SOURCE!r} is of type {sources.type} and {TARGET!r} of type {targets.type}: convert both to one type"
        )
    encoded = pa.chunked_array([*sources.chunks, *targets.chunks], sources.type).combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    ids = encoded.indices.to_numpy()
    return ids[: len(sources)], ids[len(sources) :], checked_names(encoded.dictionary.to_pylist())


def _node_column(table: "pa.Table", name: str) -> Any:
    """Return a column of nodes as strings or as int64."""
    import pyarrow as pa

    column = _without_nulls(table, name)
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_integer(kind):
        return _cast(column, pa.int64(), name)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return _cast(column, pa.large_string(), name)
    raise CorpusError(f"the column {name!r} is of type {kind}: nodes must be strings or whole numbers")


def _weight_column(table: "pa.Table", name: str) -> NDArray[np.float64]:
    import pyarrow as pa

    column = _without_nulls(table, name)
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type)):
        raise CorpusError(f"the column {name!r} is of type {column.type}: weights must be numbers")
    return checked_weights(_cast(column, pa.float64(), name).to_numpy(), "row", 1)


def _without_nulls(table: "pa.Table", name: str) -> Any:
    column = table.column(name)
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy())[0]) + 1
        others = f" (as in {counted(column.null_count - 1, 'other')})" if column.null_count > 1 else ""
        raise CorpusError(f"the column {name!r} is null in row {row:,}{others}: leave out rows without a value")
    return column


def _cast(column: Any, kind: Any, name: str) -> Any:
    import pyarrow as pa

    try:
        return column.cast(kind)
    except pa.ArrowInvalid as error:
        raise CorpusError(f"the column {name!r} cannot be read as {kind}: {error}") from None
