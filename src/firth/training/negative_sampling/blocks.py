"""The block schedule: negative sampling with the same result on any number of threads and in any process.

Both matrices have a row for each word, and one partition of the vocabulary gives the blocks of both. The result of a
bucket depends only on its rows, pairs, seed and rate (`run_bucket`), and the order of the buckets that share a row is
fixed (`rotation`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.options import Options
from firth.text import BLOCK_WORDS, Corpus
from firth.training.loop.engine import Kernels, Matrix, TaskResult
from firth.training.negative_sampling import block_kernels, reference
from firth.training.negative_sampling.buckets import (
    BlockPairs,
    Bucket,
    ChunkText,
    GroupWorkspace,
    OutsideUnits,
    TextWorkspace,
    Windows,
    make_chunk_text,
    make_group_workspace,
    make_text_workspace,
    with_room,
)
from firth.training.negative_sampling.partition import Partition, noise_table, one_block
from firth.training.negative_sampling.rotation import BlockEngine
from firth.training.windows import layout


class Trained(NamedTuple):
    """Both matrices after a bucket, and the summed loss of its pairs, in nats."""

    center: Matrix
    outside: Matrix
    loss: float


_ROOM = 1.1  # memory for pairs, as a multiple of what the first of them need

Runner = Callable[[Bucket, GroupWorkspace], float]
"""Trains a bucket, changes its rows in place, and returns the summed loss of its pairs, in nats."""


def prepare_row(
    windows: Windows, text: ChunkText, row: int, work: TextWorkspace, kernels: ModuleType = block_kernels
) -> NDArray[np.int32]:
    """Write the words of a token block that survive subsampling, and their windows, to a row of the text of a chunk.

    Return how many pairs they have in each bucket (P, P): [block of outside word, block of center]. The functions are
    those of `kernels`, a module: `block_kernels`, or `reference`.
    """
    entries, spans, block_of = text.entries[row], text.spans[row], windows.block_of
    n = kernels.keep_words(windows, entries, spans, work)
    kernels.sort_positions(entries, n, block_of, text.order[row], text.starts[row])
    counts: NDArray[np.int32] = kernels.count_buckets(entries, spans, n, block_of, len(text.counts))
    return counts


def run_bucket(bucket: Bucket, work: GroupWorkspace | None = None) -> Trained:
    """Train a bucket and return its rows; the result depends on the bucket alone, in any thread or process.

    Rows that start on a strip boundary change in place; others are copied. Raises as `train_bucket` does.
    """
    work = work or make_group_workspace(bucket.vector_size, bucket.negative)
    center, outside = _on_strips(bucket.center), _on_strips(bucket.outside)
    train = block_kernels.compile_train_bucket(*layout.tiles(bucket.negative), layout.strips(bucket.vector_size))
    train(bucket._replace(center=center, outside=outside), work)
    return Trained(center, outside, float(work.loss.sum()))


def run_here(bucket: Bucket, work: GroupWorkspace) -> float:
    """Train a bucket in this thread, in place."""
    return run_bucket(bucket, work).loss


def run_reference(bucket: Bucket, work: GroupWorkspace) -> float:
    """Train a bucket in this thread, in place, in NumPy."""
    reference.train_bucket(bucket, work)
    return float(work.loss.sum())


def _on_strips(rows: Matrix) -> Matrix:
    """Return `rows` if they start on a strip boundary and are writable, as kernels require; otherwise a copy."""
    if rows.ctypes.data % layout.STRIP_BYTES == 0 and rows.flags.c_contiguous and rows.flags.writeable:
        return rows
    copy = layout.aligned_zeros(rows.shape)
    copy[:] = rows
    return copy


@dataclass
class Worker:
    """One thread's scratch arrays."""

    text: TextWorkspace
    groups: GroupWorkspace


class OutsideBlock(NamedTuple):
    """What the buckets of one outside block of a chunk are trained on."""

    made: BlockPairs
    room: NDArray[np.int32]  # the memory of its pairs
    noise_words: NDArray[np.int32]  # the words that noise words are drawn from
    alias: NDArray[np.uint64]  # the table of their distribution


class Chunk(NamedTuple):
    """A chunk in memory."""

    partition: Partition
    text: ChunkText
    outside: dict[int, OutsideBlock]  # those made so far, by number


class Spare:
    """Memory of chunks that are done, for later ones: memory from the system is slow when it is first written."""

    def __init__(self) -> None:
        self._rooms: list[NDArray[np.int32]] = []

    def room_for_pairs(self, n: int) -> NDArray[np.int32]:
        """Return memory for at least n pairs, (at least n, 2)."""
        try:
            room = self._rooms.pop()
        except IndexError:
            room = np.empty((0, 2), np.int32)
        return room if len(room) >= n else np.empty((int(_ROOM * n), 2), np.int32)

    def keep(self, chunk: Chunk) -> None:
        """Keep the memory of a chunk that is done."""
        self._rooms = [block.room for block in chunk.outside.values()]


class Blocks(BlockEngine[Chunk, Worker]):
    """The engine of the block schedule: makes pairs from token blocks and trains buckets of them.

    run  trains each bucket; None for `run_here`, or `run_reference` if `kernels` is "reference"
    """

    def __init__(self, corpus: Corpus, options: Options, kernels: Kernels = "compiled", run: Runner | None = None):
        super().__init__(corpus, options)
        is_compiled = kernels == "compiled"
        self._kernels = block_kernels if is_compiled else reference
        self._run = run or (run_here if is_compiled else run_reference)
        self._spare = Spare()
        self._one_block = one_block(self._words, 1)
        self._ids = np.arange(len(corpus.vocabulary), dtype=np.int32)

    def workspace(self) -> Worker:
        groups = make_group_workspace(self._options.vector_size, self._options.negative, self.halt)
        return Worker(make_text_workspace(BLOCK_WORDS), groups)

    def _train_alone(self, tokens: NDArray[np.int32], key: int, rate: float, work: Worker) -> TaskResult:
        chunk = Chunk(self._one_block, make_chunk_text(1, BLOCK_WORDS, 1), {})
        self._prepare(tokens, key, chunk, 0, work)
        self._make_pairs_of(chunk, 0, work)
        bucket = self._bucket(chunk, (0, 0), key, rate)
        return TaskResult(len(bucket.pairs), self._run(bucket, self._with_room(work, bucket)), 0.0)

    def _new_chunk(self, epoch: int, number: int, size: int) -> Chunk:
        return Chunk(self._partition(epoch, number), make_chunk_text(size, BLOCK_WORDS, self._P), {})

    def _prepare(self, tokens: NDArray[np.int32], key: int, chunk: Chunk, row: int, work: Worker) -> None:
        options, block_of = self._options, chunk.partition.block_of
        windows = Windows(tokens, self._keep, np.uint64(key), options.window, options.shrink_windows, block_of)
        self._add_counts(chunk.text, prepare_row(windows, chunk.text, row, work.text, self._kernels))

    def _make_pairs_of(self, chunk: Chunk, block: int, work: Worker) -> None:
        partition = chunk.partition
        outside = OutsideUnits(partition.slot_of, self._ids, len(partition.words[block]))
        room = self._spare.room_for_pairs(int(chunk.text.counts[block].sum()))
        made = self._kernels.make_pairs(chunk.text, block, outside, room)
        is_whole = partition is self._one_block
        noise = self._noise_of_all if is_whole else self._noise(partition, block)
        chunk.outside[block] = OutsideBlock(made, room, *noise)

    @cached_property
    def _noise_of_all(self) -> tuple[NDArray[np.int32], NDArray[np.uint64]]:
        return self._noise(self._one_block, 0)

    def _noise(self, partition: Partition, block: int) -> tuple[NDArray[np.int32], NDArray[np.uint64]]:
        """Return the words that noise words of a block are drawn from, and the table of their distribution."""
        return partition.words[block], noise_table(self._words, partition, block)

    def _train_bucket(self, chunk: Chunk, place: tuple[int, int], key: int, rate: float, work: Worker) -> TaskResult:
        bucket = self._bucket(chunk, place, key, rate)
        loss = self._run(bucket, self._with_room(work, bucket))
        n_pairs = sum(len(block.made.pairs) for block in chunk.outside.values())
        return TaskResult(len(bucket.pairs), loss, len(bucket.pairs) / max(1, n_pairs))

    def _retire(self, chunk: Chunk) -> None:
        self._spare.keep(chunk)

    def _with_room(self, work: Worker, bucket: Bucket) -> GroupWorkspace:
        """Return the worker's scratch arrays; memory for a bucket's groups is kept for the next bucket."""
        work.groups = with_room(work.groups, len(bucket.pairs))
        return work.groups

    def _bucket(self, chunk: Chunk, place: tuple[int, int], key: int, rate: float) -> Bucket:
        i, o = place
        made, _, noise_words, alias = chunk.outside[o]
        return Bucket(
            center=self._padded_center,
            outside=self._padded_outside,
            pairs=made.pairs[made.starts[i] : made.starts[i + 1]],
            noise_words=noise_words,
            alias=alias,
            key=np.uint64(key),
            rate=np.float32(rate),
            negative=self._options.negative,
            vector_size=self._options.vector_size,
            frozen=self._frozen,
        )
