"""The engine of the Hogwild schedule."""

import numpy as np
from numpy.typing import NDArray

from firth.options import Options
from firth.text import BLOCK_WORDS, Corpus
from firth.training import sampling
from firth.training.loop.engine import Kernels, TaskResult
from firth.training.negative_sampling import reference, window_kernels
from firth.training.windows import layout
from firth.training.windows.hogwild import HogwildEngine


class Hogwild(HogwildEngine[window_kernels.Workspace]):
    """The engine of the Hogwild schedule; with one worker the result is deterministic."""

    def __init__(self, corpus: Corpus, options: Options, kernels: Kernels = "compiled"):
        super().__init__(corpus, options)
        self._alias = sampling.alias_table(corpus.vocabulary.counts, options.ns_exponent)
        self._train = reference.train_block
        if kernels == "compiled":
            shape = *layout.tiles(options.negative), layout.strips(options.vector_size)
            self._train = window_kernels.compile_train_block(*shape)

    def workspace(self) -> window_kernels.Workspace:
        options = self._options
        return window_kernels.make_workspace(
            BLOCK_WORDS, options.vector_size, options.window, options.negative, self.halt
        )

    def _train_alone(
        self, tokens: NDArray[np.int32], key: int, rate: float, work: window_kernels.Workspace
    ) -> TaskResult:
        block = window_kernels.TokenBlock(
            center=self._padded_center,
            outside=self._padded_outside,
            alias=self._alias,
            K=self._options.negative,
            **self._window_fields(tokens, key, rate),
        )
        _, pairs = self._train(block, work)
        return TaskResult(pairs, float(work.loss.sum()), 0.0)
