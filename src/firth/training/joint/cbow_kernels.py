"""The kernel of both objectives at once for CBOW: trains a block of tokens, a slice of steps at a time (Numba).

As for skip-gram (`kernels`), the positions of a slice first do their steps along the paths of their targets, and then
those with noise words, which train two positions that are half a block apart.
"""

from functools import lru_cache
from typing import Any, NamedTuple

from firth.compiling.kernel import helper, kernel
from firth.training.cbow import kernels as noise_kernels
from firth.training.cbow import path_kernels
from firth.training.cbow.contexts import Array, ContextTables, list_positions
from firth.training.cbow.kernels import SLICE
from firth.training.cbow.kernels import reset_workspace as reset_noise_workspace
from firth.training.cbow.path_kernels import reset_workspace as reset_path_workspace
from firth.training.windows.layout import STRIP_BYTES


class JointCbowWorkspace(NamedTuple):
    """One thread's scratch arrays, from `make_workspace`; they carry nothing from one block to the next."""

    paths: path_kernels.CbowPathWorkspace
    noise: noise_kernels.CbowWorkspace
    contexts: ContextTables  # that of both
    loss: Array  # likewise
    halt: Array  # likewise


def make_workspace(
    block_size: int, vector_size: int, window: int, negative: int, longest_path: int, halt: Array
) -> JointCbowWorkspace:
    """Allocate one thread's scratch arrays for blocks of at most `block_size` tokens."""
    paths = path_kernels.make_workspace(block_size, vector_size, window, longest_path, halt)
    noise = noise_kernels.make_workspace(0, vector_size, window, negative, halt)
    return JointCbowWorkspace(
        paths, noise._replace(contexts=paths.contexts, loss=paths.loss), paths.contexts, paths.loss, paths.halt
    )


@helper()
def reset_workspace(work, K, tile):
    """Set every number that no position writes."""
    reset_path_workspace(work.paths)
    reset_noise_workspace(work.noise, K, tile)


@lru_cache(maxsize=16)
def compile_train_slice(tile: int, n_tiles: int, n_strips: int, is_weighted: bool = False) -> Any:
    """Return `train_slice` for `n_tiles` tiles of `tile` output rows, and rows of `n_strips` strips.

    is_weighted: see `contexts.compile_make_context`.
    """
    train_paths = path_kernels.compile_train_slice(n_strips, is_weighted)
    train_noise = noise_kernels.compile_train_slice(tile, n_tiles, n_strips, is_weighted)

    @helper()
    def train_slice(block, is_mean, work, n, start, stop):
        """Train the steps `start` to `stop` - 1 of a block of n words; return the number of positions."""
        n_steps = (n + 1) // 2
        train_paths(block, is_mean, work.paths, n, start, stop)
        train_paths(block, is_mean, work.paths, n, n_steps + start, min(n, n_steps + stop))
        return train_noise(block, is_mean, work.noise, n, start, stop)

    return train_slice


@lru_cache(maxsize=16)
def compile_train_block(tile: int, n_tiles: int, n_strips: int) -> Any:
    """Return `train_block` for `n_tiles` tiles of `tile` output rows, and rows of `n_strips` strips."""
    row_bytes = n_strips * STRIP_BYTES
    train_slice = compile_train_slice(tile, n_tiles, n_strips)

    @kernel()
    def train_block(block, is_mean, work):
        """Train on a `JointTokenBlock`, in place; return (words, positions). The summed loss is in `work.loss`.

        is_mean: whether h is the mean of the context; otherwise it is the sum. The `JointCbowWorkspace` is overwritten.
        The same in NumPy: `reference.train_positions`.
        """
        reset_workspace(work, block.K, tile)
        n, words = list_positions(block, work.contexts, row_bytes)
        trained, n_steps = 0, (n + 1) // 2
        for start in range(0, n_steps, SLICE):
            if work.halt[0]:
                break
            trained += train_slice(block, is_mean, work, n, start, min(start + SLICE, n_steps))
        return words, trained

    return train_block
