"""The base class of engines that train on windows: matrices, subsampling, and the loss of a fixed sample."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.options import Options
from firth.text import BLOCK_WORDS, END, Corpus
from firth.training import sampling
from firth.training.draws import block_key
from firth.training.guards import checked_ids
from firth.training.loop.engine import Engine, Matrix, TaskResult, TaskT, WorkspaceT
from firth.training.windows import layout
from firth.training.windows.frozen import NONE_FROZEN

_INIT_NUMBERS = 2**22  # numbers drawn at a time, so that no second matrix is needed
_SAMPLE_PLACES = 16  # of the corpus, from which `end_loss` takes its sample
_SAMPLE_SHARE = 64  # the sample has 1/64 of the words, but
_MIN_SAMPLE = 2_048  # at least this many and at most a token block
NO_EPOCH = 2**32 - 1  # seeds the draws of `end_loss`


class WindowEngine(Engine[TaskT, WorkspaceT]):
    """The base class of engines that train on windows; `center` and `outside` are views of rows padded to 64 bytes.

    `outside` has a row for each word, or `n_outputs` rows.
    """

    def __init__(self, corpus: Corpus, options: Options, n_outputs: int | None = None):
        super().__init__(options)
        counts = corpus.vocabulary.counts
        self._tokens = corpus.tokens
        self.n_words, self.raw_words = corpus.tokens.n_words, corpus.raw_words
        self._keep = sampling.keep_thresholds(counts, options.sample)
        self._frozen = NONE_FROZEN
        V, D = len(counts), options.vector_size
        width = layout.LANES * layout.strips(D)
        self._padded_center = layout.aligned_zeros((V, width))
        self._padded_outside = layout.aligned_zeros((V if n_outputs is None else n_outputs, width))
        self.center, self.outside = self._padded_center[:, :D], self._padded_outside[:, :D]
        for first, rows in start_rows(V, D, options.seed):
            self.center[first : first + len(rows)] = rows

    def freeze(self, frozen: NDArray[np.bool_]) -> None:
        self._frozen = frozen

    def compile(self) -> None:
        """Compile the kernels by training on no tokens."""
        self._train_alone(np.zeros(0, np.int32), 0, 0.0, self.workspace())

    def end_loss(self, work: WorkspaceT) -> float | None:
        """Return the mean loss of a fixed sample of pairs, each with fixed noise words; no row changes.

        The sample is the same in every epoch: 1/64 of the words, at least 2,048 and at most 32,768, from 16 places
        spread over the corpus. It is subsampled and windowed as in training, and its noise words come from the whole
        vocabulary under either schedule. None if the sample has no pairs.
        """
        result = self.sample_loss(work)
        return result.loss / result.pairs if result.pairs and not self.halt[0] else None

    def sample_loss(self, work: WorkspaceT) -> TaskResult:
        """Return the pairs of the sample of `end_loss`, and the sum of their losses."""
        return self._train_alone(self._sample(), block_key(self._options.seed, NO_EPOCH), 0.0, work)

    @abstractmethod
    def _train_alone(self, tokens: NDArray[np.int32], key: int, rate: float, work: WorkspaceT) -> TaskResult:
        """Train on tokens in this thread, in place; at rate 0 this only computes the loss."""

    def _window_fields(self, tokens: NDArray[np.int32], key: int, rate: float) -> dict[str, Any]:
        """Return the fields that the blocks of tokens of all objectives share: the windows and the learning rate."""
        return {
            "tokens": tokens,
            "keep": self._keep,
            "key": np.uint64(key),
            "window": self._options.window,
            "shrink": self._options.shrink_windows,
            "rate": np.float32(rate),
            "frozen": self._frozen,
        }

    def _sample(self) -> NDArray[np.int32]:
        """Return a fixed sample of the tokens: runs of equal length from places spread over the corpus."""
        places, length = sample_places(self.n_words, self._tokens.n_blocks)
        return join_runs([self._run_at(place, length) for place in places])

    def _run_at(self, place: float, length: int) -> NDArray[np.int32]:
        block = int(place)
        return run_at(place, length, checked_ids(self._tokens.read_block(block), len(self._keep), block))


def sample_places(n_words: int, n_blocks: int) -> tuple[list[float], int]:
    """Return the places of the runs of tokens that `end_loss` samples, and their length; see `run_at`."""
    size = min(BLOCK_WORDS, max(_MIN_SAMPLE, n_words // _SAMPLE_SHARE))
    if n_words <= size and n_blocks == 1:
        return [0.0], BLOCK_WORDS
    return np.linspace(0, n_blocks, _SAMPLE_PLACES, endpoint=False).tolist(), size // _SAMPLE_PLACES - 1


def run_at(place: float, length: int, tokens: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return up to `length` of a token block's `tokens`; place 2.5 begins in the middle of token block 2."""
    first = min(int((place - int(place)) * len(tokens)), max(0, len(tokens) - length))
    return tokens[first : first + length]


def join_runs(runs: list[NDArray[np.int32]]) -> NDArray[np.int32]:
    """Return the sample of all runs; if there are several, a sentence ends after each."""
    return runs[0] if len(runs) == 1 else np.concatenate([np.append(run, np.int32(END)) for run in runs])


def start_rows(V: int, D: int, seed: int) -> Iterator[tuple[int, Matrix]]:
    """Draw the center vectors to start from: yield the number of a first row, and the rows (n, D) from there on.

    As in word2vec.c they are uniform in [-1/2D, 1/2D). They depend on the seed and the shape alone. The outside vectors
    start at zero.
    """
    rng = np.random.default_rng(seed)
    step = max(1, _INIT_NUMBERS // D)
    for first in range(0, V, step):
        draws = rng.random((min(step, V - first), D), dtype=np.float32)
        yield first, (draws - np.float32(0.5)) / np.float32(D)
