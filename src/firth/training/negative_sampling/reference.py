"""The kernels of both schedules in plain NumPy, equation by equation: for reading, debugging and tests.

`Word2Vec(...).fit(corpus, kernels="reference")` trains with these functions instead of the compiled ones. They take the
same arguments, make the same random draws and do the same steps in the same order, so results differ by rounding only.
They are about a thousand times slower. Equation numbers are those of docs/derivation.md.

To follow a step, put `breakpoint()` into `group_step` (for Hogwild, `window_step`) and train with workers=1 and
progress=False. Steps run in another thread, so breakpoints that are set within pdb have no effect on them. After each
epoch the same functions run with rate 0, which computes the end loss and changes no row.
"""

import numpy as np
from numpy.typing import NDArray

from firth.objectives import sigmoid
from firth.text import END
from firth.training.draws import draw_noise, random_bits, window_size
from firth.training.negative_sampling.block_kernels import GROUP, BlockPairs, Bucket, GroupWorkspace, Windows
from firth.training.negative_sampling.window_kernels import Array, TokenBlock, Workspace

Ids = NDArray[np.int32]


def window_step(V: Array, U: Array, around: Ids, o: int, noise: Ids, rate: float) -> float:
    """Do the step of one window, (27) and (27a), in place; return its loss in nats (Ji et al. 2016, section 3).

    V, U    (words, D) float32: center and outside vectors
    around  (M,) the centers, with repeats; o: their outside word
    noise   (K,) noise words, with repeats; those equal to o are left out (Result 18)
    """
    outputs = np.append(o, noise[noise != o])
    X, Y = V[around], U[outputs]
    T = (np.arange(len(outputs)) == 0).astype(X.dtype)
    S = X @ Y.T
    G = sigmoid(S) - T
    np.add.at(V, around, -rate * (G @ Y))  # a row that occurs r times changes r times
    np.add.at(U, outputs, -rate * (G.T @ X))
    return float(np.logaddexp(0, (1 - 2 * T) * S).sum(dtype=np.float64))


def group_step(V: Array, U: Array, pairs: Ids, noise: Ids, rate: float) -> float:
    """Do the step of one group of pairs that share noise words, in place; return its loss (16) in nats.

    The gradients (17), (17a) of the pairs are summed.

    V, U   as in `window_step`
    pairs  (n, 2): center c and outside word o of each pair
    noise  (K,) noise words, with repeats; for a pair, those equal to its o are left out
    """
    c, o = pairs[:, 0], pairs[:, 1]
    X, positives, Y = V[c], U[o], U[noise]
    s_o = np.sum(X * positives, axis=1, keepdims=True)
    S, W = X @ Y.T, (noise != o[:, None]).astype(X.dtype)
    g_o, G = sigmoid(s_o) - 1, W * sigmoid(S)
    np.add.at(V, c, -rate * (g_o * positives + G @ Y))
    np.add.at(U, o, -rate * (g_o * X))
    np.add.at(U, noise, -rate * (G.T @ X))
    return float(np.logaddexp(0, -s_o).sum(dtype=np.float64) + (W * np.logaddexp(0, S)).sum(dtype=np.float64))


def sentences(tokens: Ids, keep: Array, key: np.uint64) -> list[Ids]:
    """Return the sentences of a block of tokens, without the words that subsampling drops."""
    draws = np.array([random_bits(key, i) >> np.uint64(32) for i in range(len(tokens))], np.uint64)
    ends = np.flatnonzero(tokens == END)
    survives = (tokens != END) & (draws <= keep[tokens])
    bounds = zip([0, *(ends + 1)], [*ends, len(tokens)], strict=True)
    return [tokens[first:stop][survives[first:stop]] for first, stop in bounds]


def windows(block: TokenBlock | Windows) -> list[tuple[int, Ids]]:
    """Return each word of a block of tokens that survives subsampling, and the words of its window (26)."""
    found: list[tuple[int, Ids]] = []
    for sentence in sentences(block.tokens, block.keep, block.key):
        for t, word in enumerate(sentence.tolist()):
            r = int(window_size(block.key, len(found), block.window, block.shrink))
            found.append((word, np.concatenate([sentence[max(0, t - r) : t], sentence[t + 1 : t + r + 1]])))
    return found


def train_block(block: TokenBlock, work: Workspace) -> tuple[int, int]:
    """Do what `window_kernels.train_block` does."""
    loss, n_pairs, noise = 0.0, 0, np.empty(block.K, np.int32)
    for position, (o, around) in enumerate(windows(block)):
        if work.halt[0]:
            break
        draw_noise(block.key, position * block.K, block.K, block.alias, noise)
        loss += window_step(block.center, block.outside, around, o, noise, float(block.rate))
        n_pairs += len(around)
    work.loss[:] = 0
    work.loss[0] = loss
    return int(np.count_nonzero(block.tokens != END)), n_pairs


def make_pairs(block: Windows, work: object) -> BlockPairs:
    """Do what `block_kernels.make_pairs` does."""
    pairs = [(center, o) for o, around in windows(block) for center in around.tolist()]
    centers, outsides = np.array(pairs, np.int32).reshape(-1, 2).T
    bucket = block.block_of[centers].astype(np.int64) * block.P + block.block_of[outsides]
    order = np.argsort(bucket, kind="stable")
    starts = np.append(0, np.cumsum(np.bincount(bucket, minlength=block.P**2)))
    return BlockPairs(np.stack([centers, outsides], axis=1)[order], starts)


def train_bucket(bucket: Bucket, work: GroupWorkspace) -> None:
    """Do what `train_bucket` of `block_kernels.compile_train_bucket` does, without its checks."""
    loss, K, drawn = 0.0, bucket.negative, np.empty(bucket.negative, np.int32)
    for number, start in enumerate(range(0, len(bucket.pairs), GROUP)):
        if work.halt[0]:
            break
        draw_noise(bucket.key, number * K, K, bucket.alias, drawn)
        group = bucket.pairs[start : start + GROUP]
        noise = bucket.noise_words[drawn]
        loss += group_step(bucket.center, bucket.outside, group, noise, float(bucket.rate))
    work.loss[:] = 0
    work.loss[0] = loss
