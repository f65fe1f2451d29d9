"""Tables for subsampling and for noise words, made once from the counts of the words."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_ONE = 2**32  # probabilities are compared with 32 random bits


def keep_thresholds(counts: NDArray[np.int64], sample: float) -> NDArray[np.uint32]:
    """Return for each word the largest 32-bit draw with which it survives subsampling.

    With f = count / sum of counts, the probability is p = min(1, sqrt(sample / f) + sample / f): word2vec.c's
    formula, a variant of Mikolov et al. 2013 (arXiv:1310.4546), eq. (5). sample = 0 keeps every word.

    counts: (V,); returns (V,) uint32, where a draw r survives if r <= threshold.
    """
    if sample == 0:
        return np.full(len(counts), _ONE - 1, np.uint32)
    ratio = sample * counts.sum() / np.maximum(counts, 1)
    probability = np.minimum(1.0, np.sqrt(ratio) + ratio)
    return np.asarray(probability * (_ONE - 1), np.uint32)


def noise_distribution(counts: NDArray[Any], ns_exponent: float) -> NDArray[np.float64]:
    """Return P(w) = count(w)^a / sum_x count(x)^a, a = ns_exponent (Mikolov et al. 2013, section 2.2). Shape (V,)."""
    weights = np.exp(ns_exponent * np.log(np.maximum(counts, 1)))
    return np.asarray(weights / weights.sum())


def alias_table(counts: NDArray[Any], ns_exponent: float) -> NDArray[np.uint64]:
    """Return an alias table (Walker 1977) for the noise distribution of n words.

    A draw picks a slot i uniformly, and returns i with the slot's own probability, else the slot's alias. Slots are
    filled by sweeping over the words with less than 1/n of the probability and those with more, as in Vose (1991), but
    with cumulative sums instead of a loop: E_i is the surplus of the first i words of more, D_j the deficit of the
    first j words of less. Word j takes from the first i with E_i >= D_(j-1). A word i that gave more than it had keeps
    1 + E_i - D, with D the first D_j above E_i, and takes the rest from word i + 1.

    counts: (n,). Returns (n,) uint64: the probability, scaled to 32 bits, in the high half; the alias in the low half.
    """
    n = len(counts)
    share = noise_distribution(counts, ns_exponent) * n
    alias = np.arange(n, dtype=np.uint64)
    has_more = share >= min(1.0, share.max(initial=0.0))  # of equal shares, all may round to just below 1
    less, more = np.flatnonzero(~has_more), np.flatnonzero(has_more)
    lack, give = np.cumsum(1 - share[less]), np.cumsum(share[more] - 1)
    giver = np.searchsorted(give, np.concatenate([[0.0], lack[:-1]]))[: len(less)]
    overdrawn = np.searchsorted(lack, give, side="right")
    took = overdrawn < len(less)  # beyond these, only rounding is left
    took[-1:] = False  # no word follows the last one
    alias[less] = more[np.minimum(giver, len(more) - 1)]
    alias[more[took]] = more[1:][took[:-1]]
    share[more] = 1
    share[more[took]] += give[took] - lack[overdrawn[took]]
    threshold = np.clip(share * _ONE, 0, _ONE - 1).astype(np.uint64)
    return np.asarray((threshold << np.uint64(32)) | alias, np.uint64)
