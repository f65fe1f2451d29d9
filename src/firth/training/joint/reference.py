"""The kernels of both objectives at once in plain NumPy: for reading, debugging and tests.

They take the same arguments as the kernels, make the same random draws and do the same steps in the same order, so
results differ by rounding only. `firth.training.negative_sampling.reference` explains how to step through them.
"""

import numpy as np

from firth.objectives import HuffmanTree
from firth.text import END
from firth.training.cbow.reference import path_position_step, position_step
from firth.training.draws import draw_noise
from firth.training.hierarchical_softmax.reference import path_step
from firth.training.joint.cbow_kernels import JointCbowWorkspace
from firth.training.joint.kernels import JointTokenBlock, JointWorkspace
from firth.training.negative_sampling.reference import Ids, window_step, windows
from firth.training.negative_sampling.window_kernels import SLICE
from firth.training.windows.frozen import unchanged


def noise_of(block: JointTokenBlock, step: int) -> Ids:
    """Return the noise words of a step, (K,)."""
    noise = np.empty(block.K, np.int32)
    draw_noise(block.key, step * block.K, block.K, block.alias, noise)
    return noise


def train_block(block: JointTokenBlock, work: JointWorkspace) -> tuple[int, int]:
    """Do what `kernels.train_block` does."""
    V, Q, U, rate = block.center, block.nodes, block.outside, float(block.rate)
    loss, n_pairs, tree, found = 0.0, 0, HuffmanTree(*block.tree), windows(block)
    for start in range(0, len(found), SLICE):
        if work.halt[0]:
            break
        part = found[start : start + SLICE]
        for o, around in part:
            with unchanged(V, block.frozen, around):
                loss += path_step(V, Q, around, tree.path(o), rate)
        for position, (o, around) in enumerate(part, start):
            with unchanged(V, block.frozen, around):
                loss += window_step(V, U, around, o, noise_of(block, position), rate)
            n_pairs += len(around)
    work.loss[:] = 0
    work.loss[0] = loss
    return int(np.count_nonzero(block.tokens != END)), n_pairs


def train_positions(block: JointTokenBlock, is_mean: bool, work: JointCbowWorkspace) -> tuple[int, int]:
    """Do what `cbow_kernels.train_block` does."""
    V, Q, U, rate = block.center, block.nodes, block.outside, float(block.rate)
    loss, trained, tree, found = 0.0, 0, HuffmanTree(*block.tree), windows(block)
    n_steps = (len(found) + 1) // 2
    for start in range(0, n_steps, SLICE):
        if work.halt[0]:
            break
        steps = range(start, min(start + SLICE, n_steps))
        for place in (0, n_steps):
            for o, context in found[place + steps.start : place + steps.stop]:
                if len(context):
                    with unchanged(V, block.frozen, context):
                        loss += path_position_step(V, Q, tree.path(o), context, rate, is_mean=is_mean)
        for i in steps:
            pair = [(o, context) for o, context in found[i::n_steps] if len(context)]
            with unchanged(V, block.frozen, np.concatenate([np.empty(0, np.int32), *(words for _, words in pair)])):
                loss += position_step(V, U, pair, noise_of(block, i), rate, is_mean=is_mean)
            trained += len(pair)
    work.loss[:] = 0
    work.loss[0] = loss
    return int(np.count_nonzero(block.tokens != END)), trained
