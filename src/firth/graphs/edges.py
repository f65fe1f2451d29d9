"""The edges of a graph as arrays, with the names of its nodes: what every kind of input is turned into."""

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.errors import CorpusError
from firth.messages import counted, option
from firth.options import shortened


class Edges(NamedTuple):
    """The edges of a graph, as given.

    sources, targets  (n,) integers: the numbers of their nodes, below V
    weights           (n,) float64, positive; None: every edge has weight 1
    names             of the nodes: V str, or V int
    is_directed       whether an edge leads only from its source to its target
    n_comments        lines of a file that were skipped as comments
    """

    sources: NDArray[np.integer[Any]]
    targets: NDArray[np.integer[Any]]
    weights: NDArray[np.float64] | None
    names: list[Any]
    is_directed: bool
    n_comments: int = 0


def checked_weights(weights: Any, noun: str = "edge", first: int = 0) -> NDArray[np.float64]:
    """Return weights as float64; raise `CorpusError` unless all are positive and finite, showing the first that is not.

    noun, first  what an entry is called in the message, and the number of the first: "row", 1
    """
    try:
        array: NDArray[np.float64] = np.asarray(weights, np.float64)
    except (TypeError, ValueError) as error:
        raise CorpusError(f"a weight is not a number ({error}): give positive, finite numbers") from None
    wrong = np.flatnonzero(~((array > 0) & np.isfinite(array)))
    if len(wrong):
        i = int(wrong[0])
        others = f" (as in {counted(len(wrong) - 1, 'other')})" if len(wrong) > 1 else ""
        raise CorpusError(
            f"{noun} {first + i:,} has weight {array[i]:g}{others}: give positive, finite weights, and leave out edges "
            "that have none"
        )
    return array


def has_weight(weight: str | None, names: Collection[str], missing: str) -> bool:
    """Return whether edges have a weight of that name; raise `CorpusError` if a name other than the default is missing.

    missing  the start of the message, such as "the table has no column"
    """
    if weight is not None and weight not in names and weight != "weight":
        raise CorpusError(
            f"{missing} {weight!r} for {option('weight', shortened(weight))}: give the name of the weights, or "
            f"{option('weight', 'None')} to ignore weights"
        )
    return weight in names


def checked_names(names: list[Any]) -> list[Any]:
    """Return the names of nodes as str or Python's int; raise `CorpusError` for other types, and for both."""
    kinds = {type(name) for name in names}
    if "" in names:
        raise CorpusError("a node has an empty name: give it another, because vectors cannot be saved for it")
    if kinds <= {str} or kinds <= {int}:
        return names
    for name in names:
        if not isinstance(name, (str, int, np.integer)) or isinstance(name, bool):
            raise CorpusError(
                f"the node {shortened(name)} is of type {type(name).__name__}: give nodes names of type str or int, "
                "for example by networkx.relabel_nodes(graph, str)"
            )
    if str in kinds:
        raise CorpusError("some nodes are of type str and others of type int: give all nodes names of one type")
    return [int(name) for name in names]


def check_ends(ends: NDArray[np.integer[Any]], n_nodes: int, name: str) -> None:
    """Raise `CorpusError` if a number is not one of a node; `name` is the array's."""
    if len(ends) and (ends.min() < 0 or ends.max() >= n_nodes):
        raise CorpusError(
            f"{name} has numbers from {ends.min()} to {ends.max()}, but the graph has {counted(n_nodes, 'node')}, "
            f"numbered 0 to {n_nodes - 1}"
        )
