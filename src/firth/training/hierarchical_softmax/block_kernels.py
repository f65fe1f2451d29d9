"""The kernel of the block schedule: trains one bucket, the pairs of a block of centers and a block of nodes (Numba).

A pair is a center and a segment of its outside word's path (`segments`). Pairs of one segment are trained in groups: X
are the rows v of their centers, Y the rows q of the segment's nodes, and a group is one step of Result 27 of
docs/derivation.md. Its gradient is the sum of (31a) over the group's pairs and the segment's nodes. The groups of a
bucket are trained in random order.

Nothing is checked here: ids pass `guards.checked_ids` before pairs are made of them.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from firth.compiling.kernel import address, helper, kernel
from firth.objectives import HuffmanTree
from firth.training.draws import shuffle
from firth.training.negative_sampling.block_kernels import HALT_GROUPS, merge_inputs, prefetch_row
from firth.training.negative_sampling.buckets import GROUP, LEAD, SEEN, Array
from firth.training.windows.frozen import NONE_FROZEN, copy_frozen
from firth.training.windows.layout import LANES, STRIP_BYTES, TILE, Step, aligned_zeros, strips
from firth.training.windows.step import compile_own_step, set_column_weight, set_row_weight


class SegmentBucket(NamedTuple):
    """All that the result of training one bucket depends on."""

    center: Array  # (V, D padded to strips) float32, C-contiguous, 64-byte aligned; training changes its rows
    nodes: Array  # (V - 1, D padded), likewise
    pairs: Array  # (n, 2) int32: center and segment; pairs of one segment follow each other
    weights: Array  # (n,) int8: how many equal pairs each stands for; or (0,) if each is one
    paths: HuffmanTree  # of the segments
    key: Any  # uint64: the seed of the random order
    rate: Any  # float32: learning rate
    frozen: Array = NONE_FROZEN  # (V,) bool: the rows of `center` that stay as they are; empty: none


class SegmentWorkspace(NamedTuple):
    """One thread's scratch arrays for `train_bucket`; they carry nothing from one bucket to the next.

    What belongs to a group is written LEAD groups ahead, to slot (number of the group) % (LEAD + 1). Addresses are
    int64; T is the number of tiles that the longest segment needs.
    """

    order: Array  # (n,) int32: the first pair of each group, in the order of training; n pairs at most
    seen: Array  # (SEEN,) int32: the last group with a center that has these low bits
    inputs: Array  # (LEAD + 1, GROUP): rows of the centers
    n_inputs: Array  # (LEAD + 1,) int32
    may_repeat: Array  # (LEAD + 1,) bool: whether two centers of the group may be equal
    outputs: Array  # (LEAD + 1, T * TILE): rows of the nodes
    tile: Array  # (LEAD + 1,) int64: outputs in a tile
    n_tiles: Array  # (LEAD + 1,) int64
    row_weights: Array  # (GROUP / 2, 16) float32: how often each input counts, in 8 lanes; 1 between groups
    column_weights: Array  # ((LEAD + 1) * T, 16) float32: the signed weight of each node, see `simd.score_tile`
    g: Array  # (T * GROUP / 2, 16) float32: -eta G of (27a)
    sums: Array  # (GROUP,): addresses of the rows of `partial`
    partial: Array  # (GROUP, D padded) float32: input rows whose changes are summed over several tiles
    copies: Array  # (GROUP, D padded) float32: copies of frozen rows
    zero_row: Array  # (D padded,) float32: the input row that an odd last input is paired with
    unused_row: Array  # (D padded,) float32: the output row where a tile has none
    loss: Array  # (16,) float64: the loss summed over the bucket
    halt: Array  # (1,) bool, shared by all threads: True stops training soon


def make_workspace(vector_size: int, longest: int, halt: Array, most_pairs: int = 0) -> SegmentWorkspace:
    """Allocate one thread's scratch arrays for at most `most_pairs` pairs, and segments of at most `longest` nodes."""
    most_tiles, width = -(-longest // TILE), LANES * strips(vector_size)
    return SegmentWorkspace(
        order=np.empty(most_pairs, np.int32),
        seen=np.zeros(SEEN, np.int32),
        inputs=np.zeros((LEAD + 1, GROUP), np.int64),
        n_inputs=np.zeros(LEAD + 1, np.int32),
        may_repeat=np.zeros(LEAD + 1, np.bool_),
        outputs=np.zeros((LEAD + 1, most_tiles * TILE), np.int64),
        tile=np.zeros(LEAD + 1, np.int64),
        n_tiles=np.zeros(LEAD + 1, np.int64),
        row_weights=aligned_zeros((GROUP // 2, LANES)),
        column_weights=aligned_zeros(((LEAD + 1) * most_tiles, LANES)),
        g=aligned_zeros((most_tiles * GROUP // 2, LANES)),
        sums=np.zeros(GROUP, np.int64),
        partial=aligned_zeros((GROUP, width)),
        copies=aligned_zeros((GROUP, width)),
        zero_row=aligned_zeros((width,)),
        unused_row=aligned_zeros((width,)),
        loss=aligned_zeros((LANES,), np.float64),
        halt=halt,
    )


def with_room(work: SegmentWorkspace, pairs: int) -> SegmentWorkspace:
    """Return the workspace, with a larger `order` if that is too small for so many pairs."""
    return work if len(work.order) >= pairs else work._replace(order=np.empty(2 * pairs, np.int32))


@helper()
def group_end(pairs, weights, start):
    """Return where the group that begins at `start` ends: at most GROUP pairs of one segment.

    If pairs have weights, GROUP is the most that they sum to, and centers rise, so that no two are equal.
    """
    end, total = start + 1, np.int64(weights[start]) if len(weights) else 0
    most = min(start + GROUP, len(pairs))
    while end < most and pairs[end, 1] == pairs[start, 1]:
        if len(weights):
            total += weights[end]
            if total > GROUP or pairs[end, 0] <= pairs[end - 1, 0]:
                break
        end += 1
    return end


@helper()
def order_groups(pairs, weights, key, order):
    """Write the first pair of each group to `order`, in random order, and return the number of groups."""
    n, start = 0, 0
    while start < len(pairs):
        order[n] = start
        start = group_end(pairs, weights, start)
        n += 1
    shuffle(key, order, n)
    return n


@helper()
def list_centers(inputs, pairs, weights, start, center, row_bytes, seen):
    """Write the address of each center's row of the group that begins at `start`; return how many there are.

    Also return whether two of them may be equal: every equal pair is found, and few groups without any.
    """
    end, may_repeat = group_end(pairs, weights, start), False
    for k in range(start, end):
        c = pairs[k, 0]
        inputs[k - start] = center + np.int64(c) * row_bytes
        prefetch_row(inputs[k - start], row_bytes)
        may_repeat |= seen[c & (SEEN - 1)] == start
        seen[c & (SEEN - 1)] = start
    return end - start, may_repeat and len(weights) == 0


@helper()
def tile_of(length):
    """Return the outputs in a tile, 4, 6 or 8, and the tiles for a segment of so many nodes."""
    n_tiles = (length + TILE - 1) // TILE
    even = (length + n_tiles - 1) // n_tiles
    return max(np.int64(4), even + even % 2), n_tiles


@helper()
def queue_segment(paths, segment, nodes, unused_row, row_bytes, outputs, weights):
    """Write the row addresses of a segment's nodes, and their weights; return `tile_of` its length.

    outputs: (T * TILE,), overwritten; weights: (T, 16), those of the group.
    """
    start, length = paths.offsets[segment], paths.offsets[segment + 1] - paths.offsets[segment]
    tile, n_tiles = tile_of(length)
    weights[:n_tiles] = 0
    for column in range(length):
        outputs[column] = nodes + np.int64(paths.points[start + column]) * row_bytes
        prefetch_row(outputs[column], row_bytes)
        set_column_weight(weights, tile, column, np.float32(2 * paths.codes[start + column] - 1))
    for column in range(length, tile * n_tiles):
        outputs[column] = unused_row
    return tile, n_tiles


@helper()
def weigh_centers(weights, start, n, row_weights):
    """Set the weights of a group's inputs."""
    for k in range(n):
        set_row_weight(row_weights, k, np.float32(weights[start + k]))


@lru_cache(maxsize=16)
def compile_train_bucket(n_strips: int) -> Any:
    """Return `train_bucket` for rows of `n_strips` strips."""
    row_bytes = n_strips * STRIP_BYTES
    step_of_4, step_of_6, step_of_8 = (compile_own_step(tile, n_strips) for tile in (4, 6, 8))

    @helper()
    def reset_workspace(work):
        """Set every number that no group writes."""
        work.zero_row[:] = 0
        work.unused_row[:] = 0
        work.loss[:] = 0
        work.seen[:] = -1
        work.row_weights[:] = 1
        for row in range(len(work.sums)):
            work.sums[row] = address(work.partial) + row * row_bytes

    @kernel()
    def train_bucket(bucket, work):
        """Train a `SegmentBucket`, in place; the summed loss is in `work.loss`, and `work` is overwritten.

        The same in NumPy: `reference.train_bucket`.
        """
        pairs, pair_weights, order, row_weights = bucket.pairs, bucket.weights, work.order, work.row_weights
        most_tiles, is_weighted = work.outputs.shape[1] // TILE, len(pair_weights) > 0
        reset_workspace(work)
        center, nodes, unused_row = address(bucket.center), address(bucket.nodes), address(work.unused_row)
        g, sums, loss = address(work.g), address(work.sums), address(work.loss)
        n_groups = order_groups(pairs, pair_weights, bucket.key, order)
        for number in range(-LEAD, n_groups):
            ahead = (number + LEAD) % (LEAD + 1)
            if number + LEAD < n_groups:
                start = order[number + LEAD]
                weights = work.column_weights[ahead * most_tiles : (ahead + 1) * most_tiles]
                work.tile[ahead], work.n_tiles[ahead] = queue_segment(
                    bucket.paths, pairs[start, 1], nodes, unused_row, row_bytes, work.outputs[ahead], weights
                )
                work.n_inputs[ahead], work.may_repeat[ahead] = list_centers(
                    work.inputs[ahead], pairs, pair_weights, start, center, row_bytes, work.seen
                )
            if number < 0:
                continue
            if number % HALT_GROUPS == 0 and work.halt[0]:
                break
            slot = number % (LEAD + 1)
            n = np.int64(work.n_inputs[slot])
            if is_weighted:
                weigh_centers(pair_weights, order[number], n, row_weights)
            if work.may_repeat[slot]:
                n = merge_inputs(work.inputs, slot, 0, n, row_weights)
            if len(bucket.frozen) > 0:
                copy_frozen(work.inputs[slot], n, bucket.center, bucket.frozen, work.copies, row_bytes)
            if n % 2 == 1:
                work.inputs[slot, n] = address(work.zero_row)
                set_row_weight(row_weights, n, np.float32(0))
            inputs, table = (
                address(work.inputs) + 8 * GROUP * slot,
                address(work.outputs) + 8 * TILE * most_tiles * slot,
            )
            step = Step(inputs, (n + 1) // 2, n_strips, address(row_weights), bucket.rate, loss)
            tile, n_tiles = work.tile[slot], work.n_tiles[slot]
            column_weights = address(work.column_weights) + slot * most_tiles * STRIP_BYTES
            if tile == 4:
                step_of_4(step, n_tiles, table, column_weights, g, sums)
            elif tile == 6:
                step_of_6(step, n_tiles, table, column_weights, g, sums)
            else:
                step_of_8(step, n_tiles, table, column_weights, g, sums)
            if work.may_repeat[slot]:
                row_weights[:] = 1
            elif n % 2 == 1:
                set_row_weight(row_weights, n, np.float32(1))

    return train_bucket
