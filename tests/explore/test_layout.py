"""The layout by neighbours: its forces against the equations, its neighbours against the search, and its bytes."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth import KeyedVectors
from firth.explore import layout, layout_kernels
from firth.explore.layout import nearest_rows, neighbour_layout, quadtree, symmetric
from firth.explore.maps import pca_positions, principal_axes


def clusters(V: int = 400, n: int = 8, D: int = 12) -> tuple[KeyedVectors, np.ndarray]:
    """Return vectors around n directions, and the number of the direction of each."""
    rng = np.random.default_rng(1)
    kinds = rng.integers(n, size=V)
    rows = rng.normal(size=(n, D))[kinds] + 0.3 * rng.normal(size=(V, D))
    return KeyedVectors([f"w{i}" for i in range(V)], rows.astype(np.float32)), kinds


def start_of(vectors: KeyedVectors) -> np.ndarray:
    return pca_positions(vectors, principal_axes(vectors))


def rows_of(vectors: KeyedVectors) -> np.ndarray:
    return nearest_rows(vectors, lambda share: None).rows


def arranged(vectors: KeyedVectors, **settings) -> np.ndarray:
    return neighbour_layout(vectors, rows_of(vectors), start_of(vectors), lambda share: None, **settings)


def repelled(positions: np.ndarray, nearness: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the forces and the sums that the kernel writes."""
    forces, sums = np.zeros_like(positions), np.zeros(len(positions), np.float32)
    tree = quadtree(positions, nearness)
    layout_kernels.repel(tree.order, positions, tree.cells, np.zeros(31, np.int64), forces, sums)
    return forces, sums


def exact(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    gaps = positions[:, None].astype(np.float64) - positions[None]
    w = 1 / (1 + np.sum(gaps**2, axis=-1))
    return np.sum(w[..., None] ** 2 * gaps, axis=1), w.sum(axis=1)


def test_repulsion_with_all_cells_open_is_the_sum_over_all_words():
    positions = np.random.default_rng(1).permutation(256)[:200].astype(np.int64)
    grid = np.stack(np.divmod(positions, 16), axis=1).astype(np.float32) * 3  # at most one word in a cell
    forces, sums = repelled(grid, 0)
    expected, expected_sums = exact(grid)
    assert forces == pytest.approx(expected, abs=1e-5)  # sums of 200 terms of at most 0.65 in float32
    assert sums == pytest.approx(expected_sums, rel=1e-5)


def test_repulsion_by_cells_approaches_the_sum_over_all_words():
    positions = (np.random.default_rng(2).normal(size=(2000, 2)) * 8).astype(np.float32)
    expected, expected_sums = exact(positions)
    errors = []
    for nearness in (4, 1, 0.25):
        forces, sums = repelled(positions, nearness)
        assert np.mean(np.abs(sums / expected_sums - 1)) < 0.1 * nearness
        errors.append(np.mean(np.linalg.norm(forces - expected, axis=1)) / np.linalg.norm(expected, axis=1).mean())
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.1  # cells of the finest level are 0.4 wide, and a force changes by up to 0.65 per unit


def test_a_step_follows_the_gradient_of_the_objective():
    rng = np.random.default_rng(3)
    positions = rng.normal(size=(40, 2)).astype(np.float32)
    lists = symmetric(rng.integers(0, 40, (40, 3)))
    E = len(lists.neighbours)

    def loss(y: np.ndarray) -> float:
        gaps = y[:, None] - y[None]
        w = 1 / (1 + np.sum(gaps**2, axis=-1))
        np.fill_diagonal(w, 0)
        i = np.repeat(np.arange(40), np.diff(lists.ends))
        return float(-np.mean(np.log(w[i, lists.neighbours] / w.sum())))

    y = positions.astype(np.float64)
    numeric = np.zeros_like(y)
    for place in np.ndindex(*y.shape):
        change = np.zeros_like(y)
        change[place] = 1e-5
        numeric[place] = (loss(y + change) - loss(y - change)) / 2e-5
    forces, _ = (part.astype(np.float32) for part in exact(positions))
    Z = float(exact(positions)[1].sum() - 40)
    speeds, gains, moved = (np.full_like(positions, value) for value in (0, 1, 0))
    numbers = [np.float32(number) for number in (4 / E, 4 / Z, 1, 0)]
    layout_kernels.step(0, 40, positions, *lists, forces, *numbers, speeds, gains, moved)
    factors = np.where(numeric > 0, 1.2, 0.8)  # the first gain, from a speed of zero
    assert moved - positions == pytest.approx(-numeric * factors, abs=1e-6)


@pytest.mark.parametrize("workers", [2, 3, 7])
def test_the_map_has_the_same_bytes_on_any_number_of_threads(workers):
    vectors, _ = clusters()
    assert arranged(vectors, workers=workers).tobytes() == arranged(vectors, workers=1).tobytes()


def test_words_of_one_kind_stand_together():
    vectors, kinds = clusters()
    positions = arranged(vectors)
    gaps = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    np.fill_diagonal(gaps, np.inf)
    nearest_on_map = np.argsort(gaps, axis=1)[:, :10]
    assert np.mean(kinds[nearest_on_map] == kinds[:, None]) > 0.98


def test_words_beyond_the_arranged_ones_stand_by_their_neighbours(monkeypatch):
    monkeypatch.setattr(layout, "MOST_ARRANGED", 300)
    vectors, kinds = clusters()
    positions = arranged(vectors)
    assert positions.shape == (400, 2)
    gaps = np.linalg.norm(positions[300:, None] - positions[None, :300], axis=-1)
    assert np.mean(kinds[:300][gaps.argmin(axis=1)] == kinds[300:]) > 0.95


def test_the_neighbours_are_those_of_a_query():
    vectors, _ = clusters(60)
    rows = rows_of(vectors)
    for row, key in enumerate(vectors.index_to_key):
        assert [vectors.index_to_key[other] for other in rows[row]] == [k for k, _ in vectors.most_similar(key)]


@given(st.integers(1, 30), st.integers(1, 5), st.integers(0, 99))
def test_lists_are_symmetric_and_hold_every_pair_once(V, k, seed):
    nearest_of_each = np.random.default_rng(seed).integers(0, V, (V, k))
    ends, neighbours = symmetric(nearest_of_each)
    pairs = list(zip(np.repeat(np.arange(V), np.diff(ends)).tolist(), neighbours.tolist(), strict=True))
    given_pairs = {(i, int(j)) for i in range(V) for j in nearest_of_each[i] if i != j}
    assert len(set(pairs)) == len(pairs)
    assert set(pairs) == given_pairs | {(j, i) for i, j in given_pairs}


@given(st.lists(st.tuples(*[st.floats(-1e3, 1e3, width=32)] * 2), min_size=1, max_size=50))
def test_every_level_of_the_tree_holds_all_words_and_their_mean(points):
    positions = np.array(points, np.float32)
    order, cells = quadtree(positions)
    assert sorted(order) == list(range(len(points)))
    ends = [(4**level - 1) // 3 for level in range(12)]
    for first, last in pairwise(ends[: ends.index(len(cells)) + 1]):
        level = cells[first:last, :3].astype(np.float64)
        assert level[:, 0].sum() == len(points)
        mean = (level[:, :1] * level[:, 1:]).sum(axis=0) / len(points)
        assert mean == pytest.approx(positions.mean(axis=0, dtype=np.float64), abs=1e-3)


@pytest.mark.parametrize("V", [0, 1, 2, 3, 12])
def test_few_words_have_a_map(V):
    vectors, _ = clusters(V)
    positions = arranged(vectors)
    assert positions.shape == (V, 2)
    assert np.isfinite(positions).all()


def test_equal_and_damaged_vectors_have_a_map():
    rows = np.ones((40, 4), np.float32)
    rows[5], rows[6], rows[7] = np.nan, 0, np.inf
    vectors = KeyedVectors([f"w{i}" for i in range(40)], rows)
    assert np.isfinite(arranged(vectors)).all()


def test_progress_rises_and_what_it_raises_ends_the_work():
    vectors, _ = clusters(50)
    shares: list[float] = []
    neighbour_layout(vectors, rows_of(vectors), start_of(vectors), shares.append)
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] <= 1

    def stop(share: float) -> None:
        if share > 0.5:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        neighbour_layout(vectors, rows_of(vectors), start_of(vectors), stop)
