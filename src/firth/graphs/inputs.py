"""Turns whatever a graph is given as into its edges."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from firth.errors import CorpusError
from firth.graphs import objects
from firth.graphs.edge_lists import read_edge_list
from firth.graphs.edges import Edges
from firth.graphs.tables import table_edges
from firth.options import shortened

_KINDS = (
    "the path of an edge list, a table with columns source and target, a graph of NetworkX or igraph, a sparse matrix "
    "of SciPy, arrays (indptr, indices), an integer array of shape (n, 2), or a list of pairs of nodes"
)


def read_edges(graph: Any, weight: str | None, directed: bool | None) -> Edges:
    """Return the edges of a graph, in any form that `RandomWalks` takes; raise `CorpusError` if it is in none."""
    if isinstance(graph, (str, os.PathLike)):
        return read_edge_list(os.fspath(graph), weight, bool(directed))
    if objects.is_instance(graph, "networkx", "Graph"):
        return _as_directed(objects.networkx_edges(graph, weight), directed)
    if objects.is_instance(graph, "igraph", "Graph"):
        return _as_directed(objects.igraph_edges(graph, weight), directed)
    if hasattr(graph, "tocoo"):
        return objects.matrix_edges(graph, weight, directed)
    if hasattr(graph, "__arrow_c_stream__"):
        return table_edges(_table(graph), weight, bool(directed))
    if isinstance(graph, tuple) and len(graph) in (2, 3) and all(isinstance(part, np.ndarray) for part in graph):
        return objects.compressed_rows_edges(graph, weight)
    if isinstance(graph, np.ndarray):
        return _pair_edges(graph, directed)
    if isinstance(graph, Iterable) and not isinstance(graph, (bytes, bytearray, Mapping)):
        return _listed_edges(list(graph), weight, directed)
    raise CorpusError(f"the graph is of type {type(graph).__name__}: give {_KINDS}")


def _as_directed(edges: Edges, directed: bool | None) -> Edges:
    """Return the edges with the directions that are asked for; None: those of the graph."""
    return edges if directed is None else edges._replace(is_directed=directed)


def _table(graph: Any) -> Any:
    import pyarrow as pa

    try:
        return pa.table(graph)
    except (TypeError, ValueError, pa.ArrowInvalid) as error:
        raise CorpusError(f"the table of edges cannot be read: {error}") from None


def _pair_edges(array: Any, directed: bool | None) -> Edges:
    """Return the edges in the rows of an integer array."""
    import pyarrow as pa

    if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind not in "iu":
        raise CorpusError(
            f"the graph is an array of {array.dtype} of shape {array.shape}: give integers of shape (n, 2), an edge in "
            "each row; or for an adjacency matrix scipy.sparse.csr_array(matrix)"
        )
    columns = {name: pa.array(array[:, i]) for i, name in enumerate(("source", "target"))}
    return table_edges(pa.table(columns), None, bool(directed))


def _listed_edges(rows: list[Any], weight: str | None, directed: bool | None) -> Edges:
    """Return the edges of a list of (source, target) or (source, target, weight)."""
    import pyarrow as pa

    lengths = {len(row) if isinstance(row, (tuple, list)) else 0 for row in rows}
    if len(lengths) != 1 or not lengths <= {2, 3}:
        wrong = next((row for row in rows if not isinstance(row, (tuple, list)) or len(row) not in (2, 3)), None)
        found = (
            f"{shortened(wrong)} is not an edge" if wrong is not None else "some edges have a weight and others none"
        )
        found = found if rows else "the graph is empty"
        raise CorpusError(f"{found}: give {_KINDS}")
    weight = weight if lengths == {3} else None
    names = ("source", "target", weight or "ignored")
    try:
        columns = {name: pa.array(list(column)) for name, column in zip(names, zip(*rows, strict=True), strict=False)}
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise CorpusError(
            f"the edges cannot be read ({error}): give all nodes names of type str, or all of int"
        ) from None
    return table_edges(pa.table(columns), weight, bool(directed))
