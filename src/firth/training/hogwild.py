"""The engine for negative sampling: all workers update both matrices without locks, one block of tokens at a time.

Niu et al. 2011 (arXiv:1106.5730) show why lost updates do not matter when each touches few rows. `kernels` has
the arithmetic; this module makes its tables and is the one gateway through which ids reach it.
"""

import threading
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.errors import CorpusError
from firth.options import Options
from firth.text import BLOCK_WORDS, END, Corpus
from firth.training import kernels, sampling, simd
from firth.training.engine import Engine, Matrix, PieceResult

_INIT_NUMBERS = 2**22  # drawn at a time, so that starting needs no second matrix
_SAMPLE_PLACES = 16  # of the corpus, from which `end_loss` takes its sample
_SAMPLE_SHARE = 64  # the sample has 1/64 of the words,
_MIN_SAMPLE = 2_048  # but at least so many, and at most a token block
_NO_EPOCH = 2**32 - 1  # seeds the draws of `end_loss`


class Piece(NamedTuple):
    """A piece of work: one block of tokens. `progress` is the share of the epoch before it."""

    epoch: int
    block: int
    progress: float


class Pieces:
    """An epoch's blocks, one after the other, from the first that is not done."""

    def __init__(self, epoch: int, first: int, n_blocks: int, paused: threading.Event):
        self._epoch, self._next, self._n, self._paused = epoch, first, n_blocks, paused
        self._lock = threading.Lock()

    def take(self) -> Piece | None:
        """Return the next block, to one thread only; None after the last, or while paused."""
        with self._lock:
            if self._next == self._n or self._paused.is_set():
                return None
            self._next += 1
            return Piece(self._epoch, self._next - 1, (self._next - 1) / self._n)

    def done(self) -> list[int]:
        """Return how many blocks are done."""
        return [self._next]


class NegativeSampling(Engine):
    """What both schedules of negative sampling share: the corpus, the matrices to start from, and subsampling.

    center, outside: (V, D) float32 views of rows padded to 64 bytes; training changes them in place.
    """

    def __init__(self, corpus: Corpus, options: Options):
        super().__init__(options)
        counts = corpus.vocabulary.counts
        self._tokens = corpus.tokens
        self.n_words, self.raw_words = corpus.tokens.n_words, corpus.raw_words
        self._keep = sampling.keep_thresholds(counts, options.sample)
        shape = (len(counts), simd.LANES * kernels.strips(options.vector_size))
        self._padded_center, self._padded_outside = kernels.aligned_zeros(shape), kernels.aligned_zeros(shape)
        for first, rows in start_rows(len(counts), options.vector_size, options.seed):
            self.center[first : first + len(rows)] = rows

    def compile(self) -> None:
        """Compile the kernels now, by training on no tokens at all."""
        self._train_alone(np.zeros(0, np.int32), 0, 0.0, self.workspace())

    def end_loss(self, work: Any) -> float | None:
        """Return the mean loss of a fixed sample of pairs, each with fixed noise words; no row changes.

        The sample is the same in every epoch: 1/64 of the words, at least 2,048 and at most 32,768, from 16 places
        spread over the corpus. It is subsampled and windowed as in training, and its noise words come from the whole
        vocabulary under either schedule. None if the sample has no pairs.
        """
        key = block_key(self._options.seed, _NO_EPOCH)
        result = self._train_alone(self._sample(), key, 0.0, work)
        return result.loss / result.pairs if result.pairs and not self.halt[0] else None

    @abstractmethod
    def _train_alone(self, tokens: NDArray[np.int32], key: int, rate: float, work: Any) -> PieceResult:
        """Train on tokens in this thread, as one piece, in place; at rate 0 this computes their loss."""

    def _sample(self) -> NDArray[np.int32]:
        """Return a fixed sample of the tokens: runs of equal length from places spread over the corpus."""
        size = min(BLOCK_WORDS, max(_MIN_SAMPLE, self.n_words // _SAMPLE_SHARE))
        if self.n_words <= size and self._tokens.n_blocks == 1:
            return self._run_at(0.0, BLOCK_WORDS)
        length = size // _SAMPLE_PLACES - 1
        places = np.linspace(0, self._tokens.n_blocks, _SAMPLE_PLACES, endpoint=False)
        return np.concatenate([np.append(self._run_at(place, length), np.int32(END)) for place in places.tolist()])

    def _run_at(self, place: float, length: int) -> NDArray[np.int32]:
        """Return up to `length` tokens; place 2.5 begins in the middle of token block 2."""
        block = int(place)
        tokens = checked_ids(self._tokens.read_block(block), len(self._keep), block)
        first = min(int((place - block) * len(tokens)), max(0, len(tokens) - length))
        return tokens[first : first + length]

    @property
    def center(self) -> Matrix:
        """The center matrix, without the padding of its rows."""
        return self._padded_center[:, : self._options.vector_size]

    @property
    def outside(self) -> Matrix:
        """The outside matrix, without the padding of its rows."""
        return self._padded_outside[:, : self._options.vector_size]


class Hogwild(NegativeSampling):
    """The step that trains one block of tokens; all workers change both matrices at once."""

    def __init__(self, corpus: Corpus, options: Options):
        super().__init__(corpus, options)
        self._alias = sampling.alias_table(corpus.vocabulary.counts, options.ns_exponent)
        tile, n_tiles = kernels.tiles(options.negative)
        self._train = kernels.compile_train_block(tile, n_tiles, kernels.strips(options.vector_size))

    def workspace(self) -> kernels.Workspace:
        """Return new scratch arrays for one thread."""
        options = self._options
        return kernels.make_workspace(BLOCK_WORDS, options.vector_size, options.window, options.negative, self.halt)

    def all_done(self, epoch: int) -> list[int]:
        """Return the number of blocks."""
        return [self._tokens.n_blocks]

    def pieces(self, epoch: int, done: list[int] | None, paused: threading.Event) -> Pieces:
        """Return an epoch's blocks, without the first `done[0]`; any number of threads take from them."""
        return Pieces(epoch, done[0] if done else 0, self._tokens.n_blocks, paused)

    def train(self, piece: Piece, rate: float, work: kernels.Workspace) -> PieceResult:
        """Train on one block, in place. Raises `CorpusError` if it holds an id outside the vocabulary."""
        tokens = checked_ids(self._tokens.read_block(piece.block), len(self._keep), piece.block)
        result = self._train_alone(tokens, block_key(self._options.seed, piece.epoch, piece.block), rate, work)
        return result._replace(share=1 / self._tokens.n_blocks)

    def _train_alone(self, tokens: NDArray[np.int32], key: int, rate: float, work: kernels.Workspace) -> PieceResult:
        options = self._options
        _, pairs = self._train(
            self._padded_center, self._padded_outside, tokens, self._keep, self._alias, np.uint64(key),
            options.window, options.shrink_windows, options.negative, np.float32(rate), work,
        )  # fmt: skip
        return PieceResult(pairs, float(work.loss.sum()), 0.0)


def start_rows(V: int, D: int, seed: int) -> Iterator[tuple[int, Matrix]]:
    """Draw the center vectors to start from: yield the number of a first row, and rows (n, D) from there on.

    They are word2vec.c's, uniform in [-1/2D, 1/2D), and depend on the seed and the shape alone. The outside vectors
    start at zero.
    """
    rng = np.random.default_rng(seed)
    step = max(1, _INIT_NUMBERS // D)
    for first in range(0, V, step):
        draws = rng.random((min(step, V - first), D), dtype=np.float32)
        yield first, (draws - np.float32(0.5)) / np.float32(D)


def checked_ids(tokens: NDArray[np.int32], V: int, block: int) -> NDArray[np.int32]:
    """Return `tokens` if all are END or in [0, V), and so few that no kernel can reach outside an array."""
    if len(tokens) > BLOCK_WORDS:
        raise CorpusError(
            f"block {block} of the token store has {len(tokens):,} entries where {BLOCK_WORDS:,} are the most: "
            "give the bounds that the corpus was read with"
        )
    if len(tokens) and (tokens.min() < END or tokens.max() >= V):
        raise CorpusError(
            f"block {block} of the token store holds ids from {tokens.min()} to {tokens.max()} where {END} to {V - 1} "
            "are allowed: the store was changed or damaged while training; read the corpus again"
        )
    return tokens


def block_key(seed: int, *place: int) -> int:
    """Return the 64-bit key of the random draws of a piece of work: a hash of the seed and its place."""
    return int(np.random.SeedSequence((seed, *place)).generate_state(1, np.uint64)[0])
