"""Estimates the memory of hierarchical softmax before training starts: the largest growth of resident memory."""

import numpy as np
from numpy.typing import NDArray

from firth.compiling.kernel import compiler_memory
from firth.options import Options
from firth.text import BLOCK_WORDS, Corpus
from firth.training.windows import layout

_MIB = 2**20
_COMPILED = 40 * _MIB  # what compiling the kernels takes
_WORD_BYTES = 4 + 8  # per word: its threshold, and where its path begins
_MERGING_BYTES = 2 * (8 + 4 + 1)  # per word, while the tree is made: weight, parent and code of two nodes
_NODE_BYTES = 4 + 1  # per node of a path: the node and the code


def memory_needed(corpus: Corpus, options: Options, workers: int) -> dict[str, int]:
    """Return the name and the bytes of each part that training with these options will allocate."""
    V, row = len(corpus.vocabulary), layout.STRIP_BYTES * layout.strips(options.vector_size)
    tree = V * _WORD_BYTES + round(_NODE_BYTES * path_nodes(corpus.vocabulary.counts))
    scratch = BLOCK_WORDS * (5 * 4 + 8) + 4 * options.window * row
    return {
        "compiled kernels": compiler_memory() + _COMPILED,
        f"2 matrices of {V:,} x {options.vector_size} floats": 2 * V * row,
        "tree": tree + V * _MERGING_BYTES,
        f"scratch of {workers} workers": workers * scratch,
    }


def path_nodes(counts: NDArray[np.int64]) -> float:
    """Return the approximate number of nodes on the paths of all words: a path has about -log2 P(w) nodes."""
    return float((np.log2(counts.sum() / counts) + 0.5).sum())
