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
def _draw_edge(graph, first, degree, key, n):
    """Draw an edge of a node in proportion to the weights; uses draws n and n + 1."""
    place = np.int64(_uniform(key, n) * degree)
    if len(graph.alias) == 0:
        return first + place
    entry = graph.alias[first + place]
    if random_bits(key, n + 1) & _LOW_HALF < entry >> np.uint64(32):
        return first + place
    return first + np.int64(entry & _LOW_HALF)


@helper()
def _find_edge(graph, v, x):
    """Return the edge from v to x, or -1."""
    low, stop = graph.offsets[v], graph.offsets[v + 1]
    high = stop
    while low < high:
        middle = (low + high) >> 1
        if graph.neighbors[middle] < x:
            low = middle + 1
        else:
            high = middle
    return low if low < stop and graph.neighbors[low] == x else np.int64(-1)


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
def _next_node(graph, steps, t, v, key, n):
    """Draw the node after t and v, which has edges; return it and the number of the next draw.

    The area of acceptance is a rectangle over all edges, as high as the larger of 1 and 1/q, and if 1/p is higher, a
    tower over the edge back to t, so that a small p causes no rejections.
    """
    first = graph.offsets[v]
    degree = graph.offsets[v + 1] - first
    top = max(1.0, steps.to_far)
    tower = 0.0
    if steps.to_last > top:
        back = _find_edge(graph, v, t)
        tower = (steps.to_last - top) * _share(graph, back, degree) if back >= 0 else 0.0
    for _ in range(max(MOST_TRIALS, degree)):
        height = _uniform(key, n) * (top + tower)
        if height >= top:
            return t, n + 3
        x = graph.neighbors[_draw_edge(graph, first, degree, key, n + 1)]
        n += 3
        if height < steps.lowest or height < _bias(graph, steps, t, x):
            return x, n
    return _draw_from_sums(graph, steps, t, v, key, n)


@helper()
def _draw_from_sums(graph, steps, t, v, key, n):
    """Draw the node after t and v by summing the probabilities; return it and the number of the next draw."""
    first, stop = graph.offsets[v], graph.offsets[v + 1]
    total = 0.0
    for e in range(first, stop):
        total += _share(graph, e, stop - first) * _bias(graph, steps, t, graph.neighbors[e])
    left = _uniform(key, n) * total
    e = first
    while e < stop - 1:
        left -= _share(graph, e, stop - first) * _bias(graph, steps, t, graph.neighbors[e])
        if left < 0:
            break
        e += 1
    return graph.neighbors[e], n + 1


@kernel()
def make_walks(graph, steps, starts, key, walks, lengths):
    """Make one walk from each start, all of them one step at a time, so that their memory accesses overlap.

    graph    `adjacency.Adjacency`
    steps    `walks.StepBias`
    starts   (n,) int32
    walks    (n, L) int32: row i becomes the nodes of walk i
    lengths  (n,) int32: becomes the number of nodes of each walk: fewer than L if it came to a node without edges
    """
    n = np.int64(0)
    offsets = address(graph.offsets)
    for i in range(len(starts)):
        walks[i, 0] = starts[i]
        lengths[i] = 1
        prefetch(offsets + np.int64(8) * starts[i], 0)
    for step in range(1, walks.shape[1]):
        for i in range(len(starts)):
            v = walks[i, step - 1]
            if lengths[i] < step or graph.offsets[v] == graph.offsets[v + 1]:
                continue
            if step == 1 or steps.is_first_order:
                first = graph.offsets[v]
                x = graph.neighbors[_draw_edge(graph, first, graph.offsets[v + 1] - first, key, n)]
                n += 2
            else:
                x, n = _next_node(graph, steps, walks[i, step - 2], v, key, n)
            walks[i, step] = x
            lengths[i] = step + 1
            prefetch(offsets + np.int64(8) * x, 0)


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
