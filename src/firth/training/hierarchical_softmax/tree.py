"""The Huffman tree of a vocabulary, fast enough for millions of words (Numba).

The same as `firth.objectives.huffman_tree`, which explains it, with the same arrays: Result 28 of docs/derivation.md.
"""

import numpy as np
from numpy.typing import NDArray

from firth.compiling.kernel import kernel
from firth.errors import CorpusError
from firth.messages import counted, option
from firth.objectives import HuffmanTree


def make_tree(counts: NDArray[np.int64]) -> HuffmanTree:
    """Return the Huffman tree of V words with these counts, (V,) int64 in descending order; 0 for added words.

    Raises `CorpusError` for fewer than two words.
    """
    V = len(counts)
    if V < 2:
        raise CorpusError(
            f"the vocabulary has {counted(V, 'word')}, and hierarchical softmax needs two or more to decide between: "
            f"give a longer text, or a smaller {option('min_count')}"
        )
    weights = np.concatenate([counts, np.zeros(V - 1, np.int64)])
    parents, codes = np.zeros(2 * V - 1, np.int32), np.zeros(2 * V - 1, np.int8)
    offsets = np.zeros(V + 1, np.int64)
    merge_rarest(weights, parents, codes, offsets)
    tree = HuffmanTree(offsets, np.empty(offsets[-1], np.int8), np.empty(offsets[-1], np.int32))
    write_paths(parents, codes, tree)
    return tree


@kernel()
def merge_rarest(weights, parents, codes, offsets):
    """Make the tree of a vocabulary: give every node but the root its parent, and its code there.

    weights         (2 V - 1,) int64: of the V words in descending order, then zeros, which become those of inner nodes
    parents, codes  (2 V - 1,) int32, int8: overwritten
    offsets         (V + 1,) int64: overwritten with those of a `HuffmanTree`
    """
    V = (len(weights) + 1) // 2
    word, inner = V - 1, V
    for new in range(V, 2 * V - 1):
        for code in range(2):
            if word >= 0 and (inner == new or weights[word] < weights[inner]):
                child = word
                word -= 1
            else:
                child = inner
                inner += 1
            parents[child], codes[child] = new, code
            weights[new] += weights[child]
    offsets[0] = 0
    for word in range(V):
        length, node = 0, np.int64(word)
        while node != 2 * V - 2:  # the root
            node = np.int64(parents[node])
            length += 1
        offsets[word + 1] = offsets[word] + length


@kernel()
def write_paths(parents, codes, tree):
    """Write the codes and points of a `HuffmanTree` whose offsets are set."""
    V = len(tree.offsets) - 1
    for word in range(V):
        node = np.int64(word)
        for entry in range(tree.offsets[word + 1] - 1, tree.offsets[word] - 1, -1):
            tree.codes[entry], tree.points[entry] = codes[node], parents[node] - V
            node = np.int64(parents[node])
