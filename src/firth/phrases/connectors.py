"""Runs of connector words: each distinct sequence of them between two words has a number."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.phrases import kernels

_SMALLEST = 1 << 12


class RunTable(NamedTuple):
    """A trie of runs of connector words as a hash table: open addressing, at most half full.

    keys        (capacity,) int64: parent << 32 | connector, or -1 for an empty slot; the capacity is a power of two
    nodes       (capacity,) int32: the child
    parents     (capacity / 2,) int32 of each node; node 0 is the empty run
    connectors  (capacity / 2,) int32: the last connector word of each node's run
    size        (1,) int64: the number of nodes
    """

    keys: NDArray[np.int64]
    nodes: NDArray[np.int32]
    parents: NDArray[np.int32]
    connectors: NDArray[np.int32]
    size: NDArray[np.int64]

    @property
    def n_nodes(self) -> int:
        """The number of nodes, the empty run included."""
        return int(self.size[0])

    def enlarged(self) -> "RunTable":
        """Return a table of twice the capacity with the same runs."""
        return _filled(2 * len(self.keys), self.parents[: self.n_nodes], self.connectors[: self.n_nodes])

    def run(self, node: int, words: Sequence[str]) -> tuple[str, ...]:
        """Return the connector words of a node's run."""
        backwards = []
        while node:
            backwards.append(words[self.connectors[node]])
            node = int(self.parents[node])
        return tuple(reversed(backwards))


def empty_table() -> RunTable:
    """Return a table that holds only the empty run."""
    return _filled(_SMALLEST, np.zeros(1, np.int32), np.zeros(1, np.int32))


def number_runs(runs: Sequence[Sequence[int]]) -> tuple[RunTable, list[int]]:
    """Return a table of runs, each a sequence of ids, and the node of each."""
    children: dict[tuple[int, int], int] = {}
    nodes, parents, connectors = [], [0], [0]
    for run in runs:
        node = 0
        for connector in run:
            child = children.setdefault((node, connector), len(parents))
            if child == len(parents):
                parents.append(node)
                connectors.append(connector)
            node = child
        nodes.append(node)
    capacity = _SMALLEST
    while len(parents) > capacity // 2:
        capacity *= 2
    return _filled(capacity, np.array(parents, np.int32), np.array(connectors, np.int32)), nodes


def _filled(capacity: int, parents: NDArray[np.int32], connectors: NDArray[np.int32]) -> RunTable:
    """Return a table of the nodes with these parents and connectors, in the order of their numbers."""
    table = RunTable(
        np.full(capacity, -1, np.int64), np.zeros(capacity, np.int32),
        np.zeros(capacity // 2, np.int32), np.zeros(capacity // 2, np.int32), np.ones(1, np.int64),
    )  # fmt: skip
    if len(parents) > 1:
        kernels.insert_runs(table, parents, connectors, len(parents))
    return table
