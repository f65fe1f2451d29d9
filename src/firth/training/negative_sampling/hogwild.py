"""The Hogwild schedule: all workers update both matrices without locks, one block of tokens at a time.

Niu, Recht, Ré and Wright (2011, arXiv:1106.5730) show that lost updates do little harm if each update changes few rows.
"""

import threading

import numpy as np
from numpy.typing import NDArray

from firth.options import Options
from firth.text import BLOCK_WORDS, Corpus
from firth.training import sampling
from firth.training.draws import block_key
from firth.training.guards import checked_ids
from firth.training.loop.engine import Kernels, TaskResult
from firth.training.negative_sampling import reference, window_kernels
from firth.training.windows import layout
from firth.training.windows.engine import WindowEngine
from firth.training.windows.token_blocks import TokenBlockQueue, TokenBlockTask


class Hogwild(WindowEngine[TokenBlockTask, window_kernels.Workspace]):
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

    def all_done(self, epoch: int) -> list[int]:
        return [self._tokens.n_blocks]

    def tasks(self, epoch: int, done: list[int] | None, paused: threading.Event) -> TokenBlockQueue:
        return TokenBlockQueue(epoch, done[0] if done else 0, self._tokens.n_blocks, paused)

    def train(self, task: TokenBlockTask, rate: float, work: window_kernels.Workspace) -> TaskResult:
        tokens = checked_ids(self._tokens.read_block(task.block), len(self._keep), task.block)
        result = self._train_alone(tokens, block_key(self._options.seed, task.epoch, task.block), rate, work)
        return result._replace(share=1 / self._tokens.n_blocks)

    def _train_alone(
        self, tokens: NDArray[np.int32], key: int, rate: float, work: window_kernels.Workspace
    ) -> TaskResult:
        options = self._options
        block = window_kernels.TokenBlock(
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
        _, pairs = self._train(block, work)
        return TaskResult(pairs, float(work.loss.sum()), 0.0)
