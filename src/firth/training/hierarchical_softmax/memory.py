"""Estimates the memory of hierarchical softmax before training starts: the largest growth of resident memory."""

import numpy as np
from numpy.typing import NDArray

from firth.compiling.kernel import compiler_memory
from firth.options import Options
from firth.text import BLOCK_WORDS, Corpus
from firth.training.expected_pairs import ExpectedPairs
from firth.training.negative_sampling.partition import chunk_size, count_row_blocks, extent_of
from firth.training.windows import layout

_MIB = 2**20
_COMPILED = 40 * _MIB  # what compiling the kernels takes
_CHUNKS = 1.25  # chunks of pairs in memory: while one is trained on, the next is started
_LISTED_BYTES, _COUNTED_BYTES = 8, 9  # per pair: center and segment, and a weight where pairs are counted
_COUNTED_LEVELS = 2  # whose pairs are counted; at worst every pair is counted once
_ENTRY_BYTES = 8 + 4 + 2 * 4  # per word of the text of a chunk: the word, its window, and its positions
_BLOCKS_BYTES = 16 + 6 * 4 + 2 * (10 + 3 * 14) + 60  # per word: its load, its segments, two partitions, scratch space
_SEGMENT_BYTES = 8 + 4  # per segment: where it begins, and its piece
_SCRATCH_BYTES = 12 + 8  # per pair of a center block, while its classes are counted
_WORD_BYTES = 4 + 8  # per word: its threshold, and where its path begins
_MERGING_BYTES = 2 * (8 + 4 + 1)  # per word, while the tree is made: weight, parent and code of two nodes
_NODE_BYTES = 4 + 1  # per node of a path: the node and the code


def memory_needed(corpus: Corpus, options: Options, workers: int) -> dict[str, int]:
    """Return the name and the bytes of each part that training with these options will allocate."""
    V, row = len(corpus.vocabulary), layout.STRIP_BYTES * layout.strips(options.vector_size)
    tree = V * _WORD_BYTES + round(_NODE_BYTES * path_nodes(corpus.vocabulary.counts))
    scratch = BLOCK_WORDS * (5 * 4 + 8) + 4 * options.window * row
    parts = {
        "compiled kernels": compiler_memory() + _COMPILED,
        f"2 matrices of {V:,} x {options.vector_size} floats": 2 * V * row,
        "tree": tree + V * _MERGING_BYTES,
        f"scratch of {workers} workers": workers * scratch,
    }
    return parts if options.schedule == "hogwild" else parts | _chunks(corpus, options, workers, tree)


def _chunks(corpus: Corpus, options: Options, workers: int, tree: int) -> dict[str, int]:
    """Return what the block schedule needs in addition; `tree` is the size of the tree, which segments repeat."""
    V = len(corpus.vocabulary)
    extent = extent_of(corpus.tokens, options)
    P = count_row_blocks(V, extent, options)
    pairs = ExpectedPairs(corpus, options, shrunken=options.shrink_windows)
    chunk = pairs.of_blocks(chunk_size(extent, P))
    words = chunk * BLOCK_WORDS / extent.pairs
    pair_bytes = _LISTED_BYTES + (_COUNTED_LEVELS * _COUNTED_BYTES if P > 1 else 0)
    return {
        "pairs": round(pair_bytes * min(_CHUNKS * chunk, pairs.total)),
        "text of a chunk": round(_ENTRY_BYTES * words),
        "segments of paths": 2 * tree + V * (_BLOCKS_BYTES + 2 * _SEGMENT_BYTES),
        f"buckets of {workers} workers": round(min(workers, P) * (_SCRATCH_BYTES * chunk / P + 3 * 4 * words / P)),
    }


def path_nodes(counts: NDArray[np.int64]) -> float:
    """Return the approximate number of nodes on the paths of all words: a path has about -log2 P(w) nodes."""
    return float((np.log2(counts.sum() / np.maximum(counts, 1)) + 0.5).sum())
