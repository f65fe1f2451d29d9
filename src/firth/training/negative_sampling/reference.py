"""The kernels of both schedules in plain NumPy, equation by equation: for reading, debugging and tests.

`Word2Vec(...).fit(corpus, kernels="reference")` trains with these functions instead of the compiled ones. They take the
same arguments, make the same random draws and do the same steps in the same order, so results differ by rounding only.
They are about a thousand times slower. Equation numbers are those of docs/derivation.md.

To follow a step, put `breakpoint()` into `window_step` and train with workers=1 and progress=False. Steps run in
another thread, so breakpoints that are set within pdb have no effect on them. After each epoch the same functions run
with rate 0, which computes the end loss and changes no row.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from firth.objectives import sigmoid
from firth.text import END
from firth.training.draws import draw_noise, random_bits, shuffle, window_size
from firth.training.negative_sampling.block_kernels import spreading_step
from firth.training.negative_sampling.buckets import (
    GROUP,
    BlockPairs,
    Bucket,
    ChunkText,
    GroupWorkspace,
    OutsideUnits,
    Windows,
)
from firth.training.negative_sampling.window_kernels import Array, TokenBlock, Workspace
from firth.training.windows.frozen import unchanged

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


def sentences(tokens: Ids, keep: Array, key: np.uint64) -> list[Ids]:
    """Return the sentences of a block of tokens, without the words that subsampling drops."""
    draws = np.array([random_bits(key, i) >> np.uint64(32) for i in range(len(tokens))], np.uint64)
    ends = np.flatnonzero(tokens == END)
    survives = (tokens != END) & (draws <= keep[tokens])
    bounds = zip([0, *(ends + 1)], [*ends, len(tokens)], strict=True)
    return [tokens[first:stop][survives[first:stop]] for first, stop in bounds]


class WindowedBlock(Protocol):
    """A block of tokens, and what its windows depend on."""

    @property
    def tokens(self) -> Ids: ...
    @property
    def keep(self) -> Array: ...
    @property
    def key(self) -> np.uint64: ...
    @property
    def window(self) -> int: ...
    @property
    def shrink(self) -> bool: ...


def windows(block: WindowedBlock) -> list[tuple[int, Ids]]:
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
        with unchanged(block.center, block.frozen, around):
            loss += window_step(block.center, block.outside, around, o, noise, float(block.rate))
        n_pairs += len(around)
    work.loss[:] = 0
    work.loss[0] = loss
    return int(np.count_nonzero(block.tokens != END)), n_pairs


def keep_words(block: Windows, entries: Array, spans: Array, work: object) -> int:
    """Do what `block_kernels.keep_words` does."""
    found: list[int] = []
    reaches: list[int] = []
    for sentence in sentences(block.tokens, block.keep, block.key):
        for t, word in enumerate(sentence.tolist()):
            r = int(window_size(block.key, len(found), block.window, block.shrink))
            before, after = min(r, t), min(r, len(sentence) - 1 - t)
            found.append(word | int(block.block_of[word]) << 32)
            reaches.append(before | after << 16)
    entries[: len(found)], spans[: len(found)] = found, reaches
    return len(found)


def sort_positions(entries: Array, n: int, outside_block: Array, order: Array, starts: Array) -> None:
    """Do what `block_kernels.sort_positions` does."""
    P, parts = len(starts) - 1, outside_block[entries[:n] & 0xFFFFFFFF].astype(np.intp)
    starts[:] = np.append(0, np.cumsum(np.bincount(parts, minlength=P)[:P]))
    order[: starts[P]] = np.argsort(parts, kind="stable")[: starts[P]]


def count_buckets(entries: Array, spans: Array, n: int, outside_block: Array, P: int) -> NDArray[np.int32]:
    """Do what `block_kernels.count_buckets` does."""
    words, parts, counts = entries & 0xFFFFFFFF, entries >> 32, np.zeros((P + 1, P), np.int32)
    for i, span in enumerate(spans[:n].tolist()):
        around = [*range(i - (span & 0xFFFF), i), *range(i + 1, i + 1 + (span >> 16))]
        np.add.at(counts[outside_block[words[i]]], parts[around], 1)
    return counts[:P]


def make_pairs(text: ChunkText, block: int, outside: OutsideUnits, room: Array | None = None) -> BlockPairs:
    """Do what `block_kernels.make_pairs` does, in new memory."""
    words, parts = text.entries & 0xFFFFFFFF, text.entries >> 32
    before, after = ((text.spans >> shift & 0xFFFF).astype(np.int64) for shift in (0, 16))
    places = [
        (row, i) for row, starts in enumerate(text.starts) for i in text.order[row, starts[block] : starts[block + 1]]
    ]
    pairs, of_centers = [], []
    spread = [places[k * spreading_step(len(places)) % len(places)] for k in range(len(places))]
    for row, i in sorted(spread, key=lambda place: int(outside.slot_of[words[place]])):
        around = [*range(i - before[row, i], i), *range(i + 1, i + 1 + after[row, i])]
        pairs += [(words[row, j], outside.unit_of[words[row, i]]) for j in around]
        of_centers += [parts[row, j] for j in around]
    order = np.argsort(np.array(of_centers, np.intp), kind="stable")
    sizes = np.bincount(np.array(of_centers, np.intp), minlength=text.starts.shape[1] - 1)
    return BlockPairs(np.array(pairs, np.int32).reshape(-1, 2)[order], np.append(0, np.cumsum(sizes)))


def groups(pairs: Ids, key: np.uint64) -> list[Ids]:
    """Return the groups of a bucket in the order of training: at most 16 pairs of one outside word."""
    found = []
    for run in np.split(pairs, np.flatnonzero(np.diff(pairs[:, 1])) + 1):
        found += [run[start : start + GROUP] for start in range(0, len(run), GROUP)]
    order = np.arange(len(found))
    shuffle(key, order, len(found))
    return [found[number] for number in order]


def train_bucket(bucket: Bucket, work: GroupWorkspace) -> None:
    """Do what `train_bucket` of `block_kernels.compile_train_bucket` does, without its checks."""
    loss, K, drawn = 0.0, bucket.negative, np.empty(bucket.negative, np.int32)
    for number, group in enumerate(groups(bucket.pairs, bucket.key)):
        if work.halt[0]:
            break
        draw_noise(bucket.key, number * K, K, bucket.alias, drawn)
        noise, centers, o = bucket.noise_words[drawn], group[:, 0], int(group[0, 1])
        with unchanged(bucket.center, bucket.frozen, centers):
            loss += window_step(bucket.center, bucket.outside, centers, o, noise, float(bucket.rate))
    work.loss[:] = 0
    work.loss[0] = loss
