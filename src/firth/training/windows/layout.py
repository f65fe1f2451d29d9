"""The memory layout of rows and tiles that the vector code of `simd` requires, and the tables that it reads."""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.compiling.kernel import Intrinsic
from firth.options import Options

LANES = 16  # floats in a strip; the rows of a matrix are padded to whole strips
STRIP_BYTES = 4 * LANES
TILE = 8  # most output rows in a tile: with two input rows their scores fill one strip

score_tile = Intrinsic("firth.training.windows.simd", "score_tile")
update_tile = Intrinsic("firth.training.windows.simd", "update_tile")
sum_rows = Intrinsic("firth.training.windows.simd", "sum_rows")
add_to_rows = Intrinsic("firth.training.windows.simd", "add_to_rows")


@lru_cache(maxsize=64)
def tiles(negative: int) -> tuple[int, int]:
    """Return the `even_tiles` of 1 + K output rows; raise `OptionError` for a K out of range."""
    return even_tiles(1 + Options(negative=negative).negative)


def even_tiles(n_outputs: int) -> tuple[int, int]:
    """Return (output rows in a tile, tiles) for `n_outputs` rows: the fewest tiles, as even as they can be."""
    n_tiles = -(-n_outputs // TILE)
    return -(-n_outputs // n_tiles), n_tiles


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


class Step(NamedTuple):
    """What all tiles of a step share."""

    inputs: Any  # address of a table of 2 * pairs row addresses, int64: the rows of X
    pairs: Any  # int: pairs of input rows, at least 1
    strips: Any  # int: strips in a row
    row_weights: Any  # address of (pairs, 16) float32: how often each input counts, in the 8 lanes of its half
    rate: Any  # float32: learning rate eta
    loss: Any  # address of (16,) float64, to which the loss is added


class Rows(NamedTuple):
    """Tables of row addresses that an update reads and writes, each of 2 * pairs addresses.

    Over several tiles, x_i and its changes are summed in other rows: read from `before`, written to `after`.
    """

    inputs: Any  # the rows x_i as they were before the step
    before: Any
    after: Any
    pairs: Any  # as in `Step`
    strips: Any
