"""The engines of both objectives at once, under the Hogwild schedule: for skip-gram and for CBOW."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.options import Options
from firth.text import BLOCK_WORDS, Corpus
from firth.training import sampling
from firth.training.hierarchical_softmax.tree import make_tree
from firth.training.hierarchical_softmax.window_kernels import EXCHANGE_WINDOWS
from firth.training.joint import cbow_kernels, reference
from firth.training.joint import kernels as window_kernels
from firth.training.joint.kernels import JointTokenBlock
from firth.training.loop.engine import Kernels, TaskResult, WorkspaceT
from firth.training.windows import layout
from firth.training.windows.hogwild import HogwildEngine


class JointOutputs:
    """The matrix of nodes, and what steps of both objectives need besides the rows of words.

    Raises `CorpusError` for fewer than two words.
    """

    def __init__(self, corpus: Corpus, options: Options, workers: int):
        counts, self._negative = corpus.vocabulary.counts, options.negative
        self._tree = make_tree(counts)
        self._alias = sampling.alias_table(counts, options.ns_exponent)
        self._exchange = max(1, EXCHANGE_WINDOWS // workers)
        self._padded = layout.aligned_zeros((len(counts) - 1, layout.LANES * layout.strips(options.vector_size)))
        self.nodes = self._padded[:, : options.vector_size]

    @property
    def longest_path(self) -> int:
        """The nodes on the longest path."""
        return int(self._tree.lengths.max())

    def block(self, **fields: Any) -> JointTokenBlock:
        """Return a block of tokens with these fields, the matrices of words among them."""
        return JointTokenBlock(
            nodes=self._padded, tree=self._tree, exchange=self._exchange, alias=self._alias, K=self._negative, **fields
        )


class JointEngine(HogwildEngine[WorkspaceT]):
    """The base class of both engines; with one worker the result is deterministic."""

    _kernels: Any  # the module of the kernels

    def __init__(self, corpus: Corpus, options: Options, workers: int):
        self._outputs = JointOutputs(corpus, options, workers)
        super().__init__(corpus, options)
        self.nodes = self._outputs.nodes

    def workspace(self) -> WorkspaceT:
        options = self._options
        work: WorkspaceT = self._kernels.make_workspace(
            BLOCK_WORDS, options.vector_size, options.window, options.negative, self._outputs.longest_path, self.halt
        )
        return work

    def _block(self, tokens: NDArray[np.int32], key: int, rate: float) -> JointTokenBlock:
        fields = self._window_fields(tokens, key, rate)
        return self._outputs.block(center=self._padded_center, outside=self._padded_outside, **fields)


class JointWindows(JointEngine[window_kernels.JointWorkspace]):
    """The engine of skip-gram."""

    _kernels = window_kernels

    def __init__(self, corpus: Corpus, options: Options, kernels: Kernels = "compiled", workers: int = 1):
        super().__init__(corpus, options, workers)
        self._train = reference.train_block
        if kernels == "compiled":
            shape = *layout.tiles(options.negative), layout.strips(options.vector_size)
            self._train = window_kernels.compile_train_block(*shape)

    def _train_alone(
        self, tokens: NDArray[np.int32], key: int, rate: float, work: window_kernels.JointWorkspace
    ) -> TaskResult:
        _, pairs = self._train(self._block(tokens, key, rate), work)
        return TaskResult(pairs, float(work.loss.sum()), 0.0)


class JointCbow(JointEngine[cbow_kernels.JointCbowWorkspace]):
    """The engine of CBOW."""

    _kernels = cbow_kernels

    def __init__(self, corpus: Corpus, options: Options, kernels: Kernels = "compiled", workers: int = 1):
        super().__init__(corpus, options, workers)
        self._train = reference.train_positions
        if kernels == "compiled":
            shape = *layout.even_tiles(2 + options.negative), layout.strips(options.vector_size)
            self._train = cbow_kernels.compile_train_block(*shape)

    def _train_alone(
        self, tokens: NDArray[np.int32], key: int, rate: float, work: cbow_kernels.JointCbowWorkspace
    ) -> TaskResult:
        _, positions = self._train(self._block(tokens, key, rate), self._options.cbow_mean, work)
        return TaskResult(positions, float(work.loss.sum()), 0.0)
