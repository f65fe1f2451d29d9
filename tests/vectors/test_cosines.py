"""Cosines of one vector with every row."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.vectors import KeyedVectors, cosines
from vectors._gensim import MATRIX, TOLERANCE, WORDS, D, assert_same


def test_zero_and_broken_vectors_do_not_divide_by_zero_and_are_never_nearest():
    matrix = np.array([[1, 0], [0, 0], [1, 1], [np.nan, 1], [-1, 0]], dtype=np.float32)
    wv = KeyedVectors(["one", "zero", "near", "nan", "far"], matrix)
    assert wv.similarity("one", "zero") == 0
    assert [key for key, _ in wv.most_similar("one")] == ["near", "zero", "far", "nan"]
    assert [score for _, score in wv.most_similar("zero", topn=2)] == [0, 0]
    assert np.array_equal(wv.get_vector("zero", norm=True), [0, 0])
    assert wv.doesnt_match(["one", "near", "zero"]) == "zero"


def test_cosine_similarities_with_a_zero_row(theirs):
    rows = np.vstack([MATRIX[:4], np.zeros((1, D))])
    ours = KeyedVectors.cosine_similarities(MATRIX[7], rows)
    np.testing.assert_allclose(ours[:4], type(theirs).cosine_similarities(MATRIX[7], rows[:4]), atol=TOLERANCE)
    assert ours[4] == 0
    assert KeyedVectors.cosine_similarities(np.array([1, 0]), np.array([[2, 0], [0, 3]])).tolist() == [1, 0]


@pytest.mark.parametrize("dtype", [np.float32, np.float16, ">f4", np.float64])
def test_the_matrix_may_be_mapped_from_a_file(tmp_path, wv, dtype):
    np.save(tmp_path / "v.npy", MATRIX.astype(dtype))
    file = np.load(tmp_path / "v.npy", mmap_mode="r")
    mapped = KeyedVectors(WORDS, file)
    assert np.shares_memory(mapped.vectors, file)
    tolerance = 1e-2 if dtype == np.float16 else TOLERANCE
    np.testing.assert_allclose(mapped.most_similar("w3", topn=None), wv.most_similar("w3", topn=None), atol=tolerance)
    best, expected = mapped.most_similar_batch(["w3"])[0], wv.most_similar("w3")
    np.testing.assert_allclose([s for _, s in best], [s for _, s in expected], atol=tolerance)


def test_unknown_norms_are_computed_with_the_first_result(wv, monkeypatch):
    monkeypatch.setattr(cosines, "_LARGE", 0)
    wv.fill_norms()
    for limits in ({"clip_start": 20, "clip_end": 90}, {}):
        fresh = KeyedVectors(WORDS, MATRIX)
        assert_same(fresh.most_similar("w3", **limits), wv.most_similar("w3", **limits))
        np.testing.assert_allclose(fresh._norms, wv.norms)


@given(st.lists(st.sampled_from([0.5, -1, 2, np.inf, -np.inf, np.nan]) | st.floats(width=32), max_size=40),
       st.integers(0, 45), st.integers(1, 9))  # fmt: skip
def test_the_largest_scores_are_those_of_a_full_sort(scores, n, part):
    scores = np.array(scores, np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cosines, "_PART", part)
        found = cosines.largest(scores, n)
    assert len(set(found.tolist())) == len(found) == min(n, len(scores))
    np.testing.assert_array_equal(scores[found], scores[np.argsort(-scores, kind="stable")][:n])
