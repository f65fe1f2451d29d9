"""An array to which rows are appended."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


class GrowingArray:
    """An array of V rows, `rows`, with spare rows after it, so that appending rows one by one takes linear time.

    The array given is used without a copy until the first `append`. A copy or a pickle has no spare rows.
    """

    rows: NDArray[Any]

    def __init__(self, rows: NDArray[Any]):
        self.replace(rows)

    def __getstate__(self) -> dict[str, NDArray[Any]]:
        return {"rows": self.rows, "_allocated": self.rows}

    def replace(self, rows: NDArray[Any]) -> None:
        """Hold these rows instead."""
        self.rows = self._allocated = rows

    def reserve(self, n: int) -> None:
        """Allocate room for n more rows, or for V / 2 if that is more."""
        V = len(self.rows)
        if len(self._allocated) < V + n:
            self._allocated = np.empty((V + max(n, V // 2), *self.rows.shape[1:]), self.rows.dtype)
            self._allocated[:V] = self.rows

    def append(self, more: NDArray[Any]) -> None:
        """Append an array of rows."""
        self.reserve(len(more))
        V = len(self.rows) + len(more)
        self._allocated[len(self.rows) : V] = more
        self.rows = self._allocated[:V]
