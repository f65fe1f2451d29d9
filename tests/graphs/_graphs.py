"""Graphs as matrices, and the definition of node2vec's transition probabilities."""

from collections import Counter

import numpy as np
import scipy.sparse as sp

from firth import RandomWalks


def random_matrix(seed: int, n: int, *, directed: bool, weighted: bool):
    """Return the weights w(i, j) of a random graph of n nodes, with self-loops; 0 where there is no edge."""
    rng = np.random.default_rng(seed)
    weights = (rng.random((n, n)) < 0.5) * (rng.exponential(1, (n, n)) + 0.05 if weighted else 1.0)
    return weights if directed else np.triu(weights) + np.triu(weights, 1).T


def transition(weights, p: float, q: float, t: int, v: int):
    """Return the probabilities of the node after t and v, by the definition (Grover and Leskovec 2016, 3.2.2)."""
    bias = np.where(weights[t] > 0, 1.0, 1 / q)
    bias[t] = 1 / p
    scores = bias * weights[v]
    return scores / scores.sum()


def chi_square(weights, walks: RandomWalks, p: float, q: float) -> tuple[float, int]:
    """Return the chi-square statistic of all steps but the first against the definition, and its degrees of freedom."""
    seen = Counter((t, v, x) for walk in walks for t, v, x in zip(walk, walk[1:], walk[2:], strict=False))
    statistic, freedom = 0.0, 0
    for t, v in {(t, v) for t, v, _ in seen}:
        expected = transition(weights, p, q, t, v)
        found = np.array([seen[t, v, x] for x in range(len(weights))])
        assert not found[expected == 0].any()
        possible = expected > 0
        expected = expected[possible] * found.sum()
        statistic += float(((found[possible] - expected) ** 2 / expected).sum())
        freedom += int(possible.sum()) - 1
    return statistic, freedom


def sparse(weights) -> sp.csr_array:
    return sp.csr_array(weights)
