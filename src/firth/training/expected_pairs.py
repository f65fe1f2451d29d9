"""How many pairs a corpus makes, estimated from the counts of its words."""

import numpy as np
from numpy.typing import NDArray

from firth.options import Options
from firth.text import Corpus
from firth.training import sampling


class ExpectedPairs:
    """How many pairs the windows of a corpus make, in expectation."""

    def __init__(self, corpus: Corpus, options: Options, *, shrunken: bool):
        counts = corpus.vocabulary.counts
        kept = counts * (sampling.keep_thresholds(counts, options.sample) / 2**32)
        n_kept = float(kept.sum()) * corpus.tokens.n_words / float(counts.sum())
        m = options.window
        distances = np.arange(1, m + 1)
        drawn = (m - distances + 1) / m if shrunken else np.ones(m)
        within = np.maximum(0.0, 1 - distances * corpus.sentences / max(1.0, n_kept))  # the sentence may end before
        self.total = n_kept * 2 * float(drawn @ within)
        self._blocks = max(1, corpus.tokens.n_blocks)
        self._shares = _classes(kept / kept.sum())

    def of_blocks(self, n: int) -> float:
        """Return how many of them n blocks of tokens make."""
        return self.total * min(1.0, n / self._blocks)

    def distinct(self, pairs: float) -> float:
        """Return how many of so many pairs differ, if words stood in no order: text has fewer, by a little."""
        sizes, shares = self._shares
        unseen = np.exp(-pairs * np.outer(shares, shares))
        return float(sizes @ (1 - unseen) @ sizes)


def _classes(shares: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Put words of about the same share into a class: return the size of each, and its mean share."""
    present = shares[shares > 0]
    _, number = np.unique(np.round(4 * np.log2(present)), return_inverse=True)
    sizes = np.bincount(number).astype(np.float64)
    return sizes, np.bincount(number, present) / sizes
