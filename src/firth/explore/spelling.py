"""Words by spelling: those that begin with a text, and those that differ from it by one edit.

All words lie in one array of bytes, in lower case, and a comparison looks at the same position of all words at once:
for three million words that takes milliseconds, and a sorted copy is not needed. If the words are in lower case
already, the array is theirs. Results are in the order of rows, which is that of frequency.
"""

import numpy as np
from numpy.typing import NDArray

from firth.packed_words import PackedWords

_LONGEST_CHARACTER = 4  # bytes in UTF-8
_MOST_CHECKED = 20_000  # candidates whose characters are compared; more than any vocabulary has for a word

Rows = NDArray[np.intp]


class Spellings:
    """Searches the spellings of V words."""

    def __init__(self, words: PackedWords):
        folded = words if _is_folded(words) else PackedWords.of(_folded(word).decode() for word in words)
        self._ends, self._bytes = folded.ends, np.frombuffer(folded.text, np.uint8)
        self._lengths = np.diff(folded.ends, prepend=folded.ends.dtype.type(0)).astype(np.int32)

    def beginning_with(self, text: str, limit: int) -> list[int]:
        """Return the first `limit` rows whose words begin with `text`, in any case."""
        wanted = _folded(text)
        rows = np.flatnonzero(self._lengths >= len(wanted))
        for place, byte in enumerate(wanted):
            rows = rows[self._bytes[self._starts(rows) + place] == byte]
        found: list[int] = rows[:limit].tolist()
        return found

    def near(self, text: str, limit: int) -> list[int]:
        """Return the first `limit` rows whose words become `text` by one edit, in any case, without the word itself.

        An edit adds, removes or replaces a character, or swaps two that are side by side (Damerau 1964).
        """
        wanted = _folded(text)
        rows = np.flatnonzero(np.abs(self._lengths - len(wanted)) <= _LONGEST_CHARACTER)
        prefix, suffix = self._shared(rows, wanted, from_end=False), self._shared(rows, wanted, from_end=True)
        differing = np.maximum(self._lengths[rows], len(wanted)) - prefix - suffix
        candidates = rows[differing <= 2 * _LONGEST_CHARACTER][:_MOST_CHECKED]
        target = wanted.decode("utf-8", "replace")
        found: list[int] = []
        for row in candidates.tolist():
            if len(found) == limit:
                break
            if _is_one_edit(self._word(row), target):
                found.append(row)
        return found

    def _word(self, row: int) -> str:
        end = int(self._ends[row])
        return self._bytes[end - self._lengths[row] : end].tobytes().decode()

    def _starts(self, rows: Rows) -> NDArray[np.int64]:
        return self._ends[rows].astype(np.int64) - self._lengths[rows]

    def _shared(self, rows: Rows, wanted: bytes, *, from_end: bool) -> NDArray[np.int64]:
        """Return how many bytes at the start or the end of each word are those of `wanted`."""
        shared = np.zeros(len(rows), np.int64)
        alike = np.arange(len(rows))
        first = self._starts(rows) + (self._lengths[rows] - 1 if from_end else 0)
        for place, byte in enumerate(reversed(wanted) if from_end else wanted):
            alike = alike[self._lengths[rows[alike]] > place]
            alike = alike[self._bytes[first[alike] + (-place if from_end else place)] == byte]
            shared[alike] += 1
        return shared


def _is_folded(words: PackedWords) -> bool:
    """Return whether words are in lower case and valid UTF-8 already, as those of most texts are."""
    try:
        text = words.text.decode()
    except UnicodeDecodeError:
        return False
    return text == text.lower()


def _folded(text: str) -> bytes:
    return text.lower().encode("utf-8", "replace")


def _is_one_edit(word: str, target: str) -> bool:
    """Return whether one edit turns `word` into `target`."""
    if abs(len(word) - len(target)) > 1 or word == target:
        return False
    start = 0
    while start < min(len(word), len(target)) and word[start] == target[start]:
        start += 1
    rest, wanted = word[start:], target[start:]
    swapped = rest[:2] == wanted[1::-1] and rest[2:] == wanted[2:]
    return rest[1:] == wanted[1:] or rest[1:] == wanted or rest == wanted[1:] or swapped
