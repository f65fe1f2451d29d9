"""The arrays that the kernels of the block schedule read and write: text of a chunk, pairs, buckets, scratch space."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.training.windows.frozen import NONE_FROZEN
from firth.training.windows.layout import LANES, aligned_zeros, strips, tiles

GROUP = 16  # most pairs in a group
SEEN = 1024  # a power of two: centers that a group has had are remembered by their low bits
LEAD = 2  # groups ahead of which rows are prefetched

Array = NDArray[Any]


class Bucket(NamedTuple):
    """All that the result of training one bucket depends on."""

    center: NDArray[np.float32]  # (rows, D padded to strips): the matrix, or the rows of it that the bucket needs
    outside: NDArray[np.float32]  # likewise
    pairs: NDArray[np.int32]  # (n, 2): the center's row of `center`, the outside word's row of `outside`; pairs of one
    #                           outside word follow each other
    noise_words: NDArray[np.int32]  # (n_b,): the rows of `outside` that noise words are drawn from
    alias: NDArray[np.uint64]  # (n_b,): `sampling.alias_table` of their distribution
    key: np.uint64  # the seed of the random draws
    rate: np.float32  # learning rate
    negative: int  # K, the noise words of a group
    vector_size: int  # D
    frozen: NDArray[np.bool_] = NONE_FROZEN  # (rows,): the rows of `center` that stay as they are; empty: none


class GroupWorkspace(NamedTuple):
    """One thread's scratch arrays for `train_bucket`; they carry nothing from one bucket to the next.

    What belongs to a group is written LEAD groups ahead, to slot (number of the group) % (LEAD + 1). Addresses are
    int64.
    """

    order: Array  # (n,) int32: the first pair of each group, in the order of training; n pairs at most
    seen: Array  # (SEEN,) int32: the last group with a center that has these low bits
    outputs: Array  # (LEAD + 1, columns + GROUP): rows of the outputs, and of the inputs
    n_inputs: Array  # (LEAD + 1,) int32: the number of pairs of the group
    may_repeat: Array  # (LEAD + 1,) bool: whether two centers of the group may be equal
    row_weights: Array  # (GROUP / 2, 16) float32: how often each input counts, in 8 lanes; 1 between groups
    is_weighted: Array  # (LEAD + 1,) bool: whether a noise word of the group repeats or equals its outside word
    noise: Array  # (K,) int32: the noise words of a group
    column_weights: Array  # (n_tiles, 16) float32: the signed weight of each output, see `simd.score_tile`
    g: Array  # (n_tiles * GROUP / 2, 16) float32: -eta G of (27a)
    sums: Array  # (GROUP,): addresses of the rows of `partial`
    partial: Array  # (GROUP, D padded) float32: input rows whose changes are summed over several tiles
    copies: Array  # (GROUP, D padded) float32: copies of frozen rows
    zero_row: Array  # (D padded,) float32: the input row that an odd last input is paired with
    unused_row: Array  # (D padded,) float32: the output row where a tile has none
    loss: Array  # (16,) float64: the loss summed over the bucket
    halt: Array  # (1,) bool, shared by all threads: True stops training soon


def make_group_workspace(
    vector_size: int, negative: int, halt: Array | None = None, most_pairs: int = 0
) -> GroupWorkspace:
    """Allocate one thread's scratch arrays for buckets of at most `most_pairs` pairs.

    `halt` is the flag that all threads share, if there are several.
    """
    tile, n_tiles = tiles(negative)
    width = LANES * strips(vector_size)
    return GroupWorkspace(
        order=np.empty(most_pairs, np.int32),
        seen=np.zeros(SEEN, np.int32),
        outputs=np.zeros((LEAD + 1, tile * n_tiles + GROUP), np.int64),
        n_inputs=np.zeros(LEAD + 1, np.int32),
        may_repeat=np.zeros(LEAD + 1, np.bool_),
        row_weights=aligned_zeros((GROUP // 2, LANES)),
        is_weighted=np.zeros(LEAD + 1, np.bool_),
        noise=np.zeros(negative, np.int32),
        column_weights=aligned_zeros((n_tiles, LANES)),
        g=aligned_zeros((n_tiles * GROUP // 2, LANES)),
        sums=np.zeros(GROUP, np.int64),
        partial=aligned_zeros((GROUP, width)),
        copies=aligned_zeros((GROUP, width)),
        zero_row=aligned_zeros((width,)),
        unused_row=aligned_zeros((width,)),
        loss=aligned_zeros((LANES,), np.float64),
        halt=np.zeros(1, np.bool_) if halt is None else halt,
    )


def with_room(work: GroupWorkspace, pairs: int) -> GroupWorkspace:
    """Return the workspace, with a larger `order` if that is too small for so many pairs."""
    return work if len(work.order) >= pairs else work._replace(order=np.empty(2 * pairs, np.int32))


class Windows(NamedTuple):
    """What the windows of a block of tokens depend on; the first five fields are those of `TokenBlock`."""

    tokens: NDArray[np.int32]
    keep: NDArray[np.uint32]
    key: np.uint64
    window: int
    shrink: bool
    block_of: NDArray[np.uint16]  # (V,): the block of each word as a center


class ChunkText(NamedTuple):
    """The words of a chunk that survive subsampling, and their windows. Row t of each array is token block t."""

    entries: NDArray[np.int64]  # (T, n): the word (bits 0 to 31) and its block as a center (32 to 47)
    spans: NDArray[np.uint32]  # (T, n): how many words the window of each has before it (bits 0 to 15) and after it
    order: NDArray[np.int32]  # (T, n): the positions in a row, sorted by the outside block of the word
    starts: NDArray[np.int32]  # (T, P + 1): where each block begins in `order`, and the end
    counts: NDArray[np.int64]  # (P, P): pairs by the blocks of the outside word and of the center


def make_chunk_text(n_blocks: int, block_size: int, P: int) -> ChunkText:
    """Allocate room for `n_blocks` blocks of at most `block_size` tokens."""
    shape = n_blocks, block_size
    return ChunkText(
        entries=np.empty(shape, np.int64),
        spans=np.empty(shape, np.uint32),
        order=np.empty(shape, np.int32),
        starts=np.zeros((n_blocks, P + 1), np.int32),
        counts=np.zeros((P, P), np.int64),
    )


class OutsideUnits(NamedTuple):
    """What the pairs of an outside block hold in place of the outside word: itself, or a part of its path in a tree."""

    slot_of: NDArray[np.int32]  # (V,): the place of each word's unit in its block
    unit_of: NDArray[np.int32]  # (V,): the unit of each word
    n: int  # units in the block


class TextWorkspace(NamedTuple):
    """One thread's scratch arrays for subsampling a block of n tokens, as `draws.subsample` fills them."""

    kept: NDArray[np.int32]  # (n + 1,)
    first: NDArray[np.int32]  # (n + 1,)
    stop: NDArray[np.int32]  # (n + 1,)


def make_text_workspace(block_size: int) -> TextWorkspace:
    """Allocate one thread's scratch arrays."""
    return TextWorkspace(*(np.zeros(block_size + 1, np.int32) for _ in range(3)))


class BlockPairs(NamedTuple):
    """The pairs of one outside block, sorted by the center's block, then by outside unit, then by place in the text."""

    pairs: NDArray[np.int32]  # (n, 2): center, and outside word or other unit
    starts: NDArray[np.int64]  # (P + 1,): where the pairs of each center block begin, and the end
