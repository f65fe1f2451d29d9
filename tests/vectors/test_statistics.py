"""Statistics of vectors."""

import numpy as np
import pytest

from firth.vectors import KeyedVectors
from vectors._gensim import MATRIX, WORDS, D, V


def test_statistics_of_sound_vectors_match_their_definitions(wv):
    info = wv.info()
    assert (info.keys, info.vector_size, info.dtype) == (V, D, "float32")
    assert (info.zero_rows, info.non_finite_rows, info.duplicate_rows) == (0, 0, 0)
    norms = np.linalg.norm(MATRIX, axis=1)
    assert info.norms == pytest.approx([norms.min(), *np.percentile(norms, [1, 25, 50, 75, 99]), norms.max()])
    units = wv.get_normed_vectors().astype(np.float64)
    cosines = (units @ units.T)[~np.eye(V, dtype=bool)]
    assert info.mean_cosine == pytest.approx(cosines.mean(), abs=1e-6)
    variances = np.linalg.svd(units - units.mean(axis=0))[1] ** 2
    assert info.top_direction == pytest.approx(variances[0] / variances.sum(), rel=1e-5)  # blocks are in float32
    directions = np.linalg.eigh(units.T @ units)[1].T
    Z = [np.exp(sign * units @ c).sum() for c in directions for sign in (1, -1)]
    assert info.isotropy == pytest.approx(min(Z) / max(Z), rel=1e-5)
    assert info.isotropy > 0.7


def test_odd_rows_are_counted_and_named(wv):
    wv[["zero", "none"]] = np.zeros((2, D))
    wv["broken"] = [np.nan] * D
    wv["endless"] = [np.inf, *[0] * (D - 1)]
    wv[["again", "twice"]] = MATRIX[[4, 4]]
    info = wv.info()
    assert (info.zero_rows, info.non_finite_rows, info.duplicate_rows) == (2, 2, 2)
    assert info.examples == {
        "zero": ["zero", "none"],
        "non_finite": ["broken", "endless"],
        "duplicate": ["again", "twice"],
    }
    assert info.norms[-1] == pytest.approx(float(np.linalg.norm(MATRIX, axis=1).max()))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_rows_that_differ_in_the_sign_of_zero_are_duplicates(dtype):
    wv = KeyedVectors(["a", "b", "c"], np.array([[0.0, 1, 2], [-0.0, 1, 2], [0, 1, 3]], dtype=dtype))
    assert wv.info().examples["duplicate"] == ["b"]


def test_vectors_in_a_cone_are_not_isotropic():
    narrow = KeyedVectors(WORDS, MATRIX + 5).info()
    assert narrow.isotropy < 0.3
    assert narrow.mean_cosine > 0.9


def test_statistics_of_no_usable_rows_are_nan():
    info = KeyedVectors(3).info()
    assert info.keys == 0
    assert np.isnan(info.isotropy)
    assert np.isnan(info.norms).all()
    assert KeyedVectors(["a"], np.zeros((1, 2))).info().zero_rows == 1
