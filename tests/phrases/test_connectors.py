"""The trie of runs of connector words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.phrases.connectors import empty_table, number_runs

WORDS = [f"w{i}" for i in range(50)]


@given(st.lists(st.lists(st.integers(0, 49), max_size=4), max_size=50))
def test_each_distinct_run_has_a_node(runs):
    table, nodes = number_runs(runs)
    texts = [table.run(node, WORDS) for node in range(table.n_nodes)]
    assert [texts[node] for node in nodes] == [tuple(WORDS[i] for i in run) for run in runs]
    assert len(set(texts)) == len(texts) == table.n_nodes


def test_the_empty_table_has_the_empty_run():
    table = empty_table()
    assert (table.n_nodes, table.run(0, WORDS)) == (1, ())


@pytest.mark.parametrize("length", [1, 2000, 5000])
def test_an_enlarged_table_has_the_same_runs(length):
    table, _ = number_runs([[i % 50 for i in range(length)]])
    larger = table.enlarged()
    assert len(larger.keys) == 2 * len(table.keys)
    assert larger.n_nodes == table.n_nodes == length + 1
    assert (larger.parents[: length + 1] == table.parents[: length + 1]).all()
    assert (larger.connectors[: length + 1] == table.connectors[: length + 1]).all()
    assert (larger.keys >= 0).sum() == length
