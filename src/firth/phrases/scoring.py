"""The two scores of a pair of words, as gensim computes them, to the last bit.

Both take n(a, b), the number of times that b follows a (with connector words between them, if any), and the counts of
both words.
"""

import math

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Scores = NDArray[np.float64]


def word2phrase_scores(first: Counts, second: Counts, pair: Counts, vocab_size: int, min_count: int) -> Scores:
    """Return (n(a, b) - min_count) / (n(a) n(b)) * vocab_size: Mikolov et al. 2013 (arXiv:1310.4546), eq. 6.

    first, second, pair  (n,) n(a) > 0, n(b) > 0 and n(a, b)
    vocab_size           number of distinct words and pairs, as in gensim; word2phrase.c has the number of words here
    """
    return (pair - min_count) / (first.astype(np.float64) * second) * vocab_size


def npmi_scores(first: Counts, second: Counts, pair: Counts, n_words: int) -> Scores:
    """Return log(p(a, b) / (p(a) p(b))) / -log p(a, b), from -1 to 1: Bouma 2009, with p(x) = n(x) / n_words.

    first, second, pair  (n,) n(a) > 0, n(b) > 0 and n(a, b) > 0
    """
    ratios = pair / n_words / ((first / n_words) * (second / n_words))
    shares = pair / n_words
    # `math.log` rounds as gensim does; the last bit of NumPy's logarithm depends on the processor
    return np.array([math.log(r) / -math.log(p) for r, p in zip(ratios.tolist(), shares.tolist(), strict=True)])
