"""The adjacency of a graph, as the walks read it: the sorted neighbors of each node, and an alias table of weights."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.errors import CorpusError
from firth.graphs.edges import Edges
from firth.graphs.kernels import fill_alias
from firth.messages import counted
from firth.resources import require_memory
from firth.text.ids import MOST_IDS

_SORTING_BYTES = 72  # of an edge that leads one way: source and target, as one number, and sorted
_WEIGHT_BYTES = 48  # of its weight, in addition: in the order given and sorted, and the place before sorting


class Adjacency(NamedTuple):
    """The edges that lead from each node; an undirected edge leads both ways, and a self-loop once.

    offsets    (V + 1,) int64: the edges of node v are offsets[v] to offsets[v + 1] - 1
    neighbors  (E,) int32: the node that each edge leads to, ascending for each node
    alias      (E,) uint64: the alias table of each node (`kernels.fill_alias`); empty if all weights are equal
    shares     (E,) float32: the share of each edge in the weights of its node; empty if all weights are equal
    is_symmetric  1 if every edge also leads back, as in an undirected graph
    """

    offsets: NDArray[np.int64]
    neighbors: NDArray[np.int32]
    alias: NDArray[np.uint64]
    shares: NDArray[np.float32]
    is_symmetric: int


def make_adjacency(edges: Edges) -> tuple[Adjacency, int]:
    """Return the adjacency, and the number of distinct edges.

    The weights of parallel edges are summed; without weights each counts 1. Raises `CorpusError` if there are no edges
    or more nodes than int32 can number, and `NotEnoughMemoryError` before allocating what would not fit.
    """
    _check_size(edges)
    V = len(edges.names)
    keys, weights = _sorted_keys(edges)
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    summed = np.diff(starts, append=len(keys)) if weights is None else np.add.reduceat(weights, starts)
    keys = keys[starts]
    offsets = np.searchsorted(keys, np.arange(V + 1, dtype=np.int64) * V).astype(np.int64)
    is_uniform = summed.min() == summed.max()
    alias, shares = np.empty(0 if is_uniform else len(keys), np.uint64), np.empty(0, np.float32)
    if not is_uniform:
        shares = np.empty(len(keys), np.float32)
        fill_alias(offsets, summed.astype(np.float64), alias, shares)
    n_loops = int(np.count_nonzero(keys % (V + 1) == 0))
    n_edges = len(keys) if edges.is_directed else (len(keys) + n_loops) // 2
    neighbors = (keys % V).astype(np.int32)
    return Adjacency(offsets, neighbors, alias, shares, int(not edges.is_directed)), n_edges


def _check_size(edges: Edges) -> None:
    V, n = len(edges.names), len(edges.sources)
    if n == 0:
        raise CorpusError(f"the graph has {counted(V, 'node')} and no edges: there is nowhere to walk")
    if V > MOST_IDS:
        raise CorpusError(f"the graph has {counted(V, 'node')}: {MOST_IDS:,} are the most")
    entries = n if edges.is_directed else 2 * n
    each = _SORTING_BYTES + (0 if edges.weights is None else _WEIGHT_BYTES)
    parts = {f"sorting {counted(n, 'edge')}": each * entries, f"offsets of {counted(V, 'node')}": 16 * V}
    require_memory(parts, "the graph", "give a smaller graph, or use a machine with more memory")


def _sorted_keys(edges: Edges) -> tuple[NDArray[np.int64], NDArray[np.float64] | None]:
    """Return source * V + target of all edges, both ways if they are undirected, ascending; and their weights."""
    V = len(edges.names)
    sources, targets = edges.sources.astype(np.int64), edges.targets.astype(np.int64)
    keys, weights = sources * V + targets, edges.weights
    if not edges.is_directed:
        is_loop = sources == targets
        back = (targets * V + sources)[~is_loop]
        keys = np.concatenate([keys, back])
        weights = None if weights is None else np.concatenate([weights, weights[~is_loop]])
    if weights is None:
        keys.sort()
        return keys, None
    order = np.argsort(keys, kind="stable")
    return keys[order], weights[order]
