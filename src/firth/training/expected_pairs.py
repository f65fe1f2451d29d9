"""ExpectedPairs: estimates the number of pairs of a corpus from the counts of its words."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from firth.options import Options
from firth.text import Corpus
from firth.training import sampling


class ExpectedPairs:
    """The expected number of pairs in the windows of a corpus; of given pairs, the number of steps of an epoch."""

    def __init__(self, corpus: Corpus, options: Options, *, shrunken: bool):
        self._blocks = max(1, corpus.tokens.n_blocks)
        self._given = corpus.tokens.pairs
        if self._given is not None:
            self.total = float(self._given.n_steps)
            return
        counts = corpus.vocabulary.counts
        kept = counts * (sampling.keep_thresholds(counts, options.sample) / 2**32)
        n_kept = float(kept.sum()) * corpus.tokens.n_words / float(counts.sum())
        m = options.window
        distances = np.arange(1, m + 1)
        drawn = (m - distances + 1) / m if shrunken else np.ones(m)
        within = np.maximum(0.0, 1 - distances * corpus.sentences / max(1.0, n_kept))  # share in the same sentence
        self.total = n_kept * 2 * float(drawn @ within)
        self._kept = kept

    @cached_property
    def _shares(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return _classes(self._kept / self._kept.sum())

    def of_blocks(self, n: int) -> float:
        """Return the number of pairs in n blocks of tokens."""
        return self.total * min(1.0, n / self._blocks)

    def distinct(self, pairs: float) -> float:
        """Return the number of distinct pairs among `pairs`, for words in random order; text has slightly fewer."""
        if self._given is not None:
            return float(min(len(self._given), pairs))
        sizes, shares = self._shares
        unseen = np.exp(-pairs * np.outer(shares, shares))
        return float(sizes @ (1 - unseen) @ sizes)


def _classes(shares: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Group words of about the same share into classes; return the size and the mean share of each class."""
    present = shares[shares > 0]
    _, number = np.unique(np.round(4 * np.log2(present)), return_inverse=True)
    sizes = np.bincount(number).astype(np.float64)
    return sizes, np.bincount(number, present) / sizes
