"""The mathematics of word2vec in float64: each function is one result of docs/derivation.md.

Each of the V words has two vectors of D numbers: v as a *center* word, and u as an *outside* word. They are the rows of
two (V, D) matrices, `centers` and U. In skip-gram the center word predicts each word of its window (Mikolov et al.
2013, arXiv:1301.3781). A loss J, in nats, measures the prediction. Each loss is returned with its gradients:

    naive softmax          J = -log P(O=o | C=c),   P(O=w | C=c) = exp(u_w·v_c) / Σ_w' exp(u_w'·v_c)
      ∂J/∂v_c = Uᵀ(ŷ - y)                           ŷ_w = P(O=w | C=c),  y the one-hot of o
      ∂J/∂u_o = (P(O=o | C=c) - 1) v_c,             ∂J/∂u_w = P(O=w | C=c) v_c  for w ≠ o
      ∂J/∂U   = (ŷ - y) v_cᵀ
    negative sampling      J = -log σ(u_o·v_c) - Σ_k log σ(-u_k·v_c)
      ∂J/∂v_c = -(1 - σ(u_o·v_c)) u_o + Σ_k (1 - σ(-u_k·v_c)) u_k
      ∂J/∂u_o = -(1 - σ(u_o·v_c)) v_c,              ∂J/∂u_k = (1 - σ(-u_k·v_c)) v_c
    hierarchical softmax   J = -Σ_j log σ((1 - 2β_j) q_j·v_c)      q_j the nodes on the path of o, β_j its code
      ∂J/∂v_c = Σ_j (σ(q_j·v_c) - (1 - β_j)) q_j,   ∂J/∂q_j = (σ(q_j·v_c) - (1 - β_j)) v_c

The losses are equations (2), (4) and (3) of Mikolov et al. 2013 (arXiv:1310.4546), with the sign of a loss. The
gradients are derived in Rong 2014 (arXiv:1411.2738), Goldberg and Levy 2014 (arXiv:1402.3722) and Stanford's CS224n.

In CBOW the M words of the window predict the word in the middle. The three losses are the same, with h for v_c:

    CBOW                   h = γ Σ_i v_{c_i},   γ = 1/M for the mean of the context, γ = 1 for its sum
      ∂J/∂v_w = γ r_w ∂J/∂h                         r_w = how often w is in the context

With subwords (Bojanowski et al. 2017, arXiv:1607.04606), h is composed of the M rows Z_g of the center word:

    subwords               h = (1/M) Σ_i Z_{g_i}             g_i the word itself and its character n-grams
      ∂J/∂Z_g = (r_g/M) ∂J/∂h                       r_g = how often g is among them

The fast kernels are tested against these functions. They are plain NumPy, change nothing in place, compute in float64
for any input, and are finite for any scores up to 1e300. An array or a row number that does not fit raises
`ShapeError`, because NumPy would broadcast or wrap it silently.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth.errors import FirthError
from firth.messages import counted
from firth.options import checked, limits

Array: TypeAlias = NDArray[np.float64]
PairLoss: TypeAlias = Callable[[Array, int, Array], tuple[float, Array, Array]]
"""The loss of one pair: (v_c, o, U) -> (J, ∂J/∂v_c, ∂J/∂U). Hierarchical softmax takes Q in place of U."""

Combination: TypeAlias = Literal["mean", "sum"]
"""How CBOW makes one hidden vector of the vectors of a context."""

STEP = float(np.finfo(np.float64).eps) ** (1 / 3)
"""The step δ of a central difference. Truncating the Taylor series makes an error of about δ², rounding one of about
eps / δ; their sum is least near δ = eps^(1/3) = 6e-6, where it is about eps^(2/3) = 4e-11."""


class ShapeError(FirthError, ValueError):
    """An array has the wrong shape or unusable values, or a row number is out of range."""


# The two functions that turn scores into probabilities


def sigmoid(s: ArrayLike) -> Array:
    """Return σ(s) = 1 / (1 + exp(-s)), element by element: Result 4."""
    s = np.asarray(s, np.float64)
    small = np.exp(-np.abs(s))  # never overflows; for s < 0, σ(s) = exp(s) / (1 + exp(s))
    return np.asarray(np.where(s >= 0, 1.0, small) / (1.0 + small))


def sigmoid_derivative(s: ArrayLike) -> Array:
    """Return σ′(s) = σ(s) (1 - σ(s)), with σ(-s) for 1 - σ(s), which would round to 0 for a large s."""
    return sigmoid(s) * sigmoid(np.negative(s, dtype=np.float64))


def log_sigmoid(s: ArrayLike) -> Array:
    """Return log σ(s) = -log(1 + exp(-s)), element by element; its derivative is 1 - σ(s): (4a)."""
    return np.asarray(-np.logaddexp(0.0, np.negative(s, dtype=np.float64)))


def softmax(scores: ArrayLike) -> Array:
    """Return ŷ_i = exp(z_i) / Σ_j exp(z_j) over the last axis, which sum to one: Result 2."""
    return np.exp(log_softmax(scores))


def log_softmax(scores: ArrayLike) -> Array:
    """Return log ŷ_i = z_i - log Σ_j exp(z_j) over the last axis: (2a)."""
    z = np.asarray(scores, np.float64)
    shifted = z - z.max(axis=-1, keepdims=True)  # the same ŷ; no exp overflows
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def softmax_jacobian(scores: ArrayLike) -> Array:
    """Return ∂ŷ_i/∂z_j = ŷ_i (1[i=j] - ŷ_j), the (V, V) derivative of the softmax of (V,) scores: Result 3."""
    y_hat = softmax(_array("scores", scores, (None,)))
    return np.diag(y_hat) - np.outer(y_hat, y_hat)


# The loss of one pair: a center vector and an outside word


def naive_softmax(center: ArrayLike, outside: int, U: ArrayLike) -> tuple[float, Array, Array]:
    """Return J = -u_o·v_c + log Σ_w exp(u_w·v_c) and its gradients Uᵀ(ŷ - y) and (ŷ - y) v_cᵀ.

    Results 11 to 13; Mikolov et al. 2013 (arXiv:1310.4546), equation (2). Row o of the second gradient is
    (P(O=o | C=c) - 1) v_c, any other row w is P(O=w | C=c) v_c.

      center   (D,)     the vector v_c
      outside  int      o, the row of U of the word to predict
      U        (V, D)   all outside vectors

    Returns the loss in nats, ∂J/∂v_c of shape (D,) and ∂J/∂U of shape (V, D).
    """
    v_c, U = _vector_and_matrix(center, U)
    o = _row("outside", outside, U)
    log_y_hat = log_softmax(U @ v_c)
    e = np.exp(log_y_hat)  # ŷ, and ŷ - y after the next line
    e[o] -= 1.0
    return float(-log_y_hat[o]), U.T @ e, np.outer(e, v_c)


def negative_sampling(
    center: ArrayLike, outside: int, negatives: ArrayLike, U: ArrayLike
) -> tuple[float, Array, Array]:
    """Return J = -log σ(u_o·v_c) - Σ_k log σ(-u_k·v_c) and its gradients by v_c and by U.

    Results 16 to 18; Mikolov et al. 2013 (arXiv:1310.4546), equation (4), for noise words that are drawn already. A
    noise word drawn twice is two terms of the sum. A noise word equal to the outside word counts as both, so row o gets
    both terms: draw again to avoid that.

      center     (D,)        the vector v_c
      outside    int         o, the row of U of the word in the window
      negatives  (K,) ints   the rows of U of the noise words; K may be 0
      U          (V, D)      all outside vectors

    Returns the loss in nats, ∂J/∂v_c of shape (D,) and ∂J/∂U of shape (V, D), zero in rows neither of o nor of noise.
    """
    v_c, U = _vector_and_matrix(center, U)
    o, ks = _row("outside", outside, U), _rows("negatives", negatives, U)
    score_o, scores_k = U[o] @ v_c, U[ks] @ v_c
    loss = -log_sigmoid(score_o) - log_sigmoid(-scores_k).sum()
    d_score_o = -sigmoid(-score_o)  # -(1 - σ(u_o·v_c))
    d_scores_k = sigmoid(scores_k)  # 1 - σ(-u_k·v_c)
    d_U = np.zeros_like(U)
    d_U[o] = d_score_o * v_c
    np.add.at(d_U, ks, np.outer(d_scores_k, v_c))  # d_U[ks] += … would count a repeated word once
    return float(loss), d_score_o * U[o] + d_scores_k @ U[ks], d_U


# The loss of one window


def skip_gram(
    center: int, outsides: Sequence[int], centers: ArrayLike, U: ArrayLike, loss: PairLoss = naive_softmax
) -> tuple[float, Array, Array]:
    """Return the loss of one window, Σ_{-m ≤ j ≤ m, j ≠ 0} J(v_c, w_{t+j}, U), and its gradients by all v_w and by U.

    Result 14; Mikolov et al. 2013 (arXiv:1310.4546), equation (1), for one position t of the corpus, as a loss.
    Only row c of the first gradient is not zero. A word that is in the window twice counts twice.

      center    int             c, the row of `centers` of the word in the middle
      outsides  ints            w_{t-m} … w_{t+m} without w_t: rows of U; may be empty
      centers   (V, D)          all center vectors v_w
      U         (V, D)          all outside vectors u_w
      loss      (v_c, o, U) -> (J, ∂J/∂v_c, ∂J/∂U)

    Returns the loss in nats and its gradients by `centers` and by U, both (V, D). For hierarchical softmax, U stands
    for the (V - 1, D) matrix Q. For negative sampling, `loss` supplies the noise words: here those of the next pair.

    >>> noise = iter([[0, 3, 3], [1, 2, 3]])
    >>> def with_noise(v_c, o, U):
    ...     return negative_sampling(v_c, o, next(noise), U)
    >>> loss, d_centers, d_U = skip_gram(1, [2, 0], np.zeros((4, 2)), np.ones((4, 2)), loss=with_noise)
    >>> float(round(loss / np.log(2), 12))
    8.0
    """
    centers, U = _array("centers", centers, (None, None)), _array("U", U, (None, None))
    c, outside_rows = _row("center", center, centers), _rows("outsides", outsides, centers)
    total, d_centers, d_U = 0.0, np.zeros_like(centers), np.zeros_like(U)
    for o in outside_rows:
        pair_loss, d_center, d_outside = loss(centers[c], int(o), U)
        total += pair_loss
        d_centers[c] += d_center
        d_U += d_outside
    return total, d_centers, d_U


def matrix_sampling(X: ArrayLike, Y: ArrayLike, T: ArrayLike) -> tuple[float, Array, Array]:
    """Return the sigmoid losses of all pairs of a row of X and a row of Y, and their gradients G Y and Gᵀ X.

    Result 27, equations (27) and (27a): S = X Yᵀ, G = σ(S) - T, and the loss Σ_ij log(1 + exp((1 - 2 T_ij) S_ij)). With
    T_ij = 1[j=0] it is the sum of `negative_sampling` over the rows of X, with one list of noise words for all.

      X  (M, D)    the center vectors of the words of a window
      Y  (K+1, D)  the outside vector of the predicted word, then those of the noise words
      T  (M, K+1)  labels: 1 if the pair is from the text, 0 if it is noise

    Returns the loss in nats, its gradient by X and its gradient by Y.
    """
    X = _array("X", X, (None, None))
    Y = _array("Y", Y, (None, X.shape[1]))
    T = _array("T", T, (len(X), len(Y)))
    S = X @ Y.T
    G = sigmoid(S) - T
    return float(np.logaddexp(0.0, (1.0 - 2.0 * T) * S).sum()), G @ Y, G.T @ X


# The loss of a corpus


def corpus_softmax(
    counts: ArrayLike, centers: ArrayLike, U: ArrayLike, intercept: ArrayLike | None = None
) -> tuple[float, Array, Array]:
    """Return the naive softmax loss of all pairs of a corpus, from their counts, and its gradients.

    Results 21, 22 and 25: the sum of `naive_softmax` over all pairs, with one softmax for each center word. With
    ŷ_c = softmax(U v_c + b), the gradients are Uᵀ (N_c ŷ_c - n_c) and Σ_c (N_c ŷ_c - n_c) v_cᵀ.

      counts     (V, V)   n(c, o), the number of pairs of center c and outside word o; row c is n_c, its sum N_c
      centers    (V, D)   all center vectors v_c
      U          (V, D)   all outside vectors u_w
      intercept  (V,)     b, fixed numbers that are added to the scores of all centers; None for zeros

    Returns the loss in nats, and its gradients by `centers` and by U, both (V, D).
    """
    U = _array("U", U, (None, None))
    centers = _array("centers", centers, U.shape)
    n = _array("counts", counts, (len(U), len(U)))
    b = _array("intercept", np.zeros(len(U)) if intercept is None else intercept, (len(U),))
    log_y_hat = log_softmax(centers @ U.T + b)
    E = n.sum(axis=1, keepdims=True) * np.exp(log_y_hat) - n
    return float(-(n * log_y_hat).sum()), E @ U, E.T @ centers


# Hierarchical softmax: a word is a leaf of a binary tree, reached by a decision at each inner node


class HuffmanTree(NamedTuple):
    """The path from the root to each word: word w has the entries from offsets[w] to offsets[w + 1]."""

    offsets: NDArray[np.int64]
    """(V + 1,): where the entries of each word start, and where the last ones end."""
    codes: NDArray[np.int8]
    """The code of each word: at each inner node from the root, the child that leads to the word, 0 or 1."""
    points: NDArray[np.int32]
    """The inner nodes of each path, root first: rows of Q, from 0, the node made first, to V - 2, the root."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """The number of bits of each word's code, (V,)."""
        return np.diff(self.offsets)

    def path(self, word: int) -> tuple[NDArray[np.int32], NDArray[np.int8]]:
        """Return the inner nodes from the root to a word, and the child taken at each: views, both (length,)."""
        w = _row("word", word, self.offsets[:-1])
        entries = slice(self.offsets[w], self.offsets[w + 1])
        return self.points[entries], self.codes[entries]


def huffman_tree(counts: ArrayLike) -> HuffmanTree:
    """Return the Huffman tree of a vocabulary: the codes and points that word2vec.c computes, ties included.

    Result 28; Huffman 1952. The two rarest nodes get a common parent until one node is left, the root. The rarer of the
    two is child 0, the other child 1. Among nodes of equal count, inner nodes come first, the older before the newer,
    and then words, the last of the vocabulary first. The label of word2vec.c at a node is 1 - code.

      counts  (V,) ints, at least 1, in descending order; V at least 1

    A single word has an empty code. Raises `ShapeError` for other counts.

    >>> tree = huffman_tree([4, 2, 1, 1])
    >>> [tree.path(word)[1].tolist() for word in range(4)]
    [[1], [0, 1], [0, 0, 1], [0, 0, 0]]
    >>> tree.path(3)[0].tolist()
    [2, 1, 0]
    """
    weights = _counts_in_descending_order(counts)
    parents, bits = (np.array(column) for column in _merge_rarest_first(weights))
    lengths = np.zeros(len(weights), np.int64)
    for words, _ in _climb(parents, len(weights)):
        lengths[words] += 1
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    tree = HuffmanTree(offsets, np.empty(offsets[-1], np.int8), np.empty(offsets[-1], np.int32))
    for depth, (words, nodes) in enumerate(_climb(parents, len(weights)), start=1):
        entries = offsets[words + 1] - depth  # from the leaf, the end of the path, to the root
        tree.codes[entries] = bits[nodes]
        tree.points[entries] = parents[nodes] - len(weights)
    return tree


def _merge_rarest_first(counts: list[int]) -> tuple[list[int], list[int]]:
    """Return the parent and the bit of each node: the V words, then the inner nodes in the order they are made.

    Counts ascend from the last word to the first, and from the oldest inner node to the newest (Result 28), so the
    rarest node is always the last word or the oldest inner node that has no parent yet.
    """
    V = len(counts)
    weights, parents, bits = list(counts), [0] * (2 * V - 1), [0] * (2 * V - 1)
    word, inner = V - 1, V
    for new in range(V, 2 * V - 1):
        weights.append(0)
        for bit in (0, 1):
            if word >= 0 and (inner == new or weights[word] < weights[inner]):
                child, word = word, word - 1
            else:
                child, inner = inner, inner + 1
            parents[child], bits[child] = new, bit
            weights[new] += weights[child]
    return parents, bits


def _climb(parents: NDArray[np.int64], V: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield, for each step from the leaves, the words below the root and the node that each has reached."""
    words = nodes = np.arange(V)
    while (below := nodes != 2 * V - 2).any():
        words, nodes = words[below], nodes[below]
        yield words, nodes
        nodes = parents[nodes]


def hierarchical_softmax(
    center: ArrayLike, outside: int, Q: ArrayLike, tree: HuffmanTree
) -> tuple[float, Array, Array]:
    """Return J = -Σ_j log σ((1 - 2β_j) q_j·v_c) over the path of a word, and its gradients by v_c and by Q.

    Result 31; Morin and Bengio 2005, Mikolov et al. 2013 (arXiv:1310.4546), equation (3), Rong 2014 (arXiv:1411.2738),
    section 3.1. With the labels y_j = 1 - β_j, the gradients are Σ_j (σ(q_j·v_c) - y_j) q_j and, for a node on the
    path, (σ(q_j·v_c) - y_j) v_c.

      center   (D,)          the vector v_c; for CBOW the `context_vector`
      outside  int           o, the word to predict, from 0 to V - 1
      Q        (V - 1, D)    the vectors of all inner nodes
      tree     the `huffman_tree` of the V words

    Returns the loss in nats, ∂J/∂v_c of shape (D,) and ∂J/∂Q of shape (V - 1, D), zero in rows off the path.
    """
    v_c, Q = _vector_and_nodes(center, Q, tree)
    nodes, codes = tree.path(_row("outside", outside, tree.offsets[:-1]))
    signs = 1.0 - 2.0 * codes
    towards = signs * (Q[nodes] @ v_c)  # the scores of the children that were taken
    d_scores = -signs * sigmoid(-towards)  # σ(q_j·v_c) - y_j
    d_Q = np.zeros_like(Q)
    d_Q[nodes] = np.outer(d_scores, v_c)  # no node is on a path twice
    return float(-log_sigmoid(towards).sum()), d_scores @ Q[nodes], d_Q


def both_losses(
    center: ArrayLike, outside: int, negatives: ArrayLike, Q: ArrayLike, U: ArrayLike, tree: HuffmanTree
) -> tuple[float, Array, Array, Array]:
    """Return the sum of the losses of hierarchical softmax and negative sampling, and its gradients by v_c, Q and U.

    Result 49; word2vec.c and gensim train it with `hs=1` and `negative` above 0. The parameters are those of
    `hierarchical_softmax` and `negative_sampling`.

    Returns the loss in nats, ∂J/∂v_c of shape (D,), ∂J/∂Q of shape (V - 1, D) and ∂J/∂U of shape (V, D).
    """
    along, d_center_along, d_Q = hierarchical_softmax(center, outside, Q, tree)
    noisy, d_center_noisy, d_U = negative_sampling(center, outside, negatives, U)
    return along + noisy, d_center_along + d_center_noisy, d_Q, d_U


def hierarchical_probabilities(center: ArrayLike, Q: ArrayLike, tree: HuffmanTree) -> Array:
    """Return P(O=w | C=c) = Π_j σ((1 - 2β_j) q_j·v_c) of every word w; these sum to one: Result 30.

    Morin and Bengio 2005. The parameters are those of `hierarchical_softmax`. Returns (V,).
    """
    v_c, Q = _vector_and_nodes(center, Q, tree)
    words = np.repeat(np.arange(len(tree.lengths)), tree.lengths)
    towards = (1.0 - 2.0 * tree.codes) * (Q @ v_c)[tree.points]
    return np.exp(np.bincount(words, log_sigmoid(towards), len(tree.lengths)))


# CBOW: the words around a position predict the word in its middle


def context_vector(context: ArrayLike, centers: ArrayLike, combine: Combination = "mean") -> Array:
    """Return the hidden vector of CBOW, h = (1/M) Σ_i v_{c_i} for the mean and h = Σ_i v_{c_i} for the sum.

    Result 33; Mikolov et al. 2013 (arXiv:1301.3781), section 3.1, and Rong 2014 (arXiv:1411.2738), section 1.2.

      context  (M,) ints        c_1 … c_M, rows of `centers`, at least one; a word that is there twice counts twice
      centers  (V, D)           all input vectors v_w
      combine  "mean" or "sum"

    Returns (D,). Raises `ShapeError` for an empty context, and `OptionError` for another `combine`.
    """
    centers = _array("centers", centers, (None, None))
    rows = _rows("context", context, centers)
    return np.asarray(_share_of_a_word(rows, combine) * centers[rows].sum(axis=0))


def cbow(
    context: ArrayLike,
    target: int,
    centers: ArrayLike,
    U: ArrayLike,
    loss: PairLoss = naive_softmax,
    combine: Combination = "mean",
) -> tuple[float, Array, Array]:
    """Return the loss of one position under CBOW, J(h, o, U) with h the `context_vector`, and both its gradients.

    Result 34; Rong 2014 (arXiv:1411.2738), section 1.2. The gradient by the vector v_w of a word that is in the context
    r_w times is γ r_w ∂J/∂h, with γ = 1/M for the mean and γ = 1 for the sum. It is zero for any other word.

      context  (M,) ints        c_1 … c_M, rows of `centers`, at least one
      target   int              o, the word in the middle, which the context predicts
      centers  (V, D)           all input vectors v_w
      U        (V, D)           all output vectors u_w
      loss     (h, o, U) -> (J, ∂J/∂h, ∂J/∂U), as for `skip_gram`
      combine  "mean" or "sum"

    Returns the loss in nats and its gradients by `centers` and by U, each of the shape of its matrix. Raises what
    `context_vector` raises. For hierarchical softmax, U stands for the (V - 1, D) matrix Q:

    >>> tree = huffman_tree([5, 3, 3, 1])
    >>> def along_the_path(h, o, Q):
    ...     return hierarchical_softmax(h, o, Q, tree)
    >>> loss, d_centers, d_Q = cbow([0, 3], 1, np.ones((4, 2)), np.zeros((3, 2)), loss=along_the_path)
    >>> float(round(loss / np.log(2), 12))
    2.0
    """
    centers, U = _array("centers", centers, (None, None)), _array("U", U, (None, None))
    rows = _rows("context", context, centers)
    target_loss, d_h, d_U = loss(context_vector(rows, centers, combine), _row("target", target, centers), U)
    d_centers = np.zeros_like(centers)  # d_centers[rows] += … would count a repeated word once
    np.add.at(d_centers, rows, _share_of_a_word(rows, combine) * d_h)
    return target_loss, d_centers, d_U


def _share_of_a_word(rows: NDArray[np.intp], combine: Combination) -> float:
    """Return γ, the factor of each vector of a context: 1/M for the mean, 1 for the sum."""
    checked("combine", combine, str, limits("how the vectors of a context are combined", choices=("mean", "sum")))
    if not rows.size:
        raise ShapeError("context is empty: give at least one row number")
    return 1.0 / rows.size if combine == "mean" else 1.0


def subword_pair(
    rows: ArrayLike, outside: int, Z: ArrayLike, U: ArrayLike, loss: PairLoss = naive_softmax
) -> tuple[float, Array, Array]:
    """Return the loss of a pair with subwords, J(h, o, U) with h = (1/M) Σ_i Z_{g_i}, and its gradients by Z and U.

    Results 37 and 38; Bojanowski et al. 2017 (arXiv:1607.04606), section 3.2. The gradient by a row of Z that is in the
    list r_g times is (r_g/M) ∂J/∂h. Any other row of ∂J/∂Z is zero.

      rows     (M,) ints      g_1 … g_M, rows of Z: the center word's own and those of its n-grams; at least one
      outside  int            o, a word
      Z        (any, D)       V rows of words, then those of n-grams
      U        (V, D)         all outside vectors; for hierarchical softmax the (V - 1, D) matrix Q
      loss     (h, o, U) -> (J, ∂J/∂h, ∂J/∂U), as for `skip_gram`

    Returns the loss in nats, its gradient by Z and its gradient by U, each of the shape of its matrix. Raises
    `ShapeError` for an empty list, rows that do not exist, or shapes that do not match.
    """
    Z, U = _array("Z", Z, (None, None)), _array("U", U, (None, None))
    found = _rows("rows", rows, Z)
    pair_loss, d_h, d_U = loss(context_vector(found, Z), outside, U)
    d_Z = np.zeros_like(Z)
    np.add.at(d_Z, found, d_h / found.size)
    return pair_loss, d_Z, d_U


# The same as a network: one-hot x -> h = W_1 x -> z = W_2 h -> ŷ = softmax(z)


class NetworkGradients(NamedTuple):
    """The four gradients of the one-hot network, each by the variable that it is named after."""

    z: Array
    W_2: Array
    h: Array
    W_1: Array


def one_hot(index: int, V: int) -> Array:
    """Return the (V,) vector that is 1 at `index` and 0 elsewhere."""
    x = np.zeros(V)
    x[_row("index", index, x)] = 1.0
    return x


def cross_entropy(z: ArrayLike, y: ArrayLike) -> tuple[float, Array]:
    """Return L = -Σ_i y_i log ŷ_i with ŷ = softmax(z), and its gradient ∂L/∂z = e = ŷ - y: Results 5 and 7.

    `z` and `y` are (V,); the entries of `y` must sum to one. The loss, in nats, is computed from the scores, because
    small entries of ŷ may round to 0.
    """
    z = _array("z", z, (None,))
    y = _array("y", y, z.shape)
    log_y_hat = log_softmax(z)
    return float(-(y @ log_y_hat)), np.exp(log_y_hat) - y


def one_hot_network(x: ArrayLike, y: ArrayLike, W_1: ArrayLike, W_2: ArrayLike) -> tuple[float, NetworkGradients]:
    """Return the cross entropy of y and ŷ = softmax(W_2 W_1 x), and the four gradients of back-propagation.

    Results 7 to 10; Rong 2014 (arXiv:1411.2738), section 1.1. For one-hot x and y this is `naive_softmax`, with v_c
    for W_1 x and U for W_2.

        ∂L/∂z = e = ŷ - y      ∂L/∂W_2 = e hᵀ      ∂L/∂h = W_2ᵀ e      ∂L/∂W_1 = W_2ᵀ e xᵀ

      x, y  (V,)      the center word and the outside word
      W_1   (D, V)    its columns are the center vectors
      W_2   (V, D)    its rows are the outside vectors

    Returns the loss in nats and the `NetworkGradients`, each of the shape of its variable.
    """
    x = _array("x", x, (None,))
    W_1 = _array("W_1", W_1, (None, x.size))
    W_2 = _array("W_2", W_2, (x.size, W_1.shape[0]))
    h = W_1 @ x
    loss, e = cross_entropy(W_2 @ h, y)
    d_h = W_2.T @ e
    return loss, NetworkGradients(z=e, W_2=np.outer(e, h), h=d_h, W_1=np.outer(d_h, x))


# The gradient check


def gradient_check(
    function: Callable[..., tuple[Any, ...]], parameters: Sequence[ArrayLike], step: float = STEP
) -> float:
    """Return the largest difference between the gradients of a function and central differences.

    For each entry θ_i of each parameter, a central difference is (J(θ_i + δ) - J(θ_i - δ)) / 2δ with
    δ = step · max(1, |θ_i|). Its distance from the function's gradient is divided by the larger of the two in absolute
    value, or by 1 if both are smaller, because rounding dominates small derivatives. With losses and vectors of
    moderate size, a correct gradient gives 1e-11 to 1e-9.

      function    (*parameters) -> (loss, *gradients), one gradient for each parameter
      parameters  arrays of any shape; the function receives float64 copies of them
      step        `STEP` = eps^(1/3), which balances the two errors of a central difference

    Returns NaN if any difference is NaN, so that no comparison passes. Raises `ShapeError` if the number of gradients,
    or a gradient's shape, does not match the parameters.
    """
    pairs = gradient_pairs(function, parameters, step)
    differences = [_difference(claimed, measured) for claimed, measured in pairs]
    return float(np.concatenate([np.zeros(0), *differences]).max(initial=0.0))


def gradient_pairs(
    function: Callable[..., tuple[Any, ...]], parameters: Sequence[ArrayLike], step: float = STEP
) -> list[tuple[Array, Array]]:
    """Return the gradient by each parameter, and the same by central differences, in the shape of the parameter.

    Arguments and errors are those of `gradient_check`.
    """
    points = [np.array(parameter, np.float64) for parameter in parameters]
    _, *gradients = function(*points)
    if len(gradients) != len(points):
        raise ShapeError(
            f"the function returned {counted(len(gradients), 'gradient')} for {counted(len(points), 'parameter')}: "
            "return one for each"
        )
    return [
        (_array(f"gradient {i}", gradient, point.shape), _central_differences(function, points, point, step))
        for i, (point, gradient) in enumerate(zip(points, gradients, strict=True))
    ]


def _central_differences(function: Callable[..., Any], points: list[Array], point: Array, step: float) -> Array:
    """Return the measured gradient by `point`, one of `points`, which is changed and restored."""
    measured = np.empty_like(point)
    for i in np.ndindex(point.shape):
        here = point[i]
        delta = step * max(1.0, abs(float(here)))
        losses = []
        for moved in (here + delta, here - delta):
            point[i] = moved
            losses.append(float(function(*points)[0]))
        point[i] = here
        measured[i] = (losses[0] - losses[1]) / ((here + delta) - (here - delta))  # 2 delta, rounded
    return measured


def _difference(claimed: Array, measured: Array) -> Array:
    scale = np.maximum(1.0, np.maximum(np.abs(claimed), np.abs(measured)))
    with np.errstate(invalid="ignore"):  # inf - inf is NaN, as documented
        return np.ravel(np.abs(claimed - measured) / scale)


# Checks of what NumPy would broadcast, wrap or truncate silently


def _array(name: str, value: ArrayLike, shape: tuple[int | None, ...]) -> Array:
    """Return `value` in float64; raise `ShapeError` unless it has this shape, where None is any length."""
    array = np.asarray(value, np.float64)
    fits = [wanted in (None, length) for wanted, length in zip(shape, array.shape, strict=False)]
    if array.ndim != len(shape) or not all(fits):
        wanted = ", ".join("any" if length is None else str(length) for length in shape)
        raise ShapeError(f"{name} has shape {array.shape}: give an array of shape ({wanted})")
    return array


def _vector_and_matrix(center: ArrayLike, U: ArrayLike) -> tuple[Array, Array]:
    U = _array("U", U, (None, None))
    return _array("center", center, (U.shape[1],)), U


def _vector_and_nodes(center: ArrayLike, Q: ArrayLike, tree: HuffmanTree) -> tuple[Array, Array]:
    Q = _array("Q", Q, (len(tree.offsets) - 2, None))
    return _array("center", center, (Q.shape[1],)), Q


def _counts_in_descending_order(counts: ArrayLike) -> list[int]:
    numbers = np.asarray(counts)
    if numbers.ndim != 1 or not numbers.size:
        raise ShapeError(f"counts has shape {numbers.shape}: give the counts of one or more words")
    if numbers.dtype.kind not in "iu":
        raise ShapeError(f"counts holds {numbers.dtype} values: give whole numbers")
    (rises,) = np.nonzero(numbers[1:] > numbers[:-1])
    if rises.size:
        w = int(rises[0])
        found = f"counts[{w}]={numbers[w]} is less than counts[{w + 1}]={numbers[w + 1]}"
        raise ShapeError(f"{found}: sort the words by count, in descending order")
    if numbers[-1] < 1:  # counts of 0 would make codes of up to V - 1 bits
        raise ShapeError(f"counts holds {numbers[-1]}: give counts of at least 1")
    descending: list[int] = numbers.tolist()
    return descending


def _rows(name: str, numbers: ArrayLike, matrix: NDArray[Any]) -> NDArray[np.intp]:
    """Return `numbers`; raise `ShapeError` unless they are integers from 0 to the last row of `matrix`."""
    rows, count = np.asarray(numbers), len(matrix)
    if rows.ndim != 1:
        raise ShapeError(f"{name} has shape {rows.shape}: give a one-dimensional list of row numbers")
    if rows.size and rows.dtype.kind not in "iu":
        raise ShapeError(f"{name} holds {rows.dtype} values: give whole row numbers")
    wrong = rows[(rows < 0) | (rows >= count)]
    if wrong.size:
        raise ShapeError(f"{name} holds {wrong[0]}, which is not a row: give numbers from 0 to {count - 1}")
    return rows.astype(np.intp)


def _row(name: str, number: int, matrix: NDArray[Any]) -> int:
    return int(_rows(name, [number], matrix)[0])
