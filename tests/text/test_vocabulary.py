"""Tests the order of the vocabulary, and what it refuses."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from firth.errors import CorpusError
from firth.options import Options
from firth.text import Vocabulary, read_corpus


def test_keys_indices_and_counts_agree():
    counts = np.array([5, 2])
    vocabulary = Vocabulary(["the", "cat"], counts)
    counts[0] = 0  # the vocabulary has a copy
    assert len(vocabulary) == 2
    assert vocabulary.index_to_key == ["the", "cat"]
    assert vocabulary.key_to_index == {"the": 0, "cat": 1}
    assert vocabulary.counts.tolist() == [5, 2]
    assert vocabulary.counts.dtype == np.int64
    assert repr(vocabulary) == "<Vocabulary of 2 words, 7 occurrences>"


def test_repeated_words_and_missing_counts_are_refused():
    with pytest.raises(CorpusError, match="the word 'b' is repeated: give each word once"):
        Vocabulary(["a", "b", "b"], [1, 1, 1])
    with pytest.raises(CorpusError, match=r"counts has shape \(3,\) for 2 words: give one count per word"):
        Vocabulary(["a", "b"], [1, 1, 1])


@given(st.lists(st.integers(1, 9), min_size=1), st.integers(1, 9), st.none() | st.integers(1, 9))
def test_words_are_in_stable_order_of_their_counts_with_limits(counts, min_count, max_vocab):
    kept = [i for i in sorted(range(len(counts)), key=lambda i: -counts[i]) if counts[i] >= min_count]
    assume(kept)
    corpus = read_corpus([[i] * n for i, n in enumerate(counts)], Options(min_count=min_count, max_vocab=max_vocab))
    assert corpus.vocabulary.index_to_key == kept[:max_vocab]
