"""Frozen rows: rows of the center matrix that steps read, and that keep every bit (Numba).

A step writes to the addresses that it reads from. Where a row is frozen, a step of pairs is given the address of a copy
(`copy_frozen`), and a step of a context leaves the address out (`drop_frozen`). All other rows change as if the frozen
ones changed too. Without frozen rows the mask is empty, and the kernels only check its length.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from firth.compiling.kernel import address, helper

Frozen: TypeAlias = NDArray[np.bool_]
NONE_FROZEN: Frozen = np.zeros(0, np.bool_)


@helper()
def copy_frozen(rows, n, center, frozen, copies, row_bytes):
    """Replace the addresses of frozen rows among the first n of `rows` by those of copies, in the rows of `copies`."""
    for i in range(n):
        row = (rows[i] - address(center)) // row_bytes
        if 0 <= row < len(frozen) and frozen[row]:  # the row of zeros, which fills up pairs, lies elsewhere
            for d in range(center.shape[1]):
                copies[i, d] = center[row, d]
            rows[i] = address(copies) + i * row_bytes


@helper()
def drop_frozen(rows, n, center, frozen, row_bytes):
    """Move the addresses that are not of frozen rows to the beginning of the first n of `rows`; return their number."""
    kept = np.int64(0)
    for i in range(n):
        rows[kept] = rows[i]
        kept += not frozen[(rows[i] - address(center)) // row_bytes]
    return kept


@contextmanager
def unchanged(center: NDArray[Any], frozen: Frozen, rows: NDArray[np.int32]) -> Iterator[None]:
    """Undo changes of the frozen rows among `rows`: what `copy_frozen` and `drop_frozen` do, for the references."""
    chosen = rows[frozen[rows]] if len(frozen) else rows[:0]
    before = center[chosen]
    yield
    center[chosen] = before
