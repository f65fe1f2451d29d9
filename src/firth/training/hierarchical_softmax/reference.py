"""The kernels in plain NumPy, equation by equation: for reading, debugging and tests.

`Word2Vec(objective="hierarchical_softmax").fit(corpus, kernels="reference")` trains with these functions instead of the
compiled ones; see `firth.training.negative_sampling.reference`. Equation numbers are those of docs/derivation.md.
"""

import numpy as np
from numpy.typing import NDArray

from firth.objectives import HuffmanTree, sigmoid
from firth.text import END
from firth.training.draws import shuffle
from firth.training.hierarchical_softmax.block_kernels import SegmentBucket, SegmentWorkspace
from firth.training.hierarchical_softmax.counting import MOST_EQUAL, CenterBlock, Classes, CountedPairs
from firth.training.hierarchical_softmax.window_kernels import Array, NodeTokenBlock, PathWorkspace
from firth.training.negative_sampling.buckets import GROUP
from firth.training.negative_sampling.reference import windows
from firth.training.windows.frozen import unchanged

Ids = NDArray[np.int32]


def path_step(V: Array, Q: Array, around: Ids, path: tuple[Ids, NDArray[np.int8]], rate: float) -> float:
    """Do the step of one window: (31a), summed over its pairs, in place; return its loss (31) in nats.

    V, Q    (words, D), (nodes, D) float32: center vectors, and vectors of the nodes
    around  (M,) the centers, with repeats
    path    (L,) the nodes of the outside word's path, without repeats, and (L,) its code
    """
    nodes, code = path
    X, Y, signs = V[around], Q[nodes], (1 - 2 * code).astype(V.dtype)
    S = X @ Y.T
    G = -signs * sigmoid(-signs * S)  # sigma(S) - t
    np.add.at(V, around, -rate * (G @ Y))  # a row that occurs r times changes r times
    Q[nodes] -= rate * (G.T @ X)
    return float(np.logaddexp(0, -signs * S).sum(dtype=np.float64))


def train_block(block: NodeTokenBlock, work: PathWorkspace) -> tuple[int, int]:
    """Do what `window_kernels.train_block` does."""
    loss, n_pairs, tree = 0.0, 0, HuffmanTree(*block.tree)
    for o, around in windows(block):
        if work.halt[0]:
            break
        with unchanged(block.center, block.frozen, around):
            loss += path_step(block.center, block.nodes, around, tree.path(o), float(block.rate))
        n_pairs += len(around)
    work.loss[:] = 0
    work.loss[0] = loss
    return int(np.count_nonzero(block.tokens != END)), n_pairs


def count_pairs(center: CenterBlock, window: int, classes: Classes) -> NDArray[np.int32]:
    """Do what `counting.count_pairs` does; rows of one center may be in another order."""
    words, starts, block = center.text.entries & 0xFFFFFFFF, center.text.starts, center.number
    before, after = ((center.text.spans >> shift & 0xFFFF).astype(np.int64) for shift in (0, 16))
    pairs = np.zeros((0, 2), np.int64)
    for row, n in enumerate(starts[:, -1]):
        for i in center.text.order[row, starts[row, block] : starts[row, block + 1]]:
            k = np.arange(max(0, i - window), min(n, i + window + 1))
            met = k[((k < i) & (after[row, k] >= i - k)) | ((k > i) & (before[row, k] >= k - i))]
            found = [np.full(len(met), words[row, i]), classes.class_of[words[row, met]]]
            pairs = np.concatenate([pairs, np.stack(found, axis=1)])
    rows, numbers = np.unique(pairs, axis=0, return_counts=True)
    return np.concatenate([rows, numbers[:, None]], axis=1).astype(np.int32)


def weigh_pairs(found: Ids, rank_of: Ids, starts: NDArray[np.int64]) -> CountedPairs:
    """Do what `counting.weigh_pairs` does."""
    rows: list[tuple[int, int, int]] = []
    ends = [0]
    for rank in range(starts[-1]):
        of_rank = found[rank_of[found[:, 1]] == rank]
        left = {int(c): int(of_rank[of_rank[:, 0] == c, 2].sum()) for c in np.unique(of_rank[:, 0])}
        while left:
            rows += [(c, rank, min(number, MOST_EQUAL)) for c, number in left.items()]
            left = {c: number - MOST_EQUAL for c, number in left.items() if number > MOST_EQUAL}
        ends.append(len(rows))
    table = np.array(rows, np.int32).reshape(-1, 3)
    return CountedPairs(table[:, :2].copy(), table[:, 2].astype(np.int8), np.array(ends, np.int64)[starts])


def groups(pairs: Ids, weights: NDArray[np.int8], key: np.uint64) -> list[slice]:
    """Return the groups of a bucket in the order of training: pairs of one segment, see `block_kernels.group_end`."""
    numbers, found, start = (weights if len(weights) else np.ones(len(pairs), np.int8)), [], 0
    for end in range(1, len(pairs) + 1):
        goes_on = end < len(pairs) and pairs[end, 1] == pairs[start, 1]
        goes_on = goes_on and numbers[start : end + 1].sum() <= GROUP
        if not (goes_on and (len(weights) == 0 or pairs[end, 0] > pairs[end - 1, 0])):
            found.append(slice(start, end))
            start = end
    order = np.arange(len(found))
    shuffle(key, order, len(found))
    return [found[number] for number in order]


def train_bucket(bucket: SegmentBucket, work: SegmentWorkspace) -> None:
    """Do what `block_kernels.train_bucket` does."""
    loss, paths = 0.0, HuffmanTree(*bucket.paths)
    for group in groups(bucket.pairs, bucket.weights, bucket.key):
        if work.halt[0]:
            break
        centers, segment = bucket.pairs[group, 0], int(bucket.pairs[group.start, 1])
        around = np.repeat(centers, bucket.weights[group]) if len(bucket.weights) else centers
        with unchanged(bucket.center, bucket.frozen, around):
            loss += path_step(bucket.center, bucket.nodes, around, paths.path(segment), float(bucket.rate))
    work.loss[:] = 0
    work.loss[0] = loss
