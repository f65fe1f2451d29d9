"""Where words stand after an epoch, and which words are near: against NumPy's decomposition and `most_similar`."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth import KeyedVectors
from firth.explore.epochs import NEIGHBOURS, Frame, Pictures, SearchedWords, plane_axes

rng = np.random.default_rng(1)


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 40), D=st.integers(1, 12), seed=st.integers(0, 2**32 - 1))
def test_the_axes_are_orthonormal_and_no_plane_shows_more(n, D, seed):
    units = np.random.default_rng(seed).normal(size=(n, D))
    axes, centred = plane_axes(units, None), units - units.mean(axis=0)
    assert axes.shape == (D, 2)
    if D > 1:
        np.testing.assert_allclose(axes.T @ axes, np.eye(2), atol=1e-12)
    shown, most = np.sum((centred @ axes) ** 2), np.sum(np.linalg.svd(centred, compute_uv=False)[:2] ** 2)
    assert shown == pytest.approx(most, rel=1e-6, abs=1e-12)  # converges slowly where widths are alike


def test_axes_turn_so_that_the_picture_changes_least():
    units = rng.normal(size=(50, 6))
    before = plane_axes(units, None)
    turned = before @ np.array([[0.0, -1.0], [1.0, 0.0]])  # the same plane, turned by a right angle
    np.testing.assert_allclose(plane_axes(units, turned), turned, atol=1e-10)
    np.testing.assert_allclose(before.T @ before, np.eye(2), atol=1e-10)


def test_words_that_stay_do_not_move_on_the_picture():
    units = rng.normal(size=(30, 8))
    first = Frame(1, units.astype(np.float16))
    pictures = Pictures()
    before = pictures.points((first,))
    again = pictures.points((first, first._replace(epoch=2)))
    assert again[0] == again[1]
    np.testing.assert_allclose(again[0], before[0], atol=1)  # whole numbers, after another step of the iteration


def test_vectors_that_are_not_finite_stand_at_zero():
    units = np.full((3, 4), np.nan, np.float16)
    assert Pictures().points((Frame(1, units),)) == [[0, 0] * 3]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_neighbours_are_those_of_most_similar(dtype):
    words = [f"w{row}" for row in range(60)]
    rows = rng.normal(size=(60, 12)).astype(dtype)
    rows[7] = 0
    found = SearchedWords(1, words, rows).neighbours("w3")
    expected = KeyedVectors(words, rows).most_similar("w3", topn=NEIGHBOURS)
    assert [word for word, _ in found] == [word for word, _ in expected]
    tolerance = 2e-3 if dtype == np.float16 else 1e-4  # scores have four digits; products of halves are rounded
    np.testing.assert_allclose([score for _, score in found], [score for _, score in expected], atol=tolerance)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_neighbours_of_broken_rows_are_finite(value):
    rows = rng.normal(size=(20, 4)).astype(np.float32)
    rows[::2] = value
    searched = SearchedWords(1, [f"w{row}" for row in range(20)], rows)
    for word in ("w0", "w1"):
        assert all(np.isfinite(score) for _, score in searched.neighbours(word))
    assert searched.neighbours("W1") is None
