"""LoneMember: the member of a cluster of one node. It trains as one machine does, and is called as a `Member` is.

With nobody to exchange rows and pairs with, rows stay where they are from chunk to chunk, and the pairs of the next
chunk are begun while the last buckets of a chunk are trained.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
from numpy.typing import NDArray

from firth.cluster.exchange import Exchange
from firth.cluster.held_out import ValidatingMember
from firth.cluster.member import ChunkResult
from firth.cluster.row_files import MATRICES, saved_rows, write_rows
from firth.cluster.setup import Setup
from firth.text import Corpus, TokenStore, Vocabulary
from firth.training.loop.engine import Matrix, TaskResult
from firth.training.negative_sampling.blocks import Blocks, Worker
from firth.training.negative_sampling.rotation import Rotation
from firth.training.windows.frozen import Frozen


class _Counts(Vocabulary):
    """A vocabulary whose words are elsewhere; here they are their numbers."""

    def __init__(self, counts: NDArray[np.int64]):
        self.index_to_key, self.counts, self.key_to_index = range(len(counts)), counts, {}


def corpus_of(setup: Setup, tokens: TokenStore) -> Corpus:
    """Return the corpus of a setup, as far as training depends on it."""
    return Corpus(_Counts(setup.counts), tokens, setup.raw_words, 0, 0, 0, setup.vocabulary_size, 0, 0)


class SetupEngine(Blocks):
    """The engine of one machine, on a text that another process has described."""

    def __init__(self, setup: Setup, tokens: TokenStore):
        if tokens.n_blocks > setup.extent.n_blocks:
            tokens, _ = tokens.split(setup.extent.n_blocks)  # the others are held out
        super().__init__(corpus_of(setup, tokens), setup.options)
        self.n_words, self._extent, self._P = setup.n_words, setup.extent, setup.row_blocks

    @property
    def padded(self) -> dict[str, Matrix]:
        """Both matrices by name, (V, D padded to strips)."""
        return dict(zip(MATRICES, (self._padded_center, self._padded_outside), strict=True))


class LoneMember(ValidatingMember):
    """The only member of a cluster; methods and arguments are those of `Member`."""

    def __init__(self, setup: Setup, tokens: TokenStore, exchange: Exchange, workers: int = 1):
        self._setup, self._exchange = setup, exchange
        self._engine = SetupEngine(setup, tokens)
        self._halt = self._engine.halt
        self._threads = workers
        self._workers = [self._engine.workspace() for _ in range(workers)]
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="firth-member")
        self._rotation: Rotation | None = None
        self._place = 0, 0

    def compile(self) -> None:
        """Compile the kernels by training on no tokens."""
        self._engine.compile()

    def start(self) -> None:
        """Give all rows their initial values: the engine did."""

    def set_rows(self, name: str, words: NDArray[np.int32], rows: Matrix) -> None:
        """Overwrite rows of words: (n, D), of the matrix center or outside."""
        self._engine.padded[name][words, : rows.shape[1]] = rows

    def freeze(self, frozen: Frozen) -> None:
        """Keep center rows as they are from now on: those of the words where `frozen`, (V,), is True."""
        self._engine.freeze(frozen)

    def save(self, folder: str) -> None:
        """Write the rows into a file in a folder, as they lie on several members."""
        words = self._setup.partition(*self._place).words
        blocks = {name: _CopiedBlocks(rows, words) for name, rows in self._engine.padded.items()}
        write_rows(folder, self._exchange.number, blocks)

    def load(self, folder: str, epoch: int, chunk: int) -> None:
        """Read the rows that were saved after a chunk, by any number of members."""
        self._place = epoch, chunk
        words = self._setup.partition(epoch, chunk).words
        shapes = {block: (len(each), self._setup.width) for block, each in enumerate(words)}
        for saved in saved_rows(folder, dict.fromkeys(MATRICES, shapes)):
            self._engine.padded[saved.matrix][words[saved.block]] = saved.rows

    def collect(self) -> tuple[int, int]:
        """Return the first word of this member, and the end of its words: all."""
        return 0, self._setup.vocabulary_size

    def rows(self) -> tuple[list[Matrix], list[Matrix]]:
        """Return both matrices, (V, D) each, in a list of one."""
        return [self._engine.center], [self._engine.outside]

    def run_chunk(self, epoch: int, chunk: int) -> ChunkResult:
        """Train the buckets of a chunk."""
        if self._rotation is None or self._rotation.epoch != epoch:
            self._rotation = self._engine.tasks(
                epoch, [chunk * self._setup.row_blocks] * self._setup.row_blocks, Event()
            )
        self._rotation.until = chunk + 1
        self._place = epoch, chunk
        done = [result for each in self._pool.map(self._work_off, self._workers) for result in each]
        if self._halt[0]:
            raise InterruptedError("training was interrupted")
        return ChunkResult(sum(result.pairs for result in done), np.array([result.loss for result in done]), {})

    def _work_off(self, work: Worker) -> list[TaskResult]:
        """Do tasks until none is left in the chunk; each worker runs this."""
        assert self._rotation is not None
        done = []
        try:
            while (task := self._rotation.take()) is not None:
                done.append(self._engine.train(task, self._setup.rate(task.epoch, task.progress), work))
        except BaseException:
            self._halt[0] = True  # the other workers would wait for this task
            raise
        return done

    def end_loss(self) -> tuple[float, int]:
        """Return the loss of a fixed sample of pairs, in nats, and their number."""
        result = self._engine.sample_loss(self._workers[0])
        return result.loss, result.pairs

    def halt(self) -> None:
        """Make the call under way end soon with an error, and all later ones."""
        self._halt[0] = True

    def close(self) -> None:
        """End its threads; a second call does nothing."""
        self._exchange.close()
        self._pool.shutdown(cancel_futures=True)


class _CopiedBlocks(Mapping[int, Matrix]):
    """The rows of each block of words, copied from a matrix."""

    def __init__(self, matrix: Matrix, words: list[NDArray[np.int32]]):
        self._matrix, self._words = matrix, words

    def __getitem__(self, block: int) -> Matrix:
        rows: Matrix = self._matrix[self._words[block]]
        return rows

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self._words)))

    def __len__(self) -> int:
        return len(self._words)
