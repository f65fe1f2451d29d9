"""The engine without races: the same bits on any number of threads, and in any process.

Both matrices are split into P blocks of rows, word w into block w mod P (ids fall by frequency, so blocks are alike).
A chunk of the corpus becomes pairs, in buckets by (block of the center, block of the outside word). In round r, bucket
(i, (i + r) mod P) of every i may be trained at once, for no two of them share a row; this is the rotation of DSGD
(Gemulla et al. 2011) and of PyTorch-BigGraph (Lerer et al. 2019, arXiv:1903.12287).

There is no barrier between rounds. A bucket starts when both its blocks have been through their buckets of the round
before, so the updates of every row come in one order, whatever runs where; and a bucket's result depends on nothing but
its rows, pairs, seed and rate (`run_bucket`). `Rotation` hands out the work.
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
from firth.training import block_kernels, kernels, sampling, simd
from firth.training.engine import Matrix, PieceResult
from firth.training.hogwild import NegativeSampling, block_key, checked_ids

CHUNK_PAIRS = 8_000_000  # about so many pairs make a chunk: 8 bytes each, and two chunks are in memory at most
LEAST_WORDS = 25  # in a block, or noise words drawn from it would mostly be the outside words themselves

_BUCKET_KEY = 1  # tells a bucket's key from a token block's


def row_blocks(V: int, options: Options) -> int:
    """Return P, the number of blocks that the rows of each matrix are split into."""
    return max(1, min(options.blocks, V // LEAST_WORDS))


def chunk_blocks(options: Options) -> int:
    """Return how many token blocks make a chunk of about `CHUNK_PAIRS` pairs: by the options alone."""
    pairs_a_word = options.window + 1 if options.shrink_windows else 2 * options.window
    return max(1, CHUNK_PAIRS // (pairs_a_word * BLOCK_WORDS))


class Bucket(NamedTuple):
    """All that the training of one bucket depends on.

    center, outside  (rows, D padded to strips) float32: a block of each matrix, every P-th of its rows
    pairs            (n, 2) int32: row of `center`, row of `outside`
    alias            (rows of outside,) uint64: the alias table that noise words are drawn from
    key, rate        seed of the draws, learning rate
    negative, vector_size  K and D
    """

    center: Matrix
    outside: Matrix
    pairs: NDArray[np.int32]
    alias: NDArray[np.uint64]
    key: int
    rate: float
    negative: int
    vector_size: int


class Trained(NamedTuple):
    """The rows of both blocks after a bucket, and the summed loss of its pairs, in nats."""

    center: Matrix
    outside: Matrix
    loss: float


Runner = Callable[[Bucket, block_kernels.GroupWorkspace], Trained]


def run_bucket(bucket: Bucket, work: block_kernels.GroupWorkspace | None = None) -> Trained:
    """Train a bucket; a pure function of it, but for rows that lie on strip boundaries, which change in place.

    The result is the same in any thread, process or machine of the same kind.
    """
    work = work or block_kernels.make_group_workspace(bucket.vector_size, bucket.negative)
    center, outside = _on_strips(bucket.center), _on_strips(bucket.outside)
    train = block_kernels.compile_train_bucket(*kernels.tiles(bucket.negative), kernels.strips(bucket.vector_size))
    rate = np.float32(bucket.rate)
    train(center, outside, bucket.pairs, bucket.alias, np.uint64(bucket.key), bucket.negative, rate, work)
    return Trained(center, outside, float(work.loss.sum()))


def run_elsewhere(executor: Executor) -> Runner:
    """Return a runner that sends buckets to an executor, such as a pool of processes, and waits for their rows."""
    return lambda bucket, work: executor.submit(run_bucket, bucket).result()


def _on_strips(rows: Matrix) -> Matrix:
    """Return `rows` if each lies on a strip's boundary, as kernels require, and else a copy where they do."""
    step, item = rows.strides
    if rows.ctypes.data % simd.STRIP_BYTES == step % simd.STRIP_BYTES == 0 and item == 4 and rows.flags.writeable:
        return rows
    copy = kernels.aligned_zeros(rows.shape)
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


class Piece(NamedTuple):
    """A piece of work: make the pairs of token block `number` of a chunk, or train bucket `number` of a round.

    `progress` is the share of the epoch that lies before its round.
    """

    epoch: int
    chunk: int
    round: int  # -1 for making pairs
    number: int
    progress: float


@dataclass
class Rotation:
    """Hands out an epoch's pieces of work, each as soon as it may run, to any number of threads.

    chunks  for each chunk, its range of token blocks
    rounds  rounds that center block i has been through, over all chunks; nothing else need be known to go on
    paused  while it is set, no piece is handed out; halt: nor is any after it is True

    A worker reports a piece done by `finish`.
    """

    epoch: int
    P: int
    chunks: list[range]
    rounds: list[int]
    paused: threading.Event
    halt: NDArray[np.bool_]
    _ready: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self._made = [0] * len(self.chunks)  # token blocks whose pairs are made
        self._taken = [0] * len(self.chunks)  # and those that somebody has taken
        self._running = [False] * self.P

    def take(self) -> Piece | None:
        """Wait for the next piece and return it; None when all are taken, or no more are to begin."""
        with self._ready:
            while not (self.halt[0] or self.paused.is_set() or min(self.rounds) == self.P * len(self.chunks)):
                piece = self._next_bucket() or self._next_pairs()
                if piece is not None:
                    return piece
                self._ready.wait(0.1)
            return None

    def done(self) -> list[int]:
        """Return the rounds that each center block has been through."""
        return list(self.rounds)

    def finish(self, piece: Piece) -> bool:
        """Note that a piece is done; return whether it was the last of its chunk."""
        with self._ready:
            if piece.round < 0:
                self._made[piece.chunk] += 1
            else:
                self.rounds[piece.number] += 1
                self._running[piece.number] = False
            self._ready.notify_all()
            return piece.round >= 0 and min(self.rounds) == (piece.chunk + 1) * self.P

    def _next_bucket(self) -> Piece | None:
        """Return the ready bucket of the earliest round; its outside block was last with center block number + 1."""
        for number in sorted(range(self.P), key=self.rounds.__getitem__):
            past = self.rounds[number]
            chunk, round_ = divmod(past, self.P)
            if chunk == len(self.chunks) or self._made[chunk] < len(self.chunks[chunk]):
                continue
            if not self._running[number] and self.rounds[(number + 1) % self.P] >= past:
                self._running[number] = True
                return Piece(self.epoch, chunk, round_, number, past / (self.P * len(self.chunks)))
        return None

    def _next_pairs(self) -> Piece | None:
        """Return the next token block, of this chunk or the next, whose pairs nobody makes yet."""
        current = min(self.rounds) // self.P
        for chunk in range(current, min(current + 2, len(self.chunks))):
            if self._taken[chunk] < len(self.chunks[chunk]):
                self._taken[chunk] += 1
                return Piece(self.epoch, chunk, -1, self._taken[chunk] - 1, chunk / len(self.chunks))
        return None


@dataclass
class Worker:
    """One thread's scratch arrays."""

    pairs: block_kernels.PairWorkspace
    groups: block_kernels.GroupWorkspace
    counts: NDArray[np.int64]
    gathered: NDArray[np.int32] = field(default_factory=lambda: np.empty((2, 0, 2), np.int32))

    def buckets(self, n: int) -> NDArray[np.int32]:
        """Return two arrays for n pairs: the same memory each time, for new memory is slow to touch."""
        if self.gathered.shape[1] < n:
            self.gathered = np.empty((2, 2 * n, 2), np.int32)
        return self.gathered[:, :n]


Part = tuple[NDArray[np.int32], NDArray[np.int64]]
"""The pairs of one token block, bucket by bucket, and where each bucket begins."""


class Blocks(NegativeSampling):
    """The pieces of work that train the matrices: pairs made of token blocks, and buckets of pairs trained.

    `run` is called with each bucket; `run_elsewhere` gives one that sends buckets to other processes.
    """

    def __init__(self, corpus: Corpus, options: Options, run: Runner = run_bucket):
        super().__init__(corpus, options)
        counts, self._run = corpus.vocabulary.counts, run
        self._V = len(counts)
        self._P = row_blocks(self._V, options)
        self._alias = [sampling.alias_table(counts[b :: self._P], options.ns_exponent) for b in range(self._P)]
        self._chunks = self._cut_chunks()
        self._parts: dict[tuple[int, int], Part] = {}
        self._schedule: Rotation | None = None

    def _cut_chunks(self) -> list[range]:
        n_blocks, size = self._tokens.n_blocks, chunk_blocks(self._options)
        return [range(first, min(first + size, n_blocks)) for first in range(0, n_blocks, size)]

    def workspace(self) -> Worker:
        """Return new scratch arrays for one thread."""
        groups = block_kernels.make_group_workspace(self._options.vector_size, self._options.negative, self.halt)
        counts = np.zeros(self._P**2, np.int64)
        return Worker(block_kernels.make_pair_workspace(BLOCK_WORDS), groups, counts)

    def compile(self) -> None:
        """Compile the kernels now, by training on no tokens at all."""
        work = self.workspace()
        pairs, _ = self._make_pairs(np.zeros(0, np.int32), 0, work)
        self._run(self._bucket(0, 0, pairs, 0, 0.0), work.groups)

    def all_done(self) -> list[int]:
        """Return the number of rounds, for each center block."""
        return [self._P * len(self._chunks)] * self._P

    def pieces(self, epoch: int, done: list[int] | None, paused: threading.Event) -> Rotation:
        """Return an epoch's pieces of work, without the rounds `done`; any number of threads take from them."""
        self._parts.clear()
        self._schedule = Rotation(epoch, self._P, self._chunks, done or [0] * self._P, paused, self.halt)
        return self._schedule

    def train(self, piece: Piece, rate: float, work: Worker) -> PieceResult:
        """Do a piece of work, in place. Raises `CorpusError` if it holds an id outside the vocabulary."""
        assert self._schedule is not None
        if piece.round < 0:
            block = self._chunks[piece.chunk][piece.number]
            tokens = checked_ids(self._tokens.read_block(block), self._V, block)
            key = block_key(self._options.seed, piece.epoch, block)
            self._parts[piece.chunk, piece.number] = self._make_pairs(tokens, key, work)
            result = PieceResult(0, 0.0)
        else:
            result = self._train_bucket(piece, rate, work)
        if self._schedule.finish(piece):
            for number in range(len(self._chunks[piece.chunk])):
                del self._parts[piece.chunk, number]
        return result

    def _make_pairs(self, tokens: NDArray[np.int32], key: int, work: Worker) -> Part:
        """Return a token block's pairs, bucket by bucket."""
        options, P = self._options, self._P
        n, _ = block_kernels.count_pairs(
            tokens, self._keep, np.uint64(key), options.window, options.shrink_windows, P, work.pairs, work.counts
        )
        starts = np.concatenate([[0], np.cumsum(work.counts)])
        pairs = np.empty((starts[-1], 2), np.int32)
        block_kernels.fill_pairs(n, P, work.pairs, starts[:-1].copy(), pairs)
        return pairs, starts

    def _train_bucket(self, piece: Piece, rate: float, work: Worker) -> PieceResult:
        i, o = piece.number, (piece.number + piece.round) % self._P
        b = i * self._P + o
        pairs = self._gather(piece.chunk, b, work)
        key = block_key(self._options.seed, piece.epoch, piece.chunk, b, _BUCKET_KEY)
        bucket = self._bucket(i, o, pairs, key, rate)
        trained = self._run(bucket, work.groups)
        if trained.center is not bucket.center:
            bucket.center[:], bucket.outside[:] = trained.center, trained.outside
        return PieceResult(len(pairs), trained.loss)

    def _gather(self, chunk: int, b: int, work: Worker) -> NDArray[np.int32]:
        """Return the pairs of bucket b of a chunk, spread."""
        parts = (self._parts[chunk, number] for number in range(len(self._chunks[chunk])))
        pieces = [pairs[starts[b] : starts[b + 1]] for pairs, starts in parts]
        in_order, spread = work.buckets(sum(map(len, pieces)))
        return spread_pairs(np.concatenate(pieces, out=in_order), spread)

    def _bucket(self, i: int, o: int, pairs: NDArray[np.int32], key: int, rate: float) -> Bucket:
        center, outside = self._padded_center[i :: self._P], self._padded_outside[o :: self._P]
        negative, vector_size = self._options.negative, self._options.vector_size
        return Bucket(center, outside, pairs, self._alias[o], key, rate, negative, vector_size)
