"""The fast tree against `firth.objectives.huffman_tree`."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.errors import CorpusError
from firth.objectives import huffman_tree
from firth.training.hierarchical_softmax.tree import make_tree

COUNTS = st.lists(st.one_of(st.integers(1, 5), st.integers(1, 2**40)), min_size=2, max_size=60)  # with many ties


def assert_same_tree(counts):
    for ours, expected in zip(make_tree(counts), huffman_tree(counts), strict=True):
        assert ours.dtype == expected.dtype
        np.testing.assert_array_equal(ours, expected)


@given(COUNTS)
def test_the_tree_is_that_of_the_objectives(counts):
    assert_same_tree(np.sort(np.array(counts, np.int64))[::-1])


def test_the_tree_of_a_large_vocabulary_is_that_of_the_objectives():
    assert_same_tree(np.int64(10**9) // np.arange(1, 100_001))


def test_the_deepest_tree_is_that_of_the_objectives():
    fibonacci = [1, 1]
    while len(fibonacci) < 80:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    counts = np.array(fibonacci[::-1], np.int64)
    assert_same_tree(counts)
    assert make_tree(counts).lengths.max() == 79


def test_a_vocabulary_of_one_word_is_refused():
    with pytest.raises(CorpusError, match=r"vocabulary has 1 word, and hierarchical softmax needs two .* min_count"):
        make_tree(np.array([7]))
