"""The block schedule: negative sampling with the same result on any number of threads and in any process.

The vocabulary is split into P blocks, at random for each chunk of the corpus (`partition`). The words of a chunk that
survive subsampling are sorted by block, one token block at a time; then the pairs of each outside block are made,
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
from firth.training.negative_sampling import block_kernels, reference
from firth.training.negative_sampling.buckets import (
    BlockPairs,
    Bucket,
    ChunkText,
    GroupWorkspace,
    TextWorkspace,
    Windows,
    make_chunk_text,
    make_group_workspace,
    make_text_workspace,
    with_room,
)
from firth.training.negative_sampling.partition import (
    Partition,
    chunk_size,
    count_row_blocks,
    cut_chunks,
    draw_partition,
    extent_of,
    noise_table,
    one_block,
    words_of,
)
from firth.training.windows import layout
from firth.training.windows.engine import WindowEngine

PREPARE, PAIR = -2, -1  # what a `ChunkTask` does, if it trains no bucket
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


class ChunkTask(NamedTuple):
    """Prepare token block `number`, make the pairs of outside block `number`, or train center block `number`."""

    epoch: int
    chunk: int
    round: int  # or PREPARE, or PAIR
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
        self._made = {step: [0] * len(self.sizes) for step in (PREPARE, PAIR)}  # tasks done of each chunk
        self._taken = {step: [0] * len(self.sizes) for step in (PREPARE, PAIR)}  # tasks that a worker has taken
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
                self._made[task.round][task.chunk] += 1
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
        if chunk == len(self.sizes) or self._made[PAIR][chunk] < self.P:
            return None
        for number in sorted(range(self.P), key=self.rounds.__getitem__):
            past = self.rounds[number]
            round_ = past - chunk * self.P
            if round_ < self.P and not self._running[number] and self.rounds[(number + 1) % self.P] >= past:
                self._running[number] = True
                return self._task(chunk, round_, number)
        return None

    def _next_pairs(self) -> ChunkTask | None:
        """Return the next task of this chunk or the next that comes before its buckets and that no worker has taken."""
        current = min(self.rounds) // self.P
        for chunk in range(current, min(current + 2, len(self.sizes))):
            is_prepared = self._made[PREPARE][chunk] == self.sizes[chunk]
            for step, n in ((PREPARE, self.sizes[chunk]), (PAIR, self.P if is_prepared else 0)):
                if self._taken[step][chunk] < n:
                    self._taken[step][chunk] += 1
                    return self._task(chunk, step, self._taken[step][chunk] - 1)
        return None

    def _task(self, chunk: int, round_: int, number: int) -> ChunkTask:
        before = self._starts[chunk] + max(0, round_) / self.P * self.sizes[chunk]
        return ChunkTask(self.epoch, chunk, round_, number, float(before / self._starts[-1]))


@dataclass
class Worker:
    """One thread's scratch arrays."""

    text: TextWorkspace
    groups: GroupWorkspace


class OutsideBlock(NamedTuple):
    """What the buckets of one outside block of a chunk are trained on."""

    made: BlockPairs
    noise_words: NDArray[np.int32]  # the words that noise words are drawn from
    alias: NDArray[np.uint64]  # the table of their distribution


class Chunk(NamedTuple):
    """A chunk in memory."""

    partition: Partition
    text: ChunkText
    outside: dict[int, OutsideBlock]  # those made so far, by number


class Blocks(WindowEngine[ChunkTask, Worker]):
    """The engine of the block schedule: makes pairs from token blocks and trains buckets of them.

    run  trains each bucket; None for `run_here`, or `run_reference` if `kernels` is "reference"
    """

    def __init__(self, corpus: Corpus, options: Options, kernels: Kernels = "compiled", run: Runner | None = None):
        super().__init__(corpus, options)
        is_compiled = kernels == "compiled"
        self._keep_words = block_kernels.keep_words if is_compiled else reference.keep_words
        self._make_pairs = block_kernels.make_pairs if is_compiled else reference.make_pairs
        self._run = run or (run_here if is_compiled else run_reference)
        self._words = words_of(corpus.vocabulary.counts, options)
        self._extent = extent_of(corpus.tokens, options)
        self._P = count_row_blocks(len(corpus.vocabulary), self._extent, options)
        self._one_block = one_block(self._words, 1)
        self._token_blocks: list[NDArray[np.intp]] = []
        self._chunks: dict[int, Chunk] = {}
        self._opening = threading.Lock()
        self._schedule: Rotation | None = None

    def workspace(self) -> Worker:
        groups = make_group_workspace(self._options.vector_size, self._options.negative, self.halt)
        return Worker(make_text_workspace(BLOCK_WORDS), groups)

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
        result = TaskResult(0, 0.0, 0.0)
        if task.round == PREPARE:
            block = int(self._token_blocks[task.chunk][task.number])
            tokens = checked_ids(self._tokens_of(task.epoch, block), len(self._keep), block)
            self._prepare(tokens, block_key(self._options.seed, task.epoch, block), chunk, task.number, work.text)
        elif task.round == PAIR:
            chunk.outside[task.number] = self._outside_block(chunk, task.number)
        else:
            result = self._train_bucket(task, chunk, rate, work)
        if self._schedule.finish(task):
            del self._chunks[task.chunk]
        return result

    def _tokens_of(self, epoch: int, block: int) -> NDArray[np.int32]:
        """Return a block of tokens."""
        return self._tokens.read_block(block)

    def _train_alone(self, tokens: NDArray[np.int32], key: int, rate: float, work: Worker) -> TaskResult:
        chunk = Chunk(self._one_block, make_chunk_text(1, BLOCK_WORDS, 1), {})
        self._prepare(tokens, key, chunk, 0, work.text)
        chunk.outside[0] = self._outside_block(chunk, 0)
        bucket = self._bucket(chunk, (0, 0), key, rate)
        return TaskResult(len(bucket.pairs), self._run(bucket, self._with_room(work, bucket)), 0.0)

    def _cut(self, epoch: int) -> list[NDArray[np.intp]]:
        return cut_chunks(self._extent.n_blocks, chunk_size(self._extent, self._P), epoch)

    def _chunk(self, epoch: int, number: int) -> Chunk:
        """Return a chunk of the epoch; the first call makes it."""
        with self._opening:
            if number not in self._chunks:
                text = make_chunk_text(len(self._token_blocks[number]), BLOCK_WORDS, self._P)
                self._chunks[number] = Chunk(self._partition(epoch, number), text, {})
            return self._chunks[number]

    def _partition(self, epoch: int, chunk: int) -> Partition:
        return draw_partition(self._words, self._P, self._options.seed, epoch, chunk)

    def _prepare(self, tokens: NDArray[np.int32], key: int, chunk: Chunk, row: int, work: TextWorkspace) -> None:
        """Subsample a block of tokens and sort its words, into row `row` of the chunk's text."""
        options, P = self._options, len(chunk.partition.words)
        block_of = chunk.partition.block_of
        windows = Windows(tokens, self._keep, np.uint64(key), options.window, options.shrink_windows, block_of, P)
        self._keep_words(windows, chunk.text, row, work)

    def _outside_block(self, chunk: Chunk, block: int) -> OutsideBlock:
        partition = chunk.partition
        made = self._make_pairs(chunk.text, block, partition.slot_of, len(partition.words[block]))
        return OutsideBlock(made, *self._noise(partition, block))

    def _noise(self, partition: Partition, block: int) -> tuple[NDArray[np.int32], NDArray[np.uint64]]:
        """Return the words that noise words of a block are drawn from, and the table of their distribution."""
        return partition.words[block], noise_table(self._words, partition, block)

    def _train_bucket(self, task: ChunkTask, chunk: Chunk, rate: float, work: Worker) -> TaskResult:
        i, o = task.number, (task.number + task.round) % self._P
        key = block_key(self._options.seed, task.epoch, task.chunk, i * self._P + o, _BUCKET_KEY)
        bucket = self._bucket(chunk, (i, o), key, rate)
        loss = self._run(bucket, self._with_room(work, bucket))
        n_pairs = sum(len(block.made.pairs) for block in chunk.outside.values())
        share = len(chunk.text.entries) / self._tokens.n_blocks * len(bucket.pairs) / max(1, n_pairs)
        return TaskResult(len(bucket.pairs), loss, share)

    def _with_room(self, work: Worker, bucket: Bucket) -> GroupWorkspace:
        """Return the worker's scratch arrays; memory for a bucket's groups is kept for the next bucket."""
        work.groups = with_room(work.groups, len(bucket.pairs))
        return work.groups

    def _bucket(self, chunk: Chunk, place: tuple[int, int], key: int, rate: float) -> Bucket:
        i, o = place
        made, noise_words, alias = chunk.outside[o]
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
