"""The vocabulary: which keys (words or integers) there are, in what order, and how often each occurs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import CorpusError
from firth.messages import counted


class Vocabulary:
    """The keys of a corpus and their counts, the most frequent first.

      index_to_key  list of V str, or list of V int
      key_to_index  dict, its inverse
      counts        (V,) int64, occurrences in the corpus

    Keys are kept in the order given. Raises `CorpusError` if a key comes twice or has no count.
    """

    def __init__(self, index_to_key: Sequence[Any], counts: Any):
        self.index_to_key: list[Any] = list(index_to_key)
        self.counts: NDArray[np.int64] = np.array(counts, dtype=np.int64)
        self.key_to_index: dict[Any, int] = {key: i for i, key in enumerate(self.index_to_key)}
        if self.counts.shape != (len(self.index_to_key),):
            raise CorpusError(
                f"{counted(len(self.index_to_key), 'word')} came with counts of shape {self.counts.shape}: "
                "give one count for each word"
            )
        if len(self.key_to_index) != len(self.index_to_key):
            raise CorpusError(f"the word {self._repeated()!r} comes twice: give each word once")

    def __len__(self) -> int:
        return len(self.index_to_key)

    def __repr__(self) -> str:
        return f"<Vocabulary of {counted(len(self), 'word')}, {counted(int(self.counts.sum()), 'occurrence')}>"

    def _repeated(self) -> Any:
        return next(key for i, key in enumerate(self.index_to_key) if self.key_to_index[key] != i)


def order_by_count(counts: NDArray[np.int64], min_count: int, max_vocab: int | None = None) -> NDArray[np.int64]:
    """Return the indices of the words to keep, by falling count, ties by rising index.

      counts  (n,) int64

    A word is kept if it occurs at least `min_count` times and is among the first `max_vocab` (None: all).
    """
    order = np.argsort(-counts, kind="stable")
    n_frequent = int(np.count_nonzero(counts >= min_count))
    return order[:n_frequent][:max_vocab]
