"""The kernel of CBOW with negative sampling in plain NumPy, equation by equation: for reading, debugging and tests.

It takes the same arguments as `kernels.train_block`, makes the same random draws and does the same steps in the same
order, so results differ by rounding only. Equation numbers are those of docs/derivation.md.
"""

import numpy as np
from numpy.typing import NDArray

from firth.objectives import sigmoid
from firth.text import END
from firth.training.cbow.kernels import CbowWorkspace
from firth.training.draws import draw_noise
from firth.training.negative_sampling.reference import windows
from firth.training.negative_sampling.window_kernels import Array, TokenBlock

Ids = NDArray[np.int32]


def position_step(V: Array, U: Array, pair: list[tuple[int, Ids]], noise: Ids, rate: float, *, is_mean: bool) -> float:
    """Do the step (36) of one or two positions, in place; return the sum of their losses (34) in nats.

    V, U   (words, D) float32: input and output vectors
    pair   the target o of each position and its context, (M,) words with repeats, M at least 1
    noise  (K,) noise words, with repeats; those equal to o are left out for its position (Result 18)
    """
    loss, changes = 0.0, []
    for o, context in pair:
        h = V[context].sum(axis=0) / V.dtype.type(len(context) if is_mean else 1)
        outputs = np.append(o, noise[noise != o])
        Y, t = U[outputs], (np.arange(len(outputs)) == 0).astype(V.dtype)
        s = Y @ h
        e = sigmoid(s).astype(V.dtype) - t
        changes += [(V, context, -rate * (e @ Y)), (U, outputs, -rate * np.outer(e, h))]
        loss += float(np.logaddexp(0, (1 - 2 * t) * s).sum(dtype=np.float64))
    for matrix, rows, change in changes:
        np.add.at(matrix, rows, change)  # a row that occurs r times changes r times
    return loss


def train_block(block: TokenBlock, is_mean: bool, work: CbowWorkspace) -> tuple[int, int]:
    """Do what `kernels.train_block` does."""
    positions, noise, loss, trained = windows(block), np.empty(block.K, np.int32), 0.0, 0
    n_steps = (len(positions) + 1) // 2
    for i in range(n_steps):
        if work.halt[0]:
            break
        pair = [(o, context) for o, context in positions[i::n_steps] if len(context)]
        draw_noise(block.key, i * block.K, block.K, block.alias, noise)
        loss += position_step(block.center, block.outside, pair, noise, float(block.rate), is_mean=is_mean)
        trained += len(pair)
    work.loss[:] = 0
    work.loss[0] = loss
    return int(np.count_nonzero(block.tokens != END)), trained
