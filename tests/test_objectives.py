"""The objectives against examples worked by hand, autograd, and properties of any input; `gradient_check` itself.

For autograd the losses are defined here a second time, term by term, so that they share no code with `objectives`.
"""

import doctest
import functools
import heapq
import itertools
import math
from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any, get_args

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from hypothesis import example, given
from hypothesis import strategies as st

from firth import objectives
from firth.errors import FirthError, OptionError
from firth.objectives import (
    Combination,
    HuffmanTree,
    ShapeError,
    both_losses,
    cbow,
    context_vector,
    cross_entropy,
    gradient_check,
    hierarchical_probabilities,
    hierarchical_softmax,
    huffman_tree,
    log_sigmoid,
    log_softmax,
    naive_softmax,
    negative_sampling,
    one_hot,
    one_hot_network,
    sigmoid,
    sigmoid_derivative,
    skip_gram,
    softmax,
    softmax_jacobian,
    subword_pair,
)

LOG2, LOG3 = math.log(2), math.log(3)

# Both sides are float64 and sum a few dozen terms of size one.
EXACT = {"rtol": 1e-12, "atol": 1e-13}

# A central difference sees eps^(2/3) = 4e-11 of the loss, and losses here reach a few hundred.
MEASURED = 1e-7

scores = st.lists(st.floats(-30, 30), min_size=1, max_size=12)
seeds = st.integers(0, 2**32 - 1)
sizes = st.tuples(st.integers(1, 9), st.integers(1, 9))


def vectors(seed: int, V: int, D: int) -> tuple[np.random.Generator, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng, rng.normal(size=D), rng.normal(size=(V, D))


# The same losses, by definition


def defined_naive_softmax(v_c: Any, U: Any, o: int) -> Any:
    return -anp.log(anp.exp(anp.dot(U[o], v_c)) / anp.sum(anp.exp(anp.dot(U, v_c))))


def defined_negative_sampling(v_c: Any, U: Any, o: int, negatives: Any) -> Any:
    def defined_sigmoid(x: Any) -> Any:
        return 1 / (1 + anp.exp(-x))

    noise = sum((anp.log(defined_sigmoid(-anp.dot(U[k], v_c))) for k in negatives), 0.0)
    return -anp.log(defined_sigmoid(anp.dot(U[o], v_c))) - noise


def defined_context_vector(V: Any, context: list[int], combine: str) -> Any:
    total = sum(V[c] for c in context)
    return total / len(context) if combine == "mean" else total


def defined_hierarchical_softmax(v_c: Any, Q: Any, o: int, tree: HuffmanTree) -> Any:
    probability = 1.0
    for node, code in zip(*tree.path(o), strict=True):
        score = anp.dot(Q[node], v_c)
        probability = probability / (1 + anp.exp(score if code else -score))
    return -anp.log(probability)


def defined_network(x: Any, y: Any, W_1: Any, W_2: Any) -> Any:
    z = anp.dot(W_2, anp.dot(W_1, x))
    return -anp.sum(y * anp.log(anp.exp(z) / anp.sum(anp.exp(z))))


def assert_agree(found: tuple[Any, ...], defined: Callable[..., Any], *parameters: np.ndarray) -> None:
    """Compare a loss and its gradients with those of its definition, which autograd differentiates."""
    loss, *gradients = found
    assert loss == pytest.approx(defined(*parameters), rel=1e-12, abs=1e-13)
    for i, gradient in enumerate(gradients):
        np.testing.assert_allclose(gradient, grad(defined, i)(*parameters), **EXACT)


def test_softmax_at_values_worked_by_hand():
    z = [0.0, LOG2, LOG3]
    np.testing.assert_allclose(softmax(z), [1 / 6, 2 / 6, 3 / 6], rtol=1e-15)
    np.testing.assert_allclose(np.exp(log_softmax(z)), [1 / 6, 2 / 6, 3 / 6], rtol=1e-15)
    by_hand = np.array([[5, -2, -3], [-2, 8, -6], [-3, -6, 9]]) / 36
    np.testing.assert_allclose(softmax_jacobian(z), by_hand, atol=1e-16)


@pytest.mark.parametrize("function", [sigmoid, log_sigmoid, sigmoid_derivative, softmax])
def test_unsigned_integers_do_not_wrap(function: Callable[[Any], np.ndarray]):
    np.testing.assert_array_equal(function(np.array([1, 3], np.uint8)), function([1.0, 3.0]))


@given(st.floats(-700, 700))
@example(700.0)
@example(-700.0)
@example(40.0)  # log σ(40) is -4e-18: log(1 + e) would lose it
def test_sigmoids_are_exact_to_the_last_digits(x: float):
    with localcontext() as context:
        context.prec = 700  # σ(-700) is about 1e-304
        exact = 1 / (1 + (-Decimal(x)).exp())
        logarithm, derivative = exact.ln(), exact * (1 - exact)
    # exp errs by an ulp, and the sum and the quotient by half of one each
    assert float(sigmoid(x)) == pytest.approx(float(exact), rel=1e-15, abs=0)
    assert float(log_sigmoid(x)) == pytest.approx(float(logarithm), rel=1e-15, abs=0)
    assert float(sigmoid_derivative(x)) == pytest.approx(float(derivative), rel=2e-15, abs=0)


@given(scores)
def test_sigmoid_of_x_and_of_minus_x_sum_to_one(x: list[float]):
    np.testing.assert_allclose(sigmoid(x) + sigmoid(np.negative(x)), 1.0, rtol=1e-15)
    np.testing.assert_allclose(np.exp(log_sigmoid(x)), sigmoid(x), rtol=1e-14)


@given(scores, st.floats(-1e4, 1e4))
def test_softmax_is_a_distribution_that_a_shift_does_not_change(z: list[float], shift: float):
    y_hat = softmax(z)
    assert y_hat.min() > 0
    assert y_hat.sum() == pytest.approx(1.0, rel=1e-14)
    # a shift of 1e4 rounds the scores by 1e-12
    np.testing.assert_allclose(softmax(np.add(z, shift)), y_hat, rtol=1e-11)


@given(scores)
def test_softmax_jacobian_is_symmetric_and_its_rows_sum_to_zero(z: list[float]):
    jacobian = softmax_jacobian(z)
    np.testing.assert_array_equal(jacobian, jacobian.T)
    np.testing.assert_allclose(jacobian.sum(axis=0), 0.0, atol=1e-15)


@pytest.mark.parametrize("size", [1e4, 1e300])
def test_scores_of_any_size_give_exact_limits_and_no_warning(size: float):
    x = [-size, 0.0, size]
    np.testing.assert_array_equal(sigmoid(x), [0.0, 0.5, 1.0])
    np.testing.assert_array_equal(log_sigmoid(x), [-size, -LOG2, 0.0])
    np.testing.assert_array_equal(sigmoid_derivative(x), [0.0, 0.25, 0.0])
    np.testing.assert_array_equal(softmax(x), [0.0, 0.0, 1.0])
    np.testing.assert_array_equal(log_softmax(x), [-2 * size, -size, 0.0])
    np.testing.assert_array_equal(softmax([size, size]), [0.5, 0.5])
    np.testing.assert_array_equal(softmax_jacobian(x), np.zeros((3, 3)))


def test_naive_softmax_worked_by_hand():
    """Scores 0, log 2, log 3 make ŷ = 1/6, 2/6, 3/6; o = 1, so ŷ - y = 1/6, -4/6, 3/6."""
    U = [[0.0, 6.0], [LOG2, 0.0], [LOG3, 12.0]]
    loss, d_center, d_U = naive_softmax([1.0, 0.0], 1, U)
    assert loss == pytest.approx(LOG3, rel=1e-15)
    np.testing.assert_allclose(d_center, [-4 / 6 * LOG2 + 3 / 6 * LOG3, 1.0 + 6.0], rtol=1e-14)
    np.testing.assert_allclose(d_U, [[1 / 6, 0], [-4 / 6, 0], [3 / 6, 0]], rtol=1e-14)


@given(seeds, sizes, st.data())
def test_naive_softmax_agrees_with_autograd_and_with_central_differences(seed, size, data):
    _, v_c, U = vectors(seed, *size)
    o = data.draw(st.integers(0, len(U) - 1))
    assert_agree(naive_softmax(v_c, o, U), lambda v, u: defined_naive_softmax(v, u, o), v_c, U)
    assert gradient_check(lambda v, u: naive_softmax(v, o, u), [v_c, U]) < MEASURED


@given(seeds, sizes)
def test_probabilities_of_all_outside_words_sum_to_one(seed, size):
    _, v_c, U = vectors(seed, *size)
    results = [naive_softmax(v_c, o, U) for o in range(len(U))]
    assert sum(math.exp(-loss) for loss, _, _ in results) == pytest.approx(1.0, rel=1e-13)
    for loss, _, d_U in results:
        assert loss >= 0
        np.testing.assert_allclose(d_U.sum(axis=0), 0.0, atol=1e-13)  # ŷ and y both sum to one


@pytest.mark.parametrize("size", [1e4, 1e300])
def test_naive_softmax_is_exact_for_scores_of_any_size(size: float):
    U = [[size, 0.0], [-size, 2.0], [0.0, 4.0]]
    loss, d_center, d_U = naive_softmax([1.0, 0.5], 1, U)
    assert loss == pytest.approx(2 * size, rel=1e-3)  # less the 1 that 0.5 * 2.0 adds to the score
    np.testing.assert_array_equal(d_center, [2 * size, -2.0])
    np.testing.assert_array_equal(d_U, [[1.0, 0.5], [-1.0, -0.5], [0.0, 0.0]])


def test_negative_sampling_worked_by_hand():
    """Scores log 3, -log 3, 0, so σ = 3/4, 1/4, 1/2 and factors -1/4, 1/4, 1/2; row 2 is drawn twice."""
    U = [[LOG3, 4.0], [-LOG3, 8.0], [0.0, 16.0], [9.0, 9.0]]
    loss, d_center, d_U = negative_sampling([1.0, 0.0], 0, [2, 1, 2], U)
    assert loss == pytest.approx(2 * math.log(4 / 3) + 2 * LOG2, rel=1e-15)
    np.testing.assert_allclose(d_center, [-LOG3 / 2, -1.0 + 2.0 + 16.0], rtol=1e-14)
    np.testing.assert_allclose(d_U, [[-1 / 4, 0], [1 / 4, 0], [1.0, 0], [0, 0]], rtol=1e-14)


@given(seeds, sizes, st.data())
def test_negative_sampling_agrees_with_autograd_and_with_central_differences(seed, size, data):
    """Any noise words: none, one many times, the outside word itself."""
    _, v_c, U = vectors(seed, *size)
    words = st.integers(0, len(U) - 1)
    o, negatives = data.draw(words), data.draw(st.lists(words, max_size=8))
    found = negative_sampling(v_c, o, negatives, U)
    assert_agree(found, lambda v, u: defined_negative_sampling(v, u, o, negatives), v_c, U)
    assert gradient_check(lambda v, u: negative_sampling(v, o, negatives, u), [v_c, U]) < MEASURED


@given(seeds, st.integers(2, 6))
def test_a_noise_word_drawn_n_times_counts_n_times(seed: int, n: int):
    _, v_c, U = vectors(seed, 4, 3)
    none = negative_sampling(v_c, 0, [], U)
    once = negative_sampling(v_c, 0, [2], U)
    many = negative_sampling(v_c, 0, [2] * n, U)
    for zero, one, several in zip(none, once, many, strict=True):
        np.testing.assert_allclose(several - zero, n * (one - zero), **EXACT)


@given(seeds, sizes)
def test_a_noise_word_equal_to_the_outside_word_counts_as_both(seed, size):
    """-log σ(s) - log σ(-s) has the derivative σ(s) - σ(-s) = 2σ(s) - 1."""
    _, v_c, U = vectors(seed, *size)
    loss, d_center, d_U = negative_sampling(v_c, 0, [0], U)
    p = 1 / (1 + math.exp(-(U[0] @ v_c)))
    assert loss == pytest.approx(-math.log(p * (1 - p)), rel=1e-12)
    np.testing.assert_allclose(d_center, (2 * p - 1) * U[0], **EXACT)
    np.testing.assert_allclose(d_U[0], (2 * p - 1) * v_c, **EXACT)
    np.testing.assert_array_equal(d_U[1:], 0.0)


@pytest.mark.parametrize("size", [1e4, 1e300])
def test_negative_sampling_is_exact_for_scores_of_any_size(size: float):
    U = [[-size, 1.0], [size, 0.0], [-size, 0.0]]
    loss, d_center, d_U = negative_sampling([1.0, 0.0], 0, [1, 2], U)  # wrong, wrong, right
    assert loss == 2 * size
    np.testing.assert_array_equal(d_center, [2 * size, -1.0])
    np.testing.assert_array_equal(d_U, [[-1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])


@given(seeds, sizes, st.data())
def test_window_gradients_agree_with_autograd(seed, size, data):
    """The window may repeat a word, and hold the center word itself."""
    V, D = size
    rng, _, U = vectors(seed, V, D)
    centers = rng.normal(size=(V, D))
    words = st.integers(0, V - 1)
    c, outsides = data.draw(words), data.draw(st.lists(words, max_size=6))
    noise = data.draw(st.lists(st.lists(words, min_size=2, max_size=2), min_size=6, max_size=6))

    def window(pair_losses: Callable[[Any, Any], Any]) -> Callable[..., Any]:
        # Autograd warns if a window is empty, hence the first term
        return lambda V, U: sum(pair_losses(V[c], U), 0.0 * (anp.sum(V) + anp.sum(U)))

    defined = window(lambda v_c, U: [defined_naive_softmax(v_c, U, o) for o in outsides])
    found = skip_gram(c, outsides, centers, U)
    assert_agree(found, defined, centers, U)
    np.testing.assert_array_equal(np.delete(found[1], c, axis=0), 0.0)

    pairs, drawn = list(zip(outsides, noise, strict=False)), iter(noise)
    defined = window(lambda v_c, U: [defined_negative_sampling(v_c, U, o, negatives) for o, negatives in pairs])
    found = skip_gram(c, outsides, centers, U, lambda v_c, o, U: negative_sampling(v_c, o, next(drawn), U))
    assert_agree(found, defined, centers, U)


def test_a_window_is_the_sum_of_its_pairs():
    rng, _, U = vectors(3, 7, 4)
    V, outsides = rng.normal(size=(7, 4)), [6, 0, 6]
    pairs = [naive_softmax(V[2], o, U) for o in outsides]
    loss, d_V, d_U = skip_gram(2, outsides, V, U)
    assert loss == pytest.approx(sum(pair[0] for pair in pairs), rel=1e-14)
    np.testing.assert_allclose(d_V[2], sum(pair[1] for pair in pairs), **EXACT)
    np.testing.assert_allclose(d_U, sum(pair[2] for pair in pairs), **EXACT)


# Hierarchical softmax


def with_noise(noise: list[int]) -> objectives.PairLoss:
    return lambda v_c, o, U: negative_sampling(v_c, o, noise, U)


def along(tree: HuffmanTree) -> objectives.PairLoss:
    return lambda v_c, o, Q: hierarchical_softmax(v_c, o, Q, tree)


def random_tree(rng: np.random.Generator, V: int) -> HuffmanTree:
    return huffman_tree(np.sort(rng.integers(1, 20, size=V))[::-1])


def code_of(tree: HuffmanTree, word: int) -> str:
    return "".join(map(str, tree.path(word)[1]))


def codes_of(tree: HuffmanTree) -> list[str]:
    return [code_of(tree, word) for word in range(len(tree.lengths))]


# Small numbers tie often, large ones never
descending_counts = st.one_of(
    st.lists(st.integers(1, 4), min_size=1, max_size=40), st.lists(st.integers(1, 10**12), min_size=1, max_size=40)
).map(lambda counts: sorted(counts, reverse=True))


@pytest.mark.parametrize(
    ("counts", "codes", "points"),
    [
        ([9], [""], [[]]),
        ([5, 2], ["1", "0"], [[0], [0]]),  # the rarer word is child 0
        ([3, 3], ["1", "0"], [[0], [0]]),  # of two equal words, the last is child 0
        # 2+2 is made first and is rarer than 5
        ([5, 2, 2], ["1", "01", "00"], [[1], [1, 0], [1, 0]]),
        # 1+1 makes 2, which comes before the equal word: child 0
        ([2, 1, 1], ["1", "01", "00"], [[1], [1, 0], [1, 0]]),
        # 3+2 makes 5, heavier than the word 4: child 1
        ([4, 3, 2], ["0", "11", "10"], [[1], [1, 0], [1, 0]]),
        # four equal words: 1+1 of the last two is node 0, 1+1 of the first two node 1; the older is child 0
        ([1, 1, 1, 1], ["11", "10", "01", "00"], [[2, 1], [2, 1], [2, 0], [2, 0]]),
        # 1+1 makes 2 (node 0), which comes before the equal words; with the last of them it makes 4 (node 1), which is
        # heavier than the word 2: child 1
        ([2, 2, 1, 1], ["0", "11", "101", "100"], [[2], [2, 1], [2, 1, 0], [2, 1, 0]]),
        # 1+1 makes 2 (node 0); the word 1 is rarer: child 0; both make 3 (node 1), which comes before the equal word
        ([3, 1, 1, 1], ["1", "00", "011", "010"], [[2], [2, 1], [2, 1, 0], [2, 1, 0]]),
    ],
)
def test_ties_are_broken_as_in_word2vec_c(counts, codes, points):
    tree = huffman_tree(counts)
    assert codes_of(tree) == codes
    assert [tree.path(word)[0].tolist() for word in range(len(counts))] == points


def heap_tree(counts: list[int]) -> list[tuple[str, list[int]]]:
    """Return (code, points) of each word by Huffman's algorithm with a heap, ties broken as documented."""
    V = len(counts)
    heap: list[tuple[int, int, int, Any]] = [(count, 1, -word, word) for word, count in enumerate(counts)]
    heapq.heapify(heap)
    for node in range(V - 1):
        (first, *_, left), (second, *_, right) = heapq.heappop(heap), heapq.heappop(heap)
        heapq.heappush(heap, (first + second, 0, node, (node, left, right)))
    found: dict[int, tuple[str, list[int]]] = {}

    def walk(node: Any, code: str, points: list[int]) -> None:
        if isinstance(node, int):
            found[node] = code, points
        else:
            number, left, right = node
            walk(left, code + "0", [*points, number])
            walk(right, code + "1", [*points, number])

    walk(heap[0][-1], "", [])
    return [found[word] for word in range(V)]


@given(descending_counts)
def test_the_huffman_tree_is_that_of_a_heap_with_the_same_ties(counts: list[int]):
    tree = huffman_tree(counts)
    assert [(code_of(tree, w), tree.path(w)[0].tolist()) for w in range(len(counts))] == heap_tree(counts)


@given(descending_counts)
def test_huffman_codes_are_prefix_free_and_as_short_as_possible(counts: list[int]):
    """The total length is the sum of all merged counts, whichever way ties are broken."""
    codes, lengths = codes_of(huffman_tree(counts)), huffman_tree(counts).lengths
    assert not any(a != b and b.startswith(a) for a in codes for b in codes)
    assert len(set(codes)) == len(codes)
    assert sum(Fraction(1, 2 ** len(code)) for code in codes) == 1
    heap, total = list(counts), 0
    heapq.heapify(heap)
    while len(heap) > 1:
        merged = heapq.heappop(heap) + heapq.heappop(heap)
        total += merged
        heapq.heappush(heap, merged)
    assert sum(count * int(length) for count, length in zip(counts, lengths, strict=True)) == total
    assert (np.diff(lengths) >= 0).all() or len(set(counts)) < len(counts)  # rarer words have no shorter codes


@given(st.lists(st.integers(1, 5), min_size=2, max_size=6).map(lambda counts: sorted(counts, reverse=True)))
def test_no_other_binary_tree_has_a_smaller_total_length(counts: list[int]):
    """Every binary tree merges two of its subtrees at a time: try all the orders."""

    @functools.cache
    def least(weights: tuple[int, ...]) -> int:
        if len(weights) == 1:
            return 0
        pairs = itertools.combinations(range(len(weights)), 2)
        merged = ((weights[i] + weights[j], [w for k, w in enumerate(weights) if k not in (i, j)]) for i, j in pairs)
        return min(weight + least(tuple(sorted([weight, *others]))) for weight, others in merged)

    assert np.dot(counts, huffman_tree(counts).lengths) == least(tuple(sorted(counts)))


@given(descending_counts)
def test_the_nodes_of_a_path_lead_from_the_root_to_the_word(counts: list[int]):
    """A node has two children, and the path to either shares all nodes up to it."""
    V, tree = len(counts), huffman_tree(counts)
    assert tree.offsets[0] == 0
    assert tree.offsets[-1] == len(tree.codes) == len(tree.points)
    children: dict[tuple[int, int], set[int]] = {}
    for word in range(V):
        points, codes = tree.path(word)
        assert points.tolist() == sorted(set(points.tolist()), reverse=True)  # parents are made after children
        below = [*points[1:].tolist(), V - 1 + word][: len(points)]
        for node, code, child in zip(points.tolist(), codes.tolist(), below, strict=True):
            children.setdefault((node, code), set()).add(child)
        assert V == 1 or points[0] == V - 2
    assert children.keys() == {(node, code) for node in range(V - 1) for code in (0, 1)}
    assert all(len(reached) == 1 for reached in children.values())


@pytest.mark.parametrize("bits", [1, 2, 5, 20, 40])
def test_the_longest_code_needs_fibonacci_counts(bits: int):
    """Result 29: F_{ℓ+2} words in all give a code of ℓ bits, and fewer do not."""
    fibonacci = [1, 1]
    while len(fibonacci) < bits + 2:
        fibonacci.append(sum(fibonacci[-2:]))
    counts = [*fibonacci[:bits][::-1], 1]
    assert sum(counts) == fibonacci[bits + 1]
    assert huffman_tree(counts).lengths.max() == bits


@given(seeds, sizes)
def test_hierarchical_probabilities_are_products_of_sigmoids_that_sum_to_one(seed, size):
    rng, v_c, U = vectors(seed, *size)
    tree, Q = random_tree(rng, len(U)), U[1:]
    probabilities = hierarchical_probabilities(v_c, Q, tree)
    assert probabilities.sum() == pytest.approx(1.0, rel=1e-13)
    for word in range(len(U)):
        product = 1.0
        for node, code in zip(*tree.path(word), strict=True):
            product *= float(sigmoid((1 - 2 * int(code)) * (Q[node] @ v_c)))
        assert probabilities[word] == pytest.approx(product, rel=1e-12)
        assert hierarchical_softmax(v_c, word, Q, tree)[0] == pytest.approx(-math.log(product), rel=1e-12, abs=1e-13)


def test_hierarchical_softmax_worked_by_hand():
    """Counts 4, 2, 1, 1 give word 2 the code 001 and the nodes 2, 1, 0, here with σ = 3/4, 1/2, 1/4."""
    Q = [[-LOG3, 8.0], [0.0, 4.0], [LOG3, 16.0]]
    tree = huffman_tree([4, 2, 1, 1])
    loss, d_center, d_Q = hierarchical_softmax([1.0, 0.0], 2, Q, tree)
    assert loss == pytest.approx(-math.log(3 / 4 * 1 / 2 * 3 / 4), rel=1e-15)
    np.testing.assert_allclose(d_Q, [[1 / 4, 0], [-1 / 2, 0], [-1 / 4, 0]], rtol=1e-14, atol=1e-16)
    np.testing.assert_allclose(d_center, [-LOG3 / 2, 2.0 - 2.0 - 4.0], rtol=1e-14)
    by_hand = [1 / 4, 3 / 8, 9 / 32, 3 / 32]
    np.testing.assert_allclose(hierarchical_probabilities([1.0, 0.0], Q, tree), by_hand, rtol=1e-14)


def test_a_word_near_the_root_leaves_the_other_nodes_alone():
    _, v_c, Q = vectors(6, 3, 4)
    _, d_center, d_Q = hierarchical_softmax(v_c, 0, Q, huffman_tree([4, 2, 1, 1]))  # code 1: label 0
    np.testing.assert_array_equal(d_Q[:2], 0.0)
    np.testing.assert_allclose(d_Q[2], sigmoid(Q[2] @ v_c) * v_c, **EXACT)
    np.testing.assert_allclose(d_center, sigmoid(Q[2] @ v_c) * Q[2], **EXACT)


@given(seeds, st.tuples(st.integers(2, 9), st.integers(1, 9)), st.data())
def test_hierarchical_softmax_agrees_with_autograd_and_with_central_differences(seed, size, data):
    rng, v_c, U = vectors(seed, *size)
    tree, Q, o = random_tree(rng, len(U)), U[1:], data.draw(st.integers(0, len(U) - 1))
    found = hierarchical_softmax(v_c, o, Q, tree)
    assert_agree(found, lambda v, q: defined_hierarchical_softmax(v, q, o, tree), v_c, Q)
    assert gradient_check(lambda v, q: hierarchical_softmax(v, o, q, tree), [v_c, Q]) < MEASURED


@given(seeds, st.tuples(st.integers(2, 9), st.integers(1, 9)), st.data())
def test_the_sum_of_both_losses_agrees_with_autograd_and_with_central_differences(seed, size, data):
    rng, v_c, U = vectors(seed, *size)
    tree, Q, o = random_tree(rng, len(U)), rng.normal(size=U[1:].shape), data.draw(st.integers(0, len(U) - 1))
    noise = data.draw(st.lists(st.integers(0, len(U) - 1), max_size=5))
    found = both_losses(v_c, o, noise, Q, U, tree)

    def defined(v: Any, q: Any, u: Any) -> Any:
        return defined_hierarchical_softmax(v, q, o, tree) + defined_negative_sampling(v, u, o, noise)

    assert_agree(found, defined, v_c, Q, U)
    assert gradient_check(lambda v, q, u: both_losses(v, o, noise, q, u, tree), [v_c, Q, U]) < MEASURED


@given(seeds, st.floats(-20, 20))
def test_hierarchical_softmax_of_two_words_is_the_softmax_of_two_scores(seed: int, shift: float):
    """One node, q = u_1 - u_0, because the rarer word is child 0: σ(q·v_c) is the softmax of word 1."""
    _, v_c, U = vectors(seed, 2, 3)
    U = U + shift * v_c
    for o in (0, 1):
        loss, d_center, _ = hierarchical_softmax(v_c, o, U[1:] - U[:1], huffman_tree([5, 2]))
        expected, expected_d_center, _ = naive_softmax(v_c, o, U)
        assert loss == pytest.approx(expected, rel=1e-10, abs=1e-10)
        np.testing.assert_allclose(d_center, expected_d_center, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("size", [1e4, 1e300])
def test_hierarchical_softmax_is_exact_for_scores_of_any_size(size: float):
    Q, tree = [[size, 1.0], [-size, 2.0]], huffman_tree([5, 2, 2])  # word 2 has the code 00: right, then wrong
    loss, d_center, d_Q = hierarchical_softmax([1.0, 0.0], 2, Q, tree)
    assert loss == size
    np.testing.assert_array_equal(d_center, [size, -2.0])
    np.testing.assert_array_equal(d_Q, [[0.0, 0.0], [-1.0, 0.0]])
    np.testing.assert_array_equal(hierarchical_probabilities([1.0, 0.0], Q, tree), [1.0, 0.0, 0.0])


def test_a_vocabulary_of_one_word_predicts_it_with_certainty():
    tree, nothing = huffman_tree([7]), np.zeros((0, 2))
    loss, d_center, d_Q = hierarchical_softmax([1.0, 2.0], 0, nothing, tree)
    assert loss == 0.0
    np.testing.assert_array_equal(d_center, [0.0, 0.0])
    assert d_Q.shape == (0, 2)
    np.testing.assert_array_equal(hierarchical_probabilities([1.0, 2.0], nothing, tree), [1.0])


@given(seeds, sizes, st.data())
def test_a_window_with_hierarchical_softmax_agrees_with_autograd(seed, size, data):
    V, D = size[0] + 1, size[1]
    rng, _, centers = vectors(seed, V, D)
    tree, Q = random_tree(rng, V), rng.normal(size=(V - 1, D))
    words = st.integers(0, V - 1)
    c, outsides = data.draw(words), data.draw(st.lists(words, min_size=1, max_size=6))
    found = skip_gram(c, outsides, centers, Q, along(tree))
    assert_agree(found, lambda V, Q: sum(defined_hierarchical_softmax(V[c], Q, o, tree) for o in outsides), centers, Q)


# CBOW

combinations = st.sampled_from(get_args(Combination))


@given(seeds, sizes, st.data())
def test_context_vector_is_the_mean_or_the_sum_of_the_context(seed, size, data):
    _, _, V = vectors(seed, *size)
    context = data.draw(st.lists(st.integers(0, len(V) - 1), min_size=1, max_size=6))
    np.testing.assert_allclose(context_vector(context, V), np.mean([V[c] for c in context], axis=0), **EXACT)
    np.testing.assert_allclose(context_vector(context, V, "sum"), len(context) * context_vector(context, V), **EXACT)


def test_cbow_worked_by_hand():
    """h = (1, 0) makes the scores 0, log 2, log 3, so ŷ - y = 1/6, -4/6, 3/6; word 2 is in the context twice."""
    V, U = [[0.0, 3.0], [9.0, 9.0], [1.5, -1.5]], [[0.0, 6.0], [LOG2, 0.0], [LOG3, 12.0]]
    d_h = np.array([-4 / 6 * LOG2 + 3 / 6 * LOG3, 1.0 + 6.0])
    loss, d_V, d_U = cbow([2, 0, 2], 1, V, U)
    assert loss == pytest.approx(LOG3, rel=1e-15)
    np.testing.assert_allclose(d_V, [d_h / 3, [0, 0], 2 * d_h / 3], rtol=1e-14)
    np.testing.assert_allclose(d_U, [[1 / 6, 0], [-4 / 6, 0], [3 / 6, 0]], rtol=1e-14, atol=1e-16)
    third = np.array(V) / 3
    loss, d_V, d_U = cbow([2, 0, 2], 1, third, U, combine="sum")
    assert loss == pytest.approx(LOG3, rel=1e-15)
    np.testing.assert_allclose(d_V, [d_h, [0, 0], 2 * d_h], rtol=1e-14)
    np.testing.assert_allclose(d_U, [[1 / 6, 0], [-4 / 6, 0], [3 / 6, 0]], rtol=1e-14, atol=1e-16)


@given(seeds, sizes, st.data())
def test_a_pair_with_subwords_agrees_with_autograd_and_with_central_differences(seed, size, data):
    """The list of rows may repeat one, as a word does that has an n-gram twice."""
    rng, _, U = vectors(seed, *size)
    Z, words = rng.normal(size=(len(U) + 3, size[1])), st.integers(0, len(U) - 1)
    rows = data.draw(st.lists(st.integers(0, len(Z) - 1), min_size=1, max_size=6))
    o, noise = data.draw(words), data.draw(st.lists(words, max_size=4))
    for loss, defined in [
        (naive_softmax, lambda x, U: defined_naive_softmax(x, U, o)),
        (with_noise(noise), lambda x, U: defined_negative_sampling(x, U, o, noise)),
    ]:
        found = subword_pair(rows, o, Z, U, loss)
        assert_agree(found, lambda Z, U, defined=defined: defined(defined_context_vector(Z, rows, "mean"), U), Z, U)
        np.testing.assert_array_equal(np.delete(found[1], rows, axis=0), 0.0)
        assert gradient_check(lambda Z, U, loss=loss: subword_pair(rows, o, Z, U, loss), [Z, U]) < MEASURED


def test_a_pair_with_subwords_worked_by_hand():
    """x = (1, 0); its score with word 0 is 1, and with word 1 it is 0."""
    Z, U = np.array([[2.0, 0.0], [5.0, 5.0], [0.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    loss, d_Z, d_U = subword_pair([0, 2], 0, Z, U)
    p = math.e / (1 + math.e)
    assert loss == pytest.approx(-math.log(p), rel=1e-14)
    np.testing.assert_allclose(d_Z, [[(p - 1) / 2, (1 - p) / 2], [0, 0], [(p - 1) / 2, (1 - p) / 2]], rtol=1e-14)
    np.testing.assert_allclose(d_U, [[p - 1, 0], [1 - p, 0]], rtol=1e-14, atol=1e-16)


def test_wrong_rows_of_a_word_are_refused():
    Z, U = np.ones((4, 2)), np.ones((3, 2))
    for rows, o, message in [([], 0, "is empty"), ([4], 0, "rows holds 4"), ([0], 3, "outside holds 3")]:
        with pytest.raises(ShapeError, match=message):
            subword_pair(rows, o, Z, U)


@given(seeds, sizes, combinations, st.data())
def test_cbow_agrees_with_autograd_and_with_central_differences(seed, size, combine, data):
    """For each of the three losses. The context may repeat a word, and hold the target itself."""
    rng, _, U = vectors(seed, *size)
    V, Q, tree = rng.normal(size=U.shape), rng.normal(size=(len(U) - 1, size[1])), random_tree(rng, len(U))
    words = st.integers(0, len(U) - 1)
    context, o = data.draw(st.lists(words, min_size=1, max_size=6)), data.draw(words)
    noise = data.draw(st.lists(words, max_size=4))
    for loss, defined, outputs in [
        (naive_softmax, lambda h, U: defined_naive_softmax(h, U, o), U),
        (with_noise(noise), lambda h, U: defined_negative_sampling(h, U, o, noise), U),
        (along(tree), lambda h, Q: defined_hierarchical_softmax(h, Q, o, tree), Q),
    ]:
        if not len(outputs):
            continue  # one word: its loss is the constant 0, which autograd does not differentiate
        found = cbow(context, o, V, outputs, loss, combine)
        assert_agree(
            found,
            lambda V, outputs, defined=defined: defined(defined_context_vector(V, context, combine), outputs),
            V,
            outputs,
        )
        np.testing.assert_array_equal(np.delete(found[1], context, axis=0), 0.0)
        assert gradient_check(lambda V, U, loss=loss: cbow(context, o, V, U, loss, combine), [V, outputs]) < MEASURED


def test_cbow_with_one_word_is_skip_gram_with_that_word():
    rng, _, U = vectors(5, 7, 4)
    V = rng.normal(size=(7, 4))
    for combine in get_args(Combination):
        for found, expected in zip(cbow([2], 5, V, U, combine=combine), skip_gram(2, [5], V, U), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_one_hot_is_one_at_its_index_only():
    np.testing.assert_array_equal(one_hot(2, 4), [0.0, 0.0, 1.0, 0.0])


def test_the_network_worked_by_hand():
    """V = 3, D = 1. h = 1, z = (0, log 2, log 3), ŷ = 1/6, 2/6, 3/6; y is word 2, so e = 1/6, 2/6, -3/6."""
    loss, gradients = one_hot_network([0, 1, 0], [0, 0, 1], [[5.0, 1.0, 5.0]], [[0.0], [LOG2], [LOG3]])
    assert loss == pytest.approx(LOG2, rel=1e-15)
    e = np.array([1, 2, -3]) / 6
    np.testing.assert_allclose(gradients.z, e, rtol=1e-14)
    np.testing.assert_allclose(gradients.W_2, e[:, np.newaxis], rtol=1e-14)
    np.testing.assert_allclose(gradients.h, [LOG2 / 3 - LOG3 / 2], rtol=1e-14)
    np.testing.assert_allclose(gradients.W_1, [[0, LOG2 / 3 - LOG3 / 2, 0]], rtol=1e-14)


@given(seeds, sizes, st.booleans())
def test_the_four_claims_agree_with_autograd(seed: int, size: tuple[int, int], one_hots: bool):
    """They hold for one-hot vectors and for any x, and any y that sums to one."""
    V, D = size
    rng = np.random.default_rng(seed)
    W_1, W_2 = rng.normal(size=(D, V)), rng.normal(size=(V, D))
    x, y = rng.normal(size=V), rng.dirichlet(np.ones(V))
    if one_hots:
        x, y = one_hot(int(rng.integers(V)), V), one_hot(int(rng.integers(V)), V)
    h, identity = W_1 @ x, np.eye(V)
    loss, gradients = one_hot_network(x, y, W_1, W_2)
    assert_agree((loss, gradients.W_1, gradients.W_2), lambda W_1, W_2: defined_network(x, y, W_1, W_2), W_1, W_2)
    assert_agree((loss, gradients.z), lambda z: defined_network(z, y, identity, identity), W_2 @ h)
    assert_agree((loss, gradients.h), lambda h: defined_network(h, y, np.eye(D), W_2), h)


@given(seeds, sizes, st.data())
def test_the_network_of_one_hot_words_is_the_naive_softmax(seed, size, data):
    V, D = size
    rng, _, U = vectors(seed, V, D)
    centers = rng.normal(size=(V, D))
    c, o = data.draw(st.integers(0, V - 1)), data.draw(st.integers(0, V - 1))
    loss, gradients = one_hot_network(one_hot(c, V), one_hot(o, V), centers.T, U)
    expected, d_center, d_U = naive_softmax(centers[c], o, U)
    assert loss == pytest.approx(expected, rel=1e-13, abs=1e-14)
    np.testing.assert_allclose(gradients.h, d_center, **EXACT)
    np.testing.assert_allclose(gradients.W_2, d_U, **EXACT)
    np.testing.assert_allclose(gradients.W_1.T, skip_gram(c, [o], centers, U)[1], **EXACT)


@given(scores, st.data())
def test_cross_entropy_is_the_negative_logarithm_of_the_right_words_probability(z: list[float], data):
    o = data.draw(st.integers(0, len(z) - 1))
    loss, e = cross_entropy(z, one_hot(o, len(z)))
    assert loss >= 0  # the minus sign of the definition
    assert loss == pytest.approx(-log_softmax(z)[o], rel=1e-14)
    assert e.sum() == pytest.approx(0.0, abs=1e-14)


@pytest.mark.parametrize("size", [1e4, 1e300])
def test_the_network_is_exact_for_scores_of_any_size(size: float):
    loss, gradients = one_hot_network([1, 0], [1, 0], [[1.0, 0.0]], [[-size], [size]])
    assert loss == 2 * size  # where -log ŷ would be infinite
    np.testing.assert_array_equal(gradients.z, [-1.0, 1.0])
    np.testing.assert_array_equal(gradients.h, [2 * size])


# Inputs and results of every function

CALLS: dict[str, Callable[..., Any]] = {
    "naive_softmax": lambda v, U: naive_softmax(v, 1, U),
    "negative_sampling": lambda v, U: negative_sampling(v, 1, [0, 2, 2], U),
    "skip_gram": lambda v, U: skip_gram(0, [1, 2], U[::-1], U),
    "context_vector": lambda v, U: [context_vector([0, 2, 2], U)],
    "cbow": lambda v, U: cbow([0, 2, 2], 1, U[::-1], U),
    "hierarchical_softmax": lambda v, U: hierarchical_softmax(v, 1, U, huffman_tree([4, 2, 1, 1])),
    "both_losses": lambda v, U: both_losses(v, 1, [0, 2, 2], U, np.vstack([U, U[:1]]), huffman_tree([4, 2, 1, 1])),
    "hierarchical_probabilities": lambda v, U: [hierarchical_probabilities(v, U, huffman_tree([4, 2, 1, 1]))],
    "one_hot_network": lambda v, U: one_hot_network([0, 1, 0], [1, 0, 0], U.T, U)[1],
    "cross_entropy": lambda v, U: cross_entropy(v, [0, 1, 0]),
    "softmax": lambda v, U: [softmax(v)],
    "log_softmax": lambda v, U: [log_softmax(v)],
    "sigmoid": lambda v, U: [sigmoid(v)],
    "log_sigmoid": lambda v, U: [log_sigmoid(v)],
    "sigmoid_derivative": lambda v, U: [sigmoid_derivative(v)],
}


@pytest.mark.parametrize("name", CALLS)
def test_float32_input_gives_float64_results_and_does_not_change(name: str):
    rng = np.random.default_rng(4)
    inputs = [rng.normal(size=shape).astype(np.float32) for shape in (3, (3, 3))]
    copies = [array.copy() for array in inputs]
    results, wide = CALLS[name](*inputs), CALLS[name](*(array.astype(np.float64) for array in inputs))
    for a, b in zip(results, wide, strict=True):
        assert type(a) is float or a.dtype == np.float64
        np.testing.assert_array_equal(a, b)
    for array, copy in zip(inputs, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: naive_softmax(np.ones(2), 0, np.ones((5, 3))), r"center has shape \(2,\): give .* shape \(3\)"),
        (lambda: naive_softmax(np.ones((1, 3)), 0, np.ones((5, 3))), r"center has shape \(1, 3\)"),
        (lambda: naive_softmax(1.0, 0, np.ones((5, 1))), r"center has shape \(\)"),
        (lambda: naive_softmax(np.ones(3), 0, np.ones(3)), r"U has shape \(3,\): give .* shape \(any, any\)"),
        (lambda: naive_softmax(np.ones(3), -1, np.ones((5, 3))), "outside holds -1, .* numbers from 0 to 4"),
        (lambda: naive_softmax(np.ones(3), 5, np.ones((5, 3))), "outside holds 5, .* numbers from 0 to 4"),
        (lambda: naive_softmax(np.ones(3), True, np.ones((5, 3))), "outside holds bool values"),
        (lambda: naive_softmax(np.ones(3), [0, 1], np.ones((5, 3))), r"outside has shape \(1, 2\)"),
        (lambda: negative_sampling(np.ones(3), 0, [1, 5], np.ones((5, 3))), "negatives holds 5"),
        (lambda: negative_sampling(np.ones(3), 0, [1.5], np.ones((5, 3))), "negatives holds float64 values"),
        (lambda: negative_sampling(np.ones(3), 0, [[1]], np.ones((5, 3))), r"negatives has shape \(1, 1\)"),
        (lambda: negative_sampling(np.ones(3), 0, 1, np.ones((5, 3))), r"negatives has shape \(\)"),
        (lambda: skip_gram(5, [0], np.ones((5, 3)), np.ones((5, 3))), "center holds 5"),
        (lambda: skip_gram(0, [0, -2], np.ones((5, 3)), np.ones((5, 3))), "outsides holds -2"),
        (lambda: skip_gram(0, [0], np.ones((5, 2)), np.ones((5, 3))), r"center has shape \(2,\)"),
        (lambda: skip_gram(0, [5], np.ones((5, 3)), np.ones((5, 3))), "outsides holds 5, .* numbers from 0 to 4"),
        (lambda: cbow([0, 5], 0, np.ones((5, 3)), np.ones((5, 3))), "context holds 5, .* numbers from 0 to 4"),
        (lambda: cbow([0], 5, np.ones((5, 3)), np.ones((5, 3))), "target holds 5, .* numbers from 0 to 4"),
        (lambda: cbow([0], 4, np.ones((5, 3)), np.ones((4, 3))), "outside holds 4, .* numbers from 0 to 3"),
        (lambda: cbow([0], 0, np.ones((5, 2)), np.ones((5, 3))), r"center has shape \(2,\): give .* shape \(3\)"),
        (lambda: cbow([], 0, np.ones((5, 3)), np.ones((5, 3))), "context is empty: give at least one row number"),
        (lambda: context_vector([], np.ones((5, 3)), "sum"), "context is empty: give at least one row number"),
        (lambda: huffman_tree([]), r"counts has shape \(0,\): give the counts of one or more words"),
        (lambda: huffman_tree([[2, 1]]), r"counts has shape \(1, 2\): give the counts of one or more words"),
        (lambda: huffman_tree([2.0, 1.0]), "counts holds float64 values: give whole numbers"),
        (lambda: huffman_tree([3, 1, 2]), r"counts\[1\]=1 is less than counts\[2\]=2: sort the words by count"),
        (lambda: huffman_tree(np.array([1, 2], np.uint8)), r"counts\[0\]=1 is less than counts\[1\]=2"),
        (lambda: huffman_tree([3, 0]), "counts holds 0: give counts of at least 1"),
        (lambda: huffman_tree([2, 1]).path(2), "word holds 2, .* numbers from 0 to 1"),
        (
            lambda: hierarchical_softmax(np.ones(3), 4, np.ones((3, 3)), huffman_tree([1] * 4)),
            "outside holds 4, .* numbers from 0 to 3",
        ),
        (
            lambda: hierarchical_softmax(np.ones(3), 1, np.ones((4, 3)), huffman_tree([1] * 4)),
            r"Q has shape \(4, 3\): give an array of shape \(3, any\)",
        ),
        (
            lambda: hierarchical_probabilities(np.ones(2), np.ones((3, 3)), huffman_tree([1] * 4)),
            r"center has shape \(2,\): give .* shape \(3\)",
        ),
        (lambda: cross_entropy(np.ones(3), np.ones(1)), r"y has shape \(1,\): give .* shape \(3\)"),
        (lambda: one_hot(3, 3), "index holds 3, .* from 0 to 2"),
        (lambda: one_hot_network(one_hot(0, 3), one_hot(0, 3), np.ones((3, 2)), np.ones((3, 2))), "W_1 has"),
        (lambda: one_hot_network(one_hot(0, 3), one_hot(0, 3), np.ones((2, 3)), np.ones((2, 3))), "W_2 has"),
        (lambda: one_hot_network(one_hot(0, 3), one_hot(0, 2), np.ones((2, 3)), np.ones((3, 2))), "y has"),
        (lambda: softmax_jacobian(np.ones((2, 2))), r"scores has shape \(2, 2\)"),
    ],
)
def test_what_numpy_would_broadcast_or_wrap_is_refused(call: Callable[[], Any], message: str):
    with pytest.raises(ShapeError, match=message) as raised:
        call()
    assert isinstance(raised.value, FirthError)
    assert isinstance(raised.value, ValueError)


def test_another_combination_of_the_context_is_refused():
    with pytest.raises(OptionError, match="combine='max' is not allowed: give 'mean' or 'sum'"):
        cbow([0], 0, np.ones((2, 3)), np.ones((2, 3)), combine="max")


def test_gradient_check_of_a_right_gradient_is_near_the_best_a_central_difference_can_do():
    """The loss Σ x³ has the gradient 3x² and the error h² of Taylor's third term."""
    x = np.linspace(-1, 1, 7).reshape(7, 1)
    assert gradient_check(lambda x: ((x**3).sum(), 3 * x**2), [x]) < 1e-9


@pytest.mark.parametrize(
    ("claimed", "difference"),
    [
        (lambda x: -2 * x, 2.0),  # the sign: |g - n| / max(|g|, |n|)
        (lambda x: 2 * x[::-1], 2 / 3),  # the rows: 2 where 6 belongs, 6 where 2 belongs
        (lambda x: x, 0.5),  # the factor
        (lambda x: 2 * x + [0, 1e-3, 0], 1e-3 / 4.001),  # one entry
        (lambda x: 0 * x, 1.0),  # nothing at all
    ],
)
def test_gradient_check_returns_the_difference_of_a_wrong_gradient(claimed: Callable, difference: float):
    x = np.array([1.0, 2.0, 3.0])
    assert gradient_check(lambda x: (x @ x, claimed(x)), [x]) == pytest.approx(difference, rel=1e-5)


def test_gradient_check_finds_a_mistake_in_any_entry_of_any_parameter():
    points = [np.full((2, 2), 2.0), np.full(3, 2.0)]
    for i, point in enumerate(points):
        for entry in np.ndindex(point.shape):

            def function(*p: np.ndarray, i: int = i, entry: tuple = entry) -> tuple:
                gradients = [2 * p[0], 2 * p[1]]
                gradients[i][entry] += 0.5
                return (p[0] ** 2).sum() + (p[1] ** 2).sum(), *gradients

            assert gradient_check(function, points) == pytest.approx(0.5 / 4.5, rel=1e-6)


def test_gradient_check_is_absolute_for_small_gradients_and_relative_for_large_ones():
    def check(scale: float) -> float:
        return gradient_check(lambda x: (scale * x.sum(), np.full(1, 1.01 * scale)), [[1.0]])

    assert check(1e-3) == pytest.approx(1e-5, rel=1e-4)
    assert check(1e3) == pytest.approx(0.01 / 1.01, rel=1e-4)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_gradient_check_does_not_pass_an_infinite_or_nan_gradient(wrong: float):
    def function(x: np.ndarray) -> tuple[float, np.ndarray]:
        return x.sum(), np.array([1.0, wrong, 1.0])

    assert not gradient_check(function, [np.zeros(3)]) < 1e9


def test_gradient_check_takes_its_step_relative_to_large_parameters():
    """At 1e8 a step of 6e-6 would be lost in the rounding of x² = 1e16."""
    assert gradient_check(lambda x: (x @ x, 2 * x), [[1e8]]) < 1e-7


def test_gradient_check_takes_the_step_it_is_given():
    """Σ x³ at 0 has the gradient 0, and the central difference there is h² itself."""
    assert gradient_check(lambda x: ((x**3).sum(), 3 * x**2), [[0.0]], step=0.1) == pytest.approx(0.01)


def test_gradient_check_accepts_numbers_and_integers_and_no_parameters_at_all():
    assert gradient_check(lambda x: (x * x, 2 * x), [3]) < 1e-9
    assert gradient_check(lambda x: (x @ x, 2 * x), [[1, 2]]) < 1e-9
    assert gradient_check(lambda: (1.0,), []) == 0.0
    assert gradient_check(lambda x: (0.0, x), [np.zeros((0, 3))]) == 0.0


def test_gradient_check_moves_copies_of_the_parameters_one_at_a_time():
    """One read-only array in two places: d(x·y) is y by the first and x by the second."""
    x = np.array([1.0, 2.0])
    x.flags.writeable = False
    assert gradient_check(lambda x, y: (x @ y, y, x), [x, x]) < 1e-9


def test_gradient_check_handles_a_gradient_that_is_the_parameter_itself():
    """It moves while it is measured. It is right for x·x / 2 and wrong for x·x."""
    assert gradient_check(lambda x: (x @ x / 2, x), [[1.0, 2.0]]) < 1e-9
    assert gradient_check(lambda x: (x @ x, x), [[1.0, 2.0]]) == pytest.approx(0.5, rel=1e-6)


def test_gradient_check_divides_by_the_rounded_step():
    """At 1, which is 2.2e-16 from the next number, a step of 3e-16 is another one."""
    assert gradient_check(lambda x: (x.sum(), np.ones(1)), [[1.0]], step=3e-16) == 0.0


def test_gradient_check_refuses_gradients_that_do_not_fit_their_parameters():
    with pytest.raises(ShapeError, match="returned 1 gradient for 2 parameters"):
        gradient_check(lambda x, y: (0.0, x), [np.zeros(2), np.zeros(2)])
    with pytest.raises(ShapeError, match=r"gradient 0 has shape \(1,\): give .* shape \(2\)"):
        gradient_check(lambda x: (0.0, np.zeros(1)), [np.zeros(2)])


def test_the_examples_in_the_docstrings_are_right():
    failures, examples = doctest.testmod(objectives)
    assert (failures, examples > 0) == (0, True)
