"""Random matrices in the layout of the kernels."""

import numpy as np

from firth.training.windows import layout, simd


def random_rows(rng, n, D):
    """Return n aligned rows, padded with zeros to whole strips."""
    matrix = layout.aligned_zeros((n, simd.LANES * layout.strips(D)))
    matrix[:, :D] = rng.normal(0, 1 / np.sqrt(D), (n, D))
    return matrix
