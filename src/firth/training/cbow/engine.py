"""The engine of CBOW with negative sampling: blocks of tokens under the Hogwild schedule."""

import os

import numpy as np
from numpy.typing import NDArray

from firth.options import Options
from firth.text import BLOCK_WORDS, Corpus
from firth.training import sampling
from firth.training.cbow import kernels as cbow_kernels
from firth.training.loop.engine import Kernels, TaskResult
from firth.training.negative_sampling.hogwild import Hogwild
from firth.training.negative_sampling.window_kernels import TokenBlock
from firth.training.windows import layout


class Cbow(Hogwild):
    def __init__(self, corpus: Corpus, options: Options, kernels: Kernels = "compiled"):
        super().__init__(corpus, options, "reference")
        self._train = cbow_kernels.compile_train_block(*layout.even_tiles(2 + options.negative), layout.strips(options.vector_size))

    def workspace(self):
        o = self._options
        return cbow_kernels.make_workspace(BLOCK_WORDS, o.vector_size, o.window, o.negative, self.halt)

    def _train_alone(self, tokens, key, rate, work):
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
        _, pairs = self._train(block, os.environ.get("CMEAN", "1") == "1", os.environ.get("CMODE", "0") == "1", work)
        return TaskResult(pairs, float(work.loss.sum()), 0.0)
