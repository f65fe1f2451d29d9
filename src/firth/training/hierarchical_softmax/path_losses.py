"""The kernel that sums the losses of counted pairs (Numba)."""

import math

import numpy as np

from firth.compiling.kernel import helper, kernel

_FAST: set[str] = {"reassoc", "contract", "nsz"}  # allows vector sums; keeps NaN and infinity


@helper(fastmath=_FAST)
def dot_product(a, b):
    """Return the scalar product of two rows."""
    total = np.float32(0)
    for d in range(len(a)):
        total += a[d] * b[d]
    return total


@kernel()
def add_path_losses(center, nodes, centers, rows, tree, losses):
    """Add to losses[i] the losses (31) of the pairs of centers[i], each times its count.

    center: (V, D) float32; nodes: (V - 1, D) float32; centers: (B,) int64; rows: their `CountRows`; tree:
    `HuffmanTree`; losses: (B,) float64, changed in place.
    """
    for i in range(len(centers)):
        v = center[centers[i]]
        for k in range(rows.start[i], rows.stop[i]):
            o, loss = rows.columns[k], 0.0
            for entry in range(tree.offsets[o], tree.offsets[o + 1]):
                z = np.float64(dot_product(v, nodes[tree.points[entry]]))
                z = z if tree.codes[entry] else -z
                loss += max(z, 0.0) + math.log1p(math.exp(-abs(z)))  # softplus: -log sigma(-z)
            losses[i] += rows.values[k] * loss
