"""Cuts the corpus into chunks for the block schedule and assigns the words to random blocks for each chunk.

With fixed blocks, two words of one block would be trained against the same rows in the same order throughout, and with
the same noise words. Their vectors would become more similar than those of words in different blocks, as measured in
benchmarks/blocks.md. So the words are assigned to blocks at random for every chunk. A chunk has at most as many tokens
as were trained before it, because the outside vectors start at zero and the first steps have the largest effect.

Everything here is a function of the seed, the options and the size of the corpus.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.options import Options
from firth.text import BLOCK_WORDS
from firth.training import sampling

BUCKET_PAIRS = 31_250  # about the most pairs in a bucket, on average: a chunk of 16 x 16 buckets has 8 million
MIN_BUCKET_PAIRS = 12_000  # with fewer, the groups of a bucket are small, and starting its task takes too long
MIN_CHUNKS = 8  # of an epoch, if the corpus has as many token blocks; with fewer, analogies get worse
MAX_CHUNK = 2**15  # token blocks of a chunk; places in its text are int32
MIN_BLOCK_WORDS = 25  # words in a block; with fewer, too many noise words would equal the outside words

_PARTITION_KEY = 2  # keeps these random draws apart from those of pairs and noise words


class Partition(NamedTuple):
    """The vocabulary cut into P blocks."""

    block_of: NDArray[np.uint16]  # (V,): the block of each word
    slot_of: NDArray[np.int32]  # (V,): the place of each word in `words` of its block
    words: list[NDArray[np.int32]]  # P arrays (n_b,): the words of each block, ascending
    alias: list[NDArray[np.uint64]]  # P arrays (n_b,): `sampling.alias_table` of each block


def count_row_blocks(V: int, n_blocks: int, options: Options) -> int:
    """Return P, the number of blocks for V words and a corpus of `n_blocks` token blocks."""
    longest = max(1, n_blocks // MIN_CHUNKS) * _pairs_of_token_block(options)
    return max(1, min(options.blocks, V // MIN_BLOCK_WORDS, math.isqrt(longest // MIN_BUCKET_PAIRS)))


def chunk_size(n_blocks: int, P: int, options: Options) -> int:
    """Return the most token blocks in a chunk, for a corpus of `n_blocks` token blocks and P blocks of words."""
    size = min(BUCKET_PAIRS * P**2 // _pairs_of_token_block(options), n_blocks // MIN_CHUNKS, MAX_CHUNK)
    return max(1, size)


def _pairs_of_token_block(options: Options) -> int:
    """Return about the most pairs that a token block has."""
    return BLOCK_WORDS * (options.window + 1 if options.shrink_windows else 2 * options.window)


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
    if epoch == chunk == 0:
        return one_block(counts, P, ns_exponent)
    block_of = (np.arange(len(counts)) % P).astype(np.uint16)
    np.random.default_rng((seed, epoch, chunk, _PARTITION_KEY)).shuffle(block_of)
    return _with_tables(block_of, counts, P, ns_exponent)


def one_block(counts: NDArray[np.int64], P: int, ns_exponent: float) -> Partition:
    """Return the partition with all words in block 0 of P."""
    return _with_tables(np.zeros(len(counts), np.uint16), counts, P, ns_exponent)


def _with_tables(block_of: NDArray[np.uint16], counts: NDArray[np.int64], P: int, ns_exponent: float) -> Partition:
    sizes = np.bincount(block_of, minlength=P)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    order = np.argsort(block_of, kind="stable")
    slot_of = np.empty(len(counts), np.int32)
    slot_of[order] = np.arange(len(counts)) - np.repeat(starts, sizes)
    words = np.split(order.astype(np.int32), starts[1:])
    return Partition(block_of, slot_of, words, [sampling.alias_table(counts[block], ns_exponent) for block in words])
