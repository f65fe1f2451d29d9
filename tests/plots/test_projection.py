"""The plane of words: distances are never longer than they are, and right if two dimensions are enough."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth import OptionError
from firth.plots.projection import plane_of


def distances(points):
    return np.linalg.norm(points[:, None] - points[None], axis=2)


@given(st.integers(2, 12), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_distances_on_the_plane_are_at_most_the_true_ones(n, D, seed):
    vectors = np.random.default_rng(seed).normal(size=(n, D))
    plane = plane_of(vectors)
    points = plane.points(vectors)
    assert points.shape == (n, 2)
    assert (distances(points) <= distances(vectors) + 1e-9).all()
    kept = (points**2).sum() / ((vectors - vectors.mean(axis=0)) ** 2).sum()
    assert sum(plane.shares) == pytest.approx(kept)
    if min(n - 1, D) <= 2:
        np.testing.assert_allclose(distances(points), distances(vectors), atol=1e-9)


def test_no_other_plane_shows_more():
    rng = np.random.default_rng(5)
    vectors = rng.normal(size=(30, 6)) * [3, 2, 1, 1, 0.5, 0.1]
    best = (plane_of(vectors).points(vectors) ** 2).sum()
    centred = vectors - vectors.mean(axis=0)
    for _ in range(200):
        other = np.linalg.qr(rng.normal(size=(6, 2)))[0]
        assert ((centred @ other) ** 2).sum() <= best


def test_the_direction_does_not_depend_on_the_order_of_the_words():
    vectors = np.random.default_rng(6).normal(size=(9, 5))
    plane, again = plane_of(vectors), plane_of(vectors[::-1])
    np.testing.assert_allclose(plane.points(vectors), again.points(vectors), atol=1e-9)


def test_equal_vectors_have_a_plane():
    assert plane_of(np.ones((3, 4))).shares == (0.0, 0.0)


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.zeros((0, 3)), "found 0 words: a map needs at least two"),
        (np.ones((1, 3)), "found 1 word: a map needs at least two"),
        (np.array([[1.0, np.nan], [0.0, 1.0]]), "a vector that is not finite, and so has no place on a map"),
    ],
)
def test_a_map_needs_two_finite_vectors(vectors, message):
    with pytest.raises(OptionError, match=message):
        plane_of(vectors)
