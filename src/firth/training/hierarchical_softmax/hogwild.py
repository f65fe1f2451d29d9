"""The engine of the Hogwild schedule."""

import numpy as np
from numpy.typing import NDArray

from firth.options import Options
from firth.text import BLOCK_WORDS, Corpus
from firth.training.hierarchical_softmax import reference, window_kernels
from firth.training.hierarchical_softmax.tree import make_tree
from firth.training.loop.engine import Kernels, TaskResult
from firth.training.windows import layout
from firth.training.windows.hogwild import HogwildEngine


class HogwildPaths(HogwildEngine[window_kernels.PathWorkspace]):
    """The engine of the Hogwild schedule; with one worker the result is deterministic. `outside` has the nodes."""

    def __init__(self, corpus: Corpus, options: Options, kernels: Kernels = "compiled", workers: int = 1):
        self._tree = make_tree(corpus.vocabulary.counts)
        super().__init__(corpus, options, n_outputs=len(corpus.vocabulary) - 1)
        self._exchange = max(1, window_kernels.EXCHANGE_WINDOWS // workers)
        self._train = reference.train_block
        if kernels == "compiled":
            self._train = window_kernels.compile_train_block(layout.strips(options.vector_size))

    def workspace(self) -> window_kernels.PathWorkspace:
        longest = int(self._tree.lengths.max())
        return window_kernels.make_workspace(
            BLOCK_WORDS, self._options.vector_size, self._options.window, longest, self.halt
        )

    def _train_alone(
        self, tokens: NDArray[np.int32], key: int, rate: float, work: window_kernels.PathWorkspace
    ) -> TaskResult:
        block = window_kernels.NodeTokenBlock(
            center=self._padded_center,
            nodes=self._padded_outside,
            tree=self._tree,
            exchange=self._exchange,
            **self._window_fields(tokens, key, rate),
        )
        _, pairs = self._train(block, work)
        return TaskResult(pairs, float(work.loss.sum()), 0.0)
