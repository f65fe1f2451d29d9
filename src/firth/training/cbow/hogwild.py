"""The engine of CBOW with negative sampling, under the Hogwild schedule."""

import numpy as np
from numpy.typing import NDArray

from firth.options import Options
from firth.text import BLOCK_WORDS, Corpus
from firth.training import sampling
from firth.training.cbow import kernels as cbow_kernels
from firth.training.cbow import reference
from firth.training.loop.engine import Kernels, TaskResult
from firth.training.negative_sampling.window_kernels import TokenBlock
from firth.training.windows import layout
from firth.training.windows.hogwild import HogwildEngine


class CbowSampling(HogwildEngine[cbow_kernels.CbowWorkspace]):
    """The engine of CBOW with negative sampling; with one worker the result is deterministic.

    Several workers would change the rows of overlapping contexts at once, so there is no schedule that gives the same
    result on any number of workers.
    """

    def __init__(self, corpus: Corpus, options: Options, kernels: Kernels = "compiled"):
        super().__init__(corpus, options)
        self._alias = sampling.alias_table(corpus.vocabulary.counts, options.ns_exponent)
        self._train = reference.train_block
        if kernels == "compiled":
            shape = *layout.even_tiles(2 + options.negative), layout.strips(options.vector_size)
            self._train = cbow_kernels.compile_train_block(*shape)

    def workspace(self) -> cbow_kernels.CbowWorkspace:
        options = self._options
        return cbow_kernels.make_workspace(
            BLOCK_WORDS, options.vector_size, options.window, options.negative, self.halt
        )

    def _train_alone(
        self, tokens: NDArray[np.int32], key: int, rate: float, work: cbow_kernels.CbowWorkspace
    ) -> TaskResult:
        options = self._options
        block = TokenBlock(
            center=self._padded_center,
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
        _, positions = self._train(block, options.cbow_mean, work)
        return TaskResult(positions, float(work.loss.sum()), 0.0)
