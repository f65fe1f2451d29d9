"""An array to which rows are appended."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


class GrowingArray:
    """An array of V rows, `rows`, with spare room after it, so that appending rows one by one takes linear time.

    The array given is used as it is; the first `append` copies it. A copy or a pickle has no spare room.
    """

    def __init__(self, rows: NDArray[Any]):
        self.replace(rows)

    def __getstate__(self) -> dict[str, NDArray[Any]]:
        return {"rows": self.rows, "_room": self.rows}

    def replace(self, rows: NDArray[Any]) -> None:
        """Hold other rows."""
        self.rows = self._room = rows

    def reserve(self, n: int) -> None:
        """Make room for n more rows: for half as many as there are, or for n if that is more."""
        V = len(self.rows)
        if len(self._room) < V + n:
            self._room = np.empty((V + max(n, V // 2), *self.rows.shape[1:]), self.rows.dtype)
            self._room[:V] = self.rows

    def append(self, more: NDArray[Any]) -> None:
        """Append an array of rows."""
        self.reserve(len(more))
        V = len(self.rows) + len(more)
        self._room[len(self.rows) : V] = more
        self.rows = self._room[:V]
