"""Corpora of which only the size is known; how often each word occurs follows from Zipf's law.

In a text, the r-th most frequent word occurs in proportion to 1 / r, and from some thousand words on more rarely (two
regimes: Ferrer i Cancho and Solé 2001, Journal of Quantitative Linguistics 8). With the constants below, the share of
words that survive subsampling is within 3 % of that of English Wikipedia, for 3 and 17 million words.
"""

import numpy as np
from numpy.typing import NDArray

from firth.text import BLOCK_WORDS, END, Corpus, TokenStore
from firth.text.counted import CountedTokens, CountedVocabulary, corpus_with
from firth.text.store import MemoryStorage

SENTENCE_WORDS = 20
BYTES_PER_WORD = 5.9  # of English text, with the space or the end of the line

_FREQUENT_WORDS = 8_000
_RARE_EXPONENT = 1.75
_DRAWN_WORDS = 10**9  # the size of the text that the words of a random corpus are drawn from


def words_of_text(n_bytes: int) -> int:
    """Return the approximate number of words in `n_bytes` of text."""
    return max(1, round(n_bytes / BYTES_PER_WORD))


def zipf_counts(n_words: int, V: int) -> NDArray[np.int64]:
    """Return how often each of V words occurs in a text of `n_words`: (V,), descending, at least 1."""
    ranks = np.arange(1, V + 1, dtype=np.float64)
    shares = (np.maximum(ranks, _FREQUENT_WORDS) / _FREQUENT_WORDS) ** (1 - _RARE_EXPONENT) / ranks
    counts = np.maximum(1, np.rint(shares * (n_words / shares.sum())))
    return np.asarray(counts, np.int64)


def sized_corpus(n_words: int, V: int, sentence_words: int = SENTENCE_WORDS) -> Corpus:
    """Return a corpus of `n_words` words, all in a vocabulary of V, without text."""
    longest = min(sentence_words, BLOCK_WORDS)
    sentences = max(1, n_words // sentence_words)
    n_blocks = -(-(n_words + sentences) // (BLOCK_WORDS - longest // 2))  # a block ends with a sentence
    tokens = CountedTokens(n_words, n_blocks, longest)
    return corpus_with(CountedVocabulary(zipf_counts(n_words, V)), tokens, sentences)


def random_corpus(n_blocks: int, V: int, sentence_words: int) -> Corpus:
    """Return a corpus of `n_blocks` full token blocks whose words are drawn independently, to measure training."""
    sentences = n_blocks * (BLOCK_WORDS // (sentence_words + 1))
    ends = np.cumsum(zipf_counts(_DRAWN_WORDS, V), dtype=np.float64)
    draws = np.random.default_rng(0).random((sentences, sentence_words)) * ends[-1]
    ids = np.minimum(np.searchsorted(ends, draws, side="right"), V - 1).astype(np.int32)
    counts = np.maximum(1, np.bincount(ids.ravel(), minlength=V)).astype(np.int64)
    entries = np.hstack([ids, np.full((sentences, 1), END, np.int32)]).ravel()
    storage = MemoryStorage()
    storage.write(0, entries)
    starts = np.linspace(0, len(entries), n_blocks + 1).astype(np.int64)
    tokens = TokenStore(storage, starts, ids.size, longest=sentence_words)
    return corpus_with(CountedVocabulary(counts), tokens, sentences)
