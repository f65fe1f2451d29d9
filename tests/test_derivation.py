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
    cbow,
    context_vector,
    cross_entropy,
    hierarchical_probabilities,
    hierarchical_softmax,
    huffman_tree,
    log_softmax,
    naive_softmax,
    negative_sampling,
    one_hot_network,
    sigmoid,
    softmax,
    softmax_jacobian,
    subword_pair,
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
    exact = [counted_gradients(centers[c], U, lambda z, c=c: N[c] * softmax(z) - counts[c]) for c in range(V)]
    d_centers, d_Us, costs = zip(*exact, strict=True)
    assert sum(costs) == 3 * V**2 * D
    observed = [Counted(counts[c, o]) * float(centers[c] @ U[o]) for c, o in np.argwhere(counts)]
    assert Counted.multiplications - costs[-1] == len(observed) == np.count_nonzero(counts)
    scores = centers @ U.T
    log_sums = np.log(np.exp(scores).sum(axis=1))
    assert N @ log_sums - sum(observed) == pytest.approx(sum_over_pairs(counts, centers, U)[0], rel=1e-12)
    d_centers, d_U = np.array(d_centers), sum(d_Us)
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


descending_counts = st.lists(st.integers(1, 10**6), min_size=1, max_size=60).map(lambda c: sorted(c, reverse=True))


@given(descending_counts)
def test_the_mean_code_length_is_the_entropy_of_the_counts_up_to_a_bit(counts: list[int]):
    p = np.array(counts) / sum(counts)
    entropy, mean = -(p * np.log2(p)).sum(), p @ huffman_tree(counts).lengths
    assert entropy - 1e-12 <= mean < entropy + 1
    assert entropy <= np.log2(len(counts)) + 1e-12


@given(st.lists(st.integers(1, 30), min_size=1, max_size=40).map(lambda c: sorted(c, reverse=True)))
def test_a_code_of_l_bits_needs_the_fibonacci_number_of_l_plus_2(counts: list[int]):
    fibonacci = [0, 1, 1]
    while len(fibonacci) < len(counts) + 3:
        fibonacci.append(sum(fibonacci[-2:]))
    assert sum(counts) >= fibonacci[huffman_tree(counts).lengths.max() + 2]


def counts_of_decisions(counts: np.ndarray, tree) -> np.ndarray:
    """Return n_0(c, ν) and n_1(c, ν), the pairs of each center below each child of each inner node."""
    V = len(counts)
    found = np.zeros((2, V, V - 1))
    for word in range(V):
        for node, code in zip(*tree.path(word), strict=True):
            found[code, :, node] += counts[:, word]
    return found


@given(seeds)
def test_the_corpus_loss_along_paths_depends_only_on_counts_of_decisions(seed: int):
    counts, centers, U = counts_and_vectors(seed)
    Q, tree = U[1:], huffman_tree(np.sort(counts.sum(axis=0) + 1)[::-1])
    n_0, n_1 = counts_of_decisions(counts, tree)
    scores = centers @ Q.T
    by_pairs, d_centers, d_Q = 0.0, np.zeros_like(centers), np.zeros_like(Q)
    for c, o in np.argwhere(counts):
        loss, d_center, d_node = hierarchical_softmax(centers[c], o, Q, tree)
        by_pairs += counts[c, o] * loss
        d_centers[c] += counts[c, o] * d_center
        d_Q += counts[c, o] * d_node
    errors = (n_0 + n_1) * sigmoid(scores) - n_0
    assert by_pairs == pytest.approx((n_0 * np.logaddexp(0, -scores) + n_1 * np.logaddexp(0, scores)).sum(), rel=1e-12)
    np.testing.assert_allclose(d_centers, errors @ Q, **EXACT)
    np.testing.assert_allclose(d_Q, errors.T @ centers, **EXACT)


@given(seeds)
def test_the_optimum_of_hierarchical_softmax_is_the_conditional_distribution(seed: int):
    """D = V - 1: with unit vectors as rows of Q, the center vectors are the scores."""
    counts = np.random.default_rng(seed).integers(1, 20, size=(5, 5))
    tree, Q, N_c = huffman_tree([9, 5, 3, 2, 1]), np.eye(4), counts.sum(axis=1)
    n_0, n_1 = counts_of_decisions(counts, tree)
    optimum = np.log(n_0 / n_1)
    for v_c, n_c, N in zip(optimum, counts, N_c, strict=True):
        np.testing.assert_allclose(hierarchical_probabilities(v_c, Q, tree), n_c / N, rtol=1e-12)
        results = [hierarchical_softmax(v_c, o, Q, tree) for o in range(5)]
        np.testing.assert_allclose(sum(n * d for n, (_, d, _) in zip(n_c, results, strict=True)), 0.0, atol=1e-11)
        least = sum(n * loss for n, (loss, _, _) in zip(n_c, results, strict=True))
        assert least == pytest.approx(-(n_c * np.log(n_c / N)).sum(), rel=1e-12)
        for moved in (v_c + 0.1, v_c - [0.1, 0, 0, 0]):
            assert sum(n * hierarchical_softmax(moved, o, Q, tree)[0] for o, n in enumerate(n_c)) > least


@pytest.mark.parametrize("combine", ["mean", "sum"])
def test_the_costs_of_paths_and_contexts_counted_one_multiplication_at_a_time(combine):
    """The hidden vector is counted as M multiply-adds of a vector, and so are the updates of the context."""
    _, centers, U = counts_and_vectors(4)
    V, D = U.shape
    Q, tree, o, noise, context = U[1:], huffman_tree([9, 5, 3, 2, 1]), 3, [2, 4, 1], [0, 4, 4, 2]
    factors = np.full(len(context), 1 / len(context) if combine == "mean" else 1.0)
    Counted.multiplications = 0
    h = (counted(factors) @ counted(centers[context])).astype(float)
    np.testing.assert_allclose(h, context_vector(context, centers, combine), **EXACT)
    assert Counted.multiplications == len(context) * D

    nodes, codes = tree.path(o)
    rows = [o, *noise]
    for outputs, touched, error_of, loss, cost in [
        (U, range(V), lambda z: softmax(z) - np.eye(V)[o], naive_softmax, 3 * V * D),
        (
            U,
            rows,
            lambda s: sigmoid(s) - [1, 0, 0, 0],
            lambda h, o, U: negative_sampling(h, o, noise, U),
            3 * (1 + len(noise)) * D,
        ),
        (
            Q,
            nodes,
            lambda s: sigmoid(s) - (1 - codes),
            lambda h, o, Q: hierarchical_softmax(h, o, Q, tree),
            3 * len(nodes) * D,
        ),
    ]:
        d_h, d_rows, found_cost = counted_gradients(h, outputs[touched], error_of)
        assert found_cost == cost
        Counted.multiplications = 0
        d_context = np.outer(counted(factors), counted(d_h)).astype(float)
        assert Counted.multiplications == len(context) * D
        _, d_V, d_outputs = cbow(context, o, centers, outputs, loss, combine)
        np.testing.assert_allclose(d_outputs[touched], d_rows, **EXACT)
        np.testing.assert_allclose(d_V[0], d_context[0], **EXACT)
        np.testing.assert_allclose(d_V[4], d_context[1] + d_context[2], **EXACT)


@given(seeds, st.lists(st.integers(0, 4), min_size=1, max_size=6), st.sampled_from(["mean", "sum"]))
def test_cbow_is_the_network_with_a_bag_of_words_for_the_one_hot_vector(seed: int, context: list[int], combine):
    _, centers, U = counts_and_vectors(seed)
    bag = np.bincount(context, minlength=5) / (len(context) if combine == "mean" else 1)
    expected, gradients = one_hot_network(bag, np.eye(5)[3], centers.T, U)
    loss, d_V, d_U = cbow(context, 3, centers, U, combine=combine)
    assert loss == pytest.approx(expected, rel=1e-12, abs=1e-13)
    np.testing.assert_allclose(d_V, gradients.W_1.T, **EXACT)
    np.testing.assert_allclose(d_U, gradients.W_2, **EXACT)


lists_of_rows = st.lists(st.integers(0, 4), min_size=1, max_size=6)


@given(seeds, lists_of_rows, lists_of_rows)
def test_fasttexts_step_moves_the_vector_of_a_word_by_the_shared_ngrams(seed: int, rows: list[int], others: list[int]):
    """(38a): by r·r/n for the word itself, 1 if no n-gram occurs twice, and by r·r'/n' for another word."""
    eta, (_, Z, U) = 0.1, counts_and_vectors(seed)
    x, r, s = context_vector(rows, Z), *(np.bincount(each, minlength=5) for each in (rows, others))
    _, step, _ = naive_softmax(x, 2, U)
    moved = Z - eta * np.outer(r, step)
    np.testing.assert_allclose(context_vector(rows, moved), x - eta * (r @ r) / len(rows) * step, **EXACT)
    before, after = (context_vector(others, matrix) for matrix in (Z, moved))
    np.testing.assert_allclose(after - before, -eta * (r @ s) / len(others) * step, **EXACT)
    _, d_Z, _ = subword_pair(rows, 2, Z, U)
    np.testing.assert_allclose(moved, Z - eta * len(rows) * d_Z, **EXACT)


@given(seeds, st.lists(st.integers(0, 3), min_size=1, max_size=5))
def test_pairs_on_a_composed_vector_are_fasttexts_steps_if_no_ngram_is_shared(seed: int, outsides: list[int]):
    """Steps on the vector, whose whole change is added to each row at the end, give the rows of one step at a time."""
    eta, rows, (_, Z, U) = 0.1, [0, 2, 4], counts_and_vectors(seed)
    one_by_one, x = Z.copy(), context_vector(rows, Z)
    for o in outsides:
        one_by_one[rows] -= eta * naive_softmax(context_vector(rows, one_by_one), o, U)[1]
        x = x - eta * naive_softmax(x, o, U)[1]
    together = Z.copy()
    together[rows] += x - context_vector(rows, Z)
    np.testing.assert_allclose(together, one_by_one, **EXACT)


@given(seeds, st.integers(1, 20))
def test_the_optimum_with_the_noise_of_fixed_blocks(seed: int, K: int):
    """Equations (39) and (39a): the noise of each pair is drawn from the block of its outside word."""
    rng = np.random.default_rng(seed)
    counts, P_n = rng.integers(1, 20, size=(4, 6)), rng.dirichlet(np.ones(6))
    block_of = np.array([0, 1, 2, 0, 1, 2])
    same = block_of[:, np.newaxis] == block_of
    drawn = K * (counts @ same) * P_n / (same @ P_n)
    optimum = np.log(counts / drawn)
    shift = np.log(same @ P_n) - np.log((counts @ same) / counts.sum(axis=1, keepdims=True))
    unrestricted = np.log(counts / np.outer(counts.sum(axis=1), P_n)) - np.log(K)
    np.testing.assert_allclose(optimum, unrestricted + shift, **EXACT)
    for n_c, x in zip(counts, optimum, strict=True):
        slope = np.zeros(6)
        for block in range(3):
            inside = block_of == block
            restricted = np.where(inside, P_n, 0) / P_n[inside].sum()
            slope += expected_noise_loss(np.where(inside, n_c, 0), restricted, K, np.ones(1), x[:, np.newaxis])[1][:, 0]
        np.testing.assert_allclose(slope, 0.0, atol=1e-10)


@pytest.mark.parametrize(("V", "s"), [(4, 2), (6, 2), (6, 3), (9, 3)])
def test_the_mean_noise_of_random_blocks(V: int, s: int):
    """Equation (40), over every block that a word can be in, as exact fractions."""
    n = [Fraction(3 * w * w + 1) for w in range(V)]
    P_n = [Fraction(w + 1, V * (V + 1) // 2) for w in range(V)]
    rho = Fraction(s - 1, V - 1)
    for w in range(V):
        blocks = list(itertools.combinations([other for other in range(V) if other != w], s - 1))
        assert sum(n[o] for block in blocks for o in block) / len(blocks) == rho * (sum(n) - n[w])
        shares = [P_n[w] + sum(P_n[o] for o in block) for block in blocks]
        assert sum(shares) / len(blocks) == P_n[w] + rho * (1 - P_n[w])
        quotient = P_n[w] * rho * (sum(n) - n[w]) / (P_n[w] + rho * (1 - P_n[w]))
        assert quotient == P_n[w] * (sum(n) - n[w]) / (1 + (1 / rho - 1) * P_n[w])


@given(seeds, st.integers(1, 3))
def test_the_loss_along_paths_is_a_sum_over_segments(seed: int, n_sets: int):
    """Result 41, with each node in a set at random."""
    counts, centers, _ = counts_and_vectors(seed)
    rng = np.random.default_rng(seed)
    tree, Q = huffman_tree(np.sort(rng.integers(1, 9, 5))[::-1]), rng.normal(size=(4, 3))
    set_of, c = rng.integers(0, n_sets, 4), int(np.argmax(counts.sum(axis=1)))
    numbers: Counter = Counter()
    for o in range(5):
        nodes, bits = tree.path(o)
        for number in range(n_sets):
            inside = set_of[nodes] == number
            numbers[tuple(nodes[inside]), tuple(bits[inside])] += int(counts[c, o])
    by_segments = sum(
        number * np.logaddexp(0, (2 * np.array(bits, int) - 1) * (Q[list(nodes)] @ centers[c])).sum()
        for (nodes, bits), number in numbers.items()
    )
    whole = sum(counts[c, o] * hierarchical_softmax(centers[c], o, Q, tree)[0] for o in range(5))
    np.testing.assert_allclose(by_segments, whole, **EXACT)
