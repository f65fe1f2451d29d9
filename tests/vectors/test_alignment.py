"""Alignment of two sets of vectors."""

import numpy as np
import pytest

from firth.errors import OptionError, UnknownWordError
from firth.vectors import KeyedVectors
from vectors._gensim import MATRIX, WORDS, D, V


def rotation(seed):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(D, D)))[0]


def test_alignment_reverses_a_rotation(wv):
    turned = KeyedVectors(WORDS[::-1], (3 * MATRIX @ rotation(1))[::-1].astype(np.float32), counts=range(V))
    before = turned.vectors.copy()
    aligned = turned.align(wv)
    assert (aligned.keys, aligned.after) == (V, pytest.approx(1, abs=1e-5))
    assert aligned.before < 0.5
    np.testing.assert_allclose(aligned.vectors[WORDS], 3 * MATRIX, atol=1e-4)  # float32 numbers near 10
    np.testing.assert_allclose(aligned.rotation @ aligned.rotation.T, np.eye(D), atol=1e-12)
    assert aligned.vectors.counts.tolist() == list(range(V))
    assert np.array_equal(turned.vectors, before)


def test_no_nearby_rotation_is_better(wv):
    rng = np.random.default_rng(3)
    noisy = KeyedVectors(WORDS, (MATRIX @ rotation(2) + 0.5 * rng.normal(size=(V, D))).astype(np.float32))
    aligned = noisy.align(wv)
    A, B = noisy.get_normed_vectors().astype(np.float64), wv.get_normed_vectors().astype(np.float64)
    best = np.linalg.norm(A @ aligned.rotation - B)
    for seed in range(20):
        Q, R = np.linalg.qr(aligned.rotation + 0.02 * np.random.default_rng(seed).normal(size=(D, D)))
        nearby = Q * np.sign(np.diag(R))  # an orthogonal matrix near the best one
        assert best < np.linalg.norm(A @ nearby - B)


def test_alignment_by_chosen_words_keeps_a_change_of_another_word(wv):
    later = KeyedVectors(WORDS, (MATRIX @ rotation(4)).astype(np.float32))
    later["w0"] = -later["w0"]
    later["nan"] = np.full(D, np.nan)
    aligned = later.align(wv, keys=WORDS[1:])
    assert aligned.keys == V - 1
    cosines = KeyedVectors.cosine_similarities(aligned.vectors["w0"], wv[["w0"]])
    assert cosines[0] == pytest.approx(-1, abs=1e-5)
    with pytest.raises(UnknownWordError, match="'zzz'"):
        later.align(wv, keys=["zzz"])


def test_vectors_that_cannot_be_aligned(wv):
    with pytest.raises(OptionError, match=r"no key in common \(200 keys and 1 key\)"):
        wv.align(KeyedVectors(["other"], np.ones((1, D))))
    with pytest.raises(OptionError, match="vectors of 24 and of 2 numbers cannot be aligned"):
        wv.align(KeyedVectors(["w1"], np.ones((1, 2))))
