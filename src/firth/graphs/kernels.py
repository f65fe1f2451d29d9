"""The loops over graphs: alias tables of weighted edges, and random walks (Numba).

A walk that came to v from t goes on to x with a probability proportional to (Grover and Leskovec 2016,
arXiv:1607.00653, section 3.2.2)

    pi(x | t, v) = a(t, x) w(v, x),   a = 1/p if x = t, 1 if there is an edge t -> x, and 1/q otherwise

Tables of these probabilities would need memory for every pair of neighboring edges, so x is drawn by rejection: a
candidate from w(v, .) is accepted with probability a / max a. After a number of rejections that grows with the degree,
the probabilities are summed instead. Both draws are exact, and so is one after the other.

Kernels do not check their arguments: `adjacency` and `walks` do.
"""

import numpy as np

from firth.compiling.kernel import address, helper, kernel, prefetch
from firth.text.ids import DROPPED, END
from firth.training.draws import random_bits

MOST_TRIALS = 16
"""Candidates drawn before the probabilities are summed, at a node with no more neighbors than that."""

_LOW_HALF = np.uint64(0xFFFFFFFF)
_FRACTION = 1.0 / (1 << 53)


@kernel()
def fill_alias(offsets, weights, alias, shares):
    """Fill the alias table and the shares of the edges of each node.

    offsets  (V + 1,) int64: the edges of node v are offsets[v] to offsets[v + 1] - 1
    weights  (E,) float64, positive
    alias    (E,) uint64: a threshold of 32 bits, then the place of the alias among the edges of the node
    shares   (E,) float32: the share of each edge in the weights of its node

    One sweep over the light and the heavy edges (Huebschle-Schneider and Sanders 2019, arXiv:1903.00227, section 3.2).
    """
    for v in range(len(offsets) - 1):
        first, stop = offsets[v], offsets[v + 1]
        total = 0.0
        for e in range(first, stop):
            total += weights[e]
        for e in range(first, stop):
            shares[e] = weights[e] / total
            alias[e] = _entry(1.0, e - first)
        _sweep(first, stop, total / max(1, stop - first), weights, alias)


@helper()
def _entry(probability, place):
    """Pack an entry of an alias table."""
    threshold = np.uint64(min(max(probability, 0.0) * 4294967296.0, 4294967295.0))
    return threshold << np.uint64(32) | np.uint64(place)


@helper()
def _sweep(first, stop, mean, weights, alias):
    """Give what heavy edges have above the mean to light ones, in order."""
    light = _next_edge(first, stop, mean, weights, False)
    heavy = _next_edge(first, stop, mean, weights, True)
    if heavy == stop:
        return
    left = weights[heavy]
    while True:
        if left > mean:
            if light == stop:
                return
            alias[light] = _entry(weights[light] / mean, heavy - first)
            left -= mean - weights[light]
            light = _next_edge(light + 1, stop, mean, weights, False)
        else:
            following = _next_edge(heavy + 1, stop, mean, weights, True)
            if following == stop:
                return
            alias[heavy] = _entry(left / mean, following - first)
            left += weights[following] - mean
            heavy = following


@helper()
def _next_edge(e, stop, mean, weights, is_heavy):
    """Return the first edge from e on that is heavy, or that is not."""
    while e < stop and (weights[e] > mean) != is_heavy:
        e += 1
    return e


@helper()
def _uniform(key, n):
    """Draw number n under `key`, uniform in [0, 1)."""
    return np.float64(random_bits(key, n) >> np.uint64(11)) * _FRACTION


@helper()
def _find_edge(graph, v, x):
    """Return the edge from v to x, or -1: a binary search without branches, which no processor could predict."""
    first, size = graph.offsets[v], graph.offsets[v + 1] - graph.offsets[v]
    if size == 0:
        return np.int64(-1)
    while size > 1:
        half = size >> 1
        first += half * np.int64(graph.neighbors[first + half - 1] < x)
        size -= half
    return first if graph.neighbors[first] == x else np.int64(-1)


@helper()
def _share(graph, e, degree):
    """Return the share of an edge in the weights of its node."""
    return np.float64(graph.shares[e]) if len(graph.shares) else 1.0 / degree


@helper()
def _bias(graph, steps, t, x):
    """Return a(t, x)."""
    if x == t:
        return steps.to_last
    return 1.0 if _find_edge(graph, t, x) >= 0 else steps.to_far


@helper()
def _area(graph, steps, t, v):
    """Return the area of acceptance of the step after t and v.

    It is a rectangle over all edges of v, as high as the larger of 1 and 1/q, and if 1/p is higher, a tower over the
    edge back to t, so that a small p causes no rejections.
    """
    if steps.to_last <= steps.top:
        return steps.top
    degree = graph.offsets[v + 1] - graph.offsets[v]
    if graph.is_symmetric and len(graph.shares) == 0:
        return steps.top + (steps.to_last - steps.top) / degree
    back = _find_edge(graph, v, t)
    return steps.top + (steps.to_last - steps.top) * _share(graph, back, degree) if back >= 0 else steps.top


@helper()
def _draw_from_sums(graph, steps, t, v, uniform):
    """Return the node after t and v for a number that is uniform in [0, 1), by summing the probabilities."""
    first, stop = graph.offsets[v], graph.offsets[v + 1]
    total = 0.0
    for e in range(first, stop):
        total += _share(graph, e, stop - first) * _bias(graph, steps, t, graph.neighbors[e])
    left = uniform * total
    e = first
    while e < stop - 1:
        left -= _share(graph, e, stop - first) * _bias(graph, steps, t, graph.neighbors[e])
        if left < 0:
            break
        e += 1
    return graph.neighbors[e]


@helper()
def _draw_candidates(graph, steps, walks, step, work, n_pending, key, n):
    """Draw an edge of the last node of each pending walk in proportion to the weights, and prefetch what it needs.

    Return the number of the next draw; those of a candidate are n to n + 2.
    """
    neighbors, alias = address(graph.neighbors), address(graph.alias)
    for k in range(n_pending):
        v = walks[work.pending[k], step - 1]
        first = graph.offsets[v]
        e = first + np.int64(_uniform(key, n + 3 * k) * (graph.offsets[v + 1] - first))
        work.edges[k] = e
        prefetch(neighbors + np.int64(4) * e, 0)
        if len(graph.alias):
            prefetch(alias + np.int64(8) * e, 0)
        if step > 1 and not steps.is_first_order:
            work.heights[k] = _uniform(key, n + 3 * k + 2) * work.areas[k]
            t = walks[work.pending[k], step - 2]
            prefetch(neighbors + np.int64(2) * (graph.offsets[t] + graph.offsets[t + 1]), 0)
    return n + 3 * n_pending


@helper()
def _candidate(graph, v, e, key, n):
    """Return the node that edge e of v leads to, or its alias."""
    if len(graph.alias):
        entry = graph.alias[e]
        if random_bits(key, n) & _LOW_HALF >= entry >> np.uint64(32):
            e = graph.offsets[v] + np.int64(entry & _LOW_HALF)
    return graph.neighbors[e]


@helper()
def _accept(graph, steps, t, x, height):
    """Return the next node: t, x, or -1 if x is rejected; `height` is uniform in the area of acceptance."""
    if height >= steps.top:
        return t
    if height < steps.lowest or height < _bias(graph, steps, t, x):
        return x
    return np.int32(-1)


@kernel()
def make_walks(graph, steps, starts, key, walks, lengths, work):
    """Make one walk from each start, all of them one step at a time, so that their memory accesses overlap.

    graph    `adjacency.Adjacency`
    steps    `walks.StepBias`
    starts   (n,) int32
    walks    (n, L) int32: row i becomes the nodes of walk i
    lengths  (n,) int32: becomes the number of nodes of each walk: fewer than L if it came to a node without edges
    work     `walks.StepWorkspace`, for n walks
    """
    offsets, n_draws = address(graph.offsets), np.int64(0)
    for i in range(len(starts)):
        walks[i, 0] = starts[i]
        lengths[i] = 1
        prefetch(offsets + np.int64(8) * starts[i], 0)
    for step in range(1, walks.shape[1]):
        n_pending = 0
        for i in range(len(starts)):
            v = walks[i, step - 1] if lengths[i] == step else np.int32(0)
            if lengths[i] == step and graph.offsets[v] < graph.offsets[v + 1]:
                work.pending[n_pending] = i
                if step > 1 and not steps.is_first_order:
                    work.areas[n_pending] = _area(graph, steps, walks[i, step - 2], v)
                n_pending += 1
        trials = 0
        while n_pending:
            n_first = n_draws
            n_draws = _draw_candidates(graph, steps, walks, step, work, n_pending, key, n_draws)
            trials += 1
            n_left = 0
            for k in range(n_pending):
                i = work.pending[k]
                v = walks[i, step - 1]
                x = _candidate(graph, v, work.edges[k], key, n_first + 3 * k + 1)
                if step > 1 and not steps.is_first_order:
                    t = walks[i, step - 2]
                    x = _accept(graph, steps, t, x, work.heights[k])
                    if x < 0 and trials >= max(MOST_TRIALS, graph.offsets[v + 1] - graph.offsets[v]):
                        x = _draw_from_sums(graph, steps, t, v, _uniform(key, n_draws))
                        n_draws += 1
                if x < 0:
                    work.pending[n_left] = i
                    work.areas[n_left] = work.areas[k]
                    n_left += 1
                else:
                    walks[i, step] = x
                    lengths[i] = step + 1
                    prefetch(offsets + np.int64(8) * x, 0)
            n_pending = n_left


@kernel()
def count_visits(walks, lengths, counts):
    """Add the visits of each node to `counts`, (V,) int64; return the number of nodes in all walks."""
    total = 0
    for i in range(len(lengths)):
        for step in range(lengths[i]):
            counts[walks[i, step]] += 1
        total += lengths[i]
    return total


@kernel()
def write_tokens(walks, lengths, new_ids, tokens):
    """Write each walk as the ids of its nodes that are kept and END; return the number of entries.

    new_ids  (V,) int32: the id of each node, or DROPPED; a walk without any node kept is left out
    tokens   (n * (L + 1),) int32
    """
    n = 0
    for i in range(len(lengths)):
        begin = n
        for step in range(lengths[i]):
            token = new_ids[walks[i, step]]
            if token != DROPPED:
                tokens[n] = token
                n += 1
        if n > begin:
            tokens[n] = END
            n += 1
    return n
