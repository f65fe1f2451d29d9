"""The vocabulary of a corpus: its keys (words or integers), their order, and their counts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth.errors import CorpusError
from firth.messages import counted


class Vocabulary:
    """The keys of a corpus and their counts, in the order given: the most frequent first.

      index_to_key  list of V str, or list of V int
      key_to_index  dict, its inverse
      counts        (V,) int64, occurrences in the corpus

    Raises `CorpusError` if a key is repeated or has no count.
    """

    def __init__(self, index_to_key: Sequence[Any], counts: ArrayLike):
        self.index_to_key: Sequence[Any] = list(index_to_key)
        self.counts: NDArray[np.int64] = np.array(counts, dtype=np.int64)
        self.key_to_index: dict[Any, int] = {key: i for i, key in enumerate(self.index_to_key)}
        V = len(self.index_to_key)
        if self.counts.shape != (V,):
            raise CorpusError(f"counts has shape {self.counts.shape} for {counted(V, 'word')}: give one count per word")
        if len(self.key_to_index) != V:
            repeated = next(key for i, key in enumerate(self.index_to_key) if self.key_to_index[key] != i)
            raise CorpusError(f"the word {repeated!r} is repeated: give each word once")

    def __len__(self) -> int:
        return len(self.index_to_key)

    def __repr__(self) -> str:
        return f"<Vocabulary of {counted(len(self), 'word')}, {counted(int(self.counts.sum()), 'occurrence')}>"
