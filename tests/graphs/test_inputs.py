"""Every kind of graph gives the same adjacency, and a wrong one a clear error."""

import igraph
import networkx as nx
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from firth import CorpusError, RandomWalks
from firth.graphs.adjacency import make_adjacency
from firth.graphs.inputs import read_edges
from graphs._graphs import random_matrix


def weights_of(graph, **options):
    """Return the names of nodes, and the matrix of the shares of each node's edges."""
    edges = read_edges(graph, options.pop("weight", "weight"), options.pop("directed", None))
    adjacency, _ = make_adjacency(edges)
    n = len(edges.names)
    shares = np.zeros((n, n))
    for v in range(n):
        first, stop = adjacency.offsets[v : v + 2]
        own = adjacency.shares[first:stop] if len(adjacency.shares) else np.full(stop - first, 1 / max(1, stop - first))
        shares[v, adjacency.neighbors[first:stop]] = own
    order = sorted(range(n), key=lambda i: edges.names[i])
    return [edges.names[i] for i in order], shares[np.ix_(order, order)]


def expected(weights):
    return weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-300)


def rows_of(weights, directed):
    """Return the edges of a matrix as columns."""
    source, target = np.nonzero(weights if directed else np.triu(weights))
    return {"source": source, "target": target, "weight": weights[source, target]}


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "make",
    [
        lambda rows, directed: (pa.table(rows), {"directed": directed}),
        lambda rows, directed: (pd.DataFrame(rows), {"directed": directed}),
        lambda rows, directed: (pl.DataFrame(rows), {"directed": directed}),
        lambda rows, directed: (
            list(zip(*(column.tolist() for column in rows.values()), strict=True)),
            {"directed": directed},
        ),
        lambda rows, directed: (
            nx.from_pandas_edgelist(
                pd.DataFrame(rows), edge_attr="weight", create_using=nx.DiGraph if directed else nx.Graph
            ),
            {},
        ),
        lambda rows, directed: (
            igraph.Graph(
                9,
                list(zip(rows["source"], rows["target"], strict=True)),
                directed=directed,
                edge_attrs={"weight": rows["weight"]},
            ),
            {},
        ),
    ],
    ids=["arrow", "pandas", "polars", "list", "networkx", "igraph"],
)
def test_graphs_of_all_kinds_have_the_same_probabilities(make, weighted, directed):
    weights = random_matrix(2, 9, directed=directed, weighted=weighted)
    graph, options = make(rows_of(weights, directed), directed)
    names, shares = weights_of(graph, **options)
    assert names == list(range(9))
    np.testing.assert_allclose(shares, expected(weights), rtol=1e-6)


@pytest.mark.parametrize("directed", [False, True])
def test_matrices_and_compressed_rows_hold_one_direction_in_each_entry(directed):
    weights = random_matrix(4, 8, directed=directed, weighted=True)
    matrix = sp.csr_array(weights)
    for graph in (matrix, matrix.tocoo(), sp.csc_matrix(weights), (matrix.indptr, matrix.indices, matrix.data)):
        names, shares = weights_of(graph)
        assert names == list(range(8))
        np.testing.assert_allclose(shares, expected(weights), rtol=1e-6)
    _, shares = weights_of((matrix.indptr, matrix.indices))
    np.testing.assert_allclose(shares, expected((weights > 0) * 1.0), rtol=1e-6)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(1, 4)), min_size=1, max_size=20),
    st.booleans(),
    st.booleans(),
)
def test_parallel_edges_are_summed(rows, directed, weighted):
    if not weighted:
        rows = [row[:2] for row in rows]
    weights = np.zeros((6, 6))
    for source, target, *weight in rows:
        weights[source, target] += weight[0] if weight else 1
        if not directed and source != target:
            weights[target, source] += weight[0] if weight else 1
    used = weights.any(axis=0) | weights.any(axis=1)
    names, shares = weights_of(rows, directed=directed)
    assert names == np.flatnonzero(used).tolist()
    np.testing.assert_allclose(shares, expected(weights[np.ix_(used, used)]), rtol=1e-6)
    assert RandomWalks(rows, directed=directed).n_edges == len(
        {tuple(sorted(row[:2]) if not directed else row[:2]) for row in rows}
    )


def test_an_edge_of_networkx_without_a_weight_has_weight_one():
    graph = nx.MultiGraph([("a", "b", {"weight": 3}), ("a", "c"), ("a", "c")])
    names, shares = weights_of(graph)
    assert names == ["a", "b", "c"]
    np.testing.assert_allclose(shares[0], [0, 0.6, 0.4], rtol=1e-6)


def test_names_of_igraph_are_kept():
    graph = igraph.Graph.TupleList([("x", "y"), ("y", "z")])
    assert weights_of(graph)[0] == ["x", "y", "z"]


def test_the_direction_of_a_graph_can_be_dropped():
    assert weights_of(nx.DiGraph([(0, 1)]), directed=False)[1].tolist() == [[0, 1], [1, 0]]
    assert weights_of(nx.DiGraph([(0, 1)]))[1].tolist() == [[0, 1], [0, 0]]


def test_categories_and_small_integers_are_nodes():
    table = pd.DataFrame({"source": ["a", "b"], "target": ["b", "c"]}).astype("category")
    assert weights_of(table)[0] == ["a", "b", "c"]
    names = weights_of(np.array([[1, 2], [2, 250]], np.uint8))[0]
    assert names == [1, 2, 250]
    assert {type(name) for name in names} == {int}


@pytest.mark.parametrize(
    ("graph", "options", "message"),
    [
        (None, {}, "the graph is of type NoneType: give the path of an edge list"),
        ({"a": "b"}, {}, "the graph is of type dict"),
        ([], {}, "the graph is empty"),
        ([(1, 2), (3,)], {}, r"\(3,\) is not an edge"),
        ([(1, 2), (3, 4, 5.0)], {}, "some edges have a weight and others none"),
        ([("a", 1)], {}, "'source' is of type large_string and 'target' of type int64"),
        ([("a", "b"), (1, "c")], {}, "the edges cannot be read"),
        ([(1.5, 2.0)], {}, "the column 'source' is of type double: nodes must be strings or whole numbers"),
        ([(1, 2, 0.0)], {}, "row 1 has weight 0: give positive, finite weights"),
        ([(1, 2, 1.0), (1, 3, float("nan")), (1, 4, -1.0)], {}, r"row 2 has weight nan \(as in 1 other\): give"),
        ([("a", None)], {}, "the column 'target' is of type null|null in row 1"),
        (pa.table({"a": [1], "b": [2]}), {}, "columns 'a', 'b': rename those of the nodes to 'source' and 'target'"),
        (pa.table({"source": [1, None], "target": [2, 3]}), {}, "'source' is null in row 2"),
        (pa.table({"source": [1], "target": [2], "weight": ["x"]}), {}, "'weight' is of type string"),
        (
            pa.table({name: pa.array([2**63], pa.uint64()) for name in ("source", "target")}),
            {},
            "cannot be read as int64",
        ),
        (np.zeros((3, 3)), {}, "array of float64 of shape .* scipy.sparse.csr_array"),
        (sp.csr_array(np.ones((2, 3))), {}, r"shape \(2, 3\): an adjacency matrix is square"),
        (sp.csr_array(np.triu(np.ones((3, 3)))), {"directed": False}, "not symmetric, and directed=False"),
        (sp.csr_array(np.zeros((3, 3))), {}, "3 nodes and no edges"),
        (sp.csr_array(-np.eye(2)), {}, r"edge 0 has weight -1 \(as in 1 other\): give"),
        ((np.array([0, 1]), np.array([1])), {}, "indices has numbers from 1 to 1, but the graph has 1 node"),
        ((np.array([0, 2]), np.array([0])), {}, "indptr must run from 0 to 1"),
        ((np.array([0, 1]), np.array([0.5])), {}, "indices is an array of float64"),
        ((np.array([0, 1]), np.array([0]), np.ones(2)), {}, "weights has 2 numbers, but indices has 1: give"),
        (nx.Graph([((0, 0), (0, 1))]), {}, r"the node \(0, 0\) is of type tuple: .*relabel_nodes"),
        ([("", "a")], {}, "a node has an empty name"),
        (nx.Graph([("", "a")]), {}, "a node has an empty name"),
        (nx.Graph([("a", 1)]), {}, "some nodes are of type str and others of type int"),
        (nx.Graph([(1, 2, {"weight": "x"})]), {}, "a weight is not a number"),
        (nx.Graph([(1, 2, {"weight": 0})]), {}, "edge 0 has weight 0"),
        (nx.path_graph(3), {"weight": "cost"}, "no edge has the attribute 'cost' for weight='cost': give the name"),
        (igraph.Graph(2, [(0, 1)]), {"weight": "cost"}, "no edge has the attribute 'cost'"),
        (pa.table({"source": [1], "target": [2]}), {"weight": "n"}, "the table has no column 'n' for weight='n'"),
        (nx.empty_graph(3), {}, "3 nodes and no edges"),
        (igraph.Graph(2, [(0, 1)], vertex_attrs={"name": ["a", "a"]}), {}, "two vertices .* same name"),
    ],
)
def test_a_wrong_graph_is_refused_with_the_reason(graph, options, message):
    with pytest.raises(CorpusError, match=message):
        RandomWalks(graph, **options)
