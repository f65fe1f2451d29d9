"""Exchange: arrays that members of a cluster send to each other, under keys that both sides know.

A key is a tuple of names and numbers; the sender's number is a part of it where several members send. An array is sent
once under a key and taken once. Arrays of the lane ROWS are large: while a member holds too many arrays that have not
been taken, further arrays must wait, except those that are needed next (`awaited`). Senders then wait, so memory is
bounded.
"""

import math
import mmap
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from firth.training.windows.layout import aligned_zeros

Array: TypeAlias = NDArray[Any]
Key: TypeAlias = tuple[str | int, ...]

_PAGED_BYTES = 2**22  # arrays of this size and more have pages of their own

ROWS, PAIRS = "rows", "pairs"  # lanes: arrays of one lane arrive in the order in which they were sent


def page_zeros(shape: tuple[int, ...], dtype: Any = np.float32) -> Array:
    """Return zeros on pages of their own, which the system gets back as soon as the array is freed.

    The allocator would keep much of the memory of blocks that come and go. Small arrays are left to it.
    """
    n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
    if n_bytes < _PAGED_BYTES:
        return aligned_zeros(shape, dtype)
    pages = mmap.mmap(-1, n_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    pages.madvise(mmap.MADV_HUGEPAGE)  # ten times faster at first access
    return np.frombuffer(pages, dtype).reshape(shape)


def release(array: Array) -> None:
    """Give the pages of a part of a `page_zeros` array back to the system; their contents are lost.

    Pages that hold other parts too stay as they are, and so do small arrays.
    """
    whole: Any = array
    while isinstance(whole.base, np.ndarray):
        whole = whole.base
    pages = getattr(whole.base, "obj", None)
    if isinstance(pages, mmap.mmap):
        first = array.ctypes.data - whole.ctypes.data
        start, stop = -(-first // mmap.PAGESIZE), (first + array.nbytes) // mmap.PAGESIZE
        if stop > start:
            pages.madvise(mmap.MADV_DONTNEED, start * mmap.PAGESIZE, (stop - start) * mmap.PAGESIZE)


class Mailbox:
    """Arrays that have arrived and have not been taken; any number of threads put and take."""

    def __init__(self, most_bytes: int):
        self.changed = threading.Condition()  # notified when an array arrives, and on a failure
        self.peak_bytes = 0
        self._most_bytes, self._bytes = most_bytes, 0
        self._arrays: dict[Key, tuple[Array, bool]] = {}
        self._awaited: set[Key] = set()
        self._failure: BaseException | None = None

    def admit(self, key: Key, n_bytes: int) -> None:
        """Wait until there is room for an array of the lane ROWS; raise the failure of `fail`, if there is one."""
        with self.changed:
            while self._bytes + n_bytes > self._most_bytes and key not in self._awaited:
                self.check()
                self.changed.wait()
            self.check()
            self._bytes += n_bytes
            self.peak_bytes = max(self.peak_bytes, self._bytes)

    def put(self, key: Key, array: Array, *, admitted: bool = False) -> None:
        """Add an array; `admitted` if it was counted by `admit`."""
        with self.changed:
            assert key not in self._arrays, key
            self._arrays[key] = array, admitted
            self.changed.notify_all()

    def take(self, key: Key) -> Array:
        """Wait for an array and remove it; raise the failure of `fail`, if there is one."""
        with self.changed:
            self.await_(key)
            while key not in self._arrays:
                self.check()
                self.changed.wait()
            return self.remove(key)

    def await_(self, key: Key) -> None:
        """Admit the array under `key` even if there is no room; call it with `changed` locked."""
        if key not in self._awaited:
            self._awaited.add(key)
            self.changed.notify_all()

    def has(self, key: Key) -> bool:
        """Return whether an array has arrived; call it with `changed` locked."""
        return key in self._arrays

    def remove(self, key: Key) -> Array:
        """Remove an array that has arrived; call it with `changed` locked."""
        array, admitted = self._arrays.pop(key)
        self._awaited.discard(key)
        self._bytes -= array.nbytes if admitted else 0
        self.changed.notify_all()
        return array

    def fail(self, error: BaseException) -> None:
        """Make everything that waits raise an error, now and later; the first error counts."""
        with self.changed:
            self._failure = self._failure or error
            self.changed.notify_all()

    def check(self) -> None:
        """Raise the error of `fail`, if there is one."""
        if self._failure is not None:
            raise self._failure


class Exchange(ABC):
    """One member's side of the exchange; `sent_bytes` counts what it sent to others, by lane.

    number, members  the number of this member, and how many there are
    """

    def __init__(self, number: int, members: int, most_bytes: int = 2**62):
        self.number, self.members = number, members
        self.mailbox = Mailbox(most_bytes)
        self.sent_bytes: Counter[str] = Counter()

    def send(self, member: int, key: Key, array: Array, lane: str = PAIRS) -> None:
        """Send an array and return at once; the sender must not change it afterwards."""
        if member == self.number:
            self.mailbox.put(key, array)
            return
        self.sent_bytes[lane] += array.nbytes
        self._send_away(member, key, array, lane)

    def take(self, key: Key) -> Array:
        """Wait for an array that this member receives under a key."""
        return self.mailbox.take(key)

    def fail(self, error: BaseException) -> None:
        """Make everything that waits raise an error."""
        self.mailbox.fail(error)

    def unsent(self, lane: str) -> int:
        """Return how many arrays of a lane wait to be sent; `mailbox.changed` is notified as they leave."""
        return 0

    def flush(self, lane: str) -> None:
        """Wait until all arrays of a lane are sent."""
        with self.mailbox.changed:
            while self.unsent(lane):
                self.mailbox.check()
                self.mailbox.changed.wait()

    @abstractmethod
    def _send_away(self, member: int, key: Key, array: Array, lane: str) -> None: ...

    @abstractmethod
    def close(self) -> None:
        """Free everything; a second call does nothing."""


class LocalExchange(Exchange):
    """The exchange of members that are threads of one process; arrays are passed as they are."""

    def __init__(self, number: int, members: int):
        super().__init__(number, members)
        self._others: Sequence[LocalExchange] = ()

    @classmethod
    def of(cls, members: int) -> "list[LocalExchange]":
        """Return the exchanges of as many members, connected."""
        exchanges = [cls(number, members) for number in range(members)]
        for each in exchanges:
            each._others = exchanges
        return exchanges

    def _send_away(self, member: int, key: Key, array: Array, lane: str) -> None:
        self._others[member].mailbox.put(key, array)

    def close(self) -> None:
        self._others = ()
