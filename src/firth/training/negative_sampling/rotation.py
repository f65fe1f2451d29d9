"""The tasks of the block schedule and their order, and the base class of the engines that follow it.

The rows of each matrix are split into P blocks, at random for each chunk of the corpus (`partition`). The words of a
chunk that survive subsampling are prepared, one token block at a time; then the pairs of the chunk are made, sorted
into buckets by (block of the center, block of the output row). In round r, the buckets (i, (i + r) mod P) of all i may
be trained at the same time, because no two of them share a row. This is the rotation of DSGD (Gemulla et al. 2011) and
of PyTorch-BigGraph (Lerer et al. 2019, arXiv:1903.12287).

There is no barrier between the rounds of a chunk. A bucket may start when both its blocks have finished the buckets of
the round before. Every row is thus updated in the same order on any number of threads. `Rotation` is the queue of these
tasks.
"""

import threading
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from firth.options import Options
from firth.text import Corpus
from firth.training.draws import block_key
from firth.training.guards import checked_ids
from firth.training.loop.engine import TaskResult, WorkspaceT
from firth.training.negative_sampling.buckets import ChunkText
from firth.training.negative_sampling.partition import (
    Partition,
    Words,
    chunk_size,
    count_row_blocks,
    cut_chunks,
    draw_partition,
    extent_of,
    words_of,
)
from firth.training.windows.engine import WindowEngine

PREPARE, PAIR = -2, -1  # what a `ChunkTask` does, if it trains no bucket
BUCKET_KEY = 1  # keeps a bucket's random draws apart from a token block's

ChunkT = TypeVar("ChunkT")


class ChunkTask(NamedTuple):
    """Prepare token block `number`, make the pairs of block `number`, or train center block `number`."""

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
        self.until = len(self.sizes)  # chunks after which no task is returned

    def take(self) -> ChunkTask | None:
        with self._ready:
            while not (self.halt[0] or self.paused.is_set() or min(self.rounds) == self.P * self.until):
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


class BlockEngine(WindowEngine[ChunkTask, WorkspaceT], Generic[ChunkT, WorkspaceT]):
    """The base class of the engines of the block schedule: chunks, buckets, and which task does what."""

    def __init__(self, corpus: Corpus, options: Options, n_outputs: int | None = None):
        super().__init__(corpus, options, n_outputs)
        self._words = self._words_of(corpus, options)
        self._extent = extent_of(corpus.tokens, options)
        self._P = count_row_blocks(len(corpus.vocabulary), self._extent, options)
        self._token_blocks: list[NDArray[np.intp]] = []
        self._chunks: dict[int, ChunkT] = {}
        self._opening = threading.Lock()
        self._schedule: Rotation | None = None

    def all_done(self, epoch: int) -> list[int]:
        return [self._P * len(self._cut(epoch))] * self._P

    def tasks(self, epoch: int, done: list[int] | None, paused: threading.Event) -> Rotation:
        self._chunks.clear()
        self._token_blocks = self._cut(epoch)
        sizes = list(map(len, self._token_blocks))
        self._schedule = Rotation(epoch, self._P, sizes, done or [0] * self._P, paused, self.halt)
        return self._schedule

    def train(self, task: ChunkTask, rate: float, work: WorkspaceT) -> TaskResult:
        assert self._schedule is not None
        chunk = self._chunk(task.epoch, task.chunk)
        result = TaskResult(0, 0.0, 0.0)
        if task.round == PREPARE:
            block = int(self._token_blocks[task.chunk][task.number])
            tokens = checked_ids(self._tokens_of(task.epoch, block), len(self._keep), block)
            self._prepare(tokens, block_key(self._options.seed, task.epoch, block), chunk, task.number, work)
        elif task.round == PAIR:
            self._make_pairs_of(chunk, task.number, work)
        else:
            i, o = task.number, (task.number + task.round) % self._P
            key = block_key(self._options.seed, task.epoch, task.chunk, i * self._P + o, BUCKET_KEY)
            result = self._train_bucket(chunk, (i, o), key, rate, work)
            size = len(self._token_blocks[task.chunk]) / self._extent.n_blocks
            result = result._replace(share=size * result.share)
        if self._schedule.finish(task):
            self._retire(self._chunks.pop(task.chunk))
        return result

    def _retire(self, chunk: ChunkT) -> None:
        """Take back the memory of a chunk that is done."""

    def _words_of(self, corpus: Corpus, options: Options) -> Words:
        """Return what the partitions of the vocabulary depend on."""
        return words_of(corpus.vocabulary.counts, options)

    def _tokens_of(self, epoch: int, block: int) -> NDArray[np.int32]:
        """Return a block of tokens of an epoch."""
        return self._tokens.read_epoch(epoch, block)

    def _cut(self, epoch: int) -> list[NDArray[np.intp]]:
        return cut_chunks(self._extent.n_blocks, chunk_size(self._extent, self._P), epoch)

    def _chunk(self, epoch: int, number: int) -> ChunkT:
        """Return a chunk of the epoch; the first call makes it."""
        with self._opening:
            if number not in self._chunks:
                self._chunks[number] = self._new_chunk(epoch, number, len(self._token_blocks[number]))
            return self._chunks[number]

    def _add_counts(self, text: ChunkText, counts: NDArray[Any]) -> None:
        """Add the counts of a token block to those of its chunk, which other workers add to as well."""
        with self._opening:
            text.counts[:] += counts

    def _partition(self, epoch: int, chunk: int) -> Partition:
        return draw_partition(self._words, self._P, self._options.seed, epoch, chunk)

    @abstractmethod
    def _new_chunk(self, epoch: int, number: int, size: int) -> ChunkT:
        """Return a chunk of `size` token blocks, with nothing prepared."""

    @abstractmethod
    def _prepare(self, tokens: NDArray[np.int32], key: int, chunk: ChunkT, row: int, work: WorkspaceT) -> None:
        """Subsample a block of tokens and sort its words, into row `row` of the chunk's text."""

    @abstractmethod
    def _make_pairs_of(self, chunk: ChunkT, block: int, work: WorkspaceT) -> None:
        """Make the pairs of a block, once all token blocks of the chunk are prepared."""

    @abstractmethod
    def _train_bucket(
        self, chunk: ChunkT, place: tuple[int, int], key: int, rate: float, work: WorkspaceT
    ) -> TaskResult:
        """Train the bucket at (center block, output block), in place; `share` of the result is that of the chunk."""
