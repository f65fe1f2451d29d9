"""Half precision made single: NumPy multiplies no halves at speed, and converts them one by one."""

from typing import Any

import numpy as np

from firth.vectors.items import Vector

_INFINITE = 0x7C00  # the exponent of infinities and NaNs, all ones; bits below it are finite numbers


def widened(rows: Vector, dtype: np.dtype[Any]) -> Vector:
    """Return rows in `dtype`, themselves if they are in it already.

    A half has 1 bit of sign, 5 of exponent with bias 15 and 10 of fraction, a single 1, 8 with bias 127 and 23. So the
    bits below the sign, 13 places up, are those of a single 2^(127 - 15) times too small, subnormal numbers too; only
    infinities and NaNs are not. In whole arrays that takes a third of the time of `astype`, and gives the same bits.
    """
    if rows.dtype != np.float16 or dtype != np.float32:
        return rows.astype(dtype, copy=False)
    bits = np.ascontiguousarray(rows).view(np.uint16).astype(np.uint32)
    sign = bits & np.uint32(0x8000)
    sign <<= np.uint32(16)
    bits &= np.uint32(0x7FFF)
    if bits.max(initial=0) >= _INFINITE:
        return rows.astype(dtype)
    bits <<= np.uint32(13)
    numbers = bits.view(np.float32)
    numbers *= np.float32(2.0**112)
    bits |= sign
    return numbers
