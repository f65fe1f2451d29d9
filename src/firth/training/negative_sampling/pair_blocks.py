"""The block schedule for pairs that were given directly instead of a text.

A pair is a window of one word: in the text of a chunk, its center stands before its outside word, whose window is that
one word. From there on the schedule is that of a text (`blocks`). Which pairs a block has, in each epoch, is drawn by
`PairTable.draw`; no word is dropped at random.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import CorpusError
from firth.options import Options
from firth.text import Corpus
from firth.text.pair_table import PairTable
from firth.training.loop.engine import Kernels
from firth.training.negative_sampling.blocks import Blocks, Chunk, Runner, Worker
from firth.training.negative_sampling.buckets import ChunkText
from firth.training.negative_sampling.partition import Partition, Words, count_row_blocks
from firth.training.negative_sampling.rotation import BlockEngine
from firth.training.sampling import alias_table

MOST_STEPS = 2**31 - 1
_NO_EPOCH = 2**32 - 1  # seeds the draws of the sample of `end_loss`


class PairSource(BlockEngine[Any, Any]):
    """A base of engines of the block schedule, to be named first: what they train on is drawn from pairs.

    Raises `CorpusError` if their weights sum to 2**31 or more.
    """

    def __init__(self, corpus: Corpus, *arguments: Any):
        super().__init__(corpus, *arguments)
        assert corpus.tokens.pairs is not None
        self._pairs: PairTable = corpus.tokens.pairs
        if self._pairs.n_steps > MOST_STEPS:
            raise CorpusError(
                f"the weights of the pairs sum to {self._pairs.total:,.0f}, and an epoch of {self._options.objective} "
                f"would take as many steps: divide all weights by a constant, so that they sum to {MOST_STEPS:,} at "
                "most"
            )

    def _words_of(self, corpus: Corpus, options: Options) -> Words:
        """Return what the partitions of the vocabulary depend on; no word is dropped at random."""
        pairs, outside = corpus.tokens.pairs, corpus.outside_counts
        assert pairs is not None
        return Words(outside, pairs.sums(0, len(outside)) + pairs.sums(1, len(outside)), options.ns_exponent)

    def _tokens_of(self, epoch: int, block: int) -> NDArray[np.int32]:
        """Return the pairs of a block of an epoch, (2 n,): center and outside word of each."""
        return self._pairs.draw(self._options.seed, epoch, block).reshape(-1)

    def _sample(self) -> NDArray[np.int32]:
        """Return a fixed sample of pairs, spread over all, by their weights."""
        return self._tokens_of(_NO_EPOCH, 0)


class PairBlocks(PairSource, Blocks):
    """The engine of the block schedule for pairs."""

    def __init__(self, corpus: Corpus, options: Options, kernels: Kernels = "compiled", run: Runner | None = None):
        super().__init__(corpus, options, kernels, run)
        self._P = count_row_blocks(int(np.count_nonzero(self._words.counts)), self._extent, options)

    def _prepare(self, tokens: NDArray[np.int32], key: int, chunk: Chunk, row: int, work: Worker) -> None:
        keep_pairs(tokens, chunk.text, row, chunk.partition)
        P = len(chunk.text.counts)
        centers, outside = chunk.partition.block_of[tokens.reshape(-1, 2).T].astype(np.intp)
        self._add_counts(chunk.text, np.bincount(outside * P + centers, minlength=P**2).reshape(P, P))

    def _noise(self, partition: Partition, block: int) -> tuple[NDArray[np.int32], NDArray[np.uint64]]:
        words = partition.words[block]
        words = words[self._words.counts[words] > 0]
        return words, alias_table(self._words.counts[words], self._words.ns_exponent)


def keep_pairs(tokens: NDArray[np.int32], text: ChunkText, row: int, partition: Partition) -> None:
    """Write pairs, as `PairSource` returns them, to row `row` of the text of a chunk.

    Only outside words are in `order`: the window of each has one word before it and none after it.
    """
    n, block_of_outside = len(tokens), partition.block_of[tokens[1::2]]
    write_pairs(tokens, text, row, partition)
    text.order[row, : n // 2] = 2 * np.argsort(block_of_outside, kind="stable") + 1
    sizes = np.bincount(block_of_outside, minlength=len(partition.words))
    text.starts[row] = np.concatenate([[0], np.cumsum(sizes)])


def write_pairs(tokens: NDArray[np.int32], text: ChunkText, row: int, partition: Partition) -> None:
    """Write the entries and the windows of pairs to row `row` of the text of a chunk."""
    n = len(tokens)
    text.entries[row, :n] = tokens | partition.block_of[tokens].astype(np.int64) << 32
    text.spans[row, :n:2], text.spans[row, 1:n:2] = 0, 1
