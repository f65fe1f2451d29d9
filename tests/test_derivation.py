"""Results of docs/derivation.md that involve several functions of `firth.objectives`, for random input."""

import itertools
from collections import Counter
from collections.abc import Iterable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth import objectives
from firth.objectives import (
    both_losses,
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
from firth.options import Options
from firth.training.loop.engine import Engine
from firth.training.sampling import keep_thresholds
from firth.training.softmax.exact import ExactSoftmax
from firth.training.softmax.steps import Adam, CenterNewton

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


@pytest.mark.parametrize(("V", "size"), [(4, 2), (6, 2), (6, 3), (9, 3)])
def test_the_mean_noise_of_random_blocks(V: int, size: int):
    """Equation (40), over every block that a word can be in, as exact fractions."""
    n = [Fraction(3 * w * w + 1) for w in range(V)]
    P_n = [Fraction(w + 1, V * (V + 1) // 2) for w in range(V)]
    rho = Fraction(size - 1, V - 1)
    for w in range(V):
        blocks = list(itertools.combinations([other for other in range(V) if other != w], size - 1))
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


class CountedArray(np.ndarray):
    """An array that counts the multiplications that NumPy carries out, and the additions outside of products."""

    multiplications = 0
    additions = 0

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        plain = [np.asarray(each) if isinstance(each, np.ndarray) else each for each in inputs]
        outputs = kwargs.pop("out", None)
        if ufunc is np.matmul:
            rows, columns = np.atleast_2d(plain[0]).shape[0], np.shape(plain[1])[1:]
            CountedArray.multiplications += rows * plain[0].shape[-1] * int(np.prod(columns))
        elif ufunc is np.multiply:
            CountedArray.multiplications += np.broadcast(*plain).size
        elif ufunc is np.add and method == "at":
            CountedArray.additions += plain[0][plain[1]].size
        elif ufunc is np.add and method == "reduce":
            CountedArray.additions += plain[0].size
        result = getattr(ufunc, method)(*plain, **kwargs)
        if outputs:
            outputs[0][...] = result
            return outputs[0]
        return result.view(CountedArray) if isinstance(result, np.ndarray) else result

    def __array_function__(self, function, types, args, kwargs):
        if function is np.outer:
            CountedArray.multiplications += np.size(args[0]) * np.size(args[1])
            return np.outer(*map(np.asarray, args)).view(CountedArray)
        return super().__array_function__(function, types, args, kwargs)


def multiplications_of(monkeypatch, function, *args) -> int:
    """Return the multiplications of a function of `firth.objectives` with the entries of its matrices and vectors."""
    checked_array = objectives._array
    with monkeypatch.context() as patch:
        patch.setattr(objectives, "_array", lambda *given: checked_array(*given).view(CountedArray))
        CountedArray.multiplications = CountedArray.additions = 0
        function(*args)
    return CountedArray.multiplications


def test_firths_functions_carry_out_the_multiplications_that_are_derived(monkeypatch):
    """(15), (17c), (23), (27), (31b) and (35), up to a few operations for each score, which has no D numbers."""
    V, D, K, M = 40, 30, 3, 4
    rng = np.random.default_rng(1)
    centers, U, Q = rng.normal(size=(V, D)), rng.normal(size=(V, D)), rng.normal(size=(V - 1, D))
    v_c, noise, context = centers[0], [2, 4, 1], [0, 4, 4, 2]
    tree = huffman_tree(np.sort(rng.integers(1, 99, V))[::-1])
    path = len(tree.path(5)[0])

    def sampled(h, o, U):
        return negative_sampling(h, o, noise, U)

    assert multiplications_of(monkeypatch, naive_softmax, v_c, 5, U) == 3 * V * D
    assert multiplications_of(monkeypatch, sampled, v_c, 5, U) == 3 * (1 + K) * D
    assert 0 <= multiplications_of(monkeypatch, hierarchical_softmax, v_c, 5, Q, tree) - 3 * path * D <= 3 * path
    products = multiplications_of(monkeypatch, objectives.corpus_softmax, np.ones((V, V)), centers, U)
    assert 3 * V**2 * D <= products <= 3 * V**2 * D + 4 * V**2
    X, Y, T = centers[:M], U[: 1 + K], np.eye(1, 1 + K).repeat(M, axis=0)
    step = multiplications_of(monkeypatch, objectives.matrix_sampling, X, Y, T)
    assert 0 <= step - 3 * M * (1 + K) * D <= 4 * M * (1 + K)
    position = multiplications_of(monkeypatch, cbow, context, 5, centers, U, sampled)
    assert position == 3 * (1 + K) * D + 2 * D  # h and ∂J/∂h are multiplied by γ once, not M times
    assert CountedArray.additions == 2 * M * D + K * D  # the context, and the rows of noise words that may repeat


def subsampled_counts(sentence: list[int], keep: list[Fraction], m: int) -> dict[tuple[int, int], Fraction]:
    """Return E n(c, o) by enumeration: every choice of the words kept, with a weight for each distance."""
    expected: dict[tuple[int, int], Fraction] = {}
    for kept in itertools.product([False, True], repeat=len(sentence)):
        probability = Fraction(1)
        for word, is_kept in zip(sentence, kept, strict=True):
            probability *= keep[word] if is_kept else 1 - keep[word]
        left = [word for word, is_kept in zip(sentence, kept, strict=True) if is_kept]
        for t, s in itertools.permutations(range(len(left)), 2):
            if abs(t - s) <= m:
                pair = left[t], left[s]
                expected[pair] = expected.get(pair, Fraction(0)) + probability * Fraction(m - abs(t - s) + 1, m)
    return expected


@given(st.lists(st.integers(0, 2), max_size=6), st.integers(1, 3), st.lists(st.integers(0, 4), min_size=3, max_size=3))
def test_the_counts_of_a_subsampled_text_on_average(sentence: list[int], m: int, fifths: list[int]):
    """(43a), in fractions: the distribution of the words kept between two positions, one word at a time."""
    keep = [Fraction(fifth, 4) for fifth in fifths]
    formula: dict[tuple[int, int], Fraction] = {}
    for t, s in itertools.permutations(range(len(sentence)), 2):
        between = [Fraction(1)]  # the probability of 0, 1, ... words kept
        for word in sentence[min(t, s) + 1 : max(t, s)]:
            kept, dropped = [Fraction(0), *between], [*between, Fraction(0)]
            between = [keep[word] * a + (1 - keep[word]) * b for a, b in zip(kept, dropped, strict=True)]
        omega = sum(p * Fraction(max(0, m - (1 + number) + 1), m) for number, p in enumerate(between))
        c, o = sentence[t], sentence[s]
        formula[c, o] = formula.get((c, o), Fraction(0)) + keep[c] * keep[o] * omega
    expected = subsampled_counts(sentence, keep, m)
    assert {pair: number for pair, number in formula.items() if number} == {
        pair: number for pair, number in expected.items() if number
    }


@given(seeds, st.integers(1, 10))
def test_the_optimum_with_subsampling_does_not_depend_on_how_often_the_center_is_dropped(seed: int, K: int):
    """(43b), as the minimum of the expected loss with the counts of (43a)."""
    rng = np.random.default_rng(seed)
    n, keep, P_n = rng.integers(1, 20, (4, 4)), rng.uniform(0.1, 1, 4), rng.dirichlet(np.ones(4))
    optimum = np.log(keep * n / (K * P_n * (n @ keep)[:, np.newaxis]))
    for c, scores in enumerate(optimum):
        slope = expected_noise_loss(keep[c] * keep * n[c], P_n, K, np.ones(1), scores[:, np.newaxis])[1]
        np.testing.assert_allclose(slope, 0.0, atol=1e-11)


def test_a_word_is_kept_with_the_probability_of_the_derivation():
    """(43); the table of thresholds rounds to 32 bits."""
    counts, sample = np.array([10**6, 10**4, 2618, 2, 1]), 1e-3
    ratio = sample * counts.sum() / counts
    kept = (keep_thresholds(counts, sample) + 1.0) / 2**32
    np.testing.assert_allclose(kept, np.minimum(1.0, np.sqrt(ratio) + ratio), atol=1e-9)


def with_shift(scores: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a center vector and outside vectors whose scores are `scores - shift`: the shift is not trained."""
    return np.ones(2), np.column_stack([scores, -shift])


@given(seeds, st.integers(1, 20))
def test_nce_learns_log_probabilities_and_negative_sampling_does_not(seed: int, K: int):
    """(44a) and (44b)."""
    rng = np.random.default_rng(seed)
    n_c, P_n = rng.integers(1, 20, 5), rng.dirichlet(np.ones(5))
    P, shift = n_c / n_c.sum(), np.log(K * P_n)
    v_c, U = with_shift(np.log(P), shift)
    least, slope = expected_noise_loss(n_c, P_n, K, v_c, U)
    np.testing.assert_allclose(slope[:, 0], 0.0, atol=1e-11)
    v_c, moved = with_shift(np.log(P) + 0.01, shift)
    assert expected_noise_loss(n_c, P_n, K, v_c, moved)[0] > least
    slope = expected_noise_loss(n_c, P_n, K, *with_shift(np.log(P) - shift, 0 * shift))[1]
    np.testing.assert_allclose(slope[:, 0], 0.0, atol=1e-11)
    assert np.exp(np.log(P) - shift).sum() == pytest.approx((P / (K * P_n)).sum())


@given(seeds)
def test_the_gradient_of_nce_tends_to_that_of_the_softmax(seed: int):
    """(44c): the distance falls as 1 / K."""
    rng = np.random.default_rng(seed)
    n_c, P_n, z = rng.integers(1, 20, 5), rng.dirichlet(np.full(5, 5.0)), rng.normal(size=5)
    limit = n_c.sum() * np.exp(z) - n_c
    distances = [
        np.abs(expected_noise_loss(n_c, P_n, K, *with_shift(z, np.log(K * P_n)))[1][:, 0] - limit).max()
        for K in (10**4, 10**6)
    ]
    assert distances[1] < distances[0] / 50
    z -= np.log(np.exp(z).sum())  # normalised: exp(z) is the softmax, and the limit its gradient
    _, _, d_U = objectives.corpus_softmax(np.diag([1, 0, 0, 0, 0]) @ np.tile(n_c, (5, 1)), np.ones((5, 1)), z[:, None])
    np.testing.assert_allclose(d_U[:, 0], n_c.sum() * np.exp(z) - n_c, **EXACT)


@given(seeds, st.sampled_from([0.0, 0.5, 1.0]))
def test_weighted_centers_are_the_loss_of_weighted_counts(seed: int, power: float):
    """(45) and (45a)."""
    counts, centers, U = counts_and_vectors(seed)
    counts = counts + 1
    N = counts.sum(axis=1)
    loss, d_centers, d_U = objectives.corpus_softmax(counts * N[:, np.newaxis] ** (power - 1), centers, U)
    expected, errors = 0.0, softmax(centers @ U.T) - counts / N[:, np.newaxis]
    for c, n_c in enumerate(counts):
        expected += N[c] ** (power - 1) * sum(n_c[o] * naive_softmax(centers[c], o, U)[0] for o in range(len(U)))
    assert loss == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(d_centers, N[:, np.newaxis] ** power * (errors @ U), **EXACT)
    np.testing.assert_allclose(d_U, (N[:, np.newaxis] ** power * errors).T @ centers, **EXACT)


@given(seeds)
def test_the_hessian_of_a_center_is_the_covariance_of_the_outside_vectors(seed: int):
    """(46), against central differences of the gradient."""
    _, centers, U = counts_and_vectors(seed)
    y_hat = softmax(U @ centers[0])
    spread = U - y_hat @ U
    covariance = spread.T @ (y_hat[:, np.newaxis] * spread)
    step = 1e-5
    measured = [
        (naive_softmax(centers[0] + step * d, 1, U)[1] - naive_softmax(centers[0] - step * d, 1, U)[1]) / (2 * step)
        for d in np.eye(3)
    ]
    np.testing.assert_allclose(measured, covariance, atol=1e-8)
    assert np.linalg.eigvalsh(covariance).min() >= -1e-14


def test_a_newton_step_is_that_of_the_derivation():
    """(46a), with the engine's own class, in float32."""
    rng = np.random.default_rng(2)
    center, outside = (rng.normal(size=(30, 5)).astype(np.float32) for _ in range(2))
    P, gradient, batch = rng.dirichlet(np.ones(30)), rng.normal(size=(3, 5)).astype(np.float32), np.array([4, 7, 9])
    spread = outside - P @ outside
    curvature = spread.T @ (P[:, np.newaxis] * spread)
    damped = curvature + np.trace(curvature) / (10 * 5) * np.eye(5)
    expected = center[batch] - 0.3 * np.linalg.solve(damped, gradient.T).T
    with ExactSoftmax(30, 5, batch=3, workers=1) as exact:
        rows = center[batch]
        CenterNewton(outside, P, exact).step(rows, gradient, 0.3)
    np.testing.assert_allclose(rows, expected, rtol=1e-4, atol=1e-5)
    assert (np.linalg.solve(damped, gradient.T).T * gradient).sum(axis=1).min() > 0  # downhill


@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_a_factor_of_all_gradients_does_not_change_the_steps_of_adam(factor: float):
    """(47a), with the engine's own class: the steps, of about 0.1, differ by float32 rounding alone."""
    rng = np.random.default_rng(3)
    gradients = rng.normal(size=(6, 20, 4)).astype(np.float32)
    with ExactSoftmax(20, 4, batch=1, workers=1) as exact:
        once, scaled = np.zeros((20, 4), np.float32), np.zeros((20, 4), np.float32)
        adam, scaled_adam = Adam(once, exact), Adam(scaled, exact)
        for number, gradient in enumerate(gradients):
            adam.step(gradient, 0.1)
            scaled_adam.step(np.float32(factor) * gradient, 0.1)
            if number == 0:
                np.testing.assert_allclose(once, -0.1 * np.sign(gradient), rtol=1e-5)
    np.testing.assert_allclose(scaled, once, atol=1e-5)  # 1e-4 of a step


@given(st.floats(0.01, 0.9), st.floats(0.1, 2.0))
def test_the_error_that_a_constant_rate_leaves(rate: float, curvature: float):
    """(48) and (48a): noise of ±1 with equal probability, whose mean square is 1, over all paths of eight steps."""
    error = 0.0
    paths = np.zeros(1)
    for _ in range(8):
        paths = np.concatenate([paths - rate * (curvature * paths + sign) for sign in (1, -1)])
        error = (1 - rate * curvature) ** 2 * error + rate**2
    assert np.mean(paths**2) == pytest.approx(error)
    limit = rate / (curvature * (2 - rate * curvature))
    assert (1 - rate * curvature) ** 2 * limit + rate**2 == pytest.approx(limit)


def test_the_rate_falls_linearly():
    """(48b), of the class that every engine inherits it from."""

    class Rates:
        _options = Options(alpha=0.05, min_alpha=0.01)

    rates = [Engine.rate(Rates(), done) for done in (0.0, 0.25, 1.0)]
    assert rates == pytest.approx([0.05, 0.04, 0.01])


@given(seeds)
def test_two_steps_in_turn_are_a_step_on_the_sum_up_to_the_square_of_the_rate(seed: int):
    rng = np.random.default_rng(seed)
    v_c, Q, U = rng.normal(size=3), rng.normal(size=(4, 3)), rng.normal(size=(5, 3))
    tree, noise, differences = huffman_tree([8, 5, 5, 3, 1]), [0, 2, 2], []
    _, along, _ = hierarchical_softmax(v_c, 1, Q, tree)
    for rate in (1e-3, 1e-4):
        first = v_c - rate * along
        second = first - rate * negative_sampling(first, 1, noise, U)[1]
        differences.append((second - (v_c - rate * both_losses(v_c, 1, noise, Q, U, tree)[1])) / rate**2)
    s = U[[1, *noise]] @ v_c
    hessian = U[[1, *noise]].T * (sigmoid(s) * sigmoid(-s)) @ U[[1, *noise]]
    # The next term of Taylor's theorem is of the size of the rate times a third derivative of a few units of |u|^3.
    np.testing.assert_allclose(differences[1], hessian @ along, atol=0.05)
    assert np.abs(differences[1] - hessian @ along).max() <= np.abs(differences[0] - hessian @ along).max() / 5 + 1e-6
