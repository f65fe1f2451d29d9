"""Both scores: by hand, their limits, and the same bits as gensim."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.phrases.scoring import npmi_scores, word2phrase_scores

COUNTS = st.tuples(st.integers(1, 10**9), st.integers(1, 10**9), st.floats(0, 1)).map(
    lambda some: (some[0], some[1], max(1, int(min(some[:2]) * some[2])))
)


def arrays(counts):
    return [np.array([count]) for count in counts]


def test_by_hand():
    assert word2phrase_scores(*arrays((10, 20, 8)), vocab_size=1000, min_count=5) == [(8 - 5) / 200 * 1000]
    assert npmi_scores(*arrays((4, 4, 4)), n_words=16) == [1]  # always together
    assert npmi_scores(*arrays((4, 4, 1)), n_words=16) == [0]  # independent
    assert npmi_scores(*arrays((8, 4, 1)), n_words=16) == [pytest.approx(math.log(1 / 2) / math.log(16))]


@given(st.lists(COUNTS, max_size=5), st.integers(1, 10), st.integers(1, 10**8))
def test_the_scores_are_gensims_to_the_last_bit(counts, min_count, vocab_size):
    theirs = pytest.importorskip("gensim.models.phrases")
    n_words = sum(first + second for first, second, _ in counts) + 1
    first, second, pair = (
        (np.array(column, np.int64) for column in zip(*counts, strict=True)) if counts else [np.empty(0, np.int64)] * 3
    )
    common = {"len_vocab": vocab_size, "min_count": min_count, "corpus_word_count": n_words}
    names = ("worda_count", "wordb_count", "bigram_count")
    all_counts = [dict(zip(names, some, strict=True)) for some in counts]
    ours = word2phrase_scores(first, second, pair, vocab_size, min_count)
    assert ours.tolist() == [theirs.original_scorer(**some, **common) for some in all_counts]
    without_minimum = common | {"min_count": 1}
    ours = npmi_scores(first, second, pair, n_words)
    assert ours.tolist() == [theirs.npmi_scorer(**some, **without_minimum) for some in all_counts]
    assert (abs(ours) <= 1 + 1e-9).all()
