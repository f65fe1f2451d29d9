"""The tasks of the Hogwild schedule: each trains on one block of tokens."""

import threading
from typing import NamedTuple


class TokenBlockTask(NamedTuple):
    """Train on one block of tokens."""

    epoch: int
    block: int
    progress: float


class TokenBlockQueue:
    """The token blocks of an epoch in order, from the first that is not done."""

    def __init__(self, epoch: int, first: int, n_blocks: int, paused: threading.Event):
        self._epoch, self._next, self._n, self._paused = epoch, first, n_blocks, paused
        self._lock = threading.Lock()

    def take(self) -> TokenBlockTask | None:
        with self._lock:
            if self._next == self._n or self._paused.is_set():
                return None
            self._next += 1
            return TokenBlockTask(self._epoch, self._next - 1, (self._next - 1) / self._n)

    def done(self) -> list[int]:
        return [self._next]
