"""The kernels for subwords in plain NumPy, for reading, debugging and tests.

They take the same arguments as those of `kernels` and `cbow_kernels`, make the same random draws and do the same steps
in the same order, so results differ by rounding only. Equation numbers are those of docs/derivation.md.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from firth.objectives import HuffmanTree
from firth.text import END
from firth.training.cbow.reference import path_position_step, position_step
from firth.training.draws import draw_noise
from firth.training.hierarchical_softmax.reference import path_step
from firth.training.hierarchical_softmax.window_kernels import NodeTokenBlock
from firth.training.joint.kernels import JointTokenBlock
from firth.training.negative_sampling.reference import sentences, window_step, windows
from firth.training.negative_sampling.window_kernels import TokenBlock
from firth.training.subwords.kernels import SubwordBlock, SubwordWorkspace
from firth.training.windows.frozen import unchanged

WindowStep: TypeAlias = Callable[[NDArray[Any], NDArray[np.int32], int], float]
"""Changes vectors for the words around o, in place, and the output rows; returns the loss."""
Position: TypeAlias = tuple[int, NDArray[np.int32]]
"""A word, and the words of its window."""
PositionStep: TypeAlias = Callable[[NDArray[Any], NDArray[Any], list[tuple[int, NDArray[np.int32]]]], float]
"""Changes vectors, that count so often, for targets and their contexts, in place, and the output rows; likewise."""


def rows_of(block: SubwordBlock, word: int) -> NDArray[np.int32]:
    """Return the rows that the vector of a word is composed of."""
    rows: NDArray[np.int32] = block.rows[block.starts[word] : block.starts[word + 1]]
    return rows


def composed(block: SubwordBlock, words: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the vectors of words: the mean of the rows of each."""
    return np.array([block.inputs[rows_of(block, word)].mean(axis=0) for word in words.tolist()])


def add_changes(block: SubwordBlock, words: NDArray[np.int32], changes: NDArray[np.float32]) -> None:
    """Add the change of the vector of each word to each of its rows, but frozen ones."""
    for word, change in zip(words.tolist(), changes, strict=True):
        rows = rows_of(block, word)
        np.add.at(block.inputs, rows[~block.frozen[rows]] if len(block.frozen) else rows, change)


def frozen_among(block: SubwordBlock, words: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return which of these words are frozen, or an empty mask if no row is."""
    mask: NDArray[np.bool_] = block.frozen[words] if len(block.frozen) else block.frozen
    return mask


def noise_step(tokens: TokenBlock | JointTokenBlock, position: int) -> WindowStep:
    """Return the step of negative sampling for the window at a position."""
    noise = np.empty(tokens.K, np.int32)
    draw_noise(tokens.key, position * tokens.K, tokens.K, tokens.alias, noise)
    return lambda vectors, around, o: window_step(vectors, tokens.outside, around, o, noise, float(tokens.rate))


def nodes_step(tokens: NodeTokenBlock | JointTokenBlock, position: int) -> WindowStep:
    """Return the step of hierarchical softmax, which is the same at every position."""
    tree, rate = HuffmanTree(*tokens.tree), float(tokens.rate)
    return lambda vectors, around, o: path_step(vectors, tokens.nodes, around, tree.path(o), rate)


def noise_position_step(tokens: TokenBlock | JointTokenBlock, i: int, is_mean: bool) -> PositionStep:
    """Return step i of negative sampling for the positions of a step of CBOW."""
    noise = np.empty(tokens.K, np.int32)
    draw_noise(tokens.key, i * tokens.K, tokens.K, tokens.alias, noise)
    return lambda vectors, counts, pair: position_step(
        vectors, tokens.outside, pair, noise, float(tokens.rate), is_mean=is_mean, counts=counts
    )


def nodes_position_step(tokens: NodeTokenBlock | JointTokenBlock, i: int, is_mean: bool) -> PositionStep:
    """Return the step of hierarchical softmax for one position of CBOW, or none."""
    tree, rate = HuffmanTree(*tokens.tree), float(tokens.rate)
    return lambda vectors, counts, pair: sum(
        path_position_step(vectors, tokens.nodes, tree.path(o), context, rate, is_mean=is_mean, counts=counts)
        for o, context in pair
    )


def has_noise(tokens: TokenBlock | NodeTokenBlock | JointTokenBlock) -> bool:
    """Return whether a block is trained with noise words."""
    return not isinstance(tokens, NodeTokenBlock)


def has_nodes(tokens: TokenBlock | NodeTokenBlock | JointTokenBlock) -> bool:
    """Return whether a block is trained along paths; if also with noise words, paths come first."""
    return not isinstance(tokens, TokenBlock)


def train_block(block: SubwordBlock, work: SubwordWorkspace) -> tuple[int, int]:
    """Do what `train_block` of `kernels` does, for any objective."""
    tokens = block.tokens
    kept = np.concatenate([*sentences(tokens.tokens, tokens.keep, tokens.key), np.empty(0, np.int32)])
    loss, n_pairs, found = 0.0, 0, windows(tokens)
    for start in range(0, len(found), block.slice):
        if work.windows.halt[0]:
            break
        stop = min(start + block.slice, len(found))
        words = np.unique(kept[max(0, start - tokens.window) : stop + tokens.window])
        before = composed(block, words)
        vectors = before.copy()
        passes = [nodes_step] * has_nodes(tokens) + [noise_step] * has_noise(tokens)
        for make_step, position in itertools.product(passes, range(start, stop)):
            o, around = found[position]
            places = np.searchsorted(words, around).astype(np.int32)
            with unchanged(vectors, frozen_among(block, words), places):
                loss += make_step(tokens, position)(vectors, places, o)
        n_pairs += sum(len(around) for _, around in found[start:stop])
        add_changes(block, words, vectors - before)
    work.windows.loss[:] = 0
    work.windows.loss[0] = loss
    return int(np.count_nonzero(tokens.tokens != END)), n_pairs


def slice_steps(
    tokens: TokenBlock | NodeTokenBlock | JointTokenBlock, found: list[Position], steps: range
) -> Iterator[tuple[Callable[..., PositionStep], int, list[Position]]]:
    """Yield the steps of a slice of CBOW: the function that makes each, its number, and its positions."""
    offset = (len(found) + 1) // 2
    if not has_noise(tokens):
        yield from ((nodes_position_step, i, found[i : i + 1]) for i in steps)
        return
    if has_nodes(tokens):
        yield from ((nodes_position_step, i, found[place + i : place + i + 1]) for place in (0, offset) for i in steps)
    yield from ((noise_position_step, i, found[i::offset]) for i in steps)


def train_positions(block: SubwordBlock, is_mean: bool, work: SubwordWorkspace) -> tuple[int, int]:
    """Do what `train_block` of `cbow_kernels` does, for any objective."""
    tokens, found = block.tokens, windows(block.tokens)
    offset = (len(found) + 1) // 2 if has_noise(tokens) else len(found)
    loss, trained = 0.0, 0
    for start in range(0, offset, block.slice):
        if work.windows.halt[0]:
            break
        steps = range(start, min(start + block.slice, offset))
        words = np.unique(np.concatenate([around for i in steps for _, around in found[i::offset]]))
        before = composed(block, words) if len(words) else np.empty((0, block.inputs.shape[1]), np.float32)
        vectors, counts = before.copy(), np.diff(block.starts)[words]
        for make_step, i, positions in slice_steps(tokens, found, steps):
            filled = [(o, around) for o, around in positions if len(around)]
            pair = [(o, np.searchsorted(words, around).astype(np.int32)) for o, around in filled]
            with unchanged(vectors, frozen_among(block, words), np.arange(len(words), dtype=np.int32)):
                loss += make_step(tokens, i, is_mean)(vectors, counts, pair)
        trained += sum(len(around) > 0 for i in steps for _, around in found[i::offset])
        add_changes(block, words, vectors - before)
    work.windows.loss[:] = 0
    work.windows.loss[0] = loss
    return int(np.count_nonzero(tokens.tokens != END)), trained
