"""What a center word predicts: the probability of every outside word next to it.

    P(o | c) = w_o exp(u_o · v_c) / sum_x w_x exp(u_x · v_c)

For the naive softmax w is 1, or the share of o among all words if `unigram_intercept` added its logarithm to the scores
in training. The optimum of negative sampling is u_o · v_c = log P(o | c) - log P_n(o) - log K (Levy and Goldberg
2014), so w_o is the probability P_n(o) of o as noise: its count to the power `ns_exponent`, normalised.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.explore.explored import Explored

FloatArray = NDArray[np.floating[Any]]
_BLOCK = 1024  # rows; in float64 they fit into a cache


def log_weights(explored: Explored) -> FloatArray:
    """Return the (V,) values log w_o up to a constant; zeros if counts are not known."""
    counts, options = explored.vectors.counts, explored.options
    exponent = _exponent(options)
    if counts is None or not exponent:
        return np.zeros(len(explored.vectors))
    weights: FloatArray = exponent * np.log(np.maximum(counts, 1))
    return weights


def _exponent(options: Any) -> float:
    if options.get("objective") == "softmax":
        return 1.0 if options.get("unigram_intercept") else 0.0
    return float(options.get("ns_exponent", 0.0))


def predicted(explored: Explored, row: int) -> FloatArray | None:
    """Return the (V,) float64 probabilities P(o | c) for the center word in `row`; None without outside vectors."""
    if explored.outside is None:
        return None
    center = explored.vectors.vectors[row].astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        scores = _products(explored.outside.vectors, center) + log_weights(explored)
        finite = scores[np.isfinite(scores)]
        shares: FloatArray = np.exp(scores - (finite.max() if len(finite) else 0))
        return shares / np.nansum(shares)


def _products(rows: FloatArray, center: NDArray[np.float64]) -> FloatArray:
    """Return the (V,) float64 products of rows and a vector, block by block: a copy of all rows would be large."""
    products = np.empty(len(rows))
    for start in range(0, len(rows), _BLOCK):
        products[start : start + _BLOCK] = rows[start : start + _BLOCK].astype(np.float64) @ center
    return products
