"""The engines for subwords, of the Hogwild schedule: words share rows of n-grams, so blocks of rows would overlap."""

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.options import Options
from firth.subwords import SubwordVectors
from firth.subwords.ngrams import add_rows, utf8
from firth.text import BLOCK_WORDS, Corpus
from firth.training import sampling
from firth.training.cbow import kernels as cbow_kernels
from firth.training.cbow import path_kernels as cbow_path_kernels
from firth.training.hierarchical_softmax import window_kernels as path_kernels
from firth.training.hierarchical_softmax.tree import make_tree
from firth.training.hierarchical_softmax.window_kernels import NodeTokenBlock
from firth.training.joint import cbow_kernels as joint_cbow_kernels
from firth.training.joint import kernels as joint_kernels
from firth.training.joint.hogwild import JointOutputs
from firth.training.joint.kernels import JointTokenBlock
from firth.training.loop.engine import Kernels, TaskResult
from firth.training.loop.start import StartRows
from firth.training.loop.state import State
from firth.training.negative_sampling.partition import pairs_of_word
from firth.training.negative_sampling.window_kernels import SLICE, TokenBlock, make_workspace
from firth.training.subwords import cbow_kernels as compiled_cbow
from firth.training.subwords import kernels as compiled
from firth.training.subwords import reference
from firth.training.subwords.memory import slice_words
from firth.training.subwords.rows import list_rows, scheme_of, shared_change
from firth.training.windows import layout
from firth.training.windows.engine import start_rows
from firth.training.windows.frozen import NONE_FROZEN, unchanged
from firth.training.windows.hogwild import HogwildEngine

_MOST_CHANGE = 24  # of a vector by the steps of a slice on other words, in steps; twice as much slows down learning
_START_SCALE = 2  # rows start uniform in [-1/D, 1/D), as in fastText: twice as far as center rows without subwords


def slice_size(shared: float, options: Options) -> int:
    """Return the number of windows or steps of a slice, so that words that share rows do not move each other too far.

    shared: the `rows.shared_change` of the corpus. Within a slice a word does not see the steps of other words on its
    rows, so they add up. Words of real text share few rows. Where all words have most n-grams in common, as word001 and
    word002 do, slices of full length would end in divergence.
    """
    change = shared * pairs_of_word(options)  # by the pairs of which the word in the middle of a window is the center
    return SLICE if change * SLICE <= _MOST_CHANGE else max(1, int(_MOST_CHANGE / change))


class SubwordEngine(HogwildEngine[compiled.SubwordWorkspace]):
    """Trains rows of words and n-grams; `center` holds the composed vectors, as they were at the last `refresh`."""

    def __init__(self, corpus: Corpus, options: Options, n_outputs: int | None = None):
        super().__init__(corpus, options, n_outputs)
        self._lists = list_rows(corpus.vocabulary, options)
        frequencies = np.maximum(corpus.vocabulary.counts, 1) * self._keep.astype(np.float64)
        self._slice = slice_size(shared_change(self._lists, frequencies), options)
        self._keys = corpus.vocabulary.index_to_key
        V, D = self.center.shape
        self._padded_inputs = layout.aligned_zeros((self._lists.n_rows, self._padded_center.shape[1]))
        self.inputs = self._padded_inputs[:, :D]
        for first, rows in start_rows(self._lists.n_rows, D, options.seed):
            self.inputs[first : first + len(rows)] = _START_SCALE * rows
        self.subwords = SubwordVectors(scheme_of(options), self.inputs[V:], self._lists.buckets)
        self._frozen_rows = NONE_FROZEN
        self._train = reference.train_block

    def workspace(self) -> compiled.SubwordWorkspace:
        options = self._options
        work = self._window_workspace()
        return compiled.make_subword_workspace(len(self.center), options.vector_size, slice_words(options), work)

    @abstractmethod
    def _window_workspace(self) -> Any:
        """Return one thread's scratch arrays for windows."""

    @abstractmethod
    def _windows(
        self, tokens: NDArray[np.int32], key: int, rate: float, vectors: NDArray[Any]
    ) -> TokenBlock | NodeTokenBlock | JointTokenBlock:
        """Return tokens and all else that training on their windows depends on; `vectors` are the center vectors."""

    def start_from(self, rows: StartRows) -> None:
        """Replace initial values: rows of n-grams, and rows of words such that the composed vectors are those given."""
        assert self.subwords is not None
        rows.copy_ngrams_into(self.subwords)
        self.refresh()
        super().start_from(rows)
        words = [utf8(self._keys[row]) for row in rows.rows.tolist()]
        self.inputs[rows.rows] = self.subwords.own_rows(words, self.center[rows.rows])

    def freeze(self, frozen: NDArray[np.bool_]) -> None:
        """Keep the vectors of words as they are, and so all rows that these are composed of."""
        super().freeze(frozen)
        self._frozen_rows = np.zeros(self._lists.n_rows, np.bool_)
        self._frozen_rows[self._lists.rows[np.repeat(frozen, np.diff(self._lists.starts))]] = True

    def refresh(self) -> None:
        with unchanged(self.center, self._frozen, np.arange(len(self._frozen), dtype=np.int32)):
            self._compose()

    def _compose(self) -> None:
        starts, rows = self._lists.starts, self._lists.rows
        self._padded_center[:] = 0
        add_rows(starts, rows, self._padded_inputs, self._padded_center)
        self._padded_center *= (1 / np.diff(starts)).astype(np.float32)[:, None]

    def state(self) -> State:
        return State({}, {"inputs": self.inputs, **self.output_matrices()})

    def _train_alone(
        self, tokens: NDArray[np.int32], key: int, rate: float, work: compiled.SubwordWorkspace
    ) -> TaskResult:
        windows = self._windows(tokens, key, rate, work.vectors)
        if len(self._frozen_rows):
            windows = windows._replace(frozen=work.frozen)
        lists = self._lists
        block = compiled.SubwordBlock(
            windows, self._padded_inputs, lists.starts, lists.rows, self._slice, self._frozen_rows
        )
        _, pairs = self._train(block, work)
        return TaskResult(pairs, float(work.windows.loss.sum()), 0.0)


class SubwordSampling(SubwordEngine):
    """Negative sampling."""

    def __init__(self, corpus: Corpus, options: Options, kernels: Kernels = "compiled"):
        super().__init__(corpus, options)
        self._alias = sampling.alias_table(corpus.vocabulary.counts, options.ns_exponent)
        if kernels == "compiled":
            self._train = compiled.compile_train_block(
                *layout.tiles(options.negative), layout.strips(options.vector_size)
            )

    def _window_workspace(self) -> Any:
        options = self._options
        return make_workspace(BLOCK_WORDS, options.vector_size, options.window, options.negative, self.halt)

    def _windows(self, tokens: NDArray[np.int32], key: int, rate: float, vectors: NDArray[Any]) -> TokenBlock:
        return TokenBlock(
            center=vectors,
            outside=self._padded_outside,
            alias=self._alias,
            K=self._options.negative,
            **self._window_fields(tokens, key, rate),
        )


class SubwordCbow(SubwordSampling):
    """CBOW with negative sampling."""

    def __init__(self, corpus: Corpus, options: Options, kernels: Kernels = "compiled"):
        super().__init__(corpus, options, "reference")
        train = reference.train_positions
        if kernels == "compiled":
            shape = *layout.even_tiles(2 + options.negative), layout.strips(options.vector_size)
            train = compiled_cbow.compile_train_block(*shape)
        self._train = lambda block, work: train(block, options.cbow_mean, work)

    def _window_workspace(self) -> Any:
        options = self._options
        return cbow_kernels.make_workspace(
            BLOCK_WORDS, options.vector_size, options.window, options.negative, self.halt
        )


class SubwordPaths(SubwordEngine):
    """Hierarchical softmax; `outside` has the nodes."""

    def __init__(self, corpus: Corpus, options: Options, kernels: Kernels = "compiled", workers: int = 1):
        self._tree = make_tree(corpus.vocabulary.counts)
        super().__init__(corpus, options, n_outputs=len(corpus.vocabulary) - 1)
        self._exchange = max(1, path_kernels.EXCHANGE_WINDOWS // workers)
        if kernels == "compiled":
            self._train = compiled.compile_train_paths(layout.strips(options.vector_size))

    def _window_workspace(self) -> Any:
        options, longest = self._options, int(self._tree.lengths.max())
        return path_kernels.make_workspace(BLOCK_WORDS, options.vector_size, options.window, longest, self.halt)

    def _windows(self, tokens: NDArray[np.int32], key: int, rate: float, vectors: NDArray[Any]) -> NodeTokenBlock:
        return NodeTokenBlock(
            center=vectors,
            nodes=self._padded_outside,
            tree=self._tree,
            exchange=self._exchange,
            **self._window_fields(tokens, key, rate),
        )


class SubwordCbowPaths(SubwordPaths):
    """CBOW with hierarchical softmax; `outside` has the nodes."""

    def __init__(self, corpus: Corpus, options: Options, kernels: Kernels = "compiled", workers: int = 1):
        super().__init__(corpus, options, "reference", workers)
        train = reference.train_positions
        if kernels == "compiled":
            train = compiled_cbow.compile_train_paths(layout.strips(options.vector_size))
        self._train = lambda block, work: train(block, options.cbow_mean, work)

    def _window_workspace(self) -> Any:
        options, longest = self._options, int(self._tree.lengths.max())
        return cbow_path_kernels.make_workspace(BLOCK_WORDS, options.vector_size, options.window, longest, self.halt)


class SubwordJoint(SubwordEngine):
    """Both objectives at once."""

    _kernels: Any = joint_kernels

    def __init__(self, corpus: Corpus, options: Options, kernels: Kernels = "compiled", workers: int = 1):
        self._outputs = JointOutputs(corpus, options, workers)
        super().__init__(corpus, options)
        self.nodes = self._outputs.nodes
        if kernels == "compiled":
            shape = *layout.tiles(options.negative), layout.strips(options.vector_size)
            self._train = compiled.compile_train_joint(*shape)

    def _window_workspace(self) -> Any:
        options = self._options
        return self._kernels.make_workspace(
            BLOCK_WORDS, options.vector_size, options.window, options.negative, self._outputs.longest_path, self.halt
        )

    def _windows(self, tokens: NDArray[np.int32], key: int, rate: float, vectors: NDArray[Any]) -> JointTokenBlock:
        fields = self._window_fields(tokens, key, rate)
        return self._outputs.block(center=vectors, outside=self._padded_outside, **fields)


class SubwordJointCbow(SubwordJoint):
    """Both objectives at once, for CBOW."""

    _kernels = joint_cbow_kernels

    def __init__(self, corpus: Corpus, options: Options, kernels: Kernels = "compiled", workers: int = 1):
        super().__init__(corpus, options, "reference", workers)
        train = reference.train_positions
        if kernels == "compiled":
            shape = *layout.even_tiles(2 + options.negative), layout.strips(options.vector_size)
            train = compiled_cbow.compile_train_joint(*shape)
        self._train = lambda block, work: train(block, options.cbow_mean, work)
