"""Engines for subwords, of the Hogwild schedule: words share the rows of n-grams, so no blocks of rows are apart."""

import numpy as np
from numpy.typing import NDArray

from firth.options import Options
from firth.subwords import SubwordVectors
from firth.subwords.ngrams import add_rows, utf8
from firth.text import BLOCK_WORDS, Corpus
from firth.training import sampling
from firth.training.cbow import kernels as cbow_kernels
from firth.training.loop.engine import Kernels, TaskResult
from firth.training.loop.start import StartRows
from firth.training.loop.state import State
from firth.training.negative_sampling import window_kernels
from firth.training.negative_sampling.window_kernels import TokenBlock
from firth.training.subwords import cbow_kernels as compiled_cbow
from firth.training.subwords import kernels as compiled
from firth.training.subwords import reference
from firth.training.subwords.memory import slice_words
from firth.training.subwords.rows import list_rows, scheme_of
from firth.training.windows import layout
from firth.training.windows.engine import start_rows
from firth.training.windows.hogwild import HogwildEngine

_START_SCALE = 2  # rows start uniform in [-1/D, 1/D), as in fastText: twice as far as center rows without subwords


class SubwordEngine(HogwildEngine[compiled.SubwordWorkspace]):
    """Trains rows of words and n-grams; `center` holds the composed vectors, as they were at the last `refresh`."""

    def __init__(self, corpus: Corpus, options: Options):
        super().__init__(corpus, options)
        self._lists = list_rows(corpus.vocabulary, options)
        self._keys = corpus.vocabulary.index_to_key
        self._alias = sampling.alias_table(corpus.vocabulary.counts, options.ns_exponent)
        V, D = self.center.shape
        self._padded_inputs = layout.aligned_zeros((self._lists.n_rows, self._padded_center.shape[1]))
        self.inputs = self._padded_inputs[:, :D]
        for first, rows in start_rows(self._lists.n_rows, D, options.seed):
            self.inputs[first : first + len(rows)] = _START_SCALE * rows
        self.subwords = SubwordVectors(scheme_of(options), self.inputs[V:], self._lists.buckets)

    def start_from(self, rows: StartRows) -> None:
        """Replace initial values: rows of n-grams, and rows of words such that the composed vectors are those given."""
        assert self.subwords is not None
        rows.copy_ngrams_into(self.subwords)
        self.refresh()
        super().start_from(rows)
        words = [utf8(self._keys[row]) for row in rows.rows.tolist()]
        self.inputs[rows.rows] = self.subwords.own_rows(words, self.center[rows.rows])

    def refresh(self) -> None:
        starts, rows = self._lists.starts, self._lists.rows
        self._padded_center[:] = 0
        add_rows(starts, rows, self._padded_inputs, self._padded_center)
        self._padded_center *= (1 / np.diff(starts)).astype(np.float32)[:, None]

    def state(self) -> State:
        return State({}, {"inputs": self.inputs, "outside": self.outside})

    def _block(
        self, tokens: NDArray[np.int32], key: int, rate: float, work: compiled.SubwordWorkspace
    ) -> compiled.SubwordBlock:
        options = self._options
        windows = TokenBlock(
            center=work.vectors,
            outside=self._padded_outside,
            tokens=tokens,
            keep=self._keep,
            alias=self._alias,
            key=np.uint64(key),
            window=options.window,
            shrink=options.shrink_windows,
            K=options.negative,
            rate=np.float32(rate),
        )
        return compiled.SubwordBlock(windows, self._padded_inputs, self._lists.starts, self._lists.rows)


class SubwordSampling(SubwordEngine):
    """The engine of skip-gram with negative sampling; with one worker the result is deterministic."""

    def __init__(self, corpus: Corpus, options: Options, kernels: Kernels = "compiled"):
        super().__init__(corpus, options)
        self._train = reference.train_block
        if kernels == "compiled":
            shape = *layout.tiles(options.negative), layout.strips(options.vector_size)
            self._train = compiled.compile_train_block(*shape)

    def workspace(self) -> compiled.SubwordWorkspace:
        options = self._options
        work = window_kernels.make_workspace(
            BLOCK_WORDS, options.vector_size, options.window, options.negative, self.halt
        )
        return compiled.make_subword_workspace(len(self.center), options.vector_size, slice_words(options), work)

    def _train_alone(
        self, tokens: NDArray[np.int32], key: int, rate: float, work: compiled.SubwordWorkspace
    ) -> TaskResult:
        _, pairs = self._train(self._block(tokens, key, rate, work), work)
        return TaskResult(pairs, float(work.windows.loss.sum()), 0.0)


class SubwordCbow(SubwordEngine):
    """The engine of CBOW with negative sampling; with one worker the result is deterministic."""

    def __init__(self, corpus: Corpus, options: Options, kernels: Kernels = "compiled"):
        super().__init__(corpus, options)
        self._train = reference.train_positions
        if kernels == "compiled":
            shape = *layout.even_tiles(2 + options.negative), layout.strips(options.vector_size)
            self._train = compiled_cbow.compile_train_block(*shape)

    def workspace(self) -> compiled.SubwordWorkspace:
        options = self._options
        work = cbow_kernels.make_workspace(
            BLOCK_WORDS, options.vector_size, options.window, options.negative, self.halt
        )
        return compiled.make_subword_workspace(len(self.center), options.vector_size, slice_words(options), work)

    def _train_alone(
        self, tokens: NDArray[np.int32], key: int, rate: float, work: compiled.SubwordWorkspace
    ) -> TaskResult:
        _, positions = self._train(self._block(tokens, key, rate, work), self._options.cbow_mean, work)
        return TaskResult(positions, float(work.windows.loss.sum()), 0.0)
