"""The engine for negative sampling: all workers update both matrices without locks, one block of tokens at a time.

Niu et al. 2011 (arXiv:1106.5730) show why lost updates do not matter when each touches few rows. `kernels` has
the arithmetic; this module makes its tables and is the one gateway through which ids reach it.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.errors import CorpusError
from firth.options import Options
from firth.text import BLOCK_WORDS, END, Corpus
from firth.training import kernels, sampling, simd

Matrix = NDArray[np.float32]

_INIT_ROWS = 2**16  # rows drawn at a time, so that starting needs no second matrix


class Piece(NamedTuple):
    """A piece of work: one block of tokens. `progress` is the share of the epoch before it."""

    epoch: int
    block: int
    progress: float


class BlockResult(NamedTuple):
    """What a piece of work added: `loss` is the sum over its pairs, in nats."""

    words: int
    pairs: int
    loss: float


class Hogwild:
    """Both matrices, the sampling tables, and the step that trains one block.

    center, outside: (V, D) float32 views of rows padded to 64 bytes; `train_block` changes them in place.
    """

    def __init__(self, corpus: Corpus, options: Options):
        counts = corpus.vocabulary.counts
        self._tokens = corpus.tokens
        self.n_words = corpus.tokens.n_words  # in the vocabulary, in one epoch
        self.raw_words = corpus.raw_words  # read, in one epoch
        self._options = options
        self.halt = np.zeros(1, np.bool_)  # True asks every `train_block` under way to stop early
        self._keep = sampling.keep_thresholds(counts, options.sample)
        self._alias = sampling.alias_table(counts, options.ns_exponent)
        shape = (len(counts), simd.LANES * kernels.strips(options.vector_size))
        self._padded_center, self._padded_outside = kernels.aligned_zeros(shape), kernels.aligned_zeros(shape)
        self.center = self._padded_center[:, : options.vector_size]
        self.outside = self._padded_outside[:, : options.vector_size]
        for first, rows in start_rows(len(counts), options.vector_size, options.seed):
            self.center[first : first + len(rows)] = rows
        tile, n_tiles = kernels.tiles(options.negative)
        self._train = kernels.compile_train_block(tile, n_tiles, kernels.strips(options.vector_size))

    def workspace(self) -> kernels.Workspace:
        """Return new scratch arrays for one thread."""
        options = self._options
        return kernels.make_workspace(BLOCK_WORDS, options.vector_size, options.window, options.negative, self.halt)

    def compile(self) -> None:
        """Compile the kernel now, by training on no tokens at all."""
        self._run(np.zeros(0, np.int32), key=0, rate=0.0, work=self.workspace())

    def pieces(self, epoch: int) -> Iterator[Piece]:
        """Return an epoch's pieces of work, for any number of threads to take from."""
        n = self._tokens.n_blocks
        return iter([Piece(epoch, block, block / n) for block in range(n)])  # gives each to one thread only

    def train(self, piece: Piece, rate: float, work: kernels.Workspace) -> BlockResult:
        """Train on one block, in place. Raises `CorpusError` if it holds an id outside the vocabulary."""
        tokens = checked_ids(self._tokens.read_block(piece.block), len(self._keep), piece.block)
        return self._run(tokens, block_key(self._options.seed, piece.epoch, piece.block), rate, work)

    def _run(self, tokens: NDArray[np.int32], key: int, rate: float, work: kernels.Workspace) -> BlockResult:
        options = self._options
        words, pairs = self._train(
            self._padded_center, self._padded_outside, tokens, self._keep, self._alias, np.uint64(key),
            options.window, options.shrink_windows, options.negative, np.float32(rate), work,
        )  # fmt: skip
        return BlockResult(words, pairs, float(work.loss.sum()))


def memory_needed(V: int, options: Options, workers: int) -> dict[str, int]:
    """Return what training will allocate: a name and a number of bytes for each part."""
    row = simd.STRIP_BYTES * kernels.strips(options.vector_size)
    scratch = BLOCK_WORDS * (5 * 4 + 8) + kernels.SLICE * options.negative * 4 + (2 + 2 * options.window) * row
    return {
        f"2 matrices of {V:,} x {options.vector_size} floats": 2 * V * row,
        "sampling tables": V * (4 + 8 + 120),  # 120: Python's lists while the alias table is made
        f"scratch of {workers} workers": workers * scratch,
    }


def start_rows(V: int, D: int, seed: int) -> Iterator[tuple[int, Matrix]]:
    """Draw the center vectors to start from: yield the number of a first row, and rows (n, D) from there on.

    They are word2vec.c's, uniform in [-1/2D, 1/2D), and depend on the seed and the shape alone. The outside vectors
    start at zero.
    """
    rng = np.random.default_rng(seed)
    for first in range(0, V, _INIT_ROWS):
        draws = rng.random((min(_INIT_ROWS, V - first), D), dtype=np.float32)
        yield first, (draws - np.float32(0.5)) / np.float32(D)


def checked_ids(tokens: NDArray[np.int32], V: int, block: int) -> NDArray[np.int32]:
    """Return `tokens` if all are END or in [0, V), so that no kernel can reach outside a matrix."""
    if len(tokens) and (tokens.min() < END or tokens.max() >= V):
        raise CorpusError(
            f"block {block} of the token store holds ids from {tokens.min()} to {tokens.max()} where {END} to {V - 1} "
            "are allowed: the store was changed or damaged while training; read the corpus again"
        )
    return tokens


def block_key(seed: int, *place: int) -> int:
    """Return the 64-bit key of the random draws of a piece of work: a hash of the seed and its place."""
    return int(np.random.SeedSequence((seed, *place)).generate_state(1, np.uint64)[0])
