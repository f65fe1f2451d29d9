"""The block schedule of hierarchical softmax for pairs that were given directly instead of a text.

As in `negative_sampling.pair_blocks`, a pair is a window of one word in the text of a chunk. From there on the schedule
is that of a text (`blocks`).
"""

import numpy as np
from numpy.typing import NDArray

from firth.options import Options
from firth.text import Corpus
from firth.training.hierarchical_softmax.blocks import NodeChunk, PathBlocks, PathWorker
from firth.training.loop.engine import Kernels
from firth.training.negative_sampling.pair_blocks import PairSource, write_pairs


class PathPairBlocks(PairSource, PathBlocks):
    """The engine of the block schedule for pairs; `outside` has the nodes."""

    def __init__(self, corpus: Corpus, options: Options, kernels: Kernels = "compiled"):
        super().__init__(corpus, options, kernels)
        self._farthest = 1

    def _keep_words(self, tokens: NDArray[np.int32], key: int, chunk: NodeChunk, row: int, work: PathWorker) -> int:
        write_pairs(tokens, chunk.text, row, chunk.partition)
        return len(tokens)
