"""Vectors in half precision: stored as float16, computed in float32."""

import numpy as np
import pytest

from firth.errors import OptionError
from firth.vectors import KeyedVectors
from firth.vectors.half_precision import widened
from vectors._gensim import MATRIX, WORDS, assert_same


def test_every_half_becomes_the_same_single():
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    for part in (halves, halves[np.isfinite(halves)], halves[:0], halves.reshape(256, 256)[:, ::2]):
        expected = part.astype(np.float32)
        assert np.array_equal(widened(part, np.dtype(np.float32)).view(np.uint32), expected.view(np.uint32))


def test_half_precision_is_stored_and_computed_in_single(wv):
    half = wv.astype(np.float16)
    assert half.vectors.dtype == np.float16
    assert half.vectors.nbytes == wv.vectors.nbytes // 2
    assert half.norms.dtype == np.float32
    single = KeyedVectors(WORDS, MATRIX.astype(np.float16).astype(np.float32))
    assert_same(half.most_similar("w3", negative="w4"), single.most_similar("w3", negative="w4"))
    assert_same(half.most_similar_batch(["w3"])[0], single.most_similar("w3"))
    assert_same(half.most_similar_cosmul("w3", "w4"), single.most_similar_cosmul("w3", "w4"))
    assert half.similarity("w3", "w4") == single.similarity("w3", "w4")
    with pytest.raises(OptionError, match="float16, float32 or float64"):
        wv.astype(np.int8)


def test_half_precision_does_not_overflow():
    wv = KeyedVectors(["a", "b", "c"], np.array([[300, 0], [300, 300], [0, -200]], dtype=np.float16))
    assert wv.norms.tolist() == pytest.approx([300, 300 * 2**0.5, 200])  # 300 squared overflows in half precision
    assert wv.similarity("a", "b") == pytest.approx(0.5**0.5)
    assert wv.n_similarity(["a", "b"], ["b"]) == pytest.approx(0.9486833)
