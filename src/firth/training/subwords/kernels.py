"""The kernel for subwords: trains one block of tokens, some windows at a time, with composed center vectors (Numba).

The vector of a word is the mean of its rows, and a step adds the change of the vector to each of them, as fastText
does (Result 38 of docs/derivation.md). A block is trained in slices of at most SLICE windows. At the beginning of a
slice the vectors of its words are composed once; the steps of its windows change these vectors, exactly as they change
center rows without subwords; at the end of the slice the change of each vector is added to its rows. So within a slice
a word does not see what other words do to the n-grams that it shares with them. The windows are those of negative
sampling, of hierarchical softmax, or of both.

A frozen word keeps its vector, so all its rows are frozen. Other words that have some of them are trained by the rest
of their rows.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.compiling.kernel import address, helper, kernel, prefetch
from firth.training.hierarchical_softmax import window_kernels as path_kernels
from firth.training.hierarchical_softmax.window_kernels import NodeTokenBlock
from firth.training.hierarchical_softmax.window_kernels import reset_workspace as reset_path_workspace
from firth.training.joint import kernels as joint_kernels
from firth.training.joint.kernels import JointTokenBlock
from firth.training.joint.kernels import reset_workspace as reset_joint_workspace
from firth.training.negative_sampling.window_kernels import (
    SLICE,
    TokenBlock,
    compile_train_windows,
    reset_workspace,
)
from firth.training.windows.frozen import NONE_FROZEN
from firth.training.windows.inputs import keep_words, list_centers, slice_range
from firth.training.windows.layout import LANES, STRIP_BYTES, aligned_zeros, strips

Array = NDArray[Any]


class SubwordBlock(NamedTuple):
    """A block of tokens, the rows that vectors are composed of, and one thread's vectors."""

    tokens: TokenBlock | NodeTokenBlock | JointTokenBlock
    #       its `center` and `frozen` are those of a slice, of `SubwordWorkspace`
    inputs: Array  # (V + N, D padded) float32: rows of words and n-grams; training changes them
    starts: Array  # as in `rows.RowLists`
    rows: Array  # likewise
    slice: int = SLICE  # windows or steps of a slice, at most SLICE
    frozen: Array = NONE_FROZEN  # (V + N,) bool: the rows of `inputs` that stay as they are; empty: none


class SubwordWorkspace(NamedTuple):
    """One thread's scratch arrays; they carry nothing from one block to the next."""

    windows: Any  # that of the objective without subwords, such as `Workspace` or `CbowPathWorkspace`
    vectors: Array  # (n, D padded) float32: the vectors of the words of a slice, trained in place
    before: Array  # the same before training
    words: Array  # (n,) int32: the distinct words of the slice, of at most n words
    place: Array  # (V,) int32: where each stands in `words`; undefined for other words
    frozen: Array  # (n,) bool: whether the row of the word itself is frozen; only set if the block has frozen rows


def make_subword_workspace(V: int, vector_size: int, n: int, work: Any) -> SubwordWorkspace:
    """Allocate one thread's scratch arrays for a vocabulary of V words and slices of n; `work` are those of steps."""
    width = LANES * strips(vector_size)
    return SubwordWorkspace(
        windows=work,
        vectors=aligned_zeros((n, width)),
        before=aligned_zeros((n, width)),
        words=np.zeros(n, np.int32),
        place=np.zeros(V, np.int32),
        frozen=np.zeros(n, np.bool_),
    )


@helper()
def number_words(tables, first, last, n, words, place):
    """Append the distinct words among words `first` to `last` - 1 to the n in `words`; return how many there are now.

    tables: has the fields kept and rows, as `windows.inputs.InputTables`. The place of each is written to `rows`.
    """
    for i in range(first, last):
        word = tables.kept[i]
        at = np.int64(place[word])
        if at >= n or words[at] != word:  # `place` may hold anything for a new word
            at, n = n, n + 1
            words[at], place[word] = word, at
        tables.rows[i] = at
    return n


@lru_cache(maxsize=16)
def compile_composing(n_strips: int) -> Any:
    """Return `compose` and `add_changes` for rows of `n_strips` strips."""
    width, row_bytes = n_strips * LANES, n_strips * STRIP_BYTES

    @helper()
    def fetch_rows(block, words, k, n):
        """Prefetch the rows of word k, if it is one of n: they are scattered over far more memory than caches hold."""
        if k >= n:
            return
        word, inputs = words[k], address(block.inputs)
        for p in range(block.starts[word], block.starts[word + 1]):
            row = inputs + np.int64(block.rows[p]) * row_bytes
            for strip in range(n_strips):
                prefetch(row + strip * STRIP_BYTES, 1)

    @helper()
    def compose(block, work, n):
        """Compose the vectors of the first n of `work.words`: the mean of the rows of each, in order.

        Also note which of these words are frozen.
        """
        inputs, starts, rows = block.inputs, block.starts, block.rows
        vectors, before = work.vectors, work.before
        for k in range(n):
            fetch_rows(block, work.words, k + 1, n)
            first, last = starts[work.words[k]], starts[work.words[k] + 1]
            vectors[k] = 0
            for p in range(first, last):
                row = rows[p]
                for d in range(width):
                    vectors[k, d] += inputs[row, d]
            scale = np.float32(1 / (last - first))
            for d in range(width):
                vectors[k, d] *= scale
                before[k, d] = vectors[k, d]
            if len(block.frozen) > 0:
                work.frozen[k] = block.frozen[work.words[k]]

    @helper()
    def add_changes(block, work, n):
        """Add the change of the vector of each of the first n of `work.words` to each of its rows, but frozen ones."""
        inputs, starts, rows = block.inputs, block.starts, block.rows
        vectors, before = work.vectors, work.before
        for k in range(n):
            fetch_rows(block, work.words, k + 1, n)
            for d in range(width):
                before[k, d] = vectors[k, d] - before[k, d]
            for p in range(starts[work.words[k]], starts[work.words[k] + 1]):
                row = rows[p]
                if len(block.frozen) > 0 and block.frozen[row]:
                    continue
                for d in range(width):
                    inputs[row, d] += before[k, d]

    return compose, add_changes


@lru_cache(maxsize=16)
def compile_train_block(tile: int, n_tiles: int, n_strips: int) -> Any:
    """Return `train_block` of negative sampling, for `n_tiles` tiles of `tile` output rows and `n_strips` strips."""
    row_bytes = n_strips * STRIP_BYTES

    @helper()
    def reset(tokens, windows):
        reset_workspace(windows, tokens.K, tile, row_bytes)

    return compile_slices(reset, compile_train_windows(tile, n_tiles, n_strips), n_strips)


@lru_cache(maxsize=16)
def compile_train_paths(n_strips: int) -> Any:
    """Return `train_block` of hierarchical softmax, for rows of `n_strips` strips."""
    row_bytes = n_strips * STRIP_BYTES

    @helper()
    def reset(tokens, windows):
        reset_path_workspace(windows, row_bytes)

    return compile_slices(reset, path_kernels.compile_train_windows(n_strips), n_strips)


@lru_cache(maxsize=16)
def compile_train_joint(tile: int, n_tiles: int, n_strips: int) -> Any:
    """Return `train_block` of both objectives at once; the arguments are those of `compile_train_block`."""
    row_bytes = n_strips * STRIP_BYTES

    @helper()
    def reset(tokens, windows):
        reset_joint_workspace(windows, tokens.K, tile, row_bytes)

    return compile_slices(reset, joint_kernels.compile_train_windows(tile, n_tiles, n_strips), n_strips)


def compile_slices(reset: Any, train_windows: Any, n_strips: int) -> Any:
    """Return `train_block` for an objective: `reset` prepares its scratch arrays, `train_windows` trains a slice."""
    row_bytes = n_strips * STRIP_BYTES
    compose, add_changes = compile_composing(n_strips)

    @kernel()
    def train_block(block, work):
        """Train on a `SubwordBlock`, in place; return (words, pairs). The summed loss is in `work.windows.loss`.

        The `SubwordWorkspace` is overwritten. The same in NumPy: `reference.train_block`.
        """
        tokens, windows, tables = block.tokens, work.windows, work.windows.inputs
        reset(tokens, windows)
        n, words = keep_words(tokens, tables)
        pairs = 0
        for start in range(0, n, block.slice):
            if windows.halt[0]:
                break
            stop = min(start + block.slice, n)
            first, last = slice_range(tokens.window, tables, start, stop)
            n_words = number_words(tables, first, last, 0, work.words, work.place)
            compose(block, work, n_words)
            list_centers(tokens, first, start, last, tables, row_bytes)
            pairs += train_windows(tokens, windows, n, start, stop)
            add_changes(block, work, n_words)
        return words, pairs

    return train_block
