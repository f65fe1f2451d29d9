"""Words that fit a context, by both matrices of a model."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.gensim.keyedvectors import KeyedVectors
from firth.objectives import softmax


def predicted_words(
    wv: KeyedVectors, outside: NDArray[np.float32], context: list[Any], topn: int, *, is_mean: bool
) -> list[tuple[Any, float]] | None:
    """Return the `topn` most probable words and their probabilities; None if no word of the context is known.

    The probabilities are softmax(U h), where h is the mean (or the sum) of the context's center vectors.
    """
    rows = [wv.get_index(word) for word in context if word in wv]
    if not rows:
        return None
    hidden = wv.vectors[rows].sum(axis=0) / (len(rows) if is_mean else 1)
    shares = softmax(outside @ hidden)
    best = np.argsort(-shares, kind="stable")[:topn]
    return [(wv.index_to_key[row], float(shares[row])) for row in best.tolist()]
