"""The block schedule: negative sampling with the same result on any number of threads and in any process.

The vocabulary is split into P blocks, at random for each chunk of the corpus (`partition`). The pairs of a chunk are
sorted into buckets by (block of the center, block of the outside word). In round r, the buckets (i, (i + r) mod P) of
all i may be trained at the same time, because no two of them share a row. This is the rotation of DSGD (Gemulla et al.
2011) and of PyTorch-BigGraph (Lerer et al. 2019, arXiv:1903.12287).

There is no barrier between the rounds of a chunk. A bucket may start when both its blocks have finished the buckets of
the round before. Every row is thus updated in the same order on any number of threads, and the result of a bucket
depends only on its rows, pairs, seed and rate (`run_bucket`). `Rotation` is the queue of these tasks.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.options import Options
from firth.text import BLOCK_WORDS, Corpus
from firth.training.draws import block_key
from firth.training.guards import checked_ids
from firth.training.loop.engine import Kernels, Matrix, TaskResult
from firth.training.negative_sampling import block_kernels, layout, reference
from firth.training.negative_sampling.block_kernels import BlockPairs, Bucket, GroupWorkspace, PairWorkspace, Windows
from firth.training.negative_sampling.engine import NegativeSampling
from firth.training.negative_sampling.partition import (
    Partition,
    chunk_size,
    count_row_blocks,
    cut_chunks,
    draw_partition,
)

_BUCKET_KEY = 1  # keeps a bucket's random draws apart from a token block's


class Trained(NamedTuple):
    """Both matrices after a bucket, and the summed loss of its pairs, in nats."""

    center: Matrix
    outside: Matrix
    loss: float


Runner = Callable[[Bucket, GroupWorkspace], float]
"""Trains a bucket, changes its rows in place, and returns the summed loss of its pairs, in nats."""


def run_bucket(bucket: Bucket, work: GroupWorkspace | None = None) -> Trained:
    """Train a bucket and return its rows; the result depends on the bucket alone, in any thread or process.

    Rows that start on a strip boundary change in place; others are copied. Raises as `train_bucket` does.
    """
    work = work or block_kernels.make_group_workspace(bucket.vector_size, bucket.negative)
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


def spread_pairs(pairs: NDArray[np.int32], out: NDArray[np.int32]) -> NDArray[np.int32]:
    """Copy `pairs` (n, 2) to `out` so that the 8 pairs of a group come from 8 places in the text; return `out`.

    Neighbouring pairs share words, and in one group they would share their noise words too, which makes vectors worse
    (benchmarks/blocks.md).
    """
    size = block_kernels.GROUP
    groups = len(pairs) // size
    whole = groups * size
    out[:whole].reshape(groups, size, 2)[:] = pairs[:whole].reshape(size, groups, 2).transpose(1, 0, 2)
    out[whole:] = pairs[whole:]
    return out


class ChunkTask(NamedTuple):
    """Make the pairs of token block `number` of a chunk, or train the bucket of center block `number` in a round."""

    epoch: int
    chunk: int
    round: int  # -1 for making pairs
    number: int
    progress: float  # the share of the epoch before the round


@dataclass
class Rotation:
    """The queue of an epoch's tasks: each is returned as soon as it may run. Workers call `finish` after each task."""

    epoch: int
    P: int
    sizes: list[int]  # the number of token blocks of each chunk
    rounds: list[int]  # how many rounds each center block has finished, over all chunks; a resumed run needs only these
    paused: threading.Event  # while it is set, no task is returned
    halt: NDArray[np.bool_]  # once it is True, no task is returned
    _ready: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self._starts = np.concatenate([[0], np.cumsum(self.sizes)])  # token blocks before each chunk
        self._made = [0] * len(self.sizes)  # token blocks of each chunk whose pairs are made
        self._taken = [0] * len(self.sizes)  # token blocks of each chunk that a worker has taken
        self._running = [False] * self.P

    def take(self) -> ChunkTask | None:
        with self._ready:
            while not (self.halt[0] or self.paused.is_set() or min(self.rounds) == self.P * len(self.sizes)):
                task = self._next_bucket() or self._next_pairs()
                if task is not None:
                    return task
                self._ready.wait(0.1)
            return None

    def done(self) -> list[int]:
        return list(self.rounds)

    def finish(self, task: ChunkTask) -> bool:
        """Record that a task is done; return whether it was the last of its chunk."""
        with self._ready:
            if task.round < 0:
                self._made[task.chunk] += 1
            else:
                self.rounds[task.number] += 1
                self._running[task.number] = False
            self._ready.notify_all()
            return task.round >= 0 and min(self.rounds) == (task.chunk + 1) * self.P

    def _next_bucket(self) -> ChunkTask | None:
        """Return the bucket of the earliest round that may run, or None.

        Its outside block was used in the round before by center block `number + 1`. All buckets of a chunk finish
        before the next chunk starts, because the next chunk has another partition.
        """
        chunk = min(self.rounds) // self.P
        if chunk == len(self.sizes) or self._made[chunk] < self.sizes[chunk]:
            return None
        for number in sorted(range(self.P), key=self.rounds.__getitem__):
            past = self.rounds[number]
            round_ = past - chunk * self.P
            if round_ < self.P and not self._running[number] and self.rounds[(number + 1) % self.P] >= past:
                self._running[number] = True
                return self._task(chunk, round_, number)
        return None

    def _next_pairs(self) -> ChunkTask | None:
        """Return the next token block, of this chunk or the next, that no worker has taken yet."""
        current = min(self.rounds) // self.P
        for chunk in range(current, min(current + 2, len(self.sizes))):
            if self._taken[chunk] < self.sizes[chunk]:
                self._taken[chunk] += 1
                return self._task(chunk, -1, self._taken[chunk] - 1)
        return None

    def _task(self, chunk: int, round_: int, number: int) -> ChunkTask:
        before = self._starts[chunk] + max(0, round_) / self.P * self.sizes[chunk]
        return ChunkTask(self.epoch, chunk, round_, number, float(before / self._starts[-1]))


@dataclass
class Worker:
    """One thread's scratch arrays."""

    pairs: PairWorkspace
    groups: GroupWorkspace
    gathered: NDArray[np.int32] = field(default_factory=lambda: np.empty((2, 0, 2), np.int32))

    def buckets(self, n: int) -> NDArray[np.int32]:
        """Return two arrays for n pairs; they reuse memory, because the first access to new memory is slow."""
        if self.gathered.shape[1] < n:
            self.gathered = np.empty((2, 2 * n, 2), np.int32)
        return self.gathered[:, :n]


class Chunk(NamedTuple):
    """A chunk in memory."""

    partition: Partition
    parts: dict[int, BlockPairs]  # the pairs made so far, by the number of the token block


class Blocks(NegativeSampling[ChunkTask, Worker]):
    """The engine of the block schedule: makes pairs from token blocks and trains buckets of them.

    run  trains each bucket; None for `run_here`, or `run_reference` if `kernels` is "reference"
    """

    def __init__(self, corpus: Corpus, options: Options, kernels: Kernels = "compiled", run: Runner | None = None):
        super().__init__(corpus, options)
        is_compiled = kernels == "compiled"
        self._sort_pairs = block_kernels.make_pairs if is_compiled else reference.make_pairs
        self._run = run or (run_here if is_compiled else run_reference)
        self._counts = corpus.vocabulary.counts
        self._P = count_row_blocks(len(self._counts), options)
        self._one_block = self._partition(0, 0)
        self._token_blocks: list[NDArray[np.intp]] = []
        self._chunks: dict[int, Chunk] = {}
        self._opening = threading.Lock()
        self._schedule: Rotation | None = None

    def workspace(self) -> Worker:
        groups = block_kernels.make_group_workspace(self._options.vector_size, self._options.negative, self.halt)
        return Worker(block_kernels.make_pair_workspace(BLOCK_WORDS, self._P), groups)

    def all_done(self, epoch: int) -> list[int]:
        return [self._P * len(self._cut(epoch))] * self._P

    def tasks(self, epoch: int, done: list[int] | None, paused: threading.Event) -> Rotation:
        self._chunks.clear()
        self._token_blocks = self._cut(epoch)
        sizes = list(map(len, self._token_blocks))
        self._schedule = Rotation(epoch, self._P, sizes, done or [0] * self._P, paused, self.halt)
        return self._schedule

    def train(self, task: ChunkTask, rate: float, work: Worker) -> TaskResult:
        assert self._schedule is not None
        chunk = self._chunk(task.epoch, task.chunk)
        if task.round < 0:
            block = int(self._token_blocks[task.chunk][task.number])
            tokens = checked_ids(self._tokens.read_block(block), len(self._keep), block)
            key = block_key(self._options.seed, task.epoch, block)
            chunk.parts[task.number] = self._make_pairs(tokens, key, chunk.partition, work)
            result = TaskResult(0, 0.0, 0.0)
        else:
            result = self._train_bucket(task, chunk, rate, work)
        if self._schedule.finish(task):
            del self._chunks[task.chunk]
        return result

    def _train_alone(self, tokens: NDArray[np.int32], key: int, rate: float, work: Worker) -> TaskResult:
        pairs = self._gather([self._make_pairs(tokens, key, self._one_block, work)], 0, work)
        loss = self._run(self._bucket(self._one_block, 0, pairs, key, rate), work.groups)
        return TaskResult(len(pairs), loss, 0.0)

    def _cut(self, epoch: int) -> list[NDArray[np.intp]]:
        n_blocks = self._tokens.n_blocks
        return cut_chunks(n_blocks, chunk_size(n_blocks, self._options), epoch)

    def _chunk(self, epoch: int, number: int) -> Chunk:
        """Return a chunk of the epoch; the first call makes it."""
        with self._opening:
            if number not in self._chunks:
                self._chunks[number] = Chunk(self._partition(epoch, number), {})
            return self._chunks[number]

    def _partition(self, epoch: int, chunk: int) -> Partition:
        options = self._options
        return draw_partition(self._counts, self._P, options.ns_exponent, options.seed, epoch, chunk)

    def _make_pairs(self, tokens: NDArray[np.int32], key: int, partition: Partition, work: Worker) -> BlockPairs:
        options, block_of = self._options, partition.block_of
        windows = Windows(tokens, self._keep, np.uint64(key), options.window, options.shrink_windows, block_of, self._P)
        return self._sort_pairs(windows, work.pairs)

    def _train_bucket(self, task: ChunkTask, chunk: Chunk, rate: float, work: Worker) -> TaskResult:
        i, o = task.number, (task.number + task.round) % self._P
        b = i * self._P + o
        pairs = self._gather([chunk.parts[number] for number in range(len(chunk.parts))], b, work)
        key = block_key(self._options.seed, task.epoch, task.chunk, b, _BUCKET_KEY)
        loss = self._run(self._bucket(chunk.partition, o, pairs, key, rate), work.groups)
        n_pairs = sum(len(made) for made, _ in chunk.parts.values())
        share = len(chunk.parts) / self._tokens.n_blocks * len(pairs) / max(1, n_pairs)
        return TaskResult(len(pairs), loss, share)

    def _gather(self, parts: list[BlockPairs], b: int, work: Worker) -> NDArray[np.int32]:
        """Return the pairs of bucket b of a chunk, in the order of `spread_pairs`."""
        of_bucket = [pairs[starts[b] : starts[b + 1]] for pairs, starts in parts]
        in_order, spread = work.buckets(sum(map(len, of_bucket)))
        return spread_pairs(np.concatenate(of_bucket, out=in_order), spread)

    def _bucket(self, partition: Partition, outside: int, pairs: NDArray[np.int32], key: int, rate: float) -> Bucket:
        return Bucket(
            center=self._padded_center,
            outside=self._padded_outside,
            pairs=pairs,
            noise_words=partition.words[outside],
            alias=partition.alias[outside],
            key=np.uint64(key),
            rate=np.float32(rate),
            negative=self._options.negative,
            vector_size=self._options.vector_size,
        )
