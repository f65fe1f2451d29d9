"""The map by principal components, its points, and the measure of its errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explore._models import missed
from firth import KeyedVectors
from firth.explore.maps import LARGEST, NEAREST_ON_MAP, errors, pca_positions, principal_axes, quantised


def random_vectors(V: int, D: int, seed: int = 1) -> KeyedVectors:
    rng = np.random.default_rng(seed)
    return KeyedVectors([f"w{i}" for i in range(V)], (rng.normal(size=(V, D)) * np.arange(1, D + 1)).astype(np.float32))


def test_the_axes_are_those_of_a_singular_value_decomposition():
    vectors = random_vectors(500, 7)
    units = vectors.get_normed_vectors().astype(np.float64)
    centred = units - units.mean(axis=0)
    _, values, directions = np.linalg.svd(centred, full_matrices=False)
    principal = principal_axes(vectors)
    overlaps = np.abs(np.sum(principal.axes.T * directions[:2], axis=1))
    assert overlaps == pytest.approx([1, 1], abs=1e-6)  # float32 products
    assert principal.shares == pytest.approx(values[:2] ** 2 / np.sum(values**2), rel=1e-5)
    assert pca_positions(vectors, principal) == pytest.approx(centred @ principal.axes, abs=1e-5)


def test_the_sign_of_an_axis_does_not_depend_on_the_library():
    axes = principal_axes(random_vectors(100, 5)).axes
    assert (axes[np.abs(axes).argmax(axis=0), [0, 1]] > 0).all()


@pytest.mark.parametrize("D", [1, 2])
def test_vectors_of_one_or_two_numbers_have_a_map(D):
    vectors = random_vectors(20, D)
    positions = pca_positions(vectors, principal_axes(vectors))
    assert positions.shape == (20, 2)
    assert np.isfinite(positions).all()


def test_rows_without_a_direction_do_not_move_the_others():
    vectors = random_vectors(50, 4)
    rows = np.concatenate([vectors.vectors, [[np.nan] * 4, [np.inf, 0, 0, 0], [0] * 4]]).astype(np.float32)
    with_bad = KeyedVectors([f"w{i}" for i in range(53)], rows)
    points = quantised(pca_positions(with_bad, principal_axes(with_bad)))
    assert points.shape == (53, 2)
    assert len(np.unique(points[:50], axis=0)) > 45


@pytest.mark.parametrize("V", [0, 1, 2])
def test_a_vocabulary_of_few_words_has_a_map(V):
    vectors = KeyedVectors([f"w{i}" for i in range(V)], np.ones((V, 3), np.float32))
    assert quantised(pca_positions(vectors, principal_axes(vectors))).shape == (V, 2)


@given(st.lists(st.tuples(*[st.floats(-1e6, 1e6, width=32)] * 2), min_size=2, max_size=30))
def test_points_keep_the_shape_of_positions(positions):
    given_positions = np.array(positions, np.float32)
    points = quantised(given_positions)
    extent = float((given_positions.max(axis=0) - given_positions.min(axis=0)).max())
    if extent > 1e-3:
        assert points.max() == LARGEST
        back = points.astype(np.float64) / LARGEST * extent
        shifted = given_positions - back
        # half a step of the grid, and the rounding of float32 at this size
        assert np.ptp(shifted, axis=0) == pytest.approx(
            [0, 0], abs=extent / LARGEST * 1.1 + 1e-6 * np.abs(positions).max()
        )


def test_a_neighbour_is_missed_if_fifty_points_are_nearer():
    line = np.stack([np.arange(200), np.zeros(200)], axis=1).astype(np.uint16)
    near = [1, NEAREST_ON_MAP, NEAREST_ON_MAP + 1, 199]
    assert missed(line, 0, near) == [NEAREST_ON_MAP + 1, 199]
    assert errors(line, np.tile(near, (200, 1)))[0] == 0.5
    assert missed(line, 100, [75, 125, 74, 126, 127]) == [74, 126, 127]
    assert errors(line, np.tile([75, 125, 74, 126, 127], (200, 1)))[100] == np.float32(0.6)
    assert missed(line[:5], 0, [1, 4]) == []
    assert errors(line[:5], np.tile([1, 4], (5, 1)))[0] == 0
    assert missed(line[:1], 0, []) == []


@pytest.mark.parametrize(("V", "spread"), [(1, 9), (2, 9), (50, 9), (51, 9), (300, 9), (1500, 20), (1500, 65_000)])
def test_the_errors_of_all_words_are_those_of_each(V, spread):
    rng = np.random.default_rng(V)
    points = np.concatenate([rng.integers(0, spread, (V - V // 2, 2)), rng.integers(0, 65_536, (V // 2, 2))])
    points = points.astype(np.uint16)
    neighbours = (np.arange(V)[:, None] + rng.integers(1, V, (V, 4))) % V if V > 1 else np.zeros((1, 0), np.int64)
    found = errors(points, neighbours)
    expected = [len(missed(points, row, neighbours[row].tolist())) / max(1, neighbours.shape[1]) for row in range(V)]
    assert found == pytest.approx(expected)


def test_a_neighbour_that_is_absent_counts_as_missed():
    assert errors(np.zeros((3, 2), np.uint16), np.array([[1, -1], [0, 2], [-1, -1]])).tolist() == [0.5, 0, 1]
