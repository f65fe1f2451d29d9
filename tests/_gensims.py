"""Vectors of ours and the same in gensim, whose answers ours must be."""

import numpy as np
import pytest

V, D = 200, 24
WORDS = [f"w{i}" for i in range(V)]
PADDED = np.random.default_rng(7).normal(size=(V, 32)).astype(np.float32)
MATRIX = PADDED[:, :D]  # rows as a model has them: a view into padded ones
TOLERANCE = 1e-6  # D float32 products, summed in different orders


def in_gensim(words, matrix):
    gensim = pytest.importorskip("gensim.models")
    vectors = gensim.KeyedVectors(matrix.shape[1])
    vectors.add_vectors(words, matrix.copy())
    return vectors


def same_answers(ours, gensims):
    assert [key for key, _ in ours] == [key for key, _ in gensims]
    np.testing.assert_allclose([s for _, s in ours], [s for _, s in gensims], atol=TOLERANCE)
