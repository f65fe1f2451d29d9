"""Scores of a pair of words: the two that gensim computes, to the last bit, and functions of the user.

All take n(a, b), the number of times that b follows a (with connector words between them, if any), and the counts of
both words.
"""

import math
from collections.abc import Callable
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from firth.errors import OptionError
from firth.messages import option
from firth.options import SCORE_ARGUMENTS, shortened

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


def custom_scores(
    score: Callable[..., float], first: Counts, second: Counts, pair: Counts, vocab_size: int, min_count: int,
    n_words: int,
) -> Scores:  # fmt: skip
    """Return the scores that a function computes; it is called with the keywords in `SCORE_ARGUMENTS`.

    first, second, pair  (n,) n(a) > 0, n(b) > 0 and n(a, b) > 0
    vocab_size, n_words  number of distinct words and pairs, and of words of the text

    Raises `OptionError` if the function returns anything but a number, NaN included; its exceptions are passed on.
    """
    scores = np.empty(len(pair), np.float64)
    for i, counts in enumerate(zip(first.tolist(), second.tolist(), pair.tolist(), strict=True)):
        found: object = score(**dict(zip(SCORE_ARGUMENTS, (*counts, vocab_size, min_count, n_words), strict=True)))
        if not isinstance(found, Real) or math.isnan(found):
            raise OptionError(f"{option('scoring', shortened(score))} returned {shortened(found)}: return a number")
        scores[i] = found
    return scores
