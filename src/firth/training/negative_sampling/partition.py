"""Cuts the corpus into chunks for the block schedule and assigns the words to random blocks for each chunk.

With fixed blocks, two words of one block would be trained against the same rows in the same order throughout, and with
the same noise words. Their vectors would become more similar than those of words in different blocks, as measured in
benchmarks/blocks.md. So the words are assigned to blocks at random for every chunk. A chunk has at most as many tokens
as were trained before it, because the outside vectors start at zero and the first steps have the largest effect.

Everything here is a function of the seed, the options and the size of the corpus.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.options import Options
from firth.text import BLOCK_WORDS, TokenStore
from firth.text.pair_table import BLOCK_PAIRS
from firth.training import sampling

BUCKET_PAIRS = 44_000  # most pairs in a bucket before subsampling, on average; of English text 31,000 are left
MIN_BUCKET_PAIRS = 12_000  # with fewer, the groups of a bucket are small, and starting its task takes too long
MIN_CHUNKS = 8  # of an epoch, if the corpus has as many token blocks; with fewer, analogies get worse
MIN_PATH_CHUNKS = 32  # likewise for hierarchical softmax; with 8, analogies are two points lower
MAX_CHUNK = 2**15  # token blocks of a chunk; places in its text are int32
MIN_BLOCK_WORDS = 25  # words in a block; with fewer, too many noise words would equal the outside words

_PARTITION_KEY = 2  # keeps these random draws apart from those of pairs and noise words


class Partition(NamedTuple):
    """The vocabulary cut into P blocks."""

    block_of: NDArray[np.uint16]  # (V,): the block of each word
    slot_of: NDArray[np.int32]  # (V,): the place of each word in `words` of its block
    words: list[NDArray[np.int32]]  # P arrays (n_b,): the words of each block, ascending


class Extent(NamedTuple):
    """The size of a corpus."""

    n_blocks: int  # token blocks
    pairs: int  # in a token block, before subsampling
    min_chunks: int = MIN_CHUNKS  # of an epoch


def extent_of(tokens: TokenStore, options: Options) -> Extent:
    """Return the size of a corpus; a window holds no more words than the longest sentence has others."""
    extent = text_extent(tokens.n_blocks, tokens.longest, options)
    return extent if tokens.pairs is None else extent._replace(pairs=BLOCK_PAIRS)


def text_extent(n_blocks: int, longest: int, options: Options) -> Extent:
    """Return the size of a text of `n_blocks` token blocks, with at most `longest` words in a sentence."""
    pairs = BLOCK_WORDS * min(pairs_of_word(options), max(1, longest - 1))
    return Extent(n_blocks, pairs, MIN_PATH_CHUNKS if options.has_nodes else MIN_CHUNKS)


def count_row_blocks(V: int, extent: Extent, options: Options) -> int:
    """Return P, the number of blocks for V words and a corpus of this size."""
    longest = max(1, extent.n_blocks // extent.min_chunks) * extent.pairs
    return max(1, min(options.blocks, V // MIN_BLOCK_WORDS, math.isqrt(longest // MIN_BUCKET_PAIRS)))


def chunk_size(extent: Extent, P: int) -> int:
    """Return the most token blocks in a chunk, for a corpus of this size and P blocks of words."""
    return max(1, min(BUCKET_PAIRS * P**2 // extent.pairs, extent.n_blocks // extent.min_chunks, MAX_CHUNK))


def pairs_of_word(options: Options) -> int:
    """Return the number of pairs in a window, on average, away from the ends of a sentence."""
    return options.window + 1 if options.shrink_windows else 2 * options.window


def cut_chunks(n_blocks: int, size: int, epoch: int) -> list[NDArray[np.intp]]:
    """Return the token blocks of each chunk of an epoch, in training order.

    A chunk holds at most `size` token blocks, and at most as many as were trained on before it in all epochs (the first
    one block). It takes them from all over the corpus, with a stride.
    """
    stride = max(1, -(-n_blocks // size))
    order = np.argsort(np.arange(n_blocks) % stride, kind="stable")
    return np.split(order, chunk_ends(n_blocks, size, epoch)[:-1])


def chunk_ends(n_blocks: int, size: int, epoch: int) -> list[int]:
    """Return how many token blocks of an epoch are trained once each of its chunks is."""
    ends = [min(n_blocks, size, max(1, epoch * n_blocks))]
    while ends[-1] < n_blocks:
        ends.append(min(n_blocks, ends[-1] + min(size, epoch * n_blocks + ends[-1])))
    return ends


class Words(NamedTuple):
    """What the partitions of a vocabulary depend on."""

    counts: NDArray[Any]  # (V,): how often each is an outside word
    loads: NDArray[np.float64]  # (V,): how many of each word survive subsampling in an epoch, on average
    ns_exponent: float


def words_of(counts: NDArray[np.int64], options: Options) -> Words:
    """Return the vocabulary with these counts, as `draw_partition` needs it."""
    loads = counts * (sampling.keep_thresholds(counts, options.sample) / 2**32)
    return Words(counts, loads, options.ns_exponent)


def draw_partition(words: Words, P: int, seed: int, epoch: int, chunk: int) -> Partition:
    """Return the partition of the vocabulary for one chunk: P blocks of about the same load, at random.

    In the first chunk of a run, which is a single token block, all words are in block 0 and the other blocks are empty:
    while the outside vectors are near zero, noise words must come from the whole vocabulary. One worker trains it.
    """
    if epoch == chunk == 0:
        return one_block(words, P)
    block_of = _assign(words.loads, P, np.random.default_rng((seed, epoch, chunk, _PARTITION_KEY)))
    return _with_places(block_of, P)


def _assign(loads: NDArray[np.float64], P: int, rng: np.random.Generator) -> NDArray[np.uint16]:
    """Put the words in random order and cut it into P blocks of about the same weight; return the block of each word.

    Half of the weight is load and half is the number of words. No word has more load than a quarter of a block, so that
    a block with a very frequent word has enough other words for noise.
    """
    order = rng.permutation(len(loads))
    share = loads / max(1.0, float(np.cumsum(loads)[-1]))
    weights = np.minimum(share, 1 / (4 * P))[order] + 1 / len(loads)
    ends = np.cumsum(weights)
    block_of = np.empty(len(loads), np.uint16)
    block_of[order] = np.minimum((ends - weights / 2) * (P / ends[-1]), P - 1)
    return block_of


def noise_table(words: Words, partition: Partition, block: int) -> NDArray[np.uint64]:
    """Return the table (n_b,) that noise words are drawn from, as places in the words of `block`."""
    return sampling.alias_table(words.counts[partition.words[block]], words.ns_exponent)


def one_block(words: Words, P: int) -> Partition:
    """Return the partition with all words in block 0 of P."""
    return _with_places(np.zeros(len(words.counts), np.uint16), P)


def consecutive_blocks(V: int, P: int) -> Partition:
    """Return the partition of V words into P blocks that follow each other, of about the same size."""
    return _with_places((np.arange(V) * P // V).astype(np.uint16), P)


def _with_places(block_of: NDArray[np.uint16], P: int) -> Partition:
    sizes = np.bincount(block_of, minlength=P)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    order = np.argsort(block_of, kind="stable")
    slot_of = np.empty(len(block_of), np.int32)
    slot_of[order] = np.arange(len(block_of)) - np.repeat(starts, sizes)
    return Partition(block_of, slot_of, np.split(order.astype(np.int32), starts[1:]))
