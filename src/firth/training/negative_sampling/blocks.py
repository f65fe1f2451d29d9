"""The block schedule: negative sampling with the same result on any number of threads, and in any process.

The vocabulary is split into P blocks, at random for each chunk of the corpus (`partition`). The pairs of a chunk are
sorted into buckets by (block of the center, block of the outside word). In round r, bucket (i, (i + r) mod P) of every
i may be trained at once, because no two of them share a row; this is the rotation of DSGD (Gemulla et al. 2011) and of
PyTorch-BigGraph (Lerer et al. 2019, arXiv:1903.12287).

There is no barrier between the rounds of a chunk. A bucket starts when both its blocks have been through their buckets
of the round before, so the updates of every row come in one order on any number of threads. A bucket's result depends
only on its rows, pairs, seed and rate (`run_bucket`). `Rotation` hands out the work.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.options import Options
from firth.text import BLOCK_WORDS, Corpus
from firth.training.draws import block_key
from firth.training.guards import checked_ids
from firth.training.loop.engine import Matrix, TaskResult
from firth.training.negative_sampling import block_kernels, layout, simd
from firth.training.negative_sampling.engine import NegativeSampling
from firth.training.negative_sampling.partition import (
    Partition,
    chunk_size,
    count_row_blocks,
    cut_chunks,
    draw_partition,
)

_BUCKET_KEY = 1  # keeps a bucket's random draws apart from a token block's


class Bucket(NamedTuple):
    """All that the training of one bucket depends on.

    center, outside  (rows, D padded to strips) float32: the matrices, or the rows of them that the bucket needs
    pairs            (n, 2) int32: row of `center`, row of `outside`
    noise_words      (n_b,) int32: the rows of `outside` that noise words are drawn from
    alias            (n_b,) uint64: the alias table of their distribution
    key, rate        seed of the draws, learning rate
    negative, vector_size  K and D
    """

    center: Matrix
    outside: Matrix
    pairs: NDArray[np.int32]
    noise_words: NDArray[np.int32]
    alias: NDArray[np.uint64]
    key: int
    rate: float
    negative: int
    vector_size: int


class Trained(NamedTuple):
    """Both matrices after a bucket, and the summed loss of its pairs, in nats."""

    center: Matrix
    outside: Matrix
    loss: float


Runner = Callable[[Bucket, block_kernels.GroupWorkspace], float]
"""Trains a bucket, changes its rows in place, and returns the summed loss of its pairs, in nats."""


def run_bucket(bucket: Bucket, work: block_kernels.GroupWorkspace | None = None) -> Trained:
    """Train a bucket; a pure function of it, except that rows on strip boundaries change in place.

    The result is the same in any thread, process or machine of the same kind.
    """
    work = work or block_kernels.make_group_workspace(bucket.vector_size, bucket.negative)
    center, outside = _on_strips(bucket.center), _on_strips(bucket.outside)
    train = block_kernels.compile_train_bucket(*layout.tiles(bucket.negative), layout.strips(bucket.vector_size))
    rate = np.float32(bucket.rate)
    train(
        center, outside, bucket.pairs, bucket.noise_words, bucket.alias, np.uint64(bucket.key), bucket.negative, rate,
        work,
    )  # fmt: skip
    return Trained(center, outside, float(work.loss.sum()))


def run_here(bucket: Bucket, work: block_kernels.GroupWorkspace) -> float:
    """Train a bucket in this thread, in place."""
    return run_bucket(bucket, work).loss


def run_elsewhere(executor: Executor) -> Runner:
    """Return a runner that sends a bucket, with the rows it needs, to an executor such as a pool of processes."""

    def run(bucket: Bucket, work: block_kernels.GroupWorkspace) -> float:
        centers, center_rows = np.unique(bucket.pairs[:, 0], return_inverse=True)
        outsides = bucket.noise_words  # ascending, and every outside word of the bucket is among them
        rows = np.stack([center_rows, np.searchsorted(outsides, bucket.pairs[:, 1])], axis=1).astype(np.int32)
        sent = bucket._replace(
            center=bucket.center[centers],
            outside=bucket.outside[outsides],
            pairs=rows,
            noise_words=np.arange(len(outsides), dtype=np.int32),
        )
        trained = executor.submit(run_bucket, sent).result()
        bucket.center[centers], bucket.outside[outsides] = trained.center, trained.outside
        return trained.loss

    return run


def _on_strips(rows: Matrix) -> Matrix:
    """Return `rows` if they begin on a strip's boundary and can be written to, as kernels require, or else a copy."""
    if rows.ctypes.data % simd.STRIP_BYTES == 0 and rows.flags.c_contiguous and rows.flags.writeable:
        return rows
    copy = layout.aligned_zeros(rows.shape)
    copy[:] = rows
    return copy


def spread_pairs(pairs: NDArray[np.int32], out: NDArray[np.int32]) -> NDArray[np.int32]:
    """Put `pairs` (n, 2) into `out` so that a group of 8 comes from 8 places of the text, and return it.

    Pairs that follow each other in the text share words; in one group they would also share their noise words. What
    that costs the vectors is in benchmarks/blocks.md.
    """
    size = block_kernels.GROUP
    groups = len(pairs) // size
    whole = groups * size
    out[:whole].reshape(groups, size, 2)[:] = pairs[:whole].reshape(size, groups, 2).transpose(1, 0, 2)
    out[whole:] = pairs[whole:]
    return out


class ChunkTask(NamedTuple):
    """A task: make the pairs of token block `number` of a chunk, or train bucket `number` of a round.

    `progress` is the share of the epoch that lies before its round.
    """

    epoch: int
    chunk: int
    round: int  # -1 for making pairs
    number: int
    progress: float


@dataclass
class Rotation:
    """Hands out an epoch's tasks, each as soon as it may run, to any number of threads.

    sizes   for each chunk, its number of token blocks
    rounds  rounds that center block i has been through, over all chunks; this alone says where to resume
    paused  while it is set, no task is handed out; halt: nor is any after it is True

    A worker reports a task done by `finish`.
    """

    epoch: int
    P: int
    sizes: list[int]
    rounds: list[int]
    paused: threading.Event
    halt: NDArray[np.bool_]
    _ready: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self._starts = np.concatenate([[0], np.cumsum(self.sizes)])  # token blocks before each chunk
        self._made = [0] * len(self.sizes)  # token blocks whose pairs are made
        self._taken = [0] * len(self.sizes)  # and those that a worker has taken
        self._running = [False] * self.P

    def take(self) -> ChunkTask | None:
        """Wait for the next task and return it; None when all are taken, or no more are to begin."""
        with self._ready:
            while not (self.halt[0] or self.paused.is_set() or min(self.rounds) == self.P * len(self.sizes)):
                task = self._next_bucket() or self._next_pairs()
                if task is not None:
                    return task
                self._ready.wait(0.1)
            return None

    def done(self) -> list[int]:
        """Return the rounds that each center block has been through."""
        return list(self.rounds)

    def finish(self, task: ChunkTask) -> bool:
        """Note that a task is done; return whether it was the last of its chunk."""
        with self._ready:
            if task.round < 0:
                self._made[task.chunk] += 1
            else:
                self.rounds[task.number] += 1
                self._running[task.number] = False
            self._ready.notify_all()
            return task.round >= 0 and min(self.rounds) == (task.chunk + 1) * self.P

    def _next_bucket(self) -> ChunkTask | None:
        """Return the ready bucket of the earliest round.

        Center block `number + 1` used its outside block in the round before. Every bucket of a chunk is done before
        the next chunk begins, because the next chunk has a different partition.
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

    pairs: block_kernels.PairWorkspace
    groups: block_kernels.GroupWorkspace
    counts: NDArray[np.int64]
    gathered: NDArray[np.int32] = field(default_factory=lambda: np.empty((2, 0, 2), np.int32))

    def buckets(self, n: int) -> NDArray[np.int32]:
        """Return two arrays for n pairs: the same memory each time, because new memory is slow to touch."""
        if self.gathered.shape[1] < n:
            self.gathered = np.empty((2, 2 * n, 2), np.int32)
        return self.gathered[:, :n]


Part = tuple[NDArray[np.int32], NDArray[np.int64]]
"""The pairs of one token block, bucket by bucket, and where each bucket begins."""


class Chunk(NamedTuple):
    """A chunk in memory: its partition of the vocabulary, and the pairs of each token block made so far."""

    partition: Partition
    parts: dict[int, Part]


class Blocks(NegativeSampling[ChunkTask, Worker]):
    """The tasks that train the matrices: pairs made of token blocks, and buckets of pairs trained.

    `run` is called with each bucket; `run_elsewhere` gives one that sends buckets to other processes.
    """

    def __init__(self, corpus: Corpus, options: Options, run: Runner = run_here):
        super().__init__(corpus, options)
        self._counts, self._run = corpus.vocabulary.counts, run
        self._V = len(self._counts)
        self._P = count_row_blocks(self._V, options)
        self._one_block = self._partition(0, 0)
        self._token_blocks: list[NDArray[np.intp]] = []
        self._chunks: dict[int, Chunk] = {}
        self._opening = threading.Lock()
        self._schedule: Rotation | None = None

    def workspace(self) -> Worker:
        """Return new scratch arrays for one thread."""
        groups = block_kernels.make_group_workspace(self._options.vector_size, self._options.negative, self.halt)
        counts = np.zeros(self._P**2, np.int64)
        return Worker(block_kernels.make_pair_workspace(BLOCK_WORDS), groups, counts)

    def all_done(self, epoch: int) -> list[int]:
        """Return the number of rounds, for each center block."""
        return [self._P * len(self._cut(epoch))] * self._P

    def tasks(self, epoch: int, done: list[int] | None, paused: threading.Event) -> Rotation:
        """Return an epoch's tasks, without the rounds `done`; any number of threads take from them."""
        self._chunks.clear()
        self._token_blocks = self._cut(epoch)
        sizes = list(map(len, self._token_blocks))
        self._schedule = Rotation(epoch, self._P, sizes, done or [0] * self._P, paused, self.halt)
        return self._schedule

    def train(self, task: ChunkTask, rate: float, work: Worker) -> TaskResult:
        """Do a task, in place. Raises `CorpusError` if it holds an id outside the vocabulary."""
        assert self._schedule is not None
        chunk = self._chunk(task.epoch, task.chunk)
        if task.round < 0:
            block = int(self._token_blocks[task.chunk][task.number])
            tokens = checked_ids(self._tokens.read_block(block), self._V, block)
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
        """Return a chunk of the epoch, made when a worker first asks for it."""
        with self._opening:
            if number not in self._chunks:
                self._chunks[number] = Chunk(self._partition(epoch, number), {})
            return self._chunks[number]

    def _partition(self, epoch: int, chunk: int) -> Partition:
        options = self._options
        return draw_partition(self._counts, self._P, options.ns_exponent, options.seed, epoch, chunk)

    def _make_pairs(self, tokens: NDArray[np.int32], key: int, partition: Partition, work: Worker) -> Part:
        """Return a token block's pairs, bucket by bucket."""
        options, P = self._options, self._P
        n, _ = block_kernels.count_pairs(
            tokens, self._keep, np.uint64(key), options.window, options.shrink_windows, partition.block_of, P,
            work.pairs, work.counts,
        )  # fmt: skip
        starts = np.concatenate([[0], np.cumsum(work.counts)])
        pairs = np.empty((starts[-1], 2), np.int32)
        block_kernels.fill_pairs(n, P, work.pairs, starts[:-1].copy(), pairs)
        return pairs, starts

    def _train_bucket(self, task: ChunkTask, chunk: Chunk, rate: float, work: Worker) -> TaskResult:
        i, o = task.number, (task.number + task.round) % self._P
        b = i * self._P + o
        pairs = self._gather([chunk.parts[number] for number in range(len(chunk.parts))], b, work)
        key = block_key(self._options.seed, task.epoch, task.chunk, b, _BUCKET_KEY)
        loss = self._run(self._bucket(chunk.partition, o, pairs, key, rate), work.groups)
        n_pairs = sum(len(made) for made, _ in chunk.parts.values())
        share = len(chunk.parts) / self._tokens.n_blocks * len(pairs) / max(1, n_pairs)
        return TaskResult(len(pairs), loss, share)

    def _gather(self, parts: list[Part], b: int, work: Worker) -> NDArray[np.int32]:
        """Return the pairs of bucket b of a chunk, spread."""
        tasks = [pairs[starts[b] : starts[b + 1]] for pairs, starts in parts]
        in_order, spread = work.buckets(sum(map(len, tasks)))
        return spread_pairs(np.concatenate(tasks, out=in_order), spread)

    def _bucket(self, partition: Partition, outside: int, pairs: NDArray[np.int32], key: int, rate: float) -> Bucket:
        words, alias = partition.words[outside], partition.alias[outside]
        negative, vector_size = self._options.negative, self._options.vector_size
        return Bucket(self._padded_center, self._padded_outside, pairs, words, alias, key, rate, negative, vector_size)
