"""The same vectors in firth and in gensim, and the comparison of their results."""

import numpy as np
import pytest

V, D = 200, 24
WORDS = [f"w{i}" for i in range(V)]
PADDED = np.random.default_rng(7).normal(size=(V, 32)).astype(np.float32)
MATRIX = PADDED[:, :D]  # as in a model: a view of padded rows
TOLERANCE = 1e-6  # for sums of D float32 products in different orders


def in_gensim(words, matrix):
    gensim = pytest.importorskip("gensim.models")
    vectors = gensim.KeyedVectors(matrix.shape[1])
    vectors.add_vectors(words, matrix.copy())
    return vectors


def assert_same(ours, expected, tolerance=TOLERANCE):
    """Compare a key, a number, an array, or a list of keys, of (key, score) or of (score, key)."""
    if isinstance(ours, list) and ours and isinstance(ours[0], tuple):
        for values, others in zip(zip(*ours, strict=True), zip(*expected, strict=True), strict=True):
            assert_same(values if isinstance(values[0], float) else list(values), list(others), tolerance)
    elif isinstance(ours, str | list):
        assert ours == expected
    else:
        np.testing.assert_allclose(ours, expected, atol=tolerance)
