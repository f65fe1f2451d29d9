"""Member: one part of a cluster, with its own rows, token blocks and threads; it knows nothing of what starts it."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from firth.cluster.chunk_pairs import ChunkPairs, compile_pair_kernels
from firth.cluster.exchange import Exchange, Key
from firth.cluster.held_out import ValidatingMember
from firth.cluster.ring import BucketTask, Ring
from firth.cluster.row_files import MATRICES, saved_rows, write_rows
from firth.cluster.rows import Ids, MemberRows
from firth.cluster.setup import Setup
from firth.cluster.touched import Lending, TouchedRows, pairs_of_tokens, touched_by, train_alone
from firth.text import BLOCK_WORDS, TokenStore
from firth.text.reading import return_free_memory
from firth.training.draws import block_key
from firth.training.guards import checked_ids
from firth.training.loop.engine import Matrix
from firth.training.negative_sampling.blocks import Worker, run_here
from firth.training.negative_sampling.buckets import (
    Bucket,
    make_group_workspace,
    make_text_workspace,
    with_room,
)
from firth.training.negative_sampling.partition import consecutive_blocks, noise_table
from firth.training.negative_sampling.rotation import BUCKET_KEY
from firth.training.windows.engine import NO_EPOCH, join_runs, run_at, sample_places
from firth.training.windows.frozen import NONE_FROZEN, Frozen
from firth.training.windows.layout import aligned_zeros

ALONE = 0  # the member that trains the first chunk and measures the loss at the end of an epoch

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class ChunkResult(NamedTuple):
    """What a member adds to its epoch: pairs trained, the loss of each bucket in nats, and bytes sent to others."""

    pairs: int
    losses: NDArray[np.float64]
    sent_bytes: dict[str, int]


class Member(ValidatingMember):
    """One of several members: call `start`, then `run_chunk` for all chunks in order, on all members at the same time.

    tokens    this member's token blocks; the first of them is number `setup.first_token_blocks[exchange.number]`
    exchange  connected to those of the other members
    workers   threads that train
    """

    def __init__(self, setup: Setup, tokens: TokenStore, exchange: Exchange, workers: int = 1):
        self._setup, self._tokens, self._exchange = setup, tokens, exchange
        self._number = exchange.number
        self._halt = np.zeros(1, np.bool_)
        options = setup.options
        self._threads = workers
        self._workers = [
            Worker(
                make_text_workspace(BLOCK_WORDS),
                make_group_workspace(options.vector_size, options.negative, self._halt),
            )
            for _ in range(workers)
        ]
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="firth-member")
        self._mover = ThreadPoolExecutor(1, thread_name_prefix="firth-rows")
        self._rows: MemberRows | None = None
        self._place = 0, 0  # epoch and chunk of the partition under which rows are saved
        self._sample: tuple[int, TouchedRows] | None = None
        self._sent_runs = False
        self._frozen = NONE_FROZEN
        self._calls = 0  # that move rows, besides those of `run_chunk`

    def compile(self) -> None:
        """Compile the kernels by training on no tokens."""
        setup, work, width = self._setup, self._workers[0], self._setup.width
        pairs = pairs_of_tokens(setup, np.zeros(0, np.int32), 0, work)
        touched, nothing = touched_by(setup, pairs, 0), aligned_zeros((1, width))
        train_alone(setup, touched, nothing[:0], nothing, 0, 0.0, work)
        compile_pair_kernels(setup.row_blocks)

    def start(self) -> None:
        """Give all rows their initial values."""
        self._rows = MemberRows(self._setup, self._exchange, self._setup.partition(0, 0))
        self._rows.draw()

    def set_rows(self, name: str, words: Ids, rows: Matrix) -> None:
        """Overwrite rows of words that this member owns, after `start`: (n, D), of the matrix center or outside."""
        held, padded = self._settled(), self._settled().zeros(len(words))
        padded[:, : rows.shape[1]] = rows
        held.put(held.matrices[name], words, padded)

    def freeze(self, frozen: Frozen) -> None:
        """Keep center rows as they are from now on: those of the words where `frozen`, (V,), is True."""
        self._frozen = frozen

    def save(self, folder: str) -> None:
        """Write this member's rows into a file in a folder that all members see."""
        self._settled().move(self._setup.partition(*self._place), ("save", self._count()))
        write_rows(folder, self._number, self._settled().matrices)

    def load(self, folder: str, epoch: int, chunk: int) -> None:
        """Read the rows that were saved after a chunk, by any number of members."""
        self._place = epoch, chunk
        self._rows = MemberRows(self._setup, self._exchange, self._setup.partition(epoch, chunk))
        shapes = {block: rows.shape for block, rows in self._rows.center.items()}
        for saved in saved_rows(folder, dict.fromkeys(MATRICES, shapes)):
            self._rows.matrices[saved.matrix][saved.block][:] = saved.rows

    def collect(self) -> tuple[int, int]:
        """Give each member the rows of consecutive words; return this member's first word, and the end of its words."""
        words = consecutive_blocks(self._setup.vocabulary_size, self._setup.row_blocks)
        self._settled().move(words, ("collect", self._count()))
        bounds = self._setup.word_bounds
        return bounds[self._number], bounds[self._number + 1]

    def rows(self) -> tuple[list[Matrix], list[Matrix]]:
        """Return both matrices' blocks, (n, D) each, in the order of this member's words after `collect`."""
        rows, D = self._settled(), self._setup.options.vector_size
        center, outside = ([blocks[b][:, :D] for b in sorted(blocks)] for blocks in (rows.center, rows.outside))
        return center, outside

    def _settled(self) -> MemberRows:
        """Return the rows of this member."""
        assert self._rows is not None, "start or load first"
        return self._rows

    def _count(self) -> int:
        """Return the number of this call: keys of different calls must differ, and members make the same calls."""
        self._calls += 1
        return self._calls

    def run_chunk(self, epoch: int, chunk: int) -> ChunkResult:
        """Train this member's buckets of a chunk."""
        sent = self._exchange.sent_bytes.copy()
        self._place = epoch, chunk
        if epoch == chunk == 0:
            losses, pairs = self._run_first()
        else:
            losses, pairs = self._run_blocks(epoch, chunk)
        return_free_memory()
        return ChunkResult(pairs, np.array(losses), dict(self._exchange.sent_bytes - sent))

    def _run_first(self) -> tuple[list[float], int]:
        """Train the first chunk of a run, on the member ALONE; the others lend it their rows."""
        setup, block = self._setup, int(self._setup.chunks(0)[0][0])
        place = ("first", 0)
        if setup.holder(block) == self._number:
            self._exchange.send(ALONE, (*place, "tokens"), self._block(block))
        lending = Lending(setup, self._exchange, self._settled(), place)
        parts = (("center", self._settled().center), ("outside", self._settled().outside))
        if self._number != ALONE:
            words = [lending.lend(ALONE, blocks, name) for name, blocks in parts]
            for (name, blocks), each in zip(parts, words, strict=True):
                lending.get_back(blocks, name, each)
            return [], 0
        tokens, work, seed = self._exchange.take((*place, "tokens")), self._workers[0], setup.options.seed
        pairs = pairs_of_tokens(setup, tokens, block_key(seed, 0, block), work)
        key = block_key(seed, 0, 0, 0, BUCKET_KEY)
        touched = touched_by(setup, pairs, key, self._frozen)
        center = lending.borrow(self._settled().center, "center", touched.center)
        outside = lending.borrow(self._settled().outside, "outside", touched.outside)
        loss = train_alone(setup, touched, center, outside, key, setup.rate(0, 0.0), work)
        lending.give_back(self._settled().center, "center", touched.center, center)
        del center  # before the outside rows get memory
        lending.give_back(self._settled().outside, "outside", touched.outside, outside)
        return [loss], len(pairs)

    def end_loss(self) -> tuple[float, int]:
        """Return the loss of a fixed sample of pairs, in nats, and their number; 0 on all members but one."""
        place = ("sample", self._count())
        if not self._sent_runs:
            self._send_runs()
            self._sent_runs = True
        lending = Lending(self._setup, self._exchange, self._settled(), place)
        if self._number != ALONE:
            lending.lend(ALONE, self._settled().center, "center")
            lending.lend(ALONE, self._settled().outside, "outside")
            return 0.0, 0
        if self._sample is None:
            self._sample = self._make_sample()
            return_free_memory()
        key, touched = self._sample
        center = lending.borrow(self._settled().center, "center", touched.center)
        outside = lending.borrow(self._settled().outside, "outside", touched.outside)
        loss = train_alone(self._setup, touched, center, outside, key, 0.0, self._workers[0])
        return loss, len(touched.pairs)

    def _send_runs(self) -> None:
        """Send this member's tokens of the sample of `end_loss`."""
        places, length = sample_places(self._setup.n_words, self._setup.extent.n_blocks)
        for number, place in enumerate(places):
            if self._setup.holder(int(place)) == self._number:
                self._exchange.send(ALONE, ("run", number), run_at(place, length, self._block(int(place))))

    def _make_sample(self) -> tuple[int, TouchedRows]:
        """Return the key of the sample of `end_loss`, and what it touches."""
        places, _ = sample_places(self._setup.n_words, self._setup.extent.n_blocks)
        tokens = join_runs([self._exchange.take(("run", number)) for number in range(len(places))])
        key = block_key(self._setup.options.seed, NO_EPOCH)
        pairs = pairs_of_tokens(self._setup, tokens, key, self._workers[0])
        return key, touched_by(self._setup, pairs, key, self._frozen)

    def _block(self, number: int) -> Ids:
        """Return one of this member's token blocks, by its number in the corpus."""
        local = number - self._setup.first_token_blocks[self._number]
        return checked_ids(self._tokens.read_block(local), self._setup.vocabulary_size, number)

    def _run_blocks(self, epoch: int, chunk: int) -> tuple[list[float], int]:
        pairs = ChunkPairs(self._setup, self._tokens, self._exchange, (epoch, chunk))
        moving = self._mover.submit(self._settled().move, pairs.partition, ("rows", epoch, chunk))
        pairs.share_sizes(self._each(pairs.prepare, range(pairs.n_rows)))
        self._each(lambda block, work: pairs.make(block), range(self._setup.row_blocks))
        moving.result()
        own = self._setup.blocks_of(self._number)
        key: Key = ("ring", epoch, chunk)
        ring = Ring(self._exchange, self._setup.row_blocks, own, self._settled().outside, key)
        training = ChunkTraining(self._setup, self._settled(), pairs, (epoch, chunk), self._frozen)
        self._each(lambda _, work: training.work_off(ring, work), range(len(self._workers)))
        ring.close()
        return [loss for loss, _ in training.done], sum(pairs for _, pairs in training.done)

    def _each(self, function: Callable[[ItemT, Worker], ResultT], items: Iterable[ItemT]) -> list[ResultT]:
        """Return the results of a function of each item, computed by all workers."""
        free = list(self._workers)

        def call(item: ItemT) -> ResultT:
            work = free.pop()
            try:
                return function(item, work)
            finally:
                free.append(work)

        return list(self._pool.map(call, items))

    def halt(self) -> None:
        """Make the call under way end soon with an error, and all later ones."""
        self._halt[0] = True
        self._exchange.fail(InterruptedError("training was interrupted"))

    def close(self) -> None:
        """Free everything; a second call does nothing."""
        self._exchange.close()
        for pool in (self._pool, self._mover):
            pool.shutdown(cancel_futures=True)
        self._rows = None


class ChunkTraining:
    """The training of a member's buckets of one chunk; `done` grows as workers finish them."""

    def __init__(self, setup: Setup, rows: MemberRows, pairs: ChunkPairs, place: tuple[int, int], frozen: Frozen):
        self._setup, self._rows, self._pairs = setup, rows, pairs
        self._epoch, self._chunk = place
        sizes = list(map(len, setup.chunks(self._epoch)))
        self._before, self._size = sum(sizes[: self._chunk]), sizes[self._chunk]
        words = pairs.partition.words
        self._frozen = {block: frozen[words[block]] if len(frozen) else frozen for block in rows.center}
        self._tables: dict[int, tuple[Ids, NDArray[np.uint64]]] = {}
        self.done: list[tuple[float, int]] = []  # the loss and the pairs of each bucket

    def work_off(self, ring: Ring, work: Worker) -> None:
        """Train buckets until none is left; each worker runs this."""
        while (task := ring.take()) is not None:
            self.done.append(self._train(task, work))
            ring.finish(task)

    def _train(self, task: BucketTask, work: Worker) -> tuple[float, int]:
        """Train a bucket; nothing refers to its outside block afterwards, which may leave this member."""
        bucket = self._bucket(task)
        work.groups = with_room(work.groups, len(bucket.pairs))
        return run_here(bucket, work.groups), len(bucket.pairs)

    def _bucket(self, task: BucketTask) -> Bucket:
        options = self._setup.options
        noise_words, alias = self._noise(task.outside)
        number = task.center * self._setup.row_blocks + task.outside
        return Bucket(
            center=self._rows.center[task.center],
            outside=self._rows.outside[task.outside],
            pairs=self._pairs.bucket(task.center, task.outside),
            noise_words=noise_words,
            alias=alias,
            key=np.uint64(block_key(options.seed, self._epoch, self._chunk, number, BUCKET_KEY)),
            rate=np.float32(self._rate(task.round)),
            negative=options.negative,
            vector_size=options.vector_size,
            frozen=self._frozen[task.center],
        )

    def _noise(self, outside: int) -> tuple[Ids, NDArray[np.uint64]]:
        """Return the places in an outside block that noise words are drawn from, and the table of the distribution."""
        if outside not in self._tables:
            partition = self._pairs.partition
            places = np.arange(len(partition.words[outside]), dtype=np.int32)
            self._tables[outside] = places, noise_table(self._setup.words, partition, outside)
        return self._tables[outside]

    def _rate(self, round_: int) -> float:
        before = self._before + round_ / self._setup.row_blocks * self._size
        return self._setup.rate(self._epoch, before / self._setup.extent.n_blocks)
