"""Scores sentences by hierarchical softmax: the log probability of their words, as gensim's `score`."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.objectives import HuffmanTree, log_sigmoid
from firth.training.hierarchical_softmax.tree import make_tree


class SentenceScorer:
    """The log probability of a sentence: the sum over its windows of log P(word | context), in nats.

    For skip-gram a window has a term log P(o | c) for each word o of the context; for CBOW one term, log P(c |
    context), with the mean (or the sum) of the context's vectors. P is the product of sigma(+-q . h) along the path of
    a word in the Huffman tree (Result 30 of docs/derivation.md). Windows have their full width, and unknown words are
    left out.

    vectors, nodes  (V, D) and (V - 1, D), of words in descending order of their counts, (V,)
    """

    def __init__(self, rows: dict[Any, int], vectors: NDArray[Any], nodes: NDArray[Any], counts: NDArray[np.int64]):
        self._rows, self._vectors, self._nodes = rows, vectors, nodes
        self._tree: HuffmanTree = make_tree(counts)

    def scores(self, sentences: Iterable[Any], limit: int, window: int, how: str) -> NDArray[np.float32]:
        """Return the score of each sentence, at most `limit`; `how` is "skip_gram", "mean" or "sum"."""
        return np.array([self._score(sentence, window, how) for sentence in islice(sentences, limit)], np.float32)

    def _score(self, sentence: Iterable[Any], window: int, how: str) -> float:
        rows = [self._rows[word] for word in sentence if word in self._rows]
        return sum(self._log_probability(row, h) for row, h in _predictions(rows, self._vectors, window, how))

    def _log_probability(self, row: int, hidden: NDArray[Any]) -> float:
        """Return log P(row | hidden)."""
        points, codes = self._tree.path(row)
        return float(log_sigmoid((1 - 2.0 * codes) * (self._nodes[points] @ hidden)).sum())


def _predictions(
    rows: list[int], vectors: NDArray[Any], window: int, how: str
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Yield each predicted word of a sentence and the vector that it is predicted from."""
    for at, row in enumerate(rows):
        context = rows[max(0, at - window) : at] + rows[at + 1 : at + 1 + window]
        if how == "skip_gram":
            yield from ((other, vectors[row].astype(np.float64)) for other in context)
        elif context:
            summed = vectors[context].sum(axis=0, dtype=np.float64)
            yield row, summed / len(context) if how == "mean" else summed
