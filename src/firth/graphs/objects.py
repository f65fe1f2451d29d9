"""Reads graphs of other libraries: NetworkX, igraph, SciPy's sparse matrices, and arrays.

The libraries are never imported: an object of theirs exists only if its library is loaded.
"""

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import CorpusError
from firth.graphs.edges import Edges, check_ends, checked_names, checked_weights, has_weight
from firth.messages import counted

_NO_ATTRIBUTE = "no edge has the attribute"


def is_instance(value: object, library: str, name: str) -> bool:
    """Return whether a value is of a class of a library, if that is loaded."""
    kind = getattr(sys.modules.get(library), name, None)
    return kind is not None and isinstance(value, kind)


def networkx_edges(graph: Any, weight: str | None) -> Edges:
    """Return the edges of a NetworkX graph; an edge without the attribute `weight` has weight 1."""
    if weight is not None:
        names_of_data = {weight} if any(weight in data for *_, data in graph.edges(data=True)) else set()
        weight = weight if has_weight(weight, names_of_data, _NO_ATTRIBUTE) else None
    names = list(graph.nodes)
    number_of = {name: i for i, name in enumerate(names)}
    rows = list(graph.edges(data=weight, default=1)) if weight is not None else list(graph.edges())
    sources = np.fromiter((number_of[row[0]] for row in rows), np.int64, len(rows))
    targets = np.fromiter((number_of[row[1]] for row in rows), np.int64, len(rows))
    weights = None if weight is None else checked_weights([row[-1] for row in rows])
    return Edges(sources, targets, weights, checked_names(names), graph.is_directed())


def igraph_edges(graph: Any, weight: str | None) -> Edges:
    """Return the edges of a graph of igraph; nodes are named by the attribute `name`, or else numbered from 0."""
    ends = np.array(graph.get_edgelist(), np.int64).reshape(-1, 2)
    names = list(graph.vs["name"]) if "name" in graph.vs.attributes() else list(range(graph.vcount()))
    if len(set(names)) < len(names):
        raise CorpusError("two vertices of the graph have the same name: give each another, or delete the names")
    has_weights = has_weight(weight, graph.es.attributes(), _NO_ATTRIBUTE)
    weights = checked_weights(graph.es[weight]) if has_weights else None
    return Edges(ends[:, 0], ends[:, 1], weights, checked_names(names), graph.is_directed())


def matrix_edges(matrix: Any, weight: str | None, directed: bool | None) -> Edges:
    """Return the edges of a sparse adjacency matrix: an entry in row i and column j is an edge from node i to node j.

    Raises `CorpusError` if it is not square, or not symmetric although `directed` is False.
    """
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise CorpusError(f"the matrix has shape {matrix.shape}: an adjacency matrix is square")
    if directed is False and abs(matrix - matrix.T).nnz:
        raise CorpusError(
            "the matrix is not symmetric, and directed=False: a matrix holds an undirected edge in both directions, so "
            "give matrix + matrix.T; or omit directed"
        )
    entries = matrix.tocoo()
    return _one_way(entries.row, entries.col, None if weight is None else entries.data, matrix.shape[0])


def compressed_rows_edges(arrays: Any, weight: str | None) -> Edges:
    """Return the edges of a graph in compressed sparse rows: (indptr, indices) or (indptr, indices, weights).

    The edges from node i lead to indices[indptr[i] : indptr[i + 1]], as in SciPy's `csr_array`. Raises `CorpusError`
    if the arrays do not fit together.
    """
    indptr, indices = (_integers(array, name) for array, name in zip(arrays, ("indptr", "indices"), strict=False))
    if len(indptr) == 0 or indptr[0] != 0 or indptr[-1] != len(indices) or (np.diff(indptr) < 0).any():
        raise CorpusError(f"indptr must run from 0 to {len(indices)}, the number of indices, and never decrease")
    V = len(indptr) - 1
    check_ends(indices, V, "indices")
    if len(arrays) == 3 and len(arrays[2]) != len(indices):
        raise CorpusError(
            f"weights has {counted(len(arrays[2]), 'number')}, but indices has {len(indices):,}: give a weight for each"
        )
    weights = arrays[2] if len(arrays) == 3 and weight is not None else None
    return _one_way(np.repeat(np.arange(V), np.diff(indptr)), indices, weights, V)


def _one_way(sources: Any, targets: Any, weights: Any, V: int) -> Edges:
    checked = None if weights is None else checked_weights(weights)
    return Edges(np.asarray(sources), np.asarray(targets), checked, list(range(V)), True)


def _integers(array: Any, name: str) -> NDArray[np.integer[Any]]:
    checked = np.asarray(array)
    if checked.ndim != 1 or checked.dtype.kind not in "iu":
        raise CorpusError(f"{name} is an array of {checked.dtype} of shape {checked.shape}: give a flat integer array")
    return checked.astype(np.int64)
