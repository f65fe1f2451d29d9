"""The kernels in plain NumPy, equation by equation: for reading, debugging and tests.

`Word2Vec(objective="hierarchical_softmax").fit(corpus, kernels="reference")` trains with these functions instead of the
compiled ones; see `firth.training.negative_sampling.reference`. Equation numbers are those of docs/derivation.md.
"""

import numpy as np
from numpy.typing import NDArray

from firth.objectives import HuffmanTree, sigmoid
from firth.text import END
from firth.training.hierarchical_softmax.window_kernels import Array, NodeTokenBlock, PathWorkspace
from firth.training.negative_sampling.reference import windows
from firth.training.windows.frozen import unchanged

Ids = NDArray[np.int32]


def path_step(V: Array, Q: Array, around: Ids, path: tuple[Ids, NDArray[np.int8]], rate: float) -> float:
    """Do the step of one window: (31a), summed over its pairs, in place; return its loss (31) in nats.

    V, Q    (words, D), (nodes, D) float32: center vectors, and vectors of the nodes
    around  (M,) the centers, with repeats
    path    (L,) the nodes of the outside word's path, without repeats, and (L,) its code
    """
    nodes, code = path
    X, Y, signs = V[around], Q[nodes], (1 - 2 * code).astype(V.dtype)
    S = X @ Y.T
    G = -signs * sigmoid(-signs * S)  # sigma(S) - t
    np.add.at(V, around, -rate * (G @ Y))  # a row that occurs r times changes r times
    Q[nodes] -= rate * (G.T @ X)
    return float(np.logaddexp(0, -signs * S).sum(dtype=np.float64))


def train_block(block: NodeTokenBlock, work: PathWorkspace) -> tuple[int, int]:
    """Do what `window_kernels.train_block` does."""
    loss, n_pairs, tree = 0.0, 0, HuffmanTree(*block.tree)
    for o, around in windows(block):
        if work.halt[0]:
            break
        with unchanged(block.center, block.frozen, around):
            loss += path_step(block.center, block.nodes, around, tree.path(o), float(block.rate))
        n_pairs += len(around)
    work.loss[:] = 0
    work.loss[0] = loss
    return int(np.count_nonzero(block.tokens != END)), n_pairs
