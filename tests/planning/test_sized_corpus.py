"""Corpora of which only the size is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth import Options
from firth.planning.measuring_training import n_steps
from firth.planning.sized_corpus import random_corpus, sized_corpus, words_of_text, zipf_counts
from firth.text import BLOCK_WORDS, END


@given(st.integers(1, 10**12), st.integers(1, 20_000))
def test_counts_fall_and_add_up_to_the_words(n_words, V):
    counts = zipf_counts(n_words, V)
    assert counts.shape == (V,)
    assert counts.min() >= 1
    assert np.all(np.diff(counts) <= 0)
    assert abs(int(counts.sum()) - n_words) <= 1.5 * V + 1e-9 * n_words  # each count is rounded, and is at least 1


def test_frequent_words_follow_zipfs_law_and_rare_ones_are_rarer():
    counts = zipf_counts(10**12, 10**5)
    assert counts[0] / counts[99] == pytest.approx(100, rel=1e-6)
    assert counts[9_999] / counts[99_999] == pytest.approx(10**1.75, rel=1e-3)


def test_a_sized_corpus_has_the_token_blocks_of_a_text_of_its_size():
    corpus = sized_corpus(10**9, 10_000, 24)
    assert corpus.tokens.n_words == 10**9
    assert corpus.sentences == 10**9 // 24
    assert corpus.tokens.n_blocks == pytest.approx(10**9 * 25 / 24 / BLOCK_WORDS, rel=1e-3)
    assert corpus.tokens.pairs is None
    assert sized_corpus(1, 1).tokens.n_blocks == 1


def test_a_random_corpus_consists_of_whole_sentences():
    corpus = random_corpus(3, 500, 20)
    assert corpus.tokens.n_blocks == 3
    block = corpus.tokens.read_block(1)
    assert len(block) <= BLOCK_WORDS
    assert np.all(block[20::21] == END)
    assert np.count_nonzero(block == END) == len(block) // 21
    assert int(corpus.vocabulary.counts.sum()) == corpus.tokens.n_words


def test_the_steps_of_a_corpus_are_its_pairs():
    corpus = random_corpus(2, 500, 20)
    every_pair = Options(sample=0, shrink_windows=False, window=5)
    of_a_sentence = 2 * sum(20 - distance for distance in range(1, 6))
    assert n_steps(corpus, every_pair) == pytest.approx(corpus.sentences * of_a_sentence)
    assert n_steps(corpus, Options(objective="softmax")) == 500**2


def test_bytes_of_text_are_converted_to_words():
    assert words_of_text(5_900_000) == 1_000_000
    assert words_of_text(0) == 1
