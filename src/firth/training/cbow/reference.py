"""The kernels of CBOW in plain NumPy, equation by equation: for reading, debugging and tests.

They take the same arguments as the kernels, make the same random draws and do the same steps in the same order, so
results differ by rounding only. `firth.training.negative_sampling.reference` explains how to step through them.
Equation numbers are those of docs/derivation.md.
"""

import numpy as np
from numpy.typing import NDArray

from firth.objectives import HuffmanTree, sigmoid
from firth.text import END
from firth.training.cbow.kernels import CbowWorkspace
from firth.training.cbow.path_kernels import CbowPathWorkspace
from firth.training.draws import draw_noise
from firth.training.hierarchical_softmax.window_kernels import NodeTokenBlock
from firth.training.negative_sampling.reference import windows
from firth.training.negative_sampling.window_kernels import Array, TokenBlock
from firth.training.windows.frozen import unchanged

Ids = NDArray[np.int32]
_NO_WORDS = np.empty(0, np.int32)


def position_step(
    V: Array,
    U: Array,
    pair: list[tuple[int, Ids]],
    noise: Ids,
    rate: float,
    *,
    is_mean: bool,
    counts: Array | None = None,
) -> float:
    """Do the step (36), (36a) of one or two positions, in place; return the sum of their losses (34) in nats.

    V, U   (words, D) float32: input and output vectors
    pair   the target o of each position and its context, (M,) words with repeats, M at least 1
    noise  (K,) noise words, with repeats; those equal to o are left out for its position (Result 18)
    counts (words,) how often each word counts in a context; None for once
    """
    loss, changes = 0.0, []
    for o, context in pair:
        outputs = np.append(o, noise[noise != o])
        h = context_vector(V, context, is_mean=is_mean, counts=counts)
        t = (np.arange(len(outputs)) == 0).astype(V.dtype)
        s = U[outputs] @ h
        e = sigmoid(s).astype(V.dtype) - t
        changes += [(V, context, -rate * (e @ U[outputs])), (U, outputs, -rate * np.outer(e, h))]
        loss += float(np.logaddexp(0, (1 - 2 * t) * s).sum(dtype=np.float64))
    for matrix, rows, change in changes:
        np.add.at(matrix, rows, change)  # a row that occurs r times changes r times
    return loss


def path_position_step(
    V: Array,
    Q: Array,
    path: tuple[Ids, NDArray[np.int8]],
    context: Ids,
    rate: float,
    *,
    is_mean: bool,
    counts: Array | None = None,
) -> float:
    """Do the step (36a) of one position under hierarchical softmax, in place; return its loss in nats.

    V, Q     (words, D), (nodes, D) float32: input vectors, and vectors of the nodes
    path     (L,) the nodes of the target's path, without repeats, and (L,) its code
    context  (M,) words, with repeats, M at least 1
    counts   (words,) how often each word counts in a context; None for once
    """
    nodes, code = path
    h, signs = context_vector(V, context, is_mean=is_mean, counts=counts), (1 - 2 * code).astype(V.dtype)
    s = Q[nodes] @ h
    e = (-signs * sigmoid(-signs * s)).astype(V.dtype)  # sigma(s) - t
    change = -rate * (e @ Q[nodes])
    Q[nodes] -= rate * np.outer(e, h)
    np.add.at(V, context, change)
    return float(np.logaddexp(0, -signs * s).sum(dtype=np.float64))


def context_vector(V: Array, context: Ids, *, is_mean: bool, counts: Array | None = None) -> Array:
    """Return the mean or the sum of the rows of a context, (33), each row counted so often; None for once."""
    weights = (np.ones(len(V)) if counts is None else counts)[context].astype(V.dtype)
    total: Array = weights @ V[context]
    return total / weights.sum() if is_mean else total


def train_block(block: TokenBlock, is_mean: bool, work: CbowWorkspace) -> tuple[int, int]:
    """Do what `kernels.train_block` does."""
    positions, noise, loss, trained = windows(block), np.empty(block.K, np.int32), 0.0, 0
    n_steps = (len(positions) + 1) // 2
    for i in range(n_steps):
        if work.halt[0]:
            break
        pair = [(o, context) for o, context in positions[i::n_steps] if len(context)]
        draw_noise(block.key, i * block.K, block.K, block.alias, noise)
        with unchanged(block.center, block.frozen, np.concatenate([_NO_WORDS, *(context for _, context in pair)])):
            loss += position_step(block.center, block.outside, pair, noise, float(block.rate), is_mean=is_mean)
        trained += len(pair)
    work.loss[:] = 0
    work.loss[0] = loss
    return int(np.count_nonzero(block.tokens != END)), trained


def train_path_block(block: NodeTokenBlock, is_mean: bool, work: CbowPathWorkspace) -> tuple[int, int]:
    """Do what `path_kernels.train_block` does."""
    loss, trained, tree = 0.0, 0, HuffmanTree(*block.tree)
    for o, context in windows(block):
        if work.halt[0]:
            break
        if len(context):
            with unchanged(block.center, block.frozen, context):
                loss += path_position_step(
                    block.center, block.nodes, tree.path(o), context, float(block.rate), is_mean=is_mean
                )
            trained += 1
    work.loss[:] = 0
    work.loss[0] = loss
    return int(np.count_nonzero(block.tokens != END)), trained
