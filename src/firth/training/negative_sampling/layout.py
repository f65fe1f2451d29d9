"""The memory layout of rows and tiles that the vector code of `simd` requires."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.options import Options
from firth.training.negative_sampling.simd import LANES, STRIP_BYTES, TILE


@lru_cache(maxsize=64)
def tiles(negative: int) -> tuple[int, int]:
    """Return (output rows in a tile, tiles) for 1 + K output rows: the fewest tiles, as even as they can be.

    Raises `OptionError` for a K out of range.
    """
    negative = Options(negative=negative).negative
    n_tiles = -(-(1 + negative) // TILE)
    return -(-(1 + negative) // n_tiles), n_tiles


@lru_cache(maxsize=64)
def strips(vector_size: int) -> int:
    """Return the number of 16-float strips in a row of D floats; raise `OptionError` for a D out of range."""
    return -(-Options(vector_size=vector_size).vector_size // LANES)


def aligned_zeros(shape: tuple[int, ...], dtype: Any = np.float32) -> NDArray[Any]:
    """Return zeros whose first byte is on a strip boundary, as the kernels require."""
    n_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(n_bytes + STRIP_BYTES, np.uint8)
    offset = -raw.ctypes.data % STRIP_BYTES
    aligned: NDArray[Any] = raw[offset : offset + n_bytes].view(dtype).reshape(shape)
    return aligned
