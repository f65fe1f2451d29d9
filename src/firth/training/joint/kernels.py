"""The kernel of both objectives at once for skip-gram: trains a block of tokens, a slice of windows at a time (Numba).

The loss of a pair is the sum of those of hierarchical softmax and negative sampling (Result 49 of docs/derivation.md).
A slice of at most SLICE windows is trained twice: its windows first do the steps along the paths of their words
(`hierarchical_softmax.window_kernels`), and then those with noise words (`negative_sampling.window_kernels`), from the
center rows that the first left. gensim does the two steps of each pair one after the other, in the same order.

Nothing is checked here: ids pass `guards.checked_ids` before they reach the kernel.
"""

from functools import lru_cache
from typing import Any, NamedTuple

from numpy.typing import NDArray

from firth.compiling.kernel import helper, kernel
from firth.objectives import HuffmanTree
from firth.training.hierarchical_softmax import window_kernels as path_kernels
from firth.training.hierarchical_softmax.window_kernels import reset_workspace as reset_path_workspace
from firth.training.negative_sampling import window_kernels as noise_kernels
from firth.training.negative_sampling.window_kernels import SLICE
from firth.training.negative_sampling.window_kernels import reset_workspace as reset_noise_workspace
from firth.training.windows.frozen import NONE_FROZEN
from firth.training.windows.inputs import InputTables, list_centers, list_windows, slice_range
from firth.training.windows.layout import STRIP_BYTES

Array = NDArray[Any]


class JointTokenBlock(NamedTuple):
    """A block of tokens, and all else that the result of training on it depends on.

    It has the fields of a `TokenBlock` and of a `NodeTokenBlock`, and is given to the kernels of both.
    """

    center: Array
    outside: Array
    nodes: Array
    tokens: Array
    keep: Array
    alias: Array
    tree: HuffmanTree
    key: Any
    window: int
    shrink: bool
    K: int
    rate: Any
    exchange: int
    frozen: Array = NONE_FROZEN


class JointWorkspace(NamedTuple):
    """One thread's scratch arrays, from `make_workspace`; they carry nothing from one block to the next."""

    paths: path_kernels.PathWorkspace
    noise: noise_kernels.Workspace
    inputs: InputTables  # that of both
    loss: Array  # likewise
    halt: Array  # likewise


def make_workspace(
    block_size: int, vector_size: int, window: int, negative: int, longest_path: int, halt: Array
) -> JointWorkspace:
    """Allocate one thread's scratch arrays for blocks of at most `block_size` tokens."""
    paths = path_kernels.make_workspace(block_size, vector_size, window, longest_path, halt)
    noise = noise_kernels.make_workspace(0, vector_size, window, negative, halt)
    return JointWorkspace(
        paths, noise._replace(inputs=paths.inputs, loss=paths.loss), paths.inputs, paths.loss, paths.halt
    )


@helper()
def reset_workspace(work, K, tile, row_bytes):
    """Set every number that no window writes."""
    reset_path_workspace(work.paths, row_bytes)
    reset_noise_workspace(work.noise, K, tile, row_bytes)


@lru_cache(maxsize=16)
def compile_train_windows(tile: int, n_tiles: int, n_strips: int) -> Any:
    """Return `train_windows` for `n_tiles` tiles of `tile` output rows, and rows of `n_strips` strips."""
    row_bytes = n_strips * STRIP_BYTES
    train_paths = path_kernels.compile_train_windows(n_strips)
    train_noise = noise_kernels.compile_train_windows(tile, n_tiles, n_strips)

    @helper()
    def train_windows(block, work, n, start, stop):
        """Train on the windows around words `start` to `stop` - 1, at most SLICE, of n; return the number of pairs."""
        first, last = slice_range(block.window, work.inputs, start, stop)
        list_centers(block, first, start, last, work.inputs, row_bytes)
        train_paths(block, work.paths, n, start, stop)
        list_centers(block, first, start, last, work.inputs, row_bytes)
        return train_noise(block, work.noise, n, start, stop)

    return train_windows


@lru_cache(maxsize=16)
def compile_train_block(tile: int, n_tiles: int, n_strips: int) -> Any:
    """Return `train_block` for `n_tiles` tiles of `tile` output rows, and rows of `n_strips` strips."""
    row_bytes = n_strips * STRIP_BYTES
    train_windows = compile_train_windows(tile, n_tiles, n_strips)

    @kernel()
    def train_block(block, work):
        """Train on a `JointTokenBlock`, in place; return (words, pairs). The summed loss is in `work.loss`.

        The `JointWorkspace` is overwritten. The same in NumPy: `reference.train_block`.
        """
        reset_workspace(work, block.K, tile, row_bytes)
        n, words = list_windows(block, work.inputs, row_bytes)
        pairs = 0
        for start in range(0, n, SLICE):
            if work.halt[0]:
                break
            pairs += train_windows(block, work, n, start, min(start + SLICE, n))
        return words, pairs

    return train_block
