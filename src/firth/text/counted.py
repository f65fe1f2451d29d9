"""Corpora of which only the counts are known, not the text: enough to estimate memory and time."""

import numpy as np
from numpy.typing import NDArray

from firth.text.corpus import Corpus
from firth.text.store import MemoryStorage, TokenStore
from firth.text.vocabulary import Vocabulary


class CountedVocabulary(Vocabulary):
    """The counts of a vocabulary, without its words."""

    def __init__(self, counts: NDArray[np.int64]):
        self.counts = counts

    def __len__(self) -> int:
        return len(self.counts)


class CountedTokens(TokenStore):
    """The size of a token store, without its tokens."""

    def __init__(self, n_words: int, n_blocks: int, longest: int):
        super().__init__(MemoryStorage(), np.zeros(1, np.int64), n_words, longest=longest)
        self._n_blocks = n_blocks

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return self._n_blocks


def corpus_with(vocabulary: Vocabulary, tokens: TokenStore, sentences: int) -> Corpus:
    """Return a corpus whose words are all in the vocabulary."""
    V = len(vocabulary)
    return Corpus(vocabulary, tokens, tokens.n_words, sentences, 0, 0, V, 0, 0)
