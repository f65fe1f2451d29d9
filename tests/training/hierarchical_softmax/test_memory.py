"""The estimate of the tree's size; `tests/test_resources.py` measures all of the memory."""

import numpy as np
import pytest

from firth.objectives import huffman_tree
from firth.training.hierarchical_softmax.memory import path_nodes


@pytest.mark.parametrize("counts", [10**7 // np.arange(1, 10**5), np.ones(1000, int), 2 ** np.arange(30)[::-1]])
def test_the_nodes_of_all_paths_are_estimated_well(counts):
    assert path_nodes(counts) == pytest.approx(len(huffman_tree(counts).points), rel=0.06)
