"""The kernels for subwords of CBOW: train one block of tokens, some steps at a time, with composed vectors (Numba).

fastText's context vector is the mean of all rows of all words of the context, and its step adds the change of the
context vector to each of these rows. The vector x_w of a word is the mean of its n_w rows (`kernels`), so the context
vector is the mean of the x_w, each counted n_w times, and the step adds its change to each x_w once. As for skip-gram,
the vectors of the words of a slice are composed once, trained like center rows, and their changes are added to the
rows at its end. With negative sampling the two positions of a step come from two places of the block, half a block
apart, so a slice has the words of two runs of positions.
"""

from functools import lru_cache
from typing import Any

from firth.compiling.kernel import helper, kernel
from firth.training.cbow import path_kernels
from firth.training.cbow.contexts import list_positions
from firth.training.cbow.kernels import compile_train_slice, reset_workspace
from firth.training.cbow.path_kernels import reset_workspace as reset_path_workspace
from firth.training.joint import cbow_kernels as joint_kernels
from firth.training.joint.cbow_kernels import reset_workspace as reset_joint_workspace
from firth.training.subwords.kernels import compile_composing, number_words
from firth.training.windows.inputs import slice_range
from firth.training.windows.layout import STRIP_BYTES


@helper()
def list_words(block, work, n, places, start, stop):
    """Write the distinct words of the steps `start` to `stop` - 1 of a block of n words; return how many there are.

    A step has a position in each of `places` equal parts of the block. Also set the row of each word in `work.vectors`,
    and the number of rows that it is composed of.
    """
    tables, n_words = work.windows.contexts, 0
    for place in range(places):
        offset = place * ((n + places - 1) // places)
        if offset + start == n:  # the last step of an odd number of words has one position
            continue
        first, last = slice_range(block.tokens.window, tables, offset + start, min(n, offset + stop))
        n_words = number_words(tables, first, last, n_words, work.words, work.place)
        for i in range(first, last):
            word = tables.kept[i]
            tables.counts[i] = block.starts[word + 1] - block.starts[word]
    return n_words


@lru_cache(maxsize=16)
def compile_train_block(tile: int, n_tiles: int, n_strips: int) -> Any:
    """Return `train_block` of negative sampling, for `n_tiles` tiles of `tile` output rows and `n_strips` strips."""

    @helper()
    def reset(tokens, steps):
        reset_workspace(steps, tokens.K, tile)

    train_slice = compile_train_slice(tile, n_tiles, n_strips, is_weighted=True)
    return compile_slices(reset, train_slice, 2, n_strips)


@lru_cache(maxsize=16)
def compile_train_paths(n_strips: int) -> Any:
    """Return `train_block` of hierarchical softmax, for rows of `n_strips` strips."""

    @helper()
    def reset(tokens, steps):
        reset_path_workspace(steps)

    return compile_slices(reset, path_kernels.compile_train_slice(n_strips, is_weighted=True), 1, n_strips)


@lru_cache(maxsize=16)
def compile_train_joint(tile: int, n_tiles: int, n_strips: int) -> Any:
    """Return `train_block` of both objectives at once; the arguments are those of `compile_train_block`."""

    @helper()
    def reset(tokens, steps):
        reset_joint_workspace(steps, tokens.K, tile)

    return compile_slices(
        reset, joint_kernels.compile_train_slice(tile, n_tiles, n_strips, is_weighted=True), 2, n_strips
    )


def compile_slices(reset: Any, train_slice: Any, places: int, n_strips: int) -> Any:
    """Return `train_block` for an objective: `reset` prepares its scratch arrays, `train_slice` trains a slice.

    A step has `places` positions.
    """
    row_bytes = n_strips * STRIP_BYTES
    compose, add_changes = compile_composing(n_strips)

    @kernel()
    def train_block(block, is_mean, work):
        """Train on a `SubwordBlock`, in place; return (words, positions). The summed loss is in `work.windows.loss`.

        is_mean: whether a context vector is the mean of all rows; otherwise it is their sum. The `SubwordWorkspace` is
        overwritten. The same in NumPy: `reference.train_positions`.
        """
        tokens, steps = block.tokens, work.windows
        reset(tokens, steps)
        n, words = list_positions(tokens, steps.contexts, row_bytes)
        trained, n_steps = 0, (n + places - 1) // places
        for start in range(0, n_steps, block.slice):
            if steps.halt[0]:
                break
            stop = min(start + block.slice, n_steps)
            n_words = list_words(block, work, n, places, start, stop)
            compose(block, work, n_words)
            trained += train_slice(tokens, is_mean, steps, n, start, stop)
            add_changes(block, work, n_words)
        return words, trained

    return train_block
