"""Cuts the corpus into chunks for the block schedule and assigns the words to random blocks for each chunk.

With fixed blocks, two words of one block would be trained against the same rows in the same order throughout, and with
the same noise words. Their vectors would become more similar than those of words in different blocks, as measured in
benchmarks/blocks.md. So the words are assigned to blocks at random for every chunk. A chunk has at most as many tokens
as were trained before it, because the outside vectors start at zero and the first steps have the largest effect.

Everything here is a function of the seed, the options and the size of the corpus.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.options import Options
from firth.text import BLOCK_WORDS
from firth.training import sampling

CHUNK_PAIRS = 8_000_000  # about the most pairs in a chunk; a pair takes 8 bytes, and at most two chunks are in memory
MIN_CHUNKS = 8  # of an epoch, if the corpus has as many token blocks; with fewer, analogies get worse
MIN_BLOCK_WORDS = 25  # words in a block; with fewer, too many noise words would equal the outside words

_PARTITION_KEY = 2  # keeps these random draws apart from those of pairs and noise words


class Partition(NamedTuple):
    """The vocabulary cut into P blocks."""

    block_of: NDArray[np.uint8]  # (V,): the block of each word
    words: list[NDArray[np.int32]]  # P arrays (n_b,): the words of each block, ascending
    alias: list[NDArray[np.uint64]]  # P arrays (n_b,): `sampling.alias_table` of each block


def count_row_blocks(V: int, options: Options) -> int:
    """Return P, the number of blocks for V words."""
    return max(1, min(options.blocks, V // MIN_BLOCK_WORDS))


def chunk_size(n_blocks: int, options: Options) -> int:
    """Return the most token blocks in a chunk, for a corpus of `n_blocks` token blocks."""
    pairs_per_word = options.window + 1 if options.shrink_windows else 2 * options.window
    return max(1, min(CHUNK_PAIRS // (pairs_per_word * BLOCK_WORDS), n_blocks // MIN_CHUNKS))


def cut_chunks(n_blocks: int, size: int, epoch: int) -> list[NDArray[np.intp]]:
    """Return the token blocks of each chunk of an epoch, in training order.

    A chunk holds at most `size` token blocks, and at most as many as were trained on before it in all epochs (the first
    one block). It takes them from all over the corpus, with a stride.
    """
    stride = max(1, -(-n_blocks // size))
    order = np.argsort(np.arange(n_blocks) % stride, kind="stable")
    cuts = [0]
    while cuts[-1] < n_blocks:
        trained = epoch * n_blocks + cuts[-1]
        cuts.append(cuts[-1] + min(size, max(1, trained)))
    return np.split(order, cuts[1:-1])


def draw_partition(
    counts: NDArray[np.int64], P: int, ns_exponent: float, seed: int, epoch: int, chunk: int
) -> Partition:
    """Return the partition of V words with these counts for one chunk: P blocks of V/P words, assigned at random.

    In the first chunk of a run, which is a single token block, all words are in block 0 and the other blocks are empty:
    while the outside vectors are near zero, noise words must come from the whole vocabulary. One worker trains it.
    """
    block_of = (np.arange(len(counts)) % P).astype(np.uint8)
    if epoch == chunk == 0:
        block_of[:] = 0
    else:
        np.random.default_rng((seed, epoch, chunk, _PARTITION_KEY)).shuffle(block_of)
    ends = np.cumsum(np.bincount(block_of, minlength=P))
    words = np.split(np.argsort(block_of, kind="stable").astype(np.int32), ends[:-1])
    return Partition(block_of, words, [sampling.alias_table(counts[block], ns_exponent) for block in words])
