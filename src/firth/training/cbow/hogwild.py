"""The engines of CBOW, under the Hogwild schedule: with negative sampling, and with hierarchical softmax.

A step changes the rows of a whole window, which no split of the rows into blocks keeps apart. So there is no schedule
that gives the same result on any number of workers.
"""

import numpy as np
from numpy.typing import NDArray

from firth.options import Options
from firth.text import BLOCK_WORDS, Corpus
from firth.training import sampling
from firth.training.cbow import kernels as sampling_kernels
from firth.training.cbow import path_kernels, reference
from firth.training.hierarchical_softmax.tree import make_tree
from firth.training.hierarchical_softmax.window_kernels import EXCHANGE_WINDOWS, NodeTokenBlock
from firth.training.loop.engine import Kernels, TaskResult
from firth.training.negative_sampling.window_kernels import TokenBlock
from firth.training.windows import layout
from firth.training.windows.hogwild import HogwildEngine


class CbowSampling(HogwildEngine[sampling_kernels.CbowWorkspace]):
    """The engine of CBOW with negative sampling; with one worker the result is deterministic."""

    def __init__(self, corpus: Corpus, options: Options, kernels: Kernels = "compiled"):
        super().__init__(corpus, options)
        self._alias = sampling.alias_table(corpus.vocabulary.counts, options.ns_exponent)
        self._train = reference.train_block
        if kernels == "compiled":
            shape = *layout.even_tiles(2 + options.negative), layout.strips(options.vector_size)
            self._train = sampling_kernels.compile_train_block(*shape)

    def workspace(self) -> sampling_kernels.CbowWorkspace:
        options = self._options
        return sampling_kernels.make_workspace(
            BLOCK_WORDS, options.vector_size, options.window, options.negative, self.halt
        )

    def _train_alone(
        self, tokens: NDArray[np.int32], key: int, rate: float, work: sampling_kernels.CbowWorkspace
    ) -> TaskResult:
        options = self._options
        block = TokenBlock(
            center=self._padded_center,
            outside=self._padded_outside,
            alias=self._alias,
            K=options.negative,
            **self._window_fields(tokens, key, rate),
        )
        _, positions = self._train(block, options.cbow_mean, work)
        return TaskResult(positions, float(work.loss.sum()), 0.0)


class CbowPaths(HogwildEngine[path_kernels.CbowPathWorkspace]):
    """The engine of CBOW with hierarchical softmax; with one worker the result is deterministic.

    `outside` has the nodes.
    """

    def __init__(self, corpus: Corpus, options: Options, kernels: Kernels = "compiled", workers: int = 1):
        self._tree = make_tree(corpus.vocabulary.counts)
        super().__init__(corpus, options, n_outputs=len(corpus.vocabulary) - 1)
        self._exchange = max(1, EXCHANGE_WINDOWS // workers)
        self._train = reference.train_path_block
        if kernels == "compiled":
            self._train = path_kernels.compile_train_block(layout.strips(options.vector_size))

    def workspace(self) -> path_kernels.CbowPathWorkspace:
        options, longest = self._options, int(self._tree.lengths.max())
        return path_kernels.make_workspace(BLOCK_WORDS, options.vector_size, options.window, longest, self.halt)

    def _train_alone(
        self, tokens: NDArray[np.int32], key: int, rate: float, work: path_kernels.CbowPathWorkspace
    ) -> TaskResult:
        options = self._options
        block = NodeTokenBlock(
            center=self._padded_center,
            nodes=self._padded_outside,
            tree=self._tree,
            exchange=self._exchange,
            **self._window_fields(tokens, key, rate),
        )
        _, positions = self._train(block, options.cbow_mean, work)
        return TaskResult(positions, float(work.loss.sum()), 0.0)
