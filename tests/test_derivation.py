"""Results of docs/derivation.md that involve several functions of `firth.objectives`, for random input."""

import itertools
from collections import Counter
from collections.abc import Iterable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.objectives import (
    cross_entropy,
    log_softmax,
    naive_softmax,
    negative_sampling,
    sigmoid,
    softmax,
    softmax_jacobian,
)

seeds = st.integers(0, 2**32 - 1)

# Both sides are float64 sums of a few hundred terms of size one.
EXACT = {"rtol": 1e-10, "atol": 1e-10}


def counts_and_vectors(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return counts n(c, o), with zeros among them, and both matrices."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(1.0, size=(5, 5))
    counts[0, 1] += 1  # at least one pair
    return counts, rng.normal(size=(5, 3)), rng.normal(size=(5, 3))


def sum_over_pairs(counts: np.ndarray, centers: np.ndarray, U: np.ndarray) -> tuple:
    """Sum the loss and its gradients over each pair (c, o), as often as it is counted."""
    total, d_centers, d_U = 0.0, np.zeros_like(centers), np.zeros_like(U)
    for c, o in np.argwhere(counts).repeat(counts[counts > 0], axis=0):
        loss, d_center, d_outside = naive_softmax(centers[c], o, U)
        total += loss
        d_centers[c] += d_center
        d_U += d_outside
    return total, d_centers, d_U


@given(seeds)
def test_cross_entropy_is_least_where_the_prediction_is_the_truth(seed: int):
    rng = np.random.default_rng(seed)
    y, z = rng.dirichlet(np.ones(6)), rng.normal(size=6)
    least, gradient = cross_entropy(np.log(y), y)
    assert least == pytest.approx(-(y * np.log(y)).sum(), rel=1e-12)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-15)
    assert cross_entropy(z, y)[0] > least >= 0


@given(seeds)
def test_the_chain_rule_through_the_softmax(seed: int):
    """Result 7, the longer way: the transposed Jacobian of the softmax, times ∂L/∂ŷ = -y / ŷ, is ŷ - y."""
    rng = np.random.default_rng(seed)
    z, y = rng.normal(size=6), rng.dirichlet(np.ones(6))
    np.testing.assert_allclose(softmax_jacobian(z).T @ (-y / softmax(z)), cross_entropy(z, y)[1], atol=1e-13)


class Counted(float):
    """A number that counts multiplications."""

    multiplications = 0

    def __mul__(self, other: float) -> "Counted":
        Counted.multiplications += 1
        return Counted(float(self) * float(other))

    def __add__(self, other: float) -> "Counted":
        return Counted(float(self) + float(other))


counted = np.vectorize(Counted, otypes=[object])


def counted_gradients(center, rows, error_of):
    """Return both gradients of one center from its scores, and the number of multiply-adds."""
    Counted.multiplications = 0
    center, rows = counted(center), counted(rows)
    error = counted(error_of((rows @ center).astype(float)))
    d_center, d_rows = rows.T @ error, np.outer(error, center)
    return d_center.astype(float), d_rows.astype(float), Counted.multiplications


def test_the_costs_counted_one_multiplication_at_a_time():
    counts, centers, U = counts_and_vectors(3)
    V, D = U.shape
    o, noise = 1, [2, 4, 3]
    rows = [o, *noise]
    naive = counted_gradients(centers[0], U, lambda z: softmax(z) - np.eye(V)[o])
    sampling = counted_gradients(centers[0], U[rows], lambda s: sigmoid(s) - [1, 0, 0, 0])
    _, d_center, d_U = negative_sampling(centers[0], o, noise, U)
    for found, expected, cost in [
        (naive, naive_softmax(centers[0], o, U)[1:], 3 * V * D),
        (sampling, (d_center, d_U[rows]), 3 * (1 + len(noise)) * D),
    ]:
        np.testing.assert_allclose(found[0], expected[0], **EXACT)
        np.testing.assert_allclose(found[1], expected[1], **EXACT)
        assert found[2] == cost

    N = counts.sum(axis=1)
    expected = [counted_gradients(centers[c], U, lambda z, c=c: N[c] * softmax(z)) for c in range(V)]
    d_centers, d_Us, costs = zip(*expected, strict=True)
    assert sum(costs) == 3 * V**2 * D
    d_centers, d_U, Counted.multiplications = np.array(d_centers), sum(d_Us), 0
    for c, o in np.argwhere(counts):
        n = Counted(counts[c, o])
        d_centers[c] -= (counted(U[o]) * n).astype(float)
        d_U[o] -= (counted(centers[c]) * n).astype(float)
    assert Counted.multiplications == 2 * np.count_nonzero(counts) * D
    for found, by_pair in zip((d_centers, d_U), sum_over_pairs(counts, centers, U)[1:], strict=True):
        np.testing.assert_allclose(found, by_pair, **EXACT)


@given(seeds)
def test_the_corpus_loss_and_its_gradients_depend_only_on_counts(seed: int):
    counts, centers, U = counts_and_vectors(seed)
    loss, d_centers, d_U = sum_over_pairs(counts, centers, U)
    scores, N = centers @ U.T, counts.sum(axis=1)
    assert loss == pytest.approx(N @ np.log(np.exp(scores).sum(axis=1)) - (counts * scores).sum(), rel=1e-12)
    errors = N[:, np.newaxis] * softmax(scores) - counts
    np.testing.assert_allclose(d_centers, errors @ U, **EXACT)
    np.testing.assert_allclose(d_U, errors.T @ centers, **EXACT)


def expected_noise_loss(n_c, P_n, K, center, U):
    """Loss and gradient by U of one center's pairs, averaged exactly over K independent noise words.

    J is a sum over the noise words, so K times the mean over one of them is the mean over K.
    """
    loss, d_U = 0.0, np.zeros_like(U)
    for o, times in enumerate(n_c):
        without, _, d_without = negative_sampling(center, o, [], U)
        loss, d_U = loss + times * without, d_U + times * d_without
        for w, share in enumerate(P_n):
            with_noise, _, d_with = negative_sampling(center, o, [w], U)
            loss += times * K * share * (with_noise - without)
            d_U += times * K * share * (d_with - d_without)
    return loss, d_U


@given(seeds, st.integers(1, 8))
def test_the_expected_loss_with_noise_depends_on_counts(seed: int, K: int):
    counts, centers, U = counts_and_vectors(seed)
    P_n = np.random.default_rng(seed).dirichlet(np.ones(len(U)))
    scores, N = centers @ U.T, counts.sum(axis=1)
    by_counts = (counts * np.logaddexp(0, -scores) + K * np.outer(N, P_n) * np.logaddexp(0, scores)).sum()
    by_pairs = sum(expected_noise_loss(n_c, P_n, K, v, U)[0] for n_c, v in zip(counts, centers, strict=True))
    assert by_pairs == pytest.approx(by_counts, rel=1e-11)


@given(seeds, st.integers(1, 20), st.sampled_from([1.0, 0.75]))
def test_the_optimum_of_negative_sampling_is_shifted_pmi(seed: int, K: int, exponent: float):
    """With one dimension and the center vector (1), the rows of U are the scores themselves."""
    counts = np.random.default_rng(seed).integers(1, 20, size=(4, 4))
    N_c, N_w, N = counts.sum(axis=1), counts.sum(axis=0), counts.sum()
    P_n = N_w**exponent / (N_w**exponent).sum()
    optimum = np.log(counts / np.outer(N_c, P_n)) - np.log(K)
    if exponent == 1.0:
        np.testing.assert_allclose(optimum, np.log(counts * N / np.outer(N_c, N_w)) - np.log(K), **EXACT)
    for n_c, x in zip(counts, optimum, strict=True):
        least, slope = expected_noise_loss(n_c, P_n, K, np.ones(1), x[:, np.newaxis])
        np.testing.assert_allclose(slope, 0.0, atol=1e-11)
        for moved in (x + 0.01 * np.eye(4)[0], x - 0.01 * np.eye(4)[3], x + 1.0):
            assert expected_noise_loss(n_c, P_n, K, np.ones(1), moved[:, np.newaxis])[0] > least


@given(seeds)
def test_the_softmax_cannot_beat_the_conditional_entropy(seed: int):
    counts, centers, U = counts_and_vectors(seed)
    counts = counts + 1
    P = counts / counts.sum(axis=1, keepdims=True)
    entropy = -(counts * np.log(P)).sum() / counts.sum()
    assert sum_over_pairs(counts, centers, U)[0] / counts.sum() > entropy
    # D = V + 1: one-hot centers with one more coordinate a_c have the scores log P(o|c) + a_c
    V = len(P)
    shifts = np.arange(V)
    one_hot_centers = np.column_stack([np.eye(V), shifts])
    best = sum_over_pairs(counts, one_hot_centers, np.column_stack([np.log(P).T, np.ones(V)]))
    assert best[0] / counts.sum() == pytest.approx(entropy, rel=1e-12)
    np.testing.assert_allclose(best[1], 0.0, atol=1e-10)
    np.testing.assert_allclose(best[2], 0.0, atol=1e-10)


@given(seeds)
def test_an_intercept_is_a_coordinate_that_nobody_trains(seed: int):
    counts, centers, U = counts_and_vectors(seed)
    counts = counts + 1
    share = counts.sum(axis=0) / counts.sum()
    longer_centers = np.column_stack([centers, np.ones(len(U))])
    loss, d_centers, d_U = sum_over_pairs(counts, longer_centers, np.column_stack([U, np.log(share)]))
    scores, N = centers @ U.T + np.log(share), counts.sum(axis=1)
    assert loss == pytest.approx(-(counts * log_softmax(scores)).sum(), rel=1e-12)
    errors = N[:, np.newaxis] * softmax(scores) - counts
    np.testing.assert_allclose(d_centers[:, :-1], errors @ U, **EXACT)
    np.testing.assert_allclose(d_U[:, :-1], errors.T @ centers, **EXACT)
    zero = sum_over_pairs(counts, np.eye(1, 2, 1).repeat(len(U), axis=0), np.column_stack([0 * share, np.log(share)]))
    assert zero[0] / counts.sum() == pytest.approx(-(share * np.log(share)).sum(), rel=1e-12)


sentences = st.lists(st.integers(0, 4), max_size=12)


def window_pairs(sentence: list[int], radii: Iterable[int]) -> tuple[Counter, Counter]:
    """Count (middle, edge) and (edge, middle) over all windows of a sentence."""
    by_middle: Counter = Counter()
    by_edge: Counter = Counter()
    for t, radius in enumerate(radii):
        for edge in sentence[max(0, t - radius) : t] + sentence[t + 1 : t + radius + 1]:
            by_middle[sentence[t], edge] += 1
            by_edge[edge, sentence[t]] += 1
    return by_middle, by_edge


@given(sentences, st.integers(1, 6))
def test_center_and_outside_may_be_exchanged_in_a_fixed_window(sentence: list[int], m: int):
    by_middle, by_edge = window_pairs(sentence, [m] * len(sentence))
    assert by_middle == by_edge


@given(st.lists(st.integers(0, 2), max_size=5), st.integers(1, 3))
def test_center_and_outside_may_be_exchanged_in_a_dynamic_window_on_average(sentence: list[int], m: int):
    """All draws of the radii are equally likely: the mean is over all of them, in fractions."""
    drawn = list(itertools.product(range(1, m + 1), repeat=len(sentence)))
    totals: list[Counter] = [Counter(), Counter()]
    for radii in drawn:
        for total, counted in zip(totals, window_pairs(sentence, radii), strict=True):
            total.update(counted)
    formula: Counter = Counter()
    for t, s in itertools.permutations(range(len(sentence)), 2):
        if abs(t - s) <= m:
            formula[sentence[t], sentence[s]] += Fraction(m - abs(t - s) + 1, m) * len(drawn)
    assert totals[0] == totals[1] == formula


@given(seeds, st.integers(1, 6), st.integers(1, 6))
def test_a_window_step_is_three_matrix_products(seed: int, N: int, K: int):
    """Rows are distinct, as in the kernel, which merges repeats."""
    rng = np.random.default_rng(seed)
    centers, U = rng.normal(size=(12, 4)), rng.normal(size=(12, 4))
    around, outputs = rng.permutation(12)[:N], rng.permutation(12)[: 1 + K]
    X, Y = centers[around], U[outputs]
    S, T = X @ Y.T, np.eye(1, 1 + K).repeat(N, axis=0)
    G = sigmoid(S) - T
    results = [negative_sampling(centers[w], int(outputs[0]), outputs[1:], U) for w in around]
    losses, d_centers, d_Us = zip(*results, strict=True)
    assert np.logaddexp(0, (1 - 2 * T) * S).sum() == pytest.approx(sum(losses), rel=1e-12)
    np.testing.assert_allclose(G @ Y, d_centers, **EXACT)
    np.testing.assert_allclose(G.T @ X, sum(d_Us)[outputs], **EXACT)
