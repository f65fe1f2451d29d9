"""The rows that the vector of each word is composed of: its own, and those of its n-grams, which words share."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.errors import CorpusError
from firth.messages import option
from firth.options import Options
from firth.subwords import NgramScheme
from firth.subwords.ngrams import utf8
from firth.text.vocabulary import Vocabulary


class RowLists(NamedTuple):
    """The rows of V words in a matrix that has the rows of all words, and then those of their n-grams.

    Only n-grams of words of the vocabulary have rows: no other is ever trained.
    """

    starts: NDArray[np.int64]  # (V + 1,): word w has rows[starts[w] : starts[w + 1]]
    rows: NDArray[np.int32]
    buckets: NDArray[np.int64]  # (N,) ascending: the number of the n-gram of row V + i

    @property
    def n_rows(self) -> int:
        """The number of rows, V + N."""
        return len(self.starts) - 1 + len(self.buckets)


def scheme_of(options: Options) -> NgramScheme:
    """Return the n-grams that the options ask for."""
    assert options.subwords is not None
    return NgramScheme(*options.subwords, options.buckets)


def list_rows(vocabulary: Vocabulary, options: Options) -> RowLists:
    """Return the rows of each word; raise `CorpusError` if the keys are whole numbers, which have no characters."""
    words = [word for word in vocabulary.index_to_key if isinstance(word, str)]
    if len(words) < len(vocabulary):
        raise CorpusError(
            f"the corpus holds whole numbers, which have no character n-grams: leave {option('subwords')} out, or "
            "give words"
        )
    V = len(words)
    starts, ids = scheme_of(options).lists([utf8(word) for word in words])
    buckets, places = np.unique(ids, return_inverse=True)
    rows = np.insert((V + places).astype(np.int32), starts[:-1], np.arange(V, dtype=np.int32))
    return RowLists(starts + np.arange(V + 1), rows, buckets.astype(np.int64))


def shared_change(lists: RowLists, weights: NDArray[np.float64]) -> float:
    """Return how far a step on one word moves the vector of another, in units of the step: (38a) of docs/derivation.md.

    This is the mean over pairs of distinct words that are drawn with probabilities in proportion to `weights`, (V,),
    times the probability that two words are distinct.
    """
    p, sizes = weights / weights.sum(), np.diff(lists.starts)
    changed = np.bincount(lists.rows, weights=np.repeat(p, sizes), minlength=lists.n_rows)
    by_word = np.add.reduceat(changed[lists.rows], lists.starts[:-1]) / sizes
    return float(p @ (by_word - p))


def row_counts(vocabulary: Vocabulary, options: Options) -> NDArray[np.float32]:
    """Return the number of rows of each word, (V,)."""
    return np.diff(list_rows(vocabulary, options).starts).astype(np.float32)
