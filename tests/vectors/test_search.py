"""Many queries at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.vectors import KeyedVectors, search
from firth.vectors.search import SearchedRows, nearest
from vectors._gensim import MATRIX, WORDS, V, assert_same


@pytest.mark.parametrize(
    "limits", [{}, {"restrict_vocab": 130}, {"clip_start": 70, "clip_end": 150}, {"topn": 1}, {"topn": 2 * V}]
)
def test_a_batch_gives_the_results_of_single_queries(wv, limits):
    words = ["w3", "w199", "w0", "w3"]
    for ours, word in zip(wv.most_similar_batch(words, **limits), words, strict=True):
        assert_same(ours, wv.most_similar(word, **limits))


def test_a_batch_of_vectors_excludes_no_key(wv):
    for ours, row in zip(wv.most_similar_batch(3 * MATRIX[5:8], topn=4), MATRIX[5:8], strict=True):
        assert_same(ours, wv.most_similar([row], topn=4))
        assert ours[0][1] == pytest.approx(1, abs=1e-6)


def test_a_batch_of_integer_keys():
    wv = KeyedVectors(np.arange(V)[::-1], MATRIX)
    assert_same(wv.most_similar_batch(np.array([V - 1]))[0], wv.most_similar(V - 1))


def test_batches_without_results(wv):
    assert wv.most_similar_batch([]) == []
    assert wv.most_similar_batch(["w1", "w2"], topn=0) == [[], []]
    assert wv.most_similar_batch(["w1"], clip_start=9, clip_end=9) == [[]]


def test_the_size_of_blocks_does_not_change_results(wv, monkeypatch):
    expected = wv.most_similar_batch(WORDS[:40], topn=7)
    for rows, together in ((64, 3), (1, 40), (77, 1), (600, 7)):
        monkeypatch.setattr(search, "_ROWS", rows)
        monkeypatch.setattr(search, "_QUERIES", together)
        for ours, others in zip(wv.most_similar_batch(WORDS[:40], topn=7), expected, strict=True):
            assert_same(ours, others)


@settings(max_examples=60, deadline=None)
@given(
    scores=st.lists(st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0, 3.0, float("nan")]), min_size=1, max_size=200),
    topn=st.integers(1, 30),
    excluded=st.integers(-1, 5),
    first=st.integers(0, 60),
)
def test_of_equal_scores_the_lowest_rows_are_kept(scores, topn, excluded, first):
    first = min(first, len(scores) - 1)
    numbers = np.array(scores, dtype=np.float32)[:, None]
    searched = SearchedRows(numbers, np.ones(len(scores), np.float32), first, len(scores))
    best = nearest(searched, np.ones((1, 1), np.float32), np.array([[excluded]]), topn)
    rows = [row for row in range(first, len(scores)) if scores[row] == scores[row] and row != excluded]
    expected = sorted(rows, key=lambda row: (-scores[row], row))[:topn]
    assert [row for row in best.rows[0].tolist() if row >= 0] == expected


def test_zero_and_broken_rows_in_a_batch():
    matrix = np.array([[1, 0], [0, 0], [1, 1], [np.nan, 1], [-1, 0]], dtype=np.float32)
    wv = KeyedVectors(["one", "zero", "near", "nan", "far"], matrix)
    one, zero, nan = wv.most_similar_batch(["one", "zero", "nan"])
    assert [key for key, _ in one] == ["near", "zero", "far"]
    assert zero == [("one", 0), ("near", 0), ("far", 0)]
    assert nan == []
