"""Which words are dropped and which are drawn as noise: tables made once from the counts."""

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


def noise_distribution(counts: NDArray[np.int64], ns_exponent: float) -> NDArray[np.float64]:
    """Return P(w) = count(w)^a / sum_x count(x)^a, a = ns_exponent (Mikolov et al. 2013, section 2.2). Shape (V,)."""
    weights = np.exp(ns_exponent * np.log(np.maximum(counts, 1)))
    return np.asarray(weights / weights.sum())


def alias_table(counts: NDArray[np.int64], ns_exponent: float) -> NDArray[np.uint64]:
    """Return Walker's alias table for the noise distribution, built as Vose (1991) does.

    A draw picks slot i uniformly and answers i with the slot's own probability, else the slot's alias.
    Returns (V,) uint64: the probability, scaled to 32 bits, in the high half; the alias in the low half.
    """
    V = len(counts)
    share = (noise_distribution(counts, ns_exponent) * V).tolist()
    alias = list(range(V))
    poor = [i for i in range(V) if share[i] < 1]
    rich = [i for i in range(V) if share[i] >= 1]
    while poor and rich:
        giver, taker = rich[-1], poor.pop()
        alias[taker] = giver
        share[giver] -= 1 - share[taker]
        if share[giver] < 1:
            poor.append(rich.pop())
    for i in poor + rich:  # what rounding left over: full slots
        share[i] = 1.0
    threshold = np.minimum(np.array(share) * _ONE, _ONE - 1).astype(np.uint64)
    return np.asarray((threshold << np.uint64(32)) | np.array(alias, np.uint64), np.uint64)
